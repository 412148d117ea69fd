"""Operators of the list of signs: add, remove, move and duplicate, set a field, read back, JSON in and out. They read the context; the work is elsewhere.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from signgen_core.action import dump_plan, plan_to_json, read_plan
from signgen_core.editing import Change, Insert, Move, Remove, patch
from signgen_core.errors import InputError
from signgen_core.motion import write_bytes

from . import resigning, signers
from .armature import Signer
from .key_windows import keyed_info
from .operators import JobOperator, SignerOperator, chosen_signer, may_start
from .plan_properties import found_glosses, mirror, signs_of
from .properties import settings
from .session import session


class _PlanOperator(SignerOperator):
    """Of the list of signs, which is brought up to date before anything is done by its rows."""

    needs_plan = True

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        armature = chosen_signer(context)
        if armature is not None:
            mirror(armature, note="")
        return super().execute(context)


def _edit(context: bpy.types.Context, armature: bpy.types.Object, changes: list[Change], row: int | None = None) -> str:
    """Changes plan and keys, then shows the new plan; returns what to report."""
    made = resigning.change(signers.signer_of(armature), changes, scene=context.scene)
    return _shown(context, armature, made.window.frames, row)


def _shown(context: bpy.types.Context, armature: bpy.types.Object, frames: int, row: int | None) -> str:
    mirror(armature, row=row, note="")
    return f"{max(frames, 0)} frames made anew"


class SIGNGEN_OT_add_sign(_PlanOperator, bpy.types.Operator):  # noqa: N801 - Blender's rule for names of operators
    bl_idname = "signgen.add_sign"
    bl_label = "Add Sign"
    bl_description = "Add a sign after the selected one"
    bl_property = "gloss"

    gloss: StringProperty(
        name="Gloss", description="A gloss of the lexicon, fs-NAME to spell, a number, or WORK+ for one more stroke", default="HELLO",
        search=found_glosses, search_options={"SUGGESTION"},
    )  # fmt: skip
    before: BoolProperty(name="Before", description="Before the selected sign", default=False)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        row = signs_of(armature).row + (not self.before)
        return _edit(context, armature, [Insert(row, self.gloss)], row)


class SIGNGEN_OT_remove_sign(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.remove_sign"
    bl_label = "Remove Sign"
    bl_description = "Remove the selected sign; what comes after moves up"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        row = signs_of(armature).row
        return _edit(context, armature, [Remove(row)], max(0, row - 1))


class SIGNGEN_OT_move_sign(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.move_sign"
    bl_label = "Move Sign"
    bl_description = "Sign the selected sign one place earlier or later"

    direction: EnumProperty(name="Direction", items=[("UP", "Earlier", "One place earlier"), ("DOWN", "Later", "One place later")], default="UP")

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        view = signs_of(armature)
        to = view.row + (-1 if self.direction == "UP" else 1)
        if not 0 <= to < len(view.rows):
            raise InputError(f"{view.rows[view.row].name} is the {'first' if to < 0 else 'last'} sign already")
        return _edit(context, armature, [Move(view.row, to)], to)


class SIGNGEN_OT_duplicate_sign(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.duplicate_sign"
    bl_label = "Duplicate Sign"
    bl_description = "Sign the selected sign again, with all that was changed on it"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        signer, row = signers.signer_of(armature), signs_of(armature).row
        plan, fps = resigning.plan_on(armature), float(keyed_info(signer)["fps"])
        copied = plan_to_json(plan)["actions"][row]
        twice = patch(plan, [Insert(row + 1, copied["gloss_id"])], body=signer.body, fps=fps)
        copied["start"] = twice.actions[row + 1].start
        twice = patch(twice, [(f"actions[{row + 1}]", copied)], body=signer.body, fps=fps)
        return _shown(context, armature, resigning.change_to(signer, twice, scene=context.scene).frames, row + 1)


class SIGNGEN_OT_set_field(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.set_field"
    bl_label = "Set Field"
    bl_description = "Set any field of the selected sign by its name in the plan, such as phonology[0].repetitions; null unsets it"

    path: StringProperty(name="Field", description="Such as phonology[0].repetitions; text, tempo and others of the whole plan begin with plan.")
    value: StringProperty(name="Value", description="A name or text as it is, everything else as JSON: 1.2, true, [0, 0.1, 0], null")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        path = self.path.strip()
        of_plan = path.startswith("plan.")
        full = path.removeprefix("plan.") if of_plan else f"actions[{signs_of(armature).row}].{path}"
        return _edit(context, armature, [(full, self.value)])


class SIGNGEN_OT_reset_fingers(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.reset_fingers"
    bl_label = "As the Handshape"
    bl_description = "Take the curls of single fingers back; the hand is as its handshape"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        return _edit(context, armature, [(f"actions[{signs_of(armature).row}].handshape.finger_config", {})])


class SIGNGEN_OT_go_to_sign(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.go_to_sign"
    bl_label = "Go to Sign"
    bl_description = "Go to the first frame of the selected sign"

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        info = keyed_info(signers.signer_of(armature))
        action = resigning.plan_on(armature).actions[signs_of(armature).row]
        context.scene.frame_set(int(info["start_frame"]) + round(action.start * float(info["fps"])))
        return ""


class SIGNGEN_OT_read_back(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.read_back"
    bl_label = "Read Back"
    bl_description = "Take the way of the hand from its keys into the plan, so that later changes keep it"

    which: EnumProperty(
        name="Signs",
        items=[("SELECTED", "Selected", "The selected sign"), ("CHANGED", "Changed", "Every sign whose hand goes another way than its plan says")],
        default="SELECTED",
    )
    evaluated: BoolProperty(name="As Seen", description="With IK, constraints and NLA; steps through the frames", default=False)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        rows = [signs_of(armature).row] if self.which == "SELECTED" else None
        done = resigning.read_back(signers.signer_of(armature), rows, evaluated=self.evaluated, scene=context.scene)
        mirror(armature, note="")
        names = [signs_of(armature).rows[i].name for i in done]
        return f"Read back: {', '.join(names)}" if names else "Every hand goes where its plan says"


class SIGNGEN_OT_export_plan(_PlanOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.export_plan"
    bl_label = "Export Plan"
    bl_description = "Write the signer's plan as JSON"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", default="plan.json")
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        path = Path(bpy.path.abspath(self.filepath)).with_suffix(".json")
        write_bytes(path, dump_plan(resigning.plan_on(armature)).encode())
        return f"Wrote {path.name}"


class SIGNGEN_OT_import_plan(bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.import_plan"
    bl_label = "Import Plan"
    bl_description = "Sign a plan from a JSON file: on the chosen signer, or on a new one"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", default="plan.json")
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
    _browsed = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return may_start(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._browsed = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        # a person who chose a file goes on working while it is signed, a script wants it done
        how = "INVOKE_DEFAULT" if self._browsed and not bpy.app.background else "EXEC_DEFAULT"
        try:
            return {"FINISHED"} if bpy.ops.signgen.sign_plan(how, filepath=self.filepath) & {"FINISHED", "RUNNING_MODAL"} else {"CANCELLED"}
        except RuntimeError as problem:  # what the other operator reported
            self.report({"ERROR"}, str(problem).strip().removeprefix("Error: "))
            return {"CANCELLED"}


class SIGNGEN_OT_sign_plan(JobOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.sign_plan"
    bl_label = "Sign Plan"
    bl_description = "Sign a plan from a JSON file, by rule, beside other work"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(name="File", subtype="FILE_PATH")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return may_start(cls, context)

    def start(self, context: bpy.types.Context, signer: Signer | None) -> None:
        plan = read_plan(bpy.path.abspath(self.filepath))
        shaped = signer is not None and len(signer.betas)
        session().animate(
            plan, fps=settings(context).fps, body=None if signer is None else signer.body, betas=signer.betas if shaped else None,
        )  # fmt: skip


CLASSES = (
    SIGNGEN_OT_add_sign, SIGNGEN_OT_remove_sign, SIGNGEN_OT_move_sign, SIGNGEN_OT_duplicate_sign, SIGNGEN_OT_set_field, SIGNGEN_OT_reset_fingers,
    SIGNGEN_OT_go_to_sign, SIGNGEN_OT_read_back, SIGNGEN_OT_export_plan, SIGNGEN_OT_import_plan, SIGNGEN_OT_sign_plan,
)  # fmt: skip

register, unregister = bpy.utils.register_classes_factory(CLASSES)
