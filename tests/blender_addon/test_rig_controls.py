from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import bpy
import numpy as np
import pytest

from blender_addon import compat
from blender_addon.armature import Signer
from blender_addon.bone_shapes import COLLECTIONS
from blender_addon.keying import from_blender, key_motion, read_motion
from blender_addon.rig_controls import (
    FACE_GROUPS,
    add_controls,
    control_bones,
    curl_property,
    face_keys,
    finger_properties,
    has_controls,
    ik_property,
    mechanism_bones,
    properties,
    remove_controls,
    reset_controls,
    set_face,
    spread_property,
)
from blender_addon.rig_snap import arm_mode, arms_to_mode, bake, set_arm_mode, snap_fk_to_ik, snap_ik_to_fk
from signgen_core.errors import InputError
from signgen_core.face import ARKIT_NAMES
from signgen_core.kinematics.rotations import axis_angle_to_matrix, geodesic_angle
from signgen_core.motion import Motion
from signgen_core.rig import FINGERS, INDEX, JOINT_NAMES, SIDES

Maker = Callable[..., Motion]
TENTH_DEGREE, TENTH_MILLIMETRE = np.radians(0.1), 1e-4


@pytest.fixture(autouse=True)
def controls(signer: Signer) -> Iterator[None]:
    add_controls(signer.armature)
    yield
    if has_controls(signer.armature):
        remove_controls(signer.armature)


def drawn(signer: Signer) -> np.ndarray:
    """(55, 4, 4) armature-space matrices as Blender evaluates them now."""
    bpy.context.view_layer.update()
    bones = signer.armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    return np.array([np.array(bones[name].matrix) for name in JOINT_NAMES])


def drawn_at(signer: Signer, frames: range) -> np.ndarray:
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        out.append(drawn(signer))
    return np.array(out)


def assert_same_pose(a: np.ndarray, b: np.ndarray) -> None:
    assert np.abs(a[..., :3, 3] - b[..., :3, 3]).max() < TENTH_MILLIMETRE
    assert geodesic_angle(a[..., :3, :3], b[..., :3, :3]).max() < TENTH_DEGREE


def switch_off_fk(signer: Signer, side: str) -> None:
    """Turns the arm's own channels away, so that nothing but IK can have brought it where it is."""
    for part in ("shoulder", "elbow", "wrist"):
        signer.armature.pose.bones[f"{side}_{part}"].rotation_quaternion = (0.6, 0.8, 0.0, 0.0)


def set_property(signer: Signer, name: str, value: float) -> None:
    signer.armature[name] = value
    signer.armature.update_tag()


def test_controls_leave_the_pose_and_the_joints_alone(signer: Signer, random_motion: Maker) -> None:
    remove_controls(signer.armature)
    key_motion(signer, random_motion())
    before = drawn(signer)
    add_controls(signer.armature)
    add_controls(signer.armature)
    assert_same_pose(drawn(signer), before)
    added = set(signer.armature.data.bones.keys()) - set(JOINT_NAMES)
    assert added == {name for side in SIDES for name in (*control_bones(side), *mechanism_bones(side))}
    assert not any(signer.armature.data.bones[name].use_deform for name in added)
    back = read_motion(signer, evaluated=True)
    np.testing.assert_allclose(axis_angle_to_matrix(back.poses), axis_angle_to_matrix(random_motion().poses), atol=1e-4)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(2))
def test_ik_matches_any_fk_pose(signer: Signer, random_motion: Maker, side: str, seed: int) -> None:
    """Random rotations of all joints: twisted elbows and poses that no arm can take are matched, too."""
    key_motion(signer, random_motion(2, seed=seed))
    before = drawn(signer)
    snap_ik_to_fk(signer.armature, side)  # type: ignore[arg-type]
    switch_off_fk(signer, side)
    assert geodesic_angle(drawn(signer)[:, :3, :3], before[:, :3, :3]).max() > 0.1
    set_property(signer, ik_property(side), 1.0)  # type: ignore[arg-type]
    assert_same_pose(drawn(signer), before)


