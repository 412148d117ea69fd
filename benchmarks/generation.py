"""Milliseconds a frame of the token language model, beside a plain Hugging Face `generate` of a Llama with as many weights, in the same run.

Both make the codes of the same frames, by turns in every round, after a warm-up; what is printed are medians over the rounds. The Llama has random weights
(they make no difference to the time), a cache of keys and values, and takes the likeliest token without ever stopping. It says one code a token, as a language
model of flattened codes does; beside that stands what it would take if one of its tokens could say a whole step of all streams, which no vocabulary allows.
Where there is no trained model, ours has random weights of the default sizes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from signgen_core import pipeline  # noqa: E402
from signgen_core.generation import MODEL_FOLDER, TOKENIZER_FOLDER  # noqa: E402
from signgen_core.phonology.encode import Condition  # noqa: E402
from signgen_core.tokens.lm import Sampling, TokenLM, load_lm  # noqa: E402
from signgen_core.tokens.tokenizer import Tokenizer, half, load_tokenizer  # noqa: E402

SIGNS = "IX-1 WANT BOOK MOTHER LIKE COFFEE HOUSE WORK HELP FRIEND"
EDIT_FRAMES, CONTEXT_FRAMES = 50, 12


def untrained(tokenizer: Tokenizer) -> TokenLM:
    from signgen_core.tokens.lm_network import Network
    from signgen_core.train.lm import config_for

    torch.manual_seed(0)
    weights = half(Network(config_for(tokenizer)))
    weights["stop.bias"] = np.full_like(weights["stop.bias"], -20.0)  # it would stop anywhere
    return TokenLM(config_for(tokenizer), weights, tokenizer)


def llama(weights: int, layers: int, heads: int, vocabulary: int) -> Any:
    """A Llama whose number of weights is as near to `weights` as its sizes allow: the width nearest to a perceptron of three times the width."""
    from transformers import LlamaConfig, LlamaForCausalLM

    def config(width: int, inner: int) -> LlamaConfig:
        return LlamaConfig(
            vocab_size=vocabulary, hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
            max_position_embeddings=8192, tie_word_embeddings=False, bos_token_id=0, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip

    def count(width: int, inner: int) -> int:
        return 2 * vocabulary * width + layers * (4 * width * width + 3 * width * inner + 2 * width) + width

    step = 8 * heads
    width = min(range(step, 4096, step), key=lambda w: abs(count(w, 3 * w) - weights))
    inner = min(range(8, 8 * width, 8), key=lambda n: abs(count(width, n) - weights))
    torch.manual_seed(0)
    return LlamaForCausalLM(config(width, inner)).eval().requires_grad_(False)


def llama_run(model: Any, batch: int, tokens: int) -> Callable[[], None]:
    start = torch.zeros(batch, 1, dtype=torch.long, device=model.device)
    mask = torch.ones_like(start)

    def run() -> None:
        made = model.generate(start, attention_mask=mask, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, use_cache=True)
        assert made.shape == (batch, tokens + 1)

    return run


def medians(runs: dict[str, Callable[[], None]], rounds: int, device: str) -> dict[str, tuple[float, float]]:
    """Median milliseconds of each by the clock and of the processor; they take turns, so that other work on the machine falls on all."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            if device == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter(), time.process_time()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round is the warm-up
                taken[name].append((1e3 * (time.perf_counter() - start[0]), 1e3 * (time.process_time() - start[1])))
    return {name: (statistics.median(v[0] for v in values), statistics.median(v[1] for v in values)) for name, values in taken.items()}


def compared(model: TokenLM, rival: Any, condition: Condition, batch: int, rounds: int, device: str) -> dict[str, Any]:
    """Milliseconds a frame (of every motion in the batch) and ratios. Our side includes reading the condition."""
    config = model.config
    steps = len(condition)
    frames = steps * config.frames_per_token * batch
    rival = rival.to(device, torch.bfloat16 if device == "cuda" else torch.float32)
    made: dict[str, int] = {}

    def ours(name: str, sampling: Sampling) -> Callable[[], None]:
        def run() -> None:
            if batch == 1:
                found = [model.generate(condition, sampling, steps=steps, device=device)]
            else:  # these stop where the model says so
                found = model.generate_batch([condition] * batch, sampling, device=device)
            made[name] = sum(m.tokens.num_tokens for m in found) * config.frames_per_token

        return run

    found = medians(
        {
            "lm": ours("lm", Sampling()), "lm_greedy": ours("lm_greedy", Sampling(temperature=0.0)),
            "llama": llama_run(rival, batch, steps * config.num_codes), "llama_one_token_a_step": llama_run(rival, batch, steps),
        }, rounds, device,
    )  # fmt: skip
    row: dict[str, Any] = {"device": device, "batch": batch, "steps": steps, "rounds": rounds, "llama_ms_a_token": found["llama_one_token_a_step"][0] / steps}
    for name, (clock, processor) in found.items():
        count = made.get(name, frames)
        row |= {f"{name}_ms_a_frame": clock / count, f"{name}_processor_ms_a_frame": processor / count}
    row["ratio"] = row["llama_ms_a_frame"] / row["lm_ms_a_frame"]
    row["ratio_one_token_a_step"] = row["llama_one_token_a_step_ms_a_frame"] / row["lm_ms_a_frame"]
    row["frames_a_second"] = 1e3 / row["lm_ms_a_frame"]
    return row


