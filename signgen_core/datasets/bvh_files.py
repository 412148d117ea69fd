"""BVH of the SMPL-X skeleton: 55 joints by their names, world-aligned at rest in the T-pose, Y up, Euler angles in degrees.

Only such skeletons are read: another rest pose would need a retargeting that a file cannot say how to do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError, InputError
from ..face import NUM_FACE
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about
from ..motion import Motion, write_bytes
from ..rig import EXTRA_POINTS, INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS, Rig
from .clips import PARTS, Clip

_CHANNELS = ("Zrotation", "Xrotation", "Yrotation")  # R = Rz Rx Ry; what most programs write
_AXES = {"X": np.array([1.0, 0.0, 0.0]), "Y": np.array([0.0, 1.0, 0.0]), "Z": np.array([0.0, 0.0, 1.0])}
_END = np.array([0.0, 0.0, 0.05])  # of joints whose end no point of the rig says, metres
_BENT = np.radians(35.0)  # bones further than this from the T-pose's are of another rest pose
_MAX_BYTES = 2**30


def _children(joint: int) -> list[int]:
    return [j for j, parent in enumerate(PARENTS) if parent == joint]


def _end(rig: Rig, joint: int) -> np.ndarray:
    name = JOINT_NAMES[joint]
    tip = f"{name[:-1]}_tip"
    if tip in EXTRA_POINTS:
        return rig.extra_points[EXTRA_POINTS.index(tip)] - rig.rest_joints[joint]
    return _END


def write_bvh(path: str | Path, motion: Motion, rig: Rig, *, scale: float = 1.0) -> None:
    """Writes a motion on a rig. scale: units of the file a metre (100 for centimetres). Face and shape do not fit into a BVH.

    Raises OutputError when the place is not writable.
    """
    lines: list[str] = ["HIERARCHY"]
    order: list[int] = []

    def numbers(values: np.ndarray) -> str:
        return " ".join(f"{v:.8f}" for v in values)

    def put(joint: int, depth: int) -> None:
        order.append(joint)
        pad = "\t" * depth
        parent = PARENTS[joint]
        offset = rig.rest_joints[joint] - (rig.rest_joints[parent] if parent >= 0 else 0.0)
        turns = " ".join(_CHANNELS)
        lines.extend([f"{pad}{'ROOT' if parent < 0 else 'JOINT'} {JOINT_NAMES[joint]}", f"{pad}{{", f"{pad}\tOFFSET {numbers(scale * offset)}"])
        lines.append(f"{pad}\tCHANNELS 6 Xposition Yposition Zposition {turns}" if parent < 0 else f"{pad}\tCHANNELS 3 {turns}")
        for child in _children(joint):
            put(child, depth + 1)
        if not _children(joint):
            lines.extend([f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET {numbers(scale * _end(rig, joint))}", f"{pad}\t}}"])
        lines.append(f"{pad}}}")

    put(0, 0)
    angles = np.degrees(_to_euler(axis_angle_to_matrix(motion.poses)))[:, order]
    place = scale * (rig.rest_joints[0] + motion.transl)
    lines += ["MOTION", f"Frames: {motion.num_frames}", f"Frame Time: {1.0 / motion.fps:.12f}"]
    lines += [f"{numbers(place[t])} {numbers(angles[t].ravel())}" for t in range(motion.num_frames)]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def _to_euler(matrices: np.ndarray) -> np.ndarray:
    """(T, J, 3) radians about Z, X, Y with R = Rz Rx Ry, without jumps of whole turns over time."""
    m = matrices
    x = np.arcsin(np.clip(m[..., 2, 1], -1.0, 1.0))
    locked = np.abs(m[..., 2, 1]) > 1.0 - 1e-12
    z = np.where(locked, np.arctan2(m[..., 1, 0], m[..., 0, 0]), np.arctan2(-m[..., 0, 1], m[..., 1, 1]))
    y = np.where(locked, 0.0, np.arctan2(-m[..., 2, 0], m[..., 2, 2]))
    return np.unwrap(np.stack([z, x, y], axis=-1), axis=0)


def read_bvh(path: str | Path, *, text: str = "") -> Clip:
    """A BVH of the 55 SMPL-X joints in any order of channels, in metres or centimetres, as `write_bvh` or another program wrote it.

    Joints that are missing stay at rest, but not the root, spine and arms. Raises InputError where there is no file, FileFormatError for a broken one
    or another skeleton.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileFormatError(f"{path}: more than {_MAX_BYTES // 2**30} GB")
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise FileFormatError(f"{path}: cannot be read: {problem.strerror or problem}") from None
    head, found, tail = content.partition("MOTION")
    if not found or not head.lstrip().startswith("HIERARCHY"):
        raise FileFormatError(f"{path}: not a BVH file: HIERARCHY or MOTION is missing")
    joints = _hierarchy(head, path)
    fps, table = _table(tail, sum(len(j["channels"]) for j in joints), path)
    known = {str(j["name"]).lower(): j for j in joints}
    needed = [n for n in JOINT_NAMES[:22] if n not in known and not n.endswith(("hip", "knee", "ankle", "foot"))]
    if needed:
        raise FileFormatError(f"{path}: has no joint {needed[0]!r}; only skeletons with the joint names of SMPL-X are read")
    unit = _unit(known, path)
    poses = np.zeros((len(table), NUM_JOINTS, 3))
    for name, joint in known.items():
        if name in INDEX:
            poses[:, INDEX[name]] = matrix_to_axis_angle(_turns(joint, table))
    root = known["pelvis"]
    transl = np.zeros((len(table), 3))
    for k, channel in enumerate(root["channels"]):
        if channel.endswith("position"):
            axis = "XYZ".index(channel[0])
            transl[:, axis] = (table[:, root["column"] + k] - root["offset"][axis]) * unit
    try:
        motion = Motion(poses, transl, np.zeros(10), np.zeros((len(table), 10)), np.zeros((len(table), NUM_FACE)), fps)
    except InputError as problem:
        raise FileFormatError(f"{path}: {problem}") from None
    note = {"layout": "bvh", "file": path.name, "fps": "stored", "unit": f"{unit:g} m"}
    return Clip(path.stem, motion, {part: np.full(len(table), part != "face") for part in PARTS}, text, note)


