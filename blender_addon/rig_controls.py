"""Controls on a signer's armature: FK/IK arms, finger curl and spread, bone collections and shapes, face controls by ARKit name.

Everything is made of what Blender has itself - bones, constraints and drivers that run no Python - so a file plays and poses without this
add-on. `rig_snap` matches FK and IK, switches between them and bakes.

One arm. The 55 joints stay what they are and keep their keys (FK). Beside them stand, for each side:

    left_hand_ik        where the hand shall be and how it shall be turned; free in the armature's space
    left_elbow_pole     where the elbow points
    left_shoulder_mch, left_elbow_mch   (Mechanism) the two bones that Blender's IK solver places; at rest the elbow is bent, so that it knows which way
    left_upper_twist, left_fore_twist   ride on those two and turn on them; what the solver cannot know - how far the skin of upper arm and forearm
                        is turned about its bone - is said here, and lets any FK pose be matched exactly

Shoulder, elbow and wrist copy the rotation of left_upper_twist, left_fore_twist and left_hand_ik to the share of the property `left_arm_ik`.

Fingers. `left_index_curl` ... from -1 to 1 close (or open) a finger by a share of a whole fist on top of its keys; `left_spread` fans them.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from signgen_core.errors import InputError
from signgen_core.face import ARKIT_NAMES
from signgen_core.rig import FINGERS, JOINT_NAMES, SIDES, Side

from .armature import _editing
from .bone_shapes import assign_collections, ball, box, clear_collections, clear_shapes, collection_of, pointer, ring, set_shape, shape_joints

CONSTRAINT = "SignGen"  # first word of the name of each constraint that is made here
_POLE_DISTANCE = 0.30  # metres from elbow to pole
_REST_BEND = np.radians(60.0)  # of the mechanism's elbow: straight arms would leave the solver without a side to bend to
# Degrees of the three joints at a curl of 1: from straight to a fist (the angles at which a handshape counts as closed).
_CURL = {"finger": (86.0, 104.0, 62.0), "thumb": (20.0, 40.0, 50.0)}
# Degrees towards the thumb at a spread of 1; the middle finger stays.
_SPREAD = {"index": 14.0, "middle": 0.0, "ring": -12.0, "pinky": -25.0, "thumb": 20.0}

# The 52 ARKit coefficients in the groups of a face panel; each is the shape key of its name on the signer's mesh.
FACE_GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in ARKIT_NAMES if name.startswith(start))
    for group, start in (
        ("Brows", "brow"), ("Eyes", "eye"), ("Cheeks", "cheek"), ("Nose", "nose"), ("Jaw", "jaw"), ("Mouth", "mouth"), ("Tongue", "tongue"),
    )
}  # fmt: skip


def ik_property(side: Side) -> str:
    """The armature's custom property that says how far an arm follows its IK controls: 0 FK, 1 IK."""
    return f"{side}_arm_ik"


def curl_property(side: Side, finger: str) -> str:
    """The armature's custom property that curls one of `rig.FINGERS`: -1 ... 1."""
    return f"{side}_{finger}_curl"


def spread_property(side: Side) -> str:
    """The armature's custom property that spreads the fingers of a hand: -1 ... 1."""
    return f"{side}_spread"


def finger_properties(side: Side) -> tuple[str, ...]:
    """All finger properties of a hand."""
    return (*(curl_property(side, finger) for finger in FINGERS), spread_property(side))


def arm_bones(side: Side) -> tuple[str, str, str]:
    """Shoulder, elbow and wrist."""
    return f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"


def control_bones(side: Side) -> tuple[str, str, str, str]:
    """The IK controls that carry keys: hand, pole, and the twists of upper arm and forearm."""
    return f"{side}_hand_ik", f"{side}_elbow_pole", f"{side}_upper_twist", f"{side}_fore_twist"


def mechanism_bones(side: Side) -> tuple[str, str]:
    """The bones that the solver places."""
    return f"{side}_shoulder_mch", f"{side}_elbow_mch"


