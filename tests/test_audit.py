"""The audit of signs: good ones pass, each kind of fault is found, and the same sign twice is told of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.audit import BOUNDS, report_of, reports, sign_motion, twins
from signgen_core.errors import LexiconError
from signgen_core.phonology.lexicon import Lexicon, dump_lexicon, entry_to_json, load_lexicon
from signgen_core.rig import INDEX
from signgen_core.text.types import GESTURES


def changed(gloss: str, **fields: object) -> Lexicon:
    """A lexicon with one sign whose first morpheme differs."""
    entry = load_lexicon().get(gloss)
    return Lexicon([replace(entry, morphemes=(replace(entry.morphemes[0], **fields), *entry.morphemes[1:]))])  # type: ignore[arg-type]


def test_good_signs_have_no_faults_in_one_process_or_several() -> None:
    names = ["MOTHER", "HELLO", "BOOK", "WHAT", "EAT", "IX-1", "RED", "FATHER", "GOOD", "SIGN", "WORK", "HELP", "HOME", "NAME", "WANT", "KNOW", "g-SHRUG"]
    alone = list(reports(names, workers=1))
    heard: list[float] = []
    assert [r.gloss_id for r in alone] == names and not [r.faults for r in alone if r.faults]
    assert [r.to_json() for r in reports(names, workers=2, progress=heard.append)] == [r.to_json() for r in alone]
    assert heard == sorted(heard) and heard[-1] == 1.0


@pytest.mark.parametrize(
    ("gloss", "fields", "words"),
    [
        ("MOTHER", {"location_offset": (0.0, 0.0, 0.9)}, "contact misses"),
        ("MOTHER", {"location_offset": (0.0, 0.0, 0.03)}, "contact misses"),  # lifted off the skin
        ("GOODBYE", {"palm": "back", "fingers": "down+out", "location_offset": (0.2, 0.5, -0.2)}, "cannot turn"),
    ],
)
def test_faults_are_found(gloss: str, fields: dict[str, object], words: str) -> None:
    report = report_of(gloss, changed(gloss, **fields))
    assert report.faults and any(words in f for f in report.faults), report


def test_a_sign_that_cannot_be_made_is_a_report() -> None:
    report = report_of("MOTHER", changed("MOTHER", contact_point="third_elbow"))
    assert report.error and report.faults == [report.error]
    assert json.loads(json.dumps(report.to_json()))["contact_mm"] is None
    with pytest.raises(LexiconError, match="unknown gloss"):
        sign_motion("NO-SUCH-SIGN")


def test_bounds_name_fields_of_the_report() -> None:
    assert set(BOUNDS) <= set(report_of("HELLO").to_json())


def test_twins_are_found_and_a_face_tells_them_apart() -> None:
    entry = load_lexicon().get("HELLO")
    m = entry.morphemes[0]
    near = replace(entry, gloss_id="NEAR", morphemes=(replace(m, location_offset=tuple(v + 0.001 for v in m.location_offset)),))  # type: ignore[arg-type]
    other = replace(near, gloss_id="OTHER", non_manual_markers={"mouthing": "other"})
    apart = replace(entry, gloss_id="APART", morphemes=(replace(m, handshape="5"),))
    assert twins([entry, near, other, apart]) == [("HELLO", "NEAR")]


def test_reports_of_a_folder(tmp_path: Path) -> None:
    entry = load_lexicon().get("HELLO")
    (tmp_path / "own.json").write_text(dump_lexicon({"MY-OWN": entry_to_json(entry)}), encoding="utf-8")
    (report,) = reports(["MY-OWN"], folder=tmp_path)
    assert report.gloss_id == "MY-OWN" and not report.faults


@pytest.mark.parametrize("gesture", GESTURES)
def test_every_gesture_of_the_classifier_is_a_motion(gesture: str) -> None:
    plan, motion = sign_motion(f"g-{gesture.upper()}")
    assert plan.actions[0].kind == "gesture"
    report = report_of(f"g-{gesture.upper()}")
    assert not report.faults
    rows = slice(round(plan.actions[0].start * 30), round(plan.actions[0].end * 30))
    arms = motion.poses[rows][:, [INDEX["right_shoulder"], INDEX["right_elbow"]]]
    head = np.ptp(motion.poses[rows][:, INDEX["head"]], axis=0)
    still = motion.poses[0, [INDEX["right_shoulder"], INDEX["right_elbow"]]]
    raised = float(np.abs(arms - still).max())
    if gesture in ("nod", "shakehead", "neutral"):
        assert raised < 0.5, "the hands rest"
        axis = {"nod": 0, "shakehead": 1}.get(gesture)
        assert axis is None or head[axis] > np.radians(4.0)
    else:
        assert raised > 0.5


def test_a_shrug_raises_both_shoulders() -> None:
    plan, motion = sign_motion("g-SHRUG")
    joints = pipeline.joints(motion)
    middle = round(0.5 * (plan.actions[0].start + plan.actions[0].end) * 30)
    for side in ("left", "right"):
        rise = joints[middle, INDEX[f"{side}_shoulder"], 1] - joints[0, INDEX[f"{side}_shoulder"], 1]
        assert 0.02 < rise < 0.08
