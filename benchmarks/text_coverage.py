"""How much of real English the text half signs with signs, and how fast: over a file of sentences, one a line.

    python benchmarks/text_coverage.py [sentences.txt]        default: ../shared/data/how2sign_val_sentences.txt

Prints what every sentence came to (glosses, failures), the share of words that became signs, were fingerspelled or dropped, the words
that a new sign would help most, and milliseconds a sentence, warm and cold.
"""

from __future__ import annotations

import argparse
import collections
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DEFAULT = ROOT.parent / "shared/data/how2sign_val_sentences.txt"
AIM_MS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--missing", type=int, default=40, help="how many missing words to list")
    arguments = parser.parse_args()
    if not arguments.sentences.exists():
        print(f"{arguments.sentences}: no such file; give a file with one sentence a line", file=sys.stderr)
        return 2
    lines = [line for line in arguments.sentences.read_text(encoding="utf-8").splitlines() if line.strip()]

    from signgen_core.errors import InputError
    from signgen_core.phonology.lexicon import load_lexicon

    lexicon = load_lexicon()
    start = time.perf_counter()
    from signgen_core.text import analyse

    analyse("The houses of my friends are old.", lexicon)
    cold = time.perf_counter() - start

    kinds: collections.Counter[str] = collections.Counter()
    types: collections.Counter[str] = collections.Counter()
    missing: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[str] = collections.Counter()
    seconds: list[float] = []
    refused: list[str] = []
    empty = near = dropped = 0
    for line in lines:
        start = time.perf_counter()
        try:
            sentences = analyse(line, lexicon)
        except InputError as problem:
            refused.append(str(problem))
            continue
        seconds.append(time.perf_counter() - start)
        empty += not sentences or any(not s.glosses for s in sentences)
        for sentence in sentences:
            types[sentence.type] += 1
            dropped += len(sentence.dropped)
            reasons.update(why.split(":")[0] for _, why in sentence.dropped)
            for gloss in sentence.glosses:
                name = gloss.kind == "fingerspelled" and gloss.why.startswith(("name", "address", "month", "loan"))
                kinds["name spelled" if name else gloss.kind] += 1
                near += 0.5 < gloss.confidence < 1.0 and gloss.kind == "lexical"
                if gloss.kind == "fingerspelled" and not name:
                    missing[gloss.gloss_id.removeprefix("fs-")] += 1

    total = sum(kinds.values())
    print(f"{len(lines)} lines, lexicon of {len(lexicon)} signs: {len(refused)} refused, {empty} without glosses")
    print(f"          {sum(types.values())} sentences, {total} glosses")
    for message in refused[:5]:
        print(f"  refused: {message}")
    print("types:    " + ", ".join(f"{name} {count}" for name, count in types.most_common()))
    print("glosses:  " + ", ".join(f"{name} {count} ({count / total:.1%})" for name, count in kinds.most_common()))
    print(f"          of the lexical ones {near} by near meaning or derivation")
    print(f"dropped:  {dropped} words; " + ", ".join(f"{why} {count}" for why, count in reasons.most_common(8)))
    print("missing:  " + ", ".join(f"{word.lower()} {count}" for word, count in missing.most_common(arguments.missing)))
    mean, worst = statistics.fmean(seconds) * 1000, max(seconds) * 1000
    middle = statistics.median(seconds) * 1000
    print(f"time:     {mean:.2f} ms a sentence (median {middle:.2f}, worst {worst:.1f}), first sentence {cold * 1000:.0f} ms with loading")
    ok = mean < AIM_MS and not refused and not empty
    print(f"{'within' if ok else 'MISSES'} the aims: under {AIM_MS:g} ms a sentence, none refused, none empty")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