def has_controls(armature: bpy.types.Object) -> bool:
    """Whether `add_controls` has been here."""
    return all(ik_property(side) in armature and control_bones(side)[0] in armature.data.bones for side in SIDES)


def require_controls(armature: bpy.types.Object) -> None:
    """Raises InputError where `add_controls` has not been called."""
    if not has_controls(armature):
        raise InputError(f"armature {armature.name!r}: has no arm controls; add them first")


def add_controls(armature: bpy.types.Object) -> None:
    """Adds IK arms, finger controls, collections, colours and shapes to an armature of `build_signer`; the pose does not change.

    Called again it changes nothing. Raises InputError when the armature has not the 55 joints.
    """
    missing = [name for name in JOINT_NAMES if name not in armature.data.bones]
    if missing:
        raise InputError(f"armature {armature.name!r}: has no bone {missing[0]!r}")
    if has_controls(armature):
        return
    with _editing(armature):
        for side in SIDES:
            _add_bones(armature, side)
    for side in SIDES:
        _add_properties(armature, side)
        _add_constraints(armature, side)
        _add_finger_constraints(armature, side)
    _dress(armature)


def remove_controls(armature: bpy.types.Object) -> None:
    """Takes away everything that `add_controls` made, with its keys; the 55 joints keep their own keys. `rig_snap.bake` first keeps the pose."""
    bones = [name for side in SIDES for name in (*control_bones(side), *mechanism_bones(side))]
    for name in JOINT_NAMES:
        bone = armature.pose.bones[name]
        for constraint in [c for c in bone.constraints if c.name.startswith(CONSTRAINT)]:
            for path in ("influence", "to_min_x_rot", "to_min_z_rot"):
                if hasattr(constraint, path):
                    constraint.driver_remove(path)
            bone.constraints.remove(constraint)
    for name in properties():
        if name in armature:
            del armature[name]
    clear_shapes(armature)
    clear_collections(armature)
    with _editing(armature):
        for name in bones:
            bone = armature.data.edit_bones.get(name)
            if bone is not None:
                armature.data.edit_bones.remove(bone)


def properties() -> tuple[str, ...]:
    """All custom properties that `add_controls` puts on the armature."""
    return tuple(name for side in SIDES for name in (ik_property(side), *finger_properties(side)))


def reset_controls(armature: bpy.types.Object) -> None:
    """Arms to FK, fingers and face-independent controls to zero; keys stay."""
    for name in properties():
        if name in armature:
            armature[name] = 0.0
    armature.update_tag()


# --- Bones -------------------------------------------------------------------------------------------------------------------


def _add_bones(armature: bpy.types.Object, side: Side) -> None:
    bones = armature.data.edit_bones
    shoulder, elbow, wrist = (bones[name] for name in arm_bones(side))
    shoulder_mch, elbow_mch = mechanism_bones(side)
    hand_ik, pole, upper_twist, fore_twist = control_bones(side)

    def add(name: str, matrix: Matrix, length: float, parent: bpy.types.EditBone | None) -> bpy.types.EditBone:
        bone = bones.new(name)
        bone.head, bone.tail = (0.0, 0.0, 0.0), (0.0, length, 0.0)
        bone.matrix = matrix
        bone.parent, bone.use_connect, bone.use_deform = parent, False, False
        return bone

    upper = add(shoulder_mch, shoulder.matrix.copy(), shoulder.length, shoulder.parent)
    # the elbow bends about its own X
    bent = Matrix.Translation(elbow.head) @ elbow.matrix.to_3x3().to_4x4() @ Matrix.Rotation(float(_REST_BEND), 4, "X")
    fore = add(elbow_mch, bent, elbow.length, upper)
    add(upper_twist, upper.matrix.copy(), shoulder.length, upper)
    add(fore_twist, fore.matrix.copy(), elbow.length, fore)
    add(hand_ik, wrist.matrix.copy(), wrist.length, None)
    back = Matrix.Translation(elbow.head - _POLE_DISTANCE * elbow.matrix.to_3x3().col[2])
    add(pole, back @ elbow.matrix.to_3x3().to_4x4(), 0.05, None)


