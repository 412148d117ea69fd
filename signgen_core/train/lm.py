"""Trains the token language model of `tokens.lm` on tokens and conditions of a folder of clips.

Each step takes stretches of clips. The model sees the codes of the step before (a little off, as its own will be) and the condition, and says the codes of the
step. At times the condition or the signer's shape is withheld, so that clips without a plan teach something too and the model can be asked for motion as such.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import InputError
from ..model_files import plain
from ..phonology.encode import ENCODING_VERSION, NUM_VALUES, STATE, categories
from ..tokens.tokenizer import Tokenizer, half
from .run import Progress, Run, device_for
from .token_data import TokenSet

if TYPE_CHECKING:
    import torch

    from ..tokens.lm import TokenLM
    from ..tokens.lm_network import Config

_STOP_WEIGHT = 0.2
_FREE = ("device", "threads", "save_every")


@dataclass(frozen=True)
class Options:
    """steps: of `batch` stretches of `stretch` tokens. rate: learning rate at its highest. noise: standard deviation of what is added to the vectors of the
    step before, over their scale. coarse: share of the steps whose step before is only told by its first codes. withhold: share of the stretches without
    condition; shapeless: without the signer's shape. average: decay of the running mean of the weights. Device, threads and save_every do not make it
    another run.
    """

    steps: int = 3600
    batch: int = 24
    stretch: int = 48
    rate: float = 1.5e-3
    optimiser: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.02
    noise: float = 0.15
    coarse: float = 0.3
    withhold: float = 0.05
    shapeless: float = 0.1
    average: float = 0.998
    seed: int = 0
    save_every: int = 200
    device: str = "auto"
    threads: int = 2

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.save_every < 1 or self.threads < 1 or self.stretch < 2:
            raise InputError("token model: steps, batch, save_every and threads must be at least 1, stretch 2")
        if self.optimiser not in ("adamw", "muon"):
            raise InputError(f"token model: optimiser {self.optimiser!r}; known are adamw, muon")
        if not 0.0 < self.rate <= 1.0 or not 0.0 <= self.average < 1.0 or self.noise < 0.0:
            raise InputError("token model: rate must be above 0 and at most 1, average from 0 to below 1, noise not below 0")
        if not all(0.0 <= v <= 1.0 for v in (self.coarse, self.withhold, self.shapeless)):
            raise InputError("token model: coarse, withhold and shapeless are shares from 0 to 1")


@dataclass
class Result:
    """model: ready to be saved. log: one dict each `save_every` steps."""

    model: TokenLM
    log: list[dict[str, float]] = field(default_factory=list)


def config_for(tokenizer: Tokenizer, **changes: Any) -> Config:
    """The network's config that fits a tokenizer; changes: width, layers, heads, mlp, window, depth, keys."""
    from ..tokens.lm_network import Config

    base = Config(
        streams=dict(tokenizer.streams), size=tokenizer.size, latents={s: v.shape[-1] for s, v in tokenizer.code_vectors().items()},
        categories=tuple(len(v) for v in categories().values()), values=NUM_VALUES, state=tuple(len(v) for v in STATE.values()),
        tokenizer_id=tokenizer.id, encoding_version=ENCODING_VERSION, frames_per_token=tokenizer.config.frames_per_token, fps=tokenizer.fps,
    )  # fmt: skip
    return replace(base, **changes)


def train(
    data: TokenSet, tokenizer: Tokenizer, options: Options, config: Config | None = None, *, checkpoint: Path | None = None, progress: Progress | None = None
) -> Result:
    """Trains on the clips of the part "train". checkpoint: a folder for the state, from which an interrupted run goes on bit by bit.

    Raises InputError for tokens of another tokenizer, a folder without training clips, a checkpoint of another run, or where the loss stops being a number;
    MachineError for a missing package or device.
    """
    import torch

    config = config or config_for(tokenizer)
    if data.tokenizer_id != tokenizer.id or config.tokenizer_id != tokenizer.id:
        raise InputError(f"token model: tokens of tokenizer {data.tokenizer_id} and a network for {config.tokenizer_id}, this is {tokenizer.id}")
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        return _Training(data, tokenizer, options, config, checkpoint, progress).go()
    finally:
        torch.set_num_threads(before)


