"""Which motions are compared with which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence, dump_plan
from signgen_core.errors import FileFormatError, InputError, PlanError
from signgen_core.evaluation.pairs import corpus_clips, matched, spread
from signgen_core.motion import Motion, write_npz


def put(place: Path, motion: Motion, plan: ActionSequence | None = None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    write_npz(place, motion, pipeline.joints(motion))
    if plan:
        place.with_suffix(".json").write_text(dump_plan(plan))


def test_clips_of_the_same_name_with_the_plan_beside_them(tmp_path: Path, signed: Motion, plan: ActionSequence) -> None:
    for name in ("made/x/1.npz", "made/x/2.npz", "made/3.npz", "true/x/1.npz", "true/x/2.npz"):
        put(tmp_path / name, signed, plan if name == "true/x/2.npz" else None)
    found = matched(tmp_path / "made", tmp_path / "true")
    assert found.names == ("x/1", "x/2") and found.alone == (1, 0)
    first, second = found
    assert first.plan is None and second.plan == plan and first.made.num_frames == signed.num_frames
    assert matched(tmp_path / "made", tmp_path / "true", limit=1).names == ("x/1",)
    other = matched(tmp_path / "made/3.npz", tmp_path / "true/x/2.npz")
    assert [p.plan for p in other] == [plan] and other.alone == (0, 0)


def test_what_cannot_be_matched_is_told(tmp_path: Path, signed: Motion) -> None:
    put(tmp_path / "a/1.npz", signed)
    put(tmp_path / "b/2.npz", signed)
    with pytest.raises(InputError, match="no clip of the same name"):
        matched(tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="no such file or folder"):
        matched(tmp_path / "a", tmp_path / "c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="no file of a known layout"):
        matched(tmp_path / "empty", tmp_path / "b")
    (tmp_path / "a/1.json").write_text("{")
    with pytest.raises(PlanError, match="not valid JSON"):
        list(matched(tmp_path / "a/1.npz", tmp_path / "b/2.npz"))


def test_points_without_rotations_are_told(tmp_path: Path, signed: Motion) -> None:
    import numpy as np

    np.save(tmp_path / "points.npy", np.zeros((5, 72, 3), dtype=np.float32))
    put(tmp_path / "a.npz", signed)
    with pytest.raises(InputError, match="tracked points without rotations"):
        list(matched(tmp_path / "points.npy", tmp_path / "a.npz"))


def test_test_clips_of_a_corpus(tmp_path: Path, signed: Motion, plan: ActionSequence) -> None:
    rows = []
    for k in range(5):
        part = "test" if k else "train"
        put(tmp_path / part / f"{k:06d}.npz", signed, plan)
        rows.append(json.dumps({"clip": k, "part": part, "file": f"{part}/{k:06d}.npz"}))
    rows.append(json.dumps({"clip": 9, "part": "test", "error": "cannot be reached"}))
    (tmp_path / "manifest.jsonl").write_text("\n".join(rows) + '\n{"clip": 10, "pa')
    (tmp_path / "corpus.json").write_text(json.dumps({"held_out": ["PAPER"]}))
    clips = corpus_clips(tmp_path)
    assert clips.names == tuple(f"test/{k:06d}" for k in range(1, 5)) and clips.held_out == {"PAPER"}
    assert clips.read("test/000002")[0] == plan and clips.read("test/000002")[1].num_frames == signed.num_frames
    assert corpus_clips(tmp_path, limit=2).names == ("test/000001", "test/000004")
    (tmp_path / "corpus.json").write_text("[")
    with pytest.raises(FileFormatError, match=r"corpus\.json: not the settings of a corpus"):
        corpus_clips(tmp_path)
    (tmp_path / "corpus.json").write_text("{}")
    (tmp_path / "manifest.jsonl").write_text("\n")
    with pytest.raises(InputError, match="no test clips"):
        corpus_clips(tmp_path)
    with pytest.raises(InputError, match="no corpus there"):
        corpus_clips(tmp_path / "test")


def test_a_limit_is_spread_evenly() -> None:
    assert spread("abcde", 3) == ("a", "c", "e") and spread("abcde", 0) == tuple("abcde") == spread("abcde", 9) and spread("abc", 1) == ("a",)
