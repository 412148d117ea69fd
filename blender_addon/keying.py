"""Motion <-> Blender F-curves; the only place that converts axes and rotations between the core and Blender.

Axes. Core: Y up, the signer faces +Z. Blender: Z up, the signer faces -Y; x stays x. The armature's origin lies on the floor
below the signer, so core points move up by the signer's `ground`.

Rotations. A core rotation R of a joint is relative to its parent in world-aligned rest frames. Blender's pose rotation of a bone
with rest axes B (columns, armature space) acts in the bone's own frame. Both say the same turn of the skin when
`basis = B^T C R C^T B`, C being the change of axes: the angle is the same and the axis is `B^T C axis`, one constant matrix per bone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from signgen_core.errors import InputError
from signgen_core.face import ARKIT_NAMES, NUM_FACE
from signgen_core.kinematics.rotations import (
    axis_angle_to_quaternion,
    continuous_quaternions,
    matrix_to_axis_angle,
    normalise,
    quaternion_to_axis_angle,
)
from signgen_core.motion import Motion, Segment
from signgen_core.rig import INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS

from . import compat

if TYPE_CHECKING:
    from .armature import Signer

# Core axes to Blender axes: x' = x, y' = -z, z' = y.
CORE_TO_BLENDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_INFO = "signgen"  # custom property of our Blender actions: segments, shape and facts of the motion, as JSON
_LINEAR = 1  # value of the keyframe interpolation enum
_NUM_EXPRESSIONS = 10


def to_blender(points: np.ndarray, ground: float = 0.0) -> np.ndarray:
    """Core points (..., 3) in Blender's axes. ground: metres by which the core's origin stands above the floor."""
    return np.asarray(points, dtype=np.float64) @ CORE_TO_BLENDER.T + np.array([0.0, 0.0, ground])


def from_blender(points: np.ndarray, ground: float = 0.0) -> np.ndarray:
    """The inverse of `to_blender`."""
    return (np.asarray(points, dtype=np.float64) - np.array([0.0, 0.0, ground])) @ CORE_TO_BLENDER


def expression_name(index: int) -> str:
    """Shape key of an SMPL-X expression coefficient."""
    return f"Expression{index + 1:02d}"


def bone_frames(armature: bpy.types.Object) -> np.ndarray:
    """(55, 3, 3): per joint the matrix `B^T C` that takes a rotation axis (or a shift) of the core to the bone's own frame."""
    rest = np.empty((NUM_JOINTS, 3, 3))
    for j, name in enumerate(JOINT_NAMES):
        bone = armature.data.bones.get(name)
        if bone is None:
            raise InputError(f"armature {armature.name!r}: has no bone {name!r}")
        rest[j] = bone.matrix_local.to_3x3()
    # float32 storage leaves B a hair off orthogonal; the polar factor makes the round trip exact
    u, _, vt = np.linalg.svd(rest)
    return np.swapaxes(u @ vt, -1, -2) @ CORE_TO_BLENDER


# --- Blender actions ---------------------------------------------------------------------------------------------------------


def _curves(id_block: bpy.types.ID) -> dict[tuple[str, int], Any]:
    """The F-curves that move a data-block now, by data path and index; empty where it has no action."""
    bag = compat.active_bag(id_block)
    return {} if bag is None else {(c.data_path, c.array_index): c for c in bag.fcurves}


def _write(bag: Any, path: str, index: int, frames: np.ndarray, values: np.ndarray, group: Any) -> None:
    curve = bag.fcurves.new(path, index=index)
    if group is not None:
        curve.group = group
    points = curve.keyframe_points
    points.add(len(frames))
    pairs = np.empty((len(frames), 2), dtype=np.float32)
    pairs[:, 0], pairs[:, 1] = frames, values
    points.foreach_set("co", pairs.ravel())
    points.foreach_set("interpolation", np.full(len(frames), _LINEAR, dtype=np.int32))
    curve.update()


