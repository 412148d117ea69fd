"""The resampling hook: a motion is kept but for the frames about what an edit changed, which a generator makes anew.

After the Resampling Hook of arXiv 2506.14677 (2025): a window of about 50 frames around the edit, some frames of context on each side. Which frames
the edit changes is read off the laid-out time lines of both plans, so that no change of length, of a hold or of the other hand is overlooked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .action import ActionSequence, SentenceInfo
from .errors import InputError
from .kinematics.rotations import axis_angle_to_quaternion, quaternion_to_axis_angle, slerp
from .kinematics.spline import minimum_jerk
from .motion import UNCERTAINTY_STREAMS, Motion, Segment
from .phonology.lexicon import load_lexicon
from .pipeline import synthesiser_for
from .planner import Planner
from .rig import Side
from .synthesis.generate import REACH_SECONDS, Synthesiser
from .synthesis.nonmanual import posture

if TYPE_CHECKING:
    from .body.model import Body

WINDOW = 50
CONTEXT = 10
_SAME_TIME = 1.1e-3  # seconds; plans hold times in milliseconds
_SAME_POSE = 1e-6  # radians and coefficients; below it a difference is one of rounding
_LATE = 0.1  # seconds by which a sign of the motion may be off its place in the plan
_NEIGHBOURHOOD_SECONDS = 2.0  # beyond its sentence, nothing that a sentence says is seen any more

# (plan, first frame, last frame, the frames before, those after) -> the frames first to last. The plan is complete and on the motion's frame grid. The
# motions before and after hold up to `context` frames that are kept; None where the window begins or ends the motion.
Generator = Callable[[ActionSequence, int, int, Motion | None, Motion | None], Motion]


@dataclass(frozen=True)
class Window:
    """What was made anew: the frames first to last of the new motion, in place of first to old_last of the old one; empty when last < first.

    plan: the new plan as the motion has it: what follows the window is moved by whole frames.
    """

    first: int
    last: int
    old_last: int
    fps: float
    plan: ActionSequence

    @property
    def frames(self) -> int:
        return self.last + 1 - self.first

    @property
    def shift(self) -> int:
        """By how many frames what follows is moved."""
        return self.last - self.old_last

    @property
    def seconds(self) -> tuple[float, float]:
        """Time of the first frame and of the last."""
        return self.first / self.fps, self.last / self.fps


def resample(
    old_plan: ActionSequence, old_motion: Motion, new_plan: ActionSequence, *, fps: float | None = None, generator: Generator | None = None,
    window: int = WINDOW, context: int = CONTEXT, body: Body | None = None, by_rule: bool = False,
) -> tuple[Motion, Window]:  # fmt: skip
    """`old_motion`, made from `old_plan`, as `new_plan` wants it; only a window about what differs is made anew.

    All frames outside of the window are those of `old_motion`, bit for bit, moved by whole frames after it where the length changed. The window has at
    least `window` frames, or as many as the changed signs with their joins need, with `context` frames more on each side over which old and new are
    blended. fps: that of `old_motion`, said only to be checked. generator: by default the one that the new plan names, or with `by_rule` the rules of
    phonology, on `body`; these leave an arm as it is where the edit is not about it.

    Raises InputError when the motion is not one of `old_plan` or the generator gives something else than was asked for, PlanError for a bad plan.
    """
    rate = old_motion.fps
    if fps is not None and abs(fps - rate) > 1e-9:
        raise InputError(f"fps: the motion has {rate:g}, not {fps:g}")
    if window < 1 or context < 1:
        raise InputError(f"window {window} and context {context} must be at least 1 frame")
    synthesiser = synthesiser_for(body, old_motion.betas)
    planner = Planner(synthesiser, load_lexicon())
    old, new = planner.complete(old_plan, trajectories=False), planner.complete(new_plan, trajectories=False)
    _check_fits(old, old_motion)
    edit = _compare(old, new, rate)
    changed = _changed_frames(synthesiser, old, edit, rate)
    meta = {**old_motion.meta, "text": new.text, "seed": new.seed, "handedness": new.handedness}
    if changed is None:
        return replace(old_motion, meta=meta), Window(0, -1, -1, rate, edit.plan)
    total = old_motion.num_frames + edit.shift if edit.tail else synthesiser.frames(edit.plan, rate)
    first, last = _grown(changed.first, changed.last, window, context, total)
    old_after = last + 1 - edit.shift if last + 1 < total else old_motion.num_frames
    before = _part(old_motion, max(0, first - context), first)
    after = _part(old_motion, old_after, old_after + context)
    chosen = generator or _generator(old_motion, synthesiser, rate, by_rule, changed.kept)
    made = chosen(edit.plan, first, last, before, after)
    if made.num_frames != last + 1 - first or abs(made.fps - rate) > 1e-9:
        raise InputError(f"the generator gave {made.num_frames} frames at {made.fps:g} fps where {last + 1 - first} at {rate:g} were asked for")
    motion = _spliced(old_motion, made, first, old_after, context)
    window_made = Window(first, last, old_after - 1, rate, edit.plan)
    return replace(motion, segments=_segments(edit, old_motion, synthesiser), meta=meta), window_made


def phonology_generator(synthesiser: Synthesiser, fps: float, kept: Motion | None = None, arms: Sequence[Side] = ()) -> Generator:
    """The rules of phonology, for the frames of the window and what these depend on. kept, arms: see `Synthesiser.stretch`."""

    def make(plan: ActionSequence, first: int, last: int, before: Motion | None, after: Motion | None) -> Motion:
        return synthesiser.stretch(plan, fps, first, last, kept=kept, arms=arms)

    return make


def language_generator(old: Motion, synthesiser: Synthesiser, fps: float) -> Generator:
    """The token language model, which goes on from the frames of the old motion."""
    from .generation import load_generator

    loaded = load_generator()

    def make(plan: ActionSequence, first: int, last: int, before: Motion | None, after: Motion | None) -> Motion:
        return loaded.window(plan, synthesiser, fps, first, last, old)

    return make


def _generator(old: Motion, synthesiser: Synthesiser, fps: float, by_rule: bool, arms: Sequence[Side]) -> Generator:
    def make(plan: ActionSequence, first: int, last: int, before: Motion | None, after: Motion | None) -> Motion:
        learned = plan.generator == "lm" and not by_rule
        chosen = language_generator(old, synthesiser, fps) if learned else phonology_generator(synthesiser, fps, old, arms)
        return chosen(plan, first, last, before, after)

    return make


def _check_fits(plan: ActionSequence, motion: Motion) -> None:
    """Raises InputError for a motion that cannot come from the plan."""
    if motion.segments and [s.gloss_id for s in motion.segments] != [a.gloss_id for a in plan.actions]:
        said = " ".join(s.gloss_id for s in motion.segments[:6])
        raise InputError(f"the motion is not one of this plan: it signs {said}{' ...' if len(motion.segments) > 6 else ''}")
    for segment, action in zip(motion.segments, plan.actions, strict=False):
        if abs(segment.start - action.start) > _LATE + 1.0 / motion.fps:
            raise InputError(f"the motion is not one of this plan: {action.gloss_id} is at {segment.start:.2f} s in it and at {action.start:.2f} s in the plan")
    if motion.meta.get("handedness", plan.handedness) != plan.handedness:
        raise InputError(f"the motion is not one of this plan: its signer is {motion.meta['handedness']}-handed")
    if (motion.num_frames - 1) / motion.fps < plan.end - 1.0 / motion.fps:
        raise InputError(f"the motion is not one of this plan: it ends after {motion.duration:.2f} s, the last sign of the plan after {plan.end:.2f} s")


# -- what differs ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edit:
    """Two plans side by side: the first `head` actions and the last `tail` ones are the same, the tail later by `shift` frames.

    plan: the new one, with its tail on the frame grid of the old one. everything: nothing of the old motion can be kept.
    """

    plan: ActionSequence
    head: int
    tail: int
    shift: int = 0
    everything: bool = False


def _compare(old: ActionSequence, new: ActionSequence, fps: float) -> _Edit:
    if (old.seed, old.handedness) != (new.seed, new.handedness):
        return _Edit(new, 0, 0, everything=True)
    a, b = ([_facts(plan, i) for i in range(len(plan.actions))] for plan in (old, new))
    later = [new.actions[-1 - k].start - old.actions[-1 - k].start for k in range(min(len(a), len(b)))]  # from the end
    head = 0
    while head < len(later) and a[head] == b[head] and abs(new.actions[head].start - old.actions[head].start) < _SAME_TIME:
        head += 1
    # actions that are the same and at the same time may be counted from either end
    most = len(later) if head == len(a) == len(b) else len(later) - head
    tail = 0
    while tail < most and a[-1 - tail] == b[-1 - tail] and abs(later[tail] - later[0]) < _SAME_TIME:
        tail += 1
    if not tail:
        return _Edit(new, head, 0)
    shift = round(later[tail - 1] * fps)
    place = len(new.actions) - tail
    moved = (
        replace(action, start=was.start + shift / fps) for action, was in zip(new.actions[place:], old.actions[len(old.actions) - tail :], strict=True)
    )
    return _Edit(replace(new, actions=(*new.actions[:place], *moved)), head, tail, shift)


def _facts(plan: ActionSequence, index: int) -> tuple[object, ...]:
    """What the motion of an action depends on, but for its start."""
    action = plan.actions[index]
    sentence = plan.sentences[action.sentence] if plan.sentences else SentenceInfo("")
    drawn = action.trajectory if action.trajectory_is_edited else ()
    joined = tuple(0 <= k < len(plan.actions) and plan.actions[k].sentence == action.sentence for k in (index - 1, index + 1))
    return (
        action.gloss_id, action.phonology, round(action.duration, 4), round(action.pause_after, 4), tuple(sorted(action.finger_config.items())), drawn,
        action.non_manual_markers, action.emphasis, action.kind, sentence.type, sentence.negated, sentence.emotion, sentence.intensity, sentence.subject,
        joined,
    )  # fmt: skip


@dataclass(frozen=True)
class _Changed:
    """[first, last] frames of the new motion that are none of the old one. kept: arms that are in these frames as they were."""

    first: int
    last: int
    kept: tuple[Side, ...] = ()


def _changed_frames(synthesiser: Synthesiser, old: ActionSequence, edit: _Edit, fps: float) -> _Changed | None:
    """None when all frames of the old motion can stay."""
    new, shift = edit.plan, edit.shift
    if edit.tail == len(old.actions) == len(new.actions) and shift == 0:
        return None
    lines = synthesiser.lines(old, fps), synthesiser.lines(new, fps)
    count = lines[1].right.count
    if edit.everything:
        return _Changed(0, count - 1)
    known: dict[Hashable, int] = {}
    found = [_unlike(a.codes(known), b.codes(known), shift, 0.0) for a, b in ((lines[0].right, lines[1].right), (lines[0].left, lines[1].left))]
    start, end = (round(seconds * fps) for seconds in _neighbourhood(edit))
    start = min(max(0, start), count - 1)
    rows = [np.arange(start, max(start, min(c, e)) + 1) for c, e in ((lines[0].right.count - 1, end - shift), (count - 1, end))]
    for part in zip(_said(old, rows[0] / fps), _said(new, rows[1] / fps), strict=True):
        low, high = _unlike(*part, shift, _SAME_POSE)
        found.append((start + low, start + high if high >= 0 else -1))
    first, last = min(low for low, _ in found), max(high for _, high in found)
    if first >= count and last < 0 and shift == 0:
        return None
    right, left, trunk, _ = (high < 0 for _, high in found)
    kept: tuple[Side, ...] = ()
    if shift == 0 and lines[0].right.count == count and trunk and left:
        kept = ("left", "right") if right else ("left",)
    if not edit.tail:
        last = count - 1
    # two equal signs beside each other, of which one went: the same frames cannot be kept from both sides
    first = min(first, count - 1 - max(0, shift))
    last = max(last, first - 1 + max(0, shift))
    reach = round(REACH_SECONDS * fps)
    return _Changed(max(0, first - reach), min(count - 1, last + reach), kept)


def _unlike(old: np.ndarray, new: np.ndarray, shift: int, tolerance: float) -> tuple[int, int]:
    """The first row of `new` (N, ...) that is not as in `old` (M, ...), and the last that is not as the one `shift` rows before; N and -1 where none."""
    common = min(len(old), len(new))
    from_start = np.flatnonzero((np.abs(old[:common] - new[:common]) > tolerance).any(axis=1))
    rows = np.arange(max(0, shift), min(len(new), len(old) + shift))
    from_end = rows[(np.abs(old[rows - shift] - new[rows]) > tolerance).any(axis=1)]
    return (int(from_start[0]) if len(from_start) else len(new)), (int(from_end[-1]) if len(from_end) else -1)


def _said(plan: ActionSequence, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the plan says to trunk and head (T, 166) and to the face (T, 52) at `times`."""
    stance = posture(plan, times, alive=False)
    return np.concatenate([stance.poses.reshape(len(times), -1), stance.lift[:, None]], axis=1), stance.face


