"""signgen animate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import say
from headless.jobs import load_body, make_jobs, run_jobs, summary

if TYPE_CHECKING:
    from headless.inputs import Source, Wishes


@click.command()
@click.argument("text", required=False, metavar="TEXT|plan.json|-")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="Where the motion goes; with --lines a folder.")
@options.wishes
@options.fps
@options.character
def command(text: str | None, output: str, lines: str | None, wishes: Wishes, fps: float | None, character: str | None) -> None:
    """Text or plan to a motion file: SMPL-X poses with AMASS keys, face, joint positions in metres.

    With --lines FILE, -o names a folder that gets 0001.npz, 0002.npz and so on.
    """
    from headless import inputs
    from headless.progress import progress_bar

    jobs = make_jobs(text, lines, output, (".npz",), ("text", "plan"), wishes)
    from signgen_core import pipeline
    from signgen_core.motion import write_npz

    body = load_body(character)

    def work(source: Source, path: Path, label: str) -> None:
        with progress_bar(f"{label}signs ") as tick:
            motion, _ = inputs.to_motion(source, wishes, fps=fps, body=body, progress=tick)
        write_npz(path, motion, pipeline.joints(motion, body))
        say(summary(path, motion))

    run_jobs(jobs, work, Path(output) if lines else None)
