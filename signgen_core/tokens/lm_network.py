"""The network of the token language model: a decoder-only transformer over steps of motion tokens, each step conditioned on phonology.

What enters a step is the sum of its condition (the signs' phonology, progress, grammar, mood, the signer's shape) and of the vectors that the tokenizer's
codebooks hold for the codes of the step before. What leaves it goes to one head a stream, side by side; within a stream a code is chosen knowing the codes
above it, which it refines. Attention looks back over a fixed number of steps, so that the cache of keys and values never grows and a text may be of any length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import InputError

NUM_BETAS = 10
_WAVES = 6  # of the progress
_TIMES = (0.08, 0.25, 0.8)  # seconds over which what is left of a phase counts


@dataclass(frozen=True)
class Config:
    """What decides the network.

    streams: stream -> codes a token; size: of a codebook; latents: stream -> length of a codebook's vectors; categories, state: sizes of the closed lists
    of a morpheme's categories and of the moment's (`phonology.encode`); values: numbers of a morpheme. width, layers, heads: of the transformer; mlp: width
    of its perceptrons over its own. window: steps that attention looks back on, the present one included. depth: width of the heads; keys: learned
    numbers a code beside its vector.
    """

    streams: Mapping[str, int]
    size: int
    latents: Mapping[str, int]
    categories: Sequence[int]
    values: int
    state: Sequence[int]
    width: int = 256
    layers: int = 6
    heads: int = 4
    mlp: int = 3
    window: int = 48
    depth: int = 160
    keys: int = 32
    tokenizer_id: str = ""
    encoding_version: int = 1
    frames_per_token: int = 4
    fps: float = 30.0
    stream_names: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "stream_names", tuple(self.streams))
        if set(self.streams) != set(self.latents) or not self.streams or not all(1 <= q <= 64 for q in self.streams.values()):
            raise InputError("token model: streams and latents do not fit together")
        if not 2 <= self.size <= 65536 or not self.categories or not self.state or self.values < 1:
            raise InputError("token model: size, categories, values or state out of range")
        if not 8 <= self.width <= 4096 or self.width % (2 * self.heads) or not 1 <= self.layers <= 64 or not 1 <= self.mlp <= 16:
            raise InputError("token model: width, heads, layers or mlp out of range; width must be a multiple of twice the heads")
        if not 2 <= self.window <= 4096 or not 8 <= self.depth <= 4096 or not 1 <= self.keys <= 1024:
            raise InputError("token model: window, depth or keys out of range")

    @property
    def latent(self) -> int:
        """Numbers of all streams' vectors together."""
        return sum(self.latents.values())

    @property
    def num_codes(self) -> int:
        return sum(self.streams.values())


