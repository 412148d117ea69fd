"""How unsure the generator was, as colours on the body: four regions, keyed over time, with a legend.

A file plays its heatmap without this add-on. On the mesh stand a colour attribute `Uncertainty` (its own colours, alpha = how much of a corner may be
painted: eyes, brows, lips and hair stay as they are) and `UncertaintyRegions` (how far each vertex belongs to body, left hand, right hand and face);
a geometry-nodes modifier mixes the colour of the four levels into the first. The levels are custom properties of the mesh object
with keys in an action of their own, and drivers without Python carry them to the nodes. Materials and Workbench read the attribute.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from signgen_core.errors import InputError
from signgen_core.motion import UNCERTAINTY_STREAMS, Motion
from signgen_core.rig import HAND_JOINTS

from . import compat
from .keying import _key_times, _write

REGIONS = UNCERTAINTY_STREAMS  # body, left_hand, right_hand, face
ATTRIBUTE, WEIGHTS, MODIFIER = "Uncertainty", "UncertaintyRegions", "Uncertainty"
# Level, linear colour: pale where the generator was sure, deep purple where not. Brightness falls all the way, so that it reads without hue, and no
# colour is one that skin has.
RAMP: tuple[tuple[float, tuple[float, float, float]], ...] = (
    (0.0, (0.72, 0.84, 0.90)), (0.35, (0.30, 0.55, 0.85)), (0.7, (0.36, 0.10, 0.62)), (1.0, (0.16, 0.0, 0.13)),
)  # fmt: skip
_OPACITY = 0.9
_NATURAL = ("lips", "brows", "eyes_white", "iris", "pupil", "lashes", "teeth", "tongue", "inner_mouth", "hair")  # regions that keep their colours
_HEAD = ("head", "jaw", "left_eye_smplhf", "right_eye_smplhf")
_LABELS = {"body": "Body", "left_hand": "Left hand", "right_hand": "Right hand", "face": "Face"}


def level_property(region: str) -> str:
    """The mesh object's custom property with the level of one of `REGIONS`, 0 sure to 1 unsure."""
    return f"uncertainty_{region}"


def check_levels(levels: np.ndarray) -> np.ndarray:
    """(T, 4) levels as floats. Raises InputError for another shape, no frames, or numbers outside 0 to 1."""
    levels = np.asarray(levels, dtype=np.float64)
    if levels.ndim != 2 or levels.shape[1] != len(REGIONS) or not len(levels):
        raise InputError(f"uncertainty: expected shape (T, {len(REGIONS)}) with T > 0, found {levels.shape}")
    if not ((levels >= 0.0) & (levels <= 1.0)).all():
        raise InputError("uncertainty: holds values that are not between 0 and 1")
    return levels


def motion_levels(motion: Motion) -> np.ndarray:
    """(T, 4) of a motion. Raises InputError where it has none: motions by rule and from recordings are not unsure."""
    if motion.uncertainty is None:
        raise InputError("motion: carries no uncertainty; the learned generator writes it")
    return check_levels(motion.uncertainty)


def most_uncertain_frame(motion: Motion) -> tuple[int, str]:
    """Index of the frame with the highest level of any region, and that region; the first of equals."""
    return _highest(motion_levels(motion))


def _highest(levels: np.ndarray) -> tuple[int, str]:
    frame, region = np.unravel_index(int(np.argmax(levels)), levels.shape)
    return int(frame), REGIONS[int(region)]


