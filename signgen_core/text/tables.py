"""The word tables of presets/text/, read once: word classes of English, base forms that the tagger gets wrong, synonyms, phrasal verbs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import LexiconError
from ..presets import read_preset


@dataclass(frozen=True)
class WordTables:
    """Contents of presets/text/words.json (docs/text_to_gloss.md explains each list) of synonyms.json (near) and of phrasal_verbs.json (phrases)."""

    irregular_verb_forms: dict[str, str]
    lemmas: dict[str, str]
    adjectives: frozenset[str]
    prepositions_signed_if_known: frozenset[str]
    prepositions_shown_in_space: frozenset[str]
    prepositions_never_signed: frozenset[str]
    greetings: frozenset[str]
    interjections: frozenset[str]
    fillers: frozenset[str]
    softeners: frozenset[str]
    intensifiers: frozenset[str]
    kin_and_titles: frozenset[str]
    proper_words_with_signs: frozenset[str]
    words_that_are_also_names: frozenset[str]
    weather_and_time_words: frozenset[str]
    nouns_doubled_for_plural: frozenset[str]
    verbs_taking_clauses: frozenset[str]
    not_verbs_after_going_to: frozenset[str]
    persons: dict[str, str]
    female_names: frozenset[str]
    male_names: frozenset[str]
    near: dict[str, tuple[str, ...]]
    phrases: dict[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def tables() -> WordTables:
    """The tables. Raises LexiconError naming file and field if a list is missing or not made of words."""
    words = read_preset("text", "words.json")
    others = {"near": "synonyms.json", "phrases": "phrasal_verbs.json"}
    fields: dict[str, Any] = {}
    for name, kind in WordTables.__annotations__.items():
        source = others.get(name, "words.json")
        raw = (read_preset("text", source) if name in others else words).get(name)
        wants_object = kind.startswith("dict")
        if not isinstance(raw, dict if wants_object else list):
            raise LexiconError(f"presets/text/{source}: {name}: must be {'an object' if wants_object else 'a list'}")
        values: list[Any] = list(raw.values()) if isinstance(raw, dict) else list(raw)
        if name in others:
            values = [word for several in values for word in (several if isinstance(several, list) else [several])]
        wrong = next((v for v in values if not isinstance(v, str) or not v and name != "persons"), None)
        if wrong is not None:
            raise LexiconError(f"presets/text/{source}: {name}: {wrong!r} is not a word")
        if isinstance(raw, dict):
            fields[name] = {k: tuple(v) for k, v in raw.items()} if name in others else dict(raw)
        else:
            fields[name] = frozenset(raw)
    return WordTables(**fields)
