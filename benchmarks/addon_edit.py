"""Milliseconds from a change in the panel to updated keys: plan changed, window made anew and keyed, by steps. Medians of `--repeats`, on one thread.

    python benchmarks/addon_edit.py [--repeats 9] [--json]

`edit` is all of it for each kind of change; `plan` changing the plan alone, `read` reading the keys, `make` the window by itself, `key` keying
that window. `key 1000 frames` keys a whole motion of 55 bones and 52 shapes in which everything moves.
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

import bpy  # noqa: E402
import numpy as np  # noqa: E402

from blender_addon import resigning, signers  # noqa: E402
from blender_addon.key_windows import key_window  # noqa: E402
from blender_addon.keying import key_motion, read_motion  # noqa: E402
from signgen_core import pipeline  # noqa: E402
from signgen_core.editing import Change, patch  # noqa: E402
from signgen_core.motion import Motion  # noqa: E402
from signgen_core.resampling import resample  # noqa: E402

SENTENCE = "My sister wants to learn sign language at school tomorrow."
# pairs of changes, each of which takes the other one back
CHANGES: dict[str, tuple[Change, Change]] = {
    "handshape": (("actions[3].handshape.type", "v"), ("actions[3].handshape.type", "5")),
    "finger": (("actions[1].handshape.finger_config", {"index": 0.2}), ("actions[1].handshape.finger_config", {})),
    "face": (("actions[3].non_manual_markers.facial_expression", "smile"), ("actions[3].non_manual_markers.facial_expression", "neutral")),
    "duration": (("actions[3].duration", 0.9), ("actions[3].duration", 0.6)),
}  # fmt: skip


def busy_motion(frames: int) -> Motion:
    """Every channel moves on every frame, so that nothing can be left out."""
    rng = np.random.default_rng(0)
    drift = np.cumsum(rng.normal(0.0, 0.01, (frames, 55, 3)), axis=0)
    face = np.clip(0.5 + np.cumsum(rng.normal(0.0, 0.01, (frames, 52)), axis=0), 0.01, 1.0)
    return Motion(drift, drift[:, 0], np.zeros(10), np.zeros((frames, 10)), face, 30.0)


def measured(name: str, frames: int, work: Callable[[int], object], repeats: int) -> dict[str, object]:
    """work hears the number of the repeat. Wall clock and processor time; the second is less disturbed by whatever else the machine does."""
    wall, own = [], []
    for k in range(repeats):
        start, busy = time.perf_counter(), time.thread_time()
        work(k)
        wall.append(1000 * (time.perf_counter() - start))
        own.append(1000 * (time.thread_time() - busy))
    return {
        "what": name, "frames": frames, "median_ms": round(statistics.median(wall), 1), "best_ms": round(min(wall), 1),
        "cpu_median_ms": round(statistics.median(own), 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    signer = signers.add_signer(bpy.context.scene)
    plan = pipeline.plan_text(SENTENCE)
    resigning.key_signing(signer, plan, pipeline.animate(plan, fps=30.0))
    rows = []
    for name, pair in CHANGES.items():
        window = resigning.change(signer, [pair[1]]).window
        window = resigning.change(signer, [pair[0]]).window
        edit = lambda k, pair=pair: resigning.change(signer, [pair[(k + 1) % 2]])  # noqa: E731 - the pair of this turn
        rows.append(measured(f"edit: {name}", window.frames, edit, arguments.repeats))
        resigning.change_to(signer, plan)
    motion = read_motion(signer)
    new = patch(plan, [CHANGES["finger"][0]], fps=30.0)
    made, window = resample(plan, motion, new)
    rows.append(measured("plan", 0, lambda k: patch(plan, [CHANGES["finger"][0]], fps=30.0), arguments.repeats))
    rows.append(measured("read", motion.num_frames, lambda k: read_motion(signer), arguments.repeats))
    rows.append(measured("make", window.frames, lambda k: resample(plan, motion, new), arguments.repeats))
    both = (made, motion)
    rows.append(measured("key", window.frames, lambda k: key_window(signer, both[k % 2], window.first, window.last, window.old_last), arguments.repeats))
    long = busy_motion(1000)
    rows.append(measured("key 1000 frames", 1000, lambda k: key_motion(signer, long), max(3, arguments.repeats // 2)))
    for found in rows:
        print(json.dumps(found) if arguments.json else "  ".join(f"{k} {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
