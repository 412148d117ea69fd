"""From the artist's A-pose to the SMPL-X T-pose: joints, skin weights, rest orientation, and the unposing of vertices.

The mesh is right in the pose in which it was modelled: arms 50 degrees down, elbows bent, fingers relaxed. SMPL-X poses are rotations
about a T-pose with flat hands. So each joint gets the rotation `G` that turns its bone from the A-pose into the T-pose, and each vertex
is moved by the *inverse* of the transform that skinning blends for it on the way back. Posing the result to the A-pose then gives the
artist's mesh exactly, whatever the weights.
"""

from __future__ import annotations

import numpy as np

from ..kinematics.rotations import matrix_to_axis_angle, normalise, rotation_about, rotation_between
from ..rig import INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS
from .knuckles import move_knuckles
from .mesh import smoother
from .source import SOURCE_VERTICES, Source

# Where the pelvis joint of the T-pose lies. SMPL-X meshes have it here too, so that the translation of a recorded motion means the same.
PELVIS_AT = np.array([0.0, -0.35, 0.012])

# Bones (side suffix removed) whose subtree belongs to a joint; a bone that is not named here goes with its parent.
_CENTRE_BONES = {
    "root": "pelvis", "spine03": "spine1", "spine02": "spine2", "spine01": "spine3", "neck01": "neck", "head": "head", "jaw": "jaw",
}  # fmt: skip
_SIDE_BONES = {
    "clavicle": "collar", "upperarm01": "shoulder", "lowerarm01": "elbow", "wrist": "wrist", "eye": "eye_smplhf",
    "upperleg01": "hip", "lowerleg01": "knee", "foot": "ankle",
    **{f"toe{k}-1": "foot" for k in range(1, 6)},
    **{f"finger{k}-{n}": f"{finger}{n}" for k, finger in enumerate(("thumb", "index", "middle", "ring", "pinky"), 1) for n in (1, 2, 3)},
}  # fmt: skip
_SIDES = {"L": "left", "R": "right"}

# Joint positions: the joint cube of base.obj whose 8 vertices average to the joint (side prefix added for sided joints).
_CENTRE_CUBES = {
    "pelvis": "pelvis", "spine1": "spine-3", "spine2": "spine-2", "spine3": "spine-1", "neck": "neck", "head": "head", "jaw": "mouth",
}  # fmt: skip
_SIDE_CUBES = {
    "collar": "clavicle", "shoulder": "shoulder", "elbow": "elbow", "wrist": "hand", "eye_smplhf": "eye", "hip": "upper-leg",
    "knee": "knee", "ankle": "ankle", "foot": "foot-1",
    **{f"{finger}{n}": f"finger-{k}-{n}" for k, finger in enumerate(("thumb", "index", "middle", "ring", "pinky"), 1) for n in (1, 2, 3, 4)},
}  # fmt: skip

# Directions of the flat left hand in the palm plane (XZ), degrees from +X towards +Z (the thumb side).
SPLAY_DEGREES = {"index": 3.0, "middle": 0.0, "ring": -3.0, "pinky": -7.0, "thumb": 43.0}
# The thumb of the flat hand lies this much below the palm plane, as it does in SMPL-X.
THUMB_DROP_DEGREES = 8.0
# The straight left leg leans this much outwards from -Y.
LEG_SPREAD_DEGREES = 2.0
# From this share of the forearm's length on, up to this share of the elbow's weight goes to the wrist.
TWIST_FROM = 0.5
TWIST_SHARE = 0.22
# The ball around the thumb's web in which weights are smoothed, metres, and how often.
WEB_RADIUS = 0.042
WEB_ROUNDS = 14
_FINGERS = ("index", "middle", "ring", "pinky")
_MIRROR = np.diag([-1.0, 1.0, 1.0])


def joint_of_bone(source: Source) -> dict[str, int]:
    """MakeHuman bone name to the index of the SMPL-X joint that takes its weights."""
    parents = source.bone_parents

    def lookup(bone: str) -> int:
        stem, _, side = bone.partition(".")
        if not side and stem in _CENTRE_BONES:
            return INDEX[_CENTRE_BONES[stem]]
        if side in _SIDES and stem in _SIDE_BONES:
            return INDEX[f"{_SIDES[side]}_{_SIDE_BONES[stem]}"]
        return lookup(parents[bone])

    return {bone: lookup(bone) for bone in parents}


