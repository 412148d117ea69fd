"""Face, head, gaze and the small movements of a living body, as tracks that span words.

Every track is a function of the plan and of absolute time; what is random hangs on the seed and on a fixed time slot, so that an edit in one
place leaves the blinks and breaths of every other place as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..action import ActionSequence, SentenceInfo, SignAction
from ..face import FACE_INDEX, NUM_FACE
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..kinematics.spline import minimum_jerk, rise_and_fall
from ..presets import read_preset
from ..rig import INDEX, NUM_JOINTS

_BLINK_SLOT_SECONDS = 3.4
_FAR_SECONDS = 2.0


@dataclass(frozen=True)
class Span:
    """Neighbouring actions of one sentence that carry the same value: start and end in seconds."""

    value: str
    start: float
    end: float


@dataclass(frozen=True)
class Posture:
    """Axis-angle poses (T, 55, 3) of trunk, head and eyes with everything else at rest, face coefficients (T, 52), and by how many radians
    the shoulders are raised (T,); the arms carry that out, since they know what else their collars do."""

    poses: np.ndarray
    face: np.ndarray
    lift: np.ndarray


@lru_cache(maxsize=1)
def _presets() -> dict[str, Any]:
    return read_preset("nonmanuals", "ase.json")


def spans(plan: ActionSequence, field: str) -> list[Span]:
    """The spans of one marker field; a span ends with its last action's hold."""
    out: list[Span] = []
    previous: SignAction | None = None
    for action in plan.actions:
        value = getattr(action.non_manual_markers, field)
        end = action.end + action.pause_after
        if previous is not None and out and out[-1].value == value and previous.sentence == action.sentence and value:
            out[-1] = Span(value, out[-1].start, end)
        else:
            out.append(Span(value, action.start, end))
        previous = action
    return out


def mood_of(sentence: SentenceInfo) -> tuple[dict[str, Any], float]:
    """The preset mood of a sentence and its strength from 0 to 1; an empty mood for a neutral one.

    The emotion says whether there is a mood at all, the subject may say which: anger is another face than sympathy.
    """
    data = _presets()["affect"]
    name = data["of_emotion"][sentence.emotion]
    if name:
        name = data["of_subject"].get(sentence.subject, name)
    return (data["moods"][name], sentence.intensity) if name else ({}, 0.0)


def tempo_of(sentence: SentenceInfo) -> float:
    """By how much a sentence's mood quickens (above 1) or slows it."""
    mood, strength = mood_of(sentence)
    return 1.0 + strength * (mood.get("tempo", 1.0) - 1.0)


def around(plan: ActionSequence, start: float, end: float) -> ActionSequence:
    """The plan without the sentences that lie too far from [start, end] (seconds) to be seen there: no marker outlasts its sentence by `_FAR_SECONDS`.
    The plan itself where there is none to leave out."""
    near = {a.sentence for a in plan.actions if a.start - _FAR_SECONDS < end and a.end + a.pause_after + _FAR_SECONDS > start}
    kept = tuple(a for a in plan.actions if a.sentence in near)
    return plan if len(kept) == len(plan.actions) or not kept else replace(plan, actions=kept)