def _hierarchy(head: str, path: Path) -> list[dict[str, Any]]:
    """name, parent (index or -1), offset (3,), channels, column of each joint, in file order."""
    joints: list[dict[str, Any]] = []
    stack: list[int | None] = []
    words = re.findall(r"\S+", head)
    at, column, new = 1, 0, None
    try:
        while at < len(words):
            word = words[at]
            if word in ("ROOT", "JOINT"):
                parent = next((s for s in reversed(stack) if s is not None), -1)
                joints.append({"name": words[at + 1].rpartition(":")[2], "parent": parent, "offset": np.zeros(3), "channels": [], "column": column})
                new, at = len(joints) - 1, at + 2
            elif word == "End":
                new, at = None, at + 2
            elif word == "{":
                stack.append(new)
                at += 1
            elif word == "}":
                stack.pop()
                at += 1
            elif word == "OFFSET":
                if stack[-1] is not None:
                    joints[stack[-1]]["offset"] = np.array([float(v) for v in words[at + 1 : at + 4]])
                at += 4
            elif word == "CHANNELS":
                count = int(words[at + 1])
                own = words[at + 2 : at + 2 + count]
                if stack[-1] is None or len(own) < count or any(not re.fullmatch(r"[XYZ](position|rotation)", c) for c in own):
                    raise FileFormatError(f"{path}: CHANNELS {' '.join(own)[:60]}: expected X, Y or Z with position or rotation")
                joints[stack[-1]]["channels"], column, at = own, column + count, at + 2 + count
            else:
                raise FileFormatError(f"{path}: HIERARCHY: {word[:40]!r} is not expected there")
    except (IndexError, ValueError, TypeError):
        raise FileFormatError(f"{path}: HIERARCHY: broken near word {at + 1}") from None
    if stack or not joints:
        raise FileFormatError(f"{path}: HIERARCHY: {'a brace is open' if stack else 'no joint in it'}")
    return joints


def _table(tail: str, width: int, path: Path) -> tuple[float, np.ndarray]:
    match = re.match(r"\s*Frames:\s*(\d+)\s+Frame\s+Time:\s*([\d.eE+-]+)\s", tail)
    if not match:
        raise FileFormatError(f"{path}: MOTION: no Frames and Frame Time")
    try:
        seconds = float(match[2])
        values = np.array(tail[match.end() :].split(), dtype=np.float64)
    except ValueError as problem:
        raise FileFormatError(f"{path}: MOTION: {' '.join(str(problem).split())[:80]}") from None
    count = int(match[1])
    if not count or len(values) != count * width:
        raise FileFormatError(f"{path}: MOTION: expected {count} frames of {width} numbers, found {len(values)} numbers")
    if not 0.0 < seconds <= 1.0:
        raise FileFormatError(f"{path}: MOTION: Frame Time {seconds:g} is not above 0 and up to 1")
    rate = 1.0 / seconds
    # six digits of a frame time are what most programs write: 0.033333 means 30
    near = round(rate)
    return float(near) if abs(rate - near) < 2e-4 * near else rate, values.reshape(count, width)


def _turns(joint: dict[str, Any], table: np.ndarray) -> np.ndarray:
    out = np.tile(np.eye(3), (len(table), 1, 1))
    for k, channel in enumerate(joint["channels"]):
        if channel.endswith("rotation"):
            out = out @ rotation_about(_AXES[channel[0]], np.radians(table[:, joint["column"] + k]))
    return out


def _unit(known: dict[str, dict[str, Any]], path: Path) -> float:
    """Metres of one unit of the file, 1 or 0.01; checks on the way that the skeleton rests as SMPL-X does."""
    from ..body.load import load_body

    rest = load_body("default").rig().rest_joints
    lengths, expected = [], []
    for name in ("spine2", "left_elbow", "left_wrist", "right_elbow", "right_wrist"):
        offset = known[name]["offset"]
        wanted = rest[INDEX[name]] - rest[PARENTS[INDEX[name]]]
        size, length = np.linalg.norm(offset), np.linalg.norm(wanted)
        if size < 1e-9 or np.arccos(np.clip(offset @ wanted / (size * length), -1.0, 1.0)) > _BENT:
            raise FileFormatError(f"{path}: {name}: its offset is not that of a T-pose with Y up and the signer facing +Z")
        lengths.append(size)
        expected.append(length)
    ratio = sum(lengths) / sum(expected)
    unit = 1.0 if ratio < 10.0 else 0.01
    if not 0.3 < ratio * unit < 3.0:
        raise FileFormatError(f"{path}: the skeleton is {ratio:g} times as large as a person, neither in metres nor in centimetres")
    return unit
