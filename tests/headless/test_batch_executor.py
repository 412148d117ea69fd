"""Worker processes of this machine: where they run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headless.batch.executor import Event, LocalExecutor
from headless.batch.work import FINISH, READ, Task

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="needs a machine with two cores that tells which a process may use")


@pytest.fixture
def executor(tmp_path: Path) -> Any:
    made: list[LocalExecutor] = []

    def make(draw: int, read: int, threads: int = 1) -> LocalExecutor:
        made.append(LocalExecutor(draw, read, threads, tmp_path / "scratch", tmp_path / "memory"))
        return made[-1]

    yield make
    for one in made:
        one.close()


def answer(executor: LocalExecutor) -> Event:
    for _ in range(600):
        event = executor.next(0.1)
        if event is not None:
            return event
    raise AssertionError("no answer")


def places(executor: LocalExecutor, kind: str) -> list[set[int]]:
    """Gives each worker a task that fails at once, and tells on which cores the workers then are."""
    for k, _ in enumerate(executor._slots):
        executor.submit(Task(f"t{k}", kind, {"folder": "nowhere"}))
    for _ in executor._slots:
        assert answer(executor).kind == "failed"
    return [os.sched_getaffinity(slot.process.pid) for slot in executor._slots if slot.process is not None]


def test_workers_that_fill_the_machine_have_a_core_each(executor: Callable[..., LocalExecutor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", _of_two(os.sched_getaffinity))
    found = places(executor(2, 0), FINISH)
    assert sorted(map(sorted, found)) == [[CORES[0]], [CORES[1]]]


def test_fewer_workers_and_readers_go_where_the_system_puts_them(executor: Callable[..., LocalExecutor]) -> None:
    assert places(executor(1, 0), FINISH) == [set(CORES)]
    assert places(executor(0, len(CORES)), READ) == [set(CORES)] * len(CORES)


def _of_two(real: Callable[[int], set[int]]) -> Callable[[int], set[int]]:
    """As on a machine of two cores, so that the test starts no more processes than that."""
    return lambda pid: set(CORES[:2]) if pid == 0 else real(pid)
