"""Face, head and pauses that the text half puts on its glosses."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.text import Gloss, Sentence, analyse


def only(text: str, lexicon: Any) -> Sentence:
    (sentence,) = analyse(text, lexicon)
    return sentence


def spans(sentence: Sentence) -> list[tuple[str, str, str]]:
    return [(g.gloss_id, g.facial_expression, g.head_movement) for g in sentence.glosses]


def test_yes_no_question_raises_brows_over_every_sign(lexicon: Any) -> None:
    sentence = only("Do you want coffee?", lexicon)
    assert sentence.type == "yes_no_question"
    assert spans(sentence) == [(g, "brow_raise", "tilt_forward") for g in ("IX-2", "WANT", "COFFEE")]


def test_wh_question_furrows_brows_over_every_sign(lexicon: Any) -> None:
    assert {(f, h) for _, f, h in spans(only("What is your name?", lexicon))} == {("brow_furrow", "none")}


def test_greeting_before_a_question_keeps_its_own_face(lexicon: Any) -> None:
    marked = spans(only("Hello, are you deaf?", lexicon))
    assert marked == [("HELLO", "smile", "none"), ("IX-2", "brow_raise", "tilt_forward"), ("DEAF", "brow_raise", "tilt_forward")]


def test_headshake_from_the_negation_to_the_end_of_its_clause(lexicon: Any) -> None:
    sentence = only("I like coffee but I don't understand milk.", lexicon)
    assert sentence.negated and sentence.type == "statement"
    assert [h for _, _, h in spans(sentence)] == ["none"] * 5 + ["shake"] * 3
    assert [f for _, f, _ in spans(sentence)][-3:] == ["negative"] * 3


def test_headshake_begins_at_the_noun_that_none_follows(lexicon: Any) -> None:
    assert [(g, h) for g, _, h in spans(only("I have no brothers.", lexicon))] == [
        ("IX-1", "none"),
        ("BROTHER", "shake"),
        ("NONE", "shake"),
    ]


def test_negated_question_has_brows_of_the_question_and_head_of_the_negation(lexicon: Any) -> None:
    sentence = only("Why don't you eat?", lexicon)
    assert spans(sentence) == [
        ("IX-2", "brow_furrow", "none"),
        ("NOT", "brow_furrow", "shake"),
        ("EAT", "brow_furrow", "shake"),
        ("WHY", "brow_furrow", "shake"),
    ]
    assert sentence.negated


def test_embedded_question_is_not_asked(lexicon: Any) -> None:
    sentence = only("Tell me where you live.", lexicon)
    assert sentence.type == "command" and {f for _, f, _ in spans(sentence)} == {"neutral"}


def test_condition_raises_brows_then_pauses(lexicon: Any) -> None:
    sentence = only("If it rains, I will stay home.", lexicon)
    assert sentence.type == "conditional"
    assert [(g.gloss_id, g.facial_expression, g.pause_after) for g in sentence.glosses] == [
        ("IF", "brow_raise", 0.0),
        ("RAIN", "brow_raise", 0.2),
        ("IX-1", "neutral", 0.0),
        ("WILL", "neutral", 0.0),
        ("STAY", "neutral", 0.0),
        ("HOME", "neutral", 0.35),
    ]


def test_time_clause_is_a_topic(lexicon: Any) -> None:
    sentence = only("When I was a child, I was happy.", lexicon)
    assert sentence.type == "topic"
    assert [g.facial_expression for g in sentence.glosses[:2]] == ["topic", "topic"] and sentence.glosses[1].pause_after == 0.2


@pytest.mark.parametrize(
    ("text", "gloss", "face", "head"),
    [
        ("Thank you.", "THANK-YOU", "smile", "none"),
        ("Yes, I understand.", "YES", "neutral", "nod"),
        ("No, thanks.", "NO", "negative", "shake"),
        ("I am sad.", "SAD", "sad", "none"),
        ("Good morning!", "MORNING", "smile", "none"),
        ("I am sorry.", "SORRY", "sad", "none"),
    ],
)
def test_signs_with_a_face_of_their_own(lexicon: Any, text: str, gloss: str, face: str, head: str) -> None:
    marked = {g.gloss_id: g for g in only(text, lexicon).glosses}[gloss]
    assert (marked.facial_expression, marked.head_movement) == (face, head)


def test_pauses_at_ends_of_clauses_and_sentences(lexicon: Any) -> None:
    glosses: list[Gloss] = [g for s in analyse("I like coffee, but I want milk. Thank you.", lexicon) for g in s.glosses]
    assert [(g.gloss_id, g.pause_after) for g in glosses if g.pause_after] == [("COFFEE", 0.15), ("MILK", 0.35), ("THANK-YOU", 0.35)]
    assert not any(g.pause_after for g in only("I think she is here.", lexicon).glosses[:-1]), "a complement clause follows without a pause"


def test_degree_makes_the_next_sign_stronger(lexicon: Any) -> None:
    house = {g.gloss_id: g.emphasis for g in only("The house is very big.", lexicon).glosses}
    assert house == {"HOUSE": "none", "BIG": "mild"}
    assert only("I am really, really tired.", lexicon).glosses[-1].emphasis == "strong"


def test_commands(lexicon: Any) -> None:
    assert [only(t, lexicon).type for t in ("Sit down.", "Please come here!", "Don't eat.", "Let's go.", "Be happy.")] == ["command"] * 5
    assert only("Thank you for the book.", lexicon).type == "statement"


def test_type_of_a_sentence_with_a_question_behind_a_statement(lexicon: Any) -> None:
    sentence = only("I'm deaf, are you?", lexicon)
    assert sentence.type == "yes_no_question"
    assert [f for _, f, _ in spans(sentence)] == ["neutral", "neutral", "brow_raise"]
