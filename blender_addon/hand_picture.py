"""Small pictures of handshapes, drawn from the body's own skin with numpy alone: for asset previews and for the buttons of a panel.

Quick and plain: points strewn over the skin's triangles, a depth buffer, one light. It needs neither a scene nor a renderer.
"""

from __future__ import annotations

import numpy as np

from signgen_core.body import Body
from signgen_core.phonology.hand import HandModel, mirror_points
from signgen_core.rig import HAND_JOINTS, INDEX, Side

_WRIST_CUT = 0.035  # metres of forearm that are drawn
_SPACING, _MOST_STEPS = 0.8, 24  # of the points on a triangle: pixels between them, and the most along one side
_SKIN, _NAIL, _CLOTH = (0.86, 0.66, 0.54), (0.93, 0.76, 0.70), (0.30, 0.33, 0.38)  # sRGB
_LIGHT = np.array([-0.45, 0.55, 0.70])  # right, up, to the viewer
_OVER = 2  # drawn pixels per pixel along each side
# The hand as an addressee sees it when it is held up, palm to the front, and turned a little so that the thumb stands out of the palm.
_TURN = (np.radians(-28.0), np.radians(-12.0))  # about up, about right
_VIEW = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # rows: right, up, to the viewer, in canonical axes
_CENTRE, _HALF = np.array([-0.078, 0.0, 0.012]), 0.118  # metres: what the picture is centred on, and half its height


class HandPainter:
    """Draws one hand of one body. Building takes a tenth of a second and needs the `HandModel` of the same hand; a picture takes hundredths."""

    def __init__(self, body: Body, hand: HandModel, betas: np.ndarray | None = None) -> None:
        side: Side = hand.side
        self.hand = hand
        wrist = body.rig(betas).rest_joints[INDEX[f"{side}_wrist"]]
        rows = [INDEX[f"{side}_wrist"], *(INDEX[f"{side}_{name}"] for name in HAND_JOINTS)]
        rest = mirror_points(body.shaped(betas) - wrist, side)
        near = (body.weights[:, [INDEX[f"{side}_elbow"], *rows]].sum(axis=1) > 0.5) & (rest[:, 0] < _WRIST_CUT)
        faces = body.faces[near[body.faces].all(axis=1)]
        faces = faces if side == "right" else faces[:, ::-1]
        used, faces = np.unique(faces, return_inverse=True)
        self._faces = faces.reshape(-1, 3)
        weights = body.weights[np.ix_(used, rows)].copy()
        weights[:, 0] += 1.0 - weights.sum(axis=1)  # the forearm goes with the wrist
        self._local = rest[used][:, None, :] - hand.rest[None]  # (V, 16, 3) of each vertex in each joint's frame
        self._weights = weights
        self._colors = np.tile(np.array(_SKIN), (len(used), 1))
        for region, color in (("nails", _NAIL), ("shirt", _CLOTH)):
            if region in body.region_names:
                corners = body.polygons[body.polygon_regions == body.region_names.index(region)]
                self._colors[np.isin(used, corners)] = color

    def draw(self, angles: np.ndarray, size: int = 128) -> np.ndarray:
        """(size, size, 4) uint8 sRGB with alpha, rows from the top, of a posture (21,) in radians. A left hand is the mirror image of a right one."""
        rotation, position = self.hand.transforms(angles)
        skin = np.einsum("vj,jab,vjb->va", self._weights, rotation, self._local, optimize=True) + self._weights @ position
        view = _view()
        points = (skin - _CENTRE) @ view.T
        a, b, c = (points[self._faces[:, k]] for k in range(3))
        normals = np.zeros_like(points)
        flat = np.cross(b - a, c - a)
        for k in range(3):
            np.add.at(normals, self._faces[:, k], flat)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        light = _LIGHT / np.linalg.norm(_LIGHT)
        shade = 0.42 + 0.62 * np.clip(0.5 + 0.5 * normals @ light, 0.0, 1.0) ** 1.5
        colors = np.clip(self._colors * shade[:, None], 0.0, 1.0)
        picture = self._splat(points, colors, size * _OVER)
        picture = picture.reshape(size, _OVER, size, _OVER, 4).mean(axis=(1, 3))
        alpha = picture[..., 3:]
        picture[..., :3] = np.where(alpha > 0.0, picture[..., :3] / np.maximum(alpha, 1e-6), 0.0)
        picture = picture[:, ::-1] if self.hand.side == "left" else picture
        return np.round(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)

    def _splat(self, points: np.ndarray, colors: np.ndarray, size: int) -> np.ndarray:
        """(size, size, 4) with colours multiplied by alpha: the nearest of the points strewn over the triangles wins each pixel."""
        pixel = 2.0 * _HALF / size
        # column, row, depth, colour of every corner
        placed = np.concatenate([(points[:, :1] + _HALF) / pixel, (_HALF - points[:, 1:2]) / pixel, points[:, 2:], colors], axis=1).astype(np.float32)
        corners = placed[self._faces]
        edges = np.roll(corners, -1, axis=1)[..., :2] - corners[..., :2]
        # rows run down, so triangles that face the viewer turn the other way round; of those behind nothing is seen
        facing = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0] < 0.0
        steps = np.clip(np.ceil(np.sqrt((edges**2).sum(axis=2).max(axis=1)) / _SPACING), 1, _MOST_STEPS).astype(int)
        spots = []
        for n in np.unique(steps[facing]):
            i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
            keep = (i + j) <= n
            share = (np.stack([i[keep], j[keep], n - i[keep] - j[keep]], axis=-1) / n).astype(np.float32)
            spots.append((share @ corners[facing & (steps == n)]).reshape(-1, 6))
        found = np.concatenate(spots)
        cell = found[:, :2].astype(np.int32)
        found = found[((cell >= 0) & (cell < size)).all(axis=1)]
        found = found[np.argsort(found[:, 2])]  # the nearest last: it overwrites
        picture = np.zeros((size, size, 4))
        column, row = found[:, 0].astype(np.int32), found[:, 1].astype(np.int32)
        picture[row, column, :3], picture[row, column, 3] = found[:, 3:], 1.0
        return picture


def _view() -> np.ndarray:
    turn, tilt = _TURN
    about_up = np.array([[np.cos(turn), 0.0, np.sin(turn)], [0.0, 1.0, 0.0], [-np.sin(turn), 0.0, np.cos(turn)]])
    about_right = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(tilt), -np.sin(tilt)], [0.0, np.sin(tilt), np.cos(tilt)]])
    return np.asarray(about_right @ about_up @ _VIEW)
