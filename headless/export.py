"""A motion, on a new signer of an empty Blender file, to a file of another program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headless.stage import import_bpy, quiet

if TYPE_CHECKING:
    from blender_addon.exporting import Exported
    from signgen_core.action import ActionSequence
    from signgen_core.motion import Motion


@dataclass(frozen=True)
class ExportJob:
    """How a motion is written; the fields are those of `blender_addon.exporting.export`. character: as in `signgen_core.character.choose_character`."""

    character: str | None = None
    preset: str = "unity"
    clips: str = "whole"
    name: str = "Signing"
    scale: float = 1.0
    markers: bool = True
    all_influences: bool = False


def export(path: Path, motion: Motion, plan: ActionSequence | None, job: ExportJob) -> Exported:
    """Writes a motion to `path`, whose suffix says the format. plan: the one behind the motion, kept in a .blend and told by the markers.

    Raises InputError where the motion cannot be cut into the clips that are wished for, OutputError for a place that cannot be written, MachineError
    without Blender.
    """
    with quiet():
        bpy = import_bpy()
        from blender_addon import exporting, signers

        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        signer = signers.add_signer(scene, job.character, betas=motion.betas)
        if plan is not None:
            signers.keep_plan(signer.armature, plan)
        return exporting.export(
            path, signer.armature, preset=job.preset, clips=job.clips, name=job.name, motion=motion, plan=plan, markers=job.markers,
            all_influences=job.all_influences, scale=job.scale, scene=scene,
        )  # fmt: skip
