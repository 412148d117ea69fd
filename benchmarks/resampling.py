"""Milliseconds to make the frames about an edit anew, warm, on one thread, against those to make the whole motion. Medians of `--repeats`.

`stretch` is a window of 50 frames by itself, wherever it lies in the motion; `edit` the whole call for changes of each kind: both plans checked and
compared, the window made, blended and joined.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

from signgen_core import pipeline  # noqa: E402
from signgen_core.editing import Change, Insert, Remove, patch  # noqa: E402
from signgen_core.resampling import resample  # noqa: E402

SENTENCE = "My sister wants to learn sign language at school tomorrow."
CHANGES: dict[str, Change] = {
    "handshape": ("actions[3].handshape.type", "v"), "gloss": ("actions[3].gloss_id", "BOOK"), "trajectory": ("actions[3].trajectory[1].y", 0.1),
    "duration": ("actions[3].duration", 0.8), "face": ("actions[3].non_manual_markers.facial_expression", "smile"),
    "emphasis": ("actions[3].emphasis", "strong"), "remove": Remove(3), "insert": Insert(3, "HOUSE"),
}  # fmt: skip


def milliseconds(work: Callable[[], object], repeats: int) -> list[tuple[float, float]]:
    """(wall clock, processor time) of each repeat; the second is less disturbed by whatever else the machine does."""
    out = []
    for _ in range(repeats):
        start, own = time.perf_counter(), time.thread_time()
        work()
        out.append((1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - own)))
    return out


def row(name: str, frames: int, times: list[tuple[float, float]]) -> dict[str, object]:
    wall, own = zip(*times, strict=True)
    return {
        "what": name, "frames": frames, "median_ms": round(statistics.median(wall), 1), "best_ms": round(min(wall), 1),
        "cpu_median_ms": round(statistics.median(own), 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    plan = pipeline.plan_text(SENTENCE)
    motion = pipeline.animate(plan)
    synthesiser = pipeline.synthesiser_for()
    ready = pipeline.complete(plan)
    rows = [row("whole", motion.num_frames, milliseconds(lambda: pipeline.animate(plan), arguments.repeats))]
    times = []
    for first in range(0, motion.num_frames - 50, 20):
        times += milliseconds(lambda first=first: synthesiser.stretch(ready, motion.fps, first, first + 49), max(1, arguments.repeats // 3))
    rows.append(row("stretch of 50", 50, times))
    for name, change in CHANGES.items():
        new = patch(plan, [change], fps=motion.fps)
        _, window = resample(plan, motion, new)
        rows.append(row(f"edit: {name}", window.frames, milliseconds(lambda new=new: resample(plan, motion, new), arguments.repeats)))
    for found in rows:
        print(json.dumps(found) if arguments.json else "  ".join(f"{k} {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
