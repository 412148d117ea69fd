"""How long Blender's main thread waits while a sentence is signed in a thread beside it, or by the worker process.

    python benchmarks/local_signing.py [--runs N] [--sentences N]

The main thread acts like a window: a timer of 60 Hz, at each tick a poll and ten turns of a little Python, as panels draw. Prints how late the ticks come,
how long the poll and the turns take, and the longest time that the main thread is held up in all, in milliseconds: median, 95 %, worst. Both are run cold first
(everything is still to be loaded), then warm. `idle` is the same window with nothing beside it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

import numpy as np  # noqa: E402

from blender_addon.job_events import Done, Event, Failed  # noqa: E402
from blender_addon.local_signing import LocalSigning  # noqa: E402
from blender_addon.worker import Worker  # noqa: E402

TICK = 1.0 / 60.0
SENTENCE = "My sister bought a new house yesterday. "


def draw() -> int:
    """One panel's worth of Python, about 0.1 ms."""
    return sum(i * i for i in range(1000))


def window(poll: Callable[[], list[Event]], job: int, seconds: float = 60.0) -> tuple[np.ndarray, list[Event]]:
    """(N, 3) seconds of each tick: how late it came, the poll, the ten turns; and the events that ended it."""
    rows, events = [], []
    limit = time.perf_counter() + seconds
    while time.perf_counter() < limit:
        start = time.perf_counter()
        time.sleep(TICK)
        woken = time.perf_counter()
        events += [e for e in poll() if isinstance(e, Done | Failed)]
        polled = time.perf_counter()
        for _ in range(10):
            draw()
            time.sleep(0)  # between two panels Blender lets other threads have the interpreter
        rows.append((woken - start - TICK, polled - woken, time.perf_counter() - polled))
        if any(e.job == job for e in events):
            break
    return np.array(rows), events


def show(name: str, rows: np.ndarray, events: list[Event]) -> None:
    if any(isinstance(e, Failed) for e in events):
        raise SystemExit(f"{name}: {events}")
    held = rows.sum(axis=1)
    columns = [1e3 * c for c in (*rows.T, held)]
    print(f"{name:<24}{len(rows):>6}" + "".join(f"{np.median(c):>9.1f} {np.quantile(c, 0.95):>5.1f} {c.max():>6.1f}" for c in columns), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="warm runs of each")
    parser.add_argument("--sentences", type=int, default=1, help="length of the text")
    chosen = parser.parse_args()
    text = SENTENCE * chosen.sentences
    print(f"{'':<24}{'ticks':>6}" + "".join(f"{name:>22}" for name in ("late", "poll", "turns", "held in all")))
    show("idle", *window(lambda: [], 0, 2.0))
    local, worker = LocalSigning(), Worker()
    try:
        for name, sign, poll in (("thread", local.sign, local.poll), ("worker", lambda t: worker.sign(t, rules_only=True), worker.poll)):
            for run in range(chosen.runs + 1):
                show(f"{name}, {'warm' if run else 'cold'}", *window(poll, sign(text)))
    finally:
        local.stop(10.0)
        worker.stop(10.0)


if __name__ == "__main__":
    main()
