"""Training of a small recogniser: it learns, goes on bit by bit after a stop, sees left-handed signers as right-handed, and refuses what it cannot use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.action import dump_plan
from signgen_core.errors import FileFormatError, InputError
from signgen_core.motion import write_npz
from signgen_core.recognition.labels import FEATURES, GLOSS, HEADS, NONE
from signgen_core.recognition.points import HAND, NUM_POINTS
from signgen_core.recognition.recogniser import load_recogniser
from signgen_core.train.sign_data import SignSet, load_signs

torch = pytest.importorskip("torch")
# (glosses, part, handedness); SUNDAY stands for a sign that was held out
CLIPS = (
    ("MOTHER BOOK", "train", "right"), ("HELLO 7 MOTHER", "train", "left"), ("BOOK HELLO", "train", "right"), ("MOTHER", "train", "left"),
    ("fs-AB HELLO BOOK", "train", "right"), ("BOOK MOTHER SUNDAY", "test", "right"), ("fs-BA HELLO", "test", "left"),
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    rows = []
    for k, (glosses, part, hand) in enumerate(CLIPS):
        plan = pipeline.plan_text(glosses, gloss=True, handedness=hand)
        motion = pipeline.animate(plan)
        (root / part).mkdir(exist_ok=True)
        place = root / part / f"{k:06d}.npz"
        write_npz(place, motion, pipeline.joints(motion))
        place.with_suffix(".json").write_text(dump_plan(plan, one_line=True))
        rows.append(json.dumps({"clip": k, "part": part, "file": f"{part}/{place.name}"}))
    (root / "manifest.jsonl").write_text("\n".join(rows) + '\n{"clip": 10, "pa')
    (root / "corpus.json").write_text(json.dumps({"fps": 30.0, "held_out": ["SUNDAY"]}))
    return root


@pytest.fixture(scope="module")
def signs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> SignSet:
    return load_signs([corpus], tmp_path_factory.mktemp("cache"))


def options(**changes: Any) -> Any:
    from signgen_core.train.recogniser import Options

    return replace(Options(steps=6, encoder_steps=6, batch=8, save_every=3, rare=2, device="cpu"), **changes)


def small(**changes: Any) -> Any:
    from signgen_core.recognition.network import Config

    labels = {head: ("0", "1") for head in HEADS}
    return replace(Config(labels, frames=8, graph=(8, 8), time=16, bottleneck=16, path=8, window=16, width=8, embedding=4), **changes)


def test_signs_are_cut_out_with_what_the_plans_say(signs: SignSet) -> None:
    assert len(signs.parts) == 7 and signs.parts.tolist().count("test") == 2 and signs.left.sum() == 3
    assert sorted(set(signs.gloss)) == [NONE, "BOOK", "HELLO", "MOTHER", "SUNDAY"] and signs.held_out == {"SUNDAY"}
    mother = np.flatnonzero(signs.gloss == "MOTHER")
    assert len(mother) == 4 and set(signs.features["minor_location"][mother]) == {"Chin"} and set(signs.features["handshape"][signs.gloss == NONE]) == {""}
    assert signs.points.shape == (signs.starts[-1], NUM_POINTS, 3) and signs.motion(3).shape[0] == signs.starts[4] - signs.starts[3]
    assert (np.diff(signs.times, axis=1) > 0.2).all()


def test_left_handed_signers_are_seen_as_right_handed(signs: SignSet) -> None:
    from signgen_core.recognition.recogniser import places
    from signgen_core.train.recogniser import cut_out

    mother = np.flatnonzero((signs.gloss == "MOTHER") & (signs.parts[signs.clip] == "train"))
    found = cut_out(signs, mother, places(signs.times[mother], small(), signs.fps))
    middle = found[:, 2:6, :HAND].mean(axis=(1, 2))
    assert signs.left[signs.clip[mother]].any() and not signs.left[signs.clip[mother]].all()
    assert np.abs(middle - middle[0]).max() < 0.1  # the same hand at the same chin
    assert (found[:, 2:6, HAND : 2 * HAND, 1].mean(axis=(1, 2)) < middle[:, 1] - 0.5).all()


def test_the_cache_is_made_anew_when_a_file_changes(corpus: Path, tmp_path: Path) -> None:
    first = load_signs([corpus], tmp_path)
    written = (tmp_path / "points.raw").stat().st_mtime_ns
    assert load_signs([corpus], tmp_path).fingerprint == first.fingerprint and (tmp_path / "points.raw").stat().st_mtime_ns == written
    both = load_signs([corpus, corpus], tmp_path)
    assert len(both.clip) == 2 * len(first.clip) and both.fingerprint != first.fingerprint
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError, match="not a corpus of training clips"):
        load_signs([other], tmp_path / "c")
    (other / "corpus.json").write_text(json.dumps({"fps": 25.0, "held_out": []}))
    (other / "manifest.jsonl").write_text("")
    with pytest.raises(InputError, match="differ in fps"):
        load_signs([corpus, other], tmp_path / "c")
    with pytest.raises(InputError, match="no clips"):
        load_signs([other], tmp_path / "c")


def test_a_clip_without_joints_is_one_line(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    np.savez(tmp_path / "train" / "000000.npz", poses=np.zeros((3, 165)))
    (tmp_path / "train" / "000000.json").write_text((corpus / "train" / "000000.json").read_text())
    (tmp_path / "manifest.jsonl").write_text('{"clip": 0, "part": "train", "file": "train/000000.npz"}\n')
    (tmp_path / "corpus.json").write_text("{}")
    with pytest.raises(FileFormatError, match="000000.npz: joints or segments"):
        load_signs([tmp_path], tmp_path / "cache")


def test_it_learns_and_comes_back_from_disk(signs: SignSet, tmp_path: Path) -> None:
    from signgen_core.train.recogniser import evaluate, train

    heard: list[float] = []
    result = train(signs, options(steps=60, encoder_steps=45, save_every=15), small(), progress=lambda share, text: heard.append(share))
    assert heard == sorted(heard) and heard[-1] == 1.0 and len(result.log) == 4
    assert result.log[-1]["loss"] < 0.6 * result.log[0]["loss"] and result.encoder_log[-1]["loss"] < 0.8 * result.encoder_log[0]["loss"]
    assert result.recogniser.glosses == (NONE, "BOOK", "HELLO", "MOTHER")
    score = evaluate(result.recogniser, signs, "train")
    assert score["seen"]["signs"] == 9 and score["seen"]["named"] == 9 and score["seen"][GLOSS] >= 0.8 and score["held_out"] == {"signs": 0}
    test = evaluate(result.recogniser, signs)
    assert test["seen"]["named"] == 3 and test["held_out"]["signs"] == 1 and GLOSS not in test["held_out"] and set(FEATURES) < set(test["held_out"])
    assert 0.0 <= test["none"] <= 1.0
    with pytest.raises(InputError, match="no signs of the part 'other'"):
        evaluate(result.recogniser, signs, "other")
    again = load_recogniser(result.recogniser.save(tmp_path / "model"))
    assert again.id == result.recogniser.id and evaluate(again, signs) == test


def test_it_goes_on_bit_by_bit(signs: SignSet, tmp_path: Path) -> None:
    from signgen_core.train import recogniser as module
    from signgen_core.train.recogniser import train

    straight = train(signs, options(), small()).recogniser

    class StoppedError(Exception):
        """Stands for a kill."""

    batch = module.Signs.batch

    def stopping(self: Any, step: int) -> Any:
        if step == 4:  # past the checkpoint at three
            raise StoppedError
        return batch(self, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Signs, "batch", stopping)
        with pytest.raises(StoppedError):
            train(signs, options(), small(), checkpoint=tmp_path)
    gone_on = train(signs, options(), small(), checkpoint=tmp_path).recogniser
    assert gone_on.id == straight.id
    assert train(signs, options(seed=1), small()).recogniser.id != straight.id
    with pytest.raises(InputError, match="is of another run"):
        train(signs, options(seed=1), small(), checkpoint=tmp_path)
    with pytest.raises(InputError, match="is of another run"):
        train(signs, options(), small(), start=straight, checkpoint=tmp_path)


def test_it_starts_from_another_one(signs: SignSet) -> None:
    from signgen_core.train.recogniser import train

    first = train(signs, options(steps=60, save_every=10), small())
    second = train(signs, options(steps=10, save_every=10), small(), start=first.recogniser)
    assert second.log[0]["loss"] < 0.7 * first.log[0]["loss"] and second.recogniser.facts["start"]["id"] == first.recogniser.id
    with pytest.raises(InputError, match="other networks or labels"):
        train(signs, options(), small(time=20), start=first.recogniser)


def test_what_cannot_be_trained_is_refused(signs: SignSet) -> None:
    from signgen_core.train.recogniser import train

    with pytest.raises(InputError, match="no signs to train on"):
        train(replace(signs, parts=np.full(len(signs.parts), "test")), options(), small())
    with pytest.raises(InputError, match="do not differ in gloss"):
        train(signs, options(rare=50), small())
    with pytest.raises(InputError, match="batch 2"):
        options(batch=1)
    with pytest.raises(InputError, match="rate must be"):
        options(rate=0.0)


def test_variation_keeps_signs_recognisable(signs: SignSet) -> None:
    from signgen_core.train.recogniser import Signs

    still, _ = Signs(signs, small(), options(variation=0.0, elsewhere=0.0)).batch(0)
    moved, labels = Signs(signs, small(), options(elsewhere=0.0)).batch(0)
    same, _ = Signs(signs, small(), options(elsewhere=0.0)).batch(0)
    np.testing.assert_array_equal(moved, same)
    assert still.shape == moved.shape == (8, 8, NUM_POINTS, 3) and moved.dtype == np.float32
    off = np.abs(moved - still)[..., : 2 * HAND, :].mean()
    assert 0.005 < off < 0.2
    assert set(labels) == set(HEADS) and all(len(v) == 8 for v in labels.values())


def test_signs_elsewhere_teach_what_does_not_depend_on_the_place(signs: SignSet) -> None:
    from signgen_core.train.recogniser import IGNORED, Signs, labels_of

    config = small(labels=labels_of(signs, 2))
    plain, known = Signs(signs, config, options(variation=0.0, elsewhere=0.0, batch=64)).batch(0)
    moved, labels = Signs(signs, config, options(variation=0.0, elsewhere=1.0, batch=64)).batch(0)
    assert all((labels[head] == IGNORED).all() for head in (GLOSS, "major_location", "minor_location"))
    np.testing.assert_array_equal(labels["movement"], known["movement"])
    of_signs = known["handshape"] != IGNORED
    plain, moved, back = plain[of_signs], moved[of_signs], (labels["handshape"] == IGNORED)[of_signs]
    assert 10 < back.sum() < len(back) - 10
    hands = slice(0, 2 * HAND)
    np.testing.assert_array_equal(moved[~back][:, :, 2 * HAND :], plain[~back][:, :, 2 * HAND :])
    assert np.abs(moved - plain)[:, :, hands].mean() > 0.1
    forth = np.where(back[:, None, None, None], moved[:, ::-1], moved)

    def distances(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, :, :HAND] - points[:, :, HAND : HAND + 1], axis=-1)

    np.testing.assert_allclose(distances(forth), distances(plain), atol=1e-4)
