"""Sentences to clauses: where a new subject and verb begin, what joins them, and which of them ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .lemmas import SUBJECTS
from .segmentation import Token
from .tables import tables
from .tagging import is_question_inversion, starts
from .times import DAY_PARTS

ClauseType = Literal["statement", "yes_no", "wh", "command", "conditional", "topic", "remark"]
_REACH = 80  # tokens that a rule looks back or ahead: more than any sentence needs, so that a text without marks stays quick
_HARD = (";", ":", "—", "–", "(", ")", " -", "...", "--", "!", "?", "[", "]", "|")
_PREDICATES = frozenset("VERB BE HAVE DO MODAL".split())
_SUBJECTS = frozenset("PRON POSS DET DEM NAME EX NOUN NUM ADJ".split())
_CONDITIONS = frozenset(("if", "unless", "suppose", "provided"))
_TOPICS = frozenset(("when", "whenever", "while", "after", "once", "before"))


@dataclass
class Clause:
    """Tokens of one clause. opener: the conjunction that leads it. link: it completes the clause before ("I think | she is here")."""

    tokens: list[Token]
    opener: str = ""
    link: bool = False
    type: ClauseType = "statement"
    embedded_wh: bool = False
    tag_question: bool = False
    dropped: list[tuple[str, str]] = field(default_factory=list)


def has_predicate(tokens: list[Token]) -> bool:
    """True if one of the tokens is a verb or helper verb."""
    return any(t.tag in _PREDICATES for t in tokens)


def split_clauses(tokens: list[Token]) -> list[Clause]:
    """Clauses of a tagged sentence in text order, with their types."""
    cuts: list[tuple[int, bool]] = [(0, False)]
    for i in range(1, len(tokens)):
        if tokens[i].index == tokens[i - 1].index and tokens[i].text == tokens[i - 1].text:
            continue
        start = cuts[-1][0]
        kind = _cut(tokens, start, i)
        if kind:
            cuts.append((i, kind == "link"))
    clauses = []
    for (start, link), end in zip(cuts, [c[0] for c in cuts[1:]] + [len(tokens)], strict=True):
        clauses.append(Clause(tokens=tokens[start:end], link=link))
    question = any("?" in t.post for t in tokens[-1:]) or "?" in "".join(t.post for t in tokens)
    for n, clause in enumerate(clauses):
        _classify(clause, clauses, n, question)
    if question and not any(c.type in ("yes_no", "wh") for c in clauses):
        last = next(
            (c for c in reversed(clauses) if c.type in ("statement", "command") and not c.link and (has_predicate(c.tokens) or len(clauses) == 1)),
            clauses[-1],
        )
        last.type = "wh" if any(t.tag == "WH" for t in last.tokens) and not last.embedded_wh else "yes_no"
    for before, clause in zip(clauses, clauses[1:], strict=False):
        if before.type in ("remark", "statement") and clause.type == "statement" and _is_fronted(before, clause):
            before.type = "topic"
        if clause.link and before.type in ("yes_no", "wh"):
            clause.type = before.type
    return clauses


def _asked(left: list[Token]) -> bool:
    """Whether the last verb asks or tells someone: "asked Linda if" is no condition."""
    k = len(left) - 1
    while k > 0 and left[k].tag in ("NAME", "NOUN", "PRON", "DET", "POSS", "ADJ"):
        k -= 1
    return k >= 0 and left[k].tag == "VERB" and left[k].lemma in ("ask", "tell", "wonder", "know", "see", "check", "doubt", "decide")


def _is_fronted(phrase: Clause, clause: Clause) -> bool:
    """Whether English itself puts a topic first: "That movie, I like", "As for the car, we sold it"."""
    words = phrase.tokens
    if not words[-1].post.startswith(",") or clause.tokens[0].norm not in SUBJECTS or has_predicate(words) or words[0].group:
        return False
    if [t.norm for t in words[:2]] == ["as", "for"]:
        return True
    thing = all(t.tag in ("DET", "DEM", "POSS", "ADJ", "NUM", "NOUN") for t in words) and words[-1].tag == "NOUN"
    return thing and words[-1].norm not in tables().kin_and_titles and words[-1].lemma not in tables().persons


def _cut(tokens: list[Token], start: int, i: int) -> str:
    """ "" no cut before token i, "cut" a new clause, "link" a clause that completes the one before."""
    left, before, here = tokens[max(start, i - _REACH) : i], tokens[i - 1], tokens[i]
    if any(mark in before.post for mark in _HARD) or before.post.strip() == "-":
        return "cut"
    rest = _until_mark(tokens, i)
    left_has, t = has_predicate(left), tables()
    if "," in before.post:
        if (
            all(x.tag in ("INTJ", "FILL") for x in left)
            or not left_has
            and len(left) < 5
            and has_predicate(tokens[i:])
            and left[0].group == 0
        ):
            return "cut"
        if _is_tag_question(tokens, i):
            return "cut"
        if _opener(left) and left_has and has_predicate(tokens[i:]):
            return "cut"
        if here.tag == "INTJ" and here.norm != "please" or here.tag in ("CONJ", "SUB", "WH") and has_predicate(rest) and left_has:
            return "cut"
        if (
            here.tag == "NAME"
            and all(x.tag == "NAME" for x in rest)
            and left_has
            and i + len(rest) == len(tokens)
            and not any(x.tag == "NAME" for x in left)
        ):
            return "cut"
        if left_has and (
            _subject_and_verb(rest)
            or is_question_inversion(tokens, i)
            or here.tag == "VERB"
            and here.form == "base"
            and before.tag != "VERB"
        ):
            return "cut"
        if here.norm == "then" and has_predicate(rest):
            return "cut"
        return ""
    if before.tag == "INTJ" and before.norm != "please" and len(left) <= 3 and all(x.tag in ("INTJ", "FILL", "NAME") for x in left):
        return (
            "cut"
            if here.tag in ("PRON", "POSS", "DET", "WH", "BE", "DO", "MODAL", "HAVE", "DEM", "NAME") and before.norm not in ("thanks",)
            else ""
        )
    if not left_has:
        return ""
    if (
        here.tag == "SUB"
        and here.norm != "whether"
        and not (here.norm == "if" and _asked(left))
        and not (here.norm == "if" and (left[-2] if before.tag == "PRON" and len(left) > 1 else before).lemma in t.verbs_taking_clauses | {"sure", "matter"})
    ):
        return "cut" if has_predicate(rest[1:]) else ""
    if here.tag == "CONJ" and len(rest) > 1:
        after = rest[1]
        if here.norm in ("but", "so") and has_predicate(rest):
            return "cut"
        if (
            after.norm in SUBJECTS
            and has_predicate(rest[2:])
            or after.norm == "then"
            or after.tag in ("SUB", "WH")
            or is_question_inversion(tokens, i + 1)
        ):
            return "cut"
        if after.tag in ("POSS", "DET", "NAME", "DEM", "EX") and _subject_and_verb(rest[1:]):
            return "cut"
        return ""
    if here.tag == "WH" and _next_is_when_clause(tokens, i, rest):
        return "cut"
    said = before.tag == "VERB" and before.lemma in t.verbs_taking_clauses or before.tag == "ADJ" and before.lemma in ("sure", "afraid", "glad", "sorry")
    told = before.tag == "PRON" and len(left) > 1 and left[-2].lemma in ("tell", "show", "ask", "remind")
    if said or told or before.tag == "THAT":
        if here.tag == "THAT":
            return ""
        if here.tag == "WH":
            return "link" if has_predicate(rest) else ""
        if (
            here.norm in SUBJECTS
            and has_predicate(rest[1:])
            or here.tag in ("POSS", "DET", "NAME", "EX", "DEM")
            and before.tag != "PRON"
            and _subject_and_verb(rest)
        ):
            return "link"
    return ""


def _next_is_when_clause(tokens: list[Token], i: int, rest: list[Token]) -> bool:
    """`when` + subject + verb in the middle of a sentence: a time clause, not a question."""
    return (
        tokens[i].norm == "when"
        and len(rest) > 2
        and rest[1].tag in _SUBJECTS
        and has_predicate(rest[1:])
        and tokens[i - 1].lemma not in tables().verbs_taking_clauses
    )


def _until_mark(tokens: list[Token], i: int) -> list[Token]:
    """Tokens from i to the next punctuation."""
    for k in range(i, min(len(tokens), i + _REACH)):
        if tokens[k].post:
            return tokens[i : k + 1]
    return tokens[i : i + _REACH]


def _subject_and_verb(tokens: list[Token]) -> bool:
    """Whether the tokens begin with a subject that a verb follows within a few words."""
    skipped = [t for t in tokens if t.tag not in ("ADV", "FILL")]
    if not skipped or skipped[0].tag not in _SUBJECTS:
        return False
    if skipped[0].tag == "PRON":
        return skipped[0].norm in SUBJECTS and has_predicate(skipped[1:3])
    for t in skipped[1:6]:
        if t.tag in _PREDICATES:
            return t.form not in ("ing",)
        if t.tag in ("PREP", "TO", "CONJ", "SUB", "WH"):
            return False
    return False


def _is_tag_question(tokens: list[Token], i: int) -> bool:
    """`, aren't you?`, `, is it?`, `, right?` as the end of a sentence."""
    rest = tokens[i:]
    if "?" not in rest[-1].post:
        return False
    if len(rest) == 1:
        return rest[0].norm in ("right", "ok", "okay", "correct", "huh", "yes", "no")
    return (
        2 <= len(rest) <= 3
        and rest[0].tag in ("BE", "DO", "HAVE", "MODAL")
        and rest[-1].norm in SUBJECTS | {"there"}
        and all(t.tag in ("NEG", "PRON", "EX", "ADV") for t in rest[1:])
    )


def _opener(tokens: list[Token]) -> str:
    """The conjunction that leads the clause, past `and`, `but`, `so`, `even` and interjections."""
    for k, t in enumerate(tokens[:3]):
        if (
            t.tag == "SUB"
            or t.norm in ("when", "whenever")
            and t.tag in ("WH", "SUB")
            and not is_question_inversion(tokens, k + 1)
            and has_predicate(tokens[k + 1 :])
        ):
            return t.norm
        if t.tag not in ("CONJ", "ADV", "INTJ", "FILL"):
            return ""
    return ""


def _classify(clause: Clause, clauses: list[Clause], n: int, question: bool) -> None:
    tokens = clause.tokens
    clause.opener = _opener(tokens)
    core = [t for t in tokens if t.tag not in ("INTJ", "FILL")]
    lead = 0
    while lead < len(tokens) and (
        tokens[lead].tag in ("INTJ", "FILL", "CONJ")
        or tokens[lead].tag == "ADV"
        and tokens[lead].norm in ("then", "well", "so", "just", "now")
        or tokens[lead].group > 0
        and lead < 4
    ):
        lead += 1
    if clause.opener in _CONDITIONS:
        clause.type = "conditional" if len(clauses) > 1 or not question else "yes_no"
    elif clause.opener in _TOPICS and len(clauses) > 1:
        clause.type = "topic"
    elif clause.link and any(t.tag == "WH" for t in tokens[:2]):
        clause.embedded_wh = True
    elif (
        not core
        or not has_predicate(tokens)
        and all(t.tag in ("INTJ", "FILL", "NAME", "NOUN", "ADJ", "PRON", "DET", "POSS", "ADV") or t.norm in DAY_PARTS for t in tokens)
        and not (question and n == len(clauses) - 1 and not (n and all(t.tag == "NAME" for t in tokens)))
    ):
        clause.type = "remark"
    elif n and _is_tag_question(tokens, 0):
        clause.type, clause.tag_question = "yes_no", True
    elif _asks_wh(tokens, lead, question):
        clause.type = "wh"
    elif (
        lead < len(tokens)
        and is_question_inversion(tokens, lead)
        and (
            question
            or tokens[lead + 1].norm in SUBJECTS
            or tokens[lead + 1].tag == "NEG"
            and len(tokens) > lead + 2
            and tokens[lead + 2].norm in SUBJECTS
        )
    ):
        clause.type = "yes_no"
    elif lead < len(tokens) and _commands(tokens, lead):
        clause.type = "command"


def _asks_wh(tokens: list[Token], lead: int, question: bool) -> bool:
    k = lead
    if k < len(tokens) and tokens[k].tag in ("PREP", "TO") and k + 1 < len(tokens) and tokens[k + 1].tag == "WH":
        k += 1
    if k >= len(tokens) or tokens[k].tag != "WH":
        return (
            question
            and any(t.tag == "WH" and not any(x.lemma in tables().verbs_taking_clauses for x in tokens[:m]) for m, t in enumerate(tokens))
            and not is_question_inversion(tokens, lead)
        )
    after = tokens[k + 1] if k + 1 < len(tokens) else None
    if after is None:
        return question or len(tokens) == 1
    if (
        tokens[k].norm in ("what", "how")
        and after.norm in ("a", "an")
        or tokens[k].norm == "how"
        and "!" in tokens[-1].post
        and not question
    ):
        return False
    if question:
        return True
    # Without a question mark the word order decides: a helper verb before its subject.
    for m in range(k + 1, min(k + 5, len(tokens))):
        between = tokens[k + 1 : m]
        if is_question_inversion(tokens, m) and not any(x.tag in _PREDICATES or x.norm in SUBJECTS or x.tag == "EX" for x in between):
            return True
    return tokens[k].norm in ("who", "what") and after.tag == "BE" and after.norm in ("is", "are", "was")


def _commands(tokens: list[Token], lead: int) -> bool:
    first = tokens[lead]
    if first.norm == "thank" or first.norm == "see" and len(tokens) > lead + 1 and tokens[lead + 1].norm == "you":
        return False
    if first.norm == "never" and len(tokens) > lead + 1 and tokens[lead + 1].form == "base":
        return True
    if first.norm == "let" and first.tag == "VERB" or first.tag == "BE" and first.norm == "be":
        return True
    if first.tag == "DO" and lead + 1 < len(tokens) and tokens[lead + 1].tag == "NEG":
        return True
    return (
        starts(tokens, lead)
        and first.tag == "VERB"
        and first.form == "base"
        or first.tag == "HAVE"
        and first.norm == "have"
        and lead + 1 < len(tokens)
        and tokens[lead + 1].tag in ("DET", "ADJ", "NOUN")
    )
