"""A clip as a figure that can be drawn without Blender: points in metres, and the lines, faces and balls between them.

Everything stands upright, faces the viewer and keeps its place: where a person walks or how a camera was held is no part of a preview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..body.model import Body
from ..face import FACE_INDEX
from ..kinematics.forward import global_transforms, point_positions
from ..kinematics.rotations import axis_angle_to_matrix
from ..rig import EXTRA_POINTS, FINGERS, INDEX, NUM_JOINTS, POINT_NAMES
from .clips import Clip, PointClip

SHOULDERS = 0.36  # metres between the shoulder joints of an adult; tracked points in pixels are brought to it
_MOST_SHAPE = 3.0  # a shape that no person has would make a figure that nobody can read
_POINT = {name: k for k, name in enumerate(POINT_NAMES)}
# Marks of the face, after the points of the rig. From the nearest eye (brows) or from the nose (mouth), metres at rest.
_MARKS = ("left_brow_in", "left_brow_out", "right_brow_in", "right_brow_out", "mouth_left", "mouth_right", "mouth_up", "mouth_down")
_BROW, _RAISE, _MOUTH_DOWN, _MOUTH_WIDE = 0.024, 0.014, 0.034, 0.024
# What a hand of 21 tracked points is: the wrist, then four points of each finger from the thumb on.
_HAND_21 = tuple((0 if k % 4 == 1 else k - 1, k) for k in range(1, 21))


@dataclass(frozen=True)
class Figure:
    """points: (T, P, 3) metres, X to the viewer's right, Y up, Z towards the viewer. seen: (T, P) bool.

    parts: what is drawn, each `("line", a, b, width, style)`, `("face", (a, b, c, ...), 0, style)` or `("ball", (a, ...), radius, style)`, the ball in
    the middle of its points; widths in metres. flat: whether depth is not known, so that it can be seen from the front alone.
    box: (centre x, y, z, half of the side) of what is worth seeing. wrists: the points of the left and of the right wrist, -1 where there is none.
    """

    points: np.ndarray
    seen: np.ndarray
    parts: tuple[tuple[Any, ...], ...]
    flat: bool
    box: tuple[float, float, float, float]
    wrists: tuple[int, int]


def figure_of(clip: Clip | PointClip, body: Body) -> Figure:
    """The figure of a clip; body: whose skeleton rotations are shown on."""
    return _of_points(clip) if isinstance(clip, PointClip) else _of_motion(clip, body)


# --- Motions -----------------------------------------------------------------------------------------------------------------


def _of_motion(clip: Clip, body: Body) -> Figure:
    motion = clip.motion
    rig = body.rig(np.clip(motion.betas[:10], -_MOST_SHAPE, _MOST_SHAPE))
    rotation, position = global_transforms(axis_angle_to_matrix(motion.poses), rig.rest_joints)
    points = point_positions(rig, rotation, position)
    points = np.concatenate([points, _face(points, rotation[:, INDEX["head"]], rotation[:, INDEX["jaw"]], motion.face)], axis=1)
    points -= points[:, :1]
    points = points @ _to_the_viewer(points).T
    seen = np.ones(points.shape[:2], dtype=bool)
    for k, name in enumerate((*POINT_NAMES, *_MARKS)):
        side = name.partition("_")[0]
        if side in ("left", "right") and name.split("_", 1)[1].rstrip("123").removesuffix("_tip") in FINGERS:
            seen[:, k] = clip.valid.get(f"{side}_hand", True)
    looked_at = [k for k, name in enumerate(POINT_NAMES) if not name.endswith(("hip", "knee", "ankle", "foot", "pelvis"))]
    return Figure(points, seen, _SIGNER, False, _box(points[:, looked_at], 0.13), (INDEX["left_wrist"], INDEX["right_wrist"]))


def _face(points: np.ndarray, head: np.ndarray, jaw: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(T, 8, 3) positions of `_MARKS`. head, jaw: (T, 3, 3) global rotations; face: (T, 52)."""

    def value(*names: str) -> np.ndarray:
        return np.asarray(sum(face[:, FACE_INDEX[name]] for name in names) / len(names))

    def at(start: str, x: Any, y: Any, z: float) -> np.ndarray:
        local = np.stack(np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float), z, face[:, 0])[:3], axis=-1)
        return np.asarray(points[:, _POINT[start]] + np.einsum("tab,tb->ta", head, local))

    out = []
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        down = value(f"browDown{side}")
        for shift, up in ((-0.017, value("browInnerUp")), (0.02, value(f"browOuterUp{side}"))):
            out.append(at(f"{side.lower()}_eye", sign * shift, _BROW + _RAISE * (up - down), 0.012))
    wide = _MOUTH_WIDE * (1.0 + 0.3 * value("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight") - 0.6 * value("mouthPucker"))
    corner = 0.010 * (value("mouthSmileLeft", "mouthSmileRight") - value("mouthFrownLeft", "mouthFrownRight"))
    turned = np.einsum("tba,tbc->tac", head, jaw)[:, 2, 1]  # sine of the jaw joint's own opening
    opened = 0.003 + 0.035 * value("jawOpen") + 0.08 * np.maximum(turned, 0.0)
    out += [at("nose", sign * wide, -_MOUTH_DOWN + corner, -0.012) for sign in (1.0, -1.0)]
    out += [at("nose", 0.0, -_MOUTH_DOWN + 0.25 * opened, -0.005), at("nose", 0.0, -_MOUTH_DOWN - 0.75 * opened, -0.008)]
    return np.stack(out, axis=1)


