"""The `signgen` command: plan, animate, render, doctor.

Only this module prints errors: one line on standard error, exit status 1 for what cannot be done, 2 for wrong usage, 130 after Ctrl-C,
143 after a termination request. Whatever is heavier than click is imported inside the command that needs it, so that `--help` is quick.
"""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from headless.inputs import Kind, Source, Wishes
    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion

MAX_SEED = 2**31 - 1
_USAGE, _FAILED, _INTERRUPTED, _TERMINATED = 2, 1, 130, 143


class _ReaderGoneError(Exception):
    """Whoever read our standard output has closed it (`signgen plan ... | head`)."""


class SizeType(click.ParamType[tuple[int, int]]):
    """`960x720`: even numbers of pixels, because H.264 halves the colour planes."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", value.strip())
        if not match:
            self.fail(f"{value!r} is not a size such as 960x720", param, ctx)
        size = int(match.group(1)), int(match.group(2))
        if any(n % 2 or not 16 <= n <= 8192 for n in size):
            self.fail(f"{value}: width and height must be even numbers from 16 to 8192", param, ctx)
        return size


class CameraType(click.ParamType[str]):
    """The name of a camera preset, or a camera file."""

    name = "NAME|FILE.json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from signgen_core.camera import camera_names

        if value.lower().endswith(".json"):
            if not Path(value).is_file():
                self.fail(f"{value}: no such file", param, ctx)
        elif value not in camera_names():
            self.fail(f"{value!r} is not one of {', '.join(camera_names())}, nor a .json file", param, ctx)
        return str(value)


class NumberType(click.FloatRange):
    """A range that refuses `nan` too, which compares as being inside of every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number that can be used", param, ctx)
        return number


_gloss = click.option("--gloss", is_flag=True, help="TEXT is ASL gloss notation: IX-1 NAME fs-ANNA, #OK, WORK+, HELLO(duration=0.6).")
_seed = click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Decides every random choice; same text and seed, same bytes.  [default: 0]")
_handedness = click.option("--handedness", type=click.Choice(["right", "left"]), help="The signer's dominant hand.  [default: right]")
_tempo = click.option("--tempo", type=NumberType(0.25, 4.0), help="Speed of signing; 2 is twice as fast.  [default: 1]")
_fps = click.option("--fps", type=NumberType(1, 240), help="Frames per second.  [default: 30, or the motion file's own]")
_character = click.option(
    "--character", metavar="NAME|FILE", help="A look (preset or .json), `default`, or an SMPL-X body .npz.  [default: $SIGNGEN_SMPLX, else default]"
)
_lines = click.option("--lines", metavar="FILE", help="Take each line of FILE (- is standard input) as a text of its own.")


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            _say(f"signgen {version('signgen')}")
        except PackageNotFoundError:
            _say("signgen, run from its source folder")
        ctx.exit()


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version and exit.")
@click.option("--debug", is_flag=True, help="Show the traceback of errors.")
@click.pass_context
def signgen(ctx: click.Context, debug: bool) -> None:
    """English text to American Sign Language: an editable plan, a motion file, or a finished video.

    \b
    signgen render "Nice to meet you." -o hello.mp4
    signgen plan "Where do you live?" -o plan.json        edit it, then
    signgen render plan.json -o live.mp4

    TEXT may be given as - to read standard input. A name that ends in .json is a plan file, in .npz a motion file.
    """
    ctx.obj["debug"] = debug
    if ctx.invoked_subcommand is None:
        _say(ctx.get_help())


