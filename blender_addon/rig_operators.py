"""Operators of the rig: arms, fingers, handshapes and the heatmap. They read the context; the work is done by functions that take arguments.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

import functools
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from signgen_core.errors import InputError
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.rig import SIDES, Side

from . import compat, heatmap, pose_library, rig_controls, rig_snap, signers
from .operators import SignerOperator, chosen_signer

_SIDES = [("left", "Left", "The signer's left"), ("right", "Right", "The signer's right")]
_BOTH = [("both", "Both", "Both arms"), *_SIDES]
_MODES = [("FK", "FK", "Rotation keys of shoulder, elbow and wrist"), ("IK", "IK", "Hand control and elbow pole")]


def heatmap_mesh(armature: bpy.types.Object | None) -> bpy.types.Object | None:
    """The mesh with the signer's heatmap, None where there is none; for polls and panels."""
    children = () if armature is None else armature.children
    return next((child for child in children if child.type == "MESH" and heatmap.has_heatmap(child)), None)


def _range(scene: bpy.types.Scene) -> range:
    """The frames that are worked in: the preview range where one is set."""
    if scene.use_preview_range:
        return range(scene.frame_preview_start, scene.frame_preview_end + 1)
    return range(scene.frame_start, scene.frame_end + 1)


def _chosen_sides(which: str) -> tuple[Side, ...]:
    return tuple(side for side in SIDES if which in ("both", side))


class _RigOperator(SignerOperator):
    """Of a rig that has its controls."""

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        return rig_controls.has_controls(chosen_signer(context)) or compat.poll_message(cls, "Add the rig controls first")


class SIGNGEN_OT_add_controls(SignerOperator, bpy.types.Operator):  # noqa: N801 - Blender's rule for names of operators
    bl_idname = "signgen.add_controls"
    bl_label = "Add Rig Controls"
    bl_description = "Add IK arms, finger curl and spread, bone collections and shapes; the pose and its keys stay"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if rig_controls.has_controls(chosen_signer(context)):
            return compat.poll_message(cls, "The signer has its controls")
        return True

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        rig_controls.add_controls(armature)
        for side in SIDES:
            rig_snap.snap_ik_to_fk(armature, side)
        return ""


