"""Builds a signer in the open Blender file: 55 SMPL-X bones, a skinned mesh with face shape keys, and the character's materials.

Bones lie along the limbs (tail at the next joint) and their rolls are such that +X bends: fingers close, elbows and knees bend, the spine bows.
So the rig is posed by hand as animators expect; how core rotations become bone rotations stands in `keying`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np

from signgen_core.body import Body
from signgen_core.character import Character, Surface
from signgen_core.face import ARKIT_NAMES
from signgen_core.rig import EXTRA_POINTS, INDEX, JOINT_NAMES, PARENTS, Rig

from . import compat
from .keying import expression_name, to_blender

# Joint at which a bone's tail lies; joints that are not named end in a direction (below) or in the last phalanx's tip.
_TAIL = {
    "pelvis": "spine1", "spine1": "spine2", "spine2": "spine3", "spine3": "neck", "neck": "head",
    **{f"{s}_{a}": f"{s}_{b}" for s in ("left", "right") for a, b in (
        ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("collar", "shoulder"), ("shoulder", "elbow"), ("elbow", "wrist"),
        ("wrist", "middle1"),
        *((f"{f}{k}", f"{f}{k + 1}") for f in ("index", "middle", "pinky", "ring", "thumb") for k in (1, 2)),
    )},
}  # fmt: skip
# Core-axis vectors in metres from head to tail of the bones without a following joint.
_END = {
    "head": (0.0, 0.13, 0.0), "jaw": (0.0, -0.05, 0.06), "left_eye_smplhf": (0.0, 0.0, 0.03), "right_eye_smplhf": (0.0, 0.0, 0.03),
    "left_foot": (0.0, 0.0, 0.07), "right_foot": (0.0, 0.0, 0.07),
}  # fmt: skip
_SHORTEST = 0.008  # Blender deletes bones of no length
_WEIGHT_FLOOR = 1e-4  # smaller skin weights are dropped: far below a tenth of a millimetre, and games pay for each influence
_FALLBACK = Surface((0.7, 0.7, 0.7))


@dataclass(frozen=True)
class Signer:
    """A built signer. ground: metres from the floor (the armature's origin) up to the core's origin. betas: (B,) shape of the mesh."""

    armature: bpy.types.Object
    mesh: bpy.types.Object
    body: Body
    rig: Rig
    betas: np.ndarray
    ground: float

    def set_subdivision(self, levels: int) -> None:
        """Smooths the rendered skin by that many levels of subdivision; 0 turns it off."""
        name = "Subdivision"
        modifier = self.mesh.modifiers.get(name)
        if levels <= 0:
            if modifier is not None:
                self.mesh.modifiers.remove(modifier)
            return
        if modifier is None:
            modifier = self.mesh.modifiers.new(name, "SUBSURF")
        modifier.levels, modifier.render_levels = 0, levels


def build_signer(
    body: Body,
    *,
    character: Character,
    betas: np.ndarray | None = None,
    name: str = "Signer",
    collection: bpy.types.Collection | None = None,
) -> Signer:
    """Adds the armature `name` and the mesh `nameBody` to a collection (default: the scene's) and returns them.

    betas: (B,) shape coefficients, baked into the rest mesh and rest joints. The soles stand on z = 0.
    """
    collection = collection or bpy.context.scene.collection
    rest = body.shaped(betas)
    rig = body.rig(betas)
    ground = float(-rest[:, 1].min())
    armature = _build_armature(rig, ground, name, collection)
    mesh = _build_mesh(body, rest, ground, f"{name}Body", collection)
    _bind(mesh, armature, body.weights)
    _add_shape_keys(mesh, body, rest, ground)
    paint(mesh, body, character)
    shape = np.zeros(0) if betas is None else np.asarray(betas, dtype=np.float64)
    armature["signgen_betas"] = [float(b) for b in shape]
    armature["signgen_body"] = body.name
    return Signer(armature, mesh, body, rig, shape, ground)


@contextmanager
def _editing(thing: bpy.types.Object) -> Iterator[None]:
    """Edit mode on one object; the user's selection and active object come back afterwards."""
    layer = bpy.context.view_layer
    before, chosen = layer.objects.active, [o for o in layer.objects if o.select_get()]
    if before is not None and before.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        yield
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        for other in layer.objects:
            other.select_set(other in chosen)
        layer.objects.active = before or thing


def _build_armature(rig: Rig, ground: float, name: str, collection: bpy.types.Collection) -> bpy.types.Object:
    data = bpy.data.armatures.new(name)
    data.display_type = "STICK"
    armature = bpy.data.objects.new(name, data)
    collection.objects.link(armature)
    heads = to_blender(rig.rest_joints, ground)
    tails = to_blender(_tails(rig), ground)
    bends = to_blender(_bend_axes(rig))
    with _editing(armature):
        for j, joint in enumerate(JOINT_NAMES):
            bone = data.edit_bones.new(joint)
            bone.head, bone.tail = heads[j], tails[j]
            # align_roll points the bone's Z; X = Y x Z is then the bend axis (made square to the bone)
            along = (tails[j] - heads[j]) / np.linalg.norm(tails[j] - heads[j])
            bone.align_roll(np.cross(bends[j], along))
            if PARENTS[j] >= 0:
                bone.parent = data.edit_bones[JOINT_NAMES[PARENTS[j]]]
            bone.use_connect = False
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
        # joints turn; only the root travels
        bone.lock_location = (bone.parent is not None,) * 3
    armature.show_in_front = True
    return armature


def _tails(rig: Rig) -> np.ndarray:
    heads = rig.rest_joints
    tails = np.empty_like(heads)
    for j, name in enumerate(JOINT_NAMES):
        if name in _TAIL:
            tails[j] = heads[INDEX[_TAIL[name]]]
        elif name in _END:
            tails[j] = heads[j] + np.array(_END[name])
        else:  # last phalanx: on in the direction of the one before, as far as the pad
            along = heads[j] - heads[PARENTS[j]]
            tip = rig.extra_points[EXTRA_POINTS.index(f"{name[:-1]}_tip")]
            tails[j] = heads[j] + along / np.linalg.norm(along) * np.linalg.norm(tip - heads[j])
        length = np.linalg.norm(tails[j] - heads[j])
        if length < _SHORTEST:
            tails[j] = heads[j] + np.array([0.0, _SHORTEST, 0.0])
    return tails


def _bend_axes(rig: Rig) -> np.ndarray:
    """(55, 3) core axis about which each joint bends in its main sense; the bone's +X."""
    axes = np.tile(np.array([1.0, 0.0, 0.0]), (len(JOINT_NAMES), 1))
    for j, name in enumerate(JOINT_NAMES):
        side = 1.0 if name.startswith("left_") else -1.0
        if any(part in name for part in ("index", "middle", "ring", "pinky")):
            root = INDEX[f"{name[:-1]}1"]
            along = rig.rest_joints[root + 1] - rig.rest_joints[root]
            axes[j] = np.cross(along, np.array([0.0, -1.0, 0.0]))
        elif "thumb" in name:
            # the thumb bends across the palm, about an axis that lies along its nail's normal turned to the palm
            axes[j] = side * np.array([-0.18 * side, 0.97, 0.17])
        elif any(part in name for part in ("shoulder", "elbow", "wrist", "collar")):
            axes[j] = np.array([0.0, -side, 0.0]) if "wrist" not in name else np.array([0.0, 0.0, -side])
    return axes


def _build_mesh(body: Body, rest: np.ndarray, ground: float, name: str, collection: bpy.types.Collection) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    corners = body.polygons >= 0
    loops = body.polygons[corners]
    mesh.vertices.add(len(rest))
    mesh.vertices.foreach_set("co", to_blender(rest, ground).astype(np.float32).ravel())
    mesh.loops.add(len(loops))
    mesh.loops.foreach_set("vertex_index", loops.astype(np.int32))
    mesh.polygons.add(len(body.polygons))
    compat.set_polygons(mesh, corners.sum(axis=1))
    mesh.polygons.foreach_set("material_index", body.polygon_regions.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(body.polygons), dtype=bool))
    mesh.update(calc_edges=True)
    if body.polygon_uv is not None:
        layer = mesh.uv_layers.new(name="UVMap")
        layer.data.foreach_set("uv", body.polygon_uv[corners].astype(np.float32).ravel())
    obj = bpy.data.objects.new(name, mesh)
    collection.objects.link(obj)
    return obj


def _bind(mesh: bpy.types.Object, armature: bpy.types.Object, weights: np.ndarray) -> None:
    """Vertex groups named like the bones, normalised, and the armature modifier (linear blend skinning, as the core's)."""
    kept = np.where(weights > _WEIGHT_FLOOR, weights, 0.0)
    kept = (kept / kept.sum(axis=1, keepdims=True)).astype(np.float32)
    for j, name in enumerate(JOINT_NAMES):
        group = mesh.vertex_groups.new(name=name)
        column = kept[:, j]
        whole = np.flatnonzero(column >= 1.0)
        if len(whole):
            group.add(whole.tolist(), 1.0, "REPLACE")
        for v in np.flatnonzero((column > 0.0) & (column < 1.0)):
            group.add((int(v),), float(column[v]), "REPLACE")
    mesh.parent = armature
    modifier = mesh.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    modifier.use_deform_preserve_volume = False


def _add_shape_keys(mesh: bpy.types.Object, body: Body, rest: np.ndarray, ground: float) -> None:
    """The 52 ARKit keys, and the expression coefficients that move this body."""
    offsets: list[tuple[str, np.ndarray, float]] = []
    # a body without face shapes gets the keys all the same: they move nothing, but a motion's face survives on them
    still = np.zeros((1, 3))
    offsets += [(name, still if body.arkit is None else body.arkit[k], 0.0) for k, name in enumerate(ARKIT_NAMES)]
    for k in range(min(10, body.expression_dirs.shape[2])):
        if np.any(body.expression_dirs[:, :, k]):
            offsets.append((expression_name(k), body.expression_dirs[:, :, k], -10.0))
    mesh.shape_key_add(name="Basis", from_mix=False)
    for name, offset, low in offsets:
        key = mesh.shape_key_add(name=name, from_mix=False)
        key.data.foreach_set("co", to_blender(rest + offset, ground).astype(np.float32).ravel())
        key.slider_min, key.slider_max = low, 1.0 if low == 0.0 else -low
        key.value = 0.0  # Blender 5 adds keys switched on


def paint(mesh: bpy.types.Object, body: Body, character: Character) -> None:
    """Gives the mesh one material per region of the body, in the colours of the character; earlier ones are replaced."""
    old = [slot for slot in mesh.data.materials if slot is not None]
    mesh.data.materials.clear()
    for region in body.region_names:
        mesh.data.materials.append(_material(f"{mesh.name}_{region}", character.surfaces.get(region, _FALLBACK)))
    mesh.data.polygons.foreach_set("material_index", body.polygon_regions.astype(np.int32))
    for material in old:
        if material.users == 0:
            bpy.data.materials.remove(material)


def _material(name: str, surface: Surface) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    color = (*surface.linear, 1.0)
    material.diffuse_color, material.roughness = color, surface.roughness
    if material.node_tree is None:  # since Blender 5.0 every material has its nodes
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = color
    shader.inputs["Roughness"].default_value = surface.roughness
    if surface.subsurface > 0.0:
        compat.shader_input(shader, "Subsurface Weight").default_value = surface.subsurface
        shader.inputs["Subsurface Radius"].default_value = (0.012, 0.004, 0.002)
    return material
