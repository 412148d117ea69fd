"""A motion as a .npy of 6-D rotations: (T, 330) float32, the 55 joints in SMPL-X order, each as the first and the second column of its matrix.

Columns, not rows: Zhou et al. 2019 take columns, some libraries rows (see `kinematics.rotations`). Place, shape, face and rate are not in the file.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ..errors import FileFormatError, InputError
from ..face import NUM_FACE
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle, matrix_to_rot6d, rot6d_to_matrix
from ..motion import Motion, read_array, write_bytes
from ..rig import NUM_JOINTS
from .clips import PARTS, Clip

ROT6D_FPS = 30.0  # not stored; what `write_rot6d` writes
ROT6D_WIDTH = 6 * NUM_JOINTS


def write_rot6d(path: str | Path, motion: Motion) -> None:
    """Writes the rotations of every frame. Raises OutputError when the place is not writable."""
    raw = io.BytesIO()
    np.save(raw, matrix_to_rot6d(axis_angle_to_matrix(motion.poses)).reshape(motion.num_frames, ROT6D_WIDTH).astype(np.float32))
    write_bytes(path, raw.getvalue())


def read_rot6d(path: str | Path, *, fps: float = ROT6D_FPS, text: str = "") -> Clip:
    """A .npy of (T, 330), (T, 55, 6). What is no rotation is brought to the nearest by Gram-Schmidt. Raises InputError or FileFormatError."""
    path = Path(path)
    values = read_array(path)
    if values.dtype.kind not in "fiu" or not len(values) or values.shape[1:] not in ((ROT6D_WIDTH,), (NUM_JOINTS, 6)):
        raise FileFormatError(f"{path}: expected numbers (T, {ROT6D_WIDTH}) or (T, {NUM_JOINTS}, 6), found {values.dtype} {values.shape}")
    frames = len(values)
    poses = matrix_to_axis_angle(rot6d_to_matrix(values.astype(np.float64).reshape(frames, NUM_JOINTS, 6)))
    try:
        motion = Motion(poses, np.zeros((frames, 3)), np.zeros(10), np.zeros((frames, 10)), np.zeros((frames, NUM_FACE)), fps)
    except InputError as problem:
        raise FileFormatError(f"{path}: {problem}") from None
    note = {"layout": "rot6d", "file": path.name, "fps": "of the layout; not stored"}
    return Clip(path.stem, motion, {part: np.full(frames, part != "face") for part in PARTS}, text, note)
