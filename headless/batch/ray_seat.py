"""A place for one worker on some machine of a cluster. It brings the files of a task there, has the worker do it, and sends back what was made.

The worker is a process of its own, as on one machine: what Blender does to a process stays in it, and a crash of it is no crash of the cluster's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from headless.batch.cargo import Parcel, Receiver, made, moved, parts
from headless.batch.executor import LocalExecutor
from headless.batch.work import Task
from headless.stage import frame_storage
from signgen_core.body.load import LICENSED_VARIABLE

_WAIT = 0.2  # seconds until a seat at work notices that it has to leave
_GONE = ("lost", "the batch has ended")


class Seat:
    """batch: names the batch among others; reads: texts to motions, else draws; licensed: the body of `SIGNGEN_SMPLX`.

    get: the object store's. The machine's own `SIGNGEN_SMPLX` means nothing here: the batch says what body it is about.
    """

    def __init__(self, batch: str, reads: bool, licensed: Parcel | None, get: Callable[[Any], bytes] | None = None) -> None:
        if get is None:
            import ray

            get = ray.get
        self._at_work, self._leaving = threading.Lock(), False
        temporary = Path(tempfile.gettempdir())
        storage = frame_storage()
        for folder in {temporary, storage or temporary}:
            _remove_old(folder, batch)
        name = f"{batch}-{os.getpid()}"
        self._folder = temporary / name
        self._memory = storage / name if storage else self._folder / "memory"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._receiver = Receiver(self._folder / "files", get)
        os.environ.pop(LICENSED_VARIABLE, None)
        if licensed is not None:
            os.environ[LICENSED_VARIABLE] = str(Receiver(self._folder / "body", get).place(licensed))
        self._executor = LocalExecutor(0 if reads else 1, 1 if reads else 0, 1, self._folder / "scratch", self._memory)

    def where(self) -> tuple[str, str]:
        """Ray's id of the machine, and its address."""
        import ray

        return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()

    def perform(self, task: Task, parcels: list[Parcel]) -> Iterator[tuple[Any, ...]]:
        """Does a task. Yields ("tick", frames), then ("part", name, bytes) of each file, more than one of a long one, and at last one of
        ("done", answer), ("failed", message, whether to try again) and ("lost", how the worker died)."""
        with self._at_work:
            if self._leaving:
                yield _GONE
                return
            results = Path(tempfile.mkdtemp(dir=self._folder, prefix="results"))
            try:
                places = self._receiver.unpack(parcels, results)
                here = moved(task, places, str(results), str(results / "piece.mkv"))
                yield from self._work(task, here, places)
            except OSError as problem:  # of this machine's disk, where another may have room
                yield "failed", f"{problem.filename or results}: cannot be written: {problem.strerror or problem}", True
            finally:
                shutil.rmtree(results, ignore_errors=True)
                self._receiver.forget()

    def _work(self, task: Task, here: Task, places: dict[str, str]) -> Iterator[tuple[Any, ...]]:
        self._executor.submit(here)
        while not self._leaving:
            event = self._executor.next(_WAIT)
            if event is None:
                continue
            if event.kind == "tick":
                yield "tick", event.data
            elif event.kind == "done":
                for name, file in made(here, event.data):
                    for part in parts(file):
                        yield "part", name, part
                yield "done", event.data
                return
            elif event.kind == "lost":
                yield "lost", event.data
                return
            else:
                # what is wrong with a row is told in the names that its table knows, what is wrong with this machine in those of the machine
                message = event.data if event.again else _renamed(event.data, places, here.order["folder"], task.order["folder"])
                yield "failed", message, event.again
                return
        yield _GONE

    def close(self) -> None:
        """Ends the worker and leaves nothing behind. May be called while another thread has the seat at work."""
        self._leaving = True
        with self._at_work:
            self._executor.close()
            shutil.rmtree(self._folder, ignore_errors=True)


def _renamed(message: str, places: dict[str, str], folder: str, name: str) -> str:
    for original, path in places.items():
        message = message.replace(path, original)
    return message.replace(folder, name)


def _remove_old(folder: Path, batch: str) -> None:
    """Removes what a process left that was killed."""
    if os.name != "posix":
        return
    for path in folder.glob(f"{batch}-*"):
        with contextlib.suppress(ValueError, PermissionError):  # not one of ours, or that of a living process of somebody else
            try:
                os.kill(int(path.name.rpartition("-")[2]), 0)
            except ProcessLookupError:
                shutil.rmtree(path, ignore_errors=True)
