from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import compat
from blender_addon.armature import Signer
from blender_addon.heatmap import (
    ATTRIBUTE,
    RAMP,
    REGIONS,
    WEIGHTS,
    add_heatmap,
    build_legend,
    has_heatmap,
    heatmap_shown,
    keyed_levels,
    level_property,
    most_uncertain_frame,
    most_uncertain_on,
    motion_levels,
    region_weights,
    remove_heatmap,
    remove_legend,
    show_heatmap,
)
from blender_addon.keying import key_motion
from signgen_core.body import Body
from signgen_core.character import read_character
from signgen_core.errors import InputError
from signgen_core.motion import Motion
from signgen_core.rig import INDEX

Maker = Callable[..., Motion]
# frame 1: all sure; 2: the left hand unsure; 3: the face and half of the body
LEVELS = np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.0, 1.0]])
SURE, UNSURE = np.array(RAMP[0][1]), np.array(RAMP[-1][1])


@pytest.fixture(autouse=True)
def bare(signer: Signer) -> None:
    remove_heatmap(signer.mesh)


def colors(mesh: bpy.types.Object, frame: int) -> np.ndarray:
    """(V, 3) mean colour of the corners at each vertex as Blender draws it at a frame."""
    bpy.context.scene.frame_set(frame)
    drawn = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    flat = np.empty(4 * len(drawn.loops), dtype=np.float32)
    drawn.attributes[ATTRIBUTE].data.foreach_get("color", flat)
    corner = np.empty(len(drawn.loops), dtype=np.int32)
    drawn.loops.foreach_get("vertex_index", corner)
    count = np.bincount(corner, minlength=len(drawn.vertices))
    rgb = flat.reshape(-1, 4)[:, :3]
    return np.stack([np.bincount(corner, rgb[:, c], len(drawn.vertices)) / count for c in range(3)], axis=-1)


def skin_of(body: Body, joint: str) -> int:
    """A vertex that only this joint moves, on painted skin."""
    skin = np.unique(body.polygons[body.polygon_regions == body.region_names.index("skin")])
    return int(skin[np.argmax(body.weights[skin, INDEX[joint]])])


def painted(own: np.ndarray, level: np.ndarray) -> np.ndarray:
    return 0.1 * own + 0.9 * level


def test_regions_cover_the_body_softly(signer: Signer, body: Body) -> None:
    weights = region_weights(signer.mesh)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    for joint, region in (("left_index2", "left_hand"), ("right_thumb3", "right_hand"), ("head", "face"), ("spine2", "body"), ("left_elbow", "body")):
        assert weights[skin_of(body, joint), REGIONS.index(region)] == pytest.approx(1.0, abs=0.02), joint
    assert ((weights > 0.05) & (weights < 0.95)).any()


def test_the_drawn_colours_follow_the_levels(signer: Signer, body: Body) -> None:
    add_heatmap(signer.mesh, LEVELS)
    own = np.array(read_character("kofi").surfaces["skin"].linear)
    left, right, face = (skin_of(body, joint) for joint in ("left_middle3", "right_middle3", "head"))
    first, second, third = (colors(signer.mesh, frame) for frame in (1, 2, 3))
    np.testing.assert_allclose(first[[left, right, face]], np.tile(painted(own, SURE), (3, 1)), atol=0.03)
    np.testing.assert_allclose(second[[left, right, face]], [painted(own, UNSURE), painted(own, SURE), painted(own, SURE)], atol=0.03)
    np.testing.assert_allclose(third[[left, right, face]], [painted(own, SURE), painted(own, SURE), painted(own, UNSURE)], atol=0.03)
    shirt = np.unique(body.polygons[body.polygon_regions == body.region_names.index("shirt")])
    assert third[shirt].mean(axis=0)[0] < first[shirt].mean(axis=0)[0] - 0.1
    # what carries the face's grammar keeps its colour
    iris = np.unique(body.polygons[body.polygon_regions == body.region_names.index("pupil")])
    np.testing.assert_allclose(third[iris], first[iris], atol=0.05)


def test_it_plays_in_a_file_without_the_add_on(signer: Signer, body: Body, tmp_path: Path) -> None:
    add_heatmap(signer.mesh, LEVELS, start_frame=11)
    expected = colors(signer.mesh, 12)
    curves = [c for c in signer.mesh.modifiers["Uncertainty"].node_group.animation_data.drivers]
    assert len(curves) == 4 and {c.driver.type for c in curves} == {"AVERAGE"}
    bpy.data.libraries.write(str(tmp_path / "heat.blend"), {signer.mesh}, fake_user=True)
    with bpy.data.libraries.load(str(tmp_path / "heat.blend")) as (source, target):
        target.objects = [name for name in source.objects if name == signer.mesh.name]
    (copy,) = target.objects
    bpy.context.scene.collection.objects.link(copy)
    np.testing.assert_allclose(colors(copy, 12), expected, atol=1e-4)
    assert np.abs(colors(copy, 11) - expected).max() > 0.3
    armature = copy.parent
    for thing in (copy, armature):
        bpy.data.objects.remove(thing, do_unlink=True)


