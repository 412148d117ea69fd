"""Training clips a minute and core: `python benchmarks/corpus.py [--clips N] [--signers N]`. One process, bodies prepared before the clock starts."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--signers", type=int, default=2)
    arguments = parser.parse_args()
    from signgen_core.train.corpus import Settings, make_clip, signer_of, write_clip

    settings = Settings(arguments.clips, signers=arguments.signers, test_signers=1)
    numbers = sorted(range(arguments.clips), key=lambda n: signer_of(n, settings)[0])
    firsts = {signer_of(n, settings)[0]: n for n in numbers}
    seconds, frames = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for part in ("train", "test"):
            (Path(folder) / part).mkdir()
        last = ""
        for n in numbers:
            signer = signer_of(n, settings)[0]
            if signer != last:
                make_clip(firsts[signer], settings)
                last = signer
            began = time.perf_counter()
            row = write_clip(n, settings, Path(folder))
            seconds.append(time.perf_counter() - began)
            frames += row.get("frames", 0)
    pace, median = 60.0 / statistics.mean(seconds), 1000.0 * statistics.median(seconds)
    print(f"{len(seconds)} clips, {frames} frames: {pace:.0f} clips a minute a core, median {median:.0f} ms a clip")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
