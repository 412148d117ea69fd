"""Numbers with the words around them: ages, sums of money, clock times, dates, years, fractions and counted units of time (docs/numbers.md).

`read_number` is asked at every word of a clause; what it reads becomes the glosses of one expression.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..phonology.number_glosses import INCORPORATED, LARGEST, UNIT_SIGNS, ordinal, parse_number
from .lookup import Finder
from .numbers import MONTHS, ORDINALS, SCALES, cents, clock, decade, dollars, fraction, integer, is_number_word, month, numeral, read_words, year
from .segmentation import Token, token_at

_UNITS = {u.lower(): u for u in UNIT_SIGNS} | {u.lower() + "s": u for u in UNIT_SIGNS}
_DECADES = {w: str(10 * n) for n, w in enumerate("twenties thirties forties fifties sixties seventies eighties nineties".split(), 2)}
_SHORT_MONTHS = {m[:3]: n for n, m in enumerate(MONTHS, 1)} | {"sept": 9}
_MONTHS = {m: n for n, m in enumerate(MONTHS, 1)}
_DENOMINATORS = {w: n for w, n in ORDINALS.items() if 3 <= n <= 12} | {"quarter": 4}
_DENOMINATORS |= {w + "s": n for w, n in _DENOMINATORS.items()}
_HYPHENATED_AGE = re.compile(r"(.+?)-(years?|months?|weeks?|days?)-olds?")
_HYPHENATED_UNIT = re.compile(r"(.+)-(minute|hour|day|week|month|year)")
_BEFORE_YEAR = frozenset("in since of by year until till from before after during around about".split())
_CLOCK_BEFORE, _CLOCK_AFTER = frozenset(("to", "till", "before", "of")), frozenset(("past", "after"))
_COINS = {"nickel": 5, "nickels": 5, "dime": 10, "dimes": 10, "quarter": 25, "quarters": 25}
_OPENERS = frozenset(("a", "an", *_COINS, "half", "quarter", "age", "aged", *_MONTHS, *_SHORT_MONTHS, *_DECADES))
_AFTER_ARTICLE = frozenset((*SCALES, *_DENOMINATORS, *_COINS, "dozen", "second"))
_PERSONS = frozenset("i you he she we they".split())


@dataclass(frozen=True)
class NumberPhrase:
    """Glosses of a number expression, how many tokens it took, the rule, and the role of its signs in the clause."""

    glosses: tuple[str, ...]
    read: int
    why: str
    role: str = "num"
    confidence: float = 1.0

    @property
    def is_clock(self) -> bool:
        """Whether it is a time of the clock."""
        number = parse_number(self.glosses[0])
        return number is not None and number.kind == "clock"


def read_number(tokens: Sequence[Token], i: int, finder: Finder) -> NumberPhrase | None:
    """The number expression that begins at token i, or None. The longest reading wins."""
    word = tokens[i].norm
    if not _opens(word) or word in ("a", "an", "one") and tokens[i].tag != "NUM" and token_at(list(tokens[i : i + 2]), 1).norm not in _AFTER_ARTICLE:
        return None
    at = _At(tokens, i, finder)
    for rule in (_date, _moment, _clock_words, _age_words, _fraction_words, _half_a_scale, _decade_word, _coin, _counted, _ordinal_word):
        phrase = rule(at)
        if phrase is not None:
            return phrase
    return None


@lru_cache(maxsize=8192)
def _opens(word: str) -> bool:
    """Whether a number expression can begin with this word; most words end here, and the rules take time."""
    first = word.split("-")[0]
    return word[:1].isdigit() or word[:1] in "$£€#" or word in _OPENERS or is_number_word(first) or first in SCALES


class _At:
    """The words from token i on, up to the next punctuation but a hyphen."""

    def __init__(self, tokens: Sequence[Token], i: int, finder: Finder) -> None:
        self.tokens, self.i, self.finder = list(tokens), i, finder
        self.token, self.before = self.tokens[i], token_at(self.tokens, i - 1)
        end = i + 1
        while end < min(len(self.tokens), i + 12) and self.tokens[end - 1].post.strip() in ("", "-"):
            end += 1
        self.words = [t.norm for t in self.tokens[i:end]]

    def word(self, k: int) -> str:
        """Word k from here in lower case; empty behind punctuation."""
        return self.words[k] if 0 <= k < len(self.words) else ""

    def has(self, gloss: str) -> bool:
        return self.finder.has(gloss)

    def whole(self, k: int) -> tuple[int, int]:
        """(value, how many tokens) of the whole number at word k, by digits or words; (0, 0) if there is none."""
        word = self.word(k)
        if re.fullmatch(r"\d{1,3}(?:,\d{3})+|\d{1,6}", word) and (word == "0" or word[0] != "0"):
            return int(word.replace(",", "")), 1
        if word in ("a", "an"):  # a hundred, a dozen
            return self._scaled(k)
        words: list[str] = []
        for n, w in enumerate(self.words[k:]):
            words.append(w)
            if self.tokens[self.i + k + n].post:
                break
        return read_words(words) if words else (0, 0)

    def _scaled(self, k: int) -> tuple[int, int]:
        if self.word(k + 1) == "dozen":
            return 12, 2
        return read_words(["one", *self.words[k + 1 :]]) if self.word(k + 1) in SCALES else (0, 0)

    def numeral(self, k: int = 0) -> bool:
        return self.word(k)[:1].isdigit() or self.word(k)[:2].lstrip("$£€#")[:1].isdigit()

    def grouped(self) -> bool:
        return self.token.group != 0


def _month_at(at: _At, k: int) -> int:
    """Number of the month that word k names, else 0. `may` and `march` need their capital, as does a short name."""
    token = token_at(at.tokens, at.i + k)
    word = at.word(k)
    if word in ("may", "march") and (not token.capital or token.tag in ("MODAL", "VERB") and not at.whole(k + 1)[1]):
        return 0
    if word in _MONTHS:
        return _MONTHS[word]
    return _SHORT_MONTHS.get(word, 0) if token.capital and at.whole(k + 1)[1] else 0


def _day_at(at: _At, k: int) -> tuple[int, int]:
    """(day 1 to 31, tokens) at word k, also as an ordinal; (0, 0) if there is none."""
    found = re.fullmatch(r"(\d\d?)(?:st|nd|rd|th)?", at.word(k))
    value, read = (int(found[1]), 1) if found else at.whole(k)
    return (value, read) if read and 1 <= value <= 31 else (0, 0)


def _year_at(at: _At, k: int) -> tuple[str, int]:
    """(gloss, tokens) of a year at token k from here, in digits or in pairs of words; a comma may stand before it."""
    token = token_at(at.tokens, at.i + k)
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", token.norm):
        return year(int(token.norm)), 1
    here = _At(at.tokens, at.i + k, at.finder) if token.norm else at
    return _spoken_year(here) if token.norm else ("", 0)


def _spoken_year(at: _At) -> tuple[str, int]:
    """"nineteen ninety-four", "twenty twenty", "nineteen hundred"."""
    first, read = at.whole(0)
    if at.numeral() or not read:
        return "", 0
    if 1100 <= first < 2000 and first % 100 == 0:
        return year(first), read
    second, more = at.whole(read)
    if 15 <= first <= 20 and 10 <= second <= 99 and more and not at.numeral(read) and at.word(read + more) not in _UNITS:
        return year(100 * first + second), read + more
    return "", 0


def _date(at: _At) -> NumberPhrase | None:
    """June 5, June 5th, 2024; 5 June 2024; the 5th of June; June 2024."""
    named = _month_at(at, 0)
    if named:
        day, read = _day_at(at, 1)
        if at.word(1) == "the" and not read:
            day, more = _day_at(at, 2)
            read = more and more + 1
        # a number that counts what follows is no day: "In May 5 people came" is rare, "May 2024" is not
        used = 1 + read
        dated = _year_at(at, used) if token_at(at.tokens, at.i + used - 1).post.strip() in ("", ",") else ("", 0)
        if at.word(used) == "of":
            dated, used = (dated, used) if dated[1] else (_year_at(at, used + 1), used + 1)
            used -= 0 if dated[1] else 1
        glosses = (_month_gloss(named, at), *((str(day),) if read else ()), *((dated[0],) if dated[1] else ()))
        if len(glosses) == 1:
            return NumberPhrase(glosses, 1, "month: fingerspelled, the long ones short", "noun", 0.9)
        return NumberPhrase(glosses, used + dated[1], "date", "noun")
    day, read = _day_at(at, 0)
    if not read:
        return None
    of = at.word(read) == "of"
    named = _month_at(at, read + of) if at.word(read + of) in _MONTHS else 0
    if not named:
        return None
    used = read + of + 1
    dated = _year_at(at, used) if token_at(at.tokens, at.i + used - 1).post.strip() in ("", ",") else ("", 0)
    return NumberPhrase((_month_gloss(named, at), str(day), *((dated[0],) if dated[1] else ())), used + dated[1], "date: the month first", "noun")


def _month_gloss(number: int, at: _At) -> str:
    name = MONTHS[number - 1].upper()
    return name if at.has(name) else month(number)


def _moment(at: _At) -> NumberPhrase | None:
    """a second, just one second: the unit of time, not the ordinal, where nothing follows that it could count."""
    if at.word(0) not in ("a", "one") or at.word(1) != "second" or at.word(2) and at.tokens[at.i + 2].tag in ("NOUN", "ADJ", "NAME"):
        return None
    return NumberPhrase(("fs-SEC",), 2, "seconds: fingerspelled short", "noun")


def _clock_words(at: _At) -> NumberPhrase | None:
    """half past four, (a) quarter to six, ten past three, 3:30 pm, 7 pm, 5 o'clock, at 5, at seven thirty."""
    k = 1 if at.word(0) == "a" and at.word(1) == "quarter" else 0
    minutes, read = (30, 1) if at.word(k) == "half" else (15, 1) if at.word(k) == "quarter" else at.whole(k)
    told = at.word(k) in ("half", "quarter")
    if read and not told and at.word(k + read) == "minutes" and at.word(k + read + 1) in _CLOCK_BEFORE | _CLOCK_AFTER:
        read, told = read + 1, True
    word = at.word(k + read)
    hour, more = at.whole(k + read + 1)
    about_time = told or minutes in (5, 10, 20, 25) and (at.before.norm in ("at", "is", "it's", "'s", "until", "by") and word != "of" or word == "past")
    if read and more and 1 <= hour <= 12 and 1 <= minutes < 60 and about_time and word in _CLOCK_BEFORE | _CLOCK_AFTER:
        if word in _CLOCK_BEFORE and at.word(k) != "half":
            hour, minutes = (hour - 2) % 12 + 1, 60 - minutes
        elif word in _CLOCK_BEFORE:
            return None
        return _with_part_of_day(at, hour, minutes, k + read + 1 + more)
    if found := re.fullmatch(r"(\d\d?):([0-5]\d)", at.word(0)):
        return _with_part_of_day(at, int(found[1]), int(found[2]), 1)
    hour, read = at.whole(0)
    if not read or not 0 <= hour <= 24 or at.token.tag != "NUM":
        return None
    minutes, more = at.whole(read)
    if more and 10 <= minutes < 60 and 1 <= hour <= 12 and (at.before.norm == "at" or at.word(read + more) in ("am", "pm")):
        if at.word(read + more) not in _UNITS:
            return _with_part_of_day(at, hour, minutes, read + more)
    follows = at.word(read)
    if follows == "o'clock" or follows in ("am", "pm") and 1 <= hour <= 12:
        return _with_part_of_day(at, hour, 0, read)
    if at.grouped() and at.before.norm == "at" and 1 <= hour <= 12 and follows not in _UNITS:
        return _with_part_of_day(at, hour, 0, read)
    return None


