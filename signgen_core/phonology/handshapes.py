"""The handshape inventory: joint angles, features, letters and digits, read from `presets/handshapes/<language>.json`.

Format: docs/formats/handshapes.md. Names are those of ASL-LEX 2.0, plus `relaxed` (the hand at rest), `thumb_up`, `fs_a` ... `fs_z` and `n0` ... `n9`.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LexiconError
from ..presets import PRESETS_DIR, read_json
from .features import FLEXIONS, parse_direction
from .hand import ANGLE_LIMITS, ANGLE_NAMES, DIGITS, FINGERS, NUM_ANGLES

VERSION = 1
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NUMERALS = "0123456789"
# Letters and digits are held beside the dominant shoulder: metres (out, up, forward) from the neutral space of one hand.
SPELLING_OFFSET = (0.01, 0.15, -0.02)
DOUBLE_SHIFT = 0.045  # metres outwards by which the second of two like characters slides
# Bend in degrees of MCP, PIP and DIP at which a finger counts as closed (`extension` 0).
_CLOSED = np.radians([86.0, 104.0, 62.0])
# The thumb that counts as closed (across the palm) and as straight out (`extension` 0 and 1), degrees in the order of `THUMB_ANGLES`.
_THUMB_CLOSED = np.radians([-38.0, 42.0, 36.0, 30.0, 40.0])
_THUMB_OUT = np.radians([14.0, 6.0, 3.0, -5.0, -6.0])


def _thumb_extension(angles: np.ndarray) -> float:
    across = _THUMB_OUT - _THUMB_CLOSED
    return float(np.clip(np.dot(angles[16:] - _THUMB_CLOSED, across) / np.dot(across, across), 0.0, 1.0))


@dataclass(frozen=True)
class Handshape:
    """One handshape of the canonical right hand (see `hand`).

    angles: (21,) radians in the order of `hand.ANGLE_NAMES`, read-only. selected_fingers, flexion, spread, thumb_position, thumb_contact: the
    ASL-LEX 2.0 features, None where that codes NA. contacts: pairs of patches of the hand that touch.
    """

    name: str
    angles: np.ndarray
    description: str = ""
    selected_fingers: str | None = None
    flexion: str | None = None
    spread: bool | None = None
    thumb_position: str | None = None
    thumb_contact: bool | None = None
    contacts: tuple[tuple[str, str], ...] = ()

    @property
    def extension(self) -> dict[str, float]:
        """How straight each digit is, 0 closed to 1 straight: thumb, index, middle, ring, pinky."""
        out = {"thumb": _thumb_extension(self.angles)}
        for k, finger in enumerate(FINGERS):
            bend = float(np.sum(self.angles[4 * k + 1 : 4 * k + 4])) / float(np.sum(_CLOSED))
            out[finger] = min(1.0, max(0.0, 1.0 - bend))
        return out

    def blend(self, finger_config: Mapping[str, float]) -> np.ndarray:
        """(21,) radians: this handshape with the named digits bent or straightened to an extension of 0 (closed) ... 1 (straight).

        A digit that is not named, or whose value is its own `extension`, stays as it is; above it goes towards straight, below towards closed,
        without a jump. Raises LexiconError for an unknown digit or a value outside 0 ... 1.
        """
        angles = self.angles.copy()
        own = self.extension
        for digit, value in finger_config.items():
            if digit not in own:
                raise LexiconError(f"finger_config: unknown digit {digit!r}; expected {', '.join(DIGITS)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0.0 <= value <= 1.0:
                raise LexiconError(f"finger_config.{digit}: expected a number from 0 to 1, found {value!r}")
            if abs(value - own[digit]) < 1e-9:
                continue
            opening = value > own[digit]
            share = (value - own[digit]) / (1.0 - own[digit]) if opening else (own[digit] - value) / own[digit]
            if digit == "thumb":
                rows, goal = slice(16, 21), _THUMB_OUT if opening else _THUMB_CLOSED
            else:
                start = 4 * FINGERS.index(digit) + 1
                rows, goal = slice(start, start + 3), np.zeros(3) if opening else _CLOSED
            angles[rows] += share * (goal - angles[rows])
        return angles


@dataclass(frozen=True)
class Stroke:
    """The movement of a letter: a patch of the hand follows `path` (N, 3), metres (out, up, forward) from where it starts, while the hand turns to
    `final_palm` and `final_fingers` (directions of `features.parse_direction`, None: unchanged)."""

    point: str
    path: np.ndarray
    final_palm: str | None = None
    final_fingers: str | None = None


@dataclass(frozen=True)
class Character:
    """A letter or a digit: handshape name, and directions (`features.parse_direction`) of palm and fingers when it is signed to a viewer in front."""

    name: str
    handshape: str
    palm: str
    fingers: str
    stroke: Stroke | None = None


@dataclass(frozen=True)
class Handshapes(Mapping[str, Handshape]):
    """The inventory of one sign language: a mapping from name to `Handshape`, with `letters` (a ... z) and `digits` (0 ... 9)."""

    shapes: dict[str, Handshape]
    letters: dict[str, Character]
    digits: dict[str, Character]
    source: str = field(default="")

    def __getitem__(self, name: str) -> Handshape:
        if name not in self.shapes:
            near = difflib.get_close_matches(str(name), self.shapes, n=3, cutoff=0.4)
            raise LexiconError(f"unknown handshape {name!r}" + (f"; nearest: {', '.join(near)}" if near else f"; see {self.source}"))
        return self.shapes[name]

    def get(self, name: str, default: Any = None) -> Handshape:  # type: ignore[override]
        """The handshape of that name. Raises LexiconError naming the nearest ones if there is none and no default is given."""
        if default is not None and name not in self.shapes:
            return default  # type: ignore[no-any-return]
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self.shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def character(self, text: str) -> Character:
        """The letter (either case) or digit. Raises LexiconError for anything else."""
        key = text.lower()
        found = self.letters.get(key) or self.digits.get(key)
        if found is None:
            raise LexiconError(f"no handshape for the character {text!r}: expected a letter A-Z or a digit 0-9")
        return found


def load_handshapes(path: Path | None = None) -> Handshapes:
    """The inventory of a file, by default ASL's `presets/handshapes/ase.json` (read once). Raises LexiconError naming file and field."""
    return _load(PRESETS_DIR / "handshapes" / "ase.json" if path is None else Path(path))


