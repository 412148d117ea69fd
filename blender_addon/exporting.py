"""A signer of the open file into another file: .blend, .glb, .fbx, .bvh, .usdc or .abc (docs/export.md).

What is exported is a copy in a scene of its own: 55 bones and the mesh with its shape keys, no controls, constraints, heatmap or modifiers, keyed with the
evaluated pose of every frame. The file's scenes, names and data are afterwards as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from signgen_core.action import ActionSequence
from signgen_core.clip_events import CUTS, Cut, cut, events
from signgen_core.datasets.bvh_files import write_bvh
from signgen_core.errors import InputError, MachineError, OutputError
from signgen_core.motion import Motion, Segment, write_bytes

from . import compat, heatmap, keying, signers
from .armature import Signer, _build_armature

FORMATS = ("blend", "glb", "fbx", "bvh", "usdc", "abc")
PRESETS = ("unity", "unreal")
ROOT_NAMES = {"unity": "Armature", "unreal": "root"}  # Unreal makes the armature the root bone; Unity looks for the hips below whatever it is called
_ONE_TIMELINE = ("bvh", "usdc", "abc")  # formats that hold one animation: clips are ranges of it, told by the events
_START = 1  # scene frame of a motion's first; at the frame before stands the T-pose
_Y_UP = Matrix.Rotation(-np.pi / 2.0, 4, "X")  # takes Blender's Z-up coordinates to Y-up ones
_CENTIMETRES = 100.0
_FACE = "Face"  # ends the names of the face's actions before Blender 4.4, which gives each data-block an action of its own


@dataclass(frozen=True)
class Exported:
    """What `export` wrote: the file, the markers beside it (None where not wished for), and the clips."""

    path: Path
    events: Path | None
    clips: tuple[Cut, ...]


def find_format(path: str | Path, wanted: str | None = None) -> str:
    """The format that a file name, or `wanted`, says. Raises OutputError for an unknown one."""
    found = (wanted or Path(path).suffix.removeprefix(".")).lower()
    if found not in FORMATS:
        raise OutputError(f"{path}: unknown format {found!r}; known are {', '.join(FORMATS)}")
    return found


def export(
    path: str | Path,
    armature: bpy.types.Object,
    *,
    format: str | None = None,  # noqa: A002 - what it is called everywhere
    preset: str = "unity",
    clips: str = "whole",
    name: str = "Signing",
    motion: Motion | None = None,
    plan: ActionSequence | None = None,
    markers: bool = True,
    all_influences: bool = False,
    scale: float = 1.0,
    scene: bpy.types.Scene | None = None,
) -> Exported:
    """Writes a signer and what it signs; the file appears whole or not at all.

    format: one of FORMATS; without it the suffix of `path` says it. preset: one of PRESETS, for .fbx only. clips: how the signing is cut, one of
    `clip_events.CUTS`. name: of the clip that is the whole. motion, plan: in place of what stands on the signer. markers: write `PATH.events.json` too.
    all_influences: more than four bones a vertex in .glb, which few engines read. scale: units of a .bvh a metre.
    Raises InputError for unknown words or a signer without keys, OutputError where the file cannot be written, MachineError where this
    Blender lacks the exporter.
    """
    path = Path(path)
    kind = find_format(path, format)
    if preset not in PRESETS:
        raise InputError(f"preset {preset!r}: unknown; known are {', '.join(PRESETS)}")
    if clips not in CUTS:
        raise InputError(f"clips {clips!r}: unknown; known are {', '.join(CUTS)}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}")
    scene = scene or bpy.context.scene
    signer = signers.signer_of(armature)
    if motion is None:
        motion = signed(signer, scene)
    plan = _matching(signers.plan_of(armature) if plan is None else plan, motion)
    pieces = cut(motion, clips, plan=plan, name=name)
    temporary = path.with_name(f".signgen-{path.name}")
    try:
        if kind == "bvh":
            write_bvh(path, motion, signer.rig, scale=scale)
        else:
            _export(temporary, signer, motion, pieces, kind, preset, all_influences)
            temporary.replace(path)
    except (OSError, RuntimeError) as problem:  # what Blender's exporters raise for a place or a scene that they cannot write
        raise OutputError(f"{path}: cannot be written: {' '.join(str(problem).split())[:200]}") from problem
    finally:
        temporary.unlink(missing_ok=True)
    beside = path.with_name(f"{path.name}.events.json") if markers else None
    if beside is not None:
        write_bytes(beside, events(motion, pieces, plan=plan, media=path.name).encode())
    return Exported(path, beside, pieces)


def is_keyed(armature: bpy.types.Object | None) -> bool:
    """Whether an action or an NLA strip moves a signer."""
    data = None if armature is None else armature.animation_data
    return data is not None and (data.action is not None or any(len(track.strips) > 0 for track in data.nla_tracks))


def signed(signer: Signer, scene: bpy.types.Scene) -> Motion:
    """What a signer does at every frame, controls, constraints and NLA included: over the frames that it was keyed for, else over the scene's range.

    Raises InputError for a signer that nothing moves.
    """
    if not is_keyed(signer.armature):
        raise InputError(f"signer {signer.armature.name!r}: signs nothing yet")
    info = keying._info(signer)
    before = scene.frame_start, scene.frame_end
    if info:
        scene.frame_start, scene.frame_end = int(info["start_frame"]), int(info["start_frame"]) + int(info["frames"]) - 1
    try:
        return keying.read_motion(signer, evaluated=True, scene=scene)
    finally:
        scene.frame_start, scene.frame_end = before


def _matching(plan: ActionSequence | None, motion: Motion) -> ActionSequence | None:
    """The plan, if it is the one behind the motion: hand-made keys may have replaced what it says."""
    same = plan is not None and [a.gloss_id for a in plan.actions] == [s.gloss_id for s in motion.segments]
    return plan if same else None


# --- The copy ----------------------------------------------------------------------------------------------------------------


def _ids() -> Iterator[bpy.types.ID]:
    for prop in bpy.data.bl_rna.properties:
        # keys go with the meshes that own them
        if prop.type == "COLLECTION" and prop.identifier not in ("shape_keys", "window_managers", "workspaces", "screens"):
            yield from getattr(bpy.data, prop.identifier)


class _Names:
    """Gives new data-blocks names that others of the file may have; those get them back at the end."""

    def __init__(self) -> None:
        self._lent: list[tuple[bpy.types.ID, str]] = []

    def give(self, collection: Any, thing: bpy.types.ID, name: str) -> None:
        other = collection.get(name)
        if other is not None and other != thing:
            self._lent.append((other, name))
            other.name = f"{name[:40]}~{len(self._lent)}"
        thing.name = name

    def back(self) -> None:
        for thing, name in self._lent:
            thing.name = name


@contextmanager
def _workshop() -> Iterator[tuple[bpy.types.Scene, _Names]]:
    """An empty scene that is the window's for a while; whatever is made meanwhile is gone afterwards."""
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    before = window.scene
    known = {thing.as_pointer() for thing in _ids()}
    names = _Names()
    scene = bpy.data.scenes.new("Export")
    names.give(bpy.data.scenes, scene, "Scene")
    window.scene = scene
    try:
        yield scene, names
    finally:
        window.scene = before
        bpy.data.batch_remove([thing for thing in _ids() if thing.as_pointer() not in known])
        names.back()