def _with_part_of_day(at: _At, hour: int, minute: int, read: int) -> NumberPhrase:
    """The time, with MORNING, AFTERNOON or NIGHT for am and pm; `o'clock` is in the number's sign."""
    read += at.word(read) == "o'clock"
    glosses = clock(hour, minute, at.has)
    half = at.word(read)
    if half in ("am", "pm"):
        late = half == "pm" and 6 <= hour < 12
        part = "MORNING" if half == "am" else "NIGHT" if late or not at.has("AFTERNOON") else "AFTERNOON"
        glosses, read = (*glosses, part if at.has(part) else f"fs-{half.upper()}"), read + 1
    return NumberPhrase(glosses, read, "clock time")


def _age_words(at: _At) -> NumberPhrase | None:
    """7-year-old, 25 years old, 25 years of age, aged seven, age 7, at the age of seven; I am 25."""
    if at.word(0) in ("age", "aged"):
        k = 2 if at.word(1) == "of" else 1
        value, read = at.whole(k)
        return NumberPhrase((f"AGE-{value}",), k + read, "age", "adj") if read and value < 150 else None
    if found := _HYPHENATED_AGE.fullmatch(at.word(0)):
        value, _ = _number_of(found[1])
        return _aged(at, value, found[2], 1) if value else None
    value, read = at.whole(0)
    if not read or at.token.tag != "NUM" and not at.numeral():
        return None
    if found := re.fullmatch(r"(years?|months?|weeks?|days?)-olds?", at.word(read)):
        return _aged(at, value, found[1], read + 1)
    if at.word(read) in _UNITS and at.word(read + 1) in ("old", "olds"):
        return _aged(at, value, at.word(read), read + 2)
    if at.word(read) in ("year", "years") and at.word(read + 1) == "of" and at.word(read + 2) == "age":
        return _aged(at, value, "years", read + 3)
    following = token_at(at.tokens, at.i + read)
    end = not following.norm or following.group > 0 or following.tag in ("SUB", "CONJ") or bool(at.tokens[at.i + read - 1].post.strip("-\"' "))
    subject = token_at(at.tokens, at.i - 2)
    if end and at.before.tag == "BE" and subject.norm in _PERSONS and 0 < value < 150 and "." not in at.token.norm:
        return NumberPhrase((f"AGE-{value}",), read, "age: a person is a number", "adj")
    return None


