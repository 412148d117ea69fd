"""How long the command line takes to start: median and worst of N fresh processes, and what each of them imported.

    python benchmarks/cli_start.py [--runs 15]

`signgen --help` has to be under 0.4 s; the bare interpreter is measured beside it, because it is the floor.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

AIM_SECONDS = 0.4
HEAVY = ("numpy", "torch", "bpy", "imageio", "simplemma")
CASES: list[tuple[str, list[str]]] = [
    ("python -c pass", ["-c", "pass"]),
    ("signgen --help", ["-m", "headless", "--help"]),
    ("signgen --version", ["-m", "headless", "--version"]),
    ("signgen render --help", ["-m", "headless", "render", "--help"]),
    ("signgen plan (one word)", ["-m", "headless", "plan", "Hello."]),
    ("signgen plan (bad option)", ["-m", "headless", "plan", "Hello.", "--seed", "x"]),
]


def measure(arguments: list[str], runs: int, folder: str) -> list[float]:
    """Seconds of each run; the first, which may have to compile, is thrown away."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def heavy_imports(arguments: list[str], folder: str) -> str:
    """Heavy packages that a run imports, from Python's own account."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return " ".join(name for name in HEAVY if name in loaded) or "-"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="processes per case")
    runs = parser.parse_args().runs
    print(f"{'command':<28}{'median s':>10}{'worst s':>10}  heavy imports   ({runs} processes each, Python {sys.version.split()[0]})")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in CASES:
            seconds = measure(arguments, runs, folder)
            results[name] = statistics.median(seconds)
            print(f"{name:<28}{results[name]:>10.3f}{max(seconds):>10.3f}  {heavy_imports(arguments, folder)}")
    verdict = "under" if results["signgen --help"] < AIM_SECONDS else "OVER"
    print(f"signgen --help: {results['signgen --help']:.3f} s, {verdict} the aim of {AIM_SECONDS} s")
    return 0 if verdict == "under" else 1


if __name__ == "__main__":
    sys.exit(main())
