"""How much of real English the text half signs with signs, how fast, and where the threshold of synonyms comes from.

    python benchmarks/text.py [sentences.txt] [--rules]     default: ../shared/data/how2sign_val_sentences.txt, with the encoder
    python benchmarks/text.py --synonyms                    precision and recall of the nearest word at each threshold
    python benchmarks/text.py --senses                      meanings found again when each example is left out in turn

A content word is a token tagged noun, verb (main verbs, not helpers), adjective, adverb, number or name. It is *signed* if a sign of the lexicon, a loan
sign, a number sign or pointing stands for it; *spelled* if it is fingerspelled letter by letter; *dropped* if the face or the order says it (very, just). The
share is signed / (signed + spelled): once with names, which ASL spells, and once without. Times are of warm sentences on one thread, encoder included.
"""

from __future__ import annotations

import argparse
import collections
import csv
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DEFAULT = ROOT.parent / "shared/data/how2sign_val_sentences.txt"
PAIRS = ROOT / "benchmarks/data/synonym_pairs.tsv"
AIM_MS, AIM_SHARE = 25.0, 0.75
CONTENT = frozenset("NOUN VERB ADJ ADV NUM NAME".split())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--rules", action="store_true", help="without the encoder")
    parser.add_argument("--missing", type=int, default=60, help="how many spelled words to list")
    parser.add_argument("--lexicon", type=Path, help="another folder of signs")
    parser.add_argument("--synonyms", action="store_true")
    parser.add_argument("--senses", action="store_true")
    arguments = parser.parse_args()
    if arguments.synonyms:
        return synonyms(arguments.lexicon)
    if arguments.senses:
        return left_out()
    if not arguments.sentences.exists():
        print(f"{arguments.sentences}: no such file; give a file with one sentence a line", file=sys.stderr)
        return 2
    return coverage(arguments)


def coverage(arguments: argparse.Namespace) -> int:
    from signgen_core.errors import InputError
    from signgen_core.phonology.lexicon import load_lexicon
    from signgen_core.text import analyse

    lines = [line for line in arguments.sentences.read_text(encoding="utf-8").splitlines() if line.strip()]
    lexicon = load_lexicon(arguments.lexicon)
    encoder = None
    if not arguments.rules:
        import torch

        from signgen_core.text.encoder import load_encoder

        torch.set_num_threads(1)
        encoder = load_encoder()
    start = time.perf_counter()
    analyse("The houses of my friends are old and light.", lexicon, encoder)
    cold = time.perf_counter() - start
    for line in lines[:20]:
        analyse(line, lexicon, encoder)
    if encoder is not None:
        encoder._kept.clear()  # what was read once must be read again

    counts: collections.Counter[str] = collections.Counter()
    types: collections.Counter[str] = collections.Counter()
    missing: collections.Counter[str] = collections.Counter()
    by: collections.Counter[str] = collections.Counter()
    seconds: list[float] = []
    refused: list[str] = []
    for line in lines:
        start = time.perf_counter()
        try:
            sentences = analyse(line, lexicon, encoder)
        except InputError as problem:
            refused.append(f"{line[:60]!r}: {problem}")
            continue
        seconds.append(time.perf_counter() - start)
        for sentence in sentences:
            types[sentence.type] += 1
            count(sentence, counts, missing, by)
    signed, spelled, names, dropped = (counts[k] for k in ("signed", "spelled", "name", "dropped"))
    share, plain = signed / max(signed + spelled + names, 1), signed / max(signed + spelled, 1)
    mean, middle = statistics.fmean(seconds) * 1000, statistics.median(seconds) * 1000
    print(f"{len(lines)} lines, {sum(types.values())} sentences, lexicon of {len(lexicon)} signs, {'rules alone' if encoder is None else encoder.name}")
    print(f"refused   {len(refused)}" + "".join(f"\n          {r}" for r in refused[:5]))
    print("types     " + ", ".join(f"{name} {n}" for name, n in types.most_common()))
    print(f"content   {signed} signed, {spelled} spelled, {names} names spelled, {dropped} dropped: {share:.1%} signed, {plain:.1%} without names")
    print("signs by  " + ", ".join(f"{name} {n}" for name, n in by.most_common(12)))
    print("spelled   " + ", ".join(f"{word} {n}" for word, n in missing.most_common(arguments.missing)))
    print(f"time      {mean:.1f} ms a sentence (median {middle:.1f}, worst {max(seconds) * 1000:.0f}), first sentence {cold:.2f} s with loading")
    ok = not refused and share >= AIM_SHARE and max(mean, middle) < AIM_MS
    print(f"{'within' if ok else 'MISSES'} the aims: none refused, {AIM_SHARE:.0%} of content words signed, under {AIM_MS:g} ms")
    return 0 if ok else 1


