"""Polygon meshes whose every vertex is a known linear combination of source vertices: clipping, subdividing, smoothing, offsetting.

The combination (the `binding`) carries everything that lives on the source mesh over to derived pieces: skin weights, face shapes, betas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Binding:
    """Sparse (N, source) matrix in coordinate form."""

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    size: int

    @staticmethod
    def identity(cols: np.ndarray) -> Binding:
        return Binding(np.arange(len(cols)), np.asarray(cols), np.ones(len(cols)), len(cols))

    def __matmul__(self, source: np.ndarray) -> np.ndarray:
        """(source, ...) values to (N, ...)."""
        flat = source.reshape(len(source), -1)
        out = np.empty((self.size, flat.shape[1]))
        for k in range(flat.shape[1]):
            out[:, k] = np.bincount(self.rows, self.values * flat[self.cols, k], minlength=self.size)
        return out.reshape(self.size, *source.shape[1:])

    def compose(self, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, size: int) -> Binding:
        """The binding of new vertices that are combinations (rows, cols, values) of the vertices bound here."""
        order = np.argsort(self.rows, kind="stable")
        start = np.searchsorted(self.rows[order], np.arange(self.size + 1))
        counts = (start[1:] - start[:-1])[cols]
        first = np.repeat(start[:-1][cols], counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        entry = order[first + within]
        return Binding(np.repeat(rows, counts), self.cols[entry], np.repeat(values, counts) * self.values[entry], size)

    def take(self, keep: np.ndarray) -> Binding:
        """The binding of the vertices `keep` (ids)."""
        return self.compose(np.arange(len(keep)), np.asarray(keep), np.ones(len(keep)), len(keep))


@dataclass(frozen=True)
class Piece:
    """positions (N, 3); polygons (P, 4), -1 in the last column of triangles; uv (P, 4, 2); regions (P,)."""

    positions: np.ndarray
    binding: Binding
    polygons: np.ndarray
    uv: np.ndarray
    regions: np.ndarray

    def compact(self) -> Piece:
        """Without the vertices that no polygon uses."""
        used = np.unique(self.polygons[self.polygons >= 0])
        renumber = np.full(len(self.positions) + 1, -1)
        renumber[used] = np.arange(len(used))
        return Piece(self.positions[used], self.binding.take(used), renumber[self.polygons], self.uv, self.regions)

    def select(self, polygons: np.ndarray) -> Piece:
        """The polygons of a mask or of ids."""
        return Piece(self.positions, self.binding, self.polygons[polygons], self.uv[polygons], self.regions[polygons]).compact()

    def moved(self, positions: np.ndarray) -> Piece:
        return Piece(positions, self.binding, self.polygons, self.uv, self.regions)

    def painted(self, region: int) -> Piece:
        return Piece(self.positions, self.binding, self.polygons, self.uv, np.full(len(self.polygons), region))


def join(pieces: Sequence[Piece]) -> Piece:
    """All pieces as one mesh (vertices are not merged)."""
    start = np.cumsum([0, *(len(p.positions) for p in pieces)])
    binding = Binding(
        np.concatenate([p.binding.rows + s for p, s in zip(pieces, start, strict=False)]),
        np.concatenate([p.binding.cols for p in pieces]),
        np.concatenate([p.binding.values for p in pieces]),
        int(start[-1]),
    )
    return Piece(
        np.concatenate([p.positions for p in pieces]),
        binding,
        np.concatenate([np.where(p.polygons >= 0, p.polygons + s, -1) for p, s in zip(pieces, start, strict=False)]),
        np.concatenate([p.uv for p in pieces]),
        np.concatenate([p.regions for p in pieces]),
    )


def triangles(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3) triangles of (P, 4) polygons and (F,) the polygon of each."""
    quad = polygons[:, 3] >= 0
    owner = np.concatenate([np.arange(len(polygons)), np.flatnonzero(quad)])
    faces = np.concatenate([polygons[:, :3], polygons[quad][:, [0, 2, 3]]])
    order = np.argsort(owner, kind="stable")
    return faces[order], owner[order]


