"""Paths and orientations of one hand, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.phonology.features import Phonology
from signgen_core.synthesis.targets import BodyPose, hand_frame, stroke_waypoints, uses_base_hand


@pytest.fixture(scope="module")
def resting(synthesiser):
    def build(n):
        return BodyPose(np.tile(np.eye(3), (n, 55, 1, 1)), np.tile(synthesiser.rest, (n, 1, 1)))

    return build


def target(synthesiser, resting, phonology, n=41, duration=1.0, **options):
    return synthesiser.builder.moving_hand(synthesiser.right_hand, phonology, np.linspace(0, duration, n), resting(n), **options)


@pytest.mark.parametrize(("palm", "fingers"), [("forward", "up"), ("in", "forward"), ("up", "forward+in"), ("down", "in"), ("up", "up"), ("forward+up", "up")])
def test_hand_frame_is_a_rotation_that_faces_as_told(palm, fingers):
    r = hand_frame(palm, fingers)
    assert np.allclose(r @ r.T, np.eye(3)) and np.linalg.det(r) == pytest.approx(1.0)


def test_a_right_palm_forward_has_its_thumb_to_the_left():
    r = hand_frame("forward", "up")
    assert np.allclose(r @ [-1, 0, 0], [0, 1, 0])  # fingers up
    assert np.allclose(r @ [0, -1, 0], [0, 0, 1])  # palm to the viewer
    assert np.allclose(r @ [0, 0, 1], [1, 0, 0])  # thumb towards the signer's left


def test_contact_at_start_end_and_middle(synthesiser, resting):
    chin = synthesiser.locations.anchor("Head", "Chin").position
    common = {
        "handshape": "1", "major_location": "Head", "minor_location": "Chin", "contact": True, "movement": "Straight", "direction": "forward", "size": 0.1,
        "contact_point": "index_tip", "palm": "in", "fingers": "up",
    }  # fmt: skip
    for when, at in (("start", 0), ("end", -1), ("middle", 20)):
        point = target(synthesiser, resting, Phonology(**common, contact_time=when)).point
        distance = np.linalg.norm(point - chin, axis=1)
        assert distance[at] < 0.022, when
        away = {"start": (-1,), "end": (0,), "middle": (0, -1)}[when]
        assert all(distance[k] > distance[at] for k in away), when


def test_sizes_are_metres(synthesiser, resting):
    straight = target(synthesiser, resting, Phonology("1", movement="Straight", direction="out", size=0.2)).point
    assert np.allclose(straight[-1] - straight[0], [-0.2, 0, 0], atol=1e-6)
    circle = target(synthesiser, resting, Phonology("1", movement="Circular", direction="out", arc="up", size=0.1)).point
    assert np.ptp(circle[:, 1]) == pytest.approx(0.2, abs=0.005)
    assert np.linalg.norm(circle[0] - circle[-1]) < 0.01


def test_repeated_strokes(synthesiser, resting):
    twice = Phonology("1", movement="Straight", repeated_movement=True, direction="down", size=0.1)
    assert stroke_waypoints(twice) == [0.0, 1.0, 0.0, 1.0]
    height = target(synthesiser, resting, twice, n=81).point[:, 1]
    lows = np.sum((height[1:-1] < height[:-2] - 1e-9) & (height[1:-1] <= height[2:] - 1e-9))
    assert lows >= 1 and height[-1] == pytest.approx(height.min(), abs=1e-6)


def test_alternating_hands_are_half_a_cycle_apart(synthesiser, resting):
    sign = Phonology(
        "5", sign_type="SymmetricalOrAlternating", movement="Circular", repeated_movement=True, alternating=True, direction="forward", arc="up", size=0.08
    )
    one = target(synthesiser, resting, sign, n=81).point
    other = synthesiser.builder.moving_hand(synthesiser.left_hand, sign, np.linspace(0, 1, 81), resting(81), shifted=True).point
    middle = slice(20, 60)
    assert np.corrcoef(one[middle, 2], other[middle, 2])[0, 1] < -0.9


def test_second_location_is_reached(synthesiser, resting):
    ends = Phonology(
        "5", major_location="Head", minor_location="Forehead", second_minor_location="Chin", contact=True, movement="Straight", contact_point="thumb_tip",
        palm="in", fingers="up",
    )  # fmt: skip
    point = target(synthesiser, resting, ends).point
    for index, place in ((0, "Forehead"), (-1, "Chin")):
        assert np.linalg.norm(point[index] - synthesiser.locations.anchor("Head", place).position) < 1e-6


def test_rubbing_stays_on_the_chest(synthesiser, resting):
    please = Phonology(
        "open_b", major_location="Body", minor_location="TorsoTop", contact=True, contact_time="throughout", movement="Circular", direction="out", arc="up",
        size=0.05, palm="back", fingers="in",
    )  # fmt: skip
    track = target(synthesiser, resting, please)
    depth, _ = synthesiser.right_arm.fields.depth(track.point[:, None], np.zeros(1), *vars(resting(41)).values())
    assert np.abs(depth).max() < 0.006


def test_internal_movements_move_fingers_and_return(synthesiser, resting):
    still = target(synthesiser, resting, Phonology("5")).angles
    assert np.ptp(still, axis=0).max() == 0
    for internal in ("wiggle", "open_close", "bend", "rub"):
        angles = target(synthesiser, resting, Phonology("5", internal=internal, final_handshape="s" if internal == "open_close" else None)).angles
        assert np.ptp(angles, axis=0).max() > np.radians(8), internal
        assert np.abs(angles[0] - angles[-1]).max() < np.radians(8), internal
    twist = target(synthesiser, resting, Phonology("5", internal="twist")).orientation
    assert not np.allclose(twist[5], twist[0])


def test_aperture_change_ends_in_the_final_handshape(synthesiser, resting):
    angles = target(synthesiser, resting, Phonology("5", movement="Straight", direction="up", final_handshape="flat_o")).angles
    assert np.allclose(angles[-1], synthesiser.builder.shape_angles("flat_o")) and np.allclose(angles[0], synthesiser.builder.shape_angles("5"))


def test_which_signs_use_a_base_hand():
    assert uses_base_hand(Phonology("5", sign_type="AsymmetricalDifferentHandshape", major_location="Hand", minor_location="Palm"))
    assert not uses_base_hand(Phonology("5", sign_type="SymmetricalOrAlternating"))
    assert not uses_base_hand(Phonology("5"))
    assert uses_base_hand(Phonology("5", major_location="Arm", minor_location="WristBack"))
