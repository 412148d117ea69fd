"""`HandModel`: the kinematics and the surface of one hand, said once for a right hand.

Canonical frame, for both sides (a left hand is mirrored, x -> -x): the wrist joint is the origin, metres; in the zero pose (the flat hand of the
SMPL-X T-pose) the fingers point to -X, the palm faces -Y, the thumb is on the +Z side. All phonology speaks about this right hand;
`to_side` turns its rotations into those of a body's left or right hand.

A hand posture is 21 angles (`ANGLE_NAMES`), radians in memory. Each finger bends at three parallel hinges; `abduction` swings it sideways in its own bent
plane, positive towards the thumb for all four fingers. The thumb's saddle joint (CMC) has two swings and the turn that goes with
opposition; MCP and IP are hinges. Zero everywhere is the SMPL-X zero pose, whose fingers are slightly spread and whose thumb stands 43 degrees off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..kinematics.rotations import normalise
from ..rig import EXTRA_POINTS, HAND_JOINTS, INDEX, Side
from .surface import Probe

if TYPE_CHECKING:
    from ..body.model import Body

FINGERS: tuple[str, ...] = ("index", "middle", "ring", "pinky")
DIGITS: tuple[str, ...] = ("thumb", *FINGERS)
FINGER_ANGLES: tuple[str, ...] = ("abduction", "mcp", "pip", "dip")
THUMB_ANGLES: tuple[str, ...] = ("cmc_radial", "cmc_palmar", "cmc_twist", "mcp", "ip")
ANGLE_NAMES: tuple[str, ...] = tuple(f"{f}_{a}" for f in FINGERS for a in FINGER_ANGLES) + tuple(f"thumb_{a}" for a in THUMB_ANGLES)
NUM_ANGLES = len(ANGLE_NAMES)
ANGLE_INDEX: dict[str, int] = {name: i for i, name in enumerate(ANGLE_NAMES)}

# Degrees. Active range of healthy hands as clinical goniometry gives it (AAOS 1965; Hume et al. 1990: MCP 100, PIP 105, DIP 85, thumb MCP 56, IP 73),
# with the passive play that contact with the thumb adds (hyperextension of finger ends and of the thumb's IP, 20 degrees of lateral play at the MCP).
# The CMC angles are measured from the zero pose: 43 degrees off the index is already radial abduction.
_LIMITS = {
    "abduction": (-25.0, 25.0), "mcp": (-25.0, 98.0), "pip": (-5.0, 112.0), "dip": (-12.0, 88.0),
    "cmc_radial": (-65.0, 25.0), "cmc_palmar": (-20.0, 70.0), "cmc_twist": (-15.0, 90.0),
    "thumb_mcp": (-20.0, 65.0), "thumb_ip": (-20.0, 85.0),
}  # fmt: skip
ANGLE_LIMITS: np.ndarray = np.radians([_LIMITS.get(name, _LIMITS.get(name.split("_", 1)[1], (0.0, 0.0))) for name in ANGLE_NAMES])

# MediaPipe's 21 points in its order.
POINT_NAMES: tuple[str, ...] = (
    "WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP",
    *(f"{f.upper()}_{k}" for f in FINGERS for k in ("MCP", "PIP", "DIP", "TIP")),
)  # fmt: skip
PATCH_NAMES: tuple[str, ...] = (
    "palm", "back", "heel", "radial", "ulnar", "knuckles", "web", "fingertips", "finger_fronts", "finger_backs", "index_side", "pinky_side",
    "thumb_tip", "thumb_pad", "index_tip", "index_pad", "middle_tip", "middle_pad", "ring_tip", "ring_pad", "pinky_tip", "pinky_pad",
    "index_middle_tips", "pinch", "wrist_front", "wrist_back",
)  # fmt: skip

_SIDES = ("front", "back", "radial", "ulnar")
_DIGIT_SIDE = re.compile(rf"^({'|'.join(DIGITS)})_({'|'.join(_SIDES)})([0-3])(?:@(0?\.\d+))?$")
# Every side of every bone that `HandModel.patch` finds; the thumb has no part of the palm.
DIGIT_SIDES: tuple[str, ...] = tuple(f"{d}_{side}{k}" for d in DIGITS for side in _SIDES for k in range(4) if not (d == "thumb" and k == 0))
FOREARM_PATCH_NAMES: tuple[str, ...] = ("forearm_front", "forearm_back", "forearm_radial", "forearm_ulnar", "elbow")

_PALM_DOWN = np.array([0.0, -1.0, 0.0])
# Axis about which the thumb of the flat hand bends towards the fingers, found from the curl of the relaxed thumb of the default body; the part
# along the thumb is removed.
_THUMB_HINGE = np.array([-0.18, -0.97, -0.17])
_MIRROR = np.array([-1.0, 1.0, 1.0])


def _about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations about one fixed unit axis by angles (...) (Rodrigues)."""
    x, y, z = axis
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    a = np.asarray(angle, dtype=np.float64)[..., None, None]
    return np.eye(3) + np.sin(a) * k + (1.0 - np.cos(a)) * (k @ k)


