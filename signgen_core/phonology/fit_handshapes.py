"""Design-time tool: checks the handshapes of a preset against a body, and fits their angles so that what should touch touches.

    python -m signgen_core.phonology.fit_handshapes            report contacts and overlaps of every handshape
    python -m signgen_core.phonology.fit_handshapes --write    fit those that need it and write the angles back
    python -m signgen_core.phonology.fit_handshapes --write a fs_m     the same for these alone

A handshape is authored by eye in round degrees with the pairs of skin patches that touch (`contacts`). The fit keeps close to those degrees (the
thumb may move most), within the anatomical limits, closes the contacts and takes out overlaps of the fingers with each other, the thumb and the palm.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..presets import PRESETS_DIR
from .hand import ANGLE_LIMITS, DIGITS, FINGERS, NUM_ANGLES, HandModel
from .handshapes import Handshape, load_handshapes

# Flesh yields: what two digits may sink into each other, and the gap up to which a contact counts as one (metres).
SKIN = 0.003
TOUCH = 0.006
# The web between the thumb and the index finger's side of the palm folds up when the thumb lies alongside.
_WEB = 0.006
# Where the fit stops caring.
_AIM_OVERLAP = 0.0015
_MILLIMETRE = 0.001
# How far an angle may go for the price of one millimetre of a contact, degrees.
_THUMB_FREEDOM = {"cmc_radial": 30.0, "cmc_palmar": 30.0, "cmc_twist": 15.0, "mcp": 25.0, "ip": 20.0}
# Fingers authored alike move alike: the price of a difference between neighbours.
_TOGETHER = np.radians(3.0)
_FINGER_FREEDOM = {"abduction": 4.0, "mcp": 8.0, "pip": 8.0, "dip": 8.0}


class Checker:
    """Contacts and overlaps of postures of one hand."""

    def __init__(self, model: HandModel) -> None:
        self.model = model
        self.pairs = self._pairs()
        rest = self._overlap(np.zeros(NUM_ANGLES))
        # neighbouring fingers grow out of one palm: what overlaps in the flat hand is flesh that they share
        self.shared = np.maximum(rest, 0.0)
        for k, (i, j) in enumerate(self.pairs):
            a, b = model.capsules[i], model.capsules[j]
            if (a.digit, a.segment, b.digit, b.segment) == ("thumb", 1, "palm", 0):
                self.shared[k] += _WEB

    def _pairs(self) -> list[tuple[int, int]]:
        capsules = self.model.capsules
        out = []
        for i, a in enumerate(capsules):
            for j in range(i + 1, len(capsules)):
                b = capsules[j]
                if a.digit == b.digit and (a.digit == "palm" or b.segment - a.segment < 2):
                    continue
                # the first phalanx of a finger and the thumb's metacarpal are one flesh with the palm
                if b.digit == "palm" and a.segment == 0:
                    continue
                out.append((i, j))
        return out

    def _overlap(self, angles: np.ndarray) -> np.ndarray:
        a, b = self.model.capsule_ends(angles)
        ra = np.array([c.radius_a for c in self.model.capsules])
        rb = np.array([c.radius_b for c in self.model.capsules])
        i, j = np.array(self.pairs).T
        s, t, distance = closest_on_segments(a[..., i, :], b[..., i, :], a[..., j, :], b[..., j, :])
        radii = (1 - s) * ra[i] + s * rb[i] + (1 - t) * ra[j] + t * rb[j]
        return np.asarray(radii - distance)

    def overlaps(self, angles: np.ndarray) -> np.ndarray:
        """(..., P) metres by which the flesh of each pair of `pairs` overlaps, beyond what they share in the flat hand (negative: a gap)."""
        return self._overlap(angles) - self.shared

    def gaps(self, angles: np.ndarray, contacts: Sequence[tuple[str, str]]) -> np.ndarray:
        """(..., C, 3) vectors between the patches of each contact, metres."""
        out = np.zeros((*angles.shape[:-1], len(contacts), 3))
        for k, (first, second) in enumerate(contacts):
            out[..., k, :] = self.model.patch(first, angles)[0] - self.model.patch(second, angles)[0]
        return out

    def worst(self, shape: Handshape) -> tuple[float, str, float]:
        """Largest overlap in metres, which pair it is, and the widest gap of a contact."""
        overlaps = self.overlaps(shape.angles)
        k = int(np.argmax(overlaps))
        a, b = (self.model.capsules[n] for n in self.pairs[k])
        gaps = np.linalg.norm(self.gaps(shape.angles, shape.contacts), axis=-1)
        return float(overlaps[k]), f"{a.digit}{a.segment + 1}/{b.digit}{b.segment + 1}", float(gaps.max(initial=0.0))


def closest_on_segments(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters s (on a-b), t (on c-d) in [0, 1] of the closest points of segments (..., 3), and their distance (...)."""
    u, v, w = b - a, d - c, a - c
    uu, uv, vv = np.sum(u * u, -1), np.sum(u * v, -1), np.sum(v * v, -1)
    uw, vw = np.sum(u * w, -1), np.sum(v * w, -1)
    det = uu * vv - uv * uv
    s = np.where(det > 1e-14, (uv * vw - vv * uw) / np.maximum(det, 1e-14), 0.5)
    s = np.clip(s, 0.0, 1.0)
    t = np.clip((uv * s + vw) / np.maximum(vv, 1e-14), 0.0, 1.0)
    s = np.clip((uv * t - uw) / np.maximum(uu, 1e-14), 0.0, 1.0)
    t = np.clip((uv * s + vw) / np.maximum(vv, 1e-14), 0.0, 1.0)
    return s, t, np.linalg.norm(w + s[..., None] * u - t[..., None] * v, axis=-1)


