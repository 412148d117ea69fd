"""signgen train lm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headless import inputs, options
from headless.commands.train import shared
from headless.console import count, say
from headless.progress import Tell

if TYPE_CHECKING:
    from signgen_core.tokens.tokenizer import Tokenizer
    from signgen_core.train.lm import Options


@click.command("lm")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the model goes; an earlier one there is replaced.")
@shared.data
@click.option("--tokenizer", metavar="FOLDER", help="Made by `signgen train tokenizer`; the model is for its tokens alone.  [default: the shipped one]")
@shared.cache
@click.option("--steps", type=click.IntRange(1, 10_000_000), default=3600, show_default=True, help="Of a batch each.")
@click.option("--batch", type=click.IntRange(1, 65536), default=24, show_default=True, help="Stretches of clips a step.")
@click.option("--stretch", type=click.IntRange(2, 4096), default=48, show_default=True, help="Tokens a stretch.")
@click.option("--lr", type=options.NumberType(1e-6, 1.0), default=1.5e-3, show_default=True, help="Learning rate at its highest.")
@click.option("--optimiser", type=click.Choice(["adamw", "muon"]), default="adamw", show_default=True, help="muon needs a processor with bfloat16 to be quick.")
@click.option("--noise", type=options.NumberType(0.0, 10.0), default=0.15, show_default=True, help="Added to what is heard of the step before.")
@click.option("--width", type=click.IntRange(8, 4096), default=256, show_default=True, help="Of the transformer; a multiple of twice the heads.")
@click.option("--layers", type=click.IntRange(1, 64), default=6, show_default=True, help="Of the transformer.")
@click.option("--heads", type=click.IntRange(1, 64), default=4, show_default=True, help="Of its attention.")
@click.option("--look-back", type=click.IntRange(2, 4096), default=48, show_default=True, help="Tokens that attention reaches back, the present one included.")
@shared.seed
@shared.device
@shared.threads
@click.option("--save-every", type=click.IntRange(1), default=200, show_default=True, help="Steps between checkpoints.")
@shared.resume
def command(
    output: str, data: str, tokenizer: str | None, cache: str | None, steps: int, batch: int, stretch: int, lr: float, optimiser: Any, noise: float, width: int,
    layers: int, heads: int, look_back: int, seed: int, device: str, threads: int, save_every: int, resume: bool,
) -> None:  # fmt: skip
    """Train the language model of motion tokens on the clips of PATH and the plans beside them.

    Clips without a plan teach what motion looks like. `signgen evaluate lm` judges it on the clips for test.
    """
    folder = Path(output)
    inputs.check_folder_output(folder)
    from signgen_core.generation import TOKENIZER_FOLDER
    from signgen_core.tokens.tokenizer import load_tokenizer
    from signgen_core.train.lm import Options

    chosen = Options(
        steps=steps, batch=batch, stretch=stretch, rate=lr, optimiser=optimiser, noise=noise, seed=seed, save_every=save_every, device=device, threads=threads
    )
    loaded = load_tokenizer(TOKENIZER_FOLDER if tokenizer is None else tokenizer)
    with shared.checkpoint_beside(folder, resume) as checkpoint:
        changes = {"width": width, "layers": layers, "heads": heads, "window": look_back}
        said = make(Path(data), loaded, shared.cache_for((data,), cache, loaded.fps), folder, chosen, changes, checkpoint)
    say(f"{folder}  {shared.size_of(folder)}")
    say(said)


def make(
    data: Path, tokenizer: Tokenizer, cache: Path, folder: Path, chosen: Options, changes: Mapping[str, Any], checkpoint: Path, tell: Tell | None = None
) -> str:
    """Trains on the clips of `data` and saves; returns a line about how well the model tells what comes next. changes: to the network's config."""
    from signgen_core.train.lm import config_for, train
    from signgen_core.train.token_data import load_tokens

    config = config_for(tokenizer, **changes)  # before the clips are read
    with shared.stage("clips", tell) as told:
        motions = shared.features(data, cache, tokenizer.fps, told)
    with shared.stage("tokens", tell) as told:
        tokens = load_tokens(data, motions, tokenizer, cache, progress=told)
    numbers = tokens.clips("train")
    planned = int(tokens.planned[numbers].sum())
    with shared.stage("training", tell) as told:
        result = train(tokens, tokenizer, chosen, config, checkpoint=checkpoint, progress=told)
    result.model.save(folder)
    bits = "  ".join(f"{stream} {result.log[-1][stream]:.2f}" for stream in config.stream_names)
    return f"{count(len(numbers), 'clip')}, {planned} with plans; bits a code at the end of training: {bits}"
