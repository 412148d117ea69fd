"""Kinematic bounds of every lexicon sign: contact, penetration, speed, jumps, limits, durations.

`--json FILE` writes all rows, `--worst N` prints N a bound.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from signgen_core.audit import BOUNDS, reports
from signgen_core.phonology.lexicon import load_lexicon


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gloss", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--worst", type=int, default=8)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    table = list(reports(arguments.gloss or load_lexicon().glosses, workers=arguments.workers))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as stream:
            json.dump([r.to_json() for r in table], stream, indent=1)
    durations = np.array([r.duration_s for r in table])
    print(f"{len(table)} signs; duration quartiles {np.nanpercentile(durations, [25, 50, 75]).round(2)} s")
    for report in (r for r in table if r.error):
        print(f"{report.gloss_id}: {report.error}")
    for key, (bound, _, _) in BOUNDS.items():
        known = {r.gloss_id: value for r in table if np.isfinite(value := getattr(r, key))}
        worst = sorted(known.items(), key=lambda item: -item[1])[: arguments.worst]
        over = sum(v > bound for v in known.values())
        print(f"{key:15s} bound {bound:6.3f}  over {over:3d} of {len(known)}  worst: " + "  ".join(f"{g} {v:.1f}" for g, v in worst))


if __name__ == "__main__":
    main()
