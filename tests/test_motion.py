"""The motion file: what is written comes back, the same motion gives the same bytes, and every damaged file is one clear line."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import motion as motion_module
from signgen_core import rig
from signgen_core.errors import FileFormatError, InputError, OutputError
from signgen_core.face import ARKIT_NAMES
from signgen_core.motion import Motion, Segment, read_array, read_npz, write_bytes, write_npz

ROOT = Path(__file__).parent.parent
FRAMES = 7


def make_motion(frames: int = FRAMES, **changes: Any) -> Motion:
    rng = np.random.default_rng(5)
    values: dict[str, Any] = {
        "poses": rng.normal(size=(frames, 55, 3)),
        "transl": rng.normal(size=(frames, 3)),
        "betas": rng.normal(size=10),
        "expression": rng.normal(size=(frames, 10)),
        "face": rng.uniform(size=(frames, 52)),
        "fps": 29.97,
        "segments": (Segment("HELLO", 0.1, 0.5, 0.3), Segment("fs-ANNA", 0.6, 1.9, 0.7)),
        "meta": {"seed": 3, "text": "Hello, Änna"},
    }
    return Motion(**{**values, **changes})


def make_joints(frames: int = FRAMES) -> np.ndarray:
    return np.random.default_rng(6).normal(size=(frames, 70, 3))


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    motion = make_motion()
    write_npz(tmp_path / "m.npz", motion, make_joints())
    back = read_npz(tmp_path / "m.npz")
    for name in ("poses", "transl", "betas", "expression", "face"):
        np.testing.assert_array_equal(getattr(back, name), getattr(motion, name), err_msg=name)
    assert (back.fps, back.segments, back.meta) == (motion.fps, motion.segments, motion.meta)


def test_a_motion_without_segments_comes_back(tmp_path: Path) -> None:
    write_npz(tmp_path / "m.npz", make_motion(segments=(), meta={}), make_joints())
    back = read_npz(tmp_path / "m.npz")
    assert back.segments == () and back.meta == {}


def test_amass_keys_are_slices_of_the_pose(tmp_path: Path) -> None:
    motion, joints = make_motion(), make_joints()
    write_npz(tmp_path / "m.npz", motion, joints)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as data:
        parts = [data[key] for key in ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")]
        assert [p.shape[1] for p in parts] == [3, 63, 3, 6, 90]
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), data["poses"])
        np.testing.assert_array_equal(data["pose_hand"][:, :45], motion.poses[:, rig.LEFT_HAND_POSE].reshape(FRAMES, 45))
        np.testing.assert_array_equal(data["pose_jaw"], motion.poses[:, rig.INDEX["jaw"]])
        np.testing.assert_array_equal(data["joints"], joints)
        assert tuple(data["joint_names"]) == rig.POINT_NAMES and len(rig.POINT_NAMES) == 70
        assert tuple(data["face_names"]) == ARKIT_NAMES
        assert float(data["mocap_frame_rate"]) == 29.97 and float(data["mocap_time_length"]) == pytest.approx(FRAMES / 29.97)
        assert str(data["surface_model_type"]) == "smplx" and str(data["gender"]) == "neutral"
        assert json.loads(str(data["signgen"])) == {"format": 1, "seed": 3, "text": "Hello, Änna"}
        assert all(data[key].dtype != object for key in data.files)


def test_same_motion_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, make_motion(), make_joints())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_every_key_is_in_the_documentation(tmp_path: Path) -> None:
    motion = make_motion()
    write_npz(tmp_path / "m.npz", replace(motion, uncertainty=np.zeros((motion.num_frames, 4), dtype=np.float32)), make_joints())
    page = (ROOT / "docs/formats/motion.md").read_text(encoding="utf-8")
    with np.load(tmp_path / "m.npz") as data:
        written = set(data.files)
    described = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.M))
    assert written == described


def test_mirror_twice_is_the_same_and_once_swaps_sides() -> None:
    motion = make_motion()
    twice = motion.mirrored().mirrored()
    for name in ("poses", "transl", "face"):
        np.testing.assert_allclose(getattr(twice, name), getattr(motion, name), atol=1e-15)
    left, right = rig.INDEX["left_elbow"], rig.INDEX["right_elbow"]
    np.testing.assert_array_equal(motion.mirrored().poses[:, left], motion.poses[:, right] * [1, -1, -1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses": np.zeros((0, 55, 3))}, "no frames"),
        ({"poses": np.zeros((FRAMES, 52, 3))}, "poses: expected shape (7, 55, 3), found (7, 52, 3)"),
        ({"transl": np.zeros((FRAMES + 1, 3))}, "transl"),
        ({"face": np.full((FRAMES, 52), np.nan)}, "face: holds NaN"),
        ({"expression": np.full((FRAMES, 10), np.inf)}, "expression: holds NaN or infinite"),
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
    ],
)
def test_wrong_arrays_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        make_motion(**changes)


def test_joints_of_another_motion_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="joints: expected shape"):
        write_npz(tmp_path / "m.npz", make_motion(), make_joints(FRAMES + 1))
    assert not list(tmp_path.iterdir())


def arrays(**changes: Any) -> dict[str, Any]:
    values = {"poses": np.zeros((3, 165)), "trans": np.zeros((3, 3)), "mocap_frame_rate": np.array(30.0), **changes}
    return {key: value for key, value in values.items() if value is not None}


@pytest.mark.parametrize("key", ["mocap_frame_rate", "mocap_framerate", "fps"])
def test_plain_amass_files_are_read(tmp_path: Path, key: str) -> None:
    poses = np.random.default_rng(1).normal(size=(3, 165)).astype(np.float32)
    np.savez(tmp_path / "amass.npz", **{**arrays(poses=poses, mocap_frame_rate=None, betas=np.ones(16)), key: np.array([60])})
    motion = read_npz(tmp_path / "amass.npz")
    assert motion.fps == 60.0 and motion.betas.shape == (16,) and motion.poses.dtype == np.float64
    np.testing.assert_array_equal(motion.poses.reshape(3, 165), poses)
    assert not motion.face.any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses": None}, "has no array 'poses'"),
        ({"poses": np.zeros((3, 156))}, "poses: expected float (T, 165)"),
        ({"poses": np.zeros((0, 165))}, "poses: expected float (T, 165) with T > 0"),
        ({"poses": np.zeros((3, 165), dtype=int)}, "poses: expected float"),
        ({"poses": np.full((3, 165), np.nan)}, "poses: holds NaN"),
        ({"poses": np.array([{}, 1], dtype=object)}, "not a readable npz file: Object arrays cannot be loaded"),
        ({"trans": np.zeros((2, 3))}, "transl: expected shape (3, 3)"),
        ({"trans": np.array(["a", "b", "c"])}, "could not convert"),
        ({"mocap_frame_rate": None}, "no frame rate"),
        ({"mocap_frame_rate": np.array("thirty")}, "no frame rate"),
        ({"mocap_frame_rate": np.array(-30.0)}, "fps: -30.0 is not between"),
        ({"face": np.zeros((3, 51))}, "face: expected shape (3, 52)"),
        ({"segment_gloss": np.array(["A"]), "segment_times": np.zeros((1, 2))}, "segment_times: expected numbers (S, 3)"),
        ({"signgen": np.array("[1, 2]")}, "signgen: expected a JSON object"),
        ({"signgen": np.array("{")}, "Expecting property name"),
    ],
)
def test_wrong_motion_files_are_one_line_that_names_the_file(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays(**changes))
    with pytest.raises(FileFormatError, match=re.escape(words)) as caught:
        read_npz(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "m.npz", make_motion(), make_joints())
    whole = (tmp_path / "m.npz").read_bytes()
    for size in (0, 1, 4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(FileFormatError, match="cut.npz"):
            read_npz(tmp_path / "cut.npz")


def test_a_flipped_byte_in_the_poses_is_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "m.npz", make_motion(), make_joints())
    data = bytearray((tmp_path / "m.npz").read_bytes())
    start = data.index(b"poses.npy")
    data[start + 300] ^= 0xFF
    (tmp_path / "bad.npz").write_bytes(data)
    with pytest.raises(FileFormatError, match="bad.npz"):
        read_npz(tmp_path / "bad.npz")


def test_other_files_with_the_name_of_a_motion(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "folder.npz").mkdir()
    with (tmp_path / "single.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    for name, words in (("text.npz", "not a readable npz"), ("folder.npz", "Is a directory"), ("single.npz", "a single array")):
        with pytest.raises(FileFormatError, match=words):
            read_npz(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_npz(tmp_path / "absent.npz")


def test_write_bytes_replaces_whole_files_with_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and [p.name for p in tmp_path.iterdir()] == ["out.bin"]
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_write_bytes_says_why_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent/out.npz", tmp_path / "file/out.npz"):
        with pytest.raises(OutputError, match=re.escape(f"{path}: cannot be written: ")):
            write_bytes(path, b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(motion_module.os, "replace", fail)
    with pytest.raises(OutputError if isinstance(trouble, OSError) else KeyboardInterrupt):
        write_bytes(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["out.bin"]


def test_arrays_come_whole_or_are_refused_in_one_line(tmp_path: Path) -> None:
    values = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), values)
    assert read_array(tmp_path / "a.npy", mapped=True).shape == (3, 4)
    whole = (tmp_path / "a.npy").read_bytes()
    np.savez(tmp_path / "pair.npz", a=values)
    damaged = [whole[:at] for at in range(len(whole))] + [whole.replace(b"'<f8'", b"'<q8'"), whole.replace(b"(3, 4)", b"(3, x)"), whole.replace(b"{", b"[")]
    for data in (*damaged, (tmp_path / "pair.npz").read_bytes()):
        (tmp_path / "b.npy").write_bytes(data)
        for mapped in (False, True):
            with pytest.raises(FileFormatError, match=r"b\.npy: ") as caught:
                read_array(tmp_path / "b.npy", mapped=mapped)
            assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        read_array(tmp_path / "absent.npy")
