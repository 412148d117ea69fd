"""From glosses to a timed ActionSequence: each gloss gets its form (lexicon, letters or digits), its time and its face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .action import ActionSequence, NonManualMarkers, SentenceInfo, SignAction, TrajectoryPoint, trajectory_digest
from .errors import InputError, LexiconError, PlanError
from .phonology.features import Phonology
from .phonology.handshapes import DOUBLE_SHIFT, SPELLING_OFFSET, Character, Handshapes
from .phonology.lexicon import LICENCE, Lexicon, check_handshapes
from .phonology.numbers import Signs, number_form
from .synthesis.nonmanual import tempo_of
from .text.fingerspelling import letters
from .text.types import SUBJECTS, Gloss, Sentence

if TYPE_CHECKING:
    from .synthesis.generate import Synthesiser

_MAX_LETTERS = 64
_EDGE_SECONDS = 0.15
# Stress lengthens a sign and holds its end (Wilbur 1999): (factor on the duration, seconds of hold).
STRESS = {"none": (1.0, 0.0), "mild": (1.06, 0.04), "strong": (1.15, 0.10)}
# The subject of a sentence stresses its last sign of content.
STRESS_OF_SUBJECT = dict.fromkeys(SUBJECTS, "none") | {
    "anger": "strong", "surprise": "strong", "cheer": "strong", "congratulation": "strong", "praise": "strong",
    "complaint": "mild", "request": "mild", "concern": "mild", "gratitude": "mild", "apology": "mild",
}  # fmt: skip
# A label counts from this probability on; below it the classifier is not sure enough to be seen.
SURE = {"subject": 0.5, "gesture": 0.4, "emotion": 0.5}
# label -> probability of each head, as the classifier gives them
Reading = Mapping[str, Mapping[str, float]]


def spell(word: str, shapes: Handshapes) -> tuple[Phonology, ...]:
    """The letters of a word as morphemes. Raises InputError when it has none."""
    names = letters(word)
    if not names:
        raise InputError(f"{word!r} has no letters that can be fingerspelled")
    if len(names) > _MAX_LETTERS:
        raise InputError(f"{word[:20]!r}... has {len(names)} letters; one sign spells {_MAX_LETTERS} at the most")
    return _characters([shapes.character(n) for n in names])


def number(gloss_id: str, shapes: Handshapes, signs: Signs) -> tuple[Phonology, ...]:
    """A number's gloss id (`25`, `$5`, `AGE-7`, `3:30` ...; docs/numbers.md) as morphemes. Raises InputError for anything else."""
    if len(gloss_id) > _MAX_LETTERS:
        raise InputError(f"{gloss_id[:20]!r}... is not a number that can be signed: it is longer than {_MAX_LETTERS} characters")
    try:
        return number_form(gloss_id, shapes, SPELLING_OFFSET, signs)
    except ValueError as problem:
        raise InputError(str(problem)) from None


def _characters(characters: Sequence[Character]) -> tuple[Phonology, ...]:
    out: list[Phonology] = []
    previous: Character | None = None
    shift = 0.0
    for character in characters:
        shift = shift + DOUBLE_SHIFT if previous is not None and previous.name == character.name else 0.0
        previous = character
        offset = (SPELLING_OFFSET[0] + shift, SPELLING_OFFSET[1], SPELLING_OFFSET[2])
        stroke = character.stroke
        if stroke is None:
            out.append(Phonology(handshape=character.handshape, palm=character.palm, fingers=character.fingers, location_offset=offset))
        else:
            path = tuple((float(x), float(y), float(z)) for x, y, z in stroke.path)
            out.append(
                Phonology(
                    handshape=character.handshape, palm=character.palm, fingers=character.fingers, location_offset=offset, movement="Other",
                    final_palm=stroke.final_palm, final_fingers=stroke.final_fingers, path=path,
                )
            )  # fmt: skip
    return tuple(out)


