"""How near the 24 static letters of our inventory are to a real signer's fingerspelling holds.

    python benchmarks/handshape_accuracy.py [HOLDS.json]

Each letter is posed on the default body's right hand and turned as it is signed to a viewer in front. Its 21 hand points (wrist-centred, divided by the
length wrist to middle knuckle) are compared with each real hold of `../shared/data/fingerspelling_ase/holds_six_letters.json`: the distance is the mean
distance of the points after the best proper rotation, finger tips counted twice, plus 0.1 for each radian that this rotation turns. The nearest of
the 24 letters should be the right one. Prints the three nearest, and the least distances between our own letters.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np

from signgen_core.body import load_body
from signgen_core.phonology.features import parse_direction
from signgen_core.phonology.hand import HandModel
from signgen_core.phonology.handshapes import Handshapes, load_handshapes

HOLDS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "fingerspelling_ase" / "holds_six_letters.json"
STATIC_LETTERS = "abcdefghiklmnopqrstuvwxy"
_TIPS = (4, 8, 12, 16, 20)
_WEIGHTS = np.array([2.0 if i in _TIPS else 1.0 for i in range(21)])
_WEIGHTS /= _WEIGHTS.sum()
TURN_PRICE = 0.1


def orientation(palm: str, fingers: str) -> np.ndarray:
    """(3, 3) rotation from the canonical right hand to the core's axes for a palm and a finger direction; the palm gives way."""
    # the right hand's `out` is the signer's right, which is -X
    ahead, facing = (parse_direction(d) * np.array([-1.0, 1.0, 1.0]) for d in (fingers, palm))
    facing = facing - np.dot(facing, ahead) * ahead
    facing /= np.linalg.norm(facing)
    return np.stack([-ahead, -facing, np.cross(ahead, facing)], axis=-1)


def letter_points(model: HandModel, shapes: Handshapes, letter: str) -> np.ndarray:
    """(21, 3) points of a letter as the camera sees them: image axes x right, y down, z away, wrist-centred, palm length 1."""
    character = shapes.character(letter)
    points = model.joints(shapes[character.handshape].angles) @ orientation(character.palm, character.fingers).T
    points = points * np.array([1.0, -1.0, -1.0])
    return np.asarray((points - points[0]) / np.linalg.norm(points[9] - points[0]))


def distance(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Distance and the angle in radians of the best proper rotation of ours onto theirs, both (21, 3) with the wrist at the origin."""
    u, _, vt = np.linalg.svd((ours * _WEIGHTS[:, None]).T @ theirs)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    angle = math.acos(min(1.0, max(-1.0, 0.5 * (float(np.trace(rotation)) - 1.0))))
    gap = np.linalg.norm(ours @ rotation.T - theirs, axis=1)
    return float(gap @ _WEIGHTS) + TURN_PRICE * angle, angle


def main(path: Path) -> int:
    if not path.is_file():
        print(f"skipped: {path} is not there (the recordings are not part of the project)")
        return 0
    holds = json.loads(path.read_text(encoding="utf-8"))["letters"]
    model, shapes = HandModel.from_body(load_body(), "right"), load_handshapes()
    ours = {letter: letter_points(model, shapes, letter) for letter in STATIC_LETTERS}
    right = total = 0
    for letter, entry in sorted(holds.items()):
        if letter.lower() not in STATIC_LETTERS:
            continue
        real = np.array(entry["xyz"], dtype=np.float64)
        ranked = sorted((*distance(points, real), name) for name, points in ours.items())
        place = [name for _, _, name in ranked].index(letter.lower())
        right, total = right + (place == 0), total + 1
        rival = next(d for d, _, name in ranked if name != letter.lower())
        nearest = "  ".join(f"{name.upper()} {d:.3f} ({math.degrees(a):.0f} deg)" for d, a, name in ranked[:4])
        print(f"{letter}: {'right' if place == 0 else f'place {place + 1}'}, margin {rival - ranked[place][0]:+.3f}   {nearest}")
    print(f"{right} of {total} right")
    pairs = sorted((distance(ours[a], ours[b])[0], a, b) for a in STATIC_LETTERS for b in STATIC_LETTERS if a < b)
    print("nearest pairs of our own:", "  ".join(f"{a.upper()}{b.upper()} {d:.3f}" for d, a, b in pairs[:14]))
    return 0 if right == total else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HOLDS))
