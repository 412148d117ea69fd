"""The models that read a text before it is signed: the encoder and the classifier on top of it, loaded once.

Everything here needs torch and transformers; without them the text half works by rule alone (`analyse(text, lexicon)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .segmentation import clean, split_sentences

if TYPE_CHECKING:
    from .classifier import Classifier
    from .encoder import Encoder

# From this probability on, a sentence without any mark at its end is taken for the question that it seems to be.
SURE_OF_A_QUESTION = 0.75


@dataclass(frozen=True)
class Reader:
    """Encoder and classifier of one process."""

    encoder: Encoder
    classifier: Classifier

    def read(self, sentences: list[str]) -> list[dict[str, dict[str, float]]]:
        """head -> label -> calibrated probability, of each sentence."""
        return [found.probabilities for found in self.classifier.classify(sentences)]

    def with_question_marks(self, text: str) -> str:
        """Speech recognition writes no marks: sentences that end in none and are surely questions get one, so that grammar reads them as such."""
        lines = list(split_sentences(clean(text)))
        bare = [k for k, line in enumerate(lines) if line and line[-1].isalnum()]
        if not bare:
            return text
        for k, reading in zip(bare, self.read([lines[k] for k in bare]), strict=True):
            types = reading["type"]
            if types["yes_no_question"] + types["wh_question"] >= SURE_OF_A_QUESTION:
                lines[k] += "?"
        return "\n\n".join(lines)


@lru_cache(maxsize=2)
def load_reader(encoder: str | Path | None = None, classifier: str | Path | None = None) -> Reader:
    """The models at the given places, by default the published encoder and the shipped classifier.

    Raises InputError in one line: no such model, a damaged one, or a library that is not installed.
    """
    from .classifier import load_classifier
    from .encoder import load_encoder

    loaded = load_encoder(encoder)
    return Reader(loaded, load_classifier(classifier, loaded))
