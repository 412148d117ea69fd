"""signgen evaluate: how good tokens, models and motions are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import inputs, options
from headless.console import count, say
from headless.progress import report

if TYPE_CHECKING:
    from signgen_core.evaluation.generation import Evaluation, Pair
    from signgen_core.evaluation.report import Values

_output = click.option("-o", "--output", metavar="FOLDER", help="CSV files and plots go there.")
_json = click.option("--json", "as_json", is_flag=True, help="A JSON object in place of the table.")
_limit = click.option("--limit", type=click.IntRange(0), default=0, show_default=True, help="At most so many clips, evenly over them; 0: all.")
_seed = click.option("--seed", type=click.IntRange(0, options.MAX_SEED), default=0, show_default=True, help="Of what is drawn by chance.")
_recogniser = click.option(
    "--recogniser", metavar="FOLDER", help="Made by `signgen train recogniser`; adds FID, diversity and recognition.  [default: the shipped one, if any]"
)


@click.group()
def command() -> None:
    """Measure tokens, models and motions: errors in mm, distances of sets, hands against their plans. See docs/evaluation.md."""


@command.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--data", required=True, metavar="PATH", help="A corpus of `signgen train corpus`, or motions in any layout that is read.")
@click.option("--part", type=click.Choice(["test", "train"]), default="test", show_default=True, help="Which clips.")
@click.option("--cache", metavar="FOLDER", help="Where features of the clips are kept.  [default: by PATH in the user's cache folder]")
@_output
@_json
@_limit
def tokenizer(folder: str, data: str, part: str, cache: str | None, output: str | None, as_json: bool, limit: int) -> None:
    """How well the motion tokenizer of FOLDER gives clips back, and how it uses its codes."""
    _check(output)
    from headless.commands.train.shared import features
    from signgen_core.evaluation.report import of_tokenizer
    from signgen_core.tokens.tokenizer import load_tokenizer
    from signgen_core.train.tokenizer import evaluate

    loaded = load_tokenizer(folder)
    with report("reading clips") as tell:
        motions = features(data, cache, loaded.fps, tell)
    with report("measuring") as tell:
        found = evaluate(loaded, motions, part, limit=limit, progress=tell)
    _show(of_tokenizer(found), ("tokens", "source"), as_json, output)


@command.command()
@click.argument("made", metavar="MADE")
@click.argument("reference", metavar="REFERENCE")
@_recogniser
@_output
@_json
@_limit
@_seed
@options.character
def motion(
    made: str, reference: str, recogniser: str | None, output: str | None, as_json: bool, limit: int, seed: int, character: str | None
) -> None:
    """Motions MADE against REFERENCE: two files, or two folders whose clips have the same names, in any layout that is read.

    Plans (NAME.json) beside the clips add the errors of wrists and contacts.
    """
    _check(output)
    from signgen_core.evaluation.pairs import matched

    pairs = matched(made, reference, limit)
    for alone, place in zip(pairs.alone, (made, reference), strict=True):
        if alone:
            say(f"{place}: {count(alone, 'clip')} without a counterpart left out", err=True)
    _compare(pairs, len(pairs.names), recogniser, seed, character, as_json, output)


def _check(output: str | None) -> None:
    """Before any long work: whether the folder can be written and the plots be drawn."""
    if output is not None:
        inputs.check_folder_output(Path(output))
        from signgen_core.evaluation.plots import check

        check()


def _compare(
    pairs: Iterable[Pair], total: int, recogniser: str | None, seed: int, character: str | None, as_json: bool, output: str | None, *,
    unseen: frozenset[str] = frozenset(), columns: tuple[str, str] = ("made", "reference"),
) -> None:  # fmt: skip
    from headless.jobs import load_body
    from signgen_core.evaluation.generation import compare
    from signgen_core.recognition.recogniser import SHIPPED, load_recogniser

    judge = None
    if recogniser is not None or SHIPPED.is_dir():
        judge = load_recogniser(recogniser)
    else:
        say("no recogniser here: FID, diversity and recognition are left out", err=True)
    began = time.monotonic()
    with report("comparing") as tell:

        def told(done: int, name: str) -> None:
            left = (time.monotonic() - began) / done * (total - done)
            tell(done / total, f"clip {done} of {total}, {left:.0f} s left")

        found = compare(pairs, body=load_body(character), recogniser=judge, unseen=unseen, seed=seed, progress=told)
    _show(found.values, columns, as_json, output, found)


def _show(values: Values, columns: tuple[str, str], as_json: bool, output: str | None, evaluation: Evaluation | None = None) -> None:
    from signgen_core.evaluation.report import as_json as object_of
    from signgen_core.evaluation.report import table, write

    files = write(Path(output), values, columns, evaluation) if output is not None else []
    if as_json:
        say(json.dumps({"metrics": object_of(values, columns), "files": [str(f) for f in files]}, indent=1))
        return
    say(table(values, columns))
    for file in files:
        say(str(file))
