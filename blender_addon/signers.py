"""The signers of a file: makes them, finds them again from their armatures, and keeps the plan that each one signs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np

from signgen_core.action import ActionSequence, dump_plan, parse_plan
from signgen_core.body import Body, load_body
from signgen_core.character import choose_character
from signgen_core.errors import InputError

from .armature import Signer, build_signer

# Custom properties of a signer's armature, which is all that a saved file keeps of it.
_BETAS = "signgen_betas"
_BODY = "signgen_body"  # "default", or the name of a licensed body
_FILE = "signgen_body_file"  # where that one was read from
_PLAN = "signgen_plan"  # JSON
_SPACING = 1.7  # metres from signer to signer: arms at rest point sideways


@lru_cache(maxsize=2)
def _body(source: str) -> Body:
    return load_body(source)


def add_signer(
    scene: bpy.types.Scene, character: str | Path | None = None, *, name: str = "Signer", betas: np.ndarray | None = None
) -> Signer:
    """A new signer on the scene's floor, to the signer's left of those that are there. character: looks, or an SMPL-X body file. betas: (B,) body shape."""
    looks, source = choose_character(character)
    body = _body(source or "default")
    place = max((other.location.x + _SPACING for other in signers(scene)), default=0.0)
    signer = build_signer(body, character=looks, betas=betas, name=name, collection=scene.collection)
    signer.armature[_FILE] = source or "default"
    signer.armature.location.x = place
    return signer


def is_signer(thing: bpy.types.Object | None) -> bool:
    """Whether an object is the armature of a signer."""
    return thing is not None and thing.type == "ARMATURE" and _BETAS in thing


def signers(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The armatures of the scene's signers, by name."""
    return sorted((thing for thing in scene.objects if is_signer(thing)), key=lambda thing: thing.name)


def signer_of(armature: bpy.types.Object) -> Signer:
    """The signer that an armature belongs to. Raises InputError for another armature, FileFormatError where its body file is gone."""
    if not is_signer(armature):
        raise InputError(f"{armature.name!r} is not a signer")
    mesh = next((child for child in armature.children if child.type == "MESH" and child.data.shape_keys is not None), None)
    if mesh is None:
        raise InputError(f"signer {armature.name!r}: its body mesh is gone")
    source = armature.get(_FILE, "default")
    body = _body(str(source))
    betas = np.array(armature[_BETAS], dtype=np.float64)
    ground = float(-body.shaped(betas)[:, 1].min())
    return Signer(armature, mesh, body, body.rig(betas), betas, ground)


def body_file(armature: bpy.types.Object) -> str | None:
    """The licensed body file that a signer was made from; None for the default body."""
    source = str(armature.get(_FILE, "default"))
    return None if source == "default" else source


def keep_plan(armature: bpy.types.Object, plan: ActionSequence) -> None:
    """Writes a plan into the file, on its signer."""
    armature[_PLAN] = dump_plan(plan)
    armature.update_tag()  # so that whoever shows the plan hears of it


def plan_text_of(armature: bpy.types.Object) -> str | None:
    """The plan that a signer signs, as the JSON text that the file holds; None where there is none."""
    text = armature.get(_PLAN)
    return None if text is None else str(text)


def plan_of(armature: bpy.types.Object) -> ActionSequence | None:
    """The plan that a signer signs; None where there is none. Raises PlanError for one that this version cannot read."""
    text = plan_text_of(armature)
    return None if text is None else parse_plan(text, source=armature.name)
