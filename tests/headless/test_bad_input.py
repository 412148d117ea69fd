"""Bad input: one line on standard error that names what is wrong, exit status 1, and nothing left behind."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
OUT = {"plan": "out.json", "animate": "out.npz", "render": "out.mp4"}
PLAN: dict[str, Any] = {"version": 1, "actions": [{"gloss_id": "HELLO", "handshape": {"type": "closed_b"}, "duration": 0.6}]}
WHOLE_PLAN: dict[str, Any] = {
    "version": 1,
    "actions": [
        {
            "gloss_id": "HELLO", "handshape": {"type": "closed_b"}, "duration": 0.6, "start": 0.5,
            "phonology": [{"palm": "forward", "fingers": "up", "movement": "Straight", "direction": "out", "size": 0.1}],
        }
    ],
}  # fmt: skip
BAD_TEXT = [
    pytest.param("", "empty", id="empty"),
    pytest.param(" \t\n ", "empty", id="blank"),
    pytest.param("?! ... --", "", id="punctuation"),
    pytest.param("😀🎉 👍🏽", "", id="emoji"),
    pytest.param("\u0301 \u0308", "", id="accents-without-letters"),
    pytest.param("word " * 4000, "10,000", id="20000-characters"),
    pytest.param("你好，我叫安娜。", "", id="chinese"),
    pytest.param("Привет, как дела?", "", id="russian"),
    pytest.param("مرحبا", "", id="arabic"),
    pytest.param("नमस्ते", "", id="hindi"),
]


def check(shown: Any, words: str, status: int = 1) -> None:
    assert shown.status == status, shown
    assert shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1 and shown.err.endswith("\n"), shown.err
    assert words in shown.err, shown.err
    assert len(shown.err) < 600, "the line repeats the input instead of naming what is wrong"


def left(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("command", ["plan", "animate", "render"])
@pytest.mark.parametrize(("text", "words"), BAD_TEXT)
def test_text_that_cannot_be_signed(run: Callable[..., Any], tmp_path: Path, command: str, text: str, words: str) -> None:
    check(run(command, text, "-o", OUT[command]), words)
    assert left(tmp_path) == []
    if command == "plan":
        check(run(command, text), words)
        check(run(command, "-", stdin=text.encode()), words)


@pytest.mark.parametrize("text", ["", "?!", "IX-1 (", "HELLO(duration=", "HELLO(duration=-1)", "HELLO(duration=nan)", "HELLO(colour=red)", "fs-", "你好"])
def test_gloss_notation_that_cannot_be_read(run: Callable[..., Any], tmp_path: Path, text: str) -> None:
    check(run("plan", "--gloss", text, "-o", "out.json"), "")
    assert left(tmp_path) == []


@pytest.mark.parametrize("command", ["plan", "animate", "render"])
def test_missing_files(run: Callable[..., Any], tmp_path: Path, command: str) -> None:
    check(run(command, "absent.json", "-o", OUT[command]), "absent.json: no such file")
    check(run(command, "--lines", "absent.txt", "-o", "out.jsonl" if command == "plan" else "out"), "absent.txt: no such file")
    (tmp_path / "folder.json").mkdir()
    check(run(command, "folder.json", "-o", OUT[command]), "folder.json: is a folder")
    assert left(tmp_path) == ["folder.json"]


def test_missing_motion(run: Callable[..., Any], tmp_path: Path) -> None:
    check(run("render", "absent.npz", "-o", "out.mp4"), "absent.npz: no such file")
    assert left(tmp_path) == []


@pytest.mark.parametrize("command", ["plan", "animate", "render"])
@pytest.mark.parametrize("data", [b"\xff\xfe", b"caf\xe9"])
def test_bytes_that_are_not_text(run: Callable[..., Any], tmp_path: Path, command: str, data: bytes) -> None:
    check(run(command, "-", "-o", OUT[command], stdin=data), "standard input: not UTF-8 text")
    (tmp_path / "p.json").write_bytes(data)
    check(run(command, "p.json", "-o", OUT[command]), "p.json: plan: not UTF-8 text")
    assert left(tmp_path) == ["p.json"]


def edited(path: tuple[Any, ...], value: Any) -> str:
    data = copy.deepcopy(WHOLE_PLAN)
    target: Any = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(data)


BAD_PLANS = [
    ("", "plan: not valid JSON"),
    ('{"version": 1, "actions": [', "plan: not valid JSON"),
    ("null", "plan: expected an object"),
    ("[]", "plan: holds no segments"),
    ('{"version": 1}', "actions: missing"),
    (edited(("version",), 99), "version: 99 is newer"),
    (edited(("actions", 0, "duration"), float("nan")), "actions[0].duration: nan is not a finite number"),
    (edited(("actions", 0, "duration"), -0.5), "actions[0].duration: -0.5 is not between"),
    (edited(("actions", 0, "duration"), 0), "actions[0].duration: 0 is not between"),
    (edited(("actions", 0, "handshape", "type"), "claw-hammer"), "actions[0].handshape.type: unknown handshape 'claw-hammer'"),
    (edited(("actions", 0, "handshape", "type"), ""), "actions[0].handshape.type: "),
    (edited(("actions", 0, "phonology", 0, "final_handshape"), "claw-hammer"), "actions[0].phonology[0].final_handshape: unknown handshape 'claw-hammer'"),
    (edited(("actions", 0, "phonology", 0, "nondominant_handshape"), "claw-hammer"), "actions[0].phonology[0].nondominant_handshape: unknown handshape"),
    (edited(("actions", 0, "phonology", 0, "contact_point"), "third_elbow"), "actions[0].phonology[0]"),
    (edited(("actions", 0, "phonology", 0, "palm"), "sideways"), "actions[0].phonology[0].palm: direction 'sideways'"),
    (edited(("actions", 0, "colour"), "red"), "actions[0].colour: unknown field"),
]


@pytest.mark.parametrize("command", ["plan", "animate", "render"])
@pytest.mark.parametrize(("text", "words"), BAD_PLANS)
def test_plans_that_are_wrong(run: Callable[..., Any], tmp_path: Path, command: str, text: str, words: str) -> None:
    (tmp_path / "p.json").write_text(text)
    check(run(command, "p.json", "-o", OUT[command]), f"p.json: {words}")
    assert left(tmp_path) == ["p.json"]
    if text.startswith(("{", "[")):
        check(run(command, "-", "-o", OUT[command], stdin=text.encode()), f"standard input: {words}")


def test_a_gloss_that_is_in_no_lexicon_and_has_no_form(run: Callable[..., Any], tmp_path: Path) -> None:
    data = copy.deepcopy(PLAN)
    data["actions"][0]["gloss_id"] = "FLOCCINAUCINIHILIPILIFICATION"
    (tmp_path / "p.json").write_text(json.dumps(data))
    check(run("plan", "p.json"), "p.json: actions[0].gloss_id: ")


@pytest.mark.parametrize("command", ["plan", "animate", "render"])
def test_results_that_cannot_be_written(run: Callable[..., Any], tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("mine")
    name = OUT[command]
    for output, words in (
        (f"file/{name}", "there is no folder file"), (f"absent/{name}", "there is no folder absent"), (f"/proc/{name}", "cannot be written"),
        ("out.xyz", "unknown suffix '.xyz'"), ("out", "unknown suffix ''"),
    ):  # fmt: skip
        check(run(command, "Hello.", "-o", output), words)
    (tmp_path / name).mkdir()
    check(run(command, "Hello.", "-o", name), "is a folder")
    assert left(tmp_path) == sorted(["file", name]) and (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    check(run("plan", "Hello.", "-o", "closed/out.json"), "cannot be written: Permission denied")


def test_second_outputs_are_checked_before_the_work(run: Callable[..., Any], tmp_path: Path) -> None:
    check(run("render", "Hello.", "-o", "out.mp4", "--plan-out", "absent/p.json"), "there is no folder absent")
    check(run("render", "Hello.", "-o", "out.mp4", "--motion-out", "m.txt"), "unknown suffix '.txt'")
    check(run("render", "--lines", "absent.txt", "-o", "absent/out"), "there is no folder absent")
    check(run("render", "Hello.", "-o", "out.mp4", "--alpha"), "alpha: .mp4 has no transparency")
    assert left(tmp_path) == []


@pytest.mark.parametrize("command", ["animate", "render"])
def test_bodies_that_are_none(run: Callable[..., Any], tmp_path: Path, command: str) -> None:
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", poses=np.zeros((3, 165)))
    (tmp_path / "empty.npz").touch()
    before = left(tmp_path)
    for name, words in (
        ("text.npz", "text.npz: not an .npz body file"), ("other.npz", "other.npz: not an SMPL-X body"), ("empty.npz", "empty.npz: "),
        ("absent.npz", "absent.npz: no such body file"), ("nobody", "character 'nobody': unknown"), ("absent.json", "absent.json: no such file"),
    ):  # fmt: skip
        check(run(command, "Hello.", "-o", OUT[command], "--character", name), words)
    # in a process of its own, since the default body is kept for the life of a process
    done = subprocess.run(
        [sys.executable, "-m", "headless", command, "Hello.", "-o", OUT[command]],
        cwd=tmp_path, env={**os.environ, "SIGNGEN_SMPLX": "other.npz"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith("error: other.npz: not an SMPL-X body") and done.stderr.count("\n") == 1
    assert left(tmp_path) == before


def test_motion_files_that_are_wrong(run: Callable[..., Any], tmp_path: Path) -> None:
    good = {"poses": np.zeros((3, 165)), "trans": np.zeros((3, 3)), "mocap_frame_rate": np.array(30.0)}
    np.savez(tmp_path / "good.npz", **good)
    np.savez(tmp_path / "dims.npz", **{**good, "poses": np.zeros((3, 156))})
    np.savez(tmp_path / "nan.npz", **{**good, "trans": np.full((3, 3), np.nan)})
    np.savez(tmp_path / "pickled.npz", **{**good, "poses": np.array([{}, print], dtype=object)})
    np.savez(tmp_path / "norate.npz", poses=good["poses"])
    (tmp_path / "truncated.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:-200])
    (tmp_path / "text.npz").write_text("hello")
    before = left(tmp_path)
    for name, words in (
        ("dims", "poses: expected float (T, 165)"), ("nan", "transl: holds NaN"), ("pickled", "Object arrays cannot be loaded"),
        ("norate", "no frame rate"), ("truncated", "not a readable npz file"), ("text", "not a readable npz file"),
    ):  # fmt: skip
        check(run("render", f"{name}.npz", "-o", "out.mp4"), f"{name}.npz: ")
        check(run("render", f"{name}.npz", "-o", "out.mp4"), words)
    check(run("animate", "good.npz", "-o", "out.npz"), "good.npz: expected text or a plan (.json) here")
    assert left(tmp_path) == before


def test_the_same_through_the_installed_command(tmp_path: Path) -> None:
    """What `run` shows in this process is what a shell sees: one bad text, one bad plan, one wrong option."""
    command = Path(sys.executable).with_name("signgen")
    if not command.exists():
        pytest.skip("the package is not installed in this environment")
    (tmp_path / "p.json").write_text(edited(("actions", 0, "duration"), -1))
    for arguments, status in ((["plan", "?!"], 1), (["render", "p.json", "-o", "out.mp4"], 1), (["render", "Hello.", "-o", "out.mp4", "--fps", "0"], 2)):
        done = subprocess.run([command, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == status and done.stdout == "" and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert left(tmp_path) == ["p.json"]
