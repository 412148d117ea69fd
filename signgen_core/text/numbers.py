"""Numbers in text: numerals and number words to the glosses that sign them (docs/numbers.md).

Cardinals up to 9,999 are one gloss, larger ones are built of such parts and MILLION, THOUSAND; years go in pairs (`1999` is `19-99`), telephone
numbers one digit at a time (`555-1234`), ordinals (`3RD`), dollars (`$5`), cents (`50-CENT`), clock times (`3:30`) and fractions (`1-OVER-4`) are one
gloss each. `number_phrases` reads the words around a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..phonology.number_glosses import LARGEST, ordinal

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {w: i for i, w in enumerate(_UNITS)} | {w: 10 * i for i, w in enumerate(_TENS, 2)} | {"dozen": 12}
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11,
    "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19,
    "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90,
    "hundredth": 100,
}  # fmt: skip
NUMERAL = re.compile(r"\d{1,4}(?:/\d{1,4}){1,2}(?:ths?)?|[$£€#]?\d+(?:,\d{3})*(?:\.\d+)*(?:st|nd|rd|th|'?s)?(?::\d\d)*%?")
MONTHS = "january february march april may june july august september october november december".split()
# Denominators that make a numeral with a stroke a fraction and not a score or a part of a date.
_DENOMINATORS = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 32, 50))

Has = Callable[[str], bool]


def is_number_word(word: str) -> bool:
    """True for a lower-case cardinal or ordinal word, hyphens allowed: "five", "twenty-five", "third"."""
    return all(part in _VALUES or part in SCALES or part in ORDINALS for part in word.split("-"))


def is_ordinal(word: str) -> bool:
    """True for "third", "twenty-fifth", "3rd"."""
    return word.split("-")[-1] in ORDINALS or re.fullmatch(r"\d+(st|nd|rd|th)", word) is not None


def read_words(words: Sequence[str]) -> tuple[int, int]:
    """(value, how many words were read) of the number that the lower-case words begin with; (0, 0) if they begin with none.

    "two hundred and five apples" gives (205, 4); "nineteen ninety nine" gives (19, 1): two numbers, as years are said.
    """
    total = part = read = 0
    place = 0  # size of the last word: a smaller one may follow in the same number
    flat: list[tuple[str, int]] = []
    for i, word in enumerate(words[:24]):
        flat += [(piece, i + 1) for piece in word.split("-")]
    k = 0
    while k < len(flat):
        word, end = flat[k]
        if word in _VALUES or word in ORDINALS:
            value = _VALUES.get(word, ORDINALS.get(word, 0))
            if place and not (value < 10 <= place < 100 and place != 10 and part % 10 == 0 and value > 0 or place >= 100 and value > 0):
                break
            if place == 0 and read:
                break
            part, place, read = part + value, 1 if value < 10 or 10 < value < 20 else 10 if value == 10 else 20, end
            if word in ORDINALS:
                break
        elif word in SCALES and read:
            scale = SCALES[word]
            if scale == 100:
                part, place = max(part, 1) * 100, 100
            else:
                total, part, place = total + max(part, 1) * scale, 0, scale
            read = end
        elif word == "and" and place >= 100 and k + 1 < len(flat) and flat[k + 1][0] in (_VALUES | ORDINALS):
            pass
        else:
            break
        k += 1
    return total + part, read


def integer(value: int, has: Has) -> tuple[str, ...]:
    """Glosses of a whole number, not negative: `integer(2500) == ("2500",)`, `integer(25000) == ("25", "THOUSAND")`.

    Digit by digit where THOUSAND or the scale word of a larger number has no sign.
    """
    if value < 1000 or value <= LARGEST and has("THOUSAND"):
        return (str(value),)
    for scale, gloss in ((1_000_000_000, "BILLION"), (1_000_000, "MILLION"), (1000, "THOUSAND")):
        if value >= scale:
            if value // scale > LARGEST or not has(gloss):
                return tuple(str(value))
            rest = value % scale
            return (str(value // scale), gloss) + (integer(rest, has) if rest else ())
    return (str(value),)


def year(value: int) -> str:
    """Gloss of a year of four digits, in pairs as it is said: 1999 is `19-99`, 1905 `19-05`, 2005 `2-0-0-5`, 2000 the number."""
    first, second = divmod(value, 100)
    if value % 1000 == 0:
        return str(value)
    return "-".join(str(value)) if first == 20 and second < 10 else f"{first}-{second:02}"


def month(number: int) -> str:
    """The fingerspelled gloss of a month 1 to 12: `fs-JUNE`; the names of more than five letters are short: `fs-SEPT`, `fs-DEC`."""
    name = MONTHS[number - 1]
    return "fs-" + ("sept" if name == "september" else name if len(name) < 6 else name[:3]).upper()


def decade(digits: str) -> str:
    """Gloss of a decade: `1990` is `19-90S`, `90` is `90S`."""
    return (f"{digits[:2]}-{digits[2:]}" if len(digits) == 4 and digits[1:] != "000" else digits) + "S"


def dollars(value: int, has: Has) -> tuple[str, ...]:
    """Glosses of a whole sum of dollars: `$5`, `$20`; sums above 9,999 and those that have no sign to build with end in the word."""
    if value <= 9 or value <= LARGEST and has("DOLLAR") and (value < 1000 or has("THOUSAND")):
        return (f"${value}",) if value else ("0", _word("DOLLAR", has))
    return (*integer(value, has), _word("DOLLAR", has))


def cents(value: int, has: Has) -> tuple[str, ...]:
    """Glosses of 1 to 99 cents: `50-CENT`, built with PENNY."""
    return (f"{value}-CENT",) if has("PENNY") else (str(value), _word("CENT", has))


def fraction(over: int, under: int, has: Has) -> tuple[str, ...]:
    """Glosses of a fraction: `1-OVER-4`; HALF where there is that sign."""
    return ("HALF",) if (over, under) == (1, 2) and has("HALF") else (f"{over}-OVER-{under}",)


def clock(hour: int, minute: int | None, has: Has) -> tuple[str, ...]:
    """Glosses of a clock time, 24 hours: `3-OCLOCK`, `3:30`; without TIME, which is part of those, the bare numbers."""
    if has("TIME") and hour <= 24:
        return (f"{hour}-OCLOCK",) if not minute else (f"{hour}:{minute:02}",)
    return (str(hour),) + ((f"0{minute}" if minute < 10 else str(minute),) if minute else ())


def _word(gloss: str, has: Has) -> str:
    return gloss if has(gloss) else f"fs-{gloss}"


def numeral(text: str, has: Has) -> tuple[str, ...]:
    """Glosses of a numeral as written: `25`, `2,500`, `3.5`, `1999`, `3rd`, `5:30`, `$4.50`, `50%`, `007`, `555-1234`, `1/4`, `12/24/2023`, `1990s`.

    Words among them that are not numbers (PERCENT, DECIMAL-POINT, MILLION) are given as glosses if `has` knows them, else fingerspelled.
    """
    if "/" in text or re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return _stroked(re.split("[/-]", re.sub("ths?$", "", text)), has)
    if "-" in text:  # a telephone number goes digit by digit, a range part by part
        parts = text.split("-")
        return (text,) if sum(map(len, parts)) >= 7 else tuple(g for part in parts for g in numeral(part, has))
    body = text.rstrip("%")
    tail: tuple[str, ...] = (_word("PERCENT", has),) if text.endswith("%") else ()
    sign = body[0] if body[:1] in "$£€#" else ""
    body = body.removeprefix(sign)
    tail = {"£": (_word("POUND", has),), "€": (_word("EURO", has),)}.get(sign, ()) + tail
    if found := re.fullmatch(r"(\d{2}|\d{4})'?s", body):
        return (decade(found[1]),)
    if found := re.fullmatch(r"([\d,]+)(?:st|nd|rd|th)", body):
        value = int(found[1].replace(",", ""))
        return (ordinal(value),) if 0 < value <= LARGEST else integer(value, has)
    body = re.sub(r"'?s$", "", body)
    if ":" in body:
        hours, *rest = (int(part.replace(",", "").split(".")[0]) for part in body.split(":"))
        if len(rest) == 1 and hours <= 24 and rest[0] < 60:
            return clock(hours, rest[0], has) + tail
        return tuple(g for part in (hours, *rest) for g in integer(part, has)) + tail
    if body.count(".") == 1:
        whole, part = body.split(".")
        value = int(whole.replace(",", ""))
        if sign == "$" and len(part) == 2:
            return _money(value, int(part), has)
        point = next((g for g in ("DECIMAL-POINT", "POINT") if has(g)), "fs-POINT")
        dollar = (_word("DOLLAR", has),) if sign == "$" else ()
        return (*integer(value, has), point, "-".join(part), *dollar, *tail)
    if "." in body:  # a version or an address: each part on its own
        return tuple(g for part in body.split(".") for g in _short(part.replace(",", "")))
    digits = body.replace(",", "")
    if sign == "$":
        return dollars(int(digits), has)
    if len(digits) > 1 and digits[0] == "0" or len(digits) > 6 and "," not in body:
        return (digits[:64],) + tail
    if len(digits) == 4 and "," not in body and not sign and 1100 <= int(digits) <= 2099:
        return (year(int(digits)),) + tail
    return integer(int(digits), has) + tail


def _money(whole: int, hundredths: int, has: Has) -> tuple[str, ...]:
    """After dollars the cents are the bare number; less than a dollar is said in cents, and so are less than ten cents."""
    if not hundredths:
        return dollars(whole, has)
    if not whole:
        return cents(hundredths, has)
    return dollars(whole, has) + ((str(hundredths),) if hundredths > 9 else cents(hundredths, has))


def _stroked(parts: Sequence[str], has: Has) -> tuple[str, ...]:
    """`12/24/2023`, `2023-12-24` as month, day, year; `1/4` as a fraction; anything else part by part."""
    values = [int(part) for part in parts]
    if len(values) == 3:
        if len(parts[0]) == 4:
            values = [*values[1:], values[0]]
        first, second, last = values
        if first > 12 >= second:
            first, second = second, first
        if 1 <= first <= 12 and 1 <= second <= 31:
            return (month(first), str(second), year(last) if 1100 <= last <= 2099 else f"{last:02}")
    elif values[0] and values[0] < values[1] and values[1] in _DENOMINATORS:
        return fraction(values[0], values[1], has)
    return tuple(g for part in parts for g in _short(part))


def _short(digits: str) -> tuple[str, ...]:
    """A run of digits as one number of up to three places, or digit by digit if it is longer or starts with 0."""
    return (digits,) if len(digits) <= 3 and (digits == "0" or digits[0] != "0") else ("-".join(digits),)
