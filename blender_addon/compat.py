"""What differs between the Blenders that the add-on runs in (3.4, 4.2 to 5.2), in one place.

Actions. Up to 4.3 an action holds F-curves and serves one data-block. From 4.4 on it has slots, one for each data-block, and from 5.0 on its F-curves
are reached through a slot's channel bag only. Slots are always assigned by hand here: Blender's own choice silently leaves a data-block still
when the names differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

# Whether one action serves several data-blocks, each through a slot of its own (4.4 and later).
SLOTTED = "slots" in bpy.types.Action.bl_rna.properties
_KINDS = {"KEY": "Face", "OBJECT": "Rig"}  # id type of a slot: its name when it is made here


def _kind(id_block: bpy.types.ID) -> str:
    """The id type as slots spell it."""
    return str(getattr(id_block, "id_type", "") or ("KEY" if isinstance(id_block, bpy.types.Key) else "OBJECT"))


# ---- actions


def slot_for(action: bpy.types.Action, id_block: bpy.types.ID, *, make: bool = False) -> Any:
    """The slot of an action for the kind of a data-block, made if asked for; None where there is none, and before Blender 4.4."""
    if not SLOTTED:
        return None
    kind = _kind(id_block)
    for slot in action.slots:
        if slot.target_id_type in (kind, "UNSPECIFIED"):
            return slot
    return action.slots.new(id_type=kind, name=_KINDS.get(kind, id_block.name)) if make else None


def assign(action: bpy.types.Action | None, id_block: bpy.types.ID) -> None:
    """Makes an action the one that moves a data-block (None: no action does), with its slot."""
    data = id_block.animation_data_create()
    data.action = action
    if SLOTTED and action is not None:
        slot = slot_for(action, id_block)
        if slot is not None:
            data.action_slot = slot


def assign_strip(strip: bpy.types.NlaStrip, id_block: bpy.types.ID) -> None:
    """Gives an NLA strip the slot of its action for a data-block."""
    if SLOTTED:
        strip.action_slot = slot_for(strip.action, id_block)


def channels(action: bpy.types.Action, id_block: bpy.types.ID) -> Any:
    """What holds `.fcurves` and `.groups` of an action for one data-block, which is set to be moved by it."""
    if not SLOTTED:
        assign(action, id_block)
        return action
    slot = slot_for(action, id_block, make=True)
    assign(action, id_block)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def bag_of(action: bpy.types.Action, slot: Any) -> Any:
    """What holds `.fcurves` and `.groups` of one slot of an action, None where the slot has no keys; before Blender 4.4 the action itself."""
    if not SLOTTED:
        return action
    if slot is None:
        return None
    bags = (strip.channelbag(slot) for layer in action.layers for strip in layer.strips)
    return next((bag for bag in bags if bag is not None), None)


def active_bag(id_block: bpy.types.ID) -> Any:
    """What holds the F-curves that move a data-block now; None where it has no action or no slot of it."""
    data = id_block.animation_data
    if data is None or data.action is None:
        return None
    return bag_of(data.action, data.action_slot if SLOTTED else None)


def all_curves(action: bpy.types.Action) -> Iterator[bpy.types.FCurve]:
    """Every F-curve of an action, of whatever slot."""
    if not SLOTTED:
        yield from action.fcurves
        return
    for slot in action.slots:
        bag = bag_of(action, slot)
        if bag is not None:
            yield from bag.fcurves


# ---- meshes and materials


def set_polygons(mesh: bpy.types.Mesh, counts: np.ndarray) -> None:
    """Says where the loops of each polygon begin; counts (P,) are its corners."""
    counts = np.asarray(counts, dtype=np.int32)
    mesh.polygons.foreach_set("loop_start", (np.cumsum(counts) - counts).astype(np.int32))
    if not bpy.types.MeshPolygon.bl_rna.properties["loop_total"].is_readonly:
        mesh.polygons.foreach_set("loop_total", counts)  # later Blenders have it from where the next one begins


def shader_input(shader: bpy.types.ShaderNode, name: str) -> Any:
    """An input of the principled shader by its name in Blender 4 and later."""
    older = {"Subsurface Weight": "Subsurface", "Specular IOR Level": "Specular", "Coat Weight": "Clearcoat", "Emission Color": "Emission"}
    return shader.inputs[name] if name in shader.inputs else shader.inputs[older[name]]


# ---- the program around


def poll_message(operator: type[bpy.types.Operator], message: str) -> bool:
    """Says why an operator is not to be had, in the tip of its button; always False, for `return poll_message(...)`."""
    operator.poll_message_set(message)
    return False


def progress_bar(layout: bpy.types.UILayout, factor: float, text: str) -> None:
    """A bar with a text in it; a plain label where Blender has no bars (before 4.0)."""
    if hasattr(layout, "progress"):
        layout.progress(factor=factor, text=text, type="BAR")
    else:
        layout.label(text=f"{text} {factor:.0%}")


def user_folder(package: str) -> Path:
    """The folder that an installed add-on may write to, made if it is missing. package: the `__package__` of the add-on."""
    if hasattr(bpy.utils, "extension_path_user") and package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, create=True))
    return Path(bpy.utils.user_resource("DATAFILES", path=package.rpartition(".")[2], create=True))
