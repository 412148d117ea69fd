"""How far two sets of motions are from one another as sets, and how varied one set is. No motion is compared with one of the same sentence here."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..rig import INDEX, POINT_NAMES

STEPS = 32  # frames that a motion is brought to before sets of motions are compared frame by frame


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """FID: squared Frechet distance of the normal distributions fitted to embeddings a (N, D) and b (M, D) (Heusel et al. 2017), in their squared unit.

    |mean a - mean b|^2 + trace(A + B - 2 (A B)^(1/2)) with the covariances A and B (dividing by N, so that one clip has none); 0 for a set against itself.
    Below some ten times D clips it is much too large, and only numbers over equally many clips can be compared. Raises InputError for an empty set or other
    shapes.
    """
    a, b = _sets(a, b, "Frechet distance")
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    # trace (A B)^(1/2) is the sum of the singular values of the product of the two centred sets: no root of a matrix, which fails where one is singular
    half_a, half_b = (a - mean_a) / np.sqrt(len(a)), (b - mean_b) / np.sqrt(len(b))
    shared = np.linalg.svd(half_a @ half_b.T, compute_uv=False).sum() if min(len(a), len(b)) else 0.0
    value = np.sum((mean_a - mean_b) ** 2) + np.sum(half_a**2) + np.sum(half_b**2) - 2.0 * shared
    return float(max(0.0, value))


def mmd(a: np.ndarray, b: np.ndarray, bandwidth: float | None = None) -> float:
    """Maximum mean discrepancy of samples a (N, D) and b (M, D): the distance of their means in the space of a Gaussian kernel (Gretton et al. 2012), without
    unit.

    Root of the biased estimate mean k(a, a) + mean k(b, b) - 2 mean k(a, b) with k(x, y) = exp(-|x - y|^2 / (2 h^2)); 0 for equal sets, at most sqrt(2).
    bandwidth: h; None: the median distance of two different samples of both sets together (1 where all samples are the same). Raises InputError for an empty
    set or other shapes.
    """
    a, b = _sets(a, b, "MMD")
    both = np.concatenate([a, b])
    return _mmd(_squares(both), len(a), bandwidth)


def mmd_avg(a: np.ndarray, b: np.ndarray) -> float:
    """MMD avg of motions a (N, S, P, 3) and b (M, S, P, 3): `mmd` of the poses at each of the S steps, the mean over the steps (Wang et al. 2020; Degardin et
    al. 2022). Says whether the poses at the same share of the way are alike. The bandwidth is the median of that step."""
    _motions(a, b)
    return float(np.mean([mmd(a[:, s].reshape(len(a), -1), b[:, s].reshape(len(b), -1)) for s in range(a.shape[1])]))


def mmd_seq(a: np.ndarray, b: np.ndarray) -> float:
    """MMD seq of motions a (N, S, P, 3) and b (M, S, P, 3): `mmd` of the whole sequences of poses as one vector each (Wang et al. 2020; Degardin et al.
    2022)."""
    _motions(a, b)
    return mmd(a.reshape(len(a), -1), b.reshape(len(b), -1))


def diversity(values: np.ndarray, pairs: int = 200, seed: int = 0) -> float:
    """Mean distance of `pairs` random pairs of different clips in embeddings (N, D), in their unit (Guo et al. 2020); 0 for one clip.

    All pairs are taken where there are no more of them. To be compared with the true motions' own: neither more nor less is better.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise InputError(f"diversity: expected (N, D) of at least one clip, found {values.shape}")
    first, second = np.triu_indices(len(values), k=1)
    if len(first) > pairs:
        chosen = np.random.default_rng(seed).choice(len(first), size=pairs, replace=False)
        first, second = first[chosen], second[chosen]
    return float(np.sqrt(np.sum((values[first] - values[second]) ** 2, axis=1)).mean()) if len(first) else 0.0


def in_steps(joints: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """(S, P, 3) metres: positions (T, 70, 3) at S times evenly from first to last frame, linear in between, seen from the pelvis, without the pelvis and legs,
    which stand still. Raises InputError for joints of another shape or no frame."""
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(POINT_NAMES), 3) or not len(joints):
        raise InputError(f"joints: expected (T, {len(POINT_NAMES)}, 3) with T > 0, found {joints.shape}")
    seen = joints[:, _UPPER] - joints[:, INDEX["pelvis"], None]
    place = np.linspace(0.0, len(seen) - 1.0, steps)
    left = np.minimum(place.astype(int), max(len(seen) - 2, 0))
    right = np.minimum(left + 1, len(seen) - 1)
    share = (place - left)[:, None, None]
    out: np.ndarray = seen[left] * (1.0 - share) + seen[right] * share
    return out


_UPPER = [k for k, name in enumerate(POINT_NAMES) if name != "pelvis" and not name.endswith(("hip", "knee", "ankle", "foot"))]


def _sets(a: np.ndarray, b: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b):
        raise InputError(f"{what}: expected (N, D) and (M, D) of at least one clip each, found {a.shape} and {b.shape}")
    return a, b


def _motions(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 4 or a.shape[1:] != b.shape[1:] or not len(a) or not len(b) or not a.shape[1]:
        raise InputError(f"MMD: expected (N, S, P, 3) and (M, S, P, 3) of at least one motion each, found {a.shape} and {b.shape}")


def _squares(values: np.ndarray) -> np.ndarray:
    """(N, N) squared distances; from differences of norms, which for equal rows must be made exactly 0."""
    norms = np.sum(values**2, axis=1)
    out = np.maximum(norms[:, None] + norms[None, :] - 2.0 * (values @ values.T), 0.0)
    out[out < 1e-12 * max(float(norms.max()), 1e-300)] = 0.0
    return out


def _mmd(squares: np.ndarray, count: int, bandwidth: float | None) -> float:
    if bandwidth is None:
        apart = np.sqrt(squares[np.triu_indices(len(squares), k=1)])
        apart = apart[apart > 0.0]
        bandwidth = float(np.median(apart)) if len(apart) else 1.0
    if not bandwidth > 0.0:
        raise InputError(f"MMD: the bandwidth must be above 0, found {bandwidth:g}")
    kernel = np.exp(-squares / (2.0 * bandwidth**2))
    value = kernel[:count, :count].mean() + kernel[count:, count:].mean() - 2.0 * kernel[:count, count:].mean()
    return float(np.sqrt(max(0.0, value)))
