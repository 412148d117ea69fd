"""Motions against the motions they should be, clip by clip and as a set: what `signgen evaluate motion` and `lm` measure.

`compare` takes pairs of motions, one after the other, so that they need not all be made before the first is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..action import ActionSequence
from ..errors import InputError
from ..kinematics.resample import resample
from ..motion import Motion
from ..pipeline import joints
from ..recognition.labels import features_of
from ..tokens.metrics import aligned_distances, jitter, mpjpe
from .distances import ROOTS, dtw_jpe, length_error, rooted, with_hands
from .distributions import diversity, frechet, in_steps, mmd_avg, mmd_seq
from .targets import Bodies, SignErrors, complete, on_the_motion_s_times, sign_errors, summary

JUDGED = ("handshape", "major_location", "minor_location", "movement")  # features of a sign that the recogniser is asked for


class Reading(Protocol):
    """What a recogniser says of one sign: its gloss, and feature -> value."""

    @property
    def gloss(self) -> str: ...
    @property
    def features(self) -> Mapping[str, str]: ...


class Recogniser(Protocol):
    """What is asked of a frozen recogniser; `recognition.recogniser.load_recogniser` gives one."""

    @property
    def glosses(self) -> Collection[str]: ...
    def read(self, motion: np.ndarray, fps: float, segments: Sequence[tuple[float, float]], handedness: str) -> Sequence[Reading]:
        """One reading a segment (start and end in seconds) of positions (T, 70, 3)."""
    def embed(self, motion: np.ndarray, fps: float) -> np.ndarray:
        """(D,) embedding of positions (T, 70, 3) by a motion auto-encoder."""


@dataclass(frozen=True)
class Pair:
    """A motion and what it should be.

    plan: of both, where there is one. said: seconds that whoever made it found right, where its length was then made that of the plan. seconds, token_seconds:
    how long it took to make, and the tokens of it alone.
    """

    name: str
    made: Motion
    reference: Motion
    plan: ActionSequence | None = None
    said: float | None = None
    seconds: float | None = None
    token_seconds: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """What `compare` found.

    values: key of `report.METRICS` -> (made, reference), the mean over clips or signs, or a number of the whole set; None where it does not apply. clips: one
    row a clip, signs: one row a sign, keys as columns, for CSV. embeddings: (N, D) of made and reference motions, or none.
    """

    values: dict[str, tuple[float | None, float | None]]
    clips: list[dict[str, Any]]
    signs: list[dict[str, Any]]
    embeddings: tuple[np.ndarray, np.ndarray] | None = None


def compare(
    pairs: Iterable[Pair], *, bodies: Bodies | None = None, recogniser: Recogniser | None = None, unseen: Collection[str] = (), seed: int = 0,
    progress: Callable[[int, str], None] | None = None,
) -> Evaluation:  # fmt: skip
    """Measures every pair; the reference's frame rate is that of both. Positions are each motion's own, on the body of `bodies` (None: the default one) in its
    betas.

    recogniser: adds FID, diversity, top-1 and features. unseen: glosses that training never saw, whose features are told apart. seed: of the pairs that
    diversity draws. progress hears how many pairs are done and the name of the last. Raises InputError for no pair at all.
    """
    found = _Found(bodies or Bodies(), recogniser, frozenset(unseen))
    for count, pair in enumerate(pairs, start=1):
        found.add(pair)
        if progress:
            progress(count, pair.name)
    return found.evaluation(seed)


@dataclass
class _Side:
    """What is collected of one side."""

    steps: list[np.ndarray] = field(default_factory=list)
    embeddings: list[np.ndarray] = field(default_factory=list)
    jitters: list[tuple[float, int]] = field(default_factory=list)
    signs: list[SignErrors] = field(default_factory=list)
    right: dict[str, list[bool]] = field(default_factory=dict)


class _Found:
    def __init__(self, bodies: Bodies, recogniser: Recogniser | None, unseen: frozenset[str]) -> None:
        self.bodies, self.recogniser, self.unseen = bodies, recogniser, unseen
        self.clips: list[dict[str, Any]] = []
        self.signs: list[dict[str, Any]] = []
        self.sides = {"made": _Side(), "reference": _Side()}
        self.known = set(recogniser.glosses) if recogniser else set()

    def add(self, pair: Pair) -> None:
        reference = pair.reference
        motions = {"made": resample(pair.made, reference.fps), "reference": reference}
        points = {side: joints(motion, self.bodies.body) for side, motion in motions.items()}
        row: dict[str, Any] = {"clip": pair.name, **_errors(points["made"], points["reference"])}
        said = pair.made.duration if pair.said is None else pair.said
        row["length_error"] = length_error(said, reference.duration) if reference.duration > 0.0 else None
        for key, seconds in (("ms_per_frame", pair.seconds), ("token_ms_per_frame", pair.token_seconds)):
            if seconds is not None:
                row[key] = 1e3 * seconds / pair.made.num_frames
        signs: list[dict[str, Any]] = []
        for side, motion in motions.items():
            kept = self.sides[side]
            row |= {f"seconds_{side}": motion.duration, f"jitter_{side}": jitter(points[side], motion.fps)}
            kept.jitters.append((row[f"jitter_{side}"], motion.num_frames))
            kept.steps.append(in_steps(points[side]))
            if self.recogniser:
                kept.embeddings.append(np.asarray(self.recogniser.embed(points[side], motion.fps), dtype=np.float64))
            if pair.plan is not None:
                self._against_plan(side, pair.plan, motion, points[side], signs)
        self.signs += [{"clip": pair.name, **s} for s in signs]
        self.clips.append(row)

    def _against_plan(self, side: str, plan: ActionSequence, motion: Motion, points: np.ndarray, signs: list[dict[str, Any]]) -> None:
        synthesiser = self.bodies.of(motion)
        ready = complete(plan, synthesiser)
        errors = sign_errors(ready, motion, synthesiser)
        self.sides[side].signs += errors
        if not signs:
            signs += [{"number": e.number, "gloss": e.gloss, "unseen": e.gloss in self.unseen} for e in errors]
        for row, error in zip(signs, errors, strict=True):
            row |= {f"wrist_mm_{side}": error.wrist, f"contact_mm_{side}": error.contact if error.touches else None}
        if self.recogniser:
            self._recognised(self.recogniser, side, ready, motion, points, signs)

    def _recognised(
        self, recogniser: Recogniser, side: str, plan: ActionSequence, motion: Motion, points: np.ndarray, signs: list[dict[str, Any]]
    ) -> None:
        right = self.sides[side].right
        actions = on_the_motion_s_times(plan, motion).actions
        there = [k for k, a in enumerate(actions) if a.kind == "lexical" and a.start < motion.duration]
        spans = [(max(actions[k].start, 0.0), min(actions[k].end, motion.duration)) for k in there]
        readings = dict(zip(there, recogniser.read(points, motion.fps, spans, plan.handedness) if spans else (), strict=True))
        for k, action in enumerate(actions):
            if action.kind != "lexical":
                continue
            reading = readings.get(k)  # none: the motion ends before the sign, which is then not recognised
            wanted = features_of(action.phonology[0])
            if action.gloss_id in self.known:
                right.setdefault("top1", []).append(reading is not None and reading.gloss == action.gloss_id)
            for name in JUDGED:
                good = reading is not None and reading.features.get(name) == wanted[name]
                right.setdefault(name, []).append(good)
                if action.gloss_id in self.unseen:
                    right.setdefault(f"{name}_unseen", []).append(good)
            if reading is not None:
                signs[k] |= {f"read_{side}": reading.gloss, **{f"read_{name}_{side}": reading.features.get(name) for name in JUDGED}}

    def evaluation(self, seed: int) -> Evaluation:
        if not self.clips:
            raise InputError("evaluation: no pair of motions to compare")
        made, reference = self.sides["made"], self.sides["reference"]
        values: dict[str, tuple[float | None, float | None]] = {"clips": (float(len(self.clips)), None)}
        for key in dict.fromkeys(k for row in self.clips for k in row):
            numbers = [row[key] for row in self.clips if isinstance(row.get(key), float)]
            if numbers and not key.endswith(("_made", "_reference")):
                values[key] = (float(np.mean(numbers)), None)
        frames = np.array([[n for _, n in side.jitters] for side in (made, reference)], dtype=float)
        shaking = np.array([[v for v, _ in side.jitters] for side in (made, reference)])
        values["jitter"] = tuple(float(v) for v in np.sum(frames * shaking, axis=1) / np.sum(frames, axis=1))  # type: ignore[assignment]
        if len(self.clips) > 1:
            steps = np.stack(made.steps), np.stack(reference.steps)
            values |= {"mmd_avg": (mmd_avg(*steps), None), "mmd_seq": (mmd_seq(*steps), None)}
        embeddings = None
        if made.embeddings:
            embeddings = np.stack(made.embeddings), np.stack(reference.embeddings)
            if len(self.clips) > 1:
                values |= {"fid": (frechet(*embeddings), None), "diversity": (diversity(embeddings[0], seed=seed), diversity(embeddings[1], seed=seed))}
        sums = summary(made.signs), summary(reference.signs)
        if made.signs:
            values |= {key: (sums[0].get(key), sums[1].get(key)) for key in ("signs", "wrist_mm", "contact_signs", "contact_mm", "contact_share")}
        for key in made.right:
            values[key] = tuple(float(np.mean(side.right[key])) for side in (made, reference))  # type: ignore[assignment]
        return Evaluation(values, self.clips, self.signs, embeddings)


def _errors(made: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """The joint errors of one clip, mm. What goes by frames, not warped, is there for equally many frames only."""
    out: dict[str, float] = {}
    for name, aligned in (("dtw_jpe", False), ("dtw_pa_jpe", True)):
        warps = dtw_jpe(made, reference, aligned=aligned)
        for group, value in with_hands({k: w.per_frame for k, w in warps.items()}).items():
            out[f"{name}_{group}"] = value
        for group, value in with_hands({k: w.total for k, w in warps.items()}).items():
            out[f"{name}_sum_{group}"] = value
    if len(made) == len(reference):
        pairs = {group: (rooted(made, group), rooted(reference, group)) for group in ROOTS}
        for group, value in with_hands({group: mpjpe(*p) for group, p in pairs.items()}).items():
            out[f"mpjpe_{group}"] = value
        for group, value in with_hands({group: float(aligned_distances(*p).mean()) for group, p in pairs.items()}).items():
            out[f"mpjpe_pa_{group}"] = value
    return out
