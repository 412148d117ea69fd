"""Keeping hands out of head and torso: signed distance fields of the rest mesh, and the push that they give.

Two fields, each rigid in one joint's frame (head; upper spine), because these parts hardly deform while signing. A field is exact
to about a millimetre near the skin and saturates a few centimetres away from it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..body.load import BAKED_DIR, cache_folder
from ..body.model import Body
from ..errors import OutputError
from ..motion import write_bytes
from ..phonology.hand import NUM_ANGLES, HandModel, mirror_points
from ..rig import HAND_JOINTS, INDEX, Side

_CELL = 0.008  # metres
_BAND = 0.032  # distances are exact up to here outside
_DEEP = 0.088  # and up to here inside, so that a hand that is far in still knows the way out


@dataclass(frozen=True)
class Field:
    """Signed distance (X, Y, Z), metres, negative inside, of a part at rest; `joint` carries it. origin: (3,) of cell [0, 0, 0]."""

    distance: np.ndarray
    origin: np.ndarray
    joint: int

    def holds(self, points: np.ndarray) -> np.ndarray:
        """True (...) for rest-frame points (..., 3) within the grid."""
        high = self.origin + (np.array(self.distance.shape) - 1.001) * _CELL
        return np.all((points >= self.origin) & (points <= high), axis=-1)

    def sample(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance (...) and its gradient (..., 3), trilinear, at rest-frame points (..., 3); far away outside the grid: the band's width."""
        size = np.array(self.distance.shape)
        grid = (points - self.origin) / _CELL
        inside = np.all((grid >= 0) & (grid <= size - 1.001), axis=-1)
        grid = np.clip(grid, 0, size - 1.001)
        base = grid.astype(np.int64)
        f = grid - base
        flat = self.distance.ravel()
        strides = np.array([size[1] * size[2], size[2], 1])
        start = base @ strides
        corner = {
            (i, j, k): flat[start + i * strides[0] + j * strides[1] + k * strides[2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)
        }
        fx, fy, fz = f[..., 0], f[..., 1], f[..., 2]
        c = [[corner[(i, j, 0)] * (1 - fz) + corner[(i, j, 1)] * fz for j in (0, 1)] for i in (0, 1)]
        d = [c[i][0] * (1 - fy) + c[i][1] * fy for i in (0, 1)]
        value = d[0] * (1 - fx) + d[1] * fx
        gx = d[1] - d[0]
        gy = (c[0][1] - c[0][0]) * (1 - fx) + (c[1][1] - c[1][0]) * fx
        dz = [[corner[(i, j, 1)] - corner[(i, j, 0)] for j in (0, 1)] for i in (0, 1)]
        ez = [dz[i][0] * (1 - fy) + dz[i][1] * fy for i in (0, 1)]
        gz = ez[0] * (1 - fx) + ez[1] * fx
        gradient = np.stack([gx, gy, gz], axis=-1)
        gradient = gradient / np.maximum(np.sqrt(np.sum(gradient * gradient, axis=-1, keepdims=True)), 1e-9)
        return np.where(inside, value, _BAND), gradient


def fields_name(body: Body, betas: np.ndarray | None = None) -> str:
    """The name of the file that keeps the fields of a body; it changes with the body's shape and with this module."""
    vertices, faces = np.ascontiguousarray(body.shaped(betas)), np.ascontiguousarray(body.faces)
    return f"fields-{hashlib.sha256(vertices.tobytes() + faces.tobytes() + Path(__file__).read_bytes()).hexdigest()[:16]}.npz"


class BodyFields:
    """Head and torso of one body as distance fields."""

    def __init__(self, body: Body, betas: np.ndarray | None = None) -> None:
        rig = body.rig(betas)
        self.rest = rig.rest_joints
        vertices = body.shaped(betas)
        shoulder = float(self.rest[INDEX["left_shoulder"]][0])
        neck, pelvis = float(self.rest[INDEX["neck"]][1]), float(self.rest[INDEX["pelvis"]][1])
        top = float(vertices[:, 1].max())
        samples, normals, areas = _surface_samples(vertices, np.asarray(body.faces))
        # open towards where other parts join: the neck for the head, arms, legs and neck for the torso
        self.fields: tuple[Field, ...] = (
            _build(samples, normals, areas, (-0.15, neck + 0.0, -0.16), (0.15, top + 0.06, 0.24), INDEX["head"], seeds="xXYZz"),
            _build(samples, normals, areas, (-shoulder - 0.03, pelvis - 0.12, -0.20), (shoulder + 0.03, neck + 0.03, 0.24), INDEX["spine3"], seeds="zZ"),
        )

    @classmethod
    def cached(cls, body: Body, betas: np.ndarray | None = None) -> BodyFields:
        """The fields of a body: baked ones, or kept in the user's cache by content; building takes a couple of seconds."""
        path = cache_folder() / fields_name(body, betas)
        joints = (INDEX["head"], INDEX["spine3"])
        for kept in (BAKED_DIR / path.name, path):
            try:
                with np.load(kept, allow_pickle=False) as data:
                    fields = tuple(Field(data[f"distance{i}"], data[f"origin{i}"], joint) for i, joint in enumerate(joints))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                continue  # absent or damaged
            loaded = cls.__new__(cls)
            loaded.rest, loaded.fields = body.rig(betas).rest_joints, fields
            return loaded
        built = cls(body, betas)
        buffer = io.BytesIO()
        np.savez(buffer, **{f"{n}{i}": getattr(f, n) for i, f in enumerate(built.fields) for n in ("distance", "origin")})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, buffer.getvalue())
        except (OSError, OutputError):
            return built  # a cache that cannot be written costs time, not the result
        return built

    def depth(self, points: np.ndarray, radii: np.ndarray, rotation: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How deep spheres stand in head or torso: depth (T, K) metres (negative: clear of it) and the way out (T, K, 3), world.

        points: (T, K, 3) world centres; radii: (K,); rotation (T, 55, 3, 3), position (T, 55, 3): global joint transforms.
        """
        best = np.broadcast_to(radii - _BAND, points.shape[:2]).copy()
        direction = np.zeros(points.shape)
        for part in self.fields:
            j = part.joint
            local = (points - position[:, j, None]) @ rotation[:, j] + self.rest[j]
            # most points are nowhere near: only those within the part's box are looked up
            frame, k = np.nonzero(part.holds(local))
            if not len(frame):
                continue
            distance, gradient = part.sample(local[frame, k])
            depth = radii[k] - distance
            deeper = depth > best[frame, k]
            frame, k = frame[deeper], k[deeper]
            best[frame, k] = depth[deeper]
            direction[frame, k] = (rotation[frame, j] @ gradient[deeper][..., None])[..., 0]
        return best, direction


def _surface_samples(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points all over the mesh, a few millimetres apart, with their triangle's normal and their share of its area in square metres."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.sqrt(np.sum(normal * normal, axis=1))
    keep = area > 1e-12
    corners, normal, area = corners[keep], normal[keep] / area[keep, None], 0.5 * area[keep]
    points, normals, areas = [], [], []
    longest = np.sqrt(np.max(np.sum((corners - np.roll(corners, 1, axis=1)) ** 2, axis=2), axis=1))
    for n in (2, 4, 8, 16):
        chosen = (longest > (n / 2) * 0.004) & (longest <= n * 0.004) if n > 2 else longest <= 0.008
        if n == 16:
            chosen = longest > 0.032
        for i in range(n):
            for k in range(n - i):
                u, v = (i + 1 / 3) / n, (k + 1 / 3) / n
                points.append((1 - u - v) * corners[chosen, 0] + u * corners[chosen, 1] + v * corners[chosen, 2])
                normals.append(normal[chosen])
                areas.append(area[chosen] / (n * (n + 1) / 2))
    return np.concatenate(points), np.concatenate(normals), np.concatenate(areas)


def _solid(samples: np.ndarray, normals: np.ndarray, areas: np.ndarray, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Cells (X, Y, Z) inside the body by the generalised winding number (Jacobson et al. 2013), which does not mind holes; on every second cell."""
    keys, group = np.unique(np.round(samples / 0.016).astype(np.int64), axis=0, return_inverse=True)
    group = group.reshape(-1)
    weight = np.bincount(group, areas)
    centre = np.stack([np.bincount(group, areas * samples[:, a]) for a in range(3)], axis=1) / weight[:, None]
    flow = np.stack([np.bincount(group, areas * normals[:, a]) for a in range(3)], axis=1)
    centre, flow = centre.astype(np.float32), flow.astype(np.float32)
    coarse = (size + 1) // 2
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in coarse], indexing="ij"), axis=-1).reshape(-1, 3)
    places = (low + (2.0 * grid + 0.5) * _CELL).astype(np.float32)
    winding = np.empty(len(places), dtype=np.float32)
    for start in range(0, len(places), 512):
        at = places[start : start + 512]
        # sum of flow . (centre - at) / |centre - at|^3, expanded so that only matrix products are large
        d2 = np.maximum(np.sum(at * at, axis=1)[:, None] + np.sum(centre * centre, axis=1)[None] - 2.0 * at @ centre.T, 1e-5)
        winding[start : start + 512] = np.sum((np.sum(flow * centre, axis=1)[None] - at @ flow.T) / (d2 * np.sqrt(d2)), axis=1)
    inside = (winding / (4.0 * np.pi) > 0.5).reshape(coarse)
    for axis in range(3):
        inside = np.repeat(inside, 2, axis=axis)
    return inside[: size[0], : size[1], : size[2]]


