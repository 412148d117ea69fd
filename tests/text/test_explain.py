"""The table of words, glosses and reasons."""

from __future__ import annotations

from typing import Any

from signgen_core.text import analyse
from signgen_core.text.explain import DROPPED, explain


def test_rows_follow_the_words_of_the_text(lexicon: Any) -> None:
    rows = explain(analyse("I went to the store yesterday. Anna isn't here.", lexicon))
    assert [(r.word, r.gloss) for r in rows] == [
        ("I", "IX-1"), ("went", "GO"), ("to", DROPPED), ("the", DROPPED), ("store", "STORE"), ("yesterday", "YESTERDAY"),
        ("Anna", "fs-ANNA"), ("isn't", "NOT"), ("isn't (is)", DROPPED), ("here", "HERE"),
    ]  # fmt: skip
    assert all(r.why and 0.0 < r.score <= 1.0 for r in rows)


def test_every_word_is_in_a_row(lexicon: Any) -> None:
    text = "If it rains, my very old mother won't come to the house that John's sister bought two weeks ago, okay?"
    rows = explain(analyse(text, lexicon))
    shown = " ".join(r.word for r in rows)
    assert all(word.strip(",?") in shown for word in text.split())


def test_repetition_and_set_up_are_shown(lexicon: Any) -> None:
    rows = explain(analyse("Anna kept working. She is tired.", lexicon))
    assert ("working", "WORK+") in [(r.word, r.gloss) for r in rows]
    assert ("Anna", "IX-A") in [(r.word, r.gloss) for r in rows]
