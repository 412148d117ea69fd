"""What a sentence is: subject, gesture, emotion and type, by heads on the encoder's sentence vector.

Each head has two fully connected layers with 256 hidden units, ReLU and dropout 0.3 between them, trained on the sum of the heads' cross-entropies (the
multi-task classifier of the text-to-gesture paper). At run time a head is two matrix products in numpy; its temperature makes the
probabilities honest (Guo et al. 2017). `signgen train classifier` makes the weights, docs/classification.md describes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ..errors import FileFormatError, InputError
from ..model_files import read_config
from ..presets import PRESETS_DIR
from .types import EMOTIONS, GESTURES, SUBJECTS, SentenceType

if TYPE_CHECKING:
    from .encoder import Encoder

HEADS: dict[str, tuple[str, ...]] = {"subject": SUBJECTS, "gesture": GESTURES, "emotion": EMOTIONS, "type": get_args(SentenceType)}
HIDDEN = 256
DROPOUT = 0.3
FORMAT, VERSION = "signgen-classifier", 1
WEIGHTS, CONFIG, ENCODER = "model.safetensors", "config.json", "encoder"
SHIPPED = PRESETS_DIR / "models" / "classifier"


@dataclass(frozen=True)
class Classification:
    """probabilities: head -> label -> calibrated probability, in the order of `HEADS`."""

    text: str
    probabilities: dict[str, dict[str, float]]

    def best(self, head: str) -> tuple[str, float]:
        """The likeliest label of a head, and its probability."""
        return max(self.probabilities[head].items(), key=lambda item: item[1])


class Classifier:
    """Load with `load_classifier`. config: what stands in config.json; weights: name -> array, `<head>.0.weight` (256, D) and so on."""

    def __init__(self, weights: dict[str, np.ndarray], config: dict[str, Any], encoder: Encoder) -> None:
        self.weights = {name: value.astype(np.float32) for name, value in weights.items()}
        self.config = config
        self.encoder = encoder
        if config.get("adapters"):
            from .adapters import adapted

            self.encoder = adapted(encoder, self.weights, float(config["adapters"]["scale"]))

    def classify(self, texts: Sequence[str]) -> list[Classification]:
        """One classification a text."""
        if not texts:
            return []
        logits = self.logits(self.encoder.encode(texts).pooled)
        shown = {head: probabilities(values, self.config["temperatures"][head]) for head, values in logits.items()}
        return [
            Classification(text, {head: dict(zip(HEADS[head], map(float, shown[head][i]), strict=True)) for head in HEADS}) for i, text in enumerate(texts)
        ]

    def logits(self, pooled: np.ndarray) -> dict[str, np.ndarray]:
        """head -> (N, K) of sentence vectors (N, D)."""
        w = self.weights
        out = {}
        for head in HEADS:
            hidden = np.maximum(times(pooled, w[f"{head}.0.weight"]) + w[f"{head}.0.bias"], 0.0)
            out[head] = times(hidden, w[f"{head}.1.weight"]) + w[f"{head}.1.bias"]
        return out


def times(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(N, D) rows by (K, D) weights: (N, K). A few rows stay out of BLAS, whose threads cost thirty times the product where cores are shared."""
    return np.einsum("nd,kd->nk", rows, weight) if len(rows) < 8 else rows @ weight.T


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """(N, K) softmax of logits divided by the temperature."""
    scaled = logits / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def shapes(dimension: int) -> dict[str, tuple[int, ...]]:
    """name -> shape of the heads' weights for an encoder of that dimension."""
    out: dict[str, tuple[int, ...]] = {}
    for head, labels in HEADS.items():
        out |= {f"{head}.0.weight": (HIDDEN, dimension), f"{head}.0.bias": (HIDDEN,)}
        out |= {f"{head}.1.weight": (len(labels), HIDDEN), f"{head}.1.bias": (len(labels),)}
    return out


@lru_cache(maxsize=2)
def load_classifier(path: str | Path | None = None, encoder: Encoder | None = None) -> Classifier:
    """The classifier in a folder, or the shipped one. encoder: the loaded one, by default the published; a folder with an encoder of its own uses that.

    Raises FileFormatError naming the file for a damaged or foreign one, InputError where the encoder is not the one that it was trained on.
    """
    folder = Path(path) if path is not None else SHIPPED
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is a file, not a classifier folder' if folder.exists() else 'no such classifier folder'}")
    config = _config(folder / CONFIG)
    from .encoder import load_encoder

    own = folder / ENCODER
    if own.is_dir():  # it was trained along, and no other will do
        encoder = load_encoder(own)
    else:
        encoder = encoder or load_encoder()
    if config["dimension"] != encoder.dimension or (config["fingerprint"] != encoder.fingerprint and not own.is_dir()):
        raise InputError(
            f"{folder}: was trained on the encoder {config['encoder']} ({config['dimension']} wide), not on {encoder.name} ({encoder.dimension} wide)"
        )
    weights = _weights(folder / WEIGHTS, config)
    return Classifier(weights, config, encoder)


def _config(path: Path) -> dict[str, Any]:
    data = read_config(path, FORMAT, VERSION, "classifier")
    for head, labels in HEADS.items():
        if list(data.get("labels", {}).get(head, ())) != list(labels):
            raise FileFormatError(f"{path}: labels.{head}: not the labels of this version")
        temperature = data.get("temperatures", {}).get(head)
        if not isinstance(temperature, int | float) or not 0.01 <= temperature <= 100.0:
            raise FileFormatError(f"{path}: temperatures.{head}: {temperature!r} is not a number from 0.01 to 100")
    for key, kind in (("dimension", int), ("encoder", str), ("fingerprint", str)):
        if not isinstance(data.get(key), kind):
            raise FileFormatError(f"{path}: {key}: {data.get(key)!r} is not what `signgen train classifier` writes")
    return data


def _weights(path: Path, config: dict[str, Any]) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise FileFormatError(f"{path}: not a whole safetensors file: {problem}") from None
    for name, shape in shapes(config["dimension"]).items():
        if name not in found or found[name].shape != shape:
            there = "missing" if name not in found else f"has shape {found[name].shape}"
            raise FileFormatError(f"{path}: {name}: {there}, expected shape {shape}")
    for name, value in found.items():
        if not np.issubdtype(value.dtype, np.floating) or not np.isfinite(value).all():
            raise FileFormatError(f"{path}: {name}: holds numbers that are not finite")
    return found
