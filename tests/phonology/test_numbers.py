"""Numbers 0 to 999: every one has a form, no two share one, and the forms are those of ASL where they differ from digits in a row."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import InputError
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.phonology.numbers import number_morphemes
from signgen_core.planner import Planner, number
from signgen_core.synthesis.check import measure
from signgen_core.text.types import Gloss, Sentence

SHAPES = load_handshapes()
ORIGIN = (0.0, 0.0, 0.0)


def forms(value):
    return number_morphemes(value, SHAPES, ORIGIN)


def test_every_number_has_its_own_form():
    seen = {}
    for value in range(1000):
        assert seen.setdefault(forms(value), value) == value
        for morpheme in forms(value):
            assert morpheme.handshape in SHAPES


def test_low_digits_alone_face_the_signer_and_in_numbers_the_viewer():
    assert {forms(n)[0].palm for n in (1, 2, 3, 4, 5)} == {"back"}
    assert all("forward" in forms(n)[0].palm for n in (6, 7, 8, 9, 34, 58, 123))


def test_forms_that_are_not_digits_in_a_row():
    assert forms(10)[0].internal == "twist" and len(forms(10)) == 1
    assert [m.final_handshape for m in forms(11)] == ["1", "1"]
    assert forms(13)[0].internal == "bend"
    assert forms(16)[0].handshape == "a" and forms(16)[1].handshape == SHAPES.digits["6"].handshape
    assert forms(26)[0].handshape == "l"
    assert len(forms(44)) == 1 and forms(44)[0].direction == "out"
    assert [m.handshape for m in forms(300)] == [SHAPES.digits["3"].handshape, SHAPES.letters["c"].handshape]
    assert forms(345)[2:] != forms(45) and [m.handshape for m in forms(345)[2:]] == [m.handshape for m in forms(45)]


def test_the_ones_stand_further_out_than_the_tens():
    tens, ones = forms(47)
    assert ones.location_offset[0] > tens.location_offset[0]


@pytest.mark.parametrize("value", [-1, 1000])
def test_outside_the_range(value):
    with pytest.raises(ValueError, match="between 0 and 999"):
        forms(value)


def test_long_numbers_and_leading_zeros_go_digit_by_digit():
    assert [m.handshape for m in number("007", SHAPES)] == [SHAPES.digits[d].handshape for d in "007"]
    assert len(number("4,815", SHAPES)) == 4
    with pytest.raises(InputError, match="'12a' is not a number"):
        number("12a", SHAPES)


@pytest.mark.parametrize("value", [0, 7, 10, 11, 15, 18, 20, 22, 23, 25, 29, 33, 67, 86, 90, 100, 256, 999])
def test_numbers_keep_the_bounds_of_motion(value):
    synthesiser = pipeline.synthesiser_for()
    from signgen_core.phonology.lexicon import load_lexicon

    sentence = Sentence(str(value), "statement", False, (Gloss(str(value), "number"),))
    plan = Planner(synthesiser, load_lexicon()).plan([sentence], text="n", seed=0, handedness="right", tempo=1.0)
    report = measure(synthesiser, plan, pipeline.animate(plan))
    assert report.jump < np.radians(35), report.jump_joint
    assert report.penetration < 0.005 and report.wrist_speed < 4.0 and report.limit < 1e-6
    assert report.turn_error < np.radians(30)
