"""Signed numbers: every one has a form, no two share one, and the forms are those of ASL where they differ from digits in a row."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import InputError
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.phonology.number_glosses import UNIT_SIGNS, is_number, ordinal, parse_number
from signgen_core.phonology.numbers import number_form, number_morphemes
from signgen_core.planner import Planner, number
from signgen_core.synthesis.check import measure
from signgen_core.text.types import Gloss, Sentence

SHAPES = load_handshapes()
ORIGIN = (0.0, 0.0, 0.0)
LEXICON = load_lexicon()


def signs(gloss):
    return LEXICON.get(gloss).morphemes


def forms(value):
    return number_morphemes(value, SHAPES, ORIGIN, signs)


def form(gloss):
    return number_form(gloss, SHAPES, ORIGIN, signs)


def shapes_of(gloss):
    return [m.handshape for m in form(gloss)]


def test_every_cardinal_has_its_own_form():
    seen = {}
    for value in range(10_000):
        assert seen.setdefault(forms(value), value) == value
        assert all(morpheme.handshape in SHAPES for morpheme in forms(value))
        assert len(forms(value)) <= 6


def test_every_name_of_a_number_has_its_own_form():
    names = [f"{n}-{unit}" for n in range(1, 10) for unit in UNIT_SIGNS] + [ordinal(n) for n in range(1, 41)] + [f"AGE-{n}" for n in range(150)]
    names += [f"${n}" for n in range(31)] + [f"{n}-CENT" for n in range(1, 100)] + [f"{n}-OCLOCK" for n in range(25)] + ["1-OVER-2", "2-OVER-1"]
    names += [f"{h}:{m:02}" for h in range(25) for m in range(60)] + ["19-94", "20-05", "555-1234", "19-90S", "90S", "007"] + [str(n) for n in range(100)]
    names = [n for n in names if n != "1-MINUTE" and n != "1-HOUR" and n not in ("1-DAY", "1-WEEK", "1-MONTH")]  # those are the signs themselves
    seen = {}
    for name in names:
        assert is_number(name), name
        assert seen.setdefault(form(name), name) == name


@pytest.mark.parametrize("name", ["", "HELLO", "2ST", "11ST", "AGE-", "AGE-150", "$-5", "$1.50", "3:75", "26:00", "100-CENT", "10-WEEK", "2-CAT", "-5", "٣"])
def test_not_names_of_numbers(name):
    assert not is_number(name)
    with pytest.raises(ValueError, match="not a number"):
        form(name)


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("25", "cardinal", (25,)), ("4,815", "cardinal", (4815,)), ("22ND", "ordinal", (22,)), ("AGE-7", "age", (7,)), ("$20", "dollars", (20,)),
        ("5-CENT", "cents", (5,)), ("3-OCLOCK", "clock", (3,)), ("12:05", "clock", (12, 5)), ("2-WEEK", "unit", (2,)), ("3-OVER-4", "fraction", (3, 4)),
    ],
)  # fmt: skip
def test_names_are_taken_apart(name, kind, values):
    number = parse_number(name)
    assert (number.kind, number.values) == (kind, values)


def test_runs_of_digits_are_taken_apart():
    assert parse_number("19-90S").groups == ("19", "90") and parse_number("19-90S").word == "S"
    assert parse_number("0049").groups == ("0049",) and parse_number("12345").kind == "digits"


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
    assert len(forms(200)) == 1 and forms(200)[0].final_handshape == "curved_v"
    assert forms(345)[2:] != forms(45) and [m.handshape for m in forms(345)[2:]] == [m.handshape for m in forms(45)]


def test_eleven_and_twelve_are_flicked_once_within_longer_numbers():
    assert len(forms(11)) == 2 and len(forms(12)) == 2
    assert len(form("19-11")) == len(forms(19)) + 1 and len(form("12-OCLOCK")) == 2 and len(forms(111)) == 3


def test_cardinals_make_actions_of_bearable_length():
    planner = Planner(pipeline.synthesiser_for(), LEXICON)
    seconds = np.array([planner.synthesiser.schedule(planner.form(str(value), "number"), True).total for value in [*range(120), *range(120, 10_000, 7)]])
    assert 0.25 <= seconds.min() and seconds.max() < 3.5
    assert np.median(seconds) < 2.5 and seconds[:100].max() < 1.5


def test_the_ones_stand_further_out_than_the_tens():
    tens, ones = forms(47)
    assert ones.location_offset[0] > tens.location_offset[0]


@pytest.mark.parametrize("value", [-1, 10_000])
def test_outside_the_range(value):
    with pytest.raises(ValueError, match="between 0 and 9,999"):
        forms(value)


def test_thousands_stand_on_the_other_palm():
    two, thousand, three, hundred, *_ = forms(2345)
    assert (two.handshape, three.handshape, hundred.handshape) == ("v", "3", "c")
    assert thousand.minor_location == "Palm" and thousand.contact and thousand in signs("THOUSAND")


def test_numbers_stand_where_they_are_put_and_the_body_stays():
    here, there = form("AGE-25"), number_form("AGE-25", SHAPES, (0.1, 0.2, 0.0), signs)
    assert here[0] == there[0] and here[0].minor_location == "Chin"
    assert there[1].location_offset[1] - here[1].location_offset[1] == pytest.approx(0.2)


def test_incorporated_numbers_are_one_hand_shape_in_the_sign_of_the_unit():
    for n in range(1, 10):
        shape = SHAPES.digits[str(n)].handshape
        week = form(f"{n}-WEEK")
        assert shapes_of(f"{n}-WEEK") == [shape] and week[0].minor_location == signs("WEEK")[0].minor_location
        assert shapes_of(f"AGE-{n}") == [shape] and form(f"AGE-{n}")[0].minor_location == "Chin"
        assert shapes_of(f"{n}-CENT") == [shape] and form(f"{n}-CENT")[0].minor_location == "Forehead"
        for turning in (f"${n}", ordinal(n)):
            assert shapes_of(turning) == [shape]
            assert "forward" in form(turning)[0].palm and "back" in form(turning)[0].final_palm
        assert form(f"{n}-OCLOCK")[0].minor_location == "WristBack"
    assert len(form("$20")) == len(forms(20)) + len(signs("DOLLAR"))


def test_years_are_pairs_and_digit_strings_are_digits():
    assert shapes_of("19-94") == [m.handshape for v in (19, 94) for m in forms(v)]
    assert shapes_of("555-1234") == [SHAPES.digits[d].handshape for d in "5551234"]
    assert shapes_of("19-00")[-1] == "c"
    assert shapes_of("21ST")[-2:] == [SHAPES.letters["s"].handshape, SHAPES.letters["t"].handshape]
    first, second = form("20-20")[0], form("20-20")[1]
    assert second.location_offset[0] > first.location_offset[0]


def test_clock_times():
    hour, three, zero = form("3:00")[0], form("3:05")[1], form("3:05")[2]
    assert hour.minor_location == "WristBack" and three.handshape == "3" and zero.handshape == "o"
    assert "forward" in form("3-OCLOCK")[1].palm


def test_below_the_line_is_lower():
    over, under = form("1-OVER-4")
    assert under.location_offset[1] < over.location_offset[1] - 0.05


def test_leading_zeros_go_digit_by_digit_and_nonsense_is_refused():
    assert [m.handshape for m in number("007", SHAPES, signs)] == [SHAPES.digits[d].handshape for d in "007"]
    with pytest.raises(InputError, match="'12a' is not a number"):
        number("12a", SHAPES, signs)
    with pytest.raises(InputError, match="longer than 64"):
        number("1" * 65, SHAPES, signs)


BOUNDED = (
    "0 7 10 11 15 18 20 22 23 25 29 33 67 86 90 100 200 256 500 999 1000 1500 2345 9999 1ST 5TH 9TH 22ND $1 $9 $20 5-CENT 9-CENT 50-CENT AGE-1 AGE-6"
    " AGE-9 AGE-25 3-OCLOCK 12-OCLOCK 3:30 11:45 1-OVER-4 19-94 20-05 555-1234 90S"
).split() + [f"{n}-{unit}" for unit in UNIT_SIGNS for n in (2, 3, 6, 9)]


@pytest.mark.parametrize("value", BOUNDED)
def test_numbers_keep_the_bounds_of_motion(value):
    synthesiser = pipeline.synthesiser_for()
    sentence = Sentence(value, "statement", False, (Gloss(value, "number"),))
    plan = Planner(synthesiser, LEXICON).plan([sentence], text="n", seed=0, handedness="right", tempo=1.0)
    assert 0.25 <= plan.actions[0].duration <= 0.45 + 0.75 * len(plan.actions[0].phonology)
    report = measure(synthesiser, plan, pipeline.animate(plan))
    assert report.jump < np.radians(35), report.jump_joint
    assert report.penetration < 0.005 and report.wrist_speed < 4.0 and report.limit < 1e-6
    assert report.turn_error < np.radians(30)
    assert np.isnan(report.contact) or report.contact < 0.010
