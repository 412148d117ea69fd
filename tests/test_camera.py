from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from signgen_core.body import load_body
from signgen_core.camera import CAMERAS_DIR, PARTS, camera_names, check_framing, dolly_to_fit, picture_box, place_camera, read_camera
from signgen_core.errors import LexiconError
from signgen_core.kinematics.forward import global_transforms, point_positions
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.rig import INDEX, POINT_NAMES, Rig


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load_body("default").rig()


def points_of(rig: Rig, **turns: tuple[float, float, float]) -> np.ndarray:
    """(1, 70, 3) of a signer whose arms hang, but for the joints that are turned (axis-angle in degrees)."""
    pose = np.zeros((1, 55, 3))
    pose[0, INDEX["left_shoulder"]], pose[0, INDEX["right_shoulder"]] = np.radians([0, 0, -80]), np.radians([0, 0, 80])
    for name, turn in turns.items():
        pose[0, INDEX[name]] = np.radians(turn)
    rotation, position = global_transforms(axis_angle_to_matrix(pose), rig.rest_joints)
    return point_positions(rig, rotation, position)


def test_projection_by_hand(rig: Rig) -> None:
    camera = place_camera(read_camera("signing"), rig, (800, 400))
    away = camera.axes @ np.array([0.0, 0.0, -3.0])
    half = 3.0 * np.tan(np.radians(camera.fov) / 2)
    for shift, expected in (((0, 0), (0.5, 0.5)), ((0, 1), (0.5, 0.0)), ((2, 0), (1.0, 0.5)), ((-1, -0.5), (0.25, 0.75))):
        point = camera.position + away + camera.axes[:, 0] * shift[0] * half + camera.axes[:, 1] * shift[1] * half
        picture, depth = camera.project(point)
        np.testing.assert_allclose(picture, expected, atol=1e-9)
        assert depth == pytest.approx(3.0)


@pytest.mark.parametrize("size", [(960, 720), (1920, 1080), (480, 480), (720, 1280)])
@pytest.mark.parametrize("name", camera_names())
def test_presets_see_their_box_and_no_more_than_they_need(rig: Rig, name: str, size: tuple[int, int]) -> None:
    preset = read_camera(name)
    where = np.array([0.4, 0.1, -2.0])
    camera = place_camera(preset, rig, size, transl=where)
    rest = np.concatenate([rig.rest_joints, rig.extra_points]) + where
    bottom, top = ((rest[:, 1].min() - 0.08 if p == "floor" else rest[POINT_NAMES.index(p), 1]) + d for p, d in (preset.bottom, preset.top))
    x, y, z = np.meshgrid(rest[0, 0] + np.array(preset.box_x), [bottom + 0.03, top], rest[0, 2] + np.array(preset.box_z))
    picture, depth = camera.project(np.stack([x, y, z], axis=-1))
    assert (depth > 0.5).all()
    assert picture.min() > preset.margin - 0.02 and picture.max() < 1.0 - preset.margin + 0.02
    assert max(np.ptp(picture[..., 0]), np.ptp(picture[..., 1])) > 0.9 - 2 * preset.margin


def test_azimuth_goes_to_the_signers_left_and_elevation_up(rig: Rig) -> None:
    front, side = (place_camera(read_camera(name), rig, (960, 720)) for name in ("signing", "three_quarter"))
    assert abs(front.position[0]) < 1e-6 and front.position[2] > 2.0
    assert side.position[0] > 0.5 and side.position[1] > front.position[1]
    assert front.project(rig.rest_joints[INDEX["left_wrist"]])[0][0] > 0.5  # the signer's left is on the viewer's right


def test_hands_in_the_signing_space_are_framed(rig: Rig) -> None:
    camera = place_camera(read_camera("signing"), rig, (960, 720))
    for turns in (
        {"right_shoulder": (0, 0, -70), "right_elbow": (0, 0, -20)},  # hand above the head
        {"right_shoulder": (0, 40, 60), "right_elbow": (0, 60, 0)},  # hand before the waist
        {},  # hanging arms: at rest, no matter
    ):
        framing = check_framing(points_of(rig, **turns), camera)
        if turns == {}:
            assert framing.ok, framing
        fitted = dolly_to_fit(points_of(rig, **turns), camera)
        assert check_framing(points_of(rig, **turns), fitted).ok