def _freedom() -> np.ndarray:
    return np.radians([_FINGER_FREEDOM[kind] for _ in FINGERS for kind in _FINGER_FREEDOM] + list(_THUMB_FREEDOM.values()))


def _alike(start: np.ndarray) -> np.ndarray:
    """(21, N): columns that take the difference between neighbouring fingers' angles, where they were authored alike."""
    columns = []
    for k in range(3):
        for kind in (1, 2, 3):
            a, b = 4 * k + kind, 4 * k + 4 + kind
            if abs(start[a] - start[b]) < np.radians(12.0):
                column = np.zeros(NUM_ANGLES)
                column[a], column[b] = 1.0, -1.0
                columns.append(column)
    return np.stack(columns, axis=-1) if columns else np.zeros((NUM_ANGLES, 0))


# Other thumbs to begin from, added to the authored one: the way round a finger is not found by going downhill.
_STARTS = np.radians([
    [0, 0, 0, 0, 0], [0, 15, 0, 0, 0], [0, -15, 0, 0, 0], [15, 0, 0, 0, 0], [-15, 0, 0, 0, 0], [0, 12, 0, 15, 15], [0, 0, 0, -20, 20], [-10, 10, 15, 20, -10],
])  # fmt: skip


def fit(checker: Checker, shape: Handshape, steps: int = 60) -> np.ndarray:
    """(21,) radians near the handshape's own, with its contacts closed and nothing overlapping (Levenberg-Marquardt from a few thumb positions)."""
    start, freedom, alike = shape.angles, _freedom(), _alike(shape.angles)

    def residuals(angles: np.ndarray) -> np.ndarray:
        gaps = checker.gaps(angles, shape.contacts).reshape(*angles.shape[:-1], -1) / _MILLIMETRE
        overlap = np.maximum(0.0, checker.overlaps(angles) - _AIM_OVERLAP) / (0.3 * _MILLIMETRE)
        moved = angles - start
        return np.concatenate([gaps, overlap, moved / freedom, (moved @ alike) / _TOGETHER], axis=-1)

    best, least = start, np.inf
    for shift in _STARTS if shape.contacts else _STARTS[:1]:
        begin = start.copy()
        begin[16:] += shift
        angles, cost = _descend(residuals, np.clip(begin, *ANGLE_LIMITS.T), steps)
        if cost < 0.98 * least:
            best, least = angles, cost
    return best


