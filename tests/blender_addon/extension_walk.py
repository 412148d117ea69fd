"""Runs inside a Blender: installs the extension's zip, uses it, takes it off again, and writes what was found as one line of JSON.

    PYTHON_WITH_BPY extension_walk.py ZIP [CACHE]     (4.2 and later)
    blender --background --factory-startup --python extension_walk.py -- ZIP [CACHE]     (also 3.4, where the zip is a legacy add-on)

CACHE: sign by a worker too, the one that SIGNGEN_PYTHON names, with that cache folder.
BLENDER_USER_RESOURCES (before 4.2: BLENDER_USER_SCRIPTS and others) must name an empty folder. The checks stand in `test_extension.py`.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import bpy
import numpy as np

SEEN: list[tuple[np.ndarray, np.ndarray]] = []  # (bone heads, face) at the frames that `animated` looked at
SENTENCE = "Hello, my name is Anna."


def leftovers() -> dict:
    """Everything that an add-on can leave behind."""
    handlers = {name: len(getattr(bpy.app.handlers, name)) for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)}
    kinds = (bpy.types.Operator, bpy.types.Panel, bpy.types.PropertyGroup, bpy.types.AddonPreferences, bpy.types.UIList, bpy.types.Menu)
    named = sorted({cls.__name__ for kind in kinds for cls in kind.__subclasses__() if cls.is_registered and "signgen" in cls.__module__})
    owners = (bpy.types.Scene, bpy.types.Object, bpy.types.WindowManager, bpy.types.PoseBone, bpy.types.Action)
    properties = sorted(p.identifier for owner in owners for p in owner.bl_rna.properties if "signgen" in p.identifier)
    keymaps = sum(len(keymap.keymap_items) for config in bpy.context.window_manager.keyconfigs for keymap in config.keymaps)
    children = subprocess.run(["ps", "-o", "stat=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False) if shutil.which("ps") else None
    return {
        "children": 0 if children is None else len(children.stdout.splitlines()) - 1,
        "handlers": handlers, "classes": named, "properties": properties, "operators": sorted(n for n in dir(bpy.ops.signgen) if not n.startswith("_")),
        "keymaps": keymaps, "threads": threading.active_count(),
    }  # fmt: skip


def tree(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def install(archive: str) -> str:
    """Installs and enables the zip as this Blender does it, and returns the add-on's module name."""
    if bpy.app.version >= (4, 2, 0):
        bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
        return "bl_ext.user_default.signgen"
    bpy.ops.preferences.addon_install(filepath=archive)
    bpy.ops.preferences.addon_enable(module="signgen")
    return "signgen"


def uninstall(module: str) -> None:
    if bpy.app.version >= (4, 2, 0):
        repos = bpy.context.preferences.extensions.repos
        bpy.ops.extensions.package_uninstall(repo_index=next(i for i, repo in enumerate(repos) if repo.module == "user_default"), pkg_id="signgen")
        return
    bpy.ops.preferences.addon_disable(module=module)
    # Blender's own operator redraws an editor, which there is none of without a window
    shutil.rmtree(Path(sys.modules[module].__file__).parent)


def animated(scene: bpy.types.Scene, thing: bpy.types.Object) -> dict:
    """How far bones and face move over the scene's frames, as Blender evaluates them: an action whose slot is not set moves nothing."""
    heads, faces = [], []
    for frame in range(scene.frame_start, scene.frame_end + 1, 10):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        heads.append([list(bone.head) for bone in thing.evaluated_get(graph).pose.bones])
        mesh = next(child for child in thing.children if child.type == "MESH")
        faces.append([key.value for key in mesh.data.shape_keys.key_blocks])
    heads, faces = np.array(heads), np.array(faces)
    SEEN.append((heads, faces))
    return {"frames": len(heads), "travel": float((heads.max(0) - heads.min(0)).max()), "face": float((faces.max(0) - faces.min(0)).max())}


def in_strips(module: str, scene: bpy.types.Scene, thing: bpy.types.Object) -> dict:
    """The same motion as one action and NLA strip per sign, and back to one action: how far apart the bones and the faces are, and what reading gives."""
    keying, signers = (importlib.import_module(f"{module}.{name}") for name in ("keying", "signers"))
    signer = signers.signer_of(thing)
    motion = keying.read_motion(signer)
    actions = keying.key_motion(signer, motion, nla=True, scene=scene)
    animated(scene, thing)
    apart = [float(np.abs(a - b).max()) for a, b in zip(SEEN[-1], SEEN[-2], strict=True)]
    keying.key_motion(signer, motion, scene=scene)
    again = keying.read_motion(signer)
    return {
        "actions": len(actions), "bones_apart": apart[0], "face_apart": apart[1],
        "read_apart": float(np.abs(again.poses - motion.poses).max()), "left_over": sum(action.users == 0 for action in bpy.data.actions),
    }  # fmt: skip


