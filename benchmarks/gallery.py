"""Times `signgen view`: clips an hour, read, measured, drawn and written, without Blender.

    python benchmarks/gallery.py [--clips N] [--workers N]

The clips are signs of the lexicon in motion files of a temporary folder; 20 different ones, repeated. The clock runs from the first file that is
read to the finished page.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from headless.gallery.examine import processes
from headless.gallery.page import write_gallery
from headless.gallery.sources import open_sources
from signgen_core import pipeline
from signgen_core.motion import write_npz
from signgen_core.phonology.lexicon import load_lexicon

_DIFFERENT = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--workers", type=int, default=0, help="0: one per core")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "clips"
        folder.mkdir()
        frames = 0
        glosses = [g for g, e in load_lexicon().entries.items() if e.kind == "lexical"][:_DIFFERENT]
        for k in range(arguments.clips):
            path = folder / f"{k:05d}.npz"
            if k < len(glosses):
                motion = pipeline.animate(pipeline.plan_text(glosses[k], gloss=True))
                write_npz(path, motion, pipeline.joints(motion))
                frames += motion.num_frames
            else:
                shutil.copyfile(folder / f"{k % len(glosses):05d}.npz", path)
        workers = processes(arguments.workers)
        start = time.perf_counter()
        records = write_gallery(Path(place) / "gallery", open_sources([folder]), title="benchmark", workers=workers)
        seconds = time.perf_counter() - start
        size = sum(p.stat().st_size for p in (Path(place) / "gallery").rglob("*") if p.is_file())
    mean = frames / min(len(glosses), arguments.clips)
    pace = f"{seconds:.1f} s, {3600 * len(records) / seconds:.0f} clips an hour"
    print(f"{len(records)} clips of {mean:.0f} frames with {workers} workers: {pace}, {size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
