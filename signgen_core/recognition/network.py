"""The networks: graph convolutions over the skeleton with temporal ones for signs, temporal convolutions for the motion auto-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import InputError
from .labels import GLOSS, HEADS
from .points import BONES, HAND, NAMES, NOSE, NUM_POINTS

CHANNELS = 18
# Knuckles of the index, middle and little finger within a hand: wrist, then three joints a finger.
_INDEX, _MIDDLE, _LITTLE = 1, 4, 7
_PATH_POINTS = tuple(
    NAMES.index(f"{side}_{point}") for side in ("right", "left") for point in ("wrist", "middle1", "thumb_tip", "index_tip", "middle_tip", "pinky_tip")
)
MOVEMENT = "movement"


@dataclass(frozen=True)
class Config:
    """labels: head -> what it tells apart. frames: that a sign is brought to; margin: seconds before and after it among them.
    graph: widths before and after each graph block; time: width of the temporal ones; bottleneck: of the gloss head; path: width of the network for the
    movement. window: frames at fps that the encoder sees; width: of its layers; embedding: numbers in its bottleneck.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: int = 24
    margin: float = 0.12
    graph: tuple[int, ...] = (16, 24, 24)
    time: int = 160
    bottleneck: int = 192
    path: int = 64
    fps: float = 30.0
    window: int = 64
    width: int = 96
    embedding: int = 64

    def __post_init__(self) -> None:
        if set(self.labels) != set(HEADS) or not all(len(v) > 1 and len(set(v)) == len(v) for v in self.labels.values()):
            raise InputError(f"recogniser: labels: expected at least two different ones for each of {', '.join(HEADS)}")
        if self.frames % 4 or not 8 <= self.frames <= 256 or self.window % 8 or not 16 <= self.window <= 1024 or not 0.0 <= self.margin <= 1.0:
            raise InputError("recogniser: frames (a multiple of 4), window (of 8) or margin out of range")
        sizes = (*self.graph, self.time, self.bottleneck, self.path, self.width, self.embedding)
        if not 2 <= len(self.graph) <= 8 or not all(isinstance(n, int) and 4 <= n <= 1024 for n in sizes) or not 1.0 <= self.fps <= 1000.0:
            raise InputError("recogniser: graph, time, bottleneck, path, width, embedding or fps out of range")


def channels(x: Tensor) -> Tensor:
    """Points (B, F, K, 3) -> (B, F, K, CHANNELS): place, speed, bone; for hands also the place in the palm, from the nose, and in the other palm."""
    speed = torch.diff(x, dim=1, append=x[:, -1:]) * 4.0
    bone = (x - x[:, :, list(BONES)]) * 4.0
    hands = x[:, :, :HAND], x[:, :, HAND : 2 * HAND]
    frames = [_palm(h) for h in hands]
    own, far = [], []
    for k, hand in enumerate(hands):
        rotation, other = frames[k], frames[1 - k]
        own.append(((hand - hand[:, :, :1]) @ rotation) * 4.0)
        far.append(((hand - hands[1 - k][:, :, _MIDDLE : _MIDDLE + 1]) @ other).clamp(-1.0, 1.0) * 2.0)
    rest = x.new_zeros(*x.shape[:2], NUM_POINTS - 2 * HAND, 3)
    local = torch.cat([*own, rest], dim=2)
    apart = torch.cat([*far, rest], dim=2)
    nose = torch.cat([x[:, :, : 2 * HAND] - x[:, :, NOSE : NOSE + 1], rest], dim=2)
    return torch.cat([x, speed, bone, local, nose, apart], dim=-1)


def _palm(hand: Tensor) -> Tensor:
    """The frame of the palm of (B, F, 21, 3) as columns (B, F, 3, 3): along the middle finger's bone in the palm, across the knuckles, out of the palm."""
    along = nn.functional.normalize(hand[:, :, _MIDDLE] - hand[:, :, 0], dim=-1, eps=1e-4)
    across = hand[:, :, _INDEX] - hand[:, :, _LITTLE]
    across = nn.functional.normalize(across - (across * along).sum(-1, keepdim=True) * along, dim=-1, eps=1e-4)
    return torch.stack([along, across, torch.linalg.cross(along, across, dim=-1)], dim=-1)


def _adjacency() -> Tensor:
    """(K, K): mean over a point's neighbours along bones; rows sum to 1."""
    a = torch.zeros(NUM_POINTS, NUM_POINTS)
    for k, parent in enumerate(BONES):
        if parent != k:
            a[k, parent] = a[parent, k] = 1.0
    return a / a.sum(1, keepdim=True)


