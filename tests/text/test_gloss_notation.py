"""Gloss notation: reading, writing, and errors that name what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.errors import InputError
from signgen_core.text import Sentence, analyse, format_gloss, parse_gloss

from .test_gloss_order import CASES  # noqa: TID252


def signed(sentence: Sentence) -> list[tuple[object, ...]]:
    """What of a sentence the notation carries."""
    return [
        (
            g.gloss_id,
            g.kind,
            g.repeats,
            g.facial_expression,
            g.head_movement,
            g.eye_gaze,
            g.emphasis,
            g.mouthing,
            g.pause_after,
            sorted(g.overrides.items()),
        )
        for g in sentence.glosses
    ]


def test_kinds_reduplication_and_overrides(lexicon: Any) -> None:
    (sentence,) = parse_gloss('IX-1 fs-Anna #ok 25 WORK++ HELLO(duration=0.6, emphasis=strong, handshape=5, mouthing="hi there")', lexicon)
    assert [(g.gloss_id, g.kind, g.repeats) for g in sentence.glosses] == [
        ("IX-1", "index", 0),
        ("fs-ANNA", "fingerspelled", 0),
        ("#OK", "fingerspelled", 0),
        ("25", "number", 0),
        ("WORK", "lexical", 2),
        ("HELLO", "lexical", 0),
    ]
    hello = sentence.glosses[-1]
    assert hello.overrides == {"duration": 0.6, "emphasis": "strong", "handshape": "5", "mouthing": "hi there"}
    assert hello.emphasis == "strong" and hello.words == ("HELLO",) and hello.why == "gloss notation"


def test_spans(lexicon: Any) -> None:
    line = (
        "<cond>IF RAIN</cond> IX-1 <neg>NOT GO</neg>. <q>IX-2 HUNGRY</q>? <wh>IX-2 <neg>NOT EAT</neg> WHY</wh>?"
        " <t>POSS-1 CAR</t> <smile>IX-1 LIKE</smile>. SIT!"
    )
    condition, question, why, topic, command = parse_gloss(line, lexicon)
    assert [(g.facial_expression, g.head_movement, g.pause_after) for g in condition.glosses] == [
        ("brow_raise", "none", 0.0),
        ("brow_raise", "none", 0.2),
        ("neutral", "none", 0.0),
        ("negative", "shake", 0.0),
        ("negative", "shake", 0.35),
    ]
    assert [s.type for s in (condition, question, why, topic, command)] == [
        "conditional",
        "yes_no_question",
        "wh_question",
        "topic",
        "command",
    ]
    assert [s.negated for s in (condition, question, why)] == [True, False, True]
    assert [(g.facial_expression, g.head_movement) for g in why.glosses] == [("brow_furrow", "none")] + [("brow_furrow", "shake")] * 2 + [
        ("brow_furrow", "none")
    ]
    assert [g.facial_expression for g in topic.glosses] == ["topic", "topic", "smile", "smile"] and topic.glosses[0].gloss_id == "POSS-1"


def test_a_question_mark_alone_marks_the_whole_question(lexicon: Any) -> None:
    wh, yes_no = parse_gloss("IX-2 LIVE WHERE? IX-2 HUNGRY?", lexicon)
    assert {(g.facial_expression, g.head_movement) for g in wh.glosses} == {("brow_furrow", "none")} and wh.type == "wh_question"
    assert {(g.facial_expression, g.head_movement) for g in yes_no.glosses} == {
        ("brow_raise", "tilt_forward")
    } and yes_no.type == "yes_no_question"


def test_pauses_and_lines(lexicon: Any) -> None:
    first, second = parse_gloss("HELLO, IX-1 / NAME fs-ANNA\nTHANK-YOU(pause_after=1)", lexicon)
    assert [g.pause_after for g in first.glosses] == [0.15, 0.15, 0.0, 0.35]
    assert second.glosses[0].pause_after == 1.0


def test_other_ways_of_writing_a_gloss(lexicon: Any) -> None:
    (sentence,) = parse_gloss("ix hello don't-know thank_you IX-1P IX2 mom", lexicon)
    assert [g.gloss_id for g in sentence.glosses] == ["IX-3", "HELLO", "DONT-KNOW", "THANK-YOU", "IX-1", "IX-2", "MOTHER"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("?!", "names no sign"),
        ("HELO", "unknown gloss 'HELO'; nearest: HELLO"),
        ("IX-1 HELO", "column 6"),
        ("你好", "unknown gloss '你好'"),
        ("HELLO (", "'(' is not expected"),
        ("HELLO(duration=", "bracket is not closed"),
        ("HELLO(duration=-1)", "not between"),
        ("HELLO(duration=nan)", "not between"),
        ("HELLO(duration=x)", "'x' is not a number"),
        ("HELLO(colour=red)", "colour: no such override"),
        ("HELLO(emphasis=big)", "none, mild, strong"),
        ("HELLO(duration)", "name=value"),
        ("fs-", "no letter"),
        ("fs-Москва", "no letter A to Z"),
        ("<wh>HELLO", "<wh> is not closed"),
        ("HELLO</wh>", "not open"),
        ("<q><wh>HELLO</q></wh>", "<wh> is"),
        ("<xyz>HELLO</xyz>", "unknown span"),
        ("<wh>HELLO. NAME</wh>", "not closed before the end"),
        ("+", "unknown gloss"),
        ("HELLO(mouthing=)", "empty"),
        ("HELLO " * 2000, "12,000"),
    ],
)
def test_errors_are_one_line_and_name_the_trouble(lexicon: Any, line: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_gloss(line, lexicon)
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "line",
    [
        "IX-1 NAME fs-ANNA.",
        "HELLO, POSS-1 NAME fs-ANNA.\n<wh>IX-2 LIVE WHERE</wh>?",
        "WORK++(duration=0.9) #OK 25.",
        "<q>IX-2 <shake>DONT-KNOW</shake></q>?",
        "<cond>IF RAIN</cond> IX-1 STAY HOME.",
        "<t>CAR</t> IX-1 LIKE(emphasis=mild).",
        'HELLO(facial_expression=smile, mouthing="thank you")!',
        "HELLO(pause_after=1).",
    ],
)
def test_written_notation_is_read_and_written_alike(lexicon: Any, line: str) -> None:
    assert format_gloss(parse_gloss(line, lexicon)) == line


def test_english_written_as_notation_is_read_back(lexicon: Any) -> None:
    for _, english, _ in CASES:
        sentences = analyse(english, lexicon)
        again = parse_gloss(format_gloss(sentences), lexicon)
        # What a gloss says by its fields, the notation says by overrides.
        assert [[f[:-1] for f in signed(s)] for s in again] == [[f[:-1] for f in signed(s)] for s in sentences], english
        assert [(s.type, s.negated) for s in again] == [(s.type, s.negated) for s in sentences], english
