"""The dressed character: skin that shows, shirt, trousers and shoes, each a `Piece` bound to the MakeHuman mesh, in its A-pose."""

from __future__ import annotations

import numpy as np

from . import footwear, head
from .mesh import Piece, clip, hem, join, normals, smoother
from .model import REGION_NAMES
from .source import GROUPS, Source

REGION = {name: i for i, name in enumerate(REGION_NAMES)}

# Cuts of the clothes, in metres of the neutral T-pose (pelvis at y = -0.35, see tpose.PELVIS_AT).
SLEEVE_END = 0.50  # |x|: a little past the elbow
SHIRT_HEM = -0.43
WAIST = -0.37
TROUSER_HEM = -1.212
SHOE_TOP = -1.17
NECK_CENTRE = np.array([0.0, 0.215, 0.016])  # the shirt ends where it comes this close to this point within the neck
NECK_RADIUS = 0.093
MARGIN, SLEEVE_MARGIN = 0.005, 0.02  # how far the skin goes on under neckline and sleeve


def _shirt(t: np.ndarray) -> np.ndarray:
    neckline = np.linalg.norm(t - NECK_CENTRE, axis=1) - NECK_RADIUS
    return np.minimum.reduce([SLEEVE_END - np.abs(t[:, 0]), t[:, 1] - SHIRT_HEM, neckline])


def _trousers(t: np.ndarray) -> np.ndarray:
    return np.minimum(WAIST - t[:, 1], t[:, 1] - TROUSER_HEM)


def _iron(positions: np.ndarray, polygons: np.ndarray, rounds: int) -> np.ndarray:
    """Smoothed without shrinking (a smoothing step, then a slightly larger step back)."""
    mean = smoother(polygons, len(positions))
    for _ in range(rounds):
        for step in (0.6, -0.62):
            positions = positions + step * (mean(positions) - positions)
    return positions


def _drape(
    positions: np.ndarray, polygons: np.ndarray, field: np.ndarray, stiffness: int, rounds: int, distance: np.ndarray
) -> np.ndarray:
    """A taut surface over the mesh where `field` (N,) is positive.

    It comes nowhere closer than `distance` (N,) to the skin, of which details smaller than `stiffness` rounds are ironed out, except near
    the edge of the cloth, where it must not sink below the skin that shows.
    """
    mean = smoother(polygons, len(positions))
    inner = np.clip(field / 0.06, 0, 1)[:, None]
    where = field[:, None] > -0.05
    skin = positions + inner * (_iron(positions, polygons, stiffness) - positions)
    normal = normals(skin, polygons)
    distance = distance[:, None]
    cloth = skin + normal * distance
    for _ in range(rounds):
        cloth = np.where(where, 0.5 * cloth + 0.5 * mean(cloth), cloth)
        lack = np.maximum(0.0, distance - np.sum((cloth - skin) * normal, axis=1, keepdims=True))
        cloth = np.where(where, cloth + lack * normal, cloth)
    return cloth


def _garment(base: Piece, cloth: np.ndarray, field: np.ndarray, region: int, thickness: float) -> Piece:
    """The part of the draped mesh where the field is positive, its edges folded in towards the body."""
    piece = clip(base.moved(cloth), field)
    inward = piece.positions - thickness * normals(piece.positions, piece.polygons)
    return hem(piece, np.ones(len(piece.positions), dtype=bool), inward).painted(region)


def character(source: Source, a_vertices: np.ndarray, t_vertices: np.ndarray) -> Piece:
    """The whole character in the A-pose.

    a_vertices, t_vertices: (19158, 3) source vertices of the neutral phenotype in the A-pose and unposed to the T-pose.
    """
    mesh = source.mesh
    body = np.flatnonzero(np.all(mesh.polygons <= GROUPS["body"][1], axis=1))
    islands = head.Islands(mesh.polygons[body], mesh.polygon_uv[body], t_vertices)
    everything = Piece(
        a_vertices, head.identity(len(a_vertices)), mesh.polygons.astype(np.int64), mesh.polygon_uv, np.zeros(len(mesh.polygons), dtype=int)
    )
    whole = everything.select(body)
    keep = np.unique(mesh.polygons[body])
    t = t_vertices[keep]
    polygons = whole.polygons
    regions = head.skin_regions(polygons, islands, t, REGION)

    shirt, trousers = _shirt(t), _trousers(t)
    shirt[np.unique(polygons[islands.head | islands.mouth | islands.lids])] = -0.05  # the chin reaches out of the neckline's sphere
    feet = t[:, 1] < SHOE_TOP
    hidden = np.maximum.reduce([shirt, np.minimum(WAIST - t[:, 1], 1.0)])
    visible = Piece(whole.positions, whole.binding, polygons, whole.uv, regions)
    skin = clip(visible, np.where(np.abs(t[:, 0]) > 0.25, SLEEVE_MARGIN, MARGIN) - hidden)

    along_arm = np.clip((np.abs(t[:, 0]) - 0.2) / 0.1, 0, 1)
    towards_hem = np.clip((0.0 - t[:, 1]) / 0.35, 0, 1) * (np.abs(t[:, 0]) < 0.25)
    shirt_cloth = _drape(whole.positions, polygons, shirt, 60, 30, 0.004 + 0.004 * along_arm + 0.008 * towards_hem)
    down = np.clip((-0.75 - t[:, 1]) / 0.4, 0, 1)
    leg_cloth = _drape(whole.positions, polygons, trousers, 6, 20, 0.003 + 0.016 * down)

    upper_lashes = np.concatenate([source.groups[f"helper-{side}-eyelashes-2"] for side in "lr"])
    pieces = [
        skin,
        _garment(whole, shirt_cloth, shirt, REGION["shirt"], 0.004),
        _garment(whole, leg_cloth, trousers, REGION["trousers"], 0.004),
        *(footwear.shoe(whole, feet & (t[:, 0] * side > 0), REGION["shoes"]) for side in (1, -1)),
        *head.pieces(everything, islands, t_vertices, upper_lashes, REGION),
    ]
    return join(pieces)
