"""What an add-on and its worker process say to each other: one JSON object a line, described in docs/worker_protocol.md. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import InputError, MachineError, OutputError, PlanError, SignGenError

# Raised by one whenever an older partner would misunderstand a message.
PROTOCOL = 1
MAX_LINE = 64 * 2**20

REQUESTS = ("hello", "plan", "animate", "sign", "resample", "classify", "cancel", "ping", "quit")
# Why a request was answered by an error.
INPUT, PLAN, OUTPUT, MACHINE = "input", "plan", "output", "machine"
OUT_OF_MEMORY, CANCELLED, REQUEST, VERSION, INTERNAL = "out_of_memory", "cancelled", "request", "version", "internal"
ERROR_KINDS = (INPUT, PLAN, OUTPUT, MACHINE, OUT_OF_MEMORY, CANCELLED, REQUEST, VERSION, INTERNAL)


def error_kind(problem: SignGenError) -> str:
    """The kind under which an error on purpose is reported."""
    for kind, words in ((PlanError, PLAN), (OutputError, OUTPUT), (MachineError, MACHINE)):
        if isinstance(problem, kind):
            return words
    return INPUT


def _breathe(found: dict[str, Any]) -> dict[str, Any]:
    return found


def decode(line: bytes | str) -> dict[str, Any]:
    """The object of one line. Raises InputError for anything else; NaN and infinity are no JSON.

    A function of Python's own is called for each object in it, and there the interpreter lets other threads run: the plan of a long text would
    otherwise hold a window's thread for as long as it takes to read.
    """
    try:
        found = json.loads(line, object_hook=_breathe, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InputError("not a line of JSON") from None
    if not isinstance(found, dict):
        raise InputError("not a JSON object")
    return found


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as its line. ASCII only, so that no line separator of Unicode and no half of a surrogate pair can break it.

    Raises ValueError for NaN and infinity, TypeError for what JSON has no word for.
    """
    return "".join(_parts(message, 3)).encode("ascii") + b"\n"


def _parts(value: Any, depth: int) -> Iterator[str]:
    # piece by piece, because the interpreter holds every thread while it writes one piece
    if depth and isinstance(value, Mapping):
        for k, (name, inner) in enumerate(value.items()):
            yield f"{',' if k else '{'}{json.dumps(str(name))}:"
            yield from _parts(inner, depth - 1)
        yield "}" if value else "{}"
    elif depth and isinstance(value, list | tuple):
        for k, inner in enumerate(value):
            yield "," if k else "["
            yield from _parts(inner, depth - 1)
        yield "]" if value else "[]"
    else:
        yield json.dumps(value, allow_nan=False)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def plain_name(name: object) -> bool:
    """True for a file's name without any folder in it: replies name files of the agreed folder, and no others."""
    return isinstance(name, str) and 0 < len(name) <= 100 and all(c.isascii() and (c.isalnum() or c in "-_.") for c in name) and name[0] not in ".-"
