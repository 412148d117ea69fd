"""Undo after each button of the rig. A module of its own: undo replaces every object of the file, and with them what other tests hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon import compat, rig_operators
from blender_addon.armature import Signer
from blender_addon.heatmap import add_heatmap
from blender_addon.keying import key_motion
from signgen_core.motion import Motion


@pytest.fixture(scope="module")
def scene(signer: Signer, random_motion: Callable[..., Motion]) -> Iterator[None]:
    rig_operators.register()
    key_motion(signer, random_motion(5))
    add_heatmap(signer.mesh, np.linspace(0.0, 1.0, 20).reshape(5, 4))
    bpy.context.view_layer.objects.active = signer.armature
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="start")
    yield
    rig_operators.unregister()


def state() -> dict[str, Any]:
    bpy.context.view_layer.update()
    armature, mesh = bpy.data.objects["Sam"], bpy.data.objects["SamBody"]
    curves = list(compat.active_bag(armature).fcurves)
    return {
        "bones": sorted(armature.data.bones.keys()), "properties": {name: str(armature[name]) for name in armature.keys()},
        "drivers": len(armature.animation_data.drivers), "keys": sum(len(c.keyframe_points) for c in curves),
        "pose": np.round([bone.matrix for bone in armature.pose.bones], 4).tolist(), "frame": bpy.context.scene.frame_current,
        "constraints": sum(len(bone.constraints) for bone in armature.pose.bones), "objects": sorted(bpy.data.objects.keys()),
        "actions": sorted(bpy.data.actions.keys()), "nodes": sum(len(m.node_tree.nodes) for m in mesh.data.materials if m is not None),
        "shading": bpy.context.scene.display.shading.color_type,
    }  # fmt: skip


CALLS = [
    ("add_controls", {}), ("arm_mode", {"mode": "IK", "key": True}), ("convert_arms", {"mode": "IK"}), ("apply_handshape", {"handshape": "y"}),
    ("show_heatmap", {"visible": True}), ("most_uncertain", {}), ("snap_arm", {"mode": "IK"}), ("bake_controls", {}), ("reset_controls", {}),
    ("remove_controls", {"bake": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), CALLS, ids=[name for name, _ in CALLS])
def test_undo_restores_the_scene(scene: None, name: str, options: dict[str, Any]) -> None:
    if name != "add_controls" and "left_hand_ik" not in bpy.data.objects["Sam"].data.bones:
        bpy.ops.signgen.add_controls("EXEC_DEFAULT", True)
    if name in ("reset_controls", "bake_controls"):
        armature = bpy.data.objects["Sam"]
        armature["left_index_curl"] = 0.5
        armature.update_tag()
    if name == "snap_arm":
        bpy.data.objects["Sam"].pose.bones["right_hand_ik"].location.z += 0.1
    bpy.ops.ed.undo_push(message="before")
    before = state()
    assert getattr(bpy.ops.signgen, name)("EXEC_DEFAULT", True, **options) == {"FINISHED"}
    assert state() != before
    bpy.ops.ed.undo()
    after = state()
    assert {key: after[key] for key in before if after[key] != before[key]} == {}
