"""signgen train tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headless import inputs, options
from headless.commands.train import shared
from headless.console import count, say
from headless.progress import Tell

if TYPE_CHECKING:
    from signgen_core.tokens.network import Config
    from signgen_core.tokens.tokenizer import Tokenizer
    from signgen_core.train.motion_data import MotionSet
    from signgen_core.train.tokenizer import Options

_NETWORK = ("quantiser", "codebook", "codes", "joint", "width", "small_width", "fps")


@click.command("tokenizer")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the tokenizer goes; an earlier one there is replaced.")
@shared.data
@shared.cache
@click.option("--steps", type=click.IntRange(1, 10_000_000), default=9000, show_default=True, help="Of a batch each.")
@click.option("--batch", type=click.IntRange(1, 65536), default=16, show_default=True, help="Windows a step.")
@click.option("--window", type=click.IntRange(8, 4096), default=64, show_default=True, help="Frames a window; a multiple of 4.")
@click.option("--lr", type=options.NumberType(1e-6, 1.0), default=2e-3, show_default=True, help="Learning rate at its highest.")
@click.option("--optimiser", type=click.Choice(["adamw", "muon"]), default="adamw", show_default=True, help="muon needs a processor with bfloat16 to be quick.")
@click.option("--no-mirror", is_flag=True, help="Do not learn from mirror images too.")
@click.option("--quantiser", type=click.Choice(["residual_vq", "residual_fsq", "fsq"]), default="residual_vq", show_default=True, help="Of the codes.")
@click.option("--codebook", type=click.IntRange(2, 65536), default=1024, show_default=True, help="Codes of each codebook, for residual_vq.")
@click.option("--codes", type=shared.CodesType(), default="12/2/1", show_default=True, help="Codes a token of body, each hand, face.")
@click.option("--joint", is_flag=True, help="One network and one stream for all, with as many codes.")
@click.option("--width", type=click.IntRange(8, 2048), default=256, show_default=True, help="Of the layers of the body, or of the one network for all.")
@click.option("--small-width", type=click.IntRange(8, 2048), default=128, show_default=True, help="Of the layers of hands and face.")
@click.option("--fps", type=options.NumberType(1, 240), default=30.0, show_default=True, help="Frames per second of the tokenizer.")
@click.option("--start", metavar="FOLDER", help="A tokenizer to go on from with other clips or more steps; it brings its networks.")
@shared.judge
@shared.seed
@shared.device
@shared.threads
@shared.save_every
@shared.resume
def command(
    output: str, data: str, cache: str | None, steps: int, batch: int, window: int, lr: float, optimiser: Any, no_mirror: bool, quantiser: str,
    codebook: int, codes: dict[str, int], joint: bool, width: int, small_width: int, fps: float, start: str | None, judge: int, seed: int, device: str,
    threads: int, save_every: int, resume: bool,
) -> None:  # fmt: skip
    """Train the motion tokenizer on the clips of PATH, and judge it on those for test.

    FOLDER gets config.json, with what was measured, and model.safetensors. See docs/tokens.md.
    """
    folder = Path(output)
    inputs.check_folder_output(folder)
    from signgen_core.train.tokenizer import Options

    chosen = Options(
        steps=steps, batch=batch, window=window, rate=lr, optimiser=optimiser, mirror=not no_mirror, position_frames=min(32, window), seed=seed,
        save_every=save_every, device=device, threads=threads,
    )  # fmt: skip
    first = _start(start)
    networks = config(quantiser=quantiser, codebook=codebook, codes=codes, joint=joint, width=width, small_width=small_width, fps=fps)
    networks = first.config if first is not None else networks
    with shared.stage("clips", None) as tell:
        motions = shared.features(data, cache, networks.fps, tell)
    say(f"{count(len(motions.clips('train')), 'clip')} to train on, {len(motions.clips('test'))} for test", err=True)
    with shared.checkpoint_beside(folder, resume) as checkpoint:
        said = make(motions, folder, chosen, networks, checkpoint, judge, start=first)
    say(f"{folder}  {shared.size_of(folder)}")
    say(said)


def _start(folder: str | None) -> Tokenizer | None:
    """The tokenizer that --start names. Raises UsageError for options beside it that only new networks have."""
    if folder is None:
        return None
    context = click.get_current_context()
    own = [n for n in _NETWORK if context.get_parameter_source(n) is not click.core.ParameterSource.DEFAULT]
    if own:
        raise click.UsageError(f"--start brings its own networks; {', '.join('--' + n.replace('_', '-') for n in own)} cannot be chosen beside it.")
    from signgen_core.tokens.tokenizer import load_tokenizer

    return load_tokenizer(folder)


def config(**chosen: Any) -> Config:
    """Networks of the default but for what is chosen. Raises MachineError where a package is missing."""
    from signgen_core.errors import MachineError

    try:
        from signgen_core.tokens.network import Config
    except ImportError as problem:
        raise MachineError(f"motion tokens need the package {problem.name}; `python3 build.py setup` installs it") from None
    return Config(**chosen)


def make(
    motions: MotionSet,
    folder: Path,
    chosen: Options,
    networks: Config,
    checkpoint: Path,
    limit: int,
    tell: Tell | None = None,
    *,
    start: Tokenizer | None = None,
) -> str:
    """Trains (from `start` on where there is one), judges on the test clips (at most `limit`, 0 for all), saves; returns what was measured in a line."""
    from signgen_core.train.tokenizer import evaluate, train

    with shared.stage("training", tell) as told:
        result = train(motions, chosen, networks, checkpoint=checkpoint, start=start, progress=told)
    found = None
    if len(motions.clips("test")):
        with shared.stage("test", tell) as told:
            found = evaluate(result.tokenizer, motions, limit=limit, progress=told)
        result.tokenizer.facts["evaluation"] = found
    result.tokenizer.save(folder)
    if found is None:
        return "no clips for test, so nothing was measured"
    plain, aligned = found["mpjpe_mm"], found["mpjpe_pa_mm"]
    return (
        f"{count(found['clips'], 'test clip')}: MPJPE {plain['all']:.2f} mm (body {plain['body']:.2f}, hands {plain['hands']:.2f})  "
        f"aligned {aligned['all']:.2f} mm (hands {aligned['hands']:.2f})"
    )
