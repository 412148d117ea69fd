"""The encoder: the published one where it is installed, local folders of other families, and folders that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.text.encoder import Encoder, load_encoder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] i you like run dogs where live the a . ? ##s happy sad".split()


def tiny(folder: Path, family: str = "bert") -> Path:
    """A very small model of a family, with random weights, saved as Hugging Face folders are."""
    torch.manual_seed(0)
    if family == "bert":
        config = transformers.BertConfig(vocab_size=len(WORDS), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                                         max_position_embeddings=16)  # fmt: skip
        model = transformers.BertModel(config)
    else:
        config = transformers.DistilBertConfig(vocab_size=len(WORDS), dim=24, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=16)
        model = transformers.DistilBertModel(config)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    model.save_pretrained(folder)
    transformers.BertTokenizerFast(vocab={w: i for i, w in enumerate(WORDS)}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def test_sentences_become_unit_vectors_and_words_have_their_own(encoder: Encoder) -> None:
    found = encoder.encode(["I like dogs.", ""])
    assert encoder.dimension == 384 and found.pooled.shape == (2, 384)
    assert np.allclose(np.linalg.norm(found.pooled, axis=1), 1.0, atol=1e-5)
    assert [tuple(o) for o in found.offsets[0]] == [(0, 1), (2, 6), (7, 11), (11, 12)]
    assert found.tokens[0].shape == (4, 384) and found.tokens[1].shape == (0, 384)
    assert encoder.encode([]).pooled.shape == (0, 384)


def test_neighbours_change_nothing_and_batches_only_round(encoder: Encoder) -> None:
    texts = ["Where do you live?", "I am happy.", "The old house by the river burned down last winter, and nobody knows why."]
    together = encoder.encode(texts).pooled
    fresh = Encoder(encoder.model, encoder.tokenizer, "again")
    for k, text in enumerate(texts):
        assert np.array_equal(fresh.encode([text]).pooled[0], together[k])
    assert np.abs(encoder.embed(texts, batch=2) - together).max() < 1e-5


def test_a_word_is_nearer_to_its_own_sense(encoder: Encoder) -> None:
    def like(sentence: str) -> np.ndarray:
        at = sentence.index("like")
        return encoder.word_vector(encoder.encode([sentence]), 0, at, at + 4)

    verb, preposition = like("I like this music."), like("She sings like a bird.")
    assert like("Children like ice cream.") @ verb > like("Children like ice cream.") @ preposition
    assert like("He eats like a horse.") @ preposition > like("He eats like a horse.") @ verb
    assert not encoder.word_vector(encoder.encode(["short"]), 0, 900, 905).any()


def test_long_texts_are_cut_not_refused(encoder: Encoder) -> None:
    found = encoder.encode(["word " * 3000])
    assert found.tokens[0].shape[0] == encoder.max_tokens - 2


def test_threads_are_as_before(encoder: Encoder) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        encoder.encode(["something new for the threads"])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_any_local_folder_of_the_family(tmp_path: Path, family: str) -> None:
    local = load_encoder(tiny(tmp_path / "my-model", family))
    assert local.name == "my-model" and local.dimension == 24 and local.max_tokens == 16
    found = local.encode(["i like dogs ."])
    assert found.tokens[0].shape == (4, 24) and np.isfinite(found.pooled).all()


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(InputError, match=words) as caught:
            load_encoder(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400

    refused(tmp_path / "absent", "absent: no such model folder")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "is a file, not a model folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "has no config.json")
    (tmp_path / "empty/config.json").write_text("{")
    refused(tmp_path / "empty", "config.json: not valid JSON")
    (tmp_path / "empty/config.json").write_text("{}")
    refused(tmp_path / "empty", "has no model_type")
    (tmp_path / "empty/config.json").write_text(json.dumps({"model_type": "bert"}))
    refused(tmp_path / "empty", "has no model.safetensors$")
    (tmp_path / "empty/pytorch_model.bin").write_bytes(b"\x80\x04.")
    refused(tmp_path / "empty", "pickled weights .* are not loaded")
    whole = tiny(tmp_path / "whole")
    cut = shutil.copytree(whole, tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((whole / "model.safetensors").read_bytes()[:200])
    refused(cut, "not a model that can be read")
    strange = shutil.copytree(whole, tmp_path / "strange")
    config = json.loads((whole / "config.json").read_text())
    (strange / "config.json").write_text(json.dumps({**config, "model_type": "my_own", "auto_map": {"AutoModel": "evil.Model"}}))
    (strange / "evil.py").write_text("raise SystemExit('ran code of a model folder')")
    refused(strange, "not a model that can be read")