def posture(plan: ActionSequence, times: np.ndarray, *, alive: bool = True) -> Posture:
    """Trunk, head, gaze and face at `times` (T,) seconds, in order. Without `alive` there is no breath, no sway and no blink but at the ends of sentences:
    what the plan says, which moves with its actions, where the rest hangs on the time alone."""
    whole, plan = plan, around(plan, times[0], times[-1])
    data = _presets()
    ramps = data["ramp_seconds"]
    face = np.zeros((len(times), NUM_FACE))
    grammar = np.zeros(len(times))  # how far grammar moves the brows
    yaw, pitch, roll = (np.zeros(len(times)) for _ in range(3))
    strength = {"none": 1.0, "mild": 1.0, "strong": 1.15}
    for span in spans(plan, "facial_expression"):
        weight = rise_and_fall(times, span.start - 0.04, span.end, ramps["face"])
        if any(name.startswith("brow") for name in data["facial_expressions"][span.value]):
            grammar = np.maximum(grammar, weight)
        for name, amount in data["facial_expressions"][span.value].items():
            face[:, FACE_INDEX[name]] = np.maximum(face[:, FACE_INDEX[name]], weight * amount)
        head = data["head_with_expression"].get(span.value, {})
        slow = rise_and_fall(times, span.start, span.end, ramps["head"])
        pitch += slow * head.get("pitch", 0.0)
        roll += slow * head.get("roll", 0.0)
    for span in spans(plan, "head_movement"):
        head = data["head"][span.value]
        weight = rise_and_fall(times, span.start, span.end, ramps["head"])
        phase = 2.0 * np.pi * head.get("hertz", 0.0) * (times - span.start)
        yaw += weight * (head.get("yaw", 0.0) + head.get("yaw_amplitude", 0.0) * np.sin(phase))
        pitch += weight * (head.get("pitch", 0.0) + head.get("pitch_amplitude", 0.0) * (0.5 - 0.5 * np.cos(phase)))
        roll += weight * head.get("roll", 0.0)
    eye_yaw, eye_pitch = np.zeros(len(times)), np.zeros(len(times))
    at_viewer = np.ones(len(times))
    for span in spans(plan, "eye_gaze"):
        if span.value == "viewer":
            continue
        weight = rise_and_fall(times, span.start, span.end, ramps["gaze"])
        eye_yaw += weight * data["gaze"][span.value][0]
        eye_pitch += weight * data["gaze"][span.value][1]
        at_viewer -= weight
    for action in plan.actions:
        if action.non_manual_markers.mouthing:
            _mouth(face, times, action, data["visemes"])
        if action.emphasis == "strong":
            weight = rise_and_fall(times, action.start, action.end, 0.15) * (strength["strong"] - 1.0)
            pitch += weight * 20.0
    pitch += _affect(face, plan, times, grammar)
    torso = {name: np.zeros(len(times)) for name in ("lift", "pitch", "yaw", "roll")}
    for span in spans(plan, "torso"):
        weight = rise_and_fall(times, span.start, span.end, ramps["torso"])
        for name, degrees in data["torso"][span.value].items():
            torso[name] += weight * np.radians(degrees)
    _blink(face, whole, times, alive)
    # a head follows wide glances a little
    yaw = yaw + 0.25 * eye_yaw
    pitch = pitch - 0.2 * eye_pitch
    head = np.radians(np.stack([pitch, yaw, roll], axis=1))
    own = _alive(plan.seed, times) if alive else (np.zeros((len(times), 3)), np.zeros(len(times)))
    return _assemble(own, face, head, torso, np.radians(eye_yaw), np.radians(eye_pitch), at_viewer)


def _affect(face: np.ndarray, plan: ActionSequence, times: np.ndarray, grammar: np.ndarray) -> np.ndarray:
    """Lays the mood of each sentence under the face, in place, and returns the head's pitch in degrees (T,). Brows belong to grammar where it moves them."""
    pitch = np.zeros(len(times))
    ramp = _presets()["ramp_seconds"]["affect"]
    for index, sentence in enumerate(plan.sentences):
        mood, strength = mood_of(sentence)
        own = [a for a in plan.actions if a.sentence == index]
        if not mood or not own:
            continue
        weight = strength * rise_and_fall(times, own[0].start, own[-1].end + own[-1].pause_after, ramp)
        for name, amount in mood["face"].items():
            share = weight * (1.0 - grammar) if name.startswith(("brow", "eyeWide", "eyeSquint")) else weight
            face[:, FACE_INDEX[name]] = np.maximum(face[:, FACE_INDEX[name]], share * amount)
        pitch += weight * mood.get("pitch", 0.0)
    return pitch


