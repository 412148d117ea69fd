from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon.armature import Signer, build_signer, paint
from blender_addon.keying import from_blender, to_blender
from signgen_core.body import Body
from signgen_core.character import read_character
from signgen_core.face import ARKIT_NAMES
from signgen_core.rig import INDEX, JOINT_NAMES, PARENTS


def evaluated(signer: Signer) -> np.ndarray:
    """(V, 3) vertices as Blender draws them, in core axes."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = signer.mesh.evaluated_get(graph).data
    flat = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", flat)
    return from_blender(flat.reshape(-1, 3), signer.ground)


def test_bones_are_the_smplx_skeleton(signer: Signer) -> None:
    bones = signer.armature.data.bones
    assert sorted(bones.keys()) == sorted(JOINT_NAMES)
    for j, name in enumerate(JOINT_NAMES):
        parent = bones[name].parent
        assert (parent.name if parent else None) == (JOINT_NAMES[PARENTS[j]] if PARENTS[j] >= 0 else None)
        np.testing.assert_allclose(bones[name].head_local, to_blender(signer.rig.rest_joints[j], signer.ground), atol=1e-5)


def test_the_signer_stands_on_the_floor_facing_minus_y(signer: Signer) -> None:
    heads = {name: np.array(bone.head_local) for name, bone in signer.armature.data.bones.items()}
    assert heads["left_wrist"][0] > 0.5 and heads["head"][2] > 1.3
    assert heads["left_eye_smplhf"][1] < heads["head"][1] - 0.05
    low = min(vertex.co.z for vertex in signer.mesh.data.vertices)
    assert low == pytest.approx(0.0, abs=1e-5)


def test_bones_lie_along_the_limbs_and_bend_about_their_x(signer: Signer) -> None:
    bones = signer.armature.data.bones
    np.testing.assert_allclose(bones["left_elbow"].tail_local, bones["left_wrist"].head_local, atol=1e-5)
    for name, bend in (("left_elbow", (0, -1, 0)), ("right_elbow", (0, 1, 0)), ("left_knee", (1, 0, 0)), ("left_index2", (0, 0, -1)),
                       ("right_ring1", (0, 0, 1))):  # fmt: skip
        x_axis = from_blender(np.array(bones[name].matrix_local.to_3x3())[:, 0])
        assert x_axis @ np.array(bend, dtype=float) > 0.97, name


def test_shape_is_baked_into_mesh_and_joints(signer: Signer, body: Body) -> None:
    np.testing.assert_allclose(signer.rig.rest_joints, body.rig(np.array([0.6, -0.4])).rest_joints)
    assert np.abs(signer.rig.rest_joints - body.joints).max() > 1e-3
    assert list(signer.armature["signgen_betas"]) == pytest.approx([0.6, -0.4])


def test_skin_weights_are_those_of_the_body(signer: Signer, body: Body) -> None:
    names = [group.name for group in signer.mesh.vertex_groups]
    assert names == list(JOINT_NAMES)
    for v in range(0, body.num_vertices, 997):
        row = np.zeros(55)
        for entry in signer.mesh.data.vertices[v].groups:
            row[INDEX[names[entry.group]]] = entry.weight
        assert row.sum() == pytest.approx(1.0, abs=1e-5)
        np.testing.assert_allclose(row, body.weights[v], atol=5e-4)


def test_every_face_key_moves_its_part_of_the_face(signer: Signer, body: Body) -> None:
    keys = signer.mesh.data.shape_keys.key_blocks
    assert [key.name for key in keys][: 1 + len(ARKIT_NAMES)] == ["Basis", *ARKIT_NAMES]
    assert body.arkit is not None
    still = evaluated(signer)
    np.testing.assert_allclose(still, body.shaped(signer.betas), atol=1e-5)
    for name in ("browInnerUp", "mouthSmileLeft", "eyeBlinkRight", "tongueOut"):
        keys[name].value = 1.0
        moved = evaluated(signer) - still
        keys[name].value = 0.0
        np.testing.assert_allclose(moved, body.arkit[ARKIT_NAMES.index(name)], atol=1e-5)
        assert np.abs(moved).max() > 1e-3


def test_a_material_per_region_in_the_characters_colours(signer: Signer, body: Body) -> None:
    materials = signer.mesh.data.materials
    assert [m.name.split("_", 1)[1] for m in materials] == list(body.region_names)
    index = np.empty(len(signer.mesh.data.polygons), dtype=np.int32)
    signer.mesh.data.polygons.foreach_get("material_index", index)
    np.testing.assert_array_equal(index, body.polygon_regions)
    before = tuple(materials[0].diffuse_color)
    assert before[:3] == pytest.approx(read_character("kofi").surfaces["skin"].linear, abs=1e-5)
    paint(signer.mesh, body, read_character("anna"))
    assert signer.mesh.data.materials[0].diffuse_color[0] > before[0] + 0.1
    assert len(signer.mesh.data.materials) == len(body.region_names)


def test_a_second_signer_leaves_the_first_and_the_selection_alone(signer: Signer, body: Body) -> None:
    layer = bpy.context.view_layer
    layer.objects.active = signer.mesh
    signer.mesh.select_set(True)
    second = build_signer(body, character=read_character(), name="Other")
    assert second.armature is not signer.armature and len(second.armature.data.bones) == 55
    assert layer.objects.active == signer.mesh and signer.mesh.select_get() and not second.armature.select_get()
    for thing in (second.mesh, second.armature):
        bpy.data.objects.remove(thing, do_unlink=True)