class Planner:
    """Builds and completes plans for one body (times of transitions depend on where its hands can be)."""

    def __init__(self, synthesiser: Synthesiser, lexicon: Lexicon) -> None:
        self.synthesiser = synthesiser
        self.lexicon = lexicon
        self.shapes = synthesiser.builder.handshapes

    def form(self, gloss_id: str, kind: str) -> tuple[Phonology, ...]:
        """The morphemes of a gloss. Raises InputError or LexiconError when it has none."""
        if kind == "number":
            return number(gloss_id, self.shapes, lambda gloss: self.lexicon.get(gloss).morphemes)
        if self.lexicon.has(gloss_id):
            return self.lexicon.get(gloss_id).morphemes
        if gloss_id.startswith("fs-"):
            return spell(gloss_id[3:], self.shapes)
        if gloss_id.startswith("#"):
            return spell(gloss_id[1:], self.shapes)
        return self.lexicon.get(gloss_id).morphemes

    def plan(
        self, sentences: Sequence[Sentence], *, text: str, seed: int, handedness: str, tempo: float, readings: Sequence[Reading] = (),
        gestures: str = "none", emotion: str | None = None,
    ) -> ActionSequence:  # fmt: skip
        """A timed plan. Raises InputError when nothing in the text can be signed.

        readings: what the classifier says of each sentence, or nothing. gestures: `none`, `with` (a sentence's gesture after its signs) or `only` (in
        place of them). emotion: the mood of every sentence in place of the one that was read.
        """
        actions: list[SignAction] = []
        infos: list[SentenceInfo] = []
        for index, sentence in enumerate(sentences):
            if not sentence.glosses:
                continue
            info = _info(sentence, readings[index] if readings else {}, emotion)
            number_of = len(infos)
            infos.append(info)
            glosses = () if gestures == "only" else stressed(sentence.glosses, STRESS_OF_SUBJECT[info.subject], info.subject)
            if gestures == "only" or (gestures == "with" and info.gesture != "neutral"):
                glosses = (*glosses, _gesture(info))
            actions += [self.sign(gloss, number_of, tempo * tempo_of(info)) for gloss in glosses]
        if not actions:
            raise InputError("the text holds nothing that can be signed")
        plan = ActionSequence(tuple(actions), text=text, seed=seed, handedness=handedness, tempo=tempo, sentences=tuple(infos))
        return self.complete(plan)

    def sign(self, gloss: Gloss, sentence: int, tempo: float) -> SignAction:
        """A gloss with its form, face and length at that tempo, not yet in time (start -1). Raises InputError or LexiconError when it has no form."""
        entry = self.lexicon.entries.get(gloss.gloss_id) if gloss.kind != "number" else None
        morphemes = self.form(gloss.gloss_id, gloss.kind)
        if gloss.repeats:
            morphemes = (*morphemes[:-1], _reduplicated(morphemes[-1], gloss.repeats))
        overrides = dict(gloss.overrides)
        if "handshape" in overrides:
            morphemes = (replace(morphemes[0], handshape=str(overrides["handshape"])), *morphemes[1:])
        kind = "fingerspelled" if gloss.gloss_id.startswith(("fs-", "#")) else gloss.kind
        schedule = self.synthesiser.schedule(morphemes, kind in ("fingerspelled", "number"))
        duration = entry.duration if entry is not None and entry.duration is not None and not gloss.repeats else schedule.total
        emphasis = str(overrides.get("emphasis", gloss.emphasis))
        slower, held = STRESS[emphasis]
        duration = float(overrides.get("duration", duration * slower / tempo))
        form = f"lexicon/{entry.source}" if entry is not None else "letters" if kind == "fingerspelled" else "digits"
        own = entry.non_manual_markers if entry is not None else {}

        def marker(name: str, given: str, default: str) -> str:
            # grammar wins over the sign's own face, an author's word over both
            return str(overrides.get(name, given if given != default else own.get(name, default)))

        return SignAction(
            gloss_id=gloss.gloss_id, phonology=morphemes, duration=round(duration, 3), start=-1.0,
            non_manual_markers=NonManualMarkers(
                marker("facial_expression", gloss.facial_expression, "neutral"), marker("head_movement", gloss.head_movement, "none"),
                marker("eye_gaze", gloss.eye_gaze, "viewer"), marker("mouthing", gloss.mouthing, ""), marker("torso", gloss.torso, "none"),
            ),
            emphasis=emphasis, pause_after=round(float(overrides.get("pause_after", gloss.pause_after + held)) / tempo, 3),
            kind=kind, words=gloss.words, why=gloss.why, confidence=gloss.confidence, sentence=sentence,
            provenance={"form": form, "licence": entry.licence if entry is not None else LICENCE},
        )  # fmt: skip

    def complete(self, plan: ActionSequence, *, trajectories: bool = True) -> ActionSequence:
        """Checks names, takes missing forms from the lexicon, sets missing starts, and moves an action that would begin too early.

        With `trajectories` the wrist's path is written out for readers wherever it was not edited.

        Raises PlanError naming the JSON path.
        """
        actions: list[SignAction] = []
        previous: SignAction | None = None
        for i, action in enumerate(plan.actions):
            action = self.with_form(action, f"actions[{i}]")
            earliest, natural = self.starts(plan, previous, action)
            start = natural if action.start < 0 else max(action.start, earliest)
            if action.start < 0 or start > action.start + 1e-6:
                action = replace(action, start=round(start + 5e-4, 3))
            if trajectories and not action.trajectory_is_edited:
                action = self._with_trajectory(action, plan.handedness)
            previous = action
            actions.append(action)
        return replace(plan, actions=tuple(actions))

    def starts(self, plan: ActionSequence, previous: SignAction | None, action: SignAction) -> tuple[float, float]:
        """(earliest, natural) seconds at which an action of `plan` can start after `previous`, or from rest."""
        if previous is None:
            earliest = _EDGE_SECONDS + self.synthesiser.from_rest(action.phonology[0])
            return earliest, earliest
        shortest, usual = self.synthesiser.between(previous.phonology[-1], action.phonology[0])
        pace = plan.tempo * (tempo_of(plan.sentences[action.sentence]) if plan.sentences else 1.0)
        clock = previous.end + previous.pause_after
        return clock + shortest, clock + max(shortest, usual / pace)

    def with_form(self, action: SignAction, path: str) -> SignAction:
        """The action with its form from the lexicon where it has none, every name in it checked. `path` stands before the field in PlanError."""
        if action.provenance.get("needs_phonology"):
            try:
                morphemes = self.form(action.gloss_id, action.kind)
            except (InputError, LexiconError) as problem:
                raise PlanError(f"{path}.gloss_id", f"has no phonology of its own and {problem}") from None
            wanted = action.handshape
            if wanted and wanted != morphemes[0].handshape:
                morphemes = (replace(morphemes[0], handshape=wanted), *morphemes[1:])
            provenance = {k: v for k, v in action.provenance.items() if k != "needs_phonology"}
            action = replace(action, phonology=morphemes, provenance=provenance)
        for k, morpheme in enumerate(action.phonology):
            try:
                check_handshapes(morpheme, self.shapes, "")
            except LexiconError as problem:
                place, _, what = str(problem).partition(": ")
                name = f"{path}.handshape.type" if k == 0 and place == ".handshape" else f"{path}.phonology[{k}]{place}"
                raise PlanError(name, what) from None
            try:
                self.synthesiser.ends(morpheme)
            except InputError as problem:
                raise PlanError(f"{path}.phonology[{k}]", str(problem)) from None
        return action

    def _with_trajectory(self, action: SignAction, handedness: str) -> SignAction:
        flip = np.array([-1.0 if handedness == "left" else 1.0, 1.0, 1.0])
        points: list[TrajectoryPoint] = []
        for t, wrist in self.synthesiser.wrist_path(action):
            x, y, z = (round(float(v), 4) for v in wrist * flip)
            if not points or round(t, 4) > points[-1].t_offset:
                points.append(TrajectoryPoint(x, y, z, round(t, 4)))
        trajectory = tuple(points)
        return replace(action, trajectory=trajectory, provenance={**action.provenance, "trajectory": trajectory_digest(trajectory)})


