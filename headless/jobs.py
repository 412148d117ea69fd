"""From what stands on the command line to jobs: one text or file, or one a line; and how several are run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless.console import FAILED, complain, count

if TYPE_CHECKING:
    from headless.inputs import Kind, Source, Wishes
    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion


def find_sources(argument: str | None, lines: str | None, allowed: tuple[Kind, ...], wishes: Wishes) -> list[tuple[str, Source]]:
    """(place, source) of each thing to sign; place is empty for a single one. Raises UsageError for options that cannot apply."""
    from headless import inputs

    if (argument is None) == (lines is None):
        raise click.UsageError("Give either TEXT (or a file, or -) or --lines FILE." + ("" if lines is None else " Not both."))
    if lines is not None:
        sources = [(place, inputs.line_source(place, line, allowed)) for place, line in inputs.read_lines(lines)]
    else:
        sources = [("", inputs.find_source(str(argument), allowed))]
    for _, source in sources:
        if source.kind != "text" and (given := wishes.of_text()):
            raise click.UsageError(f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} for text; {source.name} is a {source.kind} already.")
        if source.kind == "motion" and (given := wishes.of_plan()):
            raise click.UsageError(f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} for text and plans; {source.name} is a motion already.")
    return sources


def make_jobs(
    argument: str | None, lines: str | None, output: str, suffixes: tuple[str, ...], allowed: tuple[Kind, ...], wishes: Wishes
) -> list[tuple[str, Source, Path]]:
    """(place, source, output file) of each thing to do; the output is checked before the input is read."""
    from headless import inputs

    if lines is None:
        inputs.check_output(Path(output), suffixes)
        return [("", source, Path(output)) for _, source in find_sources(argument, lines, allowed, wishes)]
    inputs.check_folder_output(Path(output))
    sources = find_sources(argument, lines, allowed, wishes)
    width = max(4, len(str(len(sources))))
    return [(place, source, Path(output) / f"{k:0{width}d}{suffixes[0]}") for k, (place, source) in enumerate(sources, start=1)]


def run_jobs(jobs: list[tuple[str, Source, Path]], work: Callable[[Source, Path, str], None], folder: Path | None) -> None:
    """Does all jobs. Of several, those that fail are reported at once and the others still done; the exit status is then 1."""
    if folder is None:
        _, source, path = jobs[0]
        work(source, path, "")
        return
    from headless.inputs import new_folder
    from signgen_core.errors import InputError

    failed = 0
    with new_folder(folder):
        for k, (place, source, path) in enumerate(jobs, start=1):
            try:
                work(source, path, f"{k}/{len(jobs)} ")
            except InputError as problem:
                failed += 1
                complain(f"{place}: {problem}")
    if failed:
        complain(f"{failed} of {count(len(jobs), 'line')} failed")
        raise click.exceptions.Exit(FAILED)


def located(place: str, make: Callable[[], ActionSequence]) -> ActionSequence:
    from signgen_core.errors import InputError

    try:
        return make()
    except InputError as problem:
        if not place:
            raise
        raise InputError(f"{place}: {problem}") from problem


def load_body(character: str | None) -> Body | None:
    """The body that `character` names; None where it names none, so that bad text is told of before a default body is built."""
    from signgen_core.body.load import load_body
    from signgen_core.character import choose_character

    chosen = choose_character(character)[1]
    return None if chosen is None else load_body(chosen)


def show_warnings() -> None:
    """Lets `logging.warning` of the renderer appear as one line each."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    logging.getLogger("signgen").handlers = [handler]
    logging.getLogger("imageio_ffmpeg").setLevel(logging.ERROR)  # it comments on every interruption


def summary(path: Path, motion: Motion) -> str:
    signs = f", {count(len(motion.segments), 'sign')}" if motion.segments else ""
    return f"{path}  {motion.num_frames / motion.fps:.1f} s, {count(motion.num_frames, 'frame')} at {motion.fps:g} fps{signs}"
