"""Analytic two-bone inverse kinematics of an arm, its elbow swivel, and how a hand's turn is shared along the forearm.

Everything is computed for a *right* arm; a left arm is its mirror image (x negated), so the caller mirrors targets in and rotations out.
The elbow lies on a circle about the line from shoulder to wrist; the swivel angle says where. It is measured against a
reference direction that is carried along by the shortest rotation, so that it has no jump anywhere that an arm can reach (its one pole is up and behind).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rotations import cross, normalise, rotation_about, rotation_between, twist_angle

# Carried reference: for an arm pointing forward and down the elbow hangs down, out and back.
_POLE_DIRECTION = normalise(np.array([0.0, -0.6, 0.8]))
_POLE_ELBOW = normalise(np.array([-0.45, -0.72, -0.54]))
_STRAIGHT = 0.9995  # of the arm's length: a locked elbow has no defined plane and looks dead
_MIN_REACH = 0.12  # metres: a wrist nearer to the shoulder than this would fold the elbow past its limit


@dataclass(frozen=True)
class Arm:
    """Rest geometry of a right arm: joint positions (3,) metres at the zero pose."""

    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray

    @property
    def upper(self) -> float:
        return float(np.linalg.norm(self.elbow - self.shoulder))

    @property
    def fore(self) -> float:
        return float(np.linalg.norm(self.wrist - self.elbow))

    @property
    def reach(self) -> float:
        """The longest shoulder-to-wrist distance that is solved exactly, in metres."""
        return (self.upper + self.fore) * _STRAIGHT


@dataclass(frozen=True)
class ArmSolution:
    """Global rotations (..., 3, 3) of upper arm and of the untwisted forearm, positions (..., 3), and the wrist's error in metres (...)."""

    upper_rotation: np.ndarray
    fore_rotation: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    error: np.ndarray


def _reference(direction: np.ndarray) -> np.ndarray:
    """The elbow's direction at swivel 0, perpendicular to the arm's `direction` (..., 3)."""
    pole = normalise(_POLE_ELBOW - (_POLE_ELBOW @ _POLE_DIRECTION) * _POLE_DIRECTION)
    # the shortest rotation of the pole's direction onto `direction`, applied to a vector across it; capped where the arm would point up and behind
    share = (direction @ pole) / np.maximum(1.0 + direction @ _POLE_DIRECTION, 1e-3)
    carried = pole - share[..., None] * (_POLE_DIRECTION + direction)
    carried = carried - np.sum(carried * direction, axis=-1, keepdims=True) * direction
    return normalise(carried)


def two_bone(arm: Arm, shoulder: np.ndarray, target: np.ndarray, swivel: np.ndarray) -> ArmSolution:
    """Places elbow and wrist.

    shoulder, target: (..., 3) metres; swivel: (...) radians, positive lifts the elbow outwards. A target out of reach is approached along its
    line, one too near is pushed out to the shortest distance; `error` says by how much. A target on the shoulder is taken as forward and down.
    """
    a, b = arm.upper, arm.fore
    shoulder, target = np.broadcast_arrays(np.asarray(shoulder, dtype=np.float64), np.asarray(target, dtype=np.float64))
    delta = target - shoulder
    distance = np.sqrt(np.sum(delta * delta, axis=-1))
    direction = normalise(delta, fallback=_POLE_DIRECTION)
    reach = np.clip(distance, max(abs(a - b) + 1e-4, _MIN_REACH), arm.reach)
    along = (a * a - b * b + reach * reach) / (2.0 * reach)
    radius = np.sqrt(np.maximum(a * a - along * along, 0.0))
    u = _reference(direction)
    v = cross(u, direction)
    swivel = np.asarray(swivel, dtype=np.float64)[..., None]
    side = np.cos(swivel) * u + np.sin(swivel) * v
    elbow = shoulder + along[..., None] * direction + radius[..., None] * side
    wrist = shoulder + reach[..., None] * direction
    hinge = cross(side, direction)
    upper_rotation = _frame_rotation(normalise(arm.elbow - arm.shoulder), normalise(elbow - shoulder), hinge)
    fore_rotation = _frame_rotation(normalise(arm.wrist - arm.elbow), normalise(wrist - elbow), hinge)
    error = np.sqrt(np.sum((wrist - target) ** 2, axis=-1))
    return ArmSolution(upper_rotation, fore_rotation, elbow, wrist, error)