def by_worker(module: str, scene: bpy.types.Scene) -> dict:
    """A sentence signed by a process of the environment that SIGNGEN_PYTHON names; and one asked of an environment that is not there."""
    session = importlib.import_module(f"{module}.session").session()
    scene.signgen.text, scene.signgen.who = SENTENCE, "worker"
    answer = {"sign": sorted(bpy.ops.signgen.sign()), "state": session.worker.state.value, "by": session.job.who}
    chosen = bpy.context.preferences.addons[module].preferences
    chosen.worker_python, scene.signgen.who = "/no/such/python", "auto"
    answer |= {"sign_without": sorted(bpy.ops.signgen.sign()), "state_without": session.worker.state.value, "note": session.note, "by_without": session.job.who}
    chosen.worker_python = ""
    return answer


def main(archive: str, worker_cache: str = "") -> dict:
    import addon_utils  # found once bpy is loaded

    started = time.monotonic()
    found: dict = {"blender": list(bpy.app.version), "numpy": np.__version__, "path": len(sys.path)}
    clean = leftovers()
    module = install(archive)
    package = sys.modules[module]
    home = Path(package.__file__).parent
    found["module"], found["path_after"] = module, len(sys.path)
    found["enabled"] = leftovers()
    before = tree(home)
    scene = bpy.context.scene
    scene.signgen.text, scene.signgen.who = SENTENCE, "inside"
    clock = time.monotonic()
    found["sign"] = sorted(bpy.ops.signgen.sign())
    found["first_seconds"] = time.monotonic() - clock
    clock = time.monotonic()
    found["sign_again"] = sorted(bpy.ops.signgen.sign())
    found["again_seconds"] = time.monotonic() - clock
    signer = next(thing for thing in scene.objects if thing.type == "ARMATURE")
    found["bones"], found["animated"] = len(signer.pose.bones), animated(scene, signer)
    found["strips"] = in_strips(module, scene, signer)
    found["markers"] = [marker.name for marker in scene.timeline_markers]
    found["plan"] = [action["gloss_id"] for action in json.loads(signer["signgen_plan"])["actions"]]
    found["added"] = sorted(bpy.ops.signgen.add_signer())
    found["signers"] = sum(thing.type == "ARMATURE" for thing in scene.objects)
    scene.signgen.text = ""
    found["poll_without_text"] = bpy.ops.signgen.sign.poll()
    scene.signgen.text = "..."
    try:
        bpy.ops.signgen.sign()
        found["error"] = None
    except RuntimeError as problem:
        found["error"] = str(problem).strip()
    if worker_cache:
        os.environ["SIGNGEN_CACHE"] = worker_cache  # for the worker, which is no part of the add-on
        found["worker"] = by_worker(module, scene)
        del os.environ["SIGNGEN_CACHE"]
    found["own_files_changed"] = sorted(name for name, when in tree(home).items() if before.get(name) != when)
    found["heavy"] = sorted({"torch", "click", "simplemma", "HanTa", "signgen_core", "blender_addon"} & set(sys.modules))
    install(archive)  # over itself, as an update does
    found["sign_after_update"] = sorted(bpy.ops.signgen.add_signer())
    for _ in range(10):
        addon_utils.disable(module)
        found.setdefault("disabled", leftovers())
        addon_utils.enable(module)
    found["enabled_again"] = leftovers()
    found["sign_after"] = sorted(bpy.ops.signgen.add_signer())
    uninstall(module)
    found["clean"], found["uninstalled"] = clean, leftovers()
    found["home_left"] = home.exists()
    found["seconds"] = time.monotonic() - started
    return found


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    answer = main(*arguments)
    print("\nFOUND " + json.dumps(answer), flush=True)
    if bpy.app.version < (4, 5, 0):
        # The bpy 4.2 module frees its own panels after Python is gone and crashes on the way out once an extension was installed over itself,
        # even one that registers nothing.
        os._exit(0)
