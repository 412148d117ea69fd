"""Motions into the layouts of the field, so that the readers (and the programs these layouts are of) read them again; docs/formats/datasets.md."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..body.load import load_body
from ..body.model import Body
from ..errors import InputError, OutputError
from ..kinematics.resample import resample
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..motion import Motion, write_bytes, write_npz
from ..pipeline import joints
from ..rig import BODY_POSE, EXTRA_PARENT_NAMES, INDEX, JAW_POSE, LEFT_HAND_POSE, LEYE_POSE, PARENTS, POINT_NAMES, REYE_POSE, RIGHT_HAND_POSE
from .bvh_files import write_bvh
from .clips import _UPRIGHT, PointClip, hand_means
from .layouts import LAYOUTS, join
from .rot6d_files import ROT6D_FPS, write_rot6d
from .smplx_files import SIGNAVATARS_FPS

# suffix -> the layouts that it can hold, the one that is meant without a word first
SUFFIXES: dict[str, tuple[str, ...]] = {
    ".npz": ("amass",), ".pkl": ("signavatars",), ".npy": ("rot6d", *LAYOUTS), ".bvh": ("bvh",), ".pose": ("pose",),
}  # fmt: skip
MOTIONX_FPS = 30.0
_POSE_SIZE = 1000  # pixels of a .pose file's picture; two metres wide and high, the signer's pelvis in its middle
_COLOR = (80, 80, 200)


def find_layout(path: str | Path, layout: str | None = None) -> str:
    """The layout that a file name, or a word, says. Raises OutputError for one that the suffix does not hold."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"{path}: unknown suffix '{suffix}'; use {' '.join(SUFFIXES)}")
    if layout is not None and layout not in SUFFIXES[suffix]:
        raise OutputError(f"{path}: a {suffix} file cannot hold the layout {layout!r}; it can hold {', '.join(SUFFIXES[suffix])}")
    return layout or SUFFIXES[suffix][0]


def rate_of(layout: str) -> float | None:
    """Frames per second of a layout that does not store them; None where they are stored."""
    if layout in ("amass", "bvh", "pose"):
        return None
    if layout == "rot6d":
        return ROT6D_FPS
    return MOTIONX_FPS if layout == "motionx_322" else SIGNAVATARS_FPS


def missing_from(layout: str) -> tuple[str, ...]:
    """What of a motion a layout has no place for, in words."""
    if layout == "amass":
        return ()
    if layout == "pose":
        return ("rotations", "shape", "face", "signs")
    out = ["face", "signs"]
    if layout in ("bvh", "rot6d"):
        out += ["shape", "expression"]
    names = {part for part, _ in LAYOUTS.get(layout, ())}
    if layout not in ("bvh", "amass") and "transl" not in names:
        out.append("place")
    if layout == "signavatars" or (names and "leye_pose" not in names):
        out.append("eyes")
    if "upper_body_pose" in names:
        out.append("root and lower body")
    return tuple(out)


def write_motion(path: str | Path, motion: Motion, *, layout: str | None = None, body: Body | None = None, scale: float = 1.0) -> Motion:
    """Writes a motion in a layout and returns what was written, resampled to the rate of a layout that stores none (`rate_of`).

    layout: as in `find_layout`. body: gives joint positions (None: the default one). scale: units of a .bvh a metre. Raises OutputError.
    """
    path = Path(path)
    kind = find_layout(path, layout)
    rate = rate_of(kind)
    if rate is not None:
        motion = resample(motion, rate)
    if kind == "amass":
        write_npz(path, motion, joints(motion, body))
    elif kind == "bvh":
        write_bvh(path, motion, (body or load_body()).rig(motion.betas), scale=scale)
    elif kind == "rot6d":
        write_rot6d(path, motion)
    elif kind == "pose":
        _write_motion_points(path, motion, body)
    elif kind == "signavatars":
        frames = motion.num_frames
        data = {
            "smplx": vectors(motion, "signavatars_182").astype(np.float32), "unsmooth_smplx": vectors(motion, "signavatars_169").astype(np.float32),
            "left_valid": np.ones(frames), "right_valid": np.ones(frames), "total_valid_index": np.ones(frames),
        }  # fmt: skip
        write_bytes(path, pickle.dumps(data, protocol=4))
    else:
        raw = io.BytesIO()
        np.save(raw, vectors(motion, kind).astype(np.float32))
        write_bytes(path, raw.getvalue())
    return motion


