"""Kinematic bounds of every lexicon sign: contact, penetration, speed, jumps, limits, durations.

`--json FILE` writes all rows, `--worst N` prints N a bound.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from signgen_core import pipeline
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.planner import Planner
from signgen_core.synthesis.check import measure
from signgen_core.text.types import Gloss, Sentence


def rows(glosses: list[str]) -> dict[str, dict[str, float | str]]:
    """One sign a plan, from rest to rest, 30 frames a second."""
    lexicon, synthesiser = load_lexicon(), pipeline.synthesiser_for()
    planner = Planner(synthesiser, lexicon)
    out: dict[str, dict[str, float | str]] = {}
    for gloss in glosses or lexicon.glosses:
        sentence = Sentence(gloss, "statement", False, (Gloss(gloss, "lexical"),))
        plan = planner.plan([sentence], text=gloss, seed=0, handedness="right", tempo=1.0)
        motion = pipeline.animate(plan)
        r = measure(synthesiser, plan, motion)
        out[gloss] = {
            "contact_mm": r.contact * 1000, "penetration_mm": r.penetration * 1000, "wrist_m_s": r.wrist_speed, "jump_deg": float(np.degrees(r.jump)),
            "jump_joint": r.jump_joint, "limit_deg": float(np.degrees(r.limit)), "limit_joint": r.limit_joint,
            "turn_error_deg": float(np.degrees(r.turn_error)), "duration_s": plan.actions[0].duration,
        }  # fmt: skip
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gloss", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--worst", type=int, default=8)
    arguments = parser.parse_args()
    table = rows(arguments.gloss)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as stream:
            json.dump(table, stream, indent=1)
    durations = np.array([float(r["duration_s"]) for r in table.values()])
    print(f"{len(table)} signs; duration quartiles {np.percentile(durations, [25, 50, 75]).round(2)} s")
    for key, bound in (("contact_mm", 10.0), ("penetration_mm", 5.0), ("wrist_m_s", 4.0), ("jump_deg", 35.0), ("limit_deg", 0.001), ("turn_error_deg", 30.0)):
        known = {g: float(r[key]) for g, r in table.items() if np.isfinite(float(r[key]))}
        worst = sorted(known.items(), key=lambda item: -item[1])[: arguments.worst]
        over = sum(v > bound for v in known.values())
        print(f"{key:15s} bound {bound:6.3f}  over {over:3d} of {len(known)}  worst: " + "  ".join(f"{g} {v:.1f}" for g, v in worst))


if __name__ == "__main__":
    main()