class SIGNGEN_OT_remove_controls(_RigOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.remove_controls"
    bl_label = "Remove Rig Controls"
    bl_description = "Leave the 55 bones of SMPL-X with their keys, for export or a plain file"

    bake: BoolProperty(name="Bake", description="Keep what the controls do as keys of the bones, over the frame range", default=True)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        if self.bake:
            rig_snap.bake(armature, _range(context.scene), scene=context.scene)
        else:
            rig_snap.clear_control_keys(armature)
        rig_controls.remove_controls(armature)
        return ""


class SIGNGEN_OT_arm_mode(_RigOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.arm_mode"
    bl_label = "Switch Arm"
    bl_description = "Switch an arm between FK and IK at this frame; the arm stays where it is"

    side: EnumProperty(name="Arm", items=_BOTH, default="right")
    mode: EnumProperty(name="Mode", items=_MODES, default="IK")
    key: BoolProperty(name="Key", description="Key the switch and the matched channels at this frame", default=False)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        for side in _chosen_sides(self.side):
            rig_snap.set_arm_mode(armature, side, self.mode, frame=context.scene.frame_current if self.key else None, scene=context.scene)
        return ""


class SIGNGEN_OT_snap_arm(_RigOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.snap_arm"
    bl_label = "Match Arm"
    bl_description = "Bring the controls of one kind to where the other kind has the arm, without switching"

    side: EnumProperty(name="Arm", items=_BOTH, default="right")
    mode: EnumProperty(name="Move", description="The controls that move", items=_MODES, default="IK")
    key: BoolProperty(name="Key", description="Key the matched channels at this frame", default=False)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        snap = rig_snap.snap_ik_to_fk if self.mode == "IK" else rig_snap.snap_fk_to_ik
        for side in _chosen_sides(self.side):
            snap(armature, side, (context.scene.frame_current,) if self.key else None, context.scene)
        return ""


class SIGNGEN_OT_convert_arms(_RigOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.convert_arms"
    bl_label = "Convert Arms"
    bl_description = "Match every frame of the range and animate the arms by the other kind of keys from its first frame on"

    side: EnumProperty(name="Arm", items=_BOTH, default="both")
    mode: EnumProperty(name="Mode", items=_MODES, default="IK")

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        frames = _range(context.scene)
        rig_snap.arms_to_mode(armature, self.mode, frames, sides=_chosen_sides(self.side), scene=context.scene)
        return f"{len(frames)} frames matched"


class SIGNGEN_OT_bake_controls(_RigOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.bake_controls"
    bl_label = "Bake Controls"
    bl_description = "Key on the bones what IK, curl and spread do over the frame range, and set the controls to zero"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        frames = _range(context.scene)
        rig_snap.bake(armature, frames, scene=context.scene)
        return f"{len(frames)} frames baked"


class SIGNGEN_OT_reset_controls(_RigOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.reset_controls"
    bl_label = "Reset Controls"
    bl_description = "Arms to FK, fingers without extra curl and spread; keys stay"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        rig_controls.reset_controls(armature)
        return ""


@functools.cache
def handshape_items() -> tuple[tuple[str, str, str], ...]:
    """(name, label, description) of every handshape. Kept, since Blender holds no reference to the strings of an enum."""
    shapes = load_handshapes()
    return tuple((name, name.replace("_", " "), shapes[name].description) for name in shapes)


class SIGNGEN_OT_apply_handshape(SignerOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.apply_handshape"
    bl_label = "Apply Handshape"
    bl_description = "Give one hand a handshape at this frame"

    side: EnumProperty(name="Hand", items=_SIDES, default="right")
    handshape: EnumProperty(name="Handshape", items=lambda self, context: handshape_items())
    key: BoolProperty(name="Key", description="Key the fingers; without it the hand is posed only until the frame changes", default=True)
    hold: IntProperty(name="Hold", description="Frames over which the handshape is held, from this one on", default=1, min=1)
    ease: IntProperty(name="Ease", description="Frames before and after in which the fingers turn from and to their keys", default=0, min=0)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        now = context.scene.frame_current
        frames = range(now, now + self.hold) if self.key else None
        angles = pose_library.handshape_angles(self.handshape)
        pose_library.apply_handshape(signers.signer_of(armature), self.side, angles, frames=frames, ease=self.ease, scene=context.scene)
        return ""


class SIGNGEN_OT_build_pose_library(SignerOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.build_pose_library"
    bl_label = "Add Handshapes as Assets"
    bl_description = "Add every handshape as a pose asset for each hand to this file"

    previews: BoolProperty(name="Pictures", description="Draw a picture of each", default=True)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        made = pose_library.build_pose_library(signers.signer_of(armature), previews=self.previews)
        return f"{len(made)} pose assets"


class SIGNGEN_OT_save_pose_library(SignerOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.save_pose_library"
    bl_label = "Save Handshapes as Asset Library"
    bl_description = "Write every handshape as a pose asset to a .blend file of its own, for a folder of your asset libraries"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", default="handshapes.blend")
    filter_glob: StringProperty(default="*.blend", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})
    previews: BoolProperty(name="Pictures", description="Draw a picture of each", default=True)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        path = pose_library.save_pose_library(signers.signer_of(armature), bpy.path.abspath(self.filepath), previews=self.previews)
        return f"Wrote {path.name}"


class _HeatmapOperator(SignerOperator):
    """Of a signer that carries a heatmap."""

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if heatmap_mesh(chosen_signer(context)) is None:
            return compat.poll_message(cls, "The signing carries no uncertainty; the learned generator writes it")
        return True


def _shadings(context: bpy.types.Context) -> list[bpy.types.View3DShading]:
    """Of the scene's Workbench and of every 3D view that is open."""
    windows = context.window_manager.windows
    spaces = (space for window in windows for area in window.screen.areas if area.type == "VIEW_3D" for space in area.spaces if space.type == "VIEW_3D")
    return [context.scene.display.shading, *(space.shading for space in spaces)]


class SIGNGEN_OT_show_heatmap(_HeatmapOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.show_heatmap"
    bl_label = "Show Uncertainty"
    bl_description = "Paint the signer by how unsure the generator was, or in its own colours again"

    visible: BoolProperty(name="Visible", default=True)
    legend: BoolProperty(name="Legend", description="With a legend: in the camera's view, or beside the signer where there is no camera", default=True)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        mesh = heatmap_mesh(armature)
        if mesh is None:
            raise InputError(f"signer {armature.name!r}: has no heatmap")
        heatmap.show_heatmap(mesh, self.visible)
        heatmap.remove_legend(armature)
        if self.visible and self.legend:
            heatmap.build_legend(armature, scene=context.scene, camera=context.scene.camera)
        for shading in _shadings(context):
            heatmap.shade_by_heatmap(shading, self.visible)
        return ""


class SIGNGEN_OT_most_uncertain(_HeatmapOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.most_uncertain"
    bl_label = "Jump to Most Uncertain"
    bl_description = "Go to the frame at which the generator was least sure"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        mesh = heatmap_mesh(armature)
        if mesh is None:
            raise InputError(f"signer {armature.name!r}: has no heatmap")
        frame, region, level = heatmap.most_uncertain_on(mesh)
        context.scene.frame_set(frame)
        return f"Frame {frame}: {region.replace('_', ' ')}, {level:.2f}"


CLASSES = (
    SIGNGEN_OT_add_controls, SIGNGEN_OT_remove_controls, SIGNGEN_OT_arm_mode, SIGNGEN_OT_snap_arm, SIGNGEN_OT_convert_arms, SIGNGEN_OT_bake_controls,
    SIGNGEN_OT_reset_controls, SIGNGEN_OT_apply_handshape, SIGNGEN_OT_build_pose_library, SIGNGEN_OT_save_pose_library, SIGNGEN_OT_show_heatmap,
    SIGNGEN_OT_most_uncertain,
)  # fmt: skip

register, unregister = bpy.utils.register_classes_factory(CLASSES)
