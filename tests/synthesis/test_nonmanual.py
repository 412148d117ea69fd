"""Grammar of the face: spans over words, the right coefficients, and stillness nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core.face import FACE_INDEX
from signgen_core.presets import read_preset
from signgen_core.rig import INDEX
from signgen_core.synthesis.nonmanual import posture, spans
from signgen_core.text.types import EYE_GAZES, FACIAL_EXPRESSIONS, HEAD_MOVEMENTS, Gloss


def test_every_value_has_a_preset():
    data = read_preset("nonmanuals", "ase.json")
    assert set(data["facial_expressions"]) == set(FACIAL_EXPRESSIONS)
    assert set(data["head"]) == set(HEAD_MOVEMENTS)
    assert set(data["gaze"]) == set(EYE_GAZES)
    for table in (*data["facial_expressions"].values(), *(v for k, v in data["visemes"].items() if k != "comment")):
        assert set(table) <= set(FACE_INDEX) and all(0 <= v <= 1 for v in table.values())


def test_neighbours_with_one_value_make_one_span(plan_of):
    plan = plan_of(*(Gloss(g, "lexical", facial_expression="brow_furrow") for g in ("NAME", "WHAT")), Gloss("BOOK", "lexical"))
    found = spans(plan, "facial_expression")
    assert [s.value for s in found] == ["brow_furrow", "neutral"]
    assert found[0].start == plan.actions[0].start and found[0].end == plan.actions[1].end + plan.actions[1].pause_after


@pytest.mark.parametrize(("value", "up", "down"), [("brow_raise", "browOuterUpLeft", "browDownLeft"), ("brow_furrow", "browDownLeft", "browOuterUpLeft")])
def test_brows_hold_over_the_whole_question(plan_of, value, up, down):
    plan = plan_of(*(Gloss(g, "lexical", facial_expression=value) for g in ("BOOK", "WANT")))
    times = np.linspace(plan.actions[0].start, plan.actions[1].end, 50)
    face = posture(plan, times).face
    assert face[:, FACE_INDEX[up]].min() > 0.5
    assert face[:, FACE_INDEX[down]].max() < 0.05
    before = posture(plan, np.array([0.0])).face
    assert before[0, FACE_INDEX[up]] == 0


def test_headshake_turns_both_ways_and_ends(plan_of):
    plan = plan_of(*(Gloss(g, "lexical", head_movement="shake") for g in ("WANT", "NOT")), "BOOK")
    times = np.arange(0, plan.end, 1 / 30)
    yaw = posture(plan, times).poses[:, INDEX["head"], 1]
    during = (times > plan.actions[0].start) & (times < plan.actions[1].end)
    assert yaw[during].max() > np.radians(4) and yaw[during].min() < -np.radians(4)
    after = times > plan.actions[2].start + 0.3
    assert np.abs(yaw[after]).max() < np.radians(1)


def test_eyes_stay_on_the_viewer_while_the_head_shakes(plan_of):
    plan = plan_of(Gloss("NOT", "lexical", head_movement="shake"))
    times = np.arange(plan.actions[0].start, plan.actions[0].end, 1 / 30)
    poses = posture(plan, times).poses
    total = poses[:, [INDEX["spine3"], INDEX["neck"], INDEX["head"], INDEX["left_eye_smplhf"]], 1].sum(axis=1)
    assert np.abs(total).max() < np.radians(2.5)


def test_nobody_is_frozen(plan_of):
    plan = plan_of("BOOK", Gloss("BOOK", "lexical", pause_after=4.0))
    times = np.arange(0, plan.end, 1 / 30)
    stance = posture(plan, times)
    assert np.abs(np.diff(stance.poses[:, INDEX["spine2"]], axis=0)).max(axis=1).min() > 0
    assert stance.face[:, FACE_INDEX["eyeBlinkLeft"]].max() > 0.9
    assert (stance.face[:, FACE_INDEX["eyeBlinkLeft"]] > 0.5).mean() < 0.25


def test_mouthing_moves_the_mouth(plan_of):
    """In "book" the second half of the sign shows the rounded lips of its vowel."""

    def lips(plan):
        action = plan.actions[0]
        return posture(plan, np.array([action.start + 0.75 * action.duration])).face[0, FACE_INDEX["mouthPucker"]]

    assert lips(plan_of(Gloss("BOOK", "lexical", mouthing="book"))) > lips(plan_of("BOOK")) + 0.4
