"""The signs as strips of the NLA editor: one a sign, with its gloss, from its first hold to its last. Dragging one changes the plan.

The strips lie on a muted track and move nothing themselves; the signer is animated by its one action as before, whose keys stay at hand. What is
dragged is written into the plan once the mouse rests, and its window is made anew.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

import json
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty

from signgen_core.action import ActionSequence
from signgen_core.editing import Change, Remove
from signgen_core.errors import InputError, SignGenError

from . import compat, resigning, signers
from .key_windows import keyed_info
from .operators import SignerOperator, chosen_signer
from .plan_properties import FOLLOWERS, mirror

TRACK = "SignGen Signs"
_ACTION = "SignGen Sign"  # without keys: what the strips show nothing of
_NAMES = "signgen_strips"  # on the armature: the strips' names in the order of the plan, as JSON
_GLOSSES = "signgen_strip_glosses"  # likewise the glosses that they were made for
_FRAME_SLACK = 0.02  # frames; Blender keeps them in single precision
_SHORTEST = 0.05  # seconds
_REST_SECONDS = 0.4
_seen: dict[str, tuple[tuple[float, float], ...]] = {}  # of each armature, where its strips were when they were last looked at
_moved: dict[str, tuple[tuple[float, float], ...]] = {}  # those that were dragged and wait for the mouse to rest


def has_strips(armature: bpy.types.Object) -> bool:
    """Whether a signer's signs lie in the NLA editor."""
    return _NAMES in armature


def _strips(armature: bpy.types.Object) -> list[bpy.types.NlaStrip | None]:
    """The strip of each sign in the order of the plan, on whatever track it was dragged to; None for one that was deleted."""
    data = armature.animation_data
    tracks = [] if data is None else data.nla_tracks
    ours = [strip for track in tracks for strip in track.strips if strip.action is not None and strip.action.name.startswith(_ACTION)]
    named = {strip.name: strip for strip in ours}
    found = [named.pop(name, None) for name in json.loads(armature.get(_NAMES, "[]"))]
    # a strip gets another name where it passes from track to track; those without a name of ours stand for the missing ones in their order
    spare = sorted(named.values(), key=lambda strip: strip.frame_start)
    for k, strip in enumerate(found):
        if strip is None and spare and len(spare) == sum(one is None for one in found[k:]):
            found[k] = spare.pop(0)
    return found


def _places(armature: bpy.types.Object) -> tuple[tuple[float, float], ...]:
    return tuple((-1.0, -1.0) if strip is None else (round(strip.frame_start, 2), round(strip.frame_end, 2)) for strip in _strips(armature))


def add_strips(armature: bpy.types.Object) -> int:
    """Lays the signs out as strips, in place of those that are there; returns how many. Raises InputError where nothing is signed."""
    plan = resigning.plan_on(armature)
    info = keyed_info(signers.signer_of(armature))
    remove_strips(armature)
    action = bpy.data.actions.get(_ACTION) or bpy.data.actions.new(_ACTION)
    track = armature.animation_data.nla_tracks.new()
    track.name, track.mute = TRACK, True
    start, fps = float(info["start_frame"]), float(info["fps"])
    names = []
    for sign in plan.actions:
        strip = track.strips.new(sign.gloss_id, round(start + sign.start * fps), action)
        strip.name = sign.gloss_id  # Blender 3 names it by its action, and every one adds a number to a name that is taken
        strip.action_frame_start, strip.action_frame_end = 0.0, max(1.0, sign.duration * fps)
        strip.extrapolation = "NOTHING"
        _place(strip, start + sign.start * fps, start + sign.end * fps)
        names.append(strip.name)
    armature[_NAMES], armature[_GLOSSES] = json.dumps(names), json.dumps([sign.gloss_id for sign in plan.actions])
    _seen[armature.name] = _places(armature)
    return len(names)


def _place(strip: bpy.types.NlaStrip, first: float, last: float) -> None:
    """Start and end, in the order in which neither is held back by the other."""
    if first > strip.frame_end:
        strip.frame_end, strip.frame_start = last, first
    else:
        strip.frame_start, strip.frame_end = first, last


def remove_strips(armature: bpy.types.Object) -> None:
    """Takes the strips away again; keys and plan stay."""
    data = armature.animation_data
    for track in [] if data is None else list(data.nla_tracks):
        ours = [strip for strip in track.strips if strip.action is not None and strip.action.name.startswith(_ACTION)]
        for strip in ours:
            track.strips.remove(strip)
        if not track.strips and (ours or track.name.startswith(TRACK)):
            data.nla_tracks.remove(track)
    for name in (_NAMES, _GLOSSES):
        if name in armature:
            del armature[name]
    _seen.pop(armature.name, None)
    _moved.pop(armature.name, None)
    action = bpy.data.actions.get(_ACTION)
    if action is not None and action.users == 0:
        bpy.data.actions.remove(action)


def refresh(armature: bpy.types.Object) -> None:
    """Brings the strips, where there are any, to where the plan has the signs; a signer without a keyed action of ours has none."""
    if not has_strips(armature):
        return
    plan, found = resigning.plan_on(armature), _strips(armature)
    try:
        info = keyed_info(signers.signer_of(armature))
    except InputError:
        remove_strips(armature)
        return
    if None in found or json.loads(armature[_GLOSSES]) != [sign.gloss_id for sign in plan.actions]:
        add_strips(armature)
        return
    start, fps = float(info["start_frame"]), float(info["fps"])
    signs = [(strip, sign) for strip, sign in zip(found, plan.actions, strict=True) if strip is not None]
    # from the side to which they move, since one cannot pass through its neighbour
    later = bool(signs) and start + signs[-1][1].start * fps > signs[-1][0].frame_start
    for strip, sign in reversed(signs) if later else signs:
        _place(strip, start + sign.start * fps, start + sign.end * fps)
    _seen[armature.name] = _places(armature)


