"""From one morpheme's phonology to targets of one hand: where its contact point is, how the hand is turned, how its fingers bend.

All of it is said in the *canonical* world of the hand: a right hand on a body that is mirrored where the hand is a left one. So a
symmetrical sign is the same call on the mirrored body, and no rule here knows left from right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..kinematics.rotations import matrix_to_quaternion, normalise, quaternion_to_matrix, rotation_about, slerp
from ..kinematics.spline import minimum_jerk
from ..phonology.features import MINOR_LOCATIONS, Phonology, parse_direction
from ..phonology.hand import ANGLE_LIMITS, FOREARM_PATCH_NAMES, HandModel
from ..phonology.handshapes import Handshapes
from ..phonology.locations import Locations
from ..rig import MIRROR

_TO_WORLD = np.array([-1.0, 1.0, 1.0])  # (out, up, forward) of a right hand to core axes
_NEUTRAL_OUT = {"one": 0.16, "two": 0.13, "base": 0.13}  # metres from the midline, docs/formats/lexicon.md
_DEFAULT_SIZE = 0.12
_NO_CONTACT_LIFT = 0.03
_SURFACE_SAMPLES = 13


FLIP = np.array([-1.0, 1.0, 1.0])


def mirror_rotation(rotation: np.ndarray) -> np.ndarray:
    """The rotation (..., 3, 3) seen in the mirror x -> -x."""
    return rotation * FLIP[:, None] * FLIP[None, :]


# Patches of the forearm in the hand's frame, metres: true while the wrist is straight, which it is when forearms touch.
_FOREARM_PATCHES = dict(zip(FOREARM_PATCH_NAMES, (
    ((0.11, -0.033, 0.0), (0.0, -1.0, 0.0)),
    ((0.11, 0.030, 0.0), (0.0, 1.0, 0.0)),
    ((0.11, 0.0, 0.030), (0.0, 0.0, 1.0)),
    ((0.11, 0.0, -0.032), (0.0, 0.0, -1.0)),
    ((0.245, 0.0, -0.035), (0.0, 0.0, -1.0)),
), strict=True))  # fmt: skip


def hand_patch(hand: HandModel, name: str, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position and outward normal (T, 3) of a patch of hand or forearm in the wrist frame. Raises InputError for an unknown one."""
    if name in _FOREARM_PATCHES:
        point, normal = (np.broadcast_to(np.array(v), (*angles.shape[:-1], 3)) for v in _FOREARM_PATCHES[name])
        return point, normal
    return hand.patch(name, angles)


@dataclass(frozen=True)
class BodyPose:
    """Global joint transforms of a posed trunk: rotation (T, 55, 3, 3), position (T, 55, 3), in one hand's canonical world."""

    rotation: np.ndarray
    position: np.ndarray

    def at(self, frames: np.ndarray | slice) -> BodyPose:
        return BodyPose(self.rotation[frames], self.position[frames])

    def mirrored(self) -> BodyPose:
        """The same body in the mirror x -> -x: the canonical world of the left hand."""
        order = list(MIRROR)
        return BodyPose(mirror_rotation(self.rotation[:, order]), self.position[:, order] * FLIP)


@dataclass(frozen=True)
class HandTarget:
    """What one hand should do over T frames.

    point: (T, 3) world place of the contact patch; rotation: (T, 3, 3) of the hand as it is turned at first; final_rotation: (T, 3, 3) as
    it is turned at last, and turn: (T,) how far it has gone from the one to the other; angles: (T, 21) finger angles; patch: (T, 3) the
    patch in the hand's frame. A turn is made in the joints of the arm: between palm up and palm down a hand goes through palm in, not through palm out.
    """

    point: np.ndarray
    rotation: np.ndarray
    final_rotation: np.ndarray
    turn: np.ndarray
    angles: np.ndarray
    patch: np.ndarray

    @property
    def orientation(self) -> np.ndarray:
        """(T, 3, 3) the straight blend of both orientations; exact where `turn` is 0 or 1."""
        if not self.turn.any():
            return self.rotation
        return quaternion_to_matrix(slerp(matrix_to_quaternion(self.rotation), matrix_to_quaternion(self.final_rotation), self.turn))

    @property
    def wrist(self) -> np.ndarray:
        return self.point - np.einsum("tab,tb->ta", self.orientation, self.patch)


