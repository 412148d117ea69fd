"""Mirror images of features and points: what `Motion.mirrored` is to a motion."""

from __future__ import annotations

import numpy as np

from ..face import FACE_MIRROR
from ..rig import POINT_NAMES, mirror_name
from .features import BODY_JOINTS, FACE_JOINTS, STREAMS

# What mirroring does to the 6-D form of a rotation R: the signs of M R M with M = diag(-1, 1, 1).
MIRROR_6D = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
_POINTS = tuple(POINT_NAMES.index(mirror_name(name)) for name in POINT_NAMES)


def mirrored(features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features (..., width) of the signer's mirror image."""
    out = {"left_hand": _mirrored_joints(features["right_hand"]), "right_hand": _mirrored_joints(features["left_hand"])}
    out["body"] = _mirrored_joints(features["body"], _order(BODY_JOINTS))
    width = 6 * len(FACE_JOINTS)
    turned = _mirrored_joints(features["face"][..., :width], _order(FACE_JOINTS))
    out["face"] = np.concatenate([turned, features["face"][..., width:][..., list(FACE_MIRROR)]], axis=-1)
    return {s: out[s] for s in STREAMS}


def mirrored_points(points: np.ndarray) -> np.ndarray:
    """Points (..., 70, 3) of the mirror image."""
    return points[..., list(_POINTS), :] * np.array([-1.0, 1.0, 1.0], dtype=points.dtype)


def _order(names: tuple[str, ...]) -> list[int]:
    return [names.index(mirror_name(name)) for name in names]


def _mirrored_joints(values: np.ndarray, order: list[int] | None = None) -> np.ndarray:
    joints = values.reshape(*values.shape[:-1], -1, 6) * np.array(MIRROR_6D, dtype=values.dtype)
    return (joints if order is None else joints[..., order, :]).reshape(values.shape)
