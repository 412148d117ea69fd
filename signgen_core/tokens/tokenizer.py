"""A motion tokenizer on disk and at work: motions to `MotionTokens` and back.

A tokenizer folder holds `config.json` (what the networks are, the normalisation, the id) and `model.safetensors` (half precision). The id is a hash of both,
so that tokens can say which tokenizer they belong to. `train.tokenizer` makes them, docs/tokens.md describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileFormatError, InputError, MachineError
from ..kinematics.resample import resample
from ..model_files import CONFIG, WEIGHTS, identity, plain, read_config, read_weights, write_model
from ..motion import Motion
from .codes import MotionTokens
from .features import STREAMS, WIDTHS, Normaliser, decode, encode

if TYPE_CHECKING:
    from torch.nn import Module

    from .network import Config, Network

FORMAT, VERSION = "signgen-tokenizer", 1


class Tokenizer:
    """Load with `load_tokenizer`; `train.tokenizer.train` makes new ones.

    config: of the networks. weights: name -> float16 array. facts: JSON-ready notes on the training, kept in config.json. id: 16 hex digits.
    """

    def __init__(self, config: Config, normaliser: Normaliser, weights: Mapping[str, np.ndarray], facts: Mapping[str, Any] | None = None) -> None:
        self.config, self.normaliser, self.facts = config, normaliser, dict(facts or {})
        self.weights = {name: np.array(value, order="C") for name, value in sorted(weights.items())}
        self.network = _network(config, self.weights)
        self.id = _identity(config, normaliser, self.weights)

    @property
    def fps(self) -> float:
        return self.config.fps

    @property
    def streams(self) -> dict[str, int]:
        """Streams of the tokens and the codes that a token has in each; a code is from 0 to `size` - 1."""
        return self.config.streams

    @property
    def size(self) -> int:
        return self.config.size

    def encode(self, motion: Motion) -> MotionTokens:
        """A motion of any frame rate; it is brought to `fps` first. Motions that differ only past the last frame's end give the same tokens."""
        return self.encode_features(encode(resample(motion, self.fps)))

    def encode_features(self, features: Mapping[str, np.ndarray]) -> MotionTokens:
        """Features of `tokens.features.encode` at `fps`. The last frame is repeated to fill the last token."""
        import torch

        frames = len(features["body"])
        if not frames:
            raise InputError("tokens: no frames")
        step = self.config.frames_per_token
        count = -(-frames // step)
        normal = self.normaliser.apply(dict(features))
        with torch.inference_mode():
            filled = {s: torch.from_numpy(np.pad(v, ((0, count * step - frames), (0, 0)), mode="edge").astype(np.float32))[None] for s, v in normal.items()}
            codes = self.network.encode(filled, torch.ones(1, count))
        return MotionTokens({s: c[0].numpy().astype(np.int64) for s, c in codes.items()}, self.id, step, frames)

    def decode(self, tokens: MotionTokens, betas: np.ndarray | None = None) -> Motion:
        """The motion at `fps`, as many frames as the tokens say, of a signer of shape betas (10,). Raises InputError for tokens of another tokenizer."""
        return decode(self.decode_features(tokens), self.fps, betas)

    def decode_features(self, tokens: MotionTokens) -> dict[str, np.ndarray]:
        """stream -> (T, width) float32, not normalised. Raises InputError for tokens that this tokenizer cannot have made."""
        import torch

        self.check(tokens)
        with torch.inference_mode():
            codes = {s: torch.from_numpy(np.asarray(tokens.codes[s], dtype=np.int64))[None] for s in self.streams}
            made = self.network.decode(codes, torch.ones(1, tokens.num_tokens))
        whole = self.normaliser.undo({s: v[0].numpy() for s, v in made.items()})
        return {s: v[: tokens.num_frames] for s, v in whole.items()}

    def code_vectors(self) -> dict[str, np.ndarray]:
        """stream -> (Q, size, D) float32: what each code adds to the vector of a token, over the spread of such vectors in its stream.

        The sum over the codes of a token is what the decoder reads, up to that scale (and, for FSQ, the map that joins its codes).
        """
        import torch

        with torch.inference_mode():
            return {s: v.numpy() for s, v in self.network.code_vectors().items()}

    def check(self, tokens: MotionTokens) -> None:
        """Raises InputError in one line where these are not tokens of this tokenizer."""
        if tokens.tokenizer_id != self.id:
            raise InputError(f"tokens: made by tokenizer {tokens.tokenizer_id}, this is {self.id}")
        if tokens.frames_per_token != self.config.frames_per_token:
            raise InputError(f"tokens: {tokens.frames_per_token} frames a token, expected {self.config.frames_per_token}")
        for stream, count in self.streams.items():
            values = tokens.codes.get(stream)
            if values is None or values.shape[1] != count:
                raise InputError(f"tokens: {stream}: {'missing' if values is None else f'{values.shape[1]} codes a token, expected {count}'}")
            if values.min() < 0 or values.max() >= self.size:
                raise InputError(f"tokens: {stream}: codes from {values.min()} to {values.max()}, expected 0 to {self.size - 1}")

    def save(self, folder: Path) -> Path:
        """Writes the folder whole or not at all; an earlier one there is replaced. Raises OutputError."""
        said = {
            "format": FORMAT, "version": VERSION, "id": self.id, "network": plain(self.config),
            "normalisation": {s: {"mean": _numbers(self.normaliser.mean[s]), "scale": _numbers(self.normaliser.scale[s])} for s in STREAMS},
            "training": self.facts,
        }  # fmt: skip
        return write_model(Path(folder), self.weights, said)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """A tokenizer folder. Nothing in it is ever unpickled.

    Raises FileFormatError naming the file where it is damaged, foreign or does not belong to the other one, InputError where there is no such folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is a file, not a tokenizer folder' if folder.exists() else 'no such tokenizer folder'}")
    data, config, normaliser = _config(folder / CONFIG)
    weights = read_weights(folder / WEIGHTS, {name: tuple(value.shape) for name, value in _empty(config).state_dict().items()})
    tokenizer = Tokenizer(config, normaliser, weights, data.get("training"))
    if tokenizer.id != data.get("id"):
        raise FileFormatError(f"{folder / WEIGHTS}: is not the file that {CONFIG} beside it was written with")
    return tokenizer


def half(network: Module) -> dict[str, np.ndarray]:
    """The weights of a network as they are saved; counts of a quantiser's running means may be beyond what half precision holds, and are of no use later."""
    limit = float(np.finfo(np.float16).max)
    return {name: np.clip(value.detach().cpu().float().numpy(), -limit, limit).astype(np.float16) for name, value in network.state_dict().items()}


def _network(config: Config, weights: Mapping[str, np.ndarray]) -> Network:
    import torch

    network = _empty(config)
    network.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()})
    return network.eval().requires_grad_(False)


