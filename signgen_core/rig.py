"""The SMPL-X skeleton: 55 joint names, parents, slices, limits; the only place where these facts stand.

Frame: Y up, the signer faces +Z, the signer's left is +X; metres, radians. The zero pose is the SMPL-X T-pose: arms along
±X, palms down, fingers straight; every joint frame is world-aligned in it, so a local rotation is an axis-angle vector in
world axes of the rest pose (Pavlakos et al. 2019, SMPL-X).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3",
    "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "jaw", "left_eye_smplhf", "right_eye_smplhf",
    "left_index1", "left_index2", "left_index3", "left_middle1", "left_middle2", "left_middle3",
    "left_pinky1", "left_pinky2", "left_pinky3", "left_ring1", "left_ring2", "left_ring3",
    "left_thumb1", "left_thumb2", "left_thumb3",
    "right_index1", "right_index2", "right_index3", "right_middle1", "right_middle2", "right_middle3",
    "right_pinky1", "right_pinky2", "right_pinky3", "right_ring1", "right_ring2", "right_ring3",
    "right_thumb1", "right_thumb2", "right_thumb3",
)  # fmt: skip
PARENTS: tuple[int, ...] = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15,
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
)  # fmt: skip
NUM_JOINTS = 55
INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINT_NAMES)}

# Slices of the (T, 55, 3) pose, by the SMPL-X parameter names.
GLOBAL_ORIENT = slice(0, 1)
BODY_POSE = slice(1, 22)
JAW_POSE = slice(22, 23)
LEYE_POSE = slice(23, 24)
REYE_POSE = slice(24, 25)
LEFT_HAND_POSE = slice(25, 40)
RIGHT_HAND_POSE = slice(40, 55)

# The order of the 15 hand joints within a hand slice (MANO order: index, middle, pinky, ring, thumb).
FINGERS: tuple[str, ...] = ("index", "middle", "pinky", "ring", "thumb")
HAND_JOINTS: tuple[str, ...] = tuple(f"{finger}{k}" for finger in FINGERS for k in (1, 2, 3))

# Points that are no joints but that motion files carry and metrics use; order is part of the motion npz format.
EXTRA_POINTS: tuple[str, ...] = (
    "left_thumb_tip", "left_index_tip", "left_middle_tip", "left_ring_tip", "left_pinky_tip",
    "right_thumb_tip", "right_index_tip", "right_middle_tip", "right_ring_tip", "right_pinky_tip",
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
)  # fmt: skip
POINT_NAMES: tuple[str, ...] = JOINT_NAMES + EXTRA_POINTS


def hand_slice(side: Side) -> slice:
    """The slice of `poses` that holds the 15 hand joints of one side."""
    return LEFT_HAND_POSE if side == "left" else RIGHT_HAND_POSE


def mirror_name(name: str) -> str:
    """The name of the same joint or point on the other side (itself if it is on the midline)."""
    if name.startswith("left_"):
        return "right_" + name[5:]
    if name.startswith("right_"):
        return "left_" + name[6:]
    return name


MIRROR: tuple[int, ...] = tuple(INDEX[mirror_name(name)] for name in JOINT_NAMES)

# The largest turn of each joint away from the T-pose that signing may use, degrees; the anatomical angles of wrist and fingers have finer limits of
# their own (`kinematics.ik`, `phonology.hand`). Order of magnitude after the American Academy of Orthopaedic Surgeons' ranges of motion.
_MAX_DEGREES: dict[str, float] = {
    "pelvis": 180, "hip": 120, "knee": 140, "ankle": 50, "foot": 40, "spine1": 30, "spine2": 30, "spine3": 35, "neck": 50, "head": 55, "collar": 40,
    "shoulder": 175, "elbow": 165, "wrist": 110, "jaw": 30, "eye_smplhf": 35, "thumb1": 95, "thumb2": 80, "thumb3": 95,
}  # fmt: skip
_FINGER_DEGREES = {"1": 105.0, "2": 115.0, "3": 95.0}


def _max_rotation(name: str) -> float:
    plain = name.removeprefix("left_").removeprefix("right_")
    degrees = _MAX_DEGREES.get(plain, _FINGER_DEGREES.get(plain[-1], 180.0))
    return float(np.radians(degrees))


MAX_ROTATION: np.ndarray = np.array([_max_rotation(name) for name in JOINT_NAMES])


@dataclass(frozen=True)
class Rig:
    """A skeleton at rest.

    joint_names: 55 names. parents: 55 indices, -1 for the root. rest_joints: (55, 3) metres.
    extra_points: (15, 3) rest positions of `EXTRA_POINTS`; extra_parents: (15,) the joint that carries each. limits: (55,) largest rotation, radians.
    """

    rest_joints: np.ndarray
    extra_points: np.ndarray
    extra_parents: np.ndarray
    joint_names: tuple[str, ...] = JOINT_NAMES
    parents: tuple[int, ...] = PARENTS
    limits: np.ndarray = field(default_factory=lambda: MAX_ROTATION)

    def offset(self, name: str) -> np.ndarray:
        """(3,) vector from the parent joint to this one, at rest."""
        i = INDEX[name]
        return self.rest_joints[i] - (self.rest_joints[self.parents[i]] if self.parents[i] >= 0 else 0.0)


EXTRA_PARENT_NAMES: tuple[str, ...] = (
    "left_thumb3", "left_index3", "left_middle3", "left_ring3", "left_pinky3",
    "right_thumb3", "right_index3", "right_middle3", "right_ring3", "right_pinky3",
    "head", "left_eye_smplhf", "right_eye_smplhf", "head", "head",
)  # fmt: skip
