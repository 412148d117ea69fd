"""Signs from an ASL-LEX table: the body terms that the table does not code are inferred from the authored signs most like each row.

ASL-LEX says handshape, place, contact and kind of movement; not where the palm faces, which patch touches, how far the hand goes. A row takes these from
the authored sign that is nearest in the features that decide them, and every one taken is named in the entry's `inferred`. What the
donor cannot know (its finger does not touch in this handshape, its path is of another kind) follows from the row by rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from .asl_lex import REQUIRED, Row, Value
from .features import Phonology
from .handshapes import Handshape, Handshapes, load_handshapes
from .lexicon import Entry, Lexicon

LICENCE = "CC BY-NC 4.0 (ASL-LEX 2.0)"
BODY_TERMS = (
    "palm", "fingers", "final_palm", "final_fingers", "final_handshape", "contact_point", "base_contact_point", "contact_time", "location_offset",
    "second_offset", "direction", "size", "arc", "arc_size", "internal", "repetitions", "alternating", "nondominant",
)  # fmt: skip
# How much a difference in each feature says against a donor. Place and contact decide the orientation of the hand most.
_WEIGHTS = {
    "sign_type": 5.0, "major_location": 8.0, "minor_location": 5.0, "contact": 4.0, "movement": 3.0, "selected_fingers": 2.0, "flexion": 1.5,
    "ulnar_rotation": 3.0, "flexion_change": 2.5, "repeated_movement": 0.7, "second_minor_location": 1.5, "thumb_contact": 1.0,
    "nondominant_handshape": 1.0, "handshape": 1.0,
}  # fmt: skip
_POS = {"noun": "noun", "verb": "verb", "adjective": "adjective", "adverb": "adverb", "name": "noun", "number": "number", "minor": "interjection"}
# Handshape at the end of a sign whose aperture changes (FlexionChange), where the donor's own does not fit.
_OTHER_APERTURE = {
    "5": "s", "open_b": "s", "closed_b": "s", "curved_5": "s", "c": "s", "flat_b": "open_b", "flatspread_5": "flat_o", "flat_o": "5", "o": "5", "s": "5",
    "a": "5", "baby_o": "g", "g": "baby_o", "1": "bent_1", "bent_1": "1", "f": "5", "open_8": "8", "8": "5", "v": "bent_v", "bent_v": "v", "h": "flat_h",
    "l": "bent_l", "bent_l": "l", "curved_l": "baby_o", "3": "bent_v", "e": "5", "spread_open_e": "5", "y": "s", "u": "flat_h", "flat_h": "h", "i": "s",
}  # fmt: skip
_TIP_PATCHES = {"index_tip": "i", "index_pad": "i", "middle_tip": "m", "middle_pad": "m", "ring_tip": "r", "pinky_tip": "p", "index_middle_tips": "im"}


def entries_from(rows: Iterable[Row], lexicon: Lexicon) -> list[Entry]:
    """One entry a row; variants of a gloss get `-2`, `-3` ... All rows of the table come along, also those that the lexicon has itself."""
    shapes = load_handshapes()
    donors = [(e, k, m) for e in lexicon.entries.values() if not e.inferred and e.kind == "lexical" for k, m in enumerate(e.morphemes)]
    features = [_features(m, shapes) for _, _, m in donors]
    out: list[Entry] = []
    seen: dict[str, int] = {}
    for row in rows:
        gloss = row.gloss
        seen[gloss] = seen.get(gloss, 0) + 1
        name = gloss if seen[gloss] == 1 else f"{gloss}-{seen[gloss]}"
        morphemes, taken, sources = [], [], []
        for k, coded in enumerate(row.morphemes):
            morpheme, inferred, donor = _morpheme(coded, [d[2] for d in donors], features, [d[0].gloss_id for d in donors], shapes)
            morphemes.append(morpheme)
            sources.append(donor)
            taken += [f"morphemes[{k}].{term}" for term in inferred]
        word = gloss.lower().replace("-", " ")
        out.append(
            Entry(
                gloss_id=name, words=(word,), pos=_POS.get(row.lexical_class.lower(), "noun"), morphemes=tuple(morphemes), asl_lex=row.entry_id,
                description=f"Imported from ASL-LEX 2.0 ({row.entry_id}); how the body does it is inferred from {', '.join(dict.fromkeys(sources))}.",
                inferred=tuple(taken), licence=LICENCE,
            )
        )  # fmt: skip
    return out


def _features(morpheme: Phonology, shapes: Handshapes) -> dict[str, Value]:
    shape = shapes.get(morpheme.handshape)
    out: dict[str, Value] = {name: getattr(morpheme, name) for name in _WEIGHTS}
    out |= {
        "selected_fingers": morpheme.selected_fingers or shape.selected_fingers, "flexion": morpheme.flexion or shape.flexion,
        "thumb_contact": shape.thumb_contact if morpheme.thumb_contact is None else morpheme.thumb_contact,
        "flexion_change": morpheme.final_handshape is not None or morpheme.internal in ("open_close", "flick", "bend"),
    }  # fmt: skip
    return out


def _morpheme(
    coded: dict[str, Value], donors: Sequence[Phonology], features: Sequence[dict[str, Value]], names: Sequence[str], shapes: Handshapes
) -> tuple[Phonology, list[str], str]:
    wanted = _wanted(coded, shapes)
    distances = [sum(w for f, w in _WEIGHTS.items() if wanted[f] != own[f]) for own in features]
    best = min(range(len(donors)), key=lambda i: (distances[i], i))
    donor = donors[best]
    shape = shapes.get(str(wanted["handshape"]))
    terms: dict[str, Any] = {term: getattr(donor, term) for term in BODY_TERMS}
    terms |= _corrections(wanted, donor, shape, shapes)
    coded_fields = {f: wanted[f] for f in (*REQUIRED, "second_minor_location", "ulnar_rotation", "nondominant_handshape")}
    morpheme = Phonology(**coded_fields, **terms)  # type: ignore[arg-type]
    default = Phonology(handshape=morpheme.handshape)
    inferred = [t for t in BODY_TERMS if getattr(morpheme, t) != getattr(default, t)] or ["palm"]
    return morpheme, inferred, names[best]


def _wanted(coded: dict[str, Value], shapes: Handshapes) -> dict[str, Value]:
    """The coded features with what the table leaves out filled by what the handshape says; a place that contradicts its major one is mended."""
    from .features import MINOR_LOCATIONS

    out = {name: coded.get(name) for name in _WEIGHTS}
    shape = shapes.get(str(out["handshape"]))
    out["major_location"] = out["major_location"] or "Neutral"
    minors = MINOR_LOCATIONS[str(out["major_location"])]
    if out["minor_location"] not in minors:
        out["minor_location"] = "Neutral" if "Neutral" in minors else next(m for m in minors if m.endswith("Away"))
    out["movement"] = out["movement"] or "None"
    for name in ("contact", "repeated_movement", "ulnar_rotation", "flexion_change"):
        out[name] = bool(out[name])
    for name in ("selected_fingers", "flexion", "thumb_contact"):
        out[name] = out[name] if out[name] is not None else getattr(shape, name)
    if out["sign_type"] in ("OneHanded", "SymmetricalOrAlternating"):
        out["nondominant_handshape"] = None
    elif out["nondominant_handshape"] is None:
        out["nondominant_handshape"] = out["handshape"] if out["sign_type"] == "AsymmetricalSameHandshape" else "open_b"
    return out


def _corrections(wanted: dict[str, Value], donor: Phonology, shape: Handshape, shapes: Handshapes) -> dict[str, Any]:
    """Body terms of the donor that cannot be the row's."""
    out: dict[str, Any] = {}
    point = donor.contact_point
    if point is not None and shape.name != donor.handshape:
        fitting = _patch_for(shape)
        touching = _TIP_PATCHES.get(point)
        if (touching and not set(touching) <= set(shape.selected_fingers or "")) or (point == "pinch" and not shape.thumb_contact):
            out["contact_point"] = fitting
    if wanted["flexion_change"]:
        same = donor.handshape == shape.name and donor.final_handshape is not None
        if not same and donor.internal not in ("open_close", "flick", "bend", "wiggle"):
            out["final_handshape"] = _OTHER_APERTURE.get(shape.name, "5" if shape.flexion not in ("FullyOpen", None) else "s")
    else:
        out["final_handshape"] = None
        if donor.internal in ("open_close", "flick"):
            out["internal"] = None
    moves = wanted["movement"] != "None"
    if moves and wanted["movement"] != donor.movement:
        out |= _path(str(wanted["movement"]), donor)
    elif not moves:
        out |= {"direction": None, "size": None, "arc": None, "arc_size": None}
        if not (wanted["flexion_change"] or wanted["ulnar_rotation"]) and donor.internal is None:
            # no path, no turn, no aperture: what is left to see is a nod of the wrist, where the sign repeats something
            out["internal"] = "nod" if wanted["repeated_movement"] else None
    if wanted["ulnar_rotation"] and donor.final_palm is None and donor.internal != "twist":
        out |= {"final_palm": _opposite(donor.palm), "internal": "twist" if wanted["repeated_movement"] and not moves else None}
    elif not wanted["ulnar_rotation"] and donor.internal == "twist":
        out |= {"internal": None, "final_palm": None}
    if donor.nondominant.final_handshape is not None and "final_handshape" in out:
        out["nondominant"] = replace(donor.nondominant, final_handshape=None)
    if wanted["second_minor_location"] is None and donor.second_minor_location is not None:
        out["second_offset"] = (0.0, 0.0, 0.0)
        if donor.contact_time == "both":
            out["contact_time"] = None
    return out


def _path(movement: str, donor: Phonology) -> dict[str, Any]:
    direction = donor.direction or "forward"
    if movement == "Circular":
        return {"direction": "up" if direction != "up" else "in", "size": 0.05, "arc": "in", "arc_size": None}
    return {"direction": direction, "size": donor.size or (0.08 if movement in ("BackAndForth", "Z-shaped") else 0.12), "arc": None, "arc_size": None}


def _opposite(direction: str) -> str:
    words = {"in": "out", "out": "in", "up": "down", "down": "up", "forward": "back", "back": "forward"}
    return "+".join("*".join([*term.split("*")[:-1], words[term.split("*")[-1].strip()]]) for term in direction.split("+"))


def _patch_for(shape: Handshape) -> str:
    """The patch with which a handshape usually touches."""
    if shape.thumb_contact and shape.name not in ("s", "p", "k", "e"):
        return "pinch"
    fingers = shape.selected_fingers or "imrp"
    if shape.flexion in ("FullyClosed", None):
        return {"t": "thumb_tip"}.get(fingers, "knuckles")
    return {"i": "index_tip", "im": "index_middle_tips", "m": "middle_tip", "p": "pinky_tip", "t": "thumb_tip"}.get(fingers, "fingertips")
