"""Every format written from a signer with controls and heatmap, and opened again in another process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import compat, exporting, heatmap, keying, rig_controls, rig_snap, signers  # noqa: E402
from blender_addon.keying import to_blender  # noqa: E402
from signgen_core.action import ActionSequence  # noqa: E402
from signgen_core.errors import InputError, MachineError, OutputError  # noqa: E402
from signgen_core.face import ARKIT_NAMES  # noqa: E402
from signgen_core.kinematics.forward import global_transforms  # noqa: E402
from signgen_core.kinematics.rotations import axis_angle_to_matrix  # noqa: E402
from signgen_core.motion import Motion, Segment  # noqa: E402
from signgen_core.rig import JOINT_NAMES  # noqa: E402

FRAMES, FPS, STEP = 31, 25.0, 10
SEGMENTS = (Segment("HELLO", 0.12, 0.4, 0.2), Segment("BOOK", 0.48, 0.7, 0.6), Segment("HELLO", 0.8, 1.1, 0.9))
CLIPS = [("HELLO", 0, 12), ("BOOK", 12, 20), ("HELLO_2", 20, 30)]
FILES = {
    "signs.glb": ("sign", "unity"), "unity.fbx": ("sign", "unity"), "unreal.fbx": ("sign", "unreal"), "signs.blend": ("sign", "unity"),
    "whole.blend": ("whole", "unity"), "whole.usdc": ("whole", "unity"), "whole.abc": ("whole", "unity"), "whole.bvh": ("whole", "unity"),
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """What all tests look at: the signing, where it was written, what the other process found there, and the file's data before and after."""

    motion: Motion
    folder: Path
    found: dict[str, Any]
    joints: np.ndarray
    vertices: np.ndarray
    before: list[tuple[str, str]]
    after: list[tuple[str, str]]


def names() -> list[tuple[str, str]]:
    return sorted((type(thing).__name__, thing.name) for thing in exporting._ids())


