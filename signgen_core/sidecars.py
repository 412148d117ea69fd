"""What stands beside a clip: who signs what when, as subtitles (SRT, WebVTT), as an ELAN file and as JSON. The formats: docs/formats/sidecars.md.

Times are seconds of the motion; a frame t of the video stands at t / fps. The same clip gives the same text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from .action import ActionSequence
from .errors import InputError
from .motion import Motion

TIMING_VERSION = 1
_MIME = {".mp4": "video/mp4", ".webm": "video/webm", ".gif": "image/gif"}
# XML 1.0, section 2.2: everything but these may stand in a document
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DATE = "1970-01-01T00:00:00+00:00"  # the schema wants a date; a real one would make every run another file


@dataclass(frozen=True)
class TimedSign:
    """A sign in seconds. hold: when its handshape is read. sentence: index into `Timing.sentences`, None where none is known.

    marks: the tiers that belong to a sign, tier name -> value (`Words`, `Kind`, `Handshape`, `Other handshape`, `Face`, `Head`, `Gaze`, `Torso`, `Mouthing`).
    """

    gloss: str
    start: float
    end: float
    hold: float
    sentence: int | None = None
    marks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TimedSentence:
    """A sentence of the text; start and end in seconds, None where nothing of it is signed."""

    text: str
    type: str = ""
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Timing:
    """All that a sidecar says. frames: of the video; languages as ISO 639-3 or -1 codes."""

    fps: float
    frames: int
    signs: tuple[TimedSign, ...] = ()
    sentences: tuple[TimedSentence, ...] = ()
    spoken_language: str = "en"
    sign_language: str = "ase"

    @property
    def duration(self) -> float:
        """Seconds that the video lasts: frames / fps."""
        return self.frames / self.fps

    def sign_at(self, time: float) -> TimedSign | None:
        """The sign that is made at `time` seconds; in the way to the next one, still the one before."""
        last = None
        for sign in self.signs:
            if sign.start <= time:
                last = sign
        if last is None or time > last.end and last is self.signs[-1]:
            return None
        return last

    def sentence_at(self, time: float) -> TimedSentence | None:
        """The sentence that is signed at `time` seconds."""
        return next((s for s in self.sentences if s.start is not None and s.end is not None and s.start <= time <= s.end), None)


def timing(motion: Motion, plan: ActionSequence | None = None, frames: int | None = None) -> Timing:
    """The timing of a motion, with words, face and sentences where the plan behind it is given.

    frames: of the video, where it is longer than the motion. Raises InputError where plan and motion have not the same signs.
    """
    count = motion.num_frames if frames is None else frames
    if plan is None:
        signs = tuple(TimedSign(s.gloss_id, s.start, s.end, s.hold) for s in motion.segments)
        text = str(motion.meta.get("text") or "").strip()
        if not text:
            return Timing(motion.fps, count, signs)
        span = (signs[0].start, signs[-1].end) if signs else (0.0, motion.duration)
        return Timing(motion.fps, count, signs, (TimedSentence(text, "", *span),))
    if [a.gloss_id for a in plan.actions] != [s.gloss_id for s in motion.segments]:
        raise InputError(f"timing: the plan has {len(plan.actions)} actions, the motion {len(motion.segments)} segments, and they are not the same signs")
    known = len(plan.sentences)
    made = tuple(
        TimedSign(s.gloss_id, s.start, s.end, s.hold, a.sentence if a.sentence < known else None, _marks(a))
        for a, s in zip(plan.actions, motion.segments, strict=True)
    )
    sentences = []
    for k, sentence in enumerate(plan.sentences):
        own = [s for s in made if s.sentence == k]
        sentences.append(
            TimedSentence(sentence.text, sentence.type, min((s.start for s in own), default=None), max((s.end for s in own), default=None))
        )
    return Timing(motion.fps, count, made, tuple(sentences), plan.spoken_language, plan.sign_language)


def _marks(action: Any) -> tuple[tuple[str, str], ...]:
    face = action.non_manual_markers
    other = next((m.nondominant_handshape for m in action.phonology if getattr(m, "nondominant_handshape", None)), "")
    found = {
        "Words": " ".join(action.words), "Kind": action.kind, "Handshape": action.handshape, "Other handshape": other,
        "Face": face.facial_expression, "Head": face.head_movement, "Gaze": face.eye_gaze, "Torso": face.torso, "Mouthing": face.mouthing,
    }  # fmt: skip
    return tuple((name, value) for name, value in found.items() if value and value != "none")


# --- Subtitles ---------------------------------------------------------------------------------------------------------------


def _cues(clip: Timing) -> list[tuple[float, float, str, list[TimedSign]]]:
    """(start, end, text, signs) of each sentence; of each sign where there are no sentences. Never overlapping, never empty in time."""
    cues = []
    for k, sentence in enumerate(clip.sentences):
        if sentence.start is not None and sentence.end is not None:
            own = [s for s in clip.signs if s.sentence == k or s.sentence is None and len(clip.sentences) == 1]
            cues.append((sentence.start, sentence.end, sentence.text, own))
    if not clip.sentences:
        cues = [(s.start, s.end, "", [s]) for s in clip.signs]
    spans = _apart([cue[:2] for cue in cues])
    kept = [(*span, text, signs) for span, (_, _, text, signs) in zip(spans, cues, strict=True) if span is not None]
    return sorted(kept, key=lambda cue: cue[0])


def _apart(spans: list[tuple[float, float]]) -> list[tuple[float, float] | None]:
    """The same spans, each ending no later than the next one starts, as subtitles and tiers want them; None where no millisecond is left."""
    order = sorted(range(len(spans)), key=lambda k: spans[k])
    apart: list[tuple[float, float] | None] = [None] * len(spans)
    for place, k in enumerate(order):
        start, end = spans[k]
        if place + 1 < len(order):
            end = min(end, spans[order[place + 1]][0])
        if _millis(end) > _millis(start):
            apart[k] = (start, end)
    return apart


def to_srt(clip: Timing) -> str:
    """SubRip: a cue per sentence, its text and below that its glosses; where no sentence is known a cue per sign. Empty without any of them."""
    blocks = []
    for number, (start, end, text, signs) in enumerate(_cues(clip), 1):
        lines = [_one_line(text), _one_line(" ".join(s.gloss for s in signs))]
        body = "\n".join(line for line in lines if line)
        blocks.append(f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{body}\n")
    return "\n".join(blocks)


def to_vtt(clip: Timing) -> str:
    """WebVTT: the cues of `to_srt`, in which each gloss carries its own start, so that a player can light up the sign that is being made."""
    blocks = ["WEBVTT\n"]
    for number, (start, end, text, signs) in enumerate(_cues(clip), 1):
        # a time stamp inside a cue has to lie strictly inside it, and after the one before
        glosses, last = [], _millis(start)
        for sign in signs:
            stamp = ""
            if last < _millis(sign.start) < _millis(end):
                stamp, last = f"<{_clock(sign.start, '.')}>", _millis(sign.start)
            glosses.append(f"{stamp}<c.gloss>{_escaped(sign.gloss)}</c>")
        body = "\n".join(line for line in (_escaped(_one_line(text)), " ".join(glosses)) if line)
        blocks.append(f"{number}\n{_clock(start, '.')} --> {_clock(end, '.')}\n{body}\n")
    return "\n".join(blocks)


def _millis(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _clock(seconds: float, point: str) -> str:
    total = _millis(seconds)
    return f"{total // 3600000:02d}:{total // 60000 % 60:02d}:{total // 1000 % 60:02d}{point}{total % 1000:03d}"


def _one_line(text: str) -> str:
    # an arrow would be read as the time line of a cue, a blank line as its end
    return " ".join(_NOT_XML.sub("\ufffd", text).split()).replace("-->", "->")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- JSON --------------------------------------------------------------------------------------------------------------------


def to_json(clip: Timing, media: str = "") -> str:
    """The timing as JSON (docs/formats/sidecars.md): times in seconds and, for signs, frames. media: file name of the video."""
    def frame(time: float) -> int:
        return min(max(round(time * clip.fps), 0), clip.frames - 1)

    data = {
        "format": "signgen-timing", "version": TIMING_VERSION, "media": media, "fps": clip.fps, "frames": clip.frames,
        "duration": round(clip.duration, 6), "spoken_language": clip.spoken_language, "sign_language": clip.sign_language,
        "sentences": [{"text": s.text, "type": s.type, "start": _rounded(s.start), "end": _rounded(s.end)} for s in clip.sentences],
        "signs": [
            {
                "gloss": s.gloss, "start": _rounded(s.start), "end": _rounded(s.end), "hold": _rounded(s.hold), "first_frame": frame(s.start),
                "last_frame": frame(s.end), "sentence": s.sentence, **{name.lower().replace(" ", "_"): value for name, value in s.marks},
            }
            for s in clip.signs
        ],
    }  # fmt: skip
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def _rounded(time: float | None) -> float | None:
    return None if time is None else round(time, 6)


# --- ELAN --------------------------------------------------------------------------------------------------------------------


def to_eaf(clip: Timing, media: str = "") -> str:
    """An ELAN document, EAF 3.0: tiers `Sentence` and `Gloss` on the time line, and below `Gloss` one tier per mark that occurs.

    media: file name of the video beside the document; empty for none. Format: "ELAN Annotation Format (EAF) v3.0", The Language Archive, MPI Nijmegen.
    """
    document = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "SignGen", "DATE": _DATE, "FORMAT": "3.0", "VERSION": "3.0", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )  # fmt: skip
    header = ElementTree.SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media:
        suffix = media[media.rfind(".") :].lower()
        url = f"./{media}"
        ElementTree.SubElement(
            header, "MEDIA_DESCRIPTOR", {"MEDIA_URL": url, "MIME_TYPE": _MIME.get(suffix, "unknown"), "RELATIVE_MEDIA_URL": url}
        )
    order = ElementTree.SubElement(document, "TIME_ORDER")
    slots: list[tuple[int, str]] = []
    annotations = 0

    def slot(time: float) -> str:
        slots.append((_millis(time), f"ts{len(slots) + 1}"))
        return slots[-1][1]

    def annotate(tier: ElementTree.Element, value: str, *, span: tuple[float, float] | None = None, of: str = "") -> str:
        nonlocal annotations
        annotations += 1
        name = f"a{annotations}"
        place = ElementTree.SubElement(tier, "ANNOTATION")
        if span is not None:
            made = ElementTree.SubElement(
                place, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": name, "TIME_SLOT_REF1": slot(span[0]), "TIME_SLOT_REF2": slot(span[1])}
            )
        else:
            made = ElementTree.SubElement(place, "REF_ANNOTATION", {"ANNOTATION_ID": name, "ANNOTATION_REF": of})
        ElementTree.SubElement(made, "ANNOTATION_VALUE").text = _NOT_XML.sub("\ufffd", value)
        return name

    def tier(name: str, kind: str, language: str, parent: str = "") -> ElementTree.Element:
        facts = {"LANG_REF": language, "LINGUISTIC_TYPE_REF": kind, "TIER_ID": name}
        return ElementTree.SubElement(document, "TIER", facts | ({"PARENT_REF": parent} if parent else {}))

    sentences = tier("Sentence", "sentence", clip.spoken_language)
    timed = [(s.text, (s.start, s.end)) for s in clip.sentences if s.start is not None and s.end is not None]
    for (text, _), span in zip(timed, _apart([span for _, span in timed]), strict=True):
        if span is not None:
            annotate(sentences, text, span=span)
    glosses = tier("Gloss", "gloss", clip.sign_language)
    names = {}
    for sign, span in zip(clip.signs, _apart([(s.start, s.end) for s in clip.signs]), strict=True):
        if span is not None:
            names[id(sign)] = annotate(glosses, sign.gloss, span=span)
    for mark in dict.fromkeys(name for s in clip.signs for name, _ in s.marks):
        below = tier(mark, "mark", clip.spoken_language if mark in ("Words", "Mouthing") else clip.sign_language, "Gloss")
        for sign in clip.signs:
            value = dict(sign.marks).get(mark)
            if value is not None and id(sign) in names:
                annotate(below, value, of=names[id(sign)])
    for time, name in sorted(slots, key=lambda s: (s[0], int(s[1][2:]))):
        ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": name, "TIME_VALUE": str(time)})
    last = ElementTree.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"})
    last.text = str(annotations)
    for kind in ("sentence", "gloss"):
        ElementTree.SubElement(document, "LINGUISTIC_TYPE", {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": kind, "TIME_ALIGNABLE": "true"})
    ElementTree.SubElement(
        document, "LINGUISTIC_TYPE",
        {"CONSTRAINTS": "Symbolic_Association", "GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "mark", "TIME_ALIGNABLE": "false"},
    )  # fmt: skip
    for language in dict.fromkeys((clip.spoken_language, clip.sign_language)):
        ElementTree.SubElement(document, "LANGUAGE", {"LANG_ID": language, "LANG_LABEL": language})
    ElementTree.SubElement(
        document, "CONSTRAINT", {"DESCRIPTION": "1-1 association with a parent annotation", "STEREOTYPE": "Symbolic_Association"}
    )
    ElementTree.indent(document, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(document, encoding="unicode") + "\n"
