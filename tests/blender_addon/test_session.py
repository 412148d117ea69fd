"""Who signs: the worker, or the thread that takes over where there is none; and the one job that runs at a time."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from blender_addon.job_events import CRASHED, MISSING, Done, Event, Failed, Progress
from blender_addon.session import Session
from blender_addon.worker import Worker
from signgen_core.errors import MachineError
from signgen_core.worker_protocol import CANCELLED, VERSION


class Signing:
    """Stands for the worker or the thread: keeps what it was asked, and says what the test tells it to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.events: list[Event] = []
        self.cancelled: list[int] = []
        self.chosen, self.words, self.killed, self.stopped = "", "The worker has stopped", 0, False
        self._numbers = itertools.count(1)

    def sign(self, text: str, **options: Any) -> int:
        self.asked.append((text, options))
        return next(self._numbers)

    def poll(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def cancel(self, job: int) -> None:
        self.cancelled.append(job)

    def kill(self) -> None:
        self.killed += 1

    def stop(self, seconds: float) -> None:
        self.stopped = True


@pytest.fixture
def session() -> Session:
    return Session(Signing(), Signing())  # type: ignore[arg-type]


def done(number: int) -> Done:
    return Done(number, "sign")


def test_the_worker_signs_where_there_is_one(session: Session) -> None:
    job = session.sign("Hello.", fps=25.0, seed=3)
    assert session.worker.asked == [("Hello.", {"fps": 25.0, "seed": 3, "character": None})] and not session.local.asked
    session.worker.events = [Progress(1, 0.5, "signing"), Progress(1, 0.4, "writing")]
    assert session.poll() is job and (job.fraction, job.words) == (0.5, "Writing"), "progress never goes back"
    with pytest.raises(MachineError, match="another text"):
        session.sign("Bye.", fps=25.0)
    session.worker.events = [done(1)]
    assert session.poll().outcome == done(1) and not session.busy and session.note == ""


@pytest.mark.parametrize("kind", [MISSING, CRASHED, VERSION])
def test_the_thread_takes_over_where_there_is_no_worker(session: Session, kind: str) -> None:
    job = session.sign("Hello.", fps=25.0, seed=3)
    session.worker.events = [Progress(1, 0.7, "signing"), Failed(1, kind, "why")]
    session.poll()
    assert session.busy and job.who == "inside" and job.fraction == 0.0
    assert session.local.asked == [("Hello.", {"fps": 25.0, "seed": 3, "character": None})]
    assert session.note.startswith("Signed inside Blender: ")
    session.worker.events, session.local.events = [done(1)], []
    assert session.poll().outcome is None, "the worker's number is not the thread's"
    session.local.events = [done(1)]
    assert session.poll().outcome == done(1)


def test_a_worker_that_was_asked_for_by_name_is_not_replaced(session: Session) -> None:
    job = session.sign("Hello.", fps=25.0, who="worker")
    session.worker.events = [Failed(1, MISSING, "why")]
    session.poll()
    assert job.outcome == Failed(1, MISSING, "why") and not session.local.asked


def test_a_text_that_cannot_be_signed_is_not_tried_again(session: Session) -> None:
    job = session.sign("...", fps=25.0)
    session.worker.events = [Failed(1, "input", "nothing to sign")]
    session.poll()
    assert job.outcome.kind == "input" and not session.local.asked


def test_inside_means_inside(session: Session) -> None:
    session.sign("Hello.", fps=25.0, who="inside")
    assert session.local.asked and not session.worker.asked


def test_cancelling(session: Session) -> None:
    session.cancel()  # nothing runs
    job = session.sign("Hello.", fps=25.0)
    session.cancel()
    assert session.worker.cancelled == [1] and job.words == "Cancelling" and session.busy
    session.worker.events = [Failed(1, CRASHED, "killed")]
    session.poll()
    assert job.outcome.kind == CRASHED and not session.local.asked, "what was called off is not begun again"
    session.cancel()
    assert session.worker.cancelled == [1]
    assert session.sign("Bye.", fps=25.0) is session.job


def test_late_news_of_an_old_job_are_passed_over(session: Session) -> None:
    session.sign("Hello.", fps=25.0)
    session.worker.events = [Failed(1, CANCELLED, "cancelled")]
    session.poll()
    job = session.sign("Bye.", fps=25.0)
    session.worker.events = [done(1), Progress(1, 0.9, "signing")]
    session.poll()
    assert job.outcome is None and job.fraction == 0.0


def test_another_environment_ends_the_process_of_the_one_before(session: Session) -> None:
    session.choose("")
    assert session.worker.killed == 0
    session.choose("/some/venv")
    session.choose("/some/venv")
    assert session.worker.killed == 1 and session.worker.chosen == "/some/venv"


def test_the_end(session: Session) -> None:
    session.sign("Hello.", fps=25.0)
    session.stop()
    assert session.worker.stopped and session.local.stopped and session.worker.cancelled == [1]
    assert session.poll() is None


def test_without_any_environment_the_real_ones_sign_all_the_same() -> None:
    """The real worker's client and the real thread; the environment named is not there."""
    session = Session(Worker("/no/such/python"))
    job = session.sign("Hello.", fps=20.0, seed=1)
    try:
        for _ in range(1200):
            if session.poll().outcome is not None:
                break
            time.sleep(0.05)
        assert isinstance(job.outcome, Done), job.outcome
        assert [action.gloss_id for action in job.outcome.plan.actions] == ["HELLO"] and job.outcome.motion.fps == 20.0
    finally:
        session.stop()
