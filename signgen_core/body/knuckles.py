"""Finger bases moved from the web, where MakeHuman's rig has them, into the knuckles."""

from __future__ import annotations

import numpy as np

from ..kinematics.rotations import normalise
from ..rig import INDEX

# Length of the proximal phalanx over that of the middle one, from radiographs of adult hands (Buryanov & Kotiuk 2010, Proportions of hand segments).
# MakeHuman's rig has 1.1 to 1.4: its finger bases lie about a centimetre too far out, and a fist made with them bends at the web.
_PROXIMAL_TO_MIDDLE = {"index": 1.78, "middle": 1.70, "ring": 1.61, "pinky": 1.81}
# Half the length over which the skin goes over from the palm to the finger, and how far to the side of a finger's bone its skin reaches, metres.
_HALF_BLEND = 0.010
_REACH = 0.009


def move_knuckles(points: dict[str, np.ndarray]) -> None:
    """Moves `left_index1` and so on of A-pose joint points towards the wrist, in place, until the phalanges have anatomical proportions."""
    for side in ("left", "right"):
        wrist = points[f"{side}_wrist"]
        for finger, ratio in _PROXIMAL_TO_MIDDLE.items():
            base, second, third = (points[f"{side}_{finger}{k}"] for k in (1, 2, 3))
            # between the line of the bent finger and the line to the wrist: where the metacarpal runs
            back = normalise(normalise(base - second) + normalise(wrist - base))
            gap = base - second
            wanted = ratio * np.linalg.norm(third - second)
            along = float(np.dot(back, gap))
            step = -along + float(np.sqrt(max(0.0, float(along * along + wanted * wanted - np.dot(gap, gap)))))
            points[f"{side}_{finger}1"] = base + max(0.0, float(step)) * back


def move_weights(weights: np.ndarray, vertices: np.ndarray, points: dict[str, np.ndarray]) -> np.ndarray:
    """(V, 55) skin weights in which the skin around the moved knuckles bends at them; vertices (V, 3) and points in the A-pose."""
    weights = weights.copy()
    for side in ("left", "right"):
        hand = INDEX[f"{side}_wrist"]
        own = np.flatnonzero(weights[:, hand] > 1e-6)
        near = vertices[own]
        closeness, advance = [], []
        for finger in _PROXIMAL_TO_MIDDLE:
            base, second = points[f"{side}_{finger}1"], points[f"{side}_{finger}2"]
            ahead = normalise(second - base)
            relative = near - base
            along = relative @ ahead
            aside = np.linalg.norm(relative - along[:, None] * ahead, axis=1)
            closeness.append(np.exp(-((aside / _REACH) ** 2)))
            t = np.clip((along + _HALF_BLEND) / (2.0 * _HALF_BLEND), 0.0, 1.0)
            advance.append(t * t * (3.0 - 2.0 * t))
        close = np.stack(closeness)
        total = close.sum(axis=0)
        # full hold within reach of any bone, fading beyond it (the skin of the thumb's web stays with the palm)
        hold = np.minimum(1.0, total / np.exp(-2.5))
        share = np.stack(advance) * close / np.maximum(total, 1e-12) * hold
        taken = weights[own, hand][None] * share
        weights[own, hand] -= taken.sum(axis=0)
        for row, finger in zip(taken, _PROXIMAL_TO_MIDDLE, strict=True):
            weights[own, INDEX[f"{side}_{finger}1"]] += row
    return weights
