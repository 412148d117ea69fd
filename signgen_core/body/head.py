"""The head: lips, nails and mouth as skin regions; eyeballs, brows, hair, lashes, teeth and tongue as pieces of their own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .mesh import Binding, Piece, clip, normals, rings, smoother, subdivide
from .source import GROUPS

# Centre vertex of each nail of the left hand; a nail is the two polygon rings around it.
_NAIL_CENTRES = (9444, 8747, 8938, 9131, 9317)
_EYE_SEGMENTS = 32
# Polar angles in degrees of the eyeball's rings; the first reach the pupil's rim, then the iris', then the white.
_PUPIL_RINGS, _IRIS_RINGS, _WHITE_RINGS = (4.5, 9.0), (12.0, 15.5, 19.0, 22.5), (24.0, 30.0, 38.0, 47.0, 57.0, 68.0, 80.0, 95.0, 120.0, 150.0)


def identity(count: int) -> Binding:
    return Binding.identity(np.arange(count))


class Islands:
    """The connected parts of the UV map of the body polygons; their seams run along neck, wrists, ankles, mouth and lids."""

    def __init__(self, polygons: np.ndarray, uv: np.ndarray, t_vertices: np.ndarray) -> None:
        corner = np.concatenate([polygons[..., None], np.round(uv * 1e6).astype(np.int64)], axis=-1).reshape(-1, 3)
        _, ids = np.unique(corner, axis=0, return_inverse=True)
        ids = ids.reshape(-1, 4)
        label = np.arange(len(polygons))
        point = np.full(ids.max() + 1, len(polygons))
        while True:
            np.minimum.at(point, ids, label[:, None])
            new = np.minimum(label, point[ids].min(axis=1))
            new = np.minimum(new, new[new])
            if np.array_equal(new, label):
                break
            label = new
        roots, counts = np.unique(label, return_counts=True)
        centres = {root: t_vertices[polygons[label == root]].mean(axis=(0, 1)) for root in roots}
        by_size = [int(r) for r in roots[np.argsort(-counts, kind="stable")]]
        self.polygons = polygons
        self.body = label == by_size[0]
        self.head = label == by_size[1]
        middle = [r for r in by_size[2:] if abs(centres[r][0]) < 1e-3]
        self.mouth = label == middle[0]
        high = [r for r in by_size[2:] if r not in middle and centres[r][1] > centres[middle[0]][1]]
        self.lids = np.isin(label, high)

    def border(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Vertices that two islands share."""
        return np.intersect1d(self.polygons[a], self.polygons[b])


def skin_regions(polygons: np.ndarray, islands: Islands, t: np.ndarray, region: Mapping[str, int]) -> np.ndarray:
    """(P,) regions of the body's own polygons. polygons index t (N, 3), the T-pose positions; same order as islands.polygons."""
    out = np.full(len(polygons), region["skin"])
    out[islands.mouth] = region["inner_mouth"]
    slit = np.intersect1d(polygons[islands.head], polygons[islands.mouth])
    corner = np.abs(t[slit, 0]).max()
    ring = rings(polygons, slit, 8)
    centre = np.abs(t[polygons].mean(axis=1)[:, 0])
    lips = islands.head & ((ring <= 3) | ((ring <= 5) & (centre < corner)))
    out[lips | (islands.mouth & (ring <= 2))] = region["lips"]
    for left in _NAIL_CENTRES:
        right = int(np.argmin(np.linalg.norm(t - t[left] * [-1, 1, 1], axis=1)))
        for vertex in (left, right):
            out[rings(polygons, np.array([vertex]), 2) < 2] = region["nails"]
    return out


