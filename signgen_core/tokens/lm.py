"""The token language model on disk and at work: a condition to motion tokens, step by step.

A model folder holds `config.json` and `model.safetensors` (half precision) and belongs to one tokenizer, whose codebooks it reads. `train.lm` makes them,
docs/token_model.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileFormatError, InputError, MachineError
from ..model_files import CONFIG, WEIGHTS, identity, plain, read_config, read_weights, write_model
from ..phonology.encode import ENCODING_VERSION, Condition
from .codes import MotionTokens
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    import torch

    from .lm_network import Config, Network

FORMAT, VERSION = "signgen-token-model", 1
# How far past the end of its condition a model may go on before it is stopped, in steps.
_OVERTIME = 8


@dataclass(frozen=True)
class Sampling:
    """How codes are drawn. temperature: 0 takes the likeliest. top_p: only from the likeliest codes that have so much of the probability together.
    seed: decides every draw."""

    temperature: float = 0.2
    top_p: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature <= 10.0 or not 0.0 < self.top_p <= 1.0:
            raise InputError("sampling: temperature must be from 0 to 10, top_p above 0 and at most 1")


@dataclass(frozen=True)
class Step:
    """One step: codes by stream (Q,), the entropy of each stream's distributions over the greatest possible (0: sure, 1: any code), the chance of stopping."""

    codes: dict[str, np.ndarray]
    uncertainty: dict[str, float]
    stop: float


@dataclass(frozen=True)
class Generated:
    """tokens: of the motion. uncertainty: (N, S) by step and stream, 0 to 1, in the order of `streams`. stopped: whether the model said it was at its end."""

    tokens: MotionTokens
    uncertainty: np.ndarray
    streams: tuple[str, ...]
    stopped: bool


