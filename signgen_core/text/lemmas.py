"""Closed word classes of English with their pointing signs, and base forms of verbs and nouns."""

from __future__ import annotations

from functools import lru_cache

import simplemma

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
    """(base, form) of a word that can be a verb we know, ("", "") if it cannot: `verb_form("lives") == ("live", "s")`."""
    t = tables()
    if word in t.irregular_verb_forms:
        base = t.irregular_verb_forms[word]
        form = "ing" if word.endswith("ing") else "s" if word.endswith("s") and word != "was" else "en" if word in t.participles else "ed"
        return base, form
    if word in t.verbs:
        return word, "base"
    for ending, form in (("ies", "s"), ("es", "s"), ("s", "s"), ("ied", "ed"), ("ed", "ed"), ("ying", "ing"), ("ing", "ing")):
        if not word.endswith(ending) or len(word) - len(ending) < 2:
            continue
        stem = word[: -len(ending)]
        tries = [stem + "y"] if ending in ("ies", "ied", "ying") else [stem, stem + "e"]
        if form != "s" and len(stem) > 2 and stem[-1] == stem[-2]:
            tries.append(stem[:-1])
        if form != "s":
            tries.sort(key=lambda s: not s.endswith("e") if stem[-1] in "cvguz" else False)
        for base in tries:
            if base in t.verbs:
                return base, form
    return "", ""


@lru_cache(maxsize=20_000)
def noun_lemma(word: str) -> str:
    """The base form of a word that is no verb; the hand-checked list goes before the dictionary."""
    t = tables()
    if word in t.lemmas:
        return t.lemmas[word]
    if word in t.comparatives:
        return t.comparatives[word]
    return simplemma.lemmatize(word, lang="en").lower()
