"""A batch of hundreds of rows under hard conditions, and how fast and how large its workers are.

    python benchmarks/batch.py rows [--rows 200 --kills 3 --seed 0]    one run undisturbed, one killed with SIGKILL and resumed; compared byte for byte
    python benchmarks/batch.py speed [--workers 4 --size 960x720]      N single-threaded workers, one of them, Blender's own render(animation=True); SSIM
    python benchmarks/batch.py memory [--clips 100]                    resident memory of each worker over many clips of many shapes
    python benchmarks/batch.py both                                    `speed` and `memory` in one run

Each prints a table. Nothing else should run beside `speed`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from signgen_core import pipeline
from signgen_core.action import dump_plan
from signgen_core.motion import write_npz
from signgen_core.phonology.lexicon import load_lexicon

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--size", "160x120", "--quality", "preview", "--fps", "6"]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "headless", "batch", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}


def batch(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=folder, env=environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def mixed_rows(folder: Path, count: int, seed: int) -> int:
    """Writes `jobs.jsonl` of texts, gloss notation, plans and motions, a tenth of them broken in ways of their own; returns how many are broken."""
    draw = random.Random(seed)
    glosses = sorted(load_lexicon().glosses)
    rows: list[Any] = []
    broken = 0
    faults: list[Any] = [
        "{torn", {"text": ""}, {"txt": "Hello."}, {"text": "NO-SUCH-SIGN", "gloss": True}, {"plan": "absent.json"}, {"motion": "torn.npz"},
        {"text": "Hello.", "size": "3x3"}, {"text": "Hello.", "id": "../up"}, {"text": "Hello.", "camera": "moon"}, {"text": "Hello.", "over": "no.mp4"},
        {"plan": "torn.json"}, {"text": "Hello.", "fps": "nan"},
    ]  # fmt: skip
    (folder / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    (folder / "torn.json").write_text('{"version": 1, "actions": [{"gloss_id": 5}]}')
    for k in range(count):
        notation = " ".join(draw.sample(glosses, draw.choice((1, 1, 2))))
        row: dict[str, Any] = {"id": f"r{k:03d}", "seed": draw.randrange(100)}
        if k % 10 == 7:
            fault = faults[broken % len(faults)]
            broken += 1
            rows.append(fault if isinstance(fault, str) else {"id": row["id"]} | fault)
            continue
        kind = k % 5
        if kind == 0:
            row |= {"text": draw.choice(["Nice to meet you.", "Where do you live?", "I like coffee.", "My name is Anna.", "Thank you!", "Do you understand?"])}
        elif kind == 3:
            (folder / f"{k}.json").write_text(dump_plan(pipeline.plan_text(notation, gloss=True)), encoding="utf-8")
            row |= {"plan": f"{k}.json"}
        elif kind == 4:
            motion = pipeline.animate(pipeline.plan_text(notation, gloss=True), fps=6.0)
            write_npz(folder / f"{k}.npz", motion, pipeline.joints(motion))
            row = {"id": row["id"], "motion": f"{k}.npz"}
        else:
            row |= {"text": notation, "gloss": True}
        row |= draw.choice([{}, {}, {"captions": "gloss"}, {"format": "webm", "alpha": True}, {"size": "120x160"}, {"character": "anna"}])
        rows.append(row)
    (folder / "jobs.jsonl").write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows) + "\n", encoding="utf-8")
    return broken


def hashes(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.jsonl"
    }


def states(folder: Path) -> dict[str, str]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    return {entry["id"]: entry["state"] for entry in map(json.loads, lines)}


def rows(options: argparse.Namespace) -> None:
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        broken = mixed_rows(folder, options.rows, options.seed)
        began = time.perf_counter()
        whole = batch(folder, "jobs.jsonl", "-o", "whole", *SMALL)
        took = time.perf_counter() - began
        found = states(folder / "whole")
        done, failed = (list(found.values()).count(state) for state in ("done", "failed"))
        print(f"undisturbed  {took:6.0f} s  status {whole.returncode}  {done} done, {failed} failed")
        print("  " + whole.stderr.strip().replace("\n", "\n  "))
        assert (done, failed) == (options.rows - broken, broken), whole
        for k in range(options.kills):
            process = subprocess.Popen(
                command("jobs.jsonl", "-o", "killed", *SMALL), cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(draw.uniform(0.1, 0.6) * took)
            process.send_signal(signal.SIGKILL)
            process.wait()
            done = list(states(folder / "killed").values()).count("done")
            print(f"kill {k + 1}       {done} done so far")
        began = time.perf_counter()
        last = batch(folder, "jobs.jsonl", "-o", "killed", *SMALL)
        print(f"resumed      {time.perf_counter() - began:6.0f} s  status {last.returncode}  {last.stdout.splitlines()[-1]}")
        first, second = hashes(folder / "whole"), hashes(folder / "killed")
        for kind in ("plans/", "motions/", "videos/"):
            ours = {p: h for p, h in first.items() if p.startswith(kind)}
            same = sum(second.get(p) == h for p, h in ours.items())
            print(f"{kind:12s} {same} of {len(ours)} files the same, {sum(p.startswith(kind) for p in second)} there")
        assert first == second and states(folder / "killed") == found


def speed(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        draw, glosses = random.Random(0), sorted(load_lexicon().glosses)
        texts = [" ".join(draw.sample(glosses, 3)) for _ in range(options.rows)]
        (folder / "jobs.jsonl").write_text("\n".join(json.dumps({"text": t, "gloss": True}) for t in texts), encoding="utf-8")
        print(f"load of the machine beforehand: {os.getloadavg()[0]:.1f}; {options.size}; times of batches hold the start of their processes")
        many = f"{options.workers} workers"
        rates = {
            ("standard", many): drawn(folder, options, "standard", options.workers),
            ("preview", many): drawn(folder, options, "preview", options.workers),
            ("preview", "one of them"): drawn(folder, options, "preview", 1, alone=True),
        }
        motion = folder / "out0/motions/000001.npz"
        for quality in ("standard", "preview"):
            rates[quality, "plain"] = plain(motion, options, quality)
        rates["its 8 samples", "plain"] = plain(motion, options, "standard", samples="8")
        for (quality, who), rate in rates.items():
            print(f"{quality:14s} {who:12s} {rate:6.2f} frames/s")
        whole = rates["standard", "plain"]
        print(f"{many} are {rates['preview', many] / rates['preview', 'one of them'] / options.workers:.2f} x {options.workers} of one of them")
        same = [f"{rates[quality, many] / rates[quality, 'plain']:.2f} x plain {quality}" for quality in ("standard", "preview")]
        print(f"{many} at the same settings are {' and '.join(same)}; preview is {rates['preview', many] / whole:.2f} x plain standard and"
              f" {rates['preview', many] / rates['its 8 samples', 'plain']:.2f} x plain with Blender's own anti-aliasing")  # fmt: skip
        stills(motion, options, folder / "plain", "standard", whole=True)
        stills(motion, options, folder / "preview", "preview")
        print(f"preview against plain standard, both at {options.size}: {ssim(folder / 'plain', folder / 'preview')}")


def drawn(folder: Path, options: argparse.Namespace, quality: str, workers: int, alone: bool = False) -> float:
    """Frames a second of a batch of which the motions stand already. alone: the whole command on one core, as each of several workers is."""
    place = folder / f"out{len(list(folder.glob('out*')))}"
    shared = ["--quality", quality, "--size", options.size, "--sidecars", "none"]
    batch(folder, "jobs.jsonl", "-o", place.name, *shared, "--until", "motion")  # reading is not what is measured
    cores = sorted(os.sched_getaffinity(0))
    began = time.perf_counter()
    try:
        if alone:
            os.sched_setaffinity(0, cores[:1])  # for those that are started from here
        done = batch(folder, "jobs.jsonl", "-o", place.name, *shared, "--workers", str(workers))
    finally:
        os.sched_setaffinity(0, cores)
    took = time.perf_counter() - began
    entries = [json.loads(line) for line in (place / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
    assert done.returncode == 0, done.stderr
    return sum(e["frames"] for e in entries if e["state"] == "done") / took


# Blender with our scene on the stage, in a process of its own with all cores: arguments are motion, size, quality, and what follows.
_STAGE = """
import json, sys, time
from pathlib import Path
from headless.stage import Stage, quiet
from signgen_core.camera import read_camera
from signgen_core.motion import read_npz
motion, size, quality, *rest = sys.argv[1:]
motion, size = read_npz(motion), tuple(map(int, size.split("x")))
with Stage(size=size, quality=quality) as stage:
    stage.load(motion, read_camera("signing"))
    render = stage.scene.render