def window(model: TokenLM, condition: Condition, rounds: int, device: str) -> dict[str, Any]:
    """An edited window: tokens before it are told, its own made anew, and all turned into features."""
    config = model.config
    known, steps = -(-CONTEXT_FRAMES // config.frames_per_token), -(-EDIT_FRAMES // config.frames_per_token)
    vectors = model.embed(condition)
    prefix = model.generate(vectors, steps=known, device=device).tokens

    def run() -> None:
        made = model.generate(model.embed(condition), steps=steps, prefix=prefix, device=device)
        model.tokenizer.decode_features(made.tokens)

    clock, processor = medians({"window": run}, rounds, device)["window"]
    return {"device": device, "window_frames": EDIT_FRAMES, "context_frames": CONTEXT_FRAMES, "window_ms": clock, "window_processor_ms": processor}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER, help="a token language model; by default the shipped one")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER_FOLDER, help="its tokenizer; by default the shipped one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=24, help="tokens of each motion")
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 16])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = load_tokenizer(arguments.tokenizer)
    trained = arguments.model.is_dir()
    model = load_lm(arguments.model, tokenizer) if trained else untrained(tokenizer)
    config = model.config
    condition = pipeline.condition(pipeline.plan_text(SIGNS, gloss=True), fps=config.fps, frames=config.frames_per_token)
    condition = first(condition, arguments.steps)
    ours = sum(v.size for v in model.weights.values())
    rival = llama(ours, config.layers, config.heads, config.size)
    theirs = sum(p.numel() for p in rival.parameters())
    whose = "trained" if trained else "random"
    print(f"weights: {ours:,} ours ({whose}), {theirs:,} the Llama's; {config.num_codes} codes a step; torch {torch.__version__}", flush=True)
    rows = []
    devices = [("cpu", b) for b in arguments.batch]
    if torch.cuda.is_available():
        devices += [("cuda", b) for b in sorted({1, *arguments.batch, 256})]
        print(f"cuda: {torch.cuda.get_device_name()}")
    else:
        print("cuda: no device here", file=sys.stderr)
    for device, batch in devices:
        row = compared(model, rival, condition, batch, arguments.rounds, device)
        rows.append(row)
        print(
            f"{device} batch {batch}: {row['lm_ms_a_frame']:.3f} ms a frame (greedy {row['lm_greedy_ms_a_frame']:.3f}; processor "
            f"{row['lm_processor_ms_a_frame']:.3f});  Llama {row['llama_ms_a_token']:.2f} ms a token, {row['llama_ms_a_frame']:.3f} ms a frame "
            f"(processor {row['llama_processor_ms_a_frame']:.3f}): {row['ratio']:.1f} times;  with one token a step {row['ratio_one_token_a_step']:.2f} times",
            flush=True,
        )
    windows = [window(model, condition, arguments.rounds, d) for d in dict.fromkeys(d for d, _ in devices)]
    for row in windows:
        print(
            f"{row['device']}: {row['window_frames']} frames after {row['context_frames']} of context: {row['window_ms']:.1f} ms"
            f" (processor {row['window_processor_ms']:.1f})"
        )
    print(json.dumps({"trained": trained, "weights": ours, "llama_weights": theirs, "rows": rows, "windows": windows}))


def first(condition: Condition, steps: int) -> Condition:
    """Its first steps; the last is repeated where it is shorter."""
    from dataclasses import fields, replace

    where = np.minimum(np.arange(steps), len(condition) - 1)
    arrays = {f.name: getattr(condition, f.name) for f in fields(condition)}
    return replace(condition, **{k: v[where] for k, v in arrays.items() if isinstance(v, np.ndarray) and len(v) == len(condition)})


if __name__ == "__main__":
    main()
