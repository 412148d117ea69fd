"""Drill clips for the recogniser: every sign of the training part equally often, and signs that no lexicon has.

The new signs are made of two or three real ones: the handshape of one, the place of another, the movement of a third. They untie the features from one
another, so that a network cannot learn a handshape by the signs that happen to have it. What they are called, `A~B~C`, is no gloss of the lexicon.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..action import SignAction
from ..errors import InputError
from ..phonology.features import Phonology
from ..phonology.lexicon import Lexicon
from ..synthesis.generate import Synthesiser

SIGNS_A_CLIP = 5
NEW = 0.6  # share of signs that are made of several
JOINED = "~"  # between their names in the gloss of a new one
_CHANCES = {"hand": 0.7, "place": 0.6, "movement": 0.5}
_HAND = ("handshape", "final_handshape", "internal", "selected_fingers", "flexion", "flexion_change", "spread", "spread_change", "thumb_position",
         "thumb_contact")  # fmt: skip
_PLACE = ("major_location", "minor_location", "contact", "contact_time", "contact_point", "location_offset", "palm", "fingers", "final_palm", "final_fingers")
_MOVEMENT = ("movement", "repeated_movement", "ulnar_rotation", "direction", "size", "arc", "arc_size", "path", "repetitions")
_WAY = (*_MOVEMENT, "second_minor_location", "second_offset")
# Where the other hand is no part of the place, a place can be had without the rest of the sign.
_FREE = ("Neutral", "Head", "Body")
_TYPES = ("OneHanded", "SymmetricalOrAlternating", "AsymmetricalSameHandshape", "AsymmetricalDifferentHandshape")


def glosses_of(number: int, seed: int, signs: Sequence[str]) -> list[str]:
    """The signs of clip `number`: all signs in a random order, then all in another, and so on."""
    turns = [divmod(place, len(signs)) for place in range(number * SIGNS_A_CLIP, (number + 1) * SIGNS_A_CLIP)]
    orders = {turn: np.random.default_rng([seed, 9, turn]).permutation(len(signs)) for turn in {turn for turn, _ in turns}}
    return [signs[int(orders[turn][index])] for turn, index in turns]


class Mixer:
    """Makes new signs of the given ones."""

    def __init__(self, lexicon: Lexicon, signs: Sequence[str]) -> None:
        self.by_hand: dict[str, list[tuple[str, Phonology]]] = defaultdict(list)
        self.by_place: dict[tuple[bool, str], list[tuple[str, Phonology]]] = defaultdict(list)
        self.by_movement: dict[str, list[tuple[str, Phonology]]] = defaultdict(list)
        for gloss in signs:
            first = lexicon.get(gloss).morphemes[0]
            self.by_hand[first.handshape].append((gloss, first))
            if first.major_location in _FREE:
                self.by_place[first.two_handed, first.minor_location].append((gloss, first))
            if first.second_minor_location is None:
                self.by_movement[first.movement].append((gloss, first))

    def mixed(self, action: SignAction, synthesiser: Synthesiser, rng: np.random.Generator) -> SignAction:
        """A sign with parts of others, or the same where it has several morphemes or the parts cannot be joined."""
        own = action.phonology[0]
        if len(action.phonology) > 1 or own.sign_type not in _TYPES:
            return action
        made, names = own, [action.gloss_id]
        if rng.random() < _CHANCES["hand"]:
            gloss, other = _one(self.by_hand, rng)
            # three in ten without what the fingers do in the other sign
            made = _taken(made, other if rng.random() < 0.7 else Phonology(other.handshape), _HAND)
            if own.sign_type != "AsymmetricalDifferentHandshape":
                made = replace(made, nondominant_handshape=None)
            names.append(gloss)
        if own.major_location in _FREE and rng.random() < _CHANCES["place"]:
            gloss, other = _one({k: v for k, v in self.by_place.items() if k[0] == own.two_handed}, rng)
            # a way from one place to another belongs to both places
            bound = other.second_minor_location is not None or made.second_minor_location is not None
            made = _taken(made, other, _PLACE + (_WAY if bound else ()))
            names.append(gloss)
        if made.second_minor_location is None and rng.random() < _CHANCES["movement"]:
            gloss, other = _one(self.by_movement, rng)
            made = _taken(made, other, _MOVEMENT)
            names.append(gloss)
        if made.handshape == made.nondominant_handshape and made.sign_type == "AsymmetricalDifferentHandshape":
            made = replace(made, sign_type="AsymmetricalSameHandshape")
        if len(names) == 1:
            return action
        try:
            synthesiser.ends(made)
            seconds = synthesiser.schedule((made,), False).total
            before = synthesiser.schedule(action.phonology, False).total
        except InputError:  # a hand that has no such patch to touch with
            return action
        return replace(action, gloss_id=JOINED.join(names), phonology=(made,), duration=round(action.duration * seconds / before, 3))


def _one(table: Mapping[Any, list[tuple[str, Phonology]]], rng: np.random.Generator) -> tuple[str, Phonology]:
    """Any sign of any kind: kinds equally often, whatever the number of their signs."""
    kinds = sorted(table)
    of_kind = table[kinds[int(rng.integers(len(kinds)))]]
    return of_kind[int(rng.integers(len(of_kind)))]


def _taken(own: Phonology, other: Phonology, names: Sequence[str]) -> Phonology:
    return replace(own, **{name: getattr(other, name) for name in names})
