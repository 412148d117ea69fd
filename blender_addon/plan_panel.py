"""The signs of the chosen signer in the sidebar: the list of them, and the fields of the selected one."""

from __future__ import annotations

from typing import Any

import bpy

from signgen_core.schema import FINGER_NAMES

from . import hand_icons, timeline
from .operators import chosen_signer
from .panel import SIGNGEN_PT_main, paragraph
from .plan_operators import (
    SIGNGEN_OT_add_sign,
    SIGNGEN_OT_duplicate_sign,
    SIGNGEN_OT_export_plan,
    SIGNGEN_OT_go_to_sign,
    SIGNGEN_OT_import_plan,
    SIGNGEN_OT_move_sign,
    SIGNGEN_OT_read_back,
    SIGNGEN_OT_remove_sign,
    SIGNGEN_OT_reset_fingers,
    SIGNGEN_OT_set_field,
)  # fmt: skip
from .plan_properties import signs_of

_SURE = 0.7  # a reading below it is marked
_WIDE = 300  # pixels of a sidebar that has room for every column; a narrower one shows the selected sign's words below the list


class SIGNGEN_UL_signs(bpy.types.UIList):  # noqa: N801 - Blender's rule for names of lists
    """Gloss, source words, start, duration and confidence, and a mark where the reading was unsure."""

    def draw_item(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, data: Any, item: Any, icon: int, active_data: Any, active_property: str, index: int = 0
    ) -> None:
        wide = context.region.width / context.preferences.system.ui_scale > _WIDE
        row = layout.split(factor=0.66 if wide else 0.5)
        name = row.split(factor=0.6) if wide else row
        name.label(text=item.name, translate=False, icon="ERROR" if item.confidence < _SURE else "NONE")
        if wide:
            words = name.row()
            words.active = False
            words.label(text=item.words, translate=False)
        numbers = row.row(align=True)
        numbers.alignment = "RIGHT"
        numbers.label(text=f"{item.start:.2f}  {item.duration:.2f}" + (f"  {item.confidence:.0%}" if wide else ""), translate=False)


def _buttons(layout: bpy.types.UILayout) -> None:
    """Beside the list, as other lists of Blender have them."""
    column = layout.column(align=True)
    column.operator(SIGNGEN_OT_add_sign.bl_idname, text="", icon="ADD")
    column.operator(SIGNGEN_OT_remove_sign.bl_idname, text="", icon="REMOVE")
    column.separator()
    column.operator(SIGNGEN_OT_move_sign.bl_idname, text="", icon="TRIA_UP").direction = "UP"
    column.operator(SIGNGEN_OT_move_sign.bl_idname, text="", icon="TRIA_DOWN").direction = "DOWN"
    column.separator()
    column.operator(SIGNGEN_OT_duplicate_sign.bl_idname, text="", icon="DUPLICATE")
    column.operator(SIGNGEN_OT_go_to_sign.bl_idname, text="", icon="TIME")


