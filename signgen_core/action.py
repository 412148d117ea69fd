"""ActionSequence: the editable JSON between text and motion.

Each action carries the six fields that Deaf users and interpreters voted for (gloss, handshape, trajectory, duration, non-manual
markers, emphasis; arXiv 2506.14677, 2025, "Human-Centered Editable Speech-to-Sign-Language Generation"), its phonology, and where it
comes from. Times are seconds, so that any frame rate is a resampling. The format is described in docs/formats/plan.md and in
presets/schemas/.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import InputError, LexiconError, PlanError
from .phonology.features import Phonology, phonology_from_json, phonology_to_json
from .schema import EMPHASES, PLAN_VERSION, UI_KEYS, plan_schema, validate

__all__ = ["ActionSequence", "NonManualMarkers", "SentenceInfo", "SignAction", "TrajectoryPoint", "read_plan", "plan_from_json", "plan_to_json", "EMPHASES"]


@dataclass(frozen=True)
class TrajectoryPoint:
    """A place of the dominant wrist, metres in core axes, `t_offset` seconds after the action's start."""

    x: float
    y: float
    z: float
    t_offset: float


@dataclass(frozen=True)
class NonManualMarkers:
    """Face, head, gaze and trunk of one action; values are listed in `text.types`."""

    facial_expression: str = "neutral"
    head_movement: str = "none"
    eye_gaze: str = "viewer"
    mouthing: str = ""
    torso: str = "none"


@dataclass(frozen=True)
class SignAction:
    """One sign on the time line. `start` and `duration` bound the sign proper, from its first to its last hold, in seconds."""

    gloss_id: str
    phonology: tuple[Phonology, ...]
    duration: float
    start: float
    finger_config: dict[str, float] = field(default_factory=dict)
    trajectory: tuple[TrajectoryPoint, ...] = ()
    non_manual_markers: NonManualMarkers = NonManualMarkers()
    emphasis: str = "none"
    pause_after: float = 0.0
    kind: str = "lexical"
    words: tuple[str, ...] = ()
    why: str = ""
    confidence: float = 1.0
    sentence: int = 0
    provenance: dict[str, Any] = field(default_factory=dict)
    ui: dict[str, Any] = field(default_factory=dict)

    @property
    def handshape(self) -> str:
        """The dominant handshape at the first hold."""
        return self.phonology[0].handshape

    @property
    def end(self) -> float:
        return self.start + self.duration

    @property
    def trajectory_is_edited(self) -> bool:
        """True when the listed trajectory is not the one that the planner wrote; only then does it replace the phonology's path."""
        return bool(self.trajectory) and self.provenance.get("trajectory") != trajectory_digest(self.trajectory)


@dataclass(frozen=True)
class SentenceInfo:
    """A sentence of the text: its type chooses the grammar of the face; `dropped` lists (word, why) that ASL does not sign.

    emotion sets the affect of the face under that grammar, as strongly as `intensity` (0 to 1) says; subject and gesture are what else the classifier
    found, and probabilities its calibrated numbers, head -> label -> probability; empty where nobody asked it.
    """

    text: str
    type: str = "statement"
    negated: bool = False
    dropped: tuple[tuple[str, str], ...] = ()
    emotion: str = "neutral"
    intensity: float = 1.0
    subject: str = "neutral"
    gesture: str = "neutral"
    probabilities: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ActionSequence:
    """A whole utterance. `seed` decides every random choice; the same sequence and seed give the same motion."""

    actions: tuple[SignAction, ...]
    text: str = ""
    seed: int = 0
    handedness: str = "right"
    tempo: float = 1.0
    generator: str = "phonology"
    sentences: tuple[SentenceInfo, ...] = ()
    spoken_language: str = "en"
    sign_language: str = "ase"
    ui: dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> float:
        """Seconds at which the last hold is over."""
        return max(a.end + a.pause_after for a in self.actions)


def trajectory_digest(points: tuple[TrajectoryPoint, ...]) -> str:
    """A short fingerprint of a trajectory as it stands in the file."""
    text = json.dumps([[p.x, p.y, p.z, p.t_offset] for p in points])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def plan_to_json(plan: ActionSequence) -> dict[str, Any]:
    """The JSON object of a plan; inverse of `plan_from_json`."""
    return {
        "version": PLAN_VERSION,
        "text": plan.text,
        "spoken_language": plan.spoken_language,
        "sign_language": plan.sign_language,
        "seed": plan.seed,
        "handedness": plan.handedness,
        "tempo": plan.tempo,
        "generator": plan.generator,
        "sentences": [
            {
                "text": s.text, "type": s.type, "negated": s.negated, "emotion": s.emotion, "intensity": s.intensity, "subject": s.subject,
                "gesture": s.gesture, "dropped": [list(pair) for pair in s.dropped],
                **({"probabilities": s.probabilities} if s.probabilities else {}),
            }
            for s in plan.sentences
        ],
        "actions": [_action_to_json(a) for a in plan.actions],
        **plan.ui,
    }


