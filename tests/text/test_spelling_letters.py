"""Words as letters to fingerspell."""

from __future__ import annotations

import pytest

from signgen_core.errors import InputError
from signgen_core.text.fingerspelling import LONGEST, gloss_of, is_latin, letters, letters_of_gloss


@pytest.mark.parametrize(
    ("word", "spelled"),
    [
        ("Anna", "anna"),
        ("José", "jose"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Ørsted", "orsted"),
        ("Ærø", "aero"),
        ("Œuvre", "oeuvre"),
        ("Þór", "thor"),
        ("O'Brien", "obrien"),
        ("O’Brien", "obrien"),
        ("Jean-Luc", "jeanluc"),
        ("Nguyễn", "nguyen"),
        ("İstanbul", "istanbul"),
        ("ﬁne", "fine"),
        ("ＡＢＣ", "abc"),
        ("Đặng", "dang"),
        ("U.S.A.", "usa"),
        ("cafe\u0301", "cafe"),
    ],
)
def test_letters(word: str, spelled: str) -> None:
    assert letters(word) == tuple(spelled)
    assert gloss_of(word) == "fs-" + spelled.upper()
    assert letters_of_gloss(gloss_of(word)) == tuple(spelled)
    assert is_latin(word)


@pytest.mark.parametrize("word", ["", "'-", "Москва", "安娜", "😀", "Anna😀", "A1", "α", "नमस्ते"])
def test_what_has_no_letters_is_named(word: str) -> None:
    assert not is_latin(word)
    with pytest.raises(InputError) as caught:
        letters(word)
    assert repr(word) in str(caught.value)


def test_no_word_is_longer_than_can_be_read() -> None:
    assert len(letters("a" * LONGEST)) == LONGEST
    with pytest.raises(InputError, match=str(LONGEST + 1)):
        letters("a" * (LONGEST + 1))


def test_loan_signs_are_letters_too() -> None:
    assert letters_of_gloss("#OK") == ("o", "k")
    with pytest.raises(InputError, match="HELLO"):
        letters_of_gloss("HELLO")