def _copy(signer: Signer, scene: bpy.types.Scene, names: _Names, root: str) -> Signer:
    """The signer anew in another scene: plain bones, and copies of the meshes on it."""
    plain = _build_armature(signer.rig, signer.ground, f"{root}Export", scene.collection)
    for key in [key for key in signer.armature.keys() if key.startswith("signgen_")]:
        plain[key] = signer.armature[key]
    names.give(bpy.data.objects, plain, root)
    names.give(bpy.data.armatures, plain.data, root)
    body: bpy.types.Object | None = None
    for child in signer.armature.children:
        if child.type != "MESH" or "signgen_legend" in child:
            continue
        copy = child.copy()
        copy.data = child.data.copy()
        scene.collection.objects.link(copy)
        copy.parent, copy.parent_type, copy.parent_bone = plain, child.parent_type, child.parent_bone
        copy.matrix_parent_inverse = child.matrix_parent_inverse
        _undress(copy, plain, names)
        names.give(bpy.data.objects, copy, child.name)
        names.give(bpy.data.meshes, copy.data, child.data.name)
        if copy.data.shape_keys is not None:
            names.give(bpy.data.shape_keys, copy.data.shape_keys, child.data.shape_keys.name)
        if child == signer.mesh:
            body = copy
    if body is None:
        raise InputError(f"signer {signer.armature.name!r}: its body mesh is gone")
    return replace(signer, armature=plain, mesh=body)


