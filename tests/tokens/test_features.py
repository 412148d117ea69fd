"""Features of a motion come back as the motion, and mean and scale can be undone."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import InputError
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.motion import Motion
from signgen_core.rig import INDEX, JOINT_NAMES
from signgen_core.tokens.features import BODY_JOINTS, STREAMS, WIDTHS, Normaliser, decode, encode


@pytest.fixture(scope="module")
def motion() -> Motion:
    return pipeline.animate(pipeline.plan_text("<q>IX-2 WANT BOOK</q>? fs-ANNA 25", gloss=True))


def test_what_moves_comes_back(motion: Motion) -> None:
    features = encode(motion)
    assert {s: f.shape for s, f in features.items()} == {s: (motion.num_frames, WIDTHS[s]) for s in STREAMS}
    back = decode(features, motion.fps, motion.betas)
    assert np.abs(axis_angle_to_matrix(back.poses) - axis_angle_to_matrix(motion.poses)).max() < 1e-5
    assert np.abs(back.face - motion.face).max() < 1e-6 and back.fps == motion.fps
    assert np.abs(pipeline.joints(back) - pipeline.joints(motion)).max() < 1e-5


def test_nothing_that_signing_moves_is_left_out(motion: Motion) -> None:
    moving = np.ptp(motion.poses, axis=0).max(axis=1) > 1e-6
    left_out = {JOINT_NAMES[j] for j in np.flatnonzero(moving)} - set(BODY_JOINTS)
    assert not {n for n in left_out if INDEX[n] < INDEX["jaw"]}


def test_numbers_that_are_no_rotation_become_one(motion: Motion) -> None:
    rng = np.random.default_rng(0)
    noisy = {s: f + rng.normal(scale=0.05, size=f.shape).astype(np.float32) for s, f in encode(motion).items()}
    back = decode(noisy, 30.0)
    matrix = axis_angle_to_matrix(back.poses)
    assert np.allclose(matrix @ np.swapaxes(matrix, -1, -2), np.eye(3), atol=1e-6) and back.face.min() >= 0.0 and back.face.max() <= 1.0
    assert np.abs(pipeline.joints(back) - pipeline.joints(motion)).max() < 0.2
    assert np.isfinite(decode({s: np.zeros((2, WIDTHS[s])) for s in STREAMS}, 30.0).poses).all()


def test_streams_must_fit(motion: Motion) -> None:
    features = encode(motion)
    with pytest.raises(InputError, match="features: face: expected"):
        decode({**features, "face": features["face"][:, :-1]}, 30.0)
    with pytest.raises(InputError, match="features: left_hand: expected"):
        decode({s: f for s, f in features.items() if s != "left_hand"}, 30.0)


def test_mean_and_scale(motion: Motion) -> None:
    clips = [encode(motion), {s: f[:20] for s, f in encode(motion).items()}]
    normaliser = Normaliser.fit(clips)
    normal = normaliser.apply(clips[0])
    whole = {s: np.concatenate([c[s] for c in clips]) for s in STREAMS}
    for s in STREAMS:
        assert np.allclose(normaliser.mean[s], whole[s].mean(axis=0), atol=1e-4)
        assert normal[s].std(axis=0).max() < 2.0 and np.abs(normal[s]).max() < 60.0
        assert np.allclose(normaliser.undo(normal)[s], clips[0][s], atol=1e-5)
    with pytest.raises(InputError, match="no clips"):
        Normaliser.fit([])