"""
_PLAIN = """
    samples, file = rest
    if samples:
        stage.scene.display.render_aa = samples
        render.resolution_x, render.resolution_y = size
    stage.scene.frame_start, stage.scene.frame_end = 1, motion.num_frames
    render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format, render.ffmpeg.format, render.ffmpeg.codec, render.filepath = "FFMPEG", "MPEG4", "H264", file
    began = time.perf_counter()
    with quiet():
        stage._bpy.ops.render.render(animation=True)
    print(json.dumps(motion.num_frames / (time.perf_counter() - began)))
"""
_STILLS = """
    from PIL import Image
    stage._crops = stage._crops and rest[1] == "part"
    Path(rest[0]).mkdir()
    for k, frame in enumerate(range(0, motion.num_frames, 12)):
        Image.fromarray(stage.shoot(frame)).save(Path(rest[0]) / f"{k:03d}.png")
"""


def on_stage(code: str, *arguments: object) -> str:
    clean = {k: v for k, v in environment().items() if k not in ("LP_NUM_THREADS", "OMP_NUM_THREADS")}
    return subprocess.run([sys.executable, "-c", _STAGE + code, *map(str, arguments)], env=clean, capture_output=True, text=True, check=True).stdout


def plain(motion: Path, options: argparse.Namespace, quality: str, samples: str = "") -> float:
    """Frames a second of Blender's own animation render of the same scene to H.264, its start left out.

    samples: Blender's own anti-aliasing, at the size of the video; else all the pixels that the quality draws, which have yet to be averaged.
    """
    return float(on_stage(_PLAIN, motion, options.size, quality, samples, motion.with_suffix(".plain.mp4")).splitlines()[-1])


def stills(motion: Path, options: argparse.Namespace, folder: Path, quality: str, whole: bool = False) -> None:
    """Every twelfth frame, averaged to the size of the video. whole: every pixel drawn by Blender, as the plain render does."""
    on_stage(_STILLS, motion, options.size, quality, folder, "whole" if whole else "part")


def ssim(first: Path, second: Path) -> str:
    """ffmpeg's structural similarity of two folders of frames."""
    import imageio_ffmpeg

    inputs = [word for folder in (first, second) for word in ("-i", str(folder / "%03d.png"))]
    said = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *inputs, "-lavfi", "ssim", "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    return next(line.partition("] ")[2] for line in reversed(said.splitlines()) if "SSIM" in line)


