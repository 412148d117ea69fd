"""The add-on's preferences, and the folder that it may write to.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from signgen_core.body.load import BAKED_DIR, keep_cache_in

from . import compat
from .session import session


class SignGenPreferences(bpy.types.AddonPreferences):
    """What a user sets once. worker_python: as `environment.find_command` takes it."""

    bl_idname = __package__

    worker_python: StringProperty(
        name="Python of the worker",
        description="Python, virtual environment or source folder with SignGen, for what needs its models; empty: found by itself. "
        "Without one, signs are made by rule inside Blender",
        subtype="FILE_PATH",
        default="",
    )

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "worker_python")
        self.layout.label(text=session().worker.words, icon="INFO")
        if session().worker.detail:
            self.layout.label(text=session().worker.detail, translate=False)


def preferences(context: bpy.types.Context) -> SignGenPreferences | None:
    """The preferences; None where the package was registered without being enabled as an add-on."""
    addon = context.preferences.addons.get(__package__)
    return None if addon is None else addon.preferences


def environment(context: bpy.types.Context) -> str:
    """Where the user says that the worker's environment is; empty where nothing is said."""
    found = preferences(context)
    return "" if found is None else bpy.path.abspath(found.worker_python)


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
