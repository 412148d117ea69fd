"""The rule-based generator: an ActionSequence to a Motion (Movement-Hold model; Liddell & Johnson 1989).

Order: trunk, head and face first, since anchors ride on them; then the non-dominant arm; then the dominant one, which may touch the other. All
times snap to frames, and every filter has finite support: an edited action changes its own window and its joins, and not a bit elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..action import ActionSequence, SignAction
from ..body.model import Body
from ..kinematics.forward import global_transforms
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..motion import Motion, Segment
from ..phonology.features import MINOR_LOCATIONS, Phonology
from ..phonology.hand import HandModel, to_side
from ..phonology.handshapes import load_handshapes
from ..phonology.locations import Locations
from ..rig import INDEX, MIRROR, NUM_JOINTS, Side, hand_slice
from .arms import ArmMotion, ArmSolver, HandTracks
from .collision import BodyFields, HandSkin
from .nonmanual import posture
from .stations import Line, Opening, Station, lay_line
from .targets import FLIP, AnchorTrack, BodyPose, HandTarget, TargetBuilder, hand_frame, hand_patch, mirror_rotation, uses_base_hand
from .timing import FIRST_HOLD, LAST_HOLD, LEAD_IN_HOLD, LETTER_HOLD, HandState, Schedule, lay_out, natural_duration, state_at, transition_seconds

RETRACT_SECONDS = 0.60
# How far one frame depends on others, beyond its own unit or join: the smoothing of the elbow, and how a push out of the body spreads.
REACH_SECONDS = 0.27

if TYPE_CHECKING:
    from .landing import Guide

_EMPHASIS_SCALE = {"none": 1.0, "mild": 1.08, "strong": 1.2}


@dataclass(frozen=True)
class Interval:
    """A stretch of frames [first, last] over which one hand has targets of its own."""

    first: int
    last: int
    target: HandTarget


@dataclass(frozen=True)
class HandTrack:
    """Where one hand is, in its canonical world: wrist (T, 3) metres, rotation (T, 3, 3), angles (T, 21) of the fingers."""

    wrist: np.ndarray
    rotation: np.ndarray
    angles: np.ndarray


class Synthesiser:
    """Everything about one body that synthesis needs; build once, use for many plans. `betas` shape the body."""

    def __init__(self, body: Body, betas: np.ndarray | None = None) -> None:
        self.body = body
        self.betas = np.zeros(10) if betas is None else np.asarray(betas, dtype=np.float64)
        self.rig = body.rig(betas)
        self.rest = self.rig.rest_joints
        # the left hand's canonical world is the mirror image
        self.mirrored_rest = (self.rest * FLIP)[list(MIRROR)]
        self.locations = Locations(body, betas)
        self.builder = TargetBuilder(self.locations, load_handshapes())
        self.right_hand = HandModel.from_body(body, "right", betas)
        self.left_hand = HandModel.from_body(body, "left", betas)
        fields = BodyFields.cached(body, betas)
        self.right_arm = ArmSolver(self.rest, self.right_hand, HandSkin(body, "right", self.right_hand, betas), fields)
        self.left_arm = ArmSolver(self.mirrored_rest, self.left_hand, HandSkin(body, "left", self.left_hand, betas), fields)
        rest_pose = np.broadcast_to(np.eye(3), (1, 55, 3, 3))
        self._rest_body = BodyPose(rest_pose, self.rest[None])

    # -- timing ---------------------------------------------------------------------------------------------------------------

    @lru_cache(maxsize=4096)  # noqa: B019 - a synthesiser lives as long as the process that uses it
    def ends(self, phonology: Phonology) -> tuple[HandState, HandState, HandState | None, HandState | None, float]:
        """States of dominant and other hand at the first and last hold on the resting body, and the dominant path's length in metres."""
        times = np.linspace(0.0, 1.0, 9)
        pose = BodyPose(np.repeat(self._rest_body.rotation, 9, axis=0), np.repeat(self._rest_body.position, 9, axis=0))
        other = self._other_target(phonology, times, pose, 1.0)
        tracks = {} if other is None else self._base_tracks(phonology, other.wrist, other.orientation, other.angles)
        main = self.builder.moving_hand(self.right_hand, phonology, times, pose, on_base=tracks)
        length = float(np.sum(np.sqrt(np.sum(np.diff(main.point, axis=0) ** 2, axis=1))))
        first = None if other is None else state_at(other, 0)
        last = None if other is None else state_at(other, -1)
        return state_at(main, 0), state_at(main, -1), first, last, length

    @lru_cache(maxsize=4096)  # noqa: B019
    def between(self, a: Phonology, b: Phonology) -> tuple[float, float]:
        """(shortest, natural) seconds of the transition from the last hold of a to the first of b."""
        _, last, _, other_last, _ = self.ends(a)
        first, _, other_first, _, _ = self.ends(b)
        shortest, natural = transition_seconds(last, first)
        if other_last is not None and other_first is not None:
            s, n = transition_seconds(other_last, other_first)
            shortest, natural = max(shortest, s), max(natural, n)
        return shortest, natural

    @lru_cache(maxsize=4096)  # noqa: B019
    def from_rest(self, phonology: Phonology) -> float:
        """Seconds of the preparation from rest to the first hold."""
        first, _, other, _, _ = self.ends(phonology)
        seconds = max(0.45, transition_seconds(self._rest_state(self.rest), first)[1])
        if other is not None:
            seconds = max(seconds, transition_seconds(self._rest_state(self.mirrored_rest), other)[1])
        return seconds

    def schedule(self, morphemes: tuple[Phonology, ...], spelled: bool) -> Schedule:
        """The natural lay-out of one action's morphemes; letters and digits are held, compounds flow."""
        if spelled:
            durations = [LETTER_HOLD] * len(morphemes)
            durations[0], durations[-1] = max(FIRST_HOLD, durations[0]), LAST_HOLD
            durations = [max(d, _spelled_movement(m)) for d, m in zip(durations, morphemes, strict=True)]
        else:
            durations = [natural_duration(m, self.ends(m)[4]) * (1.0 if len(morphemes) == 1 else 0.72) for m in morphemes]
        gaps = [self.between(a, b)[0 if spelled else 1] for a, b in zip(morphemes, morphemes[1:], strict=False)]
        return lay_out(durations, gaps)

    def wrist_path(self, action: SignAction, points: int = 5) -> list[tuple[float, np.ndarray]]:
        """(seconds from the start, wrist (3,) core axes) of the dominant hand on the resting body: the trajectory that a plan shows."""
        return list(self._wrist_path(action.phonology, action.kind in ("fingerspelled", "number"), action.duration, points))

    @lru_cache(maxsize=4096)  # noqa: B019 - as `ends`; most signs of an edited plan are as they were
    def _wrist_path(self, morphemes: tuple[Phonology, ...], spelled: bool, duration: float, points: int) -> tuple[tuple[float, np.ndarray], ...]:
        schedule = self.schedule(morphemes, spelled).stretched(duration)
        out: list[tuple[float, np.ndarray]] = []
        for phonology, (start, end) in zip(morphemes, schedule.spans, strict=True):
            count = points if len(morphemes) == 1 else 2
            times = np.linspace(0.0, end - start, count)
            pose = BodyPose(np.repeat(self._rest_body.rotation, count, axis=0), np.repeat(self._rest_body.position, count, axis=0))
            other = self._other_target(phonology, times, pose, 1.0)
            tracks = {} if other is None else self._base_tracks(phonology, other.wrist, other.orientation, other.angles)
            main = self.builder.moving_hand(self.right_hand, phonology, times, pose, on_base=tracks)
            out += [(start + float(t), w) for t, w in zip(times, main.wrist, strict=True)]
        return tuple(out)

    # -- motion ---------------------------------------------------------------------------------------------------------------

    def synthesise(self, plan: ActionSequence, fps: float = 30.0, progress: Callable[[float], None] | None = None) -> Motion:
        """The whole motion of a plan at `fps`. The plan must be complete (`pipeline.complete`). `progress` hears fractions of 1."""
        motion = self.stretch(plan, fps, 0, self.frames(plan, fps) - 1, progress)
        return replace(motion, segments=self.segments(plan, fps))

    def stretch(
        self, plan: ActionSequence, fps: float, first: int, last: int, progress: Callable[[float], None] | None = None, guide: Guide | None = None,
        kept: Motion | None = None, arms: Sequence[Side] = (),
    ) -> Motion:  # fmt: skip
        """The frames [first, last] of what `synthesise` gives, without segments, made from these frames and as few others as they depend on.
        guide: a model's motion, which then says all but where hands touch (`landing`). kept: a motion of as many frames and with the same trunk, from
        which the `arms` are taken: "left" for the non-dominant one, or both.

        Equal to the whole motion to 1e-9; where a hand is pushed out of the body just beyond `REACH_SECONDS`, to a thousandth of a radian.
        """
        report = progress or (lambda _: None)
        if kept is not None and set(arms) == {"left", "right"}:
            stance = posture(plan, np.arange(first, last + 1) / fps)
            local = axis_angle_to_matrix(stance.poses)
            for side in arms:
                _copy_arm(local, kept.part(first, last + 1), side, plan.handedness)
            return self._motion(plan, fps, local, stance.face)
        lines = self.lines(plan, fps)
        # targets over whole units, which is quick, the arms only over the frames that are needed; with a guide a unit is one in its arms too
        told = Frames(*(lines.told if guide is None else lines.needed)(first, last, self.reach(fps)))
        solved = Frames(*lines.solved(first, last, self.reach(fps))) if guide is None else told
        times = np.arange(told.first, told.last + 1) / fps
        own = slice(solved.first - told.first, solved.last + 1 - told.first)
        stance = posture(plan, times)
        said = None if guide is None else guide.rows(*told)
        wide_local = axis_angle_to_matrix(stance.poses) if said is None else said.trunk
        wide = BodyPose(*global_transforms(wide_local, self.rest))
        local, trunk, lift = wide_local[own].copy(), wide.at(own), stance.lift[own]
        face = (stance.face if said is None else said.face)[own]
        report(0.15)
        units = [u.moved(-told.first) for u in lines.units if u.first >= told.first and u.last <= told.last]
        others = self._other_intervals(units, wide.mirrored(), times)
        if said is not None:
            by_first = {u.first: u for u in units}
            others = [
                replace(i, target=said.target("left", self.left_hand, by_first[i.first], i.target, base=not by_first[i.first].phonology.symmetrical))
                for i in others
            ]
        left_tracks = lines.left.tracks(*solved, {i.first + told.first: i.target for i in others}, self._opening)
        left_tracks = left_tracks if said is None else said.part(own).between("left", left_tracks)
        if kept is None or "left" not in arms:
            self._write_arm(local, self.left_arm.solve(left_tracks, trunk.mirrored(), fps, lift), left_tracks, "left")
        else:
            _copy_arm(local, kept.part(solved.first, solved.last + 1), "left", plan.handedness)
        report(0.5)
        # where the left arm was not solved nobody looks; its nearest frame stands there
        span = np.clip(np.arange(told.first, told.last + 1), *solved) - solved.first
        with_left = BodyPose(*global_transforms(local, self.rest)).at(span)
        wrist = INDEX["left_wrist"]
        other = HandTrack(with_left.position[:, wrist] * FLIP, mirror_rotation(with_left.rotation[:, wrist]), left_tracks.angles[span])
        mains = self.main_targets(plan, units, with_left, other, fps, told.first)
        if said is not None:
            mains = [replace(i, target=said.target("right", self.right_hand, u, i.target)) for i, u in zip(mains, units, strict=True)]
        right_tracks = lines.right.tracks(*solved, {i.first + told.first: i.target for i in mains}, self._opening)
        right_tracks = right_tracks if said is None else said.part(own).between("right", right_tracks)
        right = self.right_arm.solve(right_tracks, trunk, fps, lift)
        self._write_arm(local, right, right_tracks, "right")
        report(0.9)
        rows = slice(first - solved.first, last + 1 - solved.first)
        motion = self._motion(plan, fps, local[rows], face[rows])
        report(1.0)
        return motion

    def _motion(self, plan: ActionSequence, fps: float, local: np.ndarray, face: np.ndarray) -> Motion:
        """Of a right-handed signer's local rotations (T, 55, 3, 3) and face (T, 52)."""
        count = len(local)
        motion = Motion(
            poses=matrix_to_axis_angle(local), transl=np.zeros((count, 3)), betas=self.betas, expression=np.zeros((count, 10)), face=face, fps=fps,
            meta={"seed": plan.seed, "text": plan.text, "generator": plan.generator, "handedness": plan.handedness, "body": self.body.name},
        )  # fmt: skip
        return motion.mirrored() if plan.handedness == "left" else motion

    @staticmethod
    def reach(fps: float) -> int:
        """Frames by which one frame depends on others, beyond its own unit or join."""
        return round(REACH_SECONDS * fps)

    def lines(self, plan: ActionSequence, fps: float) -> Lines:
        """Where both hands have what to do, on the frame grid; quick, since no target is made."""
        units = self.units(plan, fps)
        count = self.frames(plan, fps)
        right: list[Station] = []
        left: list[Station] = []
        for unit in units:
            action = plan.actions[unit.action]
            drawn = (action.trajectory, round(unit.first / fps - action.start, 6)) if action.trajectory_is_edited else ()
            right.append(Station(unit.first, unit.last, unit.end, (unit.phonology, unit.end - unit.first, unit.scale, *unit.finger_config.items(), drawn)))
            if unit.phonology.symmetrical or uses_base_hand(unit.phonology):
                left.append(Station(unit.first, unit.last, unit.end, (unit.phonology, unit.end - unit.first, unit.scale)))
        return Lines(
            units, lay_line(right, count, fps, self._rest_state(self.rest), None),
            lay_line(left, count, fps, self._rest_state(self.mirrored_rest), self._idle_state(self.mirrored_rest)),
        )  # fmt: skip

    def segments(self, plan: ActionSequence, fps: float) -> tuple[Segment, ...]:
        """The place of each action on the time line, on the frame grid."""
        return tuple(self._segment(a, fps) for a in plan.actions)

    def _segment(self, action: SignAction, fps: float) -> Segment:
        start, end = round(action.start * fps) / fps, round(action.end * fps) / fps
        first = self._schedule_of(action).spans[0]
        return Segment(action.gloss_id, start, end, round((action.start + 0.5 * (first[0] + min(first[1], 0.2))) * fps) / fps)

    def schedules(self, plan: ActionSequence) -> list[Schedule]:
        """Where the morphemes of each action lie, stretched to its duration."""
        return [self._schedule_of(action) for action in plan.actions]

    def seconds(self, plan: ActionSequence) -> float:
        """From rest to rest."""
        return plan.end + RETRACT_SECONDS + LEAD_IN_HOLD

    def frames(self, plan: ActionSequence, fps: float) -> int:
        """How many frames the motion has."""
        # a whole number of frames stays one whatever the sum of the seconds is in its last digit
        return int(np.ceil(self.seconds(plan) * fps - 1e-6)) + 1

    def _schedule_of(self, action: SignAction) -> Schedule:
        if len(action.phonology) == 1:  # nothing to share out
            return Schedule(((0.0, action.duration),))
        return self.schedule(action.phonology, action.kind in ("fingerspelled", "number")).stretched(action.duration)

    def units(self, plan: ActionSequence, fps: float) -> list[Unit]:
        """The morphemes of a complete plan on the frame grid."""
        out: list[Unit] = []
        for index, action in enumerate(plan.actions):
            spans = self._schedule_of(action).spans
            for k, (phonology, (a, b)) in enumerate(zip(action.phonology, spans, strict=True)):
                first = round((action.start + a) * fps)
                end = max(round((action.start + b) * fps), first + 1)
                last = end
                if k + 1 == len(spans):
                    last = max(end, round((action.end + action.pause_after) * fps))
                scale = _EMPHASIS_SCALE[action.emphasis]
                out.append(Unit(index, phonology, first, end, last, scale, action.finger_config if k == 0 else {}))
        for i in range(len(out) - 1):  # a hold gives way to the next sign, never the other way round
            if out[i].last >= out[i + 1].first:
                out[i] = out[i].ending(max(out[i].first + 1, out[i + 1].first - 1))
        return out

    def _other_intervals(self, units: list[Unit], pose: BodyPose, times: np.ndarray) -> list[Interval]:
        """Targets of the non-dominant hand, canonical; one-handed signs give none."""
        out: list[Interval] = []
        for unit in units:
            rows = np.arange(unit.first, unit.last + 1)
            target = self._other_target(unit.phonology, unit.times(times), pose.at(rows), unit.scale)
            if target is not None:
                out.append(Interval(unit.first, unit.last, target))
        return out

    def _other_target(self, phonology: Phonology, times: np.ndarray, pose: BodyPose, scale: float) -> HandTarget | None:
        if phonology.symmetrical:
            apart = phonology.nondominant.location_offset
            if any(apart):  # mirrored, but above, below, before or behind
                x, y, z = (a + b for a, b in zip(phonology.location_offset, apart, strict=True))
                phonology = replace(phonology, location_offset=(x, y, z))
            return self.builder.moving_hand(self.left_hand, phonology, times, pose, scale=scale, shifted=phonology.alternating)
        if uses_base_hand(phonology):
            return self.builder.base_hand(self.left_hand, phonology, times, pose, scale)
        return None

    def _base_tracks(self, phonology: Phonology, wrist: np.ndarray, rotation: np.ndarray, angles: np.ndarray) -> dict[str, AnchorTrack]:
        """The touched patches of the left hand by minor location, in the right one's world. wrist (T, 3), rotation (T, 3, 3), angles (T, 21), canonical."""
        if phonology.symmetrical:
            return {}
        first = phonology.minor_location if phonology.major_location == "Hand" else None
        second = phonology.second_minor_location
        names: dict[str, str] = {}
        if second in MINOR_LOCATIONS["Hand"] and second != "Other":
            names[second] = self.locations.hand_patches[second]
        if first is not None:
            names[first] = phonology.base_contact_point or self.locations.hand_patches["HandOther" if first == "Other" else first]
        out: dict[str, AnchorTrack] = {}
        for minor, name in names.items():
            point, normal = hand_patch(self.left_hand, name, angles)
            place = wrist + np.einsum("tab,tb->ta", rotation, point)
            out[minor] = AnchorTrack(place * FLIP, np.einsum("tab,tb->ta", rotation, normal) * FLIP)
        return out

    def main_targets(self, plan: ActionSequence, units: list[Unit], pose: BodyPose, other: HandTrack, fps: float, first: int = 0) -> list[Interval]:
        """What the dominant hand should do in each unit, on a body with its other hand where they are: pose (T frames), other (T, canonical).

        Row 0 of both is frame `first` of the plan; units count from there.
        """
        times = np.arange(first, first + len(pose.position)) / fps
        out: list[Interval] = []
        for unit in units:
            rows = np.arange(unit.first, unit.last + 1)
            touched = self._base_tracks(unit.phonology, other.wrist[rows], other.rotation[rows], other.angles[rows])
            target = self.builder.moving_hand(
                self.right_hand, unit.phonology, unit.times(times), pose.at(rows), scale=unit.scale, on_base=touched, finger_config=unit.finger_config
            )
            out.append(Interval(unit.first, unit.last, target))
        return self._edited_paths(plan, out, units, times)

    def _edited_paths(self, plan: ActionSequence, intervals: list[Interval], units: list[Unit], times: np.ndarray) -> list[Interval]:
        """Where a trajectory was edited by hand, the dominant wrist follows it instead of the phonology's path."""
        out = list(intervals)
        for k, unit in enumerate(units):
            action = plan.actions[unit.action]
            if not action.trajectory_is_edited:
                continue
            offsets = np.array([p.t_offset for p in action.trajectory])
            places = np.array([[p.x, p.y, p.z] for p in action.trajectory])
            if plan.handedness == "left":
                places = places * FLIP
            at = times[unit.first : unit.last + 1] - action.start
            # ease through each point: piecewise minimum-jerk has no corner in speed
            index = np.clip(np.searchsorted(offsets, at, side="right") - 1, 0, max(len(offsets) - 2, 0))
            nxt = np.minimum(index + 1, len(offsets) - 1)
            gap = np.maximum(offsets[nxt] - offsets[index], 1e-6)
            s = np.clip((at - offsets[index]) / gap, 0.0, 1.0)
            wrist = _through(places, index, s)
            old = out[k].target
            out[k] = Interval(unit.first, unit.last, replace(old, point=wrist, patch=np.zeros_like(old.patch)))
        return out

    def _rest_state(self, rest: np.ndarray) -> HandState:
        """Arms hanging at the sides, hands relaxed; canonical world."""
        shoulder = rest[INDEX["right_shoulder"]]
        reach = float(np.linalg.norm(rest[INDEX["right_wrist"]] - shoulder))
        wrist = shoulder + reach * np.array([-0.16, -0.945, 0.12])
        return HandState(wrist, hand_frame("in+0.35*back", "down+0.12*forward"), self.builder.shape_angles("relaxed"))

    def _idle_state(self, rest: np.ndarray) -> HandState:
        """Where the other hand waits within an utterance: low before the body, relaxed."""
        shoulder = rest[INDEX["right_shoulder"]]
        reach = float(np.linalg.norm(rest[INDEX["right_wrist"]] - shoulder))
        wrist = shoulder + reach * np.array([-0.10, -0.80, 0.38])
        return HandState(wrist, hand_frame("in+0.5*back", "down+0.7*forward+0.4*in"), self.builder.shape_angles("relaxed"))

    @property
    def _opening(self) -> Opening:
        return self._thumb_crosses, self.builder.shape_angles("5")[16:18]

    def _thumb_crosses(self, angles: np.ndarray) -> float:
        """0 to 1: how far the thumb lies across the palm, against an open hand."""
        open_hand, fist = self.builder.shape_angles("5"), self.builder.shape_angles("s")
        whole = float(np.sum((fist[16:21] - open_hand[16:21]) ** 2))
        return float(np.clip(np.dot(angles[16:21] - open_hand[16:21], fist[16:21] - open_hand[16:21]) / max(whole, 1e-9), 0.0, 1.0))

    def _write_arm(self, local: np.ndarray, arm: ArmMotion, tracks: HandTracks, side: str) -> None:
        mirror = side == "left"
        for name, value in (("collar", arm.collar), ("shoulder", arm.shoulder), ("elbow", arm.elbow), ("wrist", arm.wrist_local)):
            local[:, INDEX[f"{side}_{name}"]] = mirror_rotation(value) if mirror else value
        model = self.left_hand if mirror else self.right_hand
        local[:, hand_slice("left" if mirror else "right")] = to_side(model.rotations(tracks.angles), "left" if mirror else "right")


