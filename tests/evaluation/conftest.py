from __future__ import annotations

import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence
from signgen_core.evaluation.targets import Bodies
from signgen_core.motion import Motion
from signgen_core.synthesis.generate import Synthesiser


@pytest.fixture(scope="session")
def synthesiser() -> Synthesiser:
    return pipeline.synthesiser_for()


@pytest.fixture(scope="session")
def bodies(synthesiser: Synthesiser) -> Bodies:
    return Bodies(synthesiser.body)


@pytest.fixture(scope="session")
def plan() -> ActionSequence:
    """A sign that touches the head, one that touches the other hand, a spelled word."""
    return pipeline.plan_text("MOTHER PAPER fs-BO", gloss=True)


@pytest.fixture(scope="session")
def signed(plan: ActionSequence) -> Motion:
    return pipeline.animate(plan)


@pytest.fixture(scope="session")
def coarse(plan: ActionSequence) -> Motion:
    """The same at a rate at which pairs of frames are few."""
    return pipeline.animate(plan, fps=12.0)
