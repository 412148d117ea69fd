"""What a worker does, in this process: pieces of a clip join to the same video, the scene is kept, and nothing piles up in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headless.batch.ledger import file_fact
from headless.batch.rows import Look
from headless.batch.runner import Tally
from headless.batch.work import Bench, Task, order_of, perform
from headless.commands.batch import _Bar, _time
from signgen_core import pipeline
from signgen_core.errors import InputError, OutputError
from signgen_core.motion import Motion, write_npz

bpy = pytest.importorskip("bpy")


@pytest.fixture(scope="module")
def motion() -> Motion:
    return pipeline.animate(pipeline.plan_text("YES", gloss=True), fps=3.0)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    (tmp_path / "scratch").mkdir()
    bench = Bench(tmp_path / "scratch")
    yield bench
    bench.close()


def finish(folder: Path, bench: Bench, name: str, look: Look, pieces: list[Path] | None = None) -> dict[str, Any]:
    fact = file_fact(folder, folder / "motions/m.npz")
    order = {
        "folder": str(folder), "look": order_of(look), "motion_file": fact["path"], "motion_sha256": fact["sha256"], "plan_file": None, "name": name,
        "pieces": [str(p) for p in pieces or ()], "twin": None, "frames": None, "warnings": [],
    }  # fmt: skip
    return perform(Task(name, "finish", order), bench)


def test_pieces_join_to_the_video_that_one_would_have_made(tmp_path: Path, bench: Bench, motion: Motion) -> None:
    (tmp_path / "motions").mkdir()
    write_npz(tmp_path / "motions/m.npz", motion, pipeline.joints(motion))
    look = Look(size=(64, 48), quality="preview", format="webm", alpha=True, sidecars=("poster",))
    finish(tmp_path, bench, "whole", look)
    pieces, bounds = [], (0, 2, motion.num_frames)
    for first, end in zip(bounds, bounds[1:], strict=False):
        pieces.append(tmp_path / f"{first}.mkv")
        order = {"folder": str(tmp_path), "look": order_of(look), "motion_file": "motions/m.npz", "motion_sha256": "", "first": first, "end": end}
        answer = perform(Task("joined", "piece", order | {"file": str(pieces[-1])}), bench)
        assert answer["frames"] == end - first and answer["seconds"] > 0
    answer = finish(tmp_path, bench, "joined", look, pieces)
    assert answer["frames"] == motion.num_frames and set(answer["files"]) == {"video", "poster"}
    for suffix in (".webm", ".poster.png"):
        assert (tmp_path / f"videos/joined{suffix}").read_bytes() == (tmp_path / f"videos/whole{suffix}").read_bytes()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_scene_is_kept_and_signers_of_other_shapes_do_not_pile_up(bench: Bench, motion: Motion) -> None:
    look = Look(size=(32, 32), quality="preview")
    stages = [bench.load(replace(motion, betas=np.array([0.5 * k])), str(k), (32, 32), look, False)[0] for k in range(3)]
    assert len({id(stage) for stage in stages}) == 1
    assert {kind: len(getattr(bpy.data, kind)) for kind in ("meshes", "armatures", "actions", "shape_keys")} == {
        "meshes": 1, "armatures": 1, "actions": 1, "shape_keys": 1,
    }  # fmt: skip
    assert bench.load(motion, "3", (32, 48), look, False)[0] is not stages[0]


def test_a_camera_that_cuts_a_hand_off_is_told_of(bench: Bench, motion: Motion) -> None:
    far = replace(motion, transl=np.linspace([-9.0, 0, 0], [9.0, 0, 0], motion.num_frames))
    _, warnings = bench.load(far, "far", (32, 32), Look(quality="preview"), False)
    assert len(warnings) == 1 and warnings[0].startswith("camera signing: ")


def test_a_nearly_full_disk_is_noticed_before_any_work(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(OutputError, match=f"^{tmp_path}: cannot be written: No space left on device"):
        finish_order = {"folder": str(tmp_path)}
        perform(Task("a", "finish", finish_order), bench)


def test_a_plan_that_is_not_the_motion_s_is_refused(tmp_path: Path, bench: Bench, motion: Motion) -> None:
    from signgen_core.action import dump_plan

    (tmp_path / "motions").mkdir()
    write_npz(tmp_path / "motions/m.npz", motion, pipeline.joints(motion))
    (tmp_path / "p.json").write_text(dump_plan(pipeline.plan_text("NO", gloss=True)))
    fact = file_fact(tmp_path, tmp_path / "motions/m.npz")
    order = {"folder": str(tmp_path), "look": order_of(Look()), "motion_file": fact["path"], "motion_sha256": "", "plan_file": "p.json", "name": "a"}
    with pytest.raises(InputError, match="not the same signs"):
        perform(Task("a", "finish", order | {"pieces": [], "twin": None, "frames": None, "warnings": []}), bench)


def test_progress_says_rows_speed_and_time_left(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    import sys
    import time

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = _Bar()
    bar.tally = tally = Tally(200, kept=10, done=5, failed=[("p", "i", "w")], frames=300, began=100.0, frames_left=9000.0)
    now[0] = 130.0
    bar.show(tally)
    assert capfd.readouterr() == ("", "\r\x1b[K16 of 200 rows, 1 failed  10.0 frames/s, 15 min 00 s left")
    bar.show(tally)  # too soon
    bar.tell("done", "a.mp4")
    assert capfd.readouterr() == ("16/200  a.mp4\n", "\r\x1b[K")
    bar.clear()
    assert capfd.readouterr() == ("", "")
    assert [_time(s) for s in (0.4, 59.6, 61, 3600, 7260)] == ["0 s", "1 min 00 s", "1 min 01 s", "1 h 00 min", "2 h 01 min"]
    assert Tally(3).seconds_left is None
