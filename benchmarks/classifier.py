"""Accuracy of each head of the sentence classifier, learned alone and with the others, on the held-out tables; and milliseconds a sentence on one thread.

`--alone` trains a classifier per head and one for all, each the same way, which takes an hour on two threads; without it the shipped one is judged.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from signgen_core.presets import PRESETS_DIR  # noqa: E402
from signgen_core.text.classifier import HEADS, Classifier, load_classifier  # noqa: E402
from signgen_core.text.encoder import load_encoder  # noqa: E402
from signgen_core.train.classifier import Options, train  # noqa: E402
from signgen_core.train.evaluate import evaluate, evaluate_goemotions  # noqa: E402
from signgen_core.train.table import Example, read_table  # noqa: E402

TRAINING = PRESETS_DIR / "training"


def rows(start: str) -> list[Example]:
    return [row for path in sorted(TRAINING.glob(f"{start}_*.tsv")) for row in read_table(path)]


def learned(heads: tuple[str, ...], epochs: int, seed: int) -> dict[str, float]:
    """head -> accuracy on the held-out tables of a classifier that learned these heads."""
    encoder = load_encoder()
    result = train(
        rows("sentences"), encoder, Options(encoder_epochs=epochs, heads=heads, seed=seed), progress=lambda share, text: print(text, file=sys.stderr)
    )
    found = evaluate(Classifier(result.weights, result.config, encoder), rows("test"))
    return {head: found[head]["accuracy"] for head in heads}


def milliseconds(repeats: int) -> dict[str, float]:
    """Medians over sentences of 12 words that were not read before."""
    encoder, classifier = load_encoder(), load_classifier()
    texts = [f"My sister {k} wants to buy a new red car next week." for k in range(repeats + 5)]
    encode, classify = [], []
    for text in texts:
        start = time.perf_counter()
        encoder.encode([text])
        middle = time.perf_counter()
        classifier.classify([text])
        encode.append(1e3 * (middle - start))
        classify.append(1e3 * (time.perf_counter() - middle))
    return {"encode": statistics.median(encode[5:]), "classify": statistics.median(classify[5:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--epochs", type=int, default=5, help="of the encoder, for --alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--goemotions", type=Path)
    parser.add_argument("--repeats", type=int, default=60)
    arguments = parser.parse_args()
    out: dict[str, object] = {}
    if arguments.alone:
        out["together"] = learned(tuple(HEADS), arguments.epochs, arguments.seed)
        out["alone"] = {head: learned((head,), arguments.epochs, arguments.seed)[head] for head in HEADS}
    else:
        classifier = load_classifier()
        out["held out"] = {path.name: evaluate(classifier, read_table(path)) for path in sorted(TRAINING.glob("test_*.tsv"))}
        if arguments.goemotions:
            out["GoEmotions dev"] = evaluate_goemotions(classifier, arguments.goemotions)
        out["milliseconds"] = milliseconds(arguments.repeats)
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
