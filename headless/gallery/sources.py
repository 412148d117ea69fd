"""What the PATHs of a gallery or of statistics are: outputs of `signgen batch`, and datasets in any layout that is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from headless.batch.ledger import FORM, NAME, parse
from signgen_core.datasets import Clip, Dataset, PointClip, open_dataset
from signgen_core.datasets.detection import LAYOUTS
from signgen_core.datasets.layouts import LAYOUTS as VECTORS
from signgen_core.datasets.smplx_files import read_amass
from signgen_core.errors import FileFormatError, InputError
from signgen_core.evaluation.pairs import spread

VIDEOS = (".mp4", ".webm")
_NAMES = ("name", "id", "sentence_name", "video_id", "video", "clip", "file")
_TEXTS = ("text", "sentence", "gloss", "translation", "orth", "label")


@dataclass(frozen=True)
class Item:
    """One clip that is to be looked at. load: reads its motion, None where there is none; problem: why, in a line. video: of the same clip."""

    name: str
    load: Callable[[], Clip | PointClip] | None
    text: str = ""
    video: Path | None = None
    problem: str = ""


@dataclass(frozen=True)
class Source:
    """What one PATH holds. label: unlike those of the others. layout: `batch`, or that of its dataset."""

    label: str
    path: Path
    layout: str
    items: tuple[Item, ...]


def open_sources(paths: Sequence[str | Path], *, layout: str | None = None, texts: Path | None = None) -> list[Source]:
    """One source a path. texts: a table of names and texts. Raises InputError or FileFormatError for a path that cannot be used at all."""
    if layout is not None and layout not in (*LAYOUTS, *VECTORS):
        raise InputError(f"layout: {layout!r} is not one of {', '.join((*LAYOUTS, *VECTORS))}")
    known = read_texts(texts) if texts is not None else {}
    out: list[Source] = []
    for path in map(Path, paths):
        kind, items = _batch(path) if _is_batch(path) else _dataset(path, layout, known)
        out.append(Source(_label(path, [s.label for s in out]), path, kind, tuple(items)))
    return out


def _label(path: Path, taken: list[str]) -> str:
    """The shortest end of the path that no other source has."""
    parts = path.resolve().parts
    for n in range(1, len(parts) + 1):
        label = "/".join(parts[-n:])
        if label not in taken:
            return label
    return f"{path} ({len(taken) + 1})"


# --- Batches -----------------------------------------------------------------------------------------------------------------


def _is_batch(path: Path) -> bool:
    """By the first line of its manifest; a corpus has a manifest too."""
    try:
        with open(path / NAME, "rb") as stream:
            return f'"{FORM["format"]}"'.encode() in stream.readline(200)
    except OSError:
        return False


def _batch(folder: Path) -> tuple[str, list[Item]]:
    try:
        data = (folder / NAME).read_bytes()
    except OSError as problem:
        raise InputError(f"{folder / NAME}: cannot be read: {problem.strerror or problem}") from problem
    entries = parse(data[: data.rfind(b"\n") + 1], folder / NAME)  # a batch that is at work may be in the middle of a line
    if not entries:
        raise InputError(f"{folder}: the batch has no rows yet")
    return "batch", [_row(folder, entry) for entry in sorted(entries.values(), key=lambda e: (e.get("row") or 0, e["id"]))]


def _row(folder: Path, entry: dict[str, Any]) -> Item:
    files = entry.get("files") or {}
    text = str(entry.get("text") or "")
    motion, video = (_inside(folder, files.get(kind)) for kind in ("motion", "video"))
    if video is not None and (video.suffix.lower() not in VIDEOS or not video.is_file()):
        video = None  # frames or a moving picture: the motion shows as much
    problem = str(entry.get("error") or "")
    if motion is None and not problem:
        problem = f"{entry['state']}, without a motion yet"
    return Item(entry["id"], None if motion is None else partial(read_amass, motion, text=text), text, video, problem)


def _inside(folder: Path, fact: Any) -> Path | None:
    """A file that a manifest names, if it lies in the batch's folder."""
    if not isinstance(fact, dict) or not isinstance(fact.get("path"), str):
        return None
    path = folder / fact["path"]
    return path if path.resolve().is_relative_to(folder.resolve()) else None


# --- Datasets ----------------------------------------------------------------------------------------------------------------


def _dataset(path: Path, layout: str | None, texts: dict[str, str]) -> tuple[str, list[Item]]:
    data = open_dataset(path, layout=layout, texts=texts)
    root = path if path.is_dir() else path.parent
    return data.layout, [_clip(data, name, root, texts) for name in data.names]


def _clip(data: Dataset, name: str, root: Path, texts: dict[str, str]) -> Item:
    video = next((v for suffix in VIDEOS if (v := root / f"{name}{suffix}").is_file()), None)
    return Item(name, data.loader(name), texts.get(name, texts.get(name.rpartition("/")[2], "")), video)


def read_texts(path: Path) -> dict[str, str]:
    """name -> text of a table with a header: csv, or apart by tabs or `|`, with a column of names and one of texts (`_NAMES`, `_TEXTS`; any case).

    Raises InputError, FileFormatError.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise FileFormatError(f"{path}: cannot be read: {problem}") from None
    head = content.partition("\n")[0]
    apart = max("\t|,", key=head.count)
    try:
        rows = list(csv.DictReader(io.StringIO(content), delimiter=apart))
    except csv.Error as problem:
        raise FileFormatError(f"{path}: not a table: {problem}") from None
    columns = {str(c).strip().lower(): c for c in (rows[0] if rows else {})}
    name, text = (next((columns[c] for c in wanted if c in columns), None) for wanted in (_NAMES, _TEXTS))
    if name is None or text is None:
        raise FileFormatError(f"{path}: expected a header with a column of names ({', '.join(_NAMES)}) and one of texts ({', '.join(_TEXTS)})")
    return {str(row[name]).strip(): str(row[text] or "").strip() for row in rows if row[name]}


def limited(sources: Sequence[Source], limit: int) -> list[Source]:
    """With at most `limit` clips each, evenly over them; all for 0."""
    if not limit:
        return list(sources)
    out = []
    for source in sources:
        kept = set(spread([item.name for item in source.items], limit))
        out.append(replace(source, items=tuple(item for item in source.items if item.name in kept)))
    return out