def _undress(copy: bpy.types.Object, armature: bpy.types.Object, names: _Names) -> None:
    """Takes keys, heatmap and all modifiers but the skin's off a copied mesh."""
    copy.animation_data_clear()
    if heatmap.has_heatmap(copy):
        for slot, material in enumerate(copy.data.materials):
            if material is not None:
                copy.data.materials[slot] = material.copy()
                names.give(bpy.data.materials, copy.data.materials[slot], material.name)
        heatmap.remove_heatmap(copy)
    keys = copy.data.shape_keys
    if keys is not None:
        keys.animation_data_clear()
        for block in keys.key_blocks:
            block.value = 0.0
            block.mute = False
    for modifier in list(copy.modifiers):
        if modifier.type == "ARMATURE":
            modifier.object = armature
        elif keys is not None:  # exporters drop shape keys where another modifier stands in the way
            copy.modifiers.remove(modifier)


def _drop_unused(mesh: bpy.types.Object, motion: Motion) -> None:
    """Takes off the shape keys of SMPL-X expressions that the motion does not use; the 52 of ARKit stay, used or not."""
    keys = mesh.data.shape_keys
    for k in range(motion.expression.shape[1]):
        block = None if keys is None else keys.key_blocks.get(keying.expression_name(k))
        if block is not None and not np.any(motion.expression[:, k]):
            mesh.shape_key_remove(block)


def _unparent(armature: bpy.types.Object) -> None:
    """Skinned meshes to the top of the scene, where glTF wants them: their skin alone says where they are."""
    for child in list(armature.children):
        if any(modifier.type == "ARMATURE" for modifier in child.modifiers):
            child.parent = None


# --- Keys --------------------------------------------------------------------------------------------------------------------


def _key(signer: Signer, motion: Motion, cuts: Sequence[Cut], kind: str, names: _Names, scene: bpy.types.Scene) -> None:
    """Keys the copy as a format wants it: one action, or an action and an NLA strip for each clip."""
    frames = _START + np.arange(motion.num_frames, dtype=np.float64)
    keying._set_time(scene, motion, _START)
    if kind in ("usdc", "abc") or (kind == "blend" and len(cuts) == 1):
        name = cuts[0].name if len(cuts) == 1 else "Signing"
        for action in keying.key_motion(signer, motion, name="SignGenExport", start_frame=_START, scene=scene):
            names.give(bpy.data.actions, action, name)
        if not compat.SLOTTED and signer.mesh.data.shape_keys is not None:
            names.give(bpy.data.actions, signer.mesh.data.shape_keys.animation_data.action, f"{name}{_FACE}")
        return
    for c in cuts:
        action, face_action = keying._new_actions(f"{c.name[:50]}Export")
        window = slice(c.first, c.last + 1)
        keying._fill(action, face_action, signer, motion, frames[window], window)
        names.give(bpy.data.actions, action, c.name)
        if face_action != action:
            names.give(bpy.data.actions, face_action, f"{c.name}{_FACE}")
        if kind == "blend":
            keying._describe({action, face_action}, signer, motion, _START)
            keying._push_down(signer, c.name, action, face_action, _START + c.first, _START + c.last)
        else:
            _track(signer.armature, c, action)
            if kind == "glb":
                _track(signer.mesh.data.shape_keys, c, face_action)
    if kind == "blend":
        keying._hold_ends(signer)
        _mark(scene, motion.segments, motion.fps)
    if kind == "fbx":
        _key_face(signer, motion, frames)


def _mark(scene: bpy.types.Scene, segments: Sequence[Segment], fps: float) -> None:
    for segment in segments:
        scene.timeline_markers.new(segment.gloss_id, frame=_START + round(segment.start * fps))


