"""What was measured, for people and for programs: a table of text, CSV files, JSON, plots."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..motion import write_bytes
from .generation import Evaluation


@dataclass(frozen=True)
class Metric:
    """How a number is shown: its name, the unit it is shown in, what it is multiplied with for that, and whether less or more is better ("" for neither)."""

    label: str
    unit: str = ""
    scale: float = 1.0
    better: str = ""


def _of_points(key: str, label: str, unit: str = "mm", groups: Sequence[str] = ("all", "body", "hands")) -> dict[str, Metric]:
    return {f"{key}_{g}": Metric(f"{label}, {g.replace('_', ' ')}", unit, 1.0, "less") for g in groups}


_SHARES = {
    "top1": "signs recognised (top-1)", "handshape": "handshape recognised", "major_location": "major location recognised",
    "minor_location": "minor location recognised", "movement": "movement recognised",
}  # fmt: skip
# In the order of the table. Definitions stand with the functions that measure: `distances`, `distributions`, `targets`, `tokens.metrics`,
# `train.tokenizer.evaluate`.
METRICS: dict[str, Metric] = {
    "clips": Metric("clips"),
    "frames": Metric("frames"),
    **_of_points("mpjpe", "MPJPE"),
    **_of_points("mpjpe_pa", "MPJPE-PA"),
    **_of_points("dtw_jpe", "DTW-JPE by length"),
    **_of_points("dtw_pa_jpe", "DTW-PA-JPE by length"),
    **_of_points("dtw_jpe_sum", "DTW-JPE, sum"),
    **_of_points("dtw_pa_jpe_sum", "DTW-PA-JPE, sum"),
    "face_error": Metric("face coefficients, mean error", "", 1.0, "less"),
    "length_error": Metric("stop-length error", "%", 100.0, "less"),
    "fid": Metric("FID", "", 1.0, "less"),
    "mmd_avg": Metric("MMD avg", "", 1.0, "less"),
    "mmd_seq": Metric("MMD seq", "", 1.0, "less"),
    "diversity": Metric("diversity"),
    "jitter": Metric("jitter", "m/s^3"),
    "signs": Metric("signs"),
    "wrist_mm": Metric("wrist to target", "mm", 1.0, "less"),
    "contact_signs": Metric("signs with contact"),
    "contact_mm": Metric("contact gap", "mm", 1.0, "less"),
    "contact_share": Metric("contact within 15 mm", "%", 100.0, "more"),
    **{key: Metric(label, "%", 100.0, "more") for key, label in _SHARES.items()},
    **{f"{key}_unseen": Metric(f"{label}, unseen signs", "%", 100.0, "more") for key, label in _SHARES.items() if key != "top1"},
    "ms_per_frame": Metric("time to make a frame", "ms", 1.0, "less"),
    "token_ms_per_frame": Metric("of it for tokens", "ms", 1.0, "less"),
    "codebook_size": Metric("codes of a codebook"),
    **{f"used_share_{s}": Metric(f"codes used, {s.replace('_', ' ')}", "%", 100.0, "more") for s in ("body", "left_hand", "right_hand", "face", "all")},
    **{f"perplexity_{s}": Metric(f"perplexity of codes, {s.replace('_', ' ')}", "", 1.0, "more") for s in ("body", "left_hand", "right_hand", "face", "all")},
}  # fmt: skip
Values = Mapping[str, tuple[float | None, float | None]]


def of_tokenizer(found: Mapping[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    """What `train.tokenizer.evaluate` returns, by the keys of METRICS: (of the tokens, of what went in)."""
    out: dict[str, tuple[float | None, float | None]] = {"clips": (float(found["clips"]), None), "frames": (float(found["frames"]), None)}
    for key in ("mpjpe", "mpjpe_pa"):
        out |= {f"{key}_{group}": (found[f"{key}_mm"][group], None) for group in ("all", "body", "hands")}
    out |= {"face_error": (found["face_error"], None), "jitter": (found["jitter"]["tokens"], found["jitter"]["true"])}
    out["codebook_size"] = (float(found["codebooks"]["size"]), None)
    for stream, use in found["codebooks"].items():
        if stream != "size":
            out |= {f"used_share_{stream}": (use["used_share"], None), f"perplexity_{stream}": (use["perplexity"], None)}
    return out


def table(values: Values, columns: tuple[str, str]) -> str:
    """Lines of text: metric, unit, one column a side, and which way is better. A second column without numbers is left out."""
    both = any(b is not None for _, b in values.values())
    head = ["", "unit", *(columns if both else columns[:1]), ""]
    rows = [head]
    for key, metric in METRICS.items():
        if key in values:
            sides = values[key] if both else values[key][:1]
            better = f"{metric.better} is better" if metric.better else ""
            rows.append([metric.label, metric.unit, *(_shown(v, metric.scale) for v in sides), better])
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    last = len(head) - 1
    lines = []
    for row in rows:
        cells = (text.rjust(w) if 1 < k < last else text.ljust(w) for k, (text, w) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _shown(value: float | None, scale: float) -> str:
    if value is None or math.isnan(value):
        return "-"
    number = value * scale
    if number == int(number) and abs(number) < 1e9 and scale == 1.0:
        return str(int(number))
    return f"{number:.3f}" if abs(number) < 1.0 else f"{number:.2f}" if abs(number) < 100.0 else f"{number:.1f}"


def as_json(values: Values, columns: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """key -> one number a side (in the unit that is given; None where there is none), `unit` and `better`."""
    out = {}
    for key, metric in METRICS.items():
        if key in values:
            sides = {name: v * metric.scale if v is not None and math.isfinite(v) else None for name, v in zip(columns, values[key], strict=True)}
            out[key] = {"label": metric.label, **sides, "unit": metric.unit, "better": metric.better}
    return out


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the columns of all of them, in the order in which they first occur; what a row lacks is an empty cell."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    return out.getvalue()


def write(folder: Path, values: Values, columns: tuple[str, str], evaluation: Evaluation | None = None) -> list[Path]:
    """Writes summary.csv, and with an evaluation clips.csv, signs.csv where there are plans, and its plots. Returns the files.

    Raises OutputError where the folder cannot be written, MachineError without matplotlib.
    """
    from . import plots

    folder = Path(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be made: {problem.strerror or problem}") from problem
    files = {"summary.csv": csv_text([{"metric": key, **row} for key, row in as_json(values, columns).items()]).encode()}
    if evaluation is None:
        files |= plots.of_tokenizer(values)
    else:
        files["clips.csv"] = csv_text(evaluation.clips).encode()
        if evaluation.signs:
            files["signs.csv"] = csv_text(evaluation.signs).encode()
        files |= plots.of_motions(evaluation, columns)
    for name, data in files.items():
        write_bytes(folder / name, data)
    return [folder / name for name in files]
