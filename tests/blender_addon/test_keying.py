from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import bpy
import numpy as np
import pytest

from blender_addon.armature import Signer
from blender_addon.keying import from_blender, key_motion, read_motion, to_blender
from signgen_core.body import Body
from signgen_core.errors import InputError
from signgen_core.face import FACE_INDEX
from signgen_core.kinematics.forward import global_transforms
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.motion import Motion, Segment
from signgen_core.rig import INDEX, JOINT_NAMES

SEGMENTS = (Segment("HELLO", 0.0, 0.1, 0.05), Segment("fs-ANNA", 0.1, 0.4, 0.2), Segment("WHERE", 0.4, 0.6, 0.5))
Maker = Callable[..., Motion]


def drawn(signer: Signer, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Joint positions (55, 3) and vertices (V, 3) that Blender evaluates at a frame, in core axes."""
    bpy.context.scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    bones = signer.armature.evaluated_get(graph).pose.bones
    mesh = signer.mesh.evaluated_get(graph).data
    flat = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", flat)
    heads = np.array([bones[name].head for name in JOINT_NAMES])
    return from_blender(heads, signer.ground), from_blender(flat.reshape(-1, 3), signer.ground)


def rig_curves(signer: Signer) -> dict[tuple[str, int], object]:
    from blender_addon.keying import _curves

    return _curves(signer.armature)


def test_axes_go_there_and_back() -> None:
    points = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(to_blender(points, 0.5), [[1, -3, 2.5], [0, -1, 0.5]])
    np.testing.assert_allclose(from_blender(to_blender(points, 0.5), 0.5), points)


def test_blender_poses_joints_and_skin_as_the_core_does(signer: Signer, body: Body, random_motion: Maker) -> None:
    motion = random_motion()
    key_motion(signer, motion, start_frame=10)
    turns = axis_angle_to_matrix(motion.poses)
    _, joints = global_transforms(turns, signer.rig.rest_joints, transl=motion.transl)
    skin = body.vertices(motion.poses, motion.transl, motion.betas, motion.face, motion.expression)
    for t in range(motion.num_frames):
        heads, vertices = drawn(signer, 10 + t)
        assert np.abs(heads - joints[t]).max() < 1e-4
        assert np.abs(vertices - skin[t]).max() < 1e-4


def test_the_zero_pose_is_the_rest_pose(signer: Signer, body: Body, random_motion: Maker) -> None:
    still = random_motion(2)
    zero = Motion(0 * still.poses, 0 * still.transl, still.betas, 0 * still.expression, 0 * still.face, 30.0)
    key_motion(signer, random_motion(3))
    key_motion(signer, zero)  # nothing of the motion before may remain
    heads, vertices = drawn(signer, 1)
    np.testing.assert_allclose(heads, signer.rig.rest_joints, atol=1e-5)
    np.testing.assert_allclose(vertices, body.shaped(still.betas), atol=1e-5)


@pytest.mark.parametrize("evaluated", [False, True])
def test_round_trip(signer: Signer, random_motion: Maker, evaluated: bool) -> None:
    motion = random_motion(12, segments=SEGMENTS)
    key_motion(signer, motion)
    back = read_motion(signer, evaluated=evaluated)
    # compared as rotations: an angle over pi comes back as the shorter turn
    np.testing.assert_allclose(axis_angle_to_matrix(back.poses), axis_angle_to_matrix(motion.poses), atol=1e-5)
    np.testing.assert_allclose(back.transl, motion.transl, atol=1e-5)
    np.testing.assert_allclose(back.face, motion.face, atol=1e-5)
    np.testing.assert_allclose(back.expression, motion.expression, atol=1e-5)
    np.testing.assert_allclose(back.betas, motion.betas)
    assert back.fps == motion.fps and back.segments == SEGMENTS and back.meta == motion.meta


def test_moved_keys_are_read_back(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(6)
    key_motion(signer, motion)
    curve = rig_curves(signer)['pose.bones["pelvis"].location', 0]
    for point in curve.keyframe_points:  # type: ignore[attr-defined]
        point.co.y += 0.25
    back = read_motion(signer)
    np.testing.assert_allclose(np.linalg.norm(back.transl - motion.transl, axis=1), 0.25, atol=1e-5)


def test_no_turn_the_long_way_round(signer: Signer, random_motion: Maker) -> None:
    """A joint that passes half a turn flips the sign of its quaternion; between two keys Blender must not spin back."""
    still = random_motion(40)
    poses = np.zeros_like(still.poses)
    poses[:, INDEX["right_wrist"], 0] = np.linspace(2.6, 3.7, 40)
    key_motion(signer, replace(still, poses=poses))
    curves = [rig_curves(signer)['pose.bones["right_wrist"].rotation_quaternion', a] for a in range(4)]
    keys = np.array([[point.co.y for point in curve.keyframe_points] for curve in curves]).T  # type: ignore[attr-defined]
    assert (np.sum(keys[1:] * keys[:-1], axis=1) > 0.9).all()


def test_one_action_with_a_slot_for_rig_and_face(signer: Signer, random_motion: Maker) -> None:
    (action,) = key_motion(signer, random_motion(), name="Greeting")
    rig_data, face_data = signer.armature.animation_data, signer.mesh.data.shape_keys.animation_data
    assert action.name.startswith("Greeting") and rig_data.action == action
    if hasattr(action, "slots"):
        assert face_data.action == action
        assert {slot.identifier[:2] for slot in action.slots} == {"OB", "KE"}
        assert rig_data.action_slot.target_id_type == "OBJECT" and face_data.action_slot.target_id_type == "KEY"


def test_keys_are_linear_grouped_and_few_where_nothing_moves(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(20)
    poses = np.zeros_like(motion.poses)
    poses[:, INDEX["head"], 1] = np.linspace(0.0, 0.5, 20)
    face = np.zeros_like(motion.face)
    face[:, FACE_INDEX["browInnerUp"]] = np.linspace(0.0, 1.0, 20)
    key_motion(signer, replace(motion, poses=poses, face=face, expression=0 * motion.expression))
    curves = rig_curves(signer)
    head = curves['pose.bones["head"].rotation_quaternion', 2]
    still = curves['pose.bones["left_knee"].rotation_quaternion', 0]
    assert len(head.keyframe_points) == 20 and len(still.keyframe_points) == 2  # type: ignore[attr-defined]
    assert {point.interpolation for point in head.keyframe_points} == {"LINEAR"}  # type: ignore[attr-defined]
    assert head.group.name == "head"  # type: ignore[attr-defined]
    from blender_addon.keying import _curves

    assert list(_curves(signer.mesh.data.shape_keys)) == [('key_blocks["browInnerUp"].value', 0)]


def test_time_line(signer: Signer, random_motion: Maker) -> None:
    scene = bpy.context.scene
    scene.timeline_markers.clear()
    mine = scene.timeline_markers.new("mine", frame=3)
    motion = random_motion(20, fps=29.97, segments=SEGMENTS)
    key_motion(signer, motion, start_frame=101)
    assert (scene.frame_start, scene.frame_end) == (101, 120)
    assert scene.render.fps / scene.render.fps_base == pytest.approx(29.97)
    assert {m.name: m.frame for m in scene.timeline_markers} == {"mine": 3, "HELLO": 101, "fs-ANNA": 104, "WHERE": 113}
    key_motion(signer, random_motion(20))
    assert [m.name for m in scene.timeline_markers] == ["mine"]
    scene.timeline_markers.remove(mine)


def test_keying_again_replaces_and_leaves_other_actions(signer: Signer, random_motion: Maker) -> None:
    other = bpy.data.actions.new("Other")
    key_motion(signer, random_motion())
    before = len(bpy.data.actions)
    key_motion(signer, random_motion(seed=4))
    assert len(bpy.data.actions) == before and "Other" in bpy.data.actions
    bpy.data.actions.remove(other)


def test_nla_strips_play_the_same_motion(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(20, segments=SEGMENTS)
    motion.face[4:, FACE_INDEX["jawOpen"]] = 0.0  # moves in the first sign only
    actions = key_motion(signer, motion, nla=True)
    assert [action.name.split(".")[0] for action in actions] == ["HELLO", "fs-ANNA", "WHERE"]
    for block in (signer.armature, signer.mesh.data.shape_keys):
        strips = sorted((strip for track in block.animation_data.nla_tracks for strip in track.strips), key=lambda s: s.frame_start)
        assert [strip.name for strip in strips] == ["HELLO", "fs-ANNA", "WHERE"]
        assert [strip.frame_start for strip in strips] == [1, 4, 13] and strips[-1].frame_end == 20
    back = read_motion(signer, evaluated=True)
    np.testing.assert_allclose(axis_angle_to_matrix(back.poses), axis_angle_to_matrix(motion.poses), atol=1e-4)
    np.testing.assert_allclose(back.face, motion.face, atol=1e-4)
    for beyond, end in ((-9, 0), (60, -1)):
        heads, vertices = drawn(signer, beyond)
        expected_heads, expected_vertices = drawn(signer, (1, 20)[end])
        np.testing.assert_allclose(heads, expected_heads, atol=1e-5)
        np.testing.assert_allclose(vertices, expected_vertices, atol=1e-5)
    key_motion(signer, motion)
    assert not signer.armature.animation_data.nla_tracks


def test_a_signer_without_keys_says_so(signer: Signer, random_motion: Maker) -> None:
    from blender_addon.keying import clear_keys

    key_motion(signer, random_motion())
    clear_keys(signer, bpy.context.scene)
    with pytest.raises(InputError, match="no action"):
        read_motion(signer)
