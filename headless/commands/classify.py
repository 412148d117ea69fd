"""signgen classify"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import say

if TYPE_CHECKING:
    from signgen_core.text.classifier import Classification


@click.command()
@click.argument("text", required=False, metavar="TEXT|-")
@options.lines
@click.option("--json", "as_json", is_flag=True, help="One JSON object a text: all labels of all heads with their probabilities.")
@click.option("--top", type=click.IntRange(1, 16), default=3, show_default=True, help="Labels shown of each head.")
@click.option("--evaluate", metavar="TABLE", multiple=True, help="In place of TEXT: accuracy per head on a labelled table (.csv, .tsv); may be repeated.")
@click.option("--goemotions", metavar="FOLDER", help="In place of TEXT: accuracy on the dev part of GoEmotions, mapped to our classes.")
@options.classifier
@options.encoder
def command(
    text: str | None, lines: str | None, as_json: bool, top: int, evaluate: tuple[str, ...], goemotions: str | None, classifier: str | None,
    encoder: str | None,
) -> None:  # fmt: skip
    """What a text is: subject, gesture, emotion and sentence type, with calibrated probabilities.

    Each sentence is classified as a whole text; --lines FILE classifies each line.
    """
    from headless import inputs

    judged = bool(evaluate) or goemotions is not None
    if sum((text is not None, lines is not None, judged)) != 1:
        raise click.UsageError("Give either TEXT (or -), --lines FILE, or --evaluate TABLE and --goemotions FOLDER.")
    texts: list[str] = []
    if lines is not None:
        texts = [line for _, line in inputs.read_lines(lines)]
    elif text is not None:
        texts = [inputs.find_source(text, ("text",)).content.strip()]
        if not texts[0]:
            raise click.UsageError("TEXT is empty.")
    from signgen_core.text.reader import load_reader

    if judged:
        _judge(evaluate, goemotions, classifier, encoder, as_json)
        return
    model = load_reader(encoder, classifier).classifier
    for found in (c for t in texts for c in model.classify([t])):
        say(json.dumps({"text": found.text, **found.probabilities}, ensure_ascii=False) if as_json else _table(found, top, len(texts) > 1))


def _table(found: Classification, top: int, named: bool) -> str:
    rows = [found.text] if named else []
    for head, labels in found.probabilities.items():
        best = sorted(labels.items(), key=lambda item: -item[1])[:top]
        rows.append(f"{'  ' if named else ''}{head:<9}" + "  ".join(f"{label} {p:.2f}" for label, p in best))
    return "\n".join(rows)


def _judge(tables: tuple[str, ...], goemotions: str | None, classifier: str | None, encoder: str | None, as_json: bool) -> None:
    from signgen_core.text.reader import load_reader
    from signgen_core.train.evaluate import evaluate, evaluate_goemotions
    from signgen_core.train.table import read_table

    examples = [example for table in tables for example in read_table(table)]  # bad tables are told of before a model is loaded
    model = load_reader(encoder, classifier).classifier
    out = {}
    if examples:
        out[" ".join(tables)] = evaluate(model, examples)
    if goemotions is not None:
        out["GoEmotions dev"] = evaluate_goemotions(model, goemotions)
    if as_json:
        say(json.dumps(out, indent=1))
        return
    for name, heads in out.items():
        say(f"{name}\n{'head':<9}{'sentences':>10}{'accuracy':>10}{'macro F1':>10}{'ECE':>8}{'most frequent class':>21}")
        for head, s in heads.items():
            say(f"{head:<9}{s['count']:>10}{100 * s['accuracy']:>9.1f}%{100 * s['macro_f1']:>9.1f}%{s['ece']:>8.3f}{100 * s['most_frequent']:>20.1f}%")
