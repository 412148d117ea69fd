"""signgen render"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import say
from headless.jobs import load_body, make_jobs, run_jobs, show_warnings, summary

if TYPE_CHECKING:
    from headless.inputs import Source, Wishes


@click.command()
@click.argument("text", required=False, metavar="TEXT|plan.json|motion.npz|-")
@click.option("-o", "--output", required=True, metavar="FILE", help="Video .mp4 .webm .gif, or .png for numbered frames; with --lines a folder.")
@click.option("--size", type=options.SizeType(), default="960x720", show_default=True, help="Pixels, even numbers.")
@options.fps
@click.option("--engine", type=click.Choice(["auto", "workbench", "cycles", "eevee"]), default="auto", show_default=True, help="Render engine.")
@click.option("--quality", type=click.Choice(["preview", "standard", "high"]), default="standard", show_default=True, help="Speed against looks.")
@click.option("--camera", type=options.CameraType(), help="A preset of presets/cameras, or a camera file.  [default: signing]")
@options.character
@click.option("--alpha", is_flag=True, help="Transparent background (.png, .webm).")
@options.wishes
@click.option("--plan-out", metavar="FILE.json", help="Write the plan too.")
@click.option("--motion-out", metavar="FILE.npz", help="Write the motion too.")
def command(
    text: str | None, output: str, size: tuple[int, int], fps: float | None, engine: str, quality: str, camera: str | None, character: str | None,
    alpha: bool, lines: str | None, wishes: Wishes, plan_out: str | None, motion_out: str | None,
) -> None:  # fmt: skip
    """Text, plan or motion to a video of a signer.

    With --lines FILE, -o names a folder that gets 0001.mp4, 0002.mp4 and so on; lines that cannot be signed are reported at once, the
    others are done, and the exit status is 1.
    """
    from headless import inputs
    from headless.progress import progress_bar
    from headless.render import SUFFIXES, RenderJob, check_job
    from headless.render import render as render_video
    from signgen_core.camera import DEFAULT_CAMERA

    if lines and (plan_out or motion_out):
        raise click.UsageError("--plan-out and --motion-out are for a single text; use `signgen plan --lines` or `signgen animate --lines`.")
    jobs = make_jobs(text, lines, output, SUFFIXES, ("text", "plan", "motion"), wishes)
    if plan_out:
        if jobs[0][1].kind == "motion":
            raise click.UsageError("--plan-out: a motion file has no plan.")
        inputs.check_output(Path(plan_out), (".json",))
    if motion_out:
        inputs.check_output(Path(motion_out), (".npz",))
    show_warnings()
    first = jobs[0][2]
    # of a folder that is still to be made, the parent is the place to try
    probe = first if not lines or first.parent.is_dir() else first.parent.parent / first.name
    template = RenderJob(
        motion=None,  # type: ignore[arg-type]
        output=probe, size=size, fps=fps, engine=engine, quality=quality, camera=camera or DEFAULT_CAMERA, character=character, alpha=alpha,
    )  # fmt: skip
    check_job(template)  # everything but the motion, before the work that makes it
    from signgen_core import pipeline
    from signgen_core.action import dump_plan
    from signgen_core.motion import write_bytes, write_npz

    body = load_body(character)

    def work(source: Source, path: Path, label: str) -> None:
        with progress_bar(f"{label}signs ") as tick:
            motion, made = inputs.to_motion(source, wishes, fps=fps, body=body, progress=tick)
        if plan_out and made is not None:
            write_bytes(plan_out, dump_plan(made).encode())
        if motion_out:
            write_npz(motion_out, motion, pipeline.joints(motion, body))
        with progress_bar(f"{label}frames") as tick:
            made_file = render_video(replace(template, motion=motion, output=path), tick)
        say(summary(Path(made_file), motion))

    run_jobs(jobs, work, Path(output) if lines else None)