@signgen.command(short_help="Text to an editable plan (JSON).")
@click.argument("text", required=False, metavar="TEXT|plan.json|-")
@click.option("-o", "--output", metavar="FILE", help="Where the plan goes: .json, with --lines .jsonl; - or absent: standard output.")
@_gloss
@_lines
@_seed
@_handedness
@_tempo
@click.option("--explain", is_flag=True, help="Print a table of word, gloss and reason (in place of the plan where there is no -o).")
def plan(
    text: str | None, output: str | None, gloss: bool, lines: str | None, seed: int | None, handedness: str | None, tempo: float | None,
    explain: bool,
) -> None:  # fmt: skip
    """Text to an editable plan: one action per sign, with handshape, path, times, face and where it comes from.

    A plan file in place of TEXT is checked and completed: a gloss alone gets its form from the lexicon. With --lines FILE the result is
    jsonl, one plan a line; blank lines are skipped.
    """
    from headless import inputs
    from signgen_core.action import dump_plan
    from signgen_core.motion import write_bytes

    wishes = inputs.Wishes(gloss, seed, handedness, tempo)
    path = None if output in (None, "-") else Path(str(output))
    if path is not None:
        inputs.check_output(path, (".jsonl", ".json") if lines else (".json",))
    sources = _sources(text, lines, ("text", "plan"), wishes)
    # a table and a plan cannot share one stream
    table_only = explain and output is None
    texts: list[str] = []
    for place, source in sources:
        made = _located(place, lambda source=source: inputs.to_plan(source, wishes))  # type: ignore[misc]
        dumped = dump_plan(made, one_line=True) + "\n" if lines else dump_plan(made)
        if explain:
            _say(_explanation(made), err=output == "-")
        if path is None and not table_only:
            _say(dumped, newline=False)
        texts.append(dumped)
    if path is not None:
        write_bytes(path, "".join(texts).encode())
        if not explain:
            _say(f"{path}  {_count(len(texts), 'plan')}" if lines else f"{path}  {_count(len(made.actions), 'sign')}, {made.end:.1f} s")


@signgen.command(short_help="Text or plan to a motion file (npz).")
@click.argument("text", required=False, metavar="TEXT|plan.json|-")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="Where the motion goes; with --lines a folder.")
@_gloss
@_lines
@_seed
@_handedness
@_tempo
@_fps
@_character
def animate(
    text: str | None, output: str, gloss: bool, lines: str | None, seed: int | None, handedness: str | None, tempo: float | None,
    fps: float | None, character: str | None,
) -> None:  # fmt: skip
    """Text or plan to a motion file: SMPL-X poses with AMASS keys, face, joint positions in metres.

    With --lines FILE, -o names a folder that gets 0001.npz, 0002.npz and so on.
    """
    from headless import inputs
    from headless.progress import progress_bar

    wishes = inputs.Wishes(gloss, seed, handedness, tempo)
    jobs = _jobs(text, lines, output, (".npz",), ("text", "plan"), wishes)
    from signgen_core import pipeline
    from signgen_core.motion import write_npz

    body = _load_body(character)

    def work(source: Source, path: Path, label: str) -> None:
        with progress_bar(f"{label}signs ") as tick:
            motion, _ = inputs.to_motion(source, wishes, fps=fps, body=body, progress=tick)
        write_npz(path, motion, pipeline.joints(motion, body))
        _say(_summary(path, motion))

    _run(jobs, work, Path(output) if lines else None)


