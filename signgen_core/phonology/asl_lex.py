"""ASL-LEX 2.0 tables: read, compared with a lexicon feature by feature.

The table is the user's own download (CC BY-NC 4.0, Sehyr, Caselli, Cohen-Goldberg & Emmorey 2021); no row of it stands in SignGen. Columns and
values: docs/formats/asl_lex.md. Dumps differ in encoding, in the case of handshape names and in how they say "no value".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FileFormatError, LexiconError
from .features import ALL_MINOR_LOCATIONS, FLEXIONS, MAJOR_LOCATIONS, MOVEMENTS, SIGN_TYPES, Phonology
from .handshapes import Handshapes, load_handshapes
from .lexicon import Entry, Lexicon

MAX_MORPHEMES = 6
# our field -> column of the first morpheme; those of the others have M2 ... M6 before the .2.0
COLUMNS = {
    "handshape": "Handshape",
    "selected_fingers": "SelectedFingers",
    "flexion": "Flexion",
    "flexion_change": "FlexionChange",
    "spread": "Spread",
    "spread_change": "SpreadChange",
    "thumb_position": "ThumbPosition",
    "thumb_contact": "ThumbContact",
    "sign_type": "SignType",
    "movement": "Movement",
    "repeated_movement": "RepeatedMovement",
    "major_location": "MajorLocation",
    "minor_location": "MinorLocation",
    "second_minor_location": "SecondMinorLocation",
    "contact": "Contact",
    "nondominant_handshape": "NonDominantHandshape",
    "ulnar_rotation": "UlnarRotation",
}
# What decides whether two descriptions are of the same sign; a row without these cannot be used.
REQUIRED = ("handshape", "sign_type", "movement", "repeated_movement", "major_location", "minor_location", "contact")
COMPARED = (*REQUIRED, "selected_fingers", "flexion", "second_minor_location", "nondominant_handshape", "ulnar_rotation")
_ABSENT = {"", "na", "n/a", "nan", "none given", "-"}
_SENTINELS = {"dominanceviolation", "symmetryviolation", "lax"}  # in NonDominantHandshape: not a handshape
_TRUE, _FALSE = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}
_BOOLS = {"flexion_change", "spread", "spread_change", "thumb_contact", "repeated_movement", "contact", "ulnar_rotation"}
_ENUMS = {
    "sign_type": SIGN_TYPES, "movement": MOVEMENTS, "major_location": MAJOR_LOCATIONS, "minor_location": ALL_MINOR_LOCATIONS,
    "second_minor_location": ALL_MINOR_LOCATIONS, "flexion": FLEXIONS, "thumb_position": ("Open", "Closed"),
}  # fmt: skip
_FOLDED = {name: {v.lower(): v for v in values} for name, values in _ENUMS.items()}
_OLD_NAMES = {"dominanceconditionviolation": "DominanceViolation", "symmetryconditionviolation": "SymmetryViolation"}
# Written differently for the dominant hand and for the other one in the table itself.
_HANDSHAPE_NAMES = {"b": "open_b"}
# Handshapes of ours for which the table has no name of its own.
_COUNTED_AS = {"thumb_up": "a"}
Value = str | bool | None


@dataclass(frozen=True)
class Row:
    """One sign of the table. morphemes: one dict per morpheme, our field name -> value, None where the table has none."""

    entry_id: str
    lemma: str
    lexical_class: str
    frequency: float | None
    morphemes: tuple[dict[str, Value], ...]
    line: int = 0

    @property
    def gloss(self) -> str:
        """The entry's name as a gloss: upper case, words joined by hyphens, without a variant's number."""
        return gloss_of(self.entry_id)


def gloss_of(name: str) -> str:
    """`ice_cream_1` -> `ICE-CREAM`."""
    plain = re.sub(r"_\d+$", "", name.strip()).replace("'", "")
    return re.sub(r"[^A-Z0-9.]+", "-", plain.upper()).strip("-")


def read_asl_lex(path: Path | str) -> tuple[Row, ...]:
    """The rows of a table (csv, UTF-8 with or without BOM, or Latin-1). Raises FileFormatError naming file, and row or column."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise FileFormatError(f"{path}: {problem.strerror or problem}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise FileFormatError(f"{path}: not a csv table")
    table = csv.reader(io.StringIO(text, newline=""))
    header = next(table, None)
    if not header:
        raise FileFormatError(f"{path}: empty; expected an ASL-LEX 2.0 table with a header line")
    places = {name.strip().lower(): i for i, name in reversed(list(enumerate(header)))}
    wanted = {"EntryID": "entryid"} | {f"{COLUMNS[f]}.2.0": f"{COLUMNS[f].lower()}.2.0" for f in REQUIRED}
    missing = [shown for shown, key in wanted.items() if key not in places]
    if missing:
        raise FileFormatError(f"{path}: no column {', '.join(missing)}; expected an ASL-LEX 2.0 table")
    shapes = load_handshapes()
    rows: list[Row] = []
    for cells in table:
        if not any(c.strip() for c in cells):
            continue
        where = f"{path}: line {table.line_num}"
        if len(cells) < len(header):
            raise FileFormatError(f"{where}: {len(cells)} cells, the header has {len(header)}")
        name = cells[places["entryid"]].strip()
        if not name:
            raise FileFormatError(f"{where}: EntryID is empty")
        morphemes = []
        for number in range(1, MAX_MORPHEMES + 1):
            morpheme = _morpheme(cells, places, number, where, shapes)
            if morpheme is None:
                break
            morphemes.append(morpheme)
        if not morphemes:
            continue  # a sign that was not coded
        rows.append(
            Row(
                entry_id=name, lemma=_cell(cells, places, "lemmaid") or name, lexical_class=_cell(cells, places, "lexicalclass"),
                frequency=_float(_cell(cells, places, "signfrequency(m)")), morphemes=tuple(morphemes), line=table.line_num,
            )
        )  # fmt: skip
    if not rows:
        raise FileFormatError(f"{path}: no coded sign in it")
    return tuple(rows)


