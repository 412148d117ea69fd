"""Trains the heads of `text.classifier`, and with them low-rank adapters on the encoder or the whole of it.

First the heads learn on sentence vectors computed once; then, if wished for, adapters (or all weights) of the encoder learn with them at a smaller rate. A
tenth of the sentences is kept aside to choose the best epoch and the temperatures. Every epoch leaves a checkpoint from which `resume` goes on bit by bit.
"""

from __future__ import annotations

import copy
import json
import math
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..model_files import read_checkpoint, whole_folder, write_checkpoint
from ..text.adapters import targets
from ..text.classifier import CONFIG, DROPOUT, ENCODER, FORMAT, HEADS, HIDDEN, VERSION, WEIGHTS, probabilities
from ..text.encoder import Encoder, pool, quiet_threads
from .table import Example, check_classes


@dataclass(frozen=True)
class Options:
    """epochs: of the heads alone; encoder_epochs: of heads and encoder together; rank: of the adapters, 0 for none; unfreeze: train the whole encoder
    in place of adapters; heads: which are trained."""

    epochs: int = 15
    encoder_epochs: int = 8
    rank: int = 8
    unfreeze: bool = False
    rate: float = 1e-3
    encoder_rate: float = 1e-3
    batch: int = 32
    weight_decay: float = 0.02
    smoothing: float = 0.05
    validation: float = 0.1
    seed: int = 0
    device: str = "auto"
    threads: int = 2
    heads: tuple[str, ...] = tuple(HEADS)


@dataclass
class Result:
    """weights and config as they are saved; log: one dict an epoch; encoder: the one that was trained as a whole, or None."""

    weights: dict[str, np.ndarray]
    config: dict[str, Any]
    log: list[dict[str, float]] = field(default_factory=list)
    encoder: Encoder | None = None


class Network:
    """Heads (and adapters) as torch modules around an encoder."""

    def __init__(self, encoder: Encoder, options: Options, device: Any) -> None:
        import torch
        from torch import nn

        # a model of its own: the encoder that was handed in stays as it is, whatever comes of the training
        self.encoder, self.options, self.device = encoder.changed(copy.deepcopy(encoder.model).to(device), "+trained"), options, device
        torch.manual_seed(options.seed)
        self.heads = nn.ModuleDict(
            {
                f"to_{head}": nn.Sequential(nn.Linear(encoder.dimension, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, len(labels)))
                for head, labels in HEADS.items()
            }
        ).to(device)
        self.adapters = nn.ParameterDict()

    def add_adapters(self) -> None:
        """Puts a low-rank product beside every layer of `targets`: zero at first, so that nothing changes."""
        import torch
        from torch import nn

        generator = torch.Generator().manual_seed(self.options.seed + 1)
        for name, layer in targets(self.encoder.model).items():
            wide, out = layer.in_features, layer.out_features
            key = name.replace(".", "/")  # a ParameterDict takes no dots
            down = nn.Parameter((torch.randn(self.options.rank, wide, generator=generator) / math.sqrt(wide)).to(self.device))
            up = nn.Parameter(torch.zeros(out, self.options.rank, device=self.device))
            self.adapters[f"{key}:down"], self.adapters[f"{key}:up"] = down, up
            layer.register_forward_hook(lambda _m, given, made, d=down, u=up: made + self.scale * (given[0] @ d.T) @ u.T)

    @property
    def scale(self) -> float:
        return 16.0 / max(1, self.options.rank)

    def parameters(self, stage: str) -> list[dict[str, Any]]:
        groups = [{"params": list(self.heads.parameters()), "lr": self.options.rate if stage == "heads" else self.options.rate * 0.3}]
        if stage == "encoder":
            own = list(self.encoder.model.requires_grad_(True).parameters()) if self.options.unfreeze else list(self.adapters.values())
            groups.append({"params": own, "lr": self.options.encoder_rate * (0.1 if self.options.unfreeze else 1.0)})
        return groups

    def pooled(self, texts: Sequence[str]) -> Any:
        ids, mask = self.encoder.inputs(texts)
        return pool(self.encoder.model(ids, mask), mask)

    def state(self) -> dict[str, Any]:
        out = {f"heads.{k}": v for k, v in self.heads.state_dict().items()}
        out |= {f"adapters.{k}": v.detach() for k, v in self.adapters.items()}
        if self.options.unfreeze:
            out |= {f"encoder.{k}": v for k, v in self.encoder.model.state_dict().items()}
        return {k: v.detach().cpu().clone().contiguous() for k, v in out.items()}

    def load(self, state: dict[str, Any]) -> None:
        import torch

        def part(prefix: str) -> dict[str, Any]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        self.heads.load_state_dict(part("heads."))
        with torch.no_grad():
            for key, value in part("adapters.").items():
                self.adapters[key].copy_(value)
        if self.options.unfreeze and part("encoder."):
            self.encoder.model.load_state_dict(part("encoder."))

    def export(self, trained: Sequence[str] = tuple(HEADS)) -> dict[str, np.ndarray]:
        """The heads and adapters under the names of the weight file, in half precision. A head that learned nothing says so: all its labels are alike."""
        out: dict[str, np.ndarray] = {}
        module: Any
        for key, module in self.heads.items():
            head = key.removeprefix("to_")
            for k, place in enumerate((0, 3)):
                out[f"{head}.{k}.weight"] = module[place].weight.detach().cpu().numpy()
                out[f"{head}.{k}.bias"] = module[place].bias.detach().cpu().numpy()
            if head not in trained:
                out |= {f"{head}.1.{part}": np.zeros_like(out[f"{head}.1.{part}"]) for part in ("weight", "bias")}
        for key, value in self.adapters.items():
            name, part = key.split(":")
            out[f"adapter.{name.replace('/', '.')}.{part}"] = value.detach().cpu().numpy()
        return {k: v.astype(np.float16) for k, v in out.items()}