def add_heatmap(mesh: bpy.types.Object, levels: np.ndarray, *, start_frame: int = 1, name: str | None = None) -> bpy.types.Action:
    """Paints a signer's mesh by levels (T, 4) of `REGIONS` in [0, 1]: frame t at scene frame `start_frame + t`. Replaces an earlier heatmap.

    Returns the action with the keys. Raises InputError for levels of another shape or range.
    """
    levels = check_levels(levels)
    remove_heatmap(mesh)
    _add_attributes(mesh)
    for region in REGIONS:
        mesh[level_property(region)] = 0.0
        mesh.id_properties_ui(level_property(region)).update(
            min=0.0, max=1.0, soft_min=0.0, soft_max=1.0, default=0.0, description=f"{_LABELS[region]}: 0 where the generator was sure, 1 where it was not"
        )
    modifier = mesh.modifiers.new(MODIFIER, "NODES")
    modifier.node_group = _build_tree(mesh)
    action = bpy.data.actions.new(name or f"{mesh.name}Uncertainty")
    bag = compat.channels(action, mesh)
    frames = start_frame + np.arange(len(levels), dtype=np.float64)
    for k, region in enumerate(REGIONS):
        keys = _key_times(frames, levels[:, k : k + 1])
        _write(bag, f'["{level_property(region)}"]', 0, frames[keys], levels[keys, k], None)
    _link_materials(mesh)
    return action


def has_heatmap(mesh: bpy.types.Object) -> bool:
    """Whether a mesh carries a heatmap, shown or not."""
    return MODIFIER in mesh.modifiers and level_property(REGIONS[0]) in mesh


def show_heatmap(mesh: bpy.types.Object, visible: bool) -> None:
    """Shows the heatmap, or the character's own colours; the keys stay. Raises InputError where there is none."""
    _require(mesh)
    modifier = mesh.modifiers[MODIFIER]
    modifier.show_viewport = modifier.show_render = visible
    _unlink_materials(mesh)
    if visible:
        _link_materials(mesh)


def heatmap_shown(mesh: bpy.types.Object) -> bool:
    """Whether a heatmap is there and visible."""
    return has_heatmap(mesh) and mesh.modifiers[MODIFIER].show_render


def shade_by_heatmap(shading: bpy.types.View3DShading, visible: bool) -> None:
    """Solid view (of a 3D viewport or of the scene's Workbench): colours from the attribute, or from the materials."""
    shading.color_type = "VERTEX" if visible else "MATERIAL"


def remove_heatmap(mesh: bpy.types.Object) -> None:
    """Takes modifier, nodes, keys, properties and attributes away. Without a heatmap it does nothing."""
    _unlink_materials(mesh)
    modifier = mesh.modifiers.get(MODIFIER)
    if modifier is not None:
        tree = modifier.node_group
        mesh.modifiers.remove(modifier)
        if tree is not None and tree.users == 0:
            bpy.data.node_groups.remove(tree)
    if level_property(REGIONS[0]) in mesh:
        bag = compat.active_bag(mesh)
        action = mesh.animation_data.action if bag is not None else None
        paths = {f'["{level_property(region)}"]' for region in REGIONS}
        if action is not None and {c.data_path for c in bag.fcurves} <= paths:
            mesh.animation_data.action = None
            if action.users == 0:
                bpy.data.actions.remove(action)
        for region in REGIONS:
            del mesh[level_property(region)]
    for attribute in (ATTRIBUTE, WEIGHTS):
        found = mesh.data.attributes.get(attribute)
        if found is not None:
            mesh.data.attributes.remove(found)


def keyed_levels(mesh: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Frames (T,) and levels (T, 4) as they stand in the keys now. Raises InputError without a heatmap."""
    _require(mesh)
    bag = compat.active_bag(mesh)
    curves = [None if bag is None else bag.fcurves.find(f'["{level_property(region)}"]') for region in REGIONS]
    frames = sorted({point.co.x for curve in curves if curve is not None for point in curve.keyframe_points})
    if not frames:
        raise InputError(f"{mesh.name}: the heatmap has no keys")
    levels = [[0.0 if curve is None else curve.evaluate(frame) for curve in curves] for frame in frames]
    return np.array(frames), np.array(levels)


def most_uncertain_on(mesh: bpy.types.Object) -> tuple[int, str, float]:
    """Scene frame, region and level of the highest key of a mesh's heatmap."""
    frames, levels = keyed_levels(mesh)
    row, region = _highest(levels)
    return round(frames[row]), region, float(levels[row, REGIONS.index(region)])


def _require(mesh: bpy.types.Object) -> None:
    if not has_heatmap(mesh):
        raise InputError(f"{mesh.name}: has no heatmap")


# --- Attributes and nodes ----------------------------------------------------------------------------------------------------


def region_weights(mesh: bpy.types.Object) -> np.ndarray:
    """(V, 4) how far each vertex belongs to each of `REGIONS`, rows sum to 1; from the skin's weights, so that borders are as soft as joints."""
    column = {}
    for group in mesh.vertex_groups:
        side = group.name.partition("_")[0]
        if group.name in _HEAD:
            column[group.index] = REGIONS.index("face")
        elif group.name.removeprefix(f"{side}_") in ("wrist", *HAND_JOINTS):
            column[group.index] = REGIONS.index(f"{side}_hand")
    weights = np.zeros((len(mesh.data.vertices), len(REGIONS)))
    for v, vertex in enumerate(mesh.data.vertices):
        for entry in vertex.groups:
            weights[v, column.get(entry.group, 0)] += entry.weight
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, weights / np.maximum(total, 1e-9), np.eye(len(REGIONS))[0])


