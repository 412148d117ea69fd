"""Trains the recogniser of `recognition`: the sign network on signs cut out of corpora, the motion auto-encoder on windows of their clips.

Signs vary in place, size, timing and noise from step to step. Left-handed signers are mirrored for the sign network, which is told who is, and stay as they are
for the auto-encoder. What is saved is the running mean of the weights; a checkpoint every so many steps lets a run go on bit by bit.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, MachineError
from ..kinematics.rotations import axis_angle_to_matrix
from ..model_files import plain
from ..recognition.labels import FEATURES, GLOSS, HEADS, NONE
from ..recognition.points import HAND, NUM_POINTS, at, mirrored
from ..recognition.recogniser import Recogniser, places
from ..tokens.tokenizer import half
from .drill import JOINED
from .run import Progress, Run, device_for
from .sign_data import SignSet

if TYPE_CHECKING:
    from ..recognition.network import Config

WEIGHTS = {GLOSS: 1.0, "handshape": 1.0, "major_location": 0.5, "minor_location": 1.0, "movement": 1.0, "sign_type": 0.5}
SMOOTHING = 0.05
IGNORED = -100
_FREE = ("device", "threads")  # options that do not make it another run


@dataclass(frozen=True)
class Options:
    """steps: of `batch` signs. encoder_steps: of `batch` windows. rate: learning rate at its highest. average: decay of the running mean of the weights. rare:
    signs that occur less often in the training part have no gloss. none: share of the signs that are none of the lexicon's. variation: 1.0 for the usual
    amount, 0.0 for none. elsewhere: share of the signs whose hands are moved to another place, for what does not depend on the place. save_every: steps
    between checkpoints. threads: on the CPU.
    """

    steps: int = 1100
    encoder_steps: int = 1000
    batch: int = 128
    rate: float = 3e-3
    weight_decay: float = 0.02
    average: float = 0.995
    rare: int = 3
    none: float = 0.05
    variation: float = 1.0
    elsewhere: float = 0.4
    seed: int = 0
    save_every: int = 100
    device: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        if min(self.steps, self.encoder_steps, self.save_every, self.threads, self.rare) < 1 or self.batch < 2:
            raise InputError("recogniser: steps, encoder_steps, save_every, threads and rare must be at least 1, batch 2")
        if not 0.0 < self.rate <= 1.0 or not 0.0 <= self.average < 1.0 or not 0.0 <= self.none < 1.0:
            raise InputError("recogniser: rate must be above 0 and at most 1, average and none from 0 to below 1")
        if not 0.0 <= self.elsewhere <= 1.0 or not 0.0 <= self.variation <= 10.0:
            raise InputError("recogniser: elsewhere must be from 0 to 1, variation from 0 to 10")


@dataclass
class Result:
    """recogniser: ready to be saved. log, encoder_log: one dict each `save_every` steps."""

    recogniser: Recogniser
    log: list[dict[str, float]] = field(default_factory=list)
    encoder_log: list[dict[str, float]] = field(default_factory=list)


def train(
    signs: SignSet, options: Options, config: Config | None = None, *, start: Recogniser | None = None, checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Result:  # fmt: skip
    """Trains on the signs of the part "train". config: its labels are set here. start: to begin with its weights in place of random ones, heads included, so it
    must have the same networks and labels (the auto-encoder's other half, which is not kept, begins anew). checkpoint: a folder for the state of both networks.

    Raises InputError for data without training signs, a start of other networks or labels, a checkpoint of another run, or where the loss stops being a number;
    MachineError for a missing package or device.
    """
    import torch

    try:
        from ..recognition.network import Config, MotionDecoder, MotionEncoder, SignNetwork
    except ImportError as problem:
        raise MachineError(f"the recogniser needs the package {problem.name}; `python3 build.py setup` installs it") from None
    labels = labels_of(signs, options.rare)
    config = Config(labels) if config is None else replace(config, labels=labels)
    if start is not None and start.config != config:
        raise InputError("recogniser: start: has other networks or labels than these signs ask for")
    device = device_for(options.device)
    report = progress or (lambda share, text: None)
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    said = json.dumps([_kept(options), plain(config), signs.fingerprint, start and start.id], sort_keys=True)
    fingerprint = hashlib.sha256(said.encode()).hexdigest()
    part = options.steps / (options.steps + 0.6 * options.encoder_steps)

    def run(what: str, network: Any, loss: Callable[[int], dict[str, Any]], given: Options, start: float, share: float) -> list[dict[str, float]]:
        matrices = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": given.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return Run(
            f"recogniser: {what}", network, [torch.optim.AdamW(groups, lr=given.rate)], loss, given, fingerprint=f"{what} {fingerprint}",
            other="signs, networks or options", folder=None if checkpoint is None else Path(checkpoint) / what,
            report=lambda done, text: report(start + share * done, f"{what}: {text}"),
        ).go()  # fmt: skip

    try:
        torch.manual_seed(options.seed)
        coder = torch.nn.ModuleDict({"encoder": MotionEncoder(config), "decoder": MotionDecoder(config)}).to(device)
        network = SignNetwork(config).to(device)
        if start is not None:
            network.load_state_dict(start.network.signs.state_dict())
            coder["encoder"].load_state_dict(start.network.encoder.state_dict())
        windows, cut = Windows(signs, config, options), Signs(signs, config, options)

        def coded(step: int) -> dict[str, Any]:
            x = torch.from_numpy(windows.batch(step)).to(device)
            error = (coder["decoder"](coder["encoder"](x)) - x).square().sum(-1)
            return {"loss": error.mean() * 100.0, "distance": error.detach().add(1e-9).sqrt().mean()}

        def told(step: int) -> dict[str, Any]:
            x, labels = cut.batch(step)
            found = network(torch.from_numpy(x).to(device))
            terms: dict[str, Any] = {}
            for head in HEADS:
                wanted = torch.from_numpy(labels[head]).to(device)
                smooth = SMOOTHING if head == GLOSS else 0.5 * SMOOTHING
                summed = torch.nn.functional.cross_entropy(found[head], wanted, ignore_index=IGNORED, label_smoothing=smooth, reduction="sum")
                terms[head] = WEIGHTS[head] * summed / max(1, int((labels[head] != IGNORED).sum()))
            return {"loss": torch.stack(list(terms.values())).sum(), **{k: v.detach() for k, v in terms.items()}}

        log = run("signs", network, told, options, 0.0, part)
        encoder_log = run("encoder", coder, coded, replace(options, steps=options.encoder_steps), part, 1.0 - part)
        weights = {f"signs.{k}": v for k, v in half(network).items()} | {f"encoder.{k}": v for k, v in half(coder["encoder"]).items()}
    finally:
        torch.set_num_threads(before)
    facts = {
        "signs": int(len(cut.numbers)), "data": signs.fingerprint, "options": _kept(options), "start": start and {"id": start.id, **start.facts},
        "log": log[-1:], "encoder_log": encoder_log[-1:],
    }  # fmt: skip
    return Result(Recogniser(config, weights, facts), log, encoder_log)


def labels_of(signs: SignSet, rare: int) -> dict[str, tuple[str, ...]]:
    """Head -> labels, from the training part: signs that occur at least `rare` times and all values of the features."""
    numbers = signs.of("train")
    if not len(numbers):
        raise InputError("recogniser: no signs to train on")
    counts = Counter(str(g) for g in signs.gloss[numbers] if g != NONE and JOINED not in g)
    labels = {GLOSS: (NONE, *sorted(g for g, n in counts.items() if n >= rare))}
    for head in FEATURES:
        labels[head] = tuple(sorted({str(v) for v in signs.features[head][numbers]} - {""}))
    if any(len(v) < 2 for v in labels.values()):
        raise InputError("recogniser: the training signs do not differ in " + ", ".join(h for h, v in labels.items() if len(v) < 2))
    return labels


class Signs:
    """Signs of the training part; what step n gets depends on seed and n alone."""

    def __init__(self, signs: SignSet, config: Config, options: Options) -> None:
        self.signs, self.config, self.options = signs, config, options
        self.numbers = signs.of("train")
        self.labels = {}
        for head in HEADS:
            place = {label: k for k, label in enumerate(config.labels[head])}
            told = (signs.gloss if head == GLOSS else signs.features[head])[self.numbers]
            self.labels[head] = np.array([place.get(str(v), IGNORED) for v in told], dtype=np.int64)
        none = signs.gloss[self.numbers] == NONE
        weight = np.where(none, options.none / max(1, none.sum()), (1.0 - options.none) / max(1, (~none).sum()))
        self.chances = weight / weight.sum()

    def batch(self, step: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Points (B, frames, K, 3), head -> labels (B,)."""
        chance = np.random.default_rng([self.options.seed, 11, step])
        rows = chance.choice(len(self.numbers), size=self.options.batch, p=self.chances)
        much = self.options.variation
        numbers, count = self.numbers[rows], len(rows)
        times = self.signs.times[numbers]
        length = np.diff(times, axis=1)
        times = times + np.clip(chance.normal(scale=0.04 * much, size=(count, 2)), -0.15 * length, 0.15 * length)
        where = places(times, self.config, self.signs.fps)
        span = where[:, -1:] - where[:, :1]
        bend = chance.normal(scale=0.04 * much, size=(count, 1)).clip(-0.12, 0.12)
        where = where + bend * span * np.sin(np.pi * np.linspace(0.0, 1.0, self.config.frames))
        points, labels = cut_out(self.signs, numbers, where), {head: v[rows] for head, v in self.labels.items()}
        moved = np.flatnonzero(chance.random(count) < self.options.elsewhere)
        points[moved] = elsewhere(points[moved], chance)
        for head in (GLOSS, "major_location", "minor_location"):
            labels[head][moved] = IGNORED
        # the same path the other way round is as straight or curved as before, but begins with another handshape
        back = moved[chance.random(len(moved)) < 0.5]
        points[back] = points[back, ::-1]
        labels["handshape"][back] = IGNORED
        return varied(points, chance, much), labels


def cut_out(signs: SignSet, numbers: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Signs (N, frames, K, 3) at places (N, frames) in frames of their clips, all right-handed."""
    out = np.empty((*where.shape, NUM_POINTS, 3), dtype=np.float32)
    for k, number in enumerate(numbers):
        clip = int(signs.clip[number])
        found = at(signs.motion(clip), where[k])
        out[k] = mirrored(found) if signs.left[clip] else found
    return out


def elsewhere(points: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Signs (N, F, K, 3) with both hands together turned about their middle and moved, so that neither place nor direction says what the sign is."""
    count = len(points)
    hands = points[:, :, : 2 * HAND]
    middle = hands[:, :, :HAND].mean(axis=(1, 2), keepdims=True)
    axis = chance.normal(size=(count, 3))
    turn = axis / np.linalg.norm(axis, axis=1, keepdims=True) * chance.normal(scale=0.5, size=(count, 1))
    matrix = axis_angle_to_matrix(turn).astype(np.float32)
    shift = chance.normal(scale=0.3, size=(count, 1, 1, 3)).astype(np.float32)
    out = points.copy()
    out[:, :, : 2 * HAND] = np.einsum("bfkd,bed->bfke", hands - middle, matrix, optimize=True) + middle + shift
    return out


def varied(points: np.ndarray, chance: np.random.Generator, much: float) -> np.ndarray:
    """As another signer might be seen: larger or smaller, turned a little, hands and single points a little elsewhere."""
    count = len(points)
    size = np.exp(chance.normal(scale=0.05 * much, size=(count, 1, 1, 1)) + chance.normal(scale=0.02 * much, size=(count, 1, 1, 3)))
    turn = chance.normal(scale=0.05 * much, size=count)
    cos, sin, zero, one = np.cos(turn), np.sin(turn), np.zeros(count), np.ones(count)
    matrix = np.array([[cos, zero, sin], [zero, one, zero], [-sin, zero, cos]]).transpose(2, 0, 1)
    made = np.einsum("bfkd,bed->bfke", points * size.astype(np.float32), matrix.astype(np.float32), optimize=True)
    moved = chance.normal(scale=0.006 * much, size=(count, 1, NUM_POINTS, 3))
    for hand in range(2):
        moved[:, :, hand * HAND : (hand + 1) * HAND] += chance.normal(scale=0.015 * much, size=(count, 1, 1, 3))
    shaken = chance.standard_normal(size=points.shape, dtype=np.float32) * np.float32(0.004 * much)
    return (made + moved.astype(np.float32) + shaken).astype(np.float32)


class Windows:
    """Windows of the training clips for the auto-encoder."""

    def __init__(self, signs: SignSet, config: Config, options: Options) -> None:
        self.signs, self.config, self.options = signs, config, options
        self.clips = np.flatnonzero(signs.parts == "train")
        lengths = np.diff(signs.starts)[self.clips].astype(np.float64)
        self.chances = lengths / lengths.sum()

    def batch(self, step: int) -> np.ndarray:
        """(B, window, K, 3)."""
        chance = np.random.default_rng([self.options.seed, 12, step])
        wide, out = self.config.window, []
        for clip in chance.choice(self.clips, size=self.options.batch, p=self.chances):
            motion = self.signs.motion(int(clip))
            pace = self.signs.fps / self.config.fps
            # windows may end past the last frame, as those of whole clips do
            first = chance.uniform(0.0, max(1.0, len(motion) - 0.5 * wide * pace))
            out.append(at(motion, first + np.arange(wide) * pace))
        return varied(np.stack(out), chance, 0.5 * self.options.variation)


def _kept(options: Options) -> dict[str, Any]:
    return {k: v for k, v in asdict(options).items() if k not in _FREE}


def evaluate(recogniser: Recogniser, signs: SignSet, part: str = "test") -> dict[str, Any]:
    """How often it is right, in the signs of a part: for signs "seen" in training and for those "held_out", each with the number of `signs`, the share right of
    each feature, and for the seen ones that it has a gloss for `gloss` (share with the right gloss first) and `named` (how many). "none": the share of spelled
    words and numbers that it calls none. Signs that `train.drill` made of several are left out. Raises InputError for a part without signs.
    """
    numbers = signs.of(part)
    numbers = numbers[[JOINED not in str(g) for g in signs.gloss[numbers]]]
    if not len(numbers):
        raise InputError(f"recogniser: no signs of the part {part!r}")
    found = recogniser.read_points(cut_out(signs, numbers, places(signs.times[numbers], recogniser.config, signs.fps)))
    gloss = signs.gloss[numbers]
    right = {head: np.array([r.features[head] for r in found]) == signs.features[head][numbers] for head in FEATURES}
    first = np.array([r.gloss for r in found]) == gloss
    known = np.isin(gloss, list(set(recogniser.glosses) - {NONE}))
    kept_out = np.isin(gloss, list(signs.held_out))
    out: dict[str, Any] = {"part": part}
    for name, which in (("seen", ~kept_out & (gloss != NONE)), ("held_out", kept_out)):
        row: dict[str, Any] = {"signs": int(which.sum())}
        if which.any():
            row |= {head: float(right[head][which].mean()) for head in FEATURES}
        if (which & known).any():
            row |= {GLOSS: float(first[which & known].mean()), "named": int((which & known).sum())}
        out[name] = row
    if (gloss == NONE).any():
        out["none"] = float(first[gloss == NONE].mean())
    return out
