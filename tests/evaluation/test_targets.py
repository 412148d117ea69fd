"""Hands against their plan: the teacher lands, what is moved away from its place is seen, and by how much."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from signgen_core.action import ActionSequence, by_hand
from signgen_core.errors import InputError
from signgen_core.evaluation.targets import Bodies, SignErrors, on_the_motion_s_times, sign_errors, summary
from signgen_core.kinematics.forward import global_transforms
from signgen_core.kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about
from signgen_core.motion import Motion
from signgen_core.rig import INDEX
from signgen_core.synthesis.generate import Synthesiser


def turned(motion: Motion, joint: str, degrees: float, seconds: tuple[float, float]) -> Motion:
    """The motion with one joint turned further about X in the frames between two times."""
    poses = motion.poses.copy()
    rows = slice(round(seconds[0] * motion.fps), round(seconds[1] * motion.fps) + 1)
    more = rotation_about(np.array([1.0, 0.0, 0.0]), np.radians(degrees))
    poses[rows, INDEX[joint]] = matrix_to_axis_angle(more @ axis_angle_to_matrix(poses[rows, INDEX[joint]]))
    return replace(motion, poses=poses)


def test_the_teacher_lands(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    errors = sign_errors(plan, signed, synthesiser)
    assert [e.gloss for e in errors] == ["MOTHER", "PAPER", "fs-BO"] and [e.touches for e in errors] == [True, True, False]
    assert all(e.wrist < 25.0 for e in errors) and all(e.landed for e in errors[:2])
    assert errors[2].wrist < 1.0  # nothing is in the way of spelling hands


def test_a_hand_led_away_is_seen_by_as_much(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    """Spelling has no contact and no obstacle: the wrist error is then how far the wrist was moved."""
    spelled = plan.actions[2]
    moved = turned(signed, "right_shoulder", 20.0, (spelled.start, spelled.end))
    places = [global_transforms(axis_angle_to_matrix(m.poses), synthesiser.rest)[1][:, INDEX["right_wrist"]] for m in (signed, moved)]
    rows = slice(round(spelled.start * signed.fps), round(spelled.end * signed.fps) + 1)
    expected = 1e3 * np.sqrt(np.sum((places[0] - places[1])[rows] ** 2, axis=1))
    before, after = sign_errors(plan, signed, synthesiser), sign_errors(plan, moved, synthesiser)
    assert 20.0 < expected.min() - 0.1 < after[2].wrist < expected.max() + 0.1
    assert after[:2] == before[:2]
    first = plan.actions[0]
    off = sign_errors(plan, turned(signed, "right_shoulder", 20.0, (first.start, first.end)), synthesiser)
    assert off[0].contact > 30.0 and not off[0].landed and off[1] == before[1] and off[2].wrist == before[2].wrist


def test_a_leaning_trunk_is_no_error_of_the_hand(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    first = plan.actions[0]
    leaning = sign_errors(plan, turned(signed, "spine1", 8.0, (first.start, first.end)), synthesiser)[0]
    assert leaning.contact == pytest.approx(sign_errors(plan, signed, synthesiser)[0].contact, abs=1.0)


def test_left_handed_plans_are_measured_alike(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    mirrored = sign_errors(by_hand(plan, "left"), signed.mirrored(), synthesiser)
    for a, b in zip(mirrored, sign_errors(plan, signed, synthesiser), strict=True):
        assert a.wrist == pytest.approx(b.wrist, abs=0.01) and a.contact == pytest.approx(b.contact, abs=0.01, nan_ok=True)


def test_signs_are_where_the_segments_say(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    """Every frame shown twice: without segments the plan's times are wrong, with them all is as before."""
    twice = np.repeat(np.arange(signed.num_frames), 2)
    arrays = {name: getattr(signed, name)[twice] for name in ("poses", "transl", "expression", "face")}
    longer = tuple(replace(s, start=2.0 * s.start, end=2.0 * s.end, hold=2.0 * s.hold) for s in signed.segments)
    slow = replace(signed, segments=longer, **arrays)
    timed = on_the_motion_s_times(plan, slow)
    assert [a.start for a in timed.actions] == pytest.approx([2.0 * s.start for s in signed.segments])
    errors, lost = sign_errors(plan, slow, synthesiser), sign_errors(plan, replace(slow, segments=()), synthesiser)
    assert errors[0].landed and errors[1].landed and not lost[1].landed
    assert on_the_motion_s_times(plan, signed) is plan and on_the_motion_s_times(plan, replace(signed, segments=())) is plan


def test_signs_that_are_missing_count_as_missed(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    end = round(plan.actions[1].start * signed.fps) - 2
    cut = replace(signed, **{name: getattr(signed, name)[:end] for name in ("poses", "transl", "expression", "face")})
    errors = sign_errors(plan, cut, synthesiser)
    assert errors[0] == sign_errors(plan, signed, synthesiser)[0]
    assert errors[1].wrist == errors[1].contact == math.inf and errors[1].touches and not errors[1].landed
    assert errors[2].wrist == math.inf and not errors[2].touches
    single = replace(signed, **{name: getattr(signed, name)[:1] for name in ("poses", "transl", "expression", "face")})
    assert all(e.wrist == math.inf for e in sign_errors(plan, single, synthesiser))


def test_another_body_is_refused(plan: ActionSequence, signed: Motion, synthesiser: Synthesiser) -> None:
    with pytest.raises(InputError, match="betas are not those of the body"):
        sign_errors(plan, replace(signed, betas=np.full(10, 0.3)), synthesiser)


def test_summary() -> None:
    nan, inf = math.nan, math.inf
    found = summary([SignErrors(0, "A", 2.0, nan), SignErrors(1, "B", 4.0, 5.0), SignErrors(2, "C", 6.0, 25.0), SignErrors(3, "D", inf, inf)])
    assert found == {"signs": 4.0, "wrist_mm": 4.0, "contact_signs": 3.0, "contact_mm": 15.0, "contact_share": pytest.approx(1 / 3)}
    assert summary([]) == {"signs": 0.0, "contact_signs": 0.0}
    assert SignErrors(0, "A", 0.0, 15.0).landed and not SignErrors(0, "A", 0.0, 15.01).landed


def test_one_body_a_shape(bodies: Bodies, signed: Motion) -> None:
    assert bodies.of(signed) is bodies.of(replace(signed, betas=np.zeros(0)))
    assert not bodies.of(signed).betas.any()
