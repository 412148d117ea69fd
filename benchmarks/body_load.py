"""Times the default body: building it from the data files, loading the cached file, posing one frame.

    python benchmarks/body_load.py [--runs N]

Prints medians in seconds. The build goes to a temporary cache, so the user's own is left alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from signgen_core.body import load_body
from signgen_core.body.load import CACHE_VARIABLE, cache_folder, default_body_file


def _median(action: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="builds to time (loads: ten times as many)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder

        def build() -> None:
            for old in Path(cache_folder()).glob("*.npz"):
                old.unlink()
            default_body_file()

        print(f"build   {_median(build, runs):7.3f} s  (median of {runs})")
        print(f"load    {_median(load_body, 10 * runs):7.3f} s  (median of {10 * runs})")
        body = load_body()
        poses = np.random.default_rng(0).normal(scale=0.2, size=(1, 55, 3))
        face = np.full((1, 52), 0.1)
        print(f"pose    {_median(lambda: body.vertices(poses), 10 * runs):7.4f} s a frame, {body.num_vertices} vertices")
        print(f"+ face  {_median(lambda: body.vertices(poses, face=face), 10 * runs):7.4f} s a frame, all 52 shapes on")
        print(f"file    {default_body_file().stat().st_size / 1e6:7.2f} MB")


if __name__ == "__main__":
    main()
