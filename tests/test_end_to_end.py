"""The whole walk through the real command: text, plan, motion, video, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core.motion import read_npz

TEXT = "Hello, my name is Anna. Where do you live?"
SIZE, FPS = (160, 120), 10
RENDER = ["--size", f"{SIZE[0]}x{SIZE[1]}", "--fps", str(FPS), "--quality", "preview"]


def signgen(*arguments: str | Path, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command; it has to succeed and to be quiet on standard error, which is no terminal here."""
    done = subprocess.run(
        [sys.executable, "-m", "headless", *map(str, arguments)], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and done.stderr == "", done
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with plan.json, its motion at 30 fps and its video."""
    folder = tmp_path_factory.mktemp("walk")
    signgen("plan", TEXT, "-o", "plan.json", "--seed", "5", cwd=folder)
    signgen("animate", "plan.json", "-o", "motion.npz", cwd=folder)
    signgen("render", "plan.json", "-o", "video.mp4", *RENDER, "--plan-out", "again.json", "--motion-out", "video.npz", cwd=folder)
    assert sorted(p.name for p in folder.iterdir()) == ["again.json", "motion.npz", "plan.json", "video.mp4", "video.npz"]
    return folder


def plan_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_plan_says_what_is_signed_and_why(made: Path) -> None:
    plan = plan_of(made / "plan.json")
    actions = plan["actions"]
    glosses = [a["gloss_id"] for a in actions]
    assert plan["text"] == TEXT and plan["seed"] == 5
    assert [s["type"] for s in plan["sentences"]] == ["statement", "wh_question"]
    assert glosses[0] == "HELLO" and "fs-ANNA" in glosses and glosses.index("LIVE") < glosses.index("WHERE")
    assert all(a["why"] and a["phonology"] and a["words"] for a in actions)
    starts = np.array([a["start"] for a in actions])
    ends = np.array([a["start"] + a["duration"] + a["pause_after"] for a in actions])
    assert (starts >= 0).all() and (starts[1:] > ends[:-1]).all(), "signs follow each other"
    lexical = [a["duration"] for a in actions if a["kind"] == "lexical"]
    assert 0.3 <= min(lexical) and max(lexical) <= 1.6
    assert plan_of(made / "again.json") == plan


def test_the_motion_has_the_keys_shapes_and_times_of_its_format(made: Path) -> None:
    plan = plan_of(made / "plan.json")
    with np.load(made / "motion.npz", allow_pickle=False) as data:
        t = len(data["poses"])
        shapes = {"poses": (t, 165), "trans": (t, 3), "face": (t, 52), "joints": (t, 70, 3), "expressions": (t, 10), "pose_hand": (t, 90)}
        assert {key: data[key].shape for key in shapes} == shapes
        assert all(np.isfinite(data[key]).all() for key in shapes)
        assert data["face"].min() >= 0.0 and 0.2 < data["face"].max() <= 1.0, "the face moves"
        names = list(data["joint_names"])
        assert len(names) == 70 and names[:2] == ["pelvis", "left_hip"] and {"right_index_tip", "nose", "left_ear"} <= set(names)
        assert float(data["mocap_frame_rate"]) == 30.0 and float(data["mocap_time_length"]) == pytest.approx(t / 30.0)
        last = plan["actions"][-1]
        end = last["start"] + last["duration"] + last["pause_after"]
        assert end < t / 30.0 < end + 3.0, "the motion ends after the last sign, with the way back to rest"
        assert list(data["segment_gloss"]) == [a["gloss_id"] for a in plan["actions"]]
        wanted = np.array([[a["start"], a["start"] + a["duration"]] for a in plan["actions"]])
        np.testing.assert_allclose(data["segment_times"][:, :2], wanted, atol=0.05)
        wrist = data["joints"][:, names.index("right_wrist")]
        assert np.ptp(wrist, axis=0).max() > 0.2, "the dominant hand travels"
        height = data["joints"][:, names.index("nose"), 1] - data["joints"][:, names.index("pelvis"), 1]
        assert 0.4 < height.min() and height.max() < 1.0, "metres, Y up"
        assert json.loads(str(data["signgen"]))["seed"] == 5


def test_the_video_shows_the_motion(made: Path) -> None:
    import imageio_ffmpeg

    frames = read_npz(made / "video.npz").num_frames
    reader = imageio_ffmpeg.read_frames(str(made / "video.mp4"))
    facts = next(reader)
    pictures = [np.frombuffer(raw, dtype=np.uint8).reshape(SIZE[1], SIZE[0], 3).astype(float) for raw in reader]
    assert facts["codec"] == "h264" and facts["size"] == SIZE and facts["fps"] == FPS
    assert len(pictures) == frames
    assert min(p.std() for p in pictures) > 10, "no frame is blank"
    moved = [np.abs(a - b).mean() for a, b in zip(pictures[1:], pictures[:-1], strict=True)]
    assert max(moved) > 0.5, "the signer moves"


def test_same_text_and_seed_same_bytes_in_every_way_of_asking(made: Path, tmp_path: Path) -> None:
    wanted = (made / "motion.npz").read_bytes()
    signgen("animate", TEXT, "-o", "text.npz", "--seed", "5", cwd=tmp_path)
    assert (tmp_path / "text.npz").read_bytes() == wanted
    signgen("animate", "-", "-o", "stdin.npz", "--seed", "5", cwd=tmp_path, stdin=TEXT)
    assert (tmp_path / "stdin.npz").read_bytes() == wanted
    signgen("animate", "-", "-o", "piped.npz", cwd=tmp_path, stdin=(made / "plan.json").read_text(encoding="utf-8"))
    assert (tmp_path / "piped.npz").read_bytes() == wanted
    signgen("animate", TEXT, "-o", "other.npz", "--seed", "6", cwd=tmp_path)
    assert not np.array_equal(read_npz(tmp_path / "other.npz").poses, read_npz(made / "motion.npz").poses)


def test_gloss_notation_is_signed_as_written(tmp_path: Path) -> None:
    signgen("plan", "--gloss", "IX-1 NAME fs-ANNA", "-o", "p.json", cwd=tmp_path)
    actions = plan_of(tmp_path / "p.json")["actions"]
    assert [(a["gloss_id"], a["kind"]) for a in actions] == [("IX-1", "index"), ("NAME", "lexical"), ("fs-ANNA", "fingerspelled")]
    signgen("plan", "--gloss", "HELLO(duration=0.9) WORK+ #OK", "-o", "q.json", cwd=tmp_path)
    actions = plan_of(tmp_path / "q.json")["actions"]
    assert len(actions) == 3 and actions[0]["duration"] == pytest.approx(0.9)
    signgen("animate", "--gloss", "IX-1 NAME fs-ANNA", "-o", "m.npz", cwd=tmp_path)
    assert [s.gloss_id for s in read_npz(tmp_path / "m.npz").segments] == ["IX-1", "NAME", "fs-ANNA"]


def test_lines_give_the_plans_and_motions_of_their_texts(made: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text(f"Thank you.\n\n{TEXT}\n")
    out = signgen("plan", "--lines", "many.txt", "--seed", "5", cwd=tmp_path).stdout
    plans = [json.loads(line) for line in out.splitlines()]
    assert [p["text"] for p in plans] == ["Thank you.", TEXT] and plans[1] == plan_of(made / "plan.json")
    (tmp_path / "plans.jsonl").write_text(out)
    signgen("animate", "--lines", "plans.jsonl", "-o", "motions", cwd=tmp_path)
    assert (tmp_path / "motions/0002.npz").read_bytes() == (made / "motion.npz").read_bytes()


def test_a_left_handed_signer_is_the_mirror_image(made: Path, tmp_path: Path) -> None:
    signgen("animate", made / "plan.json", "-o", "left.npz", "--handedness", "left", cwd=tmp_path)
    left, right = read_npz(tmp_path / "left.npz"), read_npz(made / "motion.npz").mirrored()
    np.testing.assert_allclose(left.poses, right.poses, atol=1e-9)
    np.testing.assert_allclose(left.face, right.face, atol=1e-9)


def test_edited_duration_is_obeyed_and_the_signs_before_stay(made: Path, tmp_path: Path) -> None:
    plan = plan_of(made / "plan.json")
    k = len(plan["actions"]) - 2
    for later in plan["actions"][k + 1 :]:
        later["start"] += 0.4
    plan["actions"][k]["duration"] += 0.4
    (tmp_path / "edited.json").write_text(json.dumps(plan))
    signgen("animate", "edited.json", "-o", "edited.npz", cwd=tmp_path)
    before, after = read_npz(made / "motion.npz"), read_npz(tmp_path / "edited.npz")
    assert after.num_frames == before.num_frames + 12
    assert after.segments[k].end - after.segments[k].start == pytest.approx(plan["actions"][k]["duration"], abs=0.04)
    assert after.segments[: k - 1] == before.segments[: k - 1]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "status", "options", "begun"),
    [
        pytest.param(signal.SIGINT, 130, ["--size", "960x720", "--fps", "7"], True, id="one-process"),
        pytest.param(signal.SIGINT, 130, ["--size", "160x120", "--fps", "240", "--quality", "preview"], True, id="several-processes"),
        pytest.param(signal.SIGTERM, 143, ["--size", "160x120", "--fps", "240", "--quality", "preview"], False, id="terminated-at-the-start"),
    ],
)
def test_an_interrupted_render_leaves_nothing(made: Path, tmp_path: Path, number: int, status: int, options: list[str], begun: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "headless", "render", made / "motion.npz", "-o", "long.mp4", *options],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
        # whoever runs the tests in the background hands down an ignored SIGINT, and Python leaves that as it is
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip

    def waiting() -> bool:
        # the hidden file shows that the work has begun; that it has a size, that frames have arrived in it
        return not any(p.stat().st_size or not begun for p in tmp_path.glob(".*.mp4"))

    while process.poll() is None and waiting():
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == status and out == "", (process.returncode, out, err)
    assert err == ("interrupted\n" if number == signal.SIGINT else "")
    assert list(tmp_path.iterdir()) == []


def test_doctor_tells_of_this_machine(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "headless", "doctor", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert {"Python", "numpy", "bpy", "GL", "CUDA", "ffmpeg", "body", "SMPL-X", "weights", "models", "presets", "disk"} == set(checks)
    assert done.returncode == int(any(check["needed"] and not check["ok"] for check in checks.values()))
    assert all(checks[name]["ok"] for name in ("Python", "numpy", "bpy", "ffmpeg", "body", "presets")), checks
