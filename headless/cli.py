"""The `signgen` command.

Only this module prints errors: one line on standard error, exit status 1 for what cannot be done, 2 for wrong usage, 130 after Ctrl-C,
143 after a termination request. A command's module is loaded when it is called, and whatever is heavier than click inside of it, so that `--help` is quick.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from headless.console import FAILED, INTERRUPTED, USAGE, ReaderGoneError, complain, say
from headless.interruption import interruptions_raised

# command -> the line that `signgen --help` shows for it; its module is headless.commands.<command>
COMMANDS = {
    "plan": "Text to an editable plan (JSON).",
    "animate": "Text or plan to a motion file (npz).",
    "render": "Text, plan or motion to a video of a signer.",
    "batch": "Videos of a whole table of texts, plans or motions.",
    "export": "A signer with its motion as .blend, .glb, .fbx, .bvh, .usdc or .abc.",
    "convert": "Motions from one layout of files to another.",
    "view": "A gallery of motions or videos: one page that needs no server.",
    "stats": "What a dataset holds: frames, glosses, phonology.",
    "edit": "Change a plan by its fields, and only what it touches of its motion.",
    "classify": "What a text is: subject, gesture, emotion, sentence type.",
    "lexicon": "The signs: list, show, check, compare, import, pictures.",
    "train": "Train the models.",
    "evaluate": "Measure tokens, models and motions.",
    "worker": "The child process of the Blender add-on.",
    "doctor": "Check this machine, with the fix for what is missing.",
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"headless.commands.{cmd_name}").command
        found.name = cmd_name
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            say(f"signgen {version('signgen')}")
        except PackageNotFoundError:
            say("signgen, run from its source folder")
        ctx.exit()


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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
        say(ctx.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status; `argv` without the program name."""
    if "_SIGNGEN_COMPLETE" in os.environ:  # shell completion is click's own affair
        signgen.main(prog_name="signgen")
    state = {"debug": False}
    try:
        with interruptions_raised():
            return _invoke(list(sys.argv[1:] if argv is None else argv), state)
    except ReaderGoneError:
        # what is still buffered has no reader; without this the interpreter complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except click.exceptions.UsageError as problem:
        command = problem.ctx.command_path if problem.ctx is not None else "signgen"
        complain(f"{problem.format_message()} `{command} --help` says more.")
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except SystemExit as problem:
        return problem.code if isinstance(problem.code, int) else FAILED
    except Exception as problem:  # noqa: BLE001 - the last line of defence: one line, never a raw traceback
        return _report(problem, state["debug"])


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
        raise ReaderGoneError from None
    return status


def _report(problem: Exception, debug: bool) -> int:
    from signgen_core.errors import SignGenError, internal

    if debug:
        traceback.print_exception(problem)
    if isinstance(problem, SignGenError):
        complain(str(problem))
    else:
        hint = "" if debug else "; run with --debug for the traceback"
        click.echo(f"{internal(problem)}{hint}", err=True)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
