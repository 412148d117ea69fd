"""Units of a clause in English order to ASL order: negation, NONE, modals, time first, question word last; whole clauses: condition first."""

from __future__ import annotations

from ..phonology.number_glosses import parse_number
from .clauses import Clause
from .lookup import Finder
from .types import Gloss
from .units import Unit

# What stands behind these is no plain object: "let this go", "make the baby sleep", "become the king".
_NO_TOPIC = frozenset("be become feel let make help have hear keep get leave seem stay remain mean call name turn".split())
_CONTENT = frozenset("noun adj name num".split())
_NEGATIVE_HEADS = ("NOT", "NEVER", "NONE", "CANT", "WONT", "NOBODY", "NOTHING", "REFUSE")


def is_negative(unit: Unit | Gloss) -> bool:
    """True for a sign that negates the clause it stands in."""
    return isinstance(unit, Unit) and unit.negative or unit.gloss_id.removeprefix("fs-") in _NEGATIVE_HEADS or unit.gloss_id.startswith(("DONT-", "NOT-"))


def arrange(units: list[Unit], clause: Clause, finder: Finder) -> list[Unit]:
    """The units in signing order."""
    units = _work_question(_finish_once(units), clause, finder)
    units = _invert_modal(units, clause)
    units = _negate(units, finder, clause)
    units = _none_after_noun(units, clause, finder)
    if not _is_leave_taking(units):
        units = _time_first(units)
    if clause.type == "wh" or clause.embedded_wh:
        units = _question_word_last(units, clause)
    units = _topic_first(units, clause)
    units = _finish_of_after_clause(units)
    return units


def _finish_once(units: list[Unit]) -> list[Unit]:
    """"have finished" is one FINISH."""
    for k in range(len(units) - 1, 0, -1):
        if units[k - 1].role == "finish" and units[k].gloss_id == units[k - 1].gloss_id:
            units[k].words = tuple(dict.fromkeys(units[k - 1].words + units[k].words))
            units[k].index = units[k - 1].index
            del units[k - 1]
    return units


def _work_question(units: list[Unit], clause: Clause, finder: Finder) -> list[Unit]:
    """What-do-you-do asks for work: IX-2 WORK WHAT."""
    words = [t.norm for t in clause.tokens]
    if (
        clause.type == "wh"
        and words[:4] == ["what", "do", "you", "do"]
        and len(words) in (4, 6, 7)
        and words[4:] in ([], ["for", "work"], ["for", "a", "living"])
    ):
        units = [u for u in units if u.role in ("pron", "wh") or u.lemma == "do"]
        for unit in units:
            if unit.lemma == "do":
                work = finder.first("WORK", "JOB")
                if work:
                    unit.become(work, "'what do you do' asks for work")
                unit.words += tuple(t.text for t in clause.tokens[4:])
    return units


def _is_leave_taking(units: list[Unit]) -> bool:
    """SEE IX-2 TOMORROW is said in this order."""
    return len(units) >= 2 and units[0].gloss_id.startswith("SEE") and (units[1].gloss_id == "IX-2" or "YOU" in units[0].gloss_id)


def _invert_modal(units: list[Unit], clause: Clause) -> list[Unit]:
    """A modal verb of a question goes back behind a pronoun subject: CAN IX-2 HELP becomes IX-2 CAN HELP."""
    if clause.type not in ("yes_no", "wh"):
        return units
    for k in range(len(units) - 1):
        if (
            (units[k].role == "modal" or units[k].gloss_id in ("CANT", "WONT"))
            and units[k + 1].role == "pron"
            and (k == 0 or units[k - 1].role in ("wh", "time", "intj", "conj", "noun", "opener"))
        ):
            units[k], units[k + 1] = units[k + 1], units[k]
            break
    return units


