from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from blender_addon import scene as studio
from blender_addon.armature import Signer
from blender_addon.keying import to_blender
from signgen_core.camera import place_camera, read_camera
from signgen_core.errors import InputError


@pytest.mark.parametrize("size", [(960, 720), (400, 700)])
@pytest.mark.parametrize("name", ["signing", "three_quarter"])
def test_blenders_camera_sees_what_the_core_projects(signer: Signer, name: str, size: tuple[int, int]) -> None:
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = size
    camera = place_camera(read_camera(name), signer.rig, size)
    thing = studio.aim_camera(scene, camera, signer.ground)
    bpy.context.view_layer.update()
    picture, depth = camera.project(signer.rig.rest_joints)
    for point, expected, away in zip(to_blender(signer.rig.rest_joints, signer.ground), picture, depth, strict=True):
        x, y, z = world_to_camera_view(scene, thing, Vector(point))
        np.testing.assert_allclose((x, 1.0 - y, z), (*expected, away), atol=1e-4)


def test_quality_chooses_engine_and_effort() -> None:
    scene = bpy.context.scene
    if studio.has_gpu():
        pytest.skip("this machine has a GPU: auto means other engines here")
    assert studio.build_studio(scene, quality="preview", size=(64, 48)) == "workbench"
    assert scene.render.engine == "BLENDER_WORKBENCH" and (scene.render.resolution_x, scene.render.resolution_y) == (64, 48)
    assert studio.build_studio(scene, quality="high", alpha=True) == "cycles"
    assert scene.render.engine == "CYCLES" and scene.render.film_transparent and scene.cycles.use_denoising
    assert studio.build_studio(scene, engine="eevee") == "eevee"
    assert "EEVEE" in scene.render.engine


def test_lights_are_made_once() -> None:
    scene = bpy.context.scene
    for _ in range(2):
        studio.build_studio(scene, quality="high", engine="cycles")
    assert len([o for o in scene.objects if o.type == "LIGHT"]) == 3


@pytest.mark.parametrize(("engine", "quality"), [("povray", "standard"), ("auto", "best")])
def test_unknown_words_are_refused(engine: str, quality: str) -> None:
    with pytest.raises(InputError, match="unknown; known are"):
        studio.build_studio(bpy.context.scene, engine=engine, quality=quality)
