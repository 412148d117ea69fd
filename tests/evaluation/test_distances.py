"""Time warping and the distances built on it, on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.evaluation.distances import ROOTS, dtw, dtw_jpe, frame_distances, length_error, rooted, with_hands
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.tokens.metrics import GROUPS, aligned_distances, mpjpe


@pytest.fixture
def joints() -> np.ndarray:
    """A smooth random motion (24, 70, 3)."""
    rng = np.random.default_rng(0)
    return rng.normal(scale=0.4, size=(70, 3)) + 0.05 * np.cumsum(rng.normal(size=(24, 70, 3)), axis=0)


def every_path(rows: int, columns: int) -> list[list[tuple[int, int]]]:
    if rows == 1 or columns == 1:
        return [[(i, j) for i in range(rows) for j in range(columns)]]
    ends = [(rows - 1, columns), (rows, columns - 1), (rows - 1, columns - 1)]
    return [[*path, (rows - 1, columns - 1)] for end in ends for path in every_path(*end)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (3, 4), (5, 3), (4, 4)])
def test_no_path_is_cheaper(shape: tuple[int, int]) -> None:
    for seed in range(10):
        costs = np.random.default_rng(seed).uniform(size=shape)
        found = dtw(costs)
        assert found.total == pytest.approx(min(sum(costs[cell] for cell in path) for path in every_path(*shape)))
        assert found.total == pytest.approx(sum(costs[tuple(cell)] for cell in found.path))
        assert tuple(found.path[0]) == (0, 0) and tuple(found.path[-1]) == (shape[0] - 1, shape[1] - 1)
        assert {tuple(step) for step in np.diff(found.path, axis=0)} <= {(1, 0), (0, 1), (1, 1)}
        assert found.per_frame == pytest.approx(found.total / max(shape))


def test_of_equal_paths_the_straight_one() -> None:
    assert dtw(np.zeros((4, 4))).path.tolist() == [[k, k] for k in range(4)]


def test_what_is_no_cost_matrix_is_told_in_one_line() -> None:
    for costs in (np.zeros((0, 3)), np.zeros(3), np.array([[np.nan]]), np.array([[-1.0]]), np.array([[np.inf]])):
        with pytest.raises(InputError, match="^time warping: "):
            dtw(costs)


def test_a_copy_stretched_in_time_is_no_distance_away(joints: np.ndarray) -> None:
    slow = np.repeat(joints, np.random.default_rng(1).integers(1, 4, size=len(joints)), axis=0)
    for aligned in (False, True):
        for warp in dtw_jpe(slow, joints, aligned=aligned).values():
            assert warp.total == pytest.approx(0.0, abs=1e-6) and warp.per_frame == pytest.approx(0.0, abs=1e-7)


def test_known_distance(joints: np.ndarray) -> None:
    """Every finger 5 mm from where it should be, its wrist in place: 5 mm times 20 of the hand's 21 points."""
    moved = joints.copy()
    fingers = [k for k in GROUPS["right_hand"] if k != 21]
    moved[:, fingers] += np.array([0.003, 0.0, 0.004])
    found = dtw_jpe(moved, joints)
    assert found["right_hand"].per_frame == pytest.approx(5.0 * 20 / 21) and found["right_hand"].total == pytest.approx(24 * 5.0 * 20 / 21)
    assert found["left_hand"].total == 0.0 and found["body"].total == 0.0
    assert found["all"].per_frame == pytest.approx(5.0 * 20 / 70)
    assert with_hands({k: w.per_frame for k, w in found.items()})["hands"] == pytest.approx(2.5 * 20 / 21)


def test_where_the_signer_stands_counts_nowhere_and_any_similarity_is_aligned_away(joints: np.ndarray) -> None:
    assert all(w.total == pytest.approx(0.0, abs=1e-6) for w in dtw_jpe(joints + np.array([3.0, -1.0, 2.0]), joints).values())
    turn = axis_angle_to_matrix(np.array([0.3, -1.1, 0.4]))
    other = 1.2 * joints @ turn.T + np.array([0.5, 0.1, 0.0])
    for group in ROOTS:
        assert dtw_jpe(other, joints, aligned=True)[group].total < 1e-6 < dtw_jpe(other, joints)[group].total


def test_aligned_is_never_above_plain_nor_warped_above_frame_by_frame() -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        a, b = rng.normal(scale=0.1, size=(2, 12, 70, 3))
        a[:, 25] += rng.normal(scale=1.0, size=(12, 3))
        plain, aligned = dtw_jpe(a, b), dtw_jpe(a, b, aligned=True)
        for group in ROOTS:
            assert aligned[group].total <= plain[group].total and aligned[group].per_frame <= plain[group].per_frame
            assert plain[group].per_frame <= mpjpe(rooted(a, group), rooted(b, group)) + 1e-9


def test_pairs_of_frames_are_those_of_the_frame_metrics(joints: np.ndarray) -> None:
    other = joints[5:12] + np.random.default_rng(3).normal(scale=0.02, size=(7, 70, 3))
    for group in ROOTS:
        a, b = rooted(joints[:7], group), rooted(other, group)
        assert frame_distances(a, b, aligned=False)[3, 3] == pytest.approx(mpjpe(a[3:4], b[3:4]))
        assert np.diag(frame_distances(a, b, aligned=True)) == pytest.approx(aligned_distances(a, b).mean(axis=1))


def test_one_frame_and_none(joints: np.ndarray) -> None:
    single = dtw_jpe(joints[:1], joints)
    assert single["all"].total == pytest.approx(sum(mpjpe(rooted(joints[:1], "all"), rooted(joints[k : k + 1], "all")) for k in range(24)))
    assert dtw_jpe(joints[:1], joints[:1], aligned=True)["all"].total == pytest.approx(0.0, abs=1e-9)
    for wrong in (joints[:0], joints[:, :55], joints[0]):
        with pytest.raises(InputError, match=r"^joints: expected \(T, 70, 3\) with T > 0"):
            dtw_jpe(wrong, joints)


def test_length_error() -> None:
    assert [length_error(made, 2.0) for made in (2.0, 2.2, 1.0)] == pytest.approx([0.0, 0.1, 0.5])
    for true in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="true duration"):
            length_error(1.0, true)


def test_paths_of_the_test_itself() -> None:
    """Their numbers are the Delannoy numbers, so none is forgotten above."""
    assert [len(every_path(n, n)) for n in range(1, 5)] == [1, 3, 13, 63]