def _add_attributes(mesh: bpy.types.Object) -> None:
    data = mesh.data
    weights = data.attributes.new(WEIGHTS, "FLOAT_COLOR", "POINT")
    weights.data.foreach_set("color", region_weights(mesh).astype(np.float32).ravel())
    own = data.attributes.new(ATTRIBUTE, "FLOAT_COLOR", "CORNER")
    slots = np.ones((max(1, len(data.materials)), 4), dtype=np.float32)
    for k, material in enumerate(data.materials):
        if material is not None:
            slots[k, :3] = tuple(material.diffuse_color)[:3]
            slots[k, 3] = 0.0 if material.name.partition("_")[2].partition(".")[0] in _NATURAL else _OPACITY
    which, totals = np.empty(len(data.polygons), dtype=np.int32), np.empty(len(data.polygons), dtype=np.int32)
    data.polygons.foreach_get("material_index", which)
    data.polygons.foreach_get("loop_total", totals)
    own.data.foreach_set("color", np.repeat(slots[which], totals, axis=0).ravel())
    _make_active(data)


def _make_active(data: bpy.types.Mesh) -> None:
    """Solid view and Workbench draw the active colour attribute."""
    index = data.color_attributes.find(ATTRIBUTE)
    data.color_attributes.active_color_index = data.color_attributes.render_color_index = index


def _socket(sockets: Any, name: str) -> Any:
    """The socket of that name for the node's chosen data type; nodes hold one a type and hide the others."""
    return next(socket for socket in sockets if socket.name == name and socket.enabled)


def _fill_ramp(ramp: bpy.types.ColorRamp) -> None:
    elements = ramp.elements
    for k, (position, color) in enumerate(RAMP):
        element = elements[k] if k < len(elements) else elements.new(position)
        element.position, element.color = position, (*color, 1.0)


