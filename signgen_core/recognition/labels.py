"""What the recogniser says of a sign: its gloss, and features of its first morpheme in the terms of ASL-LEX 2.0."""

from __future__ import annotations

from ..phonology.features import Phonology

GLOSS = "gloss"
FEATURES = ("handshape", "major_location", "minor_location", "movement", "sign_type")
HEADS = (GLOSS, *FEATURES)
NONE = ""  # the gloss of what is no sign of the lexicon: spelled words and numbers


def features_of(phonology: Phonology) -> dict[str, str]:
    """The features of a morpheme."""
    return {name: getattr(phonology, name) for name in FEATURES}