def _turned(v: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Vectors (3,) or (..., 3) turned about one fixed unit axis by angles (...); several times cheaper than by matrices."""
    x, y, z = axis
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    across = v @ k.T
    return np.asarray(v + np.sin(angle)[..., None] * across + (1.0 - np.cos(angle))[..., None] * (across @ k.T))


def to_side(rotations: np.ndarray, side: Side) -> np.ndarray:
    """Canonical rotations (..., 3, 3) as those of the body's hand of that side; its own inverse."""
    rotations = np.asarray(rotations, dtype=np.float64)
    return rotations if side == "right" else rotations * np.outer(_MIRROR, _MIRROR)


def mirror_points(points: np.ndarray, side: Side) -> np.ndarray:
    """Canonical vectors or wrist-frame points (..., 3) as those of the body's hand of that side; its own inverse."""
    points = np.asarray(points, dtype=np.float64)
    return points if side == "right" else points * _MIRROR


@dataclass(frozen=True)
class _Anchor:
    """A point of the skin, as a weighted sum of rigid attachments: (frame 0..15, local point (3,), local normal (3,), weight)."""

    parts: tuple[tuple[int, np.ndarray, np.ndarray, float], ...]


@dataclass(frozen=True)
class Capsule:
    """A bone with flesh: from a (frame, local point) to b, with a radius at each end. digit: thumb, index, ... or palm."""

    digit: str
    segment: int
    a: tuple[int, np.ndarray]
    b: tuple[int, np.ndarray]
    radius_a: float
    radius_b: float


class HandModel:
    """One hand of one body. Frames are numbered 0 for the wrist and 1 + k for `rig.HAND_JOINTS[k]`; see the module for the canonical frame.

    rest: (16, 3) joint positions of the flat hand. tips: (5, 3) finger tips of the flat hand in the order of `DIGITS`.
    capsules: bones with flesh, in the order of `capsule_ends`. collision_radii: (K,) of `collision_points`.
    """

    def __init__(self, rest: np.ndarray, tips: np.ndarray, vertices: np.ndarray, faces: np.ndarray, side: Side) -> None:
        """rest (16, 3), tips (5, 3), vertices (V, 3) and faces (F, 3) of the hand's skin, all canonical. Use `from_body`."""
        self.side: Side = side
        self.rest = np.asarray(rest, dtype=np.float64)
        self.tips = np.asarray(tips, dtype=np.float64)
        self._frames = {d: tuple(1 + HAND_JOINTS.index(f"{d}{k}") for k in (1, 2, 3)) for d in DIGITS}
        self._direction = {d: normalise(self.rest[f[2]] - self.rest[f[0]]) for d, f in self._frames.items()}
        self._hinge = {f: normalise(np.cross(self._direction[f], _PALM_DOWN)) for f in FINGERS}
        t = self._direction["thumb"]
        self._hinge["thumb"] = normalise(_THUMB_HINGE - np.dot(_THUMB_HINGE, t) * t)
        self._palmar_axis = normalise(np.cross(t, _PALM_DOWN))
        self._probe = probe = Probe(vertices, faces)
        self._anchors = self._find_anchors(probe)
        self.capsules = self._find_capsules(probe)
        self._collision, self.collision_radii = self._find_collision_points()

    @classmethod
    def from_body(cls, body: Body, side: Side = "right", betas: np.ndarray | None = None) -> HandModel:
        """The hand of a `signgen_core.body.Body` (any SMPL-X-format mesh). Raises InputError if the mesh has no skin where a hand should be."""
        rig = body.rig(betas)
        wrist = rig.rest_joints[INDEX[f"{side}_wrist"]]
        rows = [INDEX[f"{side}_wrist"], *(INDEX[f"{side}_{name}"] for name in HAND_JOINTS)]
        rest = mirror_points(rig.rest_joints[rows] - wrist, side)
        tips = mirror_points(rig.extra_points[[EXTRA_POINTS.index(f"{side}_{d}_tip") for d in DIGITS]] - wrist, side)
        vertices = mirror_points(body.shaped(betas) - wrist, side)
        near = body.weights[:, [INDEX[f"{side}_elbow"], *rows]].sum(axis=1) > 0.5
        near &= vertices[:, 0] < 0.08
        faces = body.faces[near[body.faces].all(axis=1)]
        if len(faces) < 100:
            raise InputError(f"body {body.name!r}: no skin found around the {side} hand")
        faces = faces if side == "right" else faces[:, ::-1]
        return cls(rest, tips, vertices, faces, side)

    # -- kinematics --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _check(angles: np.ndarray) -> np.ndarray:
        angles = np.asarray(angles, dtype=np.float64)
        if angles.shape[-1:] != (NUM_ANGLES,):
            raise InputError(f"hand angles: shape {angles.shape}, expected (..., {NUM_ANGLES})")
        return angles

    def _base(self, digit: str, angles: np.ndarray) -> np.ndarray:
        """Rotation (..., 3, 3) of the first joint of a digit."""
        if digit == "thumb":
            swing = _about(-_PALM_DOWN, angles[..., 16]) @ _about(self._palmar_axis, angles[..., 17])
            return np.asarray(swing @ _about(-self._direction["thumb"], angles[..., 18]))
        k = 4 * FINGERS.index(digit)
        return np.asarray(_about(self._hinge[digit], angles[..., k + 1]) @ _about(-_PALM_DOWN, angles[..., k]))

    @staticmethod
    def _bends(digit: str, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The angles (...) of the second and third joint of a digit; both turn about the digit's hinge axis."""
        k = 19 if digit == "thumb" else 4 * FINGERS.index(digit) + 2
        return angles[..., k], angles[..., k + 1]

    def rotations(self, angles: np.ndarray) -> np.ndarray:
        """(..., 21) radians to local joint rotations (..., 15, 3, 3) in the order of `rig.HAND_JOINTS`, canonical (see `to_side`)."""
        angles = self._check(angles)
        out = np.empty((*angles.shape[:-1], 15, 3, 3))
        for digit, frames in self._frames.items():
            out[..., frames[0] - 1, :, :] = self._base(digit, angles)
            for frame, bend in zip(frames[1:], self._bends(digit, angles), strict=True):
                out[..., frame - 1, :, :] = _about(self._hinge[digit], bend)
        return out

    def angles_from_rotations(self, rotations: np.ndarray) -> np.ndarray:
        """The 21 angles (..., 21) of canonical rotations (..., 15, 3, 3); exact for those that `rotations` makes, else the nearest of their kind
        joint by joint (turns about a finger's own axis are lost)."""
        rotations = np.asarray(rotations, dtype=np.float64)
        out = np.empty((*rotations.shape[:-3], NUM_ANGLES))
        for i, finger in enumerate(FINGERS):
            axes = np.stack([self._direction[finger], _PALM_DOWN, self._hinge[finger]], axis=-1)
            base, pip, dip = (axes.T @ rotations[..., frame - 1, :, :] @ axes for frame in self._frames[finger])
            # in these axes base = Rz(mcp) Ry(-abduction): its third row and second column give both angles
            out[..., 4 * i] = np.arctan2(base[..., 2, 0], base[..., 2, 2])
            out[..., 4 * i + 1] = np.arctan2(-base[..., 0, 1], base[..., 1, 1])
            for k, m in ((2, pip), (3, dip)):
                out[..., 4 * i + k] = np.arctan2(m[..., 1, 0] - m[..., 0, 1], m[..., 0, 0] + m[..., 1, 1])
        return self._thumb_from_rotations(rotations, out)

    def _thumb_from_rotations(self, rotations: np.ndarray, out: np.ndarray) -> np.ndarray:
        t, hinge, up = self._direction["thumb"], self._hinge["thumb"], -_PALM_DOWN
        base, mcp, ip = (rotations[..., frame - 1, :, :] for frame in self._frames["thumb"])
        level = normalise(t - np.dot(t, up) * up)
        side = np.cross(up, level)
        turned = base @ t
        across, along, height = turned @ side, turned @ level, turned @ up
        drop = np.arcsin(np.clip(np.dot(t, up), -1.0, 1.0))
        out[..., 16] = np.arctan2(across, along)
        out[..., 17] = drop - np.arcsin(np.clip(height, -1.0, 1.0))
        swing = _about(up, out[..., 16]) @ _about(self._palmar_axis, out[..., 17])
        roll = np.swapaxes(swing, -1, -2) @ base
        third = np.cross(hinge, t)
        out[..., 18] = np.arctan2(-np.einsum("i,...ij,j->...", third, roll, hinge), np.einsum("i,...ij,j->...", hinge, roll, hinge))
        out[..., 18] *= -1.0
        for k, m in ((19, mcp), (20, ip)):
            out[..., k] = np.arctan2(np.einsum("i,...ij,j->...", third, m, t), np.einsum("i,...ij,j->...", t, m, t))
        return out

    def _chain(self, digit: str, angles: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rotation (..., 3, 3) and position (..., 3) of the three frames of one digit."""
        first, second, third = (self.rest[f] for f in self._frames[digit])
        hinge = self._hinge[digit]
        bend, more = self._bends(digit, angles)
        r1 = self._base(digit, angles)
        r2, r3 = r1 @ _about(hinge, bend), r1 @ _about(hinge, bend + more)
        p1 = np.broadcast_to(first, (*angles.shape[:-1], 3))
        p2 = p1 + r1 @ (second - first)
        return [(r1, p1), (r2, p2), (r3, p2 + r2 @ (third - second))]

    def _carry(self, digit: str, segment: int, point: np.ndarray, direction: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Wrist-frame position and direction (..., 3) of one point and direction fixed to a bone; cheaper than `_chain`."""
        first, second, third = (self.rest[f] for f in self._frames[digit])
        hinge = self._hinge[digit]
        bend, more = self._bends(digit, angles)
        if segment > 0:
            total = bend if segment == 1 else bend + more
            lever = (second - first) + (0.0 if segment == 1 else _turned(third - second, hinge, bend))
            point, direction = lever + _turned(point, hinge, total), _turned(direction, hinge, total)
        axes: tuple[tuple[np.ndarray, int], ...]
        if digit == "thumb":
            axes = ((-self._direction["thumb"], 18), (self._palmar_axis, 17), (-_PALM_DOWN, 16))
        else:
            k = 4 * FINGERS.index(digit)
            axes = ((-_PALM_DOWN, k), (hinge, k + 1))
        for axis, row in axes:
            point, direction = _turned(point, axis, angles[..., row]), _turned(direction, axis, angles[..., row])
        return first + point, direction

    def transforms(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (..., 16, 3, 3) and positions (..., 16, 3) of the frames (wrist, then `rig.HAND_JOINTS`) in the wrist frame."""
        angles = self._check(angles)
        rotation = np.empty((*angles.shape[:-1], 16, 3, 3))
        position = np.empty((*angles.shape[:-1], 16, 3))
        rotation[..., 0, :, :], position[..., 0, :] = np.eye(3), 0.0
        for digit, frames in self._frames.items():
            for frame, (r, p) in zip(frames, self._chain(digit, angles), strict=True):
                rotation[..., frame, :, :], position[..., frame, :] = r, p
        return rotation, position

    def joints(self, angles: np.ndarray) -> np.ndarray:
        """(..., 21, 3) metres in the wrist frame: the points of `POINT_NAMES` (MediaPipe's order)."""
        angles = self._check(angles)
        out = np.zeros((*angles.shape[:-1], 21, 3))
        for d, digit in enumerate(DIGITS):
            chain = self._chain(digit, angles)
            for k, (_, p) in enumerate(chain):
                out[..., 1 + 4 * d + k, :] = p
            r, p = chain[2]
            out[..., 4 + 4 * d, :] = p + r @ (self.tips[d] - self.rest[self._frames[digit][2]])
        return out

    # -- surface -----------------------------------------------------------------------------------------------------------

    def patch(self, name: str, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position (..., 3) and outward unit normal (..., 3) of a patch of `PATCH_NAMES`, in the wrist frame.

        Besides those, any side of any bone: `<digit>_<front|back|radial|ulnar><0|1|2|3>`, 1 being the phalanx next to the palm (`middle_back2`), 0 the
        finger's part of the palm; `@` and a fraction give the place along the bone (`middle_radial1@.85`). For the thumb, 1 is the metacarpal,
        `front` its pad side and `radial` the side that faces the way of the palm when the hand is flat. `+` takes the mean (`index_pad+middle_pad`).
        `pinch` is half way between the thumb's pad and the nearer of the pads of index and middle finger; its normal points away from the wrist.
        Raises InputError for an unknown name.
        """
        angles = self._check(angles)
        if name == "pinch":
            thumb, _ = self.patch("thumb_pad", angles)
            index, middle = self.patch("index_pad", angles)[0], self.patch("middle_pad", angles)[0]
            nearer = np.sum((index - thumb) ** 2, axis=-1, keepdims=True) <= np.sum((middle - thumb) ** 2, axis=-1, keepdims=True)
            point = 0.5 * (thumb + np.where(nearer, index, middle))
            return point, normalise(point, fallback=self._direction["middle"])
        if "+" in name:
            points, normals = zip(*(self.patch(part, angles) for part in name.split("+")), strict=True)
            return np.mean(points, axis=0), normalise(np.mean(normals, axis=0))
        if name not in self._anchors:
            self._anchors[name] = self._find_digit_side(name)
        return self._evaluate(self._anchors[name], angles)

    def _evaluate(self, anchor: _Anchor, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        point = np.zeros((*angles.shape[:-1], 3))
        normal = np.zeros((*angles.shape[:-1], 3))
        for frame, local, outward, weight in anchor.parts:
            if frame > 0:
                digit = HAND_JOINTS[frame - 1][:-1]
                local, outward = self._carry(digit, self._frames[digit].index(frame), local, outward, angles)
            point += weight * local
            normal += weight * outward
        return point, normalise(normal)

    def _attach(self, frame: int, point: np.ndarray, normal: np.ndarray, weight: float = 1.0) -> tuple[int, np.ndarray, np.ndarray, float]:
        return frame, point - self.rest[frame], normalise(normal), weight

    def _bone_point(self, digit: str, segment: int, at: float) -> np.ndarray:
        """(3,) rest point on a bone of a digit: segment 0, 1, 2 from base to end; at 0 its near joint, at 1 its far joint or tip."""
        frames = self._frames[digit]
        near = self.rest[frames[segment]]
        if segment < 2:
            far = self.rest[frames[segment + 1]]
        else:
            # the tip points are on the pads; the bone ends straight ahead
            far = near + self._direction[digit] * np.dot(self.tips[DIGITS.index(digit)] - near, self._direction[digit])
        return near + at * (far - near)

    def _find_anchors(self, probe: Probe) -> dict[str, _Anchor]:
        palm_down, toward_thumb = _PALM_DOWN, np.array([0.0, 0.0, 1.0])
        middle, pinky, index = (self.rest[self._frames[f][0]] for f in ("middle", "pinky", "index"))

        def wrist(start: np.ndarray, outward: np.ndarray) -> tuple[int, np.ndarray, np.ndarray, float]:
            return self._attach(0, probe.exit(start, outward), outward)

        def bone(digit: str, segment: int, at: float, outward: np.ndarray, weight: float = 1.0) -> tuple[int, np.ndarray, np.ndarray, float]:
            return self._attach(self._frames[digit][segment], probe.exit(self._bone_point(digit, segment, at), outward), outward, weight)

        def pad_direction(digit: str) -> np.ndarray:
            return palm_down if digit != "thumb" else normalise(np.cross(self._hinge["thumb"], self._direction["thumb"]))

        centre = 0.62 * middle + np.array([0.0, 0.0, -0.004])
        thumb = self._direction["thumb"]
        crotch = 0.45 * self.rest[self._frames["thumb"][1]] + 0.55 * (0.6 * index + 0.4 * self.rest[self._frames["thumb"][0]])
        bisector = normalise(thumb + self._direction["index"])
        web = probe.exit(crotch, bisector)
        found: dict[str, tuple[tuple[int, np.ndarray, np.ndarray, float], ...]] = {
            "palm": (wrist(centre, palm_down),),
            "back": (wrist(centre, -palm_down),),
            "heel": (wrist(0.2 * middle, normalise(palm_down - 0.3 * self._direction["middle"])),),
            "radial": (wrist(0.97 * index, toward_thumb),),
            "ulnar": (wrist(0.65 * pinky, -toward_thumb),),
            "web": (self._attach(0, web, bisector, 0.5), self._attach(self._frames["thumb"][0], web, bisector, 0.5)),
            "knuckles": tuple(bone(f, 0, 0.6, -palm_down, 0.25) for f in FINGERS),
            "fingertips": tuple(bone(f, 2, 0.5, self._direction[f], 0.25) for f in FINGERS),
            "finger_fronts": tuple(bone(f, 1, 0.5, palm_down, 0.5) for f in ("middle", "ring")),
            "finger_backs": tuple(bone(f, 1, 0.5, -palm_down, 0.5) for f in ("middle", "ring")),
            "index_side": (bone("index", 1, 0.5, toward_thumb),),
            "pinky_side": (bone("pinky", 1, 0.5, -toward_thumb),),
            "wrist_front": (wrist(np.array([0.015, 0.0, 0.0]), palm_down),),
            "wrist_back": (wrist(np.array([0.015, 0.0, 0.0]), -palm_down),),
            "index_middle_tips": tuple(bone(f, 2, 0.5, self._direction[f], 0.5) for f in ("index", "middle")),
        }
        for digit in DIGITS:
            found[f"{digit}_tip"] = (bone(digit, 2, 0.5, normalise(self._direction[digit] + 0.25 * pad_direction(digit))),)
            found[f"{digit}_pad"] = (bone(digit, 2, 0.66, normalise(pad_direction(digit) + 0.35 * self._direction[digit])),)
        return {name: _Anchor(parts) for name, parts in found.items()}

    def _find_digit_side(self, name: str) -> _Anchor:
        match = _DIGIT_SIDE.match(name)
        if not match or (match.group(1) == "thumb" and match.group(3) == "0"):
            raise InputError(f"patch of the hand {name!r} is not one of {', '.join(PATCH_NAMES)}, nor like 'middle_back2'")
        digit, side, segment = match.group(1), match.group(2), int(match.group(3)) - 1
        front = normalise(np.cross(self._hinge[digit], self._direction[digit]))
        outward = {"front": front, "back": -front, "radial": self._hinge[digit], "ulnar": -self._hinge[digit]}[side]
        if segment < 0:
            frame, start = 0, float(match.group(4) or 0.85) * self.rest[self._frames[digit][0]]
        else:
            frame, start = self._frames[digit][segment], self._bone_point(digit, segment, float(match.group(4) or 0.55))
        return _Anchor((self._attach(frame, self._probe.exit(start, outward), outward),))

    # -- volume ------------------------------------------------------------------------------------------------------------

    def _find_capsules(self, probe: Probe) -> tuple[Capsule, ...]:
        out: list[Capsule] = []
        for digit in DIGITS:
            direction = self._direction[digit]
            for segment, frame in enumerate(self._frames[digit]):
                # Bones of a rig need not run through the middle of the flesh; capsules do. The root of a finger is measured clear of the palm.
                stations = (0.5, 0.85) if segment == 0 else (0.25, 0.75) if segment == 1 else (0.25, 0.6)
                middles, radii = zip(*(probe.section(self._bone_point(digit, segment, at), direction) for at in stations), strict=True)
                shift = [m - self._bone_point(digit, segment, at) for m, at in zip(middles, stations, strict=True)]
                near, far = self._bone_point(digit, segment, 0.0) + shift[0], self._bone_point(digit, segment, 1.0) + shift[1]
                if segment == 2:
                    end = probe.exit(self._bone_point(digit, 2, 0.5), direction)
                    far = far + direction * (np.dot(end - far, direction) - radii[1])
                thick = 0.013 if digit == "thumb" and segment == 0 else 0.02
                origin = self.rest[frame]
                out.append(Capsule(digit, segment, (frame, near - origin), (frame, far - origin), min(radii[0], thick), min(radii[1], thick)))
        for k, finger in enumerate(FINGERS):
            base = self.rest[self._frames[finger][0]]
            ends = []
            for at in (0.25, 0.9):
                front, back = probe.exit(at * base, _PALM_DOWN), probe.exit(at * base, -_PALM_DOWN)
                ends.append((0.5 * (front + back), min(0.5 * float(np.linalg.norm(front - back)), 0.014)))
            out.append(Capsule("palm", k, (0, ends[0][0]), (0, ends[1][0]), ends[0][1], ends[1][1]))
        return tuple(out)

    def capsule_ends(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends a and b (..., C, 3) of `capsules` in the wrist frame."""
        rotation, position = self.transforms(angles)
        a_frame, b_frame = [c.a[0] for c in self.capsules], [c.b[0] for c in self.capsules]
        a_local, b_local = np.stack([c.a[1] for c in self.capsules]), np.stack([c.b[1] for c in self.capsules])
        a = position[..., a_frame, :] + (rotation[..., a_frame, :, :] @ a_local[..., None])[..., 0]
        b = position[..., b_frame, :] + (rotation[..., b_frame, :, :] @ b_local[..., None])[..., 0]
        return a, b

    def _find_collision_points(self) -> tuple[list[tuple[int, np.ndarray]], np.ndarray]:
        points: list[tuple[int, np.ndarray]] = []
        radii: list[float] = []
        for c in self.capsules:
            fractions: tuple[float, ...] = (0.0, 0.5) if c.digit != "palm" and c.segment < 2 else (0.0, 0.5, 1.0)
            for t in fractions:
                points.append((c.a[0], (1 - t) * c.a[1] + t * c.b[1]))
                radii.append((1 - t) * c.radius_a + t * c.radius_b)
        points.append((0, np.zeros(3)))
        radii.append(0.5 * (self.capsules[-1].radius_a + self.capsules[-4].radius_a))
        return points, np.array(radii)

    def collision_points(self, angles: np.ndarray) -> np.ndarray:
        """(..., K, 3) centres of the spheres of radius `collision_radii` (K,) that fill the hand, in the wrist frame."""
        rotation, position = self.transforms(angles)
        frames = [frame for frame, _ in self._collision]
        local = np.stack([p for _, p in self._collision])
        return position[..., frames, :] + (rotation[..., frames, :, :] @ local[..., None])[..., 0]
