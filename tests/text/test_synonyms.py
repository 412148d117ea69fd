"""Words without a sign: curated synonyms first, the lexicon's nearest word by the encoder then, letters last."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.errors import MachineError
from signgen_core.text import analyse
from signgen_core.text.synonyms import NEAR_ENOUGH, only_spelled_alike
from signgen_core.text.tables import tables


@pytest.fixture(scope="module")
def near() -> Any:
    pytest.importorskip("torch")
    from signgen_core.phonology.lexicon import load_lexicon
    from signgen_core.text.encoder import load_encoder
    from signgen_core.text.synonyms import neighbours

    try:
        return neighbours(load_encoder(), load_lexicon())
    except MachineError as problem:
        pytest.skip(str(problem))


@pytest.mark.parametrize(("word", "tag", "gloss"), [("canine", "NOUN", "DOG"), ("enormous", "ADJ", "BIG"), ("consume", "VERB", "EAT")])
def test_nearest_sign(near: Any, word: str, tag: str, gloss: str) -> None:
    found = near.near(word, tag)
    assert found is not None and found.ids == (gloss,)
    assert NEAR_ENOUGH <= found.confidence < 1.0
    assert found.why.startswith(f"near: {word} ~ ")


@pytest.mark.parametrize(("word", "tag"), [("carburetor", "NOUN"), ("quinoa", "NOUN"), ("wrist", "NOUN"), ("zzyzx", "NOUN"), ("x", "NOUN"), ("of", "PREP")])
def test_nothing_is_near_enough(near: Any, word: str, tag: str) -> None:
    assert near.near(word, tag) is None


def test_spelled_alike_is_not_alike() -> None:
    assert only_spelled_alike("wrist", "wristwatch") and only_spelled_alike("twin", "twine") and only_spelled_alike("volley", "volleyball")
    assert not only_spelled_alike("frighten", "frightened") and not only_spelled_alike("car", "cart") and not only_spelled_alike("large", "big")


def test_curated_synonym_goes_first(lexicon: Any) -> None:
    (sentence,) = analyse("The physician purchased a large automobile.", lexicon)
    assert [g.gloss_id for g in sentence.glosses] == ["DOCTOR", "BUY", "BIG", "CAR"]
    by_word = {g.words[0]: g for g in sentence.glosses}
    assert by_word["physician"].why == "near in meaning: doctor" and by_word["physician"].confidence == 0.8
    assert by_word["large"].confidence == 1.0


def test_names_and_rare_words_are_spelled(lexicon: Any) -> None:
    glosses = analyse("Carla sold the carburetor.", lexicon)[0].glosses
    assert {g.gloss_id for g in glosses if g.kind == "fingerspelled"} >= {"fs-CARLA", "fs-CARBURETOR"}


def test_the_table_has_hundreds_and_no_loops() -> None:
    near = tables().near
    assert len(near) > 600
    assert not [word for word, others in near.items() if word in others]


def test_words_that_share_their_letters_alone_are_no_synonyms():
    from signgen_core.text.synonyms import only_spelled_alike

    for a, b in (("lunge", "lungs"), ("wrist", "wristwatch"), ("stars", "start")):
        assert only_spelled_alike(a, b) and only_spelled_alike(b, a)
    for a, b in (("dance", "dancing"), ("canine", "dog"), ("teach", "teacher")):
        assert not only_spelled_alike(a, b) and not only_spelled_alike(b, a)
