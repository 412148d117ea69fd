"""Closed word classes of English with their pointing signs, and base forms of verbs and nouns."""

from __future__ import annotations

from functools import lru_cache

import simplemma

from .parts_of_speech import is_adjective, lemma_of, verb_reading
from .tables import tables

PRONOUNS = {
    "i": "IX-1", "me": "IX-1", "you": "IX-2", "ya": "IX-2", "thou": "IX-2", "he": "IX-3", "she": "IX-3", "it": "IX-3", "him": "IX-3", "her": "IX-3",
    "we": "IX-1-PL", "us": "IX-1-PL", "they": "IX-3-PL", "them": "IX-3-PL", "em": "IX-3-PL",
}  # fmt: skip
SUBJECTS = frozenset("i you he she it we they".split())
POSSESSIVES = {
    "my": "POSS-1", "mine": "POSS-1", "your": "POSS-2", "yours": "POSS-2", "his": "POSS-3", "hers": "POSS-3", "its": "POSS-3",
    "our": "POSS-1-PL", "ours": "POSS-1-PL", "her": "POSS-3", "their": "POSS-3-PL", "theirs": "POSS-3-PL",
}  # fmt: skip
REFLEXIVES = {
    "myself": "SELF-1", "yourself": "SELF-2", "himself": "SELF-3", "herself": "SELF-3", "itself": "SELF-3", "oneself": "SELF-3",
    "ourselves": "SELF-1-PL", "yourselves": "SELF-2-PL", "themselves": "SELF-3-PL",
}  # fmt: skip
WH_WORDS = frozenset("what where who whom whose when why how which".split())

@lru_cache(maxsize=20_000)
def verb_form(word: str) -> tuple[str, str]:
    """(base, form) of a word that can be a verb, ("", "") if it cannot: `verb_form("lives") == ("live", "s")`."""
    t = tables()
    if word in t.irregular_verb_forms:
        base = t.irregular_verb_forms[word]
        return base, "base" if base == word else "ing" if word.endswith("ing") else "en" if word.endswith("n") else "ed"
    base, form = verb_reading(word)
    return base, "base" if base == word else form


@lru_cache(maxsize=20_000)
def comparative_base(word: str) -> str:
    """`comparative_base("biggest") == "big"`; empty for a word that is no comparative, and for those with a sign of their own (better, more)."""
    if not word.endswith(("er", "est")) or word in tables().lemmas or len(word) < 5:
        return ""
    for tag in ("AJC", "AJS"):
        base = lemma_of(word, tag)
        if base != word and word.startswith(base[:2]) and is_adjective(base):
            return base
    return ""


@lru_cache(maxsize=20_000)
def noun_lemma(word: str) -> str:
    """The base form of a word that is no verb; the hand-checked list goes before the dictionary."""
    t = tables()
    if word in t.lemmas:
        return t.lemmas[word]
    return simplemma.lemmatize(word, lang="en").lower()
