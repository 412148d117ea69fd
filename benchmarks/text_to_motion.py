"""Milliseconds from a ten-word sentence to its motion, warm, on one thread; and what each half of the walk takes. Medians of `--repeats`."""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402

from signgen_core import pipeline  # noqa: E402

SENTENCE = "My sister wants to learn sign language at school tomorrow."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    pipeline.animate(pipeline.plan_text(SENTENCE))
    plan_ms, motion_ms = [], []
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        plan = pipeline.plan_text(SENTENCE)
        middle = time.perf_counter()
        motion = pipeline.animate(plan)
        end = time.perf_counter()
        plan_ms.append(1000 * (middle - start))
        motion_ms.append(1000 * (end - middle))
    both = [a + b for a, b in zip(plan_ms, motion_ms, strict=True)]
    row = {
        "words": len(SENTENCE.split()), "signs": len(plan.actions), "frames": motion.num_frames, "plan_ms": round(statistics.median(plan_ms), 1),
        "animate_ms": round(statistics.median(motion_ms), 1), "total_ms": round(statistics.median(both), 1), "best_ms": round(min(both), 1),
        "ms_per_frame": round(statistics.median(motion_ms) / motion.num_frames, 3),
    }  # fmt: skip
    print(json.dumps(row) if arguments.json else "  ".join(f"{k} {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
