"""Motions of any layout that `signgen_core.datasets` reads, as actions on signers; several clips stand side by side under their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from signgen_core.datasets import Clip, Dataset, PointClip, open_dataset
from signgen_core.errors import InputError
from signgen_core.kinematics.resample import resample

from . import exporting, heatmap, keying, signers

MOST_SIGNERS = 12  # of one import without a word on which clips are meant: each is a body of its own


@dataclass(frozen=True)
class Imported:
    """A clip that now moves a signer; `note`: what is known of it, in one line."""

    armature: bpy.types.Object
    clip: Clip
    note: str


def import_motion(
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    layout: str | None = None,
    onto: bpy.types.Object | None = None,
    character: str | None = None,
    shape: bool = True,
    start_frame: int = 1,
    scene: bpy.types.Scene | None = None,
) -> list[Imported]:
    """Opens a file or a folder of motions and keys each clip on a signer of its own, named like the clip, beside those that are there.

    names: of the clips that are meant (None: all). layout: as in `datasets.open_dataset`, where files do not tell. onto: a signer that takes the only
    clip, in place of a new one. shape: new signers get the clip's body shape. Where other signers move already, clips are resampled to the scene's
    rate and the range covers all; else the scene takes rate and range of the clips, the first one's rate where they differ.
    Raises InputError for no, too many or tracked-point clips, FileFormatError for broken files.
    """
    scene = scene or bpy.context.scene
    data = open_dataset(path, layout=layout)
    wanted = list(data.names if names is None else names)
    if onto is not None and len(wanted) > 1:
        raise InputError(f"{path}: holds {len(wanted)} clips; one signer takes one of them")
    if names is None and len(wanted) > MOST_SIGNERS:
        raise InputError(f"{path}: holds {len(wanted)} clips; name those that are meant, up to {MOST_SIGNERS} at once")
    clips = [_motion_clip(data, name) for name in wanted]  # all are read before the scene is touched
    others = [thing for thing in signers.signers(scene) if thing != onto and exporting.is_keyed(thing)]
    rate = scene.render.fps / scene.render.fps_base if others else clips[0].motion.fps
    first, last = (scene.frame_start, scene.frame_end) if others else (start_frame, start_frame)
    made = []
    for clip in clips:
        motion = resample(clip.motion, rate)
        if onto is not None:
            signer = signers.signer_of(onto)
        else:
            signer = signers.add_signer(scene, character, name=_short(clip.name), betas=motion.betas if shape else None)
        keying.key_motion(signer, motion, name=_short(clip.name), start_frame=start_frame, scene=scene)
        if motion.uncertainty is not None:
            heatmap.add_heatmap(signer.mesh, motion.uncertainty, start_frame=start_frame)
            heatmap.show_heatmap(signer.mesh, False)
        elif onto is not None:
            heatmap.remove_heatmap(signer.mesh)
        signer.armature["signgen_source"] = Path(path).name
        first, last = min(first, start_frame), max(last, start_frame + motion.num_frames - 1)
        made.append(Imported(signer.armature, clip, _note(clip)))
    scene.frame_start, scene.frame_end = first, last
    return made


def _motion_clip(data: Dataset, name: str) -> Clip:
    clip = data.load(name)
    if isinstance(clip, PointClip):
        raise InputError(f"{name}: holds tracked points, not the rotations that move a signer")
    return clip


def _short(name: str) -> str:
    """The last part of a clip's name, short enough for a data-block."""
    return name.rpartition("/")[2].encode()[:40].decode(errors="ignore") or "Signer"


def _note(clip: Clip) -> str:
    said = f"{clip.provenance.get('layout', 'motion')}, {clip.motion.num_frames} frames at {clip.motion.fps:g} fps ({clip.provenance.get('fps', 'stored')})"
    unseen = [part.replace("_", " ") for part, mask in clip.valid.items() if not mask.any()]
    return f"{said}, without {', '.join(unseen)}" if unseen else said
