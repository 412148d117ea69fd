"""Numerals and number words."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.phonology.number_glosses import is_number
from signgen_core.text import analyse, parse_gloss
from signgen_core.text.numbers import integer, is_ordinal, numeral, read_words, year

SIGNS_OF_NUMBERS = "HALF THOUSAND MILLION DOLLAR PENNY PERCENT DECIMAL-POINT HOUR MINUTE".split()


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
        ("9,999", "9999"),
        ("12,500", "12 THOUSAND 500"),
        ("2000", "2000"),
        ("1900", "19-00"),
        ("2010", "20-10"),
        ("113th", "113TH"),
        ("22nd", "22ND"),
        ("$5", "$5"),
        ("$1,200", "$1200"),
        ("$25,000", "25 THOUSAND DOLLAR"),
        ("$0.50", "50-CENT"),
        ("$4.05", "$4 5-CENT"),
        ("$3.00", "$3"),
        ("1/2", "HALF"),
        ("3/4", "3-OVER-4"),
        ("3/16th", "3-OVER-16"),
        ("24/7", "24 7"),
        ("12/24/2023", "fs-DEC 24 20-23"),
        ("24/12/2023", "fs-DEC 24 20-23"),
        ("2023-12-24", "fs-DEC 24 20-23"),
        ("6/5/99", "fs-JUNE 5 99"),
        ("1990s", "19-90S"),
        ("1990's", "19-90S"),
        ("555-123-4567", "555-123-4567"),
        ("14:30", "14:30"),
        ("06:15", "6:15"),
        ("2:30:15", "2 30 15"),
        ("0.5", "0 DECIMAL-POINT 5"),
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


SIGNS = " ".join(SIGNS_OF_NUMBERS)


@pytest.fixture
def full(lexicon: Any) -> Any:
    """The small lexicon with the signs that numbers are built with."""
    return type(lexicon)(f"{SIGNS} {' '.join(lexicon.glosses)}")


@pytest.mark.parametrize(
    ("rule", "english", "wanted"),
    [
        ("age", "I am 25.", "IX-1 AGE-25"),
        ("age", "I'm twenty-five years old.", "IX-1 AGE-25"),
        ("age", "She is a 7-year-old girl.", "IX-3 AGE-7 GIRL"),
        ("age", "My seven-year-old brother is sick.", "POSS-1 AGE-7 BROTHER SICK"),
        ("age", "The baby is six months old.", "BABY 6-MONTH OLD"),
        ("age", "At the age of 12 I live here.", "AGE-12 IX-1 LIVE HERE"),
        ("age", "He was 20 when he died.", None),
        ("no age", "It is 9.", "9"),
        ("no age", "I am one of them.", None),
        ("money", "I have $5.", "IX-1 HAVE $5"),
        ("money", "The book is $4.50.", "BOOK $4 50"),
        ("money", "I need 20 dollars.", "IX-1 NEED $20"),
        ("money", "I need nine dollars.", "IX-1 NEED $9"),
        ("money", "I need five cents.", "IX-1 NEED 5-CENT"),
        ("money", "I have a hundred dollars.", "IX-1 HAVE $100"),
        ("money", "I have 3 dollars and 25 cents.", "IX-1 HAVE $3 25"),
        ("money", "I want $2.5 million.", "IX-1 WANT 2 DECIMAL-POINT 5 MILLION DOLLAR"),
        ("clock", "I eat at 3:30pm.", "3:30 AFTERNOON IX-1 EAT"),
        ("clock", "I'll see you at 5 o'clock.", "5-OCLOCK IX-1 WILL SEE IX-2"),
        ("clock", "I eat at 5.", "5-OCLOCK IX-1 EAT"),
        ("clock", "I eat at seven thirty.", "7:30 IX-1 EAT"),
        ("clock", "It is half past four.", "4:30"),
        ("clock", "It's a quarter to six.", "5:45"),
        ("clock", "I eat at quarter past one.", "1:15 IX-1 EAT"),
        ("clock", "I eat at a quarter to one.", "12:45 IX-1 EAT"),
        ("clock", "I eat at ten past three.", "3:10 IX-1 EAT"),
        ("clock", "I eat at 7 pm.", "7-OCLOCK NIGHT IX-1 EAT"),
        ("clock", "I eat at 6:45 am tomorrow.", "TOMORROW 6:45 MORNING IX-1 EAT"),
        ("clock", "On Monday at 5 I work.", "MONDAY 5-OCLOCK IX-1 WORK"),
        ("clock", "Is it 5 o'clock?", "5-OCLOCK"),
        ("date", "My birthday is on May 5, 1999.", "POSS-1 BIRTHDAY fs-MAY 5 19-99"),
        ("date", "On June 5th, 2024, I work.", "fs-JUNE 5 20-24 IX-1 WORK"),
        ("date", "On 5 June 2024 I work.", "fs-JUNE 5 20-24 IX-1 WORK"),
        ("date", "On the 5th of June I work.", "fs-JUNE 5 IX-1 WORK"),
        ("date", "On December third I work.", "fs-DEC 3 IX-1 WORK"),
        ("date", "On 12/24/2023 I work.", "fs-DEC 24 20-23 IX-1 WORK"),
        ("date", "On 9/11 I work.", "fs-SEPT 11 IX-1 WORK"),
        ("month", "In September I work.", "fs-SEPT IX-1 WORK"),
        ("month", "My birthday is in May.", "POSS-1 BIRTHDAY fs-MAY"),
        ("no month", "May I help you?", None),
        ("year", "In 1994 I live here.", "19-94 IX-1 LIVE HERE"),
        ("year", "In 2005 I live here.", "2-0-0-5 IX-1 LIVE HERE"),
        ("year", "Nineteen ninety-four is good.", "19-94 GOOD"),
        ("year", "Twenty twenty-four is good.", "20-24 GOOD"),
        ("no year", "I have 1500 books.", "IX-1 HAVE 1500 BOOK"),
        ("decade", "In the 1990s I work.", "19-90S IX-1 WORK"),
        ("decade", "In the nineteen eighties I work.", "19-80S IX-1 WORK"),
        ("decade", "In the nineties I work.", "90S IX-1 WORK"),
        ("unit", "Two weeks ago I work.", "2-WEEK PAST IX-1 WORK"),
        ("unit", "In three months I work.", "3-MONTH IX-1 WORK"),
        ("unit", "I study for 5 years.", "IX-1 STUDY FOR 5-YEAR"),
        ("unit", "I study for 20 minutes.", "IX-1 STUDY FOR 20 MINUTE"),
        ("unit", "I study ten seconds.", "IX-1 STUDY 10 fs-SEC"),
        ("unit", "I want a two-day movie.", "IX-1 WANT 2-DAY MOVIE"),
        ("unit", "I work two and a half hours.", None),
        ("cardinal", "I have 1,250 books.", "IX-1 HAVE 1250 BOOK"),
        ("cardinal", "I have two thousand and six books.", "IX-1 HAVE 2006 BOOK"),
        ("cardinal", "I have a hundred books.", "IX-1 HAVE 100 BOOK"),
        ("cardinal", "I have two dozen books.", "IX-1 HAVE 24 BOOK"),
        ("cardinal", "I see half a million books.", "IX-1 SEE HALF MILLION BOOK"),
        ("cardinal", "I have 2 cats and 3 dogs.", None),
        ("cardinal", "One, two, three.", "1 2 3"),
        ("ordinal", "The 2nd book is good.", "2ND BOOK GOOD"),
        ("ordinal", "The third book is good.", "3RD BOOK GOOD"),
        ("ordinal", "The twenty-first day is good.", "21ST DAY GOOD"),
        ("no ordinal", "Stay a second.", "STAY fs-SEC"),
        ("percent", "10% like milk.", None),
        ("percent", "I want 10%.", "IX-1 WANT 10 PERCENT"),
        ("fraction", "Two thirds of the books are good.", "2-OVER-3 BOOK GOOD"),
        ("no fraction", "I have two quarters.", "IX-1 HAVE 2 25-CENT"),
        ("coin", "Give me a quarter.", "GIVE IX-1 25-CENT"),
        ("coin", "I have a dime.", "IX-1 HAVE 10-CENT"),
        ("fraction", "I want 1/2 of the pizza.", "IX-1 WANT HALF PIZZA"),
        ("fraction", "A quarter of the books are good.", "1-OVER-4 BOOK GOOD"),
        ("decimal", "I want 3.5.", "IX-1 WANT 3 DECIMAL-POINT 5"),
        ("decimal", "I want three point five.", "IX-1 WANT 3 DECIMAL-POINT 5"),
        ("digits", "Call 555-1234.", "PHONE 555-1234"),
        ("digits", "Call (555) 123-4567.", "PHONE 555-123-4567"),
        ("digits", "I want 007.", "IX-1 WANT 007"),
        ("letters and digits", "I have B2B books.", "IX-1 HAVE fs-B 2 fs-B BOOK"),
    ],
)
def test_numbers_in_sentences(full: Any, rule: str, english: str, wanted: str | None) -> None:
    found = [g for s in analyse(english, full) for g in s.glosses]
    written = " ".join(g.gloss_id for g in found)
    if wanted is not None:
        assert written == wanted, rule
    assert all((g.kind == "number") == is_number(g.gloss_id) for g in found)
    read_back = [g.gloss_id for s in parse_gloss(written, full) for g in s.glosses]
    assert read_back == [g.gloss_id for g in found]


def test_what_is_only_a_piece_of_an_expression_is_none(full: Any) -> None:
    """Readings that a greedy rule would spoil."""

    def signs(english: str) -> str:
        return " ".join(g.gloss_id for s in analyse(english, full) for g in s.glosses)

    assert "AGE" not in signs("I am one of them.") and "AGE" not in signs("It is 9.")
    assert "fs-MAY" not in signs("May I help you?")
    assert signs("I have 2 cats and 3 dogs.").split()[2:] == ["2", "CAT", "3", "DOG"]
    assert "2 HALF HOUR" in signs("I work two and a half hours.")
    assert signs("He was 20 when he eats.").endswith("AGE-20")


def test_without_the_signs_that_numbers_are_built_with_the_parts_are_signed(lexicon: Any, empty_lexicon: Any) -> None:
    def signs(english: str, words: Any) -> str:
        return " ".join(g.gloss_id for s in analyse(english, words) for g in s.glosses)

    assert signs("I have 5 cents.", lexicon) == "IX-1 HAVE 5 fs-CENT"
    assert signs("I have 20 dollars.", lexicon) == "IX-1 HAVE 20 fs-DOLLAR"
    assert signs("I eat 2 weeks.", empty_lexicon) == "IX-1 fs-EAT 2 fs-WEEK"
    assert "OCLOCK" not in signs("I eat at 5 o'clock.", empty_lexicon)
