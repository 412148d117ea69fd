"""A real signer's letters against ours, through the whole walk: gloss notation to motion to the 21 points of the hand at the hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.rig import POINT_NAMES

HOLDS = Path(__file__).resolve().parents[2] / "shared" / "data" / "fingerspelling_ase" / "holds_six_letters.json"
LETTERS = "ABCDEFGHIKLMNOPQRSTUVWXY"  # J and Z move
FINGERS = ("index", "middle", "ring", "pinky")
POINTS = ("right_wrist", "right_thumb1", "right_thumb2", "right_thumb3", "right_thumb_tip") + tuple(
    name for f in FINGERS for name in (f"right_{f}1", f"right_{f}2", f"right_{f}3", f"right_{f}_tip")
)
TIPS = [4, 8, 12, 16, 20]


def normalised(points: np.ndarray) -> np.ndarray:
    points = points - points[0]
    return points / np.linalg.norm(points[9])


@pytest.fixture(scope="module")
def letters() -> dict[str, np.ndarray]:
    """21 points of each letter in image axes (x right, y down, z away from the viewer)."""
    rows = [POINT_NAMES.index(name) for name in POINTS]
    out = {}
    for letter in LETTERS:
        motion = pipeline.animate(pipeline.plan_text(f"fs-{letter}", gloss=True))
        frame = round(motion.segments[0].hold * motion.fps)
        out[letter] = normalised(pipeline.joints(motion)[frame, rows] * np.array([1.0, -1.0, -1.0]))
    return out


def distance(ours: np.ndarray, real: np.ndarray) -> float:
    """Mean point distance after the best rotation, finger tips twice, plus 0.1 per radian turned."""
    u, _, vt = np.linalg.svd(ours.T @ real)
    fix = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ fix @ vt
    weights = np.ones(21)
    weights[TIPS] = 2.0
    gap = np.linalg.norm(ours @ rotation - real, axis=1)
    turned = np.arccos(np.clip((np.trace(rotation) - 1.0) / 2.0, -1.0, 1.0))
    return float(np.sum(weights * gap) / weights.sum() + 0.1 * turned)


@pytest.mark.parametrize("letter", "BCLYFV")
def test_the_real_hold_is_nearest_to_its_own_letter(letters, letter):
    if not HOLDS.exists():
        pytest.skip("the recorded holds are not here")
    real = normalised(np.array(json.loads(HOLDS.read_text(encoding="utf-8"))["letters"][letter]["xyz"]))
    ranking = sorted(letters, key=lambda name: distance(letters[name], real))
    assert ranking[0] == letter, ranking[:4]


def test_all_letters_differ(letters):
    for a in LETTERS:
        for b in LETTERS:
            if a < b:
                assert distance(letters[a], letters[b]) > 0.05, (a, b)
