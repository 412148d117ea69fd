"""Phonology as numbers: the condition that a motion model reads at every step, and back.

A morpheme becomes categories (an index each; 0 is "not set", the others are places in a closed list that stands in `features` or in the handshape
inventory) and values (floats). Nothing is lost: `decode_morpheme` gives the morpheme back, but for the wording of directions, which come back
as a sum with the same unit vector, and for paths of more than 16 points, which are resampled. After the idea of conditioning a sign language model on
ASL-LEX features; which features, and the rest of the layout, are described in docs/phonology_encoding.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..schema import EMPHASES, KINDS, SENTENCE_TYPES
from ..text.types import EMOTIONS, EYE_GAZES, FACIAL_EXPRESSIONS, HEAD_MOVEMENTS, TORSO_MOVEMENTS
from .features import (
    ALL_MINOR_LOCATIONS,
    CONTACT_TIMES,
    FLEXIONS,
    INTERNAL_MOVEMENTS,
    MAJOR_LOCATIONS,
    MOVEMENTS,
    SIGN_TYPES,
    BaseHand,
    Phonology,
    parse_direction,
)  # fmt: skip
from .hand import DIGIT_SIDES, FOREARM_PATCH_NAMES, PATCH_NAMES
from .handshapes import load_handshapes

if TYPE_CHECKING:
    from ..action import ActionSequence
    from ..synthesis.timing import Schedule

ENCODING_VERSION = 1
PATH_POINTS = 16
# Selected fingers as ASL-LEX writes them.
SELECTED_FINGERS = ("t", "i", "m", "r", "p", "im", "ip", "mr", "imr", "imp", "mrp", "irp", "imrp")
PHASES = ("rest", "transition", "sign", "hold")
_BOOL = ("false", "true")
_COUNT = tuple(str(n) for n in range(1, 13))
_PATCHES = (*PATCH_NAMES, *FOREARM_PATCH_NAMES, *DIGIT_SIDES)
PATCH_PARTS = 3  # of a patch such as `index_front2+middle_front2`
_PATCH_FIELDS = ("contact_point", "base_contact_point")
_UNIT_WORDS = (("out", "in"), ("up", "down"), ("forward", "back"))


@lru_cache(maxsize=1)
def categories() -> dict[str, tuple[str, ...]]:
    """field -> its values in order; the index of a value is its place plus 1. Fields of the other hand have `nondominant.` before them."""
    shapes = tuple(load_handshapes())
    return {
        "handshape": shapes, "final_handshape": shapes, "nondominant_handshape": shapes, "selected_fingers": SELECTED_FINGERS, "flexion": FLEXIONS,
        "flexion_change": _BOOL, "spread": _BOOL, "spread_change": _BOOL, "thumb_position": ("Open", "Closed"), "thumb_contact": _BOOL,
        "sign_type": SIGN_TYPES, "major_location": MAJOR_LOCATIONS, "minor_location": ALL_MINOR_LOCATIONS, "second_minor_location": ALL_MINOR_LOCATIONS,
        "contact": _BOOL, "movement": MOVEMENTS, "repeated_movement": _BOOL, "ulnar_rotation": _BOOL,
        **{f"{name}[{k}]": _PATCHES for name in _PATCH_FIELDS for k in range(PATCH_PARTS)},
        "contact_time": CONTACT_TIMES, "internal": INTERNAL_MOVEMENTS, "alternating": _BOOL, "repetitions": _COUNT,
        "nondominant.location": ALL_MINOR_LOCATIONS, "nondominant.final_handshape": shapes, "nondominant.moves": _BOOL,
    }  # fmt: skip


# (field, floats): directions are unit vectors (out, up, forward), all zero where not set; offsets metres; a scalar is (set, metres); a contact point
# has the place along the bone of each of its parts, 0 where the name says none.
VALUES: tuple[tuple[str, int], ...] = (
    ("palm", 3), ("fingers", 3), ("final_palm", 3), ("final_fingers", 3), ("direction", 3), ("arc", 3), ("location_offset", 3), ("second_offset", 3),
    ("size", 2), ("arc_size", 2), ("nondominant.palm", 3), ("nondominant.fingers", 3), ("nondominant.location_offset", 3), ("contact_point", PATCH_PARTS),
    ("base_contact_point", PATCH_PARTS), ("path_points", 1), ("path", 3 * PATH_POINTS),
)  # fmt: skip
NUM_VALUES = sum(n for _, n in VALUES)
_DIRECTIONS = {"palm", "fingers", "final_palm", "final_fingers", "direction", "arc", "nondominant.palm", "nondominant.fingers"}
# What the non-manual state and the plan add to each step.
STATE: dict[str, tuple[str, ...]] = {
    "phase": PHASES, "kind": KINDS, "sentence_type": SENTENCE_TYPES, "negated": _BOOL, "facial_expression": FACIAL_EXPRESSIONS,
    "head_movement": HEAD_MOVEMENTS, "eye_gaze": EYE_GAZES, "torso": TORSO_MOVEMENTS, "mouthing": _BOOL, "emphasis": EMPHASES, "emotion": EMOTIONS,
}  # fmt: skip


def _get(morpheme: Phonology, name: str) -> Any:
    return getattr(morpheme.nondominant, name.split(".")[1]) if name.startswith("nondominant.") else getattr(morpheme, name)


def encode_morpheme(morpheme: Phonology) -> tuple[np.ndarray, np.ndarray]:
    """(C,) int16 category indices in the order of `categories()`, and (V,) float32 values in the order of `VALUES`.

    Raises InputError naming the field for a value that is in no list.
    """
    patches = {name: _patch_parts(name, _get(morpheme, name)) for name in _PATCH_FIELDS}
    patch_names = {f"{name}[{k}]": patch for name, parts in patches.items() for k, (patch, _) in enumerate(parts)}
    indices = np.array(
        [_index(name, patch_names[name] if name in patch_names else _get(morpheme, name), values) for name, values in categories().items()], dtype=np.int16
    )
    parts: list[np.ndarray] = []
    path = _path(morpheme.path)
    for name, size in VALUES:
        if name == "path_points":
            parts.append(np.array([len(path)], dtype=float))
            continue
        if name in patches:
            parts.append(np.array([place for _, place in patches[name]]))
            continue
        value = path if name == "path" else _get(morpheme, name)
        out = np.zeros(size)
        if name == "path":
            out[: 3 * len(path)] = np.ravel(path)
        elif name in _DIRECTIONS:
            out[:] = parse_direction(str(value)) if value is not None else 0.0
        elif size == 2:
            out[:] = (1.0, value) if value is not None else 0.0
        else:
            out[:] = value
        parts.append(out)
    return indices, np.concatenate(parts).astype(np.float32)


def decode_morpheme(indices: np.ndarray, values: np.ndarray) -> Phonology:
    """The morpheme of (C,) indices and (V,) values; inverse of `encode_morpheme`. Raises InputError for a wrong shape or an index that is in no list."""
    lists = categories()
    if indices.shape != (len(lists),) or values.shape != (NUM_VALUES,):
        raise InputError(f"phonology code: expected {len(lists)} categories and {NUM_VALUES} values, found {indices.shape} and {values.shape}")
    fields: dict[str, Any] = {}
    for (name, options), index in zip(lists.items(), indices, strict=True):
        if not 0 <= index <= len(options):
            raise InputError(f"phonology code: {name}: {int(index)} is not from 0 to {len(options)}")
        text = options[index - 1] if index else None
        fields[name] = text if text is None else text == "true" if options is _BOOL else int(text) if options is _COUNT else text
    place = 0
    points = 0
    for name, size in VALUES:
        part = values[place : place + size].astype(float)
        place += size
        if name == "path_points":
            points = int(round(part[0]))
        elif name == "path":
            fields["path"] = tuple(tuple(float(v) for v in row) for row in np.round(part[: 3 * points].reshape(points, 3), 6))
        elif name in _PATCH_FIELDS:
            fields[name] = _patch_text([fields.pop(f"{name}[{k}]") for k in range(PATCH_PARTS)], part)
        elif name in _DIRECTIONS:
            fields[name] = _direction_text(part)
        elif size == 2:
            fields[name] = round(float(part[1]), 6) if part[0] > 0.5 else None
        else:
            fields[name] = tuple(round(float(v), 6) for v in part)
    base = {name.split(".")[1]: fields.pop(name) for name in list(fields) if name.startswith("nondominant.")}
    if fields["handshape"] is None or fields["sign_type"] is None:
        raise InputError("phonology code: handshape or sign_type is not set")
    return Phonology(**fields, nondominant=BaseHand(**base))


def _index(name: str, value: Any, options: tuple[str, ...]) -> int:
    if value is None:
        return 0
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    try:
        return options.index(text) + 1
    except ValueError:
        raise InputError(f"phonology code: {name}: {text!r} is not one of {', '.join(options)}") from None


def _patch_parts(field: str, name: str | None) -> list[tuple[str | None, float]]:
    """PATCH_PARTS pairs of a patch and its place along the bone (0: not said) from a name such as `index_front2@.4+middle_front2`."""
    parts = [part.partition("@") for part in name.split("+")] if name is not None else []
    if len(parts) > PATCH_PARTS:
        raise InputError(f"phonology code: {field}: {name!r} has more than {PATCH_PARTS} parts")
    out: list[tuple[str | None, float]] = [(patch, float(place) if place else 0.0) for patch, _, place in parts]
    return out + [(None, 0.0)] * (PATCH_PARTS - len(out))


def _patch_text(patches: Sequence[str | None], places: np.ndarray) -> str | None:
    words = [f"{patch}@{f'{place:.6f}'.strip('0')}" if place > 0.0 else patch for patch, place in zip(patches, places, strict=True) if patch]
    return "+".join(words) or None


def _path(path: Sequence[tuple[float, float, float]]) -> np.ndarray:
    """(P, 3) with P at most PATH_POINTS: longer ones are resampled evenly by index."""
    points = np.array(path, dtype=float).reshape(-1, 3)
    if len(points) <= PATH_POINTS:
        return points
    at = np.linspace(0, len(points) - 1, PATH_POINTS)
    return np.stack([np.interp(at, np.arange(len(points)), points[:, k]) for k in range(3)], axis=1)


def _direction_text(vector: np.ndarray) -> str | None:
    if not np.any(np.abs(vector) > 1e-6):
        return None
    terms = []
    for value, (plus, minus) in zip(vector, _UNIT_WORDS, strict=True):
        if abs(value) > 5e-7:
            word = plus if value > 0 else minus
            terms.append(word if math.isclose(abs(value), 1.0, abs_tol=1e-7) else f"{abs(value):.7f}*{word}")
    return "+".join(terms)


@dataclass(frozen=True)
class Condition:
    """What a model reads at each of N steps.

    current, following: (N, C) int16 categories of the morpheme that is signed or moved towards, and of the one after it (all 0: none);
    current_values, following_values: (N, V) float32; state: (N, S) int16 in the order of `STATE`; progress: (N,) float32 from 0 to 1 through the phase;
    action: (N,) int32 index into the plan's actions, -1 at rest; morpheme: (N,) int32 within the action; seconds_left: (N,) float32 to the end of the phase;
    step_seconds: duration of a step.
    """

    current: np.ndarray
    current_values: np.ndarray
    following: np.ndarray
    following_values: np.ndarray
    state: np.ndarray
    progress: np.ndarray
    action: np.ndarray
    morpheme: np.ndarray
    seconds_left: np.ndarray
    step_seconds: float

    def __len__(self) -> int:
        return len(self.progress)


def encode(
    plan: ActionSequence, schedules: Sequence[Schedule], *, total: float, step_seconds: float, rest: float, since: float = 0.0, count: int | None = None
) -> Condition:
    """The condition of a complete plan. schedules: of each action (`Synthesiser.schedules(plan)`);
    total: seconds of the motion; rest: seconds at rest before the hands rise and after
    they are down again; since, count: the first step begins there and so many are made, past the end too; by default all. A step stands for its middle.

    Before a morpheme starts the step is in transition towards it, so `current` always is what the hands are busy with.
    """
    if not step_seconds > 0:
        raise InputError(f"step_seconds: {step_seconds} is not above 0")
    spans = [
        (index, k, action.start + a, action.start + b, action.end + action.pause_after if k + 1 == len(schedule.spans) else action.start + b)
        for index, (action, schedule) in enumerate(zip(plan.actions, schedules, strict=True))
        for k, (a, b) in enumerate(schedule.spans)
    ]
    codes = [encode_morpheme(plan.actions[i].phonology[k]) for i, k, *_ in spans]
    count = max(1, math.ceil((total - since) / step_seconds - 1e-9)) if count is None else count
    width = len(categories())
    empty = (np.zeros(width, dtype=np.int16), np.zeros(NUM_VALUES, dtype=np.float32))
    columns: dict[str, list[Any]] = {name: [] for name in ("cur", "nxt", "state", "progress", "action", "morpheme", "left")}
    place = 0
    for step in range(count):
        t = since + (step + 0.5) * step_seconds
        while place < len(spans) and t >= spans[place][4]:
            place += 1
        if place == len(spans):
            last = spans[-1][4] if spans else 0.0
            phase, start, end = ("transition", last, total - rest) if t < total - rest else ("rest", total - rest, total)
            here, action, morpheme, following = empty, -1, 0, empty
        else:
            index, k, begin, done, kept = spans[place]
            before = spans[place - 1][4] if place else rest
            here, action, morpheme = codes[place], index, k
            following = codes[place + 1] if place + 1 < len(codes) else empty
            if place == 0 and t < rest:
                phase, start, end = "rest", 0.0, rest
            elif t < begin:
                phase, start, end = "transition", before, begin
            elif t < done:
                phase, start, end = "sign", begin, done
            else:
                phase, start, end = "hold", done, kept
        columns["cur"].append(here)
        columns["nxt"].append(following)
        columns["state"].append(_state(plan, action, phase))
        columns["progress"].append(min(1.0, max(0.0, (t - start) / max(end - start, 1e-6))))
        columns["action"].append(action)
        columns["morpheme"].append(morpheme)
        columns["left"].append(max(0.0, end - t))
    return Condition(
        current=np.stack([c[0] for c in columns["cur"]]), current_values=np.stack([c[1] for c in columns["cur"]]),
        following=np.stack([c[0] for c in columns["nxt"]]), following_values=np.stack([c[1] for c in columns["nxt"]]),
        state=np.stack(columns["state"]), progress=np.array(columns["progress"], dtype=np.float32), action=np.array(columns["action"], dtype=np.int32),
        morpheme=np.array(columns["morpheme"], dtype=np.int32), seconds_left=np.array(columns["left"], dtype=np.float32), step_seconds=step_seconds,
    )  # fmt: skip


def _state(plan: ActionSequence, index: int, phase: str) -> np.ndarray:
    values: dict[str, Any] = {"phase": phase}
    if index >= 0:
        action = plan.actions[index]
        markers = action.non_manual_markers
        values |= {
            "kind": action.kind, "facial_expression": markers.facial_expression, "head_movement": markers.head_movement, "eye_gaze": markers.eye_gaze,
            "torso": markers.torso, "mouthing": bool(markers.mouthing), "emphasis": action.emphasis,
        }  # fmt: skip
        if action.sentence < len(plan.sentences):
            sentence = plan.sentences[action.sentence]
            values |= {"sentence_type": sentence.type, "negated": sentence.negated, "emotion": sentence.emotion}
    return np.array([_index(name, values.get(name), options) for name, options in STATE.items()], dtype=np.int16)


def decode_state(state: np.ndarray) -> dict[str, str | bool | None]:
    """The named values of one step's (S,) state; None where not set. Raises InputError for an index that is in no list."""
    out: dict[str, str | bool | None] = {}
    for (name, options), index in zip(STATE.items(), state, strict=True):
        if not 0 <= index <= len(options):
            raise InputError(f"phonology code: {name}: {int(index)} is not from 0 to {len(options)}")
        text = options[index - 1] if index else None
        out[name] = text if text is None or options is not _BOOL else text == "true"
    return out


def decode(condition: Condition) -> list[tuple[int, tuple[Phonology, ...]]]:
    """(index of the action, its morphemes) in the order of the steps: the plan's forms read back from the condition."""
    out: list[tuple[int, list[Phonology]]] = []
    last: tuple[int, int] | None = None
    for n in range(len(condition)):
        key = int(condition.action[n]), int(condition.morpheme[n])
        if key[0] < 0 or key == last:
            continue
        morpheme = decode_morpheme(condition.current[n], condition.current_values[n])
        if out and out[-1][0] == key[0]:
            out[-1][1].append(morpheme)
        else:
            out.append((key[0], [morpheme]))
        last = key
    return [(index, tuple(morphemes)) for index, morphemes in out]
