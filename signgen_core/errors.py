"""The one exception tree of SignGen.

    SignGenError                 anything this project raises on purpose; the CLI prints it as one line
    ├── InputError               what the user gave cannot be used: text, gloss notation, a number out of range
    │   ├── PlanError            an ActionSequence JSON is wrong; the message names the JSON path
    │   ├── LexiconError         a preset or lexicon file is wrong; the message names file and field
    │   └── FileFormatError      a motion, body or weights file is not what its name promises
    ├── OutputError              the result cannot be written (folder missing, not writable, unknown suffix)
    └── MachineError             something of the machine is missing: a package, a shared library, disk space

The library raises; only `headless.cli` catches, prints `error: <message>` on one line and chooses the exit status.
"""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb


class SignGenError(Exception):
    """Base of all errors that SignGen raises on purpose."""

    def __str__(self) -> str:
        """The message on a single line, so that a command line can print it as it is."""
        return " ".join(super().__str__().split())


class InputError(SignGenError):
    """What the user gave cannot be used."""


class PlanError(InputError):
    """An ActionSequence is invalid; `path` is the JSON path of the offending field, such as `actions[2].duration`."""

    def __init__(self, path: str, problem: str, source: str | None = None) -> None:
        self.path, self.problem, self.source = path, problem, source
        super().__init__(f"{source + ': ' if source else ''}{path}: {problem}")


class LexiconError(InputError):
    """A lexicon entry or another preset is invalid; the message names the file and the field."""


class FileFormatError(InputError):
    """A file is not what its name or its use promises."""


class OutputError(SignGenError):
    """The result cannot be written where it should go."""


class MachineError(SignGenError):
    """The machine lacks something; the message says what and how to get it."""


def internal(problem: BaseException) -> str:
    """One line on a fault of ours, where work has to go on without what it was about: what it was, and the place of the program that it came from."""
    frames = extract_tb(problem.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"internal error: {' '.join(f'{type(problem).__name__}: {problem}'.split())}{place}"
