from __future__ import annotations

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.kinematics.resample import resample
from signgen_core.kinematics.rotations import axis_angle_to_matrix, geodesic_angle
from signgen_core.motion import Motion, Segment


def turning(frames: int, fps: float) -> Motion:
    """The head turns at a steady 2 rad/s past half a turn, the root walks at 1 m/s, a brow goes up at 0.5 per second."""
    t = np.arange(frames) / fps
    poses = np.zeros((frames, 55, 3))
    poses[:, 15, 1] = 2.0 * t + 2.0
    face = np.zeros((frames, 52))
    face[:, 2] = np.clip(0.5 * t, 0, 1)
    return Motion(poses, np.stack([t, 0 * t, 0 * t], axis=-1), np.array([0.3]), np.zeros((frames, 10)), face, fps, (Segment("A", 0.0, 0.5, 0.2),))


@pytest.mark.parametrize("fps", [24.0, 25.0, 60.0, 29.97, 120.0, 7.0])
def test_the_same_movement_at_another_rate(fps: float) -> None:
    made = resample(turning(31, 30.0), fps)
    assert made.fps == fps and made.num_frames == int(np.floor(1.0 * fps + 1e-6)) + 1
    expected = turning(made.num_frames, fps)
    assert geodesic_angle(axis_angle_to_matrix(made.poses), axis_angle_to_matrix(expected.poses)).max() < 1e-6
    np.testing.assert_allclose(made.transl, expected.transl, atol=1e-12)
    np.testing.assert_allclose(made.face, expected.face, atol=1e-12)
    assert made.segments == (Segment("A", 0.0, 0.5, 0.2),) and made.betas.tolist() == [0.3]


def test_whole_numbers_of_frames_keep_first_and_last() -> None:
    motion = turning(31, 30.0)
    made = resample(motion, 60.0)
    np.testing.assert_allclose(made.poses[::2], turning(31, 30.0).poses - (np.abs(motion.poses) > np.pi) * 2 * np.pi * np.sign(motion.poses), atol=1e-9)


def test_nothing_to_do() -> None:
    motion = turning(5, 30.0)
    assert resample(motion, 30.0) is motion
    one = resample(turning(1, 30.0), 12.0)
    assert one.num_frames == 1 and one.fps == 12.0


@pytest.mark.parametrize("fps", [0.0, -3.0, 5000.0, float("nan")])
def test_rates_that_are_none(fps: float) -> None:
    with pytest.raises(InputError, match="fps"):
        resample(turning(5, 30.0), fps)
