"""How well tokens give a motion back: distances of points, use of the codebooks, jitter. All in numpy; positions in metres, distances in mm."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..rig import EXTRA_POINTS, INDEX, NUM_JOINTS, POINT_NAMES, hand_slice


def _hand(side: str) -> tuple[int, ...]:
    tips = (NUM_JOINTS + k for k, name in enumerate(EXTRA_POINTS) if name.startswith(side) and name.endswith("_tip"))
    return (INDEX[f"{side}_wrist"], *range(NUM_JOINTS)[hand_slice(side)], *tips)  # type: ignore[arg-type]


# Which of `rig.POINT_NAMES` each number is over. all: 55 joints and 15 points; body: what belongs to neither hand (wrists included) nor legs;
# a hand: its wrist, 15 joints and 5 tips.
_LEGS = ("hip", "knee", "ankle", "foot")
GROUPS: dict[str, tuple[int, ...]] = {"all": tuple(range(len(POINT_NAMES))), "left_hand": _hand("left"), "right_hand": _hand("right")}
_FINGERS = (set(GROUPS["left_hand"]) | set(GROUPS["right_hand"])) - {INDEX["left_wrist"], INDEX["right_wrist"]}
GROUPS["body"] = tuple(k for k, name in enumerate(POINT_NAMES) if k not in _FINGERS and not name.endswith(_LEGS) and name != "pelvis")


def distances(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(T, P, 3) twice, metres -> (T, P) mm. Raises InputError for other or different shapes."""
    if predicted.shape != true.shape or predicted.ndim != 3 or predicted.shape[2] != 3:
        raise InputError(f"points: expected twice (T, P, 3), found {predicted.shape} and {true.shape}")
    return 1e3 * np.sqrt(np.sum((np.asarray(predicted, dtype=np.float64) - true) ** 2, axis=-1))


def mpjpe(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean per-joint position error, mm: the mean over frames and points of the distance between predicted and true point, nothing aligned.

    predicted, true: (T, P, 3) metres. With our features the pelvis is at the same place in both.
    """
    return float(distances(predicted, true).mean())


def mpjpe_pa(predicted: np.ndarray, true: np.ndarray) -> float:
    """The same after a Procrustes alignment of each frame, mm: the similarity (rotation without mirroring, scale, translation) that brings the predicted points
    onto the true ones with the least sum of squares. Least squares is not least mean distance: a frame that it would make worse stays unaligned, so that this
    is never above `mpjpe`."""
    return float(aligned_distances(predicted, true).mean())


def aligned_distances(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(T, P) mm: the distances that `mpjpe_pa` is the mean of."""
    plain = distances(predicted, true)
    aligned = distances(align(predicted, true), true)
    worse = aligned.mean(axis=1) > plain.mean(axis=1)
    aligned[worse] = plain[worse]
    return aligned


def align(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """predicted (T, P, 3) under the similarity of each frame that is nearest to true (T, P, 3) in least squares (Umeyama 1991)."""
    p, q = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    p_mean, q_mean = p.mean(axis=1, keepdims=True), q.mean(axis=1, keepdims=True)
    p, q = p - p_mean, q - q_mean
    rotation, scale = similarity(np.swapaxes(q, 1, 2) @ p, np.sum(p * p, axis=(1, 2)))
    return scale[:, None, None] * (p @ np.swapaxes(rotation, 1, 2)) + q_mean


def similarity(products: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (..., 3, 3), never a mirroring, and scale (...,) that bring centred points p nearest to centred points q in least squares.

    products: (..., 3, 3) sums of q p^T over the points; spread: (...,) sums of |p|^2.
    """
    u, sizes, vt = np.linalg.svd(products)
    sign = np.ones(products.shape[:-1])
    sign[..., 2] = np.sign(np.linalg.det(u @ vt))
    return (u * sign[..., None, :]) @ vt, np.sum(sizes * sign, axis=-1) / np.maximum(spread, 1e-12)


def jitter(positions: np.ndarray, fps: float) -> float:
    """Mean size of the jerk, the third derivative of the positions (T, P, 3) by differences, in m/s^3 over frames and points; 0 below 4 frames."""
    if len(positions) < 4:
        return 0.0
    return float(np.sqrt(np.sum(np.diff(np.asarray(positions, dtype=np.float64), n=3, axis=0) ** 2, axis=-1)).mean() * fps**3)


def codebook_use(codes: np.ndarray, size: int) -> tuple[float, float]:
    """Of codes (N,) out of 0 to size - 1: the share of the codebook that occurs, and the perplexity 2 ** entropy of their distribution (1: always the same
    code; size: all equally often)."""
    counts = np.bincount(np.asarray(codes).ravel(), minlength=size)
    if len(counts) > size or not counts.sum():
        raise InputError(f"codes: expected some from 0 to {size - 1}")
    share = counts[counts > 0] / counts.sum()
    return float((counts > 0).mean()), float(2.0 ** -(share * np.log2(share)).sum())