def _empty(config: Config) -> Network:
    try:
        from .network import Network
    except ImportError as problem:
        raise MachineError(f"motion tokens need the package {problem.name}; `python3 build.py setup` installs it") from None
    return Network(config)


def _numbers(values: np.ndarray) -> list[float]:
    """Shortest decimals that come back as the same float32."""
    return [float(str(v)) for v in values.astype(np.float32)]


def _identity(config: Config, normaliser: Normaliser, weights: Mapping[str, np.ndarray]) -> str:
    numbers = b"".join(part[stream].astype("<f4").tobytes() for stream in STREAMS for part in (normaliser.mean, normaliser.scale))
    return identity(plain(config), weights, numbers)


def _config(path: Path) -> tuple[dict[str, Any], Config, Normaliser]:
    data = read_config(path, FORMAT, VERSION, "motion tokenizer")
    try:
        from .network import Config
    except ImportError as problem:
        raise MachineError(f"motion tokens need the package {problem.name}; `python3 build.py setup` installs it") from None
    said = data.get("network")
    names = {f.name for f in fields(Config)}
    if not isinstance(said, dict) or set(said) != names:
        raise FileFormatError(f"{path}: network: expected {', '.join(sorted(names))}")
    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
        config = Config(**values)
    except (InputError, TypeError, ValueError, AttributeError) as problem:
        raise FileFormatError(f"{path}: network: {problem}") from None
    table = data.get("normalisation")
    parts: dict[str, dict[str, np.ndarray]] = {"mean": {}, "scale": {}}
    for stream in STREAMS:
        for part in parts:
            try:
                numbers = np.asarray(table[stream][part], dtype=np.float32)  # type: ignore[index]
            except (KeyError, TypeError, ValueError):
                numbers = np.zeros(0, dtype=np.float32)
            if numbers.shape != (WIDTHS[stream],) or not np.isfinite(numbers).all() or (part == "scale" and numbers.min() <= 0.0):
                raise FileFormatError(f"{path}: normalisation.{stream}.{part}: expected {WIDTHS[stream]} numbers{' above 0' if part == 'scale' else ''}")
            parts[part][stream] = numbers
    return data, config, Normaliser(parts["mean"], parts["scale"])
