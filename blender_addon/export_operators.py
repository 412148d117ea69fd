"""Operators that write a signer to a file and that read motions from files. They ask for the place; the work is done by `exporting` and `importing`.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, StringProperty

from signgen_core.datasets.detection import LAYOUTS
from signgen_core.datasets.layouts import LAYOUTS as VECTORS
from signgen_core.errors import SignGenError

from . import compat, exporting, importing
from .operators import SignerOperator, chosen_signer

_CLIPS = [
    ("whole", "Whole", "One clip"), ("sign", "Signs", "A clip for each sign, named by its gloss"),
    ("sentence", "Sentences", "A clip for each sentence of the plan"),
]  # fmt: skip
_PRESETS = [
    ("unity", "Unity", "Metres, Y up, no turns on the root, hips at the top of the skeleton"),
    ("unreal", "Unreal", "Centimetres, Z up, the armature is the root bone"),
]
_UNITS = [("m", "Metres", "One unit is a metre"), ("cm", "Centimetres", "One unit is a centimetre")]
_LAYOUTS = [("auto", "Automatic", "What names and contents of the file say")]
_LAYOUTS += [(name, name, "Read the file in this layout") for name in (*LAYOUTS, *VECTORS)]


class _ExportOperator(SignerOperator):
    """What they share: a signer that signs, a file dialog, and the markers beside."""

    bl_options = {"REGISTER"}
    kind = ""
    preset = "unity"
    clips = "whole"
    all_influences = False
    unit = "m"

    filepath: StringProperty(name="File", subtype="FILE_PATH")
    check_existing: BoolProperty(default=True, options={"HIDDEN"})
    markers: BoolProperty(name="Markers", description="Write glosses and their times as JSON beside the file", default=True)

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not exporting.is_keyed(chosen_signer(context)):
            return compat.poll_message(cls, "The signer signs nothing yet")
        return True

    def invoke(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        armature = chosen_signer(context)
        if not self.filepath and armature is not None:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / f"{armature.name}.{self.kind}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self: Any, context: bpy.types.Context) -> bool:
        """Keeps the suffix on the name that is typed."""
        wanted = str(Path(self.filepath).with_suffix(f".{self.kind}")) if Path(self.filepath).name else self.filepath
        changed = wanted != self.filepath
        self.filepath = wanted
        return changed

    def work(self: Any, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        scale = 100.0 if self.unit == "cm" else 1.0
        made = exporting.export(
            bpy.path.abspath(self.filepath), armature, format=self.kind, preset=self.preset, clips=self.clips, markers=self.markers,
            all_influences=self.all_influences, scale=scale, scene=context.scene,
        )  # fmt: skip
        count = len(made.clips)
        return f"Wrote {made.path.name}, {count} clip{'' if count == 1 else 's'}"


class SIGNGEN_OT_export_blend(_ExportOperator, bpy.types.Operator):  # noqa: N801 - Blender's rule for names of operators
    bl_idname = "signgen.export_blend"
    bl_label = "Export Signing to .blend"
    bl_description = "Write the signer with plain keys and all that it needs to a file that plays without this add-on"
    kind = "blend"

    filter_glob: StringProperty(default="*.blend", options={"HIDDEN"})
    clips: EnumProperty(name="Clips", description="One action, or an action and an NLA strip for each clip", items=_CLIPS, default="whole")


class SIGNGEN_OT_export_glb(_ExportOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.export_glb"
    bl_label = "Export Signing to glTF"
    bl_description = "Write the signer as .glb: bones and ARKit morph targets, one animation for each clip"
    kind = "glb"

    filter_glob: StringProperty(default="*.glb", options={"HIDDEN"})
    clips: EnumProperty(name="Clips", description="What becomes an animation of its own", items=_CLIPS, default="whole")
    all_influences: BoolProperty(name="All Influences", description="More than four bones a vertex, which few engines read", default=False)


class SIGNGEN_OT_export_fbx(_ExportOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.export_fbx"
    bl_label = "Export Signing to FBX"
    bl_description = "Write the signer as .fbx for a game engine: 55 bones in the T-pose, ARKit shapes, every key"
    kind = "fbx"

    filter_glob: StringProperty(default="*.fbx", options={"HIDDEN"})
    preset: EnumProperty(name="For", description="Axes, units and root as this engine wants them", items=_PRESETS, default="unity")
    clips: EnumProperty(name="Clips", description="What becomes a take of its own", items=_CLIPS, default="whole")


class SIGNGEN_OT_export_bvh(_ExportOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.export_bvh"
    bl_label = "Export Signing to BVH"
    bl_description = "Write the skeleton and its motion as .bvh; a face does not fit into one"
    kind = "bvh"

    filter_glob: StringProperty(default="*.bvh", options={"HIDDEN"})
    unit: EnumProperty(name="Unit", items=_UNITS, default="m")


class SIGNGEN_OT_export_usdc(_ExportOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.export_usdc"
    bl_label = "Export Signing to USD"
    bl_description = "Write the signer as .usdc: skeleton, blend shapes, materials, one time line"
    kind = "usdc"

    filter_glob: StringProperty(default="*.usdc", options={"HIDDEN"})


class SIGNGEN_OT_export_abc(_ExportOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.export_abc"
    bl_label = "Export Signing to Alembic"
    bl_description = "Write the moving mesh as .abc, without bones: every vertex at every frame"
    kind = "abc"

    filter_glob: StringProperty(default="*.abc", options={"HIDDEN"})


class SIGNGEN_OT_import_motion(bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.import_motion"
    bl_label = "Import Motion"
    bl_description = "Read motions (AMASS, SignAvatars, SOKE, vectors, BVH ...) onto signers, one for each clip, side by side"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", subtype="FILE_PATH")
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default="*.npz;*.pkl;*.npy;*.bvh;*.joblib;*.pt", options={"HIDDEN"})
    layout: EnumProperty(name="Layout", description="Where the file does not tell", items=_LAYOUTS, default="auto")
    onto_selected: BoolProperty(name="Onto the Selected Signer", description="In place of a new signer; for one clip", default=False)
    shape: BoolProperty(name="Body Shape", description="New signers get the shape that the file says", default=True)

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if context.mode not in ("OBJECT", "POSE"):
            return compat.poll_message(cls, "Leave edit mode first")
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = [Path(bpy.path.abspath(self.directory)) / one.name for one in self.files if one.name]
        paths = chosen or [Path(bpy.path.abspath(self.filepath))]
        onto = chosen_signer(context) if self.onto_selected else None
        if self.onto_selected and (onto is None or len(paths) > 1):
            self.report({"ERROR"}, "Select a signer first" if onto is None else "One signer takes one file")
            return {"CANCELLED"}
        made: list[importing.Imported] = []
        failed = 0
        for path in paths:
            try:
                made += importing.import_motion(path, layout=None if self.layout == "auto" else self.layout, onto=onto, shape=self.shape, scene=context.scene)
            except SignGenError as problem:
                failed += 1
                self.report({"WARNING" if made or path != paths[-1] else "ERROR"}, str(problem))
        if not made:
            return {"CANCELLED"}
        for other in context.view_layer.objects:
            other.select_set(any(other == one.armature for one in made))
        context.view_layer.objects.active = made[-1].armature
        self.report({"INFO"}, made[0].note if len(made) == 1 else f"{len(made)} signers{f', {failed} files failed' if failed else ''}")
        return {"FINISHED"}


class SIGNGEN_MT_export(bpy.types.Menu):  # noqa: N801 - Blender's rule for names of menus
    """All formats; for the panel (`layout.menu("SIGNGEN_MT_export")`) and for File, Export."""

    bl_idname = "SIGNGEN_MT_export"
    bl_label = "Export Signing"

    def draw(self, context: bpy.types.Context) -> None:
        for operator, text in _MENU:
            self.layout.operator(operator, text=text)


_MENU = (
    ("signgen.export_blend", "Blender (.blend)"), ("signgen.export_glb", "glTF (.glb)"), ("signgen.export_fbx", "FBX, Unity or Unreal (.fbx)"),
    ("signgen.export_bvh", "BVH (.bvh)"), ("signgen.export_usdc", "USD (.usdc)"), ("signgen.export_abc", "Alembic (.abc)"),
)  # fmt: skip


def _draw_export(self: Any, context: bpy.types.Context) -> None:
    self.layout.menu(SIGNGEN_MT_export.bl_idname, text="SignGen")


def _draw_import(self: Any, context: bpy.types.Context) -> None:
    self.layout.operator(SIGNGEN_OT_import_motion.bl_idname, text="SignGen Motion (.npz .pkl .npy .bvh)")


CLASSES = (
    SIGNGEN_OT_export_blend, SIGNGEN_OT_export_glb, SIGNGEN_OT_export_fbx, SIGNGEN_OT_export_bvh, SIGNGEN_OT_export_usdc, SIGNGEN_OT_export_abc,
    SIGNGEN_OT_import_motion, SIGNGEN_MT_export,
)  # fmt: skip
_MENUS = (("TOPBAR_MT_file_export", _draw_export), ("TOPBAR_MT_file_import", _draw_import))  # File, Export and File, Import

_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register()
    for menu, draw in _MENUS:
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    for menu, draw in _MENUS:
        getattr(bpy.types, menu).remove(draw)
    _unregister()
