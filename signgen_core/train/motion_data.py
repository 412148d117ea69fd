"""Motions for training: features of every clip of a folder, read once, kept in a cache that is mapped into memory.

A folder is a corpus of `train.corpus` (its manifest says which clips are for testing, made by other signers) or anything that `signgen_core.datasets` reads;
there a tenth of the clips, chosen by the hash of the name, is for testing, because those layouts do not say who signs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError, InputError, OutputError
from ..kinematics.resample import resample
from ..motion import Motion, read_npz, write_bytes
from ..tokens.features import STREAMS, WIDTHS, encode
from .corpus import MANIFEST, SETTINGS

VERSION = 1
TEST_SHARE = 0.1
INDEX_FILE = "index.json"


@dataclass(frozen=True)
class MotionSet:
    """Features of many clips, one after the other.

    features: stream -> (N, width) float32, at fps. valid: (N, 4) bool, whether the source saw that stream (in the order of STREAMS). starts: (C + 1,) first
    frame of each clip. rest: (S, 70, 3) metres, resting points of each shape of signer; shape: (C,) which. betas: (S, 10). names, parts ("train" or "test"):
    of the clips.
    """

    features: dict[str, np.ndarray]
    valid: np.ndarray
    starts: np.ndarray
    rest: np.ndarray
    betas: np.ndarray
    shape: np.ndarray
    names: tuple[str, ...]
    parts: tuple[str, ...]
    fps: float
    fingerprint: str

    def __len__(self) -> int:
        return len(self.names)

    def clips(self, part: str) -> np.ndarray:
        """Numbers of the clips of a part."""
        return np.flatnonzero(np.array(self.parts) == part)

    def clip(self, number: int) -> dict[str, np.ndarray]:
        """Features of one clip."""
        here = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return {s: np.array(v[here]) for s, v in self.features.items()}

    def length(self, number: int) -> int:
        return int(self.starts[number + 1] - self.starts[number])


def load_motions(data: Path, cache: Path, *, fps: float = 30.0, progress: Callable[[float, str], None] | None = None) -> MotionSet:
    """All clips of a folder, from the cache where it holds just these files.

    Clips of tracked points, which have no rotations, are left out. Raises InputError where nothing is left, FileFormatError for a broken file, OutputError
    where the cache cannot be written.
    """
    data, cache = Path(data), Path(cache)
    fingerprint = _fingerprint(data, fps)
    if not _cached(cache, fingerprint):
        _fill(data, cache, fps, fingerprint, progress)
    return _open(cache)


# -- reading ------------------------------------------------------------------------------------------------------------------------------


def _fingerprint(data: Path, fps: float) -> str:
    """Of names, sizes and times of all files, so that a cache is never older than its folder."""
    if not data.exists():
        raise InputError(f"{data}: no such file or folder")
    files = [data] if data.is_file() else sorted(p for p in data.rglob("*") if p.is_file() and not p.name.startswith("."))
    digest = hashlib.sha256(f"{VERSION} {fps} {sorted(WIDTHS.items())}".encode())
    for path in files:
        stat = path.stat()
        digest.update(f"{path.relative_to(data) if path != data else path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _source(data: Path) -> tuple[int, Iterator[tuple[str, str, Motion, dict[str, np.ndarray]]]]:
    """How many clips there are, and (name, part, motion, validity) of each."""
    if (data / SETTINGS).is_file() and (data / MANIFEST).is_file():
        rows = []
        for line in (data / MANIFEST).read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:  # a line that a kill cut off; its clip is made again when the corpus is gone on with
                continue
            if "file" in row:
                rows.append(row)
        if any(not isinstance(r.get("file"), str) or r.get("part") not in ("train", "test") for r in rows):
            raise FileFormatError(f"{data / MANIFEST}: not the manifest of a corpus")
        rows.sort(key=lambda r: r["file"])
        return len(rows), ((r["file"].removesuffix(".npz"), r["part"], read_npz(data / r["file"]), {}) for r in rows)
    from ..datasets import Clip, open_dataset

    dataset = open_dataset(data)

    def clips() -> Iterator[tuple[str, str, Motion, dict[str, np.ndarray]]]:
        for name in dataset.names:
            clip = dataset.load(name)
            if isinstance(clip, Clip):
                yield name, _part(name), clip.motion, dict(clip.valid)

    return len(dataset), clips()


def _part(name: str) -> str:
    return "test" if int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") < TEST_SHARE * 2**32 else "train"


def _fill(data: Path, cache: Path, fps: float, fingerprint: str, progress: Callable[[float, str], None] | None) -> None:
    from ..body.load import load_body

    body = load_body()
    total, source = _source(data)
    shapes: dict[bytes, int] = {}
    rest: list[np.ndarray] = []
    betas: list[np.ndarray] = []
    index: dict[str, Any] = {"fingerprint": fingerprint, "fps": fps, "names": [], "parts": [], "frames": [], "shape": []}
    began = time.monotonic()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / INDEX_FILE).unlink(missing_ok=True)
        files = {name: (cache / f"{name}.raw").open("wb") for name in (*STREAMS, "valid")}
        try:
            for k, (name, part, motion, seen) in enumerate(source, start=1):
                mask = np.stack([np.asarray(seen.get(s, np.ones(motion.num_frames, dtype=bool)), dtype=bool) for s in STREAMS], axis=1)
                even = resample(motion, fps)
                if even.num_frames != motion.num_frames:
                    mask = mask[np.minimum((np.arange(even.num_frames) * motion.fps / fps).round().astype(int), len(mask) - 1)]
                for stream, values in encode(even).items():
                    files[stream].write(np.ascontiguousarray(values, dtype="<f4").tobytes())
                files["valid"].write(np.ascontiguousarray(mask, dtype=np.uint8).tobytes())
                shape = np.zeros(10)
                shape[: min(10, len(even.betas))] = even.betas[:10]
                key = np.round(shape, 4).tobytes()
                if key not in shapes:
                    shapes[key] = len(rest)
                    rig = body.rig(shape)
                    rest.append(np.concatenate([rig.rest_joints, rig.extra_points]).astype(np.float32))
                    betas.append(shape)
                for field, value in (("names", name), ("parts", part), ("frames", even.num_frames), ("shape", shapes[key])):
                    index[field].append(value)
                if progress and (k % 20 == 0 or k == total):
                    left = (time.monotonic() - began) / k * (total - k)
                    progress(k / total, f"clip {k} of {total}, {left:.0f} s left")
        finally:
            for file in files.values():
                file.close()
        if not index["names"]:
            raise InputError(f"{data}: no clip with rotations of joints in it")
        np.save(cache / "rest.npy", np.stack(rest))
        np.save(cache / "betas.npy", np.stack(betas))
        write_bytes(cache / INDEX_FILE, json.dumps(index).encode())
    except OSError as problem:
        raise OutputError(f"{cache}: cannot be written: {problem.strerror or problem}") from problem


def _cached(cache: Path, fingerprint: str) -> bool:
    try:
        found: bool = json.loads((cache / INDEX_FILE).read_text(encoding="utf-8")).get("fingerprint") == fingerprint
    except (OSError, ValueError, AttributeError):  # none, or one that a kill cut off: it is made anew
        return False
    return found


def _open(cache: Path) -> MotionSet:
    index = json.loads((cache / INDEX_FILE).read_text(encoding="utf-8"))
    starts = np.concatenate([[0], np.cumsum(index["frames"])]).astype(np.int64)
    total = int(starts[-1])
    try:
        features = {s: np.memmap(cache / f"{s}.raw", dtype="<f4", mode="r", shape=(total, WIDTHS[s])) for s in STREAMS}
        valid = np.fromfile(cache / "valid.raw", dtype=np.uint8).reshape(total, len(STREAMS)).astype(bool)
        rest, betas = np.load(cache / "rest.npy", allow_pickle=False), np.load(cache / "betas.npy", allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise FileFormatError(f"{cache}: damaged cache of features ({problem}); remove it") from None
    shape = np.array(index["shape"], dtype=np.int64)
    return MotionSet(dict(features), valid, starts, rest, betas, shape, tuple(index["names"]), tuple(index["parts"]), index["fps"], index["fingerprint"])


