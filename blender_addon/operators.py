"""Operators: what the buttons do. They read the context and the settings, and call functions that take arguments."""

from __future__ import annotations

import bpy

from signgen_core.errors import SignGenError
from signgen_core.pipeline import animate, plan_text

from . import compat, signers
from .keying import key_motion
from .properties import settings


def chosen_signer(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the signer that buttons are about: the active object or the one whose mesh that is, else the scene's only one."""
    active = context.object
    for thing in (active, active.parent if active is not None else None):
        if signers.is_signer(thing):
            return thing
    there = signers.signers(context.scene)
    return there[0] if len(there) == 1 else None


def _make_active(context: bpy.types.Context, thing: bpy.types.Object) -> None:
    for other in context.view_layer.objects:
        other.select_set(other == thing)
    context.view_layer.objects.active = thing


class SIGNGEN_OT_add_signer(bpy.types.Operator):  # noqa: N801 - Blender's rule for names of operators
    bl_idname = "signgen.add_signer"
    bl_label = "Add Signer"
    bl_description = "Add a signer: a rig of 55 bones with a body and the 52 ARKit face shapes"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            signer = signers.add_signer(context.scene, settings(context).character)
        except SignGenError as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        _make_active(context, signer.armature)
        return {"FINISHED"}


class SIGNGEN_OT_sign(bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.sign"
    bl_label = "Sign It"
    bl_description = "Plan the text and key it on the chosen signer, or on a new one"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT" and context.mode != "POSE":
            return compat.poll_message(cls, "Leave edit mode first")
        if not settings(context).text.strip():
            return compat.poll_message(cls, "Type a text first")
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = settings(context)
        try:
            plan = plan_text(
                chosen.text, gloss=chosen.as_gloss, seed=chosen.seed, handedness=chosen.handedness, tempo=chosen.tempo,
                emotion=None if chosen.emotion == "auto" else chosen.emotion,
            )  # fmt: skip
            armature = chosen_signer(context)
            signer = signers.add_signer(context.scene, chosen.character) if armature is None else signers.signer_of(armature)
            motion = animate(plan, fps=chosen.fps, body=signer.body)
        except SignGenError as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if armature is None:
            _make_active(context, signer.armature)
        key_motion(signer, motion, name=chosen.text[:40], scene=context.scene)
        signers.keep_plan(signer.armature, plan)
        self.report({"INFO"}, f"{len(plan.actions)} signs, {motion.num_frames} frames")
        return {"FINISHED"}


CLASSES = (SIGNGEN_OT_add_signer, SIGNGEN_OT_sign)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
