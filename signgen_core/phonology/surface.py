"""Finding points of a mesh's surface by rays cast from inside: works on any mesh, stores no vertex ids."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..kinematics.rotations import normalise, perpendicular


class Probe:
    """Rays against a triangle mesh; vertices (V, 3), faces (F, 3) with outward winding."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        corners = np.asarray(vertices, dtype=np.float64)[np.asarray(faces)]
        self._a = corners[:, 0]
        self._ab = corners[:, 1] - corners[:, 0]
        self._ac = corners[:, 2] - corners[:, 0]
        self._normal = np.cross(self._ab, self._ac)

    def _distance(self, start: np.ndarray, direction: np.ndarray, reach: float) -> float:
        # Moller-Trumbore on all triangles at once; only triangles that face along the ray are exits
        p = np.cross(direction, self._ac)
        det = np.einsum("ij,ij->i", self._ab, p)
        leaving = self._normal @ direction > 0
        safe = np.where(np.abs(det) > 1e-14, det, np.inf)
        offset = start - self._a
        u = np.einsum("ij,ij->i", offset, p) / safe
        q = np.cross(offset, self._ab)
        v = q @ direction / safe
        t = np.einsum("ij,ij->i", self._ac, q) / safe
        hit = leaving & (np.abs(det) > 1e-14) & (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 0) & (t < reach)
        return float(t[hit].min()) if hit.any() else float("inf")

    def exit(self, start: np.ndarray, direction: np.ndarray, reach: float = 0.08) -> np.ndarray:
        """(3,) where a ray from a point inside the flesh first leaves the mesh. Raises InputError if it does not within `reach` metres."""
        direction = normalise(direction)
        distance = self._distance(start, direction, reach)
        if not np.isfinite(distance):
            raise InputError(f"no skin within {reach:g} m of {np.round(start, 4).tolist()} towards {np.round(direction, 3).tolist()}")
        return np.asarray(start + direction * distance)

    def section(self, centre: np.ndarray, axis: np.ndarray, rays: int = 12) -> tuple[np.ndarray, float]:
        """Middle (3,) and radius (metres) of the flesh around a point of a bone, in the plane at right angles to the unit axis.

        Pairs of opposite rays give widths; the wide ones, which run on into neighbouring flesh, are left out. Raises InputError where there is no skin.
        """
        x = perpendicular(axis)
        y = np.cross(axis, x)
        pairs = []
        for a in np.pi * np.arange(rays // 2) / (rays // 2):
            ray = np.cos(a) * x + np.sin(a) * y
            there, back = self._distance(centre, ray, 0.06), self._distance(centre, -ray, 0.06)
            if np.isfinite(there + back):
                pairs.append((there + back, 0.5 * (there - back), ray))
        if not pairs:
            raise InputError(f"no skin around {np.round(centre, 4).tolist()}")
        narrowest = min(width for width, _, _ in pairs)
        good = [pair for pair in pairs if pair[0] <= 1.35 * narrowest]
        # each pair knows the middle along its own ray only, so the middle is a least-squares fit over the pairs
        shift = np.linalg.lstsq(np.vstack([*(ray for _, _, ray in good), axis]), np.array([*(m for _, m, _ in good), 0.0]), rcond=None)[0]
        return np.asarray(centre + shift), 0.5 * float(np.median([width for width, _, _ in good]))
