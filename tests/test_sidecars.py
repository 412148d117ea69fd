"""Subtitles, ELAN documents and JSON: what they say, and that their readers can read them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence
from signgen_core.errors import InputError
from signgen_core.motion import Motion, Segment
from signgen_core.sidecars import TimedSentence, TimedSign, Timing, timing, to_eaf, to_json, to_srt, to_vtt

CLOCK = r"(\d\d):(\d\d):(\d\d)%s(\d\d\d)"


@pytest.fixture(scope="module")
def signed() -> tuple[Motion, ActionSequence]:
    plan = pipeline.plan_text("My name is Anna. Do you like coffee?")
    return pipeline.animate(plan, fps=30.0), plan


def still(*segments: Segment, frames: int = 300, **meta: str) -> Motion:
    zeros = np.zeros((frames, 55, 3))
    return Motion(zeros, zeros[:, 0], np.zeros(10), np.zeros((frames, 10)), np.zeros((frames, 52)), 30.0, segments, dict(meta))


def seconds(found: tuple[str, ...]) -> float:
    hours, minutes, whole, millis = map(int, found)
    return 3600 * hours + 60 * minutes + whole + millis / 1000


def cues(text: str, point: str) -> list[tuple[float, float, str]]:
    """(start, end, body) of each cue, as a player reads the file: blocks apart by blank lines, each a number, a time line and text."""
    found = []
    for block in re.split(r"\n\n+", text.removeprefix("WEBVTT\n\n").strip()):
        number, clock, *body = block.split("\n")
        match = re.fullmatch(f"{CLOCK % point} --> {CLOCK % point}", clock)
        assert number == str(len(found) + 1) and match
        found.append((seconds(match.groups()[:4]), seconds(match.groups()[4:]), "\n".join(body)))
    return found


def test_srt_has_a_cue_per_sentence_at_the_times_of_its_signs(signed: tuple[Motion, ActionSequence]) -> None:
    motion, plan = signed
    found = cues(to_srt(timing(motion, plan)), ",")
    assert [body.split("\n")[0] for _, _, body in found] == ["My name is Anna.", "Do you like coffee?"]
    assert "fs-ANNA" in found[0][2].split("\n")[1] and "COFFEE" in found[1][2]
    first = [s for s, a in zip(motion.segments, plan.actions, strict=True) if a.sentence == 0]
    assert found[0][0] == pytest.approx(first[0].start, abs=6e-4) and found[0][1] == pytest.approx(first[-1].end, abs=6e-4)
    assert found[0][1] <= found[1][0] and found[1][1] <= motion.duration


def test_vtt_tells_when_each_sign_begins(signed: tuple[Motion, ActionSequence]) -> None:
    motion, plan = signed
    text = to_vtt(timing(motion, plan))
    assert text.startswith("WEBVTT\n\n1\n")
    found = cues(text, "[.]")
    stamps = []
    for start, end, body in found:
        inner = [seconds(m) for m in re.findall(f"<{CLOCK % '[.]'}>", body)]
        assert inner == sorted(set(inner)) and all(start < t < end for t in inner)
        stamps += [start, *inner]
    np.testing.assert_allclose(stamps, [s.start for s in motion.segments], atol=6e-4)
    assert [g for _, _, body in found for g in re.findall("<c.gloss>(.*?)</c>", body)] == [s.gloss_id for s in motion.segments]


def test_text_cannot_break_out_of_a_cue() -> None:
    clip = Timing(30.0, 90, (TimedSign("A<B", 0.5, 1.0, 0.7, 0),), (TimedSentence("a --> b\n\n2\n<i>&\x00", "", 0.5, 1.0),))
    srt = cues(to_srt(clip), ",")
    assert srt == [(0.5, 1.0, "a -> b 2 <i>&\ufffd\nA<B")]
    (_, _, body), = cues(to_vtt(clip), "[.]")
    assert body == "a -&gt; b 2 &lt;i&gt;&amp;\ufffd\n<c.gloss>A&lt;B</c>"


def test_a_motion_alone_gives_signs_or_nothing() -> None:
    motion = still(Segment("HELLO", 0.5, 1.5, 0.7), Segment("YOU", 1.2, 2.0, 1.4), Segment("GONE", 2.0, 2.0, 2.0))
    assert cues(to_srt(timing(motion)), ",") == [(0.5, 1.2, "HELLO"), (1.2, 2.0, "YOU")]
    assert cues(to_srt(timing(replace(motion, meta={"text": "Hello you."}))), ",") == [(0.5, 2.0, "Hello you.\nHELLO YOU GONE")]
    assert to_srt(timing(still())) == "" and to_vtt(timing(still())) == "WEBVTT\n"
    assert cues(to_srt(timing(still(text="Quiet."))), ",") == [(0.0, 9.967, "Quiet.")]


def test_hours_are_counted() -> None:
    clip = Timing(30.0, 120000, (TimedSign("LONG", 3599.9996, 3661.25, 3600.0),))
    assert cues(to_srt(clip), ",") == [(3600.0, 3661.25, "LONG")]


def test_a_plan_of_other_signs_is_refused(signed: tuple[Motion, ActionSequence]) -> None:
    with pytest.raises(InputError, match="not the same signs"):
        timing(still(Segment("HELLO", 0.5, 1.5, 0.7)), signed[1])


def test_json_gives_times_and_frames(signed: tuple[Motion, ActionSequence]) -> None:
    motion, plan = signed
    data = json.loads(to_json(timing(motion, plan), "clip.mp4"))
    assert (data["format"], data["version"], data["media"], data["fps"], data["frames"]) == ("signgen-timing", 1, "clip.mp4", 30.0, motion.num_frames)
    assert [s["type"] for s in data["sentences"]] == ["statement", "yes_no_question"]
    for sign, segment, action in zip(data["signs"], motion.segments, plan.actions, strict=True):
        assert sign["gloss"] == segment.gloss_id and sign["sentence"] == action.sentence and sign["handshape"] == action.handshape
        assert sign["first_frame"] == round(segment.start * 30) and sign["last_frame"] == round(segment.end * 30)
        assert sign["start"] <= sign["hold"] <= sign["end"]
    assert json.loads(to_json(timing(motion, plan, frames=999)))["frames"] == 999


def test_elan_document_holds_together(signed: tuple[Motion, ActionSequence]) -> None:
    """What the schema EAFv3.0 and ELAN itself ask for: order of elements, references, time slots, no overlap on a tier."""
    motion, plan = signed
    text = to_eaf(timing(motion, plan), "clip.webm")
    assert text == to_eaf(timing(motion, plan), "clip.webm")
    root = ElementTree.fromstring(text)
    assert root.tag == "ANNOTATION_DOCUMENT" and root.get("FORMAT") == "3.0"
    order = list(dict.fromkeys(child.tag for child in root))
    assert order == ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT"]
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None and media.get("MIME_TYPE") == "video/webm" and media.get("RELATIVE_MEDIA_URL") == "./clip.webm"
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE") or -1) for s in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values()) and len(slots) == len(list(root.iter("TIME_SLOT")))
    kinds = {t.get("LINGUISTIC_TYPE_ID"): t for t in root.iter("LINGUISTIC_TYPE")}
    tiers = {t.get("TIER_ID"): t for t in root.iter("TIER")}
    languages = {e.get("LANG_ID") for e in root.iter("LANGUAGE")}
    names: list[str | None] = []
    for tier in tiers.values():
        kind = kinds[tier.get("LINGUISTIC_TYPE_REF")]
        assert (tier.get("PARENT_REF") is not None) == (kind.get("TIME_ALIGNABLE") == "false") and tier.get("LANG_REF") in languages
        spans = [(slots[a.get("TIME_SLOT_REF1")], slots[a.get("TIME_SLOT_REF2")]) for a in tier.iter("ALIGNABLE_ANNOTATION")]
        assert all(a < b for a, b in spans) and all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
        names += [a.get("ANNOTATION_ID") for a in tier.iter() if a.get("ANNOTATION_ID")]
    assert len(names) == len(set(names))
    glosses = {a.get("ANNOTATION_ID"): a.findtext("ANNOTATION_VALUE") for a in tiers["Gloss"].iter("ALIGNABLE_ANNOTATION")}
    assert list(glosses.values()) == [s.gloss_id for s in motion.segments]
    assert {"Words", "Handshape", "Face", "Kind"} <= set(tiers) and tiers["Face"].get("PARENT_REF") == "Gloss"
    faces = {a.get("ANNOTATION_REF"): a.findtext("ANNOTATION_VALUE") for a in tiers["Face"].iter("REF_ANNOTATION")}
    assert set(faces) <= set(glosses) and faces[list(glosses)[-1]] == plan.actions[-1].non_manual_markers.facial_expression
    used = {a.get(f"TIME_SLOT_REF{k}") for a in root.iter("ALIGNABLE_ANNOTATION") for k in (1, 2)}
    assert used == set(slots)


def test_elan_document_of_signs_that_overlap_and_of_strange_text() -> None:
    clip = timing(still(Segment("A", 0.5, 1.5, 0.7), Segment("B", 1.0, 1.0, 1.0), Segment("C", 1.0, 2.0, 1.4), text="nul \x00, & <tag> \ud800"))
    root = ElementTree.fromstring(to_eaf(clip).encode())
    assert [a.findtext("ANNOTATION_VALUE") for a in root.iter("ALIGNABLE_ANNOTATION")] == ["nul \ufffd, & <tag> \ufffd", "A", "C"]
    assert root.find("HEADER/MEDIA_DESCRIPTOR") is None


def test_what_is_signed_at_a_time() -> None:
    clip = Timing(30.0, 90, (TimedSign("A", 0.5, 1.0, 0.7, 0), TimedSign("B", 1.5, 2.0, 1.7, 0)), (TimedSentence("a b", "", 0.5, 2.0),))
    assert [getattr(clip.sign_at(t), "gloss", None) for t in (0.0, 0.5, 1.2, 1.5, 2.0, 2.1)] == [None, "A", "A", "B", "B", None]
    assert clip.sentence_at(0.4) is None and clip.sentence_at(1.9) is clip.sentences[0]
