"""The handshapes of the inventory on a signer's hands: applied at a frame or held over several, and as pose assets with previews."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Quaternion

from signgen_core.errors import InputError, OutputError
from signgen_core.kinematics.rotations import axis_angle_to_quaternion, matrix_to_axis_angle
from signgen_core.phonology.hand import NUM_ANGLES, HandModel, to_side
from signgen_core.phonology.handshapes import Handshapes, load_handshapes
from signgen_core.rig import HAND_JOINTS, SIDES, Side, hand_slice

from . import compat
from .armature import Signer
from .hand_picture import HandPainter
from .keying import bone_frames
from .rig_snap import Keys, stepping, turn_to

PREVIEW_SIZE = 128
CATALOG_FILE = "blender_assets.cats.txt"
_CATALOG = "SignGen/Handshapes"
_MARK = "signgen_handshape"  # custom property of the actions: the handshape's name
_HANDS: dict[tuple[str, bytes, Side], HandModel] = {}


def hand_model(signer: Signer, side: Side) -> HandModel:
    """The kinematics of one hand of a signer, found once a body and shape."""
    key = (str(signer.body.source), np.asarray(signer.betas, dtype=np.float64).tobytes(), side)
    if key not in _HANDS:
        while len(_HANDS) >= 4:
            del _HANDS[next(iter(_HANDS))]
        _HANDS[key] = HandModel.from_body(signer.body, side, signer.betas if len(signer.betas) else None)
    return _HANDS[key]


def hand_bones(side: Side) -> tuple[str, ...]:
    """The 15 finger bones of a hand in the order of `rig.HAND_JOINTS`."""
    return tuple(f"{side}_{name}" for name in HAND_JOINTS)


def hand_turns(armature: bpy.types.Object, hand: HandModel, angles: np.ndarray) -> np.ndarray:
    """(15, 4) quaternions wxyz of the finger bones, in their own frames, for a posture (21,) in radians."""
    angles = np.asarray(angles, dtype=np.float64)
    if angles.shape != (NUM_ANGLES,):
        raise InputError(f"hand angles: expected shape ({NUM_ANGLES},), found {angles.shape}")
    turns = matrix_to_axis_angle(to_side(hand.rotations(angles), hand.side))
    frames = bone_frames(armature)[hand_slice(hand.side)]
    return axis_angle_to_quaternion(np.einsum("jab,jb->ja", frames, turns))


def handshape_angles(name: str, finger_config: dict[str, float] | None = None, shapes: Handshapes | None = None) -> np.ndarray:
    """(21,) radians of a handshape, its digits bent to `finger_config` (0 closed to 1 straight). Raises LexiconError for unknown names."""
    return (shapes or load_handshapes())[name].blend(finger_config or {})


def apply_handshape(
    signer: Signer,
    side: Side,
    angles: np.ndarray,
    *,
    frames: Iterable[int] | None = None,
    ease: int = 0,
    scene: bpy.types.Scene | None = None,
) -> None:
    """Gives one hand a posture (21,): now, or with keys over `frames`.

    ease: so many frames before and after, in which the keys that are there turn into the posture and back. Wrist and other hand stay.
    Raises InputError for a wrong shape or a negative ease.
    """
    if ease < 0:
        raise InputError(f"ease: {ease} is negative")
    turns = [Quaternion(tuple(float(v) for v in q)) for q in hand_turns(signer.armature, hand_model(signer, side), angles)]
    bones = [signer.armature.pose.bones[name] for name in hand_bones(side)]
    if frames is None:
        for bone, turn in zip(bones, turns, strict=True):
            turn_to(bone, turn, None, Keys())
        return
    inside = sorted({int(frame) for frame in frames})
    if not inside:
        raise InputError("frames: none given")
    shares = _shares(inside[0], inside[-1], ease)
    around = [frame for frame in shares if not inside[0] <= frame <= inside[-1]]
    keys = Keys()
    for frame in stepping(signer.armature, sorted({*inside, *around}), scene):
        share = shares[int(frame or 0)]
        for bone, turn in zip(bones, turns, strict=True):
            before = bone.matrix_basis.to_quaternion()
            # slerp takes the shorter way only between quaternions of one sign
            goal = -turn if before.dot(turn) < 0.0 else turn
            turn_to(bone, before.slerp(goal, share), frame, keys)
    keys.write(scene)


def _shares(first: int, last: int, ease: int) -> dict[int, float]:
    """Frame: how far the posture holds there, smooth from 0 to 1 and back."""
    out = {}
    for frame in range(first - ease, last + ease + 1):
        away = max(first - frame, frame - last, 0) / (ease + 1)
        out[frame] = 1.0 - away * away * (3.0 - 2.0 * away)
    return out


# --- Assets ------------------------------------------------------------------------------------------------------------------


def build_pose_library(
    signer: Signer, *, names: Sequence[str] | None = None, sides: Sequence[Side] = SIDES, previews: bool = True
) -> list[bpy.types.Action]:
    """Pose assets of handshapes (default: all) for each hand, in this file; earlier ones of the same name are replaced.

    Each is an action of one frame with the 15 finger bones, marked as asset, with the inventory's description, tags and a picture.
    Raises LexiconError for an unknown name.
    """
    shapes = load_handshapes()
    chosen = [shapes[name] for name in (names if names is not None else shapes)]
    made = []
    # a body's left hand is its right one in the mirror: one picture does for both
    pictures = _pictures(signer, [shape.angles for shape in chosen]) if previews else []
    anchor = bpy.data.objects.new("SignGenSlot", None)  # slots are made for a data-block; the signer's own action must not be touched
    try:
        for side in sides:
            hand = hand_model(signer, side)
            for k, shape in enumerate(chosen):
                _discard(shape.name, side)
                action = bpy.data.actions.new(f"Handshape {shape.name} ({side})")
                action[_MARK], action["signgen_side"] = shape.name, side
                _key_hand(compat.channels(action, anchor), side, hand_turns(signer.armature, hand, shape.angles))
                action.asset_mark()
                data = action.asset_data
                data.description = shape.description
                data.catalog_id = catalog_id(side)
                for tag in ("signgen", "handshape", side):
                    data.tags.new(tag, skip_if_exists=True)
                if pictures:
                    _set_preview(action, pictures[k] if side == "right" else pictures[k][:, ::-1])
                made.append(action)
    finally:
        bpy.data.objects.remove(anchor)
    return made


def pose_assets() -> dict[tuple[str, str], bpy.types.Action]:
    """The handshape assets of this file by (handshape, side)."""
    return {(action[_MARK], action["signgen_side"]): action for action in bpy.data.actions if _MARK in action}


def save_pose_library(signer: Signer, path: str | Path, *, names: Sequence[str] | None = None, previews: bool = True) -> Path:
    """Writes the pose assets into a .blend file of their own, with Blender's catalogue file beside it; none stay in this file.

    Raises OutputError where the place is not writable.
    """
    path = Path(path)
    if path.suffix.lower() != ".blend":
        raise OutputError(f"{path}: the suffix must be .blend")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist")
    kept = set(pose_assets().values())
    if kept:
        raise InputError("this file holds handshape assets already; remove them or save them with the file")
    actions = build_pose_library(signer, names=names, previews=previews)
    try:
        bpy.data.libraries.write(str(path), set(actions), fake_user=True, compress=True)
        _write_catalogs(path.parent / CATALOG_FILE)
    except (OSError, RuntimeError) as problem:
        raise OutputError(f"{path}: cannot be written: {problem}") from problem
    finally:
        for action in actions:
            bpy.data.actions.remove(action)
    return path


def catalog_id(side: Side) -> str:
    """The catalogue of a hand's assets; the same in every file."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"signgen:{_CATALOG}/{side}"))


