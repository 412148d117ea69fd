"""Time expressions of a sentence, which ASL signs first: "yesterday", "on Monday morning", "two weeks ago", "at 5 o'clock"."""

from __future__ import annotations

import re

from .segmentation import Token, token_at

WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
MONTHS = frozenset("january february march april may june july august september october november december".split())
DAY_PARTS = frozenset("morning afternoon evening night noon midnight".split())
UNITS = frozenset("second minute hour day week weekend month year season spring summer fall autumn winter".split()) | DAY_PARTS
DECADES = frozenset("twenties thirties forties fifties sixties seventies eighties nineties".split())
_ALONE = frozenset("yesterday today tomorrow tonight now nowadays currently recently lately soon".split())
_HOLDS_TIME_BACK = frozenset("by until till since from before after for to about like than of".split())  # "until Monday" stays where it is


def is_time_start(word: str) -> bool:
    """True for words that name a time by themselves."""
    return word in _ALONE or word in WEEKDAYS or word.rstrip("s") in WEEKDAYS


def mark_times(tokens: list[Token]) -> None:
    """Give the words of each time expression one group number: above 0 if it goes to the front of its clause, below 0 if it stays."""
    group, i = 0, 0
    while i < len(tokens):
        length = _time_length(tokens, i)
        if length:
            group += 1
            for token in tokens[i : i + length]:
                token.group = -group if _is_predicate(tokens, i) else group
            i += length
        else:
            i += 1


def _is_predicate(tokens: list[Token], i: int) -> bool:
    """Whether the time at token i is what the clause says ("my birthday is in June"): then it stays where it is."""
    start = i
    while start > 0 and (tokens[start - 1].group or tokens[start - 1].tag == "PREP") and not tokens[start - 1].post:
        start -= 1
    if token_at(tokens, start - 1).tag != "BE" or token_at(tokens, start - 2).norm in ("it", "that", "there", ""):
        return False
    first = start
    while first > 0 and not tokens[first - 1].post:
        first -= 1
    return not any(t.tag == "VERB" for t in tokens[first:i])


def _in_date(words: list[str]) -> bool:
    """Whether a comma behind these words may be the one before the year: "June 5, 2024", "the 5th of June, 2024"."""
    return len(words) > 1 and (words[-2] in MONTHS or words[-1] in MONTHS and (words[-2] == "of" or words[-2].isdigit()))


def _time_length(tokens: list[Token], i: int) -> int:
    words = []
    for token in tokens[i : i + 8]:
        words.append(token.norm)
        if token.post and not (token.post == "," and _in_date(words)):
            break
    before = token_at(tokens, i - 1)
    if i and not before.post and before.norm in _HOLDS_TIME_BACK or before.tag in ("POSS", "GEN"):
        return 0
    if (
        words
        and (words[0] in WEEKDAYS or words[0] in _ALONE)
        and (before.tag == "DET" or before.tag == "ADJ" and before.capital and tokens[i].capital)
    ):
        return 0
    text = " ".join(words) + " "
    for pattern in _TIME_PATTERNS:
        match = pattern.match(text)
        if match:
            used = len(match.group(0).split())
            if words[0] == "good" or before.norm == "good":
                return 0
            return used
    return 0


# Each is tried on the words up to the next punctuation, every word followed by a space.
def _any(words: frozenset[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


_DAYPART = _any(DAY_PARTS)
_WEEKDAY, _MONTH, _UNIT = _any(WEEKDAYS) + "s?", _any(MONTHS), _any(UNITS)
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_NUMBER = rf"(?:\d+|(?:twenty|thirty|forty|fifty|sixty)(?:-(?:{_ONES}))?|{_ONES}|{_TEENS}|hundred)"
_SMALL_ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
_ORDINAL = rf"(?:\d+(?:st|nd|rd|th)|(?:twenty-|thirty-)?(?:{_SMALL_ORDINALS})|\w+(?:teenth|tieth)|tenth|eleventh|twelfth)"
# A time of the clock behind "at": half past four, a quarter to six, ten past three; 5:30, seven thirty, 5.
_PAST = rf"(?:half|(?:a )?quarter|{_NUMBER}(?: minutes)?) (?:past|after|to|till|before) {_NUMBER}"
_CLOCK = rf"(?:{_PAST}|\d+:\d\d|{_NUMBER} {_NUMBER}|{_NUMBER}) (?:o'clock )?(?:[ap]m )?"
_YEAR = r"(?:1[1-9]|20)\d\d"
_DAY = rf"(?:{_MONTH} (?:the )?(?:{_ORDINAL}|\d+)|(?:the )?{_ORDINAL} of {_MONTH}|\d+ {_MONTH})"
_DATE = rf"(?:{_DAY}(?: (?:of )?{_YEAR})?|\d+/\d+(?:/\d+)?)"
_TIME_PATTERNS = tuple(
    re.compile(p)
    for p in (
        rf"(?:yesterday|today|tomorrow) (?:{_DAYPART} )?(?:at {_CLOCK})?",
        r"the day (?:after tomorrow|before yesterday) ",
        r"(?:right |just )?now (?!that )", r"(?:tonight|nowadays|currently|recently|lately|soon) ", r"these days ",
        rf"(?:on )?{_WEEKDAY} (?:{_DAYPART}s? )?(?:at {_CLOCK})?",
        rf"(?:on |in )?(?:last|next|every|each) (?:other )?(?:{_UNIT}|{_WEEKDAY}|{_MONTH}) (?:{_DAYPART} )?",
        rf"(?:in |during )?this (?:{_UNIT}|{_WEEKDAY}) (?=$|\S+ )", r"(?:at night|at noon|at midnight) ",
        rf"(?:in|during) the (?:{_DAYPART}|spring|summer|fall|autumn|winter|past|future) ", r"in (?:spring|summer|fall|autumn|winter) ",
        rf"(?:a|an|{_NUMBER}|many|a few|several|a long) (?:{_UNIT}s?|time) ago ", r"long ago ", rf"in (?:a|an|{_NUMBER}|a few) (?:{_UNIT})s? ",
        rf"at {_PAST} (?:o'clock )?(?:[ap]m )?",
        rf"at {_NUMBER}(?::\d\d)? (?:{_NUMBER} )?(?:o'clock |am |pm )",
        rf"at {_NUMBER} (?:{_NUMBER} )?(?=$|(?:on|in|with|for|and|but|or|to|sharp|at|this|today|every) )", r"at \d+:\d\d (?:am |pm )?",
        rf"on {_DATE} ", rf"in {_YEAR} ", r"in the (?:\d\d)?\d0'?s ", rf"in the (?:nineteen |eighteen )?{_any(DECADES)} ",
        rf"(?:in|on|last|next|every) {_MONTH} (?:\d+(?:st|nd|rd|th)? )?(?:{_YEAR} )?",
    )
)  # fmt: skip
