"""How a motion is cut into clips, and what the markers beside an export say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.clip_events import Cut, cut, events
from signgen_core.errors import InputError
from signgen_core.motion import Motion, Segment


def motion(segments: tuple[Segment, ...], frames: int = 61, fps: float = 30.0) -> Motion:
    zeros = {n: np.zeros((frames, k)) for n, k in (("transl", 3), ("expression", 10), ("face", 52))}
    return Motion(np.zeros((frames, 55, 3)), betas=np.zeros(10), fps=fps, segments=segments, **zeros)


SIGNS = (Segment("HELLO", 0.2, 0.5, 0.3), Segment("BOOK", 0.7, 1.0, 0.8), Segment("HELLO", 1.2, 1.8, 1.5))


def test_signs_tile_the_motion_and_names_are_unique() -> None:
    assert cut(motion(SIGNS), "sign") == (Cut("HELLO", 0, 21), Cut("BOOK", 21, 36), Cut("HELLO_2", 36, 60))
    assert cut(motion(SIGNS), name="All") == (Cut("All", 0, 60),)
    long = cut(motion(tuple(replace(s, gloss_id="Ä" * 80) for s in SIGNS)), "sign")
    assert len({c.name for c in long}) == 3 and max(len(c.name.encode()) for c in long) <= 60
    short = (*SIGNS[:2], Segment("NOW", 0.701, 0.702, 0.7015), SIGNS[2])
    assert [c.name for c in cut(motion(short), "sign")] == ["HELLO", "NOW", "HELLO_2"]


def test_sentences_are_cut_by_the_plan() -> None:
    plan = pipeline.plan_text("Hello, Anna! Where do you live?")
    made = pipeline.animate(plan, fps=10)
    clips = cut(made, "sentence", plan=plan)
    assert [c.name for c in clips] == ["1_hello_anna", "2_where_do_you_live"]
    assert clips[0].first == 0 and clips[0].last == clips[1].first and clips[1].last == made.num_frames - 1
    data = json.loads(events(made, clips, plan=plan, media="a.glb"))
    assert [len(c["events"]) for c in data["clips"]] == [sum(a.sentence == k for a in plan.actions) for k in (0, 1)]
    assert data["clips"][1]["events"][0]["handshape"] and data["clips"][1]["events"][0]["sentence"] == 1
    for c in data["clips"]:
        assert all(0.0 <= e["start"] <= e["hold"] <= e["end"] <= c["duration"] for e in c["events"])


def test_events_count_from_their_clip() -> None:
    made = motion(SIGNS)
    data = json.loads(events(made, cut(made, "sign"), media="x.fbx"))
    assert (data["format"], data["version"], data["media"], data["frames"], data["duration"]) == ("signgen-events", 1, "x.fbx", 61, 2.0)
    assert [c["events"][0]["gloss"] for c in data["clips"]] == ["HELLO", "BOOK", "HELLO"]
    last = data["clips"][2]["events"][0]
    assert (last["start"], last["end"], last["first_frame"], last["last_frame"]) == (0.0, 0.6, 0, 18)
    whole = json.loads(events(made, cut(made)))
    assert [e["start"] for e in whole["clips"][0]["events"]] == [0.2, 0.7, 1.2]


def test_what_cannot_be_cut_is_said() -> None:
    for how, words in (("word", "clips 'word': unknown"), ("sign", "no signs"), ("sentence", "comes without one")):
        with pytest.raises(InputError, match=words):
            cut(motion(()), how)
