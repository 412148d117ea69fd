"""How the bones of a signer look: wire shapes, sizes, colours and bone collections (before Blender 4.0 bone groups and layers).

Nothing here changes a pose. Sizes are metres on the body, so that a ring lies round the limb that its bone moves.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from signgen_core.rig import FINGERS, JOINT_NAMES, SIDES

PREFIX = "SignGenShape"
_RING = 32

# Collections in the order of the list: name, colour theme, layer of Blender 3.x, visible at first.
COLLECTIONS: tuple[tuple[str, str, int, bool], ...] = (
    ("Body", "THEME09", 0, True),
    ("Head", "THEME06", 1, True),
    ("Left arm", "THEME04", 2, True),
    ("Right arm", "THEME01", 3, True),
    ("Left hand", "THEME08", 4, True),
    ("Right hand", "THEME02", 5, True),
    ("Left arm IK", "THEME04", 6, True),
    ("Right arm IK", "THEME01", 7, True),
    ("Legs", "THEME10", 8, True),
    ("Mechanism", "THEME20", 9, False),
)

# Radius in metres of the ring round a joint's bone, and where along the bone (0 head, 1 tail) it lies.
_RINGS: dict[str, tuple[float, float]] = {
    "pelvis": (0.21, 0.3), "spine1": (0.19, 0.5), "spine2": (0.19, 0.5), "spine3": (0.20, 0.3), "neck": (0.085, 0.5), "head": (0.13, 1.1),
    "hip": (0.11, 0.5), "knee": (0.08, 0.5), "ankle": (0.07, 0.4), "foot": (0.06, 0.5), "collar": (0.08, 0.6), "shoulder": (0.075, 0.55),
    "elbow": (0.055, 0.55), "wrist": (0.055, 0.45),
}  # fmt: skip
_FINGER_RADIUS = 0.013


def collection_of(bone: str) -> str:
    """Name of the collection of `COLLECTIONS` that holds one of the 55 joints."""
    if bone not in JOINT_NAMES:
        raise KeyError(bone)
    side, _, part = bone.partition("_")
    if side not in SIDES:
        return "Head" if bone in ("neck", "head", "jaw") else "Body"
    if part == "eye_smplhf":
        return "Head"
    if part in ("hip", "knee", "ankle", "foot"):
        return "Legs"
    return f"{side.capitalize()} hand" if part[:-1] in FINGERS else f"{side.capitalize()} arm"


def _lines(name: str, points: np.ndarray, edges: Sequence[tuple[int, int]]) -> bpy.types.Object:
    """The wire object of that name, made once a file. It belongs to no scene: only bones use it."""
    full = f"{PREFIX}{name}"
    found = bpy.data.objects.get(full)
    if found is not None:
        return found
    mesh = bpy.data.meshes.new(full)
    mesh.from_pydata([tuple(float(c) for c in p) for p in points], list(edges), [])
    return bpy.data.objects.new(full, mesh)


def _circle(axis: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    turn = np.linspace(0.0, 2.0 * np.pi, _RING, endpoint=False)
    points = np.zeros((_RING, 3))
    points[:, (axis + 1) % 3], points[:, (axis + 2) % 3] = np.cos(turn), np.sin(turn)
    return points, [(k, (k + 1) % _RING) for k in range(_RING)]


def ring() -> bpy.types.Object:
    """A circle of radius 1 round the bone's Y."""
    return _lines("Ring", *_circle(1))


def ball() -> bpy.types.Object:
    """Three circles of radius 1."""
    points, edges = [], []
    for axis in range(3):
        p, e = _circle(axis)
        edges += [(a + axis * _RING, b + axis * _RING) for a, b in e]
        points.append(p)
    return _lines("Ball", np.concatenate(points), edges)


def box() -> bpy.types.Object:
    """A box from the bone's head (y = 0) along it to y = 2, one to each side in x and z."""
    points = np.array([(x, y, z) for x in (-1, 1) for y in (0, 2) for z in (-1, 1)], dtype=np.float64)
    edges = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(points[a] - points[b]).astype(bool).sum() == 1]
    return _lines("Box", points, edges)


