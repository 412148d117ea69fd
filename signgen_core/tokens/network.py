"""The networks of the tokenizer: one encoder, quantiser and decoder for each stream (or one for all), four frames to a token.

Both hands go through one network, the left one mirrored, so that a handshape has one code whichever hand makes it. Layers run at the rate of tokens, not of
frames: a stretch of frames is one vector, and convolutions over neighbouring tokens join the stretches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from loguru import logger
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ, ResidualFSQ, ResidualVQ

from ..errors import InputError
from .features import STREAMS, WIDTHS
from .mirror import MIRROR_6D

# It warns of every codebook that starts with fewer tokens than codes; codes that nothing asks for are put elsewhere soon.
logger.disable("vector_quantize_pytorch")

QUANTISERS = ("fsq", "residual_fsq", "residual_vq")
JOINT = "all"
# Of the vectors that are quantised, a share of the width: 32 numbers for four frames of the body lose 6 mm before any code is chosen.
LATENT_SHARE = 4
# A code that fewer tokens a step ask for, in the running mean, is put elsewhere; a step has some hundreds of tokens.
DEAD = 0.02
BEAM = 16  # ways of refining that encoding keeps in view


@dataclass(frozen=True)
class Config:
    """What decides the networks.

    quantiser: one of QUANTISERS; fsq has `codes` independent codes a token, the residual ones refine one another. levels: of FSQ; their product is the size
    of a codebook. codebook: size for residual_vq. codes: codes a token of each stream. joint: one network for all streams, with the sum of the codes.
    width, small_width: of the layers of the body (or of the one network for all), and of those of hands and face, which have less to say. dilations: one
    residual block a dilation in encoder and decoder each.
    """

    quantiser: str = "residual_vq"
    levels: tuple[int, ...] = (8, 5, 5, 5)
    codebook: int = 1024
    codes: Mapping[str, int] = field(default_factory=lambda: {"body": 12, "left_hand": 2, "right_hand": 2, "face": 1})
    joint: bool = False
    width: int = 256
    small_width: int = 128
    dilations: tuple[int, ...] = (1, 2, 1)
    frames_per_token: int = 4
    fps: float = 30.0

    def __post_init__(self) -> None:
        if self.quantiser not in QUANTISERS:
            raise InputError(f"tokenizer: quantiser {self.quantiser!r}; known are {', '.join(QUANTISERS)}")
        if set(self.codes) != set(STREAMS) or not all(isinstance(q, int) and 1 <= q <= 32 for q in self.codes.values()):
            raise InputError(f"tokenizer: codes: expected a number from 1 to 32 for each of {', '.join(STREAMS)}")
        if self.codes["left_hand"] != self.codes["right_hand"]:
            raise InputError("tokenizer: codes: both hands share a network and have as many codes")
        if not 1 <= len(self.levels) <= 8 or not all(isinstance(n, int) and 3 <= n <= 64 for n in self.levels) or not 2 <= self.codebook <= 65536:
            raise InputError("tokenizer: levels: expected 1 to 8 numbers from 3 to 64; codebook: from 2 to 65536")
        if min(self.width, self.small_width) < 8 or max(self.width, self.small_width) > 2048 or not 0 < len(self.dilations) <= 16:
            raise InputError("tokenizer: width and small_width must be from 8 to 2048, dilations 1 to 16 numbers")
        if not 1 <= self.frames_per_token <= 16 or not 1.0 <= self.fps <= 1000.0:
            raise InputError("tokenizer: frames_per_token or fps out of range")

    @property
    def streams(self) -> dict[str, int]:
        """Streams of the tokens and the codes that a token has in each."""
        return {JOINT: sum(self.codes.values())} if self.joint else {s: self.codes[s] for s in STREAMS}

    @property
    def size(self) -> int:
        """Of each codebook."""
        if self.quantiser == "residual_vq":
            return self.codebook
        product = 1
        for level in self.levels:
            product *= level
        return product


class Convolution(nn.Module):
    """Of three neighbours in time, written as one linear layer on (B, N, C) so that its weight is a matrix."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.linear = nn.Linear(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        d, n = self.dilation, x.shape[1]
        padded = nn.functional.pad(x, (0, 0, d, d))
        return self.linear(torch.cat([padded[:, :n], x, padded[:, 2 * d :]], dim=-1))


