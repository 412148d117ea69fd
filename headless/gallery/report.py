"""What `signgen stats` says of its sources: tables of text, an object of JSON, CSV files and plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headless.console import count
from headless.gallery.examine import Record
from headless.gallery.sources import Source
from signgen_core.datasets.quality import FLAGS
from signgen_core.datasets.statistics import coverage_table, covered, frame_table, gloss_table, glosses_of, length_summary
from signgen_core.errors import OutputError
from signgen_core.evaluation.report import csv_text
from signgen_core.motion import write_bytes

if TYPE_CHECKING:
    from signgen_core.phonology.lexicon import Lexicon

_MOST_GLOSSES = 20  # in the table of text; the CSV file has all


@dataclass(frozen=True)
class Statistics:
    """All tables of one source. lengths: None where not one clip could be read, and then there are no other tables either."""

    label: str
    layout: str
    clips: list[dict[str, Any]]
    broken: int
    flags: dict[str, int]
    lengths: dict[str, float] | None
    frames: list[dict[str, float]]
    glosses: list[dict[str, Any]]
    phonology: list[dict[str, Any]]


def statistics(source: Source, records: Sequence[Record], lexicon: Lexicon, width: int = 0) -> Statistics:
    """Tables of the clips of one source. width: numbers of frames that share a row of the frame table; 0: as fits."""
    read = [r for r in records if r.numbers]
    frames = [int(r.numbers["frames"] or 0) for r in read]
    signs = [glosses_of((gloss for gloss, _, _ in r.signs), r.text, lexicon) for r in read]
    glosses = gloss_table(signs, lexicon)
    flags = Counter(kind for r in records for kind in {flag.kind for flag in r.flags})
    return Statistics(
        source.label, source.layout, [_clip(source, r) for r in records], sum(bool(r.problem) for r in records), {k: flags[k] for k in FLAGS if flags[k]},
        length_summary(frames, [r.numbers["fps"] or 0.0 for r in read]) if read else None, frame_table(frames, width) if read else [],
        glosses, coverage_table({row["gloss"]: row["occurrences"] for row in glosses}, lexicon) if glosses else [],
    )  # fmt: skip


def _clip(source: Source, record: Record) -> dict[str, Any]:
    told = " | ".join(f"{flag.kind}: {flag.detail}" for flag in record.flags)
    numbers = {key: "" if value is None else value for key, value in record.numbers.items()}
    return {"source": source.label, "name": record.name, "text": record.text, "signs": " ".join(s[0] for s in record.signs), **numbers, "flags": told}


def text_of(found: Statistics) -> str:
    """The tables for people."""
    broken = f", {found.broken} broken or failed" if found.broken else ""
    lines = [f"{found.label}  ({found.layout})  {count(len(found.clips), 'clip')}{broken}"]
    if found.lengths is None:
        return lines[0]
    n = found.lengths
    rates = f"{n['fps_low']:g}" if n["fps_low"] == n["fps_high"] else f"{n['fps_low']:g} to {n['fps_high']:g}"
    lines.append(f"  {n['frames']:.0f} frames, {n['seconds'] / 60.0:.1f} minutes at {rates} frames a second")
    quarters = f"half of them {n['quarter']:g} to {n['three_quarters']:g}"
    lines.append(f"  frames of a clip: {n['least']:.0f} to {n['most']:.0f}, median {n['median']:g}, mean {n['mean']:.1f}, {quarters}")
    if found.flags:
        lines.append("  flags: " + ", ".join(f"{FLAGS[kind].lower()} {n}" for kind, n in found.flags.items()))
    rows = [["frames", "clips", "share", "cumulative"]]
    for row in found.frames:
        span = f"{row['low']:.0f}" if row["low"] == row["high"] else f"{row['low']:.0f} to {row['high']:.0f}"
        rows.append([span, f"{row['count']:.0f}", f"{100 * row['share']:.2f} %", f"{100 * row['cumulative']:.2f} %"])
    lines += ["", *_aligned(rows)]
    if found.glosses:
        rows = [["gloss", "occurrences", "clips", "kind"]]
        rows += [[row["gloss"], str(row["occurrences"]), str(row["clips"]), row["kind"]] for row in found.glosses[:_MOST_GLOSSES]]
        lines += ["", *_aligned(rows)]
        if len(found.glosses) > _MOST_GLOSSES:
            lines.append(f"  and {len(found.glosses) - _MOST_GLOSSES} more glosses")
        rows = [["phonology", "values that occur", "of"]]
        rows += [[feature.replace("_", " "), str(seen), str(total)] for feature, (seen, total) in covered(found.phonology).items()]
        lines += ["", *_aligned(rows)]
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of text; the first to the left, numbers to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    right = [k > 0 and rows[-1][k][:1].isdigit() for k in range(len(rows[0]))]
    return ["  " + "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip() for row in rows]


def json_of(found: Statistics) -> dict[str, Any]:
    """The same for programs, without the rows of the clips."""
    return {
        "source": found.label, "layout": found.layout, "clips": len(found.clips), "broken": found.broken, "flags": found.flags, "lengths": found.lengths,
        "frames": found.frames, "glosses": found.glosses, "phonology": found.phonology,
    }  # fmt: skip


def write(folder: Path, all_: Sequence[Statistics]) -> list[Path]:
    """Writes summary.csv, clips.csv, frames.csv, glosses.csv, phonology.csv, and for each source its plots. Returns the files.

    Raises OutputError where they cannot be written, MachineError without matplotlib.
    """
    from signgen_core.datasets import plots

    tables: Mapping[str, list[dict[str, Any]]] = {
        "summary.csv": [{"source": s.label, "layout": s.layout, "clips_found": len(s.clips), "broken": s.broken, **(s.lengths or {}), **s.flags} for s in all_],
        "clips.csv": [row for s in all_ for row in s.clips],
        "frames.csv": [{"source": s.label, **row} for s in all_ for row in s.frames],
        "glosses.csv": [{"source": s.label, **row} for s in all_ for row in s.glosses],
        "phonology.csv": [{"source": s.label, **row} for s in all_ for row in s.phonology],
    }
    files = {name: csv_text([{k: _cell(v) for k, v in row.items()} for row in rows]).encode() for name, rows in tables.items() if rows}
    for k, found in enumerate(all_):
        end = "" if len(all_) == 1 else f"_{k + 1}"
        if found.frames:
            files[f"frames{end}.png"] = plots.lengths(found.frames, found.label)
        if found.glosses:
            files[f"glosses{end}.png"] = plots.glosses(found.glosses, found.label)
            files[f"phonology{end}.png"] = plots.coverage(found.phonology, found.label)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be made: {problem.strerror or problem}") from problem
    for name, data in files.items():
        write_bytes(folder / name, data)
    return [folder / name for name in files]


def _cell(value: Any) -> Any:
    """Text of others' data that a spreadsheet would take for a formula is led by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
