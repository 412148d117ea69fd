"""signgen plan"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import count, say
from headless.jobs import find_sources, located

if TYPE_CHECKING:
    from headless.inputs import Wishes
    from signgen_core.action import ActionSequence, SentenceInfo


@click.command()
@click.argument("text", required=False, metavar="TEXT|plan.json|-")
@click.option("-o", "--output", metavar="FILE", help="Where the plan goes: .json, with --lines .jsonl; - or absent: standard output.")
@options.wishes
@click.option("--explain", is_flag=True, help="Print a table of word, gloss and reason (in place of the plan where there is no -o).")
def command(text: str | None, output: str | None, lines: str | None, wishes: Wishes, explain: bool) -> None:
    """Text to an editable plan: one action per sign, with handshape, path, times, face and where it comes from.

    A plan file in place of TEXT is checked and completed: a gloss alone gets its form from the lexicon. With --lines FILE the result is
    jsonl, one plan a line; blank lines are skipped.
    """
    from headless import inputs
    from signgen_core.action import dump_plan
    from signgen_core.motion import write_bytes

    path = None if output in (None, "-") else Path(str(output))
    if path is not None:
        inputs.check_output(path, (".jsonl", ".json") if lines else (".json",))
    sources = find_sources(text, lines, ("text", "plan"), wishes)
    # a table and a plan cannot share one stream
    table_only = explain and output is None
    texts: list[str] = []
    for place, source in sources:
        made = located(place, lambda source=source: inputs.to_plan(source, wishes))  # type: ignore[misc]
        dumped = dump_plan(made, one_line=True) + "\n" if lines else dump_plan(made)
        if explain:
            say(explanation(made), err=output == "-")
        if path is None and not table_only:
            say(dumped, newline=False)
        texts.append(dumped)
    if path is not None:
        write_bytes(path, "".join(texts).encode())
        if not explain:
            say(f"{path}  {count(len(texts), 'plan')}" if lines else f"{path}  {count(len(made.actions), 'sign')}, {made.end:.1f} s")


def explanation(plan: ActionSequence) -> str:
    """A table of word, gloss, reason and score (where it is not certain), a block per sentence; words without a sign come last in theirs."""
    rows: list[list[tuple[str, str, str]]] = [[] for _ in range(max([len(plan.sentences), *(a.sentence + 1 for a in plan.actions)]))]
    for action in plan.actions:
        score = f" ({action.confidence:.2f})" if action.confidence < 1.0 else ""
        rows[action.sentence].append((" ".join(action.words) or "-", action.gloss_id, f"{action.why}{score}"))
    for index, sentence in enumerate(plan.sentences):
        rows[index] += [(word, "(no sign)", why) for word, why in sentence.dropped]
    widths = [max(len(row[column]) for block in rows for row in block) for column in (0, 1)]
    out: list[str] = []
    for index, block in enumerate(rows):
        if index < len(plan.sentences):
            out.append(f"{plan.sentences[index].text}  [{reading(plan.sentences[index])}]")
        out += [f"  {word:<{widths[0]}}  {gloss:<{widths[1]}}  {why}".rstrip() for word, gloss, why in block]
    return "\n".join(out)


def reading(sentence: SentenceInfo) -> str:
    """What the sentence is: its type, and what the classifier is sure of."""
    said = [sentence.type.replace("_", " ") + (", negated" if sentence.negated else "")]
    for head, label in (("subject", sentence.subject), ("emotion", sentence.emotion), ("gesture", sentence.gesture)):
        p = sentence.probabilities.get(head, {}).get(label)
        if label != "neutral":
            said.append(label + (f" {p:.2f}" if p is not None else ""))
    return "; ".join(said)
