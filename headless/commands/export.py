"""signgen export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import count, say
from headless.jobs import load_body, make_jobs, run_jobs, summary

if TYPE_CHECKING:
    from headless.inputs import Source, Wishes

FORMATS = ("glb", "fbx", "blend", "bvh", "usdc", "abc")


@click.command()
@click.argument("text", required=False, metavar="TEXT|plan.json|motion.npz|-")
@click.option("-o", "--output", required=True, metavar="FILE", help=f"{' '.join(f'.{f}' for f in FORMATS)}; with --lines a folder.")
@click.option("--format", "wanted", type=click.Choice(FORMATS), help="Of the files that --lines makes.  [default: glb]")
@click.option("--preset", type=click.Choice(["unity", "unreal"]), help="Axes, units and root of .fbx.  [default: unity]")
@click.option("--clips", type=click.Choice(["whole", "sign", "sentence"]), default="whole", show_default=True, help="What becomes a clip of its own.")
@click.option("--name", default="Signing", show_default=True, help="The name of the clip that is the whole.")
@click.option("--plan", "plan_file", metavar="FILE.json", help="The plan behind a motion file: its sentences, words and faces.")
@click.option("--unit", type=click.Choice(["m", "cm"]), help="Of .bvh.  [default: m]")
@click.option("--all-influences", is_flag=True, help="More than four bones a vertex in .glb, which few engines read.")
@click.option("--no-events", is_flag=True, help="Do not write FILE.events.json beside it.")
@options.fps
@options.character
@options.wishes
def command(
    text: str | None, output: str, wanted: str | None, preset: str | None, clips: str, name: str, plan_file: str | None, unit: str | None,
    all_influences: bool, no_events: bool, fps: float | None, character: str | None, lines: str | None, wishes: Wishes,
) -> None:  # fmt: skip
    """Text, plan or motion to a file for game engines and editors: bones, ARKit shapes, clips, and event markers as JSON beside it.

    With --lines FILE, -o names a folder that gets 0001.glb, 0002.glb and so on.
    """
    from headless import inputs
    from headless.progress import progress_bar
    from signgen_core.action import read_plan

    if wanted is not None and lines is None:
        raise click.UsageError("--format is for --lines; the suffix of a single file says its format.")
    kind = (wanted or "glb") if lines is not None else Path(output).suffix.lower().removeprefix(".")
    for given, option, only in ((preset, "--preset", "fbx"), (unit, "--unit", "bvh"), (all_influences, "--all-influences", "glb")):
        if given and kind != only:
            raise click.UsageError(f"{option} is for .{only} files.")
    suffixes = (f".{kind}",) if lines is not None else tuple(f".{f}" for f in FORMATS)
    jobs = make_jobs(text, lines, output, suffixes, ("text", "plan", "motion"), wishes)
    if plan_file is not None and jobs[0][1].kind != "motion":
        raise click.UsageError("--plan is for a motion file; a text or plan brings its own.")
    given_plan = None if plan_file is None else read_plan(plan_file)
    from headless.export import ExportJob, export

    body = load_body(character)
    job = ExportJob(character, preset or "unity", clips, name, 100.0 if unit == "cm" else 1.0, not no_events, all_influences)

    def work(source: Source, path: Path, label: str) -> None:
        with progress_bar(f"{label}signs ") as tick:
            motion, plan = inputs.to_motion(source, wishes, fps=fps, body=body, progress=tick)
        made = export(path, motion, plan or given_plan, job)
        say(f"{summary(path, motion)}, {count(len(made.clips), 'clip')}")

    run_jobs(jobs, work, Path(output) if lines else None)
