"""Words of several meanings: which one a sentence means, by the encoder's vectors of the word and of the sentence.

presets/text/senses.json gives for each such word its meanings, the signs of each, the parts of speech it can have, and sentences that show it. The
meanings are compared by the word's contextual vector with its vectors in their examples (after Wiedemann et al. 2019, who find senses as nearest neighbours of
contextual vectors); meanings of another part of speech start behind. Without an encoder the first meaning that the part of speech allows is taken.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import LexiconError
from ..presets import PRESETS_DIR, read_preset

if TYPE_CHECKING:
    from .encoder import Encoder

# Chosen by leaving each example out in turn (docs/text_to_gloss.md): 93 % of 760 examples get their own meaning back.
SENTENCE_SHARE = 0.3  # weight of the whole sentence's vector beside the word's
NEAR_CLASS, OTHER_CLASS = 0.1, 0.3  # taken off a meaning of another part of speech, which the tagger may have missed
MARGIN = 0.05  # by which another meaning must lead the commonest, the first in the list
_SPREAD = 0.2  # turns differences of scores into shares of belief
_KIN = ({"ADJ", "ADV"}, {"PREP", "ADV"}, {"PREP", "SUB"})
_POS = frozenset("NOUN VERB ADJ ADV PREP MODAL INTJ SUB NAME".split())


@dataclass(frozen=True)
class Sense:
    """One meaning of a word. glosses: signs to try in order, or `spell`, or `drop`; examples: (sentence, start, end) with the word at [start, end)."""

    glosses: tuple[str, ...]
    pos: frozenset[str]
    examples: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Choice:
    """The meaning of a word in its sentence: `senses[best]`. score: the share of belief it has, 0 to 1; why: for people."""

    senses: tuple[Sense, ...]
    best: int
    score: float
    why: str

    @property
    def glosses(self) -> tuple[str, ...]:
        return self.senses[self.best].glosses

    @property
    def excluded(self) -> frozenset[str]:
        """Signs of the word's other meanings."""
        return frozenset(g for k, s in enumerate(self.senses) if k != self.best for g in s.glosses) - frozenset(self.glosses)


@lru_cache(maxsize=1)
def senses() -> dict[str, tuple[Sense, ...]]:
    """The table. Raises LexiconError naming word and field."""
    raw = read_preset("text", "senses.json").get("senses")
    if not isinstance(raw, dict):
        raise LexiconError("presets/text/senses.json: senses: must be an object")
    return {word: tuple(_sense(item, f"presets/text/senses.json: {word}[{n}]") for n, item in enumerate(items)) for word, items in raw.items()}


def _sense(item: dict[str, list[str]], where: str) -> Sense:
    for key in ("gloss", "pos", "examples"):
        if not isinstance(item.get(key), list) or not item[key]:
            raise LexiconError(f"{where}.{key}: must be a list that is not empty")
    unknown = set(item["pos"]) - _POS
    if unknown:
        raise LexiconError(f"{where}.pos: unknown {sorted(unknown)[0]!r}")
    examples = []
    for text in item["examples"]:
        match = re.fullmatch(r"([^\[\]]*)\[([^\[\]]+)\]([^\[\]]*)", text)
        if match is None:
            raise LexiconError(f"{where}.examples: {text!r} must have one word in brackets")
        start = len(match[1])
        examples.append((match[1] + match[2] + match[3], start, start + len(match[2])))
    return Sense(tuple(item["gloss"]), frozenset(item["pos"]), tuple(examples))


def word_vectors(encoder: Encoder, places: Sequence[tuple[str, int, int]]) -> np.ndarray:
    """(N, 2 D): unit vectors of the words at [start, end) of their sentences, and of the sentences."""
    out = np.zeros((len(places), 2 * encoder.dimension), dtype=np.float32)
    for k, (text, start, end) in enumerate(places):
        encoded = encoder.encode([text])
        out[k] = np.concatenate([encoder.word_vector(encoded, 0, start, end), encoded.pooled[0]])
    return out


def cached_vectors(name: str, encoder: Encoder, content: str, make: Callable[[], np.ndarray], width: int) -> np.ndarray:
    """An array kept in the user's cache under the hash of what it is made of; made anew when the content or the encoder is another.

    make: called without arguments for the array. A cache folder that cannot be written costs time at each start, nothing else.
    """
    from ..body.load import cache_folder

    digest = hashlib.sha256(f"{encoder.fingerprint}\n{encoder.dimension}\n{content}".encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{digest}.npy"
    try:
        found = np.load(path, allow_pickle=False)
        if found.ndim == 2 and found.shape[1] == width:
            return found.astype(np.float32)
    except (OSError, ValueError, EOFError):
        found = None  # none yet, or cut short: made below
    vectors = make()
    _keep(path, vectors)
    return vectors


def _keep(path: Path, vectors: np.ndarray) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, vectors.astype(np.float16), allow_pickle=False)
        part.replace(path)
    except OSError:
        return  # a cache that cannot be written is no error: the vectors are made again next time