@signgen.command(short_help="Text, plan or motion to a video of a signer.")
@click.argument("text", required=False, metavar="TEXT|plan.json|motion.npz|-")
@click.option("-o", "--output", required=True, metavar="FILE", help="Video .mp4 .webm .gif, or .png for numbered frames; with --lines a folder.")
@click.option("--size", type=SizeType(), default="960x720", show_default=True, help="Pixels, even numbers.")
@_fps
@click.option("--engine", type=click.Choice(["auto", "workbench", "cycles", "eevee"]), default="auto", show_default=True, help="Render engine.")
@click.option("--quality", type=click.Choice(["preview", "standard", "high"]), default="standard", show_default=True, help="Speed against looks.")
@click.option("--camera", type=CameraType(), help="A preset of presets/cameras, or a camera file.  [default: signing]")
@_character
@click.option("--alpha", is_flag=True, help="Transparent background (.png, .webm).")
@_gloss
@_lines
@_seed
@_handedness
@_tempo
@click.option("--plan-out", metavar="FILE.json", help="Write the plan too.")
@click.option("--motion-out", metavar="FILE.npz", help="Write the motion too.")
def render(
    text: str | None, output: str, size: tuple[int, int], fps: float | None, engine: str, quality: str, camera: str | None, character: str | None,
    alpha: bool, gloss: bool, lines: str | None, seed: int | None, handedness: str | None, tempo: float | None, plan_out: str | None,
    motion_out: str | None,
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

    wishes = inputs.Wishes(gloss, seed, handedness, tempo)
    if lines and (plan_out or motion_out):
        raise click.UsageError("--plan-out and --motion-out are for a single text; use `signgen plan --lines` or `signgen animate --lines`.")
    jobs = _jobs(text, lines, output, SUFFIXES, ("text", "plan", "motion"), wishes)
    if plan_out:
        if jobs[0][1].kind == "motion":
            raise click.UsageError("--plan-out: a motion file has no plan.")
        inputs.check_output(Path(plan_out), (".json",))
    if motion_out:
        inputs.check_output(Path(motion_out), (".npz",))
    _show_warnings()
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

    body = _load_body(character)

    def work(source: Source, path: Path, label: str) -> None:
        with progress_bar(f"{label}signs ") as tick:
            motion, made = inputs.to_motion(source, wishes, fps=fps, body=body, progress=tick)
        if plan_out and made is not None:
            write_bytes(plan_out, dump_plan(made).encode())
        if motion_out:
            write_npz(motion_out, motion, pipeline.joints(motion, body))
        with progress_bar(f"{label}frames") as tick:
            made_file = render_video(replace(template, motion=motion, output=path), tick)
        _say(_summary(Path(made_file), motion))

    _run(jobs, work, Path(output) if lines else None)


@signgen.command(short_help="Check this machine, with the fix for what is missing.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list in place of lines.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check this machine: Python, Blender module, GL, CUDA, ffmpeg, body, weights, presets, disk; one line each, with the fix.

    The exit status is 0 when everything needed is there. Nothing is changed but the cache: a missing default body is built.
    """
    from headless.doctor import as_lines, run_checks

    checks = run_checks()
    if as_json:
        import json

        _say(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        _say(as_lines(checks))
    if not all(check.ok for check in checks if check.needed):
        ctx.exit(_FAILED)


def _sources(argument: str | None, lines: str | None, allowed: tuple[Kind, ...], wishes: Wishes) -> list[tuple[str, Source]]:
    """(place, source) of each thing to sign; place is empty for a single one. Raises UsageError for options that cannot apply."""
    from headless import inputs

    if (argument is None) == (lines is None):
        raise click.UsageError("Give either TEXT (or a file, or -) or --lines FILE." + ("" if lines is None else " Not both."))
    if lines is not None:
        sources = [(place, inputs.line_source(place, line, allowed)) for place, line in inputs.read_lines(lines)]
    else:
        sources = [("", inputs.find_source(str(argument), allowed))]
    for _, source in sources:
        if source.kind != "text" and wishes.gloss:
            raise click.UsageError(f"--gloss is for text; {source.name} is a {source.kind} already.")
        if source.kind == "motion" and (wishes.seed is not None or wishes.handedness is not None or wishes.tempo is not None):
            raise click.UsageError(f"--seed, --handedness and --tempo are for text and plans; {source.name} is a motion already.")
    return sources


def _jobs(
    argument: str | None, lines: str | None, output: str, suffixes: tuple[str, ...], allowed: tuple[Kind, ...], wishes: Wishes
) -> list[tuple[str, Source, Path]]:
    """(place, source, output file) of each thing to do; the output is checked before the input is read."""
    from headless import inputs

    if lines is None:
        inputs.check_output(Path(output), suffixes)
        return [("", source, Path(output)) for _, source in _sources(argument, lines, allowed, wishes)]
    inputs.check_folder_output(Path(output))
    sources = _sources(argument, lines, allowed, wishes)
    width = max(4, len(str(len(sources))))
    return [(place, source, Path(output) / f"{k:0{width}d}{suffixes[0]}") for k, (place, source) in enumerate(sources, start=1)]


def _run(jobs: list[tuple[str, Source, Path]], work: Callable[[Source, Path, str], None], folder: Path | None) -> None:
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
                _complain(f"{place}: {problem}")
    if failed:
        _complain(f"{failed} of {_count(len(jobs), 'line')} failed")
        raise click.exceptions.Exit(_FAILED)


def _located(place: str, make: Callable[[], ActionSequence]) -> ActionSequence:
    from signgen_core.errors import InputError

    try:
        return make()
    except InputError as problem:
        if not place:
            raise
        raise InputError(f"{place}: {problem}") from problem


def _load_body(character: str | None) -> Body | None:
    """The body that `character` names; None where it names none, so that bad text is told of before a default body is built."""
    from signgen_core.body.load import load_body
    from signgen_core.character import choose_character

    chosen = choose_character(character)[1]
    return None if chosen is None else load_body(chosen)


def _show_warnings() -> None:
    """Lets `logging.warning` of the renderer appear as one line each."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    logging.getLogger("signgen").handlers = [handler]
    logging.getLogger("imageio_ffmpeg").setLevel(logging.ERROR)  # it comments on every interruption


def _summary(path: Path, motion: Motion) -> str:
    signs = f", {_count(len(motion.segments), 'sign')}" if motion.segments else ""
    return f"{path}  {motion.num_frames / motion.fps:.1f} s, {_count(motion.num_frames, 'frame')} at {motion.fps:g} fps{signs}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _explanation(plan: ActionSequence) -> str:
    """A table of word, gloss and reason, a block per sentence; words without a sign come last in theirs."""
    rows: list[list[tuple[str, str, str]]] = [[] for _ in range(max([len(plan.sentences), *(a.sentence + 1 for a in plan.actions)]))]
    for action in plan.actions:
        rows[action.sentence].append((" ".join(action.words) or "-", action.gloss_id, action.why))
    for index, sentence in enumerate(plan.sentences):
        rows[index] += [(word, "(no sign)", why) for word, why in sentence.dropped]
    widths = [max(len(row[column]) for block in rows for row in block) for column in (0, 1)]
    out: list[str] = []
    for index, block in enumerate(rows):
        if index < len(plan.sentences):
            out.append(plan.sentences[index].text)
        out += [f"  {word:<{widths[0]}}  {gloss:<{widths[1]}}  {why}".rstrip() for word, gloss, why in block]
    return "\n".join(out)


def _say(text: str, *, err: bool = False, newline: bool = True) -> None:
    """Prints as UTF-8 whatever the locale is; raises _ReaderGoneError when nobody reads any more."""
    try:
        click.echo((text + ("\n" if newline else "")).encode(errors="backslashreplace"), nl=False, err=err)
    except BrokenPipeError:
        raise _ReaderGoneError from None


def _complain(message: str) -> None:
    click.echo("error: " + " ".join(message.split()), err=True)


def _terminate(number: int, frame: object) -> None:
    # as an exception, so that temporary files go away
    raise SystemExit(_TERMINATED)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status; `argv` without the program name."""
    if "_SIGNGEN_COMPLETE" in os.environ:  # shell completion is click's own affair
        signgen.main(prog_name="signgen")
    state = {"debug": False}
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        return _invoke(list(sys.argv[1:] if argv is None else argv), state)
    except _ReaderGoneError:
        # what is still buffered has no reader; without this the interpreter complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except click.exceptions.UsageError as problem:
        command = problem.ctx.command_path if problem.ctx is not None else "signgen"
        _complain(f"{problem.format_message()} `{command} --help` says more.")
        return _USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except SystemExit as problem:
        return problem.code if isinstance(problem.code, int) else _FAILED
    except Exception as problem:  # noqa: BLE001 - the last line of defence: one line, never a raw traceback
        return _report(problem, state["debug"])
    finally:
        signal.signal(signal.SIGTERM, before)


def _invoke(argv: list[str], state: dict[str, bool]) -> int:
    try:
        with signgen.make_context("signgen", argv, obj=state) as ctx:
            signgen.invoke(ctx)
    except click.exceptions.Exit as wish:
        status = wish.exit_code
    else:
        status = 0
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise _ReaderGoneError from None
    return status


def _report(problem: Exception, debug: bool) -> int:
    from signgen_core.errors import SignGenError

    if debug:
        traceback.print_exception(problem)
    if isinstance(problem, SignGenError):
        _complain(str(problem))
    else:
        hint = "" if debug else "; run with --debug for the traceback"
        click.echo(f"internal error: {' '.join(f'{type(problem).__name__}: {problem}'.split())}{hint}", err=True)
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
