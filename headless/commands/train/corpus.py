"""signgen train corpus."""

from __future__ import annotations

from pathlib import Path

import click

from headless import options
from headless.console import count, say


@click.command("corpus")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the clips go; a corpus of the same settings there is gone on with.")
@click.option("--clips", type=click.IntRange(1, 10_000_000), required=True, help="How many, test clips included.")
@click.option("--signers", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Body shapes of the training part.")
@click.option("--test-signers", type=click.IntRange(1, 10_000), default=4, show_default=True, help="Body shapes of the test part; none is in both.")
@click.option("--test-share", type=options.NumberType(0.0, 0.9), default=0.1, show_default=True, help="Share of the clips that is for test.")
@click.option("--held-out", type=options.NumberType(0.0, 0.5), default=0.05, show_default=True, help="Share of the signs that training never sees.")
@click.option("--drill", is_flag=True, help="Clips of signs in a row for the recogniser: each equally often, many made of the parts of several.")
@click.option("--fps", type=options.NumberType(1, 240), default=30.0, show_default=True, help="Frames per second.")
@click.option("--seed", type=click.IntRange(0, options.MAX_SEED), default=0, show_default=True, help="Decides every clip.")
@click.option("--workers", type=click.IntRange(0, 1024), default=0, show_default=True, help="Processes; 0 is one a core.")
@click.pass_context
def command(
    ctx: click.Context, output: str, clips: int, signers: int, test_signers: int, test_share: float, held_out: float, drill: bool,
    fps: float, seed: int, workers: int,
) -> None:  # fmt: skip
    """Make training clips with the synthesiser: signs, sentences, spelled words and numbers, each with its plan.

    Clips vary in signer, tempo, size, place and hand. FOLDER gets train/ and test/ with .npz motions and .json plans, manifest.jsonl and
    corpus.json. A run that was cut off goes on where it was; more --clips add to what is there.
    """
    from headless import inputs
    from headless.console import FAILED
    from headless.progress import progress_bar
    from signgen_core.train.corpus import Settings, write_corpus

    folder = Path(output)
    inputs.check_folder_output(folder)
    settings = Settings(clips, seed, fps, signers, test_signers, test_share, held_out, drill=drill)
    with progress_bar("clips ") as tick:
        counts = write_corpus(folder, settings, workers=workers, progress=lambda share, text: tick(share))
    say(f"{folder}  {count(counts['made'], 'clip')} made, {counts['kept']} kept, {counts['failed']} failed")
    if counts["failed"]:
        ctx.exit(FAILED)