def train(
    examples: Sequence[Example], encoder: Encoder, options: Options = Options(), *, checkpoint: Path | None = None,  # noqa: B008 - frozen
    progress: Callable[[float, str], None] | None = None,
) -> Result:  # fmt: skip
    """Trains on labelled sentences. checkpoint: a folder that holds the state after every epoch, and from which an interrupted run goes on.

    Raises InputError for a head with one class, or where sentences are too few to keep some aside.
    """
    import torch

    counts = check_classes(examples, options.heads)
    if len(examples) < 20:
        raise InputError(f"{len(examples)} sentences are too few to train on; at least 20 are needed")
    run = _Run(list(examples), Network(encoder, options, _device(options.device)), options, checkpoint, progress)
    with quiet_threads(options.threads):
        torch.manual_seed(options.seed)
        temperatures, validation, log = run.go()
    network = run.network
    network.encoder.model.requires_grad_(False).to("cpu")
    config = {
        "format": FORMAT, "version": VERSION, "encoder": encoder.name, "fingerprint": encoder.fingerprint,
        "dimension": encoder.dimension, "hidden": HIDDEN, "dropout": DROPOUT,
        "labels": {h: list(v) for h, v in HEADS.items()}, "temperatures": temperatures,
        "adapters": {"rank": options.rank, "scale": network.scale} if network.adapters else None,
        "training": {
            "sentences": len(examples), "sources": _sources(examples), "classes": counts, "validation": validation,
            "options": {k: v for k, v in asdict(options).items() if k not in ("device", "threads")},
        },
    }  # fmt: skip
    return Result(network.export([h for h in options.heads if counts[h]]), config, log, network.encoder if options.unfreeze else None)


def _sources(examples: Iterable[Example]) -> dict[str, int]:
    out: dict[str, int] = {}
    for example in examples:
        out[example.source] = out.get(example.source, 0) + 1
    return out


def _device(wish: str) -> Any:
    import torch

    if wish == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no CUDA device here")
    return torch.device("cuda" if wish == "cuda" or (wish == "auto" and torch.cuda.is_available()) else "cpu")