def pointer() -> bpy.types.Object:
    """A ring with two arrows that run round it: what twists about its bone."""
    points, edges = _circle(1)
    extra: list[tuple[float, float, float]] = []
    for at in (0, _RING // 2):
        x, _, z = points[at]
        extra += [(1.35 * x, 0.0, 1.35 * z - 0.25 * np.sign(x)), (0.7 * x, 0.0, 0.7 * z - 0.25 * np.sign(x))]
        edges = [*edges, (at, _RING + len(extra) - 2), (at, _RING + len(extra) - 1)]
    return _lines("Twist", np.concatenate([points, np.array(extra)]), edges)


def set_shape(
    bone: bpy.types.PoseBone,
    shape: bpy.types.Object,
    size: float | tuple[float, float, float],
    along: float = 0.0,
) -> None:
    """Gives a bone a shape of that size in metres, moved `along` metres on its Y."""
    bone.custom_shape = shape
    bone.use_custom_shape_bone_size = False
    bone.custom_shape_scale_xyz = (size, size, size) if isinstance(size, int | float) else size
    bone.custom_shape_translation = (0.0, along, 0.0)
    bone.bone.show_wire = True


def shape_joints(armature: bpy.types.Object) -> None:
    """Rings round the 55 joints' bones."""
    for name in JOINT_NAMES:
        bone = armature.pose.bones[name]
        part = name.removeprefix("left_").removeprefix("right_")
        if part in _RINGS:
            radius, along = _RINGS[part]
            set_shape(bone, ring(), radius, along * bone.bone.length)
        elif part[:-1] in FINGERS:
            set_shape(bone, ring(), _FINGER_RADIUS - 0.0015 * int(part[-1]), 0.5 * bone.bone.length)
        else:  # jaw and eyes
            set_shape(bone, ball(), 0.016, bone.bone.length)


def clear_shapes(armature: bpy.types.Object) -> None:
    """Takes the shapes off all bones and removes those that no bone of any armature uses."""
    for bone in armature.pose.bones:
        bone.custom_shape = None
    for shape in [o for o in bpy.data.objects if o.name.startswith(PREFIX)]:
        if shape.users == 0:
            mesh = shape.data
            bpy.data.objects.remove(shape)
            bpy.data.meshes.remove(mesh)


def assign_collections(armature: bpy.types.Object, members: dict[str, str]) -> None:
    """Sorts bones into the collections of `COLLECTIONS` and colours them. members: bone name to collection name."""
    if hasattr(armature.data, "collections"):
        _assign_to_collections(armature, members)
    else:
        _assign_to_groups(armature, members)


def _assign_to_collections(armature: bpy.types.Object, members: dict[str, str]) -> None:
    data = armature.data
    for name, theme, _, visible in COLLECTIONS:
        bones = [bone for bone, where in members.items() if where == name]
        collection = data.collections.get(name) or data.collections.new(name)
        collection.is_visible = visible
        for bone in bones:
            collection.assign(data.bones[bone])
            data.bones[bone].color.palette = theme


def _assign_to_groups(armature: bpy.types.Object, members: dict[str, str]) -> None:
    layers = {name: layer for name, _, layer, _ in COLLECTIONS}
    for name, theme, _, _ in COLLECTIONS:
        group = armature.pose.bone_groups.get(name) or armature.pose.bone_groups.new(name=name)
        group.color_set = theme
    for bone, where in members.items():
        armature.pose.bones[bone].bone_group = armature.pose.bone_groups[where]
        armature.data.bones[bone].layers = [k == layers[where] for k in range(32)]
    armature.data.layers = [any(k == layer and visible for _, _, layer, visible in COLLECTIONS) for k in range(32)]


def clear_collections(armature: bpy.types.Object) -> None:
    """Takes the collections of `assign_collections` away; all bones show in the default colour."""
    data = armature.data
    if hasattr(data, "collections"):
        for name, _, _, _ in COLLECTIONS:
            collection = data.collections.get(name)
            if collection is not None:
                data.collections.remove(collection)
        for bone in data.bones:
            bone.color.palette = "DEFAULT"
        return
    for bone in data.bones:
        bone.layers = [k == 0 for k in range(32)]
    data.layers = [k == 0 for k in range(32)]
    for name, _, _, _ in COLLECTIONS:
        group = armature.pose.bone_groups.get(name)
        if group is not None:
            armature.pose.bone_groups.remove(group)
