"""Places in signing space for the persons of a text: who is introduced gets one, and later pronouns and mentions point there.

A name or person noun that is referred to again gets the next free locus where it first stands: A at the signer's dominant side, B at the other.
`fs-ANNA IX-A` sets it up; `IX-A`, `POSS-A` and `SELF-A` point back, with the eyes on the locus. Sources: Liddell 2003 (pointing at entities placed in
space), Neidle et al. 2000 (indices as pronouns and as determiners after the noun; gaze as agreement), Baker-Shenk & Cokely 1980 (referents right and left).
Persons beyond the second, and `they` of several, keep IX-3 and IX-3-PL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .tables import tables
from .units import Unit

LOCI = ("A", "B")
GAZE = {"A": "right", "B": "left"}  # of a right-handed signer; a left-handed one is mirrored as a whole
_MALE, _FEMALE = frozenset("he him his himself".split()), frozenset("she her hers herself".split())
_PLACE_WORDS = frozenset("in to from at near of around through toward towards".split())
_TITLES = frozenset("mr mrs ms miss dr".split())


@dataclass
class _Person:
    """Someone the text speaks of. mentions: (sentence, first unit, last unit) of each time by name; uses: pronouns that mean them."""

    key: tuple[str, ...]
    gender: str
    order: int
    subject: bool
    sentence: int
    mentions: list[tuple[int, Unit, Unit]] = field(default_factory=list)
    uses: list[Unit] = field(default_factory=list)
    locus: str = ""


def assign_loci(sentences: Sequence[list[Unit]]) -> None:
    """Give places to the persons of a text, in place: pronouns change, IX-A or IX-B comes after the noun that sets the place up."""
    people: list[_Person] = []
    clock = 0
    for number, units in enumerate(sentences):
        by_text = sorted(range(len(units)), key=lambda k: units[k].index)
        seen_verb = False
        skip: set[int] = set()
        for k in by_text:
            clock += 1
            unit = units[k]
            if k in skip:
                continue
            gender = _pronoun_gender(unit)
            if gender:
                found = _antecedent(people, gender, number, is_object=_is_object(unit))
                if found is not None:
                    found.gender = found.gender or gender
                    found.uses.append(unit)
                    found.order, found.sentence, found.subject = clock, number, not seen_verb
            elif _is_person(units, k):
                last = k
                while unit.role == "name" and last + 1 < len(units) and units[last + 1].role == "name" and units[last + 1].index == units[last].index + 1:
                    last += 1
                    skip.add(last)
                _mention(people, units[k : last + 1], number, clock, subject=not seen_verb)
            seen_verb = seen_verb or unit.role == "verb"
    chosen = [p for p in people if p.uses]
    chosen.sort(key=lambda p: (p.mentions[0][0], p.mentions[0][1].index))
    for person, locus in zip(chosen, LOCI, strict=False):
        _place(person, locus, sentences)


def _pronoun_gender(unit: Unit) -> str:
    if unit.gloss_id not in ("IX-3", "POSS-3", "SELF-3") or unit.role not in ("pron", "poss"):
        return ""
    words = {w.lower().split("'")[0] for w in unit.words}
    return "m" if words & _MALE else "f" if words & _FEMALE else ""


def _is_object(unit: Unit) -> bool:
    return unit.gloss_id == "IX-3" and bool({w.lower() for w in unit.words} & {"him", "her"})


def _is_person(units: list[Unit], k: int) -> bool:
    """A name that is no place, or a noun that means one person."""
    unit = units[k]
    if unit.predicate:
        return False  # "he is my brother" tells of someone who is there already
    if unit.role == "name" and unit.kind == "fingerspelled":
        return unit.before not in _PLACE_WORDS and unit.lemma not in _TITLES and "." not in unit.words[0]
    return unit.role in ("noun", "name") and unit.lemma in tables().persons and not unit.repeats and unit.tag in ("NOUN", "NAME")


def _mention(people: list[_Person], units: list[Unit], sentence: int, clock: int, *, subject: bool) -> None:
    key = tuple(u.lemma for u in units)
    gender = _gender(key)
    known = next((p for p in people if p.key == key or units[0].role == "name" and p.key[0] == key[0] and len(key) == 1), None)
    if known is None:
        known = _Person(key, gender, clock, subject, sentence)
        people.append(known)
    known.order, known.sentence, known.subject = clock, sentence, subject
    known.mentions.append((sentence, units[0], units[-1]))


def _gender(key: tuple[str, ...]) -> str:
    t = tables()
    return t.persons.get(key[0], "") or ("f" if key[0] in t.female_names else "m" if key[0] in t.male_names else "")


def _antecedent(people: list[_Person], gender: str, sentence: int, *, is_object: bool) -> _Person | None:
    """Whom a pronoun means: known gender before open, the latest sentence first, in it a subject before others; an object is never its own subject."""
    fitting = [p for p in people if p.gender in (gender, "") and not (is_object and p.subject and p.sentence == sentence)]
    return max(fitting, key=lambda p: (p.gender == gender, p.sentence, p.subject, p.order), default=None)


def _place(person: _Person, locus: str, sentences: Sequence[list[Unit]]) -> None:
    for unit in person.uses:
        _point(unit, locus)
    for number, (sentence, _, last) in enumerate(person.mentions):
        units = sentences[sentence]
        k = next(i for i, u in enumerate(units) if u is last)
        following = units[k + 1] if k + 1 < len(units) else None
        if following is not None and following.gloss_id == "POSS-3" and following.why.startswith("possessor"):
            _point(following, locus)
            continue  # the possessive sets the place up
        if number and last.role == "name":
            continue  # a name is enough the second time
        why = f"locus {locus}: set up in space" if not number else f"locus {locus}: pointing back"
        pointing = replace(last, gloss_id=f"IX-{locus}", kind="index", role="pron", why=why, confidence=1.0, emphasis="none", gaze=GAZE[locus])
        last.pause = 0.0
        units.insert(k + 1, pointing)


def _point(unit: Unit, locus: str) -> None:
    unit.gloss_id = f"{unit.gloss_id.split('-')[0]}-{locus}"
    unit.why = f"{unit.why}; locus {locus}"
    unit.gaze = GAZE[locus]
