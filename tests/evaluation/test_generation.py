"""Pairs of motions compared: nothing between a motion and itself, and every number where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from signgen_core.action import ActionSequence
from signgen_core.errors import InputError
from signgen_core.evaluation.generation import JUDGED, Pair, compare
from signgen_core.evaluation.targets import Bodies
from signgen_core.kinematics.resample import resample
from signgen_core.motion import Motion
from signgen_core.recognition.labels import features_of


@dataclass(frozen=True)
class Read:
    gloss: str
    features: dict[str, str]


class Oracle:
    """Reads a sign right as long as the motion is the true one, else always says the same."""

    glosses = ("", "MOTHER", "FATHER")

    def __init__(self, plan: ActionSequence, frames: int) -> None:
        self.plan, self.frames = plan, frames
        self.asked: list[Sequence[tuple[float, float]]] = []

    def read(self, motion: np.ndarray, fps: float, segments: Sequence[tuple[float, float]], handedness: str) -> list[Read]:
        self.asked.append(segments)
        actions = self.plan.actions if len(motion) == self.frames else self.plan.actions[:1] * 3
        return [Read(a.gloss_id, features_of(a.phonology[0])) for a, _ in zip(actions, segments, strict=False)]

    def embed(self, motion: np.ndarray, fps: float) -> np.ndarray:
        return motion[:, :2].mean(axis=(0, 1))


def short(motion: Motion, frames: int) -> Motion:
    return replace(motion, **{name: getattr(motion, name)[:frames] for name in ("poses", "transl", "expression", "face")})


def test_a_motion_and_itself(plan: ActionSequence, coarse: Motion, bodies: Bodies) -> None:
    heard: list[tuple[int, str]] = []
    judge = Oracle(plan, coarse.num_frames)
    pairs = [Pair(name, coarse, coarse, plan, seconds=coarse.num_frames / 500.0) for name in ("a", "b")]
    found = compare(pairs, bodies=bodies, recogniser=judge, unseen={"PAPER"}, progress=lambda count, name: heard.append((count, name)))
    values = found.values
    for key in ("dtw_jpe", "dtw_pa_jpe", "dtw_jpe_sum", "dtw_pa_jpe_sum", "mpjpe", "mpjpe_pa"):
        for group in ("all", "body", "hands"):
            assert values[f"{key}_{group}"] == (pytest.approx(0.0, abs=1e-3), None), key
    for key in ("fid", "mmd_avg", "mmd_seq", "length_error"):
        assert values[key] == (pytest.approx(0.0, abs=1e-7), None)
    assert values["clips"] == (2.0, None) and heard == [(1, "a"), (2, "b")] and values["ms_per_frame"] == (pytest.approx(2.0), None)
    for key in ("jitter", "diversity", "wrist_mm", "contact_mm", "contact_share", "signs"):
        assert values[key][0] == values[key][1] is not None
    assert values["jitter"][0] > 0.0 and values["signs"] == (6.0, 6.0) and values["contact_signs"] == (4.0, 4.0) and values["contact_share"] == (1.0, 1.0)
    assert values["top1"] == (1.0, 1.0) and all(values[name] == (1.0, 1.0) for name in JUDGED)
    assert all(values[f"{name}_unseen"] == (1.0, 1.0) for name in JUDGED)
    assert all(len(spans) == 2 for spans in judge.asked)  # the spelled word is no sign of the lexicon
    assert len(found.clips) == 2 and [r["gloss"] for r in found.signs] == ["MOTHER", "PAPER", "fs-BO"] * 2
    assert found.embeddings is not None and found.embeddings[0].shape == (2, 6 // 2)


def test_another_motion_counts_on_its_own_side(plan: ActionSequence, coarse: Motion, bodies: Bodies) -> None:
    cut = short(coarse, round(plan.actions[1].start * coarse.fps) - 2)
    found = compare([Pair("cut", cut, coarse, plan)], bodies=bodies, recogniser=Oracle(plan, coarse.num_frames), unseen={"PAPER"})
    values = found.values
    assert values["length_error"][0] == pytest.approx(1.0 - cut.duration / coarse.duration)
    assert not any(key.startswith(("mpjpe", "mmd", "fid", "diversity", "ms_")) for key in values)  # other length, one clip, nobody timed it
    assert 0.0 < values["dtw_jpe_hands"][0] and values["dtw_pa_jpe_hands"][0] <= values["dtw_jpe_hands"][0]
    assert values["dtw_jpe_sum_all"][0] == pytest.approx(values["dtw_jpe_all"][0] * coarse.num_frames)
    assert values["contact_share"] == (0.5, 1.0)
    assert values["top1"] == (1.0, 1.0)  # of the signs that the recogniser knows, which PAPER is not
    assert values["handshape_unseen"] == (0.0, 1.0) and values["handshape"] == (0.5, 1.0)
    rows = {row["gloss"]: row for row in found.signs}
    assert rows["PAPER"]["unseen"] and "read_made" not in rows["PAPER"] and rows["PAPER"]["read_reference"] == "PAPER"
    assert rows["fs-BO"]["contact_mm_made"] is None and rows["PAPER"]["contact_mm_made"] == float("inf")


def test_without_plan_and_recogniser_the_rest_is_there(coarse: Motion, bodies: Bodies) -> None:
    found = compare([Pair("x", coarse, coarse)], bodies=bodies)
    assert {"dtw_jpe_all", "mpjpe_all", "jitter", "length_error"} <= set(found.values)
    assert not found.signs and found.embeddings is None and not {"signs", "top1", "fid"} & set(found.values)


def test_frame_rates_are_brought_together(coarse: Motion, bodies: Bodies) -> None:
    found = compare([Pair("fast", resample(coarse, 24.0), coarse)], bodies=bodies)
    assert found.values["mpjpe_all"][0] == pytest.approx(0.0, abs=0.5) and found.values["length_error"][0] == pytest.approx(0.0, abs=0.01)


def test_single_frames_are_compared_too(coarse: Motion, bodies: Bodies) -> None:
    one = short(coarse, 1)
    found = compare([Pair("one", one, one)], bodies=bodies)
    assert found.values["dtw_jpe_all"] == (0.0, None) and found.values["jitter"] == (0.0, 0.0) and "length_error" not in found.values


def test_nothing_to_compare_is_told_in_one_line(bodies: Bodies) -> None:
    nothing: list[Any] = []
    with pytest.raises(InputError, match="^evaluation: no pair of motions"):
        compare(nothing, bodies=bodies)


def test_recognisers_of_the_program_fit(plan: ActionSequence, coarse: Motion, bodies: Bodies) -> None:
    torch = pytest.importorskip("torch")
    from signgen_core.recognition.labels import GLOSS, HEADS
    from signgen_core.recognition.network import Config, Network
    from signgen_core.recognition.recogniser import Recogniser

    torch.manual_seed(0)
    labels = {head: ("", "MOTHER") if head == GLOSS else ("x", "y") for head in HEADS}
    network = Network(Config(labels, frames=8, graph=(8, 8), time=16, bottleneck=16, window=16, width=8, embedding=4))
    judge = Recogniser(network.config, {name: value.numpy() for name, value in network.state_dict().items()})
    found = compare([Pair("x", coarse, coarse, plan)], bodies=bodies, recogniser=judge)
    assert found.values["handshape"] == (0.0, 0.0) and found.values["top1"][0] in (0.0, 1.0)
    assert found.embeddings is not None and found.embeddings[0].shape == (1, 4)
