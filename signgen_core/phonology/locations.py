"""Locations: named points on the surface of the body, found by probing the rest mesh, that move with the skin.

No vertex numbers are stored, so the same file serves any body: a ray from outside meets the skin and the hit is attached with the skin weights
of the triangle. Facts: minor locations of ASL-LEX 2.0; the file is presets/locations/ase.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..body.model import Body
from ..errors import LexiconError
from ..kinematics.rotations import normalise
from ..presets import read_preset
from ..rig import INDEX, JOINT_NAMES, PARENTS
from .features import parse_direction

_HEAD_WIDTH, _SHOULDER_WIDTH = 0.170, 0.364  # of the body on which the offsets were read
_SKIN_LIFT = 0.0005  # metres: a probe that starts exactly on an edge must not slip through


@dataclass(frozen=True)
class Anchor:
    """A point carried by the skin. position, normal: (3,) at rest; joints: (k,) indices; weights: (k,) that sum to 1."""

    position: np.ndarray
    normal: np.ndarray
    joints: np.ndarray
    weights: np.ndarray

    def at(self, rotation: np.ndarray, position: np.ndarray, rest_joints: np.ndarray) -> np.ndarray:
        """(T, 3) for global joint transforms R (T, 55, 3, 3), p (T, 55, 3)."""
        local = self.position - rest_joints[self.joints]
        moved = np.einsum("tkab,kb->tka", rotation[:, self.joints], local) + position[:, self.joints]
        return np.einsum("k,tka->ta", self.weights, moved)

    def normal_at(self, rotation: np.ndarray) -> np.ndarray:
        """(T, 3) outward unit normal."""
        return normalise(np.einsum("k,tkab,b->ta", self.weights, rotation[:, self.joints], self.normal))


class Locations:
    """The locations of one body, for a right-dominant signer: `out` is the signer's right (-X). Left-side points are mirror images."""

    def __init__(self, body: Body, betas: np.ndarray | None = None) -> None:
        data = read_preset("locations", "ase.json")
        self._body_points: dict[str, dict[str, Any]] = data["locations"]
        self._arm_points: dict[str, Any] = data["arm_locations"]
        self.hand_patches: dict[str, str] = {k: v for k, v in data["hand_locations"].items() if k != "comment"}
        self._rig = body.rig(betas)
        self.rest = self._rig.rest_joints
        vertices = body.shaped(betas)
        owner = np.argmax(body.weights, axis=1)
        self._arm_joints = np.array([n.endswith("shoulder") for n in JOINT_NAMES])
        arm = np.zeros(len(JOINT_NAMES), dtype=bool)
        for j, name in enumerate(JOINT_NAMES):
            arm[j] = name.endswith(("elbow", "wrist")) or (PARENTS[j] >= 0 and arm[PARENTS[j]])
        triangles = np.asarray(body.faces)
        self._arm_joints |= arm
        is_arm_vertex = arm[owner] | (np.abs(vertices[:, 0]) > self.rest[INDEX["left_shoulder"]][0] + 0.03)
        is_arm = is_arm_vertex[triangles].any(axis=1)
        self._vertices, self._weights = vertices, np.asarray(body.weights, dtype=np.float64)
        self._trunk, self._arms = triangles[~is_arm], triangles[is_arm]
        points = dict(zip(("nose", "left_eye", "right_eye", "left_ear", "right_ear"), self._rig.extra_points[10:], strict=True))
        shoulders = self.rest[INDEX["left_shoulder"]] - self.rest[INDEX["right_shoulder"]]
        self.head_scale = float(np.linalg.norm(points["left_ear"] - points["right_ear"])) / _HEAD_WIDTH
        self.torso_scale = float(np.linalg.norm(shoulders)) / _SHOULDER_WIDTH
        self._bases = {
            "eyes": 0.5 * (points["left_eye"] + points["right_eye"]),
            "nose": points["nose"],
            "ear": points["right_ear"],
            "neck": self.rest[INDEX["neck"]],
            "shoulder": self.rest[INDEX["right_shoulder"]],
            "chest": np.array([0.0, 0.5 * (self.rest[INDEX["spine3"]][1] + self.rest[INDEX["right_shoulder"]][1]), self.rest[INDEX["spine3"]][2]]),
            "pelvis": self.rest[INDEX["pelvis"]],
        }
        self._cache: dict[tuple[Any, ...], Anchor] = {}

    def names(self) -> tuple[str, ...]:
        """Every name that `anchor` accepts."""
        return (*self._body_points, *(k for k in self._arm_points if k != "comment"))

    def anchor(self, major: str, minor: str, offset: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Anchor:
        """The point for a location of head, body, neutral space or the other (left) arm, shifted by `offset` metres (out, up, forward).

        The part of the offset across the probe slides along the skin; the part along it lifts off. Raises LexiconError for an unknown place.
        """
        name = f"{major}Other" if minor == "Other" else minor
        key = (name, *offset)
        if key not in self._cache:
            if name in self._body_points:
                self._cache[key] = self._probe_body(self._body_points[name], np.array(offset))
            elif name in self._arm_points:
                self._cache[key] = self._probe_arm(self._arm_points[name], np.array(offset))
            else:
                raise LexiconError(f"location {major}/{minor} is not a place on head, body or arm")
        return self._cache[key]

    def _probe_body(self, spec: dict[str, Any], offset: np.ndarray) -> Anchor:
        is_head = spec["base"] in ("eyes", "nose", "ear")
        scale = self.head_scale if is_head else self.torso_scale
        to_world = np.array([-1.0, 1.0, 1.0])
        probe = parse_direction(spec["probe"]) * to_world
        shift = offset * to_world
        lift = float(shift @ probe)
        base = self._bases[spec["base"]] + np.array(spec["offset"]) * to_world * scale
        sideways = shift - lift * probe
        away = float(spec.get("away", 0.0)) * scale + lift
        start = float(spec.get("start", 0.6))
        # an offset past the edge: a place off the body keeps its sideways part, one on the skin goes back to the last skin there is
        for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0):
            found = self._first_hit(self._trunk, base + share * sideways, probe, away, start)
            if found is not None:
                if "away" not in spec or share == 1.0:
                    return found
                return Anchor(found.position + (1.0 - share) * sideways, found.normal, found.joints, found.weights)
        raise LexiconError(f"no surface is met at {spec['base']} along {spec['probe']}")

    def _probe_arm(self, spec: dict[str, Any], offset: np.ndarray) -> Anchor:
        root, end = ("left_shoulder", "left_elbow") if spec["bone"] == "upper" else ("left_elbow", "left_wrist")
        a, b = self.rest[INDEX[root]], self.rest[INDEX[end]]
        probe = np.array({"up": (0.0, 1.0, 0.0), "down": (0.0, -1.0, 0.0), "front": (0.0, 0.0, 1.0), "back": (0.0, 0.0, -1.0)}[spec["side"]])
        # along the arm: `up` of the offset moves towards the hand, so that an author can slide a touch along a forearm
        inner = a + (b - a) * float(spec["along"]) + normalise(b - a) * offset[1]
        found = self._first_hit(self._arms, inner, probe, float(spec.get("away", 0.0)) + float(offset[2]))
        if found is None:
            raise LexiconError(f"no surface is met on the arm at {spec['along']:g} of the {spec['bone']} bone")
        return found

    def _first_hit(self, triangles: np.ndarray, inner: np.ndarray, direction: np.ndarray, away: float, start: float = 0.6) -> Anchor | None:
        """Shoots from `start` metres outside towards `inner`; None where the ray meets nothing."""
        origin = inner + direction * start
        corners = self._vertices[triangles]
        hit = _ray_hit(origin, -direction, corners)
        if hit is None:
            return None
        index, u, v = hit
        bary = np.array([1.0 - u - v, u, v])
        weights = bary @ self._weights[triangles[index]]
        point = bary @ corners[index]
        normal = normalise(np.cross(corners[index][1] - corners[index][0], corners[index][2] - corners[index][0]))
        normal = normal if normal @ direction > 0 else -normal
        if triangles is self._trunk:
            weights = np.where(self._arm_joints, 0.0, weights)  # a point on the trunk must not swing with the arm that touches it
        keep = np.argsort(weights)[::-1][:4]
        keep = keep[weights[keep] > 1e-3]
        return Anchor(point + direction * away, normal, keep, weights[keep] / weights[keep].sum())


def _ray_hit(origin: np.ndarray, direction: np.ndarray, corners: np.ndarray) -> tuple[int, float, float] | None:
    """First triangle (index, u, v) met by a ray, after Möller & Trumbore (1997). corners: (F, 3, 3)."""
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(direction, e2)
    det = np.einsum("fa,fa->f", e1, p)
    usable = np.abs(det) > 1e-14
    inverse = np.where(usable, 1.0, 0.0) / np.where(usable, det, 1.0)
    s = origin - corners[:, 0]
    u = np.einsum("fa,fa->f", s, p) * inverse
    q = np.cross(s, e1)
    v = (q @ direction) * inverse
    t = np.einsum("fa,fa->f", e2, q) * inverse
    inside = usable & (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > _SKIN_LIFT)
    if not inside.any():
        return None
    index = int(np.argmin(np.where(inside, t, np.inf)))
    return index, float(u[index]), float(v[index])