def count(sentence: Any, counts: collections.Counter[str], missing: collections.Counter[str], by: collections.Counter[str]) -> None:
    """Adds what became of the content words of one sentence."""
    from signgen_core.text.segmentation import tokenise
    from signgen_core.text.tagging import tag

    tokens = tokenise(sentence.text)
    tag(tokens)
    of: dict[str, Any] = {}
    for gloss in sentence.glosses:
        for word in gloss.words:
            if word not in of or of[word].kind == "fingerspelled":
                of[word] = gloss
    for token in tokens:
        if token.tag not in CONTENT or token.kind == "other":
            continue
        gloss = of.get(token.text)
        if gloss is None:
            counts["dropped"] += 1
        elif gloss.kind != "fingerspelled" or gloss.gloss_id.startswith("#"):
            counts["signed"] += 1
            why = gloss.why.split(":")[0].split(";")[0]
            by["sense" if "against" in gloss.why else why if not why.startswith("base form") else "base form"] += 1
        elif token.tag == "NAME" or gloss.why.startswith(("name", "address", "month")):
            counts["name"] += 1
        else:
            counts["spelled"] += 1
            missing[gloss.gloss_id.removeprefix("fs-").lower()] += 1


def synonyms(folder: Path | None) -> int:
    import numpy as np

    from signgen_core.phonology.lexicon import load_lexicon
    from signgen_core.text.encoder import load_encoder
    from signgen_core.text.synonyms import FRAMES, NEAR_ENOUGH, only_spelled_alike

    lexicon, encoder = load_lexicon(folder), load_encoder()
    scored: list[tuple[float, bool]] = []
    with PAIRS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if not lexicon.has(row["gloss"]) or lexicon.get(row["gloss"]).pos != row["pos"]:
                continue
            words = [w for w in lexicon.get(row["gloss"]).words if w.isalpha() and w != row["word"] and not only_spelled_alike(w, row["word"])]
            if words:
                vectors = encoder.embed([FRAMES[row["pos"]].format(w) for w in [row["word"], *words]])
                scored.append((float((vectors[1:] @ vectors[0]).max()), row["verdict"] == "right"))
    right = sum(r for _, r in scored)
    print(f"{len(scored)} pairs whose sign the lexicon has as that part of speech, {right} of them right")
    for threshold in np.arange(0.70, 0.95, 0.01):
        taken = [r for s, r in scored if s >= threshold - 1e-9]
        if taken:
            note = "  <- in use" if abs(threshold - NEAR_ENOUGH) < 0.005 else ""
            print(f"  {threshold:.2f}  precision {sum(taken) / len(taken):.3f}  recall {sum(taken) / right:.3f}  ({len(taken)} taken){note}")
    return 0


def left_out() -> int:
    from signgen_core.text.encoder import load_encoder
    from signgen_core.text.senses import SenseReader

    found, total, lost = SenseReader(load_encoder()).leave_one_out()
    print(f"{found} of {total} examples get their own meaning back when they are left out: {found / total:.1%}")
    for line in lost[:40]:
        print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
