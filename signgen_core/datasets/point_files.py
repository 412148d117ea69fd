"""Readers of tracked points: `.pose` files (pose-format) and the 72-joint skeletons of ASLLVD."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError, InputError
from ..motion import read_array
from .clips import PointClip

ASLLVD_FPS = 3.0
# 14 joints of the upper body, 16 of the face, 21 of each hand
ASLLVD_PARTS = (("body", 14), ("face", 16), ("left_hand", 21), ("right_hand", 21))
_MAX_NUMBERS = 2**28


class _Bytes:
    """Little-endian fields, read in order."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.place = data, name, 0

    def read(self, form: str) -> Any:
        size = struct.calcsize(form)
        if self.place + size > len(self.data):
            raise FileFormatError(f"{self.name}: cut off after {len(self.data)} bytes")
        found = struct.unpack_from(form, self.data, self.place)
        self.place += size
        return found if len(found) > 1 else found[0]

    def text(self) -> str:
        size = self.read("<H")
        raw = self.data[self.place : self.place + size]
        if len(raw) < size:
            raise FileFormatError(f"{self.name}: cut off within a name")
        self.place += size
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise FileFormatError(f"{self.name}: a name is not UTF-8") from None

    def floats(self, *shape: int) -> np.ndarray:
        count = int(np.prod(shape, dtype=object))
        if count > _MAX_NUMBERS or self.place + 4 * count > len(self.data):
            raise FileFormatError(f"{self.name}: expected {count} numbers, the file holds {(len(self.data) - self.place) // 4} more")
        out = np.frombuffer(self.data, "<f4", count, self.place).reshape(shape)
        self.place += 4 * count
        return out.astype(np.float64)


def read_pose(path: Path, *, person: int = 0, text: str = "") -> PointClip:
    """A `.pose` file of version 0.1 or 0.2; coordinates in its own units (pixels as a rule). Raises FileFormatError."""
    try:
        file = _Bytes(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    version = round(file.read("<f"), 3)
    if version not in (0.1, 0.2):
        raise FileFormatError(f"{path}: version {version:g} of the pose format; 0.1 and 0.2 are read")
    width, height, depth = file.read("<HHH")
    names: list[str] = []
    sizes: list[tuple[int, int]] = []
    for _ in range(file.read("<H")):
        component, form = file.text(), file.text()
        points, limbs, colors = file.read("<HHH")
        names += [f"{component}/{file.text()}" for _ in range(points)]
        for _ in range(limbs):
            file.read("<HH")
        for _ in range(colors):
            file.read("<HHH")
        sizes.append((points, len(form) - 1))
    if not names:
        raise FileFormatError(f"{path}: has no points")
    total, dims = len(names), max(d for _, d in sizes)
    if version == 0.2:
        fps, frames, people = file.read("<f"), file.read("<I"), file.read("<H")
    else:  # the number of frames has 16 bits only, and runs over: the size of the file tells
        fps, _, people = float(file.read("<H")), file.read("<H"), file.read("<H")
        frames = (len(file.data) - file.place) // (4 * max(people, 1) * total * (dims + 1))
    if not frames or not people:
        raise FileFormatError(f"{path}: holds {frames} frames of {people} people")
    if not 0 <= person < people:
        raise FileFormatError(f"{path}: no person {person}; it has {people}")
    points = file.floats(frames, people, total, dims)[:, person]
    confidence = file.floats(frames, people, total)[:, person]
    if not np.isfinite(points[confidence > 0]).all() or not np.isfinite(fps) or not 0.0 < fps <= 1000.0:
        raise FileFormatError(f"{path}: holds NaN or infinite values, or a frame rate of {fps}")
    note = {"layout": "pose", "file": path.name, "version": version, "size": (width, height, depth), "fps": "stored"}
    return PointClip(path.stem, np.nan_to_num(points), np.clip(confidence, 0.0, 1.0), tuple(names), float(fps), text, note)


def read_asllvd(path: Path, *, fps: float = ASLLVD_FPS, text: str = "") -> PointClip:
    """A 72-joint skeleton: JSON or .npy of (T, 72, 3) or (T, 216). Three frames a second, as the skeletons were published."""
    try:
        if path.suffix.lower() == ".npy":
            raw: Any = read_array(path)
        else:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(raw, dict):
                text = text or str(raw.get("label", raw.get("gloss", "")))
                raw = raw.get("frames", raw.get("skeleton", raw.get("data")))
                if isinstance(raw, list) and raw and isinstance(raw[0], dict):
                    raw = [frame.get("skeleton", frame.get("joints")) for frame in raw]
        points = np.asarray(raw, dtype=np.float64)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except json.JSONDecodeError as problem:
        raise FileFormatError(f"{path}: not readable as JSON: {problem}") from None
    except (OSError, ValueError, TypeError) as problem:
        raise FileFormatError(f"{path}: not a skeleton file: {' '.join(str(problem).split())[:120]}") from None
    if points.ndim == 2 and points.shape[1] == 216:
        points = points.reshape(len(points), 72, 3)
    if points.ndim != 3 or points.shape[1:] != (72, 3) or not len(points):
        raise FileFormatError(f"{path}: expected (T, 72, 3) or (T, 216), found {points.shape}")
    seen = np.isfinite(points).all(axis=2) & np.any(points != 0.0, axis=2)
    names = tuple(f"{part}/{k}" for part, n in ASLLVD_PARTS for k in range(n))
    note = {"layout": "asllvd_72", "file": path.name, "fps": "of the layout; not stored"}
    return PointClip(path.stem, np.nan_to_num(points), seen.astype(float), names, fps, text, note)
