"""One step of the token language model for one motion on a processor, in numpy.

A step is a few hundred products of a vector with a small matrix, which take less time than it takes torch to be told of them: here a step is about three
times as quick as with `lm_engine.Engine`, which is for batches and CUDA. Both say the same; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .lm import Sampling
    from .lm_network import Network

LIKELIEST = 64  # codes of each choice that may be drawn at all

class NumpyEngine:
    """For one motion. `restart` begins anew; `step` makes codes; `tell` takes codes that are known already. Shapes as in `Engine`, batch 1."""

    def __init__(self, network: Network, vectors: Mapping[str, np.ndarray]) -> None:
        self.config = config = network.config
        state = {k: v.detach().numpy().astype(np.float32) for k, v in network.state_dict().items()}

        def matrix(name: str) -> np.ndarray:
            return np.ascontiguousarray(state[f"{name}.weight"].T)  # so that a row vector times it runs along memory

        self._layers = [
            (
                state[f"layers.{k}.before_attention.weight"], matrix(f"layers.{k}.attention"), matrix(f"layers.{k}.join"),
                state[f"layers.{k}.before_mlp.weight"], matrix(f"layers.{k}.enter"), state[f"layers.{k}.enter.bias"],
                matrix(f"layers.{k}.leave"), state[f"layers.{k}.leave.bias"],
            )
            for k in range(config.layers)
        ]  # fmt: skip
        self._start, self._into, self._into_bias = state["start"], matrix("before"), state["before.bias"]
        self._norm, self._stop, self._stop_bias = state["norm.weight"], state["stop.weight"][0], float(state["stop.bias"][0])
        self._heads = []
        for stream in config.stream_names:
            head = f"heads.{stream}"
            keys = np.concatenate([vectors[stream].astype(np.float32), state[f"{head}.key"]], axis=-1)
            self._heads.append((
                matrix(f"{head}.said"), state[f"{head}.said.bias"], matrix(f"{head}.above"), state[f"{head}.place"], matrix(f"{head}.inner"),
                state[f"{head}.inner.bias"], state[f"{head}.point"], np.ascontiguousarray(np.swapaxes(keys, 1, 2)), state[f"{head}.bias"],
                vectors[stream].astype(np.float32),
            ))  # fmt: skip
        wide = config.width // config.heads
        self._rates = (10000.0 ** (-np.arange(0, wide, 2) / wide)).astype(np.float32)
        self._keys = np.zeros((config.layers, config.heads, config.window, wide), dtype=np.float32)
        self._values = np.zeros_like(self._keys)
        self._before = np.zeros(config.latent, dtype=np.float32)
        self._most = np.log(config.size)
        self.count = 0

    def restart(self) -> None:
        """Forgets all steps."""
        self.count = 0

    def tell(self, row: np.ndarray, codes: Mapping[str, np.ndarray]) -> None:
        """A step whose codes (1, Q) by stream are known."""
        self._transform(row)
        parts = [vectors[np.arange(vectors.shape[0]), codes[s][0]].sum(axis=0) for s, (*_, vectors) in zip(self.config.stream_names, self._heads, strict=True)]
        self._before = np.concatenate(parts)

    def step(self, row: np.ndarray, chance: np.ndarray, sampling: Sampling) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """row (1, width), chance (1, codes): codes by stream (1, Q), entropy over its greatest possible (1, S), chance of stopping (1,)."""
        h = self._transform(row)
        out, entropies, sums, at = {}, [], [], 0
        for stream, (said, said_bias, from_above, place, inner, inner_bias, point, keys, bias, vectors) in zip(
            self.config.stream_names, self._heads, strict=True
        ):
            u0 = h @ said + said_bias
            above = np.zeros(vectors.shape[2], dtype=np.float32)
            codes = np.zeros((1, len(vectors)), dtype=np.int64)
            entropy = 0.0
            for q in range(len(vectors)):
                u = u0 + place[q]
                if q:
                    u += above @ from_above
                u += _silu(u) @ inner + inner_bias
                scores = (_silu(u) @ point[q]) @ keys[q] + bias[q]
                scores -= scores.max()
                share = np.exp(scores)
                total = float(share.sum())
                entropy += float(np.log(total)) - float(share @ scores) / total
                code = int(scores.argmax()) if sampling.temperature == 0.0 else _drawn(scores, sampling, float(chance[0, at]))
                codes[0, q] = code
                above = above + vectors[q, code]
                at += 1
            out[stream] = codes
            entropies.append(entropy / (len(vectors) * self._most))
            sums.append(above)
        self._before = np.concatenate(sums)
        stop = 1.0 / (1.0 + np.exp(-(float(h @ self._stop) + self._stop_bias)))
        return out, np.array([entropies], dtype=np.float32), np.array([stop], dtype=np.float32)

    def _transform(self, row: np.ndarray) -> np.ndarray:
        """What the transformer says of the next step (width,)."""
        config = self.config
        x = row[0] + (self._before @ self._into + self._into_bias if self.count else self._start)
        place, seen = self.count % config.window, min(self.count + 1, config.window)
        angle = self.count * self._rates
        cos, sin = np.cos(angle), np.sin(angle)
        half = len(cos)
        scale = np.float32((2 * half) ** -0.5)
        for k, (norm, attention, join, norm_mlp, enter, enter_bias, leave, leave_bias) in enumerate(self._layers):
            q, key, value = (_normal(x, norm) @ attention).reshape(3, config.heads, 2 * half)
            self._values[k, :, place] = value
            self._keys[k, :, place, :half] = key[:, :half] * cos - key[:, half:] * sin
            self._keys[k, :, place, half:] = key[:, :half] * sin + key[:, half:] * cos
            turned = np.concatenate([q[:, :half] * cos - q[:, half:] * sin, q[:, :half] * sin + q[:, half:] * cos], axis=1) * scale
            weight = (self._keys[k, :, :seen] @ turned[:, :, None])[:, :, 0]
            weight = np.exp(weight - weight.max(axis=1, keepdims=True))
            weight /= weight.sum(axis=1, keepdims=True)
            x = x + (weight[:, None] @ self._values[k, :, :seen]).reshape(-1) @ join
            x = x + _silu(_normal(x, norm_mlp) @ enter + enter_bias) @ leave + leave_bias
        self.count += 1
        return _normal(x, self._norm)


def _normal(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    made: np.ndarray = x * (weight / np.sqrt(np.dot(x, x) / len(x) + np.float32(1e-5)))
    return made


def _silu(x: np.ndarray) -> np.ndarray:
    made: np.ndarray = x / (1.0 + np.exp(np.minimum(-x, np.float32(80.0))))  # beyond that it would overflow, and is zero
    return made


def _drawn(scores: np.ndarray, sampling: Sampling, chance: float) -> int:
    """As `Engine._drawn`. The highest score is 0."""
    share = np.exp(scores * np.float32(1.0 / max(sampling.temperature, 1e-3)))
    if sampling.top_p * float(share.sum()) <= 1.0:  # the likeliest code alone is enough
        return int(scores.argmax())
    count = min(LIKELIEST, len(scores))
    best = np.argpartition(scores, -count)[-count:]
    best = best[np.argsort(-scores[best], kind="stable")]
    share = share[best]
    share /= share.sum()
    running = np.cumsum(share)
    running = np.cumsum(share * (running - share < sampling.top_p))
    return int(best[min(int(np.searchsorted(running, chance * running[-1] * 0.999999, side="right")), count - 1)])