@functools.lru_cache(maxsize=8)
def _load(path: Path) -> Handshapes:
    return parse_handshapes(read_json(path), path.name)


def parse_handshapes(data: Any, source: str) -> Handshapes:
    """Checks parsed JSON and builds the inventory. Raises LexiconError naming `source` and the field."""
    top = _object(data, source, required=("version", "sign_language", "handshapes", "letters", "digits"))
    if top["version"] != VERSION:
        raise LexiconError(f"{source}: version {top['version']!r}, expected {VERSION}")
    raw = _object(top["handshapes"], f"{source}: handshapes")
    shapes = {name: _shape(name, entry, f"{source}: handshapes.{name}") for name, entry in raw.items()}
    if "relaxed" not in shapes:
        raise LexiconError(f"{source}: handshapes.relaxed: missing")
    tables: list[dict[str, Character]] = []
    for key, expected, prefix in (("letters", LETTERS, "fs_"), ("digits", NUMERALS, "n")):
        entries = _object(top[key], f"{source}: {key}")
        if sorted(entries) != sorted(expected):
            raise LexiconError(f"{source}: {key}: expected exactly {' '.join(expected)}")
        table = {name: _character(name, entries[name], f"{source}: {key}.{name}", shapes) for name in expected}
        for name, character in table.items():
            shapes.setdefault(prefix + name, replace(shapes[character.handshape], name=prefix + name))
        tables.append(table)
    return Handshapes(shapes, tables[0], tables[1], source)


