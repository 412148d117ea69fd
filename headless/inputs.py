"""What the commands are given: text, plan and motion files, lists of lines; and whether the place for the result will do.

Every problem is a SignGenError with a message of one line, raised before any long work starts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from signgen_core.errors import InputError, OutputError, PlanError

if TYPE_CHECKING:
    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion
    from signgen_core.text.reader import Reader

Kind = Literal["text", "plan", "motion"]
STDIN = "-"
MAX_STDIN_BYTES = 64 * 2**20
_TEXT_FILES = (".txt", ".md", ".csv", ".tsv", ".srt")


@dataclass(frozen=True)
class Wishes:
    """What the command line says about the plan; None means not said, so that a plan file keeps its own value."""

    gloss: bool = False
    seed: int | None = None
    handedness: str | None = None
    tempo: float | None = None
    generator: str | None = None
    gestures: str | None = None
    emotion: str | None = None
    rules_only: bool = False
    classifier: str | None = None
    encoder: str | None = None

    def of_plan(self) -> list[str]:
        """The options given that mean something for a text or a plan, but nothing for a motion."""
        given = {"--seed": self.seed, "--handedness": self.handedness, "--tempo": self.tempo, "--generator": self.generator}
        return [name for name, value in given.items() if value is not None]

    def of_text(self) -> list[str]:
        """The options given that mean something for a text only."""
        given = {"--gloss": self.gloss, "--gestures": self.gestures, "--emotion": self.emotion, "--rules-only": self.rules_only,
                 "--classifier": self.classifier, "--encoder": self.encoder}  # fmt: skip
        return [name for name, value in given.items() if value]


@dataclass(frozen=True)
class Source:
    """One thing to sign. name: for messages. kind "text": content is the text; "plan": JSON text or None to read `path`; "motion": `path`."""

    kind: Kind
    name: str
    content: str = ""
    path: Path | None = None


def find_source(argument: str, allowed: tuple[Kind, ...]) -> Source:
    """What `argument` means: `-` is standard input, a name that ends in .json or .npz is a file, everything else is text. Raises InputError."""
    if argument == STDIN:
        content = read_stdin()
        if "plan" in allowed and content.lstrip()[:1] in ("{", "["):
            return Source("plan", "standard input", content)
        return Source("text", "standard input", content.strip())
    path = Path(argument)
    suffix = path.suffix.lower() if "\n" not in argument else ""
    kind: Kind | None = {".json": "plan", ".npz": "motion"}.get(suffix)  # type: ignore[assignment]
    if kind is not None:
        if kind not in allowed:
            wanted = {"text": "text", "plan": "a plan (.json)", "motion": "a motion (.npz)"}
            raise InputError(f"{path}: expected {' or '.join(wanted[k] for k in allowed)} here")
        if not _is_file(path):
            raise InputError(f"{path}: {'is a folder' if _is_folder(path) else 'no such file'}")
        return Source(kind, str(path), path=path)
    if suffix in _TEXT_FILES and _is_file(path):
        raise InputError(f"{path}: is a text file; `- < {path}` signs what is in it, `--lines {path}` each line for itself")
    return Source("text", "text", _proper_text(argument, "text"))


def read_lines(argument: str) -> list[tuple[str, str]]:
    """(place, line) of each line of a UTF-8 file or of standard input that is not blank; place is `FILE:number`. Raises InputError."""
    if argument == STDIN:
        name, content = "standard input", read_stdin()
    else:
        name = argument
        try:
            content = Path(argument).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise InputError(f"{name}: no such file") from None
        except OSError as problem:
            raise InputError(f"{name}: cannot be read: {problem.strerror or problem}") from problem
        except UnicodeDecodeError as problem:
            raise InputError(f"{name}: not UTF-8 text: {problem.reason} at byte {problem.start}") from problem
    # only line ends end a line: str.splitlines would also cut at form feeds and at U+2028
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = [(f"{name}:{number}", line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise InputError(f"{name}: no line with text")
    return found


def line_source(place: str, line: str, allowed: tuple[Kind, ...]) -> Source:
    """What a line of a list means: a plan (as `signgen plan --lines` writes them) when it is a JSON object, else text."""
    if line.startswith("{") and "plan" in allowed:
        return Source("plan", place, line)
    return Source("text", place, line)


def read_stdin() -> str:
    """All of standard input as text. Raises InputError for bytes that are not UTF-8 and for more than MAX_STDIN_BYTES."""
    data = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    if len(data) > MAX_STDIN_BYTES:
        raise InputError(f"standard input: more than {MAX_STDIN_BYTES // 2**20} MB")
    if data.startswith(b"PK\x03\x04"):
        raise InputError("standard input: a motion file is given by its name, not on standard input")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(f"standard input: not UTF-8 text: {problem.reason} at byte {problem.start}") from problem


def _proper_text(text: str, name: str) -> str:
    # bytes of the command line that are not UTF-8 arrive as lone surrogates, which no file could hold again
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{name}: not UTF-8 text") from None
    return text


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system is no file
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def to_plan(source: Source, wishes: Wishes, body: Body | None = None) -> ActionSequence:
    """The finished plan of a text or a plan file, for a body (None: the default one). Raises InputError, PlanError or LexiconError."""
    from signgen_core import pipeline
    from signgen_core.action import at_tempo, by_hand, parse_plan, read_plan

    if source.kind == "text":
        made = pipeline.plan_text(
            source.content,
            gloss=wishes.gloss,
            seed=wishes.seed or 0,
            handedness=wishes.handedness or "right",
            tempo=1.0 if wishes.tempo is None else wishes.tempo,
            body=body,
            reader=find_reader(wishes),
            gestures=wishes.gestures or "none",
            emotion=wishes.emotion,
        )
        return made if wishes.generator is None else replace(made, generator=wishes.generator)
    plan = read_plan(source.path) if source.path is not None else parse_plan(source.content, source.name)
    if wishes.seed is not None:
        plan = replace(plan, seed=wishes.seed)
    if wishes.generator is not None:
        plan = replace(plan, generator=wishes.generator)
    if wishes.tempo is not None:
        plan = at_tempo(plan, wishes.tempo)
    if wishes.handedness is not None:
        plan = by_hand(plan, wishes.handedness)
    try:
        return pipeline.complete(plan, body=body)
    except PlanError as problem:
        if problem.source is not None:
            raise
        raise PlanError(problem.path, problem.problem, source.name) from problem


def find_reader(wishes: Wishes) -> Reader | None:
    """The models that read a text, loaded once; None where the text is gloss notation or rules alone are wished for. Raises InputError."""
    if wishes.gloss or wishes.rules_only:
        return None
    from signgen_core.text.reader import load_reader

    return load_reader(wishes.encoder, wishes.classifier)


def to_motion(
    source: Source, wishes: Wishes, *, fps: float | None, body: Body | None, progress: Callable[[float], None] | None = None
) -> tuple[Motion, ActionSequence | None]:
    """The motion of any source, with the plan behind it where there is one. fps None: 30, or a motion file's own rate."""
    from signgen_core import pipeline
    from signgen_core.kinematics.resample import resample
    from signgen_core.motion import read_npz

    if source.kind == "motion" and source.path is not None:
        motion = read_npz(source.path)
        return (motion if fps is None else resample(motion, fps)), None
    plan = to_plan(source, wishes, body)
    return pipeline.animate(plan, fps=30.0 if fps is None else fps, body=body, progress=progress), plan


def check_output(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raises OutputError unless `path` has one of the suffixes and can be written: its folder is there and takes a new file."""
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: unknown suffix '{path.suffix}'; use {' '.join(suffixes)}")
    if _is_folder(path):
        raise OutputError(f"{path}: is a folder")
    _check_folder(path.parent, path)


def check_folder_output(folder: Path) -> None:
    """Raises OutputError unless `folder` is, or can be made, a folder that takes new files. Nothing is made yet."""
    if _is_folder(folder):
        _check_folder(folder, folder)
    elif folder.exists():
        raise OutputError(f"{folder}: is a file; with --lines, -o names a folder")
    else:
        _check_folder(folder.parent, folder)


def _check_folder(folder: Path, what: Path) -> None:
    if not _is_folder(folder):
        raise OutputError(f"{what}: there is no folder {folder}")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise OutputError(f"{what}: folder {folder} cannot be written: {problem.strerror or problem}") from problem


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Makes `folder` when it is missing and takes it away again if nothing was put into it."""
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be made: {problem.strerror or problem}") from problem
    try:
        yield folder
    finally:
        if made and not os.listdir(folder):
            folder.rmdir()
