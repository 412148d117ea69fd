"""Files written here in the exact layout of each system, read back: rotations, frame rate, validity, frame and hands."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import datasets
from signgen_core.datasets.clips import Clip, PointClip, hand_means
from signgen_core.datasets.detection import read_wlasl
from signgen_core.datasets.layouts import LAYOUTS, detect, join, split, width
from signgen_core.errors import FileFormatError, InputError
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.rig import BODY_POSE, INDEX, JAW_POSE, LEFT_HAND_POSE, RIGHT_HAND_POSE

POSE_FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "pose" / "mediapipe.pose"
SIZES = {"global_orient": 3, "body_pose": 63, "left_hand_pose": 45, "right_hand_pose": 45, "jaw_pose": 3, "leye_pose": 3, "reye_pose": 3, "betas": 10,
         "expression": 10, "camera": 3, "transl": 3, "face_shape": 100, "upper_body_pose": 30}  # fmt: skip


def parts(frames: int = 6, seed: int = 0) -> dict[str, np.ndarray]:
    """Smooth small rotations that change over time, a shape that does not, a root that is seen by a camera."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0.0, 1.0, frames)[:, None]
    out = {name: 0.3 * rng.normal(size=n) + 0.2 * np.sin(3.0 * t + rng.normal(size=n)) for name, n in SIZES.items()}
    out["betas"] = np.repeat(rng.normal(size=(1, 10)), frames, axis=0)
    out["global_orient"] = np.concatenate([np.full((frames, 1), -np.pi + 0.1), 0.05 * np.sin(3 * t), 0.02 * t], axis=1)
    return out


def vectors(layout: str, frames: int = 6) -> np.ndarray:
    made = parts(frames)
    made["expression"] = np.pad(made["expression"], ((0, 0), (0, max(0, dict(LAYOUTS[layout]).get("expression", 10) - 10))))
    return join(made, layout)


def only(path: Path, **options: Any) -> Clip:
    data = datasets.open(path, **options)
    assert len(data) == 1
    clip = data.load(data.names[0])
    assert isinstance(clip, Clip)
    return clip


def check(clip: Clip, made: dict[str, np.ndarray], *, mean: bool, camera: bool) -> None:
    poses = clip.motion.poses
    left, right = made["left_hand_pose"].reshape(-1, 15, 3), made["right_hand_pose"].reshape(-1, 15, 3)
    if mean:
        means, _ = hand_means()
        left, right = left + means["left"], right + means["right"]
    assert np.allclose(poses[:, BODY_POSE].reshape(len(poses), -1), made["body_pose"], atol=1e-5)
    assert np.allclose(poses[:, LEFT_HAND_POSE], left, atol=1e-5) and np.allclose(poses[:, RIGHT_HAND_POSE], right, atol=1e-5)
    root, given = axis_angle_to_matrix(poses[:, 0]), axis_angle_to_matrix(made["global_orient"])
    assert np.allclose(root, np.diag([1.0, -1.0, -1.0]) @ given if camera else given, atol=1e-5)
    if camera:  # about half a turn from the camera's view: upright again
        assert np.linalg.norm(poses[:, 0], axis=1).max() < 0.3 and not clip.motion.transl.any()
    assert np.allclose(clip.motion.betas, made["betas"][0], atol=1e-5)


def write_signavatars(path: Path, made: dict[str, np.ndarray], **changes: Any) -> Path:
    frames = len(made["betas"])
    data = {
        "width": np.array([1280]), "height": np.array([720]), "focal": np.ones((frames, 2)), "princpt": np.ones((frames, 2)), "2d": np.zeros((frames, 106, 3)),
        "pred2d": np.zeros((frames, 106, 3)), "total_valid_index": np.arange(frames), "left_valid": np.array([1] * (frames - 2) + [0, 0]),
        "right_valid": np.ones(frames), "bb2img_trans": np.zeros((frames, 2, 3)), "smplx": join(made, "signavatars_182").astype(np.float32),
        "unsmooth_smplx": join(made, "signavatars_169").astype(np.float32), **changes,
    }  # fmt: skip
    path.write_bytes(pickle.dumps({k: v for k, v in data.items() if v is not None}))
    return path


def test_signavatars(tmp_path: Path) -> None:
    made = parts()
    clip = only(write_signavatars(tmp_path / "a.pkl", made))
    check(clip, made, mean=True, camera=True)
    assert clip.motion.fps == 24.0 and clip.provenance["layout"] == "signavatars_182" and "hand_mean" in clip.provenance
    assert clip.valid["left_hand"].tolist() == [True] * 4 + [False] * 2 and clip.valid["right_hand"].all() and clip.valid["body"].all()
    assert np.allclose(clip.motion.poses[:, JAW_POSE][:, 0], made["jaw_pose"], atol=1e-5)
    rough = only(write_signavatars(tmp_path / "b.pkl", made, smplx=None, total_valid_index=np.array([0, 2])))
    check(rough, made, mean=True, camera=True)
    assert rough.valid["body"].tolist() == [True, False, True, False, False, False]


