"""Cameras in core axes: presets, fitting a preset to a body and a picture, projection, and the check that nothing is cut off.

A preset says a direction, a lens and a box around the signer; the distance follows from the picture's size, so that the same preset
serves landscape, square and portrait. The format is described in docs/formats/camera.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .errors import LexiconError
from .presets import PRESETS_DIR, read_json
from .rig import INDEX, POINT_NAMES, Rig

CAMERAS_DIR = PRESETS_DIR / "cameras"
CAMERA_VERSION = 1
DEFAULT_CAMERA = "signing"

# Radius in metres of flesh around each kind of tracked point: what must be in the picture is the skin, not the joint.
_FLESH = {"head": 0.15, "torso": 0.10, "hands": 0.02}
_HEAD = ("head", "nose", "left_ear", "right_ear")
_TORSO = ("spine3", "neck", "left_collar", "right_collar", "left_shoulder", "right_shoulder")
_HANDS = tuple(
    name
    for name in POINT_NAMES
    if name.endswith(("_wrist", "_tip")) or any(name.split("_")[-1].startswith(f) for f in ("index", "middle", "pinky", "ring", "thumb"))
)
PARTS: dict[str, tuple[str, ...]] = {"head": _HEAD, "torso": _TORSO, "hands": _HANDS}


@dataclass(frozen=True)
class CameraPreset:
    """A way of looking at a signer.

    azimuth: degrees, positive when the camera stands towards the signer's left; elevation: degrees, positive from above.
    fov: vertical field of view in degrees. box_x, box_z: metres from the pelvis, sideways and forward (low, high).
    bottom, top: a point of the rig and metres above it. margin: free share of the picture at each edge. keep: the parts that may not be cut off.
    """

    name: str
    description: str
    azimuth: float
    elevation: float
    fov: float
    box_x: tuple[float, float]
    box_z: tuple[float, float]
    bottom: tuple[str, float]
    top: tuple[str, float]
    margin: float
    keep: tuple[str, ...]


@dataclass(frozen=True)
class Camera:
    """A placed camera. position: (3,) metres. axes: (3, 3), columns are right, up and back (towards the viewer). fov: vertical degrees."""

    position: np.ndarray
    axes: np.ndarray
    fov: float
    size: tuple[int, int]

    @property
    def slopes(self) -> np.ndarray:
        """(2,) tangent of half the horizontal and half the vertical field of view."""
        vertical = np.tan(np.radians(self.fov) / 2)
        return np.array([vertical * self.size[0] / self.size[1], vertical])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Picture coordinates (..., 2), (0, 0) top left and (1, 1) bottom right, and depth (...) in metres, of points (..., 3)."""
        seen = (np.asarray(points, dtype=np.float64) - self.position) @ self.axes
        depth = -seen[..., 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        plane = seen[..., :2] / safe[..., None] / self.slopes
        return np.stack([0.5 + 0.5 * plane[..., 0], 0.5 - 0.5 * plane[..., 1]], axis=-1), depth


@dataclass(frozen=True)
class Framing:
    """The result of `check_framing`: the worst point. over: share of the picture by which it is outside the margin (<= 0: all inside)."""

    over: float
    point: str
    frame: int

    @property
    def ok(self) -> bool:
        return self.over <= 1e-9

    def __str__(self) -> str:
        if self.ok:
            return "everything is in the picture"
        return f"{self.point} leaves the picture by {100 * self.over:.0f} % at frame {self.frame}"


def camera_names() -> tuple[str, ...]:
    """The camera presets that ship with the project."""
    return tuple(sorted(path.stem for path in CAMERAS_DIR.glob("*.json")))


def read_camera(name: str | Path | None = None) -> CameraPreset:
    """The preset of that name or JSON file (None: the default one). Raises LexiconError naming file and field."""
    text = str(name or DEFAULT_CAMERA)
    if not text.endswith(".json"):
        if text not in camera_names():
            raise LexiconError(f"camera {text!r}: unknown; the presets are {', '.join(camera_names())}, or give a .json file")
        return read_camera(CAMERAS_DIR / f"{text}.json")
    path = Path(text)
    data = read_json(path)
    if not isinstance(data, dict) or data.get("version") != CAMERA_VERSION:
        raise LexiconError(f"{path}: version: expected {CAMERA_VERSION}")
    known = {"version", "description", "azimuth", "elevation", "fov", "box", "margin", "keep"}
    for key in data:
        if key not in known:
            raise LexiconError(f"{path}: {key}: unknown key")
    box = data.get("box")
    if not isinstance(box, dict) or set(box) != {"x", "z", "bottom", "top"}:
        raise LexiconError(f"{path}: box: expected an object with x, z, bottom and top")
    keep = data.get("keep", ["head", "torso", "hands"])
    if not isinstance(keep, list) or not keep or any(part not in PARTS for part in keep):
        raise LexiconError(f"{path}: keep: expected a list out of {', '.join(PARTS)}")
    preset = CameraPreset(
        name=path.stem,
        description=str(data.get("description", "")),
        azimuth=_number(data.get("azimuth", 0.0), f"{path}: azimuth", -180.0, 180.0),
        elevation=_number(data.get("elevation", 0.0), f"{path}: elevation", -80.0, 80.0),
        fov=_number(data.get("fov", 20.0), f"{path}: fov", 1.0, 120.0),
        box_x=_range(box["x"], f"{path}: box.x"),
        box_z=_range(box["z"], f"{path}: box.z"),
        bottom=_anchor(box["bottom"], f"{path}: box.bottom"),
        top=_anchor(box["top"], f"{path}: box.top"),
        margin=_number(data.get("margin", 0.03), f"{path}: margin", 0.0, 0.3),
        keep=tuple(keep),
    )
    return preset


def _number(value: Any, place: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise LexiconError(f"{place}: expected a number from {low:g} to {high:g}, found {value!r}")
    return float(value)


def _range(value: Any, place: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise LexiconError(f"{place}: expected two numbers, found {value!r}")
    low, high = (_number(v, place, -10.0, 10.0) for v in value)
    if low >= high:
        raise LexiconError(f"{place}: the first number is not below the second")
    return low, high


def _anchor(value: Any, place: str) -> tuple[str, float]:
    if not isinstance(value, list) or len(value) != 2 or value[0] not in (*POINT_NAMES, "floor"):
        raise LexiconError(f"{place}: expected [point, metres], the point a joint or 'floor', found {value!r}")
    return str(value[0]), _number(value[1], place, -10.0, 10.0)


def place_camera(preset: CameraPreset, rig: Rig, size: tuple[int, int], transl: np.ndarray | None = None, floor: float | None = None) -> Camera:
    """The camera of a preset for a body and a picture of size (width, height) pixels.

    transl: (3,) metres, where the signer stands. floor: height of the ground in metres (default: 8 cm below the lower ankle).
    """
    rest = np.concatenate([rig.rest_joints, rig.extra_points]) + (0.0 if transl is None else np.asarray(transl, dtype=np.float64))
    ground = min(rest[INDEX["left_ankle"], 1], rest[INDEX["right_ankle"], 1]) - 0.08 if floor is None else floor

    def height(anchor: tuple[str, float]) -> float:
        return (ground if anchor[0] == "floor" else float(rest[POINT_NAMES.index(anchor[0]), 1])) + anchor[1]

    pelvis = rest[INDEX["pelvis"]]
    x, y, z = np.meshgrid(
        pelvis[0] + np.array(preset.box_x), np.array([height(preset.bottom), height(preset.top)]), pelvis[2] + np.array(preset.box_z), indexing="ij"
    )
    corners = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    a, e = np.radians(preset.azimuth), np.radians(preset.elevation)
    back = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    right = np.array([np.cos(a), 0.0, -np.sin(a)])
    axes = np.stack([right, np.cross(back, right), back], axis=-1)
    camera = Camera(np.zeros(3), axes, preset.fov, size)
    slopes = camera.slopes * (1.0 - 2.0 * preset.margin)
    seen = corners @ axes
    # Tightest pinhole that sees all corners with this orientation: one linear bound per edge, solved in closed form for each picture axis.
    high = (seen[:, 2:3] + seen[:, :2] / slopes).max(axis=0)
    low = (seen[:, 2:3] - seen[:, :2] / slopes).max(axis=0)
    centre = slopes * (high - low) / 2
    distance = float(((high + low) / 2).max())
    return replace(camera, position=axes @ np.array([centre[0], centre[1], distance]))


def _tracked(points: np.ndarray, keep: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Points (T, K, 3), flesh radii (K,), names and the mask (T, K) of those that count, for points (T, 70, 3) of `rig.POINT_NAMES`."""
    names = [name for part in keep for name in PARTS[part]]
    radius = np.array([_FLESH[part] for part in keep for _ in PARTS[part]])
    chosen = points[:, [POINT_NAMES.index(name) for name in names]]
    # Signing space ends at the hips: what of a hand is below them hangs at rest, or is on its way there, and may be cut off.
    hips = points[:, INDEX["pelvis"], 1] + 0.05
    hand = np.array([name in _HANDS for name in names])
    counts = ~(hand & (chosen[..., 1] < hips[:, None]))
    return chosen, radius, names, counts


def check_framing(points: np.ndarray, camera: Camera, keep: Sequence[str] = ("head", "torso", "hands"), margin: float = 0.01) -> Framing:
    """Whether head, torso and hands stay in the picture on every frame.

    points: (T, 70, 3) metres in the order of `rig.POINT_NAMES`; margin: share of the picture that must stay free at each edge.
    """
    chosen, radius, names, counts = _tracked(np.asarray(points, dtype=np.float64), keep)
    if not counts.any():
        return Framing(-1.0, names[0], 0)
    picture, depth = camera.project(chosen)
    grown = radius / np.maximum(depth, 1e-3)  # the flesh as a share of half the picture, below
    over = np.maximum((np.abs(picture - 0.5) + 0.5 * grown[..., None] / camera.slopes).max(axis=-1) - (0.5 - margin), np.where(depth > 0.05, -1.0, 1.0))
    over = np.where(counts, over, -np.inf)
    frame, k = np.unravel_index(int(np.argmax(over)), over.shape)
    return Framing(float(over[frame, k]), names[k], int(frame))


def picture_box(points: np.ndarray, camera: Camera, grown: np.ndarray | float = 0.0) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of what a camera sees of points (N, 3), each with `grown` metres (N,) of room around it; picture coordinates as of
    `Camera.project`, within [0, 1]. None where something is so near to the camera or behind it that there is no such box."""
    picture, depth = camera.project(points)
    if depth.min() - np.max(grown) < 0.05:
        return None
    room = (np.broadcast_to(grown, depth.shape) / (depth - grown))[:, None] / camera.slopes / 2
    low, high = np.clip((picture - room).min(axis=0), 0.0, 1.0), np.clip((picture + room).max(axis=0), 0.0, 1.0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def dolly_to_fit(
    points: np.ndarray, camera: Camera, keep: Sequence[str] = ("head", "torso", "hands"), margin: float = 0.01, furthest: float = 20.0
) -> Camera:
    """The camera moved straight back until `check_framing` passes; unchanged if it passes already.

    furthest: metres that it may move. It returns the camera at that distance when even this is not enough (check again to know).
    """
    chosen, radius, _, counts = _tracked(np.asarray(points, dtype=np.float64), keep)
    seen = (chosen - camera.position) @ camera.axes
    slopes = camera.slopes * (1.0 - 2.0 * margin)
    # over = 0 of check_framing, solved for the distance: |x| + r <= slope * depth on both picture axes
    need = ((np.abs(seen[..., :2]) + radius[None, :, None]) / slopes).max(axis=-1) + seen[..., 2]
    back = float(np.where(counts, need, -np.inf).max(initial=-np.inf))
    if back <= 0.0:
        return camera
    return replace(camera, position=camera.position + camera.axes[:, 2] * min(back + 1e-6, furthest))