def _track(block: bpy.types.ID | None, clip: Cut, action: bpy.types.Action) -> None:
    """A track of a clip's own with one strip."""
    if block is None:
        return
    data = block.animation_data_create()
    data.action = None
    track = data.nla_tracks.new()
    track.name = clip.name
    strip = track.strips.new(clip.name, _START + clip.first, action)
    compat.assign_strip(strip, block)
    strip.action_frame_end = _START + clip.last
    strip.action_frame_start = _START + clip.first
    strip.frame_start, strip.frame_end = _START + clip.first, _START + clip.last
    strip.extrapolation = "NOTHING"


def _key_face(signer: Signer, motion: Motion, frames: np.ndarray) -> None:
    """One action for the face under all strips of the rig, as .fbx cuts only the strips of objects; at rest in the frame of the T-pose."""
    keys = signer.mesh.data.shape_keys
    if keys is None:
        return
    still = np.zeros((1, motion.face.shape[1])), np.zeros((1, motion.expression.shape[1]))
    with_rest = replace(
        motion, poses=np.concatenate([motion.poses[:1], motion.poses]), transl=np.concatenate([motion.transl[:1], motion.transl]),
        face=np.concatenate([still[0], motion.face]), expression=np.concatenate([still[1], motion.expression]), uncertainty=None,
    )  # fmt: skip
    action, face_action = keying._new_actions("FaceExport")
    keying._fill(action, face_action, signer, with_rest, np.concatenate([[frames[0] - 1.0], frames]), slice(0, len(frames) + 1))
    signer.armature.animation_data.action = None


# --- Files -------------------------------------------------------------------------------------------------------------------


def _export(path: Path, signer: Signer, motion: Motion, cuts: Sequence[Cut], kind: str, preset: str, all_influences: bool) -> None:
    with _workshop() as (scene, names):
        root = ROOT_NAMES[preset] if kind == "fbx" else signer.armature.name
        copy = _copy(signer, scene, names, root)
        _drop_unused(copy.mesh, motion)
        _key(copy, motion, cuts, kind, names, scene)
        if kind == "fbx":
            _reframe(copy.armature, scene, preset)
        elif kind == "glb":
            _unparent(copy.armature)
        bpy.context.view_layer.update()
        if kind == "blend":
            _write_blend(path, scene)
        elif kind == "glb":
            scene.frame_set(_START)
            _call(bpy.ops.export_scene.gltf, filepath=str(path), **_GLTF, export_all_influences=all_influences)
            _still_face(path)
        elif kind == "fbx":
            scene.frame_set(_START - 1)
            axes = {"axis_forward": "-Z", "axis_up": "Y"} if preset == "unity" else {"axis_forward": "Y", "axis_up": "Z"}
            _call(bpy.ops.export_scene.fbx, filepath=str(path), **_FBX, **axes)
        elif kind == "usdc":
            _call(bpy.ops.wm.usd_export, filepath=str(path), **_USD)
        else:
            _call(
                bpy.ops.wm.alembic_export, filepath=str(path), start=_START, end=_START + motion.num_frames - 1, selected=False, flatten=False,
                uvs=True, packuv=True, face_sets=True, subdiv_schema=False, export_hair=False, export_particles=False, as_background_job=False,
            )  # fmt: skip


