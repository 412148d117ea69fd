"""The token language model: a step with a cache says what the whole sequence at once says; chance, prefixes, mixes and files behave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import FileFormatError, InputError
from signgen_core.phonology.encode import Condition
from signgen_core.tokens.features import WIDTHS, Normaliser, encode

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from signgen_core.tokens.network import Config, Network
    from signgen_core.tokens.tokenizer import Tokenizer, half

    torch.manual_seed(1)
    config = Config("residual_vq", codebook=12, codes={"body": 3, "left_hand": 2, "right_hand": 2, "face": 1}, width=16, small_width=16, dilations=(1,))
    network = Network(config)
    network.train()
    network({s: torch.randn(4, 32, w) for s, w in WIDTHS.items()}, torch.ones(4, 8))
    motion = pipeline.animate(pipeline.plan_text("BOOK", gloss=True))
    return Tokenizer(config, Normaliser.fit([encode(motion)]), half(network))


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    from signgen_core.tokens.lm import TokenLM
    from signgen_core.tokens.lm_network import Network
    from signgen_core.tokens.tokenizer import half
    from signgen_core.train.lm import config_for

    torch.manual_seed(2)
    config = config_for(tokenizer, width=32, layers=2, heads=2, window=6, depth=24, keys=4)
    network = Network(config)
    with torch.no_grad():
        network.stop.bias.fill_(-20.0)  # says nothing of stopping unless a test wants it
        for parameter in network.parameters():  # what starts at zero would hide mistakes
            parameter.add_(0.1 * torch.randn_like(parameter))
        network.stop.bias.fill_(-20.0)
    return TokenLM(config, half(network), tokenizer)


@pytest.fixture(scope="module")
def condition() -> Condition:
    return pipeline.condition(pipeline.plan_text("<q>IX-2 WANT BOOK</q>?", gloss=True))


def test_a_step_says_what_the_whole_says(model: Any, condition: Condition) -> None:
    """Greedy codes made step by step, with a ring that went round twice, are the likeliest codes of one pass over all steps."""
    from signgen_core.tokens.lm import Sampling
    from signgen_core.train.lm import cumulative

    made = model.generate(condition, Sampling(temperature=0.0), steps=len(condition))
    assert made.tokens.num_tokens == len(condition) > 2 * model.config.window
    sums = {s: cumulative(torch.from_numpy(made.tokens.codes[s])[None], model.vectors[s]) for s in model.config.streams}
    before = torch.cat([v[:, :, -1] for v in sums.values()], dim=-1)
    before = torch.nn.functional.pad(before, (0, 0, 1, 0))[:, :-1]
    first = torch.zeros(1, len(condition), dtype=torch.bool)
    first[:, 0] = True
    with torch.inference_mode():
        scores, stop = model.network(model.embed(condition)[None], before, first, {s: v[..., :-1, :] for s, v in sums.items()}, model.vectors)
    for stream, values in scores.items():
        assert np.array_equal(values[0].argmax(-1).numpy(), made.tokens.codes[stream]), stream
        share = torch.log_softmax(values[0].double(), dim=-1)
        entropy = -(share.exp() * share).sum(-1).mean(-1) / np.log(model.config.size)
        assert np.allclose(entropy, made.uncertainty[:, made.streams.index(stream)], atol=1e-4)
    assert len(set(map(tuple, made.tokens.codes["body"]))) > 3  # it does say different things


def test_numpy_and_torch_step_alike(model: Any, condition: Condition) -> None:
    from signgen_core.tokens.lm import Sampling
    from signgen_core.tokens.lm_engine import Engine
    from signgen_core.tokens.lm_numpy import NumpyEngine

    fast, slow = NumpyEngine(model.network, {s: v.numpy() for s, v in model.vectors.items()}), Engine(model.network, model.vectors, 1)
    rows = model.embed(condition)
    chance = np.random.default_rng(0)
    for n, row in enumerate(rows):
        drawn = chance.random((1, model.config.num_codes), dtype=np.float32)
        sampling = Sampling(temperature=0.0 if n % 5 == 0 else 0.9, top_p=0.8)
        if n % 7 == 3:
            known = {s: chance.integers(0, model.config.size, (1, q)) for s, q in model.config.streams.items()}
            fast.tell(row[None].numpy(), known)
            slow.tell(row[None], known)
            continue
        a, b = fast.step(row[None].numpy(), drawn, sampling), slow.step(row[None], drawn, sampling)
        assert all(np.array_equal(a[0][s], b[0][s]) for s in a[0]) and np.allclose(a[1], b[1], atol=1e-4) and np.allclose(a[2], b[2], atol=1e-5)
    assert fast.count == slow.count == len(rows) > 2 * model.config.window


def test_chance_follows_the_seed(model: Any, condition: Condition) -> None:
    from signgen_core.tokens.lm import Sampling

    def codes(**changes: Any) -> np.ndarray:
        return model.generate(condition, Sampling(**{"temperature": 1.0, "top_p": 1.0, "seed": 5, **changes}), steps=12).tokens.codes["body"]

    assert np.array_equal(codes(), codes()) and not np.array_equal(codes(), codes(seed=6))
    # the likeliest code alone, whatever the seed
    assert np.array_equal(codes(top_p=1e-6), codes(temperature=0.0)) and np.array_equal(codes(top_p=1e-6, seed=9), codes(temperature=0.0))


def test_codes_are_drawn_as_often_as_they_are_likely(model: Any) -> None:
    from signgen_core.tokens.lm import Sampling
    from signgen_core.tokens.lm_engine import Engine

    engine = Engine(model.network, model.vectors, 4000)
    share = torch.tensor([0.5, 0.3, 0.15, 0.05])
    with torch.inference_mode():
        engine._temperature.fill_(1.0)
        engine._top_p.fill_(0.75)
        drawn = engine._drawn(torch.log(share).expand(4000, -1), torch.linspace(0.0, 0.99999, 4000))
    # 0.5 and 0.3 have 0.75 of the probability together
    assert np.allclose(np.bincount(drawn, minlength=4) / 4000, [0.625, 0.375, 0.0, 0.0], atol=0.001)
    with pytest.raises(InputError, match="top_p"):
        Sampling(top_p=0.0)
    with pytest.raises(InputError, match="temperature"):
        Sampling(temperature=-1.0)


def test_a_batch_gives_what_each_gives_alone(model: Any, condition: Condition) -> None:
    from signgen_core.tokens.lm import Sampling

    shorter = pipeline.condition(pipeline.plan_text("BOOK", gloss=True))
    many = model.generate_batch([condition, shorter], Sampling(seed=3))
    for k, each in enumerate((condition, shorter)):
        alone = model.generate(each, Sampling(seed=3 + k))
        assert all(np.array_equal(alone.tokens.codes[s], many[k].tokens.codes[s]) for s in alone.tokens.codes)
        assert np.allclose(alone.uncertainty, many[k].uncertainty, atol=1e-5)
    assert model.generate_batch([]) == []


def test_a_prefix_is_gone_on_with(model: Any, condition: Condition) -> None:
    from signgen_core.tokens.lm import Sampling

    whole = model.generate(condition, Sampling(seed=4), steps=14)
    rest = model.generate(condition, Sampling(seed=4), prefix=whole.tokens.cut(0, 5), steps=9)
    assert all(np.array_equal(rest.tokens.codes[s], whole.tokens.codes[s][5:]) for s in rest.tokens.codes)
    other = model.generate(condition, Sampling(seed=4), prefix=model.generate(condition, Sampling(seed=77), steps=5).tokens, steps=9)
    assert not np.array_equal(other.tokens.codes["body"], rest.tokens.codes["body"])


def test_it_stops_by_itself_or_soon_after_the_condition(model: Any, condition: Condition) -> None:
    assert len(condition) < model.generate(condition).tokens.num_tokens <= len(condition) + 8
    assert not model.generate(condition).stopped
    bias = model.network.stop.bias.clone()
    try:
        with torch.no_grad():
            model.network.stop.bias.fill_(50.0)
        model._engines.clear()
        made = model.generate(condition)
        assert made.stopped and made.tokens.num_tokens == 1
    finally:
        with torch.no_grad():
            model.network.stop.bias.copy_(bias)
        model._engines.clear()


def test_first_steps_come_before_the_last_are_made(model: Any, condition: Condition) -> None:
    vectors = model.embed(condition)
    stream = model.steps(vectors)
    first = next(stream)
    assert model._engines[(1, "cpu")].count == 1
    whole = model.generate(condition)
    assert all(np.array_equal(first.codes[s], whole.tokens.codes[s][0]) for s in first.codes)


def test_conditions_mix(model: Any, condition: Condition) -> None:
    other = pipeline.condition(pipeline.plan_text("MOTHER", gloss=True))
    assert torch.equal(model.mixed(condition, other, 0.0), model.embed(condition))
    end = model.mixed(condition, other, 1.0)
    assert torch.equal(end[: len(other)], model.embed(other)) and len(end) == len(condition)
    half = model.mixed(condition, other, 0.5)
    assert torch.allclose(half[3], 0.5 * (model.embed(condition)[3] + model.embed(other)[3]), atol=1e-6)
    assert model.generate(half, steps=4).tokens.num_tokens == 4
    with pytest.raises(InputError, match="weight 1.5"):
        model.mixed(condition, other, 1.5)


def test_the_signers_shape_and_the_sign_are_heard(model: Any, condition: Condition) -> None:
    plain = model.embed(condition)
    assert not torch.allclose(plain, model.embed(condition, np.ones(10)))
    changed = replace(condition, current=condition.current.copy())
    changed.current[4, 0] = 3
    assert torch.allclose(plain[:4], model.embed(changed)[:4], atol=1e-5) and not torch.allclose(plain[4], model.embed(changed)[4])
    with pytest.raises(InputError, match="steps of 0.1 s"):
        model.embed(replace(condition, step_seconds=0.1))


def test_files(model: Any, tokenizer: Any, tmp_path: Path, condition: Condition) -> None:
    from signgen_core.tokens.lm import load_lm
    from signgen_core.tokens.tokenizer import Tokenizer

    folder = model.save(tmp_path / "model")
    again = load_lm(folder, tokenizer)
    assert all(np.array_equal(again.generate(condition).tokens.codes[s], v) for s, v in model.generate(condition).tokens.codes.items())
    other = Tokenizer(tokenizer.config, tokenizer.normaliser, {k: v + np.float16(0.01) * (v.ndim == 2) for k, v in tokenizer.weights.items()})
    with pytest.raises(InputError, match=f"made for tokenizer {tokenizer.id}"):
        load_lm(folder, other)
    weights, config = folder / "model.safetensors", folder / "config.json"
    whole, said = weights.read_bytes(), json.loads(config.read_text())
    for damaged, message in ((whole[: len(whole) // 2], "not a whole safetensors file"), (b"", "not a whole"), (b"\x80\x04K\x01.", "not a whole")):
        weights.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=message) as caught:
            load_lm(folder, tokenizer)
        assert "\n" not in str(caught.value) and str(weights) in str(caught.value)
    weights.write_bytes(whole)
    for changed, message in (
        ({**said, "format": "other"}, "not the config of a SignGen token model"), ({**said, "version": 99}, "version 99"),
        ({**said, "network": {**said["network"], "width": 7}}, "network: token model: width"), ({**said, "network": []}, "network: expected"),
        ({**said, "network": {**said["network"], "encoding_version": 99}}, "phonology of version 99"),
        ({**said, "network": {**said["network"], "depth": 32}}, "has shape"),
    ):  # fmt: skip
        config.write_text(json.dumps(changed))
        with pytest.raises((FileFormatError, InputError), match=message) as caught:
            load_lm(folder, tokenizer)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such token model folder"):
        load_lm(tmp_path / "none", tokenizer)