def test_signavatars_with_gpu_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    made = parts()
    tensor = torch.from_numpy(join(made, "signavatars_182").astype(np.float32))
    check(only(write_signavatars(tmp_path / "a.pkl", made, smplx=tensor)), made, mean=True, camera=True)
    torch.save({"smplx": tensor, "left_valid": torch.ones(6)}, tmp_path / "zip.pkl")
    check(only(tmp_path / "zip.pkl"), made, mean=True, camera=True)


def soke_frame(made: dict[str, np.ndarray], k: int) -> dict[str, np.ndarray]:
    names = {"smplx_root_pose": "global_orient", "smplx_body_pose": "body_pose", "smplx_lhand_pose": "left_hand_pose", "smplx_rhand_pose": "right_hand_pose",
             "smplx_jaw_pose": "jaw_pose", "smplx_shape": "betas", "smplx_expr": "expression"}  # fmt: skip
    return {key: made[part][k] for key, part in names.items()}


@pytest.mark.parametrize("pattern", ["clip_{}_3D.pkl", "images{:04d}.pkl"])
def test_soke_folders_in_the_order_of_their_numbers(tmp_path: Path, pattern: str) -> None:
    made = parts(12)
    for name in ("one", "two"):
        (tmp_path / "train" / "poses" / name).mkdir(parents=True)
        for k in range(12):
            (tmp_path / "train" / "poses" / name / pattern.format(k)).write_bytes(pickle.dumps(soke_frame(made, k)))
    data = datasets.open(tmp_path, texts={"one": "hello there"})
    assert data.layout == "soke" and data.names == ("train/poses/one", "train/poses/two")
    clip = data.load("train/poses/one")
    assert isinstance(clip, Clip) and clip.text == "hello there" and clip.motion.fps == 24.0
    check(clip, made, mean=True, camera=True)


def test_smplestx_frames_with_gaps(tmp_path: Path) -> None:
    made = parts(6)
    folder = tmp_path / "train" / "smplx_params" / "book" / "07069"
    folder.mkdir(parents=True)
    for k in (0, 1, 2, 5):
        frame = soke_frame(made, k)
        frame |= {"smplx_body_pose": frame["smplx_body_pose"].reshape(21, 3), "smplx_lhand_pose": frame["smplx_lhand_pose"].reshape(15, 3)}
        np.savez(folder / f"book_07069_{k + 10:06d}_p0.npz", **frame, cam_trans=np.zeros(3), smplx_joint_cam=np.zeros((1, 137, 3)))
    data = datasets.open(tmp_path)
    clip = data.load(data.names[0])
    assert isinstance(clip, Clip) and data.layout == "smplestx" and clip.text == "book" and clip.motion.num_frames == 6
    assert clip.valid["body"].tolist() == [True, True, True, False, False, True]
    held = {k: v[[0, 1, 2, 2, 2, 5]] for k, v in made.items()}
    check(clip, held, mean=False, camera=True)


def test_stock_smplerx(tmp_path: Path) -> None:
    made = parts(3)
    for k in range(3):
        np.savez(tmp_path / f"v_{k:06d}_p0.npz", **{n: made[n][k] for n in ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose",
                 "leye_pose", "reye_pose", "betas", "expression", "transl")})  # fmt: skip
    clip = only(tmp_path)
    assert clip.provenance["layout"] == "smplerx"
    check(clip, made, mean=False, camera=True)
    assert np.allclose(clip.motion.poses[:, INDEX["left_eye_smplhf"]], made["leye_pose"], atol=1e-6)


