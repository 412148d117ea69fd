"""Drill clips: signs evenly, new signs of several, and sentence corpora that stay as they were."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.planner import Planner
from signgen_core.text.types import Gloss, Sentence
from signgen_core.train import corpus
from signgen_core.train.corpus import Settings, held_out, part_of, plan_of, sentence_of, write_corpus
from signgen_core.train.drill import JOINED, SIGNS_A_CLIP, Mixer, glosses_of

SETTINGS = Settings(clips=400, signers=1, test_signers=1, test_share=0.25, drill=True)


@pytest.fixture(scope="module", autouse=True)
def one_body() -> Iterator[None]:
    """Bodies of other shapes take seconds to prepare; here all signers have the default shape."""
    with pytest.MonkeyPatch.context() as patch:
        shaped = corpus.signer_of
        patch.setattr(corpus, "signer_of", lambda number, settings: (shaped(number, settings)[0], np.zeros(10)))
        yield


def test_every_sign_comes_equally_often() -> None:
    signs = [f"S{k}" for k in range(17)]
    counts = Counter(g for n in range(34) for g in glosses_of(n, 0, signs))
    assert set(counts) == set(signs) and set(counts.values()) == {34 * SIGNS_A_CLIP // 17}
    assert glosses_of(3, 0, signs) == glosses_of(3, 0, signs) != glosses_of(3, 1, signs)


def test_parts_have_their_own_signs() -> None:
    kept = held_out(load_lexicon(), SETTINGS)
    seen: dict[str, set[str]] = {"train": set(), "test": set()}
    for n in range(400):
        seen[part_of(n, SETTINGS)] |= {g.gloss_id for g in sentence_of(n, SETTINGS).glosses}
    assert seen["test"] == kept and not seen["train"] & kept and len(seen["train"]) > 1200


def test_new_signs_take_parts_of_several() -> None:
    lexicon = load_lexicon()
    names = [g for g, e in lexicon.entries.items() if e.kind == "lexical" and not e.inferred][:200]
    mixer = Mixer(lexicon, names)
    synthesiser = corpus._synthesiser(np.zeros(10).tobytes())
    planner = Planner(synthesiser, lexicon)
    plan = planner.plan([Sentence("", "statement", False, tuple(Gloss(g, "lexical") for g in names[:40]))], text="", seed=0, handedness="right", tempo=1.0)
    rng = np.random.default_rng(0)
    made = [(a, mixer.mixed(a, synthesiser, rng)) for a in plan.actions]
    changed = [(a, b) for a, b in made if a is not b]
    assert len(changed) > 20
    for before, after in changed:
        parts = after.gloss_id.split(JOINED)
        assert parts[0] == before.gloss_id and len(parts) > 1 and after.gloss_id not in lexicon.entries and after.duration > 0.0
        forms = [lexicon.get(g).morphemes[0] for g in parts]
        for name in ("handshape", "minor_location", "movement"):
            assert getattr(after.phonology[0], name) in {getattr(f, name) for f in forms}
    assert len({b.phonology[0].handshape for _, b in changed}) > len({a.phonology[0].handshape for a, _ in changed})


def test_clips_of_training_are_mixed_those_of_the_test_are_not() -> None:
    train = plan_of(0, SETTINGS)
    test = plan_of(3, SETTINGS)
    assert len(train.actions) == len(test.actions) == SIGNS_A_CLIP
    assert any(JOINED in a.gloss_id for n in (0, 1) for a in plan_of(n, SETTINGS).actions)
    assert not any(JOINED in a.gloss_id for a in test.actions) and {a.gloss_id for a in test.actions} <= held_out(load_lexicon(), SETTINGS)
    assert train.actions == plan_of(0, replace(SETTINGS, clips=9)).actions


def test_a_folder_holds_one_kind(tmp_path: Path) -> None:
    plain = replace(SETTINGS, clips=1, drill=False)
    write_corpus(tmp_path, plain, workers=1)
    said = json.loads((tmp_path / "corpus.json").read_text())
    assert "drill" not in said  # sentence corpora are what they were before there were drills
    with pytest.raises(InputError, match="other drill"):
        write_corpus(tmp_path, replace(plain, drill=True), workers=1)
