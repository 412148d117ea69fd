"""Changes to a plan: fields set by their JSON path, signs removed, inserted and moved; what hangs on a changed fact follows it.

The rules of what follows what stand in docs/editing.md. All indices mean the plan as it was given, however many changes are made at once.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .action import ActionSequence, SignAction, at_tempo, by_hand, plan_from_json, plan_to_json
from .errors import InputError, PlanError
from .phonology.features import MINOR_LOCATIONS
from .phonology.lexicon import Lexicon, load_lexicon
from .pipeline import synthesiser_for
from .planner import STRESS, Planner
from .schema import plan_schema, validate
from .synthesis.nonmanual import tempo_of
from .text.gloss_notation import parse_gloss

if TYPE_CHECKING:
    from .body.model import Body
    from .text.types import Gloss

# Facts that follow from a handshape where a sign does not say them itself.
_OF_HANDSHAPE = ("selected_fingers", "flexion", "spread", "thumb_position", "thumb_contact")
# What describes a path; meaningless without a movement.
_OF_PATH = ("direction", "size", "arc", "arc_size", "path", "repeated_movement", "repetitions", "second_minor_location", "second_offset", "alternating")
_SAME_HANDSHAPE = ("SymmetricalOrAlternating", "AsymmetricalSameHandshape")
_MARKERS = {"facial_expression": "neutral", "head_movement": "none", "eye_gaze": "viewer", "mouthing": "", "torso": "none"}
_STEP = re.compile(r"(?:^|\.)([A-Za-z_][A-Za-z_0-9]*)|\[(\d{1,6})\]")


@dataclass(frozen=True)
class Remove:
    """Takes the action out."""

    index: int


@dataclass(frozen=True)
class Insert:
    """Puts a sign, in gloss notation, before the action `index`; the number of actions puts it at the end."""

    index: int
    gloss: str


@dataclass(frozen=True)
class Move:
    """Puts the action `index` where the action `to` stands."""

    index: int
    to: int


Change = tuple[str, Any] | Remove | Insert | Move


@dataclass(frozen=True)
class Patched:
    """A changed plan. origin: which action of the old plan each action was, None for a new one."""

    plan: ActionSequence
    origin: tuple[int | None, ...]


def patch(
    plan: ActionSequence, changes: Sequence[Change], *, lexicon: Lexicon | None = None, body: Body | None = None, fps: float | None = None
) -> ActionSequence:
    """The plan with all `changes` made, complete and checked.

    A change is a pair (path, value) such as `("actions[2].handshape.type", "v")`, or a Remove, Insert or Move. A value is what JSON holds; a string given
    for a field that is not one is read as JSON. None sets an optional field back to what it is when nobody sets it.
    fps: what follows a change of length moves by whole frames of this rate, so that a motion at this rate can be kept (`resampling`).
    Raises PlanError with the JSON path of the first fault.
    """
    return patched(plan, changes, lexicon=lexicon, body=body, fps=fps).plan


def patched(
    plan: ActionSequence, changes: Sequence[Change], *, lexicon: Lexicon | None = None, body: Body | None = None, fps: float | None = None
) -> Patched:
    """As `patch`, and where each action comes from."""
    planner = Planner(synthesiser_for(body), lexicon or load_lexicon())
    plan = planner.complete(plan)
    sets = [_Set.of(path, value) for path, value in (c for c in changes if isinstance(c, tuple))]
    _contradictions(sets)
    for wish in [s for s in sets if s.path in ("tempo", "handedness")]:
        validate(wish.value, wish.schema, wish.path)
        plan = at_tempo(plan, float(wish.value)) if wish.path == "tempo" else by_hand(plan, str(wish.value))
    count = len(plan.actions)
    data = plan_to_json(plan)
    renewed: set[int] = set()
    for index in sorted({s.action for s in sets if s.action is not None}):
        if index >= count:
            raise PlanError(f"actions[{index}]", f"there is no such action; the plan has {count}, actions[0] to actions[{count - 1}]")
        own = [s for s in sets if s.action == index]
        if any(s.field == "gloss_id" and s.value != data["actions"][index]["gloss_id"] for s in own):
            renewed.add(index)
            data["actions"][index] = _renewed(planner, plan, index, own)
        before = copy.deepcopy(data["actions"][index])
        for wish in own:
            if wish.field != "gloss_id":
                wish.apply(data)
        if any(s.field == "" for s in own):
            renewed.add(index)
            before = data["actions"][index]
        _follow(data["actions"][index], before, own, plan, plan.actions[index].trajectory_is_edited)
    for wish in sets:
        if wish.action is None and wish.path not in ("tempo", "handedness"):
            wish.apply(data)
    changed = plan_from_json(data)
    actions = [planner.with_form(action, f"actions[{i}]") for i, action in enumerate(changed.actions)]
    order = _ordered(planner, changed, actions, changes)
    at = {s.action: (None if s.value is None else float(actions[s.action].start)) for s in sets if s.action is not None and s.field == "start"}
    return Patched(planner.complete(_timed(planner, plan, changed, order, renewed, at, fps)), tuple(origin for origin, _ in order))


def differences(old: ActionSequence, new: Patched) -> list[str]:
    """What changed, a line each: `actions[2].duration: 0.8 -> 1.2`, `actions[3]: BOOK inserted`. Paths are those of the new plan; trajectories, which
    follow from the rest, are left out unless somebody edited them."""
    lines: list[str] = []
    before, after = plan_to_json(old), plan_to_json(new.plan)
    for key in after:
        if key not in ("actions", "version"):
            lines += _leaves(key, before.get(key), after[key])
    for i in sorted(set(range(len(old.actions))) - set(new.origin)):
        lines.append(f"actions[{i}]: {old.actions[i].gloss_id} removed")
    shift = 0.0
    for i, origin in enumerate(new.origin):
        if origin is None:
            lines.append(f"actions[{i}]: {new.plan.actions[i].gloss_id} inserted")
            continue
        followers = [o for o in new.origin[i + 1 :] if o is not None]
        if any(o < origin for o in followers) or any(o is not None and o > origin for o in new.origin[:i]):
            lines.append(f"actions[{i}]: {new.plan.actions[i].gloss_id} was actions[{origin}]")
        a, b = before["actions"][origin], after["actions"][i]
        hidden = {"provenance"} | (set() if new.plan.actions[i].trajectory_is_edited else {"trajectory"})
        shift, shift_before = round(b["start"] - a["start"], 3), shift
        if shift == shift_before:
            hidden.add("start")  # it only moves along
        for key in [*b, *(k for k in a if k not in b)]:
            if key not in hidden:
                lines += _leaves(f"actions[{i}].{key}", a.get(key), b.get(key))
    return lines


def parse_set(text: str) -> tuple[str, str]:
    """`actions[2].duration=1.2` to (path, value). Raises InputError."""
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise InputError(f"{text!r} is not PATH=VALUE, such as actions[2].handshape.type=v")
    return path.strip(), value


def parse_remove(text: str) -> Remove:
    """`actions[3]` or `3`. Raises InputError."""
    match = re.fullmatch(r"\s*(?:actions\[(\d{1,6})\]|(\d{1,6}))\s*", text)
    if not match:
        raise InputError(f"{text!r} is not an action, such as actions[3]")
    return Remove(int(match[1] or match[2]))


def parse_insert(text: str) -> Insert:
    """`2=BOOK`: before actions[2]. Raises InputError."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*=\s*(\S.*?)\s*", text, flags=re.S)
    if not match:
        raise InputError(f"{text!r} is not INDEX=GLOSS, such as 2=BOOK")
    return Insert(int(match[1]), match[2])


