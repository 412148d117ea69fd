"""Numbers in text: numerals and number words to the glosses that sign them.

A number gloss is a string of digits between `0` and `999`, the range that has signs of its own; everything larger is built of such
parts: `2500` is `2 THOUSAND 500` where the lexicon has THOUSAND, years are read in pairs (`1999` is `19 99`), and telephone
numbers or digits after a point go one digit at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

LARGEST = 999
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {w: i for i, w in enumerate(_UNITS)} | {w: 10 * i for i, w in enumerate(_TENS, 2)} | {"dozen": 12}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11,
    "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19,
    "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90,
    "hundredth": 100,
}  # fmt: skip
NUMERAL = re.compile(r"[$£€#]?\d+(?:,\d{3})*(?:\.\d+)*(?:st|nd|rd|th|s)?(?::\d\d)*%?")

Has = Callable[[str], bool]


def is_number_word(word: str) -> bool:
    """True for a lower-case cardinal or ordinal word, hyphens allowed: "five", "twenty-five", "third"."""
    return all(part in _VALUES or part in _SCALES or part in _ORDINALS for part in word.split("-"))


def is_ordinal(word: str) -> bool:
    """True for "third", "twenty-fifth", "3rd"."""
    return word.split("-")[-1] in _ORDINALS or re.fullmatch(r"\d+(st|nd|rd|th)", word) is not None


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
        if word in _VALUES or word in _ORDINALS:
            value = _VALUES.get(word, _ORDINALS.get(word, 0))
            if place and not (value < 10 <= place < 100 and place != 10 and part % 10 == 0 and value > 0 or place >= 100 and value > 0):
                break
            if place == 0 and read:
                break
            part, place, read = part + value, 1 if value < 10 or 10 < value < 20 else 10 if value == 10 else 20, end
            if word in _ORDINALS:
                break
        elif word in _SCALES and read:
            scale = _SCALES[word]
            if scale == 100:
                part, place = max(part, 1) * 100, 100
            else:
                total, part, place = total + max(part, 1) * scale, 0, scale
            read = end
        elif word == "and" and place >= 100 and k + 1 < len(flat) and flat[k + 1][0] in (_VALUES | _ORDINALS):
            pass
        else:
            break
        k += 1
    return total + part, read


def integer(value: int, has: Has) -> tuple[str, ...]:
    """Glosses of a whole number, not negative: `integer(2500) == ("2", "THOUSAND", "500")`; digit by digit where a scale word has no sign."""
    if value <= LARGEST:
        return (str(value),)
    for scale, gloss in ((1_000_000_000, "BILLION"), (1_000_000, "MILLION"), (1000, "THOUSAND")):
        if value >= scale:
            if value // scale > LARGEST or not has(gloss):
                return tuple(str(value))
            rest = value % scale
            return (str(value // scale), gloss) + (integer(rest, has) if rest else ())
    return (str(value),)


def year(value: int) -> tuple[str, ...]:
    """Glosses of a year of four digits, in pairs as it is said: `year(1999) == ("19", "99")`, `year(2005) == ("2", "0", "0", "5")`."""
    first, second = divmod(value, 100)
    if second == 0 or first == 20 and second < 10:
        return tuple(str(value))
    return (str(first), str(second)) if second >= 10 else (str(first), "0", str(second))


def numeral(text: str, has: Has) -> tuple[str, ...]:
    """Glosses of a numeral as written: `25`, `2,500`, `3.5`, `1999`, `3rd`, `5:30`, `$20`, `50%`, `007`, `555-1234`.

    Words among them that are not numbers (POINT, DOLLAR, PERCENT, THOUSAND) are given as glosses if `has` knows them, else fingerspelled.
    """

    def word(gloss: str) -> str:
        return gloss if has(gloss) else f"fs-{gloss}"

    if "-" in text:  # a telephone number goes digit by digit, a range or a date part by part
        parts = text.split("-")
        long = sum(map(len, parts)) >= 7
        return tuple("".join(parts)) if long else tuple(g for part in parts for g in numeral(part, has))
    body = text.rstrip("%")
    tail: tuple[str, ...] = (word("PERCENT"),) if text.endswith("%") else ()
    if body[:1] in "$£€#":
        tail = {"$": (word("DOLLAR"),), "£": (word("POUND"),), "€": (word("EURO"),), "#": ()}[body[0]] + tail
        body = body[1:]
    is_money = text[:1] in "$£€"
    body = re.sub(r"(st|nd|rd|th|s)$", "", body)
    if ":" in body:
        hours, *rest = body.split(":")
        return integer(int(hours.replace(",", "")), has) + tuple(g for part in rest if int(part) for g in _short(part)) + tail
    if body.count(".") == 1:
        whole, fraction = body.split(".")
        if is_money and len(fraction) == 2:
            cents = integer(int(fraction), has) + (word("CENT"),) if int(fraction) else ()
            return integer(int(whole.replace(",", "")), has) + tail + cents
        return integer(int(whole.replace(",", "")), has) + (word("POINT"),) + tuple(fraction) + tail
    if "." in body:  # a version or an address: each part on its own
        return tuple(g for part in body.split(".") for g in _short(part.replace(",", "")))
    digits = body.replace(",", "")
    if len(digits) > 1 and digits[0] == "0" or len(digits) > 6 and "," not in body:
        return tuple(digits) + tail
    if len(digits) == 4 and "," not in body and not is_money and 1100 <= int(digits) <= 2099:
        return year(int(digits)) + tail
    return integer(int(digits), has) + tail


def _short(digits: str) -> tuple[str, ...]:
    """A run of digits as one number of up to three places, or digit by digit if it is longer or starts with 0."""
    return (digits,) if len(digits) <= 3 and (digits == "0" or digits[0] != "0") else tuple(digits)
