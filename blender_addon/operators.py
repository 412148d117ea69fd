"""Operators: what the buttons do. They read the context and the settings, and call functions that take arguments."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy

from signgen_core.errors import SignGenError
from signgen_core.worker_protocol import CANCELLED

from . import compat, signers
from .job_events import Done, Failed
from .preferences import environment
from .properties import settings
from .resigning import key_signing
from .session import session

if TYPE_CHECKING:
    from .armature import Signer

_POLL_SECONDS = 0.05


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


class SignerOperator:
    """An operator about the chosen signer; our errors become reports. Subclasses do their work in `work`, which returns what to report, and say whether
    the signer has to sign something (`needs_plan`)."""

    bl_options = {"REGISTER", "UNDO"}
    needs_plan = False

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if context.mode not in ("OBJECT", "POSE"):
            return compat.poll_message(cls, "Leave edit mode first")
        armature = chosen_signer(context)
        if armature is None:
            return compat.poll_message(cls, "Select a signer first")
        if cls.needs_plan and signers.plan_text_of(armature) is None:
            return compat.poll_message(cls, "Sign a text first")
        return True

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        armature = chosen_signer(context)
        if armature is None:
            self.report({"ERROR"}, "Select a signer first")
            return {"CANCELLED"}
        try:
            message = self.work(context, armature)
        except SignGenError as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if message:
            self.report({"INFO"}, message)
        return {"FINISHED"}


def may_start(cls: Any, context: bpy.types.Context) -> bool:
    """For `poll`: whether a job may be started now; a message says why not."""
    if session().busy:
        return compat.poll_message(cls, "Another text is being signed")
    return context.mode in ("OBJECT", "POSE") or compat.poll_message(cls, "Leave edit mode first")


class JobOperator:
    """An operator that has the session do a job: with a window it runs beside the user's work and takes hold of nothing but the clock, without one it
    waits for the end. Subclasses start the job in `start`; what it makes is keyed."""

    _timer: bpy.types.Timer | None = None
    _target = ""  # name of the armature; a reference would not outlive an undo
    _character = ""

    def invoke(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        if not self._started(context):
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(_POLL_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
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
        return self._applied(context, job.outcome)

    def cancel(self: Any, context: bpy.types.Context) -> None:
        """Blender's own end of it: another file, or leaving."""
        session().cancel()
        self._leave(context)

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        if not self._started(context):
            return {"CANCELLED"}
        while (job := session().poll()) is not None and job.outcome is None:
            time.sleep(_POLL_SECONDS)
        return {"CANCELLED"} if job is None else self._applied(context, job.outcome)

    def _started(self: Any, context: bpy.types.Context) -> bool:
        armature = chosen_signer(context)
        self._target, self._character = "" if armature is None else armature.name, settings(context).character
        try:
            self.start(context, None if armature is None else signers.signer_of(armature))
        except SignGenError as problem:
            self.report({"ERROR"}, str(problem))
            return False
        return True

    def _leave(self: Any, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        _redraw(context)

    def _applied(self: Any, context: bpy.types.Context, outcome: Done | Failed) -> set[str]:
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
        key_signing(signer, outcome.plan, outcome.motion, scene=context.scene)
        self.report({"INFO"}, f"{len(outcome.plan.actions)} signs, {outcome.motion.num_frames} frames")
        return {"FINISHED"}


class SIGNGEN_OT_sign(JobOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.sign"
    bl_label = "Sign It"
    bl_description = "Plan the text and key it on the chosen signer, or on a new one"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not may_start(cls, context):
            return False
        return bool(settings(context).text.strip()) or compat.poll_message(cls, "Type a text first")

    def start(self, context: bpy.types.Context, signer: Signer | None) -> None:
        chosen = settings(context)
        session().choose(environment(context))
        session().sign(
            chosen.text, fps=chosen.fps, who=chosen.who, body=None if signer is None else signer.body,
            character=None if signer is None else signers.body_file(signer.armature), generator=chosen.generator, gloss=chosen.as_gloss, seed=chosen.seed,
            handedness=chosen.handedness, tempo=chosen.tempo, gestures=chosen.gestures, emotion=None if chosen.emotion == "auto" else chosen.emotion,
        )  # fmt: skip


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

register, unregister = bpy.utils.register_classes_factory(CLASSES)
