"""Matching FK and IK on the controls of `rig_controls`, switching between them, and baking what they do into the joints' own keys.

All functions leave the scene on the frame where it was. `frames` is an iterable of whole frames, at each of which a key is set; without it
the current frame is posed and nothing is keyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from signgen_core.errors import InputError
from signgen_core.rig import FINGERS, SIDES, Side

from . import compat
from .keying import _LINEAR
from .rig_controls import (
    _POLE_DISTANCE,
    arm_bones,
    control_bones,
    ik_property,
    mechanism_bones,
    properties,
    require_controls,
)

MODES = ("FK", "IK")
_CLEAR_BEND = 0.02  # metres from the line shoulder-wrist at which an elbow says by itself where the pole belongs


def snap_ik_to_fk(armature: bpy.types.Object, side: Side, frames: Iterable[int] | None = None, scene: bpy.types.Scene | None = None) -> None:
    """Puts the IK controls of an arm where its FK keys have the arm, elbow and the twist of both bones included."""
    _match(armature, (side,), "IK", frames, scene)


def snap_fk_to_ik(armature: bpy.types.Object, side: Side, frames: Iterable[int] | None = None, scene: bpy.types.Scene | None = None) -> None:
    """Turns shoulder, elbow and wrist (FK) to where the IK controls have the arm."""
    _match(armature, (side,), "FK", frames, scene)


def _match(armature: bpy.types.Object, sides: Sequence[Side], mode: str, frames: Iterable[int] | None, scene: bpy.types.Scene | None) -> None:
    """Moves the controls of one kind onto the other's, both arms in one pass over the frames."""
    require_controls(armature)
    keys = Keys()
    for frame in stepping(armature, frames, scene):
        (_match_ik if mode == "IK" else _match_fk)(armature, sides, frame, keys)
    keys.write(scene)
    _update()


def _match_ik(armature: bpy.types.Object, sides: Sequence[Side], frame: int | None, keys: Keys) -> None:
    bones = armature.pose.bones
    wanted = {side: fk_matrices(armature, side) for side in sides}
    for side in sides:
        shoulder, elbow, wrist = wanted[side]
        hand, pole, _, _ = control_bones(side)
        _place(bones[hand], wrist, frame, keys)
        _place(bones[pole], Matrix.Translation(_pole_position(shoulder, elbow, wrist)), frame, keys)
    _update()
    for side in sides:
        # what the solver leaves over, above all the turns of both bones about themselves
        for twist, solved, goal in zip(control_bones(side)[2:], _evaluated(armature, mechanism_bones(side)), wanted[side][:2], strict=True):
            turn_to(bones[twist], (solved.to_3x3().inverted() @ goal.to_3x3()).to_quaternion(), frame, keys)


def _match_fk(armature: bpy.types.Object, sides: Sequence[Side], frame: int | None, keys: Keys) -> None:
    bones = armature.pose.bones
    for side in sides:
        hand, _, upper, fore = control_bones(side)
        parent = _evaluated(armature, (bones[arm_bones(side)[0]].parent.name,))[0].to_3x3()
        for joint, goal in zip(arm_bones(side), _evaluated(armature, (upper, fore, hand)), strict=True):
            at_rest = parent @ _rest_relative(bones[joint]).to_3x3()
            parent = goal.to_3x3()
            turn_to(bones[joint], (at_rest.inverted() @ parent).to_quaternion(), frame, keys)


def arm_mode(armature: bpy.types.Object, side: Side) -> str:
    """FK or IK: the half in which the arm's property stands now."""
    require_controls(armature)
    return MODES[float(armature[ik_property(side)]) >= 0.5]


def set_arm_mode(
    armature: bpy.types.Object, side: Side, mode: str, *, snap: bool = True, frame: int | None = None, scene: bpy.types.Scene | None = None
) -> None:
    """Switches an arm to FK or IK. snap: match first, so that the arm stays where it is (at `frame`, else at the current one).

    frame: keys the switch there, holding until the next, together with the matched channels. Raises InputError for an unknown mode.
    """
    require_controls(armature)
    if mode not in MODES:
        raise InputError(f"arm mode {mode!r}: unknown; known are {', '.join(MODES)}")
    if snap:
        _match(armature, (side,), mode, None if frame is None else (frame,), scene)
    _set_property(armature, ik_property(side), float(MODES.index(mode)), frame)


def arms_to_mode(
    armature: bpy.types.Object, mode: str, frames: Sequence[int], *, sides: Sequence[Side] = SIDES, scene: bpy.types.Scene | None = None
) -> None:
    """Matches arms over all `frames` and switches them at the first: from there on they are animated by the other kind of keys."""
    if not len(frames):
        raise InputError("frames: none given")
    for side in sides:
        set_arm_mode(armature, side, mode, snap=False, frame=min(frames), scene=scene)
    _match(armature, sides, mode, frames, scene)