def _eyeball(everything: Piece, first: int, last: int, region: Mapping[str, int]) -> Piece:
    """A sphere in place of the source's coarse eyeball, with clean rings for pupil and iris, looking along +Z."""
    ball = everything.positions[first : last + 1]
    system = np.concatenate([2 * ball, np.ones((len(ball), 1))], axis=1)
    solution = np.linalg.lstsq(system, np.sum(ball**2, axis=1), rcond=None)[0]
    centre = solution[:3]
    radius = np.sqrt(solution[3] + centre @ centre)
    polar = np.radians([*_PUPIL_RINGS, *_IRIS_RINGS, *_WHITE_RINGS])
    around = np.arange(_EYE_SEGMENTS) * 2 * np.pi / _EYE_SEGMENTS
    unit = np.stack(
        [np.outer(np.sin(polar), np.cos(around)), np.outer(np.sin(polar), np.sin(around)), np.outer(np.cos(polar), np.ones_like(around))], -1
    ).reshape(-1, 3)
    unit = np.concatenate([unit, [[0, 0, 1], [0, 0, -1]]])
    positions = centre + radius * unit
    # The smallest weights that give each new vertex exactly, so that it follows every change of the source's eyeball.
    affine = np.concatenate([ball.T - centre[:, None], np.ones((1, len(ball)))])
    weights = (np.linalg.pinv(affine) @ np.concatenate([radius * unit.T, np.ones((1, len(unit)))])).T
    rows, cols = np.meshgrid(np.arange(len(unit)), np.arange(first, last + 1), indexing="ij")
    n, rows_of_rings = _EYE_SEGMENTS, len(polar)
    nxt = (np.arange(n) + 1) % n
    polygons = [np.stack([np.full(n, n * rows_of_rings), np.arange(n), nxt, np.full(n, -1)], axis=1)]
    for k in range(rows_of_rings - 1):
        polygons.append(np.stack([k * n + np.arange(n), (k + 1) * n + np.arange(n), (k + 1) * n + nxt, k * n + nxt], axis=1))
    end = (rows_of_rings - 1) * n
    polygons.append(np.stack([np.full(n, n * rows_of_rings + 1), end + nxt, end + np.arange(n), np.full(n, -1)], axis=1))
    parts = ["pupil"] * len(_PUPIL_RINGS) + ["iris"] * len(_IRIS_RINGS) + ["eyes_white"] * (len(_WHITE_RINGS) + 1)
    stacked = np.concatenate(polygons)
    flat = np.where(stacked[..., None] >= 0, 0.5 + 0.5 * unit[stacked][..., :2], 0.5).astype(np.float32)
    return Piece(
        positions, Binding(rows.ravel(), cols.ravel(), weights.ravel(), len(unit)), stacked, flat, np.repeat([region[p] for p in parts], n)
    )


def _ripple(angle: np.ndarray, seed: int, waves: tuple[int, int], count: int) -> np.ndarray:
    """A fixed irregular wave over an angle, about in [-1, 1]."""
    rng = np.random.default_rng(seed)
    frequency = rng.integers(*waves, size=count)
    phase = rng.uniform(0, 2 * np.pi, size=count)
    return np.sin(angle[:, None] * frequency + phase).sum(axis=1) / np.sqrt(count)


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


# Hairline of the head seen from above: angle from the face in degrees, height over the eyes in metres.
_HAIRLINE = np.array([
    [0, 0.069], [20, 0.068], [38, 0.062], [52, 0.046], [62, 0.026], [70, 0.002], [75, -0.012], [80, -0.006], [85, 0.006], [95, 0.011],
    [108, 0.008], [116, -0.012], [126, -0.04], [140, -0.062], [180, -0.068],
])  # fmt: skip


def _hair(everything: Piece, islands: Islands, t_vertices: np.ndarray, region: Mapping[str, int]) -> Piece:
    """Short hair: the scalp subdivided and lifted off the head, thick on top, running into the skin at the hairline."""
    eye = t_vertices[GROUPS["left_eye"][0] : GROUPS["left_eye"][1] + 1].mean(axis=0)
    head = islands.polygons[islands.head]
    used = np.unique(head)
    back, front = t_vertices[used][:, 2].min(), eye[2] + 0.02
    axis_z = 0.45 * back + 0.55 * front - 0.02
    shift = everything.positions[GROUPS["left_eye"][0]] - t_vertices[GROUPS["left_eye"][0]]  # the head is not turned by the unposing

    def line(p: np.ndarray) -> np.ndarray:
        """Height over the hairline in metres."""
        angle = np.degrees(np.arctan2(np.abs(p[:, 0]), p[:, 2] - axis_z))
        height = np.interp(angle, _HAIRLINE[:, 0], _HAIRLINE[:, 1])
        return p[:, 1] - eye[1] - height

    centre_of = t_vertices[head].mean(axis=1)
    scalp = (line(centre_of) > -0.018) & ~((np.abs(centre_of[:, 0]) > 0.0745) & (centre_of[:, 1] < eye[1] + 0.004))
    ids = np.flatnonzero(np.isin(np.arange(len(everything.polygons)), _rows_of(everything.polygons, head[scalp])))
    piece = everything.select(ids)
    piece = subdivide(subdivide(piece))
    mean = smoother(piece.polygons, len(piece.positions))
    positions = piece.positions
    for _ in range(6):
        positions = mean(positions)
    # Back onto the head: smoothing shrinks the cap, lifting makes up for it.
    normal = normals(positions, piece.polygons)
    p = positions - shift
    height = line(p)
    crown = np.array([0.012, eye[1] + 0.1, axis_z - 0.045])
    around = np.arctan2(p[:, 0] - crown[0], p[:, 2] - crown[2])
    away = np.linalg.norm(p - crown, axis=1)
    tuft = _ripple(around + 1.5 * away, 3, (14, 52), 11)
    ragged = height + 0.003 * tuft
    nape = np.clip((axis_z - p[:, 2]) / 0.06, 0, 1)
    rise = _smoothstep(ragged / (0.030 + 0.035 * nape))
    top = np.clip((p[:, 1] - eye[1] - 0.02) / 0.07, 0, 1)
    forward = np.clip((p[:, 2] - axis_z) / 0.07, 0, 1)
    thickness = 0.007 + 0.011 * _smoothstep(top) + 0.006 * forward * _smoothstep(top)
    strands = _ripple(around + 2.0 * away, 5, (34, 72), 8)
    lift = rise * thickness + rise * 0.0011 * strands + rise * 0.0016 * tuft - 0.003 * (1 - rise) + 0.001
    sideways = 0.15 * normal + np.array([0.0, 0.02, 0.06]) * (forward * top)[:, None]
    direction = normal + sideways - 0.15 * normal
    lifted = positions + direction * lift[:, None]
    return piece.moved(lifted).painted(region["hair"])