def test_amass_smplx_smplh_and_beat2(tmp_path: Path) -> None:
    made = parts()
    common = {"trans": made["transl"], "betas": np.concatenate([made["betas"][0], np.zeros(6)]), "gender": "neutral"}
    np.savez(tmp_path / "x.npz", poses=join(made, "amass_smplx_165"), mocap_frame_rate=120.0, surface_model_type="smplx", **common)
    made16 = {**made, "betas": np.pad(made["betas"], ((0, 0), (0, 6)))}
    clip = only(tmp_path / "x.npz")
    check(clip, made16, mean=False, camera=False)
    assert clip.motion.fps == 120.0 and np.allclose(clip.motion.transl, made["transl"]) and clip.provenance["fps"] == "stored"
    np.savez(tmp_path / "h.npz", poses=join(made, "amass_smplh_156"), mocap_framerate=60, dmpls=np.zeros((6, 8)), **common)
    check(only(tmp_path / "h.npz"), made16, mean=False, camera=False)
    np.savez(tmp_path / "b.npz", poses=join(made, "amass_smplx_165"), mocap_frame_rate=30, expressions=np.ones((6, 100)), **common)
    beat = only(tmp_path / "b.npz")
    assert beat.provenance["layout"] == "beat2" and (beat.motion.expression == 1.0).all()


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_vectors_are_told_apart(tmp_path: Path, layout: str) -> None:
    made = vectors(layout)
    assert made.shape[1] == width(layout) and detect(made) == layout
    assert np.array_equal(join(split(made, layout), layout), made)
    np.save(tmp_path / "v.npy", made)
    clip = only(tmp_path / "v.npy")
    assert clip.provenance["layout"] == layout
    known = parts()
    if layout != "soke_133":
        upright = layout.startswith(("motionx", "amass"))
        assert np.allclose(clip.motion.poses[:, BODY_POSE].reshape(6, -1), known["body_pose"], atol=1e-6)
        assert ("hand_mean" in clip.provenance) != upright
    else:
        assert np.allclose(clip.motion.poses[:, INDEX["neck"] : INDEX["jaw"]].reshape(6, -1), known["upper_body_pose"], atol=1e-6)
        assert not clip.motion.poses[:, : INDEX["neck"]].any()


def test_an_order_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    still = np.repeat(vectors("signavatars_182")[:1], 5, axis=0)
    np.save(tmp_path / "v.npy", still)
    with pytest.raises(FileFormatError, match="say which layout they have"):
        only(tmp_path / "v.npy")
    assert only(tmp_path / "v.npy", layout="aslavatar_182").provenance["layout"] == "aslavatar_182"
    moving = np.random.default_rng(0).normal(size=(5, 182))
    with pytest.raises(FileFormatError, match="no slice of them stands still"):
        detect(moving)
    with pytest.raises(FileFormatError, match="vectors of 200 numbers"):
        detect(np.zeros((4, 200)))


def text(value: str) -> bytes:
    return struct.pack("<H", len(value.encode())) + value.encode()


