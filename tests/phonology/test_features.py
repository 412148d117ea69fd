"""Directions, morphemes as JSON, and errors that name the field."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.errors import LexiconError
from signgen_core.phonology.features import ALL_MINOR_LOCATIONS, MINOR_LOCATIONS, parse_direction, phonology_from_json, phonology_to_json
from signgen_core.phonology.lexicon import load_lexicon


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("up", (0, 1, 0)), ("in", (-1, 0, 0)), ("forward+down", (0, -(0.5**0.5), 0.5**0.5)), ("up+0.0*out", (0, 1, 0)), ("3*back", (0, 0, -1))],
)
def test_directions(text, wanted):
    assert np.allclose(parse_direction(text), wanted)


@pytest.mark.parametrize("text", ["", "left", "up+down", "2 up", "up+", "1e9*up", "up-in"])
def test_bad_directions_are_named(text):
    with pytest.raises(LexiconError, match="direction"):
        parse_direction(text)


def test_the_inventory_of_minor_locations_is_asl_lex():
    """37 values in the table of ASL-LEX 2.0, and what its second-location column adds."""
    assert len(set(ALL_MINOR_LOCATIONS) - {"ForearmRadial", "OtherAway"}) == 37
    assert {"HeadAway", "Chin", "UnderChin"} <= set(MINOR_LOCATIONS["Head"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"handshape": None}, "handshape"), ({"palm": "sideways"}, "palm"), ({"movement": "Wavy"}, "movement"), ({"contact": 1}, "contact"),
        ({"location_offset": [0, 0]}, "location_offset"), ({"location_offset": [0, 0, "a"]}, r"location_offset\[2\]"), ({"size": -1}, "size"),
        ({"size": float("nan")}, "size"), ({"repetitions": 0}, "repetitions"), ({"colour": "red"}, "colour"), ({"path": [[0, 0, 0]]}, "path"),
        ({"nondominant": {"palm": "x"}}, "nondominant.palm"), ({"minor_location": "Chin"}, "minor_location"), ({"nondominant": 3}, "nondominant"),
    ],
)  # fmt: skip
def test_faults_name_their_field(change, field):
    with pytest.raises(LexiconError, match=f"here\\.{field}"):
        phonology_from_json({"handshape": "5", **change}, "here")


def test_every_lexicon_morpheme_survives_json():
    for entry in load_lexicon().entries.values():
        for morpheme in entry.morphemes:
            assert phonology_from_json(phonology_to_json(morpheme), "x") == morpheme
