"""Signing in a thread: the same results as anywhere, and a way to call it off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from blender_addon.job_events import Done, Event, Failed, Progress
from blender_addon.local_signing import LocalSigning
from signgen_core import pipeline
from signgen_core.action import plan_from_json, plan_to_json
from signgen_core.errors import MachineError
from signgen_core.resampling import resample

TEXT = "Nice to meet you."


@pytest.fixture
def local() -> Iterator[LocalSigning]:
    threads = threading.active_count()
    one = LocalSigning()
    yield one
    assert one.stop(60.0) and not one.busy
    assert threading.active_count() == threads


def until(local: LocalSigning, done: Callable[[list[Event]], object]) -> list[Event]:
    events: list[Event] = []
    deadline = time.monotonic() + 90.0
    while not done(events):
        assert time.monotonic() < deadline, events
        events += local.poll()
        time.sleep(0.002)
    return events


def outcome(local: LocalSigning, number: int) -> Event:
    return until(local, lambda events: [e for e in events if e.job == number and not isinstance(e, Progress)])[-1]


def test_it_signs_as_the_core_does(local: LocalSigning) -> None:
    plan = pipeline.plan_text(TEXT, seed=3, handedness="left")
    motion = pipeline.animate(plan, fps=20.0)
    number = local.sign(TEXT, fps=20.0, seed=3, handedness="left")
    other = local.animate(replace(plan, generator="phonology"), fps=20.0)
    assert local.busy
    events = until(local, lambda events: len([e for e in events if isinstance(e, Done)]) == 2)
    fractions = [e.fraction for e in events if isinstance(e, Progress) and e.job == number]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    for done in (e for e in events if isinstance(e, Done)):
        assert done.motion is not None and np.array_equal(done.motion.poses, motion.poses) and np.array_equal(done.motion.face, motion.face)
        assert done.request == {number: "sign", other: "animate"}[done.job]
        assert done.plan is None or plan_to_json(done.plan) == plan_to_json(plan)
    planned = outcome(local, local.plan("HELLO", gloss=True, generator="lm", emotion=None, rules_only=False))
    assert isinstance(planned, Done) and planned.plan is not None and planned.plan.actions[0].gloss_id == "HELLO" and planned.motion is None


def test_an_edited_plan_is_resampled(local: LocalSigning) -> None:
    plan = pipeline.plan_text("HELLO MOTHER BOOK HOUSE WORK HELLO", gloss=True)
    motion = pipeline.animate(plan, fps=25.0)
    edited = replace(plan, actions=(*plan.actions[:3], replace(plan.actions[3], emphasis="strong"), *plan.actions[4:]))
    expected, window = resample(plan, motion, edited)
    found = outcome(local, local.resample(plan, motion, edited))
    assert isinstance(found, Done) and found.motion is not None
    assert np.array_equal(found.motion.poses, expected.poses) and found.plan == window.plan
    assert found.window == (window.first, window.last, window.old_last)


def test_a_job_is_called_off_at_its_next_step(local: LocalSigning, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on, went_on = threading.Event(), threading.Event(), threading.Event()

    def animate(plan: object, *, progress: Callable[[float], None], **others: object) -> None:
        inside.set()
        assert go_on.wait(60)
        progress(0.5)
        went_on.set()

    monkeypatch.setattr(pipeline, "animate", animate)
    plan = pipeline.plan_text("HELLO", gloss=True)
    number, waiting = local.animate(plan), local.animate(plan)
    assert inside.wait(60)
    local.cancel()
    assert not local.busy
    failed = [e for e in local.poll() if not isinstance(e, Progress)]
    assert [(e.job, e.kind) for e in failed if isinstance(e, Failed)] == [(number, "cancelled"), (waiting, "cancelled")]
    go_on.set()
    monkeypatch.undo()
    assert isinstance(outcome(local, local.plan("HELLO", gloss=True)), Done)
    assert not went_on.is_set()
    assert local.poll() == []


def test_what_cannot_be_done_is_one_line_with_its_kind(local: LocalSigning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(local, local.plan(""))
    assert isinstance(found, Failed) and found.kind == "input"
    plan = plan_to_json(pipeline.plan_text("HELLO", gloss=True))
    plan["actions"][0]["handshape"]["type"] = "nobody_s"
    found = outcome(local, local.animate(plan_from_json(plan)))
    assert isinstance(found, Failed) and (found.kind, found.path) == ("plan", "actions[0].handshape.type")
    for problem, kind in ((MemoryError(), "out_of_memory"), (MachineError("no disk"), "machine"), (ZeroDivisionError("by\nzero"), "internal")):

        def broken(*arguments: object, problem: Exception = problem, **options: object) -> None:
            raise problem

        monkeypatch.setattr(pipeline, "plan_text", broken)
        found = outcome(local, local.plan(TEXT))
        assert isinstance(found, Failed) and found.kind == kind and "\n" not in found.message
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_it_can_be_stopped_and_used_again(local: LocalSigning) -> None:
    assert local.stop()
    assert isinstance(outcome(local, local.plan("HELLO", gloss=True)), Done)
    local.plan(TEXT)
    assert local.stop(60.0)
    assert isinstance(outcome(local, local.plan("HELLO", gloss=True)), Done)