def _aged(at: _At, value: int, unit: str, read: int) -> NumberPhrase | None:
    if unit.startswith("year"):
        return NumberPhrase((f"AGE-{value}",), read, "age", "adj") if 0 <= value < 150 else None
    counted = _unit(at, value, unit)
    return NumberPhrase((*counted, "OLD" if at.has("OLD") else "fs-OLD"), read, "age", "adj")


def _number_of(text: str) -> tuple[int, int]:
    """(value, 1) of a hyphenated or written number alone, else (0, 0)."""
    if text.isdigit():
        return int(text), 1
    return read_words([text])


def _unit(at: _At, value: int, unit: str) -> tuple[str, ...]:
    """Glosses of a counted unit of time: one sign up to nine (`2-WEEK`), else the number and the unit."""
    name = _UNITS[unit]
    if 1 <= value <= INCORPORATED and at.has(name):
        return (f"{value}-{name}",)
    return (*integer(value, at.has), name if at.has(name) else f"fs-{name}")


def _fraction_words(at: _At) -> NumberPhrase | None:
    """one third, two-thirds, three quarters, a quarter of, a quarter inch."""
    if "-" in at.word(0) and (found := re.fullmatch(r"([a-z]+)-([a-z]+)", at.word(0))):
        value, _ = _number_of(found[1])
        if value and value < 20 and found[2] in _DENOMINATORS and (value == 1) != found[2].endswith("s"):
            return NumberPhrase(fraction(value, _DENOMINATORS[found[2]], at.has), 1, "fraction")
        return None
    if at.word(0) in ("a", "an") and at.word(1) in _DENOMINATORS and not at.word(1).endswith("s") and at.word(2) == "of":
        return NumberPhrase(fraction(1, _DENOMINATORS[at.word(1)], at.has), 3, "fraction")
    if at.word(0) == "quarter" and token_at(at.tokens, at.i + 1).tag == "NOUN" and at.word(1):
        return NumberPhrase(fraction(1, 4, at.has), 1, "fraction")
    value, read = at.whole(0)
    if at.token.tag == "NUM" and read == 1 and 0 < value < 20 and "-" not in at.word(0):
        under = _DENOMINATORS.get(at.word(1), 0)
        coins = at.word(1).startswith("quarter") and value != 3 and at.word(2) != "of"
        if under and not coins and (value == 1) != at.word(1).endswith("s"):
            return NumberPhrase(fraction(value, under, at.has), 2 + (at.word(2) == "of"), "fraction")
    return None


