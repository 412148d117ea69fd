"""The table of jobs: csv, tsv, jsonl or txt to `Row`s. A row that makes no sense becomes a `Broken` one and stops nothing; docs/batch.md."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import click

from headless import options
from headless.inputs import STDIN, Kind, Source, Wishes, find_source, read_lines, read_stdin
from signgen_core.errors import InputError, SignGenError
from signgen_core.generators import GENERATORS

SUFFIXES = (".csv", ".tsv", ".jsonl", ".txt")
FORMATS = ("mp4", "webm", "gif", "png")
SIDECARS = ("srt", "vtt", "eaf", "json", "poster", "sheet")
CAPTIONS = ("none", "gloss", "text", "both")
CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")
_ID = re.compile(r"\w[\w.-]{0,119}")
_SOURCES: tuple[Kind, ...] = ("text", "plan", "motion")
_MAX_CELL = 2**20


@dataclass(frozen=True)
class Look:
    """How a row is drawn and what comes with it; the fields are columns of the table and options of the command.

    format: suffix of the video. captions: burnt in. over: a video or picture on which the signer stands in a corner; inset: the height of the signer
    as a share of the picture's. sidecars: of `SIDECARS`.
    """

    format: str = "mp4"
    size: tuple[int, int] = (960, 720)
    fps: float | None = None
    engine: str = "auto"
    quality: str = "standard"
    camera: str = "signing"
    character: str | None = None
    alpha: bool = False
    captions: str = "none"
    over: str | None = None
    corner: str = "bottom-right"
    inset: float = 0.45
    sidecars: tuple[str, ...] = SIDECARS


@dataclass(frozen=True)
class Row:
    """One job. number counts the rows from 1, place is where it stands (`jobs.csv:17`)."""

    number: int
    place: str
    id: str
    source: Source
    wishes: Wishes
    look: Look

    def source_json(self) -> dict[str, Any]:
        """The source as JSON, for a worker."""
        return asdict(self.source) | {"path": None if self.source.path is None else str(self.source.path)}


@dataclass(frozen=True)
class Broken:
    """A row that cannot be a job. id: its own where that is a good one, else `line N`, which no good id can be."""

    number: int
    place: str
    id: str
    problem: str


@dataclass(frozen=True)
class Table:
    rows: list[Row] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


class SidecarsType(click.ParamType[tuple[str, ...]]):
    """`srt,vtt`, `all` or `none`."""

    name = "LIST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).lower().split(",") if word.strip()]
        if words in (["all"], ["none"]):
            return SIDECARS if words == ["all"] else ()
        for word in words:
            if word not in SIDECARS:
                self.fail(f"{word!r} is not one of {', '.join(SIDECARS)}, all, none", param, ctx)
        return tuple(name for name in SIDECARS if name in words)


class _Flag(click.ParamType[bool]):
    name = "yes|no"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        return bool(click.BOOL.convert(value, param, ctx))


_OF_PLAN = ("seed", "handedness", "tempo", "generator")  # what is said of a plan too, where the others are about reading a text
# column -> (class that has the field, how its text is read)
_COLUMNS: dict[str, tuple[type, click.ParamType[Any]]] = {
    "gloss": (Wishes, _Flag()),
    "seed": (Wishes, click.IntRange(0, options.MAX_SEED)),
    "handedness": (Wishes, click.Choice(["right", "left"])),
    "tempo": (Wishes, options.NumberType(0.25, 4.0)),
    "generator": (Wishes, click.Choice(GENERATORS)),
    "gestures": (Wishes, click.Choice(["none", "with", "only"])),
    "emotion": (Wishes, click.Choice(["positive", "negative", "neutral"])),
    "rules_only": (Wishes, _Flag()),
    "format": (Look, click.Choice(FORMATS)),
    "size": (Look, options.SizeType()),
    "fps": (Look, options.NumberType(1, 240)),
    "engine": (Look, click.Choice(["auto", "workbench", "cycles", "eevee"])),
    "quality": (Look, click.Choice(["preview", "standard", "high"])),
    "camera": (Look, options.CameraType()),
    "character": (Look, click.STRING),
    "alpha": (Look, _Flag()),
    "captions": (Look, click.Choice(CAPTIONS)),
    "over": (Look, click.STRING),
    "corner": (Look, click.Choice(CORNERS)),
    "inset": (Look, options.NumberType(0.1, 1.0)),
    "sidecars": (Look, SidecarsType()),
}
COLUMNS = ("id", *_SOURCES, *_COLUMNS)
_FILES = ("camera", "character", "over")  # their values may name a file, which then stands relative to the table


def signer_side(size: tuple[int, int], inset: float) -> int:
    """Pixels of the square in which a signer stands on a picture of that size."""
    return max(16, 2 * round(min(size[0], size[1] * inset) / 2))


def read_table(argument: str, wishes: Wishes, look: Look, check: Callable[[Row], None] | None = None) -> Table:
    """All rows of a table. wishes and look: what a row does not say itself. check: raises a SignGenError for a row that cannot work.

    Raises InputError for a file that is no such table at all.
    """
    found = Table()
    taken: dict[str, str] = {}
    base = Path() if argument == STDIN else Path(argument).parent
    for number, (place, cells) in enumerate(_records(argument), 1):
        name = f"line {place.rpartition(':')[2]}"
        try:
            if isinstance(cells, str):
                raise InputError(cells)
            name = _identity(cells.pop("id", None), number)
            if name.casefold() in taken:
                name, wanted = f"line {place.rpartition(':')[2]}", name
                raise InputError(f"id {wanted!r}: is that of {taken[wanted.casefold()]} already")
            taken[name.casefold()] = place
            row = _row(number, place, name, cells, wishes, look, base)
            if check is not None:
                check(row)
            found.rows.append(row)
        except SignGenError as problem:
            found.broken.append(Broken(number, place, name, str(problem)))
    if not found.rows and not found.broken:
        raise InputError(f"{'standard input' if argument == STDIN else argument}: no row")
    return found


def _records(argument: str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """(place, cells or what is wrong with the line) of each row."""
    suffix = Path(argument).suffix.lower()
    if argument == STDIN:
        name, text = "standard input", read_stdin()
        suffix = ".jsonl" if text.lstrip()[:1] == "{" else ".csv"
    elif suffix not in SUFFIXES:
        raise InputError(f"{argument}: unknown suffix '{suffix}'; a table of jobs is {' '.join(SUFFIXES)}")
    elif suffix in (".txt", ".jsonl"):
        name, text = argument, ""
    else:
        name = argument
        try:
            text = Path(argument).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise InputError(f"{name}: no such file") from None
        except OSError as problem:
            raise InputError(f"{name}: cannot be read: {problem.strerror or problem}") from problem
        except UnicodeDecodeError as problem:
            raise InputError(f"{name}: not UTF-8 text: {problem.reason} at byte {problem.start}") from problem
    if suffix == ".txt":
        yield from ((place, {"text": line}) for place, line in read_lines(argument))
    elif suffix == ".jsonl":
        lines = read_lines(argument) if argument != STDIN else [(f"{name}:{k}", s) for k, s in enumerate(text.split("\n"), 1) if s.strip()]
        yield from ((place, _object(line)) for place, line in lines)
    else:
        yield from _cells(name, text, "\t" if suffix == ".tsv" else ",")


def _object(line: str) -> dict[str, Any] | str:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as problem:
        return f"not valid JSON: {problem}"
    if not isinstance(data, dict):
        return "expected a JSON object"
    unknown = next((key for key in data if key not in COLUMNS), None)
    return data if unknown is None else f"{unknown}: unknown column; known are {', '.join(COLUMNS)}"


def _cells(name: str, text: str, delimiter: str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        unknown = next((cell for cell in header if cell not in COLUMNS), None)
        if unknown is not None:
            raise InputError(f"{name}:1: column {unknown!r} is unknown; known are {', '.join(COLUMNS)}")
        if len(set(header)) != len(header):
            raise InputError(f"{name}:1: a column stands there twice")
        if not set(header) & set(_SOURCES):
            raise InputError(f"{name}:1: no column text, plan or motion")
        start = reader.line_num + 1
        for cells in reader:
            place, start = f"{name}:{start}", reader.line_num + 1
            if len(cells) > len(header):
                yield place, f"{len(cells)} cells where the table has {len(header)} columns"
            elif any(cell.strip() for cell in cells):
                yield place, {key: cell.strip() for key, cell in zip(header, cells, strict=False) if cell.strip()}
    except csv.Error as problem:
        raise InputError(f"{name}:{reader.line_num}: not a table of cells: {problem}") from problem


def _identity(value: Any, number: int) -> str:
    if value is None or value == "":
        return f"{number:06d}"
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ID.fullmatch(text):
        raise InputError(f"id {value!r}: expected up to 120 letters, digits, '_', '.' or '-', the first a letter or digit")
    return text


def _row(number: int, place: str, name: str, cells: dict[str, Any], wishes: Wishes, look: Look, base: Path) -> Row:
    cells = {key: value for key, value in cells.items() if value not in (None, "")}
    kinds = [kind for kind in _SOURCES if kind in cells]
    if len(kinds) != 1:
        raise InputError(f"{' and '.join(kinds)}: give one of them" if kinds else "no text, plan or motion")
    source = _source(kinds[0], cells.pop(kinds[0]), place, base)
    said: dict[type, dict[str, Any]] = {Wishes: {}, Look: {}}
    for column, value in cells.items():
        owner, kind = _COLUMNS[column]
        if column in _FILES and isinstance(value, str) and Path(value).suffix:
            value = str(base / value)
        try:
            said[owner][column] = kind.convert(value, None, None)
        except click.UsageError as problem:
            raise InputError(f"{column}: {problem.format_message().removeprefix('Invalid value: ')}") from problem
        except (TypeError, AttributeError, OverflowError):
            raise InputError(f"{column}: {value!r} is no value for it") from None
    if source.kind != "text":
        of_text = [c for c in ("gloss", "gestures", "emotion", "rules_only") if said[Wishes].get(c)]
        of_plan = [c for c in _OF_PLAN if c in said[Wishes]] if source.kind == "motion" else []
        if of_text or of_plan:
            raise InputError(f"{(of_text or of_plan)[0]}: means nothing for a {source.kind}")
        # what the command line says for all texts does not concern this row
        keep = _OF_PLAN if source.kind == "plan" else ()
        wishes = Wishes(**{f.name: getattr(wishes, f.name) for f in fields(Wishes) if f.name in keep})
    return Row(number, place, name, source, replace(wishes, **said[Wishes]), replace(look, **said[Look]))


def _source(kind: Kind, value: Any, place: str, base: Path) -> Source:
    if kind == "plan" and isinstance(value, dict):
        return Source("plan", place, json.dumps(value, ensure_ascii=False))
    if not isinstance(value, str):
        raise InputError(f"{kind}: expected text, found {type(value).__name__}")
    if kind == "text":
        try:
            value.encode()
        except UnicodeEncodeError as problem:
            raise InputError(f"text: holds \\u{ord(value[problem.start]):04x}, half of a character") from None
        return Source("text", "text", value)
    wanted = ".json" if kind == "plan" else ".npz"
    if Path(value).suffix.lower() != wanted:
        raise InputError(f"{kind}: {value!r} is no {wanted} file")
    return find_source(str(base / value), (kind,))
