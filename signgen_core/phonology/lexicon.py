"""The lexicon: glosses with their English words and their phonology, read from presets/lexicon/ase/ (docs/formats/lexicon.md)."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import LexiconError
from ..presets import PRESETS_DIR, data_folder, read_json
from .features import Phonology, phonology_from_json, phonology_to_json
from .handshapes import Handshapes, load_handshapes

_PARTS_OF_SPEECH = (
    "noun", "verb", "adjective", "adverb", "pronoun", "question", "number", "time", "interjection", "conjunction", "preposition",
)  # fmt: skip
_KEYS = {"words", "pos", "kind", "description", "duration", "non_manual_markers", "variant", "asl_lex", "inferred", "morphemes"}
_FILE_KEYS = {"version", "sign_language", "signs", "licence", "source", "override"}
_MARKERS = {"facial_expression", "head_movement", "eye_gaze", "torso", "mouthing"}


@dataclass(frozen=True)
class Entry:
    """One sign.

    morphemes: at least one. duration: seconds or None (then it follows from the movement). inferred: names of fields that were worked out by rule
    from an imported description, not written by a person. source: the file it stands in. licence: of the description.
    """

    gloss_id: str
    words: tuple[str, ...]
    pos: str
    morphemes: tuple[Phonology, ...]
    kind: str = "lexical"
    description: str = ""
    duration: float | None = None
    non_manual_markers: dict[str, str] = field(default_factory=dict)
    variant: str = ""
    asl_lex: str = ""
    inferred: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""


class Lexicon:
    """Signs by gloss and by English word."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries: dict[str, Entry] = {}
        self._by_word: dict[str, str] = {}
        for entry in entries:
            if entry.gloss_id in self.entries:
                raise LexiconError(f"{entry.source}: signs.{entry.gloss_id}: already defined in {self.entries[entry.gloss_id].source}")
            self.entries[entry.gloss_id] = entry
            for word in entry.words:
                self._by_word.setdefault(word, entry.gloss_id)

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, word: str) -> str | None:
        """The gloss for an English lemma or phrase in lower case, or None."""
        return self._by_word.get(word)

    def has(self, gloss_id: str) -> bool:
        return gloss_id in self.entries

    def get(self, gloss_id: str) -> Entry:
        """The entry of a gloss. Raises LexiconError naming the nearest glosses."""
        if gloss_id not in self.entries:
            near = difflib.get_close_matches(gloss_id.upper(), self.entries, n=3, cutoff=0.5)
            raise LexiconError(f"unknown gloss {gloss_id!r}" + (f"; nearest: {', '.join(near)}" if near else ""))
        return self.entries[gloss_id]

    @property
    def glosses(self) -> tuple[str, ...]:
        return tuple(self.entries)


SHIPPED = PRESETS_DIR / "lexicon" / "ase"
GESTURES = PRESETS_DIR / "gestures"  # co-speech gestures in the form of signs without words
LICENCE = "GPL-3.0-or-later"  # of the shipped signs; a user's file may name another


def user_lexicon_folder() -> Path:
    """Where `signgen lexicon import` puts signs, and where a user may put lexicon files of their own."""
    return data_folder() / "lexicon" / "ase"


def load_lexicon(folder: Path | None = None) -> Lexicon:
    """All `*.json` of a folder in the order of their names; by default the shipped ASL lexicon and the gestures, then the user's own signs.

    Of two signs with one gloss the shipped one stands, unless the user's file says `"override": true`. Raises LexiconError naming file and field.
    """
    return _load(folder, None) if folder is not None else _load(SHIPPED, user_lexicon_folder())


@lru_cache(maxsize=4)
def _load(folder: Path, user: Path | None) -> Lexicon:
    files = sorted(folder.glob("*.json"))
    if folder == SHIPPED:
        files += sorted(GESTURES.glob("*.json"))
    if not files:
        raise LexiconError(f"{folder}: holds no lexicon files")
    shapes = load_handshapes()
    entries: list[Entry] = []
    for path in files:
        entries += read_lexicon_file(path, shapes)
    if user is None or not user.is_dir():
        return Lexicon(entries)
    shipped = {e.gloss_id for e in entries}
    replaced: set[str] = set()
    own: list[Entry] = []
    for path in sorted(user.glob("*.json")):
        read = read_lexicon_file(path, shapes)
        overrides = bool(read_json(path).get("override", False))
        replaced |= {e.gloss_id for e in read if overrides}
        own += [e for e in read if overrides or e.gloss_id not in shipped]
    # signs that override come first, so that their words do too
    kept = [e for e in entries if e.gloss_id not in replaced]
    return Lexicon([e for e in own if e.gloss_id in replaced] + kept + [e for e in own if e.gloss_id not in replaced])


def read_lexicon_file(path: Path, shapes: Handshapes) -> list[Entry]:
    """The entries of one file. Raises LexiconError naming file and field."""
    data = read_json(path)
    name = path.name
    if not isinstance(data, dict) or data.get("version") != 1 or not isinstance(data.get("signs"), dict):
        raise LexiconError(f"{name}: expected an object with version 1 and signs")
    for key in data:
        if key not in _FILE_KEYS:
            raise LexiconError(f"{name}: {key}: unknown field")
    licence = data.get("licence", LICENCE)
    return [_entry(gloss, raw, f"{name}: signs.{gloss}", name, shapes, licence) for gloss, raw in data["signs"].items()]


