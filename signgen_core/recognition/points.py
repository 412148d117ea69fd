"""Joint positions as the recogniser sees them: upper body and hands, from the neck, in shoulder widths, facing +Z, the dominant hand on the right."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..rig import INDEX, POINT_NAMES, SIDES, mirror_name
from ..tokens.metrics import GROUPS

_BODY = (
    "pelvis", "left_hip", "right_hip", "spine1", "spine3", "neck", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
)  # fmt: skip
HAND = len(GROUPS["right_hand"])
# The dominant hand, the other one, then the body. A hand: wrist, 15 joints in the order of `rig.FINGERS`, 5 tips from thumb to little finger.
NAMES: tuple[str, ...] = (*(POINT_NAMES[k] for side in reversed(SIDES) for k in GROUPS[f"{side}_hand"]), *_BODY)
CHOSEN: tuple[int, ...] = tuple(POINT_NAMES.index(name) for name in NAMES)
MIRROR: tuple[int, ...] = tuple(NAMES.index(mirror_name(name)) for name in NAMES)
NUM_POINTS = len(NAMES)
NOSE, NECK = NAMES.index("nose"), NAMES.index("neck")


def _bones() -> tuple[int, ...]:
    parents = []
    for name in NAMES:
        side, _, rest = name.partition("_")
        if rest in ("wrist", "elbow"):
            parent = f"{side}_{'elbow' if rest == 'wrist' else 'shoulder'}"
        elif rest == "tip" or rest.endswith("_tip"):
            parent = name.replace("_tip", "3")
        elif name[-1] in "123" and side in SIDES:
            parent = f"{side}_wrist" if name[-1] == "1" else f"{name[:-1]}{int(name[-1]) - 1}"
        else:
            parent = {"pelvis": "pelvis", "spine1": "pelvis", "spine3": "spine1", "neck": "spine3", "head": "neck", "nose": "head"}.get(name, "")
            parent = parent or {"hip": "pelvis", "shoulder": "neck", "eye": "head", "ear": "head"}[rest]
        parents.append(NAMES.index(parent))
    return tuple(parents)


BONES: tuple[int, ...] = _bones()  # the point at the other end of each point's bone; the pelvis has itself


def normalised(joints: np.ndarray) -> np.ndarray:
    """(T, 70, 3) positions in metres of `rig.POINT_NAMES` -> (T, NUM_POINTS, 3) float32.

    The neck of every frame is at the origin, one unit is the clip's mean width of the shoulders, and the clip is turned about the vertical so that its
    shoulders lie along X in the mean. Raises InputError for another shape, for numbers that are not finite, or for shoulders in one point.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(POINT_NAMES), 3) or not len(joints):
        raise InputError(f"joints: expected (T, {len(POINT_NAMES)}, 3), found {joints.shape}")
    if not np.isfinite(joints).all():
        raise InputError("joints: holds NaN or infinite values")
    across = np.mean(joints[:, INDEX["left_shoulder"]] - joints[:, INDEX["right_shoulder"]], axis=0)
    width, flat = float(np.linalg.norm(across)), float(np.hypot(across[0], across[2]))
    if flat < 1e-3:
        raise InputError("joints: the shoulders are at the same place")
    cos, sin = across[0] / flat, across[2] / flat
    turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    rooted = joints[:, list(CHOSEN)] - joints[:, INDEX["neck"], None]
    return (rooted @ turn.T / width).astype(np.float32)


def mirrored(points: np.ndarray) -> np.ndarray:
    """(..., NUM_POINTS, 3) by the mirror image."""
    return points[..., list(MIRROR), :] * np.array([-1.0, 1.0, 1.0], dtype=points.dtype)


def at(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Points (T, K, 3) at places (...,) counted in frames -> (..., K, 3) float32, linear between frames; the first and last frame hold on."""
    place = np.clip(places, 0.0, len(points) - 1.0)
    left = np.minimum(place.astype(np.int64), max(len(points) - 2, 0))
    share = (place - left)[..., None, None].astype(np.float32)
    a, b = points[left].astype(np.float32), points[np.minimum(left + 1, len(points) - 1)].astype(np.float32)
    return a + (b - a) * share
