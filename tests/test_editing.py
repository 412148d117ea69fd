"""Changes to a plan: every field by its path, what hangs on it, order and time, and one clear line for whatever is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signgen_core import editing, pipeline
from signgen_core.action import ActionSequence, dump_plan, parse_plan, plan_to_json
from signgen_core.editing import Change, Insert, Move, Remove, differences, patch, patched
from signgen_core.errors import InputError, PlanError
from signgen_core.phonology.lexicon import load_lexicon


@pytest.fixture(scope="module")
def plan() -> ActionSequence:
    """TOMORROW POSS-1 SISTER WANT LEARN, with a question mark over it all."""
    return pipeline.plan_text("Does my sister want to learn tomorrow?", seed=2)


def glosses(plan: ActionSequence) -> list[str]:
    return [a.gloss_id for a in plan.actions]


def gaps(plan: ActionSequence) -> list[float]:
    return [b.start - a.end - a.pause_after for a, b in zip(plan.actions, plan.actions[1:], strict=False)]


def test_the_plan_under_test(plan: ActionSequence) -> None:
    assert glosses(plan) == ["TOMORROW", "POSS-1", "SISTER", "WANT", "LEARN"]
    assert {a.non_manual_markers.facial_expression for a in plan.actions[1:]} == {"brow_raise"}


def test_no_change_changes_nothing(plan: ActionSequence) -> None:
    assert dump_plan(patch(plan, [])) == dump_plan(pipeline.complete(plan))
    assert differences(plan, patched(plan, [("actions[2].emphasis", "none")])) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("actions[2].handshape.type", "v", "v"), ("actions[2].handshape.finger_config.thumb", "0.5", 0.5), ("actions[2].duration", "1.5", 1.5),
        ("actions[2].duration", 1.5, 1.5), ("actions[2].trajectory[1].y", "0.1", 0.1), ("actions[2].trajectory", "[]", []),
        ("actions[2].non_manual_markers.facial_expression", "smile", "smile"), ("actions[2].non_manual_markers.mouthing", "true", "true"),
        ("actions[2].emphasis", "strong", "strong"), ("actions[2].phonology[0].repeated_movement", "true", True),
        ("actions[2].phonology[0].location_offset", "[0, 0.1, 0]", [0.0, 0.1, 0.0]), ("sentences[0].emotion", "positive", "positive"),
        ("text", '"5"', "5"), ("text", "5", "5"), ("seed", "7", 7), ("comment", '{"a": 1}', {"a": 1}), ("actions[2].comment", "see here", "see here"),
    ],
)  # fmt: skip
def test_a_field_is_set_by_its_path_from_text_or_json(plan: ActionSequence, path: str, value: Any, expected: Any) -> None:
    found: Any = plan_to_json(patch(plan, [(path, value)]))
    if path == "actions[2].trajectory":  # written anew for reading
        assert found["actions"][2]["trajectory"] == plan_to_json(plan)["actions"][2]["trajectory"]
        return
    for step in path.replace("]", "").replace("[", ".").split("."):
        found = found[int(step) if step.isdigit() else step]
    assert found == expected


def test_one_change_leaves_all_other_actions_as_they_were(plan: ActionSequence) -> None:
    new = patch(plan, [("actions[2].handshape.type", "v")])
    assert [a for i, a in enumerate(new.actions) if i != 2] == [a for i, a in enumerate(plan.actions) if i != 2]


def test_a_new_gloss_brings_its_form_and_keeps_words_and_grammar(plan: ActionSequence) -> None:
    old, new = plan.actions[2], patch(plan, [("actions[2].gloss_id", "BOOK")]).actions[2]
    assert new.phonology == load_lexicon().get("BOOK").morphemes and new.provenance["form"].startswith("lexicon/")
    assert new.words == old.words and new.non_manual_markers.facial_expression == "brow_raise" and new.duration != old.duration
    assert new.why == "in place of SISTER"
    spelled = patch(plan, [("actions[2].gloss_id", "fs-ANNA")]).actions[2]
    assert spelled.kind == "fingerspelled" and len(spelled.phonology) == 4 and spelled.handshape == "a"
    assert patch(plan, [("actions[2].gloss_id", "25")]).actions[2].kind == "number"


def test_what_is_set_with_a_new_gloss_stands(plan: ActionSequence) -> None:
    new = patch(plan, [("actions[2].duration", 2.0), ("actions[2].handshape.type", "v"), ("actions[2].gloss_id", "BOOK")]).actions[2]
    assert (new.gloss_id, new.duration, new.handshape) == ("BOOK", 2.0, "v")
    assert new.phonology[0].sign_type == "SymmetricalOrAlternating"


def test_handshape_is_one_fact_and_what_follows_from_it_follows(plan: ActionSequence) -> None:
    a, b = (patch(plan, [(f"actions[2].{path}", "v")]) for path in ("handshape.type", "phonology[0].handshape"))
    assert dump_plan(a).replace("phonology[0].handshape", "handshape.type") == dump_plan(b)
    first = replace(plan.actions[2].phonology[0], selected_fingers="i", flexion="FullyOpen", thumb_position="Open", nondominant_handshape="l",
                    sign_type="AsymmetricalSameHandshape")  # fmt: skip
    said = replace(plan, actions=(*plan.actions[:2], replace(plan.actions[2], phonology=(first,), finger_config={"thumb": 0.2}), *plan.actions[3:]))
    new = patch(said, [("actions[2].handshape.type", "v"), ("actions[2].phonology[0].flexion", "Curved")]).actions[2]
    phonology = new.phonology[0]
    assert (phonology.selected_fingers, phonology.thumb_position, phonology.flexion, phonology.nondominant_handshape) == (None, None, "Curved", "v")
    assert new.finger_config == {}
    with pytest.raises(PlanError, match=r'^actions\[2\]\.handshape\.type: is set twice, to "v" and to "b"$'):
        patch(plan, [("actions[2].handshape.type", "v"), ("actions[2].phonology[0].handshape", "b")])


def test_location_and_movement_do_not_contradict_themselves(plan: ActionSequence) -> None:
    def first(*changes: Change) -> Any:
        return patch(plan, changes).actions[3].phonology[0]

    assert first(("actions[3].phonology[0].minor_location", "Chin")).major_location == "Head"
    still = first(("actions[3].phonology[0].movement", "None"))
    assert still.direction is None and still.size is None and not still.path and still.second_minor_location is None
    circular = patch(plan, [("actions[3].phonology[0].movement", "None")])
    again = patch(circular, [("actions[3].phonology[0].movement", "Circular")]).actions[3].phonology[0]
    assert (again.movement, again.direction) == ("Circular", "forward")


def test_a_longer_sign_moves_what_follows_and_keeps_the_gaps(plan: ActionSequence) -> None:
    new = patch(plan, [("actions[2].duration", plan.actions[2].duration + 0.5)])
    assert gaps(new) == pytest.approx(gaps(plan), abs=1e-6)
    assert new.actions[4].start - plan.actions[4].start == pytest.approx(0.5)
    paused = patch(plan, [("actions[0].pause_after", 0.25)])
    assert paused.actions[1].start - plan.actions[1].start == pytest.approx(0.25 - plan.actions[0].pause_after)
    frames = (patch(plan, [("actions[2].duration", 1.777)], fps=30).actions[4].start - plan.actions[4].start) * 30
    assert frames == pytest.approx(round(frames), abs=1e-3) and round(frames) > 0


def test_starts(plan: ActionSequence) -> None:
    later = patch(plan, [("actions[3].start", plan.actions[3].start + 1.0)])
    assert later.actions[4].start - plan.actions[4].start == pytest.approx(1.0) and later.actions[2] == plan.actions[2]
    assert patch(later, [("actions[3].start", None)]).actions[3].start == pytest.approx(plan.actions[3].start, abs=2e-3)
    too_early = patch(plan, [("actions[3].start", 0.0)]).actions[3].start
    assert plan.actions[2].end < too_early <= plan.actions[3].start  # as soon as the hands can be there


def test_emphasis_brings_length_and_hold(plan: ActionSequence) -> None:
    old, new = plan.actions[2], patch(plan, [("actions[2].emphasis", "strong")]).actions[2]
    assert new.duration == pytest.approx(1.15 * old.duration, abs=1e-3) and new.pause_after == pytest.approx(old.pause_after + 0.1)
    back = patch(patch(plan, [("actions[2].emphasis", "strong")]), [("actions[2].emphasis", "none")]).actions[2]
    assert back.duration == pytest.approx(old.duration, abs=2e-3) and back.pause_after == pytest.approx(old.pause_after)
    assert patch(plan, [("actions[2].emphasis", "strong"), ("actions[2].duration", old.duration)]).actions[2].duration == old.duration


def test_an_edited_path_is_stretched_with_its_sign_an_unedited_one_written_anew(plan: ActionSequence) -> None:
    drawn = patch(plan, [("actions[2].trajectory[1].y", 0.1)])
    assert drawn.actions[2].trajectory_is_edited and drawn.actions[2].provenance["edited"] == ["trajectory[1].y"]
    twice = patch(drawn, [("actions[2].duration", 2 * drawn.actions[2].duration)]).actions[2]
    assert [p.t_offset for p in twice.trajectory] == pytest.approx([2 * p.t_offset for p in drawn.actions[2].trajectory])
    assert not patch(plan, [("actions[2].duration", 2.0)]).actions[2].trajectory_is_edited


def test_tempo_and_handedness_change_what_they_mean(plan: ActionSequence) -> None:
    assert patch(plan, [("tempo", 2)]).actions[2].duration == pytest.approx(plan.actions[2].duration / 2, abs=1e-3)
    drawn = patch(plan, [("actions[2].trajectory[1].y", 0.1)])
    assert patch(drawn, [("handedness", "left")]).actions[2].trajectory[0].x == -drawn.actions[2].trajectory[0].x


def test_remove_insert_and_move_mean_the_old_numbers(plan: ActionSequence) -> None:
    assert glosses(patch(plan, [Remove(1), Remove(3)])) == ["TOMORROW", "SISTER", "LEARN"]
    assert glosses(patch(plan, [Insert(2, "BOOK"), Insert(2, "HOUSE"), Insert(5, "fs-AL"), Remove(0)])) == [
        "POSS-1", "BOOK", "HOUSE", "SISTER", "WANT", "LEARN", "fs-AL",
    ]  # fmt: skip
    assert glosses(patch(plan, [Move(3, 1)])) == ["TOMORROW", "WANT", "POSS-1", "SISTER", "LEARN"]
    assert glosses(patch(plan, [Move(1, 3)])) == ["TOMORROW", "SISTER", "WANT", "POSS-1", "LEARN"]
    mixed = patched(plan, [Move(0, 4), Insert(0, "BOOK"), Remove(2), ("actions[3].duration", 1.25)])
    assert glosses(mixed.plan) == ["BOOK", "POSS-1", "WANT", "LEARN", "TOMORROW"] and mixed.origin == (None, 1, 3, 4, 0)
    assert mixed.plan.actions[2].duration == 1.25


def test_an_inserted_sign_takes_part_in_the_sentence(plan: ActionSequence) -> None:
    new = patch(plan, [Insert(3, "BOOK(duration=0.8)")]).actions[3]
    assert new.non_manual_markers.facial_expression == "brow_raise" and new.sentence == 0 and new.duration == 0.8
    unlike = patch(plan, [("actions[2].non_manual_markers.facial_expression", "smile"), Insert(3, "BOOK")]).actions[3]
    assert unlike.non_manual_markers.facial_expression == "neutral"


def test_every_result_is_a_plan_that_comes_back(plan: ActionSequence) -> None:
    changes: list[Change] = [("actions[0].gloss_id", "fs-ANNA"), Move(3, 1), Insert(4, "25"), Remove(2), ("sentences[0].emotion", "negative")]
    new = patch(plan, changes)
    assert dump_plan(pipeline.complete(parse_plan(dump_plan(new)))) == dump_plan(new)
    clock = 0.0
    for action in new.actions:
        assert action.start > clock
        clock = action.end + action.pause_after


def test_differences_say_what_changed(plan: ActionSequence) -> None:
    lines = differences(plan, patched(plan, [("actions[2].handshape.type", "v"), ("actions[3].duration", 1.2), Remove(0), Insert(5, "BOOK"), ("text", "Hi")]))
    assert 'text: "Does my sister want to learn tomorrow?" -> "Hi"' in lines and "actions[0]: TOMORROW removed" in lines
    assert 'actions[1].handshape.type: "l" -> "v"' in lines and "actions[4]: BOOK inserted" in lines
    assert any(line.startswith("actions[2].duration: ") and line.endswith("-> 1.2") for line in lines)
    assert "actions[1]: WANT was actions[3]" in differences(plan, patched(plan, [Move(3, 1)]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("actions[9].duration", 1), "actions[9]: there is no such action; the plan has 5, actions[0] to actions[4]"),
        (("actions[2].durtion", 1), "actions[2].durtion: unknown field; nearest: duration"),
        (("actions[2].duration", "long"), 'actions[2].duration: expected a number, found "long"'),
        (("actions[2].duration", "-1"), "actions[2].duration: -1 is not between 0.05 and 20"),
        (("actions[2].duration", "NaN"), "actions[2].duration: nan is not a finite number"),
        (("actions[2].duration", "null"), "actions[2].duration: is required and cannot be null"),
        (("actions[2].handshape.type", "vv"), "actions[2].handshape.type: unknown handshape 'vv'; nearest: v, curved_v"),
        (("actions[2].gloss_id", "BOOKK"), "actions[2].gloss_id: gloss notation, column 1: unknown gloss 'BOOKK'"),
        (("actions[2].gloss_id", "BOOK HOUSE"), "actions[2].gloss_id: 'BOOK HOUSE' is not one gloss"),
        (("actions[2].emphasis", "huge"), 'actions[2].emphasis: "huge" is not one of none, mild, strong'),
        (("actions[2].phonology[0].palm", "sideways"), "actions[2].phonology[0].palm: direction 'sideways'"),
        (("actions[2].phonology[4].movement", "None"), "actions[2].phonology[4]: there is no such item; actions[2].phonology has 2"),
        (("actions[2].phonology[0].major_location", "Hand"), "actions[2].phonology[0].minor_location: 'Chin' does not belong to 'Hand'"),
        (("actions.duration", 1), "actions.duration: is a list: write actions[0].duration for its first item"),
        (("text[0]", "x"), "text: is not a list"),
        (("actions", []), "actions: is changed one action at a time"),
        (("actions[-1].duration", 1), "actions[-1].duration: is not a path such as actions[2].handshape.type"),
        (("", 1), "path: is not a path such as actions[2].handshape.type"),
        (("foo", 1), "foo: unknown field"),
        (("tempo", 9), "tempo: 9 is not between 0.25 and 4"),
        (("version", 2), "version: 2 is not between 1 and 1"),
        (Remove(5), "actions[5]: there is no such action"),
        (Insert(6, "BOOK"), "actions[6]: there is no such action"),
        (Insert(0, "BOOK)"), "actions[0].gloss_id: gloss notation"),
        (Move(0, 5), "actions[5]: there is no such place; the plan has 5 actions"),
    ],
)  # fmt: skip
def test_faults_are_one_line_that_begins_with_the_path(plan: ActionSequence, change: Change, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        patch(plan, [change])
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_all_gone_or_twice_gone_is_a_fault(plan: ActionSequence) -> None:
    with pytest.raises(PlanError, match="^actions: none would be left$"):
        patch(plan, [Remove(i) for i in range(5)])
    with pytest.raises(PlanError, match=r"^actions\[1\]: is removed or moved twice$"):
        patch(plan, [Move(1, 2), Remove(1)])


def test_changes_are_read_from_text() -> None:
    assert editing.parse_set("text=a=b") == ("text", "a=b")
    assert editing.parse_remove("actions[3]") == editing.parse_remove("3") == Remove(3)
    assert editing.parse_insert("2=HELLO(duration=0.6)") == Insert(2, "HELLO(duration=0.6)") and editing.parse_move("3=1") == Move(3, 1)
    for parse, text in ((editing.parse_set, "text"), (editing.parse_remove, "actions[x]"), (editing.parse_insert, "BOOK"), (editing.parse_move, "1=x")):
        with pytest.raises(InputError, match="is not"):
            parse(text)
