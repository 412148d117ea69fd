"""The distance fields against the mesh that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.kinematics.forward import global_transforms
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.rig import INDEX
from signgen_core.synthesis.collision import BodyFields

PLACES = [("Head", m) for m in ("Forehead", "Eye", "CheekNose", "Chin", "HeadTop")] + [("Body", m) for m in ("TorsoTop", "TorsoMid", "TorsoBottom", "Waist")]


@pytest.fixture(scope="module")
def posed(synthesiser):
    def build(**turns):
        poses = np.zeros((1, 55, 3))
        for name, turn in turns.items():
            poses[0, INDEX[name]] = turn
        return global_transforms(axis_angle_to_matrix(poses), synthesiser.rest)

    return build


@pytest.mark.parametrize("turns", [{}, {"head": [0.1, 0.4, 0.0], "spine2": [0.05, 0.1, 0.0]}])
@pytest.mark.parametrize("out", [0.010, 0.0, -0.004, -0.012])
def test_distance_near_the_skin(synthesiser, posed, turns, out):
    rotation, position = posed(**turns)
    fields = synthesiser.right_arm.fields
    for place in PLACES:
        anchor = synthesiser.locations.anchor(*place)
        point = anchor.at(rotation, position, synthesiser.rest) + out * anchor.normal_at(rotation)
        depth, way = fields.depth(point[:, None], np.zeros(1), rotation, position)
        assert depth[0, 0] == pytest.approx(-out, abs=0.006), place
        assert way[0, 0] @ anchor.normal_at(rotation)[0] > 0.7, place


def test_far_points_are_clear_and_deep_ones_know_the_way_out(synthesiser, posed):
    rotation, position = posed()
    fields = synthesiser.right_arm.fields
    far, _ = fields.depth(np.array([[[1.0, 0.5, 1.0], [0.0, 0.2, 0.6]]]), np.zeros(2), rotation, position)
    assert (far < -0.02).all()
    centre = np.array([[[0.0, 0.33, 0.06]]])
    depth, way = fields.depth(centre, np.zeros(1), rotation, position)
    assert depth[0, 0] > 0.04 and np.linalg.norm(way[0, 0]) == pytest.approx(1.0, abs=1e-6)


def test_the_inside_of_the_mouth_is_inside(synthesiser, posed):
    rotation, position = posed()
    mouth = synthesiser.locations.anchor("Head", "Mouth")
    point = mouth.position - 0.015 * np.array([0.0, 0.0, 1.0])
    depth, _ = synthesiser.right_arm.fields.depth(point[None, None], np.zeros(1), rotation, position)
    assert depth[0, 0] > 0.008


def test_a_damaged_cache_is_built_again(synthesiser, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNGEN_CACHE", str(tmp_path))
    first = BodyFields.cached(synthesiser.body)
    kept = list(tmp_path.glob("fields-*.npz"))
    assert len(kept) == 1
    kept[0].write_bytes(b"not an npz")
    again = BodyFields.cached(synthesiser.body)
    assert all(np.array_equal(a.distance, b.distance) for a, b in zip(first.fields, again.fields, strict=True))
    third = BodyFields.cached(synthesiser.body)
    assert all(np.array_equal(a.distance, b.distance) for a, b in zip(first.fields, third.fields, strict=True))
