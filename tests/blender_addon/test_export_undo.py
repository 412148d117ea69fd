"""Undo around import and export. A module of its own: undo replaces every object of the file, and with them what other tests hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import export_operators, keying, properties, signers  # noqa: E402
from signgen_core.datasets import writers  # noqa: E402
from signgen_core.motion import Motion  # noqa: E402


def motion(frames: int) -> Motion:
    poses = 0.3 * np.sin(np.arange(frames)[:, None, None] + np.arange(165).reshape(55, 3))
    return Motion(poses, np.zeros((frames, 3)), np.zeros(10), np.zeros((frames, 10)), np.full((frames, 52), 0.4), 30.0)


@pytest.fixture
def operators() -> Iterator[None]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    properties.register()
    export_operators.register()
    signer = signers.add_signer(bpy.context.scene, name="Sam")
    keying.key_motion(signer, motion(4), scene=bpy.context.scene)
    bpy.context.view_layer.objects.active = signer.armature
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="start")
    yield
    export_operators.unregister()
    properties.unregister()


def state() -> dict[str, Any]:
    scene = bpy.context.scene
    sets = ("objects", "armatures", "meshes", "shape_keys", "actions", "materials", "scenes", "node_groups")
    return {
        **{name: sorted(getattr(bpy.data, name).keys()) for name in sets}, "scene": scene.name, "range": (scene.frame_start, scene.frame_end),
        "active": bpy.context.view_layer.objects.active.name, "pose": [list(b.rotation_quaternion) for b in bpy.data.objects["Sam"].pose.bones][:20],
    }  # fmt: skip


def test_an_import_is_one_step_and_an_export_is_none(operators: None, tmp_path: Path) -> None:
    writers.write_motion(tmp_path / "new.bvh", motion(9))
    start = state()
    assert bpy.ops.signgen.import_motion("EXEC_DEFAULT", True, filepath=str(tmp_path / "new.bvh")) == {"FINISHED"}
    after = state()
    assert after["objects"] != start["objects"] and after["range"] == (1, 9)
    assert bpy.ops.signgen.export_blend("EXEC_DEFAULT", True, filepath=str(tmp_path / "new.blend")) == {"FINISHED"}
    assert bpy.ops.signgen.export_fbx("EXEC_DEFAULT", True, filepath=str(tmp_path / "new.fbx")) == {"FINISHED"}
    assert state() == after
    bpy.ops.ed.undo()
    assert state() == start
    bpy.ops.ed.redo()
    assert state() == after
    assert bpy.ops.signgen.export_bvh("EXEC_DEFAULT", True, filepath=str(tmp_path / "again.bvh")) == {"FINISHED"}
