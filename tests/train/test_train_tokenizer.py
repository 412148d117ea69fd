"""Training of a small tokenizer: it learns, goes on bit by bit after a stop, never sees the test part, and refuses what it cannot use."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import FileFormatError, InputError
from signgen_core.kinematics.resample import resample
from signgen_core.motion import Motion, write_npz
from signgen_core.tokens.features import STREAMS, encode
from signgen_core.tokens.mirror import mirrored, mirrored_points
from signgen_core.train.motion_data import MotionSet, load_motions

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")
GLOSSES = ("IX-2 WANT BOOK", "fs-ANNA", "HELLO", "25 HOUSE", "MOTHER LIKE COFFEE", "fs-BOB 7")


@pytest.fixture(scope="module")
def signed() -> list[Motion]:
    made = [pipeline.animate(pipeline.plan_text(g, gloss=True)) for g in GLOSSES]
    return [replace(m, betas=np.full(10, 0.5 * (k % 2))) for k, m in enumerate(made)]


@pytest.fixture(scope="module")
def folder(signed: list[Motion], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus as `train.corpus` leaves it: four clips to train on, two for testing, and a line that a kill cut off."""
    root = tmp_path_factory.mktemp("corpus")
    rows = []
    for k, motion in enumerate(signed):
        part = "test" if k >= 4 else "train"
        (root / part).mkdir(exist_ok=True)
        write_npz(root / part / f"{k:06d}.npz", motion, pipeline.joints(motion))
        rows.append(json.dumps({"clip": k, "part": part, "file": f"{part}/{k:06d}.npz"}))
    rows.append(json.dumps({"clip": 9, "part": "train", "error": "cannot be reached"}))
    (root / "manifest.jsonl").write_text("\n".join(rows) + '\n{"clip": 10, "pa')
    (root / "corpus.json").write_text("{}")
    return root


