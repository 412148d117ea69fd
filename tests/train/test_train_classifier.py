"""Training on a small encoder: it learns, resumes bit by bit, saves whole folders, and refuses what it cannot use."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core.errors import FileFormatError, InputError
from signgen_core.text.classifier import HEADS, SHIPPED, Classifier, load_classifier, probabilities
from signgen_core.text.encoder import Encoder, load_encoder
from signgen_core.train.evaluate import evaluate, scores
from signgen_core.train.table import Example

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] i you we the a is was so good great nice bad awful sad what where who ? . today here".split()


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, max_position_embeddings=16
    )
    folder = tmp_path / "tiny"
    folder.mkdir()
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizerFast(vocab={w: i for i, w in enumerate(WORDS)}).save_pretrained(folder)
    load_encoder.cache_clear()
    return load_encoder(folder)


def sentences(count: int = 160) -> list[Example]:
    """Emotion hangs on one word, type on another; subject is known of half of the rows."""
    rng = np.random.default_rng(5)
    out = []
    for k in range(count):
        mood = rng.choice(["positive", "negative"])
        word = rng.choice(["good", "great", "nice"] if mood == "positive" else ["bad", "awful", "sad"])
        asks = rng.random() < 0.5
        text = f"{rng.choice(['what', 'where', 'who'])} is so {word} ?" if asks else f"{rng.choice(['i', 'you', 'we', 'the'])} was {word} today ."
        labels = {"emotion": str(mood), "type": "wh_question" if asks else "statement"}
        if k % 2:
            labels["subject"] = "inquiry" if asks else "information"
        out.append(Example(text, labels, "made"))
    return out


def options(**changes: Any) -> Any:
    from signgen_core.train.classifier import Options

    return replace(Options(epochs=6, encoder_epochs=2, rank=2, batch=16, heads=("subject", "emotion", "type"), threads=1), **changes)


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_it_learns_and_says_how_sure_it_is(encoder: Encoder) -> None:
    from signgen_core.train.classifier import train

    heard: list[float] = []
    result = train(sentences(), encoder, options(epochs=25), progress=lambda share, text: heard.append(share))
    assert heard == sorted(heard) and heard[-1] == 1.0 and len(result.log) == 27
    model = Classifier(result.weights, result.config, encoder)
    judged = evaluate(model, sentences(80))
    assert judged["type"]["accuracy"] > 0.9 and judged["emotion"]["accuracy"] > 0.8 and "gesture" not in judged
    (found,) = model.classify(["where is so sad ?"])
    assert found.best("type")[0] == "wh_question"
    assert set(found.probabilities["gesture"].values()) == {found.probabilities["gesture"]["nod"]}  # never learned: nothing is likelier
    for head, labels in HEADS.items():
        assert tuple(found.probabilities[head]) == labels and abs(sum(found.probabilities[head].values()) - 1.0) < 1e-5
    assert model.classify([]) == []


def test_the_encoder_itself_stays_as_published(encoder: Encoder) -> None:
    from signgen_core.train.classifier import train

    before = {k: v.clone() for k, v in encoder.model.state_dict().items()}
    result = train(sentences(), encoder, options())
    assert all(torch.equal(v, before[k]) for k, v in encoder.model.state_dict().items())
    assert any(k.startswith("adapter.") and k.endswith(".up") and np.abs(v).max() > 0 for k, v in result.weights.items()) or not any(
        "encoder" in str(row) for row in result.log
    )
    merged = Classifier(result.weights, result.config, encoder)
    assert merged.encoder is not encoder
    plain = train(sentences(), encoder, options(rank=0, encoder_epochs=0))
    assert plain.config["adapters"] is None and Classifier(plain.weights, plain.config, encoder).encoder is encoder


def test_adapters_merged_are_adapters_beside(encoder: Encoder) -> None:
    """At run time the low-rank products are added into the weights; in training they run beside them. Both must say the same."""
    from signgen_core.train.classifier import Network

    network = Network(encoder, options(), torch.device("cpu"))
    network.add_adapters()
    with torch.no_grad():
        for key, value in network.adapters.items():
            if key.endswith(":up"):
                value.normal_(std=0.2, generator=torch.Generator().manual_seed(1))
    texts = ["i was sad today .", "where is the nice ?"]
    with torch.inference_mode():
        beside = network.pooled(texts).numpy()
    weights = {k: v.astype(np.float32) for k, v in network.export().items()}
    from signgen_core.text.adapters import adapted

    merged = adapted(encoder, weights, network.scale).embed(texts)
    assert np.abs(merged - beside).max() < 5e-3  # half precision of the weights
    assert np.abs(encoder.embed(texts) - beside).max() > 0.05
    with pytest.raises(InputError, match="does not fit"):
        adapted(encoder, {"adapter.nowhere.down": np.zeros((2, 32)), "adapter.nowhere.up": np.zeros((32, 2))}, 1.0)


@pytest.mark.parametrize("stop", [2, 5, 6, 7])
def test_a_killed_run_goes_on_bit_by_bit(encoder: Encoder, tmp_path: Path, stop: int) -> None:
    from signgen_core.train.classifier import train

    whole = train(sentences(), encoder, options())
    folder = tmp_path / "checkpoint"
    folder.mkdir()

    class KilledError(Exception):
        pass

    def kill(share: float, text: str) -> None:
        if round(share * 8) == stop:
            raise KilledError

    with pytest.raises(KilledError):
        train(sentences(), encoder, options(), checkpoint=folder, progress=kill)
    resumed = train(sentences(), encoder, options(), checkpoint=folder)
    assert same(resumed.weights, whole.weights) and resumed.config == whole.config and resumed.log == whole.log
    with pytest.raises(InputError, match="is of another run"):
        train(sentences(), encoder, options(seed=3), checkpoint=folder)
    (folder / "checkpoint.safetensors").write_bytes(b"half")
    with pytest.raises(FileFormatError, match="not a whole checkpoint"):
        train(sentences(), encoder, options(), checkpoint=folder)


def test_the_whole_encoder_can_be_trained_and_is_saved_along(encoder: Encoder, tmp_path: Path) -> None:
    from signgen_core.train.classifier import save, train

    result = train(sentences(), encoder, options(unfreeze=True, rank=0, epochs=1, encoder_epochs=8, encoder_rate=1e-2))
    assert result.encoder is not None
    before, after = encoder.model.state_dict(), result.encoder.model.state_dict()
    assert [k for k, v in after.items() if not torch.equal(v, before[k])]
    folder = save(result, tmp_path / "tuned")
    load_classifier.cache_clear()
    again = load_classifier(folder)
    texts = [e.text for e in sentences(10)]
    ours = Classifier(result.weights, result.config, result.encoder).classify(texts)
    assert again.classify(texts) == ours
    assert load_classifier(folder, load_encoder()).classify(texts) == ours  # no other encoder will do, so its own is taken
    shutil.rmtree(folder / "encoder")
    load_classifier.cache_clear()
    with pytest.raises(InputError, match="was trained on the encoder tiny"):
        load_classifier(folder, load_encoder())


def test_folders_are_replaced_whole_and_read_back(encoder: Encoder, tmp_path: Path) -> None:
    from signgen_core.train.classifier import save, train

    result = train(sentences(), encoder, options(epochs=2, encoder_epochs=1))
    folder = save(result, tmp_path / "out" / "model", {"note": {"accuracy": 1.0}})
    (folder / "old.txt").write_text("of an earlier one")
    save(result, folder)
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]
    load_classifier.cache_clear()
    texts = ["i was sad today ."]
    assert load_classifier(folder, encoder).classify(texts) == Classifier(result.weights, result.config, encoder).classify(texts)


def test_damaged_and_foreign_folders_are_one_line(encoder: Encoder, tmp_path: Path) -> None:
    from signgen_core.train.classifier import save, train

    whole = save(train(sentences(), encoder, options(epochs=1, encoder_epochs=0)), tmp_path / "whole")

    def refused(words: str, **files: bytes | None) -> None:
        broken = shutil.copytree(whole, tmp_path / "broken")
        for name, content in files.items():
            path = broken / {"config": "config.json", "weights": "model.safetensors"}[name]
            path.unlink() if content is None else path.write_bytes(content)
        load_classifier.cache_clear()
        with pytest.raises(InputError, match=words) as caught:
            load_classifier(broken, encoder)
        assert "\n" not in str(caught.value)
        shutil.rmtree(broken)

    config = json.loads((whole / "config.json").read_text())
    weights = (whole / "model.safetensors").read_bytes()
    refused("config.json: No such file", config=None)
    refused("config.json: not valid JSON", config=b"{")
    refused("not the config of a SignGen classifier", config=b"{}")
    refused("version 9; this program reads version 1", config=json.dumps({**config, "version": 9}).encode())
    refused("labels.emotion: not the labels", config=json.dumps({**config, "labels": {**config["labels"], "emotion": ["glad"]}}).encode())
    refused("temperatures.type: 0", config=json.dumps({**config, "temperatures": {**config["temperatures"], "type": 0}}).encode())
    refused("was trained on the encoder tiny", config=json.dumps({**config, "fingerprint": "0123"}).encode())
    refused("dimension: None is not what", config=json.dumps({**config, "dimension": None}).encode())
    refused("model.safetensors: not a whole safetensors file", weights=weights[:-50])
    refused("model.safetensors: not a whole safetensors file", weights=b"\x80\x04pickle")
    refused("model.safetensors: not a whole safetensors file", weights=None)
    from safetensors.numpy import save as dump

    refused(r"subject.0.weight: missing", weights=dump({"x": np.zeros(3, np.float32)}))
    from safetensors.numpy import load

    tensors = load(weights)
    refused("type.1.bias: holds numbers that are not finite", weights=dump({**tensors, "type.1.bias": np.full(6, np.nan, np.float16)}))
    with pytest.raises(InputError, match="no such classifier folder"):
        load_classifier(tmp_path / "absent", encoder)


def test_too_little_to_learn_from(encoder: Encoder) -> None:
    from signgen_core.train.classifier import train

    with pytest.raises(InputError, match="emotion: all 30 labels are 'positive'"):
        train([Example(f"good {k}", {"emotion": "positive"}) for k in range(30)], encoder, options())
    with pytest.raises(InputError, match="8 sentences are too few"):
        train(sentences(8), encoder, options())
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no CUDA device"):
            train(sentences(), encoder, options(device="cuda"))


def test_scores_of_known_cases() -> None:
    even = scores(["positive", "negative", "negative", "positive"], [{"positive": 0.75, "negative": 0.25}] * 4, ("positive", "negative"))
    assert even == {"count": 4, "accuracy": 0.5, "macro_f1": pytest.approx(1 / 3), "ece": pytest.approx(0.25), "most_frequent": 0.5}
    right = scores(["positive", "negative"], [{"positive": 1.0, "negative": 0.0}, {"positive": 0.0, "negative": 1.0}], ("positive", "negative", "neutral"))
    assert right["accuracy"] == right["macro_f1"] == 1.0 and right["ece"] == 0.0
    assert np.allclose(probabilities(np.array([[0.0, np.log(3.0)]]), 1.0), [[0.25, 0.75]])
    assert np.allclose(probabilities(np.array([[0.0, np.log(9.0)]]), 2.0), [[0.25, 0.75]])


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="no weights are shipped")
def test_the_shipped_classifier() -> None:
    load_classifier.cache_clear()
    model = load_classifier()
    assert sum(p.stat().st_size for p in SHIPPED.iterdir()) <= 2e6
    assert all((SHIPPED / name).is_file() for name in ("config.json", "model.safetensors"))
    wanted = {
        "Thank you so much for your help!": ("gratitude", "positive"), "Congratulations on your new job!": ("congratulation", "positive"),
        "I am so sorry, it was my fault.": ("apology", None), "Goodbye, see you next week.": ("farewell", None), "Hello, nice to see you.": ("greeting", None),
        "I am furious with you, stop lying to me!": ("anger", "negative"),
    }  # fmt: skip
    for text, (subject, emotion) in wanted.items():
        (found,) = model.classify([text])
        assert found.best("subject")[0] == subject, text
        assert emotion is None or found.best("emotion")[0] == emotion, text