def _frame_rotation(rest_direction: np.ndarray, direction: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """Rotation (..., 3, 3) taking the rest bone to `direction` and the rest hinge (+Y for a right arm in the T-pose) to `hinge`."""
    rest_hinge = np.array([0.0, 1.0, 0.0])
    rest_hinge = normalise(rest_hinge - (rest_hinge @ rest_direction) * rest_direction)
    rest = np.stack([rest_direction, rest_hinge, cross(rest_direction, rest_hinge)], axis=-1)
    hinge = normalise(hinge - np.sum(hinge * direction, axis=-1, keepdims=True) * direction)
    posed = np.stack([direction, hinge, cross(direction, hinge)], axis=-1)
    return posed @ rest.T


# Forearm turn, positive in supination, and wrist angles: limits in radians. Zero is the T-pose: its palm faces along the elbow's hinge, the thumb to the
# side to which the elbow bends, which is the anatomical neutral. Ranges after the American Academy of Orthopaedic Surgeons' normal values (pronation 80,
# supination 80, flexion 80, extension 70, radial 20, ulnar 30 degrees), widened by what the carpus and a swivelling shoulder lend.
TWIST_CENTRE = 0.0
TWIST_RANGE = (np.radians(-95.0), np.radians(100.0))
FLEXION_RANGE = (np.radians(-75.0), np.radians(85.0))
DEVIATION_RANGE = (np.radians(-40.0), np.radians(28.0))  # negative: ulnar
ELBOW_TWIST_SHARE = 0.6  # the rest turns in the wrist joint, so that the skin does not collapse at one ring


@dataclass(frozen=True)
class WristAngles:
    """Anatomical angles (...) radians of a hand against its untwisted forearm: twist (supination +), flexion (+), deviation (radial +)."""

    twist: np.ndarray
    flexion: np.ndarray
    deviation: np.ndarray


def wrist_angles(arm: Arm, fore_rotation: np.ndarray, hand_rotation: np.ndarray) -> WristAngles:
    """Reads the anatomical angles of a right hand. fore_rotation, hand_rotation: (..., 3, 3) global."""
    axis = normalise(arm.wrist - arm.elbow)
    relative = np.swapaxes(fore_rotation, -1, -2) @ hand_rotation
    # The fingers' direction gives flexion and deviation; the twist is what is left over. Twist first, then swing, as the bones do it.
    twist = twist_angle(relative, axis)
    twist = (twist - TWIST_CENTRE + np.pi) % (2.0 * np.pi) - np.pi + TWIST_CENTRE
    swing = np.swapaxes(rotation_about(axis, twist), -1, -2) @ relative
    fingers = swing @ axis
    flexion = np.arctan2(-fingers[..., 1], -fingers[..., 0])
    deviation = np.arcsin(np.clip(fingers[..., 2], -1.0, 1.0))
    return WristAngles(twist, flexion, deviation)


def hand_rotation(arm: Arm, fore_rotation: np.ndarray, angles: WristAngles) -> np.ndarray:
    """The global hand rotation (..., 3, 3) of given anatomical angles; inverse of `wrist_angles`."""
    axis = normalise(arm.wrist - arm.elbow)
    return fore_rotation @ rotation_about(axis, angles.twist) @ _swing(arm, angles)


def _swing(arm: Arm, angles: WristAngles) -> np.ndarray:
    axis = normalise(arm.wrist - arm.elbow)
    cos_deviation = np.cos(angles.deviation)
    fingers = np.stack([-np.cos(angles.flexion) * cos_deviation, -np.sin(angles.flexion) * cos_deviation, np.sin(angles.deviation)], axis=-1)
    return rotation_between(axis, fingers)


def clamp_wrist(angles: WristAngles) -> WristAngles:
    """The nearest angles within the joint limits; continuous also where an impossible orientation passes from one limit's side to the other's."""
    return WristAngles(_fold(angles.twist, *TWIST_RANGE), _fold(angles.flexion, *FLEXION_RANGE), np.clip(angles.deviation, *DEVIATION_RANGE))


def _fold(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Clips an angle to [low, high]; far outside it goes back to the middle, which it reaches at the opposite direction, so that no wrap shows."""
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    away = (value - middle + np.pi) % (2.0 * np.pi) - np.pi
    size = np.abs(away)
    give = half + np.radians(35.0)  # up to here the limit holds
    back = np.clip((np.pi - size) / max(np.pi - give, 1e-6), 0.0, 1.0)
    return middle + np.sign(away) * np.minimum(size, half) * np.where(size > give, back, 1.0)


def share_forearm(arm: Arm, solution: ArmSolution, angles: WristAngles) -> tuple[np.ndarray, np.ndarray]:
    """Local elbow and wrist rotations (..., 3, 3): the elbow bends and takes a share of the twist, the wrist the rest and the swing."""
    axis = normalise(arm.wrist - arm.elbow)
    elbow = np.swapaxes(solution.upper_rotation, -1, -2) @ solution.fore_rotation @ rotation_about(axis, angles.twist * ELBOW_TWIST_SHARE)
    wrist = rotation_about(axis, angles.twist * (1.0 - ELBOW_TWIST_SHARE)) @ _swing(arm, angles)
    return elbow, wrist


def _excess(value: np.ndarray, low: float, high: float, margin: float) -> np.ndarray:
    """Squared distance outside [low + margin, high - margin], smooth."""
    over = np.maximum(value - (high - margin), 0.0) + np.maximum((low + margin) - value, 0.0)
    return over * over


def best_swivel(arm: Arm, shoulder: np.ndarray, target: np.ndarray, hand: np.ndarray, samples: int = 16) -> np.ndarray:
    """The swivel (T,) that costs least: wrist within its limits, elbow low and beside the body.

    shoulder, target: (T, 3); hand: (T, 3, 3) wanted global rotation. Frames are independent of each other, so that an edit of one
    frame changes no other; smoothing over time is the caller's, with a finite window.
    """
    grid = np.linspace(np.radians(-50.0), np.radians(100.0), samples)
    swivel = np.broadcast_to(grid, (len(target), samples))
    solution = two_bone(arm, shoulder[:, None], target[:, None], swivel)
    angles = wrist_angles(arm, solution.fore_rotation, np.broadcast_to(hand[:, None], (*swivel.shape, 3, 3)))
    cost = 30.0 * _excess(angles.twist, *TWIST_RANGE, np.radians(15.0))
    cost += 30.0 * _excess(angles.flexion, *FLEXION_RANGE, np.radians(25.0))
    cost += 60.0 * _excess(angles.deviation, *DEVIATION_RANGE, np.radians(12.0))
    cost += 0.25 * angles.flexion**2 + 0.5 * angles.deviation**2 + 0.03 * angles.twist**2
    height = solution.elbow[..., 1] - shoulder[:, None, 1]
    inside = np.maximum(solution.elbow[..., 0] - (shoulder[:, None, 0] + 0.02), 0.0)  # elbow towards the midline
    outside = np.maximum(shoulder[:, None, 0] - 0.16 - solution.elbow[..., 0], 0.0)
    behind = np.maximum(shoulder[:, None, 2] - 0.10 - solution.elbow[..., 2], 0.0)
    cost += 24.0 * np.maximum(height + 0.12, 0.0) ** 2 + 10.0 * np.maximum(height + 0.22, 0.0) ** 2 + 60.0 * inside**2 + 12.0 * outside**2 + 20.0 * behind**2
    cost += 0.15 * (swivel - 0.2) ** 2
    # a soft minimum is smooth in the targets where an argmin would jump between two valleys
    weight = np.exp(-(cost - cost.min(axis=1, keepdims=True)) / 0.03)
    return np.sum(weight * swivel, axis=1) / np.sum(weight, axis=1)


def without_twist(arm: Arm, elbow_local: np.ndarray) -> np.ndarray:
    """The elbow's hinge rotation (..., 3, 3) alone, its share of the forearm twist taken away."""
    axis = normalise(arm.wrist - arm.elbow)
    # the hinge and the twist that follows it meet in one rotation; the twist is read from where the hinge axis (rest +Y) went
    turned = np.einsum("...ba,b->...a", elbow_local, np.array([0.0, 1.0, 0.0]))
    across = cross(axis, np.array([0.0, 1.0, 0.0]))
    twist = np.arctan2(-np.sum(turned * across, axis=-1), turned[..., 1])
    return np.einsum("...ab,...bc->...ac", elbow_local, rotation_about(axis, -twist))
