"""One step of the token language model with a cache of keys and values that never changes its place: what CUDA graphs replay and a processor runs as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .lm_network import Network, rotary
from .lm_numpy import LIKELIEST

if TYPE_CHECKING:
    from .lm import Sampling



class Engine:
    """For a fixed batch on a fixed device. `restart` begins anew; `step` makes codes; `tell` takes codes that are known already.

    On CUDA the network runs in bfloat16 and a whole step is one graph, so that the host sends one command a step.
    """

    def __init__(self, network: Network, vectors: Mapping[str, Tensor], batch: int, device: str = "cpu") -> None:
        self.config, self.batch, self.device = network.config, batch, torch.device(device)
        self.on_cuda = self.device.type == "cuda"
        self.dtype = torch.bfloat16 if self.on_cuda else torch.float32
        self.network = _moved(network, self.device, self.dtype) if self.on_cuda else network
        self.vectors = {s: v.to(self.device, self.dtype) for s, v in vectors.items()}
        config, names = self.config, self.config.stream_names
        with torch.inference_mode():
            self._keys = {s: torch.cat([self.vectors[s], self.network.head(s).key], dim=-1) for s in names}
            shape = (config.layers, batch, config.heads, config.window, config.width // config.heads)
            self._cache = torch.zeros(2, *shape, device=self.device, dtype=self.dtype)
            self._before = torch.zeros(batch, config.latent, device=self.device, dtype=self.dtype)
            self._row = torch.zeros(batch, config.width, device=self.device, dtype=self.dtype)
            self._known = torch.zeros(batch, config.num_codes, device=self.device, dtype=torch.long)
            self._chance = torch.zeros(batch, config.num_codes, device=self.device)
            # as tensors, so that a graph reads them anew every time
            self._position = torch.zeros(1, device=self.device, dtype=torch.long)
            self._first = torch.ones(1, device=self.device, dtype=torch.bool)
            self._temperature = torch.ones((), device=self.device)
            self._top_p = torch.ones((), device=self.device)
            self._codes = torch.zeros(batch, config.num_codes, device=self.device, dtype=torch.long)
            self._entropy = torch.zeros(batch, len(names), device=self.device)
            self._stop = torch.zeros(batch, device=self.device)
        self._greedy, self._told = False, False
        self._graphs: dict[tuple[bool, bool], torch.cuda.CUDAGraph] = {}
        self.count = 0

    def restart(self) -> None:
        """Forgets all steps."""
        self.count = 0

    @torch.inference_mode()
    def step(self, row: Tensor, chance: np.ndarray, sampling: Sampling) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """row (B, width): the condition's vectors; chance (B, codes): numbers from 0 to below 1 that decide what is drawn.

        Returns codes by stream (B, Q), entropy by stream over its greatest possible (B, S), and the chance of stopping (B,).
        """
        self._chance.copy_(torch.from_numpy(chance))
        self._temperature.fill_(max(sampling.temperature, 1e-3))
        self._top_p.fill_(sampling.top_p)
        self._greedy, self._told = sampling.temperature == 0.0, False
        self._run(row)
        codes = self._codes.cpu().numpy()
        out, at = {}, 0
        for stream, count in self.config.streams.items():
            out[stream] = codes[:, at : at + count].copy()
            at += count
        return out, self._entropy.cpu().numpy().copy(), self._stop.cpu().numpy().copy()

    @torch.inference_mode()
    def tell(self, row: Tensor, codes: Mapping[str, np.ndarray]) -> None:
        """A step whose codes (B, Q) by stream are known."""
        self._known.copy_(torch.from_numpy(np.concatenate([codes[s] for s in self.config.stream_names], axis=1).astype(np.int64)))
        self._greedy, self._told = False, True
        self._run(row)

    def _run(self, row: Tensor) -> None:
        self._row.copy_(row)
        self._position.fill_(self.count)
        self._first.fill_(self.count == 0)
        if self.on_cuda:
            self._replay()
        else:
            self._compute()
        self.count += 1

    def _replay(self) -> None:
        key = (self._greedy, self._told)
        if key not in self._graphs:
            # what capturing does to the state is undone, so that the first replay is the first step
            kept = self._before.clone(), self._cache.clone()
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(2):
                    self._compute()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._compute()
            self._before.copy_(kept[0])
            self._cache.copy_(kept[1])
            self._graphs[key] = graph
        self._graphs[key].replay()

    def _compute(self) -> None:
        config, network = self.config, self.network
        x = self._row + torch.where(self._first, network.start, network.before(self._before))
        x = x[:, None]
        cos, sin = rotary(self._position, config.width // config.heads)
        cos, sin = cos.to(self.dtype), sin.to(self.dtype)
        place = self._position % config.window
        mask = torch.arange(config.window, device=self.device) <= self._position  # the ring is full once the window has gone round
        for k, layer in enumerate(network.layers):
            x = layer.step(x, cos, sin, place, mask, self._cache[0, k], self._cache[1, k])  # type: ignore[operator]
        h = network.norm(x[:, 0])
        self._stop.copy_(torch.sigmoid(network.stop(h)[:, 0].float()))
        self._choose(h)

    def _choose(self, h: Tensor) -> None:
        """Codes of all streams from what the transformer says (B, width)."""
        config = self.config
        at, sums, entropies = 0, [], []
        for stream in config.stream_names:
            head, vectors, keys = self.network.head(stream), self.vectors[stream], self._keys[stream]
            said = head.said(h)
            above = torch.zeros(self.batch, config.latents[stream], device=self.device, dtype=self.dtype)
            entropy = torch.zeros(self.batch, device=self.device)
            for q in range(config.streams[stream]):
                if self._told:
                    code = self._known[:, at]
                else:
                    scores = head.at(said, above, q, keys[q]).float()
                    log = torch.log_softmax(scores, dim=-1)
                    entropy = entropy - (log.exp() * log).sum(-1)
                    code = log.argmax(-1) if self._greedy else self._drawn(log, self._chance[:, at])
                self._codes[:, at] = code
                above = above + torch.nn.functional.embedding(code, vectors[q])
                at += 1
            sums.append(above)
            entropies.append(entropy / (config.streams[stream] * math.log(config.size)))
        self._before.copy_(torch.cat(sums, dim=-1))
        self._entropy.copy_(torch.stack(entropies, dim=1))

    def _drawn(self, scores: Tensor, chance: Tensor) -> Tensor:
        """Codes (B,) from the likeliest ones (LIKELIEST at most) that have top_p of the probability together, by where chance (B,) falls."""
        best, order = torch.topk(scores, min(LIKELIEST, scores.shape[-1]), dim=-1)
        share = torch.softmax(best / self._temperature, dim=-1)
        running = torch.cumsum(share, dim=-1)
        running = torch.cumsum(share * (running - share < self._top_p), dim=-1)
        index = torch.searchsorted(running, (chance * running[:, -1] * 0.999999)[:, None], right=True)
        found: Tensor = order.gather(1, index.clamp_max(order.shape[-1] - 1))[:, 0]
        return found


def _moved(network: Network, device: torch.device, dtype: torch.dtype) -> Network:
    copy = Network(network.config)
    copy.load_state_dict(network.state_dict())
    return copy.to(device, dtype).eval().requires_grad_(False)
