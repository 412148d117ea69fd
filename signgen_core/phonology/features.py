"""The feature inventory of a sign, in ASL-LEX 2.0 terms, plus the body terms that ASL-LEX does not code.

Values and definitions follow the ASL-LEX 2.0 key (Sehyr, Caselli, Cohen-Goldberg & Emmorey 2021). Everything is said from the dominant
hand's side of the body: directions are `out` (towards the side of the hand that moves), `in` (towards the midline and past it), `up`, `down`, `forward`
(away from the signer) and `back`. A left-handed signer is the mirror image of the whole; nothing here names left or right.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..errors import LexiconError

SIGN_TYPES = (
    "OneHanded", "SymmetricalOrAlternating", "AsymmetricalSameHandshape", "AsymmetricalDifferentHandshape",
    "DominanceViolation", "SymmetryViolation",
)  # fmt: skip
MAJOR_LOCATIONS = ("Neutral", "Head", "Body", "Arm", "Hand", "Other")
MINOR_LOCATIONS: dict[str, tuple[str, ...]] = {
    "Neutral": ("Neutral",),
    "Head": ("HeadTop", "Forehead", "Eye", "CheekNose", "UpperLip", "Mouth", "Chin", "UnderChin", "HeadAway", "Other"),
    "Body": ("Neck", "Shoulder", "Clavicle", "TorsoTop", "TorsoMid", "TorsoBottom", "Waist", "Hips", "BodyAway", "Other"),
    "Arm": ("UpperArm", "ElbowBack", "ForearmBack", "ForearmFront", "ForearmUlnar", "ForearmRadial", "WristBack", "WristFront", "ArmAway", "Other"),
    "Hand": ("Palm", "PalmBack", "FingerFront", "FingerBack", "FingerTip", "FingerRadial", "FingerUlnar", "Heel", "HandAway", "Other"),
    "Other": ("Other", "OtherAway"),
}  # fmt: skip
ALL_MINOR_LOCATIONS: tuple[str, ...] = tuple(dict.fromkeys(m for minors in MINOR_LOCATIONS.values() for m in minors))
MOVEMENTS = ("None", "Straight", "Curved", "Circular", "BackAndForth", "Z-shaped", "X-shaped", "Other")
FLEXIONS = ("FullyOpen", "Curved", "Flat", "Bent", "FullyClosed", "Stacked", "Crossed", "NA")

# Movements inside the hand, on a clock of their own; terms of the HamNoSys / SignWriting tradition.
INTERNAL_MOVEMENTS = ("wiggle", "open_close", "twist", "bend", "rub", "nod", "flick")
CONTACT_TIMES = ("start", "end", "both", "throughout", "middle")

DIRECTION_WORDS: dict[str, tuple[float, float, float]] = {
    "out": (1.0, 0.0, 0.0), "in": (-1.0, 0.0, 0.0), "up": (0.0, 1.0, 0.0), "down": (0.0, -1.0, 0.0),
    "forward": (0.0, 0.0, 1.0), "back": (0.0, 0.0, -1.0),
}  # fmt: skip
_DIRECTION_TERM = re.compile(r"^\s*(?:([0-9]*\.?[0-9]+)\s*\*\s*)?([a-z]+)\s*$")


def parse_direction(text: str) -> np.ndarray:
    """A direction expression such as `up`, `forward+down` or `up+0.3*in` as a unit vector (3,) in (out, up, forward).

    Raises LexiconError for an unknown word or a sum that cancels out.
    """
    total = np.zeros(3)
    for term in text.split("+"):
        match = _DIRECTION_TERM.match(term)
        if not match or match.group(2) not in DIRECTION_WORDS:
            raise LexiconError(f"direction {text!r}: {term.strip()!r} is not one of {', '.join(DIRECTION_WORDS)}")
        total += float(match.group(1) or 1.0) * np.array(DIRECTION_WORDS[match.group(2)])
    length = math.sqrt(float(total @ total))
    if length < 1e-6:
        raise LexiconError(f"direction {text!r} cancels out to nothing")
    return total / length


@dataclass(frozen=True)
class BaseHand:
    """The non-dominant hand of an asymmetrical sign: where it is held and how it is turned, said from its own side.

    location_offset: metres (out, up, forward) of the contact patch from the minor location. moves: it makes the dominant hand's movement too.
    """

    palm: str = "up"
    fingers: str = "forward+in"
    location: str = "Neutral"
    location_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    final_handshape: str | None = None
    moves: bool = False


@dataclass(frozen=True)
class Phonology:
    """One morpheme of a sign.

    ASL-LEX 2.0: handshape, selected_fingers, flexion, flexion_change, spread, spread_change, thumb_position, thumb_contact (these follow
    from the handshape where they are None), sign_type, major_location, minor_location, second_minor_location, contact, movement,
    repeated_movement, ulnar_rotation, nondominant_handshape.

    Body terms: `palm` and `fingers` are the directions in which the palm faces and in which the metacarpals point (the extended-finger
    direction) at the first hold; `final_*` at the last. `contact_point` names the patch of the dominant hand that touches (or
    points at) the location; `base_contact_point` the patch of the other hand that is touched, where the minor location alone does not
    say it. `location_offset` and `second_offset` are metres (out, up, forward) away from the location. `direction` and `size` (metres) give the path
    where there is no second location, `arc` the side to which a Curved path bulges or the second axis of a Circular one, `arc_size` the bulge in
    metres. `internal` is a movement inside the hand. `path` lists points (out, up, forward) in metres from the start for a path that no other term
    names. `alternating` hands move half a cycle apart. `repetitions` counts path strokes.
    """

    handshape: str
    sign_type: str = "OneHanded"
    major_location: str = "Neutral"
    minor_location: str = "Neutral"
    second_minor_location: str | None = None
    contact: bool = False
    movement: str = "None"
    repeated_movement: bool = False
    ulnar_rotation: bool = False
    nondominant_handshape: str | None = None
    selected_fingers: str | None = None
    flexion: str | None = None
    flexion_change: bool | None = None
    spread: bool | None = None
    spread_change: bool | None = None
    thumb_position: str | None = None
    thumb_contact: bool | None = None
    palm: str = "forward"
    fingers: str = "up"
    final_palm: str | None = None
    final_fingers: str | None = None
    final_handshape: str | None = None
    contact_point: str | None = None
    base_contact_point: str | None = None
    contact_time: str | None = None
    location_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    second_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: str | None = None
    size: float | None = None
    arc: str | None = None
    arc_size: float | None = None
    internal: str | None = None
    repetitions: int | None = None
    path: tuple[tuple[float, float, float], ...] = ()
    alternating: bool = False
    nondominant: BaseHand = field(default_factory=BaseHand)

    @property
    def two_handed(self) -> bool:
        return self.sign_type != "OneHanded"

    @property
    def symmetrical(self) -> bool:
        """Both hands do the same, mirrored."""
        return self.sign_type == "SymmetricalOrAlternating"


_FIELDS = {f.name: f for f in fields(Phonology)}
_BASE_FIELDS = {f.name: f for f in fields(BaseHand)}
_ENUMS: dict[str, tuple[str, ...]] = {
    "sign_type": SIGN_TYPES,
    "major_location": MAJOR_LOCATIONS,
    "minor_location": ALL_MINOR_LOCATIONS,
    "second_minor_location": ALL_MINOR_LOCATIONS,
    "movement": MOVEMENTS,
    "flexion": FLEXIONS,
    "thumb_position": ("Open", "Closed"),
    "internal": INTERNAL_MOVEMENTS,
    "contact_time": CONTACT_TIMES,
}
_DIRECTIONS = ("palm", "fingers", "final_palm", "final_fingers", "direction", "arc")
_BOOLS = ("contact", "repeated_movement", "ulnar_rotation", "flexion_change", "spread", "spread_change", "thumb_contact", "alternating")
_OFFSETS = ("location_offset", "second_offset")
_NUMBERS = {"size": (0.0, 0.8), "arc_size": (-0.5, 0.5)}


def phonology_from_json(data: Any, where: str) -> Phonology:
    """Checks one morpheme's JSON object and builds it. `where` is put before the field's name in errors.

    Handshape names are not checked here (the handshape inventory is a preset); `lexicon` and `action` do that.
    Raises LexiconError naming the field.
    """
    if not isinstance(data, dict):
        raise LexiconError(f"{where}: expected an object, found {type(data).__name__}")
    out: dict[str, Any] = {}
    for key, value in data.items():
        path = f"{where}.{key}"
        if key not in _FIELDS:
            raise LexiconError(f"{path}: unknown field")
        if key == "nondominant":
            out[key] = _base_hand_from_json(value, path)
        elif value is None:
            continue
        elif key in _ENUMS:
            out[key] = _enum(value, _ENUMS[key], path)
        elif key in _DIRECTIONS:
            out[key] = _direction(value, path)
        elif key in _BOOLS:
            if not isinstance(value, bool):
                raise LexiconError(f"{path}: expected true or false, found {value!r}")
            out[key] = value
        elif key in _OFFSETS:
            out[key] = _offset(value, path)
        elif key in _NUMBERS:
            low, high = _NUMBERS[key]
            out[key] = _number(value, low, high, path)
        elif key == "path":
            if not isinstance(value, list | tuple) or not 2 <= len(value) <= 64:
                raise LexiconError(f"{path}: expected 2 to 64 points, found {value!r}")
            out[key] = tuple(_offset(point, f"{path}[{i}]") for i, point in enumerate(value))
        elif key == "repetitions":
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 12:
                raise LexiconError(f"{path}: expected a whole number from 1 to 12, found {value!r}")
            out[key] = value
        elif not isinstance(value, str):
            raise LexiconError(f"{path}: expected a string, found {value!r}")
        else:
            out[key] = value
    if "handshape" not in out:
        raise LexiconError(f"{where}.handshape: missing")
    result = Phonology(**out)
    if result.minor_location not in MINOR_LOCATIONS[result.major_location]:
        raise LexiconError(f"{where}.minor_location: {result.minor_location!r} does not belong to {result.major_location!r}")
    return result


def phonology_to_json(value: Phonology) -> dict[str, Any]:
    """The JSON object of a morpheme; fields at their default are left out. Inverse of `phonology_from_json`."""
    default = Phonology(handshape=value.handshape)
    out: dict[str, Any] = {"handshape": value.handshape}
    for name in _FIELDS:
        current = getattr(value, name)
        if name == "handshape" or current == getattr(default, name):
            continue
        if name == "nondominant":
            base_default = BaseHand()
            out[name] = {
                n: list(v) if isinstance(v, tuple) else v
                for n in _BASE_FIELDS
                if (v := getattr(current, n)) != getattr(base_default, n)
            }
        else:
            out[name] = _plain(current)
    return out


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _base_hand_from_json(data: Any, where: str) -> BaseHand:
    if not isinstance(data, dict):
        raise LexiconError(f"{where}: expected an object, found {type(data).__name__}")
    out: dict[str, Any] = {}
    for key, value in data.items():
        path = f"{where}.{key}"
        if key not in _BASE_FIELDS:
            raise LexiconError(f"{path}: unknown field")
        if key in ("palm", "fingers"):
            out[key] = _direction(value, path)
        elif key == "location":
            out[key] = _enum(value, ALL_MINOR_LOCATIONS, path)
        elif key == "location_offset":
            out[key] = _offset(value, path)
        elif key == "moves":
            out[key] = bool(value)
        elif value is not None:
            out[key] = str(value)
    return BaseHand(**out)


def _enum(value: Any, allowed: tuple[str, ...], path: str) -> str:
    if value not in allowed:
        raise LexiconError(f"{path}: {value!r} is not one of {', '.join(allowed)}")
    return value


def _direction(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise LexiconError(f"{path}: expected a direction such as 'up' or 'forward+in', found {value!r}")
    try:
        parse_direction(value)
    except LexiconError as problem:
        raise LexiconError(f"{path}: {problem}") from None
    return value


def _number(value: Any, low: float, high: float, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        raise LexiconError(f"{path}: expected a number from {low} to {high}, found {value!r}")
    return float(value)


def _offset(value: Any, path: str) -> tuple[float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise LexiconError(f"{path}: expected three numbers (out, up, forward), found {value!r}")
    x, y, z = (_number(v, -1.0, 1.0, f"{path}[{i}]") for i, v in enumerate(value))
    return (x, y, z)
