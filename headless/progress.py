"""Progress on standard error: a bar where a person looks at it, and for work of hours a line a minute where nobody does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from headless.console import say

Tell = Callable[[float, str], None]
_STEPS = 1000
LINE_SECONDS = 60.0


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float], None]]:
    """Yields a function that takes the fraction done, 0 to 1. Silent when standard error is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda fraction: None
        return
    with click.progressbar(length=_STEPS, label=label, file=sys.stderr) as bar:

        def tick(fraction: float) -> None:
            done = round(_STEPS * min(max(fraction, 0.0), 1.0))
            if done > bar.pos:
                bar.update(done - bar.pos)

        yield tick


@contextmanager
def report(label: str) -> Iterator[Tell]:
    """Yields a function that takes the fraction done and a text, which says the time left. A line a minute when standard error is not a terminal."""
    if sys.stderr.isatty():
        with click.progressbar(length=_STEPS, label=label, file=sys.stderr, show_eta=False, item_show_func=lambda text: text) as bar:

            def show(fraction: float, text: str) -> None:
                done = round(_STEPS * min(max(fraction, 0.0), 1.0))
                bar.update(max(0, done - bar.pos), text)
                bar.render_progress()

            yield show
        return
    last = time.monotonic()

    def line(fraction: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            say(f"{label}  {100 * fraction:.0f} %  {text}", err=True)

    yield line
