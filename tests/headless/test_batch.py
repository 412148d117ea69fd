"""`signgen batch` as a command: what it makes, what it says, and what is left when it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from headless.stage import frame_storage
from signgen_core import pipeline
from signgen_core.action import dump_plan, parse_plan
from signgen_core.motion import read_npz, write_npz

pytest.importorskip("bpy")
imageio = pytest.importorskip("imageio.v3")

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--size", "96x72", "--quality", "preview", "--fps", "5", "--workers", "2"]
GROUND = np.array([219, 224, 230])
ROWS = [
    {"id": "hello", "text": "HELLO NAME", "gloss": True, "captions": "gloss"},
    {"text": "HELLO", "gloss": True, "format": "webm", "alpha": True, "sidecars": "poster"},
    "{broken",
    {"id": "frames", "text": "COFFEE", "gloss": True, "format": "png", "sidecars": "none", "seed": 3},
    {"id": "hello", "text": "NAME", "gloss": True},
    {"id": "nosign", "text": "NO-SUCH-SIGN", "gloss": True},
    {"id": "shape", "motion": "shape.npz", "size": "64x64", "over": "ground.png", "sidecars": "json,srt,vtt,eaf"},
    {"id": "torn", "motion": "torn.npz"},
    {"id": "twin", "text": "COFFEE", "gloss": True, "format": "png", "sidecars": "none", "seed": 3},
]
GOOD = {"hello", "000002", "frames", "shape", "twin"}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "headless", "batch", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def batch(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=300, env=environment(), stdin=subprocess.DEVNULL)


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """The last entry of each row."""
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[0] == {"format": "signgen-batch", "version": 1}
    return {line["id"]: line for line in lines[1:]}


def hashes(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file but the manifest, hidden ones too."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.jsonl")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def write_jobs(folder: Path, rows: list[Any] = ROWS) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "jobs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    motion = pipeline.animate(pipeline.plan_text("YES", gloss=True), fps=5.0)
    write_npz(folder / "shape.npz", motion, pipeline.joints(motion))
    (folder / "torn.npz").write_bytes((folder / "shape.npz").read_bytes()[:3000])
    ground = np.zeros((30, 60, 3), np.uint8)
    ground[:] = (10, 120, 40)
    imageio.imwrite(folder / "ground.png", ground)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with jobs.jsonl and what came of it in `out`; what was printed in out.txt and err.txt."""
    folder = tmp_path_factory.mktemp("batch")
    write_jobs(folder)
    done = batch("jobs.jsonl", "-o", "out", *OPTIONS, cwd=folder)
    (folder / "out.txt").write_text(done.stdout)
    (folder / "err.txt").write_text(done.stderr)
    assert done.returncode == 1, done
    return folder


def test_good_rows_are_done_and_bad_ones_named(made: Path) -> None:
    entries = manifest(made / "out")
    assert {name for name, e in entries.items() if e["state"] == "done"} == GOOD
    assert {name: e["error"] for name, e in entries.items() if e["state"] == "failed"} == {
        "line 3": "not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "line 5": "id 'hello': is that of jobs.jsonl:1 already",
        "nosign": entries["nosign"]["error"],
        "torn": entries["torn"]["error"],
    }
    assert "NO-SUCH-SIGN" in entries["nosign"]["error"] and "torn.npz: not a readable npz file" in entries["torn"]["error"]
    said, problems = (made / "out.txt").read_text().splitlines(), (made / "err.txt").read_text().splitlines()
    assert said[-1] == "out: 5 of 9 rows done"
    assert sum("out/videos/" in line for line in said) == 5 and any("9/9" in line and "frames" in line for line in said)
    last = problems[problems.index("error: 4 of 9 rows failed:") + 1 :]
    assert len(last) == 4 and {line.split("(")[1].split(")")[0] for line in last} == {"line 3", "line 5", "nosign", "torn"}


def test_the_manifest_tells_what_was_made(made: Path) -> None:
    entries, found = manifest(made / "out"), hashes(made / "out")
    for name in GOOD:
        entry = entries[name]
        assert entry["seconds"] > 0 and entry["frames"] > 5 and entry["error"] is None and entry["tries"] == 1
        assert {"bpy", "numpy", "python", "code"} <= set(entry["versions"])
        for fact in entry["files"].values():
            path = made / "out" / fact["path"]
            if path.is_file():
                assert found[fact["path"]] == fact["sha256"] and path.stat().st_size == fact["bytes"]
    assert entries["frames"]["seed"] == 3 and entries["hello"]["row"] == 1
    named = {fact["path"] for e in entries.values() for fact in e.get("files", {}).values()}
    assert {p.split("/frames_")[0].split("/twin_")[0] for p in found} == named, "no file that the manifest does not name"
    assert set(os.listdir(made / "out")) == {"manifest.jsonl", "plans", "motions", "videos"}