def edges(polygons: np.ndarray) -> np.ndarray:
    """(E, 2) directed edges of all polygons, in polygon order."""
    last = np.where(polygons[:, 3] >= 0, polygons[:, 3], polygons[:, 2])
    pairs = [polygons[:, [0, 1]], polygons[:, [1, 2]], polygons[:, [2, 3]], np.stack([last, polygons[:, 0]], axis=1)]
    pairs[2] = pairs[2][polygons[:, 3] >= 0]
    return np.concatenate(pairs)


def boundary(polygons: np.ndarray) -> np.ndarray:
    """(B, 2) directed edges that belong to one polygon only."""
    e = edges(polygons)
    key = np.sort(e, axis=1)
    _, inverse, counts = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    return e[counts[inverse.reshape(-1)] == 1]


def normals(positions: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """(N, 3) unit vertex normals, area weighted; zero where no polygon is."""
    faces, _ = triangles(polygons)
    a, b, c = (positions[faces[:, k]] for k in range(3))
    area = np.cross(b - a, c - a)
    out = np.zeros_like(positions)
    for k in range(3):
        np.add.at(out, faces[:, k], area)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-15)


def smoother(polygons: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function that replaces per-vertex values (count, C) by the mean of the neighbours' values (vertices without any keep theirs)."""
    pairs = np.unique(np.sort(edges(polygons), axis=1), axis=0)
    a, b = np.concatenate([pairs, pairs[:, ::-1]]).T
    degree = np.bincount(a, minlength=count)

    def mean(values: np.ndarray) -> np.ndarray:
        total = np.stack([np.bincount(a, values[b, k], minlength=count) for k in range(values.shape[1])], axis=1)
        return np.where(degree[:, None] > 0, total / np.maximum(degree, 1)[:, None], values)

    return mean


def rings(polygons: np.ndarray, start: np.ndarray, limit: int) -> np.ndarray:
    """(P,) number of polygon rings between a polygon and the vertices `start` (0: touches them); `limit` where it is further."""
    ring = np.full(len(polygons), limit)
    reached = np.zeros(polygons.max() + 2, dtype=bool)
    reached[start] = True
    for k in range(limit):
        touched = (ring == limit) & np.any(reached[polygons] & (polygons >= 0), axis=1)
        ring[touched] = k
        reached[polygons[touched]] = True
        reached[-1] = False
    return ring


def clip(piece: Piece, field: np.ndarray) -> Piece:
    """The part of the piece where the per-vertex field (N,) is positive, cut exactly along its zero line."""
    scale = np.abs(field).max() + 1e-12
    field = np.where(np.abs(field) < 1e-4 * scale, 0.0, field)
    inside = field[piece.polygons] >= 0
    valid = piece.polygons >= 0
    strictly = (field[piece.polygons] > 0) & valid
    whole = np.all(inside | ~valid, axis=1) & strictly.any(axis=1)
    cut = np.flatnonzero(strictly.any(axis=1) & ~whole)
    count = len(piece.positions)
    new: dict[tuple[int, int], int] = {}
    combos: list[tuple[int, int, float]] = []
    polygons: list[list[int]] = []
    uvs: list[list[np.ndarray]] = []
    regions: list[int] = []
    for index in cut:
        corners = [int(v) for v in piece.polygons[index] if v >= 0]
        ring: list[int] = []
        ring_uv: list[np.ndarray] = []
        for k, a in enumerate(corners):
            after = (k + 1) % len(corners)
            b = corners[after]
            if field[a] >= 0:
                ring.append(a)
                ring_uv.append(piece.uv[index, k])
            if field[a] * field[b] < 0:
                share = float(field[a] / (field[a] - field[b]))
                key = (min(a, b), max(a, b))
                if key not in new:
                    new[key] = count + len(combos)
                    combos.append((a, b, share))
                ring.append(new[key])
                ring_uv.append((1 - share) * piece.uv[index, k] + share * piece.uv[index, after])
        for k in range(1, len(ring) - 1, 2):
            part = [0, k, k + 1] + ([k + 2] if k + 2 < len(ring) else [])
            polygons.append([ring[i] for i in part] + [-1] * (4 - len(part)))
            uvs.append([ring_uv[i] for i in part] + [ring_uv[0]] * (4 - len(part)))
            regions.append(int(piece.regions[index]))
    if combos:
        table = np.array(combos)
        from_, to, cut_at = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2]
        added = np.arange(len(combos)) + count
        binding = piece.binding.compose(
            np.concatenate([np.arange(count), added, added]),
            np.concatenate([np.arange(count), from_, to]),
            np.concatenate([np.ones(count), 1 - cut_at, cut_at]),
            count + len(combos),
        )
        between = (1 - cut_at)[:, None] * piece.positions[from_] + cut_at[:, None] * piece.positions[to]
        positions = np.concatenate([piece.positions, between])
    else:
        binding, positions = piece.binding, piece.positions
    return Piece(
        positions,
        binding,
        np.concatenate([piece.polygons[whole], np.array(polygons, dtype=np.int64).reshape(-1, 4)]),
        np.concatenate([piece.uv[whole], np.array(uvs, dtype=np.float32).reshape(-1, 4, 2)]),
        np.concatenate([piece.regions[whole], np.array(regions, dtype=np.int64)]),
    ).compact()


