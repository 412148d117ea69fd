from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon import compat
from blender_addon.armature import Signer
from blender_addon.hand_picture import HandPainter
from blender_addon.keying import key_motion, read_motion
from blender_addon.pose_library import (
    CATALOG_FILE,
    apply_handshape,
    build_pose_library,
    catalog_id,
    hand_bones,
    hand_model,
    handshape_angles,
    pose_assets,
    save_pose_library,
)
from signgen_core.errors import InputError, LexiconError, OutputError
from signgen_core.kinematics.rotations import axis_angle_to_matrix, geodesic_angle
from signgen_core.motion import Motion
from signgen_core.phonology.hand import to_side
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.rig import SIDES, Side, hand_slice

Maker = Callable[..., Motion]


def hand_rotations(signer: Signer, side: Side, row: int = 0) -> np.ndarray:
    """(15, 3, 3) core rotations of a hand as its keys say."""
    return axis_angle_to_matrix(read_motion(signer).poses[row, hand_slice(side)])


@pytest.mark.parametrize("side", SIDES)
def test_a_handshape_is_what_the_synthesiser_makes_of_it(signer: Signer, random_motion: Maker, side: Side) -> None:
    motion = random_motion(6)
    key_motion(signer, motion, start_frame=1)
    angles = handshape_angles("ily", {"thumb": 0.4})
    apply_handshape(signer, side, angles, frames=[3])
    wanted = to_side(hand_model(signer, side).rotations(angles), side)
    back = axis_angle_to_matrix(read_motion(signer).poses)
    untouched = axis_angle_to_matrix(motion.poses)
    np.testing.assert_allclose(back[2, hand_slice(side)], wanted, atol=1e-5)
    untouched[2, hand_slice(side)] = wanted  # nothing else has moved, at no frame
    np.testing.assert_allclose(back, untouched, atol=1e-4)


def test_now_without_keys(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(2))
    keys = sum(len(c.keyframe_points) for c in compat.active_bag(signer.armature).fcurves)
    apply_handshape(signer, "left", handshape_angles("5"))
    flat = [tuple(signer.armature.pose.bones[name].rotation_quaternion) for name in hand_bones("left")]
    apply_handshape(signer, "left", handshape_angles("s"))
    fist = [tuple(signer.armature.pose.bones[name].rotation_quaternion) for name in hand_bones("left")]
    assert np.abs(np.array(flat) - np.array(fist)).max() > 0.3
    assert sum(len(c.keyframe_points) for c in compat.active_bag(signer.armature).fcurves) == keys


def test_held_over_frames_with_ease(signer: Signer, random_motion: Maker) -> None:
    motion = random_motion(20)
    key_motion(signer, motion)
    angles = handshape_angles("y")
    apply_handshape(signer, "right", angles, frames=range(8, 13), ease=3)
    back, before = (axis_angle_to_matrix(m.poses)[:, hand_slice("right")] for m in (read_motion(signer), motion))
    wanted = to_side(hand_model(signer, "right").rotations(angles), "right")
    away = geodesic_angle(back, wanted[None]).max(axis=1)
    assert away[7:12].max() < 1e-3
    np.testing.assert_allclose(back[:4], before[:4], atol=1e-4)
    np.testing.assert_allclose(back[15:], before[15:], atol=1e-4)
    start = geodesic_angle(before, wanted[None]).max(axis=1)
    assert (away[4:7] < start[4:7]).all() and (away[4:7] > 0.02).all()


def test_pose_assets_hold_the_handshape(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(2))
    action = signer.armature.animation_data.action
    made = build_pose_library(signer, names=["5", "s"], previews=True)
    assert signer.armature.animation_data.action == action and len(made) == 4
    assert set(pose_assets()) == {(name, side) for name in ("5", "s") for side in SIDES}
    asset = pose_assets()["s", "left"]
    assert asset.asset_data is not None and asset.asset_data.catalog_id == catalog_id("left")
    assert asset.asset_data.description == load_handshapes()["s"].description and "handshape" in asset.asset_data.tags
    assert tuple(asset.preview.image_size) == (128, 128)
    pixels = np.empty(4 * 128 * 128, dtype=np.float32)
    asset.preview.image_pixels_float.foreach_get(pixels)
    assert 0.05 < pixels.reshape(-1, 4)[:, 3].mean() < 0.6
    # played on the rig it is the handshape
    for bone in signer.armature.pose.bones:
        bone.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    compat.assign(asset, signer.armature)
    bpy.context.scene.frame_set(1)
    bpy.context.view_layer.update()
    shown = np.array([signer.armature.pose.bones[name].rotation_quaternion[:] for name in hand_bones("left")])
    compat.assign(action, signer.armature)
    apply_handshape(signer, "left", load_handshapes()["s"].angles)
    applied = np.array([signer.armature.pose.bones[name].rotation_quaternion[:] for name in hand_bones("left")])
    np.testing.assert_allclose(np.abs(np.sum(shown * applied, axis=1)), 1.0, atol=1e-5)
    build_pose_library(signer, names=["5"], previews=False)
    assert len(pose_assets()) == 4 and not [a for a in bpy.data.actions if a.name.endswith(".001") and "Handshape" in a.name]
    for leftover in pose_assets().values():
        bpy.data.actions.remove(leftover)