def test_plans_and_motions_are_those_of_the_single_commands(made: Path) -> None:
    plan = pipeline.plan_text("COFFEE", gloss=True, seed=3)
    assert (made / "out/plans/frames.json").read_text(encoding="utf-8") == dump_plan(plan)
    motion = pipeline.animate(parse_plan(dump_plan(plan)), fps=5.0)
    write_npz(made / "again.npz", motion, pipeline.joints(motion))
    assert (made / "again.npz").read_bytes() == (made / "out/motions/frames.npz").read_bytes()


def test_pictures_show_what_was_asked_for(made: Path) -> None:
    videos = made / "out/videos"
    hello = imageio.imread(videos / "hello.mp4").astype(int)
    motion = read_npz(made / "out/motions/hello.npz")
    assert hello.shape == (motion.num_frames, 72, 96, 3)
    spoken = [s.start <= k / 5 <= s.end for s in motion.segments for k in range(motion.num_frames)]
    assert any(spoken)
    dark = (hello[:, 58:, 40:56].max(axis=-1) < 60).mean(axis=(1, 2))  # the shade behind a caption
    first, last = round(motion.segments[0].start * 5), round(motion.segments[-1].end * 5)
    assert dark[first : last + 1].min() > dark[[0, -1]].max() + 0.1
    frame = imageio.imread(videos / "000002.poster.png")
    assert frame.shape == (72, 96, 4) and frame[2, 2, 3] == 0 and frame[60, 48, 3] == 255
    frames = sorted(os.listdir(videos / "frames"))
    assert frames[0] == "frames_0001.png" and len(frames) == manifest(made / "out")["frames"]["frames"]
    twins = sorted(os.listdir(videos / "twin"))
    assert [(videos / "twin" / t).read_bytes() for t in twins] == [(videos / "frames" / f).read_bytes() for f in frames]
    shape = imageio.imread(videos / "shape.mp4").astype(int)
    assert shape.shape[1:] == (64, 64, 3)
    assert np.abs(shape[0, 32, 2] - (10, 120, 40)).max() < 12, "the picture is under the signer"
    assert shape[0, 2, 2].max() < 12, "a wide picture on a square gets black bars"
    assert np.abs(shape[0, 45:, 40:] - (10, 120, 40)).max() > 60, "the signer stands in the corner"
    sheet = imageio.imread(videos / "hello.sheet.png")
    assert sheet.shape[1] == 2 * 240 and sheet.shape[0] > 180


def test_sidecars_are_there_as_wished(made: Path) -> None:
    videos = made / "out/videos"
    assert {p.name for p in videos.glob("hello*")} == {f"hello.{s}" for s in ("mp4", "srt", "vtt", "eaf", "timing.json", "poster.png", "sheet.png")}
    assert {p.name for p in videos.glob("000002*")} == {"000002.webm", "000002.poster.png"}
    assert {p.name for p in videos.glob("shape*")} == {"shape.mp4", "shape.srt", "shape.vtt", "shape.eaf", "shape.timing.json"}
    timing = json.loads((videos / "hello.timing.json").read_text(encoding="utf-8"))
    assert [s["gloss"] for s in timing["signs"]] == ["HELLO", "NAME"] and timing["media"] == "hello.mp4"
    assert timing["frames"] == manifest(made / "out")["hello"]["frames"]
    assert "HELLO NAME" in (videos / "hello.srt").read_text() and (videos / "hello.vtt").read_text().startswith("WEBVTT\n")
    assert ElementTree.parse(videos / "hello.eaf").getroot().find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL") == "./hello.mp4"


def test_a_second_run_does_only_what_is_left(made: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (made / "out").rglob("*.*") if p.name != "manifest.jsonl"}
    again = batch("jobs.jsonl", "-o", "out", *OPTIONS, "--verify", cwd=made)
    assert again.returncode == 1 and "out: 5 of 9 rows done, 5 of them before" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in (made / "out").rglob("*.*") if p.name != "manifest.jsonl"} == before