def smooth_motion() -> Motion:
    """Every joint, the root and every face coefficient moves, by so much that a wrong axis cannot pass."""
    rng = np.random.default_rng(5)
    wave = np.sin(np.arange(FRAMES)[:, None] * rng.uniform(0.1, 0.4, 165) + rng.uniform(0, 6, 165)) * rng.uniform(0.1, 0.5, 165)
    place = 0.3 * np.sin(np.arange(FRAMES)[:, None] * np.array([0.1, 0.2, 0.3]))
    face = 0.5 + 0.5 * np.sin(np.arange(FRAMES)[:, None] * rng.uniform(0.1, 0.5, 52) + rng.uniform(0, 6, 52))
    return Motion(wave.reshape(FRAMES, 55, 3), place, np.zeros(10), np.zeros((FRAMES, 10)), face, FPS, SEGMENTS, {"text": "Hello book hello"})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("exports")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    signer = signers.add_signer(scene, name="Sam")
    signers.add_signer(scene, name="Other")
    motion = smooth_motion()
    keying.key_motion(signer, motion, start_frame=8, scene=scene)
    rig_controls.add_controls(signer.armature)
    heatmap.add_heatmap(signer.mesh, np.full((FRAMES, 4), 0.5), start_frame=8)
    bpy.data.actions.new("BOOK")  # a name that an export wants too
    posed, vertices = [], []
    for t in range(0, FRAMES, STEP):
        scene.frame_set(8 + t)
        graph = bpy.context.evaluated_depsgraph_get()
        rig = signer.armature.evaluated_get(graph)
        posed.append([rig.pose.bones[name].head.copy() for name in JOINT_NAMES])
        vertices.append([v.co.copy() for v in signer.mesh.evaluated_get(graph).data.vertices])
    before, jobs = names(), []
    for name, (clips, preset) in FILES.items():
        made = exporting.export(folder / name, signer.armature, clips=clips, preset=preset, scene=scene)
        jobs.append({
            "file": str(folder / name), "out": str(folder / f"{name}.npz"), "fps": FPS, "step": STEP, "clips": [[c.name, c.frames] for c in made.clips],
        })  # fmt: skip
    after = names()
    assert bpy.context.window.scene == scene and scene.frame_current == 8 + FRAMES - 1
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    reader = Path(__file__).with_name("exported_reader.py")
    done = subprocess.run(
        [sys.executable, str(reader), str(folder / "jobs.json"), json.dumps(ARKIT_NAMES), json.dumps(JOINT_NAMES)], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = {}
    for job in jobs:
        with np.load(job["out"]) as data:
            found[Path(job["file"]).name] = {**{k: data[k] for k in data.files}, "facts": json.loads(str(data["facts"]))}
    return Written(motion, folder, found, np.array(posed), np.array(vertices), before, after)


def clips_of(name: str) -> list[tuple[str, int, int]]:
    return CLIPS if FILES[name][0] == "sign" else [("Signing", 0, FRAMES - 1)]


def expected_joints(motion: Motion, window: slice) -> np.ndarray:
    body = signers._body("default")
    ground = float(-body.shaped(None)[:, 1].min())
    _, places = global_transforms(axis_angle_to_matrix(motion.poses[window]), body.rig(None).rest_joints, transl=motion.transl[window])
    return to_blender(places, ground)


def test_the_source_is_what_the_core_says(written: Written) -> None:
    assert np.abs(written.joints - expected_joints(written.motion, slice(0, FRAMES, STEP))).max() < 1e-4


@pytest.mark.parametrize("name", [n for n in FILES if not n.endswith(".abc")])
def test_joints_come_back_within_a_millimetre(written: Written, name: str) -> None:
    for k, (_, first, last) in enumerate(clips_of(name)):
        joints = written.found[name][f"joints{k}"]
        expected = expected_joints(written.motion, slice(first, last + 1, STEP))
        if name.endswith(".bvh"):  # the root says where the signer is; the floor is not part of it
            expected = expected - to_blender(np.zeros(3), signers.signer_of(signers.signers(bpy.context.scene)[0]).ground)
        assert joints.shape == expected.shape and np.linalg.norm(joints - expected, axis=-1).max() < 1e-3


def test_the_mesh_comes_back_from_alembic(written: Written) -> None:
    points = written.found["whole.abc"]["points0"]
    assert points.shape == written.vertices.shape and np.linalg.norm(points - written.vertices, axis=-1).max() < 1e-3


@pytest.mark.parametrize("name", [n for n in FILES if not n.endswith((".abc", ".bvh"))])
def test_faces_come_back_within_a_hundredth(written: Written, name: str) -> None:
    facts = written.found[name]["facts"]
    assert facts["shapes"] == ["Basis", *ARKIT_NAMES] or set(facts["shapes"]) == {"Basis", *ARKIT_NAMES}
    for k, (_, first, last) in enumerate(clips_of(name)):
        assert np.abs(written.found[name][f"face{k}"] - written.motion.face[first : last + 1 : STEP]).max() < 0.01


@pytest.mark.parametrize("name", [n for n in FILES if not n.endswith(".abc")])
def test_there_are_55_bones_and_each_clip_has_its_length(written: Written, name: str) -> None:
    facts = written.found[name]["facts"]
    assert sorted(facts["bones"]) == sorted(JOINT_NAMES) and facts["constraints"] == 0
    lengths = facts["clips"]
    assert lengths == {label: last - first for label, first, last in clips_of(name)}
    if name.endswith((".glb", ".fbx", ".blend")):
        assert facts["fps"] == FPS


def test_a_blend_is_plain_and_still_a_signer(written: Written) -> None:
    facts = written.found["signs.blend"]["facts"]
    assert facts["modifiers"] == ["ARMATURE"] and "signgen_betas" in facts["properties"] and facts["armature"] == "Sam"
    # before Blender 4.4 the face has actions of its own
    assert facts["actions"] == sorted(f"{label}{end}" for label, _, _ in CLIPS for end in (("",) if compat.SLOTTED else ("", "Face")))
    assert written.found["whole.blend"]["facts"]["actions"] == (["Signing"] if compat.SLOTTED else ["Signing", "SigningFace"])
    assert facts["markers"] == [["HELLO", 4], ["BOOK", 13], ["HELLO", 21]]


def test_nothing_of_the_user_s_file_changes(written: Written) -> None:
    assert written.before == written.after


def gltf(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    size = int.from_bytes(data[12:16], "little")
    return dict(json.loads(data[20 : 20 + size]))


def test_glb_has_one_animation_a_clip_with_bones_and_weights_from_time_zero(written: Written) -> None:
    data = gltf(written.folder / "signs.glb")
    assert sorted(a["name"] for a in data["animations"]) == sorted(label for label, _, _ in CLIPS)
    lengths = {label: (last - first) / FPS for label, first, last in CLIPS}
    for animation in data["animations"]:
        paths = [c["target"]["path"] for c in animation["channels"]]
        assert paths.count("rotation") == 55 and paths.count("weights") == 1
        times = [data["accessors"][s["input"]] for s in animation["samplers"]]
        assert {t["min"][0] for t in times} == {0.0} and max(t["max"][0] for t in times) == pytest.approx(lengths[animation["name"]], abs=1e-5)
    (mesh,) = data["meshes"]
    assert mesh["extras"]["targetNames"] == list(ARKIT_NAMES) and not any(mesh.get("weights", [0.0]))
    (skin,) = data["skins"]
    assert len(skin["joints"]) == 55


def test_glb_passes_the_khronos_validator(written: Written, tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm and node are not here")
    done = subprocess.run([npm, "install", "--no-audit", "--no-fund", "gltf-validator@2.0.0-dev.3.10"], cwd=tmp_path, capture_output=True, timeout=120)
    if done.returncode:
        pytest.skip("npm gives no gltf-validator")
    code = (
        "const v=require('gltf-validator'),f=require('fs');"
        "v.validateBytes(new Uint8Array(f.readFileSync(process.argv[1]))).then(r=>console.log(JSON.stringify(r)))"
    )
    shown = subprocess.run([node, "-e", code, str(written.folder / "signs.glb")], cwd=tmp_path, capture_output=True, text=True, check=True)
    report = json.loads(shown.stdout)
    wrong = [m for m in report["issues"]["messages"] if m["severity"] < 2]
    assert report["issues"]["numErrors"] == report["issues"]["numWarnings"] == 0, wrong[:5]
    assert report["info"]["animationCount"] == 3 and report["info"]["hasMorphTargets"]


def fbx(path: Path) -> Any:
    from io_scene_fbx import parse_fbx

    return parse_fbx.parse(str(path))[0]


def properties70(element: Any) -> dict[bytes, Any]:
    return {p.props[0]: p.props[4:] for p in next(e for e in element.elems if e.id == b"Properties70").elems}


@pytest.mark.parametrize("preset", ["unity", "unreal"])
def test_fbx_has_no_turns_nor_scales_on_its_root_and_all_keys(written: Written, preset: str) -> None:
    root = fbx(written.folder / f"{preset}.fbx")
    settings = properties70(next(e for e in root.elems if e.id == b"GlobalSettings"))
    assert settings[b"UnitScaleFactor"][0] == pytest.approx(100.0 if preset == "unity" else 1.0)
    assert settings[b"UpAxis"][0] == (1 if preset == "unity" else 2)
    objects = next(e for e in root.elems if e.id == b"Objects").elems
    models = {e.props[1].split(b"\x00")[0].decode(): e for e in objects if e.id == b"Model"}
    assert sorted(models) == sorted([*JOINT_NAMES, exporting.ROOT_NAMES[preset], "SamBody"])
    for name, model in models.items():
        lcl = properties70(model)
        assert np.allclose(lcl.get(b"Lcl Scaling", [1, 1, 1]), 1.0, atol=1e-5), name
        if name in ("SamBody", exporting.ROOT_NAMES[preset]):
            assert np.allclose(lcl.get(b"Lcl Rotation", [0, 0, 0]), 0.0, atol=1e-4), name
    stacks = [e.props[1].split(b"\x00")[0].decode() for e in objects if e.id == b"AnimationStack"]
    assert sorted(stacks) == sorted(label for label, _, _ in CLIPS)
    counts = {len(next(x for x in e.elems if x.id == b"KeyTime").props[0]) for e in objects if e.id == b"AnimationCurve"}
    assert counts <= {last - first + 1 for _, first, last in CLIPS}


def test_fbx_stands_in_the_t_pose_with_a_still_face(written: Written) -> None:
    objects = next(e for e in fbx(written.folder / "unity.fbx").elems if e.id == b"Objects").elems
    channels = [e for e in objects if e.id == b"Deformer" and e.props[2] == b"BlendShapeChannel"]
    assert len(channels) == 52
    for channel in channels:
        assert next(x for x in channel.elems if x.id == b"DeformPercent").props[0] == 0.0
    models = {e.props[1].split(b"\x00")[0].decode(): e for e in objects if e.id == b"Model"}
    signer = signers.signers(bpy.context.scene)[1]
    for name in ("left_elbow", "right_index2", "neck"):
        lcl = properties70(models[name])
        bone = signer.data.bones[name]
        rest = (bone.parent.matrix_local.inverted() @ bone.matrix_local).to_euler("XYZ")
        turned = np.array(lcl.get(b"Lcl Rotation", [0, 0, 0]))
        assert np.allclose(np.mod(turned - np.degrees(rest) + 180.0, 360.0), 180.0, atol=0.05), name


def test_markers_stand_beside(written: Written) -> None:
    data = json.loads((written.folder / "signs.glb.events.json").read_text(encoding="utf-8"))
    assert (data["media"], data["fps"], data["frames"]) == ("signs.glb", FPS, FRAMES)
    assert [(c["name"], c["first_frame"], c["last_frame"]) for c in data["clips"]] == CLIPS
    assert [[(e["gloss"], e["start"], e["end"]) for e in c["events"]] for c in data["clips"]] == [
        [("HELLO", 0.12, 0.4)], [("BOOK", 0.0, 0.22)], [("HELLO", 0.0, 0.3)],
    ]  # fmt: skip


def test_arms_that_ik_moves_are_exported_as_they_are_seen(written: Written, tmp_path: Path) -> None:
    scene = bpy.context.scene
    armature = next(a for a in signers.signers(scene) if a.name == "Sam")
    rig_snap.arms_to_mode(armature, "IK", range(8, 8 + FRAMES), scene=scene)
    hand = armature.pose.bones[rig_controls.control_bones("right")[0]]
    hand.location.x += 0.05
    hand.keyframe_insert("location", frame=18)
    scene.frame_set(18)
    graph = bpy.context.evaluated_depsgraph_get()
    seen = np.array([armature.evaluated_get(graph).pose.bones[name].head.copy() for name in JOINT_NAMES])
    motion = exporting.signed(signers.signer_of(armature), scene)
    moved = expected_joints(motion, slice(10, 11))[0]
    assert np.linalg.norm(moved - seen, axis=-1).max() < 1e-3
    assert np.linalg.norm(moved - expected_joints(written.motion, slice(10, 11))[0], axis=-1).max() > 0.01


def test_what_cannot_be_exported_is_said(written: Written, tmp_path: Path) -> None:
    scene = bpy.context.scene
    sam, other = (next(a for a in signers.signers(scene) if a.name == name) for name in ("Sam", "Other"))
    for path, signer, kind, words, settings in (
        ("a.glb", other, InputError, "signs nothing yet", {}), ("a.xyz", sam, OutputError, "unknown format 'xyz'", {}),
        ("no/a.glb", sam, OutputError, "there is no folder", {}), ("a.glb", sam, InputError, "clips 'word'", {"clips": "word"}),
        ("a.glb", sam, InputError, "comes without one", {"clips": "sentence"}), ("a.fbx", sam, InputError, "preset 'maya'", {"preset": "maya"}),
    ):  # fmt: skip
        with pytest.raises(kind, match=words):
            exporting.export(tmp_path / path, signer, scene=scene, **settings)
    with pytest.raises(InputError, match="no signs to cut"):
        exporting.export(tmp_path / "a.glb", sam, clips="sign", motion=replace(written.motion, segments=()), scene=scene)
    with pytest.raises(MachineError, match="no exporter export_scene.absent"):
        exporting._call(bpy.ops.export_scene.absent, filepath=str(tmp_path / "a"))
    assert not list(tmp_path.iterdir()) and isinstance(signers.plan_of(sam), ActionSequence | None)
