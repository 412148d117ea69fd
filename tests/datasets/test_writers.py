"""Motions written in the layouts of others, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signgen_core import datasets
from signgen_core.body import load_body
from signgen_core.datasets import Clip, PointClip, writers
from signgen_core.datasets.bvh_files import read_bvh, write_bvh
from signgen_core.datasets.layouts import LAYOUTS
from signgen_core.errors import FileFormatError, InputError, OutputError
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.motion import Motion, Segment
from signgen_core.pipeline import joints
from signgen_core.rig import INDEX, JAW_POSE, LEYE_POSE, REYE_POSE


def wave(frames: int = 9, fps: float = 30.0) -> Motion:
    """Every joint, the place, the expression and the face move; the shape is not zero."""
    rng = np.random.default_rng(4)
    poses = np.sin(np.arange(frames)[:, None, None] * 0.3 + rng.uniform(0, 6, (55, 3))) * rng.uniform(0.1, 0.9, (55, 3))
    expression = np.sin(np.arange(frames)[:, None] + np.arange(10))
    face = 0.5 + 0.5 * np.sin(np.arange(frames)[:, None] + np.arange(52))
    place = 0.2 * np.sin(np.arange(frames)[:, None] * np.array([0.1, 0.2, 0.3]))
    return Motion(poses, place, np.linspace(-0.5, 0.5, 10), expression, face, fps, (Segment("HELLO", 0.0, 0.2, 0.1),), {"text": "Hello."})


def again(path: Path, layout: str | None = None) -> Clip:
    data = datasets.open(path, layout=layout)
    clip = data.load(data.names[0])
    assert isinstance(clip, Clip)
    return clip


def same_turns(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-5) -> bool:
    return bool(np.abs(axis_angle_to_matrix(a) - axis_angle_to_matrix(b)).max() < tolerance)


def test_amass_keeps_everything(tmp_path: Path) -> None:
    motion = wave()
    writers.write_motion(tmp_path / "m.npz", motion)
    found = again(tmp_path / "m.npz").motion
    for name in ("poses", "transl", "betas", "expression", "face"):
        assert np.allclose(getattr(found, name), getattr(motion, name), atol=1e-6), name
    assert (found.fps, found.segments, found.meta) == (motion.fps, motion.segments, motion.meta) and not writers.missing_from("amass")


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_bvh_keeps_turns_and_place(tmp_path: Path, scale: float) -> None:
    motion = replace(wave(fps=23.976), betas=np.zeros(10))
    writers.write_motion(tmp_path / "m.bvh", motion, scale=scale)
    clip = again(tmp_path / "m.bvh")
    assert clip.provenance["layout"] == "bvh" and clip.motion.fps == pytest.approx(23.976, abs=1e-6)
    assert same_turns(clip.motion.poses, motion.poses) and np.allclose(clip.motion.transl, motion.transl, atol=1e-6)
    assert np.abs(joints(clip.motion) - joints(motion)).max() < 1e-5


def test_bvh_through_gimbal_lock_and_whole_turns(tmp_path: Path) -> None:
    motion = wave(40)
    motion.poses[:, INDEX["head"]] = np.outer(np.linspace(0.0, 2.0 * np.pi, 40), [1.0, 0.0, 0.0])
    write_bvh(tmp_path / "m.bvh", motion, load_body().rig())
    assert same_turns(read_bvh(tmp_path / "m.bvh").motion.poses, motion.poses)


def test_bvh_that_is_broken_or_of_another_skeleton_is_refused(tmp_path: Path) -> None:
    write_bvh(tmp_path / "m.bvh", wave(), load_body().rig())
    good = (tmp_path / "m.bvh").read_text(encoding="utf-8")
    rows = good.splitlines()
    for changed, words in (
        ("", "HIERARCHY or MOTION is missing"), (good.replace("left_elbow", "LeftForeArm"), "has no joint 'left_elbow'"),
        ("\n".join(rows[:-1]), "expected 9 frames of 168 numbers"), (good.replace("Frame Time: ", "Frame Time: 4"), "Frame Time"),
        (good.replace("Xrotation", "Wrotation", 1), "expected X, Y or Z"), (good.replace("}", "", 1), "a brace is open|broken"),
        (good.replace(rows[-1].split()[9], "nan", 1), "NaN|nan"), (good.replace("JOINT", "LIMB", 1), "'LIMB' is not expected"),
    ):  # fmt: skip
        (tmp_path / "bad.bvh").write_text(changed, encoding="utf-8")
        with pytest.raises(FileFormatError, match=words):
            read_bvh(tmp_path / "bad.bvh")
    rig = load_body().rig()
    for rest, words in ((rig.rest_joints[:, [0, 2, 1]] * [1, -1, 1], "not that of a T-pose"), (rig.rest_joints * 6.0, "6 times")):
        write_bvh(tmp_path / "bad.bvh", wave(), replace(rig, rest_joints=rest))
        with pytest.raises(FileFormatError, match=words):
            read_bvh(tmp_path / "bad.bvh")
    with pytest.raises(InputError, match="no such file"):
        read_bvh(tmp_path / "absent.bvh")


def test_rot6d_keeps_turns(tmp_path: Path) -> None:
    motion = wave(fps=60.0)
    written = writers.write_motion(tmp_path / "m.npy", motion)
    clip = again(tmp_path / "m.npy")
    assert clip.provenance["layout"] == "rot6d" and written.fps == clip.motion.fps == 30.0
    assert clip.motion.num_frames == 5 and same_turns(clip.motion.poses, motion.poses[::2])
    stored = np.load(tmp_path / "m.npy")
    assert stored.shape == (5, 330) and np.allclose(stored[0, :3], axis_angle_to_matrix(motion.poses[0, 0])[:, 0], atol=1e-6)


def test_signavatars_keeps_turns_shape_and_expression(tmp_path: Path) -> None:
    motion = wave(fps=24.0)
    writers.write_motion(tmp_path / "m.pkl", motion)
    clip = again(tmp_path / "m.pkl")
    assert clip.provenance["layout"] == "signavatars_182" and clip.motion.fps == 24.0
    kept = [j for j in range(55) if j not in (*range(55)[LEYE_POSE], *range(55)[REYE_POSE])]
    assert same_turns(clip.motion.poses[:, kept], motion.poses[:, kept])
    assert np.allclose(clip.motion.betas, motion.betas, atol=1e-6) and np.allclose(clip.motion.expression, motion.expression, atol=1e-6)
    assert all(mask.all() for mask in clip.valid.values())
    assert set(writers.missing_from("signavatars")) == {"face", "signs", "place", "eyes"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_vectors_in_every_order(tmp_path: Path, layout: str) -> None:
    motion = wave(fps=writers.rate_of(layout) or 30.0)
    writers.write_motion(tmp_path / "m.npy", motion, layout=layout)
    clip = again(tmp_path / "m.npy")
    assert clip.provenance["layout"] == layout and clip.motion.fps == motion.fps
    arms = [INDEX["left_elbow"], INDEX["right_wrist"], INDEX["left_index2"], INDEX["right_thumb1"]]
    assert same_turns(clip.motion.poses[:, arms], motion.poses[:, arms])
    parts = {part for part, _ in LAYOUTS[layout]}
    assert same_turns(clip.motion.poses[:, JAW_POSE], motion.poses[:, JAW_POSE]) == ("jaw_pose" in parts)
    assert same_turns(clip.motion.poses[:, :1], motion.poses[:, :1]) == ("global_orient" in parts)
    assert np.allclose(clip.motion.transl, motion.transl, atol=1e-6) == ("transl" in parts) == ("place" not in writers.missing_from(layout))


def test_pose_files_hold_the_points_a_camera_sees(tmp_path: Path) -> None:
    motion = wave(fps=25.0)
    writers.write_motion(tmp_path / "m.pose", motion)
    clip = datasets.open(tmp_path / "m.pose").load("m")
    assert isinstance(clip, PointClip) and clip.points.shape == (9, 70, 3) and clip.fps == 25.0 and (clip.confidence == 1.0).all()
    place = joints(motion)
    for name, point in (("BODY/head", INDEX["head"]), ("LEFT_HAND/left_wrist", INDEX["left_wrist"]), ("RIGHT_HAND/right_pinky3", INDEX["right_pinky3"])):
        seen = clip.points[:, clip.names.index(name)] - clip.points[:1, clip.names.index("BODY/pelvis")]
        expected = (place[:, point] - place[:1, 0]) * np.array([500.0, -500.0, -500.0])
        assert np.allclose(seen, expected, atol=1e-3), name
    writers.write_points(tmp_path / "again.pose", clip)
    assert np.array_equal(datasets.open(tmp_path / "again.pose").load("again").points, clip.points)  # type: ignore[union-attr]


def test_what_a_suffix_cannot_hold_is_said(tmp_path: Path) -> None:
    for path, layout, words in (("m.txt", None, "unknown suffix '.txt'"), ("m.bvh", "rot6d", "cannot hold the layout 'rot6d'; it can hold bvh")):
        with pytest.raises(OutputError, match=words):
            writers.write_motion(tmp_path / path, wave(), layout=layout)
    with pytest.raises(OutputError, match="cannot be written"):
        writers.write_motion(tmp_path / "absent" / "m.npy", wave())
    with pytest.raises(InputError, match="layout 'mine': unknown"):
        writers.vectors(wave(), "mine")
    np.save(tmp_path / "bad.npy", np.full((3, 330), np.nan))
    with pytest.raises(FileFormatError, match="NaN"):
        again(tmp_path / "bad.npy")