def _build(
    samples: np.ndarray, normals: np.ndarray, areas: np.ndarray, low: tuple[float, ...], high: tuple[float, ...], joint: int, seeds: str
) -> Field:
    """The field of the part within the box low..high; `seeds` name the faces of the box that are open air."""
    low_a, high_a = np.array(low), np.array(high)
    size = np.ceil((high_a - low_a) / _CELL).astype(int) + 1
    near = np.all((samples > low_a - _BAND) & (samples < high_a + _BAND), axis=1)
    points, ns = samples[near], normals[near]
    total = int(np.prod(size))
    cell = np.round((points - low_a) / _CELL).astype(int)
    valid = np.all((cell >= 0) & (cell < size), axis=1)
    cell, points, ns = cell[valid], points[valid], ns[valid]
    flat = (cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1).reshape(-1, 3)
    centres = low_a + grid * _CELL
    # Surfaces that nothing outside can touch (mouth, teeth, backs of the eyes) would make the inside look shallow: only samples next to
    # the outside count.
    occupied = np.zeros(total, dtype=bool)
    occupied[flat] = True
    # Clothes are open at hem and sleeve: the winding number keeps the flood from creeping in there.
    open_air = _flood(~occupied.reshape(size) & ~_solid(samples, normals, areas, low_a, size), seeds)
    exposed = _grow(open_air).ravel()[flat]
    flat, points, ns = flat[exposed], points[exposed], ns[exposed]
    # each cell starts with the nearest sample in itself, then learns of nearer ones from its neighbours, a ring at a time
    order = np.argsort(-np.sum((centres[flat] - points) ** 2, axis=1), kind="stable")
    nearest = np.full(total, -1, dtype=np.int64)
    nearest[flat[order]] = order
    neighbours = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)]
    squared = np.where(nearest >= 0, np.sum((centres - points[nearest]) ** 2, axis=1), np.inf)
    for _ in range(int(np.ceil(_DEEP / _CELL)) + 1):
        source = nearest.reshape(size).copy()
        for offset in neighbours:
            here = tuple(slice(max(0, o), n + min(0, o)) for o, n in zip(offset, size, strict=True))
            there = tuple(slice(max(0, -o), n + min(0, -o)) for o, n in zip(offset, size, strict=True))
            candidate = np.full(size, -1, dtype=np.int64)
            candidate[here] = source[there]
            index = np.flatnonzero(candidate.ravel() >= 0)
            d2 = np.sum((centres[index] - points[candidate.ravel()[index]]) ** 2, axis=1)
            better = d2 < squared[index]
            squared[index[better]] = d2[better]
            nearest[index[better]] = candidate.ravel()[index[better]]
    distance = np.full(total, np.inf)
    known = nearest >= 0
    delta = centres[known] - points[nearest[known]]
    along = np.sum(delta * ns[nearest[known]], axis=1)
    distance[known] = np.where(along < 0, -1.0, 1.0) * np.sqrt(squared[known])
    volume = distance.reshape(size)
    outside = open_air | (np.isfinite(volume) & (volume > 0))
    filled = np.where(outside, np.abs(volume), -np.abs(volume))
    filled = np.where(np.isfinite(filled), np.clip(filled, -_DEEP, _BAND), np.where(outside, _BAND, -_DEEP))
    return Field(filled, low_a, joint)


