"""Motions of other layouts on signers, and the operators that export and import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import export_operators, exporting, heatmap, importing, keying, properties, signers  # noqa: E402
from signgen_core.datasets import writers  # noqa: E402
from signgen_core.errors import InputError  # noqa: E402
from signgen_core.kinematics.rotations import axis_angle_to_matrix  # noqa: E402
from signgen_core.motion import Motion, Segment, write_npz  # noqa: E402
from signgen_core.pipeline import joints  # noqa: E402


def wave(frames: int, fps: float, seed: int = 0, uncertain: bool = False) -> Motion:
    rng = np.random.default_rng(seed)
    poses = np.sin(np.arange(frames)[:, None, None] * 0.2 + rng.uniform(0, 6, (55, 3))) * 0.4
    face = np.abs(np.sin(np.arange(frames)[:, None] * 0.3 + np.arange(52)))
    unsure = np.full((frames, 4), 0.3, dtype=np.float32) if uncertain else None
    signs = (Segment("HELLO", 0.0, 0.1, 0.0),)
    return Motion(poses, np.zeros((frames, 3)), np.array([0.5, -0.5]), np.zeros((frames, 10)), face, fps, signs, uncertainty=unsure)


@pytest.fixture
def scene() -> Iterator[object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield bpy.context.scene


@pytest.fixture
def operators(scene: object) -> Iterator[None]:
    properties.register()
    export_operators.register()
    yield
    export_operators.unregister()
    properties.unregister()


def same_turns(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(axis_angle_to_matrix(a) - axis_angle_to_matrix(b)).max() < 1e-4)


def test_a_motion_gets_a_signer_of_its_shape_and_name(scene: object, tmp_path: Path) -> None:
    motion = wave(8, 25.0, uncertain=True)
    write_npz(tmp_path / "hello.npz", motion, joints(motion))
    (made,) = importing.import_motion(tmp_path / "hello.npz", scene=scene)
    signer = signers.signer_of(made.armature)
    assert made.armature.name == "hello" and np.allclose(signer.betas[:2], [0.5, -0.5])
    back = keying.read_motion(signer, scene=scene)
    assert same_turns(back.poses, motion.poses) and np.allclose(back.face, motion.face, atol=1e-6)
    assert back.fps == 25.0 and back.segments == motion.segments and (scene.frame_start, scene.frame_end) == (1, 8)
    assert heatmap.has_heatmap(signer.mesh) and not heatmap.heatmap_shown(signer.mesh)


def test_clips_stand_side_by_side_at_one_rate(scene: object, tmp_path: Path) -> None:
    first, second = wave(7, 30.0, 1), wave(9, 24.0, 2)
    folder = tmp_path / "clips"
    folder.mkdir()
    writers.write_motion(folder / "a.bvh", first)
    writers.write_motion(folder / "b.bvh", second)
    made = importing.import_motion(folder, scene=scene)
    assert [one.armature.name for one in made] == ["a", "b"] and made[0].armature.location.x != made[1].armature.location.x
    assert keying._info(signers.signer_of(made[1].armature))["fps"] == 30.0 and scene.frame_end == 11
    writers.write_motion(tmp_path / "c.pkl", wave(5, 24.0, 3))
    (third,) = importing.import_motion(tmp_path / "c.pkl", scene=scene)
    assert scene.render.fps == 30 and scene.frame_end == 11 and "24 fps" in third.note and third.armature.location.x > made[1].armature.location.x
    assert sorted(m.armature.name for m in (*made, third)) == ["a", "b", "c"]


def test_a_chosen_signer_takes_a_clip(scene: object, tmp_path: Path) -> None:
    signer = signers.add_signer(scene)
    keying.key_motion(signer, wave(20, 30.0, 4), scene=scene)
    motion = wave(6, 30.0, 5)
    writers.write_motion(tmp_path / "m.npy", motion)
    (made,) = importing.import_motion(tmp_path / "m.npy", onto=signer.armature, scene=scene)
    assert made.armature == signer.armature and len(signers.signers(scene)) == 1 and scene.frame_end == 6
    assert same_turns(keying.read_motion(signer, scene=scene).poses, motion.poses) and "without face" in made.note


def test_what_cannot_be_imported_leaves_the_scene_alone(scene: object, tmp_path: Path) -> None:
    motion = wave(4, 30.0)
    writers.write_motion(tmp_path / "m.pose", motion)
    (tmp_path / "many").mkdir()
    for k in range(importing.MOST_SIGNERS + 1):
        writers.write_motion(tmp_path / "many" / f"{k:02d}.npy", motion)
    signer = signers.add_signer(scene)
    for path, words, more in (
        ("m.pose", "tracked points", {}), ("many", "holds 13 clips; name those", {}), ("many", "one signer takes one", {"onto": signer.armature}),
        ("absent.npz", "no such file", {}), ("many", "no clip 'x'", {"names": ["x"]}),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            importing.import_motion(tmp_path / path, scene=scene, **more)
    assert len(signers.signers(scene)) == 1 and not exporting.is_keyed(signer.armature)
    assert len(importing.import_motion(tmp_path / "many", names=["03"], scene=scene)) == 1


def test_operators_import_and_export(operators: None, tmp_path: Path) -> None:
    scene = bpy.context.scene
    assert not bpy.ops.signgen.export_glb.poll()
    signer = signers.add_signer(scene)
    assert not bpy.ops.signgen.export_bvh.poll()
    motion = replace(wave(6, 25.0, 6), betas=np.zeros(10))
    for name in ("x", "y"):
        writers.write_motion(tmp_path / f"{name}.bvh", motion)
    files = [{"name": "x.bvh"}, {"name": "y.bvh"}]
    assert bpy.ops.signgen.import_motion(directory=str(tmp_path), files=files, filepath=str(tmp_path / "x.bvh")) == {"FINISHED"}
    assert [a.name for a in signers.signers(scene)] == ["Signer", "x", "y"] and bpy.context.object.name == "y"
    bpy.context.view_layer.objects.active = signer.armature
    assert bpy.ops.signgen.import_motion(filepath=str(tmp_path / "x.bvh"), onto_selected=True) == {"FINISHED"}
    assert exporting.is_keyed(signer.armature) and len(signers.signers(scene)) == 3
    assert bpy.ops.signgen.export_bvh(filepath=str(tmp_path / "out.bvh"), unit="cm") == {"FINISHED"}
    assert bpy.ops.signgen.export_blend(filepath=str(tmp_path / "out.blend"), markers=False) == {"FINISHED"}
    assert {p.name for p in tmp_path.iterdir()} == {"x.bvh", "y.bvh", "out.bvh", "out.bvh.events.json", "out.blend"}
    again = importing.open_dataset(tmp_path / "out.bvh").load("out")
    assert same_turns(again.motion.poses, motion.poses) and again.provenance["unit"] == "0.01 m"
    for run, words in (
        (lambda: bpy.ops.signgen.export_glb(filepath=str(tmp_path / "no" / "a.glb")), "there is no folder"),
        (lambda: bpy.ops.signgen.import_motion(filepath=str(tmp_path / "absent.npz")), "no such file"),
        (lambda: bpy.ops.signgen.export_fbx(filepath=str(tmp_path / "a.fbx"), clips="sign"), "no signs to cut"),
    ):
        with pytest.raises(RuntimeError, match=words):
            run()


def test_menus_come_and_go(scene: object) -> None:
    def drawn() -> int:
        # Blender makes a list of draw functions, its own first, of a menu that others add to
        return sum(len(getattr(getattr(bpy.types, menu).draw, "_draw_funcs", ())) for menu, _ in export_operators._MENUS)

    export_operators.register()
    there = drawn()
    export_operators.unregister()
    once = drawn()
    assert there == once + 2
    for _ in range(3):
        export_operators.register()
        export_operators.unregister()
    assert drawn() == once
    assert {name for name, _ in export_operators._MENU} == {c.bl_idname for c in export_operators.CLASSES if "OT_export" in c.__name__}
