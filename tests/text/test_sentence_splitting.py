"""Sentences and tokens: abbreviations, initials, quotes, ellipses, contractions, other scripts."""

from __future__ import annotations

import pytest

from signgen_core.errors import InputError
from signgen_core.text.segmentation import MAX_CHARACTERS, clean, split_sentences, tokenise


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("hello. how are you? fine", ["hello.", "how are you?", "fine"]),
        ("Mr. Smith and Dr. Who met. Then they left.", ["Mr. Smith and Dr. Who met.", "Then they left."]),
        ("I like fruit, e.g. apples. You too?", ["I like fruit, e.g. apples.", "You too?"]),
        ("J. K. Rowling wrote it.", ["J. K. Rowling wrote it."]),
        ("It is 3.5 km. Really!", ["It is 3.5 km.", "Really!"]),
        ("We met at 5 p.m. on Monday. At 6 p.m. We left.", ["We met at 5 p.m. on Monday.", "At 6 p.m.", "We left."]),
        ('"Where?" he asked. "Here!"', ['"Where?" he asked.', '"Here!"']),
        ("Well... maybe. Wait... What?", ["Well... maybe.", "Wait...", "What?"]),
        ("What?! No!!", ["What?!", "No!!"]),
        ("Come in.Now sit.", ["Come in.Now sit."]),
        ("I do the squat.Now you.", ["I do the squat.", "Now you."]),
        ("Hello\n\nHow are you", ["Hello", "How are you"]),
        ("Milk\nBread\nApples", ["Milk", "Bread", "Apples"]),
        ("This line is wrapped\nby an editor.", ["This line is wrapped by an editor."]),
        ("I live in the U.S. It is big.", ["I live in the U.S.", "It is big."]),
        ("And I.", ["And I."]),
    ],
)
def test_split(text: str, sentences: list[str]) -> None:
    assert split_sentences(clean(text)) == sentences


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("I don't", "i do not"),
        ("can't", "can not"),
        ("won't", "will not"),
        ("I'm", "i am"),
        ("they're", "they are"),
        ("we've", "we have"),
        ("it'll", "it will"),
        ("I'd", "i would"),
        ("let's", "let us"),
        ("what's", "what 's"),
        ("John's", "john 's"),
        ("the girls' dog", "the girls 's dog"),
        ("couldn't've", "could not have"),
        ("gonna", "going to"),
        ("talkin' now", "talking now"),
        ("don’t", "do not"),
        ("O'Brien", "o'brien"),
        ("twenty-five", "twenty-five"),
        ("and/or", "and or"),
        ("e.g. milk", "for example milk"),
        ("you & me", "you and me"),
        ("y'all", "you all"),
        ("It's $5.50, ok?", "it 's $5.50 ok"),
        ("a@b.com", "a@b.com"),
        ("José", "jose"),
        ("rock'n'roll", "rock'n'roll"),
    ],
)
def test_tokens(text: str, pieces: str) -> None:
    assert " ".join(t.norm for t in tokenise(clean(text))) == pieces


def test_pieces_of_a_contraction_share_the_written_word() -> None:
    tokens = tokenise("I don't, really.")
    assert [(t.text, t.index, t.post) for t in tokens] == [("I", 0, ""), ("don't", 1, ""), ("don't", 1, ","), ("really", 2, ".")]


def test_other_scripts_and_emoji_are_kept_as_what_they_are() -> None:
    assert [(t.text, t.kind) for t in tokenise("Anna 安娜 😀 7")] == [("Anna", "word"), ("安娜", "other"), ("😀", "other"), ("7", "number")]


def test_clean_mends_quotes_and_invisible_characters() -> None:
    assert clean("non\u00adbreaking\u200b \u201cword\u201d it\u00e2\u0080\u0099s") == 'nonbreaking "word" it\'s'


@pytest.mark.parametrize(
    ("text", "words"), [("", "empty"), (" \n\t ", "empty"), ("a\x00b", "U+0000"), ("word " * 4000, "20,000 characters, at most 10,000")]
)
def test_what_cannot_be_read_is_one_line(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        clean(text)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_the_longest_text_is_taken() -> None:
    assert len(clean("a" * MAX_CHARACTERS)) == MAX_CHARACTERS
