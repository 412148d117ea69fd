"""Where the preset files stand, and reading them as JSON with errors that name file and place."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from .errors import LexiconError

PRESETS_DIR = Path(__file__).resolve().parent.parent / "presets"
DATA_VARIABLE = "SIGNGEN_DATA"


def data_folder() -> Path:
    """Where the user's own signs stand: SIGNGEN_DATA, else `signgen` in the user's data folder of this operating system."""
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_DATA_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return (Path(base) if base else Path.home() / ".local" / "share") / "signgen"


def reject_constant(name: str) -> float:
    """For `json.loads(parse_constant=...)`: NaN and infinities are not JSON and never a sensible number here."""
    raise ValueError(f"{name} is not a number that can be used")


def finite_float(text: str) -> float:
    """For `json.loads(parse_float=...)`: 1e999 is JSON, yet it would be read as infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a number that can be used")
    return value


def read_preset(*parts: str) -> Any:
    """The parsed JSON of `presets/<parts>`. Raises LexiconError naming the file."""
    return read_json(PRESETS_DIR.joinpath(*parts))


def read_json(path: Path) -> Any:
    """The parsed JSON of a data file. Raises LexiconError naming the file and, for broken JSON, line and column."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=reject_constant, parse_float=finite_float)
    except FileNotFoundError:
        raise LexiconError(f"{path}: no such file") from None
    except (OSError, ValueError) as problem:
        raise LexiconError(f"{path}: {problem}") from problem
