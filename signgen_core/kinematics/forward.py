"""Forward kinematics: local joint rotations to global transforms (numpy, vectorised over frames)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..rig import PARENTS, Rig


def global_transforms(
    local: np.ndarray,
    rest_joints: np.ndarray,
    parents: Sequence[int] = PARENTS,
    transl: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations and joint positions.

    local: (T, J, 3, 3) rotations relative to the parent; rest_joints: (J, 3) or (T, J, 3) metres; transl: (T, 3) metres.
    Returns R (T, J, 3, 3) and p (T, J, 3). With SMPL-X's world-aligned joint frames R is also the rotation from rest to posed.
    """
    local = np.asarray(local, dtype=np.float64)
    rest = np.broadcast_to(np.asarray(rest_joints, dtype=np.float64), (*local.shape[:2], 3))
    rotation = np.empty_like(local)
    position = np.empty((*local.shape[:2], 3))
    for j, parent in enumerate(parents):
        if parent < 0:
            rotation[:, j] = local[:, j]
            position[:, j] = rest[:, j]
        else:
            rotation[:, j] = rotation[:, parent] @ local[:, j]
            position[:, j] = position[:, parent] + (rotation[:, parent] @ (rest[:, j] - rest[:, parent])[..., None])[..., 0]
    if transl is not None:
        position = position + np.asarray(transl, dtype=np.float64)[:, None]
    return rotation, position


def point_positions(rig: Rig, rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Positions (T, 70, 3) of `rig.POINT_NAMES`: the 55 joints, then finger tips, nose, eyes, ears."""
    carrier = np.asarray(rig.extra_parents)
    local = rig.extra_points - rig.rest_joints[carrier]
    extra = position[:, carrier] + np.einsum("tkab,kb->tka", rotation[:, carrier], local)
    return np.concatenate([position, extra], axis=1)
