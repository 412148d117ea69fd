"""The time line of one hand: stations, where it has something to do or keeps still, and the joins between them, from rest to rest.

A line is laid out without any target, which is quick, so that it can say which frames an edit changes and which must be made together; the
targets of those frames alone then become tracks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..kinematics.spline import minimum_jerk
from .arms import HandTracks
from .targets import HandTarget
from .timing import LEAD_IN_HOLD, HandState

_IDLE_AFTER = 0.9  # seconds without work before the other hand is lowered within an utterance
_MOVE_SECONDS, _FALL_SECONDS = 0.42, 0.7


@dataclass(frozen=True)
class Station:
    """Frames [first, last] over which a hand has targets of its own; from `end` on it stands still.

    key: equal keys do the same, frame by frame. state: where it keeps still, None for a unit of the plan.
    """

    first: int
    last: int
    end: int
    key: Hashable
    state: HandState | None = None


@dataclass(frozen=True)
class Line:
    """The stations of one hand over `count` frames in order of time."""

    stations: tuple[Station, ...]
    count: int

    @property
    def joins(self) -> tuple[tuple[Station, Station], ...]:
        """Neighbours with frames between them."""
        return tuple((a, b) for a, b in zip(self.stations, self.stations[1:], strict=False) if b.first - a.last > 1)

    def codes(self, known: dict[Hashable, int]) -> np.ndarray:
        """(count, 2) int: what the hand does at each frame and how far it is in it; equal rows are equal wishes. `known` numbers what was met."""
        out = np.zeros((self.count, 2), dtype=np.int64)
        for s in self.stations:
            rows = np.arange(s.first, min(s.last, self.count - 1) + 1)
            out[rows, 0] = known.setdefault(s.key, len(known))
            out[rows, 1] = 0 if s.state is not None else np.minimum(rows, s.end) - s.first
        for a, b in self.joins:
            rows = np.arange(a.last + 1, b.first)
            out[rows, 0] = known.setdefault((a.key, b.key, len(rows)), len(known))
            out[rows, 1] = rows - a.last
        return out

    def uncut(self, first: int, last: int) -> tuple[int, int]:
        """The range of frames grown until it cuts no join of this hand: each frame of one hangs on both of its ends."""
        for a, b in self.joins:
            first = a.last if a.last < first < b.first else first
            last = b.first if a.last < last < b.first else last
        return first, last

    def within(self, first: int, last: int) -> list[Station]:
        """The units that have frames in the range."""
        return [s for s in self.stations if s.state is None and s.first <= last and s.last >= first]

    def tracks(self, first: int, last: int, targets: Mapping[int, HandTarget], opening: Opening) -> HandTracks:
        """Tracks over the frames [first, last], which must cut no join. targets: of each unit that has frames among them, all its frames, by its first one."""
        n = last - first + 1
        wrist, rotation, final, turn = np.zeros((n, 3)), np.zeros((n, 3, 3)), np.zeros((n, 3, 3)), np.zeros(n)
        angles, patch, point = np.zeros((n, 21)), np.zeros((n, 3)), np.zeros((n, 3))
        for s in self.stations:
            a, b = max(s.first, first), min(s.last, last)
            if a > b:
                continue
            rows = slice(a - first, b + 1 - first)
            if s.state is not None:
                wrist[rows] = point[rows] = s.state.wrist
                rotation[rows] = final[rows] = s.state.rotation
                turn[rows], patch[rows], angles[rows] = 0.0, 0.0, s.state.angles
                continue
            target, own = targets[s.first], slice(a - s.first, b + 1 - s.first)
            wrist[rows], rotation[rows], final[rows] = target.wrist[own], target.rotation[own], target.final_rotation[own]
            turn[rows], angles[rows], patch[rows], point[rows] = target.turn[own], target.angles[own], target.patch[own], target.point[own]
        joins = tuple((a.last - first, b.first - first) for a, b in self.joins if a.last >= first and b.first <= last)
        for a_last, b_first in joins:
            _fill(wrist, angles, patch, a_last, b_first, opening)
        return HandTracks(wrist, rotation, final, turn, angles, patch, point, joins)


# How far the thumb lies across the palm, 0 to 1, at angles (21,); and the angles (2,) of a thumb that is out.
Opening = tuple[Callable[[np.ndarray], float], np.ndarray]


def lay_line(units: Sequence[Station], count: int, fps: float, rest: HandState, low: HandState | None) -> Line:
    """The line of a hand with these units. low: where it waits within an utterance; None for a hand that waits where it is."""
    hold = max(1, round(LEAD_IN_HOLD * fps))
    end = count - 1
    start = Station(0, hold, hold, "rest", rest)
    stations = [start, *units]
    after = stations[-1].last
    stations.append(Station(max(end - hold, after + 2), max(end, after + 3), end, "rest", rest))
    if low is not None and units:
        stations = _with_idling(stations, rest, low, fps)
    return Line(tuple(stations), count)


def _with_idling(stations: list[Station], rest: HandState, low: HandState, fps: float) -> list[Station]:
    """Between two uses that lie far apart the other hand sinks to a low place and waits; also before its first use and after its last, the dominant
    hand being at work meanwhile, it simply stays at rest."""
    out = [stations[0]]
    wait, move, fall = round(_IDLE_AFTER * fps), round(_MOVE_SECONDS * fps), round(_FALL_SECONDS * fps)
    for previous, station in zip(stations, stations[1:], strict=False):
        gap = station.first - previous.last
        if gap > wait:
            if previous is stations[0]:
                out.append(Station(previous.last + 1, station.first - move, station.first - move, "rest", rest))
            elif station is stations[-1]:
                start = min(previous.last + fall, station.first - 1)
                out.append(Station(start, station.first - 1, station.first - 1, "rest", rest))
            elif gap > 2 * move + 2:
                out.append(Station(previous.last + move, station.first - move, station.first - move, "low", low))
        out.append(station)
    return out


def _fill(wrist: np.ndarray, angles: np.ndarray, patch: np.ndarray, a: int, b: int, opening: Opening) -> None:
    """Fills the frames between a and b: wrist and fingers leave and arrive at rest. How the hand turns on its way is the arm's business."""
    inner = np.arange(a + 1, b)
    u = (inner - a) / (b - a)
    s = minimum_jerk(u)
    start, stop = wrist[a], wrist[b]
    distance = float(np.linalg.norm(stop - start))
    arc = (0.10 * distance * 16.0 * (u * (1.0 - u)) ** 2)[:, None] * np.array([0.0, 0.0, 1.0])
    wrist[inner] = start + (stop - start) * s[:, None] + arc
    angles[inner] = angles[a] + (angles[b] - angles[a]) * s[:, None]
    # a thumb that crosses the fingers goes out first and comes in last
    crosses, straight = opening
    far = np.minimum(1.0, np.abs(angles[b, :16] - angles[a, :16]).max() / np.radians(60.0))
    bump = (16.0 * (u * (1.0 - u)) ** 2) * far * max(crosses(angles[a]), crosses(angles[b]))
    angles[inner, 16:18] += 0.5 * bump[:, None] * (straight - angles[inner, 16:18])
    patch[inner] = patch[a] + (patch[b] - patch[a]) * s[:, None]

