"""Keys of a window: what an edit makes anew, and everything that it must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import bpy
import numpy as np
import pytest

from blender_addon import compat
from blender_addon.armature import Signer
from blender_addon.heatmap import add_heatmap, keyed_levels, remove_heatmap
from blender_addon.key_windows import key_window
from blender_addon.keying import clear_keys, key_motion, read_motion
from signgen_core.errors import InputError
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.motion import Motion, Segment

Maker = Callable[..., Motion]


def spliced(old: Motion, made: Motion, first: int, old_after: int) -> Motion:
    parts = {name: np.concatenate([getattr(old, name)[:first], getattr(made, name), getattr(old, name)[old_after:]]) for name in
             ("poses", "transl", "expression", "face")}  # fmt: skip
    return replace(old, **parts)


def same(back: Motion, wanted: Motion, atol: float = 2e-5) -> None:
    np.testing.assert_allclose(axis_angle_to_matrix(back.poses), axis_angle_to_matrix(wanted.poses), atol=atol)
    np.testing.assert_allclose(back.transl, wanted.transl, atol=atol)
    np.testing.assert_allclose(back.face, wanted.face, atol=atol)
    np.testing.assert_allclose(back.expression, wanted.expression, atol=atol)


@pytest.mark.parametrize(("first", "frames", "old_last"), [(8, 5, 12), (8, 9, 12), (8, 3, 12), (0, 4, 5), (15, 9, 19), (0, 12, 19), (8, 4, 7)])
def test_a_window_of_any_length_at_any_place(signer: Signer, random_motion: Maker, first: int, frames: int, old_last: int) -> None:
    old = random_motion(20)
    key_motion(signer, old, start_frame=4)
    wanted = spliced(old, random_motion(frames, seed=9), first, old_last + 1)
    key_window(signer, wanted, first, first + frames - 1, old_last)
    same(read_motion(signer), wanted)
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end) == (4, 4 + wanted.num_frames - 1)
    same(read_motion(signer, evaluated=True), wanted, 2e-4)  # Blender itself sees the keys, not only their list


def test_channels_that_stand_still_keep_their_two_keys(signer: Signer, random_motion: Maker) -> None:
    still = random_motion(30)
    still = replace(still, poses=np.tile(still.poses[:1], (30, 1, 1)), face=np.zeros((30, 52)), expression=np.zeros((30, 10)))
    key_motion(signer, still)
    poses, face = still.poses.copy(), still.face.copy()
    poses[10:15, 20] += 0.2
    face[10:15, 3] = 0.5
    key_window(signer, replace(still, poses=poses, face=face), 10, 14, 14)
    curves = compat.active_bag(signer.armature).fcurves
    moved, other = ([len(c.keyframe_points) for c in curves if f'"{name}"' in c.data_path] for name in ("left_wrist", "right_wrist"))
    assert moved == [9] * 4 and other == [2] * 4  # both ends, both sides of the window, and the window
    same(read_motion(signer), replace(still, poses=poses, face=face))


def test_what_the_animator_keyed_outside_stays(signer: Signer, random_motion: Maker) -> None:
    old = random_motion(40)
    key_motion(signer, old)
    curve = compat.active_bag(signer.armature).fcurves.find('pose.bones["head"].rotation_quaternion', index=1)
    points = curve.keyframe_points
    for _ in range(15):
        points.remove(points[22])  # frames 23 to 37 are the animator's own sweep
    points[21].interpolation, points[22].interpolation = "BEZIER", "BEZIER"
    points[22].handle_left_type = points[21].handle_right_type = "FREE"
    points[21].handle_right, points[22].handle_left = (26.0, 0.9), (31.5, -0.7)
    points.insert(3.25, 0.4)
    curve.update()
    times = np.arange(160) / 4.0 + 1.0
    before = np.array([curve.evaluate(t) for t in times])
    key_window(signer, spliced(old, random_motion(8, seed=5), 10, 15), 10, 17, 14)
    after = np.array([curve.evaluate(t) for t in times])
    early, late = times < 10, (times > 16) & (times < 37)
    np.testing.assert_allclose(after[early], before[early], atol=1e-6)
    moved = np.array([curve.evaluate(t + 3.0) for t in times])
    np.testing.assert_allclose(moved[late], before[late], atol=1e-6)
    assert 3.25 in [p.co.x for p in points]


def test_a_sweep_across_the_border_keeps_its_form(signer: Signer, random_motion: Maker) -> None:
    old = random_motion(40)
    key_motion(signer, old)
    curve = compat.active_bag(signer.armature).fcurves.find('pose.bones["head"].rotation_quaternion', index=2)
    points = curve.keyframe_points
    for _ in range(30):
        points.remove(points[5])
    for point in points:
        point.interpolation = "BEZIER"
    curve.update()
    times = np.arange(5.0, 18.0, 0.25)
    before = np.array([curve.evaluate(t) for t in times])
    key_window(signer, spliced(old, random_motion(10, seed=5), 18, 28), 18, 27, 27)
    np.testing.assert_allclose([curve.evaluate(t) for t in times], before, atol=0.01 * np.ptp(before))


def test_quaternions_go_on_from_the_key_beside_them(signer: Signer, random_motion: Maker) -> None:
    rng = np.random.default_rng(2)
    old = replace(random_motion(30), poses=np.cumsum(rng.normal(0.0, 0.15, (30, 55, 3)), axis=0))
    key_motion(signer, old)
    curves = compat.active_bag(signer.armature).fcurves
    for bone in ("left_elbow", "head"):
        for axis in range(4):
            points = curves.find(f'pose.bones["{bone}"].rotation_quaternion', index=axis).keyframe_points
            for point in points:
                point.co.y = -point.co.y  # the same turns
    key_window(signer, old, 10, 19, 19)
    for bone in ("left_elbow", "head"):
        turns = np.array([[curves.find(f'pose.bones["{bone}"].rotation_quaternion', index=axis).evaluate(t) for axis in range(4)] for t in range(1, 31)])
        assert (np.sum(turns[1:] * turns[:-1], axis=1) > 0.0).all()


def test_markers_and_the_range_move_with_the_signs(signer: Signer, random_motion: Maker) -> None:
    scene = bpy.context.scene
    old = random_motion(20, fps=10.0, segments=(Segment("A", 0.2, 0.5, 0.3), Segment("B", 1.0, 1.5, 1.2)))
    key_motion(signer, old)
    scene.timeline_markers.new("mine", frame=7)
    new = spliced(old, random_motion(7, fps=10.0, seed=4), 5, 8)
    new = replace(new, segments=(old.segments[0], Segment("NEW", 0.8, 1.0, 0.9), Segment("B", 1.4, 1.9, 1.6)))
    key_window(signer, new, 5, 11, 7)
    assert sorted((m.frame, m.name) for m in scene.timeline_markers) == [(3, "A"), (7, "mine"), (9, "NEW"), (15, "B")]
    assert [s.gloss_id for s in read_motion(signer).segments] == ["A", "NEW", "B"]
    clear_keys(signer, scene)
    assert [m.name for m in scene.timeline_markers] == ["mine"]
    scene.timeline_markers.clear()


def test_keys_of_controls_move_along(signer: Signer, random_motion: Maker) -> None:
    old = random_motion(20)
    key_motion(signer, old)
    signer.armature["own"] = 0.0
    curve = compat.active_bag(signer.armature).fcurves.new('["own"]')
    for frame in (3.0, 15.0):
        curve.keyframe_points.insert(frame, 1.0)
    key_window(signer, spliced(old, random_motion(6, seed=4), 5, 8), 5, 10, 7)
    assert [p.co.x for p in curve.keyframe_points] == [3.0, 18.0]


def test_levels_of_the_heatmap_follow(signer: Signer, random_motion: Maker) -> None:
    levels = np.random.default_rng(1).uniform(0.0, 1.0, (20, 4)).astype(np.float32)
    old = replace(random_motion(20), uncertainty=levels)
    key_motion(signer, old)
    add_heatmap(signer.mesh, levels)
    plain = spliced(replace(old, uncertainty=None), random_motion(6, seed=4), 5, 8)
    new = replace(plain, uncertainty=np.concatenate([levels[:5], np.zeros((6, 4), np.float32), levels[8:]]))
    key_window(signer, new, 5, 10, 7)
    np.testing.assert_allclose(keyed_levels(signer.mesh)[1], new.uncertainty, atol=1e-6)
    remove_heatmap(signer.mesh)


def test_frames_that_do_not_fit_are_refused(signer: Signer, random_motion: Maker) -> None:
    key_motion(signer, random_motion(20))
    with pytest.raises(InputError, match="do not replace"):
        key_window(signer, random_motion(21), 5, 9, 9)
    clear_keys(signer, bpy.context.scene)
    with pytest.raises(InputError, match="nothing is signed yet"):
        key_window(signer, random_motion(20), 5, 9, 9)
    key_motion(signer, random_motion(20, segments=(Segment("A", 0.1, 0.2, 0.15), Segment("B", 0.3, 0.4, 0.35))), nla=True)
    with pytest.raises(InputError, match="NLA strips"):
        key_window(signer, random_motion(20), 5, 9, 9)
