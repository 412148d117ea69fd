"""Every sign of a lexicon from rest to rest, measured against the bounds that hands must keep; and signs that are the same.

The bounds are those of Deaf viewers' first complaints: a contact that is not one, a hand in the body, a jump. Used by `signgen lexicon check`,
benchmarks and tests.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from . import pipeline
from .action import ActionSequence
from .errors import InputError
from .motion import Motion
from .phonology.features import Phonology, phonology_to_json
from .phonology.lexicon import Entry, Lexicon, load_lexicon
from .phonology.number_glosses import is_number
from .planner import Planner
from .rig import JOINT_NAMES, MAX_ROTATION
from .synthesis.check import measure
from .text.types import Gloss, Sentence

# field of `SignReport` -> (largest value, unit, what a reader is told)
BOUNDS: dict[str, tuple[float, str, str]] = {
    "contact_mm": (10.0, "mm", "contact misses its place"),
    "penetration_mm": (5.0, "mm", "a hand is inside the body"),
    "wrist_m_s": (4.0, "m/s", "the wrist is too fast"),
    "jump_deg": (35.0, "degrees", "a joint jumps between frames"),
    "limit_deg": (0.001, "degrees", "a joint is past its limit"),
    "turn_error_deg": (30.0, "degrees", "the arm cannot turn the hand so"),
}


@dataclass(frozen=True)
class SignReport:
    """One sign from rest to rest at 30 frames a second. contact_mm, how far a contact misses its place or the
    skin, is NaN for a sign that touches nothing. error: why it has no motion."""

    gloss_id: str
    contact_mm: float = math.nan
    penetration_mm: float = math.nan
    wrist_m_s: float = math.nan
    jump_deg: float = math.nan
    jump_joint: str = ""
    limit_deg: float = math.nan
    limit_joint: str = ""
    turn_error_deg: float = math.nan
    duration_s: float = math.nan
    error: str = ""

    @property
    def faults(self) -> list[str]:
        """One line for each bound that is not kept."""
        if self.error:
            return [self.error]
        return [f"{what}: {value:.1f} {unit}, at most {bound:g}" for name, (bound, unit, what) in BOUNDS.items() if (value := getattr(self, name)) > bound]

    def to_json(self) -> dict[str, object]:
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()} | {"faults": self.faults}


def sign_motion(gloss_id: str, lexicon: Lexicon | None = None) -> tuple[ActionSequence, Motion]:
    """Plan and motion of a single sign. Raises InputError or LexiconError."""
    words = lexicon or load_lexicon()
    kind: Any = words.get(gloss_id).kind if words.has(gloss_id) else "number" if is_number(gloss_id) else "lexical"
    sentence = Sentence(gloss_id, "statement", False, (Gloss(gloss_id, kind),))
    plan = Planner(pipeline.synthesiser_for(), words).plan([sentence], text=gloss_id, seed=0, handedness="right", tempo=1.0)
    return plan, pipeline.animate(plan)


def report_of(gloss_id: str, lexicon: Lexicon | None = None) -> SignReport:
    """Measures one sign; what cannot be signed is a report with an error."""
    try:
        plan, motion = sign_motion(gloss_id, lexicon)
        r = measure(pipeline.synthesiser_for(), plan, motion)
    except InputError as problem:
        return SignReport(gloss_id, error=str(problem))
    # `measure` knows the limits of arms and fingers; no joint at all may turn further than the rig allows
    over = np.linalg.norm(motion.poses, axis=2).max(axis=0) - MAX_ROTATION
    limit, joint = max((r.limit, r.limit_joint), (float(over.max()), JOINT_NAMES[int(over.argmax())]))
    contact = r.contact
    if any(m.contact and m.major_location in ("Head", "Body") and not m.minor_location.endswith("Away") for m in plan.actions[0].phonology):
        # an offset that lifts the hand off the skin keeps the target and loses the touch: what counts is the gap to the skin
        contact = float(np.nanmax([r.contact, -r.penetration]))
    return SignReport(
        gloss_id, contact * 1000, r.penetration * 1000, r.wrist_speed, float(np.degrees(r.jump)), r.jump_joint, float(np.degrees(limit)),
        joint, float(np.degrees(r.turn_error)), plan.actions[0].duration,
    )  # fmt: skip


def reports(glosses: Iterable[str], *, folder: Path | None = None, workers: int = 0, progress: Callable[[float], None] | None = None) -> Iterator[SignReport]:
    """Reports in the order of the glosses; of the lexicon in `folder` (default: the usual one). workers: processes, 0 for one a core."""
    names = list(glosses)
    count = min(workers or os.cpu_count() or 1, max(1, len(names) // 8))
    if count == 1:
        lexicon = load_lexicon(folder)
        for k, name in enumerate(names):
            yield report_of(name, lexicon)
            if progress:
                progress((k + 1) / len(names))
        return
    pipeline.synthesiser_for()  # builds and caches the body once, before several processes would
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        for k, report in enumerate(pool.map(_report, names, [folder] * len(names), chunksize=4)):
            yield report
            if progress:
                progress((k + 1) / len(names))


def _quiet() -> None:
    import signal

    # Ctrl-C reaches the whole group; the parent alone tells of it
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _report(gloss_id: str, folder: Path | None) -> SignReport:
    return report_of(gloss_id, load_lexicon(folder))


def twins(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Pairs of signs whose forms are the same to the last feature and the same face: the viewer cannot tell them apart."""
    seen: dict[str, str] = {}
    out: list[tuple[str, str]] = []
    for entry in entries:
        markers = {k: v for k, v in entry.non_manual_markers.items() if k in ("facial_expression", "head_movement", "mouthing")}
        key = f"{[_rounded(m) for m in entry.morphemes]} {sorted(markers.items())}"
        if key in seen:
            out.append((seen[key], entry.gloss_id))
        else:
            seen[key] = entry.gloss_id
    return out


def _rounded(morpheme: Phonology) -> str:
    """The form to 2 cm: a smaller difference is no difference to the eye."""
    near = replace(
        morpheme, location_offset=_to_two_cm(morpheme.location_offset), second_offset=_to_two_cm(morpheme.second_offset),
        size=None if morpheme.size is None else round(morpheme.size / 0.02) * 0.02, arc_size=None,
    )  # fmt: skip
    return str(sorted(phonology_to_json(near).items()))


def _to_two_cm(offset: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (round(v / 0.02) * 0.02 for v in offset)
    return (x, y, z)
