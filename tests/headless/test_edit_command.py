"""signgen edit: changes on the command line, what it prints and writes, and what it leaves alone when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headless import cli
from signgen_core import pipeline
from signgen_core.action import dump_plan, read_plan
from signgen_core.motion import read_npz, write_npz


@pytest.fixture
def folder(run: Callable[..., Any], tmp_path: Path) -> Path:
    """The working folder with a plan and its motion."""
    plan = pipeline.plan_text("IX-1 NAME MOTHER .", gloss=True, seed=1)
    (tmp_path / "p.json").write_text(dump_plan(plan), encoding="utf-8")
    motion = pipeline.animate(plan, fps=20.0)
    write_npz(tmp_path / "m.npz", motion, pipeline.joints(motion))
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_it_is_a_command() -> None:
    assert "edit" in cli.COMMANDS


def test_changes_go_to_another_file_and_are_told(run: Callable[..., Any], folder: Path) -> None:
    sets = ("--set", "actions[1].handshape.type=v", "--set", "text=Hello = you")
    done = run("edit", "p.json", *sets, "--insert", "3=BOOK", "--remove", "actions[0]", "-o", "q.json")
    assert done.status == 0 and done.err == ""
    lines = done.out.splitlines()
    assert 'actions[0].handshape.type: "h" -> "v"' in lines and "actions[0]: IX-1 removed" in lines and "actions[2]: BOOK inserted" in lines
    assert lines[-1].startswith("q.json  3 signs, ")
    new = read_plan(folder / "q.json")
    assert [a.gloss_id for a in new.actions] == ["NAME", "MOTHER", "BOOK"] and new.actions[0].handshape == "v" and new.text == "Hello = you"
    assert [a.gloss_id for a in read_plan(folder / "p.json").actions] == ["IX-1", "NAME", "MOTHER"]


def test_without_a_file_the_plan_goes_to_standard_output(run: Callable[..., Any], folder: Path) -> None:
    done = run("edit", "-", "--move", "2=0", stdin=(folder / "p.json").read_bytes())
    assert done.status == 0 and [a["gloss_id"] for a in json.loads(done.out)["actions"]] == ["MOTHER", "IX-1", "NAME"]
    assert "actions[0]: MOTHER was actions[2]" in done.err


def test_in_place_with_its_motion(run: Callable[..., Any], folder: Path) -> None:
    before = read_npz(folder / "m.npz")
    done = run("edit", "p.json", "--set", "actions[2].duration=1.5", "--in-place", "--motion", "m.npz", "--window", "20", "--context", "4")
    assert done.status == 0, done.err
    told = next(line for line in done.out.splitlines() if line.startswith("frames "))
    first, last = (int(word) for word in told.split()[1:4:2])
    after = read_npz(folder / "m.npz")
    assert np.array_equal(after.poses[:first], before.poses[:first]) and not np.array_equal(after.poses[first : first + 30], before.poses[first : first + 30])
    assert last == after.num_frames - 1 and after.num_frames > before.num_frames
    assert f"({first / 20:.2f} to {last / 20:.2f} s)" in told
    assert [s.start for s in after.segments] == pytest.approx([a.start for a in read_plan(folder / "p.json").actions], abs=0.026)
    assert sorted(path.name for path in folder.iterdir()) == ["m.npz", "p.json"]


def test_a_motion_goes_to_another_file(run: Callable[..., Any], folder: Path) -> None:
    old = content(folder)
    done = run("edit", "p.json", "--set", "comment=seen", "-o", "q.json", "--motion", "m.npz", "--motion-out", "n.npz")
    assert done.status == 0 and "no frame of the motion changes" in done.out
    new = content(folder)
    assert {name: new[name] for name in old} == old and set(new) == {"m.npz", "p.json", "q.json", "n.npz"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["p.json"], 2, "Give at least one --set, --remove, --insert or --move."),
        (["p.json", "--remove", "0", "--in-place", "-o", "q.json"], 2, "--in-place writes over what it reads"),
        (["-", "--remove", "0", "--in-place"], 2, "--in-place needs a file"),
        (["p.json", "--remove", "0", "--motion-out", "n.npz"], 2, "need --motion"),
        (["p.json", "--remove", "0", "--motion", "m.npz", "-o", "q.json"], 2, "--motion needs --motion-out"),
        (["p.json", "--remove", "0", "-o", "p.json"], 1, "p.json: is what was read; --in-place writes over it"),
        (["p.json", "--remove", "0", "-o", "q.json", "--motion", "m.npz", "--motion-out", "m.npz"], 1, "m.npz: is what was read"),
        (["p.json", "--remove", "0", "-o", "q.txt"], 1, "unknown suffix '.txt'"),
        (["hello", "--remove", "0"], 1, "hello: expected a plan (.json) here"),
        (["m.npz", "--remove", "0"], 1, "expected a plan (.json) here"),
        (["none.json", "--remove", "0"], 1, "none.json: no such file"),
        (["p.json", "--remove", "0", "-o", "q.json", "--motion", "p.json", "--motion-out", "n.npz"], 1, "expected a motion (.npz) here"),
        (["p.json", "--set", "actions[1].handshape"], 1, "'actions[1].handshape' is not PATH=VALUE"),
        (["p.json", "--insert", "BOOK"], 1, "'BOOK' is not INDEX=GLOSS"),
        (["p.json", "--set", "actions[7].duration=1"], 1, "actions[7]: there is no such action; the plan has 3"),
        (["p.json", "--set", "actions[1].duration=0", "--in-place", "--motion", "m.npz"], 1, "actions[1].duration: 0 is not between 0.05 and 20"),
    ],
)  # fmt: skip
def test_faults_are_one_line_and_touch_no_file(run: Callable[..., Any], folder: Path, arguments: list[str], status: int, words: str) -> None:
    before = content(folder)
    done = run("edit", *arguments)
    assert done.status == status and done.err.startswith("error: ") and words in done.err and len(done.err.splitlines()) == 1
    assert content(folder) == before


def test_a_motion_of_another_plan_is_refused(run: Callable[..., Any], folder: Path) -> None:
    assert run("edit", "p.json", "--remove", "0", "-o", "q.json").status == 0
    before = content(folder)
    done = run("edit", "q.json", "--set", "actions[0].emphasis=mild", "--in-place", "--motion", "m.npz")
    assert done.status == 1 and done.err.startswith("error: the motion is not one of this plan: it signs IX-1 NAME MOTHER")
    assert content(folder) == before