class TokenLM:
    """Load with `load_lm`; `train.lm.train` makes new ones. weights: name -> float16 array."""

    def __init__(self, config: Config, weights: Mapping[str, np.ndarray], tokenizer: Tokenizer, facts: Mapping[str, Any] | None = None) -> None:
        import torch

        if config.tokenizer_id != tokenizer.id:
            raise InputError(f"token model: made for tokenizer {config.tokenizer_id}, this is {tokenizer.id}")
        if config.encoding_version != ENCODING_VERSION:
            raise InputError(f"token model: reads phonology of version {config.encoding_version}; this program writes version {ENCODING_VERSION}")
        self.config, self.tokenizer, self.facts = config, tokenizer, dict(facts or {})
        self.weights = {name: np.array(value, order="C") for name, value in sorted(weights.items())}
        network = _empty(config)
        network.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in self.weights.items()})
        self.network = network.eval().requires_grad_(False)
        self.vectors = {s: torch.from_numpy(v) for s, v in tokenizer.code_vectors().items()}
        self.id = identity(plain(config), self.weights)
        self._engines: dict[tuple[int, str], Any] = {}

    def save(self, folder: Path) -> Path:
        """Writes the folder whole or not at all; an earlier one there is replaced. Raises OutputError."""
        said = {"format": FORMAT, "version": VERSION, "id": self.id, "network": _said(self.config), "training": self.facts}
        return write_model(Path(folder), self.weights, said)

    # -- conditions ---------------------------------------------------------------------------------------------------------------------

    def embed(self, condition: Condition, betas: np.ndarray | None = None) -> torch.Tensor:
        """(N, width): what the network reads of each step of a condition, for a signer of shape betas. Vectors of two conditions may be mixed.

        Raises InputError for steps of another length.
        """
        import torch

        step = self.config.frames_per_token / self.config.fps
        if abs(condition.step_seconds - step) > 1e-6:
            raise InputError(f"condition: steps of {condition.step_seconds:g} s, this model's are {step:g} s")
        shape = np.zeros(10, dtype=np.float32)
        if betas is not None:
            shape[: min(10, len(betas))] = betas[:10]
        # a sign lasts many steps: each is read once
        pairs = ((condition.current, condition.current_values), (condition.following, condition.following_values))
        rows = np.concatenate([np.concatenate([a.astype(np.float32), b], axis=1) for a, b in pairs])
        unique, place = np.unique(rows, axis=0, return_inverse=True)
        split = condition.current.shape[1]
        encoder = self.network.condition
        with torch.inference_mode():
            vectors = encoder.morphemes(torch.from_numpy(unique[:, :split].astype(np.int64)), torch.from_numpy(unique[:, split:].copy()))
            here, following = vectors[torch.from_numpy(place.reshape(-1))].chunk(2)
            made: torch.Tensor = encoder(
                here, following, torch.from_numpy(condition.state.astype(np.int64)), torch.from_numpy(condition.progress),
                torch.from_numpy(condition.seconds_left), torch.from_numpy(shape)[None].expand(len(condition), -1),
            )  # fmt: skip
        return made

    def mixed(self, first: Condition, second: Condition, weight: float, betas: np.ndarray | None = None) -> torch.Tensor:
        """(N, width): conditions between two signs, 0 the first and 1 the second; the shorter one stays at its last step. Raises InputError."""
        import torch

        if not 0.0 <= weight <= 1.0:
            raise InputError(f"mix: weight {weight} is not from 0 to 1")
        a, b = self.embed(first, betas), self.embed(second, betas)
        count = max(len(a), len(b))
        a, b = (torch.cat([v, v[-1:].expand(count - len(v), -1)]) for v in (a, b))
        return (1.0 - weight) * a + weight * b

    # -- generation ---------------------------------------------------------------------------------------------------------------------

    def steps(self, condition: torch.Tensor, sampling: Sampling | None = None, *, prefix: MotionTokens | None = None, device: str = "cpu") -> Iterator[Step]:
        """Steps one by one, as soon as each is known, until the model stops or is `_OVERTIME` steps past the end of the condition (N, width).

        prefix: tokens that came before; the condition begins with theirs, and they are not given out again.
        """
        for made in self._each(condition, sampling or Sampling(), prefix, len(condition) + _OVERTIME - (0 if prefix is None else prefix.num_tokens), device):
            yield made
            if made.stop > 0.5:
                return

    def generate(
        self, condition: Condition | torch.Tensor, sampling: Sampling | None = None, *, betas: np.ndarray | None = None, prefix: MotionTokens | None = None,
        steps: int | None = None, device: str = "cpu",
    ) -> Generated:  # fmt: skip
        """Tokens for a condition, or for the vectors that `embed` or `mixed` made of it. steps: exactly so many, whatever the model says of stopping."""
        vectors = self.embed(condition, betas) if isinstance(condition, Condition) else condition
        if steps is None:
            made = list(self.steps(vectors, sampling, prefix=prefix, device=device))
        else:
            made = list(self._each(vectors, sampling or Sampling(), prefix, steps, device))
        return self.gathered(made)

    def _each(self, condition: torch.Tensor, sampling: Sampling, prefix: MotionTokens | None, steps: int, device: str) -> Iterator[Step]:
        engine = self._engine(1, device)
        engine.restart()
        rows: Any = condition.numpy() if device == "cpu" else condition
        known, names = 0 if prefix is None else prefix.num_tokens, self.config.stream_names
        if prefix is not None:
            self.tokenizer.check(prefix)
            for n in range(known):
                row = min(n, len(rows) - 1)
                engine.tell(rows[row : row + 1], {s: prefix.codes[s][n : n + 1] for s in names})
        for n in range(known, known + steps):
            # what chance decides at a step hangs on the step alone, so that a stretch made anew with its prefix is what it was
            drawn = np.random.default_rng([sampling.seed, 21, n]).random((1, self.config.num_codes), dtype=np.float32)
            row = min(n, len(rows) - 1)
            codes, entropy, stop = engine.step(rows[row : row + 1], drawn, sampling)
            yield Step({s: c[0] for s, c in codes.items()}, {s: float(entropy[0, k]) for k, s in enumerate(names)}, float(stop[0]))

    def gathered(self, made: Sequence[Step]) -> Generated:
        """Steps as tokens."""
        names = self.config.stream_names
        tokens = self.tokens({s: np.stack([m.codes[s] for m in made]) for s in names})
        return Generated(tokens, np.array([[m.uncertainty[s] for s in names] for m in made], dtype=np.float32), names, made[-1].stop > 0.5)

    def joined(self, first: MotionTokens, second: MotionTokens) -> MotionTokens:
        """One after the other."""
        return self.tokens({s: np.concatenate([first.codes[s], second.codes[s]]) for s in self.config.stream_names})

    def tokens(self, codes: Mapping[str, np.ndarray]) -> MotionTokens:
        return MotionTokens({s: v.astype(np.int64) for s, v in codes.items()}, self.tokenizer.id, self.config.frames_per_token)

    def generate_batch(self, conditions: Sequence[Condition | torch.Tensor], sampling: Sampling | None = None, *, device: str = "cpu") -> list[Generated]:
        """Many at once, each with a seed of its own (the seed of `sampling` and its place). What else is in the batch changes nothing but for rounding."""
        import torch

        sampling = sampling or Sampling()
        if len(conditions) < 2:
            return [self.generate(c, sampling, device=device) for c in conditions]
        vectors = [self.embed(c) if isinstance(c, Condition) else c for c in conditions]
        engine = self._engine(len(vectors), device)
        engine.restart()
        made: list[list[Step]] = [[] for _ in vectors]
        over = [False] * len(vectors)
        names = self.config.stream_names
        for n in range(max(len(v) for v in vectors) + _OVERTIME):
            rows = torch.stack([v[min(n, len(v) - 1)] for v in vectors])
            drawn = np.stack([np.random.default_rng([sampling.seed + k, 21, n]).random(self.config.num_codes, dtype=np.float32) for k in range(len(vectors))])
            codes, entropy, stop = engine.step(rows, drawn, sampling)
            for k, steps in enumerate(made):
                if not over[k]:
                    steps.append(Step({s: c[k] for s, c in codes.items()}, {s: float(entropy[k, j]) for j, s in enumerate(names)}, float(stop[k])))
                    over[k] = stop[k] > 0.5 or n + 1 >= len(vectors[k]) + _OVERTIME
            if all(over):
                break
        return [self.gathered(steps) for steps in made]

    def _engine(self, batch: int, device: str) -> Any:
        from .lm_engine import Engine
        from .lm_numpy import NumpyEngine

        key = (batch, device)
        if key not in self._engines:
            if len(self._engines) > 3:
                self._engines.pop(next(iter(self._engines)))
            if key == (1, "cpu"):
                self._engines[key] = NumpyEngine(self.network, {s: v.numpy() for s, v in self.vectors.items()})
            else:
                self._engines[key] = Engine(self.network, self.vectors, batch, device)
        return self._engines[key]


