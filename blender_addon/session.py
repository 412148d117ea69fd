"""Who signs for the panel, and the one job that runs: the worker process where there is one, else a thread inside Blender.

Needs no Blender. A timer of the window calls `poll`, which never waits; whoever asked for the job takes its `outcome` once that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from signgen_core import worker_protocol as protocol
from signgen_core.errors import MachineError

from .job_events import CRASHED, MISSING, Done, Failed, Progress
from .local_signing import LocalSigning
from .worker import Worker

if TYPE_CHECKING:
    import numpy as np

    from signgen_core.action import ActionSequence
    from signgen_core.body import Body

# Failures after which the same job is given to the thread when the user leaves it to us who signs.
_NO_WORKER = {CRASHED, MISSING, protocol.VERSION}
_STOP_SECONDS = 3.0
STEPS = {
    "starting": "Starting", "loading": "Loading the models", "planning": "Planning", "signing": "Signing", "writing": "Writing", "reading": "Reading",
}  # fmt: skip


@dataclass
class Job:
    """One thing to sign. fraction: 0 to 1. outcome: what became of it, once it is over."""

    text: str
    fps: float
    options: dict[str, Any]
    who: str  # worker or inside
    number: int
    fraction: float = 0.0
    step: str = "starting"
    fallback: bool = False  # whether the thread takes over when there turns out to be no worker
    outcome: Done | Failed | None = None
    cancelled: bool = False

    @property
    def words(self) -> str:
        """What is going on, for the progress bar."""
        return "Cancelling" if self.cancelled else STEPS.get(self.step, self.step)


class Session:
    """One job at a time. Belongs to the main thread."""

    def __init__(self, worker: Worker | None = None, local: LocalSigning | None = None) -> None:
        self.worker, self.local = worker or Worker(), local or LocalSigning()
        self.job: Job | None = None
        self.note = ""  # one line on how the last job went, where that is not as it was asked for

    @property
    def busy(self) -> bool:
        return self.job is not None and self.job.outcome is None

    def sign(self, text: str, *, fps: float, who: str = "auto", body: Body | None = None, character: str | None = None, **options: Any) -> Job:
        """Starts signing a text. Raises MachineError while another job runs.

        who: worker, inside, or auto for the first that there is. body: who signs (None: the default one), and character: the file that it is of. options:
        gloss, seed, handedness, tempo, gestures, emotion, and generator, which only the worker has a choice of.
        """
        if self.busy:
            raise MachineError("another text is being signed; wait for it, or cancel it")
        self.note = ""
        by = "inside" if who == "inside" else "worker"
        engine: Worker | LocalSigning = self.worker if by == "worker" else self.local
        self.local.body = body
        options["character"] = character
        self.job = Job(text, fps, options, by, engine.sign(text, fps=fps, **options), fallback=who == "auto")
        return self.job

    def animate(self, plan: ActionSequence, *, fps: float, body: Body | None = None, betas: np.ndarray | None = None) -> Job:
        """Starts making the motion of a plan, by rule inside Blender. Raises MachineError while another job runs. body, betas: who signs."""
        if self.busy:
            raise MachineError("another text is being signed; wait for it, or cancel it")
        self.note = ""
        self.local.body = body
        self.job = Job(plan.text, fps, {}, "inside", self.local.animate(plan, fps=fps, betas=betas))
        return self.job

    def cancel(self) -> None:
        """Calls the running job off; its outcome is a Failed of kind `cancelled`."""
        if self.job is not None and self.job.outcome is None:
            self.job.cancelled = True
            (self.worker if self.job.who == "worker" else self.local).cancel(self.job.number)

    def poll(self) -> Job | None:
        """Takes in what has happened; returns the job, running or over. Never waits."""
        for by, events in (("worker", self.worker.poll()), ("inside", self.local.poll())):
            for event in events:
                job = self.job
                if job is None or job.outcome is not None or (job.who, job.number) != (by, event.job):
                    continue
                if isinstance(event, Progress):
                    job.fraction, job.step = max(job.fraction, event.fraction), event.step
                elif isinstance(event, Failed) and event.kind in _NO_WORKER and job.fallback and not job.cancelled:
                    self.note = "Signed inside Blender: " + ("no worker was found, see the preferences" if event.kind == MISSING else self.worker.words)
                    job.who, job.fallback, job.fraction, job.step = "inside", False, 0.0, "starting"
                    job.number = self.local.sign(job.text, fps=job.fps, **job.options)
                else:
                    job.outcome = event
        return self.job

    def choose(self, environment: str) -> None:
        """Names the worker's environment (`environment.find_command`); another one than before ends the process of that one."""
        if environment != self.worker.chosen:
            self.worker.kill()
            self.worker.chosen = environment

    def stop(self) -> None:
        """Ends job, process and thread, waiting a few seconds at the most. For leaving Blender and disabling the add-on."""
        self.cancel()
        self.worker.stop(_STOP_SECONDS)
        self.local.stop(_STOP_SECONDS)
        self.job = None


_sessions: list[Session] = []


def session() -> Session:
    """The one of this Blender, made when it is first asked for."""
    if not _sessions:
        _sessions.append(Session())
    return _sessions[0]


def register() -> None:
    """Nothing starts before something is signed."""


def unregister() -> None:
    while _sessions:
        _sessions.pop().stop()
