"""English text, or ASL gloss notation, to sentences of glosses.

    analyse(text, lexicon)       English -> tuple[Sentence, ...]
    parse_gloss(line, lexicon)   gloss notation -> tuple[Sentence, ...];  format_gloss(sentences) is its inverse
    letters(word)                a Latin word as letters to fingerspell

The names are loaded when they are first asked for: a planner that needs only `letters` reads no dictionary of base forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fingerspelling import letters
    from .gloss_notation import format_gloss, parse_gloss
    from .sentences import analyse
    from .types import Gloss, Sentence

__all__ = ["Gloss", "Sentence", "analyse", "format_gloss", "letters", "parse_gloss"]
_HOME = {
    "analyse": "sentences",
    "format_gloss": "gloss_notation",
    "parse_gloss": "gloss_notation",
    "letters": "fingerspelling",
    "Gloss": "types",
    "Sentence": "types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
