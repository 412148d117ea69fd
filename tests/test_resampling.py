"""The resampling hook: what an edit does not touch stays bit for bit, what it touches is what the whole plan would give, and the seams are smooth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence
from signgen_core.editing import Change, Insert, Move, Remove, patch
from signgen_core.errors import InputError
from signgen_core.motion import Motion
from signgen_core.resampling import Window, resample
from signgen_core.synthesis.nonmanual import posture

FPS = 30.0
FIELDS = ("poses", "transl", "expression", "face")


@pytest.fixture(scope="module")
def plan() -> ActionSequence:
    """Two sentences, with one-handed, two-handed and spelled signs: IX-1 NAME fs-ANNA . MOTHER HELP BOOK ."""
    return pipeline.plan_text("IX-1 NAME fs-ANNA . MOTHER HELP BOOK .", gloss=True, seed=3)


@pytest.fixture(scope="module")
def motion(plan: ActionSequence) -> Motion:
    return pipeline.animate(plan, fps=FPS)


def assert_kept(old: Motion, new: Motion, window: Window) -> None:
    """Every frame outside of the window is one of the old motion."""
    assert new.num_frames == old.num_frames + window.shift
    for name in FIELDS:
        was, now = getattr(old, name), getattr(new, name)
        assert np.array_equal(now[: window.first], was[: window.first]), name
        assert np.array_equal(now[window.last + 1 :], was[window.old_last + 1 :]), name


def largest_step(motion: Motion) -> float:
    return float(np.abs(np.diff(motion.poses, axis=0)).max())


SAME_LENGTH: list[tuple[str, list[Change]]] = [
    ("gloss", [("actions[3].gloss_id", "FATHER"), ("actions[3].duration", 0.8)]),
    ("handshape", [("actions[1].handshape.type", "v")]),
    ("trajectory", [("actions[4].trajectory[1].y", 0.0)]),
    ("face", [("actions[0].non_manual_markers.facial_expression", "smile")]),
    ("head", [("actions[5].non_manual_markers.head_movement", "nod")]),
    ("mouth", [("actions[5].non_manual_markers.mouthing", "book")]),
    ("mood", [("sentences[1].emotion", "positive")]),
    ("fingers", [("actions[0].handshape.finger_config.thumb", 1.0)]),
    ("one-handed", [("actions[4].phonology[0].sign_type", "OneHanded")]),
]


@pytest.mark.parametrize(("name", "changes"), SAME_LENGTH, ids=[name for name, _ in SAME_LENGTH])
def test_the_result_is_the_motion_of_the_whole_new_plan(plan: ActionSequence, motion: Motion, name: str, changes: list[Change]) -> None:
    new_plan = patch(plan, changes, fps=FPS)
    # a sign of another form may start a little later; here all stay where they were
    new_plan = replace(new_plan, actions=tuple(replace(a, start=b.start) for a, b in zip(new_plan.actions, plan.actions, strict=True)))
    new, window = resample(plan, motion, pipeline.complete(new_plan))
    assert window.shift == 0
    whole = pipeline.animate(window.plan, fps=FPS)
    assert np.abs(new.poses - whole.poses).max() < 1e-6 and np.abs(new.face - whole.face).max() < 1e-6
    assert new.segments == whole.segments
    assert_kept(motion, new, window)
    assert 50 <= window.frames <= motion.num_frames
    assert not all(np.array_equal(getattr(new, f), getattr(motion, f)) for f in FIELDS)


OTHER_LENGTH: list[tuple[str, list[Change]]] = [
    ("duration", [("actions[1].duration", 1.5)]),
    ("shorter", [("actions[4].duration", 0.4)]),
    ("emphasis", [("actions[3].emphasis", "strong")]),
    ("gloss", [("actions[1].gloss_id", "HOUSE")]),
    ("pause", [("actions[2].pause_after", 1.0)]),
    ("start", [("actions[3].start", 6.0)]),
    ("remove", [Remove(1)]),
    ("remove first", [Remove(0)]),
    ("remove last", [Remove(5)]),
    ("insert", [Insert(4, "WORK")]),
    ("insert last", [Insert(6, "HOUSE")]),
    ("move", [Move(4, 3)]),
]


@pytest.mark.parametrize(("name", "changes"), OTHER_LENGTH, ids=[name for name, _ in OTHER_LENGTH])
def test_where_the_length_changes_the_rest_is_moved_whole_frames(plan: ActionSequence, motion: Motion, name: str, changes: list[Change]) -> None:
    new_plan = patch(plan, changes, fps=FPS)
    new, window = resample(plan, motion, new_plan)
    assert_kept(motion, new, window)
    assert window.frames >= min(50, new.num_frames)
    assert [s.gloss_id for s in new.segments] == [a.gloss_id for a in new_plan.actions]
    assert all(abs(s.start - a.start) <= 0.51 / FPS for s, a in zip(new.segments, new_plan.actions, strict=True))
    whole = pipeline.animate(new_plan, fps=FPS)
    assert abs(whole.num_frames - new.num_frames) <= 1
    # where what moved has its own breath and sway, the hands still do what the plan says
    n = min(whole.num_frames, new.num_frames)
    assert np.abs(new.poses[:n, 25:] - whole.poses[:n, 25:]).mean() < 0.01
    assert largest_step(new) < 1.25 * max(largest_step(whole), largest_step(motion))


def test_nothing_changed_is_nothing_made(plan: ActionSequence, motion: Motion) -> None:
    def refuse(*_: object) -> Motion:
        raise AssertionError("nothing is to be made")

    new_plan = replace(plan, text="said otherwise", actions=tuple(replace(a, why="because", confidence=0.5) for a in plan.actions))
    new, window = resample(plan, motion, new_plan, generator=refuse)
    assert window.frames == 0 and window.shift == 0 and new.meta["text"] == "said otherwise"
    assert all(getattr(new, f) is getattr(motion, f) for f in FIELDS)


def test_another_seed_or_hand_changes_every_frame(plan: ActionSequence, motion: Motion) -> None:
    for changes in ([("seed", 4)], [("handedness", "left")]):
        new_plan = patch(plan, changes, fps=FPS)
        new, window = resample(plan, motion, new_plan)
        assert (window.first, window.last) == (0, motion.num_frames - 1)
        assert np.array_equal(new.poses, pipeline.animate(new_plan, fps=FPS).poses)


def test_edits_can_follow_each_other(plan: ActionSequence, motion: Motion) -> None:
    steps: list[list[Change]] = [[("actions[1].duration", 1.3)], [Insert(3, "WORK")], [("actions[4].handshape.type", "v")], [Remove(0)]]
    for step in steps:
        new_plan = patch(plan, step, fps=FPS)
        new, window = resample(plan, motion, new_plan)
        assert_kept(motion, new, window)
        plan, motion = new_plan, new
    assert [s.gloss_id for s in motion.segments] == ["NAME", "fs-ANNA", "WORK", "MOTHER", "HELP", "BOOK"]


def test_a_left_handed_motion_and_another_frame_rate(plan: ActionSequence) -> None:
    left = patch(plan, [("handedness", "left")])
    motion = pipeline.animate(left, fps=24.0)
    new_plan = patch(left, [("actions[4].handshape.type", "v")], fps=24.0)
    new, window = resample(left, motion, new_plan)
    assert_kept(motion, new, window)
    assert np.abs(new.poses - pipeline.animate(new_plan, fps=24.0).poses).max() < 1e-6


@pytest.mark.parametrize("handedness", ["right", "left"])
def test_the_other_arm_is_not_made_again_where_it_stays(plan: ActionSequence, handedness: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.pipeline import synthesiser_for
    from signgen_core.rig import JOINT_NAMES

    plan = pipeline.complete(replace(plan, handedness=handedness))
    motion = pipeline.animate(plan)
    index = next(k for k, a in enumerate(plan.actions) if not any(p.symmetrical for p in a.phonology))
    new = patch(plan, [(f"actions[{index}].handshape.type", "y")])
    new = pipeline.complete(replace(new, actions=tuple(replace(a, start=b.start) for a, b in zip(new.actions, plan.actions, strict=True))))
    whole = pipeline.animate(new)
    synthesiser = synthesiser_for(None, motion.betas)
    monkeypatch.setattr(synthesiser.left_arm, "solve", None)  # reaching it would be an error
    made, window = resample(plan, motion, new)
    assert np.abs(made.poses - whole.poses).max() < 1e-3 and window.last > window.first
    side = "left" if handedness == "right" else "right"
    legs = ("hip", "knee", "ankle", "foot", "eye")
    other = [k for k, name in enumerate(JOINT_NAMES) if name.startswith(side) and name.split("_")[1].rstrip("123") not in legs]
    np.testing.assert_allclose(made.poses[:, other], motion.poses[:, other], atol=1e-9)
    rest = [k for k in range(55) if k not in other]
    assert np.abs(made.poses[:, rest] - motion.poses[:, rest]).max() > 0.3


@pytest.mark.parametrize("handedness", ["right", "left"])
def test_a_change_of_the_face_makes_no_arm(plan: ActionSequence, handedness: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.pipeline import synthesiser_for

    plan = pipeline.complete(replace(plan, handedness=handedness))
    motion = pipeline.animate(plan)
    new = patch(plan, [("actions[4].non_manual_markers.facial_expression", "smile")])
    whole = pipeline.animate(new)
    synthesiser = synthesiser_for(None, motion.betas)
    for arm in (synthesiser.left_arm, synthesiser.right_arm):
        monkeypatch.setattr(arm, "solve", None)  # reaching it would be an error
    made, _ = resample(plan, motion, new)
    assert np.abs(made.poses - whole.poses).max() < 1e-9 and np.abs(made.face - whole.face).max() < 1e-9
    assert np.abs(made.face - motion.face).max() > 0.2


def test_any_generator_fills_the_window(plan: ActionSequence, motion: Motion) -> None:
    asked: list[tuple[int, int, int, int]] = []

    def make(wanted: ActionSequence, first: int, last: int, before: Motion | None, after: Motion | None) -> Motion:
        assert before is not None and after is not None
        assert np.array_equal(before.poses, motion.poses[first - 8 : first]) and np.array_equal(after.poses, motion.poses[last + 1 : last + 9])
        asked.append((first, last, before.num_frames, after.num_frames))
        n = last + 1 - first
        still = replace(motion, poses=np.full((n, 55, 3), 0.2), face=np.full((n, 52), 0.5), transl=np.zeros((n, 3)), expression=np.zeros((n, 10)))
        return replace(still, segments=(), uncertainty=np.full((n, 4), 0.25, dtype=np.float32))

    new, window = resample(plan, motion, patch(plan, [("actions[2].phonology[0].handshape", "v")], fps=FPS), generator=make, context=8)
    assert asked == [(window.first, window.last, 8, 8)]
    assert_kept(motion, new, window)
    inner = slice(window.first + 8, window.last - 7)
    assert np.allclose(new.poses[inner], 0.2) and np.allclose(new.face[inner], 0.5)
    edge = new.face[window.first - 1 : window.first + 9, 0]
    assert (np.diff(edge) >= -1e-9).all() and np.diff(edge).max() < 0.2  # over the context, not at once
    assert new.uncertainty is not None and np.array_equal(np.flatnonzero(new.uncertainty[:, 0]), np.arange(window.first, window.last + 1))


def test_a_wider_window_is_made_when_it_is_asked_for(plan: ActionSequence, motion: Motion) -> None:
    new_plan = patch(plan, [("actions[3].handshape.type", "v")], fps=FPS)
    sizes = [resample(plan, motion, new_plan, window=n)[1].frames for n in (1, 120, 100000)]
    assert sizes[0] < sizes[1] < sizes[2] == motion.num_frames and sizes[1] in (120, 121)


def test_a_stretch_is_the_same_as_in_the_whole(plan: ActionSequence, motion: Motion) -> None:
    synthesiser = pipeline.synthesiser_for()
    ready = pipeline.complete(plan)
    for first in range(0, motion.num_frames - 30, 41):
        part = synthesiser.stretch(ready, FPS, first, first + 29)
        assert np.abs(part.poses - motion.poses[first : first + 30]).max() < 1e-3
        assert np.abs(part.face - motion.face[first : first + 30]).max() < 1e-9


def test_what_the_plan_says_moves_with_its_actions(plan: ActionSequence) -> None:
    """Without breath, sway and chance blinks, a plan that is two seconds later is posed the same two seconds later."""
    later = replace(plan, actions=tuple(replace(a, start=a.start + 2.0) for a in plan.actions))
    times = np.arange(0.0, 6.0, 0.1)
    a, b = posture(plan, times, alive=False), posture(later, times + 2.0, alive=False)
    assert np.allclose(a.poses, b.poses, atol=1e-9) and np.allclose(a.face, b.face, atol=1e-9)
    assert not np.allclose(posture(plan, times).poses, posture(later, times + 2.0).poses, atol=1e-3)


def test_what_does_not_fit_is_refused(plan: ActionSequence, motion: Motion) -> None:
    new_plan = patch(plan, [("actions[1].handshape.type", "v")])
    with pytest.raises(InputError, match="the motion is not one of this plan: it signs IX-1 NAME"):
        resample(patch(plan, [Remove(0)]), motion, new_plan)
    with pytest.raises(InputError, match=r"the motion is not one of this plan: MOTHER is at \d\.\d\d s in it and at"):
        resample(patch(plan, [("actions[2].duration", 3.0)]), motion, new_plan)
    with pytest.raises(InputError, match="its signer is right-handed"):
        resample(patch(plan, [("handedness", "left")]), motion, new_plan)
    short = replace(motion, poses=motion.poses[:90], face=motion.face[:90], transl=motion.transl[:90], expression=motion.expression[:90], segments=())
    with pytest.raises(InputError, match="it ends after 2.97 s"):
        resample(plan, short, new_plan)
    with pytest.raises(InputError, match="fps: the motion has 30, not 24"):
        resample(plan, motion, new_plan, fps=24)
    with pytest.raises(InputError, match="must be at least 1 frame"):
        resample(plan, motion, new_plan, window=0)
    with pytest.raises(InputError, match=r"the generator gave \d+ frames at 30 fps where \d+ at 30 were asked for"):
        resample(plan, motion, new_plan, generator=lambda *_: motion)
