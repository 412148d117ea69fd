"""signgen edit"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import count, say
from headless.jobs import load_body, summary

if TYPE_CHECKING:
    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.editing import Change, Patched
    from signgen_core.motion import Motion
    from signgen_core.resampling import Window


@click.command()
@click.argument("plan", metavar="plan.json|-")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Set a field, such as actions[2].handshape.type=v or tempo=0.8. Repeatable.")
@click.option("--remove", "removes", multiple=True, metavar="actions[N]", help="Take an action out. Repeatable.")
@click.option("--insert", "inserts", multiple=True, metavar="N=GLOSS", help="Put a sign before actions[N]; the number of actions puts it last. Repeatable.")
@click.option("--move", "moves", multiple=True, metavar="N=M", help="Put actions[N] where actions[M] stands. Repeatable.")
@click.option("-o", "--output", metavar="FILE.json", help="Where the changed plan goes; - or absent: standard output.")
@click.option("--in-place", is_flag=True, help="Write over the files that were read, in place of -o and --motion-out.")
@click.option("--motion", metavar="FILE.npz", help="The motion of the plan as it was: only what the change touches is made anew.")
@click.option("--motion-out", metavar="FILE.npz", help="Where the motion of the changed plan goes.")
@click.option("--window", type=click.IntRange(1, 100000), help="With --motion: frames that are made anew, at least.  [default: 50]")
@click.option("--context", type=click.IntRange(1, 1000), help="With --motion: frames over which old and new are blended, each side.  [default: 10]")
@options.character
def command(
    plan: str, sets: tuple[str, ...], removes: tuple[str, ...], inserts: tuple[str, ...], moves: tuple[str, ...], output: str | None, in_place: bool,
    motion: str | None, motion_out: str | None, window: int | None, context: int | None, character: str | None,
) -> None:  # fmt: skip
    """Changes a plan by the JSON paths of its fields, and the motion made from it where the change is seen.

    \b
    signgen edit plan.json --set actions[2].handshape.type=v -o plan2.json
    signgen edit plan.json --insert 2=BOOK --remove actions[4] --in-place
    signgen edit plan.json --set actions[1].gloss_id=BOOK -o plan2.json --motion old.npz --motion-out new.npz

    Numbers of actions mean the plan as it was, however many changes are made at once. A value is text or JSON; null unsets. What hangs on a changed
    field follows it: a new gloss_id brings its form from the lexicon, a longer sign moves what comes after.
    """
    from headless import inputs
    from signgen_core import editing, pipeline
    from signgen_core.action import dump_plan
    from signgen_core.errors import InputError
    from signgen_core.motion import read_npz, write_bytes, write_npz

    if not (sets or removes or inserts or moves):
        raise click.UsageError("Give at least one --set, --remove, --insert or --move.")
    if in_place and (output is not None or motion_out is not None):
        raise click.UsageError("--in-place writes over what it reads; -o and --motion-out are for other files.")
    if in_place and plan == inputs.STDIN:
        raise click.UsageError("--in-place needs a file; standard input cannot be written over.")
    if motion is None and (motion_out or window or context):
        raise click.UsageError("--motion-out, --window and --context need --motion.")
    if motion is not None and not (in_place or motion_out):
        raise click.UsageError("--motion needs --motion-out (or --in-place).")
    source = inputs.find_source(plan, ("plan",))
    if source.kind != "plan":
        raise InputError(f"{source.name if plan == inputs.STDIN else plan}: expected a plan (.json) here")
    if in_place:
        output, motion_out = plan, motion
    path = None if output in (None, inputs.STDIN) else Path(str(output))
    if path is not None:
        _refuse_overwriting(path, source.path, in_place)
        inputs.check_output(path, (".json",))
    if motion is not None and motion_out is not None:
        if inputs.find_source(motion, ("motion",)).kind != "motion":
            raise InputError(f"{motion}: expected a motion (.npz) here")
        _refuse_overwriting(Path(motion_out), Path(motion), in_place)
        inputs.check_output(Path(motion_out), (".npz",))
    changes: list[Change] = [
        *map(editing.parse_set, sets), *map(editing.parse_remove, removes), *map(editing.parse_insert, inserts), *map(editing.parse_move, moves),
    ]  # fmt: skip
    body = load_body(character)
    was = inputs.to_plan(source, inputs.Wishes(), body)
    old_motion = None if motion is None else read_npz(motion)
    made = editing.patched(was, changes, body=body, fps=None if old_motion is None else old_motion.fps)
    lines = editing.differences(was, made)
    after: Motion | None = None
    if old_motion is not None:
        after, anew = _resampled(was, old_motion, made, window, context, body)
        lines.append(_told(anew))
    # all is made before anything is written, so that plan and motion change together or not at all
    if after is not None:
        write_npz(str(motion_out), after, pipeline.joints(after, body))
    if path is None:
        say(dump_plan(made.plan), newline=False)
    else:
        write_bytes(path, dump_plan(made.plan).encode())
    for line in lines or ["nothing changed"]:
        say(line, err=path is None)
    if path is not None:
        say(f"{path}  {count(len(made.plan.actions), 'sign')}, {made.plan.end:.1f} s")
    if after is not None:
        say(summary(Path(str(motion_out)), after), err=path is None)


def _refuse_overwriting(path: Path, read: Path | None, in_place: bool) -> None:
    from signgen_core.errors import OutputError

    if not in_place and read is not None and path.exists() and path.samefile(read):
        raise OutputError(f"{path}: is what was read; --in-place writes over it")


def _resampled(was: ActionSequence, motion: Motion, made: Patched, window: int | None, context: int | None, body: Body | None) -> tuple[Motion, Window]:
    from signgen_core import resampling

    return resampling.resample(was, motion, made.plan, window=window or resampling.WINDOW, context=context or resampling.CONTEXT, body=body)


def _told(window: Window) -> str:
    """What of the motion was made anew."""
    if not window.frames:
        return "no frame of the motion changes"
    start, end = window.seconds
    moved = f"; what follows is {abs(window.shift)} frames {'later' if window.shift > 0 else 'earlier'}" if window.shift else ""
    return f"frames {window.first} to {window.last} made anew ({start:.2f} to {end:.2f} s){moved}"
