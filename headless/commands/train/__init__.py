"""signgen train: the models."""

from __future__ import annotations

import click

from headless.commands.train.classifier import classifier
from headless.commands.train.corpus import corpus
from headless.commands.train.everything import everything
from headless.commands.train.lm import lm
from headless.commands.train.recogniser import recogniser
from headless.commands.train.tokenizer import tokenizer


@click.group()
def command() -> None:
    """Train the models. What ships is trained already; this is for your own data, or to make it anew."""


for _each in (everything, corpus, tokenizer, lm, recogniser, classifier):
    command.add_command(_each)