def _entry(gloss: str, raw: Any, where: str, source: str, shapes: Handshapes, licence: str = LICENCE) -> Entry:
    if not isinstance(raw, dict):
        raise LexiconError(f"{where}: expected an object")
    for key in raw:
        if key not in _KEYS:
            raise LexiconError(f"{where}.{key}: unknown field")
    morphemes = raw.get("morphemes")
    if not isinstance(morphemes, list) or not morphemes:
        raise LexiconError(f"{where}.morphemes: expected a list of at least one morpheme")
    words = raw.get("words", [])
    if not isinstance(words, list) or not all(isinstance(w, str) and w == w.lower() for w in words):
        raise LexiconError(f"{where}.words: expected a list of lower-case strings")
    if raw.get("pos", "noun") not in _PARTS_OF_SPEECH:
        raise LexiconError(f"{where}.pos: {raw['pos']!r} is not one of {', '.join(_PARTS_OF_SPEECH)}")
    duration = raw.get("duration")
    if duration is not None and (isinstance(duration, bool) or not isinstance(duration, int | float) or not 0.1 <= duration <= 5.0):
        raise LexiconError(f"{where}.duration: expected seconds from 0.1 to 5, found {duration!r}")
    markers = raw.get("non_manual_markers", {})
    if not isinstance(markers, dict) or not set(markers) <= _MARKERS:
        raise LexiconError(f"{where}.non_manual_markers: keys may be {', '.join(sorted(_MARKERS))}")
    built = tuple(phonology_from_json(m, f"{where}.morphemes[{i}]") for i, m in enumerate(morphemes))
    for i, morpheme in enumerate(built):
        check_handshapes(morpheme, shapes, f"{where}.morphemes[{i}]")
    return Entry(
        gloss_id=gloss, words=tuple(words), pos=raw.get("pos", "noun"), morphemes=built, kind=raw.get("kind", "lexical"),
        description=raw.get("description", ""), duration=duration, non_manual_markers=dict(markers), variant=raw.get("variant", ""),
        asl_lex=raw.get("asl_lex", ""), inferred=tuple(raw.get("inferred", ())), source=source, licence=licence,
    )  # fmt: skip


def check_handshapes(morpheme: Phonology, shapes: Handshapes, where: str) -> None:
    """Raises LexiconError naming the field if a handshape is not in the inventory."""
    names = {
        "handshape": morpheme.handshape,
        "final_handshape": morpheme.final_handshape,
        "nondominant_handshape": morpheme.nondominant_handshape,
        "nondominant.final_handshape": morpheme.nondominant.final_handshape,
    }
    for key, value in names.items():
        if value is not None and value not in shapes:
            try:
                shapes.get(value)
            except LexiconError as problem:
                raise LexiconError(f"{where}.{key}: {problem}") from None


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """The JSON object of an entry; keys at their default are left out. Inverse of reading one."""
    out: dict[str, Any] = {"words": list(entry.words), "pos": entry.pos}
    if entry.kind != "lexical":
        out["kind"] = entry.kind
    for key in ("description", "duration", "non_manual_markers", "variant", "asl_lex"):
        if value := getattr(entry, key):
            out[key] = value
    if entry.inferred:
        out["inferred"] = list(entry.inferred)
    out["morphemes"] = [phonology_to_json(m) for m in entry.morphemes]
    return out


def dump_lexicon(signs: dict[str, Any], sign_language: str = "ase", **head: str | bool) -> str:
    """The text of a lexicon file from gloss -> JSON object of an entry: a key a line, a morpheme in as few lines as fit. head: licence, source, override."""
    lines = ["{", '  "version": 1,', f'  "sign_language": {json.dumps(sign_language)},']
    lines += [f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}," for k, v in head.items()]
    lines.append('  "signs": {')
    for i, (gloss, entry) in enumerate(signs.items()):
        lines.append(f"    {json.dumps(gloss, ensure_ascii=False)}: {{")
        parts = [f"      {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in entry.items() if k != "morphemes"]
        morphemes = ",\n".join(_filled({k: v for k, v in m.items() if v is not None}) for m in entry["morphemes"])
        parts.append(f'      "morphemes": [\n{morphemes}\n      ]')
        lines.append(",\n".join(parts))
        lines.append("    }" + ("," if i < len(signs) - 1 else ""))
    return "\n".join([*lines, "  }", "}"]) + "\n"


def _filled(morpheme: dict[str, Any], width: int = 158) -> str:
    """A morpheme as JSON, filled to the width."""
    lines, line = [], "        {"
    items = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in morpheme.items()]
    for i, item in enumerate(items):
        text = item + ("," if i < len(items) - 1 else "}")
        joined = line + text if line.endswith("{") else f"{line} {text}"
        if len(joined) > width and line.strip() != "{":
            lines.append(line)
            joined = " " * 10 + text
        line = joined
    return "\n".join([*lines, line])