class Stretches:
    """Stretches of training clips; what step n gets depends on seed and n alone."""

    def __init__(self, data: TokenSet, numbers: np.ndarray, options: Options) -> None:
        self.data, self.numbers, self.options = data, numbers, options
        lengths = np.array([data.length(int(n)) for n in numbers], dtype=np.float64)
        weight = np.maximum(lengths, options.stretch / 3)
        self.chances = weight / weight.sum()

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """rows (B, N) of the token set, mask (B, N) whether there is one, last (B, N) whether it ends a clip; betas (B, 10), withheld and shapeless (B,)."""
        options, data = self.options, self.data
        chance = np.random.default_rng([options.seed, 9, step])
        picked = chance.choice(self.numbers, size=options.batch, p=self.chances)
        length = np.diff(data.starts)[picked]
        wide = options.stretch
        # as often from the very start as from anywhere else, so that beginnings and ends are learnt
        latest = np.maximum(0, length - wide // 2)
        begin = np.where(chance.random(options.batch) < 0.3, 0, (chance.random(options.batch) * (latest + 1)).astype(int))
        place = begin[:, None] + np.arange(wide)
        mask = place < length[:, None]
        return {
            "rows": data.starts[picked][:, None] + np.minimum(place, length[:, None] - 1), "mask": mask, "last": place == length[:, None] - 1,
            "betas": data.betas[picked], "withheld": (chance.random(options.batch) < options.withhold) | ~data.planned[picked],
            "shapeless": chance.random(options.batch) < options.shapeless,
        }  # fmt: skip


class _Training:
    def __init__(self, data: TokenSet, tokenizer: Tokenizer, options: Options, config: Config, folder: Path | None, progress: Progress | None) -> None:
        import torch

        from ..tokens.lm_network import Network

        self.data, self.tokenizer, self.options, self.config = data, tokenizer, options, config
        numbers = data.clips("train")
        if not len(numbers):
            raise InputError("token model: no clips to train on")
        self.device = device_for(options.device)
        self.stretches = Stretches(data, numbers, options)
        torch.manual_seed(options.seed)
        self.network = Network(config)
        spread = data.values[1:].std(axis=0) if len(data.values) > 1 else np.ones(data.values.shape[1])
        self.network.condition.value_scale.copy_(torch.from_numpy(np.maximum(spread, 0.05).astype(np.float32)))
        self.network.to(self.device)
        self.vectors = {s: torch.from_numpy(v).to(self.device) for s, v in tokenizer.code_vectors().items()}
        self.categories = torch.from_numpy(data.categories.astype(np.int64)).to(self.device)
        self.values = torch.from_numpy(data.values).to(self.device)
        said = [{k: v for k, v in asdict(options).items() if k not in _FREE}, plain(config), data.fingerprint, data.tokenizer_id]
        fingerprint = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        self.run = Run(
            "token model", self.network, self._optimisers(), self.loss, options, fingerprint=fingerprint, other="clips, tokenizer, network or options",
            folder=folder, report=progress,
        )  # fmt: skip

    def _optimisers(self) -> list[Any]:
        import torch

        inner: list[Any] = []
        rest: list[Any] = []
        plain: list[Any] = []
        for name, value in self.network.named_parameters():
            if value.ndim == 2 and name.startswith("layers.") and self.options.optimiser == "muon":
                inner.append(value)
            elif value.ndim >= 2 and "category" not in name and "state" not in name and ".key" not in name:
                rest.append(value)
            else:
                plain.append(value)
        groups = [{"params": rest, "weight_decay": self.options.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        made: list[Any] = [torch.optim.AdamW(groups, lr=self.options.rate, betas=(0.9, 0.97))]
        if inner:
            made.append(torch.optim.Muon(inner, lr=self.options.rate, weight_decay=self.options.weight_decay, adjust_lr_fn="match_rms_adamw"))
        return made

    def go(self) -> Result:
        from ..tokens.lm import TokenLM

        log = self.run.go()
        facts = {
            "clips": int(len(self.stretches.numbers)), "data": self.data.fingerprint, "log": log[-1:],
            "options": {k: v for k, v in asdict(self.options).items() if k not in _FREE},
        }  # fmt: skip
        return Result(TokenLM(self.config, half(self.network), self.tokenizer, facts), log)

    def loss(self, step: int) -> dict[str, Any]:
        """Cross-entropy of every code (bits by stream beside it) and of stopping."""
        import torch
        from torch.nn import functional

        data, batch = self.data, self.stretches.batch(step)
        rows = batch["rows"]
        mask = torch.from_numpy(batch["mask"]).to(self.device)

        def take(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values[rows]).to(self.device)

        withheld = torch.from_numpy(batch["withheld"]).to(self.device)[:, None]
        here, following = take(data.here.astype(np.int64)), take(data.following.astype(np.int64))
        state, clock, left = take(data.state).long(), take(data.progress), take(data.left)
        here, following = here.masked_fill(withheld, 0), following.masked_fill(withheld, 0)
        state = state.masked_fill(withheld[..., None], 0)
        clock, left = clock.masked_fill(withheld, 0.0), left.masked_fill(withheld, 0.0)
        betas = torch.from_numpy(np.where(batch["shapeless"][:, None], 0.0, batch["betas"]).astype(np.float32)).to(self.device)
        used, place = torch.unique(torch.cat([here.ravel(), following.ravel()]), return_inverse=True)
        morphemes = self.network.condition.morphemes(self.categories[used], self.values[used])[place]
        near, far = morphemes.chunk(2)
        wide = self.config.width
        condition = self.network.condition(
            near.reshape(*here.shape, wide), far.reshape(*here.shape, wide), state, clock, left, betas[:, None].expand(-1, rows.shape[1], -1)
        )
        codes = {s: take(data.codes[s]).long() for s in self.config.stream_names}
        sums = {s: cumulative(codes[s], self.vectors[s]) for s in codes}  # (B, N, Q + 1, latent)
        above = {s: v[..., :-1, :] for s, v in sums.items()}
        before = torch.cat([self._told(v) for v in sums.values()], dim=-1)
        before = functional.pad(before, (0, 0, 1, 0))[:, :-1]
        first = torch.zeros_like(mask)
        first[:, 0] = True  # in the middle of a clip too: a stretch that is gone on with has no step before it that could be known
        scores, stop = self.network(condition, before, first, above, self.vectors)
        terms: dict[str, Any] = {}
        total, count = mask.new_zeros((), dtype=torch.float32), mask.sum().clamp_min(1)
        for stream, values in scores.items():
            each = functional.cross_entropy(values.flatten(0, 2), codes[stream].flatten(), reduction="none").reshape(codes[stream].shape)
            mean = (each * mask[..., None]).sum((0, 1)) / count
            terms[stream] = mean.mean() / np.log(2.0)
            total = total + mean.sum()
        total = total / self.config.num_codes
        last = torch.from_numpy(batch["last"]).to(self.device).float()
        ended = (functional.binary_cross_entropy_with_logits(stop, last, reduction="none") * mask).sum() / count
        return {"loss": total + _STOP_WEIGHT * ended, "stop": ended, **terms}

    def _told(self, sums: torch.Tensor) -> torch.Tensor:
        """What the next step hears of a step: the vector of its codes, at times only of the first of them, and a little off. sums (B, N, Q + 1, latent)."""
        import torch

        b, n, q, latent = sums.shape
        whole = sums[:, :, -1]
        if self.options.coarse > 0.0 and q > 2:
            fewer = torch.randint(1, q, (b, n, 1, 1), device=sums.device).expand(-1, -1, 1, latent)
            cut = torch.rand(b, n, 1, device=sums.device) < self.options.coarse
            whole = torch.where(cut, sums.gather(2, fewer)[:, :, 0], whole)
        return whole + self.options.noise * torch.randn_like(whole)


def cumulative(codes: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """codes (B, N, Q), vectors (Q, size, latent) -> (B, N, Q + 1, latent): sums of the vectors of the first 0, 1, ... Q codes."""
    import torch
    from torch.nn import functional

    each = torch.stack([functional.embedding(codes[..., k], vectors[k]) for k in range(codes.shape[-1])], dim=2)
    return functional.pad(torch.cumsum(each, dim=2), (0, 0, 1, 0))