def test_killed_at_any_moment_it_goes_on_to_the_same_files(made: Path, tmp_path: Path) -> None:
    write_jobs(tmp_path, [row for row in ROWS if isinstance(row, dict) and row.get("id") in ("frames", "shape", "torn")] + [{**ROWS[1], "id": "000002"}])
    storage = frame_storage()
    arguments = command("jobs.jsonl", "-o", "out", *OPTIONS[:-1], "1")

    def killed_when(ready: Callable[[], bool], kind: int) -> tuple[int, str]:
        process = subprocess.Popen(arguments, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(kind)
        said = process.communicate()[1]
        return process.returncode, said.splitlines()[-1] if said else ""

    path = tmp_path / "out/manifest.jsonl"
    killed_when(lambda: path.exists() and '"animated"' in path.read_text(), signal.SIGKILL)
    assert '"animated"' in path.read_text() and '"done"' not in path.read_text()
    with open(path, "a", encoding="utf-8") as stream:
        stream.write('{"id": "hel')  # half a line, as a kill in the middle of a write leaves it
    status, said = killed_when(lambda: '"done"' in path.read_text(), signal.SIGTERM)
    assert status == 143 and re.fullmatch(r"stopped after [123] of 4 rows; the same command goes on", said)
    assert '"done"' in path.read_text()
    assert not (tmp_path / "out/.unfinished").exists(), "asked to end, it clears up"
    done = batch("jobs.jsonl", "-o", "out", *OPTIONS, cwd=tmp_path)
    assert done.returncode == 1 and "of them before" in done.stdout
    found, wanted = hashes(tmp_path / "out"), hashes(made / "out")
    assert {p.split("/")[1].split(".")[0] for p in found} == {"frames", "shape", "000002"}
    assert found == {p: h for p, h in wanted.items() if p.split("/")[1].split(".")[0] in ("frames", "shape", "000002")}
    assert set(os.listdir(tmp_path / "out")) == {"manifest.jsonl", "plans", "motions", "videos"}
    if storage:
        own = f"signgen-batch-{hashlib.sha256(str((tmp_path / 'out').resolve()).encode()).hexdigest()[:16]}"  # others may be running batches of their own
        assert own not in os.listdir(storage)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["absent.csv", "-o", "new"], 1, "absent.csv: no such file"),
        (["jobs.pdf", "-o", "new"], 1, "unknown suffix '.pdf'; a table of jobs is .csv .tsv .jsonl .txt"),
        (["empty.txt", "-o", "new"], 1, "empty.txt: no line with text"),
        (["odd.csv", "-o", "new"], 1, "odd.csv:1: column 'txt' is unknown"),
        (["one.txt", "-o", "one.txt"], 1, "one.txt: is a file; -o names a folder"),
        (["one.txt", "-o", "other"], 1, "other: is not empty and holds no batch"),
        (["one.txt", "-o", "nowhere/new"], 1, "there is no folder nowhere"),
        (["one.txt", "-o", "new", "--resume", "--overwrite"], 2, "exclude each other"),
        (["one.txt", "-o", "new", "--sidecars", "srt,doc"], 2, "'doc' is not one of srt, vtt, eaf, json, poster, sheet, all, none"),
        (["one.txt", "-o", "new", "--inset", "nan"], 2, "nan is not a number"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_line(run: Callable[..., Any], tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "one.txt").write_text("Hello.\n")
    (tmp_path / "odd.csv").write_text("id,txt\n1,Hello.\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/mine.txt").write_text("x")
    shown = run("batch", *arguments)
    assert (shown.status, shown.out) == (status, "") and words in shown.err and shown.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.txt", "odd.csv", "one.txt", "other"]


def test_overwrite_asks(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text("{bad\n")
    (tmp_path / "out/plans").mkdir(parents=True)
    (tmp_path / "out/plans/a.json").write_text("x")
    (tmp_path / "out/plans/mine.json").write_text("x")
    entry = {"id": "a", "state": "done", "files": {"plan": {"path": "plans/a.json", "sha256": "", "bytes": 1}}, "keys": {}, "frames": 1, "fps": 1}
    (tmp_path / "out/manifest.jsonl").write_text('{"format": "signgen-batch", "version": 1}\n' + json.dumps(entry) + "\n")
    shown = run("batch", "jobs.txt", "-o", "out", "--overwrite", "--until", "plan")
    assert shown.status == 2 and "give --yes too" in shown.err and (tmp_path / "out/plans/a.json").exists()
    shown = run("batch", "jobs.txt", "-o", "out", "--overwrite", "--yes", "--until", "plan", "--gloss", "--workers", "1")
    assert shown.status == 1 and "1 of 1 row failed" in shown.err
    assert not (tmp_path / "out/plans/a.json").exists() and (tmp_path / "out/plans/mine.json").exists()
    assert set(manifest(tmp_path / "out")) == {"000001"}


def test_the_worker_of_a_batch_never_outlives_it(tmp_path: Path) -> None:
    """Standard input that ends is the sign; a scratch folder goes with it."""
    for name in ("scratch/worker0", "memory/worker0"):
        (tmp_path / name).mkdir(parents=True)
    order = {"scratch": str(tmp_path / "scratch/worker0"), "memory": str(tmp_path / "memory/worker0"), "threads": 1, "draws": False}
    worker = subprocess.Popen([sys.executable, "-m", "headless.batch.worker", json.dumps(order)], stdin=subprocess.PIPE, env=environment())
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait(60) == 0
    assert os.listdir(tmp_path) == []
