"""A progress bar on standard error, only where a person looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_STEPS = 1000


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
