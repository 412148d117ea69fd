"""The Blender half of SignGen: rig, keyframes and scene, on top of `signgen_core`, and the add-on's panel.

    armature    Body -> Signer: 55 SMPL-X bones, skinned mesh, ARKit shape keys, materials
    keying      Motion <-> fcurves; the only place that converts axes and rotations between core and Blender
    scene       studio: background, lights, camera, render settings per quality
    signers     the signers of a file: finds them again, and the plans that they hold
    session     who signs, the worker process or a thread, and the job that runs
    compat      what differs between the Blenders that this runs in
    preferences, properties, operators, rig_operators, panel
                what a user sees; the only modules that read the context

Work functions take arguments and return what they made; none of them reads the user's selection. Nothing here imports torch or click.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

# Read by Blenders before 4.2; later ones read blender_manifest.toml.
bl_info = {
    "name": "SignGen",
    "author": "SignGen",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "3D Viewport > Sidebar > SignGen",
    "description": "English text to editable American Sign Language animation",
    "category": "Animation",
}

# In the order of registering; each has register() and unregister(). The panel shows what the ones before it hold.
PARTS = (
    "preferences", "session", "properties", "operators", "rig_operators", "export_operators", "plan_properties", "plan_operators", "timeline",
    "panel", "plan_panel", "rig_panel",
)  # fmt: skip


def register() -> None:
    """Called by Blender when the add-on is enabled. A part that fails takes the earlier ones back with it."""
    done: list[ModuleType] = []
    try:
        for name in PARTS:
            part = import_module(f".{name}", __name__)
            part.register()
            done.append(part)
    except BaseException:
        for part in reversed(done):
            part.unregister()
        raise


def unregister() -> None:
    """Called by Blender when the add-on is disabled."""
    for name in reversed(PARTS):
        import_module(f".{name}", __name__).unregister()
