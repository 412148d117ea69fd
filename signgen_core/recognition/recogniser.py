"""A recogniser on disk and at work: which sign, which features, and the embedding of a motion.

A folder holds `config.json` (networks, labels, notes on the training, id) and `model.safetensors` (half precision). `train.recogniser` makes them,
docs/recognition.md describes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileFormatError, InputError, MachineError
from ..model_files import CONFIG, WEIGHTS, plain, read_config, read_weights, write_model
from ..motion import Motion, Segment
from ..presets import PRESETS_DIR
from .labels import FEATURES, GLOSS
from .points import at, mirrored, normalised

if TYPE_CHECKING:
    from .network import Config, Network

FORMAT, VERSION = "signgen-recogniser", 1
SHIPPED = PRESETS_DIR / "models" / "recogniser"
_BATCH = 256
Span = Segment | tuple[float, float]


@dataclass(frozen=True)
class Reading:
    """What one sign looks like. gloss: the likeliest, "" for none of the lexicon's; probability: of it; features: feature -> value; sure: its probability."""

    gloss: str
    probability: float
    features: dict[str, str]
    sure: dict[str, float]


class Recogniser:
    """Load with `load_recogniser`. config: of the networks; weights: name -> float16 array; facts: notes on the training; id: 16 hex digits."""

    def __init__(self, config: Config, weights: Mapping[str, np.ndarray], facts: Mapping[str, Any] | None = None) -> None:
        self.config, self.facts = config, dict(facts or {})
        self.weights = {name: np.array(value, order="C") for name, value in sorted(weights.items())}
        self.network = _network(config, self.weights)
        digest = hashlib.sha256(json.dumps(plain(config), sort_keys=True).encode())
        for name, value in self.weights.items():
            digest.update(f"{name} {value.shape}".encode() + value.astype("<f2").tobytes())
        self.id = digest.hexdigest()[:16]

    @property
    def glosses(self) -> tuple[str, ...]:
        """The signs it can name; "" stands for what is none."""
        return self.config.labels[GLOSS]

    def read(
        self, motion: Motion | np.ndarray, fps: float | None = None, segments: Sequence[Span] | None = None, handedness: str | None = None
    ) -> list[Reading]:
        """One reading a segment.

        motion: a motion, or positions (T, 70, 3) in metres of `rig.POINT_NAMES`. fps, segments (of `Motion.segments`, or start and end in seconds) and
        handedness ("left" or "right") default to those of the motion; positions need the first two and are right-handed. Any frame rate will do: each
        segment is brought to the same number of frames. Raises InputError for what is missing, of the wrong shape, or a segment that ends before it starts
        or lies outside the motion.
        """
        joints, rate = _joints(motion, fps)
        if segments is None:
            if not isinstance(motion, Motion):
                raise InputError("recogniser: positions need segments")
            segments = motion.segments
        if handedness is None:
            handedness = str(motion.meta.get("handedness", "right")) if isinstance(motion, Motion) else "right"
        if handedness not in ("left", "right"):
            raise InputError(f"recogniser: handedness: expected left or right, found {handedness!r}")
        if not segments:
            return []
        points = normalised(joints)
        spans = np.array([(s.start, s.end) if isinstance(s, Segment) else s for s in segments], dtype=np.float64)
        last = (len(points) - 1) / rate
        for k, (start, end) in enumerate(spans):
            if not 0.0 <= start < end or start > last:
                raise InputError(f"recogniser: segments[{k}]: from {start:g} to {end:g} s in a motion of {last:g} s")
        return self.read_points(at(mirrored(points) if handedness == "left" else points, places(spans, self.config, rate)))

    def read_points(self, signs: np.ndarray) -> list[Reading]:
        """Of signs (N, frames, K, 3) that are cut out and normalised already, as `recognition.points` does it."""
        import torch

        out: list[Reading] = []
        for first in range(0, len(signs), _BATCH):
            with torch.inference_mode():
                logits = self.network.signs(torch.from_numpy(np.ascontiguousarray(signs[first : first + _BATCH], dtype=np.float32)))
                best = {head: [v.numpy() for v in torch.softmax(value, dim=-1).max(dim=-1)] for head, value in logits.items()}
            for k in range(len(best[GLOSS][0])):
                said = {head: (self.config.labels[head][int(which[k])], float(p[k])) for head, (p, which) in best.items()}
                out.append(Reading(*said[GLOSS], {f: said[f][0] for f in FEATURES}, {f: said[f][1] for f in FEATURES}))
        return out

    def signs(
        self, motion: Motion | np.ndarray, fps: float | None = None, segments: Sequence[Span] | None = None, handedness: str | None = None
    ) -> list[tuple[str, float]]:
        """(gloss, probability) of each segment; arguments as for `read`."""
        return [(r.gloss, r.probability) for r in self.read(motion, fps, segments, handedness)]

    def features(
        self, motion: Motion | np.ndarray, fps: float | None = None, segments: Sequence[Span] | None = None, handedness: str | None = None
    ) -> list[dict[str, str]]:
        """Feature -> value of each segment's first morpheme; arguments as for `read`."""
        return [r.features for r in self.read(motion, fps, segments, handedness)]

    def embed(self, motion: Motion | np.ndarray, fps: float | None = None) -> np.ndarray:
        """(D,): the mean over the windows of a motion of what `embed_windows` gives."""
        mean: np.ndarray = self.embed_windows(motion, fps).mean(axis=0)
        return mean

    def embed_windows(self, motion: Motion | np.ndarray, fps: float | None = None) -> np.ndarray:
        """(W, D) float32: the auto-encoder's bottleneck for windows of `config.window` frames at `config.fps` that overlap by half and cover the motion, the
        last frame held on to fill the last window. Hands are as they are: a left-handed motion is another motion."""
        import torch

        joints, rate = _joints(motion, fps)
        points = normalised(joints)
        count = int(np.floor((len(points) - 1) / rate * self.config.fps + 1e-6)) + 1
        firsts = np.arange(0, max(1, count - self.config.window // 2), self.config.window // 2)
        windows = at(points, (firsts[:, None] + np.arange(self.config.window)) * (rate / self.config.fps))
        with torch.inference_mode():
            found: np.ndarray = self.network.encoder(torch.from_numpy(windows)).numpy()
        return found

    def save(self, folder: Path) -> Path:
        """Writes the folder whole or not at all. Raises OutputError."""
        return write_model(Path(folder), self.weights, {
            "format": FORMAT, "version": VERSION, "id": self.id, "network": plain(self.config), "training": self.facts,
        })  # fmt: skip


def places(spans: np.ndarray, config: Config, fps: float) -> np.ndarray:
    """Start and end (N, 2) in seconds -> where the frames of each sign lie (N, frames), counted in frames of fps; with the margin on either side."""
    start, end = spans[:, :1] - config.margin, spans[:, 1:] + config.margin
    found: np.ndarray = (start + (end - start) * np.linspace(0.0, 1.0, config.frames)) * fps
    return found


def load_recogniser(folder: str | Path | None = None) -> Recogniser:
    """A recogniser folder, the shipped one by default. Nothing in it is ever unpickled.

    Raises InputError where there is no such folder, FileFormatError naming the file where it is damaged, foreign, or does not belong to the other one.
    """
    folder = SHIPPED if folder is None else Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is a file, not a recogniser folder' if folder.exists() else 'no such recogniser folder'}")
    data = read_config(folder / CONFIG, FORMAT, VERSION, "recogniser")
    config = _config(data.get("network"), folder / CONFIG)
    weights = read_weights(folder / WEIGHTS, {name: tuple(v.shape) for name, v in _empty(config).state_dict().items()})
    made = Recogniser(config, weights, data.get("training"))
    if made.id != data.get("id"):
        raise FileFormatError(f"{folder / WEIGHTS}: is not the file that {CONFIG} beside it was written with")
    return made


def _config(said: Any, path: Path) -> Config:
    kind = _networks().Config
    names = {f.name for f in fields(kind)}
    if not isinstance(said, dict) or set(said) != names:
        raise FileFormatError(f"{path}: network: expected {', '.join(sorted(names))}")
    try:
        values = {**said, "graph": tuple(said["graph"]), "labels": {head: tuple(map(str, labels)) for head, labels in said["labels"].items()}}
        made: Config = kind(**values)
    except (InputError, TypeError, ValueError, AttributeError) as problem:
        raise FileFormatError(f"{path}: network: {problem}") from None
    return made


def _joints(motion: Motion | np.ndarray, fps: float | None) -> tuple[np.ndarray, float]:
    if isinstance(motion, Motion):
        from ..pipeline import joints

        return joints(motion), motion.fps
    if fps is None or not 1.0 <= fps <= 1000.0:
        raise InputError(f"recogniser: fps: expected a number from 1 to 1000 with positions, found {fps}")
    return motion, fps


def _networks() -> Any:
    try:
        from . import network
    except ImportError as problem:
        raise MachineError(f"the recogniser needs the package {problem.name}; `python3 build.py setup` installs it") from None
    return network


def _empty(config: Config) -> Network:
    made: Network = _networks().Network(config)
    return made


def _network(config: Config, weights: Mapping[str, np.ndarray]) -> Network:
    network = _empty(config)
    import torch

    network.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()})
    return network.eval().requires_grad_(False)
