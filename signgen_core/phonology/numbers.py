"""Cardinal numbers 0 to 999 as they are signed in ASL, not as strings of digits.

1 to 5 alone face the signer; 10 to 29 have forms of their own (thumb twist, flicks, knuckle bends, the L of the twenties); from 30 on the tens
digit is followed by the ones digit a little further out, equal digits hop outwards, pairs of 6 to 9 rock from one side to the other; hundreds are
a digit and C. Facts as taught in introductory ASL courses (e.g. Smith, Lentz & Mikos, Signing Naturally); regional variants exist, and 23 and 25 in
particular have several.
"""

from __future__ import annotations

from dataclasses import replace

from .features import Phonology
from .handshapes import Handshapes

_SLIDE = 0.045  # metres outwards from one digit to the next
_HOP = 0.07


def number_morphemes(value: int, shapes: Handshapes, place: tuple[float, float, float]) -> tuple[Phonology, ...]:
    """The morphemes of 0 to 999, signed at `place` (out, up, forward from neutral space, metres). Raises ValueError outside that range."""
    if not 0 <= value <= 999:
        raise ValueError(f"{value} is not between 0 and 999")
    forms = _forms(value, shapes)
    return tuple(_moved(m, place) for m in forms)


def _forms(value: int, shapes: Handshapes) -> tuple[Phonology, ...]:
    if value >= 100:
        c = shapes.letters["c"]
        hundred = Phonology(handshape=c.handshape, palm=c.palm, fingers=c.fingers, location_offset=(0.02, 0.0, 0.0))
        rest = _forms(value % 100, shapes) if value % 100 else ()
        moved = tuple(_outwards(m, 0.04) for m in rest)
        return (_digit(value // 100, shapes), hundred, *moved)
    if value < 10:
        character = shapes.digits[str(value)]
        return (Phonology(handshape=character.handshape, palm=character.palm, fingers=character.fingers),)
    if value < 20:
        return _teens(value, shapes)
    if value < 30:
        return _twenties(value, shapes)
    tens, ones = divmod(value, 10)
    if tens == ones:
        hop = _digit(tens, shapes, palm="down+forward", fingers="forward+0.6*up")
        return (replace(hop, movement="Curved", direction="out", size=_HOP, arc="up", arc_size=0.03),)
    if tens >= 6 and ones >= 6:
        first, second = ("forward+0.5*in", "forward+0.4*out") if tens < ones else ("forward+0.4*out", "forward+0.5*in")
        return (_digit(tens, shapes, palm=first), _outwards(_digit(ones, shapes, palm=second), _SLIDE / 2))
    return (_digit(tens, shapes), _outwards(_digit(ones, shapes), _SLIDE))


def _digit(digit: int, shapes: Handshapes, palm: str = "forward", fingers: str = "up") -> Phonology:
    """A digit within a longer number: palm to the viewer."""
    return Phonology(handshape=shapes.digits[str(digit)].handshape, palm=palm, fingers=fingers)


def _outwards(morpheme: Phonology, metres: float) -> Phonology:
    return _moved(morpheme, (metres, 0.0, 0.0))


def _moved(morpheme: Phonology, by: tuple[float, float, float]) -> Phonology:
    out, up, forward = morpheme.location_offset
    return replace(morpheme, location_offset=(round(out + by[0], 4), round(up + by[1], 4), round(forward + by[2], 4)))


def _teens(value: int, shapes: Handshapes) -> tuple[Phonology, ...]:
    thumb_up = Phonology(handshape="a", palm="in", fingers="forward+0.4*up")
    if value == 10:
        return (replace(thumb_up, internal="twist", repeated_movement=True),)
    if value in (11, 12):
        flick = Phonology(handshape="s", final_handshape="1" if value == 11 else "v", internal="flick", palm="back", fingers="up")
        return (flick, flick)
    if value in (13, 14, 15):
        shape = {13: "3", 14: "4", 15: "open_b"}[value]
        return (Phonology(handshape=shape, internal="bend", repeated_movement=True, palm="back", fingers="up"),)
    return (thumb_up, _digit(value - 10, shapes))


def _twenties(value: int, shapes: Handshapes) -> tuple[Phonology, ...]:
    twitch = {20: ("g", "baby_o"), 21: ("l", "1"), 23: ("3", "l"), 25: ("5", "open_8")}
    if value in twitch:
        first, last = twitch[value]
        return (Phonology(handshape=first, final_handshape=last, internal="open_close", repeated_movement=True, palm="forward", fingers="up"),)
    if value == 22:
        return (Phonology(handshape="v", palm="down", fingers="forward+0.3*up", movement="Curved", direction="out", size=_HOP, arc="up", arc_size=0.03),)
    return (Phonology(handshape="l", palm="forward", fingers="up"), _outwards(_digit(value - 20, shapes), 0.02))
