"""Each metric on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.rig import POINT_NAMES
from signgen_core.tokens.metrics import GROUPS, align, aligned_distances, codebook_use, distances, jitter, mpjpe, mpjpe_pa


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 21, 3))


def test_a_shift_counts_in_full_and_not_at_all_once_aligned(points: np.ndarray) -> None:
    moved = points + np.array([0.003, 0.0, 0.004])
    assert mpjpe(moved, points) == pytest.approx(5.0)
    assert mpjpe_pa(moved, points) < 1e-9 and mpjpe(points, points) == 0.0


def test_any_similarity_is_aligned_away_but_no_mirroring(points: np.ndarray) -> None:
    turn = axis_angle_to_matrix(np.random.default_rng(1).normal(size=(12, 3)))
    moved = 1.3 * points @ np.swapaxes(turn, 1, 2) + np.random.default_rng(2).normal(size=(12, 1, 3))
    assert mpjpe_pa(moved, points) < 1e-9 < mpjpe(moved, points)
    mirrored = points * np.array([-1.0, 1.0, 1.0])
    assert mpjpe_pa(mirrored, points) > 100.0


def test_one_point_off(points: np.ndarray) -> None:
    moved = points.copy()
    moved[:, 4, 1] += 0.021
    assert mpjpe(moved, points) == pytest.approx(1.0)
    assert 0.0 < mpjpe_pa(moved, points) <= 1.0


def test_aligned_is_never_above_plain() -> None:
    """Least squares alone would be: a lone outlier drags all the others along."""
    rng = np.random.default_rng(3)
    true = rng.normal(scale=0.1, size=(300, 6, 3))
    predicted = true.copy()
    predicted[:, 0] += rng.normal(scale=0.3, size=(300, 3))
    least_squares = distances(align(predicted, true), true).mean(axis=1)
    plain = distances(predicted, true).mean(axis=1)
    assert (least_squares > plain + 1.0).any()
    assert (aligned_distances(predicted, true).mean(axis=1) <= plain).all()
    flat = np.zeros((3, 5, 3))  # all points in one place
    assert mpjpe_pa(flat, true[:3, :5]) <= mpjpe(flat, true[:3, :5])


def test_groups_of_points() -> None:
    assert len(GROUPS["all"]) == 70 and len(GROUPS["left_hand"]) == len(GROUPS["right_hand"]) == 21
    assert {POINT_NAMES[k] for k in GROUPS["right_hand"]} >= {"right_wrist", "right_pinky_tip", "right_thumb3"}
    names = {POINT_NAMES[k] for k in GROUPS["body"]}
    assert {"left_wrist", "nose", "left_ear", "right_eye", "jaw"} <= names and not any("index" in n or "knee" in n for n in names)
    with pytest.raises(InputError, match=r"expected twice \(T, P, 3\)"):
        mpjpe(np.zeros((4, 5, 3)), np.zeros((4, 6, 3)))


def test_jitter_is_the_third_derivative() -> None:
    t = np.arange(30) / 30.0
    track = np.stack([t**2, 3.0 * t, np.zeros_like(t)], axis=-1)[:, None]
    assert jitter(track, 30.0) == pytest.approx(0.0, abs=1e-6)
    track[..., 2] = t[:, None] ** 3  # its third derivative is 6
    assert jitter(track, 30.0) == pytest.approx(6.0)
    assert jitter(track[:3], 30.0) == 0.0


def test_codebook_use() -> None:
    assert codebook_use(np.arange(8).repeat(3), 8) == (1.0, pytest.approx(8.0))
    assert codebook_use(np.full(9, 5), 10) == (0.1, pytest.approx(1.0))
    share, perplexity = codebook_use(np.array([0, 0, 0, 1]), 4)
    assert share == 0.5 and perplexity == pytest.approx(2 ** (0.75 * np.log2(4 / 3) + 0.25 * 2))
    with pytest.raises(InputError, match="from 0 to 3"):
        codebook_use(np.array([4]), 4)
