"""The table, the files and the plots."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from signgen_core.errors import OutputError
from signgen_core.evaluation import plots
from signgen_core.evaluation.generation import Evaluation
from signgen_core.evaluation.report import METRICS, as_json, csv_text, of_tokenizer, table, write

VALUES = {"jitter": (61.0, 58.25), "clips": (3.0, None), "contact_share": (0.905, 1.0), "dtw_jpe_all": (0.1234, None), "wrist_mm": (math.nan, None)}
COLUMNS = ("lm", "teacher")


@pytest.fixture
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    clips, signs = [], []
    for k in range(4):
        errors = {f"{key}_{group}": rng.uniform(1.0, 9.0) for key in ("dtw_jpe", "dtw_pa_jpe") for group in ("all", "body", "hands")}
        clips.append({"clip": f"c{k}", **errors, "seconds_made": 2.0 + k, "seconds_reference": 2.1 + k, "jitter_made": 50.0 + k, "jitter_reference": 40.0})
        signs.append({"clip": f"c{k}", "gloss": "A,B", "wrist_mm_made": 4.0 + k, "wrist_mm_reference": 1.0,
                      "contact_mm_made": math.inf if k else 3.0, "contact_mm_reference": None})  # fmt: skip
    return Evaluation(dict(VALUES), clips, signs, (rng.normal(size=(4, 8)), rng.normal(size=(4, 8))))


def test_the_table_has_one_line_a_metric_in_a_fixed_order() -> None:
    lines = table(VALUES, COLUMNS).splitlines()
    assert lines[0].split() == ["unit", "lm", "teacher"] and len(lines) == 6
    assert [line.split("  ")[0] for line in lines[1:]] == ["clips", "DTW-JPE by length, all", "jitter", "wrist to target", "contact within 15 mm"]
    assert "90.50" in lines[5] and " 100.0 " in lines[5] and lines[5].endswith("more is better") and " 3 " in lines[1] and "0.123" in lines[2]
    assert " - " in lines[4]
    assert "teacher" not in table({"clips": (3.0, None)}, COLUMNS)


def test_every_key_that_is_measured_has_a_line(evaluation: Evaluation) -> None:
    found = {"part": "test", "clips": 2, "frames": 9, "mpjpe_mm": {"all": 5.0, "body": 4.0, "hands": 6.0, "left_hand": 6.0, "right_hand": 6.0},
             "mpjpe_pa_mm": {"all": 3.0, "body": 3.0, "hands": 2.0, "left_hand": 2.0, "right_hand": 2.0}, "face_error": 0.01,
             "jitter": {"true": 40.0, "tokens": 41.0}, "codebooks": {"size": 1024, "body": {"used_share": 0.5, "perplexity": 200.0}}}  # fmt: skip
    values = of_tokenizer(found)
    assert set(values) <= set(METRICS)
    assert values["mpjpe_pa_hands"] == (2.0, None) and values["jitter"] == (41.0, 40.0) and values["used_share_body"] == (0.5, None)


def test_json_has_units_and_no_number_that_json_has_not() -> None:
    found = as_json(VALUES, COLUMNS)
    assert found["contact_share"] == {"label": "contact within 15 mm", "lm": 90.5, "teacher": 100.0, "unit": "%", "better": "more"}
    assert found["wrist_mm"]["lm"] is None
    json.dumps(found, allow_nan=False)


def test_csv_can_be_read_again() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text([{"a": 1.23456789, "b": "x,y"}, {"a": 2.0, "c": None}]))))
    assert rows == [{"a": "1.23457", "b": "x,y", "c": ""}, {"a": "2", "b": "", "c": ""}]


def test_files_and_plots(tmp_path: Path, evaluation: Evaluation) -> None:
    imageio = pytest.importorskip("imageio.v3")
    pytest.importorskip("matplotlib")
    files = write(tmp_path / "out", evaluation.values, COLUMNS, evaluation)
    assert [f.name for f in files] == ["summary.csv", "clips.csv", "signs.csv", "errors.png", "lengths.png", "targets.png", "embeddings.png"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(f.name for f in files)
    summary = {row["metric"]: row for row in csv.DictReader(io.StringIO(files[0].read_text()))}
    assert summary["contact_share"]["lm"] == "90.5" and summary["wrist_mm"]["lm"] == ""
    for file in files[3:]:
        picture = imageio.imread(file)
        assert picture.shape[0] == 420 and picture.std() > 10.0  # something is drawn


def test_plots_of_a_tokenizer(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    values = {f"{key}_{group}": (4.0, None) for key in ("mpjpe", "mpjpe_pa") for group in ("all", "body", "hands")}
    values |= {"codebook_size": (1024.0, None), "used_share_body": (0.9, None), "perplexity_body": (500.0, None)}
    files = write(tmp_path / "t", values, ("tokens", "source"))
    assert [f.name for f in files] == ["summary.csv", "errors.png", "codebooks.png"]
    assert {f.name: f.read_bytes() for f in files[1:]} == plots.of_tokenizer(values)  # the same numbers give the same bytes


def test_a_place_that_cannot_be_written(tmp_path: Path, evaluation: Evaluation) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        write(tmp_path / "file" / "out", evaluation.values, COLUMNS, evaluation)


def test_measuring_needs_no_matplotlib() -> None:
    """It takes a second to load: only plots do that, and nothing here needs torch."""
    code = (
        "import sys; from signgen_core.evaluation import distances, distributions, generation, pairs, plots, report, targets; "
        "print([m for m in ('matplotlib', 'torch', 'bpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n"