def _key_times(frames: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Indices of the frames that need a key: all, or the two ends where nothing changes. values: (T, n) of channels that go together."""
    if len(frames) > 2 and not np.any(np.abs(values - values[:1]) > 1e-9):
        return np.array([0, len(frames) - 1])
    return np.arange(len(frames))


def bone_values(signer: Signer, motion: Motion, window: slice) -> tuple[np.ndarray, np.ndarray]:
    """What the bones' channels have in the frames `window` of a motion: quaternions (T, 55, 4) and the pelvis's location (T, 3)."""
    matrices = bone_frames(signer.armature)
    poses = motion.poses[window]
    if signer.body.arkit is None and signer.body.arkit_to_jaw is not None:
        poses = poses.copy()
        poses[:, INDEX["jaw"]] += motion.face[window] @ signer.body.arkit_to_jaw
    quaternions = continuous_quaternions(axis_angle_to_quaternion(np.einsum("jab,tjb->tja", matrices, poses)))
    return quaternions, motion.transl[window] @ matrices[0].T


def shape_values(motion: Motion) -> list[tuple[str, np.ndarray]]:
    """(name of the shape key, values (T,)) of face and expression."""
    named = [(name, motion.face[:, k]) for k, name in enumerate(ARKIT_NAMES)]
    return named + [(expression_name(k), motion.expression[:, k]) for k in range(_NUM_EXPRESSIONS)]


def _fill(action: bpy.types.Action, face_action: bpy.types.Action, signer: Signer, motion: Motion, frames: np.ndarray, window: slice) -> None:
    """Writes the frames `window` of a motion into the actions."""
    quaternions, shift = bone_values(signer, motion, window)
    bag = compat.channels(action, signer.armature)
    for j, name in enumerate(JOINT_NAMES):
        group = bag.groups.new(name)
        if PARENTS[j] < 0:
            keys = _key_times(frames, shift)
            for axis in range(3):
                _write(bag, f'pose.bones["{name}"].location', axis, frames[keys], shift[keys, axis], group)
        keys = _key_times(frames, quaternions[:, j])
        for axis in range(4):
            _write(bag, f'pose.bones["{name}"].rotation_quaternion', axis, frames[keys], quaternions[keys, j, axis], group)
    keys_block = signer.mesh.data.shape_keys
    if keys_block is None:
        return
    bag = compat.channels(face_action, keys_block)
    for name, whole in shape_values(motion):
        block = keys_block.key_blocks.get(name)
        if block is None:
            continue
        values = whole[window]
        block.value = float(values[0])
        # keyed in every window if in any: where one strip moves a shape and another does not, Blender 5.0 takes it for fully on in the other
        if np.any(whole):
            keys = _key_times(frames, values[:, None])
            _write(bag, f'key_blocks["{name}"].value', 0, frames[keys], values[keys], None)


def _new_actions(name: str) -> tuple[bpy.types.Action, bpy.types.Action]:
    """One action for rig and face; before Blender 4.4 an action serves one data-block, so the face gets its own."""
    action = bpy.data.actions.new(name)
    return action, action if compat.SLOTTED else bpy.data.actions.new(f"{name}Face")


def clear_keys(signer: Signer, scene: bpy.types.Scene) -> None:
    """Takes the actions, NLA tracks and timeline markers that `key_motion` made off the signer; actions without other users are removed."""
    gone: set[bpy.types.Action] = set()
    for block in (signer.armature, signer.mesh.data.shape_keys):
        data = block.animation_data if block is not None else None
        if data is None:
            continue
        if data.action is not None and _INFO in data.action:
            gone.add(data.action)
        for track in list(data.nla_tracks):
            actions = [strip.action for strip in track.strips if strip.action is not None]
            if actions and all(_INFO in action for action in actions):
                gone.update(actions)
                data.nla_tracks.remove(track)
        if data.action in gone:
            data.action = None
    if gone:
        _clear_markers(json.loads(next(iter(gone))[_INFO]), scene)
    for action in gone:
        if action.users == 0:
            bpy.data.actions.remove(action)


def _clear_markers(info: dict[str, Any], scene: bpy.types.Scene) -> None:
    """Takes away one marker per segment: the one of that name that lies nearest to where it was put (markers can carry no tag)."""
    for segment in info["segments"]:
        frame = info["start_frame"] + round(segment["start"] * info["fps"])
        named = [m for m in scene.timeline_markers if m.name == segment["gloss_id"]]
        if named:
            scene.timeline_markers.remove(min(named, key=lambda m: abs(m.frame - frame)))


def key_motion(
    signer: Signer,
    motion: Motion,
    *,
    name: str = "Signing",
    start_frame: int = 1,
    nla: bool = False,
    scene: bpy.types.Scene | None = None,
) -> list[bpy.types.Action]:
    """Keys a motion on the signer: one key per frame and moving channel, linear, two keys where nothing changes.

    Frame t of the motion stands on frame `start_frame + t`; the scene's rate and range are set to the motion's, and each segment gets
    a timeline marker with its gloss. What an earlier call made is replaced. nla: one action and NLA strip per segment instead of one for
    all; strips meet at the starts of the segments. Returns the actions of the rig (from Blender 4.4 on they hold the face too).
    """
    scene = scene or bpy.context.scene
    clear_keys(signer, scene)
    for bone in signer.armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    frames = start_frame + np.arange(motion.num_frames, dtype=np.float64)
    actions: list[bpy.types.Action] = []
    for label, window in _windows(motion, name) if nla else [(name, slice(0, motion.num_frames))]:
        action, face_action = _new_actions(label)
        _fill(action, face_action, signer, motion, frames[window], window)
        _describe({action, face_action}, signer, motion, start_frame)
        actions.append(action)
        if nla:
            _push_down(signer, label, action, face_action, int(frames[window][0]), int(frames[window][-1]))
    if nla:
        _hold_ends(signer)
    _set_time(scene, motion, start_frame)
    for segment in motion.segments:
        scene.timeline_markers.new(segment.gloss_id, frame=start_frame + round(segment.start * motion.fps))
    return actions


def _describe(actions: set[bpy.types.Action], signer: Signer, motion: Motion, start_frame: int) -> None:
    """Writes onto actions what F-curves cannot say of the motion that they are of."""
    info = {
        "signer": signer.armature.name, "fps": motion.fps, "start_frame": start_frame, "frames": motion.num_frames,
        "betas": [float(b) for b in motion.betas], "meta": motion.meta, "segments": [asdict(s) for s in motion.segments],
    }  # fmt: skip
    for action in actions:
        action[_INFO] = json.dumps(info, sort_keys=True)


def _windows(motion: Motion, name: str) -> list[tuple[str, slice]]:
    """Neighbouring windows share their boundary frame, so that strips leave no gap. The first and last reach the ends of the motion."""
    starts = [min(max(round(s.start * motion.fps), 0), motion.num_frames - 1) for s in motion.segments]
    if not starts:
        return [(name, slice(0, motion.num_frames))]
    cuts = [0, *starts[1:], motion.num_frames - 1]
    return [(s.gloss_id, slice(a, b + 1)) for s, a, b in zip(motion.segments, cuts[:-1], cuts[1:], strict=True) if b > a]


def _push_down(signer: Signer, label: str, action: bpy.types.Action, face_action: bpy.types.Action, first: int, last: int) -> None:
    for block, source in ((signer.armature, action), (signer.mesh.data.shape_keys, face_action)):
        if block is None:
            continue
        data = block.animation_data_create()
        data.action = None
        # neighbours touch at one frame, which one track does not allow: two tracks take turns
        while len(data.nla_tracks) < 2:
            data.nla_tracks.new().name = f"SignGen {len(data.nla_tracks)}"
        used = sum(len(track.strips) for track in data.nla_tracks)
        strip = data.nla_tracks[used % 2].strips.new(label, first, source)
        compat.assign_strip(strip, block)
        # Blender takes the length of whatever slot it happens to pick, or one frame where a slot has no keys
        strip.action_frame_end = last  # before the start, which is held below it
        strip.action_frame_start = first
        strip.frame_start, strip.frame_end = first, last
        strip.extrapolation = "NOTHING"


def _hold_ends(signer: Signer) -> None:
    """The first and the last strip hold beyond the motion, where else the signer falls into the T-pose and Blender 5.0 turns every face shape fully on."""
    for block in (signer.armature, signer.mesh.data.shape_keys):
        if block is None:
            continue
        strips = sorted((strip for track in block.animation_data.nla_tracks for strip in track.strips), key=lambda strip: strip.frame_start)
        strips[-1].extrapolation = "HOLD_FORWARD"
        strips[0].extrapolation = "HOLD"


def _set_time(scene: bpy.types.Scene, motion: Motion, start_frame: int) -> None:
    whole = max(1, int(np.ceil(motion.fps - 1e-6)))
    scene.render.fps, scene.render.fps_base = whole, whole / motion.fps
    scene.frame_start, scene.frame_end = start_frame, start_frame + motion.num_frames - 1
    scene.frame_set(start_frame)


# --- Reading back ------------------------------------------------------------------------------------------------------------


def read_motion(signer: Signer, *, evaluated: bool = False, scene: bpy.types.Scene | None = None) -> Motion:
    """The motion on a signer, the inverse of `key_motion`.

    evaluated=False reads the F-curves of the assigned action at every frame that it was keyed for (edits of keys included). evaluated=True steps
    through the scene's frame range and reads the final pose, with constraints, NLA and drivers. Segments, betas and meta come from
    the action. Raises InputError when the signer has no keys.
    """
    scene = scene or bpy.context.scene
    info = _info(signer)
    if evaluated:
        return _read_evaluated(signer, info, scene)
    curves = _curves(signer.armature)
    if not curves:
        raise InputError(f"signer {signer.armature.name!r}: no action with keys")
    frames = info["start_frame"] + np.arange(info["frames"]) if info else np.arange(scene.frame_start, scene.frame_end + 1)
    stored = frames.astype(np.float32)

    def values(source: dict[tuple[str, int], Any], path: str, index: int, absent: float) -> np.ndarray:
        curve = source.get((path, index))
        return np.full(len(frames), absent) if curve is None else _sample(curve, frames, stored)

    matrices = bone_frames(signer.armature)
    quaternions = np.stack(
        [
            np.stack([values(curves, f'pose.bones["{name}"].rotation_quaternion', a, float(a == 0)) for a in range(4)], axis=-1)
            for name in JOINT_NAMES
        ],
        axis=1,
    )
    poses = np.einsum("jba,tjb->tja", matrices, quaternion_to_axis_angle(normalise(quaternions, np.array([1.0, 0.0, 0.0, 0.0]))))
    root = JOINT_NAMES[0]
    transl = np.stack([values(curves, f'pose.bones["{root}"].location', a, 0.0) for a in range(3)], axis=-1) @ matrices[0]
    face_curves = _curves(signer.mesh.data.shape_keys) if signer.mesh.data.shape_keys else {}
    face = np.stack([values(face_curves, f'key_blocks["{name}"].value', 0, 0.0) for name in ARKIT_NAMES], axis=-1)
    expression = np.stack(
        [values(face_curves, f'key_blocks["{expression_name(k)}"].value', 0, 0.0) for k in range(_NUM_EXPRESSIONS)], axis=-1
    )
    return _assemble(signer, info, scene, poses, transl, face, expression)


def _info(signer: Signer) -> dict[str, Any]:
    data = signer.armature.animation_data
    actions = [] if data is None else [data.action, *(strip.action for track in data.nla_tracks for strip in track.strips)]
    for action in actions:
        if action is not None and _INFO in action:
            return json.loads(action[_INFO])
    return {}


def _sample(curve: Any, frames: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Of a curve at `frames`; stored: the same as keys hold them, float32."""
    points = curve.keyframe_points
    if len(points) == len(frames):
        pairs = np.empty(2 * len(points), dtype=np.float32)
        points.foreach_get("co", pairs)
        if (pairs[::2] == stored).all():
            return pairs[1::2].astype(np.float64)
    if len(points) == 2 and points[0].interpolation == "LINEAR" and not len(curve.modifiers) and curve.extrapolation == "CONSTANT":
        (a, b), (c, d) = points[0].co, points[1].co  # how `_write` leaves what stands still
        return np.interp(frames, (a, c), (b, d))
    return np.array([curve.evaluate(float(frame)) for frame in frames])


def _read_evaluated(signer: Signer, info: dict[str, Any], scene: bpy.types.Scene) -> Motion:
    frames = range(scene.frame_start, scene.frame_end + 1)
    rest = np.array([np.array(signer.armature.data.bones[name].matrix_local) for name in JOINT_NAMES])
    to_rest = np.linalg.inv(rest)
    turns = np.empty((len(frames), NUM_JOINTS, 3, 3))
    transl = np.empty((len(frames), 3))
    face, expression = np.zeros((len(frames), NUM_FACE)), np.zeros((len(frames), _NUM_EXPRESSIONS))
    now = scene.frame_current
    for t, frame in enumerate(frames):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        bones = signer.armature.evaluated_get(graph).pose.bones
        posed = np.array([np.array(bones[name].matrix) for name in JOINT_NAMES]) @ to_rest
        turns[t] = posed[:, :3, :3]
        pelvis = rest[0, :3, 3]
        transl[t] = from_blender(posed[0, :3, :3] @ pelvis + posed[0, :3, 3] - pelvis)
        keys = signer.mesh.evaluated_get(graph).data.shape_keys or signer.mesh.data.shape_keys
        if keys is not None:
            for k, name in enumerate(ARKIT_NAMES):
                face[t, k] = keys.key_blocks[name].value if name in keys.key_blocks else 0.0
            for k in range(_NUM_EXPRESSIONS):
                expression[t, k] = keys.key_blocks[expression_name(k)].value if expression_name(k) in keys.key_blocks else 0.0
    scene.frame_set(now)
    turns = np.einsum("ba,tjbc,cd->tjad", CORE_TO_BLENDER, turns, CORE_TO_BLENDER)
    parents = np.array(PARENTS)
    local = turns.copy()
    local[:, 1:] = np.einsum("tjba,tjbc->tjac", turns[:, parents[1:]], turns[:, 1:])
    u, _, vt = np.linalg.svd(local)
    return _assemble(signer, info, scene, matrix_to_axis_angle(u @ vt), transl, face, expression)


def _assemble(
    signer: Signer, info: dict[str, Any], scene: bpy.types.Scene, poses: np.ndarray, transl: np.ndarray, face: np.ndarray, expression: np.ndarray
) -> Motion:
    motion = Motion(
        poses=poses,
        transl=transl,
        betas=np.asarray(info.get("betas", signer.betas), dtype=np.float64),
        expression=expression,
        face=np.clip(face, 0.0, 1.0),
        fps=float(info["fps"]) if info else scene.render.fps / scene.render.fps_base,
        segments=tuple(Segment(**segment) for segment in info.get("segments", ())),
        meta=info.get("meta", {}),
    )
    if signer.body.arkit is None and signer.body.arkit_to_jaw is not None:
        poses = motion.poses.copy()
        poses[:, INDEX["jaw"]] -= motion.face @ signer.body.arkit_to_jaw
        motion = replace(motion, poses=poses)
    return motion
