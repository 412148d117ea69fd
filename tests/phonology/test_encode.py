"""Phonology as numbers: every sign there is goes in and comes out, and a plan can be read back from its steps."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import InputError
from signgen_core.phonology.encode import (
    NUM_VALUES,
    PATH_POINTS,
    STATE,
    Condition,
    categories,
    decode,
    decode_morpheme,
    decode_state,
    encode,
    encode_morpheme,
)  # fmt: skip
from signgen_core.phonology.features import BaseHand, Phonology, parse_direction
from signgen_core.phonology.lexicon import load_lexicon

DIRECTIONS = ("palm", "fingers", "final_palm", "final_fingers", "direction", "arc")


def assert_same(a: Phonology, b: Phonology, name: str = "") -> None:
    """Equal but for the wording of directions, which must point the same way."""

    def same_way(p: Any, q: Any) -> bool:
        return p is None and q is None if p is None or q is None else np.allclose(parse_direction(p), parse_direction(q), atol=1e-6)

    for f in fields(Phonology):
        mine, other = getattr(a, f.name), getattr(b, f.name)
        if f.name in DIRECTIONS:
            assert same_way(mine, other), (name, f.name, mine, other)
        elif f.name == "nondominant":
            assert same_way(mine.palm, other.palm) and same_way(mine.fingers, other.fingers), (name, mine, other)
            assert replace(mine, palm="up", fingers="up") == replace(other, palm="up", fingers="up"), name
        elif f.name.endswith("contact_point"):
            assert (mine or "").replace("@0.", "@.") == (other or "").replace("@0.", "@."), (name, f.name, mine, other)
        else:
            assert mine == other, (name, f.name, mine, other)


def test_every_sign_comes_back_whole() -> None:
    for entry in load_lexicon().entries.values():
        for morpheme in entry.morphemes:
            indices, values = encode_morpheme(morpheme)
            assert_same(morpheme, decode_morpheme(indices, values), entry.gloss_id)


def test_signs_that_differ_have_codes_that_differ() -> None:
    codes: dict[bytes, Phonology] = {}
    for entry in load_lexicon().entries.values():
        for morpheme in entry.morphemes:
            indices, values = encode_morpheme(morpheme)
            key = indices.tobytes() + values.tobytes()
            if key in codes:
                assert_same(codes[key], morpheme, entry.gloss_id)
            codes[key] = morpheme


@pytest.mark.parametrize(
    "morpheme",
    [
        Phonology("1"),
        Phonology("1", contact_point="index_front2@.4+middle_front2+thumb_tip", base_contact_point="forearm_front"),
        Phonology("1", contact_point="elbow", base_contact_point="middle_radial1@.85"),
        Phonology("5", size=0.0, arc_size=-0.04, repetitions=12, alternating=True, spread=False, flexion_change=True),
        Phonology("5", path=tuple((0.01 * k, -0.02 * k, 0.005) for k in range(PATH_POINTS)), movement="Other"),
        Phonology("5", nondominant=BaseHand("down", "in+0.25*up", "Chin", (0.01, -0.02, 0.3), "s", True), nondominant_handshape="open_b"),
        Phonology("5", palm="forward+0.001*down", direction="out+up+back"),
    ],
)  # fmt: skip
def test_corners_of_the_inventory_come_back(morpheme: Phonology) -> None:
    assert_same(morpheme, decode_morpheme(*encode_morpheme(morpheme)))


def test_not_set_is_not_zero() -> None:
    unset, zero = encode_morpheme(Phonology("1")), encode_morpheme(Phonology("1", size=0.0))
    assert not np.array_equal(unset[1], zero[1])
    assert decode_morpheme(*unset).size is None and decode_morpheme(*zero).size == 0.0
    assert encode_morpheme(Phonology("1", spread=False))[0].tolist() != encode_morpheme(Phonology("1"))[0].tolist()


def test_a_longer_path_keeps_its_ends_and_its_shape() -> None:
    t = np.linspace(0.0, 1.0, 61)
    path = np.stack([0.1 * np.sin(3 * t), 0.2 * t, 0.05 * t**2], axis=1)
    back = np.array(decode_morpheme(*encode_morpheme(Phonology("1", movement="Other", path=tuple(map(tuple, path.tolist()))))).path)
    assert len(back) == PATH_POINTS
    assert np.allclose(back[[0, -1]], path[[0, -1]], atol=1e-6)
    nearest = np.linalg.norm(path[:, None] - back[None], axis=-1).min(axis=0)
    assert nearest.max() < 0.002


@pytest.mark.parametrize(
    ("morpheme", "problem"),
    [
        (Phonology("nose"), "handshape: 'nose' is not one of"),
        (Phonology("1", contact_point="middle_back7"), r"contact_point\[0\]: 'middle_back7' is not one of"),
        (Phonology("1", contact_point="palm+back+heel+ulnar"), "contact_point: .* has more than 3 parts"),
        (Phonology("1", repetitions=40), "repetitions: '40' is not one of"),
    ],
)
def test_what_is_in_no_list_is_named(morpheme: Phonology, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        encode_morpheme(morpheme)


def test_codes_that_are_none_are_refused() -> None:
    indices, values = encode_morpheme(Phonology("1"))
    with pytest.raises(InputError, match="expected .* categories"):
        decode_morpheme(indices[:-1], values)
    with pytest.raises(InputError, match="handshape: 999 is not from 0"):
        decode_morpheme(np.where(np.arange(len(indices)) == 0, 999, indices), values)
    with pytest.raises(InputError, match="handshape or sign_type is not set"):
        decode_morpheme(np.zeros_like(indices), np.zeros(NUM_VALUES, dtype=np.float32))
    with pytest.raises(InputError, match="phase: 9 is not from 0 to 4"):
        decode_state(np.array([9] + [0] * (len(STATE) - 1)))


@pytest.fixture(scope="module")
def conditioned() -> tuple[Any, Condition]:
    plan = pipeline.plan_text("<q>IX-2 NAME fs-ANNA</q>? <neg>IX-1 NOT KNOW</neg>.", gloss=True, emotion="negative")
    return plan, pipeline.condition(plan)


def test_a_plan_is_read_back_from_its_steps(conditioned: tuple[Any, Condition]) -> None:
    plan, condition = conditioned
    found = decode(condition)
    assert [index for index, _ in found] == list(range(len(plan.actions)))
    for index, morphemes in found:
        assert len(morphemes) == len(plan.actions[index].phonology)
        for mine, other in zip(plan.actions[index].phonology, morphemes, strict=True):
            assert_same(mine, other, plan.actions[index].gloss_id)


def test_each_step_knows_what_comes_next_and_how_far_it_is(conditioned: tuple[Any, Condition]) -> None:
    plan, condition = conditioned
    assert condition.current.shape == condition.following.shape == (len(condition), len(categories()))
    assert condition.current_values.dtype == np.float32 and condition.current.dtype == np.int16
    keys = list(zip(condition.action.tolist(), condition.morpheme.tolist(), strict=True))
    changes = [n for n in range(1, len(keys)) if keys[n] != keys[n - 1] and keys[n][0] >= 0]
    for n in changes:  # what is current now was announced one step before
        if keys[n - 1][0] >= 0 or n == changes[0]:
            assert np.array_equal(condition.following[n - 1], condition.current[n]) or keys[n - 1][0] < 0
    assert condition.progress.min() >= 0.0 and condition.progress.max() <= 1.0
    assert condition.seconds_left.min() >= 0.0
    phases = [decode_state(s)["phase"] for s in condition.state]
    assert phases[0] == phases[-1] == "rest" and {"sign", "transition"} <= set(phases)
    for n in range(1, len(condition)):  # within one phase of one morpheme progress only grows
        if keys[n] == keys[n - 1] and phases[n] == phases[n - 1]:
            assert condition.progress[n] > condition.progress[n - 1]


def test_the_face_of_each_step_is_the_plans(conditioned: tuple[Any, Condition]) -> None:
    plan, condition = conditioned
    for n in range(len(condition)):
        state = decode_state(condition.state[n])
        index = int(condition.action[n])
        if index < 0:
            assert state["facial_expression"] is None
            continue
        action = plan.actions[index]
        sentence = plan.sentences[action.sentence]
        assert state["facial_expression"] == action.non_manual_markers.facial_expression
        assert state["head_movement"] == action.non_manual_markers.head_movement
        assert state["kind"] == action.kind and state["sentence_type"] == sentence.type and state["negated"] == sentence.negated
        assert state["emotion"] == "negative"


def test_times_of_the_steps_are_the_plans(conditioned: tuple[Any, Condition]) -> None:
    plan, condition = conditioned
    step = condition.step_seconds
    for index, action in enumerate(plan.actions):
        signing = [n for n in range(len(condition)) if condition.action[n] == index and decode_state(condition.state[n])["phase"] in ("sign", "hold")]
        first, last = (signing[0] + 0.5) * step, (signing[-1] + 0.5) * step
        assert action.start <= first < action.start + step + 1e-6
        assert last < action.end + action.pause_after + step


def test_a_step_without_length_is_refused(conditioned: tuple[Any, Condition]) -> None:
    plan, _ = conditioned
    schedules = pipeline.synthesiser_for().schedules(plan)
    with pytest.raises(InputError, match="step_seconds: 0 is not above 0"):
        encode(plan, schedules, total=1.0, step_seconds=0, rest=0.15)
