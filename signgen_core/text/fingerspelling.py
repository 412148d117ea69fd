"""Fingerspelling: any Latin word as letters A to Z, and the glosses `fs-ANNA` that stand for them."""

from __future__ import annotations

import re
import unicodedata

from ..errors import InputError

PREFIX = "fs-"
LONGEST = 64  # letters; a longer run is no word that a viewer could read off a hand

# Latin letters that have no canonical decomposition into a base letter and marks.
_PLAIN = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ĸ": "k", "ŋ": "ng",
    "ŧ": "t", "ƀ": "b", "ɓ": "b", "ɗ": "d", "ɖ": "d", "ƒ": "f", "ɠ": "g", "ɨ": "i", "ƙ": "k", "ɫ": "l", "ɲ": "n", "ɔ": "o", "ɛ": "e", "ə": "e", "ƥ": "p",
    "ʀ": "r", "ʃ": "s", "ƭ": "t", "ʉ": "u", "ʊ": "u", "ʋ": "v", "ƴ": "y", "ƶ": "z", "ʒ": "z",
}  # fmt: skip
_SILENT = re.compile(r"[\s'’ʼ‘`´.\-‐‑‒–·]")  # written between letters and never spelled


def plain_latin(word: str) -> str:
    """The word in lower-case a-z and digits, with diacritics stripped; characters of other scripts are kept as they are.

    `plain_latin("José") == "jose"`, `plain_latin("Straße") == "strasse"`, `plain_latin("Łódź") == "lodz"`.
    """
    out = []
    for char in unicodedata.normalize("NFKD", word):
        if unicodedata.combining(char) or unicodedata.category(char) == "Cf":
            continue
        lower = char.lower()
        out.append(_PLAIN.get(lower, lower))
    return "".join(out)


def letters(word: str) -> tuple[str, ...]:
    """Letters to spell, each of "a" to "z"; apostrophes, hyphens and points are left out.

    Raises InputError naming the word if it holds a character that the American manual alphabet cannot spell, or none at all.
    """
    plain = _SILENT.sub("", plain_latin(word))
    wrong = next((c for c in plain if not "a" <= c <= "z"), None)
    if wrong is not None:
        raise InputError(f"cannot fingerspell {word!r}: {wrong!r} is no letter A to Z")
    if not plain:
        raise InputError(f"cannot fingerspell {word!r}: it has no letter A to Z")
    if len(plain) > LONGEST:
        raise InputError(f"cannot fingerspell {word[:20] + '...'!r}: {len(plain)} letters, at most {LONGEST} can be spelled as one word")
    return tuple(plain)


def gloss_of(word: str) -> str:
    """The gloss of a fingerspelled word: `gloss_of("José") == "fs-JOSE"`. Raises InputError as `letters`."""
    return PREFIX + "".join(letters(word)).upper()


def is_latin(word: str) -> bool:
    """True if every character of the word can be fingerspelled and there is at least one letter."""
    plain = _SILENT.sub("", plain_latin(word))
    return bool(plain) and all("a" <= c <= "z" for c in plain)


def letters_of_gloss(gloss_id: str) -> tuple[str, ...]:
    """Letters of `fs-ANNA` or of a lexicalised loan such as `#OK`. Raises InputError if the gloss is neither."""
    if gloss_id.startswith(PREFIX):
        return letters(gloss_id[len(PREFIX) :])
    if gloss_id.startswith("#"):
        return letters(gloss_id[1:])
    raise InputError(f"{gloss_id!r} is not a fingerspelled gloss")
