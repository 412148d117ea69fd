"""Loan signs: lexicalised fingerspelling whose letters are those of the word, with movements of its own, inside the bounds of motion."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.phonology.features import Phonology
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.planner import Planner, spell
from signgen_core.synthesis.check import measure
from signgen_core.text import analyse, parse_gloss
from signgen_core.text.types import Gloss, Sentence

SHAPES = load_handshapes()
LEXICON = load_lexicon()
LOANS = tuple(g for g in LEXICON.glosses if g.startswith("#"))
# Hands that draw or turn a letter are found by the handshape of the letter.
TWICE = {"#DO": "DODO", "#HA": "HAHA"}


def form(gloss: str) -> tuple[Phonology, ...]:
    return LEXICON.get(gloss).morphemes


def test_there_are_loan_signs() -> None:
    assert len(LOANS) >= 35 and {"#OK", "#NO", "#BUS", "#JOB", "#BACK", "#WHAT"} <= set(LOANS)


@pytest.mark.parametrize("gloss", LOANS)
def test_the_letters_are_those_of_the_word_in_order(gloss: str) -> None:
    wanted = [SHAPES.letters[c].handshape for c in TWICE.get(gloss, gloss[1:]).lower()]
    shapes = iter(wanted)
    assert all(m.handshape in shapes for m in form(gloss)), "letters may be left out, but not swapped"
    assert form(gloss)[0].handshape == wanted[0] and form(gloss)[-1].handshape == wanted[-1]


@pytest.mark.parametrize("gloss", LOANS)
def test_a_loan_sign_is_not_the_letters_in_a_row(gloss: str) -> None:
    places = {m.location_offset for m in form(gloss)}
    turns = {(m.palm, m.fingers) for m in form(gloss)}
    assert len(places) > 1 or len(turns) > 1
    assert form(gloss) != spell(gloss[1:], SHAPES)


def test_known_movements() -> None:
    def move(gloss: str) -> tuple[float, float, float]:
        first, last = form(gloss)[0].location_offset, form(gloss)[-1].location_offset
        return (last[0] - first[0], last[1] - first[1], last[2] - first[2])

    assert move("#BUS")[1] < -0.05  # down
    assert move("#ALL")[0] > 0.15  # a wide sweep outwards
    assert move("#BACK")[0] > 0.05
    assert "forward" in form("#JOB")[0].palm and "back" in form("#JOB")[-1].palm  # the hand turns over
    assert "up" in form("#DO")[0].palm


@pytest.mark.parametrize("gloss", LOANS)
def test_loan_signs_keep_the_bounds_of_motion(gloss: str) -> None:
    synthesiser = pipeline.synthesiser_for()
    plan = Planner(synthesiser, LEXICON).plan(
        [Sentence(gloss, "statement", False, (Gloss(gloss, "fingerspelled"),))], text=gloss, seed=0, handedness="right", tempo=1.0
    )
    assert plan.actions[0].kind == "fingerspelled" and plan.actions[0].provenance["form"].startswith("lexicon/")
    assert 0.4 <= plan.actions[0].duration <= 1.8
    report = measure(synthesiser, plan, pipeline.animate(plan))
    assert report.jump < np.radians(35) and report.penetration < 0.005 and report.wrist_speed < 4.0 and report.turn_error < np.radians(30)


def test_loan_signs_in_text_and_notation() -> None:
    glosses = [g for s in analyse("The bank and the club have a sale. Ok.", LEXICON) for g in s.glosses]
    assert [g.gloss_id for g in glosses if g.gloss_id.startswith("#")] == ["#BANK", "#CLUB", "#SALE", "#OK"]
    assert all(g.kind == "fingerspelled" for g in glosses if g.gloss_id.startswith("#"))
    assert [g.gloss_id for g in parse_gloss("#bus #No #XYZ", LEXICON)[0].glosses] == ["#BUS", "#NO", "#XYZ"]
