"""What the command line says: standard output and standard error, a line at a time."""

from __future__ import annotations

import click

USAGE, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143


class ReaderGoneError(Exception):
    """Whoever read our standard output has closed it (`signgen plan ... | head`)."""


def say(text: str, *, err: bool = False, newline: bool = True) -> None:
    """Prints as UTF-8 whatever the locale is; raises ReaderGoneError when nobody reads any more."""
    try:
        click.echo((text + ("\n" if newline else "")).encode(errors="backslashreplace"), nl=False, err=err)
    except BrokenPipeError:
        raise ReaderGoneError from None


def complain(message: str) -> None:
    click.echo("error: " + " ".join(message.split()), err=True)


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
