"""signgen evaluate: how good tokens, models and motions are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import inputs, options
from headless.console import count, say
from headless.progress import report

if TYPE_CHECKING:
    from signgen_core.evaluation.generation import Evaluation, Pair
    from signgen_core.evaluation.report import Values
    from signgen_core.evaluation.targets import Bodies

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
    from headless.jobs import load_body
    from signgen_core.evaluation.pairs import matched
    from signgen_core.evaluation.targets import Bodies

    pairs = matched(made, reference, limit)
    for alone, place in zip(pairs.alone, (made, reference), strict=True):
        if alone:
            say(f"{place}: {count(alone, 'clip')} without a counterpart left out", err=True)
    _compare(pairs, len(pairs.names), recogniser, seed, Bodies(load_body(character)), as_json, output)


@command.command()
@click.option("--model", metavar="FOLDER", help="Made by `signgen train lm`.  [default: the shipped one]")
@click.option("--tokenizer", "tokenizer_folder", metavar="FOLDER", help="The tokenizer that the model was trained with.  [default: the shipped one]")
@click.option("--data", required=True, metavar="CORPUS", help="Made by `signgen train corpus`; its test clips are the teacher's motions of their plans.")
@click.option("--temperature", type=options.NumberType(0.0, 10.0), help="Of sampling; 0 takes the likeliest code.  [default: the model's own]")
@click.option("--top-p", type=options.NumberType(0.01, 1.0), help="Only of the likeliest codes with so much probability together.  [default: the model's own]")
@click.option("--raw", is_flag=True, help="What the tokens say, before the kinematics land the hands.")
@_recogniser
@_output
@_json
@_limit
@_seed
def lm(
    model: str | None, tokenizer_folder: str | None, data: str, temperature: float | None, top_p: float | None, raw: bool, recogniser: str | None,
    output: str | None, as_json: bool, limit: int, seed: int,
) -> None:  # fmt: skip
    """The language model of motion tokens against the teacher, the rules of phonology, on the plans and signers of the test clips of CORPUS."""
    _check(output)
    from signgen_core.evaluation.language import language_pairs
    from signgen_core.evaluation.pairs import corpus_clips
    from signgen_core.evaluation.targets import Bodies
    from signgen_core.generation import MODEL_FOLDER, TOKENIZER_FOLDER, LanguageGenerator, load_generator

    clips = corpus_clips(data, limit)
    generator = load_generator(Path(tokenizer_folder or TOKENIZER_FOLDER), Path(model or MODEL_FOLDER))
    sampling = generator.sampling
    sampling = replace(
        sampling, temperature=sampling.temperature if temperature is None else temperature, top_p=sampling.top_p if top_p is None else top_p
    )
    generator = LanguageGenerator(generator.model, sampling)
    bodies = Bodies()
    pairs = language_pairs(clips, generator, bodies, seed=seed, raw=raw)
    _compare(pairs, len(clips.names), recogniser, seed, bodies, as_json, output, unseen=clips.held_out, columns=("lm", "teacher"))


def _check(output: str | None) -> None:
    """Before any long work: whether the folder can be written and the plots be drawn."""
    if output is not None:
        inputs.check_folder_output(Path(output))
        from signgen_core.evaluation.plots import check

        check()


def _compare(
    pairs: Iterable[Pair], total: int, recogniser: str | None, seed: int, bodies: Bodies, as_json: bool, output: str | None, *,
    unseen: frozenset[str] = frozenset(), columns: tuple[str, str] = ("made", "reference"),
) -> None:  # fmt: skip
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

        found = compare(pairs, bodies=bodies, recogniser=judge, unseen=unseen, seed=seed, progress=told)
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
