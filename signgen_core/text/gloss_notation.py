"""ASL gloss notation: reading and writing sentences of glosses as one readable line (docs/formats/gloss_notation.md).

HELLO, POSS-1 NAME fs-ANNA. <wh>IX-2 LIVE WHERE</wh>?
<cond>IF RAIN</cond> IX-1 <neg>NOT GO</neg>. WORK++ #OK HELLO(duration=0.6, facial_expression=smile)
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ..errors import InputError
from ..phonology.number_glosses import is_number
from .fingerspelling import is_latin, letters
from .lookup import Lexicon, kind_of, nearest
from .nonmanuals import CLAUSE_PAUSE, SENTENCE_PAUSE, TOPIC_PAUSE
from .order import is_negative
from .segmentation import MAX_CHARACTERS
from .types import EYE_GAZES, FACIAL_EXPRESSIONS, HEAD_MOVEMENTS, TORSO_MOVEMENTS, Gloss, Sentence, SentenceType

EMPHASES = ("none", "mild", "strong")
# Spans with a name of their own: face, head. Any other face or head value is a span under its own name.
SPANS = {
    "q": ("brow_raise", "tilt_forward"), "wh": ("brow_furrow", ""), "neg": ("negative", "shake"), "t": ("topic", ""), "cond": ("brow_raise", ""),
}  # fmt: skip
_PAUSING = ("t", "cond")
_CHOICES = {"facial_expression": FACIAL_EXPRESSIONS, "head_movement": HEAD_MOVEMENTS, "eye_gaze": EYE_GAZES, "torso": TORSO_MOVEMENTS, "emphasis": EMPHASES}
_NUMBERS = {"duration": (0.05, 20.0), "pause_after": (0.0, 20.0)}
_TEXTS = ("handshape", "mouthing")
_DEFAULTS: dict[str, float | str] = {
    "facial_expression": "neutral",
    "head_movement": "none",
    "eye_gaze": "viewer",
    "torso": "none",
    "emphasis": "none",
    "mouthing": "",
    "pause_after": 0.0,
}
_WH = frozenset("WHAT WHERE WHO WHEN WHY HOW WHICH HOW-MANY HOW-MUCH WHOSE WHATS-UP HOW-OLD".split())
_TOKEN = re.compile(r"\s*(?:(?P<tag></?[A-Za-z_]+>)|(?P<mark>[.?!,;/])|(?P<item>[^\s<>(),.?!;/\"=]+)(?P<args>\([^()\n]*\))?)")
_ARG = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(\"[^\"]*\"|[^,\"=]*?)\s*(?:,|$)")
_ALIASES = {"IX": "IX-3", "POSS": "POSS-3", "SELF": "SELF-3"}
_INDEX = re.compile(r"(IX|POSS|SELF)-?([123])P?(-?PL)?", re.IGNORECASE)


@dataclass
class _Draft:
    """A sentence while it is read."""

    glosses: list[Gloss] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)  # every span that was opened in it
    start: int = 0


def parse_gloss(line: str, lexicon: Lexicon) -> tuple[Sentence, ...]:
    """Sentences of gloss notation, at least one, each with at least one gloss.

    Raises InputError in one line, naming the column: an unknown gloss (with the nearest known ones), an override that does not exist or is
    out of range, a span that is not closed, a word that cannot be spelled, an empty text.
    """
    if len(line) > MAX_CHARACTERS:
        raise InputError(f"the gloss notation has {len(line):,} characters, at most {MAX_CHARACTERS:,} are taken at once: split it")
    line = line.replace("’", "'").replace("“", '"').replace("”", '"')
    sentences: list[Sentence] = []
    open_spans: list[tuple[str, int]] = []
    draft = _Draft()
    position = 0
    for row in line.splitlines(keepends=True):
        end = position + len(row)
        while position < end:
            match = _TOKEN.match(line, position, end)
            if match is None:
                rest = line[position:end]
                if not rest.strip():
                    break
                column = position + len(rest) - len(rest.lstrip())
                raise InputError(
                    f"gloss notation, column {column + 1}: {line[column]!r} is not expected here"
                    + (" (an opening bracket is not closed?)" if line[column] == "(" else "")
                )
            position = match.end()
            if match["tag"]:
                _open_or_close(match, open_spans, draft)
            elif match["mark"] and match["mark"] in ".?!":
                _no_open(open_spans, match.start("mark"))
                _finish(draft, match["mark"], line[draft.start : match.end()], sentences)
                draft = _Draft(start=position)
            elif match["mark"]:
                if draft.glosses and draft.glosses[-1].pause_after < CLAUSE_PAUSE and "pause_after" not in draft.glosses[-1].overrides:
                    draft.glosses[-1] = replace(draft.glosses[-1], pause_after=CLAUSE_PAUSE)
            else:
                draft.glosses.append(_gloss(match, lexicon, [s for s, _ in open_spans], len(draft.glosses)))
        position = end
        _no_open(open_spans, end - 1)
        _finish(draft, "", line[draft.start : end], sentences)
        draft = _Draft(start=end)
    if not sentences:
        raise InputError(
            "the gloss notation is empty: it names no sign" if not line.strip() else f"gloss notation {line.strip()[:40]!r} names no sign"
        )
    return tuple(sentences)


def _no_open(open_spans: list[tuple[str, int]], column: int) -> None:
    if open_spans:
        name, where = open_spans[-1]
        raise InputError(f"gloss notation, column {where + 1}: <{name}> is not closed before the end of its sentence (column {column + 1})")


def _open_or_close(match: re.Match[str], open_spans: list[tuple[str, int]], draft: _Draft) -> None:
    name, column = match["tag"].strip("</>").lower(), match.start("tag")
    if name not in SPANS and name not in FACIAL_EXPRESSIONS and name not in HEAD_MOVEMENTS:
        known = [*SPANS, *FACIAL_EXPRESSIONS, *HEAD_MOVEMENTS]
        raise InputError(f"gloss notation, column {column + 1}: unknown span {match['tag']!r}; known: {', '.join(dict.fromkeys(known))}")
    if not match["tag"].startswith("</"):
        open_spans.append((name, column))
        draft.spans.append(name)
        return
    if not open_spans or open_spans[-1][0] != name:
        raise InputError(
            f"gloss notation, column {column + 1}: </{name}> closes a span that is not open"
            + (f"; <{open_spans[-1][0]}> is" if open_spans else "")
        )
    open_spans.pop()
    if name in _PAUSING and draft.glosses and "pause_after" not in draft.glosses[-1].overrides:
        draft.glosses[-1] = replace(draft.glosses[-1], pause_after=max(TOPIC_PAUSE, draft.glosses[-1].pause_after))


def _gloss(match: re.Match[str], lexicon: Lexicon, spans: list[str], index: int) -> Gloss:
    written, column = match["item"], match.start("item") + 1
    name = written.rstrip("+")
    gloss_id = _gloss_id(name, written, column, lexicon)
    face, head = "neutral", "none"
    for span in sorted(
        spans, key=lambda s: s != "neg"
    ):  # a question's brows go over the face of negation; its tilt never over the headshake
        span_face, span_head = SPANS.get(span, (span if span in FACIAL_EXPRESSIONS else "", span if span in HEAD_MOVEMENTS else ""))
        face = span_face or face
        head = span_head if span_head and not (head == "shake" and span == "q") else head
    gloss = Gloss(
        gloss_id=gloss_id, kind=kind_of(gloss_id, lexicon), words=(written,), why="gloss notation", repeats=min(len(written) - len(name), 12),
        word_index=index, facial_expression=face, head_movement=head,
    )  # fmt: skip
    overrides = _overrides(match["args"] or "", written, match.start("args") + 1)
    fields = {k: v for k, v in overrides.items() if k in _DEFAULTS}
    return replace(gloss, overrides=overrides, **fields)  # type: ignore[arg-type]


def _gloss_id(name: str, written: str, column: int, lexicon: Lexicon) -> str:
    """The gloss id that a written name means. Raises InputError naming it and the nearest known ones."""
    if is_number(name.upper()) and not lexicon.has(name.upper()):
        return name.upper()
    if name[:3].lower() == "fs-" or name[:1] == "#":
        prefix, word = ("#", name[1:]) if name[0] == "#" else ("fs-", name[3:])
        try:
            return prefix + "".join(letters(word)).upper()
        except InputError as problem:
            raise InputError(f"gloss notation, column {column}: {written!r}: {problem}") from None
    upper = name.upper().replace("_", "-")
    index = _INDEX.fullmatch(upper)
    if index:
        return f"{index[1]}-{index[2]}" + ("-PL" if index[3] else "")
    if re.fullmatch(r"(IX|POSS|SELF)-[AB]", upper):
        return upper
    upper = _ALIASES.get(upper, upper)
    for gloss in (name, upper, upper.replace("'", "")):
        if lexicon.has(gloss):
            return gloss
    if kind_of(upper, lexicon) == "index":
        return upper
    for word in (name.lower(), name.lower().replace("-", " ")):
        found = lexicon.find(word)
        if found:
            return found
    near = nearest(upper, lexicon)
    raise InputError(
        f"gloss notation, column {column}: unknown gloss {written[:40]!r}"
        + (f"; nearest: {', '.join(near)}" if near else "")
        + (f"; to spell it write fs-{name[:20]}" if is_latin(name) else "")
    )


def _overrides(args: str, written: str, column: int) -> dict[str, float | str]:
    out: dict[str, float | str] = {}
    body, position = args[1:-1], 0
    while position < len(body) and body[position:].strip():
        match = _ARG.match(body, position)
        if match is None or match.end() == position:
            raise InputError(f"gloss notation, column {column + position}: {written}{args[:40]}: expected name=value")
        key, value = match[1], match[2].strip('"')
        where = f"gloss notation, column {column + position}: {written}: {key}"
        if key in _NUMBERS:
            low, high = _NUMBERS[key]
            try:
                number = float(value)
            except ValueError:
                raise InputError(f"{where}: {value!r} is not a number") from None
            if not math.isfinite(number) or not low <= number <= high:
                raise InputError(f"{where}: {value} is not between {low:g} and {high:g} seconds")
            out[key] = number
        elif key in _CHOICES:
            if value not in _CHOICES[key]:
                raise InputError(f"{where}: {value!r} is not one of {', '.join(_CHOICES[key])}")
            out[key] = value
        elif key in _TEXTS:
            if not value:
                raise InputError(f"{where}: is empty")
            out[key] = value
        else:
            raise InputError(f"{where}: no such override; known: {', '.join([*_NUMBERS, *_CHOICES, *_TEXTS])}")
        position = match.end()
    return out


def _finish(draft: _Draft, mark: str, text: str, sentences: list[Sentence]) -> None:
    """Close a sentence: its type from the mark and the spans, brows of a question that has no span, the pause at its end."""
    if not draft.glosses:
        return
    glosses = draft.glosses
    asks_wh = any(g.gloss_id in _WH for g in glosses)
    if mark == "?" and not {"q", "wh", "brow_raise", "brow_furrow"} & set(draft.spans):
        face, head = SPANS["wh" if asks_wh else "q"]
        glosses = [
            replace(
                g,
                facial_expression=str(g.overrides.get("facial_expression", face)),
                head_movement=g.head_movement if g.head_movement != "none" or not head else head,
            )
            for g in glosses
        ]
    if "pause_after" not in glosses[-1].overrides:
        glosses[-1] = replace(glosses[-1], pause_after=SENTENCE_PAUSE)
    kind: SentenceType = "statement"
    if (
        "wh" in draft.spans
        or mark == "?"
        and (asks_wh and "q" not in draft.spans or any(g.facial_expression == "brow_furrow" for g in glosses))
    ):
        kind = "wh_question"
    elif "q" in draft.spans or mark == "?":
        kind = "yes_no_question"
    elif "cond" in draft.spans:
        kind = "conditional"
    elif mark == "!":
        kind = "command"
    elif "t" in draft.spans:
        kind = "topic"
    negated = any(g.head_movement == "shake" or is_negative(g) for g in glosses)
    sentences.append(Sentence(text=" ".join(text.split()), type=kind, negated=negated, glosses=tuple(glosses)))


# ------------------------------------------------------------------------------------------------------------------------ writing
def format_gloss(sentences: Sequence[Sentence]) -> str:
    """Gloss notation of sentences, one line each. Reading it back gives the same glosses, face, head, repeats, overrides and pauses.

    Words, reasons and confidence are not part of the notation.
    """
    return "\n".join(_format_sentence(s) for s in sentences)


def _format_sentence(sentence: Sentence) -> str:
    glosses = sentence.glosses
    runs: list[list[int]] = []  # places of neighbours with one face; a pause of a topic ends a run
    for i, gloss in enumerate(glosses):
        before = glosses[i - 1] if i else None
        same = before is not None and _shown(before, "facial_expression") == _shown(gloss, "facial_expression")
        if same and not (before is not None and before.pause_after == TOPIC_PAUSE and gloss.facial_expression in ("topic", "brow_raise")):
            runs[-1].append(i)
        else:
            runs.append([i])
    pieces = [_format_run(run, sentence) for run in runs]
    mark = {"wh_question": "?", "yes_no_question": "?", "command": "!"}.get(sentence.type, ".")
    return " ".join(pieces).removesuffix(",") + mark


def _format_run(run: list[int], sentence: Sentence) -> str:
    """Glosses with one face inside its span; a head movement that is not the span's own goes into a span within."""
    face, heads = _shown(sentence.glosses[run[0]], "facial_expression"), [_shown(sentence.glosses[i], "head_movement") for i in run]
    outer = {"brow_furrow": "wh", "topic": "t", "neutral": ""}.get(face, face)
    if face == "brow_raise":
        outer = "q" if "tilt_forward" in heads else "cond" if sentence.type == "conditional" else face
    elif face == "negative" and "shake" in heads:
        outer = "neg"
    usual = SPANS.get(outer, ("", ""))[1] or "none"
    pieces = []
    for head, group in groupby(zip(run, heads, strict=True), key=lambda pair: pair[1]):
        places = [i for i, _ in group]
        items = [
            _format_item(sentence.glosses[i], final=i == len(sentence.glosses) - 1, topic=i == run[-1] and outer in _PAUSING)
            for i in places
        ]
        pieces.append(" ".join(items) if head == usual else _wrap(" ".join(items), head))
    return _wrap(" ".join(pieces), outer) if outer else " ".join(pieces)