@pytest.fixture(scope="module")
def motions(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> MotionSet:
    return load_motions(folder, tmp_path_factory.mktemp("cache"))


def options(**changes: Any) -> Any:
    from signgen_core.train.tokenizer import Options

    return replace(Options(steps=8, batch=4, window=32, save_every=4, threads=1, device="cpu"), **changes)


def small(**changes: Any) -> Any:
    from signgen_core.tokens.network import Config

    base = Config("fsq", levels=(5, 5, 5), codebook=32, codes={"body": 3, "left_hand": 2, "right_hand": 2, "face": 1}, width=32, small_width=32, dilations=(1,))
    return replace(base, **changes)


def same(a: Any, b: Any) -> bool:
    return a.weights.keys() == b.weights.keys() and all(np.array_equal(a.weights[k], b.weights[k]) for k in a.weights) and a.id == b.id


class StoppedError(Exception):
    """Stands for a kill."""


def test_it_learns(motions: MotionSet) -> None:
    from signgen_core.train.tokenizer import evaluate, train

    heard: list[float] = []
    before = evaluate(train(motions, options(steps=1), small()).tokenizer, motions)
    result = train(motions, options(steps=150, save_every=50), small(), progress=lambda share, text: heard.append(share))
    after = evaluate(result.tokenizer, motions)
    assert heard == sorted(heard) and heard[-1] == 1.0 and [entry["step"] for entry in result.log] == [50.0, 100.0, 150.0]
    assert result.log[-1]["loss"] < 0.6 * result.log[0]["loss"]
    assert after["mpjpe_mm"]["all"] < 0.6 * before["mpjpe_mm"]["all"]
    assert after["clips"] == 2 and after["frames"] == sum(motions.length(n) for n in motions.clips("test"))
    for group, value in after["mpjpe_pa_mm"].items():
        assert 0.0 < value <= after["mpjpe_mm"][group]
    assert set(after["codebooks"]) == {"size", *STREAMS} and all(1.0 <= after["codebooks"][s]["perplexity"] <= 125.0 for s in STREAMS)
    assert after["jitter"]["true"] > 0.0
    assert evaluate(result.tokenizer, motions, "train", limit=3)["clips"] == 3
    with pytest.raises(InputError, match="no clips of the part 'other'"):
        evaluate(result.tokenizer, motions, "other")


@pytest.mark.parametrize(
    ("changes", "network"), [({}, {}), ({"optimiser": "muon"}, {"quantiser": "residual_vq"}), ({}, {"joint": True, "quantiser": "residual_fsq"})]
)
def test_it_goes_on_bit_by_bit(motions: MotionSet, tmp_path: Path, changes: dict[str, Any], network: dict[str, Any]) -> None:
    from signgen_core.train.tokenizer import train

    straight = train(motions, options(steps=12, **changes), small(**network))
    cut = tmp_path / "cut"
    said = options(steps=12, **changes)

    from signgen_core.train import run as module

    step = module.Run._step
    calls: list[int] = []

    def counted(self: Any, number: int) -> dict[str, float]:
        if len(calls) == 6:  # in the middle between two checkpoints
            raise StoppedError
        calls.append(number)
        return step(self, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Run, "_step", counted)
        with pytest.raises(StoppedError):
            train(motions, said, small(**network), checkpoint=cut)
    gone_on = train(motions, replace(said, threads=1), small(**network), checkpoint=cut)
    assert same(straight.tokenizer, gone_on.tokenizer) and straight.log == gone_on.log
    again = train(motions, said, small(**network), checkpoint=cut)  # done already: nothing is left to do
    assert same(again.tokenizer, straight.tokenizer)
    assert not same(straight.tokenizer, train(motions, options(steps=12, seed=1, **changes), small(**network)).tokenizer)


def test_checkpoints_of_other_runs(motions: MotionSet, tmp_path: Path) -> None:
    from signgen_core.model_files import CHECKPOINT
    from signgen_core.train.tokenizer import train

    train(motions, options(steps=4), small(), checkpoint=tmp_path)
    for other in (options(steps=4, rate=1e-3), options(steps=5)):
        with pytest.raises(InputError, match="is of another run"):
            train(motions, other, small(), checkpoint=tmp_path)
    with pytest.raises(InputError, match="is of another run"):
        train(motions, options(steps=4), small(width=40), checkpoint=tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match="not a whole checkpoint"):
        train(motions, options(steps=4), small(), checkpoint=tmp_path)


def test_test_clips_are_never_trained_on(motions: MotionSet) -> None:
    from signgen_core.train.tokenizer import train

    spoiled = replace(motions, features={s: np.array(v) for s, v in motions.features.items()})
    for number in motions.clips("test"):
        for values in spoiled.features.values():
            values[motions.starts[number] : motions.starts[number + 1]] = 7.0
    assert same(train(spoiled, options(), small()).tokenizer, train(motions, options(), small()).tokenizer)
    with pytest.raises(InputError, match="no clips to train on"):
        train(replace(motions, parts=("test",) * len(motions)), options(), small())


def test_frames_that_nobody_saw_do_not_count(motions: MotionSet) -> None:
    """Whatever stands in a hand that was not seen, the loss is the same."""
    from signgen_core.train.tokenizer import Windows, fit_normaliser, loss_terms

    normaliser = fit_normaliser(motions, motions.clips("train"), False)
    batch = {k: torch.from_numpy(v) for k, v in Windows(motions, motions.clips("train"), normaliser, options(mirror=False)).batch(3).items()}
    mean, scale = ({s: torch.from_numpy(v) for s, v in table.items()} for table in (normaliser.mean, normaliser.scale))
    batch["valid"][..., 1] = False
    torch.manual_seed(0)
    made = {s: batch[s] + 0.1 * torch.randn_like(batch[s]) for s in STREAMS}

    def terms() -> dict[str, float]:
        return {k: float(v) for k, v in loss_terms(made, batch, mean, scale, slice(0, 32)).items()}

    before = terms()
    batch["left_hand"] = batch["left_hand"] + 0.5
    after = terms()
    assert all(before[k] == pytest.approx(after[k]) for k in ("features", "velocity", "hands"))
    made["right_hand"] = made["right_hand"] + 0.5
    assert terms()["features"] > after["features"] and terms()["hands"] > after["hands"]
    perfect = loss_terms({s: batch[s] for s in STREAMS}, batch, mean, scale, slice(4, 20))
    assert float(perfect["features"]) == 0.0 and float(perfect["positions"]) < 0.02 > float(perfect["speed"]) / 2


def test_windows(motions: MotionSet) -> None:
    from signgen_core.train.tokenizer import Windows, fit_normaliser

    normaliser = fit_normaliser(motions, motions.clips("train"), True)
    assert np.allclose(mirrored(normaliser.mean)["left_hand"], normaliser.mean["left_hand"], atol=1e-6)
    windows = Windows(motions, motions.clips("train"), normaliser, options(window=64, batch=16))
    one, again, other = windows.batch(5), windows.batch(5), windows.batch(6)
    assert all(np.array_equal(one[k], again[k]) for k in one) and not np.array_equal(one["body"], other["body"])
    assert one["mask"][:, 0].all() and not one["mask"].all() and one["rest"].shape == (16, 70, 3)
    assert (np.diff(one["mask"].astype(int), axis=1) <= 0).all()


def test_no_number_stops_the_run(motions: MotionSet) -> None:
    from signgen_core.train.tokenizer import train

    broken = replace(motions, rest=np.full_like(motions.rest, np.nan))
    with pytest.raises(InputError, match="the loss is not a number at step 1"):
        train(broken, options(), small())


def test_options() -> None:
    for wrong in ({"steps": 0}, {"window": 4}, {"optimiser": "sgd"}, {"rate": 0.0}, {"average": 1.0}):
        with pytest.raises(InputError, match="^tokenizer: "):
            options(**wrong)


def test_clips_of_a_corpus(folder: Path, signed: list[Motion], motions: MotionSet, tmp_path: Path) -> None:
    assert len(motions) == 6 and sorted(motions.parts) == ["test"] * 2 + ["train"] * 4 and len(motions.rest) == len(motions.betas) == 2
    for number, name in enumerate(motions.names):
        motion = signed[int(name[-6:])]
        assert all(np.allclose(motions.clip(number)[s], v, atol=1e-6) for s, v in encode(motion).items())
        assert np.allclose(motions.rest[motions.shape[number]], pipeline.joints(Motion(
            np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas, np.zeros((1, 10)), np.zeros((1, 52)), 30.0))[0], atol=1e-6)  # fmt: skip
    assert motions.valid.all() and motions.starts[-1] == sum(m.num_frames for m in signed)
    # read once, then from the cache; anew when a file changes
    cache = tmp_path / "cache"
    first = load_motions(folder, cache)
    stamp = (cache / "index.json").stat().st_mtime_ns
    assert load_motions(folder, cache).fingerprint == first.fingerprint and (cache / "index.json").stat().st_mtime_ns == stamp
    (cache / "index.json").write_text("{")
    assert len(load_motions(folder, cache)) == 6
    file = folder / "test" / "000005.npz"
    os.utime(file, ns=(1, 1))
    assert load_motions(folder, cache).fingerprint != first.fingerprint
    (cache / "body.raw").write_bytes(b"")
    with pytest.raises(FileFormatError, match="damaged cache"):
        load_motions(folder, cache)


def test_clips_of_other_layouts(signed: list[Motion], tmp_path: Path) -> None:
    """A folder of motion files without a manifest, of any frame rate."""
    data = tmp_path / "data"
    data.mkdir()
    for k in range(3):
        motion = resample(signed[k], 60.0) if k == 1 else signed[k]
        write_npz(data / f"clip{k}.npz", motion, pipeline.joints(motion))
    found = load_motions(data, tmp_path / "cache", fps=30.0)
    assert found.names == ("clip0", "clip1", "clip2") and found.length(1) == signed[1].num_frames
    assert np.allclose(found.clip(2)["body"], encode(signed[2])["body"], atol=1e-5)
    with pytest.raises(InputError, match="no such file or folder"):
        load_motions(tmp_path / "none", tmp_path / "cache")


def test_mirror_images_of_points(signed: list[Motion]) -> None:
    image = signed[0].mirrored()
    assert all(np.allclose(mirrored(encode(signed[0]))[s], encode(image)[s], atol=1e-5) for s in STREAMS)
    true, found = pipeline.joints(image), mirrored_points(pipeline.joints(signed[0]))
    assert np.abs(true - found).max() < 0.004  # the body is all but symmetric
