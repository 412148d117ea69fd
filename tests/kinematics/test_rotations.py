"""Every conversion against a second representation, round trips, and the degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.kinematics import rotations as rot


@pytest.fixture
def axis_angles() -> np.ndarray:
    rng = np.random.default_rng(7)
    aa = rng.normal(size=(1000, 3))
    aa *= (rng.uniform(0, np.pi - 1e-3, size=(1000, 1))) / np.linalg.norm(aa, axis=1, keepdims=True)
    return np.concatenate([aa, np.zeros((1, 3)), np.eye(3) * np.pi, np.eye(3) * 1e-9, np.eye(3) * (np.pi - 1e-7)])


def rodrigues(aa: np.ndarray) -> np.ndarray:
    """The second, independent route from axis-angle to matrix."""
    angle = np.linalg.norm(aa)
    if angle < 1e-15:
        return np.eye(3)
    x, y, z = aa / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def test_matrix_agrees_with_rodrigues(axis_angles):
    expected = np.stack([rodrigues(a) for a in axis_angles])
    assert np.abs(rot.axis_angle_to_matrix(axis_angles) - expected).max() < 1e-12


def test_axis_angle_round_trip(axis_angles):
    back = rot.matrix_to_axis_angle(rot.axis_angle_to_matrix(axis_angles))
    angle = rot.geodesic_angle(rot.axis_angle_to_matrix(back), rot.axis_angle_to_matrix(axis_angles))
    assert angle.max() < 1e-7
    inner = np.linalg.norm(axis_angles, axis=1) < np.pi - 1e-6
    assert np.abs(back[inner] - axis_angles[inner]).max() < 1e-7


def test_quaternion_product_is_matrix_product(axis_angles):
    a, b = axis_angles[:500], axis_angles[500:1000]
    qa, qb = rot.axis_angle_to_quaternion(a), rot.axis_angle_to_quaternion(b)
    product = rot.quaternion_to_matrix(rot.quaternion_multiply(qa, qb))
    assert np.abs(product - rot.axis_angle_to_matrix(a) @ rot.axis_angle_to_matrix(b)).max() < 1e-12
    inverse = rot.quaternion_to_matrix(rot.quaternion_conjugate(qa))
    assert np.abs(inverse - rot.axis_angle_to_matrix(a).transpose(0, 2, 1)).max() < 1e-12


def test_rot6d_is_columns_and_round_trips(axis_angles):
    m = rot.axis_angle_to_matrix(axis_angles)
    d6 = rot.matrix_to_rot6d(m)
    assert np.allclose(d6[:, :3], m @ np.array([1.0, 0, 0]))  # a row-wise flattening fails here
    assert rot.geodesic_angle(rot.rot6d_to_matrix(d6), m).max() < 1e-7


def test_rot6d_of_degenerate_input_is_a_rotation():
    d6 = np.array([[0, 0, 0, 0, 0, 0], [1, 0, 0, 2, 0, 0], [0, 0, 0, 0, 1, 0]], dtype=float)
    m = rot.rot6d_to_matrix(d6)
    assert np.allclose(m @ m.transpose(0, 2, 1), np.eye(3)) and np.allclose(np.linalg.det(m), 1)
    assert np.allclose(m[0], np.eye(3))


def test_slerp_matches_matrix_power():
    a, b = np.array([0.3, -0.2, 0.9]), np.array([-1.0, 0.4, 0.1])
    qa, qb = rot.axis_angle_to_quaternion(a), rot.axis_angle_to_quaternion(b)
    relative = rot.matrix_to_axis_angle(rot.axis_angle_to_matrix(a).T @ rot.axis_angle_to_matrix(b))
    for t in (0.0, 0.25, 0.7, 1.0):
        expected = rot.axis_angle_to_matrix(a) @ rodrigues(relative * t)
        assert np.abs(rot.quaternion_to_matrix(rot.slerp(qa, qb, np.array(t))) - expected).max() < 1e-9
    assert np.allclose(rot.slerp(qa, -qa, np.array(0.5)), qa)  # the same rotation: no detour


def test_rotation_between_includes_opposite_and_equal():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 200, 3))
    b[0], b[1] = a[0], -a[1]
    turned = np.einsum("nij,nj->ni", rot.rotation_between(a, b), rot.normalise(a))
    assert np.abs(turned - rot.normalise(b)).max() < 1e-9


def test_geodesic_angle_is_exact_at_both_ends():
    for angle in (1e-6, 0.5, np.pi - 1e-6, np.pi):
        m = rodrigues(np.array([0, angle, 0]))
        assert rot.geodesic_angle(np.eye(3), m) == pytest.approx(angle, abs=1e-8)


def test_twist_angle_reads_back_the_twist():
    axis = rot.normalise(np.array([1.0, 2.0, -0.5]))
    swing_axis = rot.perpendicular(axis)
    for twist in (-2.0, -0.1, 0.0, 1.3):
        m = rodrigues(swing_axis * 0.6) @ rodrigues(axis * twist)
        assert rot.twist_angle(m, axis) == pytest.approx(twist, abs=1e-9)


def test_continuous_quaternions_have_no_flip(axis_angles):
    q = rot.axis_angle_to_quaternion(np.linspace([0, 0, 0], [0, 7.0, 0], 50))
    q[::3] *= -1
    fixed = rot.continuous_quaternions(q)
    assert np.all(np.sum(fixed[1:] * fixed[:-1], axis=1) > 0)
    assert np.abs(rot.quaternion_to_matrix(fixed) - rot.quaternion_to_matrix(q)).max() < 1e-12


def test_normalise_keeps_zero_or_uses_fallback():
    assert np.all(rot.normalise(np.zeros(3)) == 0)
    assert np.all(rot.normalise(np.zeros(3), fallback=np.array([0, 0, 1.0])) == [0, 0, 1])
