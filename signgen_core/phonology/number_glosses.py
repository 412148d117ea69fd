"""Names of signed numbers: what `2-WEEK`, `$5`, `AGE-7`, `3:30` and `19-94` stand for (docs/numbers.md lists them all)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NumberKind = Literal["cardinal", "digits", "groups", "ordinal", "age", "dollars", "cents", "clock", "unit", "fraction"]

LARGEST = 9999  # the largest cardinal that is one sign
INCORPORATED = 9  # the largest number that a noun of time, an age, an hour or a sum of money takes into its own handshape
# Nouns of time whose hand takes the shape of the number.
UNIT_SIGNS = ("MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR")

_GLOSS = re.compile(
    rf"""(?P<cardinal>0|[1-9]\d{{0,3}}|[1-9],\d{{3}})
    |(?P<digits>\d+)
    |(?P<groups>\d+(?:-\d+)+S?|\d+S)
    |(?P<ordinal>[1-9]\d{{0,3}}(?:ST|ND|RD|TH))
    |AGE-(?P<age>\d|[1-9]\d|1[0-4]\d)
    |\$(?P<dollars>0|[1-9]\d{{0,3}})
    |(?P<cents>[1-9]\d?)-CENT
    |(?P<clock>(?:1?\d|2[0-4])(?:-OCLOCK|:[0-5]\d))
    |(?P<unit>[1-9]-(?:{"|".join(UNIT_SIGNS)}))
    |(?P<fraction>[1-9]\d?-OVER-[1-9]\d?)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class NumberGloss:
    """A gloss id taken apart.

    values: the whole numbers in it, in order ((3, 30) of `3:30`, (1, 2) of `1-OVER-2`). groups: runs of digits as written (of `digits`, `groups`).
    word: what stands beside the number: the unit, the ending of an ordinal, `S` of a decade, `OCLOCK`.
    """

    kind: NumberKind
    values: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    word: str = ""


def parse_number(gloss_id: str) -> NumberGloss | None:
    """The parts of a number's gloss id, or None if it is none. An ordinal must have the ending of its number: `22ND`, not `22TH`."""
    if not gloss_id.isascii():
        return None
    match = _GLOSS.fullmatch(gloss_id)
    if match is None:
        return None
    kind: NumberKind = match.lastgroup  # type: ignore[assignment]
    text = match[kind]
    if kind == "digits":
        return NumberGloss(kind, groups=(text,))
    if kind == "groups":
        return NumberGloss(kind, groups=tuple(text.rstrip("S").split("-")), word="S" if text.endswith("S") else "")
    values = tuple(int(run) for run in re.findall(r"\d+", text.replace(",", "")))
    if kind == "ordinal":
        return NumberGloss(kind, values, word=text[-2:]) if text == ordinal(values[0]) else None
    word = {"clock": "OCLOCK" if text.endswith("K") else "", "unit": text[2:]}.get(kind, "")
    return NumberGloss(kind, values, word=word)


def is_number(gloss_id: str) -> bool:
    """Whether a gloss id is that of a number, by its form alone."""
    return parse_number(gloss_id) is not None


def ordinal(value: int) -> str:
    """The gloss id of an ordinal: `1ST`, `22ND`, `113TH`."""
    ending = "TH" if value % 100 in (11, 12, 13) else {1: "ST", 2: "ND", 3: "RD"}.get(value % 10, "TH")
    return f"{value}{ending}"
