"""Trains the motion tokenizer of `tokens` on the clips of a folder.

Each step takes windows of clips at random places, half of them mirrored, and pulls what comes out of the codes towards what went in: normalised features, their
change from frame to frame, and where forward kinematics puts the points, hands seen from their wrists once more. What is saved is the running mean of the
weights. A checkpoint every so many steps lets a run go on bit by bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import InputError, MachineError
from ..model_files import plain
from ..tokens.features import FACE_JOINTS, STREAMS, Normaliser
from ..tokens.metrics import GROUPS, aligned_distances, codebook_use, distances, jitter
from ..tokens.mirror import mirrored, mirrored_points
from ..tokens.tokenizer import Tokenizer, half
from .motion_data import MotionSet
from .run import Progress, Run, device_for

if TYPE_CHECKING:
    from ..tokens.network import Config

FACE = slice(6 * len(FACE_JOINTS), None)  # of the face stream: the coefficients
# Weights of the terms of the loss. Positions are in metres, so that a millimetre counts as much as these in thousandths; they count a
# tenth at first and in full at the end, because the features lead the way faster than the positions do.
FEATURES = {"body": 1.0, "left_hand": 1.0, "right_hand": 1.0, "face": 0.5}
VELOCITY, POSITIONS, SPEED, HANDS, COMMITMENT = 0.5, 40.0, 20.0, 40.0, 0.25
RAMPED = ("positions", "speed", "hands")
_HAND_POINTS = sorted({*GROUPS["left_hand"], *GROUPS["right_hand"]})


@dataclass(frozen=True)
class Options:
    """steps: of `batch` windows of `window` frames. rate: learning rate at its highest. optimiser: muon for the matrices of the layers (the rest goes by AdamW)
    or adamw for all. mirror: half of the windows mirrored. average: decay of the running mean of the weights. position_frames: frames in a row of
    each window that kinematics run on. save_every: steps between checkpoints. threads: on the CPU. Device and threads may
    differ when a run goes on, which then goes on, but not bit by bit.
    """

    steps: int = 9000
    batch: int = 16
    window: int = 64
    rate: float = 2e-3
    optimiser: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.01
    mirror: bool = True
    average: float = 0.998
    position_frames: int = 32
    seed: int = 0
    save_every: int = 250
    device: str = "auto"
    threads: int = 2

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.window < 8 or self.save_every < 1 or self.position_frames < 2 or self.threads < 1:
            raise InputError("tokenizer: steps, batch, save_every and threads must be at least 1, position_frames 2, window 8")
        if self.optimiser not in ("adamw", "muon"):
            raise InputError(f"tokenizer: optimiser {self.optimiser!r}; known are adamw, muon")
        if not 0.0 < self.rate <= 1.0 or not 0.0 <= self.average < 1.0:
            raise InputError("tokenizer: rate must be above 0 and at most 1, average from 0 to below 1")


@dataclass
class Result:
    """tokenizer: ready to be saved. log: one dict each `save_every` steps."""

    tokenizer: Tokenizer
    log: list[dict[str, float]] = field(default_factory=list)


def train(
    motions: MotionSet, options: Options, config: Config | None = None, *, checkpoint: Path | None = None, start: Tokenizer | None = None,
    progress: Progress | None = None,
) -> Result:  # fmt: skip
    """Trains on the clips of the part "train". checkpoint: a folder for the state, from which an interrupted run goes on bit by bit. start: a tokenizer to go
    on from with other clips or more steps; it brings its config and its normalisation.

    Raises InputError for a folder without training clips, a checkpoint of another run, or where the loss stops being a number; MachineError for a
    missing package or device.
    """
    import torch

    try:
        from ..tokens.network import Config
    except ImportError as problem:
        raise MachineError(f"motion tokens need the package {problem.name}; `python3 build.py setup` installs it") from None
    config = start.config if start is not None else config or Config()
    if options.window % config.frames_per_token:
        raise InputError(f"tokenizer: a window of {options.window} frames is not a whole number of tokens of {config.frames_per_token}")
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        return _Training(motions, options, config, checkpoint, progress, start).go()
    finally:
        torch.set_num_threads(before)


class Windows:
    """Windows of training clips; what step n gets depends on seed and n alone."""

    def __init__(self, motions: MotionSet, numbers: np.ndarray, normaliser: Normaliser, options: Options) -> None:
        self.motions, self.numbers, self.normaliser, self.options = motions, numbers, normaliser, options
        lengths = np.array([motions.length(int(n)) for n in numbers], dtype=np.float64)
        weight = np.maximum(lengths, options.window / 2)
        self.chances = weight / weight.sum()

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """stream -> (B, W, width) normalised; mask (B, W) bool; valid (B, W, 4) bool; rest (B, 70, 3)."""
        chance, motions, wide = np.random.default_rng([self.options.seed, 3, step]), self.motions, self.options.window
        rows = []
        for number in chance.choice(self.numbers, size=self.options.batch, p=self.chances):
            length = motions.length(int(number))
            # windows may begin before a clip's second token and end past its last frame, as whole clips do
            first = int(chance.integers(0, max(1, length - wide + 1 + min(wide // 4, length // 4))))
            place = np.minimum(first + np.arange(wide), length - 1)
            here = place + motions.starts[number]
            features = {s: np.asarray(v[here[0] : here[-1] + 1])[place - place[0]] for s, v in motions.features.items()}
            rest, valid = motions.rest[motions.shape[number]], motions.valid[here]
            if self.options.mirror and chance.random() < 0.5:
                features, rest = mirrored(features), mirrored_points(rest)
                valid = valid[:, [0, 2, 1, 3]]  # the hands change places
            rows.append({**self.normaliser.apply(features), "mask": first + np.arange(wide) < length, "valid": valid, "rest": rest})
        return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def fit_normaliser(motions: MotionSet, numbers: np.ndarray, mirror: bool) -> Normaliser:
    """Mean and scale over clips; with `mirror` over their mirror images too. Both hands get one, since they share a network."""
    chosen = numbers[:: max(1, len(numbers) // 1500)]  # enough for a mean, and few enough for memory
    clips = [motions.clip(int(n)) for n in chosen]
    if not mirror:
        found = Normaliser.fit(clips)
        flipped = Normaliser.fit([mirrored(c) for c in clips])
    else:
        found = flipped = Normaliser.fit([c for clip in clips for c in (clip, mirrored(clip))])
    mean, scale = dict(found.mean), dict(found.scale)
    mean["right_hand"] = (found.mean["right_hand"] + flipped.mean["right_hand"]) / 2
    scale["right_hand"] = np.maximum(found.scale["right_hand"], flipped.scale["right_hand"])
    both = mirrored({s: mean[s] for s in STREAMS})
    return Normaliser({**mean, "left_hand": both["left_hand"]}, {**scale, "left_hand": scale["right_hand"]})


def loss_terms(made: Mapping[str, Any], batch: Mapping[str, Any], mean: Mapping[str, Any], scale: Mapping[str, Any], few: slice) -> dict[str, Any]:
    """The terms of the loss, weighted. made, batch: stream -> (B, T, width) normalised; batch also mask, valid, rest; mean, scale of the features.

    Kinematics run on the frames `few`.
    """
    import torch

    from ..tokens.skeleton import points

    def average(values: Any, weight: Any) -> Any:
        return (values * weight).sum() / (weight.sum().clamp_min(1.0) * (values.numel() / weight.numel()))

    features = velocity = torch.zeros((), device=batch["mask"].device)
    for k, stream in enumerate(STREAMS):
        seen = (batch["mask"] & batch["valid"][..., k]).float()[..., None]
        difference = made[stream] - batch[stream]
        features = features + FEATURES[stream] * average(torch.nn.functional.smooth_l1_loss(made[stream], batch[stream], beta=0.5, reduction="none"), seen)
        velocity = velocity + FEATURES[stream] * average((difference[:, 1:] - difference[:, :-1]).abs(), seen[:, 1:])
    whole = {s: made[s][:, few] * scale[s] + mean[s] for s in STREAMS}
    whole_true = {s: batch[s][:, few] * scale[s] + mean[s] for s in STREAMS}
    found, hands = points(whole, batch["rest"])
    with torch.no_grad():
        true, true_hands = points(whole_true, batch["rest"])
    mask, valid = batch["mask"][:, few], batch["valid"][:, few]
    body = (mask & valid[..., 0]).float()[..., None]
    weight = torch.full((found.shape[2],), 1.0, device=found.device)
    weight[_HAND_POINTS] = 2.0
    distance = (found - true).square().sum(-1).add(1e-8).sqrt() * weight
    drift = (found - true)[:, 1:] - (found - true)[:, :-1]
    speed = drift.square().sum(-1).add(1e-8).sqrt() * weight
    local = (hands - true_hands).square().sum(-1).add(1e-8).sqrt()
    each = (mask[..., None] & valid[..., 1:3]).float()[..., None]
    return {
        "features": features, "velocity": VELOCITY * velocity, "positions": POSITIONS * average(distance, body),
        "speed": SPEED * average(speed, body[:, 1:]), "hands": HANDS * average(local, each),
    }  # fmt: skip


class _Training:
    """Networks, optimisers and the loss of one training run."""

    def __init__(
        self, motions: MotionSet, options: Options, config: Config, folder: Path | None, progress: Progress | None, start: Tokenizer | None = None
    ) -> None:
        import torch

        from ..tokens.network import Network

        self.motions, self.options, self.config, self.start = motions, options, config, start
        self.device = device_for(options.device)
        numbers = motions.clips("train")
        if not len(numbers):
            raise InputError("tokenizer: no clips to train on")
        self.normaliser = fit_normaliser(motions, numbers, options.mirror) if start is None else start.normaliser
        self.windows = Windows(motions, numbers, self.normaliser, options)
        torch.manual_seed(options.seed)
        self.network = Network(config)
        if start is not None:
            self.network.load_state_dict(start.network.state_dict())
        self.network.to(self.device)
        self.mean = {s: torch.from_numpy(v).to(self.device) for s, v in self.normaliser.mean.items()}
        self.scale = {s: torch.from_numpy(v).to(self.device) for s, v in self.normaliser.scale.items()}
        said = [{k: v for k, v in asdict(options).items() if k not in _FREE}, plain(config), motions.fingerprint, start.id if start else None]
        fingerprint = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        self.run = Run(
            "tokenizer", self.network, self._optimisers(), self.loss, options, fingerprint=fingerprint, other="clips, networks or options", folder=folder,
            report=progress, copied=lambda name: ".quantiser." in name,  # codebooks are running means already
        )  # fmt: skip

    def _optimisers(self) -> list[Any]:
        import torch

        hidden: list[Any] = []
        rest: list[Any] = []
        for name, value in self.network.named_parameters():
            inner = value.ndim == 2 and (".encoder." in name or ".decoder." in name)
            (hidden if inner and self.options.optimiser == "muon" else rest).append(value)
        made: list[Any] = [torch.optim.AdamW(rest, lr=self.options.rate, betas=(0.9, 0.98), weight_decay=self.options.weight_decay)]
        if hidden:
            # scaled so that its steps are as large as AdamW's at the same rate
            made.append(torch.optim.Muon(hidden, lr=self.options.rate, weight_decay=self.options.weight_decay, adjust_lr_fn="match_rms_adamw"))
        return made

    def go(self) -> Result:
        log = self.run.go()
        facts = {
            **({} if self.start is None else {"start": self.start.id}), "clips": int(len(self.windows.numbers)), "data": self.motions.fingerprint,
            "options": {k: v for k, v in asdict(self.options).items() if k not in _FREE}, "log": log[-1:],
        }  # fmt: skip
        return Result(Tokenizer(self.config, self.normaliser, half(self.network), facts), log)

    def loss(self, step: int) -> dict[str, Any]:
        """The terms of `loss_terms`; "aim" is what is minimised, with positions ramped up; "loss" is without the ramp, so that steps can be compared."""
        import torch

        batch = {k: torch.from_numpy(v).to(self.device) for k, v in self.windows.batch(step).items()}
        made, _, commitment = self.network(batch, batch["mask"][:, :: self.config.frames_per_token].float())
        count = min(self.options.position_frames, self.options.window)
        start = int(np.random.default_rng([self.options.seed, 4, step]).integers(self.options.window - count + 1))
        terms = loss_terms(made, batch, self.mean, self.scale, slice(start, start + count))
        ramp = 0.1 + 0.9 * step / self.options.steps
        aim = sum(v * (ramp if k in RAMPED else 1.0) for k, v in terms.items()) + COMMITMENT * commitment
        return {"aim": aim, "loss": sum(terms.values()), **terms}


_FREE = ("device", "threads")  # options that do not make it another run


def evaluate(tokenizer: Tokenizer, motions: MotionSet, part: str = "test", *, limit: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """How well the tokenizer gives the clips of a part back; `limit`: at most so many, evenly over them, 0 for all.

    Returns clips, frames, mpjpe_mm and mpjpe_pa_mm by group of points (`tokens.metrics.GROUPS`; hands: mean of both), face_error (mean difference of the 52
    ARKit coefficients, which are from 0 to 1), jitter of what went in and came out (m/s^3), and by stream the codebooks' used_share and perplexity, means
    over the codes of a token. Every clip is encoded as a whole; positions are those of its own signer's shape and pelvis-rooted. Raises InputError for a
    part without clips.
    """
    import torch

    from ..tokens.skeleton import points

    numbers = motions.clips(part)
    if not len(numbers):
        raise InputError(f"tokenizer: no clips of the part {part!r}")
    if limit and len(numbers) > limit:
        numbers = numbers[np.linspace(0, len(numbers) - 1, limit).round().astype(int)]
    plain: dict[str, list[np.ndarray]] = {g: [] for g in GROUPS}
    aligned: dict[str, list[np.ndarray]] = {g: [] for g in GROUPS}
    codes: dict[str, list[np.ndarray]] = {s: [] for s in tokenizer.streams}
    faces: list[np.ndarray] = []
    shaking: list[tuple[float, float, int]] = []

    def positions(features: Mapping[str, np.ndarray], rest: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            given = {s: torch.from_numpy(np.asarray(v, dtype=np.float64))[None] for s, v in features.items()}
            found: np.ndarray = points(given, torch.from_numpy(rest.astype(np.float64))[None])[0][0].numpy()
        return found

    for k, number in enumerate(numbers, start=1):
        features = motions.clip(int(number))
        tokens = tokenizer.encode_features(features)
        rest = motions.rest[motions.shape[number]]
        back = tokenizer.decode_features(tokens)
        true, made = positions(features, rest), positions(back, rest)
        faces.append(np.abs(np.clip(back["face"][:, FACE], 0.0, 1.0) - features["face"][:, FACE]).mean(axis=1))
        for group, which in GROUPS.items():
            plain[group].append(distances(made[:, which], true[:, which]).mean(axis=1))
            aligned[group].append(aligned_distances(made[:, which], true[:, which]).mean(axis=1))
        for stream, values in tokens.codes.items():
            codes[stream].append(values)
        shaking.append((jitter(true, motions.fps), jitter(made, motions.fps), len(true)))
        if progress:
            progress(k / len(numbers), f"clip {k} of {len(numbers)}")
    frames = sum(n for _, _, n in shaking)

    def means(table: dict[str, list[np.ndarray]]) -> dict[str, float]:
        out = {group: float(np.concatenate(values).mean()) for group, values in table.items()}
        return {**out, "hands": (out["left_hand"] + out["right_hand"]) / 2}

    use = {}
    for stream, parts in codes.items():
        each = [codebook_use(column, tokenizer.size) for column in np.concatenate(parts).T]
        use[stream] = {"used_share": float(np.mean([u for u, _ in each])), "perplexity": float(np.mean([p for _, p in each]))}
    return {
        "part": part, "clips": int(len(numbers)), "frames": frames, "mpjpe_mm": means(plain), "mpjpe_pa_mm": means(aligned),
        "face_error": float(np.concatenate(faces).mean()),
        "jitter": {"true": sum(a * n for a, _, n in shaking) / frames, "tokens": sum(b * n for _, b, n in shaking) / frames},
        "codebooks": {"size": tokenizer.size, **use},
    }  # fmt: skip
