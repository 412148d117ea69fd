"""English text to sentences of ASL glosses by rule: the walk through segmentation, tagging, clauses, units, order and face.

`analyse` is all a caller needs. docs/text_to_gloss.md lists the rules with examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .builder import UnitBuilder
from .clauses import Clause, split_clauses
from .fingerspelling import is_latin
from .loci import assign_loci
from .lookup import Finder, Lexicon
from .nonmanuals import mark_clause, mark_pauses
from .order import arrange, arrange_clauses
from .segmentation import Token, clean, split_sentences, tokenise
from .senses import SenseReader, sense_reader, senses
from .tagging import tag
from .types import Gloss, Sentence, SentenceType
from .units import Unit

if TYPE_CHECKING:
    from .encoder import Encoder
    from .synonyms import Neighbours

if TYPE_CHECKING:
    from .encoder import Encoder
    from .synonyms import Neighbours

_TYPES: dict[str, SentenceType] = {"yes_no": "yes_no_question", "wh": "wh_question", "command": "command"}


def analyse(text: str, lexicon_words: Lexicon, encoder: Encoder | None = None) -> tuple[Sentence, ...]:
    """Sentences of glosses, in signing order, of English text. encoder: tells senses apart and finds synonyms; None: by rules and lists alone.

    encoder: gives words of several meanings and words without a sign their vectors (`senses`, `synonyms`); without it grammar and tables decide alone.

    Every word of the text is in `words` of some gloss or, with a reason, in `dropped` of its sentence. Each sentence has at least one gloss;
    words of a sentence that has none (an emoji alone) are listed as dropped with its neighbour.
    Raises InputError in one line if the text is empty, longer than 10,000 characters, holds control characters, or has nothing that can be signed.
    """
    finder = Finder(lexicon_words, _neighbours(encoder, lexicon_words))
    reader = sense_reader(encoder)
    drafts: list[_Draft] = []
    waiting: tuple[tuple[str, str], ...] = ()
    first_unsignable = ""
    for line in split_sentences(clean(text)):
        tokens = tokenise(line)
        if not tokens:
            continue
        draft = _draft(line, tokens, finder, reader)
        if draft.units:
            draft.dropped = waiting + draft.dropped
            drafts.append(draft)
            waiting = ()
        elif drafts:
            drafts[-1].dropped += draft.dropped
        else:
            waiting += draft.dropped
        if not draft.units and not first_unsignable:
            first_unsignable = next((t.text for t in tokens if t.kind == "other"), tokens[0].text)
    if not drafts:
        raise InputError(_nothing_signable(text, first_unsignable))
    assign_loci([d.units for d in drafts])
    return tuple(Sentence(d.text, d.type, d.negated, tuple(map(_gloss, d.units)), d.dropped) for d in drafts)


def _neighbours(encoder: Encoder | None, lexicon: Lexicon) -> Neighbours | None:
    """Words of the lexicon as vectors: only with an encoder, and of a lexicon that can be listed."""
    from ..phonology.lexicon import Lexicon as SignLexicon

    if encoder is None or not isinstance(lexicon, SignLexicon):
        return None
    from .synonyms import neighbours

    return neighbours(encoder, lexicon)


@dataclass
class _Draft:
    """A sentence whose pointing is not settled yet: that takes the whole text."""

    text: str
    type: SentenceType
    negated: bool
    units: list[Unit]
    dropped: tuple[tuple[str, str], ...]


def _nothing_signable(text: str, word: str) -> str:
    if not word:
        return f"nothing to sign in {_short(text)!r}: it has no words"
    if is_latin(word):
        return f"nothing to sign: {_short(word)!r} is too long to fingerspell ({len(word)} characters)"
    if any(c.isalpha() for c in word):
        return f"nothing to sign: {_short(word)!r} cannot be fingerspelled with the letters A to Z"
    return f"nothing to sign: {_short(word)!r} is no word"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def _draft(line: str, tokens: list[Token], finder: Finder, reader: SenseReader) -> _Draft:
    tag(tokens)
    _read_senses(line, tokens, reader)
    parts: list[tuple[Clause, list[Unit]]] = []
    for clause in split_clauses(tokens):
        if clause.tag_question:
            parts.append((clause, _tag_question(clause, finder)))
            continue
        builder = UnitBuilder(clause, finder)
        units = builder.build()
        if builder.finish_words:
            builder.flush_finish()
            units = builder.units
        parts.append((clause, arrange(units, clause, finder)))
    if not any(units for _, units in parts):
        _spell_what_is_left(parts, finder)
    parts = arrange_clauses(parts)
    negated = False
    for clause, units in parts:
        negated = mark_clause(clause, units) or negated
    mark_pauses(parts)
    dropped = tuple(d for clause, _ in sorted(parts, key=lambda p: p[0].tokens[0].index) for d in clause.dropped)
    return _Draft(line, _type_of(parts), negated, [u for _, units in parts for u in units], dropped)


def _read_senses(line: str, tokens: list[Token], reader: SenseReader) -> None:
    table = senses()
    for token in tokens:
        word = token.norm if token.norm in table else token.lemma
        if word in table and not token.group:
            token.sense = reader.choose(word, token.tag, line, token.start, token.end)


def _type_of(parts: list[tuple[Clause, list[Unit]]]) -> SentenceType:
    clauses = [c for c, units in parts if units]
    for wanted in ("wh", "yes_no"):
        if any(c.type == wanted for c in clauses):
            return _TYPES[wanted]
    if any(c.type == "conditional" for c in clauses):
        return "conditional"
    main = [c for c in clauses if c.type not in ("remark", "topic") and not c.link]
    if main and main[-1].type == "command":
        return "command"
    return "topic" if any(c.type == "topic" for c in clauses) or any(u.topic for _, units in parts for u in units) else "statement"


def _tag_question(clause: Clause, finder: Finder) -> list[Unit]:
    """`, aren't you?` is RIGHT with raised brows."""
    builder = UnitBuilder(clause, finder)
    gloss = finder.first("RIGHT", "TRUE", "YES")
    if gloss is None:
        return builder.build()
    builder.add(0, len(clause.tokens), (gloss,), "tag question", role="other")
    return builder.units


def _spell_what_is_left(parts: list[tuple[Clause, list[Unit]]], finder: Finder) -> None:
    """A sentence made of nothing but unsigned words ("It is."): sign or spell them after all."""
    for clause, units in parts:
        builder = UnitBuilder(clause, finder)
        kept = list(clause.dropped)
        clause.dropped.clear()
        for i, token in enumerate(clause.tokens):
            if token.kind == "other" or token.norm == "'s":
                continue
            found = finder.word(token.norm)
            if found:
                builder.add(i, i + 1, found.ids, "nothing else of the sentence is signed", 0.5)
            elif token.tag == "PRON":
                builder._tag_pron(i) if not builder._is_empty_it(i) else builder.add(
                    i, i + 1, ("IX-3",), "pronoun: pointing", 0.5, role="pron"
                )
            else:
                builder.spelled(i, "nothing else of the sentence is signed", 0.5)
        units += builder.units
        spelled = {w for u in builder.units for w in u.words}
        clause.dropped[:] = [d for d in kept if d[0].split(" (")[0] not in spelled]


def _gloss(unit: Unit) -> Gloss:
    return Gloss(
        gloss_id=unit.gloss_id, kind=unit.kind, words=unit.words, why=unit.why, confidence=unit.confidence, repeats=unit.repeats, word_index=unit.index,
        facial_expression=unit.face, head_movement=unit.head, eye_gaze=unit.gaze, emphasis=unit.emphasis, pause_after=round(unit.pause, 3),
    )  # fmt: skip