def _half_a_scale(at: _At) -> NumberPhrase | None:
    """Half a million: HALF and the scale word."""
    scale = at.word(1).upper()
    if at.word(0) not in ("a", "an") or at.before.norm != "half" or at.word(1) not in SCALES:
        return None
    return NumberPhrase((scale if at.has(scale) else f"fs-{scale}",), 2, "number word")


def _decade_word(at: _At) -> NumberPhrase | None:
    """the nineties, the nineteen eighties."""
    if at.word(0) in _DECADES and at.before.norm == "the":
        return NumberPhrase((decade(_DECADES[at.word(0)]),), 1, "decade", "noun")
    first, read = at.whole(0)
    if read and 15 <= first <= 20 and at.word(read) in _DECADES:
        return NumberPhrase((decade(f"{first}{_DECADES[at.word(read)]}"),), read + 1, "decade", "noun")
    return None


def _coin(at: _At) -> NumberPhrase | None:
    """nickel, dime; a quarter, two quarters where they are no fraction: the coin's value in cents."""
    article = at.word(0) in ("a", "one")
    word = at.word(1) if article else at.word(0)
    quarter = word.startswith("quarter")
    if word not in _COINS or not at.has("PENNY") or quarter and not article and not (at.before.tag == "NUM" and word == "quarters"):
        return None
    if quarter and (at.word(1 + article) == "of" or token_at(at.tokens, at.i + 1 + article).tag == "NOUN"):
        return None
    return NumberPhrase(cents(_COINS[word], at.has), 1 + article, "coin: its value", "noun")


