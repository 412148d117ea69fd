"""Distances of two motions that need not be equally long: dynamic time warping of joint positions, and how much their lengths differ.

Positions are (T, 70, 3) metres in the order of `rig.POINT_NAMES`; distances are mm. Which points a number is over is said by `tokens.metrics.GROUPS`. Points
are seen from the pelvis (all, body) or from the hand's own wrist (a hand) of each frame, so that where a signer stands counts nowhere; `hands` is the mean of
both hands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..rig import INDEX, POINT_NAMES
from ..tokens.metrics import GROUPS, similarity

ROOTS = {"all": "pelvis", "body": "pelvis", "left_hand": "left_wrist", "right_hand": "right_wrist"}
NAMES = ("all", "body", "hands")  # what the tables show


@dataclass(frozen=True)
class Warp:
    """The cheapest path through a matrix of costs.

    total: sum of the costs along it, in their unit. path: (L, 2) int, the pairs of frames (a, b) from (0, 0) to the last of both. frames: of the longer side.
    """

    total: float
    path: np.ndarray
    frames: int

    @property
    def per_frame(self) -> float:
        """`total` by the frames of the longer side, the least number of steps that a path can have.

        Not by the steps of the path: a path could then be made cheaper by going a long way round, and an alignment that makes every cost smaller could still
        give a larger number. Two equally long motions are never further apart by this than frame by frame.
        """
        return self.total / self.frames


def dtw(costs: np.ndarray) -> Warp:
    """Dynamic time warping (Sakoe and Chiba 1978) of costs (A, B) without a window: each step goes one frame on in a, in b, or in both, each step counts once.

    Of paths of equal cost, the one that goes on in both where it can. Raises InputError for costs that are no matrix, empty, negative or not finite.
    """
    costs = np.asarray(costs, dtype=np.float64)
    if costs.ndim != 2 or not costs.size:
        raise InputError(f"time warping: expected costs (A, B) of at least one frame each, found {costs.shape}")
    if not np.isfinite(costs).all() or costs.min() < 0.0:
        raise InputError("time warping: costs must be finite and not negative")
    rows, columns = costs.shape
    # The cells with the same i + j depend on earlier ones alone: row d of these holds them by i + 1, with infinity around.
    sums = np.full((rows + columns - 1, rows + 1), np.inf)
    slanted = np.full((rows + columns - 1, rows), np.inf)
    i, j = np.indices(costs.shape)
    slanted[i + j, i] = costs
    sums[0, 1] = costs[0, 0]
    for d in range(1, rows + columns - 1):
        before = np.minimum(sums[d - 1, 1:], sums[d - 1, :-1])
        if d > 1:
            np.minimum(before, sums[d - 2, :-1], out=before)
        np.add(before, slanted[d], out=sums[d, 1:])
    path = [(rows - 1, columns - 1)]
    a, b = path[0]
    while a or b:
        choices = []  # (sum, preference, cell)
        if a and b:
            choices.append((sums[a + b - 2, a], 0, (a - 1, b - 1)))
        if a:
            choices.append((sums[a + b - 1, a], 1, (a - 1, b)))
        if b:
            choices.append((sums[a + b - 1, a + 1], 2, (a, b - 1)))
        a, b = min(choices)[2]
        path.append((a, b))
    return Warp(float(sums[-1, -1]), np.array(path[::-1]), max(rows, columns))


def rooted(joints: np.ndarray, group: str) -> np.ndarray:
    """(T, P, 3) metres: the points of a group of `tokens.metrics.GROUPS`, seen from its root. Raises InputError for joints of another shape or no frame."""
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(POINT_NAMES), 3) or not len(joints):
        raise InputError(f"joints: expected (T, {len(POINT_NAMES)}, 3) with T > 0, found {joints.shape}")
    root = INDEX[ROOTS[group]]
    moved: np.ndarray = joints[:, GROUPS[group]] - joints[:, root, None]
    return moved


def frame_distances(a: np.ndarray, b: np.ndarray, *, aligned: bool) -> np.ndarray:
    """(A, B) mm of points (A, P, 3) and (B, P, 3), metres: of every pair of frames the mean distance of their points; with `aligned`, after the similarity
    that `tokens.metrics.mpjpe_pa` takes (never above the plain distance). Raises InputError for other shapes."""
    if a.ndim != 3 or b.shape[1:] != a.shape[1:] or a.shape[2] != 3:
        raise InputError(f"points: expected (A, P, 3) and (B, P, 3), found {a.shape} and {b.shape}")
    # coordinate by coordinate, a row of pairs at a time: sums over an axis of 3 are slow, and all pairs at once would not fit into the cache
    first, second = np.moveaxis(a, 2, 0).copy(), np.moveaxis(b, 2, 0).copy()
    plain = np.stack([_mean_distance(first[:, k, None], second) for k in range(len(a))])
    if not aligned:
        return plain
    p, q = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    products = np.einsum("bpi,apj->abij", q, p, optimize=True)
    rotation, scale = similarity(products, np.broadcast_to(np.sum(p * p, axis=(1, 2))[:, None], products.shape[:2]))
    turns = np.moveaxis(scale[..., None, None] * rotation, 2, 1)  # (A, 3, B, 3)
    centred = np.moveaxis(q, 2, 0).copy()
    return np.minimum(plain, np.stack([_mean_distance(turns[k] @ frame.T, centred) for k, frame in enumerate(p)]))


def _mean_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N,) mm: the mean over the points of the distance between (3, N, P) and (3, N, P), metres."""
    total = (a[0] - b[0]) ** 2
    for axis in (1, 2):
        total += (a[axis] - b[axis]) ** 2
    mean: np.ndarray = 1e3 * np.sqrt(total).mean(axis=-1)
    return mean


def dtw_jpe(made: np.ndarray, true: np.ndarray, *, aligned: bool = False) -> dict[str, Warp]:
    """DTW-JPE, and with `aligned` DTW-PA-JPE: group of points -> the cheapest warp of the joint errors of made (A, 70, 3) against true (B, 70, 3).

    The cost of a pair of frames is the mean distance of the group's points in mm, from their root (plain) or after a Procrustes alignment of that pair. Each
    group is warped for itself. `Warp.total` is the number without length normalisation, the accumulated cost, as the SOKE generator (Zuo et al. 2025) reports
    it; `Warp.per_frame` the one with: divided by the frames of the longer motion, mm, to be read like an MPJPE. Both motions must have the same frame rate. The
    aligned numbers are never above the plain ones. Raises InputError for joints of another shape.
    """
    return {group: dtw(frame_distances(rooted(made, group), rooted(true, group), aligned=aligned)) for group in ROOTS}


def with_hands(values: dict[str, float]) -> dict[str, float]:
    """Numbers by group as the tables show them: all, body, and both hands' mean."""
    return {"all": values["all"], "body": values["body"], "hands": (values["left_hand"] + values["right_hand"]) / 2}


def length_error(made: float, true: float) -> float:
    """Stop-length error: difference of two durations in seconds, as a share of the true one (0.1: a tenth too long or too short). Raises InputError for a true
    duration that is not above 0."""
    if not true > 0.0:
        raise InputError(f"length error: the true duration is {true:g} s")
    return abs(made - true) / true
