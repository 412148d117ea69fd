"""Whether the hands of a motion get where its plan sends them: contact and wrist, sign by sign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..action import ActionSequence
from ..body.model import Body
from ..errors import InputError
from ..motion import Motion
from ..phonology.lexicon import load_lexicon
from ..pipeline import synthesiser_for
from ..planner import Planner
from ..synthesis.check import contact_gaps, posed, wrist_errors
from ..synthesis.generate import Synthesiser

CONTACT_LIMIT = 15.0  # mm: a sign with contact that stays within it counts as touching


@dataclass(frozen=True)
class SignErrors:
    """One sign of a motion against its plan, mm.

    wrist: how far the dominant wrist is from where the plan wants it, the mean over the first and last hold of each morpheme (`synthesis.check.wrist_errors`).
    contact: the largest gap of its morphemes with contact (`synthesis.check.contact_gaps`); NaN for a sign that touches nothing. Both are infinite for a sign
    that the motion ends before.
    """

    number: int
    gloss: str
    wrist: float
    contact: float

    @property
    def touches(self) -> bool:
        """Whether it is a sign with contact."""
        return not math.isnan(self.contact)

    @property
    def landed(self) -> bool:
        return self.contact <= CONTACT_LIMIT


def sign_errors(plan: ActionSequence, motion: Motion, synthesiser: Synthesiser) -> tuple[SignErrors, ...]:
    """Each sign of `plan` in a motion of it, made by whatever generator or signer.

    Where the signs are is said by the motion's segments if it has one for each action of the plan, else by the plan's own times. plan: complete
    (`pipeline.complete`). synthesiser: of the motion's body and shape. Motions of left-handed plans are mirrored first. Raises InputError for a shape that is
    not the motion's.
    """
    own = np.zeros(10)
    own[: min(10, len(motion.betas))] = motion.betas[:10]
    if not np.allclose(own, synthesiser.betas[:10], atol=1e-6):
        raise InputError("targets: the motion's betas are not those of the body it is measured on")
    right = motion.mirrored() if plan.handedness == "left" else motion
    timed = on_the_motion_s_times(plan, motion)
    state = posed(synthesiser, right)
    units = []
    for unit in synthesiser.units(timed, motion.fps):
        last = min(unit.last, motion.num_frames - 1)
        if unit.first < last:
            units.append(unit.ending(last))
    wrists = wrist_errors(synthesiser, timed, units, state, motion.fps)
    gaps = contact_gaps(synthesiser, units, state)
    out = []
    for number, action in enumerate(timed.actions):
        here = [k for k, unit in enumerate(units) if unit.action == number]
        whole = len(here) == len(action.phonology)
        touching = [gaps[k] for k in here if not math.isnan(gaps[k])]
        contact = max(touching, default=math.nan) if whole or not any(m.contact for m in action.phonology) else math.inf
        wrist = float(np.mean([wrists[k] for k in here])) if whole else math.inf
        out.append(SignErrors(number, action.gloss_id, 1e3 * wrist, 1e3 * contact))
    return tuple(out)


def on_the_motion_s_times(plan: ActionSequence, motion: Motion) -> ActionSequence:
    """The plan with the starts and durations of the motion's segments, where there is one for each action in the same order; else as it is."""
    if tuple(s.gloss_id for s in motion.segments) != tuple(a.gloss_id for a in plan.actions):
        return plan
    frame = 1.0 / motion.fps
    pairs = zip(plan.actions, motion.segments, strict=True)
    if all(abs(s.start - a.start) < frame and abs(s.end - a.end) < frame for a, s in pairs):
        return plan  # the segments are the plan's own times on the grid of frames
    pairs = zip(plan.actions, motion.segments, strict=True)
    return replace(plan, actions=tuple(replace(a, start=s.start, duration=max(s.end - s.start, frame), pause_after=0.0) for a, s in pairs))


def summary(errors: Sequence[SignErrors]) -> dict[str, float]:
    """wrist_mm, contact_mm: means over the signs that are there; contact_share: of the signs with contact those that come within `CONTACT_LIMIT`, from 0 to 1,
    a sign that is missing counts as one that does not; signs, contact_signs: how many. What there is nothing of is left out."""
    out: dict[str, float] = {"signs": float(len(errors))}
    wrists = [e.wrist for e in errors if math.isfinite(e.wrist)]
    if wrists:
        out["wrist_mm"] = float(np.mean(wrists))
    touching = [e for e in errors if e.touches]
    out["contact_signs"] = float(len(touching))
    reached = [e.contact for e in touching if math.isfinite(e.contact)]
    if reached:
        out["contact_mm"] = float(np.mean(reached))
    if touching:
        out["contact_share"] = sum(e.landed for e in touching) / len(touching)
    return out


def complete(plan: ActionSequence, synthesiser: Synthesiser) -> ActionSequence:
    """A plan as it is measured: with all forms and times on the body of a synthesiser. Raises PlanError."""
    return Planner(synthesiser, load_lexicon()).complete(plan, trajectories=False)


class Bodies:
    """Synthesisers of one body (None: the default one) in the shapes that motions have; the last few are kept, since one takes seconds to build for a shape
    that is new here."""

    def __init__(self, body: Body | None = None) -> None:
        self.body = body
        self._of = lru_cache(maxsize=8)(self._build)

    def of(self, motion: Motion) -> Synthesiser:
        """The synthesiser of a motion's shape."""
        betas = np.zeros(10)
        betas[: min(10, len(motion.betas))] = motion.betas[:10]
        return self._of(betas.tobytes())

    def _build(self, key: bytes) -> Synthesiser:
        betas = np.frombuffer(key)
        plain = synthesiser_for(self.body)
        return Synthesiser(plain.body, betas) if betas.any() else plain
