"""The add-on's side of the worker: a state to show, jobs to give, and `poll`, which a timer calls and which never waits.

Needs no Blender. docs/worker_protocol.md describes what is said, `worker_process` runs the program, `environment` finds it.
"""

from __future__ import annotations

import enum
import itertools
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signgen_core import worker_protocol as protocol
from signgen_core.schema import PLAN_VERSION

from .environment import Command, NoEnvironmentError, find_command
from .job_events import CRASHED, MISSING, Done, Event, Failed, Progress
from .worker_process import Ended, Item, Unsendable, Unstartable, WorkerProcess

if TYPE_CHECKING:
    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion

_HELLO = 1
_MOST_ITEMS = 100  # taken in one poll


class State(enum.Enum):
    """How it stands with the worker; `WORDS` says it to people."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    CANCELLING = "cancelling"
    CRASHED = "crashed"
    VERSION_MISMATCH = "version_mismatch"
    MISSING_ENVIRONMENT = "missing_environment"
    OUT_OF_MEMORY = "out_of_memory"


WORDS = {
    State.ABSENT: "No worker is running; signs are made inside Blender",
    State.STARTING: "The worker is starting",
    State.READY: "The worker is ready",
    State.BUSY: "The worker is signing",
    State.CANCELLING: "Cancelling",
    State.CRASHED: "The worker has stopped unexpectedly; restart it",
    State.VERSION_MISMATCH: "The worker and this add-on are of different versions; update the older one",
    State.MISSING_ENVIRONMENT: "SignGen's Python environment was not found; choose it in the preferences",
    State.OUT_OF_MEMORY: "The machine has not enough memory for this; try a shorter text, or restart the worker",
}


@dataclass(frozen=True)
class Limits:
    """Seconds until something is done about a worker that does not answer: its greeting, a cancelled job, and (asked by a ping after `quiet`) anything."""

    start: float = 90.0
    cancel: float = 3.0
    quiet: float = 10.0
    silence: float = 60.0


@dataclass
class _Job:
    request: str
    cancelled_at: float | None = None


class Worker:
    """Starts by itself with the first job. All methods return at once and belong to one thread, the main one; only `stop` may wait, and says how long.

    After any of the ends (crashed, version mismatch, missing environment) the next job or `start` tries anew.
    """

    def __init__(self, chosen: str = "", limits: Limits | None = None, find: Callable[[str], Command] = find_command) -> None:
        """chosen: the environment that the preferences name (`environment.find_command`)."""
        self.chosen = chosen
        self.detail = ""  # one more line on the state: a path, a version, the last words of a crashed process
        self.about: dict[str, Any] = {}  # what the worker said of itself: version, python, process, generators
        self._limits = limits or Limits()
        self._find = find
        self._process: WorkerProcess | None = None
        self._leaving: list[WorkerProcess] = []  # ended or told to, and not buried yet
        self._command: Command | None = None
        self._greeted = False
        self._end = State.ABSENT  # what it is when no process runs, or OUT_OF_MEMORY
        self._jobs: dict[int, _Job] = {}
        self._numbers = itertools.count(_HELLO + 1)
        self._events: list[Event] = []
        self._started = self._heard = self._pinged = 0.0

    # -- what the panel shows -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if self._process is None:
            return self._end
        if any(job.cancelled_at is not None for job in self._jobs.values()):
            return State.CANCELLING
        if not self._greeted:
            return State.STARTING
        if self._jobs:
            return State.BUSY
        return State.OUT_OF_MEMORY if self._end is State.OUT_OF_MEMORY else State.READY

    @property
    def words(self) -> str:
        """The state in a sentence; `detail` may add a line."""
        return WORDS[self.state]

    # -- jobs -----------------------------------------------------------------------------------------------------------------

    def plan(self, text: str, *, generator: str | None = None, character: str | None = None, **options: Any) -> int:
        """Text to a plan; the options are those of `signgen plan` (gloss, seed, handedness, tempo, gestures, emotion, rules_only ...). Returns the job."""
        return self._submit("plan", lambda _: {"text": text, "options": options, "generator": generator, "character": character})

    def animate(self, plan: ActionSequence, *, fps: float = 30.0, generator: str | None = None, character: str | None = None) -> int:
        """A plan to a motion."""
        return self._submit("animate", lambda _: {"plan": _json(plan), "fps": fps, "generator": generator, "character": character})

    def sign(self, text: str, *, fps: float = 30.0, generator: str | None = None, character: str | None = None, **options: Any) -> int:
        """Text to a plan and its motion, in one."""
        return self._submit("sign", lambda _: {"text": text, "options": options, "fps": fps, "generator": generator, "character": character})

    def resample(
        self, old_plan: ActionSequence, old_motion: Motion, new_plan: ActionSequence, *, body: Body | None = None, character: str | None = None
    ) -> int:
        """The motion of an edited plan, made anew where the edit reaches, and the plan as that motion has it.

        character: what old_motion was made with; body: the same as an object (None: the default one), from which the joints in the file are.
        """
        number = next(self._numbers)

        def message(folder: Path) -> dict[str, Any]:
            from signgen_core.motion import write_npz
            from signgen_core.pipeline import joints

            name = f"old-{number}.npz"
            write_npz(folder / name, old_motion, joints(old_motion, body))
            return {"old_plan": _json(old_plan), "old_motion": name, "new_plan": _json(new_plan), "character": character}

        return self._submit("resample", message, number)

    def classify(self, texts: Sequence[str]) -> int:
        """One reading a text: subject, gesture, emotion and sentence type with their probabilities."""
        return self._submit("classify", lambda _: {"texts": list(texts)})

    def cancel(self, job: int | None = None) -> None:
        """Calls a job off, or all. It ends by a Failed of kind `cancelled`; a worker that does not come to it in time is replaced by a fresh one."""
        for number, entry in self._jobs.items():
            if job in (None, number) and entry.cancelled_at is None:
                entry.cancelled_at = time.monotonic()
                self._send(next(self._numbers), {"request": "cancel", "target": number})

    # -- the process ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the process where none runs."""
        if self._process is not None:
            return
        self._end, self.detail, self.about, self._greeted = State.ABSENT, "", {}, False
        try:
            self._command = self._find(self.chosen)
        except NoEnvironmentError as problem:
            self._finish(State.MISSING_ENVIRONMENT, str(problem), MISSING)
            return
        self.detail = self._command.shown
        self._started = self._heard = self._pinged = time.monotonic()
        self._process = WorkerProcess(self._command)
        self._process.send(
            _HELLO, lambda folder: {"id": _HELLO, "request": "hello", "protocol": protocol.PROTOCOL, "plan_version": PLAN_VERSION, "folder": str(folder)}
        )

    def restart(self) -> None:
        """A fresh process; jobs of the old one end as cancelled."""
        self.kill()
        self.start()

    def kill(self) -> None:
        """Ends the process at once; its jobs end as cancelled."""
        if self._process is not None:
            self._process.kill()
            self._finish(State.ABSENT, "", protocol.CANCELLED)

    def stop(self, seconds: float = 0.0) -> bool:
        """Lets the process end and waits at most so long for it, killing it half-way; True when it is gone. For leaving Blender or disabling the add-on."""
        limit = time.monotonic() + seconds
        if self._process is not None:
            self._process.quit()
            self._finish(State.ABSENT, "", protocol.CANCELLED)
        for process in self._leaving:
            if not process.join(max(0.0, (limit - time.monotonic()) / 2)) and seconds > 0.0:
                process.kill()
                process.join(max(0.0, limit - time.monotonic()))
        self._leaving = [process for process in self._leaving if not process.join(0.0)]
        return not self._leaving

    # -- the timer ------------------------------------------------------------------------------------------------------------

    def poll(self) -> list[Event]:
        """What has happened since the last call. To be called some times a second while jobs run; takes no time to speak of."""
        for _ in range(_MOST_ITEMS):
            if self._process is None or (item := self._process.next()) is None:
                break
            self._heard = time.monotonic()
            self._take(item)
        if self._process is not None:
            self._watch(time.monotonic())
        events, self._events = self._events, []
        return events

    def _take(self, item: Item) -> None:
        if isinstance(item, Unstartable):
            self._finish(State.MISSING_ENVIRONMENT, item.problem, MISSING)
        elif isinstance(item, Ended):
            self._bury(item)
        elif isinstance(item, Unsendable):
            self._fail(item.number, protocol.INPUT, item.problem)
        elif item.get("id") == _HELLO and not self._greeted:
            self._welcome(item)
        elif item.get("id") in self._jobs:
            self._hear(int(item["id"]), item)

    def _welcome(self, item: dict[str, Any]) -> None:
        theirs, plans = item.get("protocol"), item.get("plan_version")
        if item["reply"] == "result" and (theirs, plans) == (protocol.PROTOCOL, PLAN_VERSION):
            self._greeted, self.about = True, item
            return
        assert self._process is not None and self._command is not None
        self._process.quit()
        if item["reply"] == "result" or item.get("kind") == protocol.VERSION:
            found = f"protocol {theirs}" if theirs != protocol.PROTOCOL else f"plans of version {plans}"
            ours = protocol.PROTOCOL if theirs != protocol.PROTOCOL else PLAN_VERSION
            self._finish(State.VERSION_MISMATCH, f"{self._command.shown} speaks {found}, this add-on {ours}", protocol.VERSION)
        else:
            self._finish(State.CRASHED, str(item.get("message", "")), CRASHED)

    def _hear(self, number: int, item: dict[str, Any]) -> None:
        job = self._jobs[number]
        if item["reply"] == "progress":
            if job.cancelled_at is None:
                self._events.append(Progress(number, float(item.get("fraction", 0.0)), str(item.get("step", ""))))
        elif item["reply"] == "result":
            del self._jobs[number]
            window = item.get("window")
            anew = None if window is None else (window[0], window[1], window[2])
            self._events.append(Done(number, job.request, item.get("plan"), item.get("motion"), anew, tuple(item.get("found", ()))))
        else:
            kind = str(item.get("kind", protocol.INTERNAL))
            if kind == protocol.OUT_OF_MEMORY:
                self._end = State.OUT_OF_MEMORY
            self._fail(number, kind, str(item.get("message", "")), str(item.get("path", "")))

    def _bury(self, item: Ended) -> None:
        assert self._command is not None
        said = [line for line in item.last_words if line.strip()]
        everything = "\n".join(said)
        if not self._greeted and "No module named" in everything and "headless.worker" in everything and "'headless'" not in everything:
            self._finish(State.VERSION_MISMATCH, f"the SignGen of {self._command.shown} is too old to have a worker", protocol.VERSION)
        elif not self._greeted and "No such command 'worker'" in everything:
            self._finish(State.VERSION_MISMATCH, f"{self._command.shown} is too old to have a worker", protocol.VERSION)
        elif not self._greeted and "No module named" in everything:
            self._finish(State.MISSING_ENVIRONMENT, f"{self._command.shown} has no SignGen, or lacks a package of it: {said[-1]}", MISSING)
        else:
            how = f"ended with status {item.code}"
            if item.code < 0:
                how = f"was killed by signal {-item.code}"
                if item.code == -getattr(signal, "SIGKILL", 9):
                    how += ", by hand or because memory ran out"
            self._finish(State.CRASHED, f"it {how}" + (f": {said[-1]}" if said and item.code >= 0 else ""), CRASHED)

    def _watch(self, now: float) -> None:
        """Does something about a process that does not answer."""
        assert self._process is not None
        overdue = [n for n, job in self._jobs.items() if job.cancelled_at is not None and now - job.cancelled_at > self._limits.cancel]
        if overdue:
            self.restart()
        elif not self._greeted:
            if now - self._started > self._limits.start:
                self._give_up(f"did not answer within {self._limits.start:g} s")
        elif self._jobs and now - max(self._heard, self._pinged) > self._limits.quiet:
            if now - self._heard > self._limits.silence:
                self._give_up(f"has not answered for {self._limits.silence:g} s")
            else:
                self._pinged = now
                self._send(next(self._numbers), {"request": "ping"})

    def _give_up(self, why: str) -> None:
        assert self._process is not None
        self._process.kill()
        self._finish(State.CRASHED, f"it {why}", CRASHED)

    def _submit(self, request: str, message: Callable[[Path], dict[str, Any]], number: int | None = None) -> int:
        number = next(self._numbers) if number is None else number
        self._jobs[number] = _Job(request)
        self._end = State.ABSENT
        self.start()
        now = time.monotonic()
        self._heard = max(self._heard, now)  # its silence counts from here
        if self._process is not None:
            self._process.send(number, lambda folder: {"id": number, "request": request, **_said(message(folder))})
        return number

    def _send(self, number: int, message: dict[str, Any]) -> None:
        if self._process is not None:
            self._process.send(number, {"id": number, **message})

    def _fail(self, number: int, kind: str, message: str, path: str = "") -> None:
        if self._jobs.pop(number, None) is not None:
            self._events.append(Failed(number, kind, message, path))

    def _finish(self, end: State, detail: str, kind: str) -> None:
        """No process from here on; what was still to be done has failed, or was cancelled already."""
        self._leaving = [process for process in self._leaving if not process.join(0.0)]
        if self._process is not None:
            self._leaving.append(self._process)
        self._process, self._end, self.detail = None, end, detail
        for number, job in list(self._jobs.items()):
            called_off = kind == protocol.CANCELLED or job.cancelled_at is not None
            self._fail(number, protocol.CANCELLED if called_off else kind, "cancelled" if called_off else f"{WORDS[end]} ({detail})")


def _json(plan: ActionSequence) -> dict[str, Any]:
    from signgen_core.action import plan_to_json

    return plan_to_json(plan)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