class Block(nn.Module):
    """x + what a convolution and a linear layer make of it; padding stays zero."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = Convolution(width, dilation)
        self.out = nn.Linear(width, width)
        # nothing at first: what comes in goes straight through, and training starts from a linear code
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return x + self.out(nn.functional.gelu(self.convolution(self.norm(x) * mask)))


class Coder(nn.Module):
    """Encoder, quantiser and decoder of one stream of `wide` features a frame."""

    def __init__(self, config: Config, wide: int, codes: int, width: int) -> None:
        super().__init__()
        self.frames, self.wide = config.frames_per_token, wide
        self.kind, self.codes, self.size = config.quantiser, codes, config.size
        if config.quantiser == "fsq":
            latent = codes * len(config.levels)
            self.quantiser: nn.Module = FSQ(list(config.levels), num_codebooks=codes, keep_num_codebooks_dim=True)
        elif config.quantiser == "residual_fsq":
            latent = len(config.levels)
            self.quantiser = ResidualFSQ(levels=list(config.levels), num_quantizers=codes, dim=latent)
        else:
            latent = max(4, width // LATENT_SHARE)
            self.quantiser = ResidualVQ(
                dim=latent, codebook_size=config.codebook, num_quantizers=codes, kmeans_init=True, threshold_ema_dead_code=DEAD, decay=0.99
            )
        self.enter = nn.Linear(self.frames * wide, width)
        self.encoder = nn.ModuleList([Block(width, d) for d in config.dilations])
        self.to_code = nn.Linear(width, latent)
        self.from_code = nn.Linear(latent, width)
        self.decoder = nn.ModuleList([Block(width, d) for d in config.dilations])
        self.leave = nn.Linear(width, 2 * self.frames * wide)
        ramp = (torch.arange(self.frames) + 0.5) / self.frames
        self.fade: Tensor
        self.register_buffer("fade", torch.cat([ramp, ramp.flip(0)])[:, None], persistent=False)

    def encode(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, wide), mask (B, N, 1) -> quantised (B, N, latent), codes (B, N, Q), commitment loss."""
        batch, frames = x.shape[:2]
        h = self.enter(x.reshape(batch, frames // self.frames, self.frames * self.wide))
        for block in self.encoder:
            h = block(h, mask)
        z = self.to_code(h)
        if self.kind == "residual_vq" and not self.training:
            codes = self._searched(z)
            return self.lookup(codes), codes, z.new_zeros(())
        if self.kind == "residual_vq":
            quantised, codes, loss = self.quantiser(z, mask=mask[..., 0].bool())
            return quantised, codes, loss.sum()
        quantised, codes = self.quantiser(z)
        return quantised, codes, z.new_zeros(())

    def _searched(self, z: Tensor) -> Tensor:
        """Codes (B, N, Q) whose vectors add up nearest to z (B, N, latent), by a beam: the nearest code first is not always the best to refine."""
        books: Tensor = self.quantiser.codebooks  # type: ignore[assignment]
        lengths = books.square().sum(-1)
        wanted = z.reshape(-1, 1, z.shape[-1])
        count = len(wanted)
        left, off = wanted, wanted.square().sum(-1)  # what is left to be said of each way, and its squared length
        ways = torch.zeros(count, 1, 0, dtype=torch.long, device=z.device)
        for book, length in zip(books, lengths, strict=True):
            further = off[..., None] - 2.0 * left @ book.T + length
            off, best = further.flatten(1).topk(min(BEAM, further[0].numel()), dim=1, largest=False)
            way, code = best // len(book), best % len(book)
            row = torch.arange(count, device=z.device)[:, None]
            left = left[row, way] - book[code]
            ways = torch.cat([ways[row, way], code[..., None]], dim=-1)
        return ways[:, 0].reshape(*z.shape[:2], -1)

    def decode(self, quantised: Tensor, mask: Tensor) -> Tensor:
        """(B, N, latent) -> (B, T, wide). Each token says twice as many frames as are its own, and neighbours fade into one another."""
        h = self.from_code(quantised)
        for block in self.decoder:
            h = block(h, mask)
        said = self.leave(h).reshape(*h.shape[:2], 2 * self.frames, self.wide) * self.fade * mask[..., None]
        weight = self.fade * mask[..., None]
        return self._overlapped(said) / self._overlapped(weight).clamp_min(1e-6)

    def _overlapped(self, said: Tensor) -> Tensor:
        """(B, N, 2 F, C), of which the middle F frames are the token's own -> sums (B, N F, C)."""
        batch, count, _, wide = said.shape
        early = said[:, :, : self.frames].reshape(batch, -1, wide)
        late = said[:, :, self.frames :].reshape(batch, -1, wide)
        whole = nn.functional.pad(early, (0, 0, 0, self.frames)) + nn.functional.pad(late, (0, 0, self.frames, 0))
        start = self.frames // 2
        return whole[:, start : start + count * self.frames]

    def lookup(self, codes: Tensor) -> Tensor:
        """codes (B, N, Q) -> quantised (B, N, latent)."""
        if self.kind == "fsq":
            found: Tensor = self.quantiser.indices_to_codes(codes)  # type: ignore[operator]
            return found
        looked: Tensor = self.quantiser.get_output_from_indices(codes)  # type: ignore[operator]
        return looked


    def vectors(self) -> Tensor:
        """(Q, size, D): what each code adds to a token's vector."""
        if self.kind == "residual_vq":
            found: Tensor = self.quantiser.codebooks.detach()  # type: ignore[union-attr, operator]
            return found
        # of FSQ codes the place on each axis, codes side by side where they do not refine one another
        codebook: Tensor = self.quantiser.codebooks if self.kind == "residual_fsq" else self.quantiser.implicit_codebook  # type: ignore[assignment]
        if self.kind == "residual_fsq":
            return codebook.detach()
        wide = codebook.shape[1]
        return torch.stack([nn.functional.pad(codebook, (k * wide, (self.codes - 1 - k) * wide)) for k in range(self.codes)]).detach()


class Network(nn.Module):
    """All streams. Features are normalised ones, stream -> (B, T, width), T a multiple of the frames of a token; mask (B, N), 1.0 where there is motion."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        if config.joint:
            self.coders = nn.ModuleDict({JOINT: Coder(config, sum(WIDTHS.values()), config.streams[JOINT], config.width)})
        else:
            coders = {"body": ("body", config.width), "hand": ("right_hand", config.small_width), "face": ("face", config.small_width)}
            self.coders = nn.ModuleDict({name: Coder(config, WIDTHS[s], config.codes[s], width) for name, (s, width) in coders.items()})
        self.mirror: Tensor
        self.register_buffer("mirror", torch.tensor(MIRROR_6D * (WIDTHS["left_hand"] // 6)), persistent=False)

    def _coder(self, name: str) -> Coder:
        found = self.coders[name]
        assert isinstance(found, Coder)
        return found

    def _split(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """coder -> its input; the hands one after the other along the batch."""
        if self.config.joint:
            return {JOINT: torch.cat([features[s] for s in STREAMS], dim=-1)}
        hands = torch.cat([features["left_hand"] * self.mirror, features["right_hand"]])
        return {"body": features["body"], "hand": hands, "face": features["face"]}

    def _join(self, made: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.config.joint:
            parts: Sequence[Tensor] = made[JOINT].split([WIDTHS[s] for s in STREAMS], dim=-1)
            return dict(zip(STREAMS, parts, strict=True))
        left, right = made["hand"].chunk(2)
        return {"body": made["body"], "left_hand": left * self.mirror, "right_hand": right, "face": made["face"]}

    @staticmethod
    def _mask(name: str, mask: Tensor) -> Tensor:
        return (torch.cat([mask, mask]) if name == "hand" else mask)[..., None]

    def _streams(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.config.joint:
            return dict(codes)
        left, right = codes["hand"].chunk(2)
        return {"body": codes["body"], "left_hand": left, "right_hand": right, "face": codes["face"]}

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """Features that went through the codes, codes by stream (B, N, Q), commitment loss."""
        made, codes, loss = {}, {}, mask.new_zeros(())
        for name, x in self._split(features).items():
            coder, m = self._coder(name), self._mask(name, mask)
            quantised, codes[name], extra = coder.encode(x, m)
            made[name] = coder.decode(quantised, m)
            loss = loss + extra
        return self._join(made), self._streams(codes), loss

    def code_vectors(self) -> dict[str, Tensor]:
        """stream -> (Q, size, D): what each code adds to a token's vector, scaled so that such sums spread by about 1."""
        made = {}
        for name in self.coders:
            vectors = self._coder(name).vectors()
            spread = vectors.var(dim=1).sum(0).mean().sqrt().clamp_min(1e-6)  # of independent codes, each as likely as any
            for stream in ("left_hand", "right_hand") if name == "hand" else (name,):
                made[stream] = vectors / spread
        return {s: made[s] for s in self.config.streams}

    def encode(self, features: Mapping[str, Tensor], mask: Tensor) -> dict[str, Tensor]:
        """Codes by stream."""
        return self._streams({name: self._coder(name).encode(x, self._mask(name, mask))[1] for name, x in self._split(features).items()})

    def decode(self, codes: Mapping[str, Tensor], mask: Tensor) -> dict[str, Tensor]:
        """Features by stream, normalised."""
        by_coder = dict(codes) if self.config.joint else {
            "body": codes["body"], "hand": torch.cat([codes["left_hand"], codes["right_hand"]]), "face": codes["face"],
        }  # fmt: skip
        return self._join({name: self._coder(name).decode(self._coder(name).lookup(c), self._mask(name, mask)) for name, c in by_coder.items()})