@pytest.mark.parametrize("bend", [0.0, 1e-3, 0.05, 2.7])
def test_ik_matches_straight_and_folded_arms(signer: Signer, random_motion: Maker, bend: float) -> None:
    still = random_motion(2)
    poses = np.zeros_like(still.poses)
    poses[:, INDEX["left_elbow"]] = (0.0, -bend, 0.0)
    poses[:, INDEX["left_shoulder"]] = (0.0, 0.0, -1.0)
    key_motion(signer, replace(still, poses=poses))
    before = drawn(signer)
    snap_ik_to_fk(signer.armature, "left")
    switch_off_fk(signer, "left")
    set_property(signer, ik_property("left"), 1.0)
    assert_same_pose(drawn(signer), before)


@pytest.mark.parametrize("side", SIDES)
def test_fk_matches_ik(signer: Signer, random_motion: Maker, side: str) -> None:
    key_motion(signer, random_motion(2, seed=9))
    snap_ik_to_fk(signer.armature, side)  # type: ignore[arg-type]
    hand, pole, upper, fore = (signer.armature.pose.bones[name] for name in control_bones(side))  # type: ignore[arg-type]
    hand.location.y += 0.07
    hand.rotation_quaternion = (0.9, 0.1, 0.3, 0.2)
    pole.location.x += 0.1
    fore.rotation_quaternion = (0.95, 0.0, 0.3, 0.0)
    set_property(signer, ik_property(side), 1.0)  # type: ignore[arg-type]
    before = drawn(signer)
    set_arm_mode(signer.armature, side, "FK")  # type: ignore[arg-type]
    assert signer.armature[ik_property(side)] == 0.0 and arm_mode(signer.armature, side) == "FK"  # type: ignore[arg-type]
    hand.location.y += 1.0
    assert_same_pose(drawn(signer), before)


def test_the_hand_control_moves_the_hand_and_the_pole_the_elbow(signer: Signer, random_motion: Maker) -> None:
    still = random_motion(2)
    poses = np.zeros_like(still.poses)
    poses[:, INDEX["right_elbow"]] = (0.0, 1.6, 0.0)
    poses[:, INDEX["right_shoulder"]] = (0.0, 0.0, 1.2)
    key_motion(signer, replace(still, poses=poses, transl=0 * still.transl))
    set_arm_mode(signer.armature, "right", "IK")
    hand, pole = (signer.armature.pose.bones[name] for name in control_bones("right")[:2])
    before = drawn(signer)
    matrix = hand.matrix.copy()
    matrix.translation += hand.matrix.translation.__class__((0.03, -0.02, 0.05))
    hand.matrix = matrix
    after = drawn(signer)
    moved = after[INDEX["right_wrist"], :3, 3] - before[INDEX["right_wrist"], :3, 3]
    np.testing.assert_allclose(moved, (0.03, -0.02, 0.05), atol=2e-4)
    np.testing.assert_allclose(after[INDEX["right_wrist"], :3, :3], before[INDEX["right_wrist"], :3, :3], atol=1e-4)
    matrix = pole.matrix.copy()
    matrix.translation += hand.matrix.translation.__class__((-0.3, 0.0, 0.3))  # out and up
    pole.matrix = matrix
    lifted = drawn(signer)
    np.testing.assert_allclose(lifted[INDEX["right_wrist"], :3, 3], after[INDEX["right_wrist"], :3, 3], atol=2e-4)
    elbow = lifted[INDEX["right_elbow"], :3, 3] - after[INDEX["right_elbow"], :3, 3]
    assert elbow[0] < -0.01 and elbow[2] > 0.01