def _rows_of(polygons: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Indices of the rows of `wanted` within `polygons`."""
    where = {tuple(row): i for i, row in enumerate(polygons.tolist())}
    return np.array([where[tuple(row)] for row in wanted.tolist()])


# Left brow in front view relative to the eye's centre: x outwards, height of the middle line, half thickness (metres).
BROW = np.array([
    [-0.0185, 0.0211, 0.0008], [-0.0172, 0.0213, 0.0021], [-0.0140, 0.0218, 0.0033], [-0.0080, 0.0228, 0.0037], [0.0000, 0.0242, 0.0034],
    [0.0080, 0.0252, 0.0030], [0.0150, 0.0246, 0.0024], [0.0215, 0.0219, 0.0015], [0.0260, 0.0192, 0.0006],
])  # fmt: skip


def _brow(everything: Piece, islands: Islands, t_vertices: np.ndarray, side: int, region: Mapping[str, int]) -> Piece:
    """A strip cut out of the finely divided forehead along the brow's outline and raised a little."""
    first, last = GROUPS["left_eye"] if side > 0 else GROUPS["right_eye"]
    eye = everything.positions[first : last + 1].mean(axis=0)
    head = islands.polygons[islands.head]
    centre = everything.positions[head].mean(axis=1) - eye
    near = (np.abs(centre[:, 0] * side - 0.004) < 0.032) & (np.abs(centre[:, 1] - 0.022) < 0.016) & (centre[:, 2] > -0.01)
    piece = subdivide(subdivide(everything.select(_rows_of(everything.polygons, head[near]))))
    p = piece.positions - eye
    x = p[:, 0] * side
    middle = np.interp(x, BROW[:, 0], BROW[:, 1])
    half = np.interp(x, BROW[:, 0], BROW[:, 2])
    ends = np.minimum(x - BROW[0, 0], BROW[-1, 0] - x)
    field = np.minimum(half - np.abs(p[:, 1] - middle), ends)
    normal = normals(piece.positions, piece.polygons)
    raise_by = 0.0004 + 0.0011 * _smoothstep(field / 0.003)
    return clip(piece.moved(piece.positions + normal * raise_by[:, None]), field).painted(region["brows"])


def stiff_brow(positions: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(N, 3, S) face offsets of brow vertices with each upright slice of the brow moving as one.

    The skin of a raised brow is compressed towards the forehead; hair on it is not, so that the brow must not get thinner.
    positions: (N, 3); offsets: (N, 3, S) of the skin underneath.
    """
    near = np.exp(-0.5 * ((positions[:, None, 0] - positions[None, :, 0]) / 0.0015) ** 2)
    near /= near.sum(axis=1, keepdims=True)
    return np.tensordot(near, offsets, axes=1)


def pieces(
    everything: Piece, islands: Islands, t_vertices: np.ndarray, upper_lashes: np.ndarray, region: Mapping[str, int]
) -> list[Piece]:
    """All pieces of the head that are not skin (the lower lashes, which look like paint, are left out).

    everything: the source mesh in the A-pose, bound to itself; upper_lashes: source vertex ids.
    """
    out = [_eyeball(everything, *GROUPS[name], region) for name in ("left_eye", "right_eye")]
    out += [_brow(everything, islands, t_vertices, side, region) for side in (1, -1)]
    out.append(_hair(everything, islands, t_vertices, region))
    lashes = np.all(np.isin(everything.polygons, upper_lashes), axis=1)
    out.append(everything.select(lashes).painted(region["lashes"]))
    for name, paint in (("lower_teeth", "teeth"), ("upper_teeth", "teeth"), ("tongue", "tongue")):
        first, last = GROUPS[name]
        rows = np.all((everything.polygons >= first) & (everything.polygons <= last), axis=1)
        out.append(everything.select(rows).painted(region[paint]))
    return out
