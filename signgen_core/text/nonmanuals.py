"""Face, head and pauses of a sentence: what brows, head and smile say while the hands sign."""

from __future__ import annotations

from .clauses import Clause
from .order import is_negative
from .times import DAY_PARTS
from .units import Unit

CLAUSE_PAUSE = 0.15  # seconds the last sign of a clause is held on
TOPIC_PAUSE = 0.2  # after a condition or a fronted topic
SENTENCE_PAUSE = 0.35

_SMILES = frozenset(
    (
        "HELLO HI THANK-YOU THANKS WELCOME HAPPY GOODBYE BYE NICE LOVE ENJOY CONGRATULATIONS GOOD-MORNING GOOD-NIGHT GOOD-AFTERNOON GOOD-EVENING"
        " WONDERFUL GREAT BEAUTIFUL FUN LAUGH SMILE FUNNY I-LOVE-YOU ILY CELEBRATE PARTY BIRTHDAY EXCITED"
    ).split()
)
_FACES = (
    dict.fromkeys(_SMILES, "smile") | dict.fromkeys("SAD SORRY CRY LONELY DISAPPOINTED DIE DIVORCE SICK HURT".split(), "sad")
    | dict.fromkeys("ANGRY MAD HATE COMPLAIN".split(), "angry")
    | dict.fromkeys("SURPRISE SURPRISED WOW SHOCKED".split(), "surprise") | dict.fromkeys(("DISGUST", "AWFUL", "TERRIBLE", "DIRTY"), "disgust")
)  # fmt: skip
_GREETINGS = frozenset("HELLO GOODBYE BYE THANK-YOU WELCOME".split())
_YES = frozenset("YES #OK OK RIGHT TRUE SURE".split())


def mark_clause(clause: Clause, units: list[Unit]) -> bool:
    """Put face and head on the units of one clause, in signing order; returns whether the clause is negated."""
    negated, said_no = _mark_negation(units), False
    for unit in units:
        face = _FACES.get(unit.gloss_id, "neutral")
        if unit.face == "neutral":
            unit.face = face
        if unit.gloss_id in _YES and unit.head == "none" and not negated:
            unit.head = "nod"
        if unit.gloss_id == "NO" and unit.head == "none":
            unit.face, unit.head = "negative", "shake"
            said_no = True
    if clause.type == "remark" and len(units) == 2 and units[0].gloss_id == "GOOD" and clause.tokens[-1].norm in DAY_PARTS:
        units[0].face = "smile"
    if any(u.face == "smile" for u in units) and not negated and len(units) <= 4:
        for unit in units:
            unit.face = "smile" if unit.face == "neutral" else unit.face
    if clause.type in ("yes_no", "wh"):
        _mark_question(clause, units)
    elif clause.type in ("conditional", "topic"):
        for unit in units:
            unit.face = "brow_raise" if clause.type == "conditional" else "topic"
    _mark_relative(clause, units)
    topics = [u for u in units if u.topic]
    for unit in topics:
        unit.face = "topic"
    if topics:
        topics[-1].pause = max(topics[-1].pause, TOPIC_PAUSE)
    for unit in units:
        if unit.role == "rhetorical":
            unit.face, unit.pause = "brow_raise", max(unit.pause, CLAUSE_PAUSE)
    return negated or said_no


def _mark_relative(clause: Clause, units: list[Unit]) -> None:
    """Raised brows and the head back over a restrictive relative clause and its noun (Liddell 1980), where nothing stronger is on the face."""
    tokens = clause.tokens
    for i, token in enumerate(tokens):
        if token.tag != "REL" or i == 0:
            continue
        first = i - 1
        while first > 0 and tokens[first - 1].tag in ("ADJ", "NOUN", "NUM", "DET", "DEM", "POSS") and tokens[first].tag != "DET":
            first -= 1
        end, own = i + 1, False
        while end < len(tokens):
            finite = tokens[end].tag in ("BE", "HAVE", "MODAL", "DO") or tokens[end].tag == "VERB" and tokens[end].form in ("s", "ed", "base")
            infinitive = tokens[end - 1].tag in ("TO", "MODAL", "DO", "HAVE", "NEG") or tokens[end - 1].tag == "BE"
            if finite and own and not infinitive:
                break
            own = own or finite
            if tokens[end].post:
                end += 1
                break
            end += 1
        for unit in units:
            if tokens[first].index <= unit.index <= tokens[end - 1].index and unit.face == "neutral" and unit.group <= 0:
                unit.face, unit.head = "brow_raise", "tilt_back" if unit.head == "none" else unit.head


def _mark_question(clause: Clause, units: list[Unit]) -> None:
    raised = clause.type == "yes_no"
    for unit in units:
        if unit.role == "intj" and unit.gloss_id in _GREETINGS:
            continue
        unit.face = "brow_raise" if raised else "brow_furrow"
        if raised and unit.head in ("none", "nod"):
            unit.head = "tilt_forward"


def _mark_negation(units: list[Unit]) -> bool:
    """Headshake from the negative sign (or the noun that NONE follows) to the end of the clause, never before the subject."""
    first = next((k for k, u in enumerate(units) if is_negative(u) and u.role != "intj"), None)
    if first is None:
        return False
    start = first
    while start > 0 and units[first].role == "none" and units[start - 1].role in ("noun", "adj", "num"):
        start -= 1
    for unit in units[start:]:
        unit.face, unit.head = "negative", "shake"
    return True


def mark_pauses(parts: list[tuple[Clause, list[Unit]]]) -> None:
    """Holds at the ends of clauses, topics and the sentence, seconds."""
    parts = [p for p in parts if p[1]]
    for k, (clause, units) in enumerate(parts):
        last = k == len(parts) - 1
        if last:
            units[-1].pause = SENTENCE_PAUSE
        elif clause.type in ("conditional", "topic"):
            units[-1].pause = TOPIC_PAUSE
        elif not parts[k + 1][0].link:
            units[-1].pause = CLAUSE_PAUSE
