"""How long things take: signs from their movement, transitions from what has to change, letters and compounds inside one action.

Sign durations aim at the real distribution of ASL-LEX 2.0 (median 0.83 s, quartiles 0.63 to 1.03 s from sign onset to offset). Transitions are
bounded from below by what joints may do: no joint turns faster than `MAX_JOINT_SPEED`, no hand flies faster than `MAX_HAND_SPEED`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kinematics.rotations import geodesic_angle
from ..kinematics.spline import MINIMUM_JERK_PEAK
from ..phonology.features import Phonology
from .targets import HandTarget, stroke_waypoints

MAX_JOINT_SPEED = np.radians(700.0)  # a second; 23 degrees a frame at 30 fps
MAX_HAND_SPEED = 2.6  # metres a second at the peak
MIN_TRANSITION = 0.16
LEAD_IN_HOLD = 0.15  # seconds at rest before the hands rise, and after they are down again
LETTER_HOLD, FIRST_HOLD, LAST_HOLD = 0.10, 0.16, 0.30  # seconds; the first and last letters of a word are held longer


@dataclass(frozen=True)
class HandState:
    """One hand at one moment: wrist (3,), rotation (3, 3), angles (21,); in its canonical world."""

    wrist: np.ndarray
    rotation: np.ndarray
    angles: np.ndarray


def state_at(target: HandTarget, index: int) -> HandState:
    return HandState(target.wrist[index], target.orientation[index], target.angles[index])


def transition_seconds(a: HandState, b: HandState) -> tuple[float, float]:
    """(shortest, natural) seconds to move one hand from a to b."""
    distance = float(np.linalg.norm(b.wrist - a.wrist))
    turn = float(geodesic_angle(a.rotation, b.rotation))
    bend = float(np.max(np.abs(b.angles - a.angles)))
    fastest = (distance / MAX_HAND_SPEED, 0.75 * turn / MAX_JOINT_SPEED, bend / MAX_JOINT_SPEED)
    shortest = max(MIN_TRANSITION, MINIMUM_JERK_PEAK * max(fastest))
    natural = max(shortest, 0.12 + 0.22 * np.sqrt(distance / 0.4) + 0.03 * turn)
    return shortest, natural


def natural_duration(phonology: Phonology, path_length: float) -> float:
    """Seconds from first to last hold of one morpheme. path_length: metres of one stroke."""
    strokes = len(stroke_waypoints(phonology)) - 1
    cycles = phonology.repetitions or (2 if phonology.repeated_movement else 1)
    if phonology.movement == "Circular":
        return float(np.clip(0.22 + 0.40 * cycles, 0.6, 1.4))
    if phonology.internal in ("open_close", "twist", "nod", "bend"):
        return float(np.clip(0.30 + 0.30 * max(cycles, 2), 0.6, 1.5))
    if phonology.internal in ("wiggle", "rub"):
        return 0.95
    if phonology.movement == "None" and phonology.second_minor_location is None:
        return 0.60
    if strokes == 1:
        return float(np.clip(0.55 + 0.9 * path_length, 0.55, 1.0))
    return float(np.clip(0.34 + strokes * (0.15 + 0.35 * path_length), 0.65, 1.5))


@dataclass(frozen=True)
class Schedule:
    """Where the morphemes of one action lie: (start, end) seconds from the action's start; the gaps between them are transitions."""

    spans: tuple[tuple[float, float], ...]

    @property
    def total(self) -> float:
        return self.spans[-1][1]

    def stretched(self, duration: float) -> Schedule:
        """The same proportions over another duration."""
        factor = duration / self.total
        return Schedule(tuple((a * factor, b * factor) for a, b in self.spans))


def lay_out(durations: list[float], gaps: list[float]) -> Schedule:
    """Durations (n) and gaps (n - 1) one after the other."""
    spans, t = [], 0.0
    for i, d in enumerate(durations):
        spans.append((t, t + d))
        t += d + (gaps[i] if i < len(gaps) else 0.0)
    return Schedule(tuple(spans))
