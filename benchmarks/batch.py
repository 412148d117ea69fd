"""A batch of hundreds of rows under hard conditions, and how fast and how large its workers are.

    python benchmarks/batch.py rows [--rows 200 --kills 3 --seed 0]    one run undisturbed, one killed with SIGKILL and resumed; compared byte for byte
    python benchmarks/batch.py speed [--workers 4 --size 960x720]      N single-threaded workers, one of them, and Blender's own render(animation=True)
    python benchmarks/batch.py memory [--clips 100]                    resident memory of each worker over many clips of many shapes

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
        texts = ["HELLO NAME fs-ANNA", "IX-1 LIKE COFFEE", "WHERE IX-2 LIVE", "THANK-YOU HELP IX-1"]
        (folder / "jobs.jsonl").write_text("\n".join(json.dumps({"text": t, "gloss": True}) for t in texts * options.repeat), encoding="utf-8")
        shared = ["--quality", options.quality, "--size", options.size, "--sidecars", "none"]
        batch(folder, "jobs.jsonl", "-o", "warm", *shared, "--until", "motion")
        print(f"load of the machine beforehand: {os.getloadavg()[0]:.1f}")
        rates: dict[str, float] = {}
        for workers in (options.workers, 1):
            place = f"out{workers}"
            batch(folder, "jobs.jsonl", "-o", place, *shared, "--until", "motion")  # reading is not what is measured
            began = time.perf_counter()
            done = batch(folder, "jobs.jsonl", "-o", place, *shared, "--workers", str(workers))
            took = time.perf_counter() - began
            entries = [json.loads(line) for line in (folder / place / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
            frames = sum(e["frames"] for e in entries if e["state"] == "done")
            rates[place] = frames / took
            print(f"{workers} workers    {took:7.1f} s for {frames} frames, {frames / took:6.2f} frames/s  (status {done.returncode})")
        took, count = plain(folder / f"out{options.workers}/motions/000001.npz", options)
        print(f"plain        {took:7.1f} s for {count} frames, {count / took:6.2f} frames/s  render(animation=True), one process, all cores")
        many, one = rates[f"out{options.workers}"], rates["out1"]
        print(f"{options.workers} workers are {many / one / options.workers:.2f} x {options.workers} of one, and {many * took / count:.2f} of plain")


def plain(motion_file: Path, options: argparse.Namespace) -> tuple[float, int]:
    """Seconds and frames of Blender's own animation render of the same scene to H.264, in a process of its own with all cores."""
    code = (
        "import sys, time, json\nfrom pathlib import Path\nfrom headless.stage import Stage, quiet\nfrom signgen_core.camera import read_camera\n"
        "from signgen_core.motion import read_npz\n"
        "motion = read_npz(sys.argv[1]); width, height = map(int, sys.argv[2].split('x'))\n"
        "with Stage(size=(width, height), quality=sys.argv[3]) as stage:\n"
        "    stage.load(motion, read_camera('signing'))\n"
        "    scene = stage.scene; settings = scene.render.image_settings\n"
        "    scene.frame_start, scene.frame_end = 1, motion.num_frames\n"
        "    settings.media_type = 'VIDEO'; settings.file_format = 'FFMPEG'\n"
        "    scene.render.ffmpeg.format = 'MPEG4'; scene.render.ffmpeg.codec = 'H264'; scene.render.filepath = sys.argv[4]\n"
        "    began = time.perf_counter()\n"
        "    with quiet():\n"
        "        stage._bpy.ops.render.render(animation=True)\n"
        "    print(json.dumps([time.perf_counter() - began, motion.num_frames]))\n"
    )
    clean = {k: v for k, v in environment().items() if k not in ("LP_NUM_THREADS", "OMP_NUM_THREADS")}
    arguments = [sys.executable, "-c", code, str(motion_file), options.size, options.quality, str(motion_file.with_suffix(".plain.mp4"))]
    done = subprocess.run(arguments, env=clean, capture_output=True, text=True, check=True)
    took, count = json.loads(done.stdout.splitlines()[-1])
    return float(took), int(count)


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
    part = parts.add_parser("speed")
    part.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    part.add_argument("--size", default="960x720")
    part.add_argument("--quality", default="preview")
    part.add_argument("--repeat", type=int, default=2, help="of four sentences")
    part.set_defaults(work=speed)
    part = parts.add_parser("memory")
    part.add_argument("--clips", type=int, default=100)
    part.add_argument("--workers", type=int, default=2)
    part.set_defaults(work=memory)
    options = parser.parse_args()
    options.work(options)


if __name__ == "__main__":
    main()