def pose_bytes(version: float = 0.2, frames: int = 4, people: int = 2) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A `.pose` file of two components."""
    rng = np.random.default_rng(3)
    points, confidence = rng.normal(size=(frames, people, 5, 3)), rng.uniform(0.1, 1.0, size=(frames, people, 5))
    head = struct.pack("<fHHHH", version, 640, 480, 100, 2)
    for name, n in (("BODY", 3), ("HAND", 2)):
        head += text(name) + text("XYZC") + struct.pack("<HHH", n, 1, 1) + b"".join(text(f"p{k}") for k in range(n))
        head += struct.pack("<HH", 0, 1) + struct.pack("<HHH", 255, 0, 0)
    head += struct.pack("<fIH", 30.0, frames, people) if version == 0.2 else struct.pack("<HHH", 30, frames % 65536, people)
    return head + points.astype("<f4").tobytes() + confidence.astype("<f4").tobytes(), points, confidence


@pytest.mark.parametrize("version", [0.1, 0.2])
def test_pose_files(tmp_path: Path, version: float) -> None:
    data, points, confidence = pose_bytes(version)
    (tmp_path / "a.pose").write_bytes(data)
    clip = datasets.open(tmp_path / "a.pose").load("a")
    assert isinstance(clip, PointClip) and clip.fps == 30.0 and clip.names == ("BODY/p0", "BODY/p1", "BODY/p2", "HAND/p0", "HAND/p1")
    assert np.allclose(clip.points, points[:, 0], atol=1e-6) and np.allclose(clip.confidence, confidence[:, 0], atol=1e-6)
    for at in range(0, len(data) - 1, 7):
        (tmp_path / "cut.pose").write_bytes(data[:at])
        if version == 0.2 or at < 90:
            with pytest.raises(FileFormatError, match="cut.pose: "):
                datasets.open(tmp_path / "cut.pose").load("cut")


@pytest.mark.skipif(not POSE_FILE.is_file(), reason="the real .pose file is not here")
def test_the_real_pose_file() -> None:
    clip = datasets.open(POSE_FILE).load("mediapipe")
    assert isinstance(clip, PointClip) and clip.points.shape[0] == clip.confidence.shape[0] > 10 and clip.points.shape[2] == 3
    assert {n.split("/")[0] for n in clip.names} >= {"POSE_LANDMARKS", "LEFT_HAND_LANDMARKS", "RIGHT_HAND_LANDMARKS"}
    assert 5.0 < clip.fps < 120.0


def test_asllvd_skeletons(tmp_path: Path) -> None:
    points = np.random.default_rng(1).normal(size=(3, 72, 3))
    points[1, 30] = 0.0
    np.save(tmp_path / "a.npy", points.reshape(3, 216))
    (tmp_path / "b.json").write_text(json.dumps({"label": "BOOK", "frames": [{"skeleton": frame.tolist()} for frame in points]}))
    for name in ("a.npy", "b.json"):
        clip = datasets.open(tmp_path / name).load(Path(name).stem)
        assert isinstance(clip, PointClip) and np.allclose(clip.points, points) and clip.fps == 3.0 and clip.names[30] == "left_hand/0"
        assert clip.confidence[1, 30] == 0.0 and clip.confidence.sum() == 3 * 72 - 1
    assert datasets.open(tmp_path / "b.json").load("b").text == "BOOK"


def test_wlasl_lists_name_the_clips_beside_them(tmp_path: Path) -> None:
    made = parts()
    listing = [{"gloss": "book", "instances": [{"video_id": "07069", "signer_id": 3, "split": "train", "fps": 25, "frame_start": 1, "frame_end": -1}]}]
    (tmp_path / "WLASL_v0.3.json").write_text(json.dumps(listing))
    with pytest.raises(InputError, match="none of its 1 videos has a motion file"):
        datasets.open(tmp_path / "WLASL_v0.3.json")
    (tmp_path / "fits").mkdir()
    write_signavatars(tmp_path / "fits" / "07069.pkl", made)
    data = datasets.open(tmp_path / "WLASL_v0.3.json")
    assert data.layout == "wlasl" and data.load("07069").text == "book"
    assert read_wlasl(tmp_path / "WLASL_v0.3.json")["07069"]["signer_id"] == 3
    (tmp_path / "WLASL_v0.3.json").write_text(json.dumps([{"gloss": "book", "instances": [{}]}]))
    with pytest.raises(FileFormatError, match=r"\[0\].instances\[0\]: has no video_id"):
        read_wlasl(tmp_path / "WLASL_v0.3.json")


def test_broken_files_are_one_line(tmp_path: Path) -> None:
    made = parts()

    def refused(path: Path, words: str) -> None:
        with pytest.raises(InputError, match=words) as caught:
            data = datasets.open(path)
            data.load(data.names[0])
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400

    refused(tmp_path / "absent", "no such file or folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no file of a known layout")
    (tmp_path / "a.xyz").write_text("?")
    refused(tmp_path / "a.xyz", "a file of no known layout")
    refused(write_signavatars(tmp_path / "nan.pkl", {**made, "body_pose": np.where(np.arange(63) == 5, np.nan, made["body_pose"])}), "frame 0 holds NaN")
    refused(write_signavatars(tmp_path / "dims.pkl", made, smplx=np.zeros((6, 170))), r"smplx: expected \(T, 182\)")
    refused(write_signavatars(tmp_path / "len.pkl", made, left_valid=np.ones(9)), "left_valid: 9 values for 6 frames")
    refused(write_signavatars(tmp_path / "none.pkl", made, smplx=None, unsmooth_smplx=None), "neither smplx nor unsmooth_smplx")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    refused(tmp_path / "list.pkl", "expected a SignAvatars file")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    refused(tmp_path / "cut.npz", "not a readable npz file")
    np.savez(tmp_path / "rate.npz", poses=np.zeros((3, 165)))
    refused(tmp_path / "rate.npz", "no frame rate")
    np.savez(tmp_path / "len.npz", poses=np.zeros((3, 165)), trans=np.zeros((4, 3)), fps=30)
    refused(tmp_path / "len.npz", "arrays of different lengths: poses 3, trans 4")
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    write_signavatars(mixed / "a.pkl", made)
    np.savez(mixed / "b.npz", poses=np.zeros((3, 165)), fps=30)
    refused(mixed, r"files of several layouts: amass \(1\), signavatars \(1\)")
    assert only(mixed, layout="amass").motion.num_frames == 3


def test_our_own_motions_are_a_dataset_too(tmp_path: Path) -> None:
    from signgen_core import pipeline
    from signgen_core.motion import write_npz

    motion = pipeline.animate(pipeline.plan_text("HELLO", gloss=True))
    write_npz(tmp_path / "hello.npz", motion, pipeline.joints(motion))
    clip = only(tmp_path)
    assert np.allclose(clip.motion.poses, motion.poses) and clip.motion.fps == 30.0
    assert np.array_equal(clip.motion.face, motion.face) and motion.face.any()
    assert clip.motion.segments == motion.segments and clip.motion.meta == motion.meta and clip.text == motion.meta["text"]
