"""The runner with an executor in this process: what is done again, what is not, and what happens when things go wrong. And the manifest."""

from __future__ import annotations

import errno
import json
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headless.batch import ledger as ledgers
from headless.batch.executor import Event
from headless.batch.ledger import Ledger
from headless.batch.rows import Look, read_table
from headless.batch.runner import Runner, Tally
from headless.batch.work import Bench, Task, perform, worth_another_try
from headless.inputs import Wishes
from signgen_core.errors import FileFormatError, InputError, MachineError, OutputError

VERSIONS = {"signgen": "0"}


class Inline:
    """Does READ tasks for good and only pretends to draw. fails: called before each task; raises, or returns True for a worker that dies."""

    slots = 2

    def __init__(self, folder: Path, fails: Callable[[Task], bool | None] = lambda task: None) -> None:
        self.bench, self.fails, self.done = Bench(folder), fails, []
        self._events: deque[Event] = deque()
        folder.mkdir(exist_ok=True)

    def submit(self, task: Task) -> None:
        json.dumps(task.order)  # any executor has to be able to carry it
        self.done.append((task.id, task.kind))
        try:
            if self.fails(task):
                self._events.append(Event("lost", task, "the worker process ended by signal SIGKILL"))
                return
            answer = perform(task, self.bench) if task.kind == "read" else self._draw(task)
            self._events.append(Event("done", task, answer))
        except (InputError, OutputError, MachineError) as problem:
            self._events.append(Event("failed", task, str(problem), worth_another_try(problem)))

    def _draw(self, task: Task) -> dict[str, Any]:
        if task.kind == "piece":
            Path(task.order["file"]).write_text("frames")
            return {"frames": task.order["end"] - task.order["first"], "seconds": 0.1}
        place = Path(task.order["folder"]) / "videos" / f"{task.id}.{task.order['look']['format']}"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"{task.order['motion_sha256']} {task.order['look']}")
        return {"files": {"video": ledgers.file_fact(Path(task.order["folder"]), place)}, "frames": 9, "seconds": 0.5, "warnings": []}

    def next(self, timeout: float) -> Event | None:
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        pass


def run(folder: Path, lines: list[dict[str, Any]], executor: Inline | None = None, **options: Any) -> tuple[Tally, Inline, list[tuple[str, str]]]:
    """A run in `folder/out` of a jsonl table; (tally, executor, what was told)."""
    (folder / "jobs.jsonl").write_text("\n".join(json.dumps({"gloss": True} | line if "text" in line else line) for line in lines))
    (folder / "out").mkdir(exist_ok=True)
    executor = executor or Inline(folder / "scratch")
    told: list[tuple[str, str]] = []
    table = read_table(str(folder / "jobs.jsonl"), Wishes(), Look(fps=5.0))
    with Ledger(folder / "out") as ledger:
        runner = Runner(
            table, folder / "out", ledger, executor, options.pop("versions", VERSIONS), scratch=folder / "scratch",
            tell=lambda event, text: told.append((event, text)), **options,
        )  # fmt: skip
        return runner.run(), executor, told


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "out/manifest.jsonl").read_text().splitlines()]
    return {line["id"]: line for line in lines[1:]}


A, B = {"id": "a", "text": "HELLO"}, {"id": "b", "text": "NAME"}


def test_stages_are_taken_one_by_one(tmp_path: Path) -> None:
    for until, state, files in (("plan", "planned", {"plan"}), ("motion", "animated", {"plan", "motion"}), ("video", "done", {"plan", "motion", "video"})):
        tally, executor, _ = run(tmp_path, [A], until=until)
        assert (tally.done, tally.kept) == (1, 0) and len(executor.done) == 1
        assert entries(tmp_path)["a"]["state"] == state and set(entries(tmp_path)["a"]["files"]) == files
    tally, executor, _ = run(tmp_path, [A])
    assert (tally.done, tally.kept, executor.done) == (0, 1, [])
    tally, executor, _ = run(tmp_path, [A], until="plan")
    assert tally.kept == 1 and entries(tmp_path)["a"]["state"] == "done"


def test_only_what_a_change_concerns_is_made_anew(tmp_path: Path) -> None:
    run(tmp_path, [A, B])
    plan = (tmp_path / "out/plans/a.json").stat().st_mtime_ns
    _, executor, _ = run(tmp_path, [A | {"quality": "preview"}, B])
    assert executor.done == [("a", "finish")], "another look needs no other motion"
    _, executor, _ = run(tmp_path, [A | {"quality": "preview", "fps": 6}, B])
    assert executor.done == [("a", "read"), ("a", "finish")] and (tmp_path / "out/plans/a.json").stat().st_mtime_ns == plan
    _, executor, _ = run(tmp_path, [A | {"seed": 5}, B])
    assert executor.done == [("a", "read"), ("a", "finish")] and json.loads((tmp_path / "out/plans/a.json").read_text())["seed"] == 5
    (tmp_path / "out/motions/b.npz").unlink()
    _, executor, _ = run(tmp_path, [A | {"seed": 5}, B])
    assert executor.done == [("b", "read"), ("b", "finish")]
    _, executor, _ = run(tmp_path, [A | {"seed": 5, "format": "webm"}, B])
    assert sorted(os.listdir(tmp_path / "out/videos")) == ["a.webm", "b.mp4"], "the old format does not stay behind"