class GraphBlock(nn.Module):
    """Each point from itself and from others: neighbours along the bones at first, then whichever it learns to look at; residual."""

    def __init__(self, wide: int, out: int) -> None:
        super().__init__()
        self.neighbours = nn.Parameter(_adjacency() + torch.randn(NUM_POINTS, NUM_POINTS) * 0.02)
        self.mix = nn.Linear(2 * wide, out)
        self.norm = nn.BatchNorm1d(out)
        self.skip = nn.Linear(wide, out, bias=False) if wide != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, K, C) -> (N, K, C')."""
        h = self.mix(torch.cat([x, self.neighbours @ x], dim=-1))
        return self.skip(x) + nn.functional.relu(self.norm(h.reshape(-1, h.shape[-1]))).reshape(h.shape)


class TimeBlock(nn.Module):
    """Three neighbours in time, residual."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.convolution = nn.Conv1d(width, width, 3, stride=stride, padding=1)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F) -> (B, C, F / stride)."""
        return x[..., :: self.stride] + nn.functional.relu(self.convolution(self.norm(x)))


class PathNetwork(nn.Module):
    """How the hands move, from a few of their points and how the palms turn, without where they are or what else the signer looks like.

    A network that sees more tells the movement by the signs that it knows and not by the path: it was right on 98 % of them and on 72 % of others.
    """

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        wide = 6 * len(_PATH_POINTS) + 12
        self.enter = nn.BatchNorm1d(wide, eps=1e-3)
        strides = (1, 2, 2)
        self.layers = nn.ModuleList([nn.Conv1d(wide if k == 0 else width, width, 5, stride=s, padding=2) for k, s in enumerate(strides)])
        self.drop = nn.Dropout(0.4)
        self.wide = width * (frames // 4) + width

    def forward(self, x: Tensor) -> Tensor:
        """Points (B, F, K, 3) -> (B, wide)."""
        points = x[:, :, list(_PATH_POINTS)]
        place = (points - points.mean(dim=1, keepdim=True)) * 3.0
        speed = torch.diff(points, dim=1, append=points[:, -1:]) * 10.0
        # along the palm and out of it
        palms = torch.cat([_palm(x[:, :, first : first + HAND])[..., ::2].flatten(2) for first in (0, HAND)], dim=-1)
        h = torch.cat([place.flatten(2), speed.flatten(2), palms - palms.mean(dim=1, keepdim=True)], dim=-1)
        h = self.enter(h.transpose(1, 2))
        for layer in self.layers:
            h = nn.functional.relu(layer(h))
        dropped: Tensor = self.drop(torch.cat([h.flatten(1), h.amax(dim=2)], dim=1))
        return dropped


class SignNetwork(nn.Module):
    """One trunk with a head for the gloss and one for each feature but the movement, which has a network of its own."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        # points that hardly move, such as the pelvis, are not blown up
        self.enter = nn.BatchNorm1d(NUM_POINTS * CHANNELS, eps=1e-3)
        # two frames are one step from here on
        self.pair = nn.Linear(2 * CHANNELS, config.graph[0])
        self.graph = nn.ModuleList([GraphBlock(a, b) for a, b in zip(config.graph[:-1], config.graph[1:], strict=True)])
        self.gather = nn.Linear(NUM_POINTS * config.graph[-1], config.time)
        self.time = nn.ModuleList([TimeBlock(config.time, s) for s in (1, 2, 1)])
        wide = config.time * (config.frames // 4)
        self.drop = nn.Dropout(0.3)
        self.bottleneck = nn.Sequential(nn.Linear(wide, config.bottleneck), nn.BatchNorm1d(config.bottleneck), nn.ReLU(), nn.Dropout(0.2))
        self.path = PathNetwork(config.path, config.frames)
        widths = {GLOSS: config.bottleneck, MOVEMENT: self.path.wide}
        self.heads = nn.ModuleDict({head: nn.Linear(widths.get(head, wide), len(labels)) for head, labels in config.labels.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Points (B, F, K, 3) -> head -> logits (B, n)."""
        path = self.path(x)
        h = channels(x)
        batch, steps = len(h), h.shape[1] // 2
        h = self.enter(h.reshape(-1, NUM_POINTS * CHANNELS)).reshape(batch * steps, 2, NUM_POINTS, CHANNELS)
        h = nn.functional.relu(self.pair(torch.cat([h[:, 0], h[:, 1]], dim=-1)))
        for block in self.graph:
            h = block(h)
        h = self.gather(h.reshape(batch, steps, -1)).transpose(1, 2)
        for block in self.time:
            h = block(h)
        h = self.drop(h.reshape(batch, -1))
        read = {GLOSS: self.bottleneck(h), MOVEMENT: path}
        return {name: head(read.get(name, h)) for name, head in self.heads.items()}


class MotionEncoder(nn.Module):
    """A window of points to its embedding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layers = _stack((3 * NUM_POINTS, config.width, config.width, config.width))
        self.out = nn.Linear(config.width * (config.window // 8), config.embedding)

    def forward(self, x: Tensor) -> Tensor:
        """(B, window, K, 3) -> (B, embedding)."""
        batch, frames = x.shape[:2]
        embedding: Tensor = self.out(self.layers(x.reshape(batch, frames, -1).transpose(1, 2)).reshape(batch, -1))
        return embedding


class MotionDecoder(nn.Module):
    """An embedding to the window; needed for training alone."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.window, self.width = config.window, config.width
        self.enter = nn.Linear(config.embedding, config.width * (config.window // 8))
        self.layers = nn.ModuleList([nn.Conv1d(config.width, config.width, 3, padding=1) for _ in range(3)])
        self.out = nn.Conv1d(config.width, 3 * NUM_POINTS, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """(B, embedding) -> (B, window, K, 3)."""
        h = self.enter(z).reshape(len(z), self.width, -1)
        for layer in self.layers:
            h = nn.functional.gelu(layer(nn.functional.interpolate(h, scale_factor=2.0, mode="linear", align_corners=False)))
        return self.out(h).transpose(1, 2).reshape(len(z), self.window, NUM_POINTS, 3)


def _stack(widths: Sequence[int]) -> nn.Sequential:
    return nn.Sequential(*(m for a, b in zip(widths[:-1], widths[1:], strict=True) for m in (nn.Conv1d(a, b, 5, stride=2, padding=2), nn.GELU())))


class Network(nn.Module):
    """What a recogniser folder holds: the sign network and the encoder of windows."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.signs = SignNetwork(config)
        self.encoder = MotionEncoder(config)
