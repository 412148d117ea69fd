"""Opens an exported file in a process of its own and writes down what is in it: `python exported_reader.py JOBS.json`.

A job: file, out (.npz), fps, clips [[name, frames]], step. The npz gets, for clip k, `joints{k}` (N, 55, 3) in metres and Blender's axes (or, of files without
bones, `points{k}` (N, V, 3)) and `face{k}` (N, 52) of every step-th frame; `facts`, JSON: clip lengths, bones, shapes and scales as the file has them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np

ARKIT, JOINTS = json.loads(sys.argv[2]), json.loads(sys.argv[3])


def open_file(path: str, fps: float) -> None:
    kind = Path(path).suffix
    if kind == ".blend":
        bpy.ops.wm.open_mainfile(filepath=path)
        return
    bpy.ops.wm.read_factory_settings(use_empty=True)
    whole = int(np.ceil(fps - 1e-6))
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = whole, whole / fps
    if kind == ".glb":
        bpy.ops.import_scene.gltf(filepath=path)
    elif kind == ".fbx":
        bpy.ops.import_scene.fbx(filepath=path)
    elif kind == ".bvh":
        bpy.ops.import_anim.bvh(filepath=path)
    elif kind == ".usdc":
        bpy.ops.wm.usd_import(filepath=path)
    else:
        bpy.ops.wm.alembic_import(filepath=path, as_background_job=False)


def play(block: Any, clip: str) -> tuple[float, float] | None:
    """Lets a data-block do one clip only; where it begins and how many frames it lasts."""
    data = block.animation_data
    if data is None:
        return None
    for track in data.nla_tracks:
        for strip in track.strips:
            if clip in (strip.name, track.name):  # before 4.4 the glTF importer names strips by action and object
                data.action = None
                for other in data.nla_tracks:
                    other.mute = other != track if not other.name.startswith("SignGen") else False
                return strip.frame_start, strip.frame_end - strip.frame_start
    for action in bpy.data.actions:
        owner, _, label = action.name.rpartition("|")
        kind = "KEY" if isinstance(block, bpy.types.Key) else "OBJECT"
        slot = next((s for s in getattr(action, "slots", ()) if s.target_id_type == kind), None)
        if label == clip and (not owner or owner == block.name) and (slot is not None or not hasattr(action, "slots")):
            data.action = action
            if slot is not None:
                data.action_slot = slot
            return action.frame_range[0], action.frame_range[1] - action.frame_range[0]
    return None if data.action is None else (data.action.frame_range[0], data.action.frame_range[1] - data.action.frame_range[0])


def read(job: dict[str, Any]) -> None:
    open_file(job["file"], job["fps"])
    scene = bpy.context.scene
    armature = next((o for o in scene.objects if o.type == "ARMATURE"), None)
    meshes = [o for o in scene.objects if o.type == "MESH" and "Icosphere" not in o.name]
    keys = next((o.data.shape_keys for o in meshes if o.data.shape_keys is not None), None)
    facts: dict[str, Any] = {
        "bones": [] if armature is None else [b.name for b in armature.data.bones], "shapes": [] if keys is None else [k.name for k in keys.key_blocks],
        "fps": scene.render.fps / scene.render.fps_base, "clips": {}, "markers": [[m.name, m.frame] for m in scene.timeline_markers],
        "armature": None if armature is None else armature.name, "actions": sorted(a.name for a in bpy.data.actions),
        "keys": sorted({len(c.keyframe_points) for a in bpy.data.actions for c in curves(a)}),
        "constraints": 0 if armature is None else sum(len(b.constraints) for b in armature.pose.bones),
        "modifiers": sorted({m.type for o in meshes for m in o.modifiers}), "packed": [i.packed_file is not None for i in bpy.data.images],
        "properties": [] if armature is None else [p for p in armature.keys()],
    }  # fmt: skip
    arrays: dict[str, np.ndarray] = {}
    for k, (clip, count) in enumerate(job["clips"]):
        span = None if armature is None else play(armature, clip)
        face_span = None if keys is None else play(keys, clip)
        start = 1.0 if span is None else span[0]
        facts["clips"][clip] = None if span is None else span[1]
        joints, points, face = [], [], []
        for t in range(0, count, job["step"]):
            scene.frame_set(round(start + t))
            graph = bpy.context.evaluated_depsgraph_get()
            if armature is not None:
                posed = armature.evaluated_get(graph)
                joints.append([posed.matrix_world @ posed.pose.bones[name].head for name in JOINTS])
            else:
                shape = meshes[0].evaluated_get(graph)
                points.append([shape.matrix_world @ v.co for v in shape.data.vertices])
            if face_span is not None:
                face.append([keys_of(meshes, graph)[name].value for name in ARKIT])
        arrays |= {f"joints{k}": np.array(joints), f"points{k}": np.array(points), f"face{k}": np.array(face)}
    np.savez(job["out"], facts=json.dumps(facts), **arrays)


def keys_of(meshes: list[Any], graph: Any) -> Any:
    mesh = next(o for o in meshes if o.data.shape_keys is not None)
    return mesh.data.shape_keys.evaluated_get(graph).key_blocks


def curves(action: Any) -> list[Any]:
    if hasattr(action, "layers"):
        return [c for layer in action.layers for strip in layer.strips for slot in action.slots for c in (strip.channelbag(slot) or _NONE).fcurves]
    return list(action.fcurves)


class _NONE:
    fcurves: tuple[Any, ...] = ()


for each in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    read(each)
