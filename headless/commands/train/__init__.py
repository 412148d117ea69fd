"""signgen train: the models."""

from __future__ import annotations

import click

from headless.commands.train import classifier, corpus, everything, lm, recogniser, tokenizer


@click.group()
def command() -> None:
    """Train the models. What ships is trained already; this is for your own data, or to make it anew."""


for _module in (everything, corpus, tokenizer, lm, recogniser, classifier):
    command.add_command(_module.command)