def test_a_hand_out_of_the_picture_is_found_and_the_camera_steps_back(rig: Rig) -> None:
    camera = place_camera(read_camera("signing"), rig, (960, 720))
    calm = points_of(rig)
    wide = points_of(rig, left_shoulder=(0, 0, 0))  # arm straight out to the side
    motion = np.concatenate([calm, calm, wide, calm])
    framing = check_framing(motion, camera)
    assert not framing.ok and framing.frame == 2 and framing.point.startswith("left_")
    assert "leaves the picture" in str(framing)
    fitted = dolly_to_fit(motion, camera)
    assert check_framing(motion, fitted).ok
    moved = fitted.position - camera.position
    np.testing.assert_allclose(np.cross(moved, camera.axes[:, 2]), 0.0, atol=1e-9)
    # not further than needed: ten centimetres nearer it fails again
    nearer = dolly_to_fit(motion, camera, furthest=float(np.linalg.norm(moved)) - 0.1)
    assert not check_framing(motion, nearer).ok
    assert dolly_to_fit(calm, camera) is camera


def test_a_close_camera_keeps_the_head_only(rig: Rig) -> None:
    preset = read_camera("front_close")
    camera = place_camera(preset, rig, (960, 720))
    wide = points_of(rig, left_shoulder=(0, 0, 0))
    assert check_framing(wide, camera, preset.keep).ok and not check_framing(wide, camera).ok


def test_points_behind_the_camera_are_out(rig: Rig) -> None:
    camera = place_camera(read_camera("signing"), rig, (960, 720))
    assert not check_framing(points_of(rig) + np.array([0.0, 0.0, 50.0]), camera).ok


def test_parts_are_known_points() -> None:
    assert all(name in POINT_NAMES for part in PARTS.values() for name in part)
    assert len(PARTS["hands"]) == 2 * (1 + 15 + 5)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"version": 2}, "version"), ({"zoom": 1}, "zoom"), ({"azimuth": 200}, "azimuth"), ({"fov": "wide"}, "fov"), ({"fov": True}, "fov"),
        ({"box": {"x": [0, 1]}}, "box"), ({"keep": ["feet"]}, "keep"), ({"margin": 0.5}, "margin"),
        ({"box": {"x": [1, 0], "z": [0, 1], "bottom": ["pelvis", 0], "top": ["head", 0]}}, "box.x"),
        ({"box": {"x": [0, 1], "z": [0, 1], "bottom": ["tail", 0], "top": ["head", 0]}}, "box.bottom"),
    ],
)  # fmt: skip
def test_faults_in_a_preset_are_named(tmp_path: Path, change: dict, place: str) -> None:
    data = {**json.loads((CAMERAS_DIR / "signing.json").read_text()), **change}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(data))
    with pytest.raises(LexiconError, match=place) as caught:
        read_camera(file)
    assert "mine.json" in str(caught.value)


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(LexiconError, match="front_close"):
        read_camera("moon")
    with pytest.raises(LexiconError, match="no such file"):
        read_camera("moon.json")


def test_the_box_of_points_is_the_smallest_that_holds_them(rig: Rig) -> None:
    camera = place_camera(read_camera("three_quarter"), rig, (800, 400))
    points = np.random.default_rng(0).normal(scale=0.1, size=(50, 3)) + camera.position - 3.0 * camera.axes[:, 2]
    picture, _ = camera.project(points)
    assert picture_box(points, camera) == pytest.approx([*picture.min(axis=0), *picture.max(axis=0)])
    # one point in the middle, with as much room around it as half the picture is high: it touches top and bottom, and a quarter of the width on each side
    half = 3.0 * np.tan(np.radians(camera.fov) / 2)
    middle = (camera.position - (3.0 + half) * camera.axes[:, 2])[None]
    assert picture_box(middle, camera, np.array([half])) == pytest.approx([0.25, 0.0, 0.75, 1.0])
    assert picture_box(middle, camera, np.array([2 * half])) == (0.0, 0.0, 1.0, 1.0)


def test_there_is_no_box_of_what_is_at_the_lens_or_behind_it(rig: Rig) -> None:
    camera = place_camera(read_camera("signing"), rig, (800, 400))
    assert picture_box((camera.position + 0.1 * camera.axes[:, 2])[None], camera) is None
    assert picture_box((camera.position - 0.1 * camera.axes[:, 2])[None], camera, np.array([0.09])) is None
