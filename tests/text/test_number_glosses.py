"""Numerals and number words."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.phonology.number_glosses import is_number
from signgen_core.text import analyse
from signgen_core.text.numbers import integer, is_ordinal, numeral, read_words, year


def nothing(_: str) -> bool:
    return False


def everything(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("words", "value", "read"),
    [
        ("five apples", 5, 1),
        ("twenty-five years", 25, 1),
        ("twenty five", 25, 2),
        ("one hundred", 100, 2),
        ("two hundred and five apples", 205, 4),
        ("one thousand two hundred and thirty-four", 1234, 6),
        ("three million", 3_000_000, 2),
        ("nineteen ninety nine", 19, 1),
        ("one two three", 1, 1),
        ("zero", 0, 1),
        ("ten five", 10, 1),
        ("five and six", 5, 1),
        ("hundred", 0, 0),
        ("apples", 0, 0),
        ("twenty-first", 21, 1),
        ("nine hundred ninety nine", 999, 4),
        ("sixty ten", 60, 1),
        ("dozen eggs", 12, 1),
    ],
)
def test_number_words(words: str, value: int, read: int) -> None:
    assert read_words(words.split()) == (value, read)


def test_every_number_below_ten_thousand_is_read_back() -> None:
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    tens = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()

    def say(n: int) -> str:
        if n < 20:
            return ones[n]
        if n < 100:
            return tens[n // 10] + ("-" + ones[n % 10] if n % 10 else "")
        if n < 1000:
            return f"{ones[n // 100]} hundred" + (f" and {say(n % 100)}" if n % 100 else "")
        return f"{say(n // 1000)} thousand" + (f" {say(n % 1000)}" if n % 1000 else "")

    for n in range(10_000):
        words = say(n).split()
        assert read_words(words) == (n, len(words)), say(n)


@pytest.mark.parametrize(
    ("text", "glosses"),
    [
        ("0", "0"),
        ("25", "25"),
        ("999", "999"),
        ("2,500", "2500"),
        ("1000", "1000"),
        ("1999", "19-99"),
        ("2024", "20-24"),
        ("2005", "2-0-0-5"),
        ("1905", "19-05"),
        ("1,999", "1999"),
        ("3.5", "3 DECIMAL-POINT 5"),
        ("3.14", "3 DECIMAL-POINT 1-4"),
        ("3rd", "3RD"),
        ("21st", "21ST"),
        ("5:30", "5:30"),
        ("7:00", "7-OCLOCK"),
        ("7:05", "7:05"),
        ("$20", "$20"),
        ("$2.50", "$2 50"),
        ("50%", "50 PERCENT"),
        ("007", "007"),
        ("555-1234", "555-1234"),
        ("10-15", "10 15"),
        ("1234567", "1234567"),
        ("90s", "90S"),
        ("3,000,000", "3 MILLION"),
        ("1.2.3", "1 2 3"),
    ],
)
def test_numerals(text: str, glosses: str) -> None:
    assert " ".join(numeral(text, everything)) == glosses


def test_without_a_sign_for_the_scale_the_digits_are_signed() -> None:
    assert integer(2500, nothing) == ("2", "5", "0", "0")
    assert numeral("3.5", nothing) == ("3", "fs-POINT", "5")
    assert numeral("1900", nothing) == ("19-00",) and year(1900) == "19-00"


def test_ordinals() -> None:
    assert is_ordinal("third") and is_ordinal("twenty-fifth") and is_ordinal("3rd") and not is_ordinal("three")


@pytest.mark.parametrize(
    ("english", "wanted"),
    [
        ("I am 25.", "IX-1 AGE-25"),
        ("It is 3.5 dollars.", "IX-3 3 fs-POINT 5 MONEY"),
        ("Call 555-1234.", "PHONE 555-1234"),
        ("I have B2B books.", "IX-1 HAVE fs-B 2 fs-B BOOK"),
        ("My birthday is on May 5, 1999.", "POSS-1 BIRTHDAY fs-MAY 5 19-99"),
        ("I eat at 3:30pm.", "3:30 AFTERNOON IX-1 EAT"),
        ("One, two, three.", "1 2 3"),
    ],
)
def test_numbers_in_sentences(lexicon: Any, english: str, wanted: str) -> None:
    found = [g for s in analyse(english, lexicon) for g in s.glosses]
    assert " ".join(g.gloss_id for g in found) == wanted
    assert all((g.kind == "number") == is_number(g.gloss_id) for g in found)
