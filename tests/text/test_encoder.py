"""The text encoder: its vectors, against the library that has every model, and what it says of folders that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from signgen_core.errors import FileFormatError, InputError
from signgen_core.text import encoder as module
from signgen_core.text.bert import Shape, bert
from signgen_core.text.encoder import Encoder, load_encoder, quicker

TEXTS = ["The bank by the river is green.", "I keep my money in the bank.", "Who?", "Zoë’s naïve café ☕", ""]
SMALL = {
    "model_type": "bert", "hidden_act": "gelu", "vocab_size": 30522, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 64, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
}  # fmt: skip


@pytest.fixture(scope="module")
def published() -> Encoder:
    return load_encoder()


@pytest.fixture
def small(tmp_path: Path, published: Encoder) -> Path:
    """A folder with a BERT of random weights and the published tokenizer."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(SMALL), encoding="utf-8")
    shutil.copyfile(published.folder / "tokenizer.json", folder / "tokenizer.json")
    torch.manual_seed(0)
    weights = {name: torch.randn_like(value) * 0.1 for name, value in bert(Shape.read(SMALL, "small")).state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    return folder


def test_vectors_are_units_and_offsets_are_the_words(published: Encoder) -> None:
    found = published.encode(TEXTS)
    assert found.pooled.shape == (5, published.dimension) and np.allclose(np.linalg.norm(found.pooled, axis=1), 1.0, atol=1e-5)
    first = TEXTS[0]
    assert [first[a:b] for a, b in found.offsets[0]] == ["The", "bank", "by", "the", "river", "is", "green", "."]
    assert [len(t) for t in found.tokens] == [len(o) for o in found.offsets] and len(found.tokens[4]) == 0
    assert published.encode([]).pooled.shape == (0, published.dimension)


def test_near_meanings_are_near(published: Encoder) -> None:
    near, same, far = published.embed(["Where is my dog?", "I cannot find my puppy.", "The stock market fell."])
    assert near @ same > 0.6 > 0.3 > near @ far


def test_a_word_has_the_vector_of_its_context(published: Encoder) -> None:
    texts = ["The bank by the river is muddy.", "We sat on the bank of the stream.", "My bank charges fees on loans."]
    found = published.encode(texts)
    river, stream, money = (published.word_vector(found, i, t.index("bank"), t.index("bank") + 4) for i, t in enumerate(texts))
    assert river @ stream > river @ money
    assert not published.word_vector(found, 0, 500, 504).any()


def test_neighbours_change_no_bit(published: Encoder) -> None:
    published._kept.clear()
    alone = published.encode([TEXTS[1]]).pooled[0]
    published._kept.clear()
    assert np.array_equal(published.encode(TEXTS).pooled[1], alone)


def test_quick_and_batched_vectors_are_those_of_the_library(published: Encoder) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModel.from_pretrained(published.folder, local_files_only=True).eval()
    for text in TEXTS[:4]:
        ids = torch.tensor([published.tokenizer.encode(text).ids])
        with torch.inference_mode():
            wanted = theirs(input_ids=ids).last_hidden_state[0, 1:-1].numpy()
            plain = published.model(ids, None)[0, 1:-1].numpy()
        assert np.abs(plain - wanted).max() < 1e-4
        assert np.abs(published.encode([text]).tokens[0] - wanted).max() < 1e-2
    assert np.abs(published.embed(TEXTS, batch=3) - published.encode(TEXTS).pooled).max() < 1e-3


def test_the_quick_copy_leaves_the_model_alone(published: Encoder) -> None:
    before = published.model.state_dict()["encoder.layer.0.attention.self.query.weight"].clone()
    quicker(published.model)
    assert torch.equal(published.model.state_dict()["encoder.layer.0.attention.self.query.weight"], before)
    assert isinstance(published.model.get_submodule("encoder.layer.0.attention.self.query"), torch.nn.Linear)


def test_long_texts_are_cut_at_the_limit(published: Encoder) -> None:
    text = "word " * 3000
    found = published.encode([text])
    assert len(found.tokens[0]) == published.max_tokens - 2
    assert not published.word_vector(found, 0, len(text) - 5, len(text)).any()


def test_threads_are_as_before(published: Encoder) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        published.encode(["threads"])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_folder_of_ones_own(small: Path) -> None:
    own = load_encoder(small)
    assert (own.name, own.dimension, own.max_tokens) == ("small", 16, 64)
    assert len(own.encode(["word " * 100]).tokens[0]) == 62


def test_fingerprints_tell_weights_apart_not_folders(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(small, other)
    assert module._fingerprint(other) == module._fingerprint(small)
    weights = load_file(other / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][0, 0] += 1.0
    save_file(weights, other / "model.safetensors")
    assert module._fingerprint(other) != module._fingerprint(small)


@pytest.mark.parametrize("family", ["DistilBert", "Roberta"])
def test_relatives_of_bert(family: str, tmp_path: Path, published: Encoder) -> None:
    transformers = pytest.importorskip("transformers")
    shape = {"vocab_size": 30522, "max_position_embeddings": 66}
    own = {"dim": 16, "hidden_dim": 32, "n_layers": 2, "n_heads": 2} if family == "DistilBert" else {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 1}  # fmt: skip
    model = getattr(transformers, f"{family}Model")(getattr(transformers, f"{family}Config")(**shape, **own)).eval()
    folder = tmp_path / family
    model.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(published.folder / "tokenizer.json"), model_max_length=512, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    loaded = load_encoder(folder)
    assert loaded.max_tokens == (66 if family == "DistilBert" else 64)
    ids = torch.tensor([loaded.tokenizer.encode("Where are you?").ids])
    with torch.inference_mode():
        wanted = model(input_ids=ids).last_hidden_state[0, 1:-1].numpy()
    assert np.abs(loaded.encode(["Where are you?"]).tokens[0] - wanted).max() < 1e-2
    assert loaded.embed(["word " * 200]).shape == (1, 16)


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def _no_type(folder: Path) -> None:
    (folder / "config.json").write_text("{}", encoding="utf-8")


def _odd_heads(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({**SMALL, "num_attention_heads": 3}), encoding="utf-8")


def _no_layers(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({**SMALL, "num_hidden_layers": "two"}), encoding="utf-8")


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _misshapen(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({**SMALL, "intermediate_size": 48}), encoding="utf-8")


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[]", encoding="utf-8")


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (_no_config, "has no config.json"), (_broken_config, "not valid JSON"), (_no_type, "no model_type"), (_odd_heads, "no multiple of num_attention_heads"),
        (_no_layers, "num_hidden_layers: 'two'"), (_pickled, "pickled weights"), (_cut, "not a whole safetensors file"),
        (_misshapen, "layer.0.intermediate.dense.weight: has shape (32, 16), expected shape (48, 16)"), (_no_tokenizer, "tokenizer.json: not a tokenizer"),
    ],
)  # fmt: skip
def test_folders_that_are_no_model(break_it: object, said: str, small: Path) -> None:
    break_it(small)  # type: ignore[operator]
    with pytest.raises((InputError, FileFormatError)) as caught:
        load_encoder(small)
    assert said in str(caught.value) and "small" in str(caught.value) and "\n" not in str(caught.value)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model folder"):
        load_encoder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        load_encoder(tmp_path / "file")
