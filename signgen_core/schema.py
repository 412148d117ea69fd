"""The JSON Schema of a plan, made from the inventories in code, and a validator for the subset of JSON Schema that it uses.

The file `presets/schemas/action_sequence.schema.json` is `plan_schema()` written out (`python -m signgen_core.schema` prints it; a test keeps both equal),
so that editors can offer completion. The validator is ours because the add-on inside Blender can bring numpy only; a test
holds it against the `jsonschema` package.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .errors import PlanError
from .generators import GENERATORS
from .phonology import features
from .text.types import EMOTIONS, EYE_GAZES, FACIAL_EXPRESSIONS, GESTURES, HEAD_MOVEMENTS, SUBJECTS, TORSO_MOVEMENTS

PLAN_VERSION = 1
KINDS = ("lexical", "fingerspelled", "number", "index", "gesture")
SENTENCE_TYPES = ("statement", "yes_no_question", "wh_question", "command", "conditional", "topic")
EMPHASES = ("none", "mild", "strong")
FINGER_NAMES = ("thumb", "index", "middle", "ring", "pinky")
UI_KEYS = ("comment", "camera_tag")  # kept in the file for user interfaces, without any effect on the motion


def _number(low: float, high: float, text: str) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high, "description": text}


def _enum(values: tuple[str, ...], text: str) -> dict[str, Any]:
    return {"enum": list(values), "description": text}


def _string(text: str) -> dict[str, Any]:
    return {"type": "string", "description": text}


def _object(properties: dict[str, Any], required: tuple[str, ...], text: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False, "description": text}


def plan_schema() -> dict[str, Any]:
    """The schema of an ActionSequence, version `PLAN_VERSION`."""
    offset = {"type": "array", "items": {"type": "number", "minimum": -1.0, "maximum": 1.0}, "minItems": 3, "maxItems": 3}
    direction = _string("sum of out, in, up, down, forward, back, each with an optional weight, such as forward+0.5*down")
    minor = list(features.ALL_MINOR_LOCATIONS)
    boolean = {"type": "boolean"}
    base_hand = _object(
        {
            "palm": direction, "fingers": direction, "location": {"enum": minor}, "location_offset": offset,
            "final_handshape": {"type": "string"}, "moves": boolean,
        },
        (), "the non-dominant hand of an asymmetrical sign, said from its own side",
    )  # fmt: skip
    morpheme = _object(
        {
            "handshape": _string("ASL-LEX handshape; in the first morpheme it stands in the action's handshape.type instead"),
            "sign_type": {"enum": list(features.SIGN_TYPES)}, "major_location": {"enum": list(features.MAJOR_LOCATIONS)},
            "minor_location": {"enum": minor}, "second_minor_location": {"enum": minor}, "contact": boolean,
            "movement": {"enum": list(features.MOVEMENTS)}, "repeated_movement": boolean, "ulnar_rotation": boolean,
            "nondominant_handshape": {"type": "string"}, "selected_fingers": {"type": "string"},
            "flexion": {"enum": list(features.FLEXIONS)}, "flexion_change": boolean, "spread": boolean, "spread_change": boolean,
            "thumb_position": {"enum": ["Open", "Closed"]}, "thumb_contact": boolean,
            "palm": direction, "fingers": direction, "final_palm": direction, "final_fingers": direction,
            "final_handshape": {"type": "string"}, "contact_point": {"type": "string"}, "base_contact_point": {"type": "string"},
            "contact_time": {"enum": list(features.CONTACT_TIMES)}, "location_offset": offset, "second_offset": offset,
            "direction": direction, "size": _number(0.0, 0.8, "metres"), "arc": direction, "arc_size": _number(-0.5, 0.5, "metres"),
            "internal": {"enum": list(features.INTERNAL_MOVEMENTS)}, "repetitions": {"type": "integer", "minimum": 1, "maximum": 12},
            "path": {"type": "array", "items": offset, "minItems": 2, "maxItems": 64},
            "alternating": boolean, "nondominant": base_hand,
        },
        (), "one morpheme in ASL-LEX 2.0 terms and body terms; see docs/formats/lexicon.md",
    )  # fmt: skip
    action = _object(
        {
            "gloss_id": {"type": "string", "minLength": 1, "description": "gloss, such as HELLO, IX-1, fs-ANNA"},
            "handshape": _object(
                {
                    "type": _string("dominant handshape at the first hold"),
                    "finger_config": {
                        "type": "object", "additionalProperties": False,
                        "properties": {f: _number(0.0, 1.0, "extension: 0 closed, 1 straight") for f in FINGER_NAMES},
                        "description": "fingers that differ from the handshape; an absent finger is as the handshape says",
                    },
                },
                ("type",), "dominant hand",
            ),
            "trajectory": {
                "type": "array", "maxItems": 1000,
                "items": _object(
                    {a: _number(-5.0, 5.0, "metres, core axes") for a in "xyz"} | {"t_offset": _number(0.0, 60.0, "seconds from start")},
                    ("x", "y", "z", "t_offset"), "a point on the dominant wrist's path",
                ),
                "description": "path of the dominant wrist; the planner fills it in for reading, and an edit of it replaces the phonology's path",
            },
            "duration": _number(0.05, 20.0, "seconds from first to last hold"),
            "non_manual_markers": _object(
                {
                    "facial_expression": _enum(FACIAL_EXPRESSIONS, "face"), "head_movement": _enum(HEAD_MOVEMENTS, "head"),
                    "eye_gaze": _enum(EYE_GAZES, "gaze"), "torso": _enum(TORSO_MOVEMENTS, "shoulders and trunk"),
                    "mouthing": _string("word to mouth, or empty"),
                },
                (), "face and head; equal values of neighbouring actions of one sentence make one span",
            ),
            "emphasis": _enum(EMPHASES, "none, mild or strong"),
            "start": _number(0.0, 36000.0, "seconds; absent: after the action before, with a natural transition"),
            "pause_after": _number(0.0, 20.0, "seconds that the last hold is kept"),
            "kind": _enum(KINDS, "what the gloss is"),
            "words": {"type": "array", "items": {"type": "string"}, "description": "words of the text that it stands for"},
            "why": _string("rule that chose it"),
            "confidence": _number(0.0, 1.0, "of the text stage"),
            "sentence": {"type": "integer", "minimum": 0, "maximum": 100000, "description": "index into sentences"},
            "phonology": {"type": "array", "items": morpheme, "minItems": 1, "maxItems": 64},
            "provenance": {"type": "object", "description": "where the form comes from"},
            **{key: {"description": "for user interfaces; no effect"} for key in UI_KEYS},
        },
        ("gloss_id", "handshape", "duration"), "one sign",
    )  # fmt: skip
    sentence = _object(
        {
            "text": {"type": "string"}, "type": {"enum": list(SENTENCE_TYPES)}, "negated": boolean,
            "dropped": {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}},
            "emotion": _enum(EMOTIONS, "affect of the face, under the grammar"), "intensity": _number(0.0, 1.0, "of the emotion"),
            "subject": _enum(SUBJECTS, "what the sentence does"), "gesture": _enum(GESTURES, "co-speech gesture that goes with it"),
            "probabilities": _object(
                {
                    head: {"type": "object", "additionalProperties": False, "properties": {label: _number(0.0, 1.0, "") for label in labels}}
                    for head, labels in (("subject", SUBJECTS), ("gesture", GESTURES), ("emotion", EMOTIONS), ("type", SENTENCE_TYPES))
                },
                (), "calibrated probabilities of the classifier",
            ),
        },
        ("text",), "one sentence of the text",
    )  # fmt: skip
    schema = _object(
        {
            "version": {"type": "integer", "minimum": PLAN_VERSION, "maximum": PLAN_VERSION},
            "text": {"type": "string"}, "spoken_language": {"type": "string"}, "sign_language": {"enum": ["ase"]},
            "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "handedness": {"enum": ["right", "left"]},
            "tempo": _number(0.25, 4.0, "1 is the lexicon's own"), "generator": {"enum": list(GENERATORS)},
            "sentences": {"type": "array", "items": sentence},
            "actions": {"type": "array", "items": action, "minItems": 1, "maxItems": 20000},
            **{key: {"description": "for user interfaces; no effect"} for key in UI_KEYS},
        },
        ("version", "actions"), "SignGen ActionSequence: text to signing, editable",
    )  # fmt: skip
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "SignGen ActionSequence", **schema}


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,),
}  # fmt: skip
_WORDS = {"object": "an object", "array": "a list", "string": "a string", "number": "a number", "integer": "a whole number", "boolean": "true or false"}


def validate(value: Any, schema: dict[str, Any], path: str, source: str | None = None) -> None:
    """Checks `value` against the subset of JSON Schema used by `plan_schema`. Raises PlanError with the JSON path of the first fault."""
    kind = schema.get("type")
    if kind is not None:
        fits = isinstance(value, _TYPES[kind]) and not (isinstance(value, bool) and kind in ("number", "integer"))
        if kind == "integer" and isinstance(value, float):
            fits = value.is_integer()  # JSON does not tell 5.0 from 5
        if not fits:
            raise PlanError(path, f"expected {_WORDS[kind]}, found {_brief(value)}", source)
    if "enum" in schema and value not in schema["enum"]:
        raise PlanError(path, f"{_brief(value)} is not one of {', '.join(schema['enum'])}", source)
    if kind in ("number", "integer"):
        if isinstance(value, float) and not math.isfinite(value):
            raise PlanError(path, f"{value} is not a finite number", source)
        if value < schema.get("minimum", -math.inf) or value > schema.get("maximum", math.inf):
            raise PlanError(path, f"{_brief(value)} is not between {_bound(schema['minimum'])} and {_bound(schema['maximum'])}", source)
    elif kind == "string":
        if len(value) < schema.get("minLength", 0):
            raise PlanError(path, "must not be empty", source)
    elif kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            raise PlanError(path, f"has {len(value)} items; {schema.get('minItems', 0)} to {schema.get('maxItems', 'any number')} are allowed", source)
        for i, item in enumerate(value):
            validate(item, schema.get("items", {}), f"{path}[{i}]", source)
    elif kind == "object":
        prefix = f"{path}." if path != "plan" else ""
        properties = schema.get("properties", {})
        for key in schema.get("required", ()):
            if key not in value:
                raise PlanError(f"{prefix}{key}", "missing", source)
        for key, item in value.items():
            if key in properties:
                validate(item, properties[key], f"{prefix}{key}", source)
            elif schema.get("additionalProperties", True) is False:
                raise PlanError(f"{prefix}{key}", "unknown field", source)


def _bound(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


if __name__ == "__main__":
    print(json.dumps(plan_schema(), indent=1))