def _cell(cells: list[str], places: dict[str, int], key: str) -> str:
    return cells[places[key]].strip() if key in places else ""


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _morpheme(cells: list[str], places: dict[str, int], number: int, where: str, shapes: Handshapes) -> dict[str, Value] | None:
    infix = "" if number == 1 else f"m{number}"
    out: dict[str, Value] = {}
    for name, column in COLUMNS.items():
        key = f"{column.lower()}{infix}.2.0"
        text = _cell(cells, places, key)
        shown = f"{where}: {column}{infix.upper()}.2.0"
        if name == "movement" and text.lower() == "none":
            out[name] = "None"
        elif text.lower() in _ABSENT:
            out[name] = None
        elif name in _BOOLS:
            folded = text.lower()
            if folded not in _TRUE | _FALSE:
                raise FileFormatError(f"{shown}: expected 0 or 1, found {text!r}")
            out[name] = folded in _TRUE
        elif name in ("handshape", "nondominant_handshape"):
            out[name] = _handshape(text, name, shown, shapes)
        elif name in _FOLDED:
            # later morphemes say a bare Away of the place that their major location names
            folded = f"{out.get('major_location') or ''}away".lower() if text.lower() == "away" else text.lower()
            value = _FOLDED[name].get(folded) or _OLD_NAMES.get(folded)
            if value is None and number > 1 and name.endswith("_location"):
                value = "Other"  # later morphemes were coded more freely than the key says (ElbowFront)
            if value is None:
                raise FileFormatError(f"{shown}: {text!r} is not one of {', '.join(_ENUMS[name])}")
            out[name] = value
        else:
            out[name] = text.lower()
    if out["handshape"] is None or out["sign_type"] is None:
        return None
    return out


def _handshape(text: str, name: str, where: str, shapes: Handshapes) -> Value:
    folded = text.lower()
    if name == "nondominant_handshape" and folded in _SENTINELS:
        return None
    folded = _HANDSHAPE_NAMES.get(folded, folded)
    try:
        shapes.get(folded)
    except LexiconError as problem:
        raise FileFormatError(f"{where}: {problem}") from None
    return folded


@dataclass(frozen=True)
class Disagreement:
    """One feature on which an entry and a row differ. variant: what the entry says about itself, empty when it says nothing."""

    gloss_id: str
    entry_id: str
    feature: str
    ours: Value
    theirs: Value
    variant: str


