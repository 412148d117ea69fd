"""The rig of the chosen signer in the sidebar: controls, arms, handshapes on keys, and the uncertainty of a learned motion."""

from __future__ import annotations

import bpy

from signgen_core.rig import SIDES
from signgen_core.schema import FINGER_NAMES

from . import heatmap, rig_controls, rig_operators
from .operators import chosen_signer
from .panel import SIGNGEN_PT_main


class _Part:
    """Where the panels stand."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "SignGen"
    bl_parent_id = SIGNGEN_PT_main.bl_idname
    bl_options = {"DEFAULT_CLOSED"}


class SIGNGEN_PT_rig(_Part, bpy.types.Panel):  # noqa: N801 - Blender's rule for names of panels
    bl_idname = "SIGNGEN_PT_rig"
    bl_label = "Rig"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return chosen_signer(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, armature = self.layout, chosen_signer(context)
        layout.operator(rig_operators.SIGNGEN_OT_apply_handshape.bl_idname, icon="VIEW_PAN")
        if not rig_controls.has_controls(armature):
            layout.operator(rig_operators.SIGNGEN_OT_add_controls.bl_idname, icon="ADD")
            return
        for side in SIDES:
            column = layout.column(align=True)
            column.label(text=f"{side.capitalize()} Arm")
            row = column.row(align=True)
            for mode in ("FK", "IK"):
                switch = row.operator(rig_operators.SIGNGEN_OT_arm_mode.bl_idname, text=mode)
                switch.side, switch.mode = side, mode
            column.prop(armature, f'["{rig_controls.ik_property(side)}"]', text="IK", slider=True)
        row = layout.row(align=True)
        for mode in ("FK", "IK"):
            row.operator(rig_operators.SIGNGEN_OT_convert_arms.bl_idname, text=f"Keys to {mode}").mode = mode
        row = layout.row(align=True)
        row.operator(rig_operators.SIGNGEN_OT_bake_controls.bl_idname, text="Bake")
        row.operator(rig_operators.SIGNGEN_OT_reset_controls.bl_idname, text="Reset")
        row.operator(rig_operators.SIGNGEN_OT_remove_controls.bl_idname, text="Remove")


class SIGNGEN_PT_fingers(_Part, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_fingers"
    bl_label = "Curl and Spread"
    bl_parent_id = SIGNGEN_PT_rig.bl_idname

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = chosen_signer(context)
        return armature is not None and rig_controls.has_controls(armature)

    def draw(self, context: bpy.types.Context) -> None:
        armature = chosen_signer(context)
        for side in SIDES:
            column = self.layout.column(align=True)
            column.label(text=f"{side.capitalize()} Hand")
            for finger in FINGER_NAMES:
                column.prop(armature, f'["{rig_controls.curl_property(side, finger)}"]', text=finger.capitalize(), slider=True)
            column.prop(armature, f'["{rig_controls.spread_property(side)}"]', text="Spread", slider=True)


class SIGNGEN_PT_uncertainty(_Part, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_uncertainty"
    bl_label = "Uncertainty"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return rig_operators.heatmap_mesh(chosen_signer(context)) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, mesh = self.layout, rig_operators.heatmap_mesh(chosen_signer(context))
        shown = mesh is not None and heatmap.heatmap_shown(mesh)
        text = "Hide Uncertainty" if shown else "Show Uncertainty"
        layout.operator(rig_operators.SIGNGEN_OT_show_heatmap.bl_idname, text=text, icon="HIDE_OFF").visible = not shown
        layout.operator(rig_operators.SIGNGEN_OT_most_uncertain.bl_idname, icon="VIEWZOOM")


CLASSES = (SIGNGEN_PT_rig, SIGNGEN_PT_fingers, SIGNGEN_PT_uncertainty)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