def _copy_arm(local: np.ndarray, motion: Motion, side: Side, handedness: str) -> None:
    """Puts an arm and its hand from a motion into local rotations (T, 55, 3, 3) of a right-handed signer. side: "left" is the non-dominant one."""
    joints = [*(INDEX[f"{side}_{name}"] for name in ("collar", "shoulder", "elbow", "wrist")), *range(NUM_JOINTS)[hand_slice(side)]]
    local[:, joints] = axis_angle_to_matrix((motion.mirrored() if handedness == "left" else motion).poses[:, joints])


@dataclass(frozen=True)
class Lines:
    """What both hands do, by frames: the units of the plan and the line of each hand; right is the dominant one."""

    units: list[Unit]
    right: Line
    left: Line

    def solved(self, first: int, last: int, reach: int) -> tuple[int, int]:
        """The frames whose arms have to be solved for [first, last] to be right: a frame within a join hangs on both of its ends, every frame on those up
        to `reach` from it."""
        low, high = self._uncut(first, last)
        return self._uncut(max(0, low - reach), min(self.right.count - 1, high + reach))

    def told(self, first: int, last: int, reach: int) -> tuple[int, int]:
        """The frames that are solved for [first, last], and the whole of the units that have some of them."""
        low, high = self.solved(first, last, reach)
        units = [*self.right.within(low, high), *self.left.within(low, high)]
        return min([low, *(u.first for u in units)]), max([high, *(u.last for u in units)])

    def needed(self, first: int, last: int, reach: int) -> tuple[int, int]:
        """The frames that [first, last] depend on where units are made as a whole: `reach` more on each side, and no unit or join of either hand in part."""
        low, high = max(0, first - reach), min(self.right.count - 1, last + reach)
        while (grown := self._whole(low, high)) != (low, high):
            low, high = grown
        return low, high

    def _whole(self, low: int, high: int) -> tuple[int, int]:
        units = [*self.right.within(low, high), *self.left.within(low, high)]
        return self._uncut(min([low, *(u.first for u in units)]), max([high, *(u.last for u in units)]))

    def _uncut(self, low: int, high: int) -> tuple[int, int]:
        while (grown := self.left.uncut(*self.right.uncut(low, high))) != (low, high):
            low, high = grown
        return low, high