def hand_frame(palm: str, fingers: str) -> np.ndarray:
    """Rotation (3, 3) of a right hand whose fingers point along `fingers` and whose palm faces `palm` as nearly as that allows."""
    f = parse_direction(fingers) * _TO_WORLD
    p = parse_direction(palm) * _TO_WORLD
    p = p - (p @ f) * f
    if p @ p < 1e-6:  # palm along the fingers: any palm is as good; take the one nearest to facing down
        p = np.array([0.0, -1.0, 0.0]) - (-f[1]) * f
        p = p if p @ p > 1e-6 else np.array([0.0, 0.0, 1.0])
    p = normalise(p)
    # rest: fingers -X, palm -Y, thumb side +Z = fingers x palm
    return np.stack([-f, -p, np.cross(f, p)], axis=-1)


def stroke_waypoints(phonology: Phonology) -> list[float]:
    """Progress values that the path visits: 0 is its start, 1 its end. Repeated strokes decay on the way back."""
    n = phonology.repetitions or (2 if phonology.repeated_movement else 1)
    if phonology.movement == "BackAndForth":
        return [0.0, *([1.0, 0.0] * n)] if not phonology.alternating else [0.0, *([1.0, 0.0] * n)]
    points = [0.0, 1.0]
    for k in range(1, n):
        back = 0.0 if not phonology.contact else min(0.35, 0.15 * k + 0.1)
        points += [back, 1.0]
    return points


@dataclass(frozen=True)
class AnchorTrack:
    """A patch of the other hand over time, in the touching hand's canonical world: position, normal (T, 3)."""

    position: np.ndarray
    normal: np.ndarray


_NO_BASE: Mapping[str, AnchorTrack] = MappingProxyType({})


