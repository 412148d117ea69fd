"""signgen train classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import inputs, options
from headless.commands.train import shared
from headless.console import count, say

if TYPE_CHECKING:
    from signgen_core.train.table import Example

_DATA = ("sentences_a.tsv", "sentences_b.tsv")


@click.command("classifier")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the classifier goes; an earlier one there is replaced.")
@click.option("--data", multiple=True, metavar="TABLE", help="Labelled sentences, .csv or .tsv; may be repeated.  [default: the shipped tables]")
@click.option("--corpus", multiple=True, metavar="NAME=FOLDER", help="goemotions, clinc150, snips or msrabot in a folder of yours; may be repeated.")
@click.option("--corpus-rows", type=click.IntRange(1), default=3000, show_default=True, help="At most so many sentences of each corpus, over its classes.")
@click.option("--test", multiple=True, metavar="TABLE", help="Held-out tables whose numbers are put into config.json.  [default with shipped tables: theirs]")
@click.option("--heads", default="subject,gesture,emotion,type", show_default=True, help="Heads to train, with commas; the others give all labels alike.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=15, show_default=True, help="Of the heads alone.")
@click.option("--encoder-epochs", type=click.IntRange(0, 200), default=8, show_default=True, help="Of heads and encoder together.")
@click.option("--rank", type=click.IntRange(0, 64), default=8, show_default=True, help="Of the low-rank adapters on the encoder; 0: none.")
@click.option("--unfreeze", is_flag=True, help="Train the whole encoder in place of adapters; it is saved along (tens of MB).")
@click.option("--batch", type=click.IntRange(1, 4096), default=32, show_default=True, help="Sentences a step.")
@click.option("--lr", type=options.NumberType(1e-6, 1.0), default=1e-3, show_default=True, help="Learning rate of the heads.")
@shared.seed
@shared.device
@shared.threads
@shared.resume
@options.encoder
def command(
    output: str, data: tuple[str, ...], corpus: tuple[str, ...], corpus_rows: int, test: tuple[str, ...], heads: str, epochs: int, encoder_epochs: int,
    rank: int, unfreeze: bool, batch: int, lr: float, seed: int, device: str, threads: int, resume: bool, encoder: str | None,
) -> None:  # fmt: skip
    """Train the sentence classifier: its heads, then low-rank adapters on the encoder (or the whole of it).

    A table has a header line with `text` and any of subject, gesture, emotion, type; an empty cell is no label. See docs/classification.md.
    """
    from signgen_core.presets import PRESETS_DIR
    from signgen_core.text.classifier import HEADS, Classifier
    from signgen_core.train.table import check_classes, read_table

    folder = Path(output)
    inputs.check_folder_output(folder)
    wanted = tuple(h.strip() for h in heads.split(",") if h.strip())
    if not wanted or any(h not in HEADS for h in wanted):
        raise click.UsageError(f"--heads: {heads!r}; known are {', '.join(HEADS)}")
    shipped = PRESETS_DIR / "training"
    tables = [Path(d) for d in data] or [shipped / name for name in _DATA]
    tests = [Path(t) for t in test] or ([] if data else sorted(shipped.glob("test_*.tsv")))
    examples = [example for table in tables for example in read_table(table)]
    for wish in corpus:
        examples += _corpus(wish, corpus_rows, seed)
    held = [example for table in tests for example in read_table(table)]
    check_classes(examples, wanted)  # before the models are loaded
    from signgen_core.text.encoder import load_encoder
    from signgen_core.train.classifier import Options, save, train
    from signgen_core.train.evaluate import evaluate

    chosen = Options(
        epochs=epochs, encoder_epochs=encoder_epochs, rank=0 if unfreeze else rank, unfreeze=unfreeze, rate=lr, batch=batch, seed=seed, device=device,
        threads=threads, heads=wanted,
    )  # fmt: skip
    loaded = load_encoder(encoder)
    say(f"{count(len(examples), 'sentence')} to train on, {len(held)} held out", err=True)
    with shared.checkpoint_beside(folder, resume) as checkpoint:
        with shared.stage("training", None) as tell:
            result = train(examples, loaded, chosen, checkpoint=checkpoint, progress=tell)
        evaluation = evaluate(Classifier(result.weights, result.config, result.encoder or loaded), held) if held else None
        save(result, folder, evaluation)
    say(f"{folder}  {shared.size_of(folder)}")
    shown = {h: s["accuracy"] for h, s in evaluation.items() if h in wanted} if evaluation else result.config["training"]["validation"]
    say(("held out: " if evaluation else "held aside: ") + "  ".join(f"{head} {100 * value:.1f} %" for head, value in shown.items()))


def _corpus(wish: str, rows: int, seed: int) -> list[Example]:
    from signgen_core.train.corpora import READERS, read_corpus, spread

    name, _, folder = wish.partition("=")
    if not folder or name not in READERS:
        raise click.UsageError(f"--corpus: {wish!r}; expected NAME=FOLDER with a name of {', '.join(READERS)}")
    return spread(read_corpus(name, folder), rows, seed)