def subdivide(piece: Piece) -> Piece:
    """Every quad into four (bilinear; the piece must consist of quads)."""
    count = len(piece.positions)
    e = np.sort(np.stack([piece.polygons, np.roll(piece.polygons, -1, axis=1)], axis=-1), axis=-1)
    unique, inverse = np.unique(e.reshape(-1, 2), axis=0, return_inverse=True)
    middle = count + inverse.reshape(-1, 4)
    centre = count + len(unique) + np.arange(len(piece.polygons))
    size = count + len(unique) + len(piece.polygons)
    rows = np.concatenate([np.arange(count), np.repeat(np.arange(count, count + len(unique)), 2), np.repeat(centre, 4)])
    cols = np.concatenate([np.arange(count), unique.reshape(-1), piece.polygons.reshape(-1)])
    values = np.concatenate([np.ones(count), np.full(2 * len(unique), 0.5), np.full(4 * len(centre), 0.25)])
    local = Binding(rows, cols, values, size)
    corner = piece.polygons
    polygons = np.stack(
        [np.stack([corner[:, k], middle[:, k], centre, middle[:, k - 1]], axis=1) for k in range(4)], axis=1
    ).reshape(-1, 4)
    uv = piece.uv
    uv_middle = 0.5 * (uv + np.roll(uv, -1, axis=1))
    uv_centre = uv.mean(axis=1)
    uvs = np.stack([np.stack([uv[:, k], uv_middle[:, k], uv_centre, uv_middle[:, k - 1]], axis=1) for k in range(4)], axis=1)
    return Piece(
        local @ piece.positions,
        piece.binding.compose(rows, cols, values, size),
        polygons,
        uvs.reshape(-1, 4, 2).astype(np.float32),
        np.repeat(piece.regions, 4),
    )


def hem(piece: Piece, on_edge: np.ndarray, inner: np.ndarray) -> Piece:
    """The piece with its open edge folded inwards: a strip from the boundary vertices chosen by on_edge (N,) bool to positions `inner` (N, 3)."""
    open_edges = boundary(piece.polygons)
    open_edges = open_edges[on_edge[open_edges].all(axis=1)]
    ends = np.unique(open_edges)
    count = len(piece.positions)
    twin = np.full(count, -1)
    twin[ends] = count + np.arange(len(ends))
    strip = np.stack([open_edges[:, 1], open_edges[:, 0], twin[open_edges[:, 0]], twin[open_edges[:, 1]]], axis=1)
    everyone = np.concatenate([np.arange(count), ends])
    return Piece(
        np.concatenate([piece.positions, inner[ends]]),
        piece.binding.take(everyone),
        np.concatenate([piece.polygons, strip]),
        np.concatenate([piece.uv, np.zeros((len(strip), 4, 2), dtype=np.float32)]),
        np.concatenate([piece.regions, np.full(len(strip), piece.regions[0])]),
    )