def bake(armature: bpy.types.Object, frames: Sequence[int], *, scene: bpy.types.Scene | None = None) -> None:
    """Keys on shoulders, elbows, wrists and fingers what IK, curl and spread make of them, then sets the controls to zero and drops their keys.

    What is drawn at `frames` stays the same; afterwards the 55 joints' own keys say everything. Raises InputError where no frame is given.
    """
    require_controls(armature)
    if not len(frames):
        raise InputError("frames: none given")
    bones = armature.pose.bones
    names = [name for side in SIDES for name in (*arm_bones(side), *(f"{side}_{finger}{k}" for finger in FINGERS for k in (1, 2, 3)))]
    keys = Keys()
    for frame in stepping(armature, frames, scene):
        posed = _evaluated(armature, names)
        parents = _evaluated(armature, [bones[name].parent.name for name in names])
        for name, matrix, parent in zip(names, posed, parents, strict=True):
            at_rest = parent.to_3x3() @ _rest_relative(bones[name]).to_3x3()
            turn_to(bones[name], (at_rest.inverted() @ matrix.to_3x3()).to_quaternion(), frame, keys)
    keys.write(scene)
    clear_control_keys(armature)
    for name in properties():
        armature[name] = 0.0
    armature.update_tag()
    (scene or bpy.context.scene).frame_set((scene or bpy.context.scene).frame_current)


def clear_control_keys(armature: bpy.types.Object) -> None:
    """Removes the keys of all controls (IK bones and properties) from the armature's action; those of the 55 joints stay."""
    paths = {f'["{name}"]' for name in properties()}
    starts = tuple(f'pose.bones["{name}"].' for side in SIDES for name in control_bones(side))
    bag = compat.active_bag(armature)
    for curve in [] if bag is None else [c for c in bag.fcurves if c.data_path in paths or c.data_path.startswith(starts)]:
        bag.fcurves.remove(curve)


# --- Matrices ----------------------------------------------------------------------------------------------------------------


def fk_matrices(armature: bpy.types.Object, side: Side) -> list[Matrix]:
    """Armature-space matrices of shoulder, elbow and wrist as their own channels have them, IK left out of account."""
    names = arm_bones(side)
    bones = _evaluated_bones(armature)
    matrix = bones[bones[names[0]].parent.name].matrix.copy()
    out = []
    for name in names:
        matrix = matrix @ _rest_relative(bones[name]) @ bones[name].matrix_basis
        out.append(matrix.copy())
    return out


def _rest_relative(bone: bpy.types.PoseBone) -> Matrix:
    own = bone.bone.matrix_local
    return own.copy() if bone.parent is None else bone.parent.bone.matrix_local.inverted() @ own


def _evaluated_bones(armature: bpy.types.Object) -> bpy.types.bpy_prop_collection:
    return armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones


def _evaluated(armature: bpy.types.Object, names: Iterable[str]) -> list[Matrix]:
    bones = _evaluated_bones(armature)
    return [bones[name].matrix.copy() for name in names]


def _pole_position(shoulder: Matrix, elbow: Matrix, wrist: Matrix) -> Vector:
    """Beyond the elbow, away from the line shoulder-wrist; for an arm almost straight, where the elbow's hinge lets it go."""
    line = (wrist.translation - shoulder.translation).normalized()
    out = elbow.translation - shoulder.translation
    out = out - out.dot(line) * line
    hinge = -elbow.to_3x3().col[2]
    hinge = (hinge - hinge.dot(line) * line).normalized()
    share = min(out.length / _CLEAR_BEND, 1.0)
    share = share * share * (3.0 - 2.0 * share)
    direction = share * out.normalized() + (1.0 - share) * hinge
    # both may be opposite, or the hinge lie along the line: then the elbow alone decides
    direction = direction if direction.length > 1e-3 else (out if out.length > 1e-6 else line.orthogonal())
    return elbow.translation + _POLE_DISTANCE * direction.normalized()


# --- Channels ----------------------------------------------------------------------------------------------------------------


def _update() -> None:
    bpy.context.view_layer.update()


@contextmanager
def _light(armature: bpy.types.Object) -> Iterator[None]:
    """Without the skin, which nothing here looks at and which costs nine tenths of a frame."""
    meshes = [child for child in armature.children if child.type == "MESH" and not child.hide_viewport]
    for mesh in meshes:
        mesh.hide_viewport = True
    try:
        yield
    finally:
        for mesh in meshes:
            mesh.hide_viewport = False