def parse_move(text: str) -> Move:
    """`3=1`: actions[3] to where actions[1] stands. Raises InputError."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*=\s*(\d{1,6})\s*", text)
    if not match:
        raise InputError(f"{text!r} is not FROM=TO, such as 3=1")
    return Move(int(match[1]), int(match[2]))


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return plan_schema()


def _steps(path: str) -> tuple[str | int, ...]:
    """`actions[2].duration` to ("actions", 2, "duration"). Raises PlanError."""
    out: list[str | int] = []
    place = 0
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None or (match[1] is None and not out):
            break
        out.append(match[1] if match[1] is not None else int(match[2]))
        place = match.end()
    if place < len(path) or not out:
        raise PlanError(path or "path", "is not a path such as actions[2].handshape.type")
    return tuple(out)


def _joined(steps: Iterable[str | int]) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).lstrip(".")


@dataclass(frozen=True)
class _Set:
    """One field to be set: its steps, the schema of its value, and the value as JSON holds it (None: not set)."""

    steps: tuple[str | int, ...]
    schema: dict[str, Any]
    value: Any
    required: bool

    @classmethod
    def of(cls, path: str, value: Any) -> _Set:
        steps = _steps(path)
        schema, required = _schema(), True
        for k, step in enumerate(steps):
            here = _joined(steps[: k + 1])
            if isinstance(step, int):
                if schema.get("type") != "array":
                    raise PlanError(_joined(steps[:k]), "is not a list")
                schema, required = schema["items"], True
                continue
            fields = schema.get("properties", {})
            if step not in fields:
                if schema.get("type") == "array":
                    raise PlanError(here, f"is a list: write {_joined(steps[:k])}[0].{step} for its first item")
                if fields or schema.get("type") != "object":
                    near = difflib.get_close_matches(step, fields, n=2)
                    raise PlanError(here, "unknown field" + (f"; nearest: {', '.join(near)}" if near else ""))
            required = step in schema.get("required", ())
            schema = fields.get(step, {})
        if steps == ("actions",):
            raise PlanError("actions", "is changed one action at a time")
        # the first morpheme's handshape stands in handshape.type, and one fact has one place
        if len(steps) == 5 and steps[0] == "actions" and steps[2:] == ("phonology", 0, "handshape"):
            steps, required = (*steps[:2], "handshape", "type"), True
        return cls(steps, schema, _value(value, schema), required)

    @property
    def path(self) -> str:
        return _joined(self.steps)

    @property
    def action(self) -> int | None:
        return int(self.steps[1]) if self.steps[0] == "actions" else None

    @property
    def field(self) -> str:
        """The path within its action; empty for a whole action."""
        return _joined(self.steps[2:])

    def touches(self, field: str) -> bool:
        """True when it sets that field of its action, a part of it or what holds it."""
        longer, shorter = (field, self.field) if len(field) > len(self.field) else (self.field, field)
        return longer == shorter or not shorter or longer.startswith((f"{shorter}.", f"{shorter}["))

    def apply(self, data: dict[str, Any]) -> None:
        """Sets it in the JSON object of a plan, in place. Raises PlanError."""
        if self.value is None and self.required:
            raise PlanError(self.path, "is required and cannot be null")
        if self.value is not None:
            validate(self.value, self.schema, self.path)
        holder: Any = data
        for k, (step, after) in enumerate(zip(self.steps, self.steps[1:], strict=False)):
            if isinstance(step, str) and step not in holder:
                holder[step] = [] if isinstance(after, int) else {}
            holder = holder[step]
            if isinstance(after, int) and after >= len(holder):
                raise PlanError(_joined(self.steps[: k + 2]), f"there is no such item; {_joined(self.steps[: k + 1])} has {len(holder)}")
        last = self.steps[-1]
        if self.value is None:
            holder.pop(last, None)
        else:
            holder[last] = copy.deepcopy(self.value)


def _value(value: Any, schema: dict[str, Any]) -> Any:
    """A value as JSON holds it: bare text for strings and names, JSON for everything else."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text == "null":
        return None
    if schema.get("type") == "string" or "enum" in schema:
        quoted = len(text) > 1 and text[0] == text[-1] == '"'
        return _json(text, value) if quoted else value
    return _json(text, value)


