"""Real renders, small: every format is written and read back, and nothing is left behind when something is wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headless.render import RenderJob, render
from headless.sheet import even_times, hold_times, sheet
from headless.stage import frame_storage
from signgen_core.errors import InputError, LexiconError, OutputError
from signgen_core.motion import Motion, Segment
from signgen_core.rig import INDEX

pytest.importorskip("bpy")
imageio = pytest.importorskip("imageio.v3")

SIZE = (160, 120)
GROUND = np.array([219, 224, 230])  # the studio's background


@pytest.fixture(scope="module")
def motion() -> Motion:
    """Three frames: arms hang, the right forearm comes up, the brows rise."""
    poses = np.zeros((3, 55, 3))
    poses[:, INDEX["left_shoulder"], 2], poses[:, INDEX["right_shoulder"], 2] = -1.3, 1.3
    poses[:, INDEX["right_elbow"], 1] = [0.2, 1.2, 2.0]
    face = np.zeros((3, 52))
    face[:, 2] = [0.0, 0.5, 1.0]
    return Motion(poses, np.zeros((3, 3)), np.zeros(10), np.zeros((3, 10)), face, 30.0, (Segment("WAVE", 0.0, 0.06, 0.03),))


def job(motion: Motion, output: Path, **changes: Any) -> RenderJob:
    return RenderJob(motion=motion, output=output, size=SIZE, quality="preview", workers=1, **changes)


def signer_mask(frame: np.ndarray) -> np.ndarray:
    return np.abs(frame[..., :3].astype(int) - GROUND).max(axis=-1) > 40


def scratch() -> set[str]:
    folder = frame_storage()
    return {name for name in os.listdir(folder) if name.startswith("signgen-")} if folder else set()


def test_mp4_shows_a_signer_in_the_middle(motion: Motion, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before, seen = scratch(), []
    path = render(job(motion, tmp_path / "wave.mp4"), seen.append)
    assert path == tmp_path / "wave.mp4" and os.listdir(tmp_path) == ["wave.mp4"]
    frames = imageio.imread(path)
    assert frames.shape == (3, SIZE[1], SIZE[0], 3)
    for frame in frames:
        assert np.abs(frame[2, 2].astype(int) - GROUND).max() < 8  # the ground has the colour that was asked for
        mask = signer_mask(frame)
        assert 0.08 < mask.mean() < 0.6
        columns = np.flatnonzero(mask.any(axis=0))
        head = np.flatnonzero(mask[mask.any(axis=1).argmax() + 4])
        assert abs(head.mean() - SIZE[0] / 2) < 4 and columns.min() > 2 and columns.max() < SIZE[0] - 3
    assert np.abs(frames[0].astype(int) - frames[2]).max() > 60  # the arm moved
    assert seen == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert capfd.readouterr() == ("", "")  # Blender's own chatter is kept off the terminal
    assert scratch() <= before


def test_the_number_of_processes_does_not_change_the_video(motion: Motion, tmp_path: Path) -> None:
    before = scratch()
    one = render(job(motion, tmp_path / "one.mp4"))
    two = render(replace(job(motion, tmp_path / "two.mp4"), workers=2))
    assert one.read_bytes() == two.read_bytes()
    assert scratch() <= before


def test_png_frames_with_alpha(motion: Motion, tmp_path: Path) -> None:
    first = render(job(motion, tmp_path / "wave.png", alpha=True))
    assert sorted(os.listdir(tmp_path)) == ["wave_0001.png", "wave_0002.png", "wave_0003.png"] and first.name == "wave_0001.png"
    frame = imageio.imread(first)
    assert frame.shape == (SIZE[1], SIZE[0], 4)
    assert frame[2, 2, 3] == 0 and frame[SIZE[1] * 3 // 4, SIZE[0] // 2, 3] == 255
    # no dark fringe: half-covered pixels at the right edge of the neck keep the colour of the skin
    edge = frame[(frame[..., 3] > 60) & (frame[..., 3] < 200)]
    assert len(edge) > 20


def test_webm_and_gif(motion: Motion, tmp_path: Path) -> None:
    webm = render(job(motion, tmp_path / "wave.webm", alpha=True))
    assert b"\x53\xc0" in webm.read_bytes()[:2000]  # Matroska's AlphaMode element
    assert imageio.imread(webm).shape == (3, SIZE[1], SIZE[0], 3)
    gif = render(job(motion, tmp_path / "wave.gif", fps=10.0))
    frames = imageio.imread(gif, plugin="pillow", mode="RGB") if gif.stat().st_size else None
    assert frames is not None and np.abs(frames[0][2, 2].astype(int) - GROUND).max() < 8


def test_another_rate_means_more_frames(motion: Motion, tmp_path: Path) -> None:
    frames = imageio.imread(render(job(motion, tmp_path / "slow.mp4", fps=60.0)))
    assert len(frames) == 5


def test_characters_and_shapes_differ(motion: Motion, tmp_path: Path) -> None:
    shots = [imageio.imread(render(job(motion, tmp_path / f"{name}.png", character=name))) for name in ("anna", "kofi")]
    assert np.abs(shots[0].astype(int) - shots[1]).max() > 60
    tall = replace(motion, betas=np.array([3.0, *np.zeros(9)]))
    other = imageio.imread(render(job(tall, tmp_path / "tall.png", character="anna")))
    assert not np.array_equal(other, shots[0])


@pytest.mark.slow
def test_cycles_renders(motion: Motion, tmp_path: Path) -> None:
    frame = imageio.imread(render(replace(job(motion, tmp_path / "fine.png"), quality="high", engine="cycles")))
    assert 0.08 < signer_mask(frame).mean() < 0.6


def test_camera_that_cannot_keep_a_hand_steps_back(motion: Motion, tmp_path: Path) -> None:
    poses = motion.poses.copy()
    poses[:, INDEX["left_shoulder"]] = 0.0  # arm straight out: beyond the preset's box
    mask = signer_mask(imageio.imread(render(job(replace(motion, poses=poses), tmp_path / "wide.png"))))
    columns = np.flatnonzero(mask.any(axis=0))
    assert columns.max() < SIZE[0] - 1 and columns.max() > SIZE[0] * 0.8


@pytest.mark.parametrize(
    ("name", "changes", "error", "message"),
    [
        ("a.avi", {}, OutputError, "unknown suffix"),
        ("nowhere/a.mp4", {}, OutputError, "nowhere"),
        ("a.mp4", {"alpha": True}, InputError, "no transparency"),
        ("a.mp4", {"size": (161, 120)}, InputError, "odd"),
        ("a.mp4", {"size": (4, 4)}, InputError, "between"),
        ("a.mp4", {"camera": "moon"}, LexiconError, "moon"),
        ("a.mp4", {"character": "nobody"}, LexiconError, "nobody"),
        ("a.mp4", {"engine": "povray"}, InputError, "povray"),
        ("a.mp4", {"quality": "best"}, InputError, "best"),
        ("a.mp4", {"fps": 0.0}, InputError, "fps"),
        ("a.mp4", {"workers": -1}, InputError, "negative"),
    ],
)
def test_what_cannot_work_is_said_before_any_rendering(
    motion: Motion, tmp_path: Path, name: str, changes: dict, error: type, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headless.render.Stage", None)  # reaching it would be another error
    with pytest.raises(error, match=message):
        render(replace(job(motion, tmp_path / name), **changes))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_unwritable_folder(motion: Motion, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        render(job(motion, tmp_path / "shut" / "a.mp4"))


def test_an_interruption_leaves_nothing(motion: Motion, tmp_path: Path) -> None:
    before = scratch()

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    for name, workers in (("a.mp4", 1), ("a.png", 1), ("b.mp4", 2)):
        with pytest.raises(KeyboardInterrupt):
            render(replace(job(motion, tmp_path / name), workers=workers), stop)
        assert os.listdir(tmp_path) == []
    assert scratch() <= before


def test_a_worker_that_fails_is_reported(motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.errors import MachineError

    monkeypatch.setenv("SIGNGEN_SMPLX", str(tmp_path / "gone.npz"))
    with pytest.raises(MachineError, match=r"gone\.npz"):
        render(replace(job(motion, tmp_path / "a.mp4"), workers=2))
    assert os.listdir(tmp_path) == []


def test_contact_sheet(motion: Motion, tmp_path: Path) -> None:
    path = sheet(
        [("one", motion, even_times(motion, 2)), ("two", replace(motion, betas=np.array([2.0])), hold_times(motion))],
        tmp_path / "sheet.png", frame_size=(60, 70),
    )  # fmt: skip
    picture = imageio.imread(path)
    assert picture.shape == (2 * (70 + 18), 2 * 60, 3)
    for y, x in ((0, 0), (0, 60), (88, 0)):
        assert signer_mask(picture[y : y + 70, x : x + 60]).mean() > 0.08
    assert (picture[88:158, 60:] == 255).all()  # the second row has one picture only
    with pytest.raises(InputError, match="no frames"):
        sheet([], tmp_path / "none.png")
    with pytest.raises(OutputError, match="suffix"):
        sheet([("one", motion, [0.0])], tmp_path / "sheet.jpg")
