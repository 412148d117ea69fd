"""How unsure a motion is of each frame: kept in the file, checked when it is read, and taken along by whatever changes a motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signgen_core.errors import FileFormatError, InputError
from signgen_core.kinematics.resample import resample
from signgen_core.motion import UNCERTAINTY_STREAMS, Motion, read_npz, write_npz

FRAMES = 5
JOINTS = np.zeros((FRAMES, 70, 3))


def made(uncertainty: np.ndarray | None) -> Motion:
    zeros = np.zeros((FRAMES, 3))
    return Motion(np.zeros((FRAMES, 55, 3)), zeros, np.zeros(10), np.zeros((FRAMES, 10)), np.zeros((FRAMES, 52)), 30.0, uncertainty=uncertainty)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(4).uniform(size=(FRAMES, 4)).astype(np.float32)


def test_it_comes_back_from_the_file(values: np.ndarray, tmp_path: Path) -> None:
    write_npz(tmp_path / "m.npz", made(values), JOINTS)
    back = read_npz(tmp_path / "m.npz").uncertainty
    assert back is not None and back.dtype == np.float32 and np.array_equal(back, values)
    with np.load(tmp_path / "m.npz") as data:
        assert tuple(data["uncertainty_streams"]) == UNCERTAINTY_STREAMS == ("body", "left_hand", "right_hand", "face")


def test_a_motion_without_it_has_no_trace_of_it(tmp_path: Path) -> None:
    write_npz(tmp_path / "m.npz", made(None), JOINTS)
    assert read_npz(tmp_path / "m.npz").uncertainty is None
    with np.load(tmp_path / "m.npz") as data:
        assert not [key for key in data.files if "uncertainty" in key]


def test_the_mirror_image_has_it_of_the_other_hand(values: np.ndarray) -> None:
    mirrored = made(values).mirrored()
    assert mirrored.uncertainty is not None and np.array_equal(mirrored.uncertainty, values[:, [0, 2, 1, 3]])
    twice = mirrored.mirrored().uncertainty
    assert twice is not None and np.array_equal(twice, values)


def test_another_frame_rate_interpolates_it(values: np.ndarray) -> None:
    finer = resample(made(values), 60.0).uncertainty
    assert finer is not None and finer.dtype == np.float32 and len(finer) == 9
    assert np.allclose(finer[::2], values) and np.allclose(finer[1], (values[0] + values[1]) / 2)


@pytest.mark.parametrize("wrong", [np.zeros((FRAMES, 3)), np.zeros(FRAMES), *(np.full((FRAMES, 4), value) for value in (1.5, -0.1, np.nan))])
def test_what_cannot_be_an_uncertainty_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match="motion uncertainty: "):
        made(wrong)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uncertainty": np.zeros((FRAMES, 3), dtype=np.float32)}, r"m\.npz: uncertainty: expected float \(5, 4\), found float32 \(5, 3\)"),
        ({"uncertainty": np.zeros((FRAMES, 4), dtype=np.int32)}, r"m\.npz: uncertainty: expected float"),
        ({"uncertainty": np.full((FRAMES, 4), 2.0)}, r"m\.npz: motion uncertainty: holds values outside of 0 to 1"),
        ({"uncertainty_streams": np.array(["body", "right_hand", "left_hand", "face"])}, r"m\.npz: uncertainty_streams: expected body, left_hand"),
        ({"uncertainty_streams": None}, r"m\.npz: uncertainty_streams: expected .*, found nothing"),
    ],
)
def test_a_damaged_file_is_one_clear_line(values: np.ndarray, tmp_path: Path, changes: dict[str, np.ndarray | None], words: str) -> None:
    path = tmp_path / "m.npz"
    write_npz(path, made(values), JOINTS)
    with np.load(path) as data:
        arrays = {**data, **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    with pytest.raises(FileFormatError, match=words):
        read_npz(path)


def test_replacing_the_poses_keeps_it(values: np.ndarray) -> None:
    assert replace(made(values), poses=np.ones((FRAMES, 55, 3))).uncertainty is values