class ConditionEncoder(nn.Module):
    """Condition of steps -> vectors. Both signs of a step, present and next, are read by the same network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        wide = config.width
        self.category = nn.Embedding(sum(n + 1 for n in config.categories), wide)
        self.value = nn.Linear(config.values, wide)
        self.inner = nn.Linear(wide, 2 * wide)
        self.outer = nn.Linear(2 * wide, wide)
        self.here = nn.Linear(wide, wide, bias=False)
        self.following = nn.Linear(wide, wide, bias=False)
        self.state = nn.Embedding(sum(n + 1 for n in config.state), wide)
        self.time = nn.Linear(1 + 2 * _WAVES + len(_TIMES), wide)
        self.shape = nn.Linear(NUM_BETAS, wide)
        for table in (self.category, self.state):
            nn.init.normal_(table.weight, std=0.3)
        self.value_scale: Tensor
        self.register_buffer("value_scale", torch.ones(config.values))
        self.category_start: Tensor
        self.state_start: Tensor
        self.register_buffer("category_start", _starts(config.categories), persistent=False)
        self.register_buffer("state_start", _starts(config.state), persistent=False)

    def morphemes(self, categories: Tensor, values: Tensor) -> Tensor:
        """(M, C) indices and (M, V) values -> (M, width)."""
        x = self.category(categories + self.category_start).sum(-2) + self.value(values / self.value_scale)
        return x + self.outer(functional.silu(self.inner(x)))

    def forward(self, here: Tensor, following: Tensor, state: Tensor, progress: Tensor, left: Tensor, betas: Tensor) -> Tensor:
        """Vectors of morphemes (..., width) twice, state (..., S) indices, progress and seconds left (...), betas (..., 10) -> (..., width)."""
        waves = torch.arange(1, _WAVES + 1, device=progress.device, dtype=progress.dtype) * torch.pi * progress[..., None]
        times = [torch.exp(-left[..., None] / t) for t in _TIMES]
        clock = self.time(torch.cat([progress[..., None], torch.sin(waves), torch.cos(waves), *times], dim=-1))
        made: Tensor = self.here(here) + self.following(following) + self.state(state + self.state_start).sum(-2) + clock + self.shape(betas)
        return made


def _starts(sizes: Sequence[int]) -> Tensor:
    counts = torch.tensor([n + 1 for n in sizes])
    return torch.cumsum(counts, 0) - counts


def rotary(positions: Tensor, wide: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (..., wide / 2) of rotary position encoding (Su et al. 2021)."""
    rates = 10000.0 ** (-torch.arange(0, wide, 2, device=positions.device, dtype=torch.float32) / wide)
    angles = positions[..., None].float() * rates
    return torch.cos(angles), torch.sin(angles)


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Layer(nn.Module):
    """Attention and a perceptron, each on what is normalised and added to what came in."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        wide = config.width
        self.heads = config.heads
        self.before_attention = nn.RMSNorm(wide, eps=1e-5)
        self.attention = nn.Linear(wide, 3 * wide, bias=False)
        self.join = nn.Linear(wide, wide, bias=False)
        self.before_mlp = nn.RMSNorm(wide, eps=1e-5)
        self.enter = nn.Linear(wide, config.mlp * wide)
        self.leave = nn.Linear(config.mlp * wide, wide)
        for last in (self.join, self.leave):
            nn.init.normal_(last.weight, std=0.02 / (2 * config.layers) ** 0.5)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        b, n, wide = x.shape
        q, k, v = self.attention(self.before_attention(x)).reshape(b, n, 3, self.heads, wide // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def _rest(self, x: Tensor, seen: Tensor) -> Tensor:
        x = x + self.join(seen.transpose(1, 2).reshape(x.shape))
        made: Tensor = x + self.leave(functional.silu(self.enter(self.before_mlp(x))))
        return made

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """All steps at once: x (B, N, width); mask (N, N), true where a row may look."""
        q, k, v = self._split(x)
        seen = functional.scaled_dot_product_attention(turned(q, cos, sin), turned(k, cos, sin), v, attn_mask=mask)
        return self._rest(x, seen)

    def step(self, x: Tensor, cos: Tensor, sin: Tensor, place: Tensor, mask: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """One step: x (B, 1, width); keys, values (B, heads, window, width / heads) are written at `place` (1,); mask (window,)."""
        q, k, v = self._split(x)
        keys.index_copy_(2, place, turned(k, cos, sin))
        values.index_copy_(2, place, v)
        seen = functional.scaled_dot_product_attention(turned(q, cos, sin), keys, values, attn_mask=mask[None, None, None])
        return self._rest(x, seen)


class Head(nn.Module):
    """Of one stream: what the transformer says and the vectors of the codes above -> scores of the next code."""

    def __init__(self, config: Config, codes: int, latent: int) -> None:
        super().__init__()
        self.codes, deep = codes, config.depth
        self.said = nn.Linear(config.width, deep)
        self.above = nn.Linear(latent, deep, bias=False)
        self.place = nn.Parameter(torch.zeros(codes, deep))
        self.inner = nn.Linear(deep, deep)
        self.point = nn.Parameter(torch.randn(codes, deep, latent + config.keys) * deep**-0.5)
        self.key = nn.Parameter(torch.randn(codes, config.size, config.keys) * 0.2)
        self.bias = nn.Parameter(torch.zeros(codes, config.size))

    def forward(self, h: Tensor, above: Tensor, vectors: Tensor) -> Tensor:
        """h (..., width); above (..., Q, latent) sums of the vectors of the codes above each; vectors (Q, size, latent) -> scores (..., Q, size)."""
        u = self.said(h)[..., None, :] + self.above(above) + self.place
        return self._scores(u, self.point, torch.cat([vectors, self.key], dim=-1))

    def _scores(self, u: Tensor, point: Tensor, keys: Tensor) -> Tensor:
        u = u + self.inner(functional.silu(u))
        aim = torch.einsum("...qd,qdk->...qk", functional.silu(u), point)
        return torch.einsum("...qk,qsk->...qs", aim, keys) + self.bias

    def at(self, said: Tensor, above: Tensor, q: int, keys: Tensor) -> Tensor:
        """The same for code q alone: said (B, depth), above (B, latent), keys (size, latent + keys) -> (B, size)."""
        u = said + self.above(above) + self.place[q]
        u = u + self.inner(functional.silu(u))
        return torch.addmm(self.bias[q], functional.silu(u) @ self.point[q], keys.T)


class Network(nn.Module):
    """The whole model. `vectors` are the tokenizer's, stream -> (Q, size, latent), each stream over its scale; they are no weights of this model."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.condition = ConditionEncoder(config)
        self.start = nn.Parameter(torch.zeros(config.width))
        self.before = nn.Linear(config.latent, config.width)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.layers)])
        self.norm = nn.RMSNorm(config.width, eps=1e-5)
        self.heads = nn.ModuleDict({s: Head(config, q, config.latents[s]) for s, q in config.streams.items()})
        self.stop = nn.Linear(config.width, 1)
        nn.init.normal_(self.before.weight, std=0.3 * config.latent**-0.5)

    def head(self, stream: str) -> Head:
        found = self.heads[stream]
        assert isinstance(found, Head)
        return found

    def forward(
        self, condition: Tensor, before: Tensor, first: Tensor, above: Mapping[str, Tensor], vectors: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """condition (B, N, width); before (B, N, latent) vectors of the step before; first (B, N) true where there is none; above: stream -> (B, N, Q, latent).

        Returns scores by stream (B, N, Q, size), and of stopping after the step (B, N).
        """
        n = condition.shape[1]
        x = condition + torch.where(first[..., None], self.start, self.before(before))
        place = torch.arange(n, device=x.device)
        cos, sin = rotary(place, self.config.width // self.config.heads)
        back = place[:, None] - place[None]
        mask = (back >= 0) & (back < self.config.window)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        h = self.norm(x)
        return {s: self.head(s)(h, above[s], vectors[s]) for s in self.config.stream_names}, self.stop(h)[..., 0]
