"""Batches on a Ray cluster: the files of a task travel, and a cluster of two machines that loses one makes what this machine alone would.

The cluster itself is `pytest -m slow`: two Ray nodes on two loopback addresses, started and ended here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from headless.batch import cargo
from headless.batch.cargo import Receiver, Sender
from headless.batch.ray_cluster import Resources, ResourcesType
from headless.batch.ray_seat import Seat
from headless.batch.work import Task
from headless.stage import frame_storage

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--size", "96x72", "--quality", "preview", "--fps", "10", "--workers", "2"]
RAY = ["--executor", "ray", "--address"]
ROWS = [
    *({"id": f"row{k}", "text": "HELLO NAME COFFEE", "gloss": True, "seed": k, "sidecars": "all" if k < 2 else "none"} for k in range(5)),
    {"id": "frames", "text": "COFFEE", "gloss": True, "format": "png", "sidecars": "none"},
    {"id": "over", "motion": "shape.npz", "over": "ground.png", "captions": "gloss", "camera": "near.json", "sidecars": "json"},
    {"id": "torn", "motion": "torn.npz"},
    {"id": "long", "text": "HELLO NAME " * 4, "gloss": True, "fps": 20, "sidecars": "poster"},
]
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra `cluster`)")


# --- Files that travel -------------------------------------------------------------------------------------------------------


def task(folder: Path, kind: str = "finish", **order: Any) -> Task:
    look = {"camera": "signing", "character": None, "over": None}
    return Task("a", kind, {"folder": str(folder), "look": look, "motion_file": "motions/a.npz", "plan_file": None, "pieces": []} | order)


def test_a_task_brings_all_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "PART", 10)
    here, there = tmp_path / "here", tmp_path / "there"
    contents = {"motions/a.npz": b"m" * 25, "plans/a.json": b"{}", "videos/f/1.png": b"1", "videos/f/2.png": b"", "../cam.json": b"cam", "../0.mkv": b"x" * 10}
    for name, content in contents.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content)
    camera, piece = str(tmp_path / "cam.json"), str(tmp_path / "0.mkv")
    look = {"camera": camera, "character": "maya", "over": str(tmp_path / "gone.png")}
    asked = task(here, look=look, plan_file="plans/a.json", pieces=[piece], twin={"video": {"path": "videos/f"}})
    put: list[bytes] = []
    sender = Sender(lambda part: put.append(part) or part, 8)
    parcels = sender.pack(asked)
    assert max(map(len, put)) == 10
    places = Receiver(tmp_path / "files", lambda part: part).unpack(parcels, there)
    moved = cargo.moved(asked, places, str(there), "")
    assert {p.relative_to(there).as_posix(): p.read_bytes() for p in there.rglob("*.*")} == {n: c for n, c in contents.items() if ".." not in n}
    assert Path(moved.order["look"]["camera"]).read_bytes() == b"cam" and moved.order["look"]["camera"] != camera
    assert Path(moved.order["look"]["camera"]).name == "cam.json" and Path(moved.order["pieces"][0]).read_bytes() == b"x" * 10
    assert moved.order["look"]["character"] == "maya" and moved.order["look"]["over"] == look["over"], "presets and what is missing keep their names"
    assert asked.order["look"]["camera"] == camera and moved.order["folder"] == str(there)
    before = len(put)
    assert sender.pack(asked) == parcels and len(put) == before, "what has not changed is put there once"
    (tmp_path / "cam.json").write_bytes(b"another")
    sender.pack(asked)
    assert len(put) == before + 1


def test_a_machine_keeps_what_it_was_sent_last(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "files", lambda part: part, kept=2)
    sender = Sender(lambda part: part, 1)
    places = []
    for k in range(3):
        (tmp_path / f"{k}.json").write_text(str(k))
        places.append(receiver.place(sender.parcel(tmp_path / f"{k}.json", f"{k}.json")))
    receiver.place(sender.parcel(tmp_path / "1.json", "1.json"))
    receiver.forget()
    assert [p.exists() for p in places] == [False, True, True] and len(list((tmp_path / "files").iterdir())) == 2


def test_a_seat_works_with_what_it_is_sent_and_speaks_in_our_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "machine"))
    (tmp_path / "machine").mkdir()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (f"batch-{dead.pid}", f"other-{dead.pid}"):
        (tmp_path / "machine" / name).mkdir()
    (tmp_path / "torn.npz").write_bytes(b"torn")
    source = {"kind": "motion", "name": "torn", "content": "", "path": str(tmp_path / "torn.npz")}
    wishes = {"classifier": None, "encoder": None}
    order = {"folder": str(tmp_path / "out"), "source": source, "wishes": wishes, "body": None, "fps": None, "has_plan": False, "plan_file": ""}
    seat = Seat("batch", True, None, lambda part: part)
    asked = Task("torn", "read", order | {"motion_file": "motions/torn.npz", "until": "motion"})
    said = [word for word in seat.perform(asked, Sender(lambda part: part, 8).pack(asked)) if word[0] != "tick"]
    assert len(said) == 1 and said[0][0] == "failed" and said[0][1].startswith(f"{tmp_path / 'torn.npz'}: not a readable npz file") and said[0][2] is False
    assert {p.name for p in (tmp_path / "machine").iterdir()} == {f"batch-{os.getpid()}", f"other-{dead.pid}"}, "what a dead seat left is gone"
    seat.close()
    assert {p.name for p in (tmp_path / "machine").iterdir()} == {f"other-{dead.pid}"}
    assert not (frame_storage() or tmp_path).joinpath(f"batch-{os.getpid()}").exists()
    assert [word[0] for word in seat.perform(asked, [])] == ["lost"], "a seat that has left does nothing"


# --- What is asked for, and what cannot be -----------------------------------------------------------------------------------


def test_resources() -> None:
    read = ResourcesType().convert
    assert read("cpu=2, gpu=0.25,memory=1.5,blender=1", None, None) == Resources(2.0, 0.25, 1.5, {"blender": 1.0})
    assert read("gpu=1", None, None).wanted() == {"CPU": 1.0, "GPU": 1.0} and str(read("cpu=0,x=2", None, None)) == "x=2"
    for wrong in ("", "cpu", "cpu=x", "cpu=-1", "cpu=nan", "cpu=inf", "cpu=1,cpu=2", "=1", "cpu=0"):
        with pytest.raises(click.UsageError):
            read(wrong, None, None)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--address", "127.0.0.1:1"], 2, "--address and --resources go with --executor ray"),
        (["--executor", "ray", "--resources", "cpu=x"], 2, "'cpu=x' is not a resource such as cpu=1"),
        pytest.param([*RAY, "somewhere"], 1, "--address somewhere: not HOST:PORT", marks=needs_ray),
        pytest.param([*RAY, "ray://127.0.0.1:1"], 1, "not HOST:PORT", marks=needs_ray),
        pytest.param([*RAY, "127.0.0.1:1"], 1, "no Ray cluster at 127.0.0.1:1: Connection refused", marks=needs_ray),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_line(run: Callable[..., Any], tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    (tmp_path / "one.txt").write_text("Hello.\n")
    shown = run("batch", "one.txt", "-o", "new", *arguments)
    assert (shown.status, shown.out) == (status, "") and words in shown.err and shown.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["one.txt"]


def test_without_ray_it_says_how_to_get_it(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "one.txt").write_text("Hello.\n")
    shown = run("batch", "one.txt", "-o", "new", *RAY, "127.0.0.1:1")
    assert shown.status == 1 and "pip install 'signgen[cluster]'" in shown.err and shown.err.count("\n") == 1


# --- A cluster ---------------------------------------------------------------------------------------------------------------


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", **more}


class Nodes:
    """A Ray cluster on loopback; each node is a process group of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address, self._log, self._groups = f"127.0.0.1:{self.port}", folder / "nodes.txt", []
        self._temp = tempfile.mkdtemp(prefix="ray-")  # the names of its sockets have to be short
        self.start("--head", f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self._temp}")

    def start(self, *arguments: str, host: str = "127.0.0.1", **more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", *arguments, f"--node-ip-address={host}", "--block"]
        limits = ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"]
        with open(self._log, "ab") as log:
            group = subprocess.Popen([*command, *limits], env=environment(**more), stdout=log, stderr=log, start_new_session=True)
        self._groups.append(group)
        self._await(len([g for g in self._groups if g.poll() is None]), group)
        return group

    def join(self, **more: str) -> subprocess.Popen[bytes]:
        return self.start(f"--address={self.address}", host="127.0.0.2", **more)

    def _await(self, count: int, group: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 90
        while self._log.read_text(errors="replace").count("Ray runtime started") < len(self._groups):
            assert group.poll() is None and time.monotonic() < deadline, self._log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)

    def kill(self, group: subprocess.Popen[bytes]) -> None:
        if group.poll() is None:
            os.killpg(group.pid, signal.SIGKILL)
            group.wait()

    def close(self) -> None:
        import shutil

        for group in reversed(self._groups):
            self.kill(group)
        shutil.rmtree(self._temp, ignore_errors=True)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path)
    yield nodes
    nodes.close()


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    import numpy as np
    from imageio import v3 as imageio

    from signgen_core import pipeline
    from signgen_core.camera import CAMERAS_DIR
    from signgen_core.motion import write_npz

    motion = pipeline.animate(pipeline.plan_text("YES", gloss=True), fps=10.0)
    write_npz(tmp_path / "shape.npz", motion, pipeline.joints(motion))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "shape.npz").read_bytes()[:3000])
    (tmp_path / "near.json").write_bytes((CAMERAS_DIR / "signing.json").read_bytes())
    imageio.imwrite(tmp_path / "ground.png", np.full((30, 60, 3), 90, np.uint8))
    (tmp_path / "jobs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def start(folder: Path, out: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "headless", "batch", "jobs.jsonl", "-o", out, *OPTIONS, *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hashes(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.jsonl")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def await_state(folder: Path, state: str, process: subprocess.Popen[str]) -> None:
    path, deadline = folder / "manifest.jsonl", time.monotonic() + 180
    while not (path.exists() and f'"{state}"' in path.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


def left() -> set[str]:
    """Folders of batches on the machines, which all are this one."""
    found = [p.name for folder in {Path(tempfile.gettempdir()), frame_storage() or Path(tempfile.gettempdir())} for p in folder.glob("signgen-batch-*-*")]
    return set(found)


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_loses_a_machine_makes_the_same_files(nodes: Nodes, jobs: Path) -> None:
    pytest.importorskip("bpy")
    before = left()
    second = nodes.join()
    batch = start(jobs, "ray", *RAY, nodes.address)
    await_state(jobs / "ray", "done", batch)
    nodes.kill(second)
    out, err = batch.communicate(timeout=500)
    assert batch.returncode == 1, err
    assert out.splitlines()[-1] == "ray: 8 of 9 rows done" and "error: 1 of 9 rows failed:" in err and "torn.npz: not a readable npz" in err
    assert re.search(r"machine 127\.0\.0\.2 of the cluster .*; tried once more", err), err
    assert "raylet" not in out + err and "Traceback" not in err
    alone = start(jobs, "alone")
    assert "8 of 9 rows done" in alone.communicate(timeout=500)[0]
    assert hashes(jobs / "ray") == hashes(jobs / "alone") and any(name.endswith("long.mp4") for name in hashes(jobs / "ray"))
    assert left() <= before | {name for name in left() if not _alive(name)}, "only what the killed machine left"
    assert sorted(os.listdir(jobs / "ray")) == ["manifest.jsonl", "motions", "plans", "videos"]


def _alive(name: str) -> bool:
    try:
        os.kill(int(name.rpartition("-")[2]), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@needs_ray
def test_a_batch_on_a_cluster_is_stopped_and_goes_on(nodes: Nodes, jobs: Path) -> None:
    pytest.importorskip("bpy")
    before = left()
    batch = start(jobs, "ray", *RAY, nodes.address)
    await_state(jobs / "ray", "done", batch)
    batch.send_signal(signal.SIGTERM)
    _, err = batch.communicate(timeout=60)
    assert batch.returncode == 143 and "the same command goes on" in err
    assert left() == before and not (jobs / "ray/.unfinished").exists(), "asked to end, it clears up on all machines"
    again = start(jobs, "ray", *RAY, nodes.address)
    await_state(jobs / "ray", "failed", again)
    again.kill()
    again.communicate()
    last = start(jobs, "ray", "--until", "motion", *RAY, nodes.address)
    assert "8 of 9 rows done" in last.communicate(timeout=300)[0]


@pytest.mark.slow
@needs_ray
def test_a_machine_with_other_signs_or_no_room_is_named(nodes: Nodes, jobs: Path) -> None:
    batch = start(jobs, "ray", *RAY, nodes.address, "--resources", "cpu=1,blender=1")
    assert f"no machine of the Ray cluster at {nodes.address} has cpu=1,blender=1" in batch.communicate(timeout=60)[1] and batch.returncode == 1
    (jobs / "data/signgen/signs").mkdir(parents=True)
    (jobs / "data/signgen/signs/mine.json").write_text("{}")
    nodes.join(XDG_DATA_HOME=str(jobs / "data"), SIGNGEN_DATA=str(jobs / "data/signgen"))
    batch = start(jobs, "ray", *RAY, nodes.address)
    _, err = batch.communicate(timeout=120)
    assert batch.returncode == 1 and re.search(r"machine 127\.0\.0\.2 of the Ray cluster: another version is installed there: code \w+ in place", err), err
    assert err.count("\n") == 1