def _to_the_viewer(points: np.ndarray) -> np.ndarray:
    """(3, 3) rotation after which the person, over the whole clip, stands along Y and faces +Z, where that is not so already."""
    up = np.median(points[:, INDEX["neck"]] - points[:, 0], axis=0)
    across = np.median(points[:, INDEX["left_shoulder"]] - points[:, INDEX["right_shoulder"]], axis=0)
    if not np.linalg.norm(up) > 1e-6 or not np.linalg.norm(np.cross(across, up)) > 1e-6:
        return np.eye(3)
    up = up / np.linalg.norm(up)
    if up[1] > np.cos(np.radians(50.0)):
        up = np.array([0.0, 1.0, 0.0])  # a person who leans may lean
    across = across - up * (across @ up)
    across = across / np.linalg.norm(across)
    if up[1] == 1.0 and across[0] > np.cos(np.radians(50.0)):
        return np.eye(3)
    return np.stack([across, up, np.cross(across, up)])


def _signer() -> tuple[tuple[Any, ...], ...]:
    names = {name: k for k, name in enumerate((*POINT_NAMES, *_MARKS))}

    def line(a: str, b: str, width: float, style: str) -> tuple[Any, ...]:
        return ("line", names[a], names[b], width, style)

    out: list[tuple[Any, ...]] = [
        ("face", tuple(names[n] for n in ("left_shoulder", "neck", "right_shoulder", "right_hip", "left_hip")), 0.0, "torso"),
        line("spine3", "spine1", 0.2, "trunk"),
        line("neck", "head", 0.09, "neck"),
        ("ball", (names["left_ear"], names["right_ear"], names["nose"]), 0.095, "skin"),
    ]
    for side in ("left", "right"):
        out += [
            line(f"{side}_hip", f"{side}_knee", 0.13, "leg"), line(f"{side}_knee", f"{side}_ankle", 0.1, "leg"),
            line("neck", f"{side}_shoulder", 0.08, "torso"), line(f"{side}_shoulder", f"{side}_elbow", 0.075, f"{side}_arm"),
            line(f"{side}_elbow", f"{side}_wrist", 0.055, f"{side}_arm"),
            ("face", tuple(names[f"{side}_{n}"] for n in ("wrist", "index1", "middle1", "ring1", "pinky1")), 0.0, f"{side}_hand"),
        ]  # fmt: skip
        for finger in FINGERS:
            chain = [f"{side}_{finger}1", f"{side}_{finger}2", f"{side}_{finger}3", f"{side}_{finger}_tip"]
            out += [line(a, b, 0.015, f"{side}_hand") for a, b in zip(chain, chain[1:], strict=False)]
        out.append(line(f"{side}_wrist", f"{side}_thumb1", 0.02, f"{side}_hand"))
        out += [("ball", (names[f"{side}_eye"],), 0.009, "mark"), line(f"{side}_brow_in", f"{side}_brow_out", 0.006, "mark")]
    out.append(("ball", (names["nose"],), 0.007, "mark"))
    out += [line(a, b, 0.005, "mark") for a in ("mouth_left", "mouth_right") for b in ("mouth_up", "mouth_down")]
    return tuple(out)


_SIGNER = _signer()
assert len(POINT_NAMES) == NUM_JOINTS + len(EXTRA_POINTS)


# --- Tracked points ----------------------------------------------------------------------------------------------------------

