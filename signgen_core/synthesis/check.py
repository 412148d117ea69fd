"""Measures a motion against the bounds that hands must keep: contact, penetration, speed, jumps, joint limits; and against its plan, unit by unit.

Used by tests, by `benchmarks/lexicon_bounds.py`, by `evaluation` and by quality flags; every number is taken from the finished motion by forward kinematics,
not from the generator's own targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..action import ActionSequence
from ..kinematics import ik
from ..kinematics.forward import global_transforms
from ..kinematics.rotations import axis_angle_to_matrix, geodesic_angle
from ..motion import Motion
from ..phonology.features import Phonology
from ..phonology.hand import ANGLE_LIMITS, mirror_points, to_side
from ..rig import INDEX, JOINT_NAMES, SIDES, Side, hand_slice
from .collision import HandSkin
from .generate import HandTrack, Synthesiser, Unit
from .targets import FLIP, BodyPose, hand_patch, major_of, mirror_rotation

_ABOUT = 0.015  # metres by which the middle of the touching patch may stand off while the skin around it touches
_SKINS: dict[tuple[int, str], HandSkin] = {}


@dataclass(frozen=True)
class Report:
    """contact: metres between the touching patch and its place at the moment of touch, or between skin and skin where the patch is within 15 mm of it
    (NaN for a sign without contact); penetration: metres of the
    deepest skin vertex of a hand in head or torso; wrist_speed: metres a second; jump: radians, largest turn of one joint between frames, and which;
    limit: radians beyond a joint's limit, and which; turn_error: radians by which the dominant hand's orientation misses its target at first and last hold
    (an anatomically impossible palm or finger direction)."""

    contact: float
    penetration: float
    wrist_speed: float
    jump: float
    jump_joint: str
    limit: float
    limit_joint: str
    turn_error: float


@dataclass(frozen=True)
class Posed:
    """A right-handed motion on a synthesiser's body: local (T, 55, 3, 3) rotations, pose with the global transforms, (T, 21) finger angles of each hand."""

    local: np.ndarray
    pose: BodyPose
    hands: dict[Side, np.ndarray]


def posed(synthesiser: Synthesiser, motion: Motion) -> Posed:
    """The motion by forward kinematics on the synthesiser's own skeleton, standing where that stands."""
    local = axis_angle_to_matrix(motion.poses)
    return Posed(local, BodyPose(*global_transforms(local, synthesiser.rest)), {side: _angles(synthesiser, local, side) for side in SIDES})


def measure(synthesiser: Synthesiser, plan: ActionSequence, motion: Motion) -> Report:
    """Measures a right-handed motion of `plan`."""
    state = posed(synthesiser, motion)
    local, pose = state.local, state.pose
    position = pose.position
    jumps = geodesic_angle(local[1:], local[:-1])
    worst = int(np.argmax(jumps.max(axis=0)))
    wrists = position[:, [INDEX["left_wrist"], INDEX["right_wrist"]]]
    speed = float(np.sqrt(np.sum(np.diff(wrists, axis=0) ** 2, axis=2)).max() * motion.fps)
    limit, limit_joint = _limits(synthesiser, local, pose)
    gaps = [gap for gap in contact_gaps(synthesiser, synthesiser.units(plan, motion.fps), state) if not np.isnan(gap)]
    return Report(
        contact=max(gaps, default=float("nan")), penetration=max(penetration(synthesiser, pose, local, side) for side in SIDES),
        wrist_speed=speed, jump=float(jumps.max()), jump_joint=JOINT_NAMES[worst], limit=limit, limit_joint=limit_joint,
        turn_error=_turn_error(synthesiser, plan, motion, pose),
    )  # fmt: skip


def _turn_error(synthesiser: Synthesiser, plan: ActionSequence, motion: Motion, pose: BodyPose) -> float:
    worst = 0.0
    for unit in synthesiser.units(plan, motion.fps):
        ends = synthesiser.ends(unit.phonology)
        for frame, state in ((unit.first, ends[0]), (unit.end, ends[1])):
            worst = max(worst, float(geodesic_angle(pose.rotation[frame, INDEX["right_wrist"]], state.rotation)))
    return worst


def _angles(synthesiser: Synthesiser, local: np.ndarray, side: Side) -> np.ndarray:
    """(T, 21) finger angles read back from the pose."""
    model = synthesiser.right_hand if side == "right" else synthesiser.left_hand
    return model.angles_from_rotations(to_side(local[:, hand_slice(side)], side))


def penetration(synthesiser: Synthesiser, pose: BodyPose, local: np.ndarray, side: Side) -> float:
    """Metres by which the deepest skin vertex of a hand stands in head or torso on any frame; below zero: clearance."""
    model, arm = (synthesiser.right_hand, synthesiser.right_arm) if side == "right" else (synthesiser.left_hand, synthesiser.left_arm)
    key = (id(synthesiser), side)
    if key not in _SKINS:  # every vertex of the hand, not the sample that the generator looks at
        _SKINS[key] = HandSkin(synthesiser.body, side, model, synthesiser.betas, count=None)
    points = mirror_points(_SKINS[key].points(_angles(synthesiser, local, side)), side)
    wrist = INDEX[f"{side}_wrist"]
    world = pose.position[:, wrist, None] + points @ np.swapaxes(pose.rotation[:, wrist], -1, -2)
    depth, _ = arm.fields.depth(world, np.zeros(world.shape[1]), pose.rotation, pose.position)
    return float(depth.max())


