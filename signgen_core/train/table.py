"""Tables of labelled sentences: csv or tsv with a column `text` and any of subject, gesture, emotion and type; an empty cell is no label."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..text.classifier import HEADS

MAX_CHARACTERS = 2000


@dataclass(frozen=True)
class Example:
    """A sentence and what is known of it: head -> label, unknown heads absent. source: the file or corpus."""

    text: str
    labels: dict[str, str]
    source: str = ""


def read_table(path: Path | str) -> list[Example]:
    """The rows of a table. Raises InputError naming the file, and row, column and value of the first fault."""
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise InputError(f"{path}: expected a table that ends in .csv or .tsv")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as problem:
        raise InputError(f"{path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise InputError(f"{path}: not UTF-8 text: {problem.reason} at byte {problem.start}") from None
    if "\0" in content:
        raise InputError(f"{path}: not a text table")
    tabs = path.suffix.lower() == ".tsv"
    reader = csv.reader(io.StringIO(content, newline=""), delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL)
    header = [name.strip().lower() for name in next(reader, [])]
    if "text" not in header:
        raise InputError(f"{path}: no column text; expected a header line with text and any of {', '.join(HEADS)}")
    unknown = [name for name in header if name not in ("text", *HEADS)]
    if unknown:
        raise InputError(f"{path}: unknown column {unknown[0]!r}; columns are text, {', '.join(HEADS)}")
    heads = [h for h in HEADS if h in header]
    if not heads:
        raise InputError(f"{path}: no column of labels; expected any of {', '.join(HEADS)}")
    out: list[Example] = []
    for cells in reader:
        where = f"{path}: line {reader.line_num}"
        if not any(c.strip() for c in cells):
            continue
        if len(cells) != len(header):
            raise InputError(f"{where}: {len(cells)} cells, the header has {len(header)}")
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        if not row["text"]:
            raise InputError(f"{where}: text is empty")
        if len(row["text"]) > MAX_CHARACTERS:
            raise InputError(f"{where}: text has {len(row['text'])} characters, at most {MAX_CHARACTERS} are read")
        labels = {}
        for head in heads:
            value = row[head].lower()
            if value and value not in HEADS[head]:
                raise InputError(f"{where}: {head}: unknown label {row[head]!r}; known: {', '.join(HEADS[head])}")
            if value:
                labels[head] = value
        out.append(Example(row["text"], labels, path.name))
    if not out:
        raise InputError(f"{path}: has no rows")
    return out


def check_classes(examples: Iterable[Example], heads: Iterable[str] = HEADS) -> dict[str, dict[str, int]]:
    """head -> label -> number of examples. Raises InputError for a head of which there is nothing to learn: labels of one class only."""
    examples = list(examples)
    counts: dict[str, dict[str, int]] = {}
    for head in heads:
        found: dict[str, int] = {}
        for example in examples:
            if head in example.labels:
                found[example.labels[head]] = found.get(example.labels[head], 0) + 1
        if len(found) == 1:
            raise InputError(f"{head}: all {sum(found.values())} labels are {next(iter(found))!r}; at least two classes are needed")
        counts[head] = found
    if not any(counts.values()):
        raise InputError("the tables hold no labels")
    return counts
