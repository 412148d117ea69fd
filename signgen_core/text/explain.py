"""Why each word became the sign it became: rows for a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .types import Sentence

DROPPED = "-"


class Row(NamedTuple):
    """One word (or words of one sign) of a text, its gloss (`-` where it is not signed), the rule, and how sure it is, 0 to 1."""

    word: str
    gloss: str
    why: str
    score: float


def explain(sentences: Sequence[Sentence]) -> list[Row]:
    """Rows of all sentences in the order of their words; signs without a word of their own (a set-up in space) follow the word they belong to."""
    rows: list[Row] = []
    for sentence in sentences:
        places = _places(sentence.text)
        keyed: list[tuple[int, int, Row]] = []
        for k, gloss in enumerate(sentence.glosses):
            row = Row(" ".join(gloss.words), gloss.gloss_id + "+" * gloss.repeats, gloss.why, gloss.confidence)
            keyed.append((gloss.word_index, k, row))
        at = -1
        for k, (word, why) in enumerate(sentence.dropped):
            written = word.split(" (")[0]
            found = [p for p in places.get(written, ()) if p > at] or places.get(written, [len(places)])
            at = found[0]
            keyed.append((at, len(sentence.glosses) + k, Row(word, DROPPED, why, 1.0)))
        rows += [row for _, _, row in sorted(keyed, key=lambda item: item[:2])]
    return rows


def _places(text: str) -> dict[str, list[int]]:
    """Word as written -> its places among the words of the sentence."""
    out: dict[str, list[int]] = {}
    for index, word in enumerate(re.findall(r"[^\s,;:!?\"()]+", text)):
        for form in {word, word.rstrip(".")}:
            out.setdefault(form, []).append(index)
    return out
