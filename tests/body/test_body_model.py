"""The default body: its zero pose, skinning, face shapes and betas."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.body import Body, load_body
from signgen_core.body.model import eye_rotations
from signgen_core.errors import InputError
from signgen_core.face import FACE_INDEX
from signgen_core.motion import Motion
from signgen_core.rig import EXTRA_POINTS, INDEX, NUM_JOINTS, SIDES


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body("default")


def _coefficients(**values: float) -> np.ndarray:
    face = np.zeros((1, 52))
    for name, value in values.items():
        face[0, FACE_INDEX[name]] = value
    return face


def _region(body: Body, *names: str) -> np.ndarray:
    ids = [body.region_names.index(name) for name in names]
    return np.unique(body.faces[np.isin(body.regions, ids)])


def _direction(body: Body, a: str, b: str) -> np.ndarray:
    d = body.joints[INDEX[b]] - body.joints[INDEX[a]]
    return d / np.linalg.norm(d)


@pytest.mark.parametrize("side", SIDES)
def test_zero_pose_has_arms_along_x_and_flat_hands(body: Body, side: str) -> None:
    sign = 1.0 if side == "left" else -1.0
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist")):
        assert _direction(body, f"{side}_{a}", f"{side}_{b}") == pytest.approx([sign, 0, 0], abs=1e-6)
    for finger in ("index", "middle", "ring", "pinky"):
        first = _direction(body, f"{side}_{finger}1", f"{side}_{finger}2")
        assert first @ _direction(body, f"{side}_{finger}2", f"{side}_{finger}3") == pytest.approx(1, abs=1e-6)
        assert first[1] == pytest.approx(0, abs=1e-6)
        assert first[0] * sign > np.cos(np.radians(10))
    thumb = _direction(body, f"{side}_thumb1", f"{side}_thumb2")
    assert thumb @ _direction(body, f"{side}_thumb2", f"{side}_thumb3") == pytest.approx(1, abs=1e-6)
    assert 38 < np.degrees(np.arctan2(thumb[2], thumb[0] * sign)) < 48
    assert abs(thumb[1]) < 0.2
    across = body.joints[INDEX[f"{side}_index1"]] - body.joints[INDEX[f"{side}_pinky1"]]
    palm = np.cross(_direction(body, f"{side}_wrist", f"{side}_middle1"), across) * sign
    assert palm[1] / np.linalg.norm(palm) < -0.99


def test_finger_tip_points_lie_on_the_pads(body: Body) -> None:
    points = dict(zip(EXTRA_POINTS, body.rig().extra_points, strict=True))
    for side in SIDES:
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            last = body.joints[INDEX[f"{side}_{finger}3"]]
            offset = points[f"{side}_{finger}_tip"] - last
            assert 0.015 < offset @ _direction(body, f"{side}_{finger}2", f"{side}_{finger}3") < 0.04
            assert offset[1] < 0.001
    assert points["left_ear"][0] > 0.06 > points["left_eye"][0] > 0.02
    assert points["nose"][2] > points["left_eye"][2]


def test_symmetric(body: Body) -> None:
    for name in ("shoulder", "wrist", "thumb2", "pinky3", "knee", "eye_smplhf"):
        left, right = body.joints[INDEX[f"left_{name}"]], body.joints[INDEX[f"right_{name}"]]
        assert left * [-1, 1, 1] == pytest.approx(right, abs=1e-5)


def test_an_adult_stands_with_the_pelvis_where_smplx_has_it(body: Body) -> None:
    assert body.joints[0] == pytest.approx([0, -0.35, 0.012], abs=1e-9)
    assert 1.65 < np.ptp(body.v_template[_region(body, "skin", "shoes", "hair"), 1]) < 1.80


def test_weights_and_regressors_are_consistent(body: Body) -> None:
    assert body.weights.shape == (body.num_vertices, NUM_JOINTS)
    assert body.weights.min() >= 0
    assert body.weights.sum(axis=1) == pytest.approx(np.ones(body.num_vertices), abs=1e-6)
    assert body.j_regressor @ body.v_template == pytest.approx(body.joints, abs=1e-9)
    shifted = body.point_regressor @ (body.v_template + [1, 2, 3]) - body.point_regressor @ body.v_template
    assert shifted == pytest.approx(np.tile([1.0, 2.0, 3.0], (len(EXTRA_POINTS), 1)), abs=1e-4)


def test_zero_pose_gives_the_template_and_transl_moves_it(body: Body) -> None:
    poses = np.zeros((2, NUM_JOINTS, 3))
    out = body.vertices(poses, transl=np.array([[0, 0, 0], [0.1, 0.2, 0.3]]))
    assert out[0] == pytest.approx(body.v_template, abs=1e-6)
    assert out[1] - out[0] == pytest.approx(np.broadcast_to([0.1, 0.2, 0.3], out[0].shape), abs=1e-6)


def test_a_joint_moves_what_it_carries_and_nothing_else(body: Body) -> None:
    poses = np.zeros((1, NUM_JOINTS, 3))
    poses[0, INDEX["left_elbow"]] = [0, -1.2, 0]
    moved = np.linalg.norm(body.vertices(poses)[0] - body.v_template, axis=1)
    assert moved[body.v_template[:, 0] < 0.25].max() < 1e-6
    hand = body.v_template[:, 0] > 0.7
    assert moved[hand].min() > 0.2
    assert body.vertices(poses)[0][hand, 2].min() > 0.15  # bending the elbow brings the hand forward


def test_betas_change_height_and_weight(body: Body) -> None:
    assert body.beta_names[:3] == ("height", "weight", "masculine")
    taller, heavier = np.eye(10)[0] * 2, np.eye(10)[1] * 2
    height = np.ptp(body.shaped(taller)[:, 1]) - np.ptp(body.shaped(-taller)[:, 1])
    assert 0.15 < height < 0.4
    waist = np.flatnonzero((np.abs(body.v_template[:, 1] + 0.15) < 0.03) & (np.abs(body.v_template[:, 0]) < 0.3))
    girth = np.ptp(body.shaped(heavier)[waist], axis=0) - np.ptp(body.shaped(-heavier)[waist], axis=0)
    assert girth[0] > 0.04 and girth[2] > 0.02
    assert np.ptp(body.shaped(heavier)[:, 1]) == pytest.approx(np.ptp(body.v_template[:, 1]), abs=0.01)


@pytest.mark.parametrize("beta", range(10))
def test_joints_follow_the_shape(body: Body, beta: int) -> None:
    betas = np.eye(10)[beta] * 2
    assert (body.rig(betas).rest_joints - body.j_regressor @ body.shaped(betas)) == pytest.approx(np.zeros((55, 3)), abs=1e-9)


def test_betas_keep_the_zero_pose(body: Body) -> None:
    joints = body.rig(np.array([2.0, 1.5, -1.0, 0.5])).rest_joints
    arm = joints[[INDEX["left_shoulder"], INDEX["left_elbow"], INDEX["left_wrist"]]]
    assert np.ptp(arm[:, 1]) < 1e-4
    assert np.ptp(arm[:, 2]) < 1e-4


def test_extra_betas_have_no_effect(body: Body) -> None:
    many = np.zeros(300)
    many[200] = 5.0
    assert body.shaped(many) == pytest.approx(body.v_template)


def test_jaw_open_lowers_the_chin_only(body: Body) -> None:
    offset = body.face_offsets(_coefficients(jawOpen=1.0))[0]
    lowest = np.argmin(offset[:, 1])
    assert offset[lowest, 1] < -0.025
    assert body.v_template[lowest, 1] < body.rig().extra_points[EXTRA_POINTS.index("nose"), 1]
    forehead = body.v_template[:, 1] > body.joints[INDEX["left_eye_smplhf"], 1] + 0.02
    assert np.abs(offset[forehead]).max() < 1e-3


def test_blink_moves_the_left_lids_only(body: Body) -> None:
    offset = np.linalg.norm(body.face_offsets(_coefficients(eyeBlinkLeft=1.0))[0], axis=1)
    assert offset.max() > 0.008
    assert offset[body.v_template[:, 0] < -0.005].max() < 5e-4
    eye = body.joints[INDEX["left_eye_smplhf"]]
    assert np.linalg.norm(body.v_template[offset > 0.004] - eye, axis=1).max() < 0.04


@pytest.mark.parametrize("name, way", [("browInnerUp", 1.0), ("browOuterUpLeft", 1.0), ("browDownLeft", -1.0)])
def test_brow_shapes_move_the_visible_brows(body: Body, name: str, way: float) -> None:
    offset = body.face_offsets(_coefficients(**{name: 1.0}))[0][_region(body, "brows")]
    assert (way * offset[:, 1]).max() > 0.004
    assert (way * offset[:, 1]).min() > -0.001


def test_smile_raises_the_mouth_corners(body: Body) -> None:
    lips = _region(body, "lips")
    offset = body.face_offsets(_coefficients(mouthSmileLeft=1.0, mouthSmileRight=1.0))[0][lips]
    corner = np.argmax(np.abs(body.v_template[lips, 0]))
    assert offset[corner, 1] > 0.004


def test_gaze_belongs_to_the_eye_joints(body: Body) -> None:
    eyes = _region(body, "iris", "pupil", "eyes_white")
    for name in ("eyeLookInLeft", "eyeLookUpRight", "eyeLookDownLeft"):
        assert np.abs(body.face_offsets(_coefficients(**{name: 1.0}))[0][eyes]).max() == 0
    turn = eye_rotations(_coefficients(eyeLookOutLeft=1.0, eyeLookInRight=1.0))[0]
    poses = np.zeros((1, NUM_JOINTS, 3))
    poses[0, [INDEX["left_eye_smplhf"], INDEX["right_eye_smplhf"]]] = turn
    pupils = _region(body, "pupil")
    assert (body.vertices(poses)[0] - body.v_template)[pupils, 0].min() > 0.005  # both look to the signer's left
    down = eye_rotations(_coefficients(eyeLookDownLeft=1.0))[0]
    poses[0, INDEX["left_eye_smplhf"]] = down[0]
    left = pupils[body.v_template[pupils, 0] > 0]
    assert (body.vertices(poses)[0] - body.v_template)[left, 1].max() < -0.004


def test_every_region_is_there(body: Body) -> None:
    present = {body.region_names[i] for i in np.unique(body.polygon_regions)}
    assert present == set(body.region_names)
    assert len(body.faces) == np.sum(np.where(body.polygons[:, 3] >= 0, 2, 1))


@pytest.mark.parametrize("shape", [(55, 3), (1, 54, 3), (1, 165)])
def test_wrong_pose_shapes_are_named(body: Body, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="poses: shape"):
        body.vertices(np.zeros(shape))


def test_fist_does_not_collapse(body: Body) -> None:
    """With all finger joints bent the finger segments keep their girth: linear blending must not pinch them."""
    poses = np.zeros((1, NUM_JOINTS, 3))
    for finger in ("index", "middle", "ring", "pinky"):
        for k, angle in ((1, 80), (2, 95), (3, 60)):
            poses[0, INDEX[f"left_{finger}{k}"], 2] = -np.radians(angle)
    posed = body.vertices(poses)[0]
    for finger in ("index", "middle", "ring", "pinky"):
        own = np.flatnonzero(body.weights[:, INDEX[f"left_{finger}2"]] > 0.6)
        before, after = (np.linalg.svd(v[own] - v[own].mean(axis=0), compute_uv=False) for v in (body.v_template, posed))
        assert after[2] > 0.8 * before[2]


def test_faces_look_outwards(body: Body) -> None:
    def normals(region: str) -> tuple[np.ndarray, np.ndarray]:
        corners = body.v_template[body.faces[body.regions == body.region_names.index(region)]]
        return corners.mean(axis=1), np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])

    for region in ("iris", "pupil", "brows"):
        _, area = normals(region)
        assert area[:, 2].sum() > 0, region
    for region in ("shoes", "shirt", "trousers", "hair", "eyes_white"):
        for side in (1, -1):
            centre, area = normals(region)
            own = centre[:, 0] * side > 0
            middle = centre[own].mean(axis=0)
            assert np.einsum("fa,fa->", centre[own] - middle, area[own]) > 0, region


def _still(face: np.ndarray, expression: np.ndarray) -> Motion:
    frames = len(face)
    return Motion(np.zeros((frames, NUM_JOINTS, 3)), np.zeros((frames, 3)), np.zeros(10), expression, face, 30.0, ())


def test_no_face_goes_beyond_its_reach(body: Body) -> None:
    draw = np.random.default_rng(0)
    face, expression = draw.uniform(0.0, 1.0, (5, 52)) * (draw.random(52) < 0.3), draw.normal(size=(5, 10))
    motion = _still(face, expression)
    moved = body.vertices(motion.poses, face=face, expression=expression) - body.vertices(motion.poses[:1])
    far = np.linalg.norm(moved, axis=2).max(axis=0)
    reach = body.reach(motion)
    assert reach.shape == (body.num_vertices,) and (far <= reach + 1e-6).all() and far.max() > 0.002
    np.testing.assert_array_equal(body.reach(_still(np.zeros((2, 52)), np.zeros((2, 10)))), 0.0)
    # of one coefficient it is what the coefficient does
    one = np.concatenate([_coefficients(jawOpen=0.4), _coefficients(jawOpen=0.7)])
    np.testing.assert_allclose(body.reach(_still(one, np.zeros((2, 10)))), 0.7 * np.linalg.norm(body.arkit[FACE_INDEX["jawOpen"]], axis=1))
