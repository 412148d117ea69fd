"""The panel in the 3D viewport's sidebar, tab SignGen."""

from __future__ import annotations

import textwrap

import bpy

from . import compat
from .operators import SIGNGEN_OT_add_signer, SIGNGEN_OT_cancel, SIGNGEN_OT_sign, chosen_signer
from .properties import settings
from .session import session
from .worker import State

_MARGIN, _LETTER = 85.0, 6.0  # pixels: of a label with an icon, and of a letter on average


def paragraph(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str) -> None:
    """A text in as many labels as the region's width asks for; Blender would cut a long one in its middle."""
    letters = (context.region.width / context.preferences.system.ui_scale - _MARGIN) / _LETTER
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, max(int(letters), 12))):
        column.label(text=line, icon=icon if number == 0 else "BLANK1", translate=False)


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
        if now.note:
            paragraph(layout, context, now.note, "INFO")
        elif not now.busy and now.worker.state is not State.ABSENT and chosen.who != "inside":
            paragraph(layout, context, now.worker.words, "INFO")


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
        for name in ("who", "generator", "as_gloss", "character", "handedness", "emotion", "gestures", "tempo", "fps", "seed"):
            layout.prop(chosen, name)


CLASSES = (SIGNGEN_PT_main, SIGNGEN_PT_options)

register, unregister = bpy.utils.register_classes_factory(CLASSES)
