"""The hand's kinematics against a second computation (the body's own forward kinematics and skinning) and against anatomy."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.body import Body, load_body
from signgen_core.errors import InputError
from signgen_core.kinematics.forward import global_transforms, point_positions
from signgen_core.kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from signgen_core.phonology.hand import (
    ANGLE_INDEX,
    ANGLE_LIMITS,
    DIGITS,
    FINGERS,
    NUM_ANGLES,
    PATCH_NAMES,
    POINT_NAMES,
    HandModel,
    mirror_points,
    to_side,
)
from signgen_core.rig import EXTRA_POINTS, HAND_JOINTS, INDEX, NUM_JOINTS, Side, hand_slice


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body("default")


@pytest.fixture(scope="module")
def hand(body: Body) -> HandModel:
    return HandModel.from_body(body, "right")


@pytest.fixture(scope="module")
def postures() -> np.ndarray:
    low, high = ANGLE_LIMITS.T
    return low + np.random.default_rng(7).random((20, NUM_ANGLES)) * (high - low)


def bent(**degrees: float) -> np.ndarray:
    angles = np.zeros(NUM_ANGLES)
    for name, value in degrees.items():
        angles[ANGLE_INDEX[name]] = np.radians(value)
    return angles


def full_pose(model: HandModel, angles: np.ndarray, side: Side) -> np.ndarray:
    poses = np.zeros((len(angles), NUM_JOINTS, 3))
    poses[:, hand_slice(side)] = matrix_to_axis_angle(to_side(model.rotations(angles), side))
    return poses


@pytest.mark.parametrize("side", ["left", "right"])
def test_joints_agree_with_the_forward_kinematics_of_the_whole_body(body: Body, postures: np.ndarray, side: Side) -> None:
    model = HandModel.from_body(body, side)
    rig = body.rig()
    rotation, position = global_transforms(axis_angle_to_matrix(full_pose(model, postures, side)), rig.rest_joints)
    points = point_positions(rig, rotation, position)
    wrist = points[:, INDEX[f"{side}_wrist"]]
    rows = [INDEX[f"{side}_wrist"]]
    for digit in DIGITS:
        rows += [INDEX[f"{side}_{digit}{k}"] for k in (1, 2, 3)] + [NUM_JOINTS + EXTRA_POINTS.index(f"{side}_{digit}_tip")]
    expected = mirror_points(points[:, rows] - wrist[:, None], side)
    np.testing.assert_allclose(model.joints(postures), expected, atol=1e-9)
    frames_r, frames_p = model.transforms(postures)
    hand_rows = [INDEX[f"{side}_wrist"], *(INDEX[f"{side}_{name}"] for name in HAND_JOINTS)]
    np.testing.assert_allclose(to_side(frames_r, side), rotation[:, hand_rows], atol=1e-9)
    np.testing.assert_allclose(frames_p, mirror_points(position[:, hand_rows] - wrist[:, None], side), atol=1e-9)


def test_angles_come_back_from_rotations(hand: HandModel, postures: np.ndarray) -> None:
    np.testing.assert_allclose(hand.angles_from_rotations(hand.rotations(postures)), postures, atol=1e-9)


def test_zero_angles_are_the_zero_pose(hand: HandModel) -> None:
    np.testing.assert_array_equal(hand.rotations(np.zeros(NUM_ANGLES)), np.broadcast_to(np.eye(3), (15, 3, 3)))


@pytest.mark.parametrize("finger", FINGERS)
def test_signs_of_the_finger_angles(hand: HandModel, finger: str) -> None:
    tip = POINT_NAMES.index(f"{finger.upper()}_TIP")
    flat = hand.joints(np.zeros(NUM_ANGLES))[tip]
    for hinge in ("mcp", "pip", "dip"):
        assert hand.joints(bent(**{f"{finger}_{hinge}": 60}))[tip][1] < flat[1] - 0.005, "flexion goes to the palm's side"
    assert hand.joints(bent(**{f"{finger}_abduction": 20}))[tip][2] > flat[2] + 0.01, "positive abduction goes to the thumb's side"


def test_signs_of_the_thumb_angles(hand: HandModel) -> None:
    tip = POINT_NAMES.index("THUMB_TIP")
    flat = hand.joints(np.zeros(NUM_ANGLES))[tip]
    assert hand.joints(bent(thumb_cmc_radial=20))[tip][0] > flat[0] + 0.01, "away from the index finger"
    assert hand.joints(bent(thumb_cmc_palmar=30))[tip][1] < flat[1] - 0.02, "out of the palm's plane"
    assert hand.joints(bent(thumb_mcp=40, thumb_ip=40))[tip][2] < flat[2] - 0.01, "across the palm"
    opposed = hand.patch("thumb_pad", bent(thumb_cmc_radial=-40, thumb_cmc_palmar=40, thumb_cmc_twist=60))[1]
    idle = hand.patch("thumb_pad", bent(thumb_cmc_radial=-40, thumb_cmc_palmar=40))[1]
    assert opposed[1] > idle[1] + 0.3, "opposition turns the pad towards the fingers' pads"


def test_patches_lie_on_the_skin_of_the_flat_hand(body: Body, hand: HandModel) -> None:
    wrist = body.joints[INDEX["right_wrist"]]
    skin = body.v_template[np.unique(body.faces)] - wrist
    for name in PATCH_NAMES:
        point, normal = hand.patch(name, np.zeros(NUM_ANGLES))
        assert np.linalg.norm(normal) == pytest.approx(1.0), name
        if name not in ("knuckles", "fingertips", "finger_fronts", "finger_backs", "index_middle_tips", "pinch"):
            assert np.linalg.norm(skin - point, axis=1).min() < 0.008, name


def test_patches_follow_the_skinned_mesh(body: Body, hand: HandModel) -> None:
    angles = bent(index_mcp=50, index_pip=40, index_dip=20, middle_mcp=70, middle_pip=90, thumb_cmc_palmar=30, thumb_cmc_radial=-30, thumb_ip=20)
    wrist = body.joints[INDEX["right_wrist"]]
    posed = body.vertices(full_pose(hand, angles[None], "right"))[0] - wrist
    for name in ("index_tip", "index_pad", "middle_tip", "thumb_tip", "thumb_pad", "palm", "back", "ulnar", "pinky_side"):
        assert np.linalg.norm(posed - hand.patch(name, angles)[0], axis=1).min() < 0.006, name


def test_where_the_patches_are(hand: HandModel) -> None:
    at = {name: hand.patch(name, np.zeros(NUM_ANGLES)) for name in PATCH_NAMES}
    assert at["palm"][0][1] < -0.005 < 0.004 < at["back"][0][1]
    assert at["radial"][0][2] > at["index_side"][0][2] - 0.02 > 0 > at["ulnar"][0][2]
    assert at["heel"][0][0] > at["palm"][0][0] > at["finger_fronts"][0][0] > at["fingertips"][0][0]
    np.testing.assert_allclose(at["palm"][1], [0, -1, 0], atol=1e-9)
    assert at["fingertips"][1][0] < -0.95


def test_named_sides_of_bones_and_means(hand: HandModel) -> None:
    angles = bent(middle_mcp=90)
    _, normal = hand.patch("middle_back2", angles)
    np.testing.assert_allclose(normal, [-1, 0, 0], atol=0.05)
    near, far = (hand.patch(f"middle_radial1@{place}", angles)[0] for place in (".3", ".9"))
    assert np.linalg.norm(far - near) > 0.01
    mean, _ = hand.patch("index_pad+middle_pad", angles)
    np.testing.assert_allclose(mean, 0.5 * (hand.patch("index_pad", angles)[0] + hand.patch("middle_pad", angles)[0]))


def test_pinch_lies_between_thumb_and_the_nearer_finger(hand: HandModel) -> None:
    angles = np.stack([bent(index_mcp=60, thumb_cmc_palmar=40, thumb_cmc_radial=-30), bent(middle_mcp=60, thumb_cmc_palmar=40, thumb_cmc_radial=-50)])
    point, _ = hand.patch("pinch", angles)
    thumb = hand.patch("thumb_pad", angles)[0]
    for row, finger in enumerate(("index", "middle")):
        np.testing.assert_allclose(point[row], 0.5 * (thumb[row] + hand.patch(f"{finger}_pad", angles)[0][row]))


def test_left_hand_is_the_mirror_of_the_right(body: Body, hand: HandModel, postures: np.ndarray) -> None:
    left = HandModel.from_body(body, "left")
    np.testing.assert_allclose(left.joints(postures), hand.joints(postures), atol=1e-4)
    np.testing.assert_allclose(left.patch("fingertips", postures)[0], hand.patch("fingertips", postures)[0], atol=1e-3)
    np.testing.assert_array_equal(to_side(to_side(hand.rotations(postures), "left"), "left"), hand.rotations(postures))


def test_collision_points_are_inside_the_hand(body: Body, hand: HandModel) -> None:
    points = hand.collision_points(np.zeros((3, NUM_ANGLES)))
    assert points.shape == (3, len(hand.collision_radii), 3)
    assert 40 <= len(hand.collision_radii) <= 60
    assert (hand.collision_radii > 0.004).all() and (hand.collision_radii < 0.022).all()
    skin = body.v_template - body.joints[INDEX["right_wrist"]]
    gaps = np.linalg.norm(skin[None] - points[0][:, None], axis=2).min(axis=1)
    # the nearest vertex is about a radius away: the spheres fill the flesh and do not stick out of it
    assert (gaps > 0.5 * hand.collision_radii).all()
    assert (gaps < 1.6 * hand.collision_radii + 0.003).all()


def test_taller_bodies_have_longer_hands(body: Body, hand: HandModel) -> None:
    tall = HandModel.from_body(body, "right", betas=np.array([2.0]))
    assert np.linalg.norm(tall.joints(np.zeros(NUM_ANGLES))[12]) > np.linalg.norm(hand.joints(np.zeros(NUM_ANGLES))[12]) + 0.001


def test_wrong_use_is_named(hand: HandModel) -> None:
    with pytest.raises(InputError, match="'nose'"):
        hand.patch("nose", np.zeros(NUM_ANGLES))
    with pytest.raises(InputError, match="expected"):
        hand.joints(np.zeros(20))


def test_batches_of_any_shape(hand: HandModel, postures: np.ndarray) -> None:
    grid = postures.reshape(4, 5, NUM_ANGLES)
    np.testing.assert_allclose(hand.joints(grid).reshape(20, 21, 3), hand.joints(postures))
    np.testing.assert_allclose(hand.patch("web", grid)[0][1, 2], hand.patch("web", grid[1, 2])[0])
