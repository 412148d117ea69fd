"""Readers of files that hold SMPL-X parameters: SignAvatars, SOKE, SMPLest-X and SMPLer-X (aslAvatar), AMASS, BEAT2, Motion-X, plain vectors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..motion import read_array, read_arrays, read_npz
from .clips import PARTS, Clip, make_motion, same_length
from .layouts import detect, split
from .unpickle import load_resolved

SIGNAVATARS_FPS = 24.0  # not stored in the files; SignAvatars says so
SOKE_FPS = 24.0
VIDEO_FPS = 25.0  # WLASL's, where frames of a video were fitted one by one
_SOKE_KEYS = {
    "smplx_root_pose": ("global_orient", 3), "smplx_body_pose": ("body_pose", 63), "smplx_lhand_pose": ("left_hand_pose", 45),
    "smplx_rhand_pose": ("right_hand_pose", 45), "smplx_jaw_pose": ("jaw_pose", 3), "smplx_shape": ("betas", 10), "smplx_expr": ("expression", 10),
}  # fmt: skip
_SMPLERX_KEYS = {
    "global_orient": ("global_orient", 3), "body_pose": ("body_pose", 63), "left_hand_pose": ("left_hand_pose", 45),
    "right_hand_pose": ("right_hand_pose", 45), "jaw_pose": ("jaw_pose", 3), "leye_pose": ("leye_pose", 3), "reye_pose": ("reye_pose", 3),
    "betas": ("betas", 10), "expression": ("expression", 10),
}  # fmt: skip
_RATES = ("mocap_frame_rate", "mocap_framerate", "fps")
FRAME_FILE = re.compile(r"^(?P<clip>.+)_(?P<frame>\d{4,8})_p(?P<person>\d+)\.npz$")


def everything_seen(frames: int) -> dict[str, np.ndarray]:
    return {part: np.ones(frames, dtype=bool) for part in PARTS}


def numbers(value: Any, where: str) -> np.ndarray:
    """`value` as floats. Raises FileFormatError."""
    try:
        out = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise FileFormatError(f"{where}: expected numbers, found {type(value).__name__}") from None
    return out


def read_signavatars(path: Path, *, text: str = "", fps: float = SIGNAVATARS_FPS) -> Clip:
    """A SignAvatars pickle: `smplx` (T, 182), or `unsmooth_smplx` (T, 169) where that is all there is; validity of both hands."""
    data = load_resolved(path)
    if not isinstance(data, dict) or not {"smplx", "unsmooth_smplx"} & set(data):
        raise FileFormatError(f"{path}: has neither smplx nor unsmooth_smplx; expected a SignAvatars file")
    key = "smplx" if "smplx" in data else "unsmooth_smplx"
    vectors = numbers(data[key], f"{path}: {key}")
    layout = "signavatars_182" if key == "smplx" else "signavatars_169"
    try:
        parts = split(vectors, layout)
    except FileFormatError as problem:
        raise FileFormatError(f"{path}: {key}: {problem}") from None
    frames = same_length({key: vectors}, str(path))
    valid = everything_seen(frames)
    for name, part in (("left_valid", "left_hand"), ("right_valid", "right_hand"), ("total_valid_index", "body")):
        if name in data:
            mask = numbers(data[name], f"{path}: {name}").reshape(-1)
            marks = len(mask) == frames and bool(np.isin(mask, (0.0, 1.0)).all())
            if marks:
                valid[part] = mask > 0.5
            elif name == "total_valid_index" and len(mask) <= frames and (mask >= 0).all() and (mask < frames).all():
                valid[part] = np.isin(np.arange(frames), mask.astype(int))  # it lists frames in place of marking them
            else:
                wrong = f"{len(mask)} values for {frames} frames" if len(mask) != frames else "expected a 0 or a 1 for each frame"
                raise FileFormatError(f"{path}: {name}: {wrong}")
    motion, done = make_motion(parts, fps, camera_frame=True, flat_hands=False, where=str(path))
    return Clip(path.stem, motion, valid, text, {"layout": layout, "file": path.name, "fps": "of the layout; not stored", **done})


def _frames(rows: Sequence[Mapping[str, Any]], keys: Mapping[str, tuple[str, int]], places: list[Path]) -> dict[str, np.ndarray]:
    """part -> (T, n) of one mapping a frame. Raises FileFormatError naming the file."""
    out: dict[str, list[np.ndarray]] = {part: [] for part, _ in keys.values()}
    for row, place in zip(rows, places, strict=True):
        for key, (part, size) in keys.items():
            if key not in row:
                if part in ("leye_pose", "reye_pose"):
                    out[part].append(np.zeros(size))
                    continue
                raise FileFormatError(f"{place}: has no {key}")
            value = numbers(row[key], f"{place}: {key}").reshape(-1)
            if len(value) != size:
                raise FileFormatError(f"{place}: {key}: expected {size} numbers, found {len(value)}")
            out[part].append(value)
    return {part: np.stack(values) for part, values in out.items()}


def read_soke(folder: Path, *, text: str = "", fps: float = SOKE_FPS) -> Clip:
    """A SOKE folder: one pickle a frame, `NAME_<i>_3D.pkl` from 0 or `images####.pkl`."""
    files = sorted((p for p in folder.glob("*.pkl")), key=lambda p: [int(n) for n in re.findall(r"\d+", p.stem)][-2:] if p.stem.endswith("_3D") else
                   [int(n) for n in re.findall(r"\d+", p.stem)][-1:])  # fmt: skip
    if not files:
        raise FileFormatError(f"{folder}: holds no .pkl files")
    rows = []
    for path in files:
        data = load_resolved(path)
        if not isinstance(data, dict):
            raise FileFormatError(f"{path}: expected a dict of SMPL-X parameters")
        rows.append(data)
    parts = _frames(rows, _SOKE_KEYS, files)
    motion, done = make_motion(parts, fps, camera_frame=True, flat_hands=False, where=str(folder))
    note = {"layout": "soke", "file": folder.name, "fps": "of the layout; not stored", **done}
    return Clip(folder.name, motion, everything_seen(len(rows)), text, note)


def read_smplestx(files: list[Path], name: str, *, text: str = "", fps: float = VIDEO_FPS) -> Clip:
    """One npz a video frame, of SMPLest-X (`smplx_root_pose` ...) or stock SMPLer-X (`global_orient` ...). Frames that are missing between the first and the
    last are filled by the one before and marked as not seen."""
    if not files:
        raise FileFormatError(f"{name}: no frame files")
    numbered = sorted((int(m["frame"]), p) for p in files if (m := FRAME_FILE.match(p.name)))
    if not numbered:
        raise FileFormatError(f"{files[0]}: no frame number in its name; expected NAME_000001_p0.npz")
    rows = [read_arrays(path) for _, path in numbered]
    keys = _SOKE_KEYS if "smplx_root_pose" in rows[0] else _SMPLERX_KEYS
    known = _frames(rows, keys, [path for _, path in numbered])
    at = np.array([n for n, _ in numbered]) - numbered[0][0]
    if len(np.unique(at)) != len(at):
        raise FileFormatError(f"{name}: two files of one frame")
    total = int(at[-1]) + 1
    if total > 100 * len(at) + 1000:
        raise FileFormatError(f"{name}: frame numbers from {numbered[0][0]} to {numbered[-1][0]} with {len(at)} files")
    source = np.maximum.accumulate(np.bincount(at, weights=np.arange(len(at)), minlength=total).astype(int))
    seen = np.isin(np.arange(total), at)
    parts = {part: values[source] for part, values in known.items()}
    motion, done = make_motion(parts, fps, camera_frame=True, flat_hands=True, where=f"{files[0].parent}: {name}")
    layout = "smplestx" if keys is _SOKE_KEYS else "smplerx"
    note = {"layout": layout, "file": numbered[0][1].name, "fps": "of the video; not stored", **done}
    return Clip(name, motion, {part: seen.copy() for part in PARTS}, text, note)


def read_amass(path: Path, *, text: str = "") -> Clip:
    """An AMASS npz of SMPL-X (165) or SMPL-H (156), BEAT2 with `expressions`, or our own."""
    data = read_arrays(path)
    if "poses" not in data:
        raise FileFormatError(f"{path}: has no array 'poses'")
    poses = numbers(data["poses"], f"{path}: poses")
    poses = poses.reshape(len(poses), -1) if poses.ndim == 3 else poses
    name = {165: "amass_smplx_165", 156: "amass_smplh_156"}.get(poses.shape[1] if poses.ndim == 2 else 0)
    if name is None:
        raise FileFormatError(f"{path}: poses: expected (T, 165) of SMPL-X or (T, 156) of SMPL-H, found {poses.shape}")
    rate = next((float(data[k].reshape(-1)[0]) for k in _RATES if k in data and data[k].size == 1 and data[k].dtype.kind in "fiu"), None)
    if rate is None:
        raise FileFormatError(f"{path}: no frame rate (a number in {', '.join(_RATES)})")
    parts = split(poses, name)
    arrays = {"poses": poses}
    for key, part in (("trans", "transl"), ("expressions", "expression"), ("expression", "expression")):
        if key in data:
            arrays[key] = numbers(data[key], f"{path}: {key}")
            parts[part] = arrays[key]
    frames = same_length(arrays, str(path))
    betas = numbers(data.get("betas", np.zeros(10)), f"{path}: betas").reshape(-1)
    parts["betas"] = np.repeat(betas[None], frames, axis=0)
    motion, done = make_motion(parts, rate, camera_frame=False, flat_hands=True, where=str(path))
    if "signgen" in data:  # our own file says more than its AMASS keys: face, segments, whose it is
        motion = read_npz(path)
        text = text or str(motion.meta.get("text", ""))
    layout = "beat2" if "expressions" in data and name == "amass_smplx_165" and "signgen" not in data else name
    return Clip(path.stem, motion, everything_seen(frames), text, {"layout": layout, "file": path.name, "fps": "stored", **done})


def read_vectors(path: Path, *, layout: str | None = None, fps: float | None = None, text: str = "") -> Clip:
    """A .npy of vectors (T, D) in one of `layouts.LAYOUTS`; told apart by `layouts.detect` where `layout` does not say it."""
    vectors = numbers(read_array(path), str(path))
    try:
        name = layout or detect(vectors)
        parts = split(vectors, name)
    except FileFormatError as problem:
        raise FileFormatError(f"{path}: {problem}") from None
    frames = same_length({"vectors": vectors}, str(path))
    rate = fps or (30.0 if name == "motionx_322" else SIGNAVATARS_FPS)
    upright = name.startswith(("motionx", "amass"))
    motion, done = make_motion(parts, rate, camera_frame=not upright, flat_hands=upright, where=str(path))
    said = "given" if fps else "of the layout; not stored"
    return Clip(path.stem, motion, everything_seen(frames), text, {"layout": name, "file": path.name, "fps": said, **done})
