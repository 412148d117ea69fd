"""The language model is judged on the plans and signers of a corpus; here by one of random weights, so that a wrong side would be seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence, by_hand, dump_plan
from signgen_core.evaluation.generation import compare
from signgen_core.evaluation.pairs import TestClips, corpus_clips
from signgen_core.evaluation.targets import Bodies
from signgen_core.motion import Motion, write_npz

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")


@pytest.fixture(scope="module")
def generator(signed: Motion) -> Any:
    from signgen_core.generation import LanguageGenerator
    from signgen_core.tokens.features import WIDTHS, Normaliser, encode
    from signgen_core.tokens.lm import TokenLM
    from signgen_core.tokens.lm_network import Network as ModelNetwork
    from signgen_core.tokens.network import Config, Network
    from signgen_core.tokens.tokenizer import Tokenizer, half
    from signgen_core.train.lm import config_for

    torch.manual_seed(1)
    codes = {"body": 3, "left_hand": 2, "right_hand": 2, "face": 1}
    network = Network(Config("residual_vq", codebook=12, codes=codes, width=16, small_width=16, dilations=(1,)))
    network.train()
    network({s: torch.randn(4, 32, w) for s, w in WIDTHS.items()}, torch.ones(4, 8))
    tokenizer = Tokenizer(network.config, Normaliser.fit([encode(signed)]), half(network))
    config = config_for(tokenizer, width=32, layers=1, heads=2, window=6, depth=24, keys=4)
    model = ModelNetwork(config)
    with torch.no_grad():
        model.stop.bias.fill_(-20.0)
    return LanguageGenerator(TokenLM(config, half(model), tokenizer))


@pytest.fixture
def clips(tmp_path: Path, plan: ActionSequence, signed: Motion) -> TestClips:
    (tmp_path / "test").mkdir()
    rows = []
    for k, hand in enumerate(("right", "left")):
        motion = signed if hand == "right" else signed.mirrored()
        write_npz(tmp_path / f"test/{k:06d}.npz", motion, pipeline.joints(motion))
        (tmp_path / f"test/{k:06d}.json").write_text(dump_plan(by_hand(plan, hand)))
        rows.append(json.dumps({"clip": k, "part": "test", "file": f"test/{k:06d}.npz"}))
    (tmp_path / "manifest.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "corpus.json").write_text(json.dumps({"held_out": ["PAPER"]}))
    return corpus_clips(tmp_path)


def test_landed_and_raw_motions_of_the_model(clips: TestClips, generator: Any, bodies: Bodies, signed: Motion) -> None:
    from signgen_core.evaluation.language import language_pairs

    landed = list(language_pairs(clips, generator, bodies))
    assert [p.name for p in landed] == ["test/000000", "test/000001"]
    for pair in landed:
        assert pair.made.num_frames == pair.reference.num_frames == signed.num_frames  # landed motions are as long as the plan
        assert pair.said is not None and pair.said > signed.duration  # this model never stops by itself
        assert pair.seconds is not None and pair.token_seconds is not None and 0.0 < pair.token_seconds
        assert np.array_equal(pair.made.betas, pair.reference.betas)
    raw = list(language_pairs(clips, generator, bodies, raw=True))
    assert raw[0].made.duration == pytest.approx(landed[0].said, abs=0.05)
    assert not np.array_equal(raw[0].made.poses[:20], landed[0].made.poses[:20])
    found = compare(landed, bodies=bodies)
    assert found.values["contact_share"][1] == 1.0 and found.values["length_error"][0] == pytest.approx(landed[0].said / signed.duration - 1.0)
    assert found.values["token_ms_per_frame"][0] > 0.0 and found.values["signs"] == (6.0, 6.0)
    # the right hand of the one and the left hand of the other do the same
    right, left = (p.made if p.plan is None or p.plan.handedness == "right" else p.made.mirrored() for p in landed)
    assert np.allclose(right.poses[:, 40:], left.poses[:, 40:], atol=1e-6)


def test_the_seed_decides(clips: TestClips, generator: Any, bodies: Bodies) -> None:
    from signgen_core.evaluation.language import language_pairs

    first = [next(language_pairs(clips, generator, bodies, seed=seed, raw=True)).made.poses for seed in (0, 0, 1)]
    assert np.array_equal(first[0], first[1]) and not np.array_equal(first[0], first[2])
