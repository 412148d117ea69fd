"""Linear blend skinning on the 55 joints (numpy), the same arithmetic that SMPL-X and every game engine use."""

from __future__ import annotations

import numpy as np

from ..kinematics.forward import global_transforms
from ..kinematics.rotations import axis_angle_to_matrix
from ..rig import PARENTS


def joint_transforms(poses: np.ndarray, rest_joints: np.ndarray, transl: np.ndarray | None = None) -> np.ndarray:
    """(T, 55, 3, 4) transforms that take a rest point to its posed place when it follows that joint alone.

    poses: (T, 55, 3) axis-angle; rest_joints: (55, 3) or (T, 55, 3) metres; transl: (T, 3) metres.
    """
    rotation, position = global_transforms(axis_angle_to_matrix(poses), rest_joints, PARENTS, transl)
    shift = position - np.einsum("tjab,tjb->tja", rotation, np.broadcast_to(rest_joints, position.shape))
    return np.concatenate([rotation, shift[..., None]], axis=-1)


def skin(vertices: np.ndarray, weights: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """(T, V, 3) posed vertices.

    vertices: (V, 3) or (T, V, 3) rest positions; weights: (V, 55); transforms: (T, 55, 3, 4) of `joint_transforms`.
    """
    frames = transforms.shape[0]
    out = np.empty((frames, weights.shape[0], 3))
    for t in range(frames):
        rest = vertices if vertices.ndim == 2 else vertices[t]
        blend = (weights @ transforms[t].reshape(-1, 12)).reshape(-1, 3, 4)
        out[t] = np.einsum("vab,vb->va", blend[..., :3], rest) + blend[..., 3]
    return out
