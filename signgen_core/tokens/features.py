"""A motion as numbers that a network learns well: 6-D rotations (Zhou et al. 2019) of the joints that signing moves, in four streams, and back.

What does not move while somebody signs (legs, feet, the root) is not among them; `decode` leaves it at rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..face import NUM_FACE
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle, matrix_to_rot6d, rot6d_to_matrix
from ..motion import Motion
from ..rig import INDEX, LEFT_HAND_POSE, NUM_JOINTS, RIGHT_HAND_POSE

BODY_JOINTS = (
    "spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist",
)  # fmt: skip
FACE_JOINTS = ("jaw", "left_eye_smplhf", "right_eye_smplhf")
STREAMS = ("body", "left_hand", "right_hand", "face")
_JOINTS: dict[str, tuple[int, ...]] = {
    "body": tuple(INDEX[n] for n in BODY_JOINTS), "left_hand": tuple(range(NUM_JOINTS))[LEFT_HAND_POSE],
    "right_hand": tuple(range(NUM_JOINTS))[RIGHT_HAND_POSE], "face": tuple(INDEX[n] for n in FACE_JOINTS),
}  # fmt: skip
WIDTHS: dict[str, int] = {stream: 6 * len(joints) + (NUM_FACE if stream == "face" else 0) for stream, joints in _JOINTS.items()}


def encode(motion: Motion) -> dict[str, np.ndarray]:
    """stream -> (T, WIDTHS[stream]) float32."""
    rotation = matrix_to_rot6d(axis_angle_to_matrix(motion.poses))
    out = {stream: rotation[:, list(joints)].reshape(motion.num_frames, -1) for stream, joints in _JOINTS.items()}
    out["face"] = np.concatenate([out["face"], motion.face], axis=1)
    return {stream: values.astype(np.float32) for stream, values in out.items()}


def decode(features: dict[str, np.ndarray], fps: float, betas: np.ndarray | None = None) -> Motion:
    """The motion of features; inverse of `encode` for what signing moves. Numbers that are no rotation are brought to the nearest by Gram-Schmidt.

    Raises InputError for streams that are missing, of the wrong width or of different lengths.
    """
    frames = len(next(iter(features.values()), ()))
    for stream in STREAMS:
        shape = features[stream].shape if stream in features else None
        if shape != (frames, WIDTHS[stream]):
            raise InputError(f"features: {stream}: expected ({frames}, {WIDTHS[stream]}), found {shape}")
    poses = np.zeros((frames, NUM_JOINTS, 3))
    for stream, joints in _JOINTS.items():
        values = features[stream][:, : 6 * len(joints)].astype(np.float64).reshape(frames, len(joints), 6)
        poses[:, list(joints)] = matrix_to_axis_angle(rot6d_to_matrix(values))
    face = np.clip(features["face"][:, 6 * len(FACE_JOINTS) :].astype(np.float64), 0.0, 1.0)
    return Motion(poses, np.zeros((frames, 3)), np.zeros(10) if betas is None else betas, np.zeros((frames, 10)), face, fps)


@dataclass(frozen=True)
class Normaliser:
    """Mean and scale of each feature of each stream. What hardly varies is not blown up: the scale has a floor."""

    mean: dict[str, np.ndarray]
    scale: dict[str, np.ndarray]

    @classmethod
    def fit(cls, clips: list[dict[str, np.ndarray]], floor: float = 0.02) -> Normaliser:
        """Over all frames of all clips. Raises InputError without any."""
        if not clips:
            raise InputError("features: no clips to take mean and scale from")
        mean, scale = {}, {}
        for stream in STREAMS:
            count = sum(len(c[stream]) for c in clips)
            total = sum(c[stream].sum(axis=0, dtype=np.float64) for c in clips)
            mean[stream] = (total / count).astype(np.float32)
            square = sum(((c[stream] - mean[stream]).astype(np.float64) ** 2).sum(axis=0) for c in clips)
            scale[stream] = np.maximum(np.sqrt(square / count), floor).astype(np.float32)
        return cls(mean, scale)

    def apply(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {stream: (features[stream] - self.mean[stream]) / self.scale[stream] for stream in STREAMS}

    def undo(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {stream: features[stream] * self.scale[stream] + self.mean[stream] for stream in STREAMS}