def changes_by_strips(armature: bpy.types.Object, plan: ActionSequence, start: float, fps: float) -> list[Change]:
    """What the strips say otherwise than the plan: a start, a length, or a sign whose strip was deleted."""
    changes: list[Change] = []
    for i, (strip, sign) in enumerate(zip(_strips(armature), plan.actions, strict=False)):
        if strip is None:
            changes.append(Remove(i))
            continue
        first, last = strip.frame_start, strip.frame_end
        moved = abs(first - start - sign.start * fps) > _FRAME_SLACK
        # a mouse moves strips to whole frames at both ends
        if abs(last - first - sign.duration * fps) > (1.0 if moved else _FRAME_SLACK):
            changes.append((f"actions[{i}].duration", round(max(_SHORTEST, (last - first) / fps), 4)))
        if moved:
            changes.append((f"actions[{i}].start", round(max(0.0, (first - start) / fps), 4)))
    return changes


def take_over(armature: bpy.types.Object, scene: bpy.types.Scene) -> int:
    """Writes what the strips say into the plan, keys what it reaches and lays the strips where the plan then has them; returns the changes' number.

    A strip that was dragged to where the hands cannot be in time goes back as far as they need. Raises PlanError, InputError.
    """
    signer = signers.signer_of(armature)
    info = keyed_info(signer)
    changes = changes_by_strips(armature, resigning.plan_on(armature), float(info["start_frame"]), float(info["fps"]))
    if changes:
        resigning.change(signer, changes, scene=scene)
        mirror(armature, note="")
    refresh(armature)
    return len(changes)


# --- While strips are dragged ------------------------------------------------------------------------------------------------


@persistent
def watch(scene: bpy.types.Scene, *_: Any) -> None:
    """Notes strips that are elsewhere than when they were last looked at; without a window only the button takes them over."""
    for armature in signers.signers(scene):
        if not has_strips(armature):
            continue
        places = _places(armature)
        before = _seen.setdefault(armature.name, places)
        if places != before:
            _seen[armature.name] = places
            if not bpy.app.background:
                _moved[armature.name] = places
                if not bpy.app.timers.is_registered(settle):
                    bpy.app.timers.register(settle, first_interval=_REST_SECONDS)


def settle() -> float | None:
    """Takes dragged strips over once they have rested for a moment: a timer of Blender's."""
    waiting = dict(_moved)
    for name, places in waiting.items():
        armature = bpy.data.objects.get(name)
        if armature is None or not has_strips(armature):
            _moved.pop(name, None)
        elif _places(armature) != places:
            _moved[name] = _places(armature)
        else:
            _moved.pop(name, None)
            # taking a sign out lays new strips, which must not happen while the mouse may still hold one
            if (-1.0, -1.0) in places:
                mirror(armature, note="A strip is gone; Take Over Strips removes its sign")
            else:
                _settle_one(armature)
    return _REST_SECONDS if _moved else None


def _settle_one(armature: bpy.types.Object) -> None:
    scene = next((scene for scene in bpy.data.scenes if armature.name in scene.objects), None)
    if scene is None:
        return
    try:
        if take_over(armature, scene):
            bpy.ops.ed.undo_push(message="Drag Signs")
    except SignGenError as problem:
        mirror(armature, note=str(problem))
        refresh(armature)


@persistent
def _look_again(*_: Any) -> None:
    """After undo, redo and another file strips are where they were left, not where somebody dragged them."""
    _seen.clear()
    _moved.clear()


# --- Operators ---------------------------------------------------------------------------------------------------------------


class SIGNGEN_OT_show_strips(SignerOperator, bpy.types.Operator):  # noqa: N801 - Blender's rule for names of operators
    bl_idname = "signgen.show_strips"
    bl_label = "Signs as Strips"
    bl_description = "Lay the signs out as strips in the NLA editor, to be dragged there, or take them away"
    needs_plan = True

    visible: BoolProperty(name="Visible", default=True)

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        if self.visible:
            add_strips(armature)
        else:
            remove_strips(armature)
        return ""


class SIGNGEN_OT_take_strips(SignerOperator, bpy.types.Operator):  # noqa: N801
    bl_idname = "signgen.take_strips"
    bl_label = "Take Over Strips"
    bl_description = "Write start and length of the strips into the plan and sign what has changed"
    needs_plan = True

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        return has_strips(chosen_signer(context)) or compat.poll_message(cls, "Show the signs as strips first")

    def work(self, context: bpy.types.Context, armature: bpy.types.Object) -> str:
        count = take_over(armature, context.scene)
        return f"{count} changes" if count else "The strips say what the plan says"


CLASSES = (SIGNGEN_OT_show_strips, SIGNGEN_OT_take_strips)

_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register()
    FOLLOWERS.append(refresh)
    bpy.app.handlers.depsgraph_update_post.append(watch)
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post):
        handlers.append(_look_again)


def unregister() -> None:
    if bpy.app.timers.is_registered(settle):
        bpy.app.timers.unregister(settle)
    for handlers in (bpy.app.handlers.load_post, bpy.app.handlers.redo_post, bpy.app.handlers.undo_post):
        handlers.remove(_look_again)
    bpy.app.handlers.depsgraph_update_post.remove(watch)
    FOLLOWERS.remove(refresh)
    _look_again()
    _unregister()
