"""The recogniser as a program uses it: readings do not depend on frame rate, hand or signer's place; folders that are not whole are refused in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import FileFormatError, InputError
from signgen_core.kinematics.resample import resample
from signgen_core.motion import Motion
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.recognition.labels import FEATURES, GLOSS, HEADS, features_of
from signgen_core.recognition.recogniser import SHIPPED, Recogniser, load_recogniser

torch = pytest.importorskip("torch")
SIGNS = ("MOTHER", "BOOK", "HELLO", "COFFEE", "WANT", "HOUSE", "THINK", "DRINK")


@pytest.fixture(scope="module")
def shipped() -> Recogniser:
    if not SHIPPED.is_dir():
        pytest.skip("no recogniser is shipped")
    return load_recogniser()


@pytest.fixture(scope="module")
def signed() -> Motion:
    return pipeline.animate(pipeline.plan_text(" ".join(SIGNS), gloss=True))


@pytest.fixture(scope="module")
def small() -> Any:
    """Of random weights: its readings mean nothing but are always the same."""
    from signgen_core.recognition.network import Config, Network
    from signgen_core.tokens.tokenizer import half

    torch.manual_seed(0)
    labels = {head: ("", "A", "B") if head == GLOSS else ("x", "y") for head in HEADS}
    config = Config(labels, frames=8, graph=(8, 8), time=16, bottleneck=16, path=8, window=16, width=8, embedding=4)
    return Recogniser(config, half(Network(config)), {"note": 1})


def test_it_knows_signs_by_the_teacher(shipped: Recogniser, signed: Motion) -> None:
    found = shipped.read(signed)
    assert sum(r.gloss == g for r, g in zip(found, SIGNS, strict=True)) >= 7
    assert all(0.0 < r.probability <= 1.0 and all(0.0 < p <= 1.0 for p in r.sure.values()) for r in found)
    lexicon = load_lexicon()
    right = [r.features[f] == features_of(lexicon.get(g).morphemes[0])[f] for r, g in zip(found, SIGNS, strict=True) for f in FEATURES]
    assert np.mean(right) >= 0.9
    assert shipped.signs(signed) == [(r.gloss, r.probability) for r in found] and shipped.features(signed) == [r.features for r in found]


def test_spelled_words_are_no_signs(shipped: Recogniser) -> None:
    assert [gloss for gloss, _ in shipped.signs(pipeline.animate(pipeline.plan_text("fs-MARTINA MOTHER", gloss=True)))] == ["", "MOTHER"]


def test_the_left_hand_is_as_good_as_the_right(shipped: Recogniser) -> None:
    plan = {hand: pipeline.plan_text("MOTHER THINK DRINK", gloss=True, handedness=hand) for hand in ("left", "right")}
    motions = {hand: pipeline.animate(p) for hand, p in plan.items()}
    right = shipped.read(motions["right"])
    left = shipped.read(motions["left"], handedness="left")
    assert [r.gloss for r in left] == [r.gloss for r in right] == ["MOTHER", "THINK", "DRINK"]
    assert [r.gloss for r in shipped.read(motions["left"])] == ["MOTHER", "THINK", "DRINK"]  # the motion says which hand
    assert [r.gloss for r in shipped.read(motions["left"], handedness="right")] != ["MOTHER", "THINK", "DRINK"]


def test_frame_rate_and_place_do_not_matter(small: Recogniser, signed: Motion) -> None:
    joints = pipeline.joints(signed)
    plain = small.read(signed)
    assert small.read(joints, signed.fps, signed.segments) == plain == small.read(joints, signed.fps, [(s.start, s.end) for s in signed.segments])
    fast = small.read(resample(signed, 4 * signed.fps))
    for a, b in zip(plain, fast, strict=True):
        assert a.gloss == b.gloss and a.probability == pytest.approx(b.probability, abs=0.02)
    moved = small.read(1.2 * joints + np.array([1.0, 2.0, 3.0]), signed.fps, signed.segments)
    for a, b in zip(plain, moved, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=1e-4)
    assert small.read(replace(signed, segments=())) == []


def test_embeddings(small: Recogniser, signed: Motion) -> None:
    windows, mean = small.embed_windows(signed), small.embed(signed)
    count = -(-(signed.num_frames - 8) // 8)
    assert windows.shape == (count, 4) and np.isfinite(windows).all() and mean.shape == (4,)
    np.testing.assert_allclose(mean, windows.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(small.embed(resample(signed, 120.0)), mean, atol=0.02)
    joints = pipeline.joints(signed)
    np.testing.assert_array_equal(small.embed(joints, signed.fps), mean)
    assert small.embed_windows(joints[:1], 30.0).shape == (1, 4)
    assert np.abs(small.embed(signed.mirrored()) - mean).max() > 1e-3


def test_a_motion_is_nearer_to_itself_with_noise_than_to_another(shipped: Recogniser, signed: Motion) -> None:
    joints = pipeline.joints(signed)
    noisy = joints + np.random.default_rng(0).normal(scale=0.002, size=joints.shape)
    other = pipeline.animate(pipeline.plan_text("SCHOOL TREE", gloss=True))
    mean = shipped.embed(signed)
    assert np.linalg.norm(shipped.embed(noisy, signed.fps) - mean) < 0.25 * np.linalg.norm(shipped.embed(other) - mean)


def test_what_cannot_be_read_is_refused(small: Recogniser, signed: Motion) -> None:
    joints = pipeline.joints(signed)
    with pytest.raises(InputError, match="positions need segments"):
        small.read(joints, 30.0)
    with pytest.raises(InputError, match="fps: expected a number"):
        small.read(joints, None, [(0.0, 1.0)])
    with pytest.raises(InputError, match=r"segments\[1\]: from 2 to 1 s"):
        small.read(joints, 30.0, [(0.0, 1.0), (2.0, 1.0)])
    with pytest.raises(InputError, match=r"segments\[0\]: from 900 to 901 s"):
        small.read(joints, 30.0, [(900.0, 901.0)])
    with pytest.raises(InputError, match="left or right"):
        small.read(signed, handedness="both")
    with pytest.raises(InputError, match=r"expected \(T, 70, 3\)"):
        small.embed(joints[:, :55], 30.0)


def test_a_folder_comes_back_and_damage_is_one_line(small: Recogniser, tmp_path: Path) -> None:
    folder = small.save(tmp_path / "model")
    again = load_recogniser(folder)
    assert again.id == small.id and again.facts == {"note": 1} and again.config == small.config

    def broken(name: str, change: Any) -> Path:
        place = tmp_path / name
        shutil.copytree(folder, place)
        change(place)
        return place

    def said(place: Path, **changes: Any) -> None:
        data = json.loads((place / "config.json").read_text())
        (place / "config.json").write_text(json.dumps({**data, **changes}))

    network = json.loads((folder / "config.json").read_text())["network"]
    faults: dict[str, tuple[Any, str]] = {
        "cut": (lambda p: (p / "model.safetensors").write_bytes((p / "model.safetensors").read_bytes()[:900]), "not a whole safetensors file"),
        "foreign": (lambda p: said(p, format="other"), "not the config of a SignGen recogniser"),
        "later": (lambda p: said(p, version=9), "version 9"),
        "other_id": (lambda p: said(p, id="0"), "is not the file that config.json beside it"),
        "no_heads": (lambda p: said(p, network={**network, "labels": {}}), "labels: expected at least two"),
        "wide": (lambda p: said(p, network={**network, "time": 32}), "expected shape"),
        "odd": (lambda p: said(p, network={**network, "frames": 9}), "frames"),
        "names": (lambda p: said(p, network={"frames": 8}), "network: expected"),
    }
    for name, (change, message) in faults.items():
        with pytest.raises(FileFormatError, match=message) as caught:
            load_recogniser(broken(name, change))
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such recogniser folder"):
        load_recogniser(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file"):
        load_recogniser(folder / "config.json")