@dataclass
class Comparison:
    """Agreement per feature over the signs that both have. counts: feature -> (agreeing, explained by a variant, compared)."""

    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    only_lexicon: list[str] = field(default_factory=list)

    def share(self, feature: str) -> float:
        """Agreeing signs among all compared ones, variants counted as disagreeing; nan when there are none."""
        agree, _, total = self.counts.get(feature, (0, 0, 0))
        return agree / total if total else float("nan")

    def share_or_variant(self, feature: str) -> float:
        agree, explained, total = self.counts.get(feature, (0, 0, 0))
        return (agree + explained) / total if total else float("nan")


def value_of(phonology: Phonology, feature: str, shapes: Handshapes) -> Value:
    """A feature of a morpheme as ASL-LEX would code it: what follows from the handshape is taken from the inventory."""
    value = getattr(phonology, feature)
    if feature in ("handshape", "nondominant_handshape"):
        value = _COUNTED_AS.get(value, value)
    if value is None and feature in ("selected_fingers", "flexion", "spread", "thumb_position", "thumb_contact"):
        value = getattr(shapes.get(phonology.handshape), feature)
    if feature == "nondominant_handshape" and value is None and phonology.symmetrical:
        value = _COUNTED_AS.get(phonology.handshape, phonology.handshape)  # the table writes it out
    if feature == "flexion" and value == "NA":
        value = None
    return value  # type: ignore[no-any-return]


def _alike(feature: str, ours: Value, theirs: Value) -> bool:
    if feature == "nondominant_handshape" and {ours, theirs} <= {"open_b", "closed_b"}:
        return True  # the table has one name, B, for both on the other hand
    return ours == theirs


def candidates(entry: Entry, by_gloss: dict[str, list[Row]], by_id: dict[str, Row]) -> list[Row]:
    """The rows that an entry may be compared with: the one it names, else all of its gloss."""
    if entry.asl_lex:
        row = by_id.get(entry.asl_lex.lower())
        return [row] if row else []
    return by_gloss.get(entry.gloss_id, [])


def compare(lexicon: Lexicon, rows: Iterable[Row]) -> Comparison:
    """Feature by feature, first morpheme against first morpheme; of several rows of a lemma the nearest counts (they are variants of each other)."""
    shapes = load_handshapes()
    by_gloss: dict[str, list[Row]] = {}
    by_id: dict[str, Row] = {}
    for row in rows:
        by_gloss.setdefault(row.gloss, []).append(row)
        by_id.setdefault(row.entry_id.lower(), row)
    result = Comparison()
    totals = {feature: [0, 0, 0] for feature in COMPARED}
    for entry in lexicon.entries.values():
        found = candidates(entry, by_gloss, by_id)
        if not found:
            result.only_lexicon.append(entry.gloss_id)
            continue
        scored = [(_differences(entry, row, shapes), row) for row in found]
        differences, row = min(scored, key=lambda s: (sum(f in REQUIRED for f, _, _ in s[0]), len(s[0])))
        result.pairs.append((entry.gloss_id, row.entry_id))
        differing = {f for f, _, _ in differences}
        for feature in COMPARED:
            if feature in REQUIRED and row.morphemes[0][feature] is None:
                continue
            count = totals[feature]
            count[0] += feature not in differing
            count[1] += feature in differing and bool(entry.variant)
            count[2] += 1
        result.disagreements += [Disagreement(entry.gloss_id, row.entry_id, f, ours, theirs, entry.variant) for f, ours, theirs in differences]
    result.counts = {feature: (a, b, c) for feature, (a, b, c) in totals.items()}
    return result


def _differences(entry: Entry, row: Row, shapes: Handshapes) -> list[tuple[str, Value, Value]]:
    ours, theirs = entry.morphemes[0], row.morphemes[0]
    out: list[tuple[str, Value, Value]] = []
    for feature in COMPARED:
        expected = theirs[feature]
        if feature in REQUIRED and expected is None:
            continue
        value = value_of(ours, feature, shapes)
        if not _alike(feature, value, expected):
            out.append((feature, value, expected))
    return out