def test_verify_notices_a_changed_file(tmp_path: Path) -> None:
    run(tmp_path, [A])
    video = tmp_path / "out/videos/a.mp4"
    video.write_bytes(bytes(reversed(video.read_bytes())))
    assert run(tmp_path, [A])[0].kept == 1
    _, executor, _ = run(tmp_path, [A], verify=True)
    assert executor.done == [("a", "finish")]


def test_the_same_again_is_not_made_again(tmp_path: Path) -> None:
    run(tmp_path, [A])
    _, executor, _ = run(tmp_path, [A, A | {"id": "c"}])
    assert executor.done == [("c", "finish")]
    assert (tmp_path / "out/motions/c.npz").read_bytes() == (tmp_path / "out/motions/a.npz").read_bytes()
    _, executor, _ = run(tmp_path, [A, A | {"id": "d"}], versions={"signgen": "1"})
    assert executor.done == [("d", "read"), ("d", "finish")], "what another version made is nobody's twin"


def test_a_dead_worker_gets_one_more_chance(tmp_path: Path) -> None:
    deaths = {("a", "read"): 1, ("b", "finish"): 2}

    def fails(task: Task) -> bool:
        deaths[task.id, task.kind] = deaths.get((task.id, task.kind), 0) - 1
        return deaths[task.id, task.kind] >= 0

    tally, executor, told = run(tmp_path, [A, B], Inline(tmp_path / "scratch", fails))
    assert tally.done == 1 and [(name, why) for _, name, why in tally.failed] == [("b", "the worker process ended by signal SIGKILL, twice")]
    assert executor.done.count(("a", "read")) == 2 and executor.done.count(("b", "finish")) == 2
    assert sum(event == "note" and "tried once more" in text for event, text in told) == 2
    found = entries(tmp_path)
    assert found["a"]["state"] == "done" and found["a"]["tries"] == 2
    assert found["b"]["state"] == "failed" and set(found["b"]["files"]) == {"plan", "motion"}
    _, executor, _ = run(tmp_path, [A, B])
    assert executor.done == [("b", "finish")], "a later run goes on where it failed"


def test_a_full_disk_is_worth_a_second_try_and_bad_text_is_not(tmp_path: Path) -> None:
    full = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))]

    def fails(task: Task) -> None:
        if task.id == "a" and full:
            try:
                raise full.pop()
            except OSError as problem:
                raise OutputError(f"out: cannot be written: {problem.strerror}") from problem

    tally, executor, told = run(tmp_path, [A, {"id": "x", "text": "NO-SUCH-SIGN"}], Inline(tmp_path / "scratch", fails))
    assert tally.done == 1 and executor.done.count(("a", "read")) == 2 and executor.done.count(("x", "read")) == 1
    assert "No space left on device; tried once more" in next(text for event, text in told if event == "note")
    assert "NO-SUCH-SIGN" in tally.failed[0][2] and not tally.failed[0][2].endswith("twice")


def test_a_long_clip_is_shared_when_there_are_few(tmp_path: Path) -> None:
    long = {"id": "long", "text": "HELLO " * 30}
    tally, executor, _ = run(tmp_path, [long])
    frames = entries(tmp_path)["long"]
    assert executor.done == [("long", "read"), ("long", "piece"), ("long", "piece"), ("long", "finish")]
    assert tally.frames > 120 and frames["state"] == "done"
    assert [p for p in os.listdir(tmp_path / "scratch") if p.endswith(".mkv")] == []


def test_a_file_that_goes_missing_fails_its_row_alone(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"version": 1}')

    def fails(task: Task) -> None:
        if task.id == "p":
            raise InputError("p.json: no such file")

    tally, _, _ = run(tmp_path, [{"id": "p", "plan": "p.json"}, A], Inline(tmp_path / "scratch", fails))
    assert tally.done == 1 and [f[1] for f in tally.failed] == ["p"]


def test_the_manifest_forgets_half_a_line_and_nothing_else(tmp_path: Path) -> None:
    run(tmp_path, [A])
    path = tmp_path / "out/manifest.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id": "b", "sta')
    with Ledger(tmp_path / "out") as ledger:
        assert set(ledger.entries) == {"a"}
    assert path.read_bytes() == whole


@pytest.mark.parametrize("text", ["[]\n", '{"format": "signgen-batch", "version": 2}\n', "x\n", '{"format": "signgen-batch", "version": 1}\n{"id": 1}\n'])
def test_what_is_no_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.jsonl").write_text(text)
    with pytest.raises(FileFormatError, match=r"manifest\.jsonl"):
        Ledger(tmp_path)
    assert (tmp_path / "manifest.jsonl").read_text() == text


def test_two_batches_cannot_share_a_folder(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(OutputError, match="another batch is at work"):
        Ledger(tmp_path)
    Ledger(tmp_path).__exit__()


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_manifest_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger(tmp_path) as ledger:
        before = (tmp_path / "manifest.jsonl").read_bytes()
        write = os.write
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:5]))
        with pytest.raises(OutputError, match="No space left on device"):
            ledger.record({"id": "a", "state": "failed"})
        assert (tmp_path / "manifest.jsonl").read_bytes() == before and ledger.entries == {}
        monkeypatch.undo()
        ledger.record({"id": "a", "state": "failed"})
    with Ledger(tmp_path) as ledger:
        assert ledger.entries == {"a": {"id": "a", "state": "failed"}}
