"""What the classifier reads can be seen: mood of face and tempo, stress, gestures; with readings written by hand, and with the real models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence, dump_plan, parse_plan
from signgen_core.face import FACE_INDEX
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.planner import Planner, Reading
from signgen_core.text import analyse
from signgen_core.text.classifier import SHIPPED
from signgen_core.text.reader import Reader, load_reader


def reading(**best: tuple[str, float]) -> Reading:
    """One label a head with its probability; what is left goes to `neutral` (or to the first other label)."""
    out = {}
    for head, (label, p) in best.items():
        rest = "neutral" if label != "neutral" else "positive" if head == "emotion" else "information"
        out[head] = {label: p, rest: 1.0 - p}
    return out


def plan(text: str, gestures: str = "none", **best: tuple[str, float]) -> ActionSequence:
    sentences = analyse(text, load_lexicon())
    planner = Planner(pipeline.synthesiser_for(), load_lexicon())
    return planner.plan(
        sentences, text=text, seed=0, handedness="right", tempo=1.0, readings=[reading(**best)] * len(sentences), gestures=gestures
    )


def face(made: ActionSequence, name: str) -> float:
    """The largest coefficient over the signs."""
    motion = pipeline.animate(made)
    first, last = round(made.actions[0].start * 30), round(made.actions[-1].end * 30)
    return float(motion.face[first:last, FACE_INDEX[name]].max())


def test_moods_show_on_the_face_as_strongly_as_they_are_sure() -> None:
    text = "I work at home."
    none = face(plan(text), "mouthSmileLeft")
    little, much = (face(plan(text, emotion=("positive", p)), "mouthSmileLeft") for p in (0.6, 0.95))
    assert none < little < much and much > 0.3
    sad, angry = plan(text, emotion=("negative", 0.95)), plan(text, emotion=("negative", 0.95), subject=("anger", 0.9))
    assert face(sad, "mouthFrownLeft") > 0.25 and face(sad, "browDownLeft") < 0.1
    assert face(angry, "browDownLeft") > 0.4 and face(angry, "mouthFrownLeft") < 0.1


def test_grammar_keeps_its_brows() -> None:
    """A question asked angrily: the brows stay up as grammar wants them, the mouth is angry."""
    asked = plan("Do you work here?", emotion=("negative", 0.95), subject=("anger", 0.9))
    motion = pipeline.animate(asked)
    middle = round(0.5 * (asked.actions[0].start + asked.actions[-1].end) * 30)
    assert motion.face[middle, FACE_INDEX["browOuterUpLeft"]] > 0.6 and motion.face[middle, FACE_INDEX["browDownLeft"]] < 0.1
    assert motion.face[middle, FACE_INDEX["mouthPressLeft"]] > 0.2


def test_moods_quicken_and_slow() -> None:
    text = "I work at home today."
    plain, glad, sad = plan(text), plan(text, emotion=("positive", 0.95)), plan(text, emotion=("negative", 0.95))
    length = [p.actions[-1].end - p.actions[0].start for p in (glad, plain, sad)]
    assert length[0] < length[1] < length[2]
    assert 1.03 < length[1] / length[0] < 1.09 and 0.88 < length[1] / length[2] < 0.97


def test_unsure_readings_are_not_seen() -> None:
    unsure = plan("I work at home.", gestures="with", emotion=("positive", 0.45), subject=("anger", 0.4), gesture=("wave", 0.3))
    (sentence,) = unsure.sentences
    assert (sentence.emotion, sentence.subject, sentence.gesture) == ("neutral",) * 3
    assert [a.gloss_id for a in unsure.actions] == [a.gloss_id for a in plan("I work at home.").actions]
    assert sentence.probabilities["emotion"] == {"positive": 0.45, "neutral": 0.55}


def test_subjects_stress_the_last_sign_of_content() -> None:
    calm, praised = plan("You write well."), plan("You write well.", subject=("praise", 0.9))
    stressed = [k for k, a in enumerate(praised.actions) if a.emphasis != "none"]
    assert len(stressed) == 1 and not any(a.emphasis != "none" for a in calm.actions)
    k = stressed[0]
    assert praised.actions[k].emphasis == "strong" and praised.actions[k].kind == "lexical" and "stressed: praise" in praised.actions[k].why
    assert praised.actions[k].duration == pytest.approx(1.15 * calm.actions[k].duration, abs=2e-3)
    assert all(a.kind != "lexical" or a.gloss_id.startswith(("IX-", "POSS-")) for a in praised.actions[k + 1 :])


def test_gestures_stand_alone_or_after_the_signs() -> None:
    only = plan("Goodbye, see you. I work.", gestures="only", gesture=("wave", 0.9))
    assert [a.gloss_id for a in only.actions] == ["g-WAVE"] * len(only.sentences) and {a.kind for a in only.actions} == {"gesture"}
    alone = plan("I work.", gestures="only")
    assert [a.gloss_id for a in alone.actions] == ["g-NEUTRAL"]
    both = plan("Goodbye. I work.", gestures="with", gesture=("wave", 0.9))
    for index in range(len(both.sentences)):
        own = [a.gloss_id for a in both.actions if a.sentence == index]
        assert own[-1] == "g-WAVE" and own.count("g-WAVE") == 1 and len(own) > 1
    assert plan("I work.", gestures="with").actions[-1].gloss_id != "g-NEUTRAL"
    moved = np.ptp(pipeline.joints(pipeline.animate(only))[:, 21], axis=0)
    assert moved.max() > 0.4, "the wrist rises to wave"


def test_a_wish_for_an_emotion_wins() -> None:
    made = plan("I work.", **{"emotion": ("negative", 0.9)})
    assert made.sentences[0].emotion == "negative"
    sentences = analyse("I work.", load_lexicon())
    planner = Planner(pipeline.synthesiser_for(), load_lexicon())
    wished = planner.plan(sentences, text="", seed=0, handedness="right", tempo=1.0, readings=[reading(emotion=("negative", 0.9))], emotion="positive")
    assert wished.sentences[0].emotion == "positive" and wished.sentences[0].intensity == 1.0


def test_an_edit_of_the_mood_is_seen_and_read_back() -> None:
    made = plan("I work at home.", emotion=("positive", 0.8), subject=("praise", 0.9), gesture=("thumbsup", 0.7))
    again = parse_plan(dump_plan(made))
    assert again.sentences == made.sentences and dump_plan(again) == dump_plan(made)
    gloomy = replace(made, sentences=tuple(replace(s, emotion="negative", intensity=1.0) for s in made.sentences))
    assert face(gloomy, "mouthFrownLeft") > 0.3 > face(made, "mouthFrownLeft")


needs_models = pytest.mark.skipif(not SHIPPED.is_dir(), reason="no classifier is shipped")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader()


@needs_models
def test_unmarked_questions_get_their_mark(reader: Reader) -> None:
    """Speech recognition writes no question marks; marks that are there are never changed."""
    assert reader.with_question_marks("where do you live").strip().endswith("?")
    for text in ("I live here.", "You live here!", "Where is it?", "my brother lives in the city"):
        assert "?" not in reader.with_question_marks(text).replace("Where is it?", "")


@needs_models
def test_real_readings_reach_plan_and_motion(reader: Reader) -> None:
    made = pipeline.plan_text("Thank you so much for your help! I am very sad, my dog died.", reader=reader)
    thanks, loss = made.sentences[0], made.sentences[-1]
    assert thanks.subject == "gratitude" and thanks.emotion == "positive" and loss.emotion == "negative"
    assert {head: len(p) for head, p in thanks.probabilities.items()} == {"subject": 16, "gesture": 12, "emotion": 3, "type": 6}
    assert face(made, "mouthSmileLeft") > 0.2
    assert dump_plan(pipeline.plan_text("Thank you.", reader=reader)) == dump_plan(pipeline.plan_text("Thank you.", reader=reader))