def _counted(at: _At) -> NumberPhrase | None:
    """A number and what it counts: money, units of time, halves; else the number alone."""
    if (found := _HYPHENATED_UNIT.fullmatch(at.word(0))) and at.token.kind == "word":
        value, _ = _number_of(found[1])
        return NumberPhrase(_unit(at, value, found[2]), 1, "counted unit of time", "noun") if value else None
    value, read = at.whole(0)
    if at.token.tag != "NUM" and not (read and at.word(0) in ("a", "an")):
        return None
    if not read:
        return _written(at)
    spoken, taken = _spoken_year(at)
    if taken:
        return NumberPhrase((spoken,), taken, "year")
    if not at.numeral() and at.words[read - 1].split("-")[-1] in ORDINALS and 0 < value <= LARGEST:
        return NumberPhrase((ordinal(value),), read, "ordinal number", "adj")
    if at.word(read) == "dozen":
        value, read = 12 * value, read + 1
    after = at.word(read)
    if after in ("dollar", "dollars", "buck", "bucks"):
        return _sum_of_money(at, value, read + 1)
    if after in ("cent", "cents", "penny", "pennies") and 1 <= value <= 99:
        return NumberPhrase(cents(value, at.has), read + 1, "money", "noun")
    if after in _UNITS:
        return NumberPhrase(_unit(at, value, after), read + 1, "counted unit of time", "noun")
    if after in ("second", "seconds") and not at.grouped() and (value != 1 or at.numeral()):
        return NumberPhrase((*integer(value, at.has), "fs-SEC"), read + 1, "seconds: fingerspelled short", "noun")
    if after == "and" and at.word(read + 1) == "a" and at.word(read + 2) == "half" and at.has("HALF"):
        return NumberPhrase((*integer(value, at.has), "HALF"), read + 3, "number and a half")
    if after == "point" and (part := at.whole(read + 1))[1]:
        return NumberPhrase(numeral(f"{value}.{part[0]}", at.has), read + 1 + part[1], "number")
    if not at.numeral():
        return NumberPhrase(integer(value, at.has), read, "number")
    return _written(at)


def _written(at: _At) -> NumberPhrase | None:
    """A numeral as it stands, by its look and its neighbours: a year or a count, a date with strokes."""
    token, following = at.token, token_at(at.tokens, at.i + 1)
    if not (token.kind == "number" or token.norm[:1].isdigit() or token.norm[:1] in "$£€#"):
        return None
    if token.norm.startswith("$") and at.word(1) in SCALES and not token.post:
        value = numeral(token.norm[1:], at.has)
        scale = at.word(1).upper()
        return NumberPhrase(
            (*value, scale if at.has(scale) else f"fs-{scale}", "DOLLAR" if at.has("DOLLAR") else "fs-DOLLAR"), 2, "money", "noun"
        )
    if found := re.fullmatch(r"(\d\d?)/(\d\d?)", token.norm):
        first, second = int(found[1]), int(found[2])
        if at.before.norm == "on" and 1 <= first <= 12 and 1 <= second <= 31:
            return NumberPhrase((_month_gloss(first, at), str(second)), 1, "date", "noun")
    plural = not token.post and (following.pos == "NN2" or following.tag == "NOUN" and following.norm != following.lemma or following.norm == "people")
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", token.norm) and plural and at.before.norm not in _BEFORE_YEAR:
        return NumberPhrase(integer(int(token.norm), at.has), 1, "number: counts what follows")
    return NumberPhrase(numeral(token.norm, at.has), 1, "money" if token.norm[0] == "$" else "number", "noun" if token.norm[0] == "$" else "num")


def _sum_of_money(at: _At, value: int, read: int) -> NumberPhrase:
    """20 dollars; 3 dollars and 25 cents."""
    k = read + (at.word(read) == "and")
    part, more = at.whole(k)
    if more and 1 <= part <= 99 and at.word(k + more) in ("cent", "cents"):
        glosses = dollars(value, at.has) + ((str(part),) if part > 9 else cents(part, at.has))
        return NumberPhrase(glosses, k + more + 1, "money", "noun")
    return NumberPhrase(dollars(value, at.has), read, "money", "noun")


def _ordinal_word(at: _At) -> NumberPhrase | None:
    """third to ninth and above, where the lexicon has no sign of its own; first and second are in most."""
    word = at.word(0)
    if word not in ORDINALS or at.token.tag in ("NAME", "VERB") or at.finder.word(word):
        return None
    if word == "second" and (at.before.norm in ("a", "one", "per", "every", "each", "this") or at.token.tag == "NUM"):
        return None
    return NumberPhrase((ordinal(ORDINALS[word]),), 1, "ordinal number", "adj")
