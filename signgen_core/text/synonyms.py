"""A sign of nearly the same meaning for a word without one: the lexicon's nearest word by the encoder, where it is near enough.

Word and candidates are compared in one short frame of their part of speech ("They _ it."), which keeps opposites further apart than bare words. The
threshold is chosen on benchmarks/data/synonym_pairs.tsv (`python benchmarks/text.py --synonyms`): precision at least 0.9.
"""

from __future__ import annotations

import hashlib
import os.path
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .lookup import Found
from .senses import cached_vectors

if TYPE_CHECKING:
    from ..phonology.lexicon import Lexicon
    from .encoder import Encoder

NEAR_ENOUGH = 0.85
FRAMES = {"noun": "I have a {}.", "verb": "They {} it.", "adjective": "It is {}.", "adverb": "I do it {}."}
_POS = {"NOUN": "noun", "VERB": "verb", "ADJ": "adjective", "ADV": "adverb"}
_KEPT = 5_000
_AFTER_E = frozenset("ing ed er es ation ion able ment".split())
_ENDINGS = frozenset("s es ed d ing ly er est y ies ied ment ness ful tion ation al able".split())


class Neighbours:
    """The words of one lexicon as vectors; `near` finds the nearest."""

    def __init__(self, encoder: Encoder, lexicon: Lexicon) -> None:
        self.encoder = encoder
        rows: dict[str, list[tuple[str, str]]] = {pos: [] for pos in FRAMES}
        for gloss, entry in sorted(lexicon.entries.items()):
            if entry.kind == "lexical" and entry.pos in rows:
                rows[entry.pos] += [(word, gloss) for word in entry.words if word.isalpha()]
        self.rows = rows
        self._known: dict[tuple[str, str], Found | None] = {}

    @cached_property
    def vectors(self) -> dict[str, np.ndarray]:
        """part of speech -> (N, D) of its words; made at the first word that has no sign, since it takes seconds where the cache has none."""
        texts = [FRAMES[pos].format(word) for pos, items in self.rows.items() for word, _ in items]
        content = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        vectors = cached_vectors("lexicon-words", self.encoder, content, lambda: self.encoder.embed(texts), self.encoder.dimension)
        bounds = np.cumsum([0] + [len(items) for items in self.rows.values()])
        return {pos: vectors[a:b] for pos, a, b in zip(self.rows, bounds, bounds[1:], strict=False)}

    def near(self, word: str, tag: str) -> Found | None:
        """The sign of the nearest word of the same part of speech (our tag), with its cosine as confidence; None if none is near enough."""
        pos = _POS.get(tag, "")
        if not pos or not word.isalpha() or len(word) < 3 or not self.rows[pos]:
            return None
        if (word, pos) not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[word, pos] = self._nearest(word, pos)
        return self._known[word, pos]

    def _nearest(self, word: str, pos: str) -> Found | None:
        cosines = np.einsum("nd,d->n", self.vectors[pos], self.encoder.encode([FRAMES[pos].format(word)]).pooled[0])
        for k in np.argsort(-cosines)[:5]:
            other, gloss = self.rows[pos][int(k)]
            score = float(cosines[k])
            if score < NEAR_ENOUGH:
                return None
            if not only_spelled_alike(word, other):
                return Found((gloss,), f"near: {word} ~ {other} {score:.2f}", round(min(score, 0.99), 3))
        return None


def only_spelled_alike(word: str, other: str) -> bool:
    """Whether one word begins with the other without being built on it: wrist and wristwatch share pieces, hence vectors, but no meaning."""
    shared = len(os.path.commonprefix([word, other]))
    rests = {word[shared:], other[shared:]}
    if shared >= 4 and "" not in rests and len(min(rests, key=len)) <= 1 and not ("e" in rests and rests & _AFTER_E) and not rests <= _ENDINGS:
        return True  # lunge and lungs
    short, long = sorted((word, other), key=len)
    stem = short[:-1] if short.endswith(("e", "y")) else short
    return len(short) >= 4 and long.startswith(stem) and long[len(stem) :] not in _ENDINGS


@lru_cache(maxsize=2)
def neighbours(encoder: Encoder, lexicon: Lexicon) -> Neighbours:
    """The neighbours of an encoder and a lexicon, kept."""
    return Neighbours(encoder, lexicon)
