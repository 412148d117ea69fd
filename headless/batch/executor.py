"""Who does the tasks of a batch. `Executor` is all that the runner knows; `LocalExecutor` keeps processes on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from headless.batch.work import READ, Task

_PATIENCE = 5.0  # seconds in which a process that was killed has to be gone


@dataclass(frozen=True)
class Event:
    """What became of a task. kind: `tick` (data: number of frames drawn), `done` (the answer), `failed` (data: message, again: whether to try
    once more) or `lost` (the worker died; data: how)."""

    kind: str
    task: Task
    data: Any = None
    again: bool = False


class Executor(Protocol):
    """Runs tasks somewhere. Every task that was submitted ends in one `done`, `failed` or `lost`."""

    @property
    def slots(self) -> int:
        """How many rows can be drawn at a time."""

    def submit(self, task: Task) -> None:
        """Takes a task; returns at once."""

    def next(self, timeout: float) -> Event | None:
        """The next thing that happened, or None after `timeout` seconds."""

    def close(self) -> None:
        """Ends everything that runs, at once, and removes what was unfinished."""


@dataclass
class _Slot:
    """A place for a worker. The process is started when there is something to do, and again when it has died."""

    number: int
    reads: bool
    process: subprocess.Popen[bytes] | None = None
    task: Task | None = None
    flavour: str = ""
    log: IO[bytes] | None = None
    folders: list[Path] = field(default_factory=list)


class LocalExecutor:
    """Worker processes of this machine. draw: how many draw frames, read: how many read texts (their models take memory, so these do not draw).

    threads: of each. scratch: a folder on the disk of the results; memory: one for passing frames. Both are made and removed here.
    """

    def __init__(self, draw: int, read: int, threads: int, scratch: Path, memory: Path) -> None:
        self._slots = [_Slot(k, k < read) for k in range(read + draw)]
        self.slots = draw or read
        self._threads, self._scratch, self._memory = threads, scratch, memory
        # One core each where they fill the machine: Blender's and ffmpeg's thread pools are then no larger either, and do not contend. Fewer workers
        # are left to the system, which knows what else runs.
        own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._cores = [own[k * threads : (k + 1) * threads] for k in range(draw)] if draw and draw * threads == len(own) else []
        self._waiting: list[Task] = []
        self._events: queue.Queue[tuple[_Slot, subprocess.Popen[bytes], bytes]] = queue.Queue()
        for folder in (scratch, memory):
            shutil.rmtree(folder, ignore_errors=True)  # left by a batch that was killed
            folder.mkdir(parents=True)

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        for slot in self._slots:  # all at once, so that Blender is there by the time that the first text has been read
            if slot.process is None:
                self._start(slot)
        self._dispatch()

    def next(self, timeout: float) -> Event | None:
        try:
            slot, process, line = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if process is not slot.process:
            return None  # a last word of a process that was given up
        task = slot.task
        if not line:
            reason = self._bury(slot)
            self._dispatch()
            return None if task is None else Event("lost", task, reason)
        assert task is not None, "a worker speaks of its task only"
        words = json.loads(line)
        if "tick" in words:
            return Event("tick", task, words["tick"])
        slot.task = None
        self._dispatch()
        if "done" in words:
            return Event("done", task, words["done"])
        return Event("failed", task, words["failed"], words["again"])

    def close(self) -> None:
        for slot in self._slots:
            if slot.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    slot.process.kill()
        for slot in self._slots:
            if slot.process is not None:
                self._bury(slot)
        for folder in (self._scratch, self._memory):
            shutil.rmtree(folder, ignore_errors=True)

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        for slot in self._slots:
            fitting = [] if slot.task is not None else [t for t in self._waiting if (t.kind == READ) == slot.reads]
            if not fitting:
                continue
            task = next((t for t in fitting if t.flavour == slot.flavour), fitting[0])
            self._waiting.remove(task)
            slot.task, slot.flavour = task, task.flavour or slot.flavour
            if slot.process is None:
                self._start(slot)
            process = slot.process
            assert process is not None and process.stdin is not None
            # a process that has just died says so by the end of its output
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
                process.stdin.flush()

    def _start(self, slot: _Slot) -> None:
        slot.folders = [self._scratch / f"worker{slot.number}", self._memory / f"worker{slot.number}"]
        for folder in slot.folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        root = str(Path(__file__).resolve().parents[2])
        threads = str(self._threads)
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]), "TMPDIR": str(slot.folders[1]),
            # so that workers do not contend for the cores
            "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "LP_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "false",
        }  # fmt: skip
        order = {"scratch": str(slot.folders[0]), "memory": str(slot.folders[1]), "threads": self._threads, "draws": not slot.reads}
        if self._cores and not slot.reads:
            order["cores"] = self._cores[slot.number % len(self._cores)]
        # a file, not a pipe: nobody reads the log of a healthy worker, and a full pipe would stop it
        slot.log = open(slot.folders[1] / "log", "w+b")  # noqa: SIM115
        slot.process = subprocess.Popen(
            [sys.executable, "-m", "headless.batch.worker", json.dumps(order)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slot.log, env=environment,
            start_new_session=True,  # Ctrl-C is for the batch, which then ends its workers
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(slot, slot.process), daemon=True).start()

    def _listen(self, slot: _Slot, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # closed under our hands when the batch ends
            for line in process.stdout:
                self._events.put((slot, process, line))
        self._events.put((slot, process, b""))

    def _bury(self, slot: _Slot) -> str:
        """Clears up after a process that has died or was killed; returns how it died."""
        process, log = slot.process, slot.log
        assert process is not None and log is not None
        try:
            status = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        log.seek(0)
        said = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        log.close()
        for folder in slot.folders:
            shutil.rmtree(folder, ignore_errors=True)
        slot.process, slot.task, slot.flavour, slot.log = None, None, "", None
        how = f"by signal {signal.Signals(-status).name}" if status < 0 and -status in set(signal.Signals) else f"with status {status}"
        return f"the worker process ended {how}" + (f": {said[-1]}" if said and status > 0 else "")
