"""Numbers as they are signed in ASL: cardinals 0 to 9,999, ordinals, ages, money, clock times, years and counted units of time.

Cardinals: 1 to 5 alone face the signer; 10 to 29 have forms of their own (thumb twist, flicks, knuckle bends, the L of the twenties); from 30 on the
tens digit is followed by the ones digit a little further out, equal digits hop outwards, pairs of 6 to 9 rock from one side to the other;
hundreds are a digit and C, or for round 200 to 500 a digit whose fingers bend; thousands a digit and the sign THOUSAND on the other palm.
Counted units of time, ages up to 9, ordinals up to 9 and dollars up to 9 take the number into their own handshape (numeral incorporation; Liddell 1997,
Liddell 2003 chapter 2; Valli & Lucas, Linguistics of American Sign Language). The forms are those of introductory courses (Smith, Lentz & Mikos, Signing
Naturally); regional variants exist, and 23 and 25 in particular have several. docs/numbers.md lists gloss ids and forms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .features import Phonology
from .handshapes import Handshapes
from .number_glosses import INCORPORATED, LARGEST, NumberGloss, parse_number

Signs = Callable[[str], tuple[Phonology, ...]]
"""Morphemes of a gloss of the lexicon; raises LexiconError where it has none."""
Place = tuple[float, float, float]

_SLIDE = 0.045  # metres outwards from one digit to the next
_HOP = 0.07
_STEP = 0.04  # metres outwards from one part of a long number to the next
_LOWER = -0.07  # metres from the numerator of a fraction to what is below the line
# Digits whose fingers bend for a round hundred.
_BENT_HUNDREDS = {2: "curved_v", 4: "curved_4", 5: "curved_5"}
# Where a digit's hand leaves the chin or comes to a palm: the tip of the index finger, or of what the digit holds out in its place.
_TOUCH = {6: "index_tip", 7: "index_tip", 8: "index_tip", 9: "pinch"}


def number_form(gloss_id: str, shapes: Handshapes, place: Place, signs: Signs) -> tuple[Phonology, ...]:
    """The morphemes of a number's gloss id, signed at `place` (out, up, forward from neutral space, metres).

    `signs` gives the signs that numbers are built with (THOUSAND, DOLLAR, TIME, WEEK ...). Raises ValueError if the gloss id names no number.
    """
    number = parse_number(gloss_id)
    if number is None:
        raise ValueError(f"{gloss_id!r} is not a number that can be signed")
    return _FORMS[number.kind](number, _Maker(shapes, place, signs))


def number_morphemes(value: int, shapes: Handshapes, place: Place, signs: Signs) -> tuple[Phonology, ...]:
    """The morphemes of the cardinal 0 to 9,999. Raises ValueError outside that range."""
    if not 0 <= value <= LARGEST:
        raise ValueError(f"{value} is not between 0 and {LARGEST:,}")
    return _Maker(shapes, place, signs).cardinal(value, inner=False)


class _Maker:
    """Builds the parts of numbers at one place."""

    def __init__(self, shapes: Handshapes, place: Place, signs: Signs) -> None:
        self.shapes, self.place, self.signs = shapes, place, signs

    def cardinal(self, value: int, *, inner: bool = True) -> tuple[Phonology, ...]:
        return self.at_place(_cardinal(value, self.shapes, self.signs, inner))

    def at_place(self, morphemes: tuple[Phonology, ...], out: float = 0.0, up: float = 0.0) -> tuple[Phonology, ...]:
        """Moved to the place of numbers; what stands on the body or the other hand stays there."""
        by = (self.place[0] + out, self.place[1] + up, self.place[2])
        return tuple(_moved(m, by) if m.major_location == "Neutral" else m for m in morphemes)

    def digits(self, text: str) -> tuple[Phonology, ...]:
        """A run of digits one by one; a digit that follows its like slides outwards."""
        out: list[Phonology] = []
        shift = 0.0
        for before, digit in zip(" " + text, text, strict=False):
            shift = shift + _SLIDE if digit == before else 0.0
            out += self.at_place((_digit(int(digit), self.shapes),), shift)
        return tuple(out)

    def letters(self, text: str, out: float) -> tuple[Phonology, ...]:
        made = (self.shapes.letters[c] for c in text.lower())
        return self.at_place(tuple(Phonology(handshape=c.handshape, palm=c.palm, fingers=c.fingers) for c in made), out)


def _groups(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """Pairs as they are said (19-94), everything else digit by digit (555-1234); two like parts side by side (20-20)."""
    out: tuple[Phonology, ...] = ()
    shift = 0.0
    for before, group in zip(("", *number.groups), number.groups, strict=False):
        shift = shift + _STEP if group == before else 0.0
        if group == "00":
            part = make.at_place((_hundred(make.shapes),))
        else:
            part = make.cardinal(int(group)) if len(group) == 2 and group[0] != "0" else make.digits(group)
        out += tuple(_outwards(m, shift) for m in part)
    return out + make.letters(number.word, _STEP)


def _ordinal(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """1st to 9th: the digit lies over to the inside and turns its palm to the signer. Above: the number and the letters of its ending."""
    value = number.values[0]
    if value > INCORPORATED:
        return make.cardinal(value) + make.letters(number.word, _STEP)
    turn = replace(
        _digit(value, make.shapes, palm="forward+0.2*down", fingers="in+0.9*up"), ulnar_rotation=True, final_palm="back+0.3*down", final_fingers="in+0.9*up"
    )
    return make.at_place((turn,), -0.02)


def _age(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """1 to 9: the digit leaves the chin. Others: the index finger leaves the chin, then the number."""
    value = number.values[0]
    incorporated = 1 <= value <= INCORPORATED
    from_chin = Phonology(
        handshape=make.shapes.digits[str(value if incorporated else 1)].handshape, major_location="Head", minor_location="Chin", contact=True,
        contact_time="start", contact_point=_TOUCH.get(value, "index_tip") if incorporated else "index_tip", movement="Straight",
        direction="forward+0.35*out", size=0.14 if incorporated else 0.07, palm="back+0.6*in", fingers="up+0.5*in",
        final_palm="forward" if incorporated else "in", final_fingers="up",
    )  # fmt: skip
    return (from_chin,) if incorporated else (from_chin, *make.cardinal(value))


def _dollars(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """$1 to $9: the digit upright turns from the viewer to the signer. Others: the number and DOLLAR."""
    value = number.values[0]
    if not 1 <= value <= INCORPORATED:
        return make.cardinal(value) + make.signs("DOLLAR")
    turn = replace(
        _digit(value, make.shapes), ulnar_rotation=True, final_palm="back+0.3*in", final_fingers="up", movement="Straight", direction="down+0.5*in", size=0.05
    )
    return make.at_place((turn,), 0.0, 0.02)


def _cents(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """1 to 9 cents: the digit leaves the forehead. Others: PENNY and the number."""
    value = number.values[0]
    cent = make.signs("PENNY")[0]
    if value > INCORPORATED:
        return (cent, *make.cardinal(value))
    upright = replace(
        cent, handshape=make.shapes.digits[str(value)].handshape, contact_point=_TOUCH.get(value, cent.contact_point), location_offset=(0.03, -0.01, 0.0),
        palm="forward+in", fingers="up+0.6*in", final_palm="forward+0.4*in", final_fingers="up+0.2*in",
    )  # fmt: skip
    return (upright,)


def _clock(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """The wrist is touched, then the hour with its palm to the viewer, then the minutes."""
    tap = replace(make.signs("TIME")[0], repeated_movement=False, size=0.04)
    hour = number.values[0]
    whole = make.digits(str(hour)) if hour < 10 else make.cardinal(hour)
    if number.word:
        return (tap, *whole)
    minutes = number.values[1]
    if minutes < 10:
        return (tap, *whole, *make.digits(f"0{minutes}" if minutes else "00"))
    return (tap, *whole, *(_outwards(m, _STEP) for m in make.cardinal(minutes)))


def _unit(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """The sign of the unit with the number's handshape."""
    value = number.values[0]
    first, *rest = make.signs(number.word)
    return (replace(first, handshape=make.shapes.digits[str(value)].handshape, final_handshape=None), *rest)