class TargetBuilder:
    """Builds hand targets on one body. `locations` answers for the canonical world of either hand (bodies are symmetrical)."""

    def __init__(self, locations: Locations, handshapes: Handshapes) -> None:
        self.locations = locations
        self.handshapes = handshapes

    # -- shapes ---------------------------------------------------------------------------------------------------------------

    def shape_angles(self, name: str, finger_config: dict[str, float] | None = None) -> np.ndarray:
        """(21,) finger angles of a handshape, with single fingers opened or closed."""
        shape = self.handshapes.get(name)
        return shape.blend(finger_config) if finger_config else shape.angles

    def fingers(self, phonology: Phonology, times: np.ndarray, progress: np.ndarray, base: bool, config: dict[str, float] | None = None) -> np.ndarray:
        """(T, 21) finger angles over the morpheme: aperture change along the path, internal movements on their own clock."""
        duration = max(float(times[-1] - times[0]), 1e-6)
        u = (times - times[0]) / duration
        first_name = (phonology.nondominant_handshape or phonology.handshape) if base else phonology.handshape
        last_name = phonology.nondominant.final_handshape if base else phonology.final_handshape
        first = self.shape_angles(first_name, config)
        last = self.shape_angles(last_name) if last_name else first
        internal = None if base else phonology.internal
        cycles = phonology.repetitions or (2 if phonology.repeated_movement else 1)
        amount = progress if phonology.movement not in ("None", "Circular") else minimum_jerk((u - 0.15) / 0.6)
        if internal == "open_close":
            amount = 0.5 - 0.5 * np.cos(2.0 * np.pi * cycles * u)
        elif internal == "flick":
            amount = minimum_jerk((u - 0.45) / 0.4)
        angles = first + (last - first) * amount[:, None]
        fade = minimum_jerk(np.minimum(times - times[0], times[-1] - times) / 0.12)
        if internal == "wiggle":
            for k in range(4):
                wave = np.sin(2.0 * np.pi * 2.6 * (times - times[0]) - k * 1.1) * fade
                angles[:, 4 * k + 1] += np.radians(16.0) * wave + np.radians(6.0) * fade
                angles[:, 4 * k + 2] += np.radians(7.0) * wave + np.radians(4.0) * fade
        elif internal == "bend":
            wave = (0.5 - 0.5 * np.cos(2.0 * np.pi * max(cycles, 2) * u)) * np.radians(45.0)
            selected = self.handshapes.get(first_name).selected_fingers or "imrp"
            for k, letter in enumerate("imrp"):
                # a finger that is bent already closes on at its middle joint, a straight one bends at the knuckle
                if letter in selected:
                    bent = first[4 * k + 2] > np.radians(40.0)
                    angles[:, 4 * k + (2 if bent else 1)] += 0.6 * wave if bent else wave
        elif internal == "rub":
            wave = np.sin(2.0 * np.pi * 2.4 * (times - times[0])) * fade
            angles[:, 16] += np.radians(9.0) * wave
            for k in range(2):
                angles[:, 4 * k + 2] += np.radians(6.0) * wave
        return np.clip(angles, ANGLE_LIMITS[:, 0], ANGLE_LIMITS[:, 1])

    # -- orientation ----------------------------------------------------------------------------------------------------------

    def orientation(self, phonology: Phonology, times: np.ndarray, progress: np.ndarray, base: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First and last hand rotations (T, 3, 3) and the turn (T,) between them; small movements of the wrist are in both."""
        duration = max(float(times[-1] - times[0]), 1e-6)
        u = (times - times[0]) / duration
        still = np.zeros(len(times))
        if base:
            fixed = hand_frame(phonology.nondominant.palm, phonology.nondominant.fingers)
            rotation = np.broadcast_to(fixed, (len(times), 3, 3))
            return rotation, rotation, still
        first = hand_frame(phonology.palm, phonology.fingers)
        last = hand_frame(phonology.final_palm or phonology.palm, phonology.final_fingers or phonology.fingers)
        turns = phonology.final_palm is not None or phonology.final_fingers is not None
        cycles = max(phonology.repetitions or 1, 2 if phonology.repeated_movement else 1)
        fade = minimum_jerk(np.minimum(times - times[0], times[-1] - times) / 0.12)
        amount = still
        if turns:
            amount = progress if phonology.movement not in ("None", "Circular") else minimum_jerk((u - 0.1) / 0.7)
            if phonology.internal == "twist":
                amount = 0.5 - 0.5 * np.cos(2.0 * np.pi * cycles * u)
        wobble = np.broadcast_to(np.eye(3), (len(times), 3, 3))
        if phonology.internal == "twist" and not turns:
            swing = np.radians(24.0) * np.sin(2.0 * np.pi * max(cycles, 2) * u) * fade
            wobble = rotation_about(np.array([-1.0, 0.0, 0.0]), swing)
        elif phonology.internal == "nod":
            bend = np.radians(32.0) * (0.5 - 0.5 * np.cos(2.0 * np.pi * max(cycles, 2) * u))
            wobble = rotation_about(np.array([0.0, 0.0, 1.0]), bend)
        return np.einsum("ab,tbc->tac", first, wobble), np.einsum("ab,tbc->tac", last, wobble), amount

    # -- path -----------------------------------------------------------------------------------------------------------------

    def progress(self, phonology: Phonology, times: np.ndarray, shifted: bool) -> np.ndarray:
        """(T,) progress along the path. `shifted`: the other hand of an alternating sign, half a cycle behind."""
        duration = max(float(times[-1] - times[0]), 1e-6)
        u = (times - times[0]) / duration
        if phonology.movement == "None" and phonology.second_minor_location is None:
            return minimum_jerk((u - 0.1) / 0.7)
        waypoints = stroke_waypoints(phonology)
        if shifted:
            waypoints = [1.0 - w for w in waypoints]
        strokes = len(waypoints) - 1
        lead, tail = (0.06, 0.14) if strokes > 1 else (0.12, 0.24)
        # a stroke takes time with the root of its length, as aimed movements do
        weights = np.sqrt(np.abs(np.diff(waypoints)) + 0.05)
        edges = lead + (1.0 - lead - tail) * np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
        out = np.full(len(u), waypoints[0])
        for k in range(strokes):
            out = np.where(u >= edges[k], waypoints[k] + (waypoints[k + 1] - waypoints[k]) * minimum_jerk((u - edges[k]) / (edges[k + 1] - edges[k])), out)
        return out

    def displacement(self, phonology: Phonology, progress: np.ndarray, u: np.ndarray, size: float, shifted: bool) -> np.ndarray:
        """(T, 3) path of the contact point relative to its start, in core axes, where no second location ends it."""
        direction = parse_direction(phonology.direction) * _TO_WORLD if phonology.direction else np.zeros(3)
        if phonology.movement == "Circular":
            across = parse_direction(phonology.arc) * _TO_WORLD if phonology.arc else np.array([0.0, 1.0, 0.0])
            along = direction if phonology.direction else np.array([0.0, 0.0, 1.0])
            across = normalise(across - (across @ along) * along, fallback=np.array([0.0, 1.0, 0.0]))
            cycles = phonology.repetitions or (2 if phonology.repeated_movement else 1)
            angle = 2.0 * np.pi * cycles * _eased(u) + (np.pi if shifted else 0.0)
            offset = across * (1.0 - np.cos(angle))[:, None] + along * np.sin(angle)[:, None]
            return size * offset
        if phonology.path:
            return _along_polyline(np.array(phonology.path) * _TO_WORLD, progress)
        path = size * progress[:, None] * direction
        bulge = 4.0 * progress * (1.0 - progress)
        if phonology.movement == "Curved" and phonology.direction:
            side = parse_direction(phonology.arc) * _TO_WORLD if phonology.arc else np.array([0.0, 0.0, 1.0])
            height = phonology.arc_size if phonology.arc_size is not None else 0.35 * size
            path = path + height * bulge[:, None] * side
        elif phonology.movement in ("Z-shaped", "X-shaped"):
            side = parse_direction(phonology.arc) * _TO_WORLD if phonology.arc else np.array([0.0, 1.0, 0.0])
            height = phonology.arc_size if phonology.arc_size is not None else 0.35 * size
            path = path + height * _zigzag(progress)[:, None] * side
        return path

    def path(
        self, phonology: Phonology, times: np.ndarray, progress: np.ndarray, pose: BodyPose, scale: float, shifted: bool, on_base: Mapping[str, AnchorTrack]
    ) -> np.ndarray:
        """(T, 3) world positions of the contact point of a moving hand. `on_base`: touched patches of the other hand by minor location."""
        duration = max(float(times[-1] - times[0]), 1e-6)
        u = (times - times[0]) / duration
        size = (phonology.size if phonology.size is not None else (_DEFAULT_SIZE if phonology.direction else 0.0)) * scale
        when = phonology.contact_time or ("both" if phonology.second_minor_location else "end" if phonology.repeated_movement else "start")
        start, normal = self._place(phonology, pose, phonology.major_location, phonology.minor_location, phonology.location_offset, on_base)
        on_body = phonology.major_location in ("Head", "Body")
        slides = phonology.contact and when == "throughout" and on_body
        if phonology.movement == "Circular" and phonology.second_minor_location is not None and not slides:
            end, _ = self._place(
                phonology, pose, major_of(phonology.second_minor_location, phonology.major_location), phonology.second_minor_location,
                phonology.second_offset, on_base,
            )  # fmt: skip
            circle = self.displacement(phonology, progress, np.clip(u / 0.62, 0.0, 1.0), size, shifted)
            return start + circle + (end - start) * minimum_jerk((u - 0.55) / 0.38)[:, None]
        if phonology.second_minor_location is not None and not (slides and phonology.movement == "Circular"):
            major = major_of(phonology.second_minor_location, phonology.major_location)
            end, _ = self._place(phonology, pose, major, phonology.second_minor_location, phonology.second_offset, on_base)
            line = start + (end - start) * progress[:, None]
            length = np.sqrt(np.sum((end - start) ** 2, axis=1, keepdims=True))
            side = parse_direction(phonology.arc) * _TO_WORLD if phonology.arc else np.array([0.0, 0.0, 1.0])
            default = 0.35 if phonology.movement == "Curved" else 0.15 if phonology.contact and when == "both" else 0.0
            height = phonology.arc_size if phonology.arc_size is not None else default * length
            if when == "throughout":
                height = 0.0
            return line + height * (4.0 * progress * (1.0 - progress))[:, None] * side
        if phonology.contact and phonology.nondominant.moves and phonology.major_location in ("Hand", "Arm"):
            return start  # the other hand carries this one along
        shift = self.displacement(phonology, progress, u, size, shifted)
        if slides:
            return self._along_surface(phonology, pose, shift)
        if phonology.movement != "Circular" and phonology.direction and phonology.contact:
            whole = self.displacement(phonology, np.ones(1), np.ones(1), size, False)
            if when in ("end", "both"):
                shift = shift - whole
            elif when == "middle":
                shift = shift - 0.5 * whole + normal * (0.03 * (2.0 * progress - 1.0) ** 2)[:, None]
        return start + shift

    def _place(
        self, phonology: Phonology, pose: BodyPose, major: str, minor: str, offset: tuple[float, float, float], on_base: Mapping[str, AnchorTrack]
    ) -> tuple[np.ndarray, np.ndarray]:
        """World positions and normals (T, 3) of a location."""
        if major == "Hand":
            touched = on_base.get(minor)
            if touched is None:
                major, minor = "Neutral", "Neutral"
            else:
                lift = 0.08 if minor.endswith("Away") else 0.0
                return touched.position + np.array(offset) * _TO_WORLD + lift * touched.normal, touched.normal
        if major in ("Neutral", "Other"):
            kind = "two" if phonology.two_handed else "one"
            out = 0.0 if phonology.symmetrical and phonology.contact else _NEUTRAL_OUT[kind]
            anchor = self.locations.anchor("Neutral", "Neutral")
            position = anchor.at(pose.rotation, pose.position, self.locations.rest)
            local = np.array([out + offset[0], offset[1], offset[2]]) * _TO_WORLD
            return position + local, np.broadcast_to(np.array([0.0, 0.0, 1.0]), position.shape)
        anchor = self.locations.anchor(major, minor, offset)
        normal = anchor.normal_at(pose.rotation)
        position = anchor.at(pose.rotation, pose.position, self.locations.rest)
        if not phonology.contact and not minor.endswith("Away"):
            position = position + _NO_CONTACT_LIFT * normal
        return position, normal

    def _along_surface(self, phonology: Phonology, pose: BodyPose, shift: np.ndarray) -> np.ndarray:
        """The path laid onto the skin: points along it are probed one by one and the hand slides through them."""
        first = np.array(phonology.location_offset)
        # successive samples by arc length, so that circles are sampled evenly
        steps = np.concatenate([[0.0], np.cumsum(np.sqrt(np.sum(np.diff(shift, axis=0) ** 2, axis=1)))])
        total = steps[-1]
        if total < 1e-6:
            return self._place(phonology, pose, phonology.major_location, phonology.minor_location, phonology.location_offset, _NO_BASE)[0]
        count = min(_SURFACE_SAMPLES * max(1, round(total / 0.25)), 40)
        marks = np.linspace(0.0, total, count)
        tracks = []
        for mark in marks:
            at = np.array([np.interp(mark, steps, shift[:, a]) for a in range(3)])
            x, y, z = np.round(first + at * _TO_WORLD * np.array([1.0, 1.0, 0.0]), 3)
            anchor = self.locations.anchor(phonology.major_location, phonology.minor_location, (float(x), float(y), float(z)))
            tracks.append(anchor.at(pose.rotation, pose.position, self.locations.rest))
        stacked = np.stack(tracks)  # (count, T, 3)
        where = steps / total * (count - 1)
        low = np.clip(where.astype(int), 0, count - 2)
        f = (where - low)[:, None]
        t = np.arange(len(where))
        return stacked[low, t] * (1.0 - f) + stacked[low + 1, t] * f

    # -- whole hand -----------------------------------------------------------------------------------------------------------

    def moving_hand(
        self, hand: HandModel, phonology: Phonology, times: np.ndarray, pose: BodyPose, *,
        scale: float = 1.0, shifted: bool = False, on_base: Mapping[str, AnchorTrack] = _NO_BASE, finger_config: dict[str, float] | None = None,
    ) -> HandTarget:  # fmt: skip
        """Targets of the dominant hand, or of the other one in a symmetrical sign. times: (T,) seconds from first to last hold."""
        progress = self.progress(phonology, times, shifted)
        angles = self.fingers(phonology, times, progress, False, finger_config)
        rotation, final, turn = self.orientation(phonology, times, progress, False)
        patch, _ = hand_patch(hand, phonology.contact_point or "palm", angles)
        point = self.path(phonology, times, progress, pose, scale, shifted, on_base)
        return HandTarget(point, rotation, final, turn, angles, patch)

    def base_hand(self, hand: HandModel, phonology: Phonology, times: np.ndarray, pose: BodyPose, scale: float = 1.0) -> HandTarget:
        """Targets of the non-dominant hand of an asymmetrical sign, in its own canonical world."""
        base = phonology.nondominant
        progress = self.progress(phonology, times, False)
        angles = self.fingers(phonology, times, progress, True)
        rotation, final, turn = self.orientation(phonology, times, progress, True)
        patch, _ = hand.patch("palm", angles)
        if base.location == "Neutral":
            anchor = self.locations.anchor("Neutral", "Neutral")
            local = (np.array(base.location_offset) + np.array([_NEUTRAL_OUT["base"], 0.0, 0.0])) * _TO_WORLD
            point = anchor.at(pose.rotation, pose.position, self.locations.rest) + local
        else:
            anchor = self.locations.anchor(major_of(base.location, "Body"), base.location, base.location_offset)
            point = anchor.at(pose.rotation, pose.position, self.locations.rest)
        if base.moves and phonology.direction:
            size = (phonology.size if phonology.size is not None else _DEFAULT_SIZE) * scale
            duration = max(float(times[-1] - times[0]), 1e-6)
            moved = self.displacement(phonology, progress, (times - times[0]) / duration, size, False)
            # the same movement in the world, not its mirror image
            point = point + moved * FLIP
        return HandTarget(point, rotation, final, turn, angles, patch)


def uses_base_hand(phonology: Phonology) -> bool:
    """True when the other hand is held as a base (touched, or posed) instead of mirroring."""
    touches = phonology.major_location in ("Hand", "Arm") or phonology.second_minor_location in MINOR_LOCATIONS["Hand"][:-1]
    return not phonology.symmetrical and (phonology.two_handed or touches)


def major_of(minor: str, default: str) -> str:
    """The major location that a minor one belongs to; `default` where that one has it."""
    if minor in MINOR_LOCATIONS[default]:
        return default
    return next((major for major, minors in MINOR_LOCATIONS.items() if minor in minors), default)


def _eased(u: np.ndarray) -> np.ndarray:
    """A speed that rises over the first quarter, keeps, and falls over the last: for circles, which must not stop half way."""
    ramp = 0.25
    u = np.clip((u - 0.03) / 0.90, 0.0, 1.0)
    top = 1.0 / (1.0 - ramp)
    rising = 0.5 * top * u * u / ramp
    steady = top * (u - 0.5 * ramp)
    falling = 1.0 - 0.5 * top * (1.0 - u) ** 2 / ramp
    return np.where(u < ramp, rising, np.where(u > 1.0 - ramp, falling, steady))


def _along_polyline(points: np.ndarray, progress: np.ndarray) -> np.ndarray:
    """(T, 3) at `progress` of the arc length of a path given by points (N, 3); corners are rounded by a small average."""
    steps = np.concatenate([[0.0], np.cumsum(np.sqrt(np.sum(np.diff(points, axis=0) ** 2, axis=1)))])

    def at(s: np.ndarray) -> np.ndarray:
        where = np.clip(s, 0.0, 1.0) * steps[-1]
        return np.stack([np.interp(where, steps, points[:, a]) for a in range(3)], axis=1)

    return (at(progress - 0.04) + 2.0 * at(progress) + at(progress + 0.04)) / 4.0


def _zigzag(progress: np.ndarray) -> np.ndarray:
    """Sideways part of a Z: out, across, out again; rounded corners."""
    return np.sin(3.0 * np.pi * progress) * np.sin(np.pi * np.clip(progress, 0.0, 1.0)) ** 0.5