def _build_tree(mesh: bpy.types.Object) -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(f"{mesh.name}Uncertainty", "GeometryNodeTree")
    if hasattr(tree, "interface"):
        for direction in ("INPUT", "OUTPUT"):
            tree.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    else:  # before Blender 4.0
        tree.inputs.new("NodeSocketGeometry", "Geometry")
        tree.outputs.new("NodeSocketGeometry", "Geometry")

    def node(kind: str, column: int, row: int = 0, **settings: Any) -> Any:
        made = tree.nodes.new(kind)
        made.location = (220.0 * column, -180.0 * row)
        for name, value in settings.items():
            setattr(made, name, value)
        return made

    def named(attribute: str, column: int, row: int) -> Any:
        made = node("GeometryNodeInputNamedAttribute", column, row, data_type="FLOAT_COLOR")
        made.inputs["Name"].default_value = attribute
        return made

    link = tree.links.new
    weights, own = named(WEIGHTS, 0, 1), named(ATTRIBUTE, 0, 5)
    split, split_own = node("FunctionNodeSeparateColor", 1, 1), node("FunctionNodeSeparateColor", 1, 5)
    link(_socket(weights.outputs, "Attribute"), split.inputs["Color"])
    link(_socket(own.outputs, "Attribute"), split_own.inputs["Color"])
    level: Any = None
    for k, region in enumerate(REGIONS):
        part = node("ShaderNodeMath", 2 + k, 1 + k, operation="MULTIPLY_ADD", label=region)
        part.name = region
        link(split.outputs[k], part.inputs[0])
        _drive_level(part.inputs[1], mesh, region)
        part.inputs[2].default_value = 0.0
        if level is not None:
            link(level, part.inputs[2])
        level = part.outputs[0]
    ramp = node("ShaderNodeValToRGB", 6, 1)
    _fill_ramp(ramp.color_ramp)
    link(level, ramp.inputs[0])
    mix = node("ShaderNodeMix", 8, 1, data_type="RGBA")
    link(split_own.outputs["Alpha"], _socket(mix.inputs, "Factor"))
    link(_socket(own.outputs, "Attribute"), _socket(mix.inputs, "A"))
    link(ramp.outputs["Color"], _socket(mix.inputs, "B"))
    store = node("GeometryNodeStoreNamedAttribute", 9, 0, data_type="FLOAT_COLOR", domain="CORNER")
    store.inputs["Name"].default_value = ATTRIBUTE
    source, target = node("NodeGroupInput", 0), node("NodeGroupOutput", 10)
    link(source.outputs["Geometry"], store.inputs["Geometry"])
    link(_socket(mix.outputs, "Result"), _socket(store.inputs, "Value"))
    link(store.outputs["Geometry"], target.inputs["Geometry"])
    return tree


def _drive_level(socket: Any, mesh: bpy.types.Object, region: str) -> None:
    curve = socket.driver_add("default_value")
    curve.driver.type = "AVERAGE"  # of one variable; runs no Python
    variable = curve.driver.variables.new()
    variable.name, variable.type = "level", "SINGLE_PROP"
    variable.targets[0].id, variable.targets[0].data_path = mesh, f'["{level_property(region)}"]'


