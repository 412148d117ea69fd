"""Signs inside Blender when there is no worker: grammar by rule and the phonology synthesiser, numpy alone, in a thread.

The thread touches nothing of Blender's. Threads of one process share the interpreter, so the main thread may have to wait for its turn: numpy steps aside
while it computes and Python code within 5 ms. A shorter switch interval makes no difference that could be measured (benchmarks/local_signing.py).
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from signgen_core import worker_protocol as protocol
from signgen_core.errors import PlanError, SignGenError, internal

from .job_events import Done, Event, Failed, Progress

if TYPE_CHECKING:
    import numpy as np

    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion

GENERATOR = "phonology"
_FOR_WORKERS = ("generator", "character", "rules_only", "classifier", "encoder")
_Tick = Callable[[float, str], None]


class CancelledError(Exception):
    """The running job was called off."""


class LocalSigning:
    """The same jobs and the same events as `worker.Worker`, one after the other. All methods return at once, except that `stop` waits as long as it says.

    body: the one that signs (None: the default one). A cancelled job's failure is reported at once; its thread ends at its next step.
    """

    def __init__(self, body: Body | None = None) -> None:
        self.body = body
        self._numbers = itertools.count(1)
        self._jobs: dict[int, threading.Event] = {}  # of each job that is not done, whether it is called off
        self._queue: queue.SimpleQueue[tuple[int, Callable[[_Tick], Done], threading.Event] | None] = queue.SimpleQueue()
        self._items: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return bool(self._jobs)

    def plan(self, text: str, **options: Any) -> int:
        """Text to a plan by rule alone; returns the job.

        options: gloss, seed, handedness, tempo, gestures, emotion; those that only a worker can follow (models, generator, character) do nothing.
        """
        number = next(self._numbers)
        return self._submit(number, lambda tick: Done(number, "plan", plan=self._plan(text, options, tick)))

    def animate(self, plan: ActionSequence, *, fps: float = 30.0, betas: np.ndarray | None = None) -> int:
        """A plan to a motion, and to the plan as it is complete. betas: shape of the body, None for that of an average signer."""
        number = next(self._numbers)

        def work(tick: _Tick) -> Done:
            self._load(tick, betas)
            from signgen_core.pipeline import complete

            ready = complete(plan, body=self.body)
            return Done(number, "animate", plan=ready, motion=self._animate(ready, fps, tick, 0.1, betas))

        return self._submit(number, work)

    def sign(self, text: str, *, fps: float = 30.0, **options: Any) -> int:
        """Text to a plan and its motion, in one."""
        number = next(self._numbers)

        def work(tick: _Tick) -> Done:
            plan = self._plan(text, options, lambda fraction, step: tick(0.3 * fraction, step))
            return Done(number, "sign", plan=plan, motion=self._animate(plan, fps, tick, 0.3))

        return self._submit(number, work)

    def resample(self, old_plan: ActionSequence, old_motion: Motion, new_plan: ActionSequence) -> int:
        """The motion of an edited plan, made anew where the edit reaches, and the plan as that motion has it."""
        number = next(self._numbers)

        def work(tick: _Tick) -> Done:
            self._load(tick)
            tick(0.1, "signing")
            from signgen_core.resampling import resample

            motion, window = resample(old_plan, old_motion, new_plan, body=self.body)
            return Done(number, "resample", window.plan, motion, (window.first, window.last, window.old_last))

        return self._submit(number, work)

    def cancel(self, job: int | None = None) -> None:
        """Calls a job off, or all: a Failed of kind `cancelled` is the next thing that is heard of it, and the last."""
        for number in [n for n in self._jobs if job in (None, n)]:
            self._jobs.pop(number).set()
            self._items.put(Failed(number, protocol.CANCELLED, "cancelled"))

    def poll(self) -> list[Event]:
        """What has happened since the last call; never waits."""
        events: list[Event] = []
        while True:
            try:
                event = self._items.get_nowait()
            except queue.Empty:
                return events
            if event.job in self._jobs:
                if not isinstance(event, Progress):
                    del self._jobs[event.job]
                events.append(event)
            elif isinstance(event, Failed) and event.kind == protocol.CANCELLED:
                events.append(event)

    def stop(self, seconds: float = 0.0) -> bool:
        """Calls everything off and lets the thread end; waits at most so long for it; True when it is gone."""
        self.cancel()
        thread = self._thread
        if thread is None:
            return True
        self._queue.put(None)
        thread.join(seconds)
        if thread.is_alive():
            return False
        self._thread = None
        return True

    # -- the thread -----------------------------------------------------------------------------------------------------------

    def _submit(self, number: int, work: Callable[[_Tick], Done]) -> int:
        called_off = self._jobs[number] = threading.Event()
        self._queue.put((number, work, called_off))
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._serve, name="signgen signing", daemon=True)
            self._thread.start()
        return number

    def _serve(self) -> None:
        while (entry := self._queue.get()) is not None:
            number, work, called_off = entry
            event = self._outcome(number, work, called_off)
            if event is not None:
                self._items.put(event)

    def _outcome(self, number: int, work: Callable[[_Tick], Done], called_off: threading.Event) -> Event | None:
        def tick(fraction: float, step: str) -> None:
            if called_off.is_set():
                raise CancelledError
            self._items.put(Progress(number, round(min(max(fraction, 0.0), 1.0), 4), step))

        try:
            tick(0.0, "starting")
            return work(tick)
        except CancelledError:
            return None  # it was reported when it was called off
        except SignGenError as problem:
            return Failed(number, protocol.error_kind(problem), str(problem), problem.path if isinstance(problem, PlanError) else "")
        except MemoryError:
            return Failed(number, protocol.OUT_OF_MEMORY, "the machine has not enough free memory for this")
        except Exception as problem:  # noqa: BLE001 - a thread that dies would leave the panel waiting for ever
            import traceback

            traceback.print_exc()
            return Failed(number, protocol.INTERNAL, internal(problem))

    def _load(self, tick: _Tick, betas: np.ndarray | None = None) -> None:
        tick(0.0, "loading")
        from signgen_core.pipeline import synthesiser_for

        synthesiser_for(self.body, betas)

    def _plan(self, text: str, options: dict[str, Any], tick: _Tick) -> ActionSequence:
        self._load(tick)
        tick(0.5, "planning")
        from signgen_core.pipeline import plan_text

        known = {name: value for name, value in options.items() if value is not None and name not in _FOR_WORKERS}
        return plan_text(text, body=self.body, **known)

    def _animate(self, plan: ActionSequence, fps: float, tick: _Tick, done: float, betas: np.ndarray | None = None) -> Motion:
        self._load(lambda fraction, step: tick(done, step), betas)
        tick(done, "signing")
        from signgen_core.pipeline import animate

        ready = replace(plan, generator=GENERATOR)
        return animate(ready, fps=fps, body=self.body, betas=betas, progress=lambda fraction: tick(done + (1.0 - done) * fraction, "signing"))