# names of body points, in the words of MediaPipe and of OpenPose
_BODY_POINTS = {
    "nose": ("nose",), "neck": ("neck",),
    **{f"{side}_{part}": (f"{side}_{part}", f"{side[0]}{part}") for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip", "eye", "ear")},
}  # fmt: skip


def _of_points(clip: PointClip) -> Figure:
    names = [name.lower() for name in clip.names]
    kept = [k for k, name in enumerate(names) if "world" not in name]
    names = [names[k] for k in kept]
    points, seen = np.zeros((len(clip.points), len(kept), 3)), clip.confidence[:, kept] > 0.0
    points[..., :2] = clip.points[:, kept, :2]
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        groups.setdefault(name.rpartition("/")[0], []).append(k)
    body = _body_points(names)
    faces = [k for group, members in groups.items() if "face" in group for k in members] or [body[n] for n in ("nose",) if n in body]
    below = [k for group, members in groups.items() if "face" not in group for k in members]
    points[..., 1] *= _up(points, seen, faces, below)
    points *= _scale(points, seen, body)
    points -= _middle(points, seen)
    points[~seen] = 0.0
    parts: list[tuple[Any, ...]] = []
    wrists = [-1, -1]
    for group, members in groups.items():
        side = "left" if "left" in group else "right"
        if "hand" in group and len(members) == 21:
            parts += [("line", members[a], members[b], 0.015, f"{side}_hand") for a, b in _HAND_21]
            wrists[0 if side == "left" else 1] = members[0]
        elif "face" in group:
            parts += [("ball", (k,), 0.005, "mark") for k in members]
        elif not body or "hand" in group:
            parts += [("ball", (k,), 0.014, f"{side}_hand" if "hand" in group else "torso") for k in members]
    parts += [("ball", (k,), 0.012, "mark") for k in body.values() if names[k].rpartition("/")[2].endswith(("nose", "eye", "ear"))]
    parts = _body_parts(body) + parts
    for side, k in (("left", 0), ("right", 1)):
        if f"{side}_wrist" in body:
            wrists[k] = body[f"{side}_wrist"]
    good = np.where(seen[..., None], points, np.nan)
    return Figure(points, seen, tuple(parts), True, _box(good, 0.1), (wrists[0], wrists[1]))


def _body_points(names: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for k, name in enumerate(names):
        group, _, own = name.rpartition("/")
        if "hand" not in group and "face" not in group:
            for ours, theirs in _BODY_POINTS.items():
                if own in theirs:
                    found.setdefault(ours, k)
    return found


def _body_parts(body: dict[str, int]) -> list[tuple[Any, ...]]:
    parts: list[tuple[Any, ...]] = []
    trunk = [body[n] for n in ("left_shoulder", "right_shoulder", "right_hip", "left_hip") if n in body]
    if len(trunk) == 4:
        parts.append(("face", tuple(trunk), 0.0, "torso"))
    for side in ("left", "right"):
        for a, b, width in (("shoulder", "elbow", 0.05), ("elbow", "wrist", 0.04)):
            if f"{side}_{a}" in body and f"{side}_{b}" in body:
                parts.append(("line", body[f"{side}_{a}"], body[f"{side}_{b}"], width, f"{side}_arm"))
        if "neck" in body and f"{side}_shoulder" in body:
            parts.append(("line", body["neck"], body[f"{side}_shoulder"], 0.05, "torso"))
    return parts


def _up(points: np.ndarray, seen: np.ndarray, faces: list[int], below: list[int]) -> float:
    """1 where Y grows upwards, -1 where it grows downwards, as in pictures: faces are above hands."""
    if faces and below and seen[:, faces].any() and seen[:, below].any():
        y = points[..., 1]
        return 1.0 if np.median(y[:, faces][seen[:, faces]]) > np.median(y[:, below][seen[:, below]]) else -1.0
    return -1.0


def _scale(points: np.ndarray, seen: np.ndarray, body: dict[str, int]) -> float:
    """Metres of a unit: by the shoulders where they are known, else so that the whole is a metre high."""
    if "left_shoulder" in body and "right_shoulder" in body:
        a, b = body["left_shoulder"], body["right_shoulder"]
        both = seen[:, a] & seen[:, b]
        wide = float(np.median(np.linalg.norm(points[both, a] - points[both, b], axis=-1))) if both.any() else 0.0
        if wide > 0.0:
            return SHOULDERS / wide
    y = points[..., 1][seen]
    high = float(np.percentile(y, 98) - np.percentile(y, 2)) if len(y) else 0.0
    return 1.0 / high if high > 0.0 else 1.0


def _middle(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.asarray(np.median(points[seen], axis=0)) if seen.any() else np.zeros(3)


def _box(points: np.ndarray, pad: float) -> tuple[float, float, float, float]:
    """The square that holds the points (T, P, 3) but for stray ones; NaN: not there."""
    flat = points.reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return (0.0, 0.0, 0.0, 1.0)
    low, high = np.percentile(flat, 0.5, axis=0), np.percentile(flat, 99.5, axis=0)
    centre = (low + high) / 2.0
    half = min(max(float(max(high[:2] - low[:2])) / 2.0 + pad, 0.3), 3.0)
    return (float(centre[0]), float(centre[1]), float(centre[2]), half)
