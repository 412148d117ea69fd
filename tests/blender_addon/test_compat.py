"""What differs between Blenders: actions with slots or without, asked for by names that Blender itself would not match."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat  # noqa: E402 - needs bpy


@pytest.fixture
def things() -> Iterator[tuple[object, object, object]]:
    """Two cubes, the first with a shape key, and an empty action."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = bpy.data.meshes.new("Plate")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    pair = [bpy.data.objects.new(name, mesh) for name in ("One", "Two")]
    for thing in pair:
        bpy.context.scene.collection.objects.link(thing)
    pair[0].shape_key_add(name="Basis")
    pair[0].shape_key_add(name="Up")
    yield pair[0], pair[1], bpy.data.actions.new("Move")


def key(bag: object, path: str, index: int, values: tuple[float, float]) -> None:
    points = bag.fcurves.new(path, index=index).keyframe_points
    points.add(2)
    points.foreach_set("co", np.array([(1.0, values[0]), (11.0, values[1])], dtype=np.float32).ravel())


def test_one_action_moves_object_and_shapes(things: tuple) -> None:
    one, _, action = things
    face = action if compat.SLOTTED else bpy.data.actions.new("Face")
    key(compat.channels(action, one), "location", 0, (0.0, 5.0))
    key(compat.channels(face, one.data.shape_keys), 'key_blocks["Up"].value', 0, (0.0, 0.75))
    bpy.context.scene.frame_set(11)
    assert one.location.x == pytest.approx(5.0)
    assert one.data.shape_keys.key_blocks["Up"].value == pytest.approx(0.75)
    paths = {curve.data_path for source in {action, face} for curve in compat.all_curves(source)}
    assert paths == {"location", 'key_blocks["Up"].value'}
    assert [curve.data_path for curve in compat.active_bag(one).fcurves] == ["location"]


def test_an_action_of_another_object_moves_this_one(things: tuple) -> None:
    """Blender's own choice of a slot fails here without a word: the slot is another object's."""
    one, two, action = things
    key(compat.channels(action, one), "location", 0, (0.0, 5.0))
    compat.assign(action, two)
    bpy.context.scene.frame_set(11)
    assert two.location.x == pytest.approx(5.0)
    compat.assign(None, two)
    assert two.animation_data.action is None and compat.active_bag(two) is None


def test_an_action_without_a_slot_for_it_gives_no_curves(things: tuple) -> None:
    one, _, action = things
    assert compat.active_bag(one) is None
    key(compat.channels(action, one), "location", 0, (0.0, 5.0))
    keys = one.data.shape_keys
    compat.assign(action, keys)
    if compat.SLOTTED:
        assert compat.slot_for(action, keys) is None and compat.active_bag(keys) is None
        made = compat.slot_for(action, keys, make=True)
        assert compat.slot_for(action, keys) == made and compat.bag_of(action, made) is None
        assert [curve.data_path for curve in compat.all_curves(action)] == ["location"]
    else:
        assert compat.slot_for(action, keys, make=True) is None


def test_a_strip_plays_the_slot_of_its_own_block(things: tuple) -> None:
    one, two, action = things
    key(compat.channels(action, one), "location", 1, (0.0, 3.0))
    compat.assign(None, one)
    track = two.animation_data_create().nla_tracks.new()
    compat.assign_strip(track.strips.new("Move", 1, action), two)
    bpy.context.scene.frame_set(11)
    assert two.location.y == pytest.approx(3.0)


def test_polygons_and_shader_inputs(things: tuple) -> None:
    mesh = bpy.data.meshes.new("Two")
    mesh.vertices.add(5)
    mesh.loops.add(7)
    mesh.loops.foreach_set("vertex_index", np.array([0, 1, 2, 3, 0, 3, 4], dtype=np.int32))
    mesh.polygons.add(2)
    compat.set_polygons(mesh, np.array([4, 3]))
    mesh.update(calc_edges=True)
    assert [list(p.vertices) for p in mesh.polygons] == [[0, 1, 2, 3], [0, 3, 4]]
    material = bpy.data.materials.new("Skin")
    if material.node_tree is None:
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert compat.shader_input(shader, "Subsurface Weight").name in ("Subsurface Weight", "Subsurface")
    with pytest.raises(KeyError):
        compat.shader_input(shader, "No such input")
