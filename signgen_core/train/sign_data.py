"""Signs cut out of corpora: points of all clips in a cache that is mapped into memory, and where each sign stands with what its plan says of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..action import read_plan
from ..errors import FileFormatError, InputError, OutputError
from ..motion import read_arrays, write_bytes
from ..recognition.labels import FEATURES, NONE, features_of
from ..recognition.points import NAMES, NUM_POINTS, normalised
from .corpus import MANIFEST, SETTINGS

VERSION = 1
_INDEX, _POINTS = "signs.json", "points.raw"


@dataclass(frozen=True)
class SignSet:
    """Points (N, K, 3) float16 of all clips one after the other, normalised clip by clip, hands as they are; starts (C + 1,) of the clips, left (C,) where
    the signer is left-handed, parts (C,) "train" or "test". Of each sign: clip, start and end in seconds, gloss, and its first morpheme's features.
    """

    points: np.ndarray
    starts: np.ndarray
    left: np.ndarray
    parts: np.ndarray
    fps: float
    clip: np.ndarray
    times: np.ndarray
    gloss: np.ndarray
    features: dict[str, np.ndarray]
    held_out: frozenset[str]
    fingerprint: str

    def of(self, part: str) -> np.ndarray:
        """Numbers of the signs of a part."""
        return np.flatnonzero(self.parts[self.clip] == part)

    def motion(self, clip: int) -> np.ndarray:
        """(T, K, 3) of one clip."""
        found: np.ndarray = self.points[self.starts[clip] : self.starts[clip + 1]]
        return found


def load_signs(folders: Sequence[Path], cache: Path, *, progress: Callable[[float, str], None] | None = None) -> SignSet:
    """All signs of corpora of `train.corpus` with the same frame rate and the same signs held out, from the cache where it holds just these.

    Raises InputError for a folder that is no such corpus or where the corpora do not fit, FileFormatError for broken files, OutputError where the cache cannot
    be written.
    """
    cache = Path(cache)
    rows, said = [], []
    for folder in map(Path, folders):
        rows += [(folder, row) for row in _rows(folder)]
        said.append(json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
    if not rows:
        raise InputError("signs: no clips in " + ", ".join(map(str, folders)))
    for other in said[1:]:
        for key in ("fps", "held_out"):
            if other.get(key) != said[0].get(key):
                raise InputError(f"signs: the corpora differ in {key}")
    digest = hashlib.sha256(f"{VERSION} {NAMES} {said}".encode())
    for folder, row in rows:
        path = folder / row["file"]
        digest.update(f"{row['file']} {path.stat().st_size}\n".encode())
    fingerprint = digest.hexdigest()[:32]
    if not _cached(cache, fingerprint):
        _fill(rows, cache, {"fps": said[0].get("fps", 30.0), "held_out": said[0].get("held_out", []), "fingerprint": fingerprint}, progress)
    return _open(cache)


def _rows(folder: Path) -> list[dict[str, Any]]:
    if not (folder / SETTINGS).is_file() or not (folder / MANIFEST).is_file():
        raise InputError(f"{folder}: not a corpus of training clips")
    out = []
    for line in (folder / MANIFEST).read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # a line that a kill cut off
            continue
        if "file" in row and (folder / row["file"]).is_file():
            out.append(row)
    return sorted(out, key=lambda r: str(r["file"]))


def _fill(rows: list[tuple[Path, dict[str, Any]]], cache: Path, index: dict[str, Any], progress: Callable[[float, str], None] | None) -> None:
    clips: list[dict[str, Any]] = []
    signs: list[dict[str, Any]] = []
    began = time.monotonic()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / _INDEX).unlink(missing_ok=True)
        with (cache / _POINTS).open("wb") as file:
            for k, (folder, row) in enumerate(rows):
                path = folder / row["file"]
                arrays = read_arrays(path, ("joints", "segment_gloss", "segment_times"))
                plan = read_plan(path.with_suffix(".json"))
                if "joints" not in arrays or len(arrays.get("segment_gloss", ())) != len(plan.actions):
                    raise FileFormatError(f"{path}: joints or segments do not belong to the plan beside it")
                points = normalised(arrays["joints"]).astype("<f2")
                file.write(points.tobytes())
                for action, (start, end, _) in zip(plan.actions, arrays["segment_times"].tolist(), strict=True):
                    known = action.kind in ("lexical", "index")
                    gloss = action.gloss_id if known else NONE
                    features = features_of(action.phonology[0]) if known else {}
                    signs.append({"clip": k, "times": [start, end], "gloss": gloss, "features": features})
                clips.append({"frames": len(points), "part": row["part"], "left": plan.handedness == "left"})
                if progress and (k % 20 == 19 or k + 1 == len(rows)):
                    left = (time.monotonic() - began) / (k + 1) * (len(rows) - k - 1)
                    progress((k + 1) / len(rows), f"clip {k + 1} of {len(rows)}, {left:.0f} s left")
        write_bytes(cache / _INDEX, json.dumps({**index, "clips": clips, "signs": signs}).encode())
    except OSError as problem:
        raise OutputError(f"{cache}: cannot be written: {problem.strerror or problem}") from problem


def _cached(cache: Path, fingerprint: str) -> bool:
    try:
        found: bool = json.loads((cache / _INDEX).read_text(encoding="utf-8")).get("fingerprint") == fingerprint
    except (OSError, ValueError, AttributeError):  # none, or one that a kill cut off: it is made anew
        return False
    return found


def _open(cache: Path) -> SignSet:
    index = json.loads((cache / _INDEX).read_text(encoding="utf-8"))
    clips, signs = index["clips"], index["signs"]
    starts = np.concatenate([[0], np.cumsum([c["frames"] for c in clips])]).astype(np.int64)
    try:
        points = np.memmap(cache / _POINTS, dtype="<f2", mode="r", shape=(int(starts[-1]), NUM_POINTS, 3))
    except (OSError, ValueError) as problem:
        raise FileFormatError(f"{cache}: damaged cache of points ({problem}); remove it") from None
    return SignSet(
        points, starts, np.array([c["left"] for c in clips]), np.array([c["part"] for c in clips]), float(index["fps"]),
        np.array([s["clip"] for s in signs], dtype=np.int64), np.array([s["times"] for s in signs], dtype=np.float64).reshape(-1, 2),
        np.array([s["gloss"] for s in signs]), {f: np.array([s["features"].get(f, "") for s in signs]) for f in FEATURES},
        frozenset(index["held_out"]), index["fingerprint"],
    )  # fmt: skip