def _alive(seed: int, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sway and breath of the spine as angles (T, 3) radians, and how far the head nods by itself (T,) degrees."""
    phases = np.random.default_rng([seed, 11]).uniform(0.0, 2.0 * np.pi, 6)
    sway_side = 0.5 * np.sin(2 * np.pi * 0.11 * times + phases[0]) + 0.35 * np.sin(2 * np.pi * 0.23 * times + phases[1])
    sway_turn = 0.6 * np.sin(2 * np.pi * 0.09 * times + phases[2]) + 0.3 * np.sin(2 * np.pi * 0.19 * times + phases[3])
    breath = np.sin(2 * np.pi * 0.26 * times + phases[4])
    return np.radians(np.stack([0.35 * breath, sway_turn, sway_side], axis=1)), 0.4 * np.sin(2 * np.pi * 0.31 * times + phases[5])


def _assemble(
    own: tuple[np.ndarray, np.ndarray], face: np.ndarray, head: np.ndarray, torso: dict[str, np.ndarray], eye_yaw: np.ndarray, eye_pitch: np.ndarray,
    at_viewer: np.ndarray,
) -> Posture:  # fmt: skip
    """Head angles (T, 3) pitch, yaw, roll shared over neck and head; `own` sway and nod and the torso (radians) on the spine; eyes that keep to the viewer."""
    sway, nod = own
    alive = sway + np.stack([torso["pitch"], torso["yaw"], torso["roll"]], axis=1)
    poses = np.zeros((len(face), NUM_JOINTS, 3))
    for name, share in (("spine1", 0.3), ("spine2", 0.4), ("spine3", 0.3)):
        poses[:, INDEX[name]] = share * alive
    poses[:, INDEX["spine3"]] += head * np.array([0.12, 0.10, 0.08])
    poses[:, INDEX["neck"]] = 0.4 * head
    poses[:, INDEX["head"]] = 0.6 * head + np.radians(np.stack([nod, 0 * nod, 0 * nod], axis=1))
    # eyes: towards the viewer they undo what the head did (vestibulo-ocular), clipped at what an eye can turn
    turned = axis_angle_to_matrix(poses[:, INDEX["spine3"]]) @ axis_angle_to_matrix(poses[:, INDEX["neck"]]) @ axis_angle_to_matrix(poses[:, INDEX["head"]])
    undo = matrix_to_axis_angle(np.swapaxes(turned, -1, -2)) * np.clip(at_viewer, 0.0, 1.0)[:, None]
    eyes = undo + np.stack([-eye_pitch, eye_yaw, np.zeros_like(eye_yaw)], axis=1)
    eyes = np.clip(eyes, -np.radians(30.0), np.radians(30.0)) * np.array([1.0, 1.0, 0.0])
    poses[:, INDEX["left_eye_smplhf"]] = eyes
    poses[:, INDEX["right_eye_smplhf"]] = eyes
    # lids follow the eyes down and up, and gaze has its own ARKit coefficients
    down, up = np.clip(eyes[:, 0], 0.0, None) / np.radians(30.0), np.clip(-eyes[:, 0], 0.0, None) / np.radians(30.0)
    left, right = np.clip(eyes[:, 1], 0.0, None) / np.radians(30.0), np.clip(-eyes[:, 1], 0.0, None) / np.radians(30.0)
    values = {
        "eyeLookDownLeft": down, "eyeLookDownRight": down, "eyeLookUpLeft": up, "eyeLookUpRight": up,
        "eyeLookOutLeft": left, "eyeLookInRight": left, "eyeLookInLeft": right, "eyeLookOutRight": right,
    }  # fmt: skip
    for name, value in values.items():
        face[:, FACE_INDEX[name]] = np.maximum(face[:, FACE_INDEX[name]], value)
    return Posture(poses, np.clip(face, 0.0, 1.0), torso["lift"])


def _blink(face: np.ndarray, plan: ActionSequence, times: np.ndarray, alive: bool) -> None:
    """Blinks at the ends of sentences, and one somewhere in each slot of a few seconds; signers blink at boundaries (Wilbur 1994)."""
    moments: list[float] = []
    for k, action in enumerate(plan.actions):
        last = k + 1 == len(plan.actions) or plan.actions[k + 1].sentence != action.sentence
        if last:
            moments.append(action.end + max(action.pause_after, 0.1) * 0.6)
    # from the first slot on, since one blink can keep the next from coming
    for slot in range(int(times[-1] // _BLINK_SLOT_SECONDS) + 1) if alive else ():
        moment = (slot + float(np.random.default_rng([plan.seed, 23, slot]).uniform(0.1, 0.9))) * _BLINK_SLOT_SECONDS
        if all(abs(moment - other) > 0.9 for other in moments):
            moments.append(moment)
    for moment in moments:
        if not times[0] - 1.0 < moment < times[-1] + 1.0:
            continue
        closed = np.minimum(minimum_jerk((times - (moment - 0.09)) / 0.09), minimum_jerk((moment + 0.17 - times) / 0.13))
        for name in ("eyeBlinkLeft", "eyeBlinkRight"):
            face[:, FACE_INDEX[name]] = np.maximum(face[:, FACE_INDEX[name]], closed)


def _mouth(face: np.ndarray, times: np.ndarray, action: SignAction, visemes: dict[str, Any]) -> None:
    """Mouths an English word over an action: its letters become mouth shapes, evenly in time."""
    word = action.non_manual_markers.mouthing.lower()
    shapes: list[dict[str, float]] = []
    i = 0
    while i < len(word):
        for length in (2, 1):
            key = word[i : i + length]
            if len(key) == length and key != "comment" and key in visemes:
                shapes.append(visemes[key])
                break
        else:
            length = 1
        i += length
    if not shapes:
        return
    step = action.duration / len(shapes)
    for k, shape in enumerate(shapes):
        weight = rise_and_fall(times, action.start + (k + 0.35) * step, action.start + (k + 0.65) * step, 0.6 * step)
        for name, amount in shape.items():
            face[:, FACE_INDEX[name]] = np.maximum(face[:, FACE_INDEX[name]], weight * amount)