def _link_materials(mesh: bpy.types.Object) -> None:
    """The shaders' base colour comes from the attribute; their own colour stays in the socket, below the link."""
    for material in mesh.data.materials:
        if material is not None and material.node_tree is not None and ATTRIBUTE not in material.node_tree.nodes:
            shader = next((n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED"), None)
            if shader is None or shader.inputs["Base Color"].is_linked:
                continue
            reader = material.node_tree.nodes.new("ShaderNodeAttribute")
            reader.name, reader.attribute_name, reader.location = ATTRIBUTE, ATTRIBUTE, (shader.location[0] - 220.0, shader.location[1])
            material.node_tree.links.new(reader.outputs["Color"], shader.inputs["Base Color"])


def _unlink_materials(mesh: bpy.types.Object) -> None:
    for material in mesh.data.materials:
        if material is not None and material.node_tree is not None and ATTRIBUTE in material.node_tree.nodes:
            material.node_tree.nodes.remove(material.node_tree.nodes[ATTRIBUTE])


# --- Legend ------------------------------------------------------------------------------------------------------------------

_LEGEND = "UncertaintyLegend"
_INK = (0.02, 0.02, 0.025)
_STEPS = 24


def build_legend(
    armature: bpy.types.Object, *, scene: bpy.types.Scene | None = None, camera: bpy.types.Object | None = None
) -> bpy.types.Object:
    """A strip of the ramp with words, in the lower left of a camera's view where one is given, else standing at the signer's right. Replaces an earlier one."""
    scene = scene or bpy.context.scene
    remove_legend(armature)
    legend = bpy.data.objects.new(_LEGEND, _legend_mesh())
    scene.collection.objects.link(legend)
    legend["signgen_legend"] = armature.name
    if camera is None:
        legend.parent = armature
        legend.matrix_parent_inverse = Matrix()
        # upright, to be read from the front (-Y)
        legend.matrix_basis = Matrix.Translation((-0.7, 0.0, 0.85)) @ Matrix.Rotation(np.pi / 2.0, 4, "X") @ Matrix.Scale(0.5, 4)
        return legend
    corners = [corner[:] for corner in camera.data.view_frame(scene=scene)]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    near = 2.0 * camera.data.clip_start / abs(low[2]) if camera.data.type == "PERSP" else 1.0  # before all else
    size = 0.4 * (high[1] - low[1])
    legend.parent = camera
    place = Matrix.Translation((low[0] + 0.1 * size, low[1] + 0.1 * size, low[2]))
    legend.matrix_basis = Matrix.Scale(float(near), 4) @ place @ Matrix.Scale(float(size), 4)
    return legend


def remove_legend(armature: bpy.types.Object) -> None:
    """Takes the legend of a signer away."""
    for legend in [o for o in bpy.data.objects if o.get("signgen_legend") == armature.name]:
        mesh = legend.data
        bpy.data.objects.remove(legend)
        materials = [m for m in mesh.materials if m is not None]
        bpy.data.meshes.remove(mesh)
        for material in materials:
            if material.users == 0:
                bpy.data.materials.remove(material)


def _ramp_color(level: float) -> np.ndarray:
    positions = [position for position, _ in RAMP]
    return np.array([np.interp(level, positions, [color[c] for _, color in RAMP]) for c in range(3)])


def _legend_mesh() -> bpy.types.Mesh:
    """One high, along X and Y: the strip from sure (below) to unsure (above), and its words."""
    points: list[tuple[float, float, float]] = []
    faces: list[tuple[int, ...]] = []
    colors: list[np.ndarray] = []

    def polygon(corners: list[tuple[float, float]], shades: list[np.ndarray]) -> None:
        faces.append(tuple(range(len(points), len(points) + len(corners))))
        points.extend((x, y, 0.0) for x, y in corners)
        colors.extend(shades)

    for k in range(_STEPS):
        low, high = k / _STEPS, (k + 1) / _STEPS
        shade_low, shade_high = _ramp_color(low), _ramp_color(high)
        bottom, top = 0.88 * low, 0.88 * high
        polygon([(0.0, bottom), (0.1, bottom), (0.1, top), (0.0, top)], [shade_low, shade_low, shade_high, shade_high])
    for text, x, y, size in (("Uncertainty", 0.0, 0.93, 0.085), ("1  unsure", 0.13, 0.83, 0.065), ("0.5", 0.13, 0.415, 0.065), ("0  sure", 0.13, 0.0, 0.065)):
        curve = bpy.data.curves.new(_LEGEND, "FONT")
        curve.body, curve.size, curve.resolution_u = text, size, 3
        thing = bpy.data.objects.new(_LEGEND, curve)
        letters = thing.to_mesh()
        for face in letters.polygons:
            polygon([(x + letters.vertices[v].co.x, y + letters.vertices[v].co.y) for v in face.vertices], [np.array(_INK)] * len(face.vertices))
        thing.to_mesh_clear()
        bpy.data.objects.remove(thing)
        bpy.data.curves.remove(curve)
    mesh = bpy.data.meshes.new(_LEGEND)
    mesh.from_pydata(points, [], faces)
    attribute = mesh.attributes.new(ATTRIBUTE, "FLOAT_COLOR", "CORNER")
    order = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", order)
    rgba = np.concatenate([np.array(colors)[order], np.ones((len(order), 1))], axis=1)
    attribute.data.foreach_set("color", rgba.astype(np.float32).ravel())
    _make_active(mesh)
    mesh.materials.append(_legend_material())
    return mesh


def _legend_material() -> bpy.types.Material:
    material = bpy.data.materials.new(_LEGEND)
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    output, glow, reader = (tree.nodes.new(kind) for kind in ("ShaderNodeOutputMaterial", "ShaderNodeEmission", "ShaderNodeAttribute"))
    reader.attribute_name = ATTRIBUTE
    tree.links.new(reader.outputs["Color"], glow.inputs["Color"])
    tree.links.new(glow.outputs[0], output.inputs["Surface"])
    material.diffuse_color = (*_ramp_color(0.5), 1.0)
    return material
