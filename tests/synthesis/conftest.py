from __future__ import annotations

import pytest

from signgen_core import pipeline
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.planner import Planner
from signgen_core.text.types import Gloss, Sentence


@pytest.fixture(scope="session")
def synthesiser():
    return pipeline.synthesiser_for()


@pytest.fixture(scope="session")
def planner(synthesiser):
    return Planner(synthesiser, load_lexicon())


@pytest.fixture(scope="session")
def plan_of(planner):
    """A plan of glosses, given as ids or as `Gloss`."""

    def build(*glosses, seed=0, handedness="right", tempo=1.0, type="statement"):
        full = [g if isinstance(g, Gloss) else Gloss(g, "fingerspelled" if g.startswith("fs-") else "number" if g.isdigit() else "lexical") for g in glosses]
        return planner.plan([Sentence("text", type, False, tuple(full))], text="text", seed=seed, handedness=handedness, tempo=tempo)

    return build