def _write_catalogs(path: Path) -> None:
    """Adds our catalogues to Blender's list of a library's folder; lines of others stay."""
    text = path.read_text(encoding="utf-8") if path.is_file() else "# Asset catalogues of this folder, read by Blender.\n\nVERSION 1\n\n"
    for side in SIDES:
        if catalog_id(side) not in text:
            text += f"{catalog_id(side)}:{_CATALOG}/{side.capitalize()}:SignGen-Handshapes-{side.capitalize()}\n"
    path.write_text(text, encoding="utf-8")


def _pictures(signer: Signer, postures: Sequence[np.ndarray]) -> list[np.ndarray]:
    painter = HandPainter(signer.body, hand_model(signer, "right"), signer.betas if len(signer.betas) else None)
    return [painter.draw(angles, PREVIEW_SIZE) for angles in postures]


def _discard(name: str, side: Side) -> None:
    action = pose_assets().get((name, side))
    if action is not None:
        bpy.data.actions.remove(action)


def _key_hand(bag: object, side: Side, turns: np.ndarray) -> None:
    for bone, turn in zip(hand_bones(side), turns, strict=True):
        group = bag.groups.new(bone)  # type: ignore[attr-defined]
        for axis in range(4):
            curve = bag.fcurves.new(f'pose.bones["{bone}"].rotation_quaternion', index=axis)  # type: ignore[attr-defined]
            curve.group = group
            curve.keyframe_points.add(1)
            curve.keyframe_points[0].co = (1.0, float(turn[axis]))
            curve.update()


def _set_preview(action: bpy.types.Action, picture: np.ndarray) -> None:
    preview = action.preview_ensure()
    preview.image_size = picture.shape[1::-1]
    pixels = (picture[::-1].astype(np.float32) / 255.0).ravel()  # Blender's rows run upwards
    preview.image_pixels_float.foreach_set(pixels)