def memory(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        base = pipeline.animate(pipeline.plan_text("HELLO", gloss=True), fps=4.0)
        shapes = np.random.default_rng(0).normal(scale=0.8, size=(options.clips, 10))
        lines = []
        for k, betas in enumerate(shapes):
            motion = replace(base, betas=betas)
            write_npz(folder / f"{k}.npz", motion, pipeline.joints(motion))
            lines.append({"motion": f"{k}.npz"} if k % 2 else {"text": "Where do you live?", "seed": k})
        (folder / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        process = subprocess.Popen(
            command("jobs.jsonl", "-o", "out", *SMALL, "--workers", str(options.workers)), cwd=folder, env=environment(), stdout=subprocess.DEVNULL
        )
        seen: dict[int, list[float]] = {}
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(1.0):
                for child in (Path("/proc") / str(process.pid) / "task" / str(process.pid) / "children").read_text().split():
                    try:
                        pages = int((Path("/proc") / child / "statm").read_text().split()[1])
                    except (OSError, IndexError):
                        continue
                    if pages:  # one that has just ended has none
                        seen.setdefault(int(child), []).append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        process.wait()
        stop.set()
        print("worker      MB: after a quarter, half, the end; at most")
        for child, sizes in seen.items():
            if len(sizes) > 8:
                print(f"{child:8d}  {sizes[len(sizes) // 4]:8.0f} {sizes[len(sizes) // 2]:8.0f} {sizes[-1]:8.0f} {max(sizes):8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="where the work is done  [default: the temporary folder]")
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("rows")
    part.add_argument("--rows", type=int, default=200)
    part.add_argument("--kills", type=int, default=3)
    part.add_argument("--seed", type=int, default=0)
    part.set_defaults(work=rows)
    for name, work in (("speed", speed), ("memory", memory), ("both", lambda options: (speed(options), memory(options)))):
        part = parts.add_parser(name)
        part.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
        if name != "memory":
            part.add_argument("--size", default="960x720")
            part.add_argument("--rows", type=int, default=12, help="sentences of three signs")
        if name != "speed":
            part.add_argument("--clips", type=int, default=100)
        part.set_defaults(work=work)
    options = parser.parse_args()
    options.work(options)


if __name__ == "__main__":
    main()