def vectors(motion: Motion, layout: str) -> np.ndarray:
    """(T, D) of a motion in one of `layouts.LAYOUTS`; the inverse of what its reader does to hands and root. Raises InputError for another name."""
    if layout not in LAYOUTS:
        raise InputError(f"layout {layout!r}: unknown; known are {', '.join(LAYOUTS)}")
    poses = motion.poses.copy()
    upright = layout.startswith(("motionx", "amass"))
    if not upright:  # seen from a camera, hands counted from the mean hand
        poses[:, 0] = matrix_to_axis_angle(_UPRIGHT @ axis_angle_to_matrix(poses[:, 0]))
        mean, _ = hand_means()
        poses[:, LEFT_HAND_POSE] -= mean["left"]
        poses[:, RIGHT_HAND_POSE] -= mean["right"]
    frames = motion.num_frames

    def flat(part: slice) -> np.ndarray:
        return poses[:, part].reshape(frames, -1)

    widths = dict(LAYOUTS[layout])
    expression = np.zeros((frames, widths.get("expression", 10)))
    expression[:, : motion.expression.shape[1]] = motion.expression
    betas = np.zeros(10)
    betas[: min(10, len(motion.betas))] = motion.betas[:10]
    parts = {
        "global_orient": flat(slice(0, 1)), "body_pose": flat(BODY_POSE), "left_hand_pose": flat(LEFT_HAND_POSE), "right_hand_pose": flat(RIGHT_HAND_POSE),
        "jaw_pose": flat(JAW_POSE), "leye_pose": flat(LEYE_POSE), "reye_pose": flat(REYE_POSE),
        "upper_body_pose": flat(slice(INDEX["neck"], INDEX["right_wrist"] + 1)), "betas": np.tile(betas, (frames, 1)), "expression": expression,
        "transl": motion.transl, "camera": np.zeros((frames, 3)), "face_shape": np.zeros((frames, 100)),
    }  # fmt: skip
    return join(parts, layout)


# --- Points ------------------------------------------------------------------------------------------------------------------


def _component(name: str) -> str:
    side = name.partition("_")[0]
    hand = ("index", "middle", "ring", "pinky", "thumb", "wrist")
    return f"{side.upper()}_HAND" if side in ("left", "right") and any(word in name for word in hand) else "BODY"


def _write_motion_points(path: Path, motion: Motion, body: Body | None) -> None:
    """The 70 points as a camera before the signer sees them: x to the right, y down, z away from it, pixels; 500 of them a metre."""
    points = joints(motion, body)
    half = _POSE_SIZE / 2.0
    centre = points[:1, :1] * np.array([1.0, 1.0, 0.0])
    seen = (points - centre) * half * np.array([1.0, -1.0, -1.0]) + np.array([half, half, 0.0])
    names = [f"{_component(name)}/{name}" for name in POINT_NAMES]
    parents = [*PARENTS, *(INDEX[name] for name in EXTRA_PARENT_NAMES)]
    order = sorted(range(len(names)), key=lambda k: (("BODY", "LEFT_HAND", "RIGHT_HAND").index(names[k].partition("/")[0]), k))
    place = {k: at for at, k in enumerate(order)}
    limbs = [(place[parents[k]], place[k]) for k in order if parents[k] >= 0]
    _write_pose(path, seen[:, order], np.ones(seen.shape[:2]), [names[k] for k in order], motion.fps, limbs=limbs, size=(_POSE_SIZE, _POSE_SIZE, _POSE_SIZE))


def write_points(path: str | Path, clip: PointClip) -> None:
    """Tracked points as a `.pose` file, in the units that they have. Raises OutputError for another suffix or a place that is not writable."""
    find_layout(path, "pose")
    size = clip.provenance.get("size", (_POSE_SIZE, _POSE_SIZE, _POSE_SIZE))
    _write_pose(Path(path), clip.points, clip.confidence, list(clip.names), clip.fps, size=tuple(int(n) for n in size))


def _write_pose(
    path: Path, points: np.ndarray, confidence: np.ndarray, names: Sequence[str], fps: float, *,
    limbs: Sequence[tuple[int, int]] = (), size: tuple[int, ...] = (1000, 1000, 1000),
) -> None:  # fmt: skip
    """Version 0.2 of the pose format, one person. names: COMPONENT/POINT, those of a component together; limbs: pairs of places in `names`."""
    split = [name.partition("/") if "/" in name else ("POINTS", "/", name) for name in names]
    parts: dict[str, list[int]] = {}
    for k, (component, _, _) in enumerate(split):
        parts.setdefault(component, []).append(k)
    if [k for own in parts.values() for k in own] != list(range(len(names))):
        raise InputError(f"{path}: points of one component do not stand together")

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value.encode())) + value.encode()

    axes = {1: "X", 2: "XY", 3: "XYZ"}[points.shape[2]]
    head = struct.pack("<fHHHH", 0.2, *size[:3], len(parts))
    for component, own in parts.items():
        inside = [(a - own[0], b - own[0]) for a, b in limbs if a in own and b in own]
        head += text(component) + text(f"{axes}C") + struct.pack("<HHH", len(own), len(inside), 1)
        head += b"".join(text(split[k][2]) for k in own) + b"".join(struct.pack("<HH", a, b) for a, b in inside) + struct.pack("<HHH", *_COLOR)
    head += struct.pack("<fIH", fps, len(points), 1)
    write_bytes(path, head + points.astype("<f4").tobytes() + confidence.astype("<f4").tobytes())