def _wrap(body: str, name: str) -> str:
    """The body inside a span; a comma at its end stays outside."""
    return f"<{name}>{body.removesuffix(',')}</{name}>" + ("," if body.endswith(",") else "")


def _shown(gloss: Gloss, name: str) -> str:
    """The value that a span has to carry: none where the author's override says it at the sign itself."""
    return str(_DEFAULTS[name]) if name in gloss.overrides else str(getattr(gloss, name))


def _format_item(gloss: Gloss, *, final: bool, topic: bool) -> str:
    args = dict(gloss.overrides)
    for name in ("eye_gaze", "torso", "emphasis", "mouthing"):
        value = getattr(gloss, name)
        if value != _DEFAULTS[name] and name not in args:
            args[name] = value
    comma = ""
    if "pause_after" not in args and gloss.pause_after != (SENTENCE_PAUSE if final else TOPIC_PAUSE if topic else 0.0):
        if gloss.pause_after == CLAUSE_PAUSE and not final and not topic:
            comma = ","
        else:
            args["pause_after"] = gloss.pause_after
    text = gloss.gloss_id + "+" * gloss.repeats
    if args:
        text += "(" + ", ".join(f"{k}={_value(v)}" for k, v in args.items()) + ")"
    return text + comma


def _value(value: float | str) -> str:
    if isinstance(value, str):
        return f'"{value}"' if not re.fullmatch(r"[\w\-']+", value) else value
    return repr(float(value)) if value != int(value) else str(int(value))