def test_materials_show_it_and_get_their_colour_back(signer: Signer) -> None:
    def shaders() -> list[tuple[bool, tuple[float, ...]]]:
        nodes = [next(n for n in m.node_tree.nodes if n.type == "BSDF_PRINCIPLED") for m in signer.mesh.data.materials]
        return [(n.inputs["Base Color"].is_linked, tuple(n.inputs["Base Color"].default_value)) for n in nodes]

    before = shaders()
    add_heatmap(signer.mesh, LEVELS)
    assert all(linked for linked, _ in shaders()) and heatmap_shown(signer.mesh)
    show_heatmap(signer.mesh, False)
    assert shaders() == before and has_heatmap(signer.mesh) and not heatmap_shown(signer.mesh)
    show_heatmap(signer.mesh, True)
    assert all(linked for linked, _ in shaders())
    remove_heatmap(signer.mesh)
    assert shaders() == before


def test_keys_are_the_levels_and_a_new_heatmap_replaces_the_old(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(4))
    rig_action = signer.armature.animation_data.action
    add_heatmap(signer.mesh, LEVELS)
    actions = len(bpy.data.actions)
    add_heatmap(signer.mesh, LEVELS[::-1], start_frame=5)
    frames, levels = keyed_levels(signer.mesh)
    np.testing.assert_allclose(frames, [5, 6, 7])
    np.testing.assert_allclose(levels, LEVELS[::-1])
    assert len(bpy.data.actions) == actions and signer.armature.animation_data.action == rig_action
    assert {p.interpolation for c in compat.active_bag(signer.mesh).fcurves for p in c.keyframe_points} == {"LINEAR"}


def test_removing_leaves_nothing(signer: Signer) -> None:
    def state() -> tuple[object, ...]:
        mesh = signer.mesh
        kinds = ("actions", "node_groups", "objects", "meshes", "materials", "curves")
        counts = tuple(len(getattr(bpy.data, kind)) for kind in kinds)
        return (*counts, sorted(mesh.keys()), [m.name for m in mesh.modifiers], sorted(a.name for a in mesh.data.attributes))

    before = state()
    add_heatmap(signer.mesh, LEVELS)
    build_legend(signer.armature)
    assert {ATTRIBUTE, WEIGHTS} <= {a.name for a in signer.mesh.data.attributes}
    remove_heatmap(signer.mesh)
    remove_legend(signer.armature)
    assert state() == before


def test_the_most_uncertain_frame(signer: Signer, random_motion: Maker) -> None:
    levels = np.full((6, 4), 0.2)
    levels[4, 2] = 0.9
    assert most_uncertain_frame(replace(random_motion(6), uncertainty=levels.astype(np.float32))) == (4, "right_hand")
    add_heatmap(signer.mesh, levels, start_frame=101)
    assert most_uncertain_on(signer.mesh) == (105, "right_hand", pytest.approx(0.9))
    for curve in compat.active_bag(signer.mesh).fcurves:  # a key that the user moved counts
        if curve.data_path == f'["{level_property("face")}"]':
            curve.keyframe_points[1].co.y = 0.95
    assert most_uncertain_on(signer.mesh)[1] == "face"


@pytest.mark.parametrize("wrong", [np.zeros((3, 3)), np.zeros((0, 4)), np.zeros(4), np.full((2, 4), 1.5), np.full((2, 4), np.nan)])
def test_levels_are_checked(signer: Signer, wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match="uncertainty"):
        add_heatmap(signer.mesh, wrong)
    assert not has_heatmap(signer.mesh)


def test_errors(signer: Signer, random_motion: Maker) -> None:
    with pytest.raises(InputError, match="no uncertainty"):
        motion_levels(random_motion(3))
    for call in (most_uncertain_on, keyed_levels, lambda mesh: show_heatmap(mesh, True)):
        with pytest.raises(InputError, match="no heatmap"):
            call(signer.mesh)


def test_the_legend_shows_the_ramp(signer: Signer) -> None:
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    legend = build_legend(signer.armature, camera=camera)
    data = legend.data.attributes[ATTRIBUTE].data
    height = np.array([legend.data.vertices[loop.vertex_index].co.y for loop in legend.data.loops])
    rgb = np.array([d.color[:3] for d in data])
    strip = rgb[: 4 * 24]
    np.testing.assert_allclose(strip[np.argmin(height[: 4 * 24])], SURE, atol=1e-3)
    np.testing.assert_allclose(strip[np.argmax(height[: 4 * 24])], UNSURE, atol=1e-3)
    bpy.context.view_layer.update()
    corners = np.array([legend.matrix_world @ v.co for v in legend.data.vertices])  # the camera stands at the origin
    projected = corners[:, :2] / -corners[:, 2:]
    frame = np.array([c[:] for c in camera.data.view_frame(scene=scene)])
    edge = np.abs(frame[:, :2] / frame[:, 2:]).max(axis=0)
    assert (np.abs(projected) < edge).all() and (-corners[:, 2] > camera.data.clip_start).all()
    build_legend(signer.armature, camera=camera)  # in place of the first
    assert len([o for o in bpy.data.objects if "signgen_legend" in o]) == 1
    remove_legend(signer.armature)
    bpy.data.objects.remove(camera, do_unlink=True)
