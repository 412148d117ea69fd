"""What the text half hands on: sentences of glosses, each with its words, its reasons and its non-manual markers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

GlossKind = Literal["lexical", "fingerspelled", "number", "index", "gesture"]
SentenceType = Literal["statement", "yes_no_question", "wh_question", "command", "conditional", "topic"]

# Values of non-manual markers; presets/nonmanuals/ says what each does on the face. Spans over several signs come from neighbouring
# actions of one sentence that carry the same value.
FACIAL_EXPRESSIONS = ("neutral", "brow_raise", "brow_furrow", "topic", "negative", "smile", "sad", "angry", "surprise", "disgust")
HEAD_MOVEMENTS = ("none", "shake", "nod", "tilt_forward", "tilt_back", "tilt_side", "turn_left", "turn_right")
EYE_GAZES = ("viewer", "hands", "left", "right", "up", "down")
# The trunk: raised shoulders, leans for emphasis (Wilbur & Patschke 1998), turns for contrast and quotation.
TORSO_MOVEMENTS = ("none", "shrug", "lean_forward", "lean_back", "shift_left", "shift_right")

# What the classifier says of a sentence (arXiv 2404.19283 and docs/classification.md); `neutral` is the last resort of each.
SUBJECTS = (
    "greeting", "gratitude", "farewell", "information", "inquiry", "apology", "praise", "anger", "congratulation", "sympathy", "cheer", "concern",
    "request", "surprise", "complaint", "neutral",
)  # fmt: skip
GESTURES = ("handshake", "point", "thumbsup", "nod", "shakehead", "wave", "grabhead", "pat", "uplift", "yay", "shrug", "neutral")
EMOTIONS = ("positive", "negative", "neutral")


@dataclass(frozen=True)
class Gloss:
    """One sign of a sentence before it has a body.

    gloss_id: `HELLO`, `IX-1`, `fs-ANNA`, `#OK`, `25`. words: the words of the text that it stands for, as written.
    why: the rule that chose it, in a few words. repeats: extra strokes (reduplication, `WORK+` = 1).
    overrides: fields of the action that the author fixed, such as duration in seconds. word_index: place of the first word in the sentence.
    """

    gloss_id: str
    kind: GlossKind
    words: tuple[str, ...] = ()
    why: str = ""
    confidence: float = 1.0
    repeats: int = 0
    word_index: int = -1
    facial_expression: str = "neutral"
    head_movement: str = "none"
    eye_gaze: str = "viewer"
    mouthing: str = ""
    emphasis: str = "none"
    pause_after: float = 0.0
    torso: str = "none"
    overrides: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sentence:
    """One sentence: its text, its type, whether it is negated, and its glosses in signing order."""

    text: str
    type: SentenceType
    negated: bool
    glosses: tuple[Gloss, ...]
    dropped: tuple[tuple[str, str], ...] = ()  # (word, why) of words that ASL does not sign
