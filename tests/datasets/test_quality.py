"""Figures of clips, their numbers and flags: each is given a clip that has exactly that fault, and one that has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signgen_core.body.load import load_body
from signgen_core.body.model import Body
from signgen_core.datasets import open_dataset
from signgen_core.datasets.clips import PARTS, Clip, PointClip
from signgen_core.datasets.figure import SHOULDERS, figure_of
from signgen_core.datasets.quality import FLAGS, quality, unusual_lengths
from signgen_core.face import FACE_INDEX
from signgen_core.motion import Motion
from signgen_core.pipeline import joints
from signgen_core.rig import INDEX, POINT_NAMES

POSE_FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "pose" / "mediapipe.pose"


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body("default")


def clip(frames: int = 60, fps: float = 30.0) -> Clip:
    """A right arm that waves slowly; nothing else moves but the head, a little."""
    t = np.arange(frames) / fps
    poses = np.zeros((frames, 55, 3))
    poses[:, INDEX["right_elbow"], 1] = 0.8 + 0.5 * np.sin(4.0 * t)
    poses[:, INDEX["left_shoulder"], 2] = -1.2
    poses[:, INDEX["head"], 1] = 0.1 * np.sin(2.0 * t)
    motion = Motion(poses, np.zeros((frames, 3)), np.zeros(10), np.zeros((frames, 10)), np.zeros((frames, 52)), fps)
    return Clip("wave", motion, {part: np.ones(frames, dtype=bool) for part in PARTS})


def changed(joint: str, frames: slice, turn: tuple[float, float, float]) -> Clip:
    made = clip()
    made.motion.poses[frames, INDEX[joint]] += turn
    return made


def flags(made: Clip | PointClip, body: Body) -> list[tuple[str, int | None]]:
    """Kinds and frames; a jump may be told of the joint and of the wrist that it carries."""
    return list(dict.fromkeys((flag.kind, flag.frame) for flag in quality(made, figure_of(made, body)).flags))


def test_a_plain_clip_has_no_flag_and_true_numbers(body: Body) -> None:
    made = clip()
    found = quality(made, figure_of(made, body))
    assert found.flags == ()
    n = found.numbers
    assert (n["frames"], n["fps"], n["seconds"]) == (60.0, 30.0, 2.0) and n["range"] == 0.0 and n["left_unseen"] == 0.0
    wrist = joints(made.motion, body)[:, INDEX["right_wrist"]]
    steps = np.linalg.norm(np.diff(wrist, axis=0), axis=1)
    assert n["wrist_speed"] == pytest.approx(30.0 * steps.mean()) and n["wrist_speed_max"] == pytest.approx(30.0 * steps.max())
    assert n["right_share"] == pytest.approx(100.0, abs=2.0)
    assert n["jump"] == pytest.approx(np.degrees(np.abs(np.diff(made.motion.poses[:, INDEX["right_elbow"], 1])).max()), abs=1e-4)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (changed("left_shoulder", slice(30, None), (0.0, 0.0, 1.0)), [("jump", 30)]),
        (changed("left_index2", slice(None), (0.0, 0.0, 2.6)), [("joint_range", 0)]),
        (changed("spine1", slice(40, 41), (0.9, 0.0, 0.0)), [("jump", 40), ("joint_range", 40)]),
        (changed("pelvis", slice(None), (0.0, 0.0, 2.0)), [("failed_fit", 0)]),
    ],
    ids=["jump", "finger", "spine", "lying"],
)  # fmt: skip
def test_each_fault_has_its_flag_and_frame(made: Clip, expected: list[tuple[str, int]], body: Body) -> None:
    assert flags(made, body) == expected


def test_what_was_not_seen_is_flagged_and_its_guesses_are_not(body: Body) -> None:
    made = changed("left_index2", slice(30, None), (0.0, 0.0, 2.6))
    assert [kind for kind, _ in flags(made, body)] == ["jump", "joint_range"]
    unseen = np.arange(60) < 30
    assert flags(replace(made, valid={**made.valid, "left_hand": unseen}), body) == [("hand_unseen", 30)]
    assert flags(replace(clip(), valid={**made.valid, "body": unseen}), body) == [("failed_fit", 30)]
    few = np.arange(60) >= 5
    assert flags(replace(clip(), valid={part: few for part in PARTS}), body) == []


def test_shapes_that_nobody_has_and_frozen_fits_have_failed(body: Body) -> None:
    made = clip(frames=120)
    assert flags(replace(made, motion=replace(made.motion, betas=np.full(10, 9.0))), body) == [("failed_fit", None)]
    made.motion.poses[20:80] = made.motion.poses[20]
    found = quality(made, figure_of(made, body)).flags
    assert [(f.kind, f.frame) for f in found] == [("failed_fit", 20)] and "1.9" in found[0].detail or "2.0" in found[0].detail
    still = clip()
    still.motion.poses[:] = still.motion.poses[0]
    assert flags(still, body) == [("still", None)]


def test_a_slow_frame_rate_tells_of_no_jumps(body: Body) -> None:
    made = clip(frames=8, fps=3.0)
    made.motion.poses[4:, INDEX["left_shoulder"], 2] += 2.0
    assert flags(made, body) == []


def test_worlds_with_z_up_stand_and_face_the_viewer(body: Body) -> None:
    """As AMASS has them: the root turns the body from Y up to Z up, and the person may look anywhere."""
    plain = figure_of(clip(), body)
    from signgen_core.kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle

    made = clip()
    turn = axis_angle_to_matrix(np.array([0.0, 0.0, 2.0])) @ axis_angle_to_matrix(np.array([np.pi / 2, 0.0, 0.0]))
    made.motion.poses[:, 0] = matrix_to_axis_angle(turn)
    seen = figure_of(made, body)
    up = seen.points[:, INDEX["head"]] - seen.points[:, 0]
    across = seen.points[:, INDEX["left_shoulder"]] - seen.points[:, INDEX["right_shoulder"]]
    assert (up[:, 1] > 0.4).all() and (across[:, 0] > 0.2).all() and np.abs(across[:, 2]).max() < 0.05
    assert np.abs(seen.points - plain.points).max() < 0.06 and flags(made, body) == []
    leaning = changed("pelvis", slice(None), (0.3, 0.2, 0.0))  # who leans or looks a little aside is shown so
    assert figure_of(leaning, body).points[0, INDEX["head"], 2] > 0.1


def test_faces_show_brows_and_mouth(body: Body) -> None:
    made = clip()
    plain = figure_of(made, body).points
    made.motion.face[:, FACE_INDEX["jawOpen"]] = 1.0
    made.motion.face[:, FACE_INDEX["browInnerUp"]] = 1.0
    shown = figure_of(made, body).points
    marks = len(POINT_NAMES)
    assert (shown[:, marks, 1] - plain[:, marks, 1] > 0.01).all() and (plain[:, -1, 1] - shown[:, -1, 1] > 0.02).all()
    assert np.array_equal(shown[:, :marks], plain[:, :marks])


def tracked(down: bool) -> PointClip:
    """A body of five points and a hand, as a picture (Y down, pixels) or as a room (Y up)."""
    names = [f"POSE_LANDMARKS/{n}" for n in ("NOSE", "LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_WRIST", "RIGHT_WRIST")]
    names += [f"RIGHT_HAND_LANDMARKS/{k}" for k in range(21)]
    points = np.zeros((10, 26, 3))
    points[:, :5, :2] = [(0, 60), (40, 0), (-40, 0), (50, -80), (-50, -80)]
    points[:, 5:, 0] = -50.0 - np.arange(21)
    points[:, 5:, 1] = -90.0
    if down:
        points[..., 1] = 500.0 - points[..., 1]
    confidence = np.ones((10, 26))
    confidence[6:, 5:] = 0.0
    return PointClip("p", points, confidence, tuple(names), 25.0)


@pytest.mark.parametrize("down", [True, False])
def test_tracked_points_stand_upright_in_metres(down: bool, body: Body) -> None:
    figure = figure_of(tracked(down), body)
    assert figure.flat and figure.wrists == (3, 4)
    assert np.linalg.norm(figure.points[0, 1] - figure.points[0, 2]) == pytest.approx(SHOULDERS)
    assert figure.points[0, 0, 1] > figure.points[0, 1, 1] > figure.points[0, 3, 1]
    assert sum(part[-1] == "right_hand" for part in figure.parts) == 20
    found = quality(tracked(down), figure)
    assert found.numbers["right_unseen"] == pytest.approx(40.0) and [f.kind for f in found.flags] == ["hand_unseen", "still"]


def test_a_real_pose_file_is_shown(body: Body) -> None:
    if not POSE_FILE.exists():
        pytest.skip(f"{POSE_FILE.name} is not there")
    made = open_dataset(POSE_FILE).load("mediapipe")
    figure = figure_of(made, body)
    assert np.isfinite(figure.points).all() and figure.box[3] < 2.0
    assert ("hand_unseen", 0) in flags(made, body)


def test_lengths_are_compared_within_a_dataset() -> None:
    lengths = [2.0 + 0.05 * k for k in range(30)]
    assert unusual_lengths(lengths) == {} and unusual_lengths([1.0, 90.0]) == {}
    assert set(unusual_lengths([*lengths, 60.0, 0.05])) == {30, 31}
    assert "length" in FLAGS
