"""Frames to files and back, and what is laid over them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from headless.batch.pictures import Captions, Gatherer, Ground, laid_over
from headless.video import read_lossless, read_video, write_lossless, write_pngs, write_video
from signgen_core.errors import InputError, OutputError
from signgen_core.sidecars import TimedSentence, TimedSign, Timing

imageio = pytest.importorskip("imageio.v3")
SIZE = (48, 32)


def noise(count: int, channels: int = 3) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, SIZE[1], SIZE[0], channels), dtype=np.uint8))


def plain(count: int, color: tuple[int, ...], size: tuple[int, int] = SIZE) -> Iterator[np.ndarray]:
    return iter(np.full((count, size[1], size[0], len(color)), color, dtype=np.uint8))


@pytest.mark.parametrize("alpha", [False, True])
def test_lossless_frames_come_back_as_they_were(tmp_path: Path, alpha: bool) -> None:
    frames = noise(7, 4 if alpha else 3)
    write_lossless(frames, tmp_path / "p.mkv", SIZE, alpha=alpha, threads=1)
    np.testing.assert_array_equal(list(read_lossless(tmp_path / "p.mkv", SIZE, alpha=alpha)), frames)


def test_a_video_at_another_size_and_rate(tmp_path: Path) -> None:
    write_video(plain(10, (200, 30, 30)), tmp_path / "v.mp4", SIZE, 10.0)
    frames = np.array(list(read_video(tmp_path / "v.mp4", (40, 60), 20.0))).astype(int)
    assert len(frames) == 20 and frames.shape[1:] == (60, 40, 3)
    assert frames[:, 30, 20].min(axis=0) == pytest.approx([200, 30, 30], abs=6) and frames[:, 2].max() < 6


def test_ffmpeg_that_fails_is_noticed_and_leaves_nothing(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with pytest.raises(OutputError, match="^/dev/full: cannot be encoded: .*No space left on device$"):
        write_lossless(noise(50), Path("/dev/full"), SIZE)
    with pytest.raises(OutputError, match="cannot be encoded"):
        write_video(iter(()), tmp_path / "none.mp4", SIZE, 10.0)
    with pytest.raises(OutputError, match="cannot be written"):
        write_video(noise(1), tmp_path / "nowhere/v.mp4", SIZE, 10.0)

    def breaks() -> Iterator[np.ndarray]:
        yield from noise(3)
        raise KeyboardInterrupt

    for write in (lambda: write_video(breaks(), tmp_path / "v.mp4", SIZE, 10.0), lambda: write_pngs(breaks(), tmp_path / "v.png")):
        with pytest.raises(KeyboardInterrupt):
            write()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", bytes(range(256)) * 40])
def test_what_is_no_video_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.mp4: cannot be read as a video: ") as caught:
        list(read_video(tmp_path / "x.mp4", SIZE, 10.0))
    assert "0x" not in str(caught.value)


def test_the_same_frames_give_the_same_file(tmp_path: Path) -> None:
    for suffix in (".mp4", ".webm", ".gif"):
        one, two = (write_video(noise(5), tmp_path / f"{k}{suffix}", SIZE, 10.0, threads=1) for k in (1, 2))
        assert one.read_bytes() == two.read_bytes()


def test_a_picture_laid_over_a_frame() -> None:
    frame = np.full((4, 4, 3), 100, np.uint8)
    half = np.full((2, 2, 4), (200, 0, 0, 128), np.uint8)
    out = laid_over(frame, half, 3, 3)  # half outside
    assert out[3, 3] == pytest.approx([150, 50, 50], abs=1) and (out[:3] == 100).all() and (frame == 100).all()
    clear = np.zeros((4, 4, 4), np.uint8)
    assert laid_over(clear, half, 0, 0)[0, 0] == pytest.approx([200, 0, 0, 128], abs=1)


def test_captions_stand_low_and_only_while_something_is_signed() -> None:
    pytest.importorskip("bpy")
    clip = Timing(10.0, 40, (TimedSign("HELLO", 1.0, 2.0, 1.2, 0),), (TimedSentence("word " * 60, "", 1.0, 2.0),))
    frame = np.full((120, 160, 3), 128, np.uint8)
    for what, most in (("gloss", 20), ("both", 75)):
        captions = Captions(clip, (160, 120), what)
        assert captions(frame, 0.5) is frame and captions(frame, 2.5) is frame
        changed = (captions(frame, 1.5) != frame).any(axis=-1)
        rows = np.flatnonzero(changed.any(axis=1))
        assert 100 < rows.max() < 119 and 8 < rows.max() - rows.min() < most, "at most a line of gloss and three of text"
        assert captions(frame, 1.5).max() > 240
    beside = (Captions(clip, (160, 120), "text", (0, 100))(frame, 1.5) != frame).any(axis=-1)
    assert np.flatnonzero(beside.any(axis=0)).max() < 100


def test_the_signer_in_a_corner_of_another_video(tmp_path: Path) -> None:
    write_video(plain(6, (0, 0, 250), (64, 48)), tmp_path / "v.mp4", (64, 48), 10.0)
    ground = Ground(tmp_path / "v.mp4", (64, 48), 10.0, "top-left", 0.5)
    assert ground.signer_size == (24, 24) and ground.columns is None
    signer = [np.full((24, 24, 4), (255, 0, 0, 255 if k < 2 else 0), np.uint8) for k in range(3)]
    frames = np.array(list(ground.under(iter(signer)))).astype(int)
    assert len(frames) == 6, "as long as the longer of both"
    assert frames[0, 5, 5] == pytest.approx([255, 0, 0]) and frames[0, 40, 40] == pytest.approx([0, 0, 250], abs=6)
    assert frames[5, 5, 5] == pytest.approx([0, 0, 250], abs=6), "the last frame of the shorter stays"
    still = np.zeros((10, 20, 3), np.uint8) + 90
    imageio.imwrite(tmp_path / "p.png", still)
    low = Ground(tmp_path / "p.png", (64, 48), 10.0, "bottom-right", 0.5)
    assert low.columns == (0, 40) and len(list(low.under(iter(signer)))) == 3
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"bad\.png: cannot be read as a picture"):
        list(Ground(tmp_path / "bad.png", (64, 48), 10.0, "bottom-right", 0.5).under(iter(signer)))


def test_poster_and_sheet_take_the_holds(tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    frames = [np.full((30, 40, 3), k, np.uint8) for k in range(100)]
    signs = tuple(TimedSign(f"S{k}", k * 0.5, k * 0.5 + 0.4, k * 0.5 + 0.2) for k in range(19))
    gatherer = Gatherer(Timing(10.0, 100, signs))
    assert len(list(gatherer.watch(iter(frames)))) == 100
    gatherer.write_poster(tmp_path / "p.png")
    assert (imageio.imread(tmp_path / "p.png") == round(10 * (9 * 0.5 + 0.2))).all()
    gatherer.write_sheet(tmp_path / "s.png", "Title")
    page = imageio.imread(tmp_path / "s.png")
    assert page.shape == (24 + 3 * (180 + 18), 4 * 240, 3)
    shades = [int(page[24 + 198 * y + 90, 240 * x + 120, 0]) for y in range(3) for x in range(4)]
    assert len(set(shades)) == 12 and shades == sorted(shades) and shades[0] == 2 and shades[-1] == 92
    bare = Gatherer(Timing(10.0, 3))
    assert len(list(bare.watch(iter(frames[:3])))) == 3
    bare.write_poster(tmp_path / "q.png")
    bare.write_sheet(tmp_path / "t.png", "")
    assert imageio.imread(tmp_path / "t.png").shape[1] == 3 * 240