def _descend(residuals: Callable[[np.ndarray], np.ndarray], angles: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    low, high = ANGLE_LIMITS.T
    current, damping, delta = residuals(angles), 1e-2, 1e-4
    for _ in range(steps):
        jacobian = ((residuals(angles + delta * np.eye(NUM_ANGLES)) - current) / delta).T
        normal, slope = jacobian.T @ jacobian, jacobian.T @ current
        for _ in range(8):
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -slope)
            candidate = np.clip(angles + np.clip(step, -0.15, 0.15), low, high)
            new = residuals(candidate)
            if new @ new < current @ current:
                break
            damping *= 4.0
        else:
            break
        moved = float(np.abs(candidate - angles).max())
        angles, current, damping = candidate, new, max(damping * 0.3, 1e-6)
        if moved < 1e-5:
            break
    return angles, float(current @ current)


def _rows(angles: np.ndarray) -> dict[str, list[float]]:
    degrees = np.degrees(angles)
    rows = {f: degrees[4 * k : 4 * k + 4] for k, f in enumerate(FINGERS)} | {"thumb": degrees[16:]}
    return {digit: [float(f"{v:.1f}") + 0.0 for v in rows[digit]] for digit in (*FINGERS, "thumb")}


def write_angles(path: Path, fitted: dict[str, np.ndarray]) -> None:
    """Puts new angles into the preset without touching the rest of its text."""
    text = path.read_text(encoding="utf-8")
    for name, angles in fitted.items():
        pattern = re.compile(rf'(^    {re.escape(json.dumps(name))}: \{{.*?"angles": )\{{[^}}]*\}}', re.DOTALL | re.MULTILINE)
        text, count = pattern.subn(lambda m, a=angles: m.group(1) + json.dumps(_rows(a)), text, count=1)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{path}: no angles of {name}")
    scratch = path.with_suffix(".tmp")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="handshapes (default: all)")
    parser.add_argument("--write", action="store_true", help="fit and write the angles back")
    parser.add_argument("--preset", type=Path, default=PRESETS_DIR / "handshapes" / "ase.json")
    options = parser.parse_args(arguments)
    from ..body import load_body

    checker = Checker(HandModel.from_body(load_body(), "right"))
    shapes = load_handshapes(options.preset)
    authored = json.loads(options.preset.read_text(encoding="utf-8"))["handshapes"]
    names = options.names or list(authored)
    fitted: dict[str, np.ndarray] = {}
    bad = 0
    for name in names:
        shape = shapes[name]
        if options.write:
            angles = fit(checker, shape)
            # what is written is rounded; judge that
            angles = np.radians([v for digit in (*FINGERS, "thumb") for v in _rows(angles)[digit]])
            angles = np.clip(angles, *ANGLE_LIMITS.T)
            fitted[name] = angles
            moved = np.degrees(angles - shape.angles)
            shape = Handshape(name, angles, contacts=shape.contacts)
        overlap, pair, gap = checker.worst(shape)
        good = overlap <= SKIN and gap <= TOUCH
        bad += not good
        change = "" if not options.write else "  moved " + " ".join(
            f"{d} {np.abs(moved[16:] if d == 'thumb' else moved[4 * FINGERS.index(d) : 4 * FINGERS.index(d) + 4]).max():.0f}" for d in DIGITS
        )
        print(f"{name:14s} {'ok ' if good else 'BAD'} overlap {1000 * overlap:5.1f} mm {pair:18s} contact gap {1000 * gap:4.1f} mm{change}")
    if options.write:
        write_angles(options.preset, fitted)
    print(f"{len(names) - bad} of {len(names)} handshapes hold")
    return 0 if bad == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
