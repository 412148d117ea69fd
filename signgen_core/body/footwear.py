"""A plain shoe: the hulls of the foot's cross-sections, lofted from heel to toe."""

from __future__ import annotations

import numpy as np

from .mesh import Binding, Piece

_STATIONS = 22
_AROUND = 24
_LEATHER = 0.005  # metres between foot and outside
_SOLE = 0.006
_WINDOW = 0.014  # half width of the slice whose hull makes a cross-section


def _hull_radii(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(A,) distance from the origin to the convex hull of points (N, 2) along each angle."""
    direction = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    support = np.maximum((points @ direction.T).max(axis=0), 1e-3)
    cosine = direction @ direction.T
    return np.where(cosine > 0.15, support[None, :] / np.maximum(cosine, 0.15), np.inf).min(axis=1)


def shoe(base: Piece, foot: np.ndarray, region: int) -> Piece:
    """A shoe around the vertices chosen by foot (N,) bool of the skin `base`, whose feet point along +Z."""
    ids = np.flatnonzero(foot)
    p = base.positions[ids]
    ground = p[:, 1].min()
    heel, toe = p[:, 2].min() - _LEATHER, p[:, 2].max() + _LEATHER + 0.004
    share = 0.5 - 0.5 * np.cos(np.linspace(0.06, np.pi - 0.06, _STATIONS))  # denser towards the rounded ends
    along = heel + share * (toe - heel)
    angles = np.arange(_AROUND) * 2 * np.pi / _AROUND
    centres, radii = np.empty((_STATIONS, 2)), np.empty((_STATIONS, _AROUND))
    for k, z in enumerate(np.clip(along, p[:, 2].min() + _WINDOW, p[:, 2].max() - _WINDOW)):
        slab = p[np.abs(p[:, 2] - z) < _WINDOW][:, :2]
        centres[k] = [0.5 * (slab[:, 0].min() + slab[:, 0].max()), ground + 0.02]
        radii[k] = _hull_radii(slab - centres[k], angles) + _LEATHER
    for _ in range(2):
        radii[1:-1] = 0.25 * (radii[:-2] + 2 * radii[1:-1] + radii[2:])
        centres[1:-1] = 0.25 * (centres[:-2] + 2 * centres[1:-1] + centres[2:])
    # Rounded ends: the last 3 cm shrink like a quarter circle.
    end = np.minimum(np.minimum(along - heel, toe - along) / 0.03, 1)
    radii *= np.sqrt(1 - (1 - end) ** 2)[:, None]
    x = centres[:, :1] + radii * np.cos(angles)
    y = np.maximum(centres[:, 1:] + radii * np.sin(angles), ground - _SOLE)
    positions = np.stack([x, y, np.broadcast_to(along[:, None], x.shape)], axis=-1).reshape(-1, 3)
    tips = np.array([[centres[0, 0], centres[0, 1], heel], [centres[-1, 0], centres[-1, 1], toe]])
    positions = np.concatenate([positions, tips])

    ring = np.arange(_AROUND)
    after = (ring + 1) % _AROUND
    polygons = [
        np.stack([k * _AROUND + ring, k * _AROUND + after, (k + 1) * _AROUND + after, (k + 1) * _AROUND + ring], axis=1)
        for k in range(_STATIONS - 1)
    ]
    last = (_STATIONS - 1) * _AROUND
    none = np.full(_AROUND, -1)
    polygons.append(np.stack([after, ring, np.full(_AROUND, len(positions) - 2), none], axis=1))
    polygons.append(np.stack([last + ring, last + after, np.full(_AROUND, len(positions) - 1), none], axis=1))
    stacked = np.concatenate(polygons)

    # Each vertex follows the four nearest of the foot, the nearer the more.
    distance = np.linalg.norm(positions[:, None] - p[None], axis=-1)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :4]
    weight = 1 / (np.take_along_axis(distance, nearest, axis=1) + 1e-3)
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(positions)), 4)
    binding: Binding = base.binding.compose(rows, ids[nearest.ravel()], weight.ravel(), len(positions))
    return Piece(positions, binding, stacked, np.zeros((len(stacked), 4, 2), dtype=np.float32), np.full(len(stacked), region))