class SenseReader:
    """Chooses meanings. encoder: None for the choice by part of speech alone."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        self.encoder = encoder
        self._rows: np.ndarray | None = None
        self._starts: dict[str, int] = {}

    def choose(self, word: str, pos: str, sentence: str, start: int, end: int) -> Choice | None:
        """The meaning of the word (lower case, as in the table) that has our tag at [start, end) of the sentence; None if the table has no such word."""
        known = senses().get(word)
        if known is None or pos not in _POS:
            return None
        losses = np.array([_loss(pos, s.pos) for s in known])
        if self.encoder is None or end <= start:
            best = int(np.argmin(losses))
            return None if losses[best] >= OTHER_CLASS else Choice(known, best, 0.8, f"{word}: {pos.lower()}, its commonest meaning")
        encoded = self.encoder.encode([sentence])
        scores = self._scores(word, known, self.encoder.word_vector(encoded, 0, start, end), encoded.pooled[0]) - losses
        best = int(np.argmax(scores))
        if scores[best] - scores[0] < MARGIN:
            best = 0
        belief = np.exp((scores - scores.max()) / _SPREAD)
        belief /= belief.sum()
        others = np.delete(belief, best)
        against = f" against {others.max():.2f}" if len(others) else ""
        return Choice(known, best, round(float(belief[best]), 3), f"{word}: {pos.lower()}, {belief[best]:.2f}{against}")

    def leave_one_out(self) -> tuple[int, int, list[str]]:
        """(found, all, what was lost) when each example is read by the other examples of its word: how well meanings are told apart. Needs an encoder."""
        from .segmentation import tokenise
        from .tagging import tag

        rows, found, lost = self._examples(), 0, []
        half = rows.shape[1] // 2
        for word, known in senses().items():
            mine = rows[self._starts[word] : self._starts[word] + sum(len(s.examples) for s in known)]
            owner = np.repeat(np.arange(len(known)), [len(s.examples) for s in known])
            for k, (text, start, end) in enumerate(p for s in known for p in s.examples):
                tokens = tokenise(text)
                tag(tokens)
                pos = next((t.tag for t in tokens if t.start <= start < t.end or start <= t.start < end), "NOUN")
                others = np.arange(len(mine)) != k
                parts = [_about_mean(mine[others][:, a:b], mine[k, a:b]) for a, b in ((0, half), (half, 2 * half))]
                cosines = parts[0] + SENTENCE_SHARE * parts[1]
                scores = np.array([
                    (cosines[owner[others] == n].mean() if (owner[others] == n).any() else -1.0) - _loss(pos, s.pos) for n, s in enumerate(known)
                ])  # fmt: skip
                best = int(np.argmax(scores))
                best = 0 if scores[best] - scores[0] < MARGIN else best
                found += best == owner[k]
                if best != owner[k]:
                    lost.append(f"{word}: {text} -> {known[best].glosses[0]}")
        return found, len(rows), lost

    def _scores(self, word: str, known: tuple[Sense, ...], vector: np.ndarray, pooled: np.ndarray) -> np.ndarray:
        """Mean cosine to the examples of each meaning, of word and sentence, about the mean of all examples of the word: what tells them apart is left."""
        rows = self._examples()
        count = sum(len(s.examples) for s in known)
        mine = rows[self._starts[word] : self._starts[word] + count]
        half = mine.shape[1] // 2
        cosines = _about_mean(mine[:, :half], vector) + SENTENCE_SHARE * _about_mean(mine[:, half:], pooled)
        bounds = np.cumsum([0] + [len(s.examples) for s in known])
        return np.array([cosines[a:b].mean() for a, b in zip(bounds, bounds[1:], strict=False)])

    def _examples(self) -> np.ndarray:
        """(N, 2 D): the word's vector and the sentence's, of every example of the table in order."""
        if self._rows is None and self.encoder is not None:
            encoder, table = self.encoder, senses()
            places = [p for items in table.values() for s in items for p in s.examples]
            content = hashlib.sha256((PRESETS_DIR / "text" / "senses.json").read_bytes()).hexdigest()
            self._rows = cached_vectors("senses", encoder, content, lambda: word_vectors(encoder, places), width=2 * encoder.dimension)
            at = 0
            for word, items in table.items():
                self._starts[word] = at
                at += sum(len(s.examples) for s in items)
        assert self._rows is not None
        return self._rows


@lru_cache(maxsize=4)
def sense_reader(encoder: Encoder | None) -> SenseReader:
    """The reader of an encoder, kept with its vectors."""
    return SenseReader(encoder)


def _loss(pos: str, allowed: frozenset[str]) -> float:
    if pos in allowed:
        return 0.0
    return NEAR_CLASS if any(pos in kin and kin & allowed for kin in _KIN) else OTHER_CLASS


def _about_mean(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Cosines of a (D,) vector with (N, D) rows, all taken about the mean of the rows."""
    middle = rows.mean(axis=0)
    rows, vector = rows - middle, vector - middle
    return np.einsum("nd,d->n", rows, vector) / np.maximum(np.linalg.norm(rows, axis=1) * np.linalg.norm(vector), 1e-9)