def collapsed_weights(source: Source) -> np.ndarray:
    """(19158, 55) skin weights: those of all bones that go to one joint summed, rows normalised."""
    weights = np.zeros((SOURCE_VERTICES, NUM_JOINTS))
    owner = joint_of_bone(source)
    for bone, (ids, values) in source.bone_weights.items():
        np.add.at(weights[:, owner[bone]], ids, values)
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def share_twist(weights: np.ndarray, a_vertices: np.ndarray, points: dict[str, np.ndarray]) -> np.ndarray:
    """The weights with part of the lower forearm's given to the wrist, so that turning the palm winds the forearm instead of pinching it.

    MakeHuman has twist bones for this; SMPL-X has not.
    """
    out = weights.copy()
    for side in ("left", "right"):
        elbow, wrist = points[f"{side}_elbow"], points[f"{side}_wrist"]
        axis = wrist - elbow
        along = (a_vertices - elbow) @ axis / np.dot(axis, axis)
        x = np.clip((along - TWIST_FROM) / (1 - TWIST_FROM), 0, 1)
        moved = TWIST_SHARE * x * x * (3 - 2 * x) * out[:, INDEX[f"{side}_elbow"]]
        out[:, INDEX[f"{side}_elbow"]] -= moved
        out[:, INDEX[f"{side}_wrist"]] += moved
    return out


def soften_thumb_web(weights: np.ndarray, a_vertices: np.ndarray, polygons: np.ndarray, points: dict[str, np.ndarray]) -> np.ndarray:
    """The weights smoothed around the root of the thumb, where the source's change so abruptly that the web creases into a spur."""
    out = weights.copy()
    for side in ("left", "right"):
        centre = 0.6 * points[f"{side}_thumb2"] + 0.4 * points[f"{side}_index1"]
        distance = np.linalg.norm(a_vertices - centre, axis=1)
        mask = np.clip((WEB_RADIUS - distance) / 0.012, 0, 1)
        mask *= out[:, INDEX[f"{side}_thumb3"]] < 0.02
        local = np.any(mask[polygons] > 0, axis=1)
        mean = smoother(polygons[local], len(weights))
        columns = [INDEX[f"{side}_{name}"] for name in ("wrist", "thumb1", "thumb2", "index1")]
        for _ in range(WEB_ROUNDS):
            step = 0.6 * mask[:, None] * (mean(out[:, columns]) - out[:, columns])
            out[:, columns] += step
        out = np.maximum(out, 0)
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-12)


def a_pose_points(source: Source, vertices: np.ndarray) -> dict[str, np.ndarray]:
    """(3,) A-pose positions of the 55 joints, and of `left_index4` and so on: the centres of the finger tips."""

    def cube(name: str) -> np.ndarray:
        return vertices[source.cubes[name]].mean(axis=0)

    points = {joint: cube(name) for joint, name in _CENTRE_CUBES.items()}
    for letter, side in (("l", "left"), ("r", "right")):
        points.update({f"{side}_{joint}": cube(f"{letter}-{name}") for joint, name in _SIDE_CUBES.items()})
    move_knuckles(points)
    return points


