"""A change of a signer's plan, seen at once: the plan is changed, the frames that it reaches are made anew, and only these are keyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import bpy
import numpy as np

from signgen_core.action import ActionSequence, SignAction, TrajectoryPoint, parse_plan
from signgen_core.editing import Change, patched
from signgen_core.errors import InputError
from signgen_core.motion import Motion
from signgen_core.pipeline import animate, complete, joints
from signgen_core.resampling import Window, resample
from signgen_core.rig import INDEX

from . import rig_controls, signers
from .heatmap import add_heatmap, has_heatmap, keyed_levels, motion_levels, remove_heatmap, show_heatmap
from .key_windows import key_window, keyed_info
from .keying import key_motion, read_motion

if TYPE_CHECKING:
    from .armature import Signer

_NAME_LENGTH = 40  # of actions, which Blender cuts at 63
_POINT_SECONDS = 0.1  # between the points of a path that is read back
_APART = 0.004  # metres by which a keyed wrist is somewhere else than its plan has it


@dataclass(frozen=True)
class Resigned:
    """The new plan and the window that was made anew. origin: which action of the old plan each one was, None for a new one."""

    plan: ActionSequence
    window: Window
    origin: tuple[int | None, ...]


@lru_cache(maxsize=8)
def _parsed(text: str, source: str) -> ActionSequence:
    return parse_plan(text, source=source)


def plan_on(armature: bpy.types.Object) -> ActionSequence:
    """The plan of a signer. Raises InputError where there is none, PlanError for one that this version cannot read."""
    text = signers.plan_text_of(armature)
    if text is None:
        raise InputError(f"signer {armature.name!r}: nothing is signed yet")
    return _parsed(text, armature.name)


def change(signer: Signer, changes: Sequence[Change], *, scene: bpy.types.Scene | None = None) -> Resigned:
    """Makes changes to the signer's plan (`editing.patch`), keys the frames that they reach and stores the plan.

    The motion is read from the keys, so that what the animator did to them is kept outside the window. Rig controls on top are set back.
    Raises PlanError with the field at fault, InputError where nothing is signed; then nothing has changed.
    """
    scene = scene or bpy.context.scene
    old = plan_on(signer.armature)
    info = keyed_info(signer)
    made = patched(old, list(changes), body=signer.body, fps=float(info["fps"]))
    window = _resign(signer, old, made.plan, scene)
    return Resigned(window.plan, window, made.origin)


def change_to(signer: Signer, plan: ActionSequence, *, scene: bpy.types.Scene | None = None) -> Window:
    """Puts another plan in place of the signer's, and keys the frames that differ."""
    return _resign(signer, plan_on(signer.armature), complete(plan, body=signer.body), scene or bpy.context.scene)


def _resign(signer: Signer, old: ActionSequence, new: ActionSequence, scene: bpy.types.Scene) -> Window:
    motion = _keyed_motion(signer)
    # rules make the window whoever made the rest: they need no worker, and an edit is seen at once
    motion, window = resample(old, motion, new, body=signer.body, by_rule=True)
    if rig_controls.has_controls(signer.armature):
        rig_controls.reset_controls(signer.armature)  # what the controls add would lie on top of the new motion
    key_window(signer, motion, window.first, window.last, window.old_last, scene=scene)
    signers.keep_plan(signer.armature, window.plan)
    return window


def _keyed_motion(signer: Signer) -> Motion:
    """The motion as it stands in the keys, with the levels of its heatmap."""
    motion = read_motion(signer)
    if not has_heatmap(signer.mesh):
        return motion
    frames, levels = keyed_levels(signer.mesh)
    wanted = int(keyed_info(signer)["start_frame"]) + np.arange(motion.num_frames)
    spread = np.stack([np.interp(wanted, frames, column) for column in levels.T], axis=-1)
    return replace(motion, uncertainty=np.clip(spread, 0.0, 1.0).astype(np.float32))


def key_signing(signer: Signer, plan: ActionSequence, motion: Motion, *, scene: bpy.types.Scene | None = None) -> None:
    """Keys the whole motion of a complete plan on a signer, in place of what is there, and stores the plan."""
    scene = scene or bpy.context.scene
    if rig_controls.has_controls(signer.armature):
        rig_controls.reset_controls(signer.armature)  # what the controls add would lie on top of the new motion
    key_motion(signer, motion, name=(plan.text or "Signing")[:_NAME_LENGTH], scene=scene)
    signers.keep_plan(signer.armature, plan)
    remove_heatmap(signer.mesh)
    if motion.uncertainty is not None:
        add_heatmap(signer.mesh, motion_levels(motion), start_frame=scene.frame_start)
        show_heatmap(signer.mesh, False)


# --- From the keys to the plan -----------------------------------------------------------------------------------------------


def read_back(signer: Signer, indices: Sequence[int] | None = None, *, evaluated: bool = False, scene: bpy.types.Scene | None = None) -> list[int]:
    """Writes the way of the dominant wrist, as the keys have it, into the plan as the trajectory of actions; keys stay as they are.

    indices: these actions; None: every one whose wrist is elsewhere than its plan says. evaluated: the pose with rig controls, constraints and
    NLA, which takes a step through the frame range. Returns the actions that were written. Raises InputError.
    """
    plan = plan_on(signer.armature)
    info = keyed_info(signer)
    motion = read_motion(signer, evaluated=evaluated, scene=scene)
    side = "left" if plan.handedness == "left" else "right"
    wrist = joints(motion, signer.body)[:, INDEX[f"{side}_wrist"]]
    if indices is None:
        ruled = joints(animate(replace(plan, generator="phonology"), fps=motion.fps, body=signer.body, betas=motion.betas), signer.body)
        count = min(len(ruled), len(wrist))
        apart = np.linalg.norm(wrist[:count] - ruled[:count, INDEX[f"{side}_wrist"]], axis=1)
        indices = [i for i, a in enumerate(plan.actions) if apart[_rows(a, motion.fps, count)].max(initial=0.0) > _APART]
    late = 0 if not evaluated else int((scene or bpy.context.scene).frame_start) - int(info["start_frame"])
    actions = list(plan.actions)
    for i in indices:
        actions[i] = _with_path(actions[i], wrist, motion.fps, late)
    signers.keep_plan(signer.armature, replace(plan, actions=tuple(actions)))
    return list(indices)


def _rows(action: SignAction, fps: float, count: int) -> slice:
    first = min(max(0, round(action.start * fps)), count)
    return slice(first, min(count, round(action.end * fps) + 1))


def _with_path(action: SignAction, wrist: np.ndarray, fps: float, late: int) -> SignAction:
    """late: frames by which the first of `wrist` stands after the start of the motion."""
    steps = max(2, round(action.duration / _POINT_SECONDS) + 1)
    offsets = np.linspace(0.0, action.duration, steps)
    rows = (action.start + offsets) * fps - late
    columns = [np.interp(rows, np.arange(len(wrist)), wrist[:, k]) for k in range(3)]
    points = tuple(
        TrajectoryPoint(*(round(float(column[k]), 4) for column in columns), round(float(offset), 4)) for k, offset in enumerate(offsets)
    )
    edited = sorted({*action.provenance.get("edited", ()), "trajectory"})
    return replace(action, trajectory=points, provenance={**action.provenance, "edited": edited})
