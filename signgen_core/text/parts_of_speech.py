"""Parts of speech and base forms of English by the Hanover Tagger (HanTa: a hidden Markov model over morphemes and words, trained on the BNC).

Tags are those of the British National Corpus (C5): NN1, VVD, AJ0, AVP for the particle of a phrasal verb, and so on. The model file of the package is a
gzipped pickle; it is read by an unpickler that builds plain containers and numbers and refuses everything else.
"""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MachineError

if TYPE_CHECKING:
    from HanTa.HanoverTagger import HanoverTagger

# The tagger's time grows with the square of a word's length; a longer run of letters is no English word.
_LONGEST_WORD = 24
_VERB_FORMS = {
    "VVB": "base", "VVI": "base", "VVZ": "s", "VVD": "ed", "VVN": "en", "VVG": "ing", "VDB": "base", "VDI": "base", "VDZ": "s", "VDD": "ed", "VDN": "en",
    "VDG": "ing", "VHB": "base", "VHI": "base", "VHZ": "s", "VHD": "ed", "VHN": "en", "VHG": "ing", "VBB": "base", "VBI": "base", "VBZ": "s", "VBD": "ed",
    "VBN": "en", "VBG": "ing",
}  # fmt: skip
# A reading as a verb counts while it is no rarer than e^-5 of the commonest reading ("the" is no verb, "fish" is one).
_RARER = 5.0


class _Unpickler(pickle.Unpickler):
    """Reads numbers, text and containers; any other name in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "scalar":
            return lambda dtype, raw: np.frombuffer(raw, dtype)[0].item()
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


@lru_cache(maxsize=1)
def _tagger() -> HanoverTagger:
    """Raises MachineError if the package or its English model is missing or damaged."""
    try:
        from HanTa import HanoverTagger as Hanover
    except ImportError as problem:
        raise MachineError(f"reading English needs the package HanTa; `python3 build.py setup` installs it ({problem})") from problem
    path = Path(Hanover.__file__).with_name("morphmodel_en.pgz")
    try:
        # read as it is unpacked: from one block of memory the whole load is a single call, which holds every other thread up
        with gzip.open(path) as file:
            model = _Unpickler(file).load()
        tagger = Hanover.HanoverTagger(None, model)
    except (OSError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as problem:
        raise MachineError(f"{path.name} of the package HanTa cannot be read: {problem}") from problem
    tagger.strict = False  # guess words that the model has not seen
    return tagger


def tag_words(words: Sequence[str]) -> list[str]:
    """C5 tags of the words and marks of one sentence, in their written case."""
    if not words:
        return []
    tagger = _tagger()
    short = [w if len(w) <= _LONGEST_WORD else w[:_LONGEST_WORD] for w in words]
    return [tagger.int2tag[t] for t in tagger.tag_sent_viterbi(short)]


@lru_cache(maxsize=20_000)
def lemma_of(word: str, tag: str) -> str:
    """The base form of a lower-case word that has the C5 tag: `lemma_of("left", "VVD") == "leave"`."""
    if not word or len(word) > _LONGEST_WORD:
        return word
    tagger = _tagger()
    return str(tagger._analyze(word, tagger.tag2int[tag])[0]).lower() or word if tag in tagger.tag2int else word


@lru_cache(maxsize=20_000)
def verb_reading(word: str) -> tuple[str, str]:
    """(base, form) of a lower-case word that can be a verb, ("", "") if it hardly can: `verb_reading("lives") == ("live", "s")`.

    form is base, s, ed, ing or en.
    """
    if not word or len(word) > _LONGEST_WORD or not word.isalpha():
        return "", ""
    tagger = _tagger()
    readings = [(tagger.int2tag[t], float(p)) for t, p in tagger._tag_word(word, casesensitive=False)]
    best = max((p for _, p in readings), default=0.0)
    verbs = [(p, t) for t, p in readings if t in _VERB_FORMS and p >= best - _RARER]
    if not verbs:
        return "", ""
    tag = max(verbs)[1]
    return lemma_of(word, tag), _VERB_FORMS[tag]


def form_of(tag: str) -> str:
    """base, s, ed, ing or en of a verb's C5 tag; empty for other tags."""
    return _VERB_FORMS.get(tag, "")


@lru_cache(maxsize=20_000)
def is_adjective(word: str) -> bool:
    """Whether a lower-case word is often an adjective."""
    if not word or len(word) > _LONGEST_WORD or not word.isalpha():
        return False
    tagger = _tagger()
    readings = [(tagger.int2tag[t], float(p)) for t, p in tagger._tag_word(word, casesensitive=False)]
    best = max((p for _, p in readings), default=0.0)
    return any(t == "AJ0" and p >= best - 2.0 for t, p in readings)


@lru_cache(maxsize=20_000)
def mostly_verb(word: str) -> bool:
    """Whether a lower-case word is as the base form of a verb at least half as frequent as otherwise ("turn", not "fish")."""
    if not word or len(word) > _LONGEST_WORD or not word.isalpha():
        return False
    tagger = _tagger()
    shares: dict[bool, float] = {True: 0.0, False: 0.0}
    for tag, p in tagger._tag_word(word, casesensitive=False):
        shares[_VERB_FORMS.get(tagger.int2tag[tag]) == "base"] += float(np.exp(p))
    return shares[True] >= shares[False] * 0.5
