"""The plan file: round trip, the schema against the `jsonschema` package, errors that name the JSON path, the older version."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from signgen_core.action import (
    ActionSequence,
    TrajectoryPoint,
    at_tempo,
    by_hand,
    dump_plan,
    moved,
    parse_plan,
    plan_from_json,
    plan_to_json,
    read_plan,
    trajectory_digest,
)
from signgen_core.errors import InputError, PlanError
from signgen_core.schema import plan_schema, validate

ROOT = Path(__file__).parent.parent
SCHEMA_FILE = ROOT / "presets/schemas/action_sequence.schema.json"

PROBABILITIES = plan_schema()["properties"]["sentences"]["items"]["properties"]["probabilities"]["properties"]


def full_plan() -> dict[str, Any]:
    """A plan in which every field of the format is set."""
    morpheme = {
        "sign_type": "AsymmetricalDifferentHandshape", "major_location": "Hand", "minor_location": "Palm", "second_minor_location": "FingerTip",
        "contact": True, "movement": "Curved", "repeated_movement": True, "ulnar_rotation": True, "nondominant_handshape": "b",
        "selected_fingers": "imrp", "flexion": "FullyOpen", "flexion_change": True, "spread": True, "spread_change": True,
        "thumb_position": "Closed", "thumb_contact": True, "palm": "down", "fingers": "forward+0.5*in", "final_palm": "up",
        "final_fingers": "up", "final_handshape": "s", "contact_point": "index_tip", "base_contact_point": "palm", "contact_time": "both",
        "location_offset": [0.01, 0, -0.02], "second_offset": [0.0, 0.1, 0.0], "direction": "down", "size": 0.12, "arc": "up",
        "arc_size": 0.05, "internal": "wiggle", "repetitions": 2, "path": [[0, 0, 0], [0.1, 0, 0.05]], "alternating": True,
        "nondominant": {"palm": "up", "fingers": "forward", "location": "Neutral", "location_offset": [0, 0.1, 0], "final_handshape": "s", "moves": True},
    }  # fmt: skip
    action = {
        "gloss_id": "CHEESE", "kind": "lexical", "words": ["cheese"], "why": "lexicon", "confidence": 0.9, "sentence": 0, "start": 0.4,
        "duration": 0.8, "pause_after": 0.1, "handshape": {"type": "5", "finger_config": {"thumb": 0.5, "pinky": 1}},
        "trajectory": [{"x": 0.1, "y": 1.2, "z": 0.3, "t_offset": 0.0}, {"x": 0.2, "y": 1.2, "z": 0.3, "t_offset": 0.5}],
        "non_manual_markers": {"facial_expression": "brow_raise", "head_movement": "nod", "eye_gaze": "hands", "mouthing": "cheese", "torso": "shrug"},
        "emphasis": "mild", "phonology": [morpheme, {"handshape": "1"}], "provenance": {"lexicon": "food.json", "nested": {"a": [1]}},
        "comment": "softer?", "camera_tag": {"any": "thing"},
    }  # fmt: skip
    return {
        "version": 1, "text": "Cheese?", "spoken_language": "en", "sign_language": "ase", "seed": 4, "handedness": "left", "tempo": 1.5,
        "generator": "phonology",
        "sentences": [{"text": "Cheese?", "type": "yes_no_question", "negated": True, "dropped": [["the", "articles are not signed"]],
                       "emotion": "positive", "intensity": 0.5, "subject": "inquiry", "gesture": "shrug",
                       "probabilities": {head: {label: 0.25 for label in part["properties"]} for head, part in PROBABILITIES.items()}}],
        "actions": [action], "comment": "whole plan", "camera_tag": 1,
    }  # fmt: skip


SMALL: dict[str, Any] = {"version": 1, "actions": [{"gloss_id": "HELLO", "handshape": {"type": "b"}, "duration": 0.6}]}


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*at, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def changed(path: tuple[Any, ...], value: Any, base: dict[str, Any] | None = None) -> Any:
    data = copy.deepcopy(full_plan() if base is None else base)
    if not path:
        return value
    at(data, path[:-1])[path[-1]] = value
    return data


def valid(data: Any) -> bool:
    try:
        validate(data, plan_schema(), "plan")
    except PlanError:
        return False
    return True


def test_shipped_schema_is_the_one_in_code_and_is_a_schema() -> None:
    shipped = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert shipped == plan_schema(), "run: python -m signgen_core.schema > presets/schemas/action_sequence.schema.json"
    jsonschema.Draft202012Validator.check_schema(shipped)


def test_the_full_plan_sets_every_field_of_the_schema() -> None:
    def missing(schema: dict[str, Any], value: Any, path: str) -> list[str]:
        if isinstance(value, list):
            return missing(schema.get("items", {}), value[0], f"{path}[0]") if value and path != "finger_config" else []
        if not isinstance(value, dict) or "properties" not in schema:
            return []
        return [
            name
            for key, part in schema["properties"].items()
            for name in ([f"{path}.{key}"] if key not in value else missing(part, value[key], f"{path}.{key}"))
        ]

    left_out = missing(plan_schema(), full_plan(), "")
    # the first morpheme's handshape stands in handshape.type
    assert left_out == [".actions[0].handshape.finger_config.index", ".actions[0].handshape.finger_config.middle",
                        ".actions[0].handshape.finger_config.ring", ".actions[0].phonology[0].handshape"]  # fmt: skip


def test_validator_agrees_with_jsonschema_on_thousands_of_plans() -> None:
    judge = jsonschema.Draft202012Validator(plan_schema())
    values = [None, True, False, 0, 1, -1, 3.5, 5.0, 1e9, -1e9, 0.0, "", "x", "right", "Palm", [], ["x"], [0.1, 0.2, 0.3], {}, {"x": 1}, {"type": "5"}]
    good = bad = 0
    for path in paths(full_plan()):
        cases = [changed(path, value) for value in values]
        if path and isinstance(path[-1], str):
            removed = full_plan()
            del at(removed, path[:-1])[path[-1]]
            cases.append(removed)
        if isinstance(at(full_plan(), path), dict):
            cases.append(changed((*path, "not_a_field"), 1))
        if isinstance(at(full_plan(), path), list):
            cases += [changed(path, []), changed(path, at(full_plan(), path) * 3), changed(path, at(full_plan(), path) * 70)]
        for case in cases:
            expected = judge.is_valid(case)
            assert valid(case) == expected, (path, at(case, path) if path else case, expected)
            good, bad = good + expected, bad + (not expected)
    assert good > 300 and bad > 1000, (good, bad)


def test_number_bounds_agree_with_jsonschema() -> None:
    judge = jsonschema.Draft202012Validator(plan_schema())

    def bounds(schema: dict[str, Any], path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], float]]:
        for key, part in schema.get("properties", {}).items():
            yield from bounds(part, (*path, key))
        if "items" in schema:
            yield from bounds(schema["items"], (*path, 0))
        for word, step in (("minimum", -1), ("maximum", 1)):
            if word in schema:
                for value in (schema[word], schema[word] + step, step * 10**400):
                    yield path, value

    seen = 0
    for path, value in bounds(plan_schema(), ()):
        case = changed(path, value)
        assert valid(case) == judge.is_valid(case), (path, value)
        seen += 1
    assert seen > 100


def test_round_trip_keeps_everything() -> None:
    data = full_plan()
    plan = plan_from_json(data)
    assert plan_from_json(plan_to_json(plan)) == plan
    assert parse_plan(dump_plan(plan)) == plan == parse_plan(dump_plan(plan, one_line=True))
    assert "\n" not in dump_plan(plan, one_line=True)
    written = plan_to_json(plan)
    assert {k: v for k, v in written.items() if k != "actions"} == {k: v for k, v in data.items() if k != "actions"}
    for key, value in data["actions"][0].items():
        if key != "phonology":
            assert written["actions"][0][key] == value, key
    assert plan.actions[0].handshape == "5" and plan.actions[0].phonology[0].nondominant.moves is True
    jsonschema.validate(written, plan_schema())


def test_a_hand_written_plan_stays_open_until_completed() -> None:
    plan = plan_from_json(SMALL)
    assert plan.actions[0].start < 0 and plan.actions[0].provenance == {"needs_phonology": True}
    written = plan_to_json(plan)
    jsonschema.validate(written, plan_schema())
    assert "start" not in written["actions"][0] and "phonology" not in written["actions"][0]
    assert plan_from_json(written) == plan


def test_whole_floats_are_whole_numbers() -> None:
    plan = plan_from_json({**SMALL, "seed": 5.0})
    assert plan.seed == 5 and isinstance(plan.seed, int)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((), [], "plan: holds no segments"),
        ((), "text", 'plan: expected an object, found "text"'),
        ((), None, "plan: expected an object, found null"),
        (("version",), 2, "version: 2 is newer than this program, which reads up to 1"),
        (("version",), "1", 'version: expected a whole number, found "1"'),
        (("version",), 0, "version: 0 is not between 1 and 1"),
        (("seed",), -1, "seed: -1 is not between 0 and 2147483647"),
        (("seed",), 1.5, "seed: expected a whole number, found 1.5"),
        (("seed",), True, "seed: expected a whole number, found true"),
        (("handedness",), "both", 'handedness: "both" is not one of right, left'),
        (("tempo",), 0, "tempo: 0 is not between 0.25 and 4"),
        (("actions",), [], "actions: has 0 items; 1 to 20000 are allowed"),
        (("actions", 0, "duration"), -0.5, "actions[0].duration: -0.5 is not between 0.05 and 20"),
        (("actions", 0, "duration"), 10**400, "is not between 0.05 and 20"),
        (("actions", 0, "duration"), float("nan"), "actions[0].duration: nan is not a finite number"),
        (("actions", 0, "duration"), "0.5", 'actions[0].duration: expected a number, found "0.5"'),
        (("actions", 0, "gloss_id"), "", "actions[0].gloss_id: must not be empty"),
        (("actions", 0, "gloss"), "X", "actions[0].gloss: unknown field"),
        (("actions", 0, "sentence"), 1, "actions[0].sentence: there is no sentences[1]"),
        (("actions", 0, "handshape", "finger_config", "index"), 1.5, "actions[0].handshape.finger_config.index: 1.5 is not between 0 and 1"),
        (("actions", 0, "non_manual_markers", "head_movement"), "wobble", 'actions[0].non_manual_markers.head_movement: "wobble" is not one of none'),
        (("actions", 0, "trajectory", 1, "t_offset"), 0.0, "actions[0].trajectory[1].t_offset: is not later than the point before"),
        (("actions", 0, "trajectory", 0, "x"), 9.0, "actions[0].trajectory[0].x: 9.0 is not between -5 and 5"),
        (("actions", 0, "phonology", 0, "handshape"), "s", "actions[0].phonology[0].handshape: 's' contradicts handshape.type '5'"),
        (("actions", 0, "phonology", 0, "palm"), "sideways", "actions[0].phonology[0].palm: direction 'sideways'"),
        (("actions", 0, "phonology", 0, "minor_location"), "Chin", "actions[0].phonology[0].minor_location: 'Chin' does not belong to 'Hand'"),
        (("actions", 0, "phonology", 1), {}, "actions[0].phonology[1].handshape: missing"),
        (("sentences", 0, "type"), "poem", 'sentences[0].type: "poem" is not one of statement'),
    ],
)  # fmt: skip
def test_errors_name_the_json_path(path: tuple[Any, ...], value: Any, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_from_json(changed(path, value), "my.json")
    text = str(caught.value)
    assert text.startswith("my.json: ") and message in text and "\n" not in text


@pytest.mark.parametrize("key", ["gloss_id", "handshape", "duration"])
def test_a_missing_field_is_named(key: str) -> None:
    data = full_plan()
    del data["actions"][0][key]
    with pytest.raises(PlanError, match=re.escape(f"actions[0].{key}: missing")) as caught:
        plan_from_json(data)
    assert caught.value.path == f"actions[0].{key}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "plan: not valid JSON: Expecting value: line 1 column 1"),
        ('{"version": 1,', "plan: not valid JSON: Expecting property name"),
        ('{"version": 1, "actions": [{"duration": NaN}]}', "my.json: actions[0].duration: nan is not a finite number"),
        ('{"version": 1, "comment": [-Infinity]}', "my.json: comment[0]: -inf is not a finite number"),
        ('{"version": 1, "comment": 1e999}', "my.json: comment: inf is not a finite number"),
        ("NaN", "my.json: plan: nan is not a finite number"),
        ("[" * 100000, "nested too deeply"),
        ('{"version": 1, "text": "\\ud800"}', "holds \\ud800, half of a character"),
    ],
)
def test_broken_json_is_one_line(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(message)):
        parse_plan(text, "my.json")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent.json: no such file"):
        read_plan(tmp_path / "absent.json")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_plan(tmp_path)
    (tmp_path / "latin.json").write_bytes('{"text": "Änna"}'.encode("latin-1"))
    with pytest.raises(PlanError, match=re.escape("latin.json: plan: not UTF-8 text")):
        read_plan(tmp_path / "latin.json")
    (tmp_path / "bom.json").write_text("\ufeff" + json.dumps(SMALL), encoding="utf-8")
    assert read_plan(tmp_path / "bom.json") == plan_from_json(SMALL)


def test_only_an_edited_trajectory_replaces_the_path() -> None:
    points = (TrajectoryPoint(0.1, 1.2, 0.3, 0.0), TrajectoryPoint(0.2, 1.2, 0.3, 0.5))
    data = full_plan()
    data["actions"][0]["provenance"] = {"trajectory": trajectory_digest(points)}
    assert not plan_from_json(data).actions[0].trajectory_is_edited
    data["actions"][0]["trajectory"][1]["x"] = 0.25
    assert plan_from_json(data).actions[0].trajectory_is_edited
    data["actions"][0]["trajectory"] = []
    assert not plan_from_json(data).actions[0].trajectory_is_edited


def test_ends_and_moving() -> None:
    plan: ActionSequence = plan_from_json(full_plan())
    assert plan.actions[0].end == pytest.approx(1.2) and plan.end == pytest.approx(1.3)
    assert moved(plan.actions[0], 2.0).start == pytest.approx(2.4)


def edited_plan() -> ActionSequence:
    """Two actions: the first with a trajectory as planned, the second with an edited one."""
    data = full_plan()
    data["tempo"] = 1.0
    points = tuple(TrajectoryPoint(**p) for p in data["actions"][0]["trajectory"])
    second = copy.deepcopy(data["actions"][0])
    data["actions"][0]["provenance"] = {"trajectory": trajectory_digest(points)}
    data["actions"].append({**second, "start": 1.6})
    return plan_from_json(data)


def test_another_tempo_scales_every_time() -> None:
    plan = edited_plan()
    fast = at_tempo(plan, 2.0)
    assert fast.tempo == 2.0 and at_tempo(plan, 1.0) is plan
    assert [(a.start, a.duration, a.pause_after) for a in fast.actions] == [(0.2, 0.4, 0.05), (0.8, 0.4, 0.05)]
    assert fast.actions[0].trajectory == () and not fast.actions[0].trajectory_is_edited
    assert fast.actions[1].trajectory_is_edited and [p.t_offset for p in fast.actions[1].trajectory] == [0.0, 0.25]
    assert plan_from_json(plan_to_json(at_tempo(at_tempo(plan, 0.25), 4.0))) == at_tempo(at_tempo(plan, 0.25), 4.0)
    assert at_tempo(plan_from_json(SMALL), 2.0).actions[0].start < 0, "an open start stays open"
    short = plan_from_json(changed(("actions", 0, "duration"), 0.06))
    assert at_tempo(short, 4.0).actions[0].duration == 0.05, "what is written can be read again"


def test_the_other_hand_mirrors_what_was_edited() -> None:
    plan = edited_plan()
    other = by_hand(plan, "right")
    assert other.handedness == "right" and by_hand(plan, "left") is plan
    assert other.actions[0].trajectory == () and [p.x for p in other.actions[1].trajectory] == [-0.1, -0.2]
    assert other.actions[0].phonology == plan.actions[0].phonology


def test_a_bare_list_of_segments_is_upgraded() -> None:
    segments = [
        {
            "gloss_id": "THANK_YOU", "handshape": {"type": "B", "finger_config": {"thumb": 0.2}}, "duration": 0.7, "emphasis": "strong",
            "trajectory": [{"x": 0, "y": 1.4, "z": 0.2, "t_offset": 0.0}],
            "non_manual_markers": {"facial_expression": "raised_brows", "head_movement": "nod", "eye_gaze": "forward"},
        },
        {"gloss_id": "X", "handshape": {"type": "1"}, "duration": 0.5, "non_manual_markers": {"facial_expression": ["odd"]}},
    ]  # fmt: skip
    before = copy.deepcopy(segments)
    plan = plan_from_json(segments)
    assert segments == before
    assert [a.gloss_id for a in plan.actions] == ["THANK-YOU", "X"]
    assert plan.actions[0].handshape == "b" and plan.actions[0].emphasis == "strong"
    assert plan.actions[0].non_manual_markers.facial_expression == "brow_raise"
    assert plan.actions[1].non_manual_markers.facial_expression == "neutral"
    assert plan_to_json(plan)["version"] == 1


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ([1], "[0]: expected a segment object with gloss_id"),
        ([{"gloss_id": "A", "non_manual_markers": []}], "[0].non_manual_markers: expected an object"),
        ([{"gloss_id": "A", "handshape": {"type": "1"}}], "actions[0].duration: missing"),
        ([{"gloss_id": "A", "handshape": "1", "duration": 1}], "actions[0].handshape: expected an object"),
    ],
)
def test_broken_segment_lists_are_one_line(segments: list[Any], message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(message)):
        plan_from_json(segments)


def test_every_field_is_in_the_documentation() -> None:
    page = (ROOT / "docs/formats/plan.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([\w.\[\]]+)` \|", page, flags=re.M))

    def names(schema: dict[str, Any], prefix: str) -> Iterator[str]:
        for key, part in schema.get("properties", {}).items():
            name = f"{prefix}{key}"
            if name == "actions[].phonology" or prefix == "sentences[].probabilities.":  # docs/formats/lexicon.md describes morphemes; labels stand above
                yield name
                continue
            inner = part.get("items", {}) if part.get("type") == "array" else part
            yield name
            yield from names(inner, f"{name}{'[]' if part.get('type') == 'array' else ''}.")

    assert described == set(names(plan_schema(), ""))


def test_every_choice_is_in_the_documentation() -> None:
    page = (ROOT / "docs/formats/plan.md").read_text(encoding="utf-8")
    action = plan_schema()["properties"]["actions"]["items"]["properties"]
    sentence = plan_schema()["properties"]["sentences"]["items"]["properties"]
    lists = [action["kind"], action["emphasis"], *sentence.values(), *action["non_manual_markers"]["properties"].values()]
    for values in (part["enum"] for part in lists if "enum" in part):
        assert f"`{' '.join(values)}`" in page