def stepping(armature: bpy.types.Object, frames: Iterable[int] | None, scene: bpy.types.Scene | None) -> Iterator[int | None]:
    """Sets the scene to each frame and gives it; None, once, where the current pose is meant. The frame that was comes back at the end."""
    if frames is None:
        _update()
        yield None
        return
    scene = scene or bpy.context.scene
    now, sub = scene.frame_current, scene.frame_subframe
    with _light(armature):
        try:
            for frame in frames:
                scene.frame_set(int(frame))
                yield int(frame)
        finally:
            scene.frame_set(now, subframe=sub)


_ROTATION_PATHS = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


class Keys:
    """Keys that are noted while frames are stepped through and set at the end: each key set on the way would make Blender copy the whole action
    for the next frame."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], tuple[bpy.types.PoseBone, dict[int, tuple[float, ...]]]] = {}

    def note(self, bone: bpy.types.PoseBone, path: str, frame: int) -> None:
        """The value that a bone's channels have now, for a key at that frame."""
        self._noted.setdefault((bone.name, path), (bone, {}))[1][frame] = tuple(getattr(bone, path))

    def write(self, scene: bpy.types.Scene | None = None) -> None:
        """Sets the keys, linear where there were none, and shows the scene's frame again."""
        if not self._noted:
            return
        for (name, path), (bone, values) in self._noted.items():
            first = next(iter(values))
            setattr(bone, path, values[first])
            bone.keyframe_insert(path, frame=first, group=name)  # makes action and curves where they are missing
        armature = next(bone.id_data for bone, _ in self._noted.values())
        curves = {(c.data_path, c.array_index): c for c in compat.active_bag(armature).fcurves}
        for (_, path), (bone, values) in self._noted.items():
            frames = np.array(list(values), dtype=np.float32)
            table = np.array(list(values.values()), dtype=np.float32)
            for axis in range(table.shape[1]):
                curve = curves.get((bone.path_from_id(path), axis))
                if curve is not None:  # a channel that its owner locked has none
                    _merge_keys(curve, frames, table[:, axis])
        self._noted.clear()
        scene = scene or bpy.context.scene
        scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)


def _merge_keys(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    """Keys at whole frames into a curve that may have some of them; keys elsewhere stay."""
    points = curve.keyframe_points
    pairs = np.empty(2 * len(points), dtype=np.float32)
    points.foreach_get("co", pairs)
    pairs = pairs.reshape(-1, 2)
    _, old, new = np.intersect1d(pairs[:, 0], frames, return_indices=True)
    pairs[old, 1] = values[new]
    fresh = np.setdiff1d(np.arange(len(frames)), new)
    if len(fresh):
        kinds = np.empty(len(points), dtype=np.int32)
        points.foreach_get("interpolation", kinds)
        points.add(len(fresh))
        points.foreach_set("interpolation", np.concatenate([kinds, np.full(len(fresh), _LINEAR, dtype=np.int32)]))
        pairs = np.concatenate([pairs, np.stack([frames[fresh], values[fresh]], axis=1)])
    points.foreach_set("co", np.ascontiguousarray(pairs, dtype=np.float32).ravel())
    curve.update()


def turn_to(bone: bpy.types.PoseBone, turn: Quaternion, frame: int | None, keys: Keys) -> None:
    """Sets the rotation of a bone, in whatever rotation mode its owner chose, and notes it for a key where a frame is given."""
    if bone.rotation_mode == "QUATERNION":
        # of the two quaternions of a turn the one near the last, or the curves between two keys spin
        bone.rotation_quaternion = -turn if turn.dot(bone.rotation_quaternion) < 0.0 else turn
    else:
        location, _, scale = bone.matrix_basis.decompose()
        bone.matrix_basis = Matrix.LocRotScale(location, turn, scale)
    if frame is not None:
        keys.note(bone, _ROTATION_PATHS.get(bone.rotation_mode, "rotation_euler"), frame)


def _place(bone: bpy.types.PoseBone, matrix: Matrix, frame: int | None, keys: Keys) -> None:
    """Puts a bone without a parent where `matrix` (armature space) says; a pure translation leaves it unturned."""
    rest = bone.bone.matrix_local
    bone.location = (rest.inverted() @ matrix).translation
    if frame is not None:
        keys.note(bone, "location", frame)
    if not all(bone.lock_rotation):
        turn_to(bone, (rest.to_3x3().inverted() @ matrix.to_3x3()).to_quaternion(), frame, keys)


def _set_property(armature: bpy.types.Object, name: str, value: float, frame: int | None) -> None:
    armature[name] = value
    armature.update_tag()
    if frame is not None:
        path = f'["{name}"]'
        armature.keyframe_insert(path, frame=frame, group="Controls")
        for point in compat.active_bag(armature).fcurves.find(path).keyframe_points:
            point.interpolation = "CONSTANT"
    _update()
