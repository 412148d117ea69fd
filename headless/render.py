"""Motion to video: `render(RenderJob(...))` writes .mp4, .webm, .gif or numbered .png frames, whole or not at all.

Frames are drawn by one Blender process or several (each takes every n-th frame) and go straight into one ffmpeg, so that drawing and encoding
overlap and the result does not depend on the number of processes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headless.inputs import check_output
from headless.stage import Stage, frame_storage
from headless.video import write_pngs, write_video
from signgen_core.camera import DEFAULT_CAMERA, read_camera
from signgen_core.character import choose_character
from signgen_core.errors import InputError, MachineError
from signgen_core.kinematics.resample import resample
from signgen_core.motion import Motion, read_npz, write_npz
from signgen_core.rig import POINT_NAMES

SUFFIXES = (".mp4", ".webm", ".gif", ".png")
_WITH_ALPHA = (".webm", ".png")
_SMALLEST, _LARGEST = 16, 8192
_FRAMES_PER_WORKER = 45  # a second process is worth its two seconds of start only beyond this many frames each
_MOST_WORKERS = 8  # each holds half a gigabyte
_log = logging.getLogger("signgen")


@dataclass(frozen=True)
class RenderJob:
    """What to render and how.

    motion: resampled where its rate is not `fps` (None: its own). output: the suffix decides; `x.png` becomes x_0001.png, x_0002.png ...
    size: (width, height) pixels. engine: auto, workbench, cycles, eevee. quality: preview, standard, high. camera: preset name or .json file.
    character: preset name, .json file, "default" or a body .npz. alpha: transparent background (.png, .webm). threads: cores to use, 0 for all.
    workers: Blender processes, 0 to choose by length and cores. background: sRGB in [0, 1], None for the studio's.
    """

    motion: Motion
    output: str | Path
    size: tuple[int, int] = (960, 720)
    fps: float | None = None
    engine: str = "auto"
    quality: str = "standard"
    camera: str = DEFAULT_CAMERA
    character: str | None = None
    alpha: bool = False
    threads: int = 0
    workers: int = 0
    background: tuple[float, float, float] | None = None


def check_job(job: RenderJob) -> None:
    """Raises what can be known before any work: OutputError for the place, InputError for sizes, unknown words and formats without alpha."""
    path = Path(job.output)
    check_output(path, SUFFIXES)
    suffix = path.suffix.lower()
    for side, name in zip(job.size, ("width", "height"), strict=True):
        if not _SMALLEST <= side <= _LARGEST:
            raise InputError(f"size: {name} {side} is not between {_SMALLEST} and {_LARGEST} pixels")
        if suffix in (".mp4", ".webm") and side % 2:
            raise InputError(f"size: {name} {side} is odd; {suffix} needs even numbers")
    if job.alpha and suffix not in _WITH_ALPHA:
        raise InputError(f"alpha: {suffix} has no transparency; use {' or '.join(_WITH_ALPHA)}")
    if job.threads < 0 or job.workers < 0:
        raise InputError("threads and workers: must not be negative")
    if job.quality not in ("preview", "standard", "high"):
        raise InputError(f"quality {job.quality!r}: unknown; known are preview, standard, high")
    if job.engine not in ("auto", "workbench", "cycles", "eevee"):
        raise InputError(f"engine {job.engine!r}: unknown; known are auto, workbench, cycles, eevee")
    read_camera(job.camera)
    choose_character(job.character)


def render(job: RenderJob, progress: Callable[[float], None] | None = None) -> Path:
    """Renders a job and returns the file written (of a .png sequence the first frame).

    progress: called with the fraction done, 0 to 1. Raises what `check_job` raises, before rendering; MachineError where Blender or ffmpeg fail,
    OutputError where the result cannot be written. Nothing half-written is left.
    """
    check_job(job)
    motion = job.motion if job.fps is None else resample(job.motion, job.fps)
    job = replace(job, motion=motion)
    output = Path(job.output)
    with contextlib.closing(_counted(_frames(job), motion.num_frames, progress)) as frames:
        if output.suffix.lower() == ".png":
            return write_pngs(frames, output)
        return write_video(frames, output, job.size, motion.fps, alpha=job.alpha)


def _counted(frames: Generator[np.ndarray, None, None], total: int, progress: Callable[[float], None] | None) -> Generator[np.ndarray, None, None]:
    with contextlib.closing(frames):
        for done, frame in enumerate(frames, 1):
            yield frame
            if progress is not None:
                progress(done / total)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _worker_count(job: RenderJob) -> int:
    if job.workers:
        return min(job.workers, job.motion.num_frames)
    # Cycles uses every core well by itself; only the software rasteriser gains from more processes
    if job.engine == "cycles" or (job.engine == "auto" and job.quality == "high"):
        return 1
    return max(1, min(job.threads or cores(), job.motion.num_frames // _FRAMES_PER_WORKER, _MOST_WORKERS))


def _frames(job: RenderJob) -> Generator[np.ndarray, None, None]:
    """(height, width, 3 or 4) uint8 of every frame in order."""
    workers = _worker_count(job)
    if workers == 1:
        return _frames_here(job, range(job.motion.num_frames))
    return _frames_by_workers(job, workers)


def _frames_here(job: RenderJob, chosen: range, warn: bool = True, scratch: Path | None = None) -> Generator[np.ndarray, None, None]:
    with Stage(
        size=job.size, quality=job.quality, engine=job.engine, character=job.character, background=job.background, alpha=job.alpha,
        threads=job.threads, scratch=scratch,
    ) as stage:  # fmt: skip
        view = stage.load(job.motion, read_camera(job.camera))
        if warn and not view.framing.ok:
            _log.warning("camera %s: %s, even from further away", job.camera, view.framing)
        elif warn and view.moved > 0.0:
            _log.info("camera %s: %s; moved back %.2f m", job.camera, view.before, view.moved)
        for frame in chosen:
            yield stage.shoot(frame)


# --- Several processes -------------------------------------------------------------------------------------------------------


def _frames_by_workers(job: RenderJob, workers: int) -> Generator[np.ndarray, None, None]:
    """The same frames, drawn by `workers` processes: process k draws frames k, k + workers, ... and writes raw pixels to its pipe, which
    holds it back when it is ahead."""
    channels = 4 if job.alpha else 3
    count = job.size[0] * job.size[1] * channels
    threads = max(1, (job.threads or cores()) // workers)
    # the children pass their frames through this folder, so that nothing stays behind when they are killed
    with tempfile.TemporaryDirectory(prefix="signgen-", dir=frame_storage()) as folder:
        motion_file = Path(folder) / "motion.npz"
        write_npz(motion_file, job.motion, np.zeros((job.motion.num_frames, len(POINT_NAMES), 3)))
        order = {
            "motion": str(motion_file), "size": job.size, "engine": job.engine, "quality": job.quality, "camera": str(job.camera),
            "character": None if job.character is None else str(job.character), "alpha": job.alpha, "threads": threads,
            "background": job.background, "step": workers, "scratch": folder,
        }  # fmt: skip
        children: list[subprocess.Popen[bytes]] = []
        logs: list[Any] = []
        try:
            for k in range(workers):
                # a file, not a pipe: nobody reads the log of a healthy child, and a full pipe would stop it
                logs.append(open(Path(folder) / f"log{k}", "w+b"))  # noqa: SIM115
                children.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "headless.render", json.dumps({**order, "start": k})],
                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=logs[k],
                        env={**_child_environment(), "TMPDIR": folder},  # Blender's own scratch folder, too
                    )  # fmt: skip
                )
            for frame in range(job.motion.num_frames):
                child = children[frame % workers]
                assert child.stdout is not None
                raw = child.stdout.read(count)
                if len(raw) != count:
                    child.wait()
                    raise MachineError(f"rendering stopped at frame {frame}: {_last_line(logs[frame % workers])}")
                yield np.frombuffer(raw, dtype=np.uint8).reshape(job.size[1], job.size[0], channels)
        finally:
            for child in children:
                child.kill()
                if child.stdout is not None:
                    child.stdout.close()
                child.wait()
            for log in logs:
                log.close()


def _child_environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}


def _last_line(log: Any) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "the rendering process ended without a word"


def _work(order: dict[str, Any]) -> None:
    """The life of a worker process: raw pixels to what was standard output, everything else that is printed to the log."""
    pixels = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    motion = read_npz(order["motion"])
    job = RenderJob(
        motion=motion, output="frames.png", size=tuple(order["size"]), engine=order["engine"], quality=order["quality"], camera=order["camera"],
        character=order["character"], alpha=order["alpha"], threads=order["threads"], background=order["background"],
    )  # fmt: skip
    with pixels:
        for frame in _frames_here(job, range(order["start"], motion.num_frames, order["step"]), warn=order["start"] == 0, scratch=Path(order["scratch"])):
            pixels.write(frame.tobytes())


if __name__ == "__main__":
    _work(json.loads(sys.argv[1]))
