"""Locations lie on the skin, of any body shape, and ride on it."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import LexiconError
from signgen_core.kinematics.forward import global_transforms
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.phonology.features import MINOR_LOCATIONS
from signgen_core.phonology.locations import Locations
from signgen_core.rig import INDEX

ON_SKIN = [(major, minor) for major in ("Head", "Body", "Arm") for minor in MINOR_LOCATIONS[major] if not minor.endswith("Away")]


@pytest.fixture(scope="module")
def body():
    return pipeline.synthesiser_for().body


@pytest.fixture(scope="module")
def locations(body):
    return Locations(body)


def nearest_vertex(body, point, betas=None):
    return float(np.sqrt(np.min(np.sum((body.shaped(betas) - point) ** 2, axis=1))))


def test_every_minor_location_has_a_place(locations):
    for major, minors in MINOR_LOCATIONS.items():
        for minor in minors:
            if major == "Hand":
                assert ("HandOther" if minor == "Other" else minor) in locations.hand_patches
            elif major not in ("Other",):
                assert locations.anchor(major, minor).weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("major", "minor"), ON_SKIN)
def test_surface_points_lie_on_the_skin(body, locations, major, minor):
    assert nearest_vertex(body, locations.anchor(major, minor).position) < 0.02  # vertices of the forearm lie up to 3 cm apart


@pytest.mark.parametrize("betas", [[2.0, 0, 0], [-2.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0]])
def test_they_follow_the_shape_of_the_body(body, betas):
    shape = np.zeros(body.shapedirs.shape[2])
    shape[:3] = betas
    shaped = Locations(body, shape)
    for major, minor in ON_SKIN:
        assert nearest_vertex(body, shaped.anchor(major, minor).position, shape) < 0.02, minor


def test_order_of_the_face(locations):
    height = {n: locations.anchor("Head", n).position[1] for n in ("HeadTop", "Forehead", "Eye", "CheekNose", "UpperLip", "Mouth", "Chin", "UnderChin")}
    assert list(height.values()) == sorted(height.values(), reverse=True)
    assert locations.anchor("Head", "Eye").position[0] < -0.03  # the dominant side is the signer's right, -X


def test_they_ride_on_the_head(locations):
    poses = np.zeros((2, 55, 3))
    poses[1, INDEX["head"]] = [0.0, np.pi / 2, 0.0]
    rotation, position = global_transforms(axis_angle_to_matrix(poses), locations.rest)
    chin = locations.anchor("Head", "Forehead").at(rotation, position, locations.rest)
    head = position[:, INDEX["head"]]
    assert np.allclose(np.linalg.norm(chin[0] - head[0]), np.linalg.norm(chin[1] - head[1]), atol=1e-9)
    assert chin[1, 0] > chin[0, 0] + 0.05  # turned to the signer's left


def test_offsets_slide_along_the_skin_and_lift_off(body, locations):
    base, slid, lifted = (locations.anchor("Body", "TorsoTop", o) for o in ((0, 0, 0), (0.06, -0.05, 0), (0, 0, 0.05)))
    assert nearest_vertex(body, slid.position) < 0.012
    assert slid.position[0] == pytest.approx(base.position[0] - 0.06) and slid.position[1] == pytest.approx(base.position[1] - 0.05)
    assert lifted.position[2] == pytest.approx(base.position[2] + 0.05)


def test_an_offset_past_the_edge_still_finds_skin(body, locations):
    assert nearest_vertex(body, locations.anchor("Head", "Mouth", (0.5, 0, 0)).position) < 0.01


def test_unknown_places_are_named(locations):
    with pytest.raises(LexiconError, match="Head/Knee"):
        locations.anchor("Head", "Knee")
