"""The panel in the 3D viewport's sidebar, tab SignGen."""

from __future__ import annotations

import bpy

from . import compat
from .operators import SIGNGEN_OT_add_signer, SIGNGEN_OT_cancel, SIGNGEN_OT_sign, chosen_signer
from .properties import settings
from .session import session


class SIGNGEN_PT_main(bpy.types.Panel):  # noqa: N801 - Blender's rule for names of panels
    bl_idname = "SIGNGEN_PT_main"
    bl_label = "SignGen"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "SignGen"

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = self.layout, settings(context)
        layout.prop(chosen, "text", text="")
        now = session()
        if now.busy:
            row = layout.row(align=True)
            compat.progress_bar(row, now.job.fraction, now.job.words)
            row.operator(SIGNGEN_OT_cancel.bl_idname, text="", icon="X")
        else:
            row = layout.row()
            row.scale_y = 1.4
            row.operator(SIGNGEN_OT_sign.bl_idname, icon="PLAY")
        signer = chosen_signer(context)
        layout.label(text=f"Signer: {signer.name}" if signer is not None else "A new signer is made", icon="ARMATURE_DATA")
        layout.operator(SIGNGEN_OT_add_signer.bl_idname, icon="ADD")
        if chosen.who != "inside":
            layout.label(text=now.words, icon="INFO")
        if now.note:
            layout.label(text=now.note, icon="ERROR", translate=False)


class SIGNGEN_PT_options(bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_options"
    bl_label = "Options"
    bl_parent_id = SIGNGEN_PT_main.bl_idname
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "SignGen"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = self.layout, settings(context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("who", "as_gloss", "character", "handedness", "emotion", "gestures", "tempo", "fps", "seed"):
            layout.prop(chosen, name)


CLASSES = (SIGNGEN_PT_main, SIGNGEN_PT_options)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
