"""Seconds to key a motion on a signer: `blender_addon.keying` against Blender's own `keyframe_insert`, in one run.

    python benchmarks/keying.py [--frames 300]

Both write the same curves: four quaternion channels of 55 bones, three of the root, and every face coefficient, on every frame.
"""

from __future__ import annotations

import argparse
import statistics
import time

import bpy
import numpy as np

from blender_addon.armature import build_signer
from blender_addon.keying import bone_frames, clear_keys, key_motion
from signgen_core.body import load_body
from signgen_core.character import read_character
from signgen_core.face import ARKIT_NAMES
from signgen_core.kinematics.rotations import axis_angle_to_quaternion, continuous_quaternions
from signgen_core.motion import Motion
from signgen_core.rig import JOINT_NAMES


def busy_motion(frames: int) -> Motion:
    """Every channel moves on every frame, so that nothing can be left out."""
    rng = np.random.default_rng(0)
    drift = np.cumsum(rng.normal(0.0, 0.01, (frames, 55, 3)), axis=0)
    face = np.clip(0.5 + np.cumsum(rng.normal(0.0, 0.01, (frames, 52)), axis=0), 0.01, 1.0)
    return Motion(drift, drift[:, 0], np.zeros(10), np.zeros((frames, 10)), face, 30.0)


def insert_one_by_one(signer: object, motion: Motion) -> None:
    """The plain way: set a value, insert a keyframe, for every bone and shape key of every frame."""
    armature, keys = signer.armature, signer.mesh.data.shape_keys  # type: ignore[attr-defined]
    matrices = bone_frames(armature)
    quaternions = continuous_quaternions(axis_angle_to_quaternion(np.einsum("jab,tjb->tja", matrices, motion.poses)))
    shift = motion.transl @ matrices[0].T
    for t in range(motion.num_frames):
        for j, name in enumerate(JOINT_NAMES):
            bone = armature.pose.bones[name]
            bone.rotation_quaternion = quaternions[t, j]
            bone.keyframe_insert("rotation_quaternion", frame=t + 1, group=name)
        armature.pose.bones[JOINT_NAMES[0]].location = shift[t]
        armature.pose.bones[JOINT_NAMES[0]].keyframe_insert("location", frame=t + 1)
        for k, name in enumerate(ARKIT_NAMES):
            keys.key_blocks[name].value = motion.face[t, k]
            keys.key_blocks[name].keyframe_insert("value", frame=t + 1)


def count_keys() -> int:
    total = 0
    for action in bpy.data.actions:
        curves = [c for layer in action.layers for strip in layer.strips for bag in strip.channelbags for c in bag.fcurves] if hasattr(
            action, "layers") else list(action.fcurves)  # fmt: skip
        total += sum(len(curve.keyframe_points) for curve in curves)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    frames = parser.parse_args().frames
    bpy.ops.wm.read_factory_settings(use_empty=True)
    signer = build_signer(load_body("default"), character=read_character())
    motion = busy_motion(frames)
    fast = []
    for _ in range(5):
        start = time.perf_counter()
        key_motion(signer, motion)
        fast.append(time.perf_counter() - start)
    keys = count_keys()
    clear_keys(signer, bpy.context.scene)
    start = time.perf_counter()
    insert_one_by_one(signer, motion)
    slow = time.perf_counter() - start
    assert count_keys() == keys, "the two ways made different numbers of keys"
    print(f"Blender {bpy.app.version_string}, {frames} frames, {keys} keys")
    print(f"key_motion       {statistics.median(fast):8.3f} s  (median of {len(fast)})")
    print(f"keyframe_insert  {slow:8.3f} s")
    print(f"ratio            {slow / statistics.median(fast):8.1f} x")


if __name__ == "__main__":
    main()
