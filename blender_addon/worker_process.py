"""The worker process as seen from Blender: started, fed, listened to and buried by threads of its own, so that nobody else ever waits for it.

Pipes are read by blocking threads and not by `select`, which Windows has for sockets only.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from signgen_core import worker_protocol as protocol
from signgen_core.action import plan_from_json
from signgen_core.errors import SignGenError
from signgen_core.motion import read_npz

from .environment import Command, child_environment

_LAST_WORDS = 40  # lines of standard error that are kept
_GOODBYE = 3.0  # seconds that it has to end by itself
# Ctrl-C in the terminal that started Blender is not meant for it, and Windows shall open no console for it.
_APART: dict[str, Any] = {"start_new_session": True}
if os.name == "nt":
    _APART = {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
# What is to be sent, or how to make it once the folder is known; made in the writing thread, because plans and motions take a while to write down.
Message = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]


@dataclass(frozen=True)
class Unstartable:
    """The program could not be run at all."""

    problem: str


@dataclass(frozen=True)
class Ended:
    """The process is gone and buried. code: its exit status, negative for a signal. last_words: the end of what it wrote to standard error."""

    code: int
    last_words: tuple[str, ...]


@dataclass(frozen=True)
class Unsendable:
    """A message could not be made or written down; the request `number` has no answer to expect."""

    number: int
    problem: str


Item = dict[str, Any] | Unstartable | Ended | Unsendable


class WorkerProcess:
    """One process from start to end. Nothing here blocks, except `join`."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._outgoing: queue.SimpleQueue[tuple[int, Message] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # over the next two
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._keeper = threading.Thread(target=self._keep, name="signgen worker", daemon=True)
        self._keeper.start()

    def next(self) -> Item | None:
        """What has come in, one by one: replies (with `plan` and `motion` as objects), and at last Ended or Unstartable."""
        try:
            return self._items.get_nowait()
        except queue.Empty:
            return None

    def send(self, number: int, message: Message) -> None:
        self._outgoing.put((number, message))

    def kill(self) -> None:
        """Ends it at once; it is buried in the background."""
        self._outgoing.put(None)
        with self._lock:
            self._unwanted = True
            if self._process is not None:
                _kill(self._process)

    def quit(self) -> None:
        """Asks it to end, and kills it if it does not."""
        self.send(0, {"id": 0, "request": "quit"})
        self._outgoing.put(None)
        limit = threading.Timer(_GOODBYE, self.kill)
        limit.daemon = True
        limit.start()

    def join(self, seconds: float) -> bool:
        """Waits until it is buried, at most so long; True when it is."""
        self._keeper.join(seconds)
        return not self._keeper.is_alive()

    # -- the threads ----------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        try:
            folder = Path(tempfile.mkdtemp(prefix="signgen-"))
        except OSError as problem:
            self._items.put(Unstartable(f"no temporary folder: {problem.strerror or problem}"))
            return
        try:
            self._run(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, folder: Path) -> None:
        try:
            process = subprocess.Popen(
                self._command.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environment(),
                cwd=self._command.folder, **_APART,
            )  # fmt: skip
        except (OSError, ValueError) as problem:
            self._items.put(Unstartable(f"{self._command.shown} cannot be run: {getattr(problem, 'strerror', None) or problem}"))
            return
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        with self._lock:
            self._process = process
            if self._unwanted:
                _kill(process)
        writer = threading.Thread(target=self._write, args=(process.stdin, folder), name="signgen requests", daemon=True)
        errors = threading.Thread(target=self._collect, args=(process.stderr,), name="signgen errors", daemon=True)
        writer.start()
        errors.start()
        self._listen(process.stdout, folder)
        # its output has ended, so it has, or it is of no use any more
        self._outgoing.put(None)
        try:
            code = process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            _kill(process)
            code = process.wait()
        with self._lock:
            self._process = None
        errors.join(_GOODBYE)
        writer.join(_GOODBYE)
        process.stdout.close()
        self._items.put(Ended(code, tuple(self._last_words)))

    def _listen(self, stdout: IO[bytes], folder: Path) -> None:
        while line := stdout.readline(protocol.MAX_LINE + 1):
            if len(line) > protocol.MAX_LINE:
                self._last_words.append(f"a line of more than {protocol.MAX_LINE // 2**20} MB on standard output")
                self.kill()
                return
            try:
                message = protocol.decode(line)
            except SignGenError:
                message = {}
            if "reply" not in message:  # a banner of the shell or of a package, on its way before the worker could silence it
                self._last_words.append(line.decode(errors="replace").rstrip())
                continue
            self._items.put(_unpacked(message, folder))

    def _write(self, stdin: IO[bytes], folder: Path) -> None:
        # a process that has ended is noticed where it is listened to
        with contextlib.suppress(OSError, ValueError):
            with stdin:
                while (item := self._outgoing.get()) is not None:
                    number, message = item
                    try:
                        line = protocol.encode(message(folder) if callable(message) else message)
                    except (SignGenError, ValueError, TypeError, OSError) as problem:
                        self._items.put(Unsendable(number, " ".join(str(problem).split())))
                        continue
                    stdin.write(line)
                    stdin.flush()

    def _collect(self, stderr: IO[bytes]) -> None:
        with stderr:
            while line := stderr.readline(4096):
                self._last_words.append(line.decode(errors="replace").rstrip())


def _unpacked(message: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The message with its plan and its motion as objects; the motion's file is taken away. An answer that cannot be read becomes an error."""
    if message.get("reply") != "result":
        return message
    try:
        if "plan" in message:
            message["plan"] = plan_from_json(message["plan"])
        if "file" in message:
            name = message["file"]
            if not protocol.plain_name(name):
                raise SignGenError(f"{name!r} is not the name of a file")
            message["motion"] = read_npz(folder / name)
            (folder / name).unlink(missing_ok=True)
    except (SignGenError, OSError) as problem:
        return {"id": message.get("id"), "reply": "error", "kind": protocol.INTERNAL, "message": f"the worker's answer cannot be read: {problem}"}
    return message


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
