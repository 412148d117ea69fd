"""Distances of sets, on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.evaluation.distributions import diversity, frechet, in_steps, mmd, mmd_avg, mmd_seq


def exact_sample(mean: np.ndarray, covariance: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """(count, D) whose mean and covariance (by count) are exactly these."""
    raw = np.random.default_rng(seed).normal(size=(count, len(mean)))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / count)).T
    return mean + white @ np.linalg.cholesky(covariance).T


def root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values)) @ vectors.T


def test_frechet_of_two_normal_distributions() -> None:
    mean_a, mean_b = np.array([0.0, 1.0, 2.0]), np.array([3.0, 1.0, -2.0])
    a, b = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 0.7]]), np.diag([1.0, 4.0, 0.25])
    found = frechet(exact_sample(mean_a, a, 40), exact_sample(mean_b, b, 70, seed=1))
    assert found == pytest.approx(25.0 + np.trace(a + b - 2.0 * root(root(a) @ b @ root(a))))
    assert frechet(exact_sample(mean_a, np.eye(3) * 4.0, 9), exact_sample(mean_a, np.eye(3), 30)) == pytest.approx(3.0)


def test_frechet_of_a_set_with_itself_with_a_moved_one_and_of_single_clips() -> None:
    a = np.random.default_rng(2).normal(size=(20, 64))  # fewer clips than numbers: covariances are singular
    assert frechet(a, a) == pytest.approx(0.0, abs=1e-9) and frechet(a, a[::-1]) == pytest.approx(0.0, abs=1e-9)
    assert frechet(a, a + 0.5) == pytest.approx(64 * 0.25)
    assert frechet(a[:1], a[:1] + 2.0) == pytest.approx(64 * 4.0)


def test_mmd_of_equal_sets_and_of_single_points() -> None:
    a = np.random.default_rng(3).normal(size=(15, 4))
    assert mmd(a, a) == 0.0 and mmd(a, a[::-1]) == pytest.approx(0.0, abs=1e-7)
    assert mmd(np.array([[0.0]]), np.array([[2.0]]), bandwidth=1.0) == pytest.approx(np.sqrt(2.0 - 2.0 * np.exp(-2.0)))
    assert mmd(np.zeros((3, 2)), np.full((5, 2), 1e3), bandwidth=1.0) == pytest.approx(np.sqrt(2.0))
    assert mmd(np.zeros((3, 2)), np.zeros((2, 2))) == 0.0
    with pytest.raises(InputError, match="bandwidth"):
        mmd(a, a, bandwidth=0.0)


def test_mmd_grows_with_the_distance_of_the_sets() -> None:
    rng = np.random.default_rng(4)
    a = rng.normal(size=(60, 3))
    found = [mmd(a, rng.normal(size=(60, 3)) + shift, bandwidth=2.0) for shift in (0.0, 1.0, 3.0)]
    assert found[0] < 0.25 < found[1] < found[2] <= np.sqrt(2.0)


def test_mmd_of_motions() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=(12, 6, 5, 3))
    assert mmd_avg(a, a) == 0.0 and mmd_seq(a, a) == 0.0
    moved = a.copy()
    moved[:, 2] += 100.0  # one step of six is another one altogether
    shares = [mmd(a[:, s].reshape(12, -1), moved[:, s].reshape(12, -1)) for s in range(6)]
    assert mmd_avg(a, moved) == pytest.approx(shares[2] / 6) and sum(v > 0.0 for v in shares) == 1
    shuffled = np.stack([a[np.random.default_rng(s).permutation(12), s] for s in range(6)], axis=1)
    assert mmd_avg(a, shuffled) == pytest.approx(0.0, abs=1e-7)  # the same poses at each step
    assert mmd_seq(a, shuffled) > 0.1  # in other sequences


def test_diversity() -> None:
    assert diversity(np.array([[0.0, 0.0], [3.0, 4.0]])) == 5.0
    assert diversity(np.array([[0.0], [1.0], [2.0]])) == pytest.approx(4.0 / 3.0)
    assert diversity(np.ones((5, 3))) == 0.0 and diversity(np.ones((1, 3))) == 0.0
    many = np.random.default_rng(6).normal(size=(100, 8))
    assert diversity(many, seed=1) == diversity(many, seed=1) != diversity(many, seed=2)
    assert diversity(many) == pytest.approx(np.sqrt(16.0), rel=0.1)


def test_motions_are_brought_to_the_same_number_of_steps() -> None:
    joints = np.zeros((5, 70, 3))
    joints[:, :, 0] = np.arange(5)[:, None] * np.linspace(0.0, 1.0, 70)
    found = in_steps(joints + np.array([0.0, 9.0, 0.0]), steps=9)
    assert found.shape[0] == 9 and found.shape[2] == 3 and found.shape[1] < 70
    assert found[:, -1, 0] == pytest.approx(np.linspace(0.0, 4.0, 9)) and not found[..., 1:].any()
    assert in_steps(joints[:1], steps=4).shape == (4, *found.shape[1:])
    for wrong in (joints[:0], joints[:, :55]):
        with pytest.raises(InputError, match="^joints: expected"):
            in_steps(wrong)


def test_empty_sets_are_told_in_one_line() -> None:
    some, none = np.ones((3, 2)), np.ones((0, 2))
    for measure in (frechet, mmd):
        for a, b in ((some, none), (none, some), (some, np.ones((3, 4)))):
            with pytest.raises(InputError, match="of at least one clip each"):
                measure(a, b)
    for measure in (mmd_avg, mmd_seq):
        with pytest.raises(InputError, match="of at least one motion each"):
            measure(np.ones((0, 4, 5, 3)), np.ones((2, 4, 5, 3)))
    with pytest.raises(InputError, match="of at least one clip"):
        diversity(none)
