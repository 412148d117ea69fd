"""Whatever text comes in: glosses or one clear line."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from signgen_core.errors import InputError
from signgen_core.text import analyse, parse_gloss

REAL = Path(__file__).parents[3] / "shared/data/how2sign_val_sentences.txt"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("?! ... --", "no words"),
        ("😀🎉", "no word"),
        ("Москва", "'Москва' cannot be fingerspelled"),
        ("你好，我叫安娜。", "cannot be fingerspelled"),
        ("नमस्ते", "cannot be fingerspelled"),
        ("مرحبا", "cannot be fingerspelled"),
        ("x" * 10_001, "10,001 characters, at most 10,000"),
        ("a" * 500, "too long to fingerspell (500 characters)"),
    ],
)
def test_what_cannot_be_signed_is_one_line(lexicon: Any, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        analyse(text, lexicon)
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_unsignable_words_beside_others_are_listed(lexicon: Any) -> None:
    (sentence,) = analyse("My name is Анна 😀.", lexicon)
    assert [g.gloss_id for g in sentence.glosses] == ["POSS-1", "NAME"]
    dropped = dict(sentence.dropped)
    assert "cannot be fingerspelled" in dropped["Анна"] and "symbol" in dropped["😀"]
    first, *rest = analyse("😀 Hello. 你好。", lexicon)
    assert not rest and [word for word, _ in first.dropped] == ["😀", "你好"]


def test_a_long_text_is_taken_whole(lexicon: Any) -> None:
    text = "I like coffee. " * 600
    assert len(analyse(text, lexicon)) == 600


def test_the_same_text_gives_the_same_glosses(lexicon: Any) -> None:
    text = "If it rains tomorrow, will you and Anna stay home with 2 cats?"
    assert analyse(text, lexicon) == analyse(text, lexicon)


def test_random_words_and_marks_never_break_it(lexicon: Any, empty_lexicon: Any) -> None:
    rng = random.Random(7)
    pool = (
        "I you he it we they me my your her 's is are was be been do does did don't can't won't have has had will would should "
        "not no never the a this that these there here who what where when why how which if because but and or so to of in on at "
        "for with go went gone want like left saw one two 25 1999 3.5 $5 5:30 o'clock pm Monday tomorrow ago last next week every "
        "good morning name Anna Will May OK hello thanks please yes very much many more bigger un-happy twenty-five books "
        "children Łódź Москва 😀 ... , , . ? ! ; : ( ) \" ' - -- / @ # % & x "
    ).split()
    for round_ in range(300):
        text = " ".join(rng.choices(pool, k=rng.randint(1, 14)))
        for table in (lexicon, empty_lexicon):
            try:
                sentences = analyse(text, table)
            except InputError as problem:
                assert "\n" not in str(problem)
                continue
            assert sentences and all(s.glosses for s in sentences), (round_, text)
            for gloss in (g for s in sentences for g in s.glosses):
                assert gloss.gloss_id and gloss.words and gloss.why, (text, gloss)
                assert table.has(gloss.gloss_id) or gloss.kind in ("fingerspelled", "number", "index"), (text, gloss)


def test_random_notation_is_read_or_refused(lexicon: Any) -> None:
    rng = random.Random(8)
    pool = [
        "HELLO",
        "IX-1",
        "fs-AB",
        "#OK",
        "25",
        "<q>",
        "</q>",
        "<neg>",
        "</neg>",
        "+",
        "++",
        "(",
        ")",
        "(duration=1)",
        "=",
        ".",
        "?",
        "!",
        ",",
        "\n",
        '"',
        "é",
        "<",
        ">",
        "x",
    ]
    for _ in range(500):
        text = rng.choice(["", " "]).join(rng.choices(pool, k=rng.randint(1, 9)))
        try:
            assert all(s.glosses for s in parse_gloss(text, lexicon)), text
        except InputError as problem:
            assert "\n" not in str(problem)


def test_real_sentences_all_give_glosses(lexicon: Any) -> None:
    if not REAL.exists():
        pytest.skip("needs how2sign_val_sentences.txt in ../shared/data")
    lines = REAL.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 1700
    for line in lines:
        sentences = analyse(line, lexicon)
        assert sentences and all(s.glosses for s in sentences), line