def test_a_library_file_with_its_catalogues(signer: Signer, tmp_path: Path) -> None:
    (tmp_path / CATALOG_FILE).write_text("VERSION 1\n\n11111111-2222-3333-4444-555555555555:Mine:Mine\n")
    path = save_pose_library(signer, tmp_path / "hands.blend", names=["y"], previews=False)
    save_pose_library(signer, path, names=["y"], previews=False)
    lines = (tmp_path / CATALOG_FILE).read_text().splitlines()
    assert [line.split(":")[1] for line in lines if ":" in line] == ["Mine", "SignGen/Handshapes/Left", "SignGen/Handshapes/Right"]
    assert not pose_assets()
    with bpy.data.libraries.load(str(path), assets_only=True) as (source, _):
        assert sorted(source.actions) == ["Handshape y (left)", "Handshape y (right)"]


def test_errors(signer: Signer, tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="nosuch"):
        handshape_angles("nosuch")
    with pytest.raises(LexiconError, match="nosuch"):
        build_pose_library(signer, names=["nosuch"])
    with pytest.raises(InputError, match="ease"):
        apply_handshape(signer, "left", handshape_angles("5"), frames=[1], ease=-1)
    with pytest.raises(InputError, match="frames"):
        apply_handshape(signer, "left", handshape_angles("5"), frames=[])
    with pytest.raises(InputError, match="shape"):
        apply_handshape(signer, "left", np.zeros(20))
    with pytest.raises(OutputError, match="suffix"):
        save_pose_library(signer, tmp_path / "hands.zip")
    with pytest.raises(OutputError, match="does not exist"):
        save_pose_library(signer, tmp_path / "no" / "hands.blend")


def test_pictures_differ_where_fingers_do(signer: Signer) -> None:
    painter = HandPainter(signer.body, hand_model(signer, "right"), signer.betas)
    five, fist, index = (painter.draw(handshape_angles(name), 64) for name in ("5", "s", "1"))
    assert five.shape == (64, 64, 4) and five.dtype == np.uint8
    # what is drawn reaches up as far as the longest finger, and a spread hand is wider than a fist
    top = {name: np.flatnonzero(picture[..., 3].any(axis=1))[0] for name, picture in (("5", five), ("s", fist), ("1", index))}
    assert top["5"] < 12 and top["1"] < 12 and top["s"] > 16
    width = {name: picture[..., 3].any(axis=0).sum() for name, picture in (("5", five), ("s", fist))}
    assert width["5"] > 1.5 * width["s"]
    inside = five[..., 3] == 255
    assert not (np.roll(inside, 1, 0) & np.roll(inside, -1, 0) & np.roll(inside, 1, 1) & np.roll(inside, -1, 1) & (five[..., 3] == 0)).any()  # no holes
    skin = five[inside][:, :3].mean(axis=0)
    assert skin[0] > skin[1] > skin[2]
    # the thumb of a right hand held up, palm to the viewer, points to the viewer's right; of a left hand to the left
    left = HandPainter(signer.body, hand_model(signer, "left"), signer.betas).draw(handshape_angles("5"), 64)
    reach = []
    for picture in (five, left):
        drawn = picture[..., 3] > 0
        wrist = np.flatnonzero(drawn[-4:].any(axis=0)).mean()
        columns = np.flatnonzero(drawn[20:42].any(axis=0))
        reach.append((columns.max() - wrist) - (wrist - columns.min()))
    assert reach[0] > 3 and reach[1] < -3