def _info(sentence: Sentence, reading: Reading, emotion: str | None) -> SentenceInfo:
    """The sentence with what the classifier is sure of."""

    def best(head: str) -> tuple[str, float]:
        label, p = max(reading.get(head, {"neutral": 1.0}).items(), key=lambda item: item[1])
        return (label, p) if p >= SURE[head] else ("neutral", p)

    mood, p = best("emotion")
    # half sure is a hint of a smile, nine tenths the whole of it
    intensity = 1.0 if emotion or mood == "neutral" else round(min(1.0, max(0.0, (p - 0.4) / 0.5)), 3)
    return SentenceInfo(
        sentence.text, sentence.type, sentence.negated, tuple(sentence.dropped), emotion or mood, intensity, best("subject")[0], best("gesture")[0],
        {head: {label: round(float(value), 4) for label, value in labels.items()} for head, labels in reading.items()},
    )  # fmt: skip


def _gesture(info: SentenceInfo) -> Gloss:
    p = info.probabilities.get("gesture", {}).get(info.gesture, 1.0)
    return Gloss(f"g-{info.gesture.upper()}", "gesture", why=f"co-speech gesture of the sentence: {info.gesture}", confidence=round(p, 3))


def stressed(glosses: Sequence[Gloss], stress: str, subject: str) -> tuple[Gloss, ...]:
    """The last sign of content takes the stress, unless something in the sentence is stressed already."""
    out = list(glosses)
    if stress == "none" or any(g.emphasis != "none" or "emphasis" in g.overrides for g in out):
        return tuple(out)
    for k in range(len(out) - 1, -1, -1):
        if out[k].kind == "lexical" and not out[k].gloss_id.startswith(("IX-", "POSS-")):
            out[k] = replace(out[k], emphasis=stress, why=f"{out[k].why}; stressed: {subject}".lstrip("; "))
            break
    return tuple(out)


def _reduplicated(phonology: Phonology, extra: int) -> Phonology:
    """More strokes: `WORK+` makes the movement once more."""
    strokes = phonology.repetitions or (2 if phonology.repeated_movement else 1)
    return replace(phonology, repeated_movement=True, repetitions=min(strokes + extra, 12))