class Frames(NamedTuple):
    """The frames first to last."""

    first: int
    last: int


@dataclass(frozen=True)
class Unit:
    """One morpheme on the frame grid: its holds at `first` and `end`, kept until `last`."""

    action: int
    phonology: Phonology
    first: int
    end: int
    last: int
    scale: float
    finger_config: dict[str, float]

    def times(self, times: np.ndarray) -> np.ndarray:
        """Seconds of its frames, standing still after `end`."""
        return np.minimum(times[self.first : self.last + 1], times[self.end])

    def moved(self, frames: int) -> Unit:
        return replace(self, first=self.first + frames, end=self.end + frames, last=self.last + frames)

    def ending(self, last: int) -> Unit:
        return Unit(self.action, self.phonology, self.first, min(self.end, last), last, self.scale, self.finger_config)


def _spelled_movement(morpheme: Phonology) -> float:
    """Least seconds of a letter or digit that moves; 0 for one that is only held."""
    if morpheme.internal == "flick":
        return 0.50
    return 0.60 if morpheme.movement != "None" or morpheme.internal or morpheme.final_palm or morpheme.final_handshape else 0.0


def _through(places: np.ndarray, index: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Catmull-Rom through `places` (N, 3) at segment `index` (T,) and fraction s (T,); local support of four points."""
    n = len(places)
    if n == 1:
        return np.repeat(places, len(s), axis=0)
    p0, p1, p2, p3 = (places[np.clip(index + k, 0, n - 1)] for k in (-1, 0, 1, 2))
    s = s[:, None]
    return 0.5 * (2 * p1 + (p2 - p0) * s + (2 * p0 - 5 * p1 + 4 * p2 - p3) * s**2 + (3 * p1 - p0 - 3 * p2 + p3) * s**3)