def test_a_range_is_matched_and_keyed_both_ways(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(10)
    key_motion(signer, motion, start_frame=5)
    frames = range(5, 15)
    before = drawn_at(signer, frames)
    bpy.context.scene.frame_set(7)
    arms_to_mode(signer.armature, "IK", frames)
    assert bpy.context.scene.frame_current == 7
    bag = compat.active_bag(signer.armature)
    for side in SIDES:  # nothing but the controls' keys may carry the arms now
        for part in ("shoulder", "elbow", "wrist"):
            for curve in [c for c in bag.fcurves if c.data_path.startswith(f'pose.bones["{side}_{part}"]')]:
                bag.fcurves.remove(curve)
            signer.armature.pose.bones[f"{side}_{part}"].rotation_quaternion = (0.6, 0.8, 0.0, 0.0)
    assert_same_pose(drawn_at(signer, frames), before)
    arms_to_mode(signer.armature, "FK", frames)
    for curve in [c for c in bag.fcurves if "_ik" in c.data_path or "_pole" in c.data_path or "_twist" in c.data_path]:
        bag.fcurves.remove(curve)
    reset_controls(signer.armature)
    assert_same_pose(drawn_at(signer, frames), before)


def test_the_switch_is_keyed_and_holds(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(20))
    set_arm_mode(signer.armature, "left", "IK", frame=8)
    set_arm_mode(signer.armature, "left", "FK", frame=15)
    seen = []
    for frame in (8, 11, 14, 15, 20):
        bpy.context.scene.frame_set(frame)
        seen.append(signer.armature[ik_property("left")])
    assert seen == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_curl_closes_on_top_of_the_keys(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(2)
    key_motion(signer, replace(motion, poses=0 * motion.poses, transl=0 * motion.transl))
    open_hand = drawn(signer)
    for side in SIDES:
        for finger in FINGERS:
            set_property(signer, curl_property(side, finger), 1.0)
    fist = drawn(signer)
    for side in SIDES:
        for finger in ("index", "middle", "ring", "pinky"):
            for k, degrees in ((1, 86.0), (2, 190.0), (3, 252.0)):
                j = INDEX[f"{side}_{finger}{k}"]
                turned = np.degrees(geodesic_angle(fist[j, :3, :3], open_hand[j, :3, :3]))
                assert turned == pytest.approx(min(degrees, 360.0 - degrees), abs=0.1)
            end = INDEX[f"{side}_{finger}3"]
            assert fist[end, 2, 3] < open_hand[end, 2, 3] - 0.02  # palms face down: into the palm
    # a finger that is bent already bends further by the same turn
    poses = np.zeros_like(motion.poses)
    poses[:, INDEX["left_index2"]] = (0.0, 0.0, -0.5)
    key_motion(signer, replace(motion, poses=poses, transl=0 * motion.transl))
    reset_controls(signer.armature)
    before = drawn(signer)
    set_property(signer, curl_property("left", "index"), 0.25)
    j = INDEX["left_index2"]
    assert np.degrees(geodesic_angle(drawn(signer)[j, :3, :3], before[j, :3, :3])) == pytest.approx(0.25 * 190.0, abs=0.1)


def test_spread_fans_the_fingers_level(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(2)
    key_motion(signer, replace(motion, poses=0 * motion.poses, transl=0 * motion.transl))
    tips = [f"{finger}3" for finger in ("index", "middle", "ring", "pinky")]

    def gaps(side: str) -> np.ndarray:
        points = from_blender(drawn(signer)[[INDEX[f"{side}_{tip}"] for tip in tips], :3, 3])
        return np.array([*np.linalg.norm(np.diff(points, axis=0), axis=1), np.ptp(points[:, 1])])

    for side in SIDES:
        before = gaps(side)
        set_property(signer, spread_property(side), 1.0)
        apart = gaps(side)
        assert (apart[:3] > before[:3] + 0.003).all(), side
        assert apart[3] < before[3] + 0.008  # in the plane of the palm
        set_property(signer, spread_property(side), -1.0)
        assert (gaps(side)[:3] < before[:3] - 0.001).all(), side
    left, right = (from_blender(drawn(signer)[[INDEX[f"{side}_{f}3"] for f in FINGERS], :3, 3], signer.ground) for side in SIDES)
    np.testing.assert_allclose(left * (-1.0, 1.0, 1.0), right, atol=2e-3)


def test_bake_keeps_the_picture_and_needs_no_controls(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(6))
    frames = range(1, 7)
    arms_to_mode(signer.armature, "IK", frames)
    hand = signer.armature.pose.bones[control_bones("left")[0]]
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        hand.location.z += 0.05
        hand.keyframe_insert("location", frame=frame)
    for name in finger_properties("right"):
        signer.armature[name] = 0.3
    signer.armature.keyframe_insert(f'["{curl_property("right", "ring")}"]', frame=1)
    before = drawn_at(signer, frames)
    bake(signer.armature, frames)
    assert all(signer.armature[name] == 0.0 for name in properties())
    assert_same_pose(drawn_at(signer, frames), before)
    remove_controls(signer.armature)
    assert_same_pose(drawn_at(signer, frames), before)
    assert sorted(signer.armature.data.bones.keys()) == sorted(JOINT_NAMES)
    assert not [d for d in signer.armature.animation_data.drivers]
    assert not [b.name for b in signer.armature.pose.bones if b.constraints or b.custom_shape]
    assert not [c for c in compat.active_bag(signer.armature).fcurves if "_ik" in c.data_path or "curl" in c.data_path]
    assert not [o for o in bpy.data.objects if o.name.startswith("SignGenShape")]


def test_nothing_needs_python_to_play(signer: Signer) -> None:
    drivers = signer.armature.animation_data.drivers
    assert len(drivers) == 2 * (3 + 15 + 4)
    assert {curve.driver.type for curve in drivers} == {"AVERAGE"} and all(curve.driver.is_valid for curve in drivers)


def test_bones_stand_in_coloured_collections(signer: Signer) -> None:
    data = signer.armature.data
    assert all(bone.custom_shape is not None for bone in signer.armature.pose.bones)
    if not hasattr(data, "collections"):  # before Blender 4.0: groups have the colours, layers are shown or not
        bones = signer.armature.pose.bones
        assert bones["left_ring2"].bone_group.name == "Left hand" and bones["right_hand_ik"].bone_group.name == "Right arm IK"
        assert not any(shown and own for shown, own in zip(data.layers, data.bones["left_elbow_mch"].layers, strict=True))
        assert any(shown and own for shown, own in zip(data.layers, data.bones["left_hand_ik"].layers, strict=True))
        return
    homes = {bone.name: [c.name for c in bone.collections if c.name in {name for name, *_ in COLLECTIONS}] for bone in data.bones}
    assert all(len(home) == 1 for home in homes.values())
    assert homes["left_ring2"] == ["Left hand"] and homes["right_hand_ik"] == ["Right arm IK"] and homes["jaw"] == ["Head"]
    assert data.collections["Mechanism"].is_visible is False
    assert data.bones["left_elbow"].color.palette != data.bones["right_elbow"].color.palette != "DEFAULT"


def test_face_controls_are_the_arkit_keys_in_groups(signer: Signer) -> None:
    assert sorted(name for names in FACE_GROUPS.values() for name in names) == sorted(ARKIT_NAMES)
    set_face(signer.armature, {"browInnerUp": 0.7, "jawOpen": 0.2}, frame=3)
    blocks = face_keys(signer.armature).key_blocks
    assert blocks["browInnerUp"].value == pytest.approx(0.7)
    curve = compat.active_bag(face_keys(signer.armature)).fcurves.find('key_blocks["jawOpen"].value')
    assert {point.co.x: point.co.y for point in curve.keyframe_points}[3.0] == pytest.approx(0.2)
    with pytest.raises(InputError, match="smirk"):
        set_face(signer.armature, {"smirk": 0.5})
    with pytest.raises(InputError, match="browInnerUp: 1.5"):
        set_face(signer.armature, {"browInnerUp": 1.5})


def test_errors_say_what_is_missing(signer: Signer) -> None:
    with pytest.raises(InputError, match="SIDEWAYS"):
        set_arm_mode(signer.armature, "left", "SIDEWAYS")
    with pytest.raises(InputError, match="frames"):
        bake(signer.armature, [])
    remove_controls(signer.armature)
    for call in (snap_ik_to_fk, snap_fk_to_ik):
        with pytest.raises(InputError, match="no arm controls"):
            call(signer.armature, "left")
    empty = bpy.data.objects.new("Empty", bpy.data.armatures.new("Empty"))
    with pytest.raises(InputError, match="has no bone"):
        add_controls(empty)


def test_keys_merge_with_those_that_are_there(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(12))
    snap_ik_to_fk(signer.armature, "left", range(3, 6))
    snap_ik_to_fk(signer.armature, "left", range(9, 3, -1))
    curves = compat.active_bag(signer.armature).fcurves
    turned, moved = ("rotation_quaternion",), ("location",)
    for name, channels in zip(control_bones("left"), (moved + turned, moved, turned, turned), strict=True):
        for channel in channels:
            for axis in range(4 if channel == "rotation_quaternion" else 3):
                curve = curves.find(f'pose.bones["{name}"].{channel}', index=axis)
                assert [point.co.x for point in curve.keyframe_points] == [3, 4, 5, 6, 7, 8, 9], (name, channel)
    # and say the same, whichever call set them
    for frame in (3, 5, 9):
        bpy.context.scene.frame_set(frame)
        before = drawn(signer)
        set_property(signer, ik_property("left"), 1.0)
        assert_same_pose(drawn(signer), before)
        set_property(signer, ik_property("left"), 0.0)
