"""What a model said is kept where the plan leaves room, and its hands land where the plan wants them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signgen_core.kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about
from signgen_core.motion import Motion
from signgen_core.pipeline import joints
from signgen_core.rig import INDEX, LEFT_HAND_POSE
from signgen_core.synthesis.check import measure
from signgen_core.synthesis.landing import Guide

WRISTS = [INDEX["left_wrist"], INDEX["right_wrist"]]


def landed(synthesiser, plan, raw, fps=30.0, offset=0.0) -> Motion:
    return synthesiser.stretch(plan, fps, 0, synthesiser.frames(plan, fps) - 1, guide=Guide(synthesiser, raw, fps, offset))


@pytest.mark.parametrize("glosses", [("MOTHER", "LIKE", "BOOK"), ("fs-ANNA", "NAME"), ("HELP", "PLEASE")])
def test_the_rules_own_motion_stays(synthesiser, plan_of, glosses) -> None:
    plan = plan_of(*glosses)
    whole = synthesiser.synthesise(plan)
    again = landed(synthesiser, plan, whole)
    apart = np.linalg.norm(joints(again) - joints(whole), axis=-1)
    assert apart.mean() < 2e-3 and apart.max() < 0.03
    assert np.abs(again.face - whole.face).max() < 1e-9


def test_hands_that_are_off_land_where_they_touch(synthesiser, plan_of) -> None:
    """Shoulders 6 degrees off carry the hands away by centimetres; landed, contacts touch again, and the fingers are the model's."""
    plan = plan_of("MOTHER", "THINK", "BOOK")
    raw = synthesiser.synthesise(plan)
    local = axis_angle_to_matrix(raw.poses)
    off = rotation_about(np.array([0.0, 1.0, 0.0]), np.radians(np.full(raw.num_frames, 6.0)))
    for side in ("left", "right"):
        local[:, INDEX[f"{side}_shoulder"]] = off @ local[:, INDEX[f"{side}_shoulder"]]
    bent = replace(raw, poses=matrix_to_axis_angle(local))
    before, after = measure(synthesiser, plan, bent).contact, measure(synthesiser, plan, landed(synthesiser, plan, bent)).contact
    assert before > 0.03 and after < 0.012
    assert measure(synthesiser, plan, landed(synthesiser, plan, bent)).penetration < 0.012


def test_a_model_s_fingers_and_face_are_kept(synthesiser, plan_of) -> None:
    plan = plan_of("BOOK")
    raw = synthesiser.synthesise(plan)
    other = synthesiser.synthesise(replace(plan_of("DRINK"), actions=plan_of("DRINK").actions))
    rows = np.minimum(np.arange(raw.num_frames), other.num_frames - 1)
    poses = raw.poses.copy()
    poses[:, LEFT_HAND_POSE] = other.poses[rows][:, LEFT_HAND_POSE]
    face = np.full_like(raw.face, 0.25)
    made = landed(synthesiser, plan, replace(raw, poses=poses, face=face))
    middle = raw.num_frames // 2
    assert np.allclose(made.face[middle], 0.25)
    assert np.abs(made.poses[middle, LEFT_HAND_POSE] - poses[middle, LEFT_HAND_POSE]).max() < 0.1
    assert np.abs(made.poses[middle, LEFT_HAND_POSE] - raw.poses[middle, LEFT_HAND_POSE]).max() > 0.2


def test_any_rate_and_length(synthesiser, plan_of) -> None:
    plan = plan_of("BOOK", "MOTHER")
    raw = synthesiser.synthesise(plan)
    for fps, cut in ((24.0, 0), (60.0, 5)):
        made = landed(synthesiser, plan, Motion(*(getattr(raw, f)[: raw.num_frames - cut] for f in ("poses", "transl")), raw.betas,
                                                raw.expression[: raw.num_frames - cut], raw.face[: raw.num_frames - cut], raw.fps), fps)  # fmt: skip
        whole = synthesiser.synthesise(plan, fps)
        assert made.num_frames == whole.num_frames and made.fps == fps
        assert np.linalg.norm(joints(made)[:, WRISTS] - joints(whole)[:, WRISTS], axis=-1).mean() < 0.01


def test_a_raw_motion_may_begin_later(synthesiser, plan_of) -> None:
    plan = plan_of("BOOK", "MOTHER", "DRINK")
    raw = synthesiser.synthesise(plan)
    first, last = 40, 60
    low = synthesiser.lines(plan, 30.0).needed(first, last, synthesiser.reach(30.0))[0] - 4
    assert low > 0
    rest = Motion(raw.poses[low:], raw.transl[low:], raw.betas, raw.expression[low:], raw.face[low:], raw.fps)
    some = synthesiser.stretch(plan, 30.0, first, last, guide=Guide(synthesiser, rest, 30.0, low))
    whole = landed(synthesiser, plan, raw)
    assert np.abs(some.poses - whole.poses[first : last + 1]).max() < 2e-3


def test_an_edited_trajectory_and_bent_fingers_win(synthesiser, plan_of) -> None:
    plan = plan_of("BOOK")
    action = replace(plan.actions[0], finger_config={"index": 0.0})
    edited = replace(plan, actions=(action,))
    raw = synthesiser.synthesise(plan)
    bent, straight = landed(synthesiser, edited, raw), landed(synthesiser, plan, raw)
    at = round((plan.actions[0].start + 0.5 * plan.actions[0].duration) * 30)
    tip = INDEX["right_index2"]
    assert np.linalg.norm(bent.poses[at, tip]) > np.linalg.norm(straight.poses[at, tip]) + 0.3