def _fraction(number: NumberGloss, make: _Maker) -> tuple[Phonology, ...]:
    """The number above the line, then the one below it, lower."""
    over, under = (make.digits(str(v)) if v < 10 else make.cardinal(v) for v in number.values)
    return (*(_moved(m, (0.0, 0.03, 0.0)) for m in over), *(_moved(m, (0.0, 0.03 + _LOWER, 0.0)) for m in under))


_FORMS: dict[str, Callable[[NumberGloss, _Maker], tuple[Phonology, ...]]] = {
    "cardinal": lambda number, make: make.cardinal(number.values[0], inner=False), "digits": lambda number, make: make.digits(number.groups[0]),
    "groups": _groups, "ordinal": _ordinal, "age": _age, "dollars": _dollars, "cents": _cents, "clock": _clock, "unit": _unit, "fraction": _fraction,
}  # fmt: skip


def _cardinal(value: int, shapes: Handshapes, signs: Signs, inner: bool = True) -> tuple[Phonology, ...]:
    """inner: as part of something longer, where 11 and 12 are flicked once."""
    if value >= 1000:
        rest = _cardinal(value % 1000, shapes, signs) if value % 1000 else ()
        return (_digit(value // 1000, shapes), *signs("THOUSAND"), *(_facing_viewer(m) for m in rest))
    if value >= 100:
        hundreds, rest_value = divmod(value, 100)
        if not rest_value and hundreds in _BENT_HUNDREDS:
            bent = replace(_digit(hundreds, shapes, palm="back"), final_handshape=_BENT_HUNDREDS[hundreds])
            return (replace(bent, movement="Straight", direction="back+0.3*up", size=0.04),)
        rest = _cardinal(rest_value, shapes, signs) if rest_value else ()
        return (_digit(hundreds, shapes), _hundred(shapes), *(_outwards(_facing_viewer(m), _STEP) for m in rest))
    if value < 10:
        character = shapes.digits[str(value)]
        return (Phonology(handshape=character.handshape, palm=character.palm, fingers=character.fingers),)
    if value < 20:
        return _teens(value, shapes)[: 1 if inner and value in (11, 12) else None]
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


def _hundred(shapes: Handshapes) -> Phonology:
    c = shapes.letters["c"]
    return Phonology(handshape=c.handshape, palm=c.palm, fingers=c.fingers, location_offset=(0.02, 0.0, 0.0))


def _facing_viewer(morpheme: Phonology) -> Phonology:
    """1 to 5 at the end of a longer number face the viewer."""
    plain = morpheme.internal is None and morpheme.final_handshape is None and morpheme.palm == "back" and morpheme.movement == "None"
    return replace(morpheme, palm="forward") if plain else morpheme


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