def _negate(units: list[Unit], finder: Finder, clause: Clause) -> list[Unit]:
    """NOT and a verb to one sign where there is one (DONT-WANT); NOT of a question behind its pronoun; NOT HAVE noun to noun NONE."""
    out: list[Unit] = []
    k = 0
    while k < len(units):
        unit = units[k]
        after = units[k + 1] if k + 1 < len(units) else None
        if unit.gloss_id == "NOT" and unit.role == "neg" and after is not None:
            if after.role == "pron" and clause.type in ("yes_no", "wh") and (not out or out[-1].role in ("wh", "time", "intj", "conj")):
                units[k], units[k + 1] = after, unit
                continue
            name = after.gloss_id.removeprefix("fs-")
            joined = finder.first(f"DONT-{name}", f"NOT-{name}") if after.role in ("verb", "have") else None
            if joined:
                after.words = tuple(dict.fromkeys(unit.words + after.words))
                after.become(joined, "negative verb", "neg", negative=True)
                after.index = unit.index
                k += 1
                continue
            if after.role in ("have", "exist") and finder.first("NONE"):
                after.words = tuple(dict.fromkeys(unit.words + after.words))
                after.become("NONE", "not have: NONE after the noun", "none", negative=True)
                after.index = unit.index
                k += 1
                continue
            if after.role == "modal" and after.words[:1] != unit.words[:1] and after.lemma == "have" and (need := finder.first("NEED")):
                after.become(need, "'not have to': NOT NEED")
            elif after.role == "modal" and k + 2 < len(units):
                units[k], units[k + 1] = after, unit
                continue
        out.append(unit)
        k += 1
    for k in range(len(out) - 1):  # there is not: HAVE NOT
        if out[k].role == "exist" and out[k + 1].gloss_id == "NOT" and finder.first("NONE"):
            out[k + 1].become("NONE", "there is not: NONE after the noun", "none", negative=True)
            out[k + 1].words = tuple(dict.fromkeys(out[k].words + out[k + 1].words))
            del out[k]
            break
    return out


def _none_after_noun(units: list[Unit], clause: Clause, finder: Finder) -> list[Unit]:
    """NONE follows what there is none of: BROTHER NONE. HAVE before it is left to NONE."""
    for k, unit in enumerate(units):
        if unit.role != "none":
            continue
        end = k + 1
        while end < len(units) and units[end].role in _CONTENT | {"poss"}:
            end += 1
        if end == k + 1:
            if unit.gloss_id == "NONE" and end == len(units) and unit.why.startswith("no +"):
                unit.why = "negation"
            continue
        units = units[:k] + units[k + 1 : end] + [unit] + units[end:]
        before = units[k - 1] if k else None
        if before is not None and before.role in ("verb", "have") and before.gloss_id == "HAVE":
            unit.words = before.words + unit.words
            unit.why = "have no: NONE after the noun"
            del units[k - 1]
        break
    return units


def _time_first(units: list[Unit]) -> list[Unit]:
    """Time expressions lead the clause, behind greetings and joining words."""
    times = [u for u in units if u.group > 0]
    if not times or len(times) == len(units):
        return units
    rest = [u for u in units if u.group <= 0]
    lead = 0
    while lead < len(rest) and rest[lead].role in ("intj", "conj", "opener", "rhetorical"):
        lead += 1
    if units[lead : lead + len(times)] != times:
        for unit in times:
            unit.why = f"{unit.why}; time first" if unit.why else "time first"
    clock = {u.group for u in times if u.gloss_id == "TIME" or (n := parse_number(u.gloss_id)) and n.kind == "clock"}
    times = sorted(times, key=lambda u: u.group in clock)  # the day before the hour
    return rest[:lead] + times + rest[lead:]


def _topic_first(units: list[Unit], clause: Clause) -> list[Unit]:
    """A definite object ("the movie", "that book") of a plain statement with a pronoun subject is its topic: MOVIE, IX-1 LIKE.

    Topicalised objects are old information (Valli & Lucas; Aarons 1994); an object that is new, or anything else behind the verb, stays.
    """
    if clause.type != "statement" or clause.link or clause.opener or clause.embedded_wh:
        return units
    verbs = [k for k, u in enumerate(units) if u.role == "verb" or u.role == "neg" and u.gloss_id.startswith("DONT-")]
    start = next((k for k, u in enumerate(units) if u.role == "pron"), None)
    if len(verbs) != 1 or start is None or any(u.role not in ("time", "intj", "conj") for u in units[:start]) or clause.tokens[-1].post == "?":
        return units
    verb = verbs[0]
    thing = units[verb + 1 :]
    if (
        not start < verb
        or any(u.role not in ("modal", "finish", "neg", "adv") for u in units[start + 1 : verb])
        or not thing
        or any(u.role not in ("dem", "adj", "num", "noun") or u.group for u in thing)
        or thing[-1].role != "noun"
        or not (thing[0].role == "dem" or thing[0].before in ("the", "this", "that", "these", "those"))
        or _is_predicate_noun(units[verb], clause)
    ):
        return units
    for unit in thing:
        unit.topic = True
    thing[-1].why = f"{thing[-1].why}; topic first"
    return units[:start] + thing + units[start : verb + 1]