def dump_plan(plan: ActionSequence, *, one_line: bool = False) -> str:
    """The plan as JSON text: indented for people, or on one line for jsonl."""
    return json.dumps(plan_to_json(plan), ensure_ascii=False, allow_nan=False, indent=None if one_line else 2) + ("" if one_line else "\n")


def _action_to_json(action: SignAction) -> dict[str, Any]:
    morphemes = [phonology_to_json(m) for m in action.phonology]
    morphemes[0].pop("handshape")  # it stands in handshape.type, and one fact has one place
    markers = action.non_manual_markers
    # what a hand-written plan leaves open stays open until `pipeline.complete` has filled it in
    open_form = bool(action.provenance.get("needs_phonology"))
    return {
        "gloss_id": action.gloss_id,
        "kind": action.kind,
        "words": list(action.words),
        "why": action.why,
        "confidence": action.confidence,
        "sentence": action.sentence,
        **({"start": action.start} if action.start >= 0.0 else {}),
        "duration": action.duration,
        "pause_after": action.pause_after,
        "handshape": {"type": action.handshape, "finger_config": dict(action.finger_config)},
        "trajectory": [{"x": p.x, "y": p.y, "z": p.z, "t_offset": p.t_offset} for p in action.trajectory],
        "non_manual_markers": {
            "facial_expression": markers.facial_expression,
            "head_movement": markers.head_movement,
            "eye_gaze": markers.eye_gaze,
            "torso": markers.torso,
            "mouthing": markers.mouthing,
        },
        "emphasis": action.emphasis,
        **({} if open_form else {"phonology": morphemes}),
        "provenance": {key: value for key, value in action.provenance.items() if key != "needs_phonology"},
        **action.ui,
    }


