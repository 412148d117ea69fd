"""What the training commands share: options, the checkpoint beside the model, the cache of features."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headless import inputs, options
from headless.console import say
from headless.progress import Tell, report

if TYPE_CHECKING:
    from signgen_core.train.motion_data import MotionSet

seed = click.option("--seed", type=click.IntRange(0, options.MAX_SEED), default=0, show_default=True, help="Decides first weights, order and chance.")
device = click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to train.")
threads = click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True, help="CPU threads.")
resume = click.option("--resume", is_flag=True, help="Go on from the checkpoint that an interrupted run left beside FOLDER.")
save_every = click.option("--save-every", type=click.IntRange(1), default=250, show_default=True, help="Steps between checkpoints.")
data = click.option(
    "--data", required=True, metavar="PATH", help="A corpus of `signgen train corpus`, or motions in any layout that is read; a tenth of those is for test."
)
cache = click.option("--cache", metavar="FOLDER", help="Where features of the clips are kept.  [default: by PATH in the user's cache folder]")
judge = click.option("--judge", type=click.IntRange(0), default=0, show_default=True, help="Test clips to judge on, evenly over them; 0: all.")


class CodesType(click.ParamType[dict[str, int]]):
    """`8/3/1`: codes a token of body, each hand, face."""

    name = "B/H/F"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        if isinstance(value, dict):
            return value
        parts = value.split("/")
        if len(parts) != 3 or not all(p.isascii() and p.isdigit() for p in parts):
            self.fail(f"{value!r} is not three numbers such as 8/3/1: codes of body, each hand, face", param, ctx)
        body, hand, face = (int(p) for p in parts)
        return {"body": body, "left_hand": hand, "right_hand": hand, "face": face}


def decorated(*decorators: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Several decorators as one; the first is the first line of --help."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for each in reversed(decorators):
            command = each(command)
        return command

    return decorate


@contextmanager
def checkpoint_beside(folder: Path, resume: bool) -> Iterator[Path]:
    """The folder of a run's checkpoint, beside that of its model; gone once the block ends well, kept for --resume where it does not."""
    from signgen_core.errors import OutputError

    inputs.check_folder_output(folder)
    place = folder.parent / f".{folder.name}-checkpoint"
    try:
        if place.exists() and not resume:
            shutil.rmtree(place)
        place.mkdir(exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{place}: cannot be made: {problem.strerror or problem}") from problem
    try:
        yield place
    except (KeyboardInterrupt, SystemExit):
        say(f"\n{place}: the same command with --resume goes on from here", err=True)
        raise
    except BaseException:
        if not any(place.iterdir()):
            place.rmdir()
        raise
    shutil.rmtree(place)


def cache_for(data: Sequence[str | Path], cache: str | Path | None, fps: float = 30.0) -> Path:
    """`cache`, or a folder of the user's cache for these data at this frame rate; it is filled anew where the clips change."""
    if cache:
        return Path(cache)
    from signgen_core.body.load import cache_folder

    whole = [str(Path(d).resolve()) for d in data]
    return cache_folder() / "features" / f"{Path(whole[0]).name}-{hashlib.sha256(f'{whole} {fps:g}'.encode()).hexdigest()[:12]}"


def features(path: str | Path, cache: str | Path | None, fps: float, tell: Tell) -> MotionSet:
    """Features of all clips of a folder, from the cache where it is not older than they are."""
    from signgen_core.train.motion_data import load_motions

    return load_motions(Path(path), cache_for((path,), cache, fps), fps=fps, progress=tell)


def size_of(folder: Path) -> str:
    return f"{sum(p.stat().st_size for p in folder.iterdir() if p.is_file()) / 1e6:.2f} MB"


@contextmanager
def stage(label: str, tell: Tell | None) -> Iterator[Tell]:
    """`tell` itself with the label before its text, or a progress line of its own."""
    if tell is None:
        with report(label) as own:
            yield own
    else:
        yield lambda share, text: tell(share, f"{label}: {text}")
