"""signgen export and signgen convert."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import datasets
from signgen_core.pipeline import joints


@pytest.fixture
def motion_file(run: Callable[..., Any], tmp_path: Path) -> Path:
    assert run("animate", "HELLO IX-1", "--gloss", "-o", "m.npz", "--fps", "10").status == 0
    return tmp_path / "m.npz"


def load(path: Path) -> Any:
    data = datasets.open(path)
    return data.load(data.names[0])


def test_convert_there_and_back(run: Callable[..., Any], motion_file: Path, tmp_path: Path) -> None:
    shown = run("convert", "m.npz", "-o", "m.bvh", "--unit", "cm")
    frames = load(motion_file).motion.num_frames
    assert shown.status == 0 and shown.out == f"m.bvh  {frames} frames at 10 fps\n"
    assert shown.err == "note: bvh has no place for face, signs, shape, expression\n"
    assert run("convert", "m.bvh", "-o", "back.npz").status == 0
    one, two = load(motion_file).motion, load(tmp_path / "back.npz").motion
    assert np.abs(joints(one)[:, :55] - joints(two)[:, :55]).max() < 1e-4 and one.fps == two.fps
    assert run("convert", "m.npz", "-o", "v.npy", "--to", "motionx_322").status == 0
    assert load(tmp_path / "v.npy").provenance["layout"] == "motionx_322"
    assert run("convert", "m.npz", "-o", "slow.npz", "--fps", "5").out.endswith(f"{(frames + 1) // 2} frames at 5 fps\n")


def test_convert_a_folder(run: Callable[..., Any], motion_file: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("in/a.npz", "in/deep/b.npz"):
        (tmp_path / name).write_bytes(motion_file.read_bytes())
    assert run("convert", "in", "-o", "out").status == 2
    shown = run("convert", "in", "-o", "out", "--to", "rot6d")
    assert shown.status == 0 and sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.npy")) == ["a.npy", "deep/b.npy"]
    (tmp_path / "in" / "c.npz").write_bytes(b"PK\x03\x04")
    broken = run("convert", "in", "-o", "out2", "--to", "pose")
    assert broken.status == 1 and "c.npz: not a readable npz file" in broken.err and "1 of 3 clips failed" in broken.err
    assert len(list((tmp_path / "out2").rglob("*.pose"))) == 2


def test_convert_says_what_is_wrong(run: Callable[..., Any], motion_file: Path) -> None:
    run("convert", "m.npz", "-o", "m.pose")
    for arguments, status, words in (
        (["m.npz", "-o", "m.xyz"], 1, "unknown suffix '.xyz'"), (["m.npz", "-o", "a.bvh", "--to", "rot6d"], 1, "cannot hold the layout 'rot6d'"),
        (["m.npz", "-o", "a.pkl", "--fps", "12"], 2, "stores no rate; its files have 24"), (["m.npz", "-o", "a.npz", "--unit", "cm"], 2, "--unit is for .bvh"),
        (["m.npz", "-o", "a.npz", "--to", "fish"], 2, "'fish' is not one of"), (["m.pose", "-o", "a.npz"], 1, "can be written as .pose only"),
        (["absent.npz", "-o", "a.bvh"], 1, "no such file"),
    ):  # fmt: skip
        shown = run("convert", *arguments)
        assert shown.status == status and words in shown.err and shown.err.startswith("error: ") and shown.err.count("\n") == 1, shown.err


def test_export_writes_a_file_and_its_markers(run: Callable[..., Any], motion_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    assert run("plan", "HELLO IX-1", "--gloss", "-o", "p.json").status == 0
    shown = run("export", "m.npz", "-o", "m.bvh", "--clips", "sign", "--plan", "p.json")
    assert shown.status == 0 and shown.err == "" and shown.out.startswith("m.bvh  ") and shown.out.endswith(" 2 signs, 2 clips\n")
    data = json.loads((tmp_path / "m.bvh.events.json").read_text(encoding="utf-8"))
    assert [c["name"] for c in data["clips"]] == ["HELLO", "IX-1"] and data["clips"][0]["events"][0]["handshape"]
    assert np.abs(joints(load(tmp_path / "m.bvh").motion)[:, :55] - joints(load(motion_file).motion)[:, :55]).max() < 1e-4
    (tmp_path / "two.txt").write_text("HELLO\nYES\n", encoding="utf-8")
    many = run("export", "--lines", "two.txt", "--gloss", "-o", "out", "--format", "blend", "--fps", "10", "--no-events")
    assert many.status == 0 and sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0001.blend", "0002.blend"]


def test_export_says_what_is_wrong(run: Callable[..., Any], motion_file: Path, tmp_path: Path) -> None:
    for arguments, status, words in (
        (["m.npz", "-o", "a.obj"], 1, "unknown suffix '.obj'"), (["m.npz", "-o", "a.glb", "--preset", "unity"], 2, "--preset is for .fbx"),
        (["m.npz", "-o", "a.fbx", "--unit", "cm"], 2, "--unit is for .bvh"), (["m.npz", "-o", "a.fbx", "--all-influences"], 2, "is for .glb"),
        (["m.npz", "-o", "a.glb", "--format", "glb"], 2, "--format is for --lines"),
        (["Hello", "-o", "a.glb", "--plan", "p.json"], 2, "--plan is for a motion"),
        (["m.npz", "-o", "no/a.glb"], 1, "there is no folder"),
    ):  # fmt: skip
        shown = run("export", *arguments)
        assert shown.status == status and words in shown.err and shown.err.count("\n") == 1, shown.err
    pytest.importorskip("bpy")
    shown = run("export", "m.npz", "-o", "a.glb", "--clips", "sentence")
    assert shown.status == 1 and "comes without one" in shown.err and not (tmp_path / "a.glb").exists()