def read_plan(path: str | Path) -> ActionSequence:
    """Reads and checks a plan file. Raises PlanError with file, JSON path and problem; InputError when there is no such file."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise PlanError("plan", f"not UTF-8 text: {problem.reason} at byte {problem.start}", str(path)) from problem
    return parse_plan(text, source=str(path))


def parse_plan(text: str, source: str | None = None) -> ActionSequence:
    """A plan from JSON text. Raises PlanError."""
    try:
        data = json.loads(text)  # Python reads NaN and Infinity too, so that the message can say where they stand
        _refuse_non_finite(data, "", source)
        # a lone half of a surrogate pair can be written in JSON but belongs to no text and could not be written again
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        raise PlanError("plan", f"holds \\u{ord(problem.object[problem.start]):04x}, half of a character", source) from None
    except ValueError as problem:
        raise PlanError("plan", f"not valid JSON: {problem}", source) from problem
    except RecursionError:
        raise PlanError("plan", "not valid JSON: nested too deeply", source) from None
    return plan_from_json(data, source)


def _refuse_non_finite(value: Any, path: str, source: str | None) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise PlanError(path or "plan", f"{value} is not a finite number", source)
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_non_finite(item, f"{path}.{key}" if path else key, source)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _refuse_non_finite(item, f"{path}[{i}]", source)


def plan_from_json(data: Any, source: str | None = None) -> ActionSequence:
    """A plan from parsed JSON of this or an older version. Raises PlanError with the JSON path of the first fault."""
    if isinstance(data, list):
        data = upgrade_v0_to_v1(data, source)
    if isinstance(data, dict) and isinstance(data.get("version"), int) and data["version"] > PLAN_VERSION:
        raise PlanError("version", f"{data['version']} is newer than this program, which reads up to {PLAN_VERSION}", source)
    validate(data, _SCHEMA, "plan", source)
    sentences = tuple(
        SentenceInfo(**{**s, "dropped": tuple((w, y) for w, y in s.get("dropped", ())), "intensity": float(s.get("intensity", 1.0))})
        for s in data.get("sentences", ())
    )
    actions: list[SignAction] = []
    for i, raw in enumerate(data["actions"]):
        if sentences and raw.get("sentence", 0) >= len(sentences):
            raise PlanError(f"actions[{i}].sentence", f"there is no sentences[{raw['sentence']}]", source)
        actions.append(_action_from_json(raw, f"actions[{i}]", source))
    return ActionSequence(
        actions=tuple(actions),
        text=data.get("text", ""),
        seed=int(data.get("seed", 0)),
        handedness=data.get("handedness", "right"),
        tempo=float(data.get("tempo", 1.0)),
        generator=data.get("generator", "phonology"),
        sentences=sentences,
        spoken_language=data.get("spoken_language", "en"),
        sign_language=data.get("sign_language", "ase"),
        ui={key: data[key] for key in UI_KEYS if key in data},
    )


def _action_from_json(raw: dict[str, Any], path: str, source: str | None) -> SignAction:
    shape = raw["handshape"]["type"]
    morphemes: list[Phonology] = []
    # a plan written by hand may name a gloss alone; `pipeline.complete` then takes the form from the lexicon
    for k, data in enumerate(raw.get("phonology", ())):
        place = f"{path}.phonology[{k}]"
        if k == 0:
            if data.get("handshape", shape) != shape:
                raise PlanError(f"{place}.handshape", f"{data['handshape']!r} contradicts handshape.type {shape!r}", source)
            data = {**data, "handshape": shape}
        try:
            morphemes.append(phonology_from_json(data, place))
        except LexiconError as problem:
            where, _, what = str(problem).partition(": ")
            raise PlanError(where, what, source) from None
    points = tuple(TrajectoryPoint(float(p["x"]), float(p["y"]), float(p["z"]), float(p["t_offset"])) for p in raw.get("trajectory", ()))
    for k in range(1, len(points)):
        if points[k].t_offset <= points[k - 1].t_offset:
            raise PlanError(f"{path}.trajectory[{k}].t_offset", "is not later than the point before", source)
    return SignAction(
        gloss_id=raw["gloss_id"],
        phonology=tuple(morphemes) or (Phonology(handshape=shape),),
        duration=float(raw["duration"]),
        start=float(raw.get("start", -1.0)),
        finger_config={k: float(v) for k, v in raw["handshape"].get("finger_config", {}).items()},
        trajectory=points,
        non_manual_markers=NonManualMarkers(**raw.get("non_manual_markers", {})),
        emphasis=raw.get("emphasis", "none"),
        pause_after=float(raw.get("pause_after", 0.0)),
        kind=raw.get("kind", "lexical"),
        words=tuple(raw.get("words", ())),
        why=raw.get("why", ""),
        confidence=float(raw.get("confidence", 1.0)),
        sentence=int(raw.get("sentence", 0)),
        provenance={**raw.get("provenance", {}), **({} if raw.get("phonology") else {"needs_phonology": True})},
        ui={key: raw[key] for key in UI_KEYS if key in raw},
    )


def upgrade_v0_to_v1(segments: list[Any], source: str | None = None) -> dict[str, Any]:
    """Version 0 is the bare list of six-field segments as published: no version, no start times, free words for face and head.

    Segments follow each other; glosses with underscores become hyphenated; words outside our inventories become neutral. Raises PlanError.
    """
    if not segments:
        raise PlanError("plan", "holds no segments", source)
    faces = {"smile": "smile", "raised_brows": "brow_raise", "furrowed_brows": "brow_furrow"}
    heads = {"tilt_forward": "tilt_forward", "tilt_back": "tilt_back", "nod": "nod", "shake": "shake"}
    actions: list[dict[str, Any]] = []
    for i, segment in enumerate(segments):
        if not isinstance(segment, dict) or "gloss_id" not in segment:
            raise PlanError(f"[{i}]", "expected a segment object with gloss_id", source)
        marks = segment.get("non_manual_markers", {})
        if not isinstance(marks, dict):
            raise PlanError(f"[{i}].non_manual_markers", "expected an object", source)
        action = {key: value for key, value in segment.items() if key not in ("non_manual_markers", "gloss_id", "handshape")}
        shape = segment.get("handshape", {})
        action |= {
            "gloss_id": str(segment["gloss_id"]).replace("_", "-"),
            "handshape": {**shape, "type": str(shape.get("type", "")).lower()} if isinstance(shape, dict) else shape,
            "non_manual_markers": {
                "facial_expression": faces.get(str(marks.get("facial_expression", "")), "neutral"),
                "head_movement": heads.get(str(marks.get("head_movement", "")), "none"),
            },
        }
        actions.append(action)
    return {"version": 1, "actions": actions}


def moved(action: SignAction, seconds: float) -> SignAction:
    """The same action, later by `seconds`."""
    return replace(action, start=action.start + seconds)


def at_tempo(plan: ActionSequence, tempo: float) -> ActionSequence:
    """The same plan at another tempo: every time is scaled by the old tempo over the new one."""
    factor = plan.tempo / tempo
    if factor == 1.0:
        return plan
    actions = []
    for action in plan.actions:
        # a path that nobody edited is left to be written anew, since scaled times would look like an edit
        points = tuple(replace(p, t_offset=p.t_offset * factor) for p in action.trajectory) if action.trajectory_is_edited else ()
        duration = round(min(max(action.duration * factor, _MIN_DURATION), _MAX_SECONDS), 3)
        start = round(action.start * factor, 3) if action.start >= 0.0 else action.start
        pause = round(min(action.pause_after * factor, _MAX_SECONDS), 3)
        actions.append(replace(action, duration=duration, start=start, pause_after=pause, trajectory=points))
    return replace(plan, tempo=tempo, actions=tuple(actions))


def by_hand(plan: ActionSequence, handedness: str) -> ActionSequence:
    """The same plan for a signer of that handedness: phonology knows no sides, edited trajectories are mirrored."""
    if handedness == plan.handedness:
        return plan
    actions = []
    for action in plan.actions:
        points = tuple(replace(p, x=-p.x) for p in action.trajectory) if action.trajectory_is_edited else ()
        actions.append(replace(action, trajectory=points))
    return replace(plan, handedness=handedness, actions=tuple(actions))


_SCHEMA = plan_schema()
_MIN_DURATION, _MAX_SECONDS = (_SCHEMA["properties"]["actions"]["items"]["properties"]["duration"][word] for word in ("minimum", "maximum"))
