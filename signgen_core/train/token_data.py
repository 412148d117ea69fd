"""Tokens of every clip of a folder with the condition of every token: what the token language model learns from.

A clip's condition comes from the plan beside it (`<clip>.json`, as corpora of `train.corpus` have it). Clips without one teach what motion looks like, with
nothing said about it. Left-handed clips are mirrored, so that the model knows one dominant hand.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..action import ActionSequence, read_plan
from ..errors import FileFormatError, OutputError
from ..generation import condition_of
from ..motion import write_bytes
from ..phonology.encode import ENCODING_VERSION, NUM_VALUES, STATE, categories
from ..synthesis.generate import Synthesiser
from ..tokens.mirror import mirrored
from ..tokens.tokenizer import Tokenizer
from .corpus import SETTINGS
from .motion_data import MotionSet

Progress = Callable[[float, str], None]
_ARRAYS = ("categories", "values", "here", "following", "state", "progress", "left", "planned", "left_handed", "starts")


@dataclass(frozen=True)
class TokenSet:
    """Tokens and conditions of many clips, one after the other.

    codes: stream -> (N, Q) int32. starts: (C + 1,) first token of each clip. categories (M, K) int16, values (M, V) float32: the morphemes that occur, the
    first of them nothing at all.
    here, following: (N,) int32 which of them. state (N, S) int16; progress, left: (N,) float32. planned: (C,) bool, whether the clip has
    a plan. betas: (C, 10) float32. parts, names: of the clips.
    """

    codes: dict[str, np.ndarray]
    starts: np.ndarray
    categories: np.ndarray
    values: np.ndarray
    here: np.ndarray
    following: np.ndarray
    state: np.ndarray
    progress: np.ndarray
    left: np.ndarray
    planned: np.ndarray
    betas: np.ndarray
    parts: tuple[str, ...]
    names: tuple[str, ...]
    tokenizer_id: str
    fingerprint: str

    def clips(self, part: str) -> np.ndarray:
        """Numbers of the clips of a part."""
        return np.flatnonzero(np.array(self.parts) == part)

    def length(self, number: int) -> int:
        return int(self.starts[number + 1] - self.starts[number])


def load_tokens(data: Path, motions: MotionSet, tokenizer: Tokenizer, cache: Path, *, progress: Progress | None = None) -> TokenSet:
    """Tokens and conditions of all clips of `motions`, which was read from `data`; both are kept in the folder `cache` for the next run.

    Raises FileFormatError for a plan that is not one, OutputError where the cache cannot be written.
    """
    report = progress or (lambda share, text: None)
    step = tokenizer.config.frames_per_token
    key = f"{motions.fingerprint}-{step}-{ENCODING_VERSION}"
    found = _kept(cache / "conditions.npz", key)
    if found is None:
        found = _conditions(Path(data), motions, step, lambda share, text: report(0.5 * share, text))
        _keep(cache / "conditions.npz", key, found)
    key = f"{motions.fingerprint}-{tokenizer.id}"
    coded = _kept(cache / "tokens.npz", key)
    if coded is None:
        coded = _codes(motions, tokenizer, found["left_handed"], found["starts"], lambda share, text: report(0.5 + 0.5 * share, text))
        _keep(cache / "tokens.npz", key, coded)
    return TokenSet(
        codes={s: coded[s] for s in tokenizer.streams}, betas=motions.betas[motions.shape].astype(np.float32), parts=motions.parts, names=motions.names,
        tokenizer_id=tokenizer.id, fingerprint=motions.fingerprint, **{k: found[k] for k in _ARRAYS if k != "left_handed"},
    )  # fmt: skip


def _conditions(data: Path, motions: MotionSet, step: int, report: Progress) -> dict[str, np.ndarray]:
    from ..body.load import load_body

    body = load_body()
    known: dict[bytes, int] = {}
    rows: list[tuple[np.ndarray, np.ndarray]] = []

    def row_of(indices: np.ndarray, values: np.ndarray) -> int:
        key = indices.tobytes() + values.tobytes()
        if key not in known:
            known[key] = len(rows)
            rows.append((indices, values))
        return known[key]

    row_of(np.zeros(len(categories()), dtype=np.int16), np.zeros(NUM_VALUES, dtype=np.float32))
    count = len(motions)
    lengths = np.array([-(-motions.length(n) // step) for n in range(count)])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    total = int(starts[-1])
    here, following = np.zeros(total, dtype=np.int32), np.zeros(total, dtype=np.int32)
    state, progress, left = np.zeros((total, len(STATE)), dtype=np.int16), np.zeros(total, dtype=np.float32), np.zeros(total, dtype=np.float32)
    planned, left_handed = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    began, synthesiser, shape = time.monotonic(), None, -1
    with_plans = (data / SETTINGS).is_file()
    # signer by signer, so that each body is built once
    for k, number in enumerate(np.argsort(motions.shape, kind="stable"), start=1):
        plan = _plan(data, motions.names[number], with_plans)
        if plan is not None:
            if synthesiser is None or shape != motions.shape[number]:
                shape = int(motions.shape[number])
                synthesiser = Synthesiser(body, motions.betas[shape])
            made = condition_of(plan, synthesiser, motions.fps, step)
            rows_here = slice(int(starts[number]), int(starts[number + 1]))
            n = np.minimum(np.arange(lengths[number]), len(made) - 1)
            here[rows_here] = np.array([row_of(c, v) for c, v in zip(made.current, made.current_values, strict=True)])[n]
            following[rows_here] = np.array([row_of(c, v) for c, v in zip(made.following, made.following_values, strict=True)])[n]
            state[rows_here], progress[rows_here], left[rows_here] = made.state[n], made.progress[n], made.seconds_left[n]
            planned[number], left_handed[number] = True, plan.handedness == "left"
        if k % 50 == 0 or k == count:
            report(k / count, f"condition of clip {k} of {count}, {(time.monotonic() - began) / k * (count - k):.0f} s left")
    return {
        "categories": np.stack([r[0] for r in rows]), "values": np.stack([r[1] for r in rows]), "here": here, "following": following, "state": state,
        "progress": progress, "left": left, "planned": planned, "left_handed": left_handed, "starts": starts,
    }  # fmt: skip


def _plan(data: Path, name: str, expected: bool) -> ActionSequence | None:
    path = data / f"{name}.json"
    if not path.is_file():
        return None
    if expected:
        return read_plan(path)
    try:  # beside clips of other datasets lie other files that end in .json
        if not json.loads(path.read_text(encoding="utf-8")).get("actions"):
            return None
    except (OSError, ValueError, AttributeError):
        return None
    return read_plan(path)


def _codes(motions: MotionSet, tokenizer: Tokenizer, left_handed: np.ndarray, starts: np.ndarray, report: Progress) -> dict[str, np.ndarray]:
    out = {s: np.zeros((int(starts[-1]), q), dtype=np.int32) for s, q in tokenizer.streams.items()}
    began, count = time.monotonic(), len(motions)
    for number in range(count):
        features = motions.clip(number)
        made = tokenizer.encode_features(mirrored(features) if left_handed[number] else features)
        for stream, values in made.codes.items():
            out[stream][starts[number] : starts[number + 1]] = values
        if number % 50 == 49 or number + 1 == count:
            done = number + 1
            report(done / count, f"tokens of clip {done} of {count}, {(time.monotonic() - began) / done * (count - done):.0f} s left")
    return out


def _kept(path: Path, key: str) -> dict[str, np.ndarray] | None:
    """The arrays of a cache file, None where there is none for this key or it is damaged: it is made anew then."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if str(archive["key"]) != key:
                return None
            return {name: archive[name] for name in archive.files if name != "key"}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, FileFormatError):
        return None


def _keep(path: Path, key: str, arrays: dict[str, np.ndarray]) -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, key=np.array(key), **arrays)  # type: ignore[arg-type]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{path.parent}: cannot be made: {problem.strerror or problem}") from problem
    write_bytes(path, buffer.getvalue())
