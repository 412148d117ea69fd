"""Writes a gallery: one page of HTML, its style and script, the clips' numbers and pictures. It works from `file://` and asks nothing of any server."""

from __future__ import annotations

import html
import json
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headless.console import count
from headless.gallery.drawing import OUTLINE, PAPER, STYLES
from headless.gallery.examine import Order, Record, examine
from headless.gallery.sources import Item, Source
from signgen_core.datasets.quality import FLAGS, NUMBERS, flag_json, unusual_lengths
from signgen_core.errors import InputError, OutputError
from signgen_core.motion import write_bytes

ASSETS = ("gallery.css", "gallery.js")
MARK = b'<meta name="generator" content="SignGen gallery">'
_HEAD = 2000  # bytes of an index.html in which the mark stands


def check_place(folder: Path) -> None:
    """Raises OutputError for a folder that is there and is no gallery: it would be replaced."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        with open(folder / "index.html", "rb") as stream:
            ours = MARK in stream.read(_HEAD)
    except OSError:
        ours = False
    if not ours:
        raise OutputError(f"{folder}: is not empty and holds no gallery; give the name of a new folder")


def write_gallery(
    folder: Path, sources: Sequence[Source], *, title: str, workers: int, copy: bool = False, tell: Callable[[int, int], None] | None = None
) -> list[Record]:
    """Measures and draws all clips and writes the gallery, whole or not at all; one that is there is replaced. Returns what is known of the clips.

    copy: whether videos are copied into it; else it refers to where they are. Raises OutputError, and InputError where not one clip can be shown.
    """
    check_place(folder)
    with _whole(folder) as place:
        try:
            (place / "clips").mkdir()
        except OSError as problem:
            raise OutputError(f"{folder}: cannot be written: {problem.strerror or problem}") from problem
        orders: list[Order] = []
        for number, (_, item) in enumerate(_items(sources)):
            stem = place / "clips" / _stem(number)
            orders.append(Order(number, item, stem.with_suffix(".png"), stem.with_suffix(".js")))
        records = _with_lengths(examine(orders, workers, tell), [s for s, _ in _items(sources)])
        if not any(r.drawn for r in records):
            raise InputError((f"not one of {len(records)} clips can be shown; the first: " if len(records) > 1 else "") + records[0].problem)
        videos = [_video(item, _stem(number), folder, place, copy) for number, (_, item) in enumerate(_items(sources))]
        content = json.dumps(_data(sources, records, videos), separators=(",", ":")).replace("<", "\\u003c")
        write_bytes(place / "clips.js", f"window.galleryData = {content};\n".encode("ascii"))
        for name in ASSETS:
            write_bytes(place / name, _asset(name))
        page = _asset("index.html").decode("utf-8").replace("{{SUMMARY}}", html.escape(_summary(sources, records))).replace("{{TITLE}}", html.escape(title))
        write_bytes(place / "index.html", page.encode("utf-8"))
    return records


def _asset(name: str) -> bytes:
    return files("headless.gallery").joinpath("assets", name).read_bytes()


def _stem(number: int) -> str:
    return f"{number + 1:05d}"


def _items(sources: Sequence[Source]) -> Iterator[tuple[int, Item]]:
    return ((k, item) for k, source in enumerate(sources) for item in source.items)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its place at the end, or is gone."""
    folder = folder.absolute()
    made: Path | None = None
    try:
        made = Path(tempfile.mkdtemp(prefix=".signgen-", dir=folder.parent))
        mask = os.umask(0)
        os.umask(mask)
        made.chmod(0o777 & ~mask)
        yield made
        old = made.with_name(made.name + "-old")
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
        made = None
        shutil.rmtree(old, ignore_errors=True)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be written: {problem.strerror or problem}") from problem
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _with_lengths(records: list[Record], sources: list[int]) -> list[Record]:
    """With the flags of clips that are unusually long or short among those of their source."""
    out = list(records)
    for source in set(sources):
        own = [r for r, s in zip(records, sources, strict=True) if s == source and r.numbers.get("seconds") is not None]
        for k, flag in unusual_lengths([r.numbers["seconds"] or 0.0 for r in own]).items():
            out[own[k].number] = replace(own[k], flags=(*own[k].flags, flag))
    return out


def _video(item: Item, stem: str, folder: Path, place: Path, copy: bool) -> str | None:
    """The address of a clip's video as seen from the page. Raises OutputError where it cannot be copied."""
    if item.video is None:
        return None
    if copy:
        name = f"videos/{stem}{item.video.suffix.lower()}"
        try:
            (place / "videos").mkdir(exist_ok=True)
            shutil.copyfile(item.video, place / name)
        except OSError as problem:
            raise OutputError(f"{folder / name}: cannot be copied: {problem.strerror or problem}") from problem
        return name
    try:
        return quote(Path(os.path.relpath(item.video.resolve(), folder.resolve())).as_posix())
    except ValueError:  # another drive of Windows
        return item.video.resolve().as_uri()


def _data(sources: Sequence[Source], records: Sequence[Record], videos: Sequence[str | None]) -> dict[str, Any]:
    places = [k for k, _ in _items(sources)]
    groups: dict[str, list[Record]] = {}
    for record, key in zip(records, _keys(sources), strict=True):
        groups.setdefault(key, []).append(record)
    return {
        "sources": [{"label": s.label, "layout": s.layout, "clips": len(s.items)} for s in sources],
        "flags": FLAGS, "numbers": NUMBERS, "styles": STYLES, "paper": PAPER, "outline": OUTLINE,
        "groups": [{"name": own[0].name, "panes": [_pane(r, places[r.number], videos[r.number]) for r in own]} for own in groups.values()],
    }  # fmt: skip


def _keys(sources: Sequence[Source]) -> list[str]:
    """What clips that belong together have in common: the end of their names, where that is unlike all others of their source, else the whole name.

    Single files belong together whatever they are called.
    """
    if all(len(source.items) == 1 for source in sources):
        return [""] * len(sources)
    out = []
    for source in sources:
        ends = Counter(_end(item.name) for item in source.items)
        out += [_end(item.name) if ends[_end(item.name)] == 1 else item.name for item in source.items]
    return out


def _end(name: str) -> str:
    return name.rpartition("/")[2]


def _pane(record: Record, source: int, video: str | None) -> dict[str, Any]:
    numbers = {key: None if value is None or not math.isfinite(value) else float(f"{value:.6g}") for key, value in record.numbers.items()}
    signs = [[gloss, round(start, 4), round(end, 4)] for gloss, start, end in record.signs]
    return asdict(record) | {
        "source": source, "file": _stem(record.number), "video": video, "numbers": numbers, "signs": signs, "flags": [flag_json(f) for f in record.flags],
    }  # fmt: skip


def _summary(sources: Sequence[Source], records: Sequence[Record]) -> str:
    seconds = sum(r.numbers.get("seconds") or 0.0 for r in records)
    told = "; ".join(f"{s.label}: {count(len(s.items), 'clip')} ({s.layout})" for s in sources)
    broken = sum(bool(r.problem) for r in records)
    return f"{told}. {seconds / 60.0:.1f} minutes of motion" + (f"; {count(broken, 'clip')} broken or failed." if broken else ".")
