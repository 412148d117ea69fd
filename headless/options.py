"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from signgen_core.generators import GENERATORS

if TYPE_CHECKING:
    from headless.inputs import Wishes

MAX_SEED = 2**31 - 1


class SizeType(click.ParamType[tuple[int, int]]):
    """`960x720`: even numbers of pixels, because H.264 halves the colour planes."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", value.strip())
        if not match:
            self.fail(f"{value!r} is not a size such as 960x720", param, ctx)
        size = int(match.group(1)), int(match.group(2))
        if any(n % 2 or not 16 <= n <= 8192 for n in size):
            self.fail(f"{value}: width and height must be even numbers from 16 to 8192", param, ctx)
        return size


class CameraType(click.ParamType[str]):
    """The name of a camera preset, or a camera file."""

    name = "NAME|FILE.json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from signgen_core.camera import camera_names

        if value.lower().endswith(".json"):
            if not Path(value).is_file():
                self.fail(f"{value}: no such file", param, ctx)
        elif value not in camera_names():
            self.fail(f"{value!r} is not one of {', '.join(camera_names())}, nor a .json file", param, ctx)
        return str(value)


class NumberType(click.FloatRange):
    """A range that refuses `nan` too, which compares as being inside of every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number that can be used", param, ctx)
        return number


_gloss = click.option("--gloss", is_flag=True, help="TEXT is ASL gloss notation: IX-1 NAME fs-ANNA, #OK, WORK+, HELLO(duration=0.6).")
_seed = click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Decides every random choice; same text and seed, same bytes.  [default: 0]")
_handedness = click.option("--handedness", type=click.Choice(["right", "left"]), help="The signer's dominant hand.  [default: right]")
_tempo = click.option("--tempo", type=NumberType(0.25, 4.0), help="Speed of signing; 2 is twice as fast.  [default: 1]")
_generator = click.option(
    "--generator", type=click.Choice(GENERATORS), help="What makes the motion: the rules of phonology, or the token language model.  [default: phonology]"
)
_gestures = click.option("--gestures", "gestures", flag_value="only", help="Only the co-speech gesture that goes with each sentence, no signs.")
_with_gestures = click.option("--with-gestures", "gestures", flag_value="with", help="The signs, and after each sentence its co-speech gesture.")
_emotion = click.option("--emotion", type=click.Choice(["positive", "negative", "neutral"]), help="Mood of face and tempo.  [default: read from the text]")
_rules_only = click.option("--rules-only", is_flag=True, help="Read the text by grammar rules alone, without encoder and classifier (needs no torch).")
classifier = click.option("--classifier", metavar="FOLDER", help="A classifier made by `signgen train classifier`.  [default: the shipped one]")
encoder = click.option("--encoder", metavar="FOLDER", help="A local Hugging Face folder of a BERT-family encoder.  [default: the one installed]")
fps = click.option("--fps", type=NumberType(1, 240), help="Frames per second.  [default: 30, or the motion file's own]")
character = click.option(
    "--character", metavar="NAME|FILE", help="A look (preset or .json), `default`, or an SMPL-X body .npz.  [default: $SIGNGEN_SMPLX, else default]"
)
lines = click.option("--lines", metavar="FILE", help="Take each line of FILE (- is standard input) as a text of its own.")


_OF_TEXT = (_seed, _handedness, _tempo, _generator, _gestures, _with_gestures, _emotion, _rules_only, classifier, encoder)


def wishes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --lines and the options that say how a text becomes a plan, and hands the latter to the command as one argument `wishes`."""
    return _collecting(command, (_gloss, lines, *_OF_TEXT))


def table_wishes(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `wishes`, for a command that takes a table of texts."""
    return _collecting(command, (_gloss, *_OF_TEXT))


def _collecting(command: Callable[..., Any], chosen: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
    @wraps(command)
    def collected(**given: Any) -> Any:
        from headless.inputs import Wishes

        said: Wishes = Wishes(**{f.name: given.pop(f.name) for f in fields(Wishes)})
        return command(wishes=said, **given)

    # the last decorator is the first line of --help
    for option in reversed(chosen):
        collected = option(collected)
    return collected
