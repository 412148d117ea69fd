"""Reach, not angles: the wrist must be where it was asked for, also in the degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.kinematics import ik
from signgen_core.kinematics.rotations import geodesic_angle, rotation_about

ARM = ik.Arm(np.array([-0.18, 0.1, 0.0]), np.array([-0.43, 0.1, 0.0]), np.array([-0.676, 0.1, 0.0]))


def reach_of(solution, shoulder):
    """Wrist by forward kinematics from the solved rotations, the independent route."""
    elbow = shoulder + np.einsum("...ab,b->...a", solution.upper_rotation, ARM.elbow - ARM.shoulder)
    return elbow + np.einsum("...ab,b->...a", solution.fore_rotation, ARM.wrist - ARM.elbow)


def test_reachable_targets_are_hit():
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(2000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    target = ARM.shoulder + directions * rng.uniform(0.13, 0.49, size=(2000, 1))
    solution = ik.two_bone(ARM, ARM.shoulder, target, rng.uniform(-1, 2, size=2000))
    assert np.linalg.norm(reach_of(solution, ARM.shoulder) - target, axis=1).max() < 1e-9
    assert solution.error.max() < 1e-9
    det = np.linalg.det(solution.upper_rotation)
    assert np.allclose(det, 1.0)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (ARM.shoulder + [0.0, 0.0, 0.9], 0.9 - ARM.reach),  # out of reach: as far as the arm goes, in that direction
        (ARM.shoulder, 0.12),  # on the shoulder: the shortest distance, no NaN
        (ARM.shoulder + [0.0, 0.0, ARM.upper + ARM.fore], ARM.upper + ARM.fore - ARM.reach),  # straight
    ],
)
def test_degenerate_targets(target, error):
    solution = ik.two_bone(ARM, ARM.shoulder, np.asarray(target), np.array(0.3))
    assert np.isfinite(solution.upper_rotation).all() and np.isfinite(solution.fore_rotation).all()
    assert float(solution.error) == pytest.approx(error, abs=1e-9)
    assert np.allclose(reach_of(solution, ARM.shoulder), solution.wrist)


def test_elbow_is_a_hinge():
    """Upper arm and forearm share the hinge axis, and the elbow never bends backwards."""
    rng = np.random.default_rng(2)
    target = ARM.shoulder + rng.normal(size=(500, 3)) * 0.2
    solution = ik.two_bone(ARM, ARM.shoulder, target, rng.uniform(-1, 1, 500))
    local = np.einsum("tba,tbc->tac", solution.upper_rotation, solution.fore_rotation)
    angle = np.arctan2(local[:, 0, 2], local[:, 0, 0])
    assert np.allclose(local[:, 1, 1], 1.0, atol=1e-9)
    assert (angle >= -1e-9).all()


def test_swivel_turns_the_elbow_and_leaves_the_wrist():
    target = ARM.shoulder + np.array([0.1, -0.1, 0.3])
    solutions = [ik.two_bone(ARM, ARM.shoulder, target, np.array(s)) for s in (-0.5, 0.0, 0.5)]
    assert np.ptp([s.wrist for s in solutions], axis=0).max() < 1e-12
    heights = [s.elbow[1] for s in solutions]
    assert heights[0] < heights[1] < heights[2]


def test_reference_has_no_jump_where_arms_reach():
    """A sweep of directions in front, above, below and across moves the elbow continuously."""
    theta = np.linspace(-2.2, 1.2, 400)  # from far out to across the body
    for lift in (-1.2, -0.6, 0.0, 0.6, 1.2):
        directions = np.stack([np.sin(theta) * np.cos(lift), np.full_like(theta, np.sin(lift)), np.cos(theta) * np.cos(lift)], axis=1)
        elbow = ik.two_bone(ARM, ARM.shoulder, ARM.shoulder + 0.35 * directions, np.zeros(400)).elbow
        assert np.linalg.norm(np.diff(elbow, axis=0), axis=1).max() < 0.02


def test_wrist_angles_round_trip_and_shares_compose():
    rng = np.random.default_rng(5)
    n = 300
    target = ARM.shoulder + np.array([0.05, -0.1, 0.3]) + rng.normal(size=(n, 3)) * 0.08
    solution = ik.two_bone(ARM, ARM.shoulder, target, rng.uniform(-0.3, 0.8, n))
    angles = ik.WristAngles(rng.uniform(*ik.TWIST_RANGE, n), rng.uniform(*ik.FLEXION_RANGE, n), rng.uniform(*ik.DEVIATION_RANGE, n))
    hand = ik.hand_rotation(ARM, solution.fore_rotation, angles)
    back = ik.wrist_angles(ARM, solution.fore_rotation, hand)
    for name in ("twist", "flexion", "deviation"):
        assert np.abs(getattr(back, name) - getattr(angles, name)).max() < 1e-6
    elbow, wrist = ik.share_forearm(ARM, solution, angles)
    composed = solution.upper_rotation @ elbow @ wrist
    assert geodesic_angle(composed, hand).max() < 1e-6


def test_signs_of_the_wrist_angles():
    """Palm down is zero; supination turns the palm up; flexion brings the fingers to the palm's side."""
    fore = np.eye(3)
    rest = ik.wrist_angles(ARM, fore, np.eye(3))
    assert abs(rest.twist) < 1e-9 and abs(rest.flexion) < 1e-9
    # the palm normal is -Y; a quarter turn of supination brings it to face forward (+Z), as in a stop gesture from a T-pose
    supinated = ik.hand_rotation(ARM, fore, ik.WristAngles(np.array(np.pi / 2), np.array(0.0), np.array(0.0)))
    assert np.allclose(supinated @ [0, -1, 0], [0, 0, 1], atol=1e-9)
    flexed = ik.hand_rotation(ARM, fore, ik.WristAngles(np.array(0.0), np.array(0.5), np.array(0.0)))
    assert (flexed @ [-1, 0, 0])[1] < -0.4


def test_best_swivel_prefers_a_reachable_wrist():
    """For a hand held flat before the chest the chosen swivel leaves the wrist within its limits."""
    target = np.array([[-0.18, -0.10, 0.32]])
    hand = rotation_about(np.array([0.0, 1.0, 0.0]), np.array([np.pi / 2]))
    swivel = ik.best_swivel(ARM, ARM.shoulder[None], target, hand)
    solution = ik.two_bone(ARM, ARM.shoulder[None], target, swivel)
    angles = ik.wrist_angles(ARM, solution.fore_rotation, hand)
    clamped = ik.clamp_wrist(angles)
    for name in ("twist", "flexion", "deviation"):
        assert abs(getattr(angles, name) - getattr(clamped, name)).max() < np.radians(12)
