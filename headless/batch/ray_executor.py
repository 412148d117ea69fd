"""The tasks of a batch on a Ray cluster, whose machines need SignGen in the same version, and neither a disk nor folders in common.

A seat is a Ray actor that holds one worker (`ray_seat.Seat`). A thread here attends to each: it gives the seat a task with the files for it, puts in place
what comes back, and starts the seat anew, wherever there is room, when its machine is lost.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headless.batch.cargo import Sender
from headless.batch.executor import Event
from headless.batch.ray_cluster import Cluster, first_line, knock
from headless.batch.work import PIECE, READ, Task, put, worth_another_try
from signgen_core.body.load import LICENSED_VARIABLE
from signgen_core.errors import MachineError, OutputError

_ANSWER = 120.0  # seconds that a machine of the cluster has to start a process and tell its versions
_LOOK = 5.0  # seconds between two looks whether the head is still there
_GOODBYE = 10.0  # seconds that seats have to clear up
_JOIN = 3.0
_STARTS = 3  # times in a row that a seat may fail to start
_PAUSE = 1.0
_PATIENCE = 20.0  # seconds of waiting for room until it is told
_PER_READER = 8  # seats that draw what one that reads keeps busy


@dataclass
class _Seat:
    """A seat as it is seen from here. node: where it is, once it is anywhere; failures: to start, in a row."""

    number: int
    reads: bool
    actor: Any = None
    node: str = ""
    address: str = ""
    ready: bool = False
    flavour: str = ""
    failures: int = 0
    given_up: str = ""


class RayExecutor:
    """Seats on a cluster, which is left when this is closed.

    workers: how many draw, 0 for as many as fit, and no more than four for each of `rows`. draws: whether anything is to be drawn; without it all read.
    name: of the batch, the same each time; versions: of this machine, which all others must have. scratch: a folder on the disk of the results, made and
    removed here. note: gets lines about the cluster. Raises MachineError for a cluster that cannot do it.
    """

    def __init__(
        self, cluster: Cluster, workers: int, rows: int, draws: bool, name: str, versions: dict[str, str], scratch: Path, note: Callable[[str], None]
    ) -> None:
        self._ray, self._address, self._resources = cluster.ray, cluster.name, cluster.resources
        self._name, self._versions, self._scratch, self._note = name, versions, scratch, note
        self._head = self._ray.get_runtime_context().gcs_address
        self._looked, self._missed, self._told = time.monotonic(), 0, False
        self._events: queue.Queue[Event | str] = queue.Queue()
        self._waiting: list[Task] = []
        self._change = threading.Condition()
        self._closed = False
        self._turn = itertools.count()
        self._checked: dict[str, str | None] = {}
        try:
            fitting = self._check_nodes()
            self.slots = workers or min(fitting, 4 * max(1, rows))
            readers = 1 + self.slots // _PER_READER if draws else self.slots
            shutil.rmtree(scratch, ignore_errors=True)  # left by a batch that was killed
            scratch.mkdir(parents=True)
            self._sender = Sender(self._ray.put, 8 * self.slots + 16)
            licensed = os.environ.get(LICENSED_VARIABLE)
            self._licensed = self._sender.parcel(Path(licensed).expanduser(), licensed) if licensed and Path(licensed).expanduser().exists() else None
        except BaseException:
            self._ray.shutdown()
            raise
        self._seats = [_Seat(k, k < readers) for k in range(readers + (self.slots if draws else 0))]
        self._threads = [threading.Thread(target=self._attend, args=(seat,), daemon=True) for seat in self._seats]
        for thread in self._threads:
            thread.start()
        self._began = time.monotonic()

    def submit(self, task: Task) -> None:
        with self._change:
            self._waiting.append(task)
            self._change.notify_all()

    def next(self, timeout: float) -> Event | None:
        """As `Executor.next`. Raises MachineError when the cluster is gone or none of its machines can do what is left."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            self._look()
            return None
        if isinstance(event, str):
            self._note(event)
            return None
        return event

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._waiting.clear()
            self._change.notify_all()
        if not self._missed:
            self._leave()
        end = time.monotonic() + _JOIN
        for thread in self._threads:  # they are done when their seats are
            thread.join(max(0.0, end - time.monotonic()))
        self._ray.shutdown()
        shutil.rmtree(self._scratch, ignore_errors=True)

    # --- The cluster ----------------------------------------------------------------------------------------------------------

    def _nodes(self) -> list[dict[str, Any]]:
        """Machines on which a seat fits when nothing else runs there."""
        wanted = self._resources.wanted()
        return [n for n in self._ray.nodes() if n["Alive"] and all(n["Resources"].get(name, 0.0) >= amount for name, amount in wanted.items())]

    def _check_nodes(self) -> int:
        """How many seats fit on the cluster. Raises MachineError for a machine that has another version of anything."""
        nodes = self._nodes()
        if not nodes:
            raise MachineError(f"no machine of the Ray cluster at {self._address} has {self._resources}, which --resources asks for")
        probes = [self._probe(node["NodeID"]) for node in nodes]
        for node, probe in zip(nodes, probes, strict=True):
            problem = self._checked[node["NodeID"]] = self._difference(probe)
            if problem:
                raise MachineError(f"machine {node['NodeManagerAddress']} of the Ray cluster: {problem}")
        wanted = self._resources.wanted()
        return max(1, sum(int(min(n["Resources"][name] / amount for name, amount in wanted.items())) for n in nodes))

    def _probe(self, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # a function inside of a function travels by value, so that it can say what is missing where SignGen is
        def tell() -> dict[str, str]:
            try:
                from headless.batch.versions import versions
            except ImportError as problem:
                return {"missing": str(problem)}
            return versions()

        place = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        return self._ray.remote(tell).options(num_cpus=0, scheduling_strategy=place, max_retries=0).remote()

    def _difference(self, probe: Any) -> str | None:
        """What is wrong with a machine, one line, or None."""
        try:
            there = self._ray.get(probe, timeout=_ANSWER)
        except self._ray.exceptions.GetTimeoutError:
            return f"no answer within {_ANSWER:g} s"
        except self._ray.exceptions.RayError as problem:
            return f"does not start a process: {first_line(problem)}"
        if "missing" in there:
            return f"SignGen is not installed there: {there['missing']}"
        differing = sorted(name for name in {*there, *self._versions} if there.get(name) != self._versions.get(name))
        if not differing:
            return None
        facts = ", ".join(f"{name} {there.get(name, 'missing')} in place of {self._versions.get(name, 'none')}" for name in differing)
        return f"another version is installed there: {facts}"

    def _look(self) -> None:
        """Called while nothing happens. Raises MachineError."""
        for kind, seats in itertools.groupby(self._seats, lambda seat: seat.reads):
            group = list(seats)
            if all(seat.given_up for seat in group):
                raise MachineError(f"no machine of the Ray cluster can {'read' if kind else 'draw'}: {group[-1].given_up}")
        if not self._told and time.monotonic() - self._began > _PATIENCE and not any(seat.ready for seat in self._seats if not seat.reads):
            self._told = True
            self._note(f"the Ray cluster has no {self._resources} free; waiting for it")
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        try:
            knock(self._head)
            self._missed = 0
        except OSError as problem:
            self._missed += 1
            if self._missed > 1:
                why = problem.strerror or problem
                raise MachineError(f"the head of the Ray cluster at {self._head} is gone ({why}); the same command goes on") from problem

    def _leave(self) -> None:
        """Has all seats clear up, and ends those that do not."""
        farewells = [seat.actor.close.remote() for seat in self._seats if seat.ready]
        if farewells:
            self._ray.wait(farewells, num_returns=len(farewells), timeout=_GOODBYE)
        for actor in [seat.actor for seat in self._seats if seat.actor is not None]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)

    # --- A seat, in a thread of its own ---------------------------------------------------------------------------------------

    def _attend(self, seat: _Seat) -> None:
        while not self._closed and not seat.given_up:
            try:
                self._start(seat)
            except self._ray.exceptions.RayError as problem:
                self._failed_to_start(seat, first_line(problem))
                continue
            if not self._has_right_version(seat):
                return  # it stays where it is, so that no other seat is put there
            seat.failures, seat.ready = 0, True
            while seat.ready and (task := self._take(seat)) is not None:
                event = self._do(seat, task)
                if self._closed:
                    return
                self._events.put(event)
            if self._closed:
                return
            self._ray.kill(seat.actor)

    def _start(self, seat: _Seat) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from headless.batch.ray_seat import Seat

        options: dict[str, Any]
        if seat.reads:  # beside those that draw, which wait for it more often than it for them
            nodes = self._nodes()
            node = nodes[next(self._turn) % len(nodes)]["NodeID"] if nodes else ""
            options = {"num_cpus": 0}
            if node:
                options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node_id=node, soft=True)
        else:
            wanted = self._resources
            options = {"num_cpus": wanted.cpu, "num_gpus": wanted.gpu, "resources": wanted.custom, "scheduling_strategy": "SPREAD"}
            if wanted.memory:
                options["memory"] = int(wanted.memory * 1e9)
        # two calls at a time, so that a seat at work can be told to leave
        options |= {"max_concurrency": 2, "max_restarts": 0, "max_task_retries": 0}
        seat.actor = self._ray.remote(Seat).options(**options).remote(self._name, seat.reads, self._licensed)
        seat.node, seat.address = self._ray.get(seat.actor.where.remote())

    def _failed_to_start(self, seat: _Seat, why: str) -> None:
        seat.failures += 1
        if seat.failures >= _STARTS:
            seat.given_up = why
        elif not self._closed:
            time.sleep(_PAUSE)

    def _has_right_version(self, seat: _Seat) -> bool:
        """Of a machine that came later."""
        with self._change:
            if seat.node not in self._checked:
                self._checked[seat.node] = self._difference(self._probe(seat.node))
        problem = self._checked[seat.node]
        if problem:
            seat.given_up = f"machine {seat.address}: {problem}"
            self._events.put(f"{seat.given_up}; it is left out")
        return not problem

    def _take(self, seat: _Seat) -> Task | None:
        with self._change:
            while not self._closed:
                fitting = [task for task in self._waiting if (task.kind == READ) == seat.reads]
                if fitting:
                    task = next((t for t in fitting if t.flavour == seat.flavour), fitting[0])
                    self._waiting.remove(task)
                    seat.flavour = task.flavour or seat.flavour
                    return task
                self._change.wait()
        return None

    def _do(self, seat: _Seat, task: Task) -> Event:
        """What became of a task; ticks are told on the way."""
        try:
            parcels = self._sender.pack(task)
        except OSError as problem:
            return Event("failed", task, f"{problem.filename}: cannot be read: {problem.strerror or problem}", worth_another_try(problem))
        try:
            with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
                for ref in seat.actor.perform.options(num_returns="streaming").remote(task, parcels):
                    kind, *data = self._ray.get(ref)
                    if kind == "tick":
                        self._events.put(Event("tick", task, data[0]))
                    elif kind == "part":
                        _append(Path(folder), *data)
                    elif kind == "done":
                        _land(Path(folder), task)
                        return Event("done", task, data[0])
                    elif kind == "lost":
                        return Event("lost", task, f"machine {seat.address}: {data[0]}")
                    else:
                        return Event("failed", task, f"machine {seat.address}: {data[0]}" if data[1] else data[0], data[1])
            reason = f"the seat on machine {seat.address} gave no answer"
        except OSError as problem:
            wrong = OutputError(f"{task.order['folder']}: cannot be written: {problem.strerror or problem}")
            wrong.__cause__ = problem
            return Event("failed", task, str(wrong), worth_another_try(wrong))
        except self._ray.exceptions.RayError as problem:
            reason = self._how_lost(seat, problem)
        seat.ready, seat.flavour = False, ""
        return Event("lost", task, reason)

    def _how_lost(self, seat: _Seat, problem: BaseException) -> str:
        if self._closed:
            return "the batch has ended"
        if isinstance(problem, self._ray.exceptions.ActorUnavailableError):
            return f"machine {seat.address} of the cluster does not answer"
        if any(node["NodeID"] == seat.node and node["Alive"] for node in self._ray.nodes()):
            return f"the seat on machine {seat.address} of the cluster ended: {first_line(problem)}"
        return f"machine {seat.address} of the cluster was lost"


def _append(folder: Path, name: str, part: bytes) -> None:
    file = folder / (name or "piece")
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "ab") as stream:
        stream.write(part)


def _land(folder: Path, task: Task) -> None:
    """Renames what came into place. Raises OSError."""
    if task.kind == PIECE:
        put(folder / "piece", Path(task.order["file"]))
        return
    for made in sorted(folder.glob("*/*")):  # `videos/greeting.mp4`, or a folder of frames
        put(made, Path(task.order["folder"]) / made.relative_to(folder))