def _pole_angle(armature: bpy.types.Object, side: Side) -> float:
    """The angle by which the solver turns the chain so that the pole lies where the rest elbow points."""
    upper, fore = (armature.data.bones[name] for name in mechanism_bones(side))
    pole = armature.data.bones[control_bones(side)[1]].head_local
    along = upper.tail_local - upper.head_local
    across = (fore.tail_local - upper.head_local).cross(pole - upper.head_local).cross(along)
    x_axis = upper.matrix_local.to_3x3().col[0]
    angle = x_axis.angle(across)
    return -float(angle) if x_axis.cross(across).dot(along) > 0.0 else float(angle)


def _add_properties(armature: bpy.types.Object, side: Side) -> None:
    meanings = {ik_property(side): f"{side.capitalize()} arm: 0 follows its rotation keys (FK), 1 the hand control (IK)"}
    for finger in FINGERS:
        meanings[curl_property(side, finger)] = f"Bends the {side} {finger} finger on top of its keys; 1 adds a whole fist" if finger != "thumb" else (
            f"Bends the {side} thumb on top of its keys")  # fmt: skip
    meanings[spread_property(side)] = f"Fans the fingers of the {side} hand on top of their keys"
    for name, meaning in meanings.items():
        armature[name] = 0.0
        low = 0.0 if name == ik_property(side) else -1.0
        armature.id_properties_ui(name).update(min=low, max=1.0, soft_min=low, soft_max=1.0, default=0.0, step=0.05, precision=3, description=meaning)
        armature.property_overridable_library_set(f'["{name}"]', True)


def _drive(constraint: bpy.types.Constraint, path: str, armature: bpy.types.Object, name: str, factor: float = 1.0) -> None:
    """constraint.path = factor * property, without Python: the mean of one variable, scaled by the driver's curve."""
    curve = constraint.driver_add(path)
    curve.driver.type = "AVERAGE"
    variable = curve.driver.variables.new()
    variable.name, variable.type = "value", "SINGLE_PROP"
    variable.targets[0].id, variable.targets[0].data_path = armature, f'["{name}"]'
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)
    scale = curve.modifiers.new("GENERATOR")
    scale.mode, scale.poly_order = "POLYNOMIAL", 1
    scale.coefficients[0], scale.coefficients[1] = 0.0, factor


def _add_constraints(armature: bpy.types.Object, side: Side) -> None:
    bones = armature.pose.bones
    hand_ik, pole, upper_twist, fore_twist = control_bones(side)
    solver = bones[mechanism_bones(side)[1]]
    for name in (*control_bones(side), *mechanism_bones(side)):
        bones[name].rotation_mode = "QUATERNION"
    # the mechanism's elbow is a hinge; what else an elbow does is its twist control's
    solver.lock_ik_y = solver.lock_ik_z = True
    ik = solver.constraints.new("IK")
    ik.name = f"{CONSTRAINT} IK"
    ik.target, ik.subtarget = armature, hand_ik
    ik.pole_target, ik.pole_subtarget = armature, pole
    ik.pole_angle = _pole_angle(armature, side)
    ik.chain_count, ik.use_stretch, ik.iterations = 2, False, 500
    for joint, source in zip(arm_bones(side), (upper_twist, fore_twist, hand_ik), strict=True):
        copy = bones[joint].constraints.new("COPY_ROTATION")
        copy.name = f"{CONSTRAINT} IK"
        copy.target, copy.subtarget = armature, source
        _drive(copy, "influence", armature, ik_property(side))
    for name in (upper_twist, fore_twist):
        bones[name].lock_location = (True, True, True)
        bones[name].lock_scale = (True, True, True)
    bones[pole].lock_rotation, bones[pole].lock_rotation_w = (True, True, True), True
    bones[hand_ik].lock_scale = (True, True, True)


