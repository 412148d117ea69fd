"""Clips read, measured and drawn, on all cores. A clip that cannot be read becomes a record with one line that says why; it stops nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headless.gallery.sources import Item
from signgen_core.datasets.clips import Clip, PointClip
from signgen_core.datasets.quality import Flag, quality
from signgen_core.errors import OutputError, SignGenError, internal
from signgen_core.motion import write_bytes
from signgen_core.train.corpus import _alone as alone

if TYPE_CHECKING:
    from signgen_core.body.model import Body

_FEW = 4  # clips for which processes are not worth their start
_MOST_MESSAGE = 300


@dataclass(frozen=True)
class Order:
    """number: of the clip. picture: the strip's file, data: the playback's; None where nothing is drawn."""

    number: int
    item: Item
    picture: Path | None = None
    data: Path | None = None


@dataclass(frozen=True)
class Record:
    """What is known of a clip. signs: (gloss, start, end) in seconds. problem: why it cannot be shown, or what a batch said of its row. drawn: has pictures."""

    number: int
    name: str
    text: str = ""
    signs: tuple[tuple[str, float, float], ...] = ()
    numbers: dict[str, float | None] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    drawn: bool = False


def examine(orders: Sequence[Order], workers: int, tell: Callable[[int, int], None] | None = None) -> list[Record]:
    """A record an order, in their order. workers: processes; tell: takes how many are done, of how many.

    Raises OutputError where pictures cannot be written.
    """
    found: dict[int, Record] = {}
    for record in _all(orders, workers):
        found[record.number] = record
        if tell is not None:
            tell(len(found), len(orders))
    return [found[order.number] for order in orders]


def _all(orders: Sequence[Order], workers: int) -> Iterator[Record]:
    if workers == 1 or len(orders) <= _FEW:
        yield from map(look_at, orders)
        return
    waiting = list(orders)
    suspects: list[Order] = []
    while waiting or suspects:
        # after a death, those that were being read are tried one at a time, so that the one that kills is known
        one = bool(suspects)
        left = suspects if one else waiting
        running: dict[Future[Record], Order] = {}
        with ProcessPoolExecutor(1 if one else workers, mp_context=get_context("spawn"), initializer=alone) as pool:
            try:
                while left or running:
                    while left and len(running) < (1 if one else 2 * workers):
                        running[pool.submit(look_at, left[0])] = left[0]
                        left.pop(0)
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        record = future.result()
                        del running[future]
                        yield record
            except BrokenProcessPool:
                if one:
                    for order in running.values():
                        yield _broken(order, "the process that read it died (out of memory?)")
                    running.clear()
                else:
                    suspects = list(running.values())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@lru_cache(maxsize=1)
def _body() -> Body:
    from signgen_core.body.load import load_body

    return load_body("default")


def look_at(order: Order) -> Record:
    """Reads and measures one clip, and draws it where files for that are named. Raises OutputError."""
    if order.item.load is None:
        return _broken(order, order.item.problem)
    try:
        return _look_at(order, order.item.load())
    except OutputError:
        raise
    except SignGenError as problem:
        return _broken(order, str(problem))
    except Exception as problem:  # noqa: BLE001 - the last line of defence: one clip must not end the others
        return _broken(order, internal(problem))


def _look_at(order: Order, clip: Clip | PointClip) -> Record:
    from signgen_core.datasets.figure import figure_of

    item = order.item
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of that is refused
        figure = figure_of(clip, _body())
    if not np.isfinite(figure.points).all():
        return _broken(order, f"{item.name}: rotations or points too large to be placed")
    found = quality(clip, figure)
    fps = clip.fps if isinstance(clip, PointClip) else clip.motion.fps
    signs = () if isinstance(clip, PointClip) else tuple((s.gloss_id, s.start, s.end) for s in clip.motion.segments)
    if order.picture is not None and order.data is not None:
        from headless.gallery.drawing import playback, strip

        write_bytes(order.picture, strip(figure))
        content = json.dumps({**playback(figure, fps), "parts": figure.parts}, separators=(",", ":"))
        write_bytes(order.data, f"galleryClip({order.number},{content});\n".encode("ascii"))
    flags = ((Flag("broken", item.problem),) if item.problem else ()) + found.flags
    said = {key: str(value) for key, value in clip.provenance.items()}
    return Record(order.number, item.name, item.text or clip.text, signs, found.numbers, flags, said, item.problem, order.picture is not None)


def _broken(order: Order, problem: str) -> Record:
    line = " ".join(problem.split())[:_MOST_MESSAGE]
    return Record(order.number, order.item.name, order.item.text, flags=(Flag("broken", line),), problem=line)


def processes(wished: int) -> int:
    """How many: as wished, or one a core."""
    from headless.render import cores

    return wished or cores()
