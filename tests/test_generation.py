"""The shipped token model, from a plan to a motion: whole, in stretches, and a window made anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.action import ActionSequence
from signgen_core.editing import parse_set, patch
from signgen_core.errors import SignGenError
from signgen_core.motion import Motion, read_npz, write_npz
from signgen_core.resampling import resample
from signgen_core.synthesis.check import measure
from signgen_core.tokens.metrics import mpjpe

pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

GLOSSES = "MOTHER LIKE BOOK IX-1 WANT GO STORE TOMORROW"


@pytest.fixture(scope="module")
def plan() -> ActionSequence:
    return replace(pipeline.plan_text(GLOSSES, gloss=True), generator="lm")


@pytest.fixture(scope="module")
def motion(plan: ActionSequence) -> Motion:
    return pipeline.animate(plan)


def test_it_signs_what_the_rules_sign(plan: ActionSequence, motion: Motion) -> None:
    rules = pipeline.animate(replace(plan, generator="phonology"))
    assert motion.num_frames == rules.num_frames and motion.segments == rules.segments
    assert 0.5 < mpjpe(pipeline.joints(motion), pipeline.joints(rules)) < 25.0  # near, but a motion of its own
    synthesiser = pipeline.synthesiser_for()
    report = measure(synthesiser, pipeline.complete(plan), motion)
    assert report.contact < 0.015 and report.wrist_speed < 4.0 and report.limit < 1e-6
    assert motion.meta["generator"] == "lm" and len(motion.meta["model"]) == 16 and "generator" in rules.meta


def test_same_plan_same_motion(plan: ActionSequence, motion: Motion, tmp_path: Path) -> None:
    again = pipeline.animate(plan)
    assert np.array_equal(motion.poses, again.poses) and np.array_equal(motion.face, again.face)
    other = pipeline.animate(replace(plan, seed=1))
    assert not np.array_equal(motion.poses, other.poses)
    write_npz(tmp_path / "m.npz", motion, pipeline.joints(motion))
    back = read_npz(tmp_path / "m.npz")
    assert back.uncertainty is not None and np.allclose(back.uncertainty, motion.uncertainty)


def test_it_says_how_sure_it_is(motion: Motion) -> None:
    assert motion.uncertainty is not None and motion.uncertainty.shape == (motion.num_frames, 4)
    assert 0.0 < motion.uncertainty.mean() < 1.0 and motion.uncertainty.std(axis=0).min() > 0.0
    # what stands in one token is equally sure
    assert np.array_equal(motion.uncertainty[0], motion.uncertainty[3]) and not np.array_equal(motion.uncertainty[3], motion.uncertainty[4])


def test_left_handed_signers_are_the_mirror_image(plan: ActionSequence, motion: Motion) -> None:
    left = pipeline.animate(replace(plan, handedness="left"))
    mirrored = motion.mirrored()
    assert np.allclose(left.poses, mirrored.poses, atol=1e-9) and np.array_equal(left.uncertainty, mirrored.uncertainty)


def test_other_rates_and_shapes(plan: ActionSequence) -> None:
    made = pipeline.animate(plan, fps=24.0, betas=np.array([1.5, -1.0, 0.5]))
    rules = pipeline.animate(replace(plan, generator="phonology"), fps=24.0, betas=np.array([1.5, -1.0, 0.5]))
    assert made.fps == 24.0 and made.num_frames == rules.num_frames and np.array_equal(made.betas, rules.betas)
    assert made.uncertainty is not None and made.uncertainty.shape == (made.num_frames, 4)


def test_stretches_come_before_the_whole_is_known_and_are_its_parts(plan: ActionSequence, motion: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.tokens.lm_numpy import NumpyEngine

    steps = 0
    step = NumpyEngine.step

    def counted(self, *given):  # type: ignore[no-untyped-def]
        nonlocal steps
        steps += 1
        return step(self, *given)

    monkeypatch.setattr(NumpyEngine, "step", counted)
    stretches = pipeline.stream(plan)
    parts = [next(stretches)]
    first = steps
    parts += list(stretches)
    assert first < 0.55 * steps
    assert len(parts) == len(plan.actions) and sum(p.num_frames for p in parts) == motion.num_frames
    assert np.abs(np.concatenate([p.poses for p in parts]) - motion.poses).max() < 0.02
    assert np.array_equal(np.concatenate([p.uncertainty for p in parts]), motion.uncertainty)


def test_an_edit_makes_its_window_anew(plan: ActionSequence, motion: Motion) -> None:
    ready = pipeline.complete(plan)
    changed = patch(ready, [parse_set("actions[3].handshape.type=v")])
    edited = getattr(changed, "plan", changed)
    made, window = resample(ready, motion, edited)
    assert 0 < window.first and window.frames < 0.75 * motion.num_frames
    outside = np.r_[0 : window.first, window.last + 1 : made.num_frames]
    assert np.array_equal(made.poses[outside], motion.poses[np.r_[0 : window.first, window.old_last + 1 : motion.num_frames]])
    inside = slice(window.first, window.last + 1)
    assert np.abs(made.poses[inside] - motion.poses[window.first : window.old_last + 1]).max() > 0.3
    jumps = np.linalg.norm(np.diff(pipeline.joints(made)[:, 20:22], axis=0), axis=-1) * made.fps
    assert jumps.max() < 4.0  # no wrist leaps where old and new meet
    assert made.uncertainty is not None and np.array_equal(made.uncertainty[outside], motion.uncertainty[outside])


def test_a_mixed_condition_lies_between_two_signs() -> None:
    from signgen_core.generation import load_generator
    from signgen_core.tokens.lm import Sampling

    model = load_generator().model
    conditions = [pipeline.condition(pipeline.plan_text(gloss, gloss=True)) for gloss in ("MOTHER", "FATHER")]
    ends = [model.tokenizer.decode(model.generate(model.mixed(*conditions, weight), Sampling(0.0), steps=16).tokens) for weight in (0.0, 0.5, 1.0)]
    points = [pipeline.joints(m)[24:40, 21] for m in ends]  # where the right wrist is while the sign is held
    chin, forehead = points[0].mean(axis=0), points[2].mean(axis=0)
    assert forehead[1] > chin[1] + 0.06 and chin[1] - 0.05 < points[1].mean(axis=0)[1] < forehead[1] + 0.05


def test_missing_models_are_one_line(plan: ActionSequence, tmp_path: Path) -> None:
    from signgen_core.generation import TOKENIZER_FOLDER, load_generator

    with pytest.raises(SignGenError, match="no such token model folder") as caught:
        load_generator(TOKENIZER_FOLDER, tmp_path / "none")
    assert "\n" not in str(caught.value)


def test_the_command_line_chooses_the_generator(tmp_path: Path) -> None:
    from headless.cli import main

    lm, rules, edited = tmp_path / "lm.npz", tmp_path / "rules.npz", tmp_path / "edited.npz"
    assert main(["animate", "--gloss", "BOOK MOTHER", "--generator", "lm", "-o", str(lm)]) == 0
    assert main(["animate", "--gloss", "BOOK MOTHER", "-o", str(rules)]) == 0
    assert read_npz(lm).meta["generator"] == "lm" and read_npz(lm).uncertainty is not None
    assert read_npz(rules).meta["generator"] == "phonology" and read_npz(rules).uncertainty is None
    assert main(["plan", "--gloss", "BOOK MOTHER", "--generator", "lm", "-o", str(tmp_path / "plan.json")]) == 0
    assert main(["edit", str(tmp_path / "plan.json"), "--set", "actions[1].emphasis=strong", "-o", str(tmp_path / "plan2.json"), "--motion", str(lm),
                 "--motion-out", str(edited)]) == 0  # fmt: skip
    assert read_npz(edited).uncertainty is not None and np.array_equal(read_npz(edited).poses[:20], read_npz(lm).poses[:20])
    assert main(["animate", str(lm), "--generator", "lm", "-o", str(tmp_path / "no.npz")]) != 0