def _object(data: Any, where: str, required: tuple[str, ...] = (), allowed: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise LexiconError(f"{where}: expected an object, found {type(data).__name__}")
    for key in required:
        if key not in data:
            raise LexiconError(f"{where}.{key}: missing")
    for key in data:
        if allowed is not None and key not in allowed:
            raise LexiconError(f"{where}.{key}: unknown field")
    return data


_FEATURES: dict[str, tuple[Any, ...] | None] = {
    "selected_fingers": None, "flexion": (*FLEXIONS, None), "spread": (True, False, None), "thumb_position": ("Open", "Closed"),
    "thumb_contact": (True, False, None),
}  # fmt: skip


def _shape(name: str, entry: Any, where: str) -> Handshape:
    data = _object(entry, where, ("angles",), ("description", "angles", "contacts", *_FEATURES))
    angles = _object(data["angles"], f"{where}.angles", DIGITS, DIGITS)
    values: list[float] = []
    for digit in (*FINGERS, "thumb"):
        row = angles[digit]
        count = 5 if digit == "thumb" else 4
        if not isinstance(row, list) or len(row) != count or any(isinstance(v, bool) or not isinstance(v, int | float) for v in row):
            raise LexiconError(f"{where}.angles.{digit}: expected {count} numbers (degrees), found {row!r}")
        values += row
    radians = np.radians(np.array(values, dtype=np.float64))
    for k in range(NUM_ANGLES):
        low, high = ANGLE_LIMITS[k]
        if not low - 1e-6 <= radians[k] <= high + 1e-6:
            limits = f"{math.degrees(low):.0f} to {math.degrees(high):.0f}"
            raise LexiconError(f"{where}.angles: {ANGLE_NAMES[k]} {values[k]:g} degrees, expected {limits}")
    radians.setflags(write=False)
    for key, allowed in _FEATURES.items():
        if allowed is not None and data.get(key) not in allowed:
            raise LexiconError(f"{where}.{key}: {data.get(key)!r} is not one of {', '.join(str(a) for a in allowed)}")
    contacts = data.get("contacts", [])
    if not isinstance(contacts, list) or any(not isinstance(c, list) or len(c) != 2 for c in contacts):
        raise LexiconError(f"{where}.contacts: expected a list of pairs of patches of the hand")
    features = {key: data.get(key) for key in _FEATURES}
    return Handshape(name, radians, str(data.get("description", "")), contacts=tuple((str(a), str(b)) for a, b in contacts), **features)


def _direction(value: Any, where: str) -> str:
    try:
        parse_direction(value if isinstance(value, str) else repr(value))
    except LexiconError as problem:
        raise LexiconError(f"{where}: {problem}") from None
    return str(value)


def _character(name: str, entry: Any, where: str, shapes: Mapping[str, Handshape]) -> Character:
    data = _object(entry, where, ("handshape", "palm", "fingers"), ("handshape", "palm", "fingers", "stroke"))
    if data["handshape"] not in shapes:
        raise LexiconError(f"{where}.handshape: unknown handshape {data['handshape']!r}")
    stroke = None
    if data.get("stroke") is not None:
        raw = _object(data["stroke"], f"{where}.stroke", ("point", "path"), ("point", "path", "final_palm", "final_fingers"))
        path = np.array(raw["path"], dtype=np.float64)
        if path.ndim != 2 or path.shape[1:] != (3,) or len(path) < 2 or not np.isfinite(path).all() or np.abs(path).max() > 0.5:
            raise LexiconError(f"{where}.stroke.path: expected two or more points (out, up, forward) in metres")
        path.setflags(write=False)
        turns = {k: _direction(raw[k], f"{where}.stroke.{k}") for k in ("final_palm", "final_fingers") if raw.get(k) is not None}
        stroke = Stroke(str(raw["point"]), path, **turns)
    palm, fingers = (_direction(data[k], f"{where}.{k}") for k in ("palm", "fingers"))
    return Character(name, data["handshape"], palm, fingers, stroke)
