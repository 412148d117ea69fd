"""From English words to sign names: phrases first, then base forms, words built of others, words of near meaning, and fingerspelling."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..phonology.number_glosses import is_number
from .fingerspelling import LONGEST, gloss_of, plain_latin
from .lemmas import noun_lemma, verb_form
from .numbers import numeral
from .parts_of_speech import mostly_verb
from .segmentation import Token
from .tables import tables
from .types import GlossKind

if TYPE_CHECKING:
    from .synonyms import Neighbours

LONGEST_PHRASE = 6
_INDEX = re.compile(r"(?:IX|POSS|SELF)-(?:[123](?:-PL)?|[AB])")


class Lexicon(Protocol):
    """What the text half asks of a lexicon. One that also lists its gloss ids as `glosses` gets the nearest ones named in error messages."""

    def find(self, lemma_or_phrase: str) -> str | None:
        """Gloss id of an English word or phrase in lower case, or None."""
        ...

    def has(self, gloss_id: str) -> bool:
        """Whether there is a sign of that gloss."""
        ...


@dataclass(frozen=True)
class Found:
    """Signs of a word or phrase, in signing order."""

    ids: tuple[str, ...]
    why: str
    confidence: float


def kind_of(gloss_id: str, lexicon: Lexicon) -> GlossKind:
    """The kind of a gloss id by its form."""
    if _INDEX.fullmatch(gloss_id):
        return "index"
    if is_number(gloss_id) and not lexicon.has(gloss_id):
        return "number"
    if gloss_id.startswith(("fs-", "#")):
        return "fingerspelled"
    return "lexical"


def nearest(gloss_id: str, lexicon: Lexicon, count: int = 3) -> list[str]:
    """Gloss ids of the lexicon that look most like the given one; empty if the lexicon cannot be listed."""
    return difflib.get_close_matches(gloss_id.upper(), tuple(getattr(lexicon, "glosses", ())), n=count, cutoff=0.5)


class Finder:
    """Looks words up in one lexicon; keeps what it found, so that a long text asks once for each word."""

    def __init__(self, lexicon: Lexicon, neighbours: Neighbours | None = None) -> None:
        self.lexicon = lexicon
        self.neighbours = neighbours
        self._cache: dict[tuple[str, ...], Found | None] = {}

    def has(self, gloss_id: str) -> bool:
        return self.lexicon.has(gloss_id)

    def first(self, *gloss_ids: str) -> str | None:
        """The first of the gloss ids that has a sign."""
        return next((g for g in gloss_ids if self.lexicon.has(g)), None)

    def index(self, gloss_id: str) -> str:
        """The pointing sign, or the nearest one there is: SELF-1 falls back to IX-1, POSS-3-PL to POSS-3."""
        person = gloss_id.split("-")[1]
        tries = (
            [gloss_id, gloss_id.removesuffix("-PL"), f"IX-{person}"]
            if gloss_id.startswith("SELF")
            else [gloss_id, gloss_id.removesuffix("-PL")]
        )
        return self.first(*tries) or gloss_id

    def word(self, text: str) -> Found | None:
        """Sign of one word or phrase exactly as given (lower case)."""
        gloss = self.lexicon.find(text)
        return Found((gloss,), "lexicon", 1.0) if gloss else None

    def phrasal(self, text: str) -> Found | None:
        """Sign of a verb of several words, base form first: "look for", "give up"."""
        gloss = self.lexicon.find(text) or self.first(*tables().phrases.get(text, ()))
        return Found((gloss,), f"phrasal verb: {text}", 1.0) if gloss else None

    def near(self, text: str) -> Found | None:
        """Signs of a word of nearly the same meaning."""
        for other in tables().near.get(text, ()):
            gloss = self.lexicon.find(other)
            if gloss:
                return Found((gloss,), f"near in meaning: {other}", 0.8)
            parts = [self.lexicon.find(p) for p in other.split()]
            if len(parts) > 1 and all(parts):
                return Found(tuple(str(p) for p in parts), f"near in meaning: {other}", 0.8)
        return None

    def candidates(self, candidates: tuple[str, ...]) -> Found | None:
        """The best sign of forms of one word, the surest form first."""
        if candidates not in self._cache:
            self._cache[candidates] = self._search(candidates)
        return self._cache[candidates]

    def _search(self, candidates: tuple[str, ...]) -> Found | None:
        for text in candidates:
            found = self.word(text)
            if found:
                return found if text == candidates[0] else Found(found.ids, f"base form {text}", 1.0)
        for text in candidates:
            found = self.near(text) or self._spelling_variant(text)
            if found:
                return found
        for text in candidates:
            found = self._derived(text)
            if found:
                return found
        return None

    def token(self, token: Token) -> Found | None:
        """Sign of a word by its surface and base form; a verb's base form goes first ("left" the verb is LEAVE)."""
        forms = [token.norm, token.lemma, noun_lemma(token.norm)] if token.tag != "VERB" else [token.lemma, token.norm]
        if token.tag != "VERB" and token.norm != "left":
            base = verb_form(token.norm)[0]
            forms += [base] if base else []
        return self.candidates(tuple(dict.fromkeys(f for f in forms if f)))

    def _spelling_variant(self, text: str) -> Found | None:
        if "-" in text:
            for other in (text.replace("-", " "), text.replace("-", "")):
                found = self.word(other) or self.near(other)
                if found:
                    return found
        for british, american in (("our", "or"), ("tre", "ter"), ("ise", "ize"), ("yse", "yze"), ("ogue", "og")):
            if text.endswith(british):
                found = self.word(text[: -len(british)] + american)
                if found:
                    return found
        return None

    def _derived(self, text: str) -> Found | None:
        """quickly -> QUICK, happiness -> HAPPY, unhappy -> NOT HAPPY, where the shorter word has a sign."""
        for prefix in ("un", "non-", "dis"):
            if text.startswith(prefix) and len(text) > len(prefix) + 3 and self.has("NOT"):
                inner = text[len(prefix) :]
                found = self.word(inner) or (self.word(noun_lemma(inner)) if prefix == "un" else None)
                if found:
                    return Found(("NOT", *found.ids), f"{prefix.rstrip('-')}- is NOT: {inner}", 0.7)
        for ending, replacements, of_verb in (
            ("ily", ("y",), False), ("ly", ("", "le", "e"), False), ("iness", ("y",), False), ("ness", ("",), False), ("ful", ("",), False),
            ("ement", ("e",), True), ("ment", ("",), True), ("tion", ("t", "te"), True), ("er", ("", "e"), True), ("or", ("", "e"), True),
        ):  # fmt: skip
            if not text.endswith(ending) or len(text) - len(ending) < 3:
                continue
            for replacement in replacements:
                base = text[: -len(ending)] + replacement
                found = self.word(base) if not of_verb or mostly_verb(base) else None
                if found:
                    return Found(found.ids, f"built on {base}", 0.7)
        return None

    def number(self, text: str) -> tuple[str, ...]:
        """Glosses of a numeral."""
        return numeral(text, self.has)

    def spell(self, text: str) -> tuple[str, ...]:
        """Fingerspelled glosses of a word as written: letters as `fs-`, runs of digits as numbers, `@ . /` of an address as words.

        Empty if there is no letter or digit in it, or a run is too long to be read.
        """
        out: list[str] = []
        for run in re.findall(r"[a-z'\-]+|\d+|[@.]", plain_latin(text).replace("https://", "").replace("http://", "").replace("www.", "")):
            if run.isdigit():
                out += numeral(run, self.has) if len(run) <= 3 else ["-".join(run)]
            elif run in "@.":
                out.append({"@": self.first("AT") or "fs-AT", ".": self.first("DOT", "POINT") or "fs-DOT"}[run] if out else "")
            elif run.strip("'-") and len(run) <= LONGEST:
                out.append(gloss_of(run))
            elif run.strip("'-"):
                return ()
        while out and out[-1] in ("fs-DOT", "DOT", "POINT", ""):
            out.pop()
        return tuple(g for g in out if g)