class _Run:
    """One training run: its split, its epochs, its checkpoints."""

    def __init__(
        self, examples: list[Example], network: Network, options: Options, folder: Path | None, progress: Callable[[float, str], None] | None
    ) -> None:
        import torch

        self.network, self.options, self.folder = network, options, folder
        self.report = progress or (lambda share, text: None)
        order = np.random.default_rng([options.seed, 1]).permutation(len(examples))
        kept = max(4, round(options.validation * len(examples)))
        self.texts = [e.text for e in examples]
        self.held, self.used = order[:kept], order[kept:]
        self.target = {
            head: torch.tensor([HEADS[head].index(e.labels[head]) if head in e.labels and head in options.heads else -1 for e in examples]) for head in HEADS
        }
        self.log: list[dict[str, float]] = []
        self.best = (-1.0, network.state())
        self.stages = ["heads"] * options.epochs
        if options.encoder_epochs and (options.rank or options.unfreeze):
            self.stages += ["encoder"] * options.encoder_epochs

    def go(self) -> tuple[dict[str, float], dict[str, float], list[dict[str, float]]]:
        import torch

        vectors = torch.from_numpy(self.network.encoder.embed(self.texts, threads=self.options.threads)).to(self.network.device)
        start = self._resume()
        began, first = time.monotonic(), start
        optimiser: Any = None
        before = ""
        for epoch in range(len(self.stages)):
            stage = self.stages[epoch]
            if stage != before:
                began, first = time.monotonic(), max(epoch, start)
                if stage == "encoder" and epoch >= start:
                    self.network.load(self.best[1])  # the encoder starts from the best heads
                if stage == "encoder" and not self.options.unfreeze and not self.network.adapters:
                    self.network.add_adapters()
                optimiser = torch.optim.AdamW(self.network.parameters(stage), weight_decay=self.options.weight_decay)
                for group in optimiser.param_groups:
                    group["initial_lr"] = group["lr"]
                before = stage
            if epoch < start:
                continue
            if epoch == start and start and self.stages[start - 1] == stage:  # a new stage has a new optimiser
                self._load_optimiser(optimiser)
            loss = self._epoch(epoch, stage, vectors, optimiser)
            scores = self._scores(vectors if stage == "heads" else None)
            mean = float(np.mean([v for v in scores.values()]))
            if mean >= self.best[0]:  # of equals the later one, at a smaller rate
                self.best = (mean, self.network.state())
            self.log.append({"epoch": epoch, "loss": loss, **{f"validation_{k}": v for k, v in scores.items()}})
            self._save(epoch + 1, optimiser)
            left = (time.monotonic() - began) / (epoch + 1 - first) * self.stages[epoch + 1 :].count(stage)
            said = f"{stage} {epoch + 1}/{len(self.stages)}  loss {loss:.3f}  held aside {mean:.3f}  {left:.0f} s of this stage left"
            self.report((epoch + 1) / len(self.stages), said)
        self.network.load(self._fit(self.best[1]))
        logits = self._logits(self.held, None if self.network.adapters or self.options.unfreeze else vectors)
        return self._temperatures(logits), self._accuracies(logits), self.log

    def _fit(self, state: dict[str, Any]) -> dict[str, Any]:
        """The best epoch may lie before there were adapters: then they are as at first, without effect."""
        import torch

        for key, value in self.network.adapters.items():
            state.setdefault(f"adapters.{key}", value.detach().clone() if key.endswith(":down") else torch.zeros_like(value))
        return state

    def _batches(self, epoch: int, stage: str) -> list[np.ndarray]:
        """The rows of each step, shuffled; where the encoder runs, sentences of like length go together, because padding costs as much as words."""
        chance, size = np.random.default_rng([self.options.seed, 2, epoch]), self.options.batch
        order = self.used[chance.permutation(len(self.used))]
        if stage == "encoder":
            chunks = [order[k : k + 12 * size] for k in range(0, len(order), 12 * size)]
            order = np.concatenate([sorted(chunk, key=lambda i: len(self.texts[i])) for chunk in chunks])
        batches = [order[k : k + size] for k in range(0, len(order), size)]
        return [batches[i] for i in chance.permutation(len(batches))]

    def _pace(self, epoch: int, stage: str, within: float) -> float:
        """Share of the learning rate: up over the first twentieth of a stage, then down in a line."""
        done = (self.stages[:epoch].count(stage) + within) / self.stages.count(stage)
        return min(done / 0.05 + 0.01, (1.0 - done) / 0.95 + 0.01, 1.0)

    def _epoch(self, epoch: int, stage: str, vectors: Any, optimiser: Any) -> float:
        import torch
        from torch.nn.functional import cross_entropy

        torch.manual_seed(self.options.seed * 1000 + epoch)  # dropout of this epoch, whenever it runs
        batches = self._batches(epoch, stage)
        self.network.heads.train()
        self.network.encoder.model.train(stage == "encoder")
        total, steps = 0.0, 0
        for step, rows in enumerate(batches):
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * self._pace(epoch, stage, step / len(batches))
            features = vectors[rows] if stage == "heads" else self.network.pooled([self.texts[i] for i in rows])
            loss = torch.zeros((), device=self.network.device)
            for head in self.options.heads:
                target = self.target[head][rows].to(self.network.device)
                if (target >= 0).any():  # a head without any label in the batch has nothing to say
                    known = target >= 0
                    share = known.float().mean()
                    guess = self.network.heads[f"to_{head}"](features[known])
                    loss = loss + share * cross_entropy(guess, target[known], label_smoothing=self.options.smoothing)
            if not loss.requires_grad:
                continue
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], 1.0)
            optimiser.step()
            total, steps = total + float(loss.detach()), steps + 1
        self.network.heads.eval()
        self.network.encoder.model.eval()
        return total / max(steps, 1)

    def _logits(self, rows: np.ndarray, vectors: Any) -> dict[str, np.ndarray]:
        import torch

        with torch.inference_mode():
            if vectors is not None:
                features = vectors[rows]
            else:
                parts = [self.network.pooled([self.texts[i] for i in rows[k : k + 64]]) for k in range(0, len(rows), 64)]
                features = torch.cat(parts)
            return {head: self.network.heads[f"to_{head}"](features).cpu().numpy() for head in HEADS}

    def _accuracies(self, logits: dict[str, np.ndarray]) -> dict[str, float]:
        out = {}
        for head in self.options.heads:
            target = self.target[head][self.held].numpy()
            if (target >= 0).any():
                out[head] = float((logits[head].argmax(axis=1) == target)[target >= 0].mean())
        return out

    def _scores(self, vectors: Any) -> dict[str, float]:
        return self._accuracies(self._logits(self.held, vectors))

    def _temperatures(self, logits: dict[str, np.ndarray]) -> dict[str, float]:
        """The temperature of each head that makes the held labels likeliest, from a fine grid."""
        out = {}
        for head in HEADS:
            target = self.target[head][self.held].numpy()
            known = target >= 0
            grid = np.geomspace(0.2, 5.0, 161)
            if known.sum() < 10:
                out[head] = 1.0
                continue
            losses = [-np.log(probabilities(logits[head][known], t)[np.arange(known.sum()), target[known]] + 1e-12).mean() for t in grid]
            out[head] = round(float(grid[int(np.argmin(losses))]), 4)
        return out

    # -- checkpoints ------------------------------------------------------------------------------------------------------------

    def _fingerprint(self) -> str:
        import hashlib

        said = json.dumps([{k: v for k, v in asdict(self.options).items() if k != "threads"}, self.network.encoder.name, self.texts])
        return hashlib.sha256(said.encode()).hexdigest()

    def _save(self, done: int, optimiser: Any) -> None:
        if self.folder is None:
            return
        tensors = {f"now/{k}": v for k, v in self.network.state().items()} | {f"best/{k}": v for k, v in self.best[1].items()}
        for i, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{i}/{k}": v.detach().cpu().reshape(-1) if v.ndim == 0 else v.detach().cpu() for k, v in state.items()}
        note = {"done": str(done), "best": repr(self.best[0]), "log": json.dumps(self.log), "run": self._fingerprint()}
        write_checkpoint(self.folder, tensors, note)

    def _resume(self) -> int:
        """The epoch to start with; 0 where there is no checkpoint of this very run."""
        found = read_checkpoint(self.folder, self._fingerprint(), "sentences or options")
        if found is None:
            return 0
        self.tensors, note = found
        done = int(note["done"])
        if done > self.options.epochs and not self.options.unfreeze and self.options.rank:
            self.network.add_adapters()
        self.network.load({k.removeprefix("now/"): v for k, v in self.tensors.items() if k.startswith("now/")})
        self.best = (float(note["best"]), {k.removeprefix("best/"): v for k, v in self.tensors.items() if k.startswith("best/")})
        self.log = json.loads(note["log"])
        return done

    def _load_optimiser(self, optimiser: Any) -> None:
        state: dict[int, dict[str, Any]] = {}
        for name, value in self.tensors.items():
            if name.startswith("optimiser/"):
                _, index, key = name.split("/")
                state.setdefault(int(index), {})[key] = value.reshape(()) if key == "step" else value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _save_encoder(encoder: Encoder, place: Path) -> None:
    """A Hugging Face folder: settings and tokenizer as they were, weights as they are."""
    from safetensors.torch import save as dump

    place.mkdir()
    for path in encoder.folder.iterdir():
        if path.suffix in (".json", ".txt", ".model") and not path.name.endswith(".index.json"):
            shutil.copyfile(path, place / path.name)
    weights = {name.removeprefix("model."): value.contiguous() for name, value in encoder.model.state_dict().items()}
    (place / WEIGHTS).write_bytes(dump(weights, {"format": "pt"}))


def save(result: Result, folder: Path, evaluation: dict[str, Any] | None = None) -> Path:
    """Writes the classifier folder whole or not at all. Raises OutputError."""
    from safetensors.numpy import save as dump

    config = {**result.config, **({"evaluation": evaluation} if evaluation else {})}
    folder = Path(folder)
    with whole_folder(folder) as place:
        (place / WEIGHTS).write_bytes(dump(dict(sorted(result.weights.items()))))  # the library's own writer hides files from other users
        (place / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        if result.encoder is not None:
            _save_encoder(result.encoder, place / ENCODER)
    return folder
