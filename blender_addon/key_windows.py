"""Keys of a stretch of frames: written over what stands there, and what follows moved along; every key outside stays as the animator left it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from signgen_core.errors import InputError
from signgen_core.motion import Motion
from signgen_core.rig import JOINT_NAMES

from . import compat
from .heatmap import REGIONS, level_property
from .keying import _INFO, _curves, _info, _write, bone_values, shape_values

if TYPE_CHECKING:
    from .armature import Signer


def _rotation(bone: str) -> str:
    return f'pose.bones["{bone}"].rotation_quaternion'


def _location(bone: str) -> str:
    return f'pose.bones["{bone}"].location'


_LINEAR, _BEZIER, _FREE, _AUTO_CLAMPED = 1, 2, 0, 4  # as Blender numbers interpolations and handle types
_SAME = 1e-7
# Everything a key is: attribute, numbers of it, whether they are whole, and what a new key has.
_KEY_PARTS: tuple[tuple[str, int, bool, float], ...] = (
    ("co", 2, False, 0.0), ("handle_left", 2, False, 0.0), ("handle_right", 2, False, 0.0), ("interpolation", 1, True, _LINEAR),
    ("handle_left_type", 1, True, _AUTO_CLAMPED), ("handle_right_type", 1, True, _AUTO_CLAMPED), ("easing", 1, True, 0), ("type", 1, True, 0),
    ("amplitude", 1, False, 0.8), ("back", 1, False, 1.70158), ("period", 1, False, 4.1),
)  # fmt: skip
_Curves = dict[tuple[str, int], Any]  # F-curves of a data-block by data path and index
_PLAIN_PARTS = tuple(part for part in _KEY_PARTS if part[0] in ("co", "interpolation", "type"))
_HANDLES = {"co": 0.0, "handle_left": -1.0 / 3.0, "handle_right": 1.0 / 3.0}  # frames from the key to each of its parts
_OWN_PATHS = {_rotation(name) for name in JOINT_NAMES} | {_location(JOINT_NAMES[0])}


def keyed_info(signer: Signer) -> dict[str, Any]:
    """What `key_motion` wrote down of the motion on a signer: fps, start_frame, frames, segments, betas, meta. Raises InputError where there is none."""
    info = _info(signer)
    data = signer.armature.animation_data
    if not info or data is None or data.action is None:
        strips = data is not None and any(track.strips and not track.mute for track in data.nla_tracks)
        why = "its signing lies in NLA strips; sign it again to edit it" if strips else "nothing is signed yet"
        raise InputError(f"signer {signer.armature.name!r}: {why}")
    return info


def key_window(signer: Signer, motion: Motion, first: int, last: int, old_last: int, *, scene: bpy.types.Scene | None = None) -> None:
    """Puts the frames first to last of `motion` in place of first to old_last of the one that `key_motion` keyed on the signer.

    motion: the whole new motion, as `resampling.resample` gives it. Keys before the window stay, keys after it move by last - old_last
    frames, with their handles. A channel that had no key beside the window gets one there, of the value it has. Raises InputError.
    """
    scene = scene or bpy.context.scene
    info = keyed_info(signer)
    start, old_count = int(info["start_frame"]), int(info["frames"])
    shift = last - old_last
    if motion.num_frames - old_count != shift or not 0 <= first <= last + 1 <= motion.num_frames:
        raise InputError(f"frames {first} to {last} of {motion.num_frames} do not replace {first} to {old_last} of {old_count}")
    if last >= first:
        span = _Span(start, first, last, old_last, old_count)
        shapes = signer.mesh.data.shape_keys
        curves = {block: _curves(block) for block in (signer.armature, signer.mesh, shapes) if block is not None}
        for block, path, index, values, absent, group in _channels(signer, motion, slice(first, last + 1), span, curves[signer.armature]):
            _put(curves[block], block, path, index, values, absent, group, span)
        if motion.uncertainty is not None:
            for k, region in enumerate(REGIONS):
                if level_property(region) in signer.mesh:
                    levels = motion.uncertainty[first : last + 1, k].astype(np.float64)
                    _put(curves[signer.mesh], signer.mesh, f'["{level_property(region)}"]', 0, levels, 0.0, None, span)
    _move_other_curves(signer, start + old_last, shift)
    _retell(signer, info, motion, scene)


class _Span:
    """A window in scene frames. values: what replaces the keys from `a` to `b`; those later move by `shift`."""

    def __init__(self, start: int, first: int, last: int, old_last: int, old_count: int) -> None:
        self.a, self.b = start + first, start + old_last
        self.shift = last - old_last
        self.frames = np.arange(start + first, start + last + 1, dtype=np.float64)
        self.stored = self.frames.astype(np.float32)  # as keys hold them
        # places beside the window where the value must be held, in frames of the old time
        self.pins = [self.a - 1] * (first > 0) + [self.b + 1] * (old_last + 1 < old_count)


def _channels(
    signer: Signer, motion: Motion, window: slice, span: _Span, curves: _Curves
) -> Iterator[tuple[bpy.types.ID, str, int, np.ndarray, float, str | None]]:
    """(data-block, data path, index, values, value while unkeyed, group) of each channel of the signer that a motion moves."""
    quaternions, shift = bone_values(signer, motion, window)
    for axis in range(3):
        yield signer.armature, _location(JOINT_NAMES[0]), axis, shift[:, axis], 0.0, JOINT_NAMES[0]
    for j, name in enumerate(JOINT_NAMES):
        turns = quaternions[:, j]
        beside = [curves.get((_rotation(name), axis)) for axis in range(4)]
        if span.pins and all(beside):
            # of the two quaternions of a turn the one that goes on from the key beside the window
            kept = np.array([curve.evaluate(span.pins[0]) for curve in beside])
            turns = -turns if float(kept @ turns[0 if span.pins[0] < span.a else -1]) < 0.0 else turns
        for axis in range(4):
            yield signer.armature, _rotation(name), axis, turns[:, axis], float(axis == 0), name
    blocks = signer.mesh.data.shape_keys
    if blocks is not None:
        for name, values in shape_values(motion):
            if name in blocks.key_blocks:
                yield blocks, f'key_blocks["{name}"].value', 0, values[window], 0.0, None


def _put(
    curves: _Curves, block: bpy.types.ID, path: str, index: int, values: np.ndarray, absent: float, group: str | None, span: _Span
) -> None:
    """Writes one channel's window. absent: the value that an unkeyed channel has."""
    curve = curves.get((path, index))
    if curve is None:
        bag = compat.active_bag(block)
        if bag is not None and np.any(np.abs(values - absent) > _SAME):
            beside = [(pin + (span.shift if pin > span.b else 0), absent) for pin in span.pins]
            frames = np.concatenate([span.frames, [f for f, _ in beside]])
            order = np.argsort(frames)
            found = next((g for g in bag.groups if g.name == group), None) if group is not None else None
            _write(bag, path, index, frames[order], np.concatenate([values, [v for _, v in beside]])[order], found)
        return
    points = curve.keyframe_points
    pairs = _gather(points, "co", 2, False)
    times = pairs[:, 0]
    inside = (times >= span.a) & (times <= span.b)
    if span.shift == 0:
        if inside.sum() == len(values) and (times[inside] == span.stored).all():
            if np.abs(pairs[inside, 1] - values).max() <= _SAME:
                return  # as it is
            if (_gather(points, "interpolation", 1, True) == _LINEAR).all():
                _overwrite(curve, pairs, inside, values)
                return
        probes = (0, len(values) // 2, -1)  # between two keys no curve passes one value three times
        if not inside.any() and np.ptp(values) < _SAME and all(abs(curve.evaluate(span.frames[k]) - values[k]) < _SAME for k in probes):
            return
    still = not inside.any() and np.ptp(values) < _SAME and all(abs(curve.evaluate(pin) - values[0]) < _SAME for pin in span.pins)
    _rebuild(curve, span, np.zeros(0) if still else values)


def _gather(points: Any, part: str, width: int, whole: bool) -> np.ndarray:
    out = np.empty(len(points) * width, dtype=np.int32 if whole else np.float32)
    points.foreach_get(part, out)
    return out.reshape(-1, width) if width > 1 else out


def _overwrite(curve: Any, pairs: np.ndarray, inside: np.ndarray, values: np.ndarray) -> None:
    """Every frame of the window has its key already, and all keys are linear."""
    pairs[inside, 1] = values
    curve.keyframe_points.foreach_set("co", pairs.ravel())
    curve.update()


def _rebuild(curve: Any, span: _Span, values: np.ndarray) -> None:
    """Takes the keys of the window out, puts those of `values` in (none: the channel stands still) and moves the later ones."""
    points = curve.keyframe_points
    kinds, handles = (_gather(points, name, 1, True) for name in ("interpolation", "handle_left_type"))
    # straight lines do without handles, which Blender then sets by itself
    parts_of = _KEY_PARTS if (kinds != _LINEAR).any() or (handles == _FREE).any() else _PLAIN_PARTS
    keys = {name: _gather(points, name, width, whole) for name, width, whole, _ in parts_of}
    for pin in span.pins if len(values) else ():
        if not (np.abs(keys["co"][:, 0] - pin) < 1e-3).any():
            keys = _with_key(keys, pin, curve.evaluate(pin))
    before, after = np.flatnonzero(keys["co"][:, 0] < span.a), np.flatnonzero(keys["co"][:, 0] > span.b)
    # handles that Blender sets by their neighbours would bend with what the window brings
    for row in (*before[-2:], *after[:2]):
        if _BEZIER in keys["interpolation"][max(0, row - 1) : row + 1]:
            keys["handle_left_type"][row] = keys["handle_right_type"][row] = _FREE
    parts: dict[str, np.ndarray] = {}
    for name, width, _, default in parts_of:
        was = keys[name]
        new = np.full((len(values), width) if width > 1 else len(values), default, dtype=was.dtype)
        later = was[after].copy()
        if width > 1:
            later[:, 0] += span.shift
            if len(values):
                new[:, 0], new[:, 1] = span.frames + _HANDLES[name], values
        parts[name] = np.concatenate([was[before], new, later])
    if len(values) and len(before):
        parts["interpolation"][len(before) - 1] = _LINEAR
    wanted = len(parts["co"])
    while len(points) > wanted:
        points.remove(points[-1], fast=True)
    if len(points) < wanted:
        points.add(wanted - len(points))
    for name, column in parts.items():
        points.foreach_set(name, column.ravel())
    curve.update()


def _with_key(keys: dict[str, np.ndarray], frame: float, value: float) -> dict[str, np.ndarray]:
    """One key more, at a frame that has none; the curve through it stays what it was."""
    row = int(np.searchsorted(keys["co"][:, 0], frame))
    made = {name: np.insert(keys[name], row, default, axis=0) for name, _, _, default in _KEY_PARTS if name in keys}
    for name in _HANDLES.keys() & made.keys():
        made[name][row] = frame + _HANDLES[name], value
    made["interpolation"][row] = made["interpolation"][row - 1] if 0 < row < len(made["co"]) - 1 else _LINEAR
    if made["interpolation"][row] == _BEZIER:
        made["handle_left_type"][row] = made["handle_right_type"][row] = _FREE
        last = row + 1
        a, b, c, d = (made[name][k].astype(np.float64) for name, k in (("co", row - 1), ("handle_right", row - 1), ("handle_left", last), ("co", last)))
        b, c = _within(a, b, c, d)
        share = _share(a[0], b[0], c[0], d[0], frame)
        ab, bc, cd = a + share * (b - a), b + share * (c - b), c + share * (d - c)
        abc, bcd = ab + share * (bc - ab), bc + share * (cd - bc)
        made["handle_right"][row - 1], made["handle_left"][row], made["handle_right"][row], made["handle_left"][last] = ab, abc, bcd, cd
        made["handle_right_type"][row - 1] = made["handle_left_type"][last] = _FREE
    return made


def _within(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two handles as Blender draws them: shortened where together they reach further than from key to key."""
    reach = abs(b[0] - a[0]) + abs(d[0] - c[0])
    factor = min(1.0, (d[0] - a[0]) / reach) if reach > 0.0 else 1.0
    return a + factor * (b - a), d + factor * (c - d)


def _share(a: float, b: float, c: float, d: float, frame: float) -> float:
    """Where on the curve it passes a frame, 0 to 1; its times only grow."""
    low, high = 0.0, 1.0
    for _ in range(40):
        t = 0.5 * (low + high)
        at = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t * t * (1 - t) + d * t**3
        low, high = (t, high) if at < frame else (low, t)
    return 0.5 * (low + high)


def _move_other_curves(signer: Signer, after: int, shift: int) -> None:
    """Keys of the rig's controls and whatever else the signer's action animates go along with the signs that they were made for."""
    if not shift:
        return
    for (path, _), curve in _curves(signer.armature).items():
        if path in _OWN_PATHS:
            continue
        for part in ("co", "handle_left", "handle_right"):
            values = _gather(curve.keyframe_points, part, 2, False)
            if part == "co":
                later = values[:, 0] > after
            values[later, 0] += shift
            curve.keyframe_points.foreach_set(part, values.ravel())
        curve.update()


def _retell(signer: Signer, info: dict[str, Any], motion: Motion, scene: bpy.types.Scene) -> None:
    """Brings what is written down of the motion up to date: on the actions, at the markers, in the scene's range."""
    start = int(info["start_frame"])
    old_segments = info["segments"]
    new = {**info, "frames": motion.num_frames, "meta": motion.meta, "segments": [asdict(segment) for segment in motion.segments]}
    text = json.dumps(new, sort_keys=True)
    for block in (signer.armature, signer.mesh.data.shape_keys):
        if block is not None and block.animation_data is not None and block.animation_data.action is not None:
            action = block.animation_data.action
            if _INFO in action:
                action[_INFO] = text
            action.update_tag()
            block.update_tag()
    signer.armature.update_tag()
    old_end = start + int(info["frames"]) - 1
    if scene.frame_end == old_end:
        scene.frame_end = start + motion.num_frames - 1
    if new["segments"] != old_segments:
        move_markers(old_segments, new["segments"], start, float(info["fps"]), scene)


def move_markers(old: list[dict[str, Any]], new: list[dict[str, Any]], start: int, fps: float, scene: bpy.types.Scene) -> None:
    """Takes the markers of the old segments to where the new ones are; markers of the animator's own are none of them."""
    free = list(scene.timeline_markers)
    held: list[Any] = []
    for segment in old:
        frame = start + round(segment["start"] * fps)
        named = [marker for marker in free if marker.name == segment["gloss_id"]]
        nearest = min(named, key=lambda marker: abs(marker.frame - frame)) if named else None
        held.append(nearest)
        if nearest is not None:
            free.remove(nearest)
    kept = [marker for marker in held if marker is not None]
    for marker, segment in zip(kept, new, strict=False):
        marker.name, marker.frame = segment["gloss_id"], start + round(segment["start"] * fps)
    for marker in kept[len(new) :]:
        scene.timeline_markers.remove(marker)
    for segment in new[len(kept) :]:
        scene.timeline_markers.new(segment["gloss_id"], frame=start + round(segment["start"] * fps))