def _limits(synthesiser: Synthesiser, local: np.ndarray, pose: BodyPose) -> tuple[float, str]:
    worst, name = -np.inf, ""
    for side in SIDES:
        angles = _angles(synthesiser, local, side)
        over = np.maximum(angles - ANGLE_LIMITS[:, 1], ANGLE_LIMITS[:, 0] - angles).max()
        if over > worst:
            worst, name = float(over), f"{side} fingers"
        canonical = pose if side == "right" else pose.mirrored()
        solver = synthesiser.right_arm if side == "right" else synthesiser.left_arm
        upper, hand = canonical.rotation[:, INDEX["right_shoulder"]], canonical.rotation[:, INDEX["right_wrist"]]
        elbow_local = local[:, INDEX["right_elbow"]] if side == "right" else mirror_rotation(local[:, INDEX["left_elbow"]])
        fore = np.einsum("tab,tbc->tac", upper, ik.without_twist(solver.arm, elbow_local))
        wrist = ik.wrist_angles(solver.arm, fore, hand)
        for label, value, (low, high) in (
            ("twist", wrist.twist, ik.TWIST_RANGE), ("flexion", wrist.flexion, ik.FLEXION_RANGE), ("deviation", wrist.deviation, ik.DEVIATION_RANGE),
        ):  # fmt: skip
            over = float(np.maximum(value - high, low - value).max())
            if over > worst:
                worst, name = over, f"{side} wrist {label}"
    return worst, name


def contact_gaps(synthesiser: Synthesiser, units: list[Unit], state: Posed) -> list[float]:
    """Metres between touching patch and place (or skin and skin) of each unit, at its best frame, since a touch is a moment; NaN for a unit without contact.

    Units must lie within the frames of the motion.
    """
    gaps = []
    for unit in units:
        if not unit.phonology.contact:
            gaps.append(float("nan"))
            continue
        rows = np.arange(unit.first, unit.last + 1)
        gap = _gap(synthesiser, unit.phonology, rows, state.pose, state.hands)
        if unit.phonology.major_location in ("Head", "Body") and 0.005 < gap < _ABOUT:
            # a flat palm is hollow: laid on the chest it touches with heel and finger pads, not with its middle
            gap = min(gap, max(0.0, -penetration(synthesiser, state.pose.at(rows), state.local[rows], "right")))
        gaps.append(gap)
    return gaps


def wrist_errors(synthesiser: Synthesiser, plan: ActionSequence, units: list[Unit], state: Posed, fps: float) -> list[float]:
    """Metres by which the dominant wrist misses the place that the plan gives it, of each unit: the mean over its first and its last hold.

    The places are those that phonology asks for on this motion's own trunk and other hand, so that a trunk that leans is no error of the hand. What keeps
    hands out of the body and within reach moves them off these places on purpose: the teacher's own error is not 0.
    """
    mirrored = state.pose.mirrored()
    wrist = INDEX["right_wrist"]
    other = HandTrack(mirrored.position[:, wrist], mirrored.rotation[:, wrist], state.hands["left"])
    targets = synthesiser.main_targets(plan, units, state.pose, other, fps)
    out = []
    for unit, interval in zip(units, targets, strict=True):
        missed = state.pose.position[[unit.first, unit.end], wrist] - interval.target.wrist[[0, unit.end - unit.first]]
        out.append(float(np.sqrt(np.sum(missed**2, axis=1)).mean()))
    return out


def patch_world(synthesiser: Synthesiser, pose: BodyPose, angles: np.ndarray, side: Side, name: str) -> np.ndarray:
    """(T, 3) world position of a patch of one hand. angles: (T, 21) of that hand."""
    model = synthesiser.right_hand if side == "right" else synthesiser.left_hand
    point, _ = hand_patch(model, name, angles)
    wrist = INDEX[f"{side}_wrist"]
    return pose.position[:, wrist] + np.einsum("tab,tb->ta", pose.rotation[:, wrist], mirror_points(point, side))


def _gap(synthesiser: Synthesiser, phonology: Phonology, rows: np.ndarray, pose: BodyPose, hands: dict[Side, np.ndarray]) -> float:
    """Metres between patch and place at the frame where they are nearest; a sign that touches two places has to reach both."""
    near = pose.at(rows)
    patch = patch_world(synthesiser, near, hands["right"][rows], "right", phonology.contact_point or "palm")
    places = [(phonology.major_location, phonology.minor_location, phonology.location_offset)]
    second = phonology.second_minor_location
    slides_round = phonology.movement == "Circular" and phonology.contact_time == "throughout"
    if second is not None and phonology.contact_time in (None, "both") and not second.endswith(("Away", "Neutral")) and not slides_round:
        places.append((major_of(second, phonology.major_location), second, phonology.second_offset))
    return max(_nearest(synthesiser, phonology, place, patch, near, hands, rows) for place in places)


def _nearest(
    synthesiser: Synthesiser, phonology: Phonology, place: tuple[str, str, tuple[float, float, float]], patch: np.ndarray, near: BodyPose,
    hands: dict[Side, np.ndarray], rows: np.ndarray,
) -> float:  # fmt: skip
    major, minor, offset = place
    if major == "Hand" and not phonology.symmetrical:
        first = minor == phonology.minor_location
        name = (phonology.base_contact_point if first else None) or synthesiser.locations.hand_patches["HandOther" if minor == "Other" else minor]
        goal = patch_world(synthesiser, near, hands["left"][rows], "left", name) + np.array(offset) * FLIP
    elif phonology.symmetrical and major in ("Neutral", "Hand"):
        goal = patch_world(synthesiser, near, hands["left"][rows], "left", phonology.contact_point or "palm")
        goal = goal + np.array([2.0 * offset[0], 0.0, 0.0]) * FLIP
    else:
        anchor = synthesiser.locations.anchor(major, minor, offset)
        goal = anchor.at(near.rotation, near.position, synthesiser.rest)
    return float(np.sqrt(np.sum((patch - goal) ** 2, axis=1)).min())
