"""The 68 face landmarks that the package `smplx` reads off a body: 51 inner ones and the jaw line (order of the iBUG 300-W mark-up)."""

from __future__ import annotations

import numpy as np

from .head import BROW

NUM_VIEWS = 79  # head turns from 39 degrees right to 39 degrees left, as smplx looks them up


class _Surface:
    """Triangles of the face in the T-pose; answers with (triangle, barycentric) pairs."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, wanted: np.ndarray) -> None:
        self.vertices, self.faces = vertices, faces
        self.ids = np.flatnonzero(wanted[faces].all(axis=1))
        self.corners = vertices[faces[self.ids]]

    def front(self, x: float, y: float) -> tuple[int, np.ndarray]:
        """Where a line along -Z from the viewer first meets the face; the nearest triangle centre if it misses."""
        a, b, c = (self.corners[:, k, :2] for k in range(3))
        p = np.array([x, y])
        area = _cross(b - a, c - a)
        usable = np.where(np.abs(area) < 1e-14, np.nan, area)
        with np.errstate(invalid="ignore"):
            u, v = _cross(c - b, p - b) / usable, _cross(a - c, p - c) / usable
            bary = np.stack([u, v, 1 - u - v], axis=-1)
            hit = np.flatnonzero(np.all(bary >= -1e-9, axis=1))
        if hit.size:
            depth = np.einsum("hk,hk->h", bary[hit], self.corners[hit, :, 2])
            best = hit[np.argmax(depth)]
            return int(self.ids[best]), bary[best]
        best = int(np.argmin(np.linalg.norm(self.corners[:, :, :2].mean(axis=1) - p, axis=1)))
        return int(self.ids[best]), np.full(3, 1 / 3)

    def vertex(self, vertex: int) -> tuple[int, np.ndarray]:
        row, corner = np.argwhere(self.faces == vertex)[0]
        return int(row), np.eye(3)[corner]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _along(vertices: np.ndarray, ids: np.ndarray, shares: tuple[float, ...], upper: bool) -> list[int]:
    """The vertices of a closed rim at the given shares of its width (0: smallest x) on its upper or lower half."""
    p = vertices[ids]
    left, right = p[np.argmin(p[:, 0])], p[np.argmax(p[:, 0])]
    chord = left[1] + (right[1] - left[1]) * (p[:, 0] - left[0]) / (right[0] - left[0])
    half = ids[(p[:, 1] >= chord - 1e-9) if upper else (p[:, 1] <= chord + 1e-9)]
    return [int(half[np.argmin(np.abs(vertices[half, 0] - (left[0] + share * (right[0] - left[0]))))]) for share in shares]


def face_landmarks(
    vertices: np.ndarray,
    faces: np.ndarray,
    front: np.ndarray,
    rims: dict[str, np.ndarray],
    eyes: dict[str, np.ndarray],
    nose: np.ndarray,
    jaw: np.ndarray,
) -> dict[str, np.ndarray]:
    """The keys lmk_faces_idx (51,), lmk_bary_coords (51, 3), dynamic_lmk_faces_idx (79, 17), dynamic_lmk_bary_coords (79, 17, 3).

    vertices (V, 3) T-pose; faces (F, 3); front (V,) bool: vertices of the visible face. rims: vertex ids of `left_lids`, `right_lids`,
    `lips` (outer) and `mouth` (inner). eyes: centre of each eye; nose: (3,) its tip; jaw: ids among which the jaw line is found.
    """
    surface = _Surface(vertices, faces, front)
    found: list[tuple[int, np.ndarray]] = []
    shares = (0.04, 0.28, 0.52, 0.76, 0.96)
    for side, order in ((-1, shares[::-1]), (1, shares)):  # from the viewer's left: the right brow from outside in, then the left one
        eye = eyes["left" if side > 0 else "right"]
        for share in order:
            x = BROW[0, 0] + share * (BROW[-1, 0] - BROW[0, 0])
            found.append(surface.front(eye[0] + side * x, eye[1] + float(np.interp(x, BROW[:, 0], BROW[:, 1]))))
    top = eyes["left"][1] + 0.002
    found += [surface.front(0.0, top + share * (nose[1] - top)) for share in (0.0, 1 / 3, 2 / 3, 1.0)]
    found += [surface.front(x, nose[1] - 0.011 + abs(x) * 0.15) for x in (-0.013, -0.0065, 0.0, 0.0065, 0.013)]
    for name in ("right_lids", "left_lids"):
        rim = rims[name]
        ids = _along(vertices, rim, (0.0, 0.33, 0.67, 1.0), True) + _along(vertices, rim, (0.67, 0.33), False)
        found += [surface.vertex(i) for i in ids]
    for rim, upper, lower in (
        (rims["lips"], (0.0, 0.17, 0.36, 0.5, 0.64, 0.83, 1.0), (0.83, 0.64, 0.5, 0.36, 0.17)),
        (rims["mouth"], (0.04, 0.3, 0.5, 0.7, 0.96), (0.7, 0.5, 0.3)),
    ):
        found += [surface.vertex(i) for i in _along(vertices, rim, upper, True) + _along(vertices, rim, lower, False)]

    angles = np.radians(np.linspace(-80, 80, 17))
    outward = np.stack([np.sin(angles), -0.75 * np.cos(angles) ** 2 - 0.05, 0.55 * np.cos(angles)], axis=1)
    line = [surface.vertex(int(jaw[np.argmax(vertices[jaw] @ d)])) for d in outward]
    return {
        "lmk_faces_idx": np.array([i for i, _ in found], dtype=np.int64),
        "lmk_bary_coords": np.array([b for _, b in found]),
        "dynamic_lmk_faces_idx": np.tile(np.array([i for i, _ in line], dtype=np.int64), (NUM_VIEWS, 1)),
        "dynamic_lmk_bary_coords": np.tile(np.array([b for _, b in line]), (NUM_VIEWS, 1, 1)),
    }
