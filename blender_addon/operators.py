"""Operators: what the buttons do. They read the context and the settings, and call functions that take arguments."""

from __future__ import annotations

import time

import bpy

from signgen_core.errors import SignGenError
from signgen_core.worker_protocol import CANCELLED

from . import compat, rig_controls, signers
from .heatmap import add_heatmap, motion_levels, remove_heatmap, show_heatmap
from .job_events import Done, Failed
from .keying import key_motion
from .preferences import environment
from .properties import settings
from .session import session

_POLL_SECONDS = 0.05
_NAME_LENGTH = 40  # of actions, which Blender cuts at 63


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


def _redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


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
    """With a window it runs beside the user's work and takes hold of nothing but the clock; without one it waits for the end."""

    bl_idname = "signgen.sign"
    bl_label = "Sign It"
    bl_description = "Plan the text and key it on the chosen signer, or on a new one"
    bl_options = {"REGISTER", "UNDO"}

    _timer: bpy.types.Timer | None = None
    _target = ""  # name of the armature; a reference would not outlive an undo
    _character = ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session().busy:
            return compat.poll_message(cls, "Another text is being signed")
        if context.mode not in ("OBJECT", "POSE"):
            return compat.poll_message(cls, "Leave edit mode first")
        if not settings(context).text.strip():
            return compat.poll_message(cls, "Type a text first")
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(_POLL_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        job = session().poll()
        _redraw(context)
        if job is None:  # the add-on's session was ended
            self._leave(context)
            return {"CANCELLED"}
        if job.outcome is None:
            return {"PASS_THROUGH"}
        if context.mode not in ("OBJECT", "POSE"):
            return {"PASS_THROUGH"}  # keys wait until the user leaves edit mode
        self._leave(context)
        return self._apply(context, job.outcome)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender's own end of it: another file, or leaving."""
        session().cancel()
        self._leave(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self._start(context):
            return {"CANCELLED"}
        while (job := session().poll()) is not None and job.outcome is None:
            time.sleep(_POLL_SECONDS)
        return {"CANCELLED"} if job is None else self._apply(context, job.outcome)

    def _start(self, context: bpy.types.Context) -> bool:
        chosen = settings(context)
        armature = chosen_signer(context)
        self._target, self._character = "" if armature is None else armature.name, chosen.character
        session().choose(environment(context))
        try:
            body = None if armature is None else signers.signer_of(armature).body
            session().sign(
                chosen.text, fps=chosen.fps, who=chosen.who, body=body, character=None if armature is None else signers.body_file(armature),
                generator=chosen.generator, gloss=chosen.as_gloss, seed=chosen.seed, handedness=chosen.handedness, tempo=chosen.tempo,
                gestures=chosen.gestures, emotion=None if chosen.emotion == "auto" else chosen.emotion,
            )  # fmt: skip
        except SignGenError as problem:
            self.report({"ERROR"}, str(problem))
            return False
        return True

    def _leave(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        _redraw(context)

    def _apply(self, context: bpy.types.Context, outcome: Done | Failed) -> set[str]:
        if isinstance(outcome, Failed):
            self.report({"INFO"} if outcome.kind == CANCELLED else {"ERROR"}, outcome.message)
            return {"CANCELLED"}
        armature = context.scene.objects.get(self._target)
        try:
            signer = signers.signer_of(armature) if signers.is_signer(armature) else signers.add_signer(context.scene, self._character)
        except SignGenError as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if armature is None:
            _make_active(context, signer.armature)
        if rig_controls.has_controls(signer.armature):
            rig_controls.reset_controls(signer.armature)  # what the controls add would lie on top of the new motion
        key_motion(signer, outcome.motion, name=outcome.plan.text[:_NAME_LENGTH], scene=context.scene)
        signers.keep_plan(signer.armature, outcome.plan)
        remove_heatmap(signer.mesh)
        if outcome.motion.uncertainty is not None:
            add_heatmap(signer.mesh, motion_levels(outcome.motion), start_frame=context.scene.frame_start)
            show_heatmap(signer.mesh, False)
        self.report({"INFO"}, f"{len(outcome.plan.actions)} signs, {outcome.motion.num_frames} frames")
        return {"FINISHED"}


class SIGNGEN_OT_cancel(bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.cancel"
    bl_label = "Cancel"
    bl_description = "Stop signing; nothing in the scene changes"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session().busy or compat.poll_message(cls, "Nothing is being signed")

    def execute(self, context: bpy.types.Context) -> set[str]:
        session().cancel()
        return {"FINISHED"}


CLASSES = (SIGNGEN_OT_add_signer, SIGNGEN_OT_sign, SIGNGEN_OT_cancel)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