def _flood(free: np.ndarray, seeds: str) -> np.ndarray:
    """Cells reachable from the named faces of the grid (x X y Y z Z: low and high side) through free cells."""
    reached = np.zeros_like(free)
    faces = {"x": (0, 0), "X": (0, -1), "y": (1, 0), "Y": (1, -1), "z": (2, 0), "Z": (2, -1)}
    for letter in seeds:
        axis, side = faces[letter]
        index: list[slice | int] = [slice(None)] * 3
        index[axis] = side
        reached[tuple(index)] = free[tuple(index)]
    count = -1
    while count != (now := int(reached.sum())):
        count = now
        reached = _grow(reached) & free
    return reached


def _grow(cells: np.ndarray) -> np.ndarray:
    """The cells and their six neighbours."""
    grown = cells.copy()
    for axis in range(3):
        low: list[slice] = [slice(None)] * 3
        high: list[slice] = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        grown[tuple(high)] |= cells[tuple(low)]
        grown[tuple(low)] |= cells[tuple(high)]
    return grown


class HandSkin:
    """Points on the skin of one hand, in its canonical frame, that bend with the fingers: what a viewer would see inside the body.

    `count` points spread evenly (farthest-point sampling), or every vertex of the hand with None.
    """

    def __init__(self, body: Body, side: Side, hand: HandModel, betas: np.ndarray | None = None, count: int | None = 200) -> None:
        vertices, weights = body.shaped(betas), np.asarray(body.weights, dtype=np.float64)
        joints = [INDEX[f"{side}_wrist"], *(INDEX[f"{side}_{name}"] for name in HAND_JOINTS)]
        share = weights[:, joints].sum(axis=1)
        chosen = np.flatnonzero(share > 0.9)
        points = mirror_points(vertices[chosen] - body.rig(betas).rest_joints[joints[0]], side)
        if count is not None and count < len(chosen):
            kept = _spread_out(points, count)
            chosen, points = chosen[kept], points[kept]
        self._weights = weights[chosen][:, joints] / share[chosen, None]
        _, rest = hand.transforms(np.zeros(NUM_ANGLES))
        self._local = points[:, None] - rest[None]  # (K, 16, 3) seen from each joint
        self._hand = hand

    def points(self, angles: np.ndarray) -> np.ndarray:
        """(T, K, 3) in the wrist frame for finger angles (T, 21)."""
        rotation, position = self._hand.transforms(angles)
        out = np.zeros((len(angles), len(self._weights), 3))
        for j in range(rotation.shape[1]):
            who = np.flatnonzero(self._weights[:, j] > 1e-4)
            moved = self._local[who, j] @ np.swapaxes(rotation[:, j], -1, -2) + position[:, j, None]
            out[:, who] += self._weights[who, j][None, :, None] * moved
        return out


def _spread_out(points: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` points, each the farthest from those before it; begins at the outermost finger tip, so that it is repeatable."""
    kept = [int(np.argmin(points[:, 0]))]
    nearest = np.sum((points - points[kept[0]]) ** 2, axis=1)
    while len(kept) < count:
        kept.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.sum((points - points[kept[-1]]) ** 2, axis=1))
    return np.array(kept)
