"""`Body`: a skinned SMPL-X-format character with face shapes and material regions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..face import FACE_INDEX, NUM_FACE
from ..kinematics.rotations import axis_angle_to_matrix
from ..rig import EXTRA_PARENT_NAMES, INDEX, NUM_JOINTS, Rig
from .skinning import joint_transforms, skin

if TYPE_CHECKING:
    from ..motion import Motion

# Materials that a body may have, in the order of the default body's `region_names`.
REGION_NAMES: tuple[str, ...] = (
    "skin", "lips", "brows", "eyes_white", "iris", "pupil", "lashes", "teeth", "tongue", "inner_mouth", "hair", "shirt", "trousers", "shoes",
    "nails",
)  # fmt: skip


# Eye rotation of an eyeLook coefficient of 1, radians.
GAZE_YAW = np.radians(30.0)
GAZE_PITCH = np.radians(25.0)


def eye_rotations(face: np.ndarray) -> np.ndarray:
    """(T, 2, 3) axis-angle rotations of the left and right eye joints that ARKit coefficients face (T, 52) ask for.

    The eyeLook shapes of the default body move the lids only; the eyeballs turn with their joints.
    """
    face = np.asarray(face, dtype=np.float64)
    out = np.zeros((face.shape[0], 2, 3))
    for k, (side, outward) in enumerate((("Left", 1.0), ("Right", -1.0))):
        value = {way: face[:, FACE_INDEX[f"eyeLook{way}{side}"]] for way in ("Up", "Down", "In", "Out")}
        out[:, k, 0] = GAZE_PITCH * (value["Down"] - value["Up"])
        out[:, k, 1] = GAZE_YAW * outward * (value["Out"] - value["In"])
    return out


@dataclass(frozen=True)
class Body:
    """A character at rest in the SMPL-X T-pose: metres, Y up, facing +Z, the character's left at +X.

    name: "default" or the stem of the file.
    v_template: (V, 3). faces: (F, 3) triangles. weights: (V, 55) skin weights, rows sum to 1.
    joints: (55, 3) rest joints for betas = 0. j_regressor: (55, V); j_regressor @ shaped vertices = rest joints.
    shapedirs: (V, 3, S) metres per unit of each beta. expression_dirs: (V, 3, E) metres per unit of each expression coefficient.
    posedirs: (V, 3, 486) pose correctives of licensed bodies, or None where they are all zero (the default body).
    arkit: (52, V, 3) offsets at coefficient 1 in the T-pose, order `face.ARKIT_NAMES`; None for a body without them.
    arkit_to_jaw: (52, 3) jaw axis-angle radians per coefficient, for a body without `arkit`.
    regions: (F,) material of each triangle, an index into region_names.
    polygons: (P, 4) vertex ids, -1 where a polygon is a triangle; polygon_regions: (P,); polygon_uv: (P, 4, 2) in [0, 1], may be None.
    point_regressor: (15, V); @ shaped vertices = rest positions of `rig.EXTRA_POINTS`.
    a_pose: (55, 3) axis-angle pose in which the mesh was modelled (arms down, fingers relaxed); zeros where unknown.
    """

    name: str
    v_template: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    joints: np.ndarray
    j_regressor: np.ndarray
    shapedirs: np.ndarray
    expression_dirs: np.ndarray
    point_regressor: np.ndarray
    regions: np.ndarray
    region_names: tuple[str, ...]
    polygons: np.ndarray
    polygon_regions: np.ndarray
    posedirs: np.ndarray | None = None
    arkit: np.ndarray | None = None
    arkit_to_jaw: np.ndarray | None = None
    polygon_uv: np.ndarray | None = None
    a_pose: np.ndarray = field(default_factory=lambda: np.zeros((NUM_JOINTS, 3)))
    beta_names: tuple[str, ...] = ()
    source: str = ""

    @property
    def num_vertices(self) -> int:
        return int(self.v_template.shape[0])

    def _beta_vector(self, betas: np.ndarray | None) -> np.ndarray:
        count = self.shapedirs.shape[2]
        full = np.zeros(count)
        if betas is not None:
            given = np.asarray(betas, dtype=np.float64).reshape(-1)
            if not np.isfinite(given).all():
                raise InputError("betas: not finite")
            # Motion files carry 10, 16 or 300 shape numbers; those that a body does not know have no effect on it.
            n = min(count, given.size)
            full[:n] = given[:n]
        return full

    def shaped(self, betas: np.ndarray | None = None) -> np.ndarray:
        """(V, 3) rest vertices for shape coefficients betas (any number up to S; those beyond S have no effect)."""
        if betas is None or not np.any(betas):
            return np.array(self.v_template, dtype=np.float64)
        return self.v_template + self.shapedirs @ self._beta_vector(betas)

    def rig(self, betas: np.ndarray | None = None) -> Rig:
        """The skeleton of this body for shape coefficients betas."""
        vertices = self.shaped(betas)
        joints = self.joints if betas is None or not np.any(betas) else self.j_regressor @ vertices
        return Rig(
            rest_joints=np.array(joints, dtype=np.float64),
            extra_points=np.asarray(self.point_regressor @ vertices, dtype=np.float64),
            extra_parents=np.array([INDEX[name] for name in EXTRA_PARENT_NAMES]),
        )

    def face_offsets(self, face: np.ndarray) -> np.ndarray:
        """(T, V, 3) rest offsets of ARKit coefficients face (T, 52); zero for a body without `arkit`."""
        face = np.asarray(face, dtype=np.float64)
        if face.ndim != 2 or face.shape[1] != NUM_FACE:
            raise InputError(f"face: shape {face.shape}, expected (T, {NUM_FACE})")
        if self.arkit is not None:
            used = np.flatnonzero(np.any(face != 0, axis=0))
            return np.tensordot(face[:, used], self.arkit[used], axes=1)
        return np.zeros((face.shape[0], self.num_vertices, 3))

    def vertices(
        self,
        poses: np.ndarray,
        transl: np.ndarray | None = None,
        betas: np.ndarray | None = None,
        face: np.ndarray | None = None,
        expression: np.ndarray | None = None,
    ) -> np.ndarray:
        """(T, V, 3) posed vertices in metres.

        poses: (T, 55, 3) axis-angle; transl: (T, 3); betas: (S,); face: (T, 52) ARKit coefficients; expression: (T, up to E).
        """
        poses = np.asarray(poses, dtype=np.float64)
        if poses.ndim != 3 or poses.shape[1:] != (NUM_JOINTS, 3):
            raise InputError(f"poses: shape {poses.shape}, expected (T, {NUM_JOINTS}, 3)")
        rest = self.shaped(betas)
        joints = self.rig(betas).rest_joints
        if face is not None and self.arkit is None and self.arkit_to_jaw is not None:
            poses = poses.copy()
            poses[:, INDEX["jaw"]] += np.asarray(face, dtype=np.float64) @ self.arkit_to_jaw
        moving: np.ndarray = rest
        if face is not None and self.arkit is not None:
            moving = moving + self.face_offsets(face)
        if expression is not None:
            e = np.asarray(expression, dtype=np.float64)
            n = min(e.shape[1], self.expression_dirs.shape[2])
            shift = np.einsum("vce,te->tvc", self.expression_dirs[:, :, :n], e[:, :n])
            moving = moving + shift
            joints = joints + np.einsum("jv,tvc->tjc", self.j_regressor, shift)  # as SMPL-X does; zero for the default body
        if self.posedirs is not None:
            feature = (axis_angle_to_matrix(poses[:, 1:]) - np.eye(3)).reshape(poses.shape[0], -1)
            moving = moving + np.tensordot(feature, self.posedirs, axes=(1, 2))
        return skin(moving, self.weights, joint_transforms(poses, joints, transl))

    def reach(self, motion: Motion) -> np.ndarray:
        """(V,) metres by which face, expression and pose correctives of a motion move each rest vertex at most, over all its frames."""
        far = np.zeros(self.num_vertices)
        if self.arkit is not None:
            used = np.flatnonzero(np.any(motion.face != 0, axis=0))
            far += np.linalg.norm(self.arkit[used], axis=2).T @ np.abs(motion.face[:, used]).max(axis=0)
        n = min(motion.expression.shape[1], self.expression_dirs.shape[2])
        far += np.linalg.norm(self.expression_dirs[:, :, :n], axis=1) @ np.abs(motion.expression[:, :n]).max(axis=0)
        if self.posedirs is not None:
            feature = (axis_angle_to_matrix(motion.poses[:, 1:]) - np.eye(3)).reshape(motion.num_frames, -1)
            far += np.linalg.norm(self.posedirs, axis=1) @ np.abs(feature).max(axis=0)
        return far
