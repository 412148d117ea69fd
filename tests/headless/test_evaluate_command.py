"""signgen evaluate, as it is called: real motions and models, small ones, and what is said of wrong ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headless import cli
from signgen_core import pipeline
from signgen_core.action import ActionSequence, dump_plan
from signgen_core.motion import Motion, write_npz


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "evaluate", cli.COMMANDS.get("evaluate", "Measure tokens, models and motions."))


@pytest.fixture(scope="module")
def plan() -> ActionSequence:
    return pipeline.plan_text("MOTHER fs-BO", gloss=True)


@pytest.fixture(scope="module")
def motion(plan: ActionSequence) -> Motion:
    return pipeline.animate(plan, fps=10.0)


def put(place: Path, motion: Motion, plan: ActionSequence | None = None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    write_npz(place, motion, pipeline.joints(motion))
    if plan:
        place.with_suffix(".json").write_text(dump_plan(plan))


def test_two_folders(run: Callable[..., Any], tmp_path: Path, motion: Motion, plan: ActionSequence) -> None:
    pytest.importorskip("matplotlib")
    shaken = replace(motion, poses=motion.poses + np.random.default_rng(0).normal(scale=0.01, size=motion.poses.shape))
    for k in range(2):
        put(tmp_path / f"made/{k}.npz", shaken if k else motion, plan)
        put(tmp_path / f"true/{k}.npz", motion)
    put(tmp_path / "true/2.npz", motion)
    shown = run("evaluate", "motion", "made", "true", "-o", "found")
    assert shown.status == 0 and "true: 1 clip without a counterpart left out" in shown.err
    lines = shown.out.splitlines()
    assert lines[0].split() == ["unit", "made", "reference"]
    assert any(line.startswith("contact within 15 mm") for line in lines) and any(line.startswith("DTW-PA-JPE by length, hands") for line in lines)
    files = {p.name for p in (tmp_path / "found").iterdir()}
    assert {"summary.csv", "clips.csv", "signs.csv", "errors.png", "lengths.png", "targets.png"} <= files
    assert {line.split("/")[-1] for line in lines if line.startswith("found/")} == files
    found = json.loads(run("evaluate", "motion", "made/0.npz", "true/1.npz", "--json").out)
    assert found["metrics"]["dtw_jpe_all"] == {"label": "DTW-JPE by length, all", "made": pytest.approx(0.0, abs=1e-3), "reference": None, "unit": "mm",
                                               "better": "less"}  # fmt: skip
    assert found["metrics"]["signs"]["made"] == 2.0 and found["files"] == []
    assert json.loads(run("evaluate", "motion", "made", "true", "--limit", "1", "--json").out)["metrics"]["clips"]["made"] == 1.0


def test_a_tokenizer(run: Callable[..., Any], tmp_path: Path, motion: Motion) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("vector_quantize_pytorch")
    from signgen_core.kinematics.resample import resample
    from signgen_core.tokens.features import Normaliser, encode
    from signgen_core.tokens.network import Config, Network
    from signgen_core.tokens.tokenizer import Tokenizer, half

    torch.manual_seed(0)
    codes = {"body": 2, "left_hand": 2, "right_hand": 2, "face": 1}
    config = Config("fsq", levels=(5, 4, 3), codebook=12, codes=codes, width=16, small_width=16, dilations=(1,))
    Tokenizer(config, Normaliser.fit([encode(resample(motion, 30.0))]), half(Network(config)), {}).save(tmp_path / "tokenizer")
    put(tmp_path / "data/train/000000.npz", motion)
    put(tmp_path / "data/test/000001.npz", motion)
    rows = [{"clip": k, "part": part, "file": f"{part}/{k:06d}.npz"} for k, part in enumerate(("train", "test"))]
    (tmp_path / "data/manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "data/corpus.json").write_text("{}")
    shown = run("evaluate", "tokenizer", "tokenizer", "--data", "data", "--cache", "cache", "--json")
    metrics = json.loads(shown.out)["metrics"]
    assert metrics["clips"]["tokens"] == 1.0 and metrics["mpjpe_pa_all"]["tokens"] <= metrics["mpjpe_all"]["tokens"]
    assert metrics["codebook_size"]["tokens"] == 60.0 and 0.0 < metrics["used_share_body"]["tokens"] <= 100.0
    table = run("evaluate", "tokenizer", "tokenizer", "--data", "data", "--cache", "cache", "--part", "train")
    assert table.status == 0 and any(line.startswith("MPJPE-PA, hands") for line in table.out.splitlines())
    (tmp_path / "tokenizer/model.safetensors").write_bytes(b"short")
    broken = run("evaluate", "tokenizer", "tokenizer", "--data", "data", "--cache", "cache")
    assert broken.status == 1 and broken.err.startswith("error: tokenizer/model.safetensors") and broken.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["motion", "m.npz"], 2, "Missing argument 'REFERENCE'"),
        (["motion", "m.npz", "absent"], 1, "absent: no such file or folder"),
        (["motion", "m.npz", "bad.npz"], 1, "bad.npz"),
        (["motion", "m.npz", "m.npz", "--limit", "-1"], 2, "'--limit': -1 is not in the range"),
        (["motion", "m.npz", "m.npz", "-o", "nowhere/x"], 1, "there is no folder nowhere"),
        (["motion", "m.npz", "m.npz", "--recogniser", "absent"], 1, "absent: no such recogniser folder"),
        (["tokenizer", "absent", "--data", "."], 1, "absent: no such tokenizer folder"),
        (["tokenizer", "absent"], 2, "Missing option '--data'"),
        (["lm", "--data", "absent"], 1, "absent: no corpus there"),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(
    run: Callable[..., Any], tmp_path: Path, motion: Motion, arguments: list[str], status: int, words: str
) -> None:
    put(tmp_path / "m.npz", motion)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no")
    shown = run("evaluate", *arguments)
    assert shown.status == status and shown.out == "" and words in shown.err, shown.err
    assert shown.err.splitlines()[-1].startswith("error: ") and sum(line.startswith("error: ") for line in shown.err.splitlines()) == 1


def test_help_names_what_can_be_measured(run: Callable[..., Any]) -> None:
    shown = run("evaluate", "--help")
    assert shown.status == 0 and all(f"\n  {name} " in shown.out for name in ("tokenizer", "motion", "lm"))