def _add_finger_constraints(armature: bpy.types.Object, side: Side) -> None:
    for finger in FINGERS:
        angles = _CURL["thumb" if finger == "thumb" else "finger"]
        for k, angle in enumerate(angles, 1):
            name = f"{side}_{finger}{k}"
            if k == 1 and _SPREAD[finger]:
                # abduction comes first and bending carries it (the order of `phonology.hand`)
                fan = _turn(armature, name, f"{CONSTRAINT} spread", "AFTER")
                # the axis that stands most upright on the palm: Z of a finger, X of the thumb, which bends across the palm
                upright = armature.data.bones[name].matrix_local.to_3x3().row[2]
                axis = "x" if abs(upright[0]) > abs(upright[2]) else "z"
                sign = np.sign(upright["xyz".index(axis)]) * (1.0 if side == "right" else -1.0)
                _drive(fan, f"to_min_{axis}_rot", armature, spread_property(side), float(sign * np.radians(_SPREAD[finger])))
            bend = _turn(armature, name, f"{CONSTRAINT} curl", "BEFORE")
            _drive(bend, "to_min_x_rot", armature, curl_property(side, finger), float(np.radians(angle)))


def _turn(armature: bpy.types.Object, bone: str, name: str, mix: str) -> bpy.types.Constraint:
    """A constraint that turns a bone by its own `to_min_*_rot`: a transformation whose source range is empty always gives its lower end."""
    made = armature.pose.bones[bone].constraints.new("TRANSFORM")
    made.name = name
    made.target, made.subtarget = armature, JOINT_NAMES[0]
    made.target_space = made.owner_space = "LOCAL"
    made.map_from, made.map_to, made.mix_mode_rot = "LOCATION", "ROTATION", mix
    for axis in "xyz":
        setattr(made, f"from_min_{axis}", 0.0)
        setattr(made, f"from_max_{axis}", 0.0)
    return made


def _dress(armature: bpy.types.Object) -> None:
    """Collections, colours and shapes."""
    shape_joints(armature)
    members = {name: collection_of(name) for name in JOINT_NAMES}
    bones = armature.pose.bones
    for side in SIDES:
        hand_ik, pole, upper_twist, fore_twist = control_bones(side)
        members |= {name: f"{side.capitalize()} arm IK" for name in control_bones(side)}
        members |= {name: "Mechanism" for name in mechanism_bones(side)}
        set_shape(bones[hand_ik], box(), (0.05, bones[hand_ik].bone.length, 0.025))
        set_shape(bones[pole], ball(), 0.03)
        set_shape(bones[upper_twist], pointer(), 0.09, 0.35 * bones[upper_twist].bone.length)
        set_shape(bones[fore_twist], pointer(), 0.07, 0.75 * bones[fore_twist].bone.length)
        for name in mechanism_bones(side):
            set_shape(bones[name], ring(), 0.02)
    assign_collections(armature, members)


# --- Face --------------------------------------------------------------------------------------------------------------------


def face_keys(armature: bpy.types.Object) -> bpy.types.Key:
    """The shape keys of the signer's mesh, by ARKit name. Raises InputError when the armature carries no mesh with them."""
    for child in armature.children:
        keys = child.data.shape_keys if child.type == "MESH" else None
        if keys is not None and ARKIT_NAMES[0] in keys.key_blocks:
            return keys
    raise InputError(f"armature {armature.name!r}: carries no mesh with ARKit shape keys")


def set_face(armature: bpy.types.Object, values: dict[str, float], frame: float | None = None) -> None:
    """Sets face coefficients (ARKit names, 0 to 1); with a frame, keys them there. Raises InputError for unknown names and values out of range."""
    blocks = face_keys(armature).key_blocks
    for name, value in values.items():
        if name not in ARKIT_NAMES:
            raise InputError(f"face {name!r}: not an ARKit coefficient")
        if not 0.0 <= value <= 1.0:
            raise InputError(f"face {name}: {value} is not between 0 and 1")
    for name, value in values.items():
        blocks[name].value = value
        if frame is not None:
            blocks[name].keyframe_insert("value", frame=frame)
