"""Motion tokenizers compared: each is trained alike on the clips of a folder and judged on its test part (other signers, where the folder is a corpus).

A variant is `name:key=value,key=value` with fields of `tokens.network.Config` and `train.tokenizer.Options`; lists as 8/5/5/5, codes as body/hand/face.
Example: --variant plain: --variant joint:joint=true --variant few:codes=4/2/1 --variant muon:optimiser=muon
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import argparse  # noqa: E402
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from dataclasses import fields, replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from signgen_core.tokens.network import Config  # noqa: E402
from signgen_core.tokens.tokenizer import Tokenizer, load_tokenizer  # noqa: E402
from signgen_core.train.motion_data import MotionSet, load_motions  # noqa: E402
from signgen_core.train.tokenizer import Options, evaluate, train  # noqa: E402


def value(key: str, text: str) -> Any:
    if key == "codes":
        body, hand, face = (int(n) for n in text.split("/"))
        return {"body": body, "left_hand": hand, "right_hand": hand, "face": face}
    if "/" in text or key in ("levels", "dilations"):
        return tuple(int(n) for n in text.split("/"))
    try:
        return json.loads(text)
    except ValueError:
        return text


def variant(text: str, options: Options) -> tuple[str, Options, Config]:
    name, _, said = text.partition(":")
    config = Config()
    for pair in filter(None, said.split(",")):
        key, _, given = pair.partition("=")
        if key in {f.name for f in fields(Config)}:
            config = replace(config, **{key: value(key, given)})
        else:
            options = replace(options, **{key: value(key, given)})
    return name, options, config


def milliseconds(tokenizer: Tokenizer, motions: MotionSet) -> dict[str, float]:
    """Milliseconds a frame to encode and decode whole clips on one thread, best of three rounds over 20 test clips."""
    import torch

    torch.set_num_threads(1)
    clips = [motions.clip(int(n)) for n in motions.clips("test")[:20]]
    frames = sum(len(c["body"]) for c in clips)
    best = {"encode": float("inf"), "decode": float("inf")}
    for _ in range(3):
        start = time.perf_counter()
        tokens = [tokenizer.encode_features(c) for c in clips]
        middle = time.perf_counter()
        for t in tokens:
            tokenizer.decode_features(t)
        end = time.perf_counter()
        best = {"encode": min(best["encode"], 1e3 * (middle - start) / frames), "decode": min(best["decode"], 1e3 * (end - middle) / frames)}
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a corpus, or a folder of motion files")
    parser.add_argument("--output", type=Path, required=True, help="tokenizers, checkpoints and the cache of features go here")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--judge", type=Path, action="append", default=[], help="a tokenizer folder to judge without training")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--limit", type=int, default=0, help="test clips to judge on; 0: all")
    arguments = parser.parse_args()
    motions = load_motions(arguments.data, arguments.output / "cache", progress=lambda share, text: print(text, file=sys.stderr))
    for folder in arguments.judge:
        tokenizer = load_tokenizer(folder)
        print(json.dumps({"judged": folder.name, **evaluate(tokenizer, motions, limit=arguments.limit), "milliseconds": milliseconds(tokenizer, motions)}))
    for text in arguments.variant:
        name, options, config = variant(text, Options(steps=arguments.steps, save_every=min(250, arguments.steps)))
        began = time.monotonic()
        place = arguments.output / name
        result = train(motions, options, config, checkpoint=place / "checkpoint", progress=lambda share, said: print(said, file=sys.stderr))
        seconds = time.monotonic() - began
        result.tokenizer.save(place / "tokenizer")
        found = evaluate(result.tokenizer, motions, limit=arguments.limit)
        weights = sum(v.size for v in result.tokenizer.weights.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        row = {"variant": text, "seconds": round(seconds), "weights": weights, "peak_gb": round(peak, 2), **found, "log": result.log}
        print(json.dumps({**row, "milliseconds": milliseconds(result.tokenizer, motions)}), flush=True)


if __name__ == "__main__":
    main()