_GLTF = {
    "export_format": "GLB", "use_active_scene": True, "use_selection": False, "export_animations": True, "export_animation_mode": "NLA_TRACKS",
    "export_force_sampling": True, "export_anim_slide_to_zero": True, "export_optimize_animation_size": False, "export_reset_pose_bones": True,
    "export_rest_position_armature": True, "export_skins": True, "export_morph": True, "export_morph_normal": True, "export_morph_animation": True,
    "export_apply": False, "export_yup": True, "export_extras": False, "export_cameras": False, "export_lights": False, "export_frame_step": 1,
    "export_def_bones": False, "export_leaf_bone": False, "export_armature_object_remove": False, "export_negative_frame": "SLIDE",
}  # fmt: skip
_FBX = {
    "use_selection": False, "object_types": {"ARMATURE", "MESH"}, "global_scale": 1.0, "apply_unit_scale": True, "apply_scale_options": "FBX_SCALE_ALL",
    "use_space_transform": True, "bake_space_transform": False, "use_mesh_modifiers": False, "mesh_smooth_type": "FACE", "add_leaf_bones": False,
    "primary_bone_axis": "Y", "secondary_bone_axis": "X", "armature_nodetype": "NULL", "use_armature_deform_only": False, "bake_anim": True,
    "bake_anim_use_all_bones": True, "bake_anim_use_nla_strips": True, "bake_anim_use_all_actions": False, "bake_anim_force_startend_keying": True,
    "bake_anim_step": 1.0, "bake_anim_simplify_factor": 0.0, "path_mode": "COPY", "embed_textures": True, "use_custom_props": False,
}  # fmt: skip
_USD = {
    "selected_objects_only": False, "export_animation": True, "export_armatures": True, "export_shapekeys": True, "only_deform_bones": False,
    "export_hair": False, "export_uvmaps": True, "export_normals": True, "export_materials": True, "generate_preview_surface": True,
    "export_custom_properties": False, "export_cameras": False, "export_lights": False, "convert_world_material": False,
}  # fmt: skip


def _call(operator: Any, **settings: Any) -> None:
    """An exporter with those of the settings that this Blender's has. Raises MachineError where it has none."""
    try:
        known = operator.get_rna_type().properties.keys()
    except KeyError:  # Debian's has neither USD nor Alembic; glTF and FBX are add-ons that may be off
        raise MachineError(f"this Blender has no exporter {operator.idname_py()}; enable its add-on or use another format") from None
    operator(**{key: value for key, value in settings.items() if key in known})


def _reframe(armature: bpy.types.Object, scene: bpy.types.Scene, preset: str) -> None:
    """Turns or scales the keyed data itself, so that what an engine imports has no turns and scales of its own on the root.

    Unity: the data has Y up, the object turns it back, and that turn and the exporter's cancel. Unreal: the data is in centimetres, and so is the scene.
    """
    matrix = _Y_UP if preset == "unity" else Matrix.Scale(_CENTIMETRES, 4)
    armature.data.transform(matrix)
    for child in armature.children:
        if child.type == "MESH":
            child.data.transform(matrix, shape_keys=True)
    if preset == "unity":
        armature.matrix_world = matrix.inverted()
    else:
        scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1.0 / _CENTIMETRES
        _scale_shifts(armature)


def _scale_shifts(armature: bpy.types.Object) -> None:
    """The keys of the root's place in centimetres."""
    for track in armature.animation_data.nla_tracks:
        for strip in track.strips:
            bag = compat.bag_of(strip.action, compat.slot_for(strip.action, armature))
            for curve in bag.fcurves:
                if curve.data_path.endswith(".location"):
                    pairs = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
                    curve.keyframe_points.foreach_get("co", pairs)
                    pairs[1::2] *= _CENTIMETRES
                    curve.keyframe_points.foreach_set("co", pairs)
                    curve.update()


def _still_face(path: Path) -> None:
    """Sets the weights that a .glb shows without an animation to zero: where no NLA strip plays, Blender takes every shape for fully on."""
    data = path.read_bytes()
    size = int.from_bytes(data[12:16], "little")
    content = json.loads(data[20 : 20 + size])
    for mesh in content.get("meshes", ()):
        if "weights" in mesh:
            mesh["weights"] = [0.0] * len(mesh["weights"])
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    header = data[:8] + (20 + len(text) + len(rest)).to_bytes(4, "little") + len(text).to_bytes(4, "little") + data[16:20]
    path.write_bytes(header + text + rest)


def _write_blend(path: Path, scene: bpy.types.Scene) -> None:
    """The scene and all that it needs, images packed in."""
    used = {node.image for obj in scene.objects if obj.type == "MESH" for m in obj.data.materials if m is not None and m.node_tree is not None
            for node in m.node_tree.nodes if getattr(node, "image", None) is not None}  # fmt: skip
    packed = [image for image in used if image.packed_file is None and image.source == "FILE" and Path(bpy.path.abspath(image.filepath)).is_file()]
    for image in packed:
        image.pack()
    try:
        bpy.data.libraries.write(str(path), {scene}, fake_user=False, compress=True)
    finally:
        for image in packed:
            image.unpack(method="REMOVE")
