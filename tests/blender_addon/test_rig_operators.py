from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import compat, rig_operators
from blender_addon.armature import Signer
from blender_addon.heatmap import add_heatmap, heatmap_shown, remove_heatmap
from blender_addon.keying import key_motion, read_motion
from blender_addon.pose_library import hand_model, handshape_angles, pose_assets
from blender_addon.rig_controls import control_bones, has_controls, ik_property, remove_controls
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.motion import Motion
from signgen_core.phonology.hand import to_side
from signgen_core.rig import JOINT_NAMES, hand_slice

Maker = Callable[..., Motion]


@pytest.fixture(autouse=True)
def registered(signer: Signer) -> Iterator[None]:
    rig_operators.register()
    bpy.context.view_layer.objects.active = signer.mesh  # its armature is meant
    yield
    rig_operators.unregister()
    remove_heatmap(signer.mesh)
    if has_controls(signer.armature):
        remove_controls(signer.armature)


def rotations(signer: Signer) -> np.ndarray:
    return axis_angle_to_matrix(read_motion(signer, evaluated=True).poses)


def test_the_rig_through_its_buttons(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(6))
    before = rotations(signer)
    assert not bpy.ops.signgen.arm_mode.poll() and bpy.ops.signgen.add_controls.poll()
    assert bpy.ops.signgen.add_controls() == {"FINISHED"}
    assert not bpy.ops.signgen.add_controls.poll()
    assert bpy.ops.signgen.convert_arms(mode="IK") == {"FINISHED"}
    assert [signer.armature[ik_property(side)] for side in ("left", "right")] == [1.0, 1.0]
    np.testing.assert_allclose(rotations(signer), before, atol=2e-3)
    signer.armature["left_index_curl"] = 0.4
    signer.armature.update_tag()  # what a slider does by itself
    bent = rotations(signer)
    assert np.abs(bent - before).max() > 0.2
    assert bpy.ops.signgen.remove_controls(bake=True) == {"FINISHED"}
    assert sorted(signer.armature.data.bones.keys()) == sorted(JOINT_NAMES)
    np.testing.assert_allclose(rotations(signer), bent, atol=2e-3)


def test_switching_one_arm_with_a_key(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(8))
    bpy.ops.signgen.add_controls()
    bpy.context.scene.frame_set(3)
    assert bpy.ops.signgen.arm_mode(side="left", mode="IK", key=True) == {"FINISHED"}
    keys = compat.active_bag(signer.armature).fcurves.find(f'["{ik_property("left")}"]').keyframe_points
    assert [(k.co.x, k.co.y, k.interpolation) for k in keys] == [(3.0, 1.0, "CONSTANT")]
    assert signer.armature[ik_property("right")] == 0.0
    hand = signer.armature.pose.bones[control_bones("right")[0]]
    hand.location = (9.0, 9.0, 9.0)
    assert bpy.ops.signgen.snap_arm(side="both", mode="IK") == {"FINISHED"}
    assert hand.location.length < 5.0 and signer.armature[ik_property("right")] == 0.0
    assert bpy.ops.signgen.reset_controls() == {"FINISHED"}
    assert signer.armature[ik_property("left")] == 0.0
    assert bpy.ops.signgen.bake_controls() == {"FINISHED"}


def test_a_handshape_at_this_frame(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(8)
    key_motion(signer, motion)
    bpy.context.scene.frame_set(4)
    assert bpy.ops.signgen.apply_handshape(side="left", handshape="y", hold=2) == {"FINISHED"}
    back = axis_angle_to_matrix(read_motion(signer).poses)[:, hand_slice("left")]
    wanted = to_side(hand_model(signer, "left").rotations(handshape_angles("y")), "left")
    np.testing.assert_allclose(back[3:5], np.stack([wanted, wanted]), atol=1e-4)
    np.testing.assert_allclose(back[[2, 5]], axis_angle_to_matrix(motion.poses)[[2, 5]][:, hand_slice("left")], atol=1e-4)
    assert len(rig_operators.handshape_items()) > 60


def test_the_heatmap_and_its_jump(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(8))
    assert not bpy.ops.signgen.show_heatmap.poll() and not bpy.ops.signgen.most_uncertain.poll()
    levels = np.full((8, 4), 0.1)
    levels[6, 3] = 0.8
    add_heatmap(signer.mesh, levels)
    assert bpy.ops.signgen.show_heatmap(visible=False) == {"FINISHED"}
    assert not heatmap_shown(signer.mesh) and bpy.context.scene.display.shading.color_type == "MATERIAL"
    assert bpy.ops.signgen.show_heatmap(visible=True) == {"FINISHED"}
    assert heatmap_shown(signer.mesh) and bpy.context.scene.display.shading.color_type == "VERTEX"
    assert [o for o in bpy.data.objects if "signgen_legend" in o]
    assert bpy.ops.signgen.most_uncertain() == {"FINISHED"} and bpy.context.scene.frame_current == 7
    bpy.ops.signgen.show_heatmap(visible=False)
    assert not [o for o in bpy.data.objects if "signgen_legend" in o]


def test_assets_by_button(signer: Signer, tmp_path: Path) -> None:
    assert bpy.ops.signgen.build_pose_library(previews=False) == {"FINISHED"}
    assert len(pose_assets()) == 2 * len(rig_operators.handshape_items())
    with pytest.raises(RuntimeError, match="holds handshape assets already"):
        bpy.ops.signgen.save_pose_library(filepath=str(tmp_path / "hands.blend"), previews=False)
    for action in pose_assets().values():
        bpy.data.actions.remove(action)


def test_without_a_signer_nothing_can_be_pressed(signer: Signer) -> None:
    empty = bpy.data.scenes.new("Empty")
    with bpy.context.temp_override(scene=empty, view_layer=empty.view_layers[0], active_object=None, object=None):
        pressed = [cls.bl_idname for cls in rig_operators.CLASSES if cls.poll(bpy.context)]
    bpy.data.scenes.remove(empty)
    assert not pressed


def test_every_button_says_what_it_does() -> None:
    for cls in rig_operators.CLASSES:
        assert cls.bl_description and not cls.bl_description.endswith("."), cls.bl_idname
        assert "UNDO" in cls.bl_options or cls is rig_operators.SIGNGEN_OT_save_pose_library