def load_lm(path: str | Path, tokenizer: Tokenizer) -> TokenLM:
    """A model folder. Nothing in it is ever unpickled.

    Raises FileFormatError naming the file where it is damaged or foreign, InputError where there is no such folder or it belongs to another tokenizer.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is a file, not a token model folder' if folder.exists() else 'no such token model folder'}")
    place = folder / CONFIG
    data = read_config(place, FORMAT, VERSION, "token model")
    config = _config(data.get("network"), place)
    weights = read_weights(folder / WEIGHTS, {name: tuple(value.shape) for name, value in _empty(config).state_dict().items()})
    try:
        model = TokenLM(config, weights, tokenizer, data.get("training"))
    except InputError as problem:
        raise InputError(f"{folder}: {problem}") from None
    if model.id != data.get("id"):
        raise FileFormatError(f"{folder / WEIGHTS}: is not the file that {CONFIG} beside it was written with")
    return model


def _config(said: Any, path: Path) -> Config:
    from .lm_network import Config

    names = {f.name for f in fields(Config) if f.init}
    if not isinstance(said, dict) or set(said) != names:
        raise FileFormatError(f"{path}: network: expected {', '.join(sorted(names))}")
    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
        return Config(**values)
    except (InputError, TypeError, ValueError, AttributeError) as problem:
        raise FileFormatError(f"{path}: network: {problem}") from None


def _said(config: Config) -> dict[str, Any]:
    return {k: v for k, v in plain(config).items() if k != "stream_names"}


def _empty(config: Config) -> Network:
    try:
        from .lm_network import Network
    except ImportError as problem:
        raise MachineError(f"the token model needs the package {problem.name}; `python3 build.py setup` installs it") from None
    return Network(config)
