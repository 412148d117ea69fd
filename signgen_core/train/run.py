"""One training run: steps, a learning rate that rises and falls, clipped gradients, a running mean of the weights, checkpoints to go on from bit by bit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InputError, MachineError
from ..model_files import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    import torch

Progress = Callable[[float, str], None]


class Pace(Protocol):
    """What a run reads of its options. rate: learning rate at its highest. average: decay of the running mean of the weights."""

    @property
    def steps(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def average(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def save_every(self) -> int: ...


class Run:
    """Give it networks, optimisers and the loss of a step; `go` trains.

    loss: step number -> named terms, of which "loss" is minimised, or "aim" where there is one, which is not logged. copied: names of state that is taken
    over as it is and not averaged. fingerprint: of everything that decides the result, so that a checkpoint of another run is refused; other: in words what
    that differs in.
    """

    def __init__(
        self, what: str, network: torch.nn.Module, optimisers: Sequence[torch.optim.Optimizer], loss: Callable[[int], dict[str, Any]], options: Pace, *,
        fingerprint: str, other: str, folder: Path | None, report: Progress | None, copied: Callable[[str], bool] = lambda name: False,
    ) -> None:  # fmt: skip
        self.what, self.network, self.optimisers, self.loss, self.options = what, network, list(optimisers), loss, options
        self.fingerprint, self.other, self.folder, self.copied = fingerprint, other, folder, copied
        self.report = report or (lambda share, text: None)
        self.mean_state = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.log: list[dict[str, float]] = []

    def go(self) -> list[dict[str, float]]:
        """Trains to the end, puts the running mean into the network, and returns the log: one dict each `save_every` steps."""
        options, sums = self.options, dict[str, float]()
        first = self._resume()
        began, counted = time.monotonic(), 0
        for step in range(first, options.steps):
            for key, value in self._step(step).items():
                sums[key] = sums.get(key, 0.0) + value
            counted, done = counted + 1, step + 1
            if done % options.save_every == 0 or done == options.steps:
                # sums run from one checkpoint to the next, so that a log is the same however often a run was cut off
                since = done - (step // options.save_every) * options.save_every
                self.log.append({"step": float(done), **{k: v / since for k, v in sums.items()}})
                sums = {}
                self._save(done)
            if done % 10 == 0 or done == options.steps:
                left = (time.monotonic() - began) / counted * (options.steps - done)
                shown = self.log[-1]["loss"] if self.log else sums["loss"] / counted
                self.report(done / options.steps, f"step {done}/{options.steps}  loss {shown:.3f}  {left:.0f} s left")
        device = next(iter(self.network.state_dict().values())).device
        self.network.load_state_dict({k: v.to(device) for k, v in self.mean_state.items()})
        return self.log

    def _step(self, step: int) -> dict[str, float]:
        import torch

        torch.manual_seed(self.options.seed * 1_000_003 + step)  # whatever draws numbers draws the same, whenever this step runs
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.options.rate * self._pace(step)
        self.network.train()
        terms = self.loss(step)
        aim = terms.pop("aim", terms["loss"])
        if not torch.isfinite(aim):
            raise InputError(f"{self.what}: the loss is not a number at step {step + 1}; a smaller rate than {self.options.rate:g} may help")
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        aim.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        keep = min(self.options.average, step / (step + 10.0))  # a short memory at first, when all is still far off
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point() and not self.copied(name):
                    self.mean_state[name].lerp_(value, 1.0 - keep)
                else:
                    self.mean_state[name].copy_(value)
        return {k: float(v.detach()) for k, v in terms.items()}

    def _pace(self, step: int) -> float:
        """Share of the learning rate: up over the first steps, then down along half a cosine."""
        warm = max(1, min(200, self.options.steps // 10))
        share = step / max(1, self.options.steps)
        return min((step + 1) / warm, 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * share)))

    def _save(self, done: int) -> None:
        if self.folder is None:
            return
        tensors = {f"now/{k}": v for k, v in self.network.state_dict().items()} | {f"mean/{k}": v for k, v in self.mean_state.items()}
        for o, optimiser in enumerate(self.optimisers):
            for i, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser/{o}/{i}/{k}": v for k, v in state.items()}
        write_checkpoint(self.folder, tensors, {"done": str(done), "log": json.dumps(self.log), "run": self.fingerprint})

    def _resume(self) -> int:
        """The step to start with; 0 where there is no checkpoint."""
        found = read_checkpoint(self.folder, self.fingerprint, self.other)
        if found is None:
            return 0
        tensors, note = found
        self.network.load_state_dict(_part(tensors, "now/"))
        device = next(iter(self.network.state_dict().values())).device
        self.mean_state = {k: v.to(device) for k, v in _part(tensors, "mean/").items()}
        for o, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Any]] = {}
            for name, value in _part(tensors, f"optimiser/{o}/").items():
                index, key = name.split("/")
                state.setdefault(int(index), {})[key] = value
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        self.log = json.loads(note["log"])
        return int(note["done"])


def _part(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def device_for(wish: str) -> torch.device:
    """`auto`, `cpu` or `cuda`. Raises MachineError where there is no such device."""
    import torch

    if wish == "cuda" and not torch.cuda.is_available():
        raise MachineError("device cuda: torch finds no CUDA device here")
    return torch.device("cuda" if wish == "cuda" or (wish == "auto" and torch.cuda.is_available()) else "cpu")