def _neighbourhood(edit: _Edit) -> tuple[float, float]:
    """Seconds of the new plan beyond which no sentence that was touched is seen."""
    actions = edit.plan.actions
    touched = {a.sentence for a in actions[max(0, edit.head - 1) : len(actions) - edit.tail + 1]}
    own = [a for a in actions if a.sentence in touched]
    return own[0].start - _NEIGHBOURHOOD_SECONDS, own[-1].end + own[-1].pause_after + _NEIGHBOURHOOD_SECONDS


# -- what is kept ------------------------------------------------------------------------------------------------------------------


def _grown(first: int, last: int, window: int, context: int, total: int) -> tuple[int, int]:
    """The range with `context` frames on each side, and at least `window` long, within `total` frames."""
    more = max(context, -(-(window - (last + 1 - first)) // 2))
    first, last = first - more, last + more
    if first < 0:
        first, last = 0, max(last, window - 1)
    if last >= total:
        first, last = max(0, min(first, total - window)), total - 1
    return first, last


def _part(motion: Motion, first: int, stop: int) -> Motion | None:
    """The frames [first, stop) of a motion, as far as it has them; None for none."""
    return motion.part(first, stop) if first < min(stop, motion.num_frames) else None


def _spliced(old: Motion, made: Motion, first: int, after: int, context: int) -> Motion:
    """`made` in place of the frames [first, after) of `old`, blended over `context` frames where kept ones are beside it."""
    n = made.num_frames
    weight = np.ones(n)  # of what was made
    match = np.zeros(n, dtype=np.int64)  # the old frame beside each of them
    ramp = min(context, n // 2)
    rising = minimum_jerk(np.arange(1, ramp + 1) / (ramp + 1))
    if first > 0:
        weight[:ramp], match[:ramp] = rising, np.arange(first, first + ramp)
    if after < old.num_frames:
        weight[n - ramp :], match[n - ramp :] = rising[::-1], np.arange(after - ramp, after)
    mixed = np.flatnonzero(weight < 1.0)

    def spliced(name: str) -> np.ndarray:
        was, new = getattr(old, name), np.array(getattr(made, name), dtype=np.float64)
        w = weight[mixed].reshape(-1, *([1] * (new.ndim - 1)))
        if name == "poses":
            turned = slerp(axis_angle_to_quaternion(was[match[mixed]]), axis_angle_to_quaternion(new[mixed]), weight[mixed][:, None])
            new[mixed] = quaternion_to_axis_angle(turned)
        else:
            new[mixed] = was[match[mixed]] * (1.0 - w) + new[mixed] * w
        return np.concatenate([was[:first], new, was[after:]])

    values: dict[str, Any] = {name: spliced(name) for name in ("poses", "transl", "expression", "face")}
    values["face"] = np.clip(values["face"], 0.0, 1.0)
    return replace(old, **values, uncertainty=_spliced_uncertainty(old, made, first, after))


def _spliced_uncertainty(old: Motion, made: Motion, first: int, after: int) -> np.ndarray | None:
    """Frames of the one that has none count as certain."""
    if old.uncertainty is None and made.uncertainty is None:
        return None
    was, new = (m.uncertainty if m.uncertainty is not None else np.zeros((m.num_frames, len(UNCERTAINTY_STREAMS)), dtype=np.float32) for m in (old, made))
    return np.concatenate([was[:first], new, was[after:]]).astype(np.float32)


def _segments(edit: _Edit, old: Motion, synthesiser: Synthesiser) -> tuple[Segment, ...]:
    """Those of the new plan; those of kept actions are the old ones, moved with their frames."""
    new = list(synthesiser.segments(edit.plan, old.fps))
    if not old.segments or edit.everything:
        return tuple(new)
    new[: edit.head] = old.segments[: edit.head]
    later = edit.shift / old.fps
    for k in range(1, edit.tail + 1):
        s = old.segments[-k]
        new[-k] = Segment(s.gloss_id, s.start + later, s.end + later, s.hold + later) if edit.shift else s
    return tuple(new)
