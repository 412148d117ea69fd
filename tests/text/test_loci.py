"""Places in signing space for the persons of a text."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.text import analyse, format_gloss, parse_gloss

TEXTS = [
    # what it shows, English, signs of each sentence
    ("a name is set up, she points back", "Anna lives here. She is a teacher.", ["fs-ANNA IX-A LIVE HERE", "IX-A TEACHER"]),
    ("possessive and object", "John is sick. I like him and his dog.", ["fs-JOHN IX-A SICK", "IX-1 LIKE IX-A POSS-A DOG"]),
    ("two persons, two places", "Anna loves Tom. She gave him a book.", ["fs-ANNA IX-A LOVE fs-TOM IX-B", "IX-A GIVE IX-B BOOK"]),
    ("a person noun by its gender", "My sister met a man. He helped her.", ["POSS-1 SISTER IX-A MEET MAN IX-B", "IX-B HELP IX-A"]),
    ("in one sentence", "Anna lost her book.", ["fs-ANNA IX-A fs-LOSE POSS-A BOOK"]),
    ("reflexive", "Tom is old. He sees himself.", ["fs-TOM IX-A OLD", "IX-A SEE SELF-A"]),
    ("a name of two words", "Mary Smith is deaf. She signs.", ["fs-MARY fs-SMITH IX-A DEAF", "IX-A SIGN"]),
    ("a name again is enough", "Anna is here. She works. Anna is tired.", ["fs-ANNA IX-A HERE", "IX-A WORK", "fs-ANNA TIRED"]),
    ("a noun again points again", "The doctor came. She sat. The doctor helped me.", ["DOCTOR IX-A COME", "IX-A SIT", "DOCTOR IX-A HELP IX-1"]),
    ("no later pronoun, no place", "Anna lives here. Tom is sick.", ["fs-ANNA LIVE HERE", "fs-TOM SICK"]),
    ("nobody before, plain pointing", "She knows him.", ["IX-3 KNOW IX-3"]),
    ("a place is no person", "I live in Chicago. He works here.", ["IX-1 LIVE fs-CHICAGO", "IX-3 WORK HERE"]),
    ("my own name is I", "My name is Anna. She is my friend.", ["POSS-1 NAME fs-ANNA", "IX-3 POSS-1 FRIEND"]),
    ("it is no person", "The teacher has a car. It is new.", ["TEACHER HAVE CAR", "IX-3 NEW"]),
    ("an object is not its own subject", "The teacher helps a student. The student likes him.", ["TEACHER IX-A HELP STUDENT", "STUDENT LIKE IX-A"]),
    ("asked if is no condition", "Tom asked Anna if she is hungry.", ["fs-TOM ASK fs-ANNA IX-A IF IX-A HUNGRY"]),
    ("gender tells apart", "My father and my mother are deaf. He signs. She reads.", ["POSS-1 FATHER IX-A POSS-1 MOTHER IX-B DEAF", "IX-A SIGN", "IX-B READ"]),
]


@pytest.mark.parametrize(("shows", "text", "expected"), TEXTS, ids=[t[0] for t in TEXTS])
def test_pointing(lexicon: Any, shows: str, text: str, expected: list[str]) -> None:
    assert [" ".join(g.gloss_id for g in s.glosses) for s in analyse(text, lexicon)] == expected, shows


def test_eyes_go_to_the_place(lexicon: Any) -> None:
    first, second = analyse("Anna loves Tom. She gave him a book.", lexicon)
    assert {g.gloss_id: g.eye_gaze for g in first.glosses} == {"fs-ANNA": "viewer", "IX-A": "right", "LOVE": "viewer", "fs-TOM": "viewer", "IX-B": "left"}
    assert second.glosses[0].eye_gaze == "right" and second.glosses[2].eye_gaze == "left"


def test_set_up_is_part_of_its_clause(lexicon: Any) -> None:
    glosses = analyse("Does Anna live here? She is my friend.", lexicon)[0].glosses
    assert [g.gloss_id for g in glosses] == ["fs-ANNA", "IX-A", "LIVE", "HERE"]
    assert {g.facial_expression for g in glosses} == {"brow_raise"}
    assert all(g.words and g.why and g.kind for g in glosses) and glosses[1].kind == "index"


def test_a_person_at_the_end_hands_over_the_pause(lexicon: Any) -> None:
    glosses = analyse("I know Anna. She is nice.", lexicon)[0].glosses
    assert [g.gloss_id for g in glosses] == ["IX-1", "KNOW", "fs-ANNA", "IX-A"]
    assert glosses[-1].pause_after == 0.35 and glosses[-2].pause_after == 0.0


def test_the_notation_reads_places_back(lexicon: Any) -> None:
    sentences = analyse("Anna loves Tom. She gave him his book.", lexicon)
    again = parse_gloss(format_gloss(sentences), lexicon)
    assert [[(g.gloss_id, g.kind, g.eye_gaze) for g in s.glosses] for s in again] == [[(g.gloss_id, g.kind, g.eye_gaze) for g in s.glosses] for s in sentences]


def test_the_lexicon_has_the_places() -> None:
    from signgen_core.phonology.lexicon import load_lexicon

    assert all(load_lexicon().has(f"{kind}-{locus}") for kind in ("IX", "POSS", "SELF") for locus in "AB")