def _json(text: str, otherwise: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return otherwise  # the schema then says what was expected in its place


def _contradictions(sets: Sequence[_Set]) -> None:
    said: dict[str, Any] = {}
    for wish in sets:
        if wish.path in said and said[wish.path] != wish.value:
            raise PlanError(wish.path, f"is set twice, to {json.dumps(said[wish.path])} and to {json.dumps(wish.value)}")
        said[wish.path] = wish.value


def _renewed(planner: Planner, plan: ActionSequence, index: int, own: Sequence[_Set]) -> dict[str, Any]:
    """The JSON object of an action under another gloss: form and length of the new sign, words and grammar of the old one."""
    old = plan.actions[index]
    path = f"actions[{index}].gloss_id"
    wish = next(s for s in own if s.field == "gloss_id")
    validate(wish.value, wish.schema, path)
    gloss = _gloss(str(wish.value), planner.lexicon, path)
    entry = planner.lexicon.entries.get(old.gloss_id)
    # what the old sign itself brought on face and head goes with it; what grammar asked for stays
    brought = entry.non_manual_markers if entry is not None else {}
    markers = {name: value for name in _MARKERS if (value := getattr(old.non_manual_markers, name)) != brought.get(name)}
    if gloss.gloss_id.startswith(("fs-", "#")) or markers.get("mouthing", "") in {word.lower() for word in old.words}:
        markers.pop("mouthing", None)
    given = replace(gloss, words=old.words, emphasis=old.emphasis, why=f"in place of {old.gloss_id}", **markers)
    tempo = plan.tempo * (tempo_of(plan.sentences[old.sentence]) if plan.sentences else 1.0)
    action = _sign(planner, given, old.sentence, tempo, path)
    held = action.pause_after if "pause_after" in gloss.overrides else old.pause_after
    return plan_to_json(replace(plan, actions=(replace(action, start=old.start, pause_after=held, ui=old.ui),)))["actions"][0]


def _gloss(notation: str, lexicon: Lexicon, path: str) -> Gloss:
    try:
        sentences = parse_gloss(notation, lexicon)
    except InputError as problem:
        raise PlanError(path, str(problem)) from None
    if len(sentences) != 1 or len(sentences[0].glosses) != 1:
        raise PlanError(path, f"{notation!r} is not one gloss")
    return sentences[0].glosses[0]


def _sign(planner: Planner, gloss: Gloss, sentence: int, tempo: float, path: str) -> SignAction:
    try:
        return planner.sign(gloss, sentence, tempo)
    except InputError as problem:
        raise PlanError(path, str(problem)) from None


def _follow(action: dict[str, Any], before: dict[str, Any], own: Sequence[_Set], plan: ActionSequence, drawn: bool) -> None:
    """Lets what hangs on the changed facts of one action follow them, in place, unless it was set too. drawn: its path was edited by hand."""

    def free(field: str) -> bool:
        return not any(s.touches(field) for s in own)

    shape, was = action["handshape"].get("type"), before["handshape"].get("type")
    if shape != was and free("handshape.finger_config"):
        action["handshape"]["finger_config"] = {}
    for k, morpheme in enumerate(action.get("phonology", ())):
        place = f"phonology[{k}]"
        first = before["phonology"][k] if k < len(before.get("phonology", ())) else {}
        if k == 0 and "handshape" in morpheme and any(s.field == "phonology" for s in own):
            action["handshape"]["type"] = shape = morpheme.pop("handshape")
        new, old = (shape, was) if k == 0 else (morpheme.get("handshape"), first.get("handshape"))
        if new != old:
            for name in _OF_HANDSHAPE:
                if free(f"{place}.{name}"):
                    morpheme.pop(name, None)
            same = morpheme.get("sign_type") in _SAME_HANDSHAPE and morpheme.get("nondominant_handshape") == old
            if same and old is not None and free(f"{place}.nondominant_handshape"):
                morpheme["nondominant_handshape"] = new
        _follow_path(morpheme, first, place, free)
    if action["duration"] == before["duration"] and action.get("emphasis") != before.get("emphasis"):
        (slower, held), (slower_before, held_before) = STRESS[action["emphasis"]], STRESS[before["emphasis"]]
        if free("duration"):
            action["duration"] = round(before["duration"] * slower / slower_before, 3)
        if free("pause_after"):
            action["pause_after"] = round(max(0.0, before["pause_after"] + (held - held_before) / plan.tempo), 3)
    if drawn and action["duration"] != before["duration"] and free("trajectory"):
        for point in action.get("trajectory", ()):
            point["t_offset"] = round(point["t_offset"] * action["duration"] / before["duration"], 4)
    form = sorted({s.field for s in own if s.field.startswith(("handshape", "phonology", "trajectory"))})
    if form:
        provenance = action.setdefault("provenance", {})
        provenance["edited"] = sorted({*provenance.get("edited", ()), *form})


def _follow_path(morpheme: dict[str, Any], before: dict[str, Any], place: str, free: Any) -> None:
    """Location and movement of one morpheme: the major location of a minor one, and the path that a movement has or no longer has."""
    major, minor = morpheme.get("major_location", "Neutral"), morpheme.get("minor_location", "Neutral")
    if minor not in MINOR_LOCATIONS[major]:
        homes = [name for name, minors in MINOR_LOCATIONS.items() if minor in minors]
        if free(f"{place}.major_location") and len(homes) == 1:
            morpheme["major_location"] = homes[0]
        elif free(f"{place}.minor_location") and len(MINOR_LOCATIONS[major]) == 1:
            morpheme["minor_location"] = MINOR_LOCATIONS[major][0]
    movement = morpheme.get("movement", "None")
    if movement == before.get("movement", "None") or not before:
        return
    for name in _OF_PATH if movement == "None" else ("path",):
        if free(f"{place}.{name}"):
            morpheme.pop(name, None)
    if movement not in ("None", "Other") and not {"direction", "path", "second_minor_location"} & set(morpheme):
        morpheme["direction"] = "forward"


def _ordered(
    planner: Planner, plan: ActionSequence, actions: Sequence[SignAction], changes: Sequence[Change]
) -> list[tuple[int | None, SignAction]]:
    """(old index, action) in the new order; indices of all changes mean the old one. Raises PlanError."""
    count = len(actions)
    keys: dict[int, tuple[int, ...]] = {i: (i, 1, 0) for i in range(count)}
    new: list[tuple[tuple[int, ...], SignAction]] = []
    moved: dict[int, int] = {}
    for number, change in enumerate(changes):
        if isinstance(change, tuple):
            continue
        index = change.index
        if index >= count + isinstance(change, Insert):
            raise PlanError(f"actions[{index}]", f"there is no such action; the plan has {count}, actions[0] to actions[{count - 1}]")
        if isinstance(change, Insert):
            new.append(((index, 0, number), _inserted(planner, plan, actions, change)))
        elif index not in keys or index in moved:
            raise PlanError(f"actions[{index}]", "is removed or moved twice")
        elif isinstance(change, Remove):
            del keys[index]
        else:
            if change.to >= count:
                raise PlanError(f"actions[{change.to}]", f"there is no such place; the plan has {count} actions")
            moved[index] = change.to
            if change.to != index:
                keys[index] = (change.to, 0 if change.to < index else 2, number)
    kept: list[tuple[tuple[int, ...], int | None, SignAction]] = [
        (key, i, replace(actions[i], sentence=actions[moved[i]].sentence) if i in moved else actions[i]) for i, key in keys.items()
    ]
    kept += [(key, None, action) for key, action in new]
    if not kept:
        raise PlanError("actions", "none would be left")
    return [(origin, action) for _, origin, action in sorted(kept, key=lambda item: item[0])]


def _inserted(planner: Planner, plan: ActionSequence, actions: Sequence[SignAction], change: Insert) -> SignAction:
    """A new sign, of the sentence that it stands in; grammar on face and head that goes over its place goes on over it."""
    path = f"actions[{change.index}].gloss_id"
    gloss = _gloss(change.gloss, planner.lexicon, path)
    sentence = actions[min(change.index, len(actions) - 1)].sentence
    beside = [a.non_manual_markers for a in actions[max(change.index - 1, 0) : change.index + 1] if a.sentence == sentence]
    for name in ("facial_expression", "head_movement", "torso"):
        values = {getattr(markers, name) for markers in beside}
        if len(values) == 1 and getattr(gloss, name) == _MARKERS[name]:
            gloss = replace(gloss, **{name: values.pop()})
    tempo = plan.tempo * (tempo_of(plan.sentences[sentence]) if plan.sentences else 1.0)
    return _sign(planner, replace(gloss, why="inserted"), sentence, tempo, path)


def _timed(
    planner: Planner, old: ActionSequence, new: ActionSequence, order: Sequence[tuple[int | None, SignAction]], renewed: set[int],
    at: dict[int, float | None], fps: float | None,
) -> ActionSequence:  # fmt: skip
    """Start times: a gap between two signs that stay what they were stays as long, any other is made anew; what follows moves along."""
    gaps: list[float] = []
    clock = 0.0
    for action in old.actions:
        gaps.append(action.start - clock)
        clock = action.end + action.pause_after
    out: list[SignAction] = []
    previous: SignAction | None = None
    before: int | None = -1
    for origin, action in order:
        earliest, natural = planner.starts(new, previous, action)
        wished = None
        if origin is not None and origin in at:
            wished = at[origin]
        elif origin is not None and before is not None and origin == before + 1 and not {origin, before} & renewed:
            wished = gaps[origin] + (0.0 if previous is None else previous.end + previous.pause_after)
        if wished is None or wished < earliest - 1e-6:
            start = round(max(natural if wished is None else wished, earliest) + 5e-4, 3)
        else:
            start = round(wished, 6)
        if fps is not None and origin is not None and origin not in at:
            frames = round((start - old.actions[origin].start) * fps)
            if old.actions[origin].start + frames / fps < earliest - 1e-6:
                frames += 1
            start = round(old.actions[origin].start + frames / fps, 6)
        previous = replace(action, start=start)
        before = origin
        out.append(previous)
    return replace(new, actions=tuple(out))


def _leaves(path: str, before: Any, after: Any) -> list[str]:
    """A line for each leaf that differs."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [line for key in [*after, *(k for k in before if k not in after)] for line in _leaves(f"{path}.{key}", before.get(key), after.get(key))]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [line for i, (a, b) in enumerate(zip(before, after, strict=True)) for line in _leaves(f"{path}[{i}]", a, b)]
    return [f"{path}: {_short(before)} -> {_short(after)}"]


def _short(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
