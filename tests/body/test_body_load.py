"""Reading bodies: licensed files through the same code, and every broken file as one clear line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from signgen_core.body import load_body, read_body
from signgen_core.body.load import default_body_file
from signgen_core.errors import FileFormatError
from signgen_core.face import FACE_INDEX
from signgen_core.rig import INDEX, NUM_JOINTS


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the keys of a licensed SMPL-X file only, one of them a pickled object as in the real files."""
    path = tmp_path_factory.mktemp("licensed") / "SMPLX_NEUTRAL.npz"
    with np.load(default_body_file()) as data:
        keys = ("v_template", "f", "weights", "kintree_table", "J_regressor", "shapedirs", "posedirs", "lmk_faces_idx", "lmk_bary_coords")
        arrays = {key: data[key] for key in keys}
    np.savez_compressed(path, **arrays, part2num=np.array({"head": 1}, dtype=object), joint2num=np.array({"head": 15}, dtype=object))
    return path


def test_a_licensed_file_poses_like_the_default(plain: Path) -> None:
    licensed, default = load_body(plain), load_body("default")
    assert licensed.arkit is None
    rng = np.random.default_rng(2)
    poses = rng.normal(scale=0.2, size=(1, NUM_JOINTS, 3))
    assert licensed.vertices(poses) == pytest.approx(default.vertices(poses), abs=1e-6)
    assert licensed.rig().rest_joints == pytest.approx(default.joints, abs=1e-6)
    assert licensed.rig().extra_points == pytest.approx(default.rig().extra_points, abs=1e-4)


def test_a_licensed_body_opens_its_jaw_for_arkit(plain: Path) -> None:
    licensed = load_body(plain)
    face = np.zeros((1, 52))
    face[0, FACE_INDEX["jawOpen"]] = 1.0
    moved = licensed.vertices(np.zeros((1, NUM_JOINTS, 3)), face=face)[0] - licensed.v_template
    assert moved[:, 1].min() < -0.02


def test_environment_names_the_licensed_body(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNGEN_SMPLX", str(plain))
    assert load_body().name == "SMPLX_NEUTRAL"
    assert load_body("default").name == "default"


def test_pose_correctives_of_a_licensed_body_are_applied(plain: Path, tmp_path: Path) -> None:
    with np.load(plain, allow_pickle=True) as data:
        arrays = {key: data[key] for key in data.files}
    posedirs = np.zeros(arrays["posedirs"].shape, dtype=np.float16)
    entry = 9 * (INDEX["left_elbow"] - 1) + 2  # row 0, column 2 of the elbow's rotation
    posedirs[100, 1, entry] = 0.5
    np.savez_compressed(tmp_path / "b.npz", **{**arrays, "posedirs": posedirs})
    body = read_body(tmp_path / "b.npz")
    poses = np.zeros((1, NUM_JOINTS, 3))
    poses[0, INDEX["left_elbow"], 1] = np.pi / 6
    difference = body.vertices(poses)[0] - read_body(plain).vertices(poses)[0]
    assert np.linalg.norm(difference[100]) == pytest.approx(0.25, abs=1e-3)
    assert np.abs(np.delete(difference, 100, axis=0)).max() < 1e-9


def _save(path: Path, plain: Path, **changes: np.ndarray | None) -> Path:
    with np.load(plain, allow_pickle=False) as data:
        arrays = {key: data[key] for key in data.files if key not in ("part2num", "joint2num")}
    arrays.update({k: v for k, v in changes.items() if v is not None})
    np.savez(path, **{k: v for k, v in arrays.items() if not (k in changes and changes[k] is None)})
    return path


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"weights": None}, "no 'weights'"),
        ({"v_template": np.zeros((12, 2))}, "'v_template' has shape"),
        ({"kintree_table": np.zeros((2, 24), dtype=np.int64)}, "not the SMPL-X skeleton"),
        ({"f": np.full((10, 3), 10**6)}, "'f' holds ids outside"),
        ({"f": np.zeros((10, 3))}, "'f' holds float64"),
        ({"v_template": np.array([["a", "b", "c"]])}, "expected numbers"),
    ],
)
def test_wrong_contents_are_named(plain: Path, tmp_path: Path, changes: dict, says: str) -> None:
    path = _save(tmp_path / "bad.npz", plain, **changes)
    with pytest.raises(FileFormatError) as caught:
        load_body(path)
    assert says in str(caught.value)
    assert "bad.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_finite(plain: Path, tmp_path: Path) -> None:
    with np.load(plain) as data:
        template = data["v_template"].copy()
    template[5, 1] = np.nan
    with pytest.raises(FileFormatError, match="not finite"):
        load_body(_save(tmp_path / "bad.npz", plain, v_template=template))


def test_object_arrays_are_never_unpickled(plain: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "exploded",))

    weights = np.empty(1, dtype=object)
    weights[0] = Bomb()
    path = _save(tmp_path / "bad.npz", plain, weights=weights)
    with pytest.raises(FileFormatError, match="'weights' is not a plain array"):
        load_body(path)
    assert not (tmp_path / "exploded").exists()


def test_truncated_text_and_missing_files(plain: Path, tmp_path: Path) -> None:
    whole = plain.read_bytes()
    cases = {"half.npz": whole[: len(whole) // 2], "text.npz": b"hello", "empty.npz": b""}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=name):
            load_body(tmp_path / name)
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(FileFormatError, match="single array"):
        load_body(tmp_path / "single.npy")
    with pytest.raises(FileFormatError, match="no such body file"):
        load_body(tmp_path / "absent.npz")
    with pytest.raises(FileFormatError):
        load_body(tmp_path)


def test_damaged_member(plain: Path, tmp_path: Path) -> None:
    path = _save(tmp_path / "bad.npz", plain)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("weights.npy")
    raw = bytearray(path.read_bytes())
    at = info.header_offset + 30 + len(info.filename) + 500_000
    raw[at : at + 64] = bytes(64 * [255])
    path.write_bytes(bytes(raw))
    with pytest.raises(FileFormatError, match="'weights'"):
        load_body(path)
