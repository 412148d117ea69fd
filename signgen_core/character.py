"""Characters: how a signer looks (colours of skin, hair, clothes). The format is described in docs/formats/character.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .body.model import REGION_NAMES
from .errors import LexiconError
from .presets import PRESETS_DIR, read_json

CHARACTERS_DIR = PRESETS_DIR / "characters"
CHARACTER_VERSION = 1
DEFAULT_CHARACTER = "maya"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Surface:
    """One material. color: sRGB in [0, 1]. roughness: 0 mirror to 1 matt. subsurface: share of light that goes under the surface, 0 to 1."""

    color: tuple[float, float, float]
    roughness: float = 0.6
    subsurface: float = 0.0

    @property
    def linear(self) -> tuple[float, float, float]:
        """The colour in linear light, which is what Blender's colour fields hold (IEC 61966-2-1)."""
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in self.color)
        return (r, g, b)


@dataclass(frozen=True)
class Character:
    """The look of a signer: a `Surface` for every material region of `body.model.REGION_NAMES`."""

    name: str
    description: str
    surfaces: dict[str, Surface]


def character_names() -> tuple[str, ...]:
    """The characters that ship with the project."""
    return tuple(sorted(path.stem for path in CHARACTERS_DIR.glob("*.json")))


def read_character(name: str | Path | None = None) -> Character:
    """The character of that preset name or JSON file (None: the default one). Raises LexiconError naming file and field."""
    text = str(name or DEFAULT_CHARACTER)
    if not text.endswith(".json"):
        if text not in character_names():
            raise LexiconError(f"character {text!r}: unknown; the presets are {', '.join(character_names())}, or give a .json file")
        return read_character(CHARACTERS_DIR / f"{text}.json")
    path = Path(text)
    data = read_json(path)
    if not isinstance(data, dict) or data.get("version") != CHARACTER_VERSION:
        raise LexiconError(f"{path}: version: expected {CHARACTER_VERSION}")
    extra = set(data) - {"version", "description", "surfaces"}
    if extra:
        raise LexiconError(f"{path}: {sorted(extra)[0]}: unknown key")
    raw = data.get("surfaces")
    if not isinstance(raw, dict):
        raise LexiconError(f"{path}: surfaces: expected an object")
    for region in REGION_NAMES:
        if region not in raw:
            raise LexiconError(f"{path}: surfaces.{region}: missing")
    for region in raw:
        if region not in REGION_NAMES:
            raise LexiconError(f"{path}: surfaces.{region}: unknown region; known are {', '.join(REGION_NAMES)}")
    surfaces = {region: _surface(value, f"{path}: surfaces.{region}") for region, value in raw.items()}
    return Character(path.stem, str(data.get("description", "")), surfaces)


def choose_character(character: str | Path | None = None) -> tuple[Character, str | None]:
    """The look and the body (as `body.load_body` takes it) that a user's word stands for.

    None: default look and body. A preset name or .json file: that look on the default body. "default" or an .npz file: that body in the default look.
    """
    text = str(character or "")
    if not text:
        return read_character(), None
    if text == "default" or text.lower().endswith(".npz"):
        return read_character(), text
    return read_character(text), None


def _surface(raw: Any, place: str) -> Surface:
    if not isinstance(raw, dict):
        raise LexiconError(f"{place}: expected an object with a color")
    extra = set(raw) - {"color", "roughness", "subsurface"}
    if extra:
        raise LexiconError(f"{place}.{sorted(extra)[0]}: unknown key")
    color = raw.get("color")
    if not isinstance(color, str) or not _COLOUR.fullmatch(color):
        raise LexiconError(f"{place}.color: expected #rrggbb, found {color!r}")
    shares: dict[str, float] = {}
    for key in ("roughness", "subsurface"):
        if key in raw:
            value = raw[key]
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
                raise LexiconError(f"{place}.{key}: expected a number from 0 to 1, found {value!r}")
            shares[key] = float(value)
    return Surface(tuple(int(color[i : i + 2], 16) / 255.0 for i in (1, 3, 5)), **shares)  # type: ignore[arg-type]