def _is_predicate_noun(verb: Unit, clause: Clause) -> bool:
    """Whether a preposition or particle stood between verb and object and was dropped: "go to the store" has no object."""
    after = next((t for t in clause.tokens if t.index > verb.index), None)
    last = [t for t in clause.tokens if t.index == verb.index][-1]
    follows = clause.tokens[clause.tokens.index(last) + 1 :]
    return after is None or any(t.tag in ("PREP", "TO", "CONJ", "REL", "GEN") or t.post == "," for t in follows) or verb.lemma in _NO_TOPIC


def _question_word_last(units: list[Unit], clause: Clause) -> list[Unit]:
    """The question word, with the noun it asks about before it, closes the clause: COLOR IX-2 LIKE WHAT is IX-2 LIKE COLOR WHAT."""
    k = next((k for k, u in enumerate(units) if u.role == "wh"), None)
    if k is None:
        return units
    tokens = clause.tokens
    if clause.embedded_wh and len(tokens) > 1 and tokens[0].norm in ("how", "what", "where", "when") and tokens[1].tag == "TO":
        return units
    wh = units[k]
    if wh.gloss_id == "HOW" and len(units) == 2 and [t.norm for t in tokens[-3:]] in (["how", "are", "you"], ["how", "are", "ya"]):
        wh.why = "greeting: HOW IX-2"
        return units
    end = k + 1
    if wh.gloss_id == "HOW":
        if end < len(units) and units[end].role in ("adj", "adv") and _follows(wh, units[end], clause):
            end += 1
        phrase = units[k:end]
    else:
        while end < len(units) and units[end].role in _CONTENT and not units[end].group and _noun_of_wh(wh, units[end], clause):
            end += 1
        phrase = units[k + 1 : end] + [wh]
        if len(phrase) > 1 and not _helper_after(phrase, clause):
            phrase = [wh]
            end = k + 1
    rest = units[:k] + [u for u in units[k + 1 :] if u not in phrase]
    tail = 0
    while tail < len(rest) and rest[len(rest) - 1 - tail].role == "intj":
        tail += 1
    if rest:
        wh.why = "question word last"
    return rest[: len(rest) - tail] + phrase + rest[len(rest) - tail :]


def _follows(wh: Unit, unit: Unit, clause: Clause) -> bool:
    """Whether the unit's word stands right after HOW ("how old"), not behind a helper verb ("how is old")."""
    return unit.index == wh.index + 1 and not any(t.index == wh.index and t.tag in ("BE", "DO", "HAVE") for t in clause.tokens)


def _noun_of_wh(wh: Unit, unit: Unit, clause: Clause) -> bool:
    """Whether only nouns and adjectives stand between the question word and this unit: "which red book"."""
    between = [t for t in clause.tokens if wh.index <= t.index <= unit.index and t.tag != "WH"]
    return all(t.tag in ("NOUN", "ADJ", "NUM", "NAME") or t.norm in ("many", "much", "of", "kind") for t in between)


def _helper_after(phrase: list[Unit], clause: Clause) -> bool:
    """Whether a helper verb follows the noun of the question: then it is the object, and moves along with the question word."""
    last = max(u.index for u in phrase)
    after = next((t for t in clause.tokens if t.index > last), None)
    return after is None or after.tag in ("BE", "DO", "HAVE", "MODAL")


def _finish_of_after_clause(units: list[Unit]) -> list[Unit]:
    """An after-clause ends in FINISH instead of beginning with AFTER."""
    marks = [u for u in units if u.role == "after"]
    return [u for u in units if u.role != "after"] + marks if marks else units


def arrange_clauses(parts: list[tuple[Clause, list[Unit]]]) -> list[tuple[Clause, list[Unit]]]:
    """Conditions, time clauses and forms of address go before what they belong to; a question word of "do you think" goes to the very end."""
    ordered: list[tuple[Clause, list[Unit]]] = []
    for clause, units in parts:
        if (
            clause.type in ("conditional", "topic")
            and ordered
            and clause.opener in ("if", "unless", "when", "whenever", "after", "while", "once", "suppose")
        ):
            start = len(ordered) - 1
            while start > 0 and ordered[start][0].link:
                start -= 1
            ordered.insert(start, (clause, units))
        elif (
            clause.type == "remark"
            and len(clause.tokens) <= 2
            and ordered
            and units
            and all(u.role == "name" for u in units)
            and ordered[-1][0].type in ("wh", "yes_no", "command")
        ):
            ordered.insert(len(ordered) - 1, (clause, units))
        else:
            ordered.append((clause, units))
    for k in range(len(ordered) - 1):
        clause, units = ordered[k]
        nxt, following = ordered[k + 1]
        if clause.type == "wh" and nxt.link and not nxt.embedded_wh and units and units[-1].role == "wh" and following:
            following.append(units.pop())
            following[-1].why = "question word last"
    return ordered
