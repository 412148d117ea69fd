"""The add-on's preferences, and the folder that it may write to.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from signgen_core.body.load import BAKED_DIR, keep_cache_in

from . import compat


class SignGenPreferences(bpy.types.AddonPreferences):
    """What a user sets once. worker_python: the Python program of an environment in which SignGen is installed, or that environment's folder."""

    bl_idname = __package__

    worker_python: StringProperty(
        name="Python of the worker",
        description="Python program of an environment where SignGen is installed, for what needs its models; empty: found by itself. "
        "Without one, signs are made by rule",
        subtype="FILE_PATH",
        default="",
    )

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "worker_python")


def preferences(context: bpy.types.Context) -> SignGenPreferences | None:
    """The preferences; None where the package was registered without being enabled as an add-on."""
    addon = context.preferences.addons.get(__package__)
    return None if addon is None else addon.preferences


def folder() -> Path:
    """The only folder that the add-on writes to unasked, made if it is missing."""
    return compat.user_folder(__package__)


def register() -> None:
    bpy.utils.register_class(SignGenPreferences)
    if BAKED_DIR.is_dir():  # installed from the zip, and not the source tree
        keep_cache_in(folder() / "cache")


def unregister() -> None:
    keep_cache_in(None)
    bpy.utils.unregister_class(SignGenPreferences)