def _frame(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Columns: the unit primary axis, the part of the secondary at a right angle to it, and their cross product."""
    x = normalise(primary)
    y = normalise(secondary - np.dot(secondary, x) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _turn(primary: np.ndarray, secondary: np.ndarray, to_primary: np.ndarray, to_secondary: np.ndarray) -> np.ndarray:
    """The rotation that takes the first pair of directions onto the second (the primary exactly)."""
    return _frame(to_primary, to_secondary) @ _frame(primary, secondary).T


def _half_twist(a: np.ndarray, b: np.ndarray, axis: np.ndarray) -> float:
    """Half the signed angle about `axis` from rotation a to rotation b."""
    q = matrix_to_axis_angle(b @ a.T)
    return 0.5 * float(np.dot(q, axis))


def _left_side(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Global rotations A-pose to T-pose of the joints of the left side (keys without the side)."""
    x, up, front = np.eye(3)
    down = -up
    turn: dict[str, np.ndarray] = {}

    # Arm: the hinge axis of the bent elbow becomes vertical, so that bending the elbow of the T-pose brings the hand forward.
    upper, fore = p["elbow"] - p["shoulder"], p["wrist"] - p["elbow"]
    hinge = np.cross(upper, fore)
    turn["shoulder"] = _turn(upper, hinge, x, down)
    # Hand: the palm plane is that of wrist and knuckles; the middle finger's knuckle lies straight ahead of the wrist.
    across = p["index1"] - p["pinky1"]
    ahead = p["middle1"] - p["wrist"]
    palm = np.cross(ahead, across)  # out of the palm on the left hand: x cross z = -y
    turn["wrist"] = _turn(ahead, palm, x, down)
    # Forearm: its own direction along X, twisted half way between the upper arm's hinge and the palm.
    straight = _turn(fore, hinge, x, down)
    pronated = _turn(fore, rotation_between(ahead, fore) @ palm, x, down)
    turn["elbow"] = rotation_about(x, np.array(_half_twist(straight, pronated, x))) @ straight

    for finger in _FINGERS:
        angle = np.radians(SPLAY_DEGREES[finger])
        direction = np.array([np.cos(angle), 0.0, np.sin(angle)])
        bones = [p[f"{finger}{k + 1}"] - p[f"{finger}{k}"] for k in (1, 2, 3)]
        # The relaxed finger is curled; the normal of its curl is its hinge axis, which lies in the palm plane when the hand is flat.
        curl = np.cross(bones[0], bones[1]) + np.cross(bones[1], bones[2])
        side = turn["wrist"] @ normalise(curl)
        flat = normalise(np.cross(direction, down))
        hinge_flat = normalise(flat if np.dot(side, flat) > 0 else -flat)
        for k, bone in enumerate(bones, 1):
            turn[f"{finger}{k}"] = _turn(bone, curl, direction, hinge_flat)

    angle, drop = np.radians(SPLAY_DEGREES["thumb"]), np.radians(THUMB_DROP_DEGREES)
    direction = np.array([np.cos(angle) * np.cos(drop), -np.sin(drop), np.sin(angle) * np.cos(drop)])
    bones = [p[f"thumb{k + 1}"] - p[f"thumb{k}"] for k in (1, 2, 3)]
    # The thumb keeps the roll it has in the relaxed hand: only swung into place, then its later bones straightened about its hinge.
    base = rotation_between(turn["wrist"] @ bones[0], direction) @ turn["wrist"]
    turn["thumb1"] = base
    curl = np.cross(bones[0], bones[1]) + np.cross(bones[1], bones[2])
    for k in (2, 3):
        turn[f"thumb{k}"] = _turn(bones[k - 1], curl, direction, base @ curl)

    # Legs: straight, feet as they stand.
    spread = np.radians(LEG_SPREAD_DEGREES)
    leg = np.array([np.sin(spread), -np.cos(spread), 0.0])
    turn["hip"] = _turn(p["knee"] - p["hip"], front, leg, front)
    turn["knee"] = _turn(p["ankle"] - p["knee"], front, leg, front)
    for name in ("collar", "eye_smplhf", "ankle", "foot"):
        turn[name] = np.eye(3)
    return turn


def rest_turns(points: dict[str, np.ndarray]) -> np.ndarray:
    """(55, 3, 3) global rotation of every joint from the A-pose to the T-pose."""
    turns = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    left = {name[5:]: point for name, point in points.items() if name.startswith("left_")}
    right = {name[6:]: _MIRROR @ point for name, point in points.items() if name.startswith("right_")}
    for side, turn in (("left", _left_side(left)), ("right", {k: _MIRROR @ v @ _MIRROR for k, v in _left_side(right).items()})):
        for name, matrix in turn.items():
            turns[INDEX[f"{side}_{name}"]] = matrix
    return turns


class Unposing:
    """The T-pose of one shape: joints, and the map of vertices and offsets from the A-pose to it."""

    def __init__(self, points: dict[str, np.ndarray]) -> None:
        """points: result of `a_pose_points`."""
        self.a_joints = np.stack([points[name] for name in JOINT_NAMES])
        self.turns = rest_turns(points)
        self.joints = np.empty((NUM_JOINTS, 3))
        for j, parent in enumerate(PARENTS):
            if parent < 0:
                self.joints[j] = PELVIS_AT
            else:
                self.joints[j] = self.joints[parent] + self.turns[parent] @ (self.a_joints[j] - self.a_joints[parent])
        self.transl = self.a_joints[0] - PELVIS_AT

    @property
    def a_pose(self) -> np.ndarray:
        """(55, 3) axis-angle pose that takes the T-pose back to the A-pose (together with `transl`)."""
        local = [
            self.turns[j].T if parent < 0 else self.turns[parent] @ self.turns[j].T for j, parent in enumerate(PARENTS)
        ]
        return matrix_to_axis_angle(np.stack(local))

    def vertices(self, a_vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(V, 3) A-pose vertices with their (V, 55) weights to the T-pose."""
        back = np.swapaxes(self.turns, 1, 2)
        shift = self.a_joints - np.einsum("jab,jb->ja", back, self.joints)
        matrix = np.einsum("vj,jab->vab", weights, back)
        return np.linalg.solve(matrix, (a_vertices - weights @ shift)[..., None])[..., 0]

    def offsets(self, a_offsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(V, 3, S) offsets added in the A-pose to the same offsets in the T-pose."""
        matrix = np.einsum("vj,jab->vab", weights, np.swapaxes(self.turns, 1, 2))
        return np.linalg.solve(matrix, a_offsets)
