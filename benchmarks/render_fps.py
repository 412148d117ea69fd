"""Rendered frames per second for each quality and number of Blender processes.

    python benchmarks/render_fps.py [--size 960x720] [--frames 48] [--workers 1,2,4] [--qualities preview,standard,high]

Each row renders a moving signer to an .mp4 as `signgen render` does. "start" is the time to the first frame (Blender, body, rig, keys), "fps" is
counted from there, so that it holds for long clips. The load of the machine beforehand is printed: on a busy one the numbers mean little.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from headless.render import RenderJob, cores, render
from signgen_core.motion import Motion
from signgen_core.rig import INDEX


def waving(frames: int) -> Motion:
    """Arms, fingers and brows in motion."""
    t = np.arange(frames) / 30.0
    poses = np.zeros((frames, 55, 3))
    poses[:, INDEX["left_shoulder"], 2], poses[:, INDEX["right_shoulder"], 2] = -1.2, 1.2
    poses[:, INDEX["right_elbow"], 1] = 1.6 + 0.5 * np.sin(6.0 * t)
    poses[:, INDEX["left_elbow"], 1] = -1.6 + 0.5 * np.cos(5.0 * t)
    for j in (*range(25, 37), *range(40, 52)):
        poses[:, j, 2] = (-0.6 if j < 40 else 0.6) * (1.0 + np.sin(4.0 * t + j))
    face = np.zeros((frames, 52))
    face[:, 2:5] = (0.5 + 0.5 * np.sin(3.0 * t))[:, None]
    return Motion(poses, np.zeros((frames, 3)), np.zeros(10), np.zeros((frames, 10)), face, 30.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="960x720")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--qualities", default="preview,standard,high")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    print(f"{width}x{height}, {arguments.frames} frames, {cores()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'quality':10} {'processes':>9} {'start s':>8} {'fps':>7} {'s/frame':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for quality in arguments.qualities.split(","):
            frames = arguments.frames if quality != "high" else max(8, arguments.frames // 4)
            for workers in (int(w) for w in arguments.workers.split(",")):
                if quality == "high" and workers > 1:
                    continue  # Cycles uses all cores by itself
                ticks: list[float] = []
                begin = time.perf_counter()
                render(
                    RenderJob(
                        motion=waving(frames), output=Path(folder) / "clip.mp4", size=(width, height), quality=quality, workers=workers,
                        threads=cores(),
                    ),
                    lambda _, ticks=ticks: ticks.append(time.perf_counter()),
                )  # fmt: skip
                # the first round of all processes is their start, the rest is steady
                fps = (len(ticks) - workers) / (ticks[-1] - ticks[workers - 1])
                print(f"{quality:10} {workers:9d} {ticks[0] - begin:8.1f} {fps:7.2f} {1 / fps:8.3f}", flush=True)


if __name__ == "__main__":
    main()