class _Part:
    """Where the panels stand."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "SignGen"


class _SignPart(_Part):
    """About the selected sign: there only where one is."""

    bl_parent_id = "SIGNGEN_PT_signs"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = chosen_signer(context)
        return armature is not None and len(signs_of(armature).rows) > 0

    def draw(self: Any, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        self.draw_sign(layout, signs_of(chosen_signer(context)).sign)


class SIGNGEN_PT_signs(_Part, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_signs"
    bl_label = "Signs"
    bl_parent_id = SIGNGEN_PT_main.bl_idname

    def draw(self, context: bpy.types.Context) -> None:
        layout, armature = self.layout, chosen_signer(context)
        if armature is not None and len(signs_of(armature).rows):
            view = signs_of(armature)
            row = layout.row()
            row.template_list("SIGNGEN_UL_signs", "", view, "rows", view, "row", rows=6)
            _buttons(row)
            chosen = view.rows[view.row]
            if chosen.words:
                layout.label(text=f"{chosen.words} ({chosen.confidence:.0%})", icon="OUTLINER_OB_FONT", translate=False)
            column = layout.column()
            column.use_property_split, column.use_property_decorate = True, False
            column.prop(view.sign, "gloss", icon="VIEWZOOM")
            column.prop(view.sign, "duration")
            column.prop(view.sign, "start")
        if armature is not None and signs_of(armature).note:
            paragraph(layout, context, signs_of(armature).note, "ERROR")
        row = layout.row(align=True)
        row.operator(SIGNGEN_OT_import_plan.bl_idname, text="Import", icon="IMPORT")
        row.operator(SIGNGEN_OT_export_plan.bl_idname, text="Export", icon="EXPORT")


class SIGNGEN_PT_sign_hand(_SignPart, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_sign_hand"
    bl_label = "Handshape"
    bl_options = set()

    def draw_sign(self, layout: bpy.types.UILayout, sign: Any) -> None:
        hand_icons.ask_for_pictures()
        layout.template_icon_view(sign, "handshape", show_labels=True, scale=5.0, scale_popup=4.0)
        layout.prop(sign, "handshape")
        column = layout.column(align=True)
        for finger in FINGER_NAMES:
            column.prop(sign, finger, slider=True)
        layout.operator(SIGNGEN_OT_reset_fingers.bl_idname, icon="LOOP_BACK")


class SIGNGEN_PT_sign_place(_SignPart, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_sign_place"
    bl_label = "Place and Movement"

    def draw_sign(self, layout: bpy.types.UILayout, sign: Any) -> None:
        for name in ("location", "palm", "fingers", "movement"):
            layout.prop(sign, name)
        if sign.movement != "None":
            layout.prop(sign, "direction")
        layout.operator(SIGNGEN_OT_read_back.bl_idname, icon="FILE_REFRESH")
        layout.operator(SIGNGEN_OT_set_field.bl_idname, icon="GREASEPENCIL")


class SIGNGEN_PT_sign_other(_SignPart, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_sign_other"
    bl_label = "Non-dominant Hand"

    def draw_sign(self, layout: bpy.types.UILayout, sign: Any) -> None:
        layout.prop(sign, "sign_type")
        if sign.sign_type == "OneHanded":
            return
        layout.prop(sign, "other_handshape")
        if sign.sign_type != "SymmetricalOrAlternating":
            layout.prop(sign, "other_location")
            layout.prop(sign, "other_palm")


class SIGNGEN_PT_sign_time(_SignPart, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_sign_time"
    bl_label = "Stress and Hold"

    def draw_sign(self, layout: bpy.types.UILayout, sign: Any) -> None:
        layout.prop(sign, "emphasis")
        layout.prop(sign, "pause_after")


class SIGNGEN_PT_sign_face(_SignPart, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_sign_face"
    bl_label = "Face, Head and Gaze"

    def draw_sign(self, layout: bpy.types.UILayout, sign: Any) -> None:
        for name in ("facial_expression", "head_movement", "eye_gaze", "torso", "mouthing"):
            layout.prop(sign, name)


class SIGNGEN_PT_timeline(_Part, bpy.types.Panel):  # noqa: N801
    bl_idname = "SIGNGEN_PT_timeline"
    bl_label = "Time Line"
    bl_parent_id = SIGNGEN_PT_main.bl_idname
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, armature = self.layout, chosen_signer(context)
        there = armature is not None and timeline.has_strips(armature)
        show = layout.operator(timeline.SIGNGEN_OT_show_strips.bl_idname, text="Hide Strips" if there else "Signs as Strips", icon="NLA")
        show.visible = not there
        layout.operator(timeline.SIGNGEN_OT_take_strips.bl_idname, icon="FILE_REFRESH")
        layout.operator(SIGNGEN_OT_read_back.bl_idname, text="Read Changed Keys Back", icon="FILE_REFRESH").which = "CHANGED"


CLASSES = (
    SIGNGEN_UL_signs, SIGNGEN_PT_signs, SIGNGEN_PT_sign_hand, SIGNGEN_PT_sign_place, SIGNGEN_PT_sign_other, SIGNGEN_PT_sign_time, SIGNGEN_PT_sign_face,
    SIGNGEN_PT_timeline,
)  # fmt: skip

register, unregister = bpy.utils.register_classes_factory(CLASSES)
