"""Training clips: the same number gives the same clip, parts stay apart, a killed run goes on, and what is varied differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core.action import plan_to_json, read_plan
from signgen_core.errors import InputError
from signgen_core.motion import read_npz
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.train import corpus
from signgen_core.train.corpus import Settings, held_out, make_clip, part_of, sentence_of, signer_of, write_corpus

SETTINGS = Settings(clips=12, signers=1, test_signers=1, test_share=0.25)


@pytest.fixture(scope="module", autouse=True)
def one_body() -> Iterator[None]:
    """Bodies of other shapes take seconds to prepare; here all signers have the default shape."""
    with pytest.MonkeyPatch.context() as patch:
        shaped = corpus.signer_of
        patch.setattr(corpus, "signer_of", lambda number, settings: (shaped(number, settings)[0], np.zeros(10)))
        yield


def test_the_same_number_gives_the_same_clip() -> None:
    (plan, motion, joints), (again, same, _) = make_clip(3, SETTINGS), make_clip(3, replace(SETTINGS, clips=500))
    assert plan_to_json(plan) == plan_to_json(again) and np.array_equal(motion.poses, same.poses) and np.array_equal(motion.face, same.face)
    assert joints.shape == (motion.num_frames, 70, 3) and np.isfinite(joints).all()
    other = make_clip(3, replace(SETTINGS, seed=1))[1]
    assert other.num_frames != motion.num_frames or not np.array_equal(other.poses, motion.poses)


def test_parts_signers_and_signs_stay_apart() -> None:
    settings = Settings(clips=400, signers=5, test_signers=2)
    parts = [part_of(n, settings) for n in range(400)]
    assert parts.count("test") == 40
    signers = {part: {signer_of(n, settings)[0] for n in range(400) if parts[n] == part} for part in ("train", "test")}
    assert len(signers["train"]) == 5 and len(signers["test"]) == 2 and not signers["train"] & signers["test"]
    shapes = {name: signer_of(n, settings)[1].tobytes() for n in range(400) for name in [signer_of(n, settings)[0]]}
    assert len(set(shapes.values())) == 7
    kept = held_out(load_lexicon(), settings)
    share = len(kept) / sum(e.kind == "lexical" for e in load_lexicon().entries.values())
    assert 0.02 < share < 0.09
    seen = {part: {g.gloss_id for n in range(400) if parts[n] == part for g in sentence_of(n, settings).glosses} for part in ("train", "test")}
    assert not kept & seen["train"] and kept & {g.gloss_id for n in range(0, 40000, 10) for g in sentence_of(n + 9, settings).glosses}
    train = {sentence_of(n, settings).text for n in range(400) if parts[n] == "train" and len(sentence_of(n, settings).glosses) > 2}
    assert not train & {sentence_of(n, settings).text for n in range(400) if parts[n] == "test"}
    kinds = {g.kind for n in range(400) for g in sentence_of(n, settings).glosses}
    assert kinds == {"lexical", "fingerspelled", "number"}


def test_clips_vary_in_everything_that_is_promised() -> None:
    plans = [make_clip(n, SETTINGS)[0] for n in range(12)]
    assert len({p.tempo for p in plans}) > 9 and {p.handedness for p in plans} <= {"left", "right"}
    assert len({s.type for p in plans for s in p.sentences}) > 2 and len({s.emotion for p in plans for s in p.sentences}) > 1
    offsets = [m.location_offset for p in plans for a in p.actions for m in a.phonology if a.kind == "lexical"]
    lexicon = load_lexicon()
    own = [m.location_offset for p in plans for a in p.actions if a.kind == "lexical" for m in lexicon.get(a.gloss_id).morphemes]
    moved = np.linalg.norm(np.array(offsets) - np.array(own), axis=1)
    assert 0.002 < np.median(moved) < 0.03 and moved.max() < 0.06


def test_a_corpus_is_written_resumed_and_never_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "corpus"
    heard: list[float] = []
    counts = write_corpus(folder, SETTINGS, workers=1, progress=lambda share, text: heard.append(share))
    assert counts == {"made": 12, "kept": 0, "failed": 0} and heard[-1] == 1.0
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.npz")}
    assert len(files) == 12 and sum(name.startswith("test/") for name in files) == 3
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert {r["clip"] for r in rows} == set(range(12)) and all(r["frames"] > 20 for r in rows)
    for row in rows:
        motion, plan = read_npz(folder / row["file"]), read_plan((folder / row["file"]).with_suffix(".json"))
        assert motion.num_frames == row["frames"] and motion.meta["signer"] == row["signer"] and [a.gloss_id for a in plan.actions] == row["glosses"]
    # as a kill leaves it: a line cut off, a clip whose line was never written, one that is gone
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    (folder / "manifest.jsonl").write_text("\n".join(lines[:7]) + "\n" + lines[7][:20])
    (folder / json.loads(lines[0])["file"]).unlink()
    made: list[Any] = []
    real = corpus.make_clip
    monkeypatch.setattr(corpus, "make_clip", lambda n, s: made.append(n) or real(n, s))
    assert write_corpus(folder, SETTINGS, workers=1) == {"made": 6, "kept": 6, "failed": 0} and len(made) == 6
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.npz")} == files
    assert {json.loads(line)["clip"] for line in (folder / "manifest.jsonl").read_text().splitlines()} == set(range(12))
    more = write_corpus(folder, replace(SETTINGS, clips=14), workers=1)
    assert more == {"made": 2, "kept": 12, "failed": 0}
    with pytest.raises(InputError, match="holds a corpus with other seed"):
        write_corpus(folder, replace(SETTINGS, seed=9), workers=1)


def test_settings_that_make_no_sense() -> None:
    for wrong in ({"clips": 0}, {"clips": 3, "test_share": 1.0}, {"clips": 3, "signers": 0}, {"clips": 3, "held_out_share": 0.9}):
        with pytest.raises(InputError, match="corpus: "):
            Settings(**wrong)


def test_the_command_makes_a_corpus_and_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from headless.cli import main

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main(["train", "corpus", "-o", str(tmp_path / "c"), *arguments])
        shown = capfd.readouterr()
        return status, shown.out, shown.err

    settings = ("--signers", "1", "--test-signers", "1", "--workers", "1")
    assert run("--clips", "2", *settings) == (0, f"{tmp_path / 'c'}  2 clips made, 0 kept, 0 failed\n", "")
    assert run("--clips", "3", *settings)[1].endswith("1 clip made, 2 kept, 0 failed\n")
    status, out, err = run("--clips", "3", "--signers", "2", "--test-signers", "1", "--workers", "1")
    assert status == 1 and out == "" and "holds a corpus with other signers" in err and err.count("\n") == 1
    assert run("--clips", "0")[0] == 2
