"""signgen train recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headless import inputs, options
from headless.commands.train import shared
from headless.console import count, say
from headless.progress import Tell

if TYPE_CHECKING:
    from signgen_core.train.recogniser import Options


@click.command("recogniser")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the recogniser goes; an earlier one there is replaced.")
@click.option("--data", required=True, multiple=True, metavar="CORPUS", help="Made by `signgen train corpus`; may be repeated, with --drill ones too.")
@shared.cache
@click.option("--steps", type=click.IntRange(1, 10_000_000), default=1100, show_default=True, help="Of the network that names signs.")
@click.option("--encoder-steps", type=click.IntRange(1, 10_000_000), default=1000, show_default=True, help="Of the motion auto-encoder.")
@click.option("--batch", type=click.IntRange(2, 65536), default=128, show_default=True, help="Signs or windows a step.")
@click.option("--lr", type=options.NumberType(1e-6, 1.0), default=3e-3, show_default=True, help="Learning rate at its highest.")
@click.option("--rare", type=click.IntRange(1), default=3, show_default=True, help="Signs that occur less often have no name.")
@shared.seed
@shared.device
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="CPU threads.")
@click.option("--save-every", type=click.IntRange(1), default=100, show_default=True, help="Steps between checkpoints.")
@shared.resume
def command(
    output: str, data: tuple[str, ...], cache: str | None, steps: int, encoder_steps: int, batch: int, lr: float, rare: int, seed: int, device: str,
    threads: int, save_every: int, resume: bool,
) -> None:  # fmt: skip
    """Train the recogniser of signs, which judges what a model makes, and the motion auto-encoder; test them on other signers.

    FOLDER gets config.json, with what was measured, and model.safetensors. See docs/recognition.md.
    """
    folder = Path(output)
    inputs.check_folder_output(folder)
    from signgen_core.train.recogniser import Options

    chosen = Options(
        steps=steps, encoder_steps=encoder_steps, batch=batch, rate=lr, rare=rare, seed=seed, save_every=save_every, device=device, threads=threads
    )
    with shared.checkpoint_beside(folder, resume) as checkpoint:
        said = make([Path(d) for d in data], shared.cache_for(data, cache), folder, chosen, checkpoint)
    say(f"{folder}  {shared.size_of(folder)}")
    say(said)


def make(data: Sequence[Path], cache: Path, folder: Path, chosen: Options, checkpoint: Path, tell: Tell | None = None) -> str:
    """Trains, judges on the test clips, saves; returns what was measured in a line."""
    from signgen_core.train.recogniser import evaluate, train
    from signgen_core.train.sign_data import load_signs

    with shared.stage("signs", tell) as told:
        signs = load_signs(data, cache, progress=told)
    with shared.stage("training", tell) as told:
        result = train(signs, chosen, checkpoint=checkpoint, progress=told)
    found = evaluate(result.recogniser, signs) if len(signs.of("test")) else {}
    result.recogniser.facts["evaluation"] = found
    result.recogniser.save(folder)
    parts = [_row(name, found[key]) for name, key in (("seen", "seen"), ("held out", "held_out")) if found.get(key, {}).get("signs")]
    return ";  ".join(parts) or "no signs for test, so nothing was measured"


def _row(name: str, row: dict[str, Any]) -> str:
    shown = "  ".join(f"{key.replace('_', ' ')} {100 * value:.1f} %" for key, value in row.items() if isinstance(value, float))
    return f"{count(row['signs'], 'test sign')} {name}: {shown}"
