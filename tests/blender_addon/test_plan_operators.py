"""The list of signs through its properties and buttons, undo after each, and the time line. Undo replaces every object: all are asked for by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon import compat, plan_operators, plan_properties, properties, resigning, signers, timeline
from blender_addon.keying import key_motion, read_motion
from signgen_core import pipeline
from signgen_core.action import PLAN_VERSION
from signgen_core.rig import INDEX

SENTENCE = "My sister learns sign language."


@pytest.fixture(scope="module")
def parts() -> Iterator[None]:
    for part in (properties, plan_properties, plan_operators, timeline):
        part.register()
    yield
    for part in (timeline, plan_operators, plan_properties, properties):
        part.unregister()


@pytest.fixture(scope="module")
def plan() -> Any:
    return pipeline.plan_text(SENTENCE)


@pytest.fixture(scope="module")
def motion(plan: Any) -> Any:
    return pipeline.animate(plan, fps=30.0)


@pytest.fixture
def signed(parts: None, plan: Any, motion: Any) -> Iterator[None]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.edit.use_global_undo = True
    made = signers.add_signer(bpy.context.scene)
    key_motion(made, motion)
    signers.keep_plan(made.armature, plan)
    bpy.context.view_layer.objects.active = made.armature
    plan_properties.mirror(made.armature)
    bpy.ops.ed.undo_push(message="start")
    yield


def armature() -> Any:
    return bpy.data.objects["Signer"]


def view() -> Any:
    return armature().signgen_signs


def glosses() -> list[str]:
    return [row.name for row in view().rows]


def stored() -> dict[str, Any]:
    return json.loads(armature()["signgen_plan"])


def keys() -> dict[str, list[float]]:
    found = {}
    for block in (armature(), bpy.data.objects["SignerBody"].data.shape_keys):
        for curve in compat.active_bag(block).fcurves:
            pairs = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
            curve.keyframe_points.foreach_get("co", pairs)
            found[f"{curve.data_path}{curve.array_index}"] = np.round(pairs, 4).tolist()
    return found


def state() -> dict[str, Any]:
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    return {
        "keys": keys(), "plan": armature().get("signgen_plan"), "markers": sorted((m.frame, m.name) for m in scene.timeline_markers),
        "end": scene.frame_end, "frame": scene.frame_current, "rows": glosses(), "row": view().row, "handshape": view().sign.handshape,
        "actions": sorted(bpy.data.actions.keys()), "objects": sorted(bpy.data.objects.keys()),
        "strips": [[strip.name, strip.frame_start, strip.frame_end] for track in armature().animation_data.nla_tracks for strip in track.strips],
    }  # fmt: skip


def test_the_list_says_what_the_plan_says(signed: None, plan: Any) -> None:
    assert glosses() == [action.gloss_id for action in plan.actions] == ["POSS-1", "SISTER", "LEARN", "SIGN"]
    assert [row.words for row in view().rows][:2] == ["My", "sister"]
    np.testing.assert_allclose([row.start for row in view().rows], [action.start for action in plan.actions], atol=1e-5)
    view().row = 2
    sign, action = view().sign, plan.actions[2]
    assert (sign.gloss, sign.handshape, sign.location) == ("LEARN", action.handshape, action.phonology[0].minor_location)
    assert sign.duration == pytest.approx(action.duration, abs=1e-5)


def test_a_field_signs_its_window_anew_and_nothing_else(signed: None) -> None:
    view().row = 2
    before = keys()
    view().sign.handshape = "y"
    after = keys()
    assert stored()["actions"][2]["handshape"] == {"type": "y", "finger_config": {}}
    changed = {round(t) for path in before for t, was, now in zip(before[path][::2], before[path][1::2], after[path][1::2], strict=True) if was != now}
    action = stored()["actions"][2]
    assert changed and 1 + 30.0 * action["start"] - 30 < min(changed) and max(changed) < 1 + 30.0 * (action["start"] + action["duration"]) + 30
    assert len(changed) < 90 and view().sign.thumb > 0.8 > 0.4 > view().sign.index  # the curls shown are those of the new handshape


def test_every_field_of_the_panel_reaches_the_plan(signed: None) -> None:
    view().row = 1
    sign = view().sign
    values = {
        "handshape": "v", "index": 0.25, "location": "Chin", "palm": "up", "fingers": "forward", "movement": "Circular", "direction": "down",
        "duration": 0.75, "pause_after": 0.2, "emphasis": "strong", "sign_type": "OneHanded", "facial_expression": "smile", "head_movement": "nod",
        "eye_gaze": "hands", "torso": "lean_forward", "mouthing": "sister", "start": 2.0, "other_handshape": "5",
        "other_palm": "down", "other_location": "Neutral",
    }  # fmt: skip
    for name, value in values.items():
        setattr(sign, name, value)
        assert view().note == "", name
    action = stored()["actions"][1]
    assert action["handshape"] == {"type": "v", "finger_config": {"index": 0.25}}
    form = action["phonology"][0]
    assert {form[k] for k in ("minor_location", "palm", "movement", "direction")} == {"Chin", "up", "Circular", "down"} and form["major_location"] == "Head"
    assert form["nondominant_handshape"] == "5"
    assert set(action["non_manual_markers"].values()) == {"smile", "nod", "hands", "lean_forward", "sister"}
    assert action["start"] == pytest.approx(2.0, abs=0.04) and action["emphasis"] == "strong"
    assert bpy.ops.signgen.reset_fingers() == {"FINISHED"} and stored()["actions"][1]["handshape"]["finger_config"] == {}
    sign.other_handshape = "same"
    assert "nondominant_handshape" not in stored()["actions"][1]["phonology"][0]
    sign.gloss = "BOOK"
    assert glosses()[1] == "BOOK" and view().sign.handshape == stored()["actions"][1]["handshape"]["type"]


def test_a_refused_value_is_told_and_changes_nothing(signed: None) -> None:
    before = state()
    view().sign.palm = "sideways"
    assert "sideways" in view().note and "palm" in view().note
    assert view().sign.palm != "sideways" and state() == before
    view().sign.gloss = "NO-SUCH-SIGN"
    assert "unknown gloss" in view().note and view().sign.gloss == "POSS-1" and state() == before
    view().sign.palm = "up"
    assert view().note == ""
    with pytest.raises(RuntimeError, match="repetitions"):
        bpy.ops.signgen.set_field(path="phonology[0].repetitions", value="99")


def test_what_the_animator_keyed_elsewhere_survives_an_edit(signed: None) -> None:
    curve = compat.active_bag(armature()).fcurves.find('pose.bones["head"].rotation_quaternion', index=1)
    curve.keyframe_points[4].co.y = 0.3
    curve.keyframe_points[-3].co.y = -0.25
    curve.keyframe_points.insert(10.5, 0.2)
    curve.update()
    view().row = 2
    view().sign.duration = 1.2
    curve = compat.active_bag(armature()).fcurves.find('pose.bones["head"].rotation_quaternion', index=1)
    values = [point.co.y for point in curve.keyframe_points]
    assert values[4] == pytest.approx(0.3) and values[-3] == pytest.approx(-0.25) and 10.5 in [point.co.x for point in curve.keyframe_points]


CALLS = [
    ("add_sign", {"gloss": "fs-BOB"}), ("remove_sign", {}), ("move_sign", {"direction": "UP"}), ("duplicate_sign", {}),
    ("set_field", {"path": "duration", "value": "1.3"}), ("go_to_sign", {}), ("read_back", {}), ("show_strips", {}), ("reset_fingers", {}),
]  # fmt: skip


def test_undo_restores_the_scene_after_each_button(signed: None) -> None:
    expected = {
        "add_sign": ["POSS-1", "SISTER", "LEARN", "fs-BOB", "SIGN"], "remove_sign": ["POSS-1", "SISTER", "SIGN"],
        "move_sign": ["POSS-1", "LEARN", "SISTER", "SIGN"], "duplicate_sign": ["POSS-1", "SISTER", "LEARN", "LEARN", "SIGN"],
    }  # fmt: skip
    view().row = 2
    view().sign.index = 0.1
    bpy.ops.ed.undo_push(message="before")
    before = state()
    for name, options in CALLS:
        assert getattr(bpy.ops.signgen, name)("EXEC_DEFAULT", True, **options) == {"FINISHED"}
        after = state()
        assert after != before, name
        assert after["rows"] == expected.get(name, before["rows"])
        if name in expected:
            assert [marker for _, marker in after["markers"]] == after["rows"]
        bpy.ops.ed.undo()
        undone = state()
        assert {key: undone[key] for key in before if undone[key] != before[key]} == {}, name


def test_a_copy_has_what_was_changed_on_the_sign(signed: None) -> None:
    view().row = 1
    view().sign.handshape = "y"
    view().sign.duration = 0.9
    assert bpy.ops.signgen.duplicate_sign() == {"FINISHED"}
    one, two = stored()["actions"][1:3]
    assert two["handshape"]["type"] == "y" and two["duration"] == pytest.approx(one["duration"], abs=1e-4) and two["start"] > one["start"] + one["duration"]
    assert view().row == 2


def test_ends_of_the_list(signed: None) -> None:
    with pytest.raises(RuntimeError, match="first sign already"):
        bpy.ops.signgen.move_sign(direction="UP")
    for _ in range(3):
        bpy.ops.signgen.remove_sign()
    with pytest.raises(RuntimeError, match="none would be left"):
        bpy.ops.signgen.remove_sign()


def test_read_back_takes_the_keyed_way_into_the_plan(signed: None, motion: Any) -> None:
    assert resigning.read_back(signers.signer_of(armature())) == []
    signer = signers.signer_of(armature())
    before = keys()
    action = resigning.plan_on(armature()).actions[0]
    low, high = 1 + round(30 * action.start), 1 + round(30 * action.end)
    curves = compat.active_bag(armature()).fcurves
    for axis in range(4):
        for point in curves.find('pose.bones["right_shoulder"].rotation_quaternion', index=axis).keyframe_points:
            if low <= point.co.x <= high:
                point.co.y = (0.9, 0.1, 0.3, 0.3)[axis]
    moved = keys()
    assert moved != before
    assert bpy.ops.signgen.read_back(which="CHANGED") == {"FINISHED"}
    assert keys() == moved
    changed = resigning.plan_on(armature())
    assert [a.trajectory_is_edited for a in changed.actions] == [True, False, False, False]
    assert changed.actions[0].provenance["edited"] == ["trajectory"]
    joints = pipeline.joints(read_motion(signers.signer_of(armature())), signer.body)
    wrist = joints[:, INDEX["right_wrist"]]
    for point in changed.actions[0].trajectory:
        row = (action.start + point.t_offset) * 30.0
        near = [np.interp(row, np.arange(len(wrist)), wrist[:, k]) for k in range(3)]
        np.testing.assert_allclose([point.x, point.y, point.z], near, atol=2e-4)
    # the plan now makes the hand go that way by itself
    again = pipeline.joints(pipeline.animate(changed, fps=30.0), signer.body)[:, INDEX["right_wrist"]]
    middle = (low + high) // 2 - 1
    old = pipeline.joints(motion, signer.body)[:, INDEX["right_wrist"]]
    assert np.linalg.norm(again[middle] - wrist[middle]) < 0.4 * np.linalg.norm(old[middle] - wrist[middle])


def test_strips_carry_glosses_and_change_the_plan(signed: None) -> None:
    before = keys()
    bpy.ops.signgen.show_strips()
    (track,) = armature().animation_data.nla_tracks
    assert [strip.name for strip in track.strips] == glosses() and track.mute
    assert keys() == before and armature().animation_data.action is not None
    bpy.context.scene.frame_set(40)  # the strips move nothing
    keyed = read_motion(signers.signer_of(armature()))
    np.testing.assert_allclose(read_motion(signers.signer_of(armature()), evaluated=True).poses[30], keyed.poses[30], atol=2e-4)
    starts = [row.start for row in view().rows]
    track.strips[3].frame_end += 15.0
    assert bpy.ops.signgen.take_strips() == {"FINISHED"}
    assert stored()["actions"][3]["duration"] == pytest.approx(1.02 + 0.5, abs=0.01) and [row.start for row in view().rows] == starts
    strip = armature().animation_data.nla_tracks[0].strips[3]
    strip.frame_end += 10.0
    strip.frame_start += 10.0
    assert bpy.ops.signgen.take_strips() == {"FINISHED"}
    assert stored()["actions"][3]["start"] == pytest.approx(starts[3] + 1.0 / 3.0, abs=0.02)
    view().row = 0
    view().sign.duration = 1.2
    placed = [[strip.frame_start, strip.frame_end] for strip in armature().animation_data.nla_tracks[0].strips]
    wanted = [[1 + 30 * a["start"], 1 + 30 * (a["start"] + a["duration"])] for a in stored()["actions"]]
    np.testing.assert_allclose(placed, wanted, atol=0.02)
    bpy.ops.signgen.remove_sign()
    assert [strip.name for strip in armature().animation_data.nla_tracks[0].strips] == glosses() == ["SISTER", "LEARN", "SIGN"]
    track = armature().animation_data.nla_tracks[0]
    track.strips.remove(track.strips[1])
    bpy.ops.signgen.take_strips()
    assert glosses() == ["SISTER", "SIGN"]
    bpy.ops.signgen.show_strips(visible=False)
    assert not armature().animation_data.nla_tracks and not timeline.has_strips(armature()) and timeline._ACTION not in bpy.data.actions


def test_a_rested_drag_is_taken_over(signed: None) -> None:
    bpy.ops.signgen.show_strips()
    timeline.watch(bpy.context.scene)
    strip = armature().animation_data.nla_tracks[0].strips[3]
    strip.frame_end += 6.0
    timeline._moved["Signer"] = ()
    assert timeline.settle() is not None and stored()["actions"][3]["duration"] == pytest.approx(1.02, abs=0.01)  # it has just been moved
    assert timeline.settle() is None and stored()["actions"][3]["duration"] == pytest.approx(1.22, abs=0.01)


def test_a_plan_goes_out_and_comes_in(signed: None, tmp_path: Path) -> None:
    view().row = 2
    view().sign.handshape = "y"
    assert bpy.ops.signgen.export_plan(filepath=str(tmp_path / "plan.json")) == {"FINISHED"}
    before = stored()
    bpy.ops.signgen.remove_sign()
    assert bpy.ops.signgen.import_plan(filepath=str(tmp_path / "plan.json")) == {"FINISHED"}
    assert stored() == before and glosses() == ["POSS-1", "SISTER", "LEARN", "SIGN"]
    newer = {**before, "version": PLAN_VERSION + 1}
    (tmp_path / "newer.json").write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(RuntimeError, match=rf"version: {PLAN_VERSION + 1} is newer than this program"):
        bpy.ops.signgen.import_plan(filepath=str(tmp_path / "newer.json"))
    assert stored() == before


def test_a_saved_file_reopens_editable_and_a_newer_plan_is_refused_in_words(signed: None, tmp_path: Path) -> None:
    view().row = 1
    view().sign.handshape = "y"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "signed.blend"))
    newer = {**stored(), "version": PLAN_VERSION + 1}
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "signed.blend"))
    bpy.context.view_layer.objects.active = armature()
    assert glosses() == ["POSS-1", "SISTER", "LEARN", "SIGN"] and view().row == 1 and view().sign.handshape == "y"
    view().sign.handshape = "v"
    assert stored()["actions"][1]["handshape"]["type"] == "v" and view().note == ""
    armature()["signgen_plan"] = json.dumps(newer)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "newer.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "newer.blend"))
    assert not glosses() and "is newer than this program" in view().note
    bpy.context.view_layer.objects.active = armature()
    with pytest.raises(RuntimeError, match="is newer than this program"):
        bpy.ops.signgen.add_sign(gloss="HOUSE")


def test_without_a_plan_the_buttons_say_why(signed: None) -> None:
    del armature()["signgen_plan"]
    plan_properties.follow_plans(bpy.context.scene)
    assert not glosses()
    for cls in (*plan_operators.CLASSES, *timeline.CLASSES):
        free = cls in (plan_operators.SIGNGEN_OT_import_plan, plan_operators.SIGNGEN_OT_sign_plan)
        assert cls.poll(bpy.context) == free, cls.bl_idname
        assert cls.bl_description and not cls.bl_description.endswith("."), cls.bl_idname
        assert "UNDO" in cls.bl_options or cls is plan_operators.SIGNGEN_OT_export_plan


def test_searches() -> None:
    found = list(plan_properties.found_glosses(None, bpy.context, "boo"))
    assert found[0].startswith("BOO") and "BOOK" in found and found[-1] == "fs-BOO"
    assert "up" in plan_properties.found_directions(None, bpy.context, "up") and "up+forward" in plan_properties.found_directions(None, bpy.context, "up")
    assert "up+down" not in plan_properties.found_directions(None, bpy.context, "")


def test_the_learned_generators_levels_are_zero_where_rules_sign(signed: None, plan: Any) -> None:
    from dataclasses import replace

    from blender_addon.heatmap import add_heatmap, keyed_levels

    made = signers.signer_of(armature())
    signers.keep_plan(armature(), replace(resigning.plan_on(armature()), generator="lm"))
    count = read_motion(made).num_frames
    add_heatmap(made.mesh, np.full((count, 4), 0.5))
    result = resigning.change(made, [("actions[1].handshape.type", "y")])
    levels = keyed_levels(bpy.data.objects["SignerBody"])[1]
    assert result.plan.generator == "lm"
    frames = keyed_levels(bpy.data.objects["SignerBody"])[0].astype(int) - 1
    inside = (frames >= result.window.first) & (frames <= result.window.last)
    assert (levels[inside] == 0.0).all() and (levels[~inside] == 0.5).all() and inside.any() and (~inside).any()


def test_strips_go_with_a_motion_in_strips_of_its_own(signed: None, motion: Any) -> None:
    bpy.ops.signgen.show_strips()
    signer = signers.signer_of(armature())
    for track in list(armature().animation_data.nla_tracks):
        assert track.name == timeline.TRACK
    timeline.refresh(armature())
    assert timeline.has_strips(armature())
    armature().animation_data.action = None
    timeline.refresh(armature())
    assert not timeline.has_strips(armature()) and not armature().animation_data.nla_tracks
    key_motion(signer, motion)
    view().row = 0
    with pytest.raises(RuntimeError, match="Show the signs as strips first|poll"):
        bpy.ops.signgen.take_strips()
