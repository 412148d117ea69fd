"""Points as the recogniser sees them: nothing of where the signer stands, how large they are or which way they face is left."""

from __future__ import annotations

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.errors import InputError
from signgen_core.recognition.points import BONES, HAND, MIRROR, NAMES, NECK, NUM_POINTS, at, mirrored, normalised
from signgen_core.rig import POINT_NAMES


@pytest.fixture(scope="module")
def joints() -> np.ndarray:
    return pipeline.joints(pipeline.animate(pipeline.plan_text("BOOK", gloss=True)))


def test_bones_make_one_tree() -> None:
    assert len(set(NAMES)) == NUM_POINTS and BONES[NAMES.index("pelvis")] == NAMES.index("pelvis")
    for k in range(NUM_POINTS):
        seen = [k]
        while BONES[seen[-1]] != seen[-1]:
            seen.append(BONES[seen[-1]])
            assert len(seen) <= NUM_POINTS
        assert NAMES[seen[-1]] == "pelvis"
    assert NAMES[BONES[NAMES.index("right_index2")]] == "right_index1" and NAMES[BONES[NAMES.index("left_thumb_tip")]] == "left_thumb3"
    assert NAMES[BONES[NAMES.index("right_ring1")]] == "right_wrist" and NAMES[BONES[NAMES.index("right_wrist")]] == "right_elbow"
    assert all(name.startswith("right_") for name in NAMES[:HAND]) and all(name.startswith("left_") for name in NAMES[HAND : 2 * HAND])


def test_place_size_and_facing_do_not_matter(joints: np.ndarray) -> None:
    plain = normalised(joints)
    c, s = np.cos(0.7), np.sin(0.7)
    moved = 1.3 * joints @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]).T + np.array([0.4, 1.0, -2.0])
    np.testing.assert_allclose(normalised(moved), plain, atol=2e-5)
    assert plain.shape == (len(joints), NUM_POINTS, 3) and np.abs(plain[:, NECK]).max() == 0.0
    width = plain[:, NAMES.index("left_shoulder")] - plain[:, NAMES.index("right_shoulder")]
    assert np.linalg.norm(width.mean(axis=0)) == pytest.approx(1.0, abs=1e-4) and (width[:, 0] > 0.5).all()


def test_a_left_handed_signer_is_the_mirror_image() -> None:
    right = normalised(pipeline.joints(pipeline.animate(pipeline.plan_text("MOTHER", gloss=True))))
    left = normalised(pipeline.joints(pipeline.animate(pipeline.plan_text("MOTHER", gloss=True, handedness="left"))))
    hands = slice(0, 2 * HAND)
    assert np.abs(left - right)[:, hands].mean() > 0.1
    assert np.abs(mirrored(left) - right)[:, hands].max() < 1e-4
    np.testing.assert_array_equal(mirrored(mirrored(left)), left)
    assert [NAMES[k] for k in MIRROR][:1] == ["left_wrist"]


def test_between_frames_and_beyond_the_ends() -> None:
    points = np.zeros((3, NUM_POINTS, 3), dtype=np.float16)
    points[:, 0, 0] = 0.0, 2.0, 6.0
    np.testing.assert_allclose(at(points, np.array([-5.0, 0.25, 1.5, 2.0, 9.0]))[:, 0, 0], [0.0, 0.5, 4.0, 6.0, 6.0])
    assert at(points[:1], np.array([[0.0, 4.0]])).shape == (1, 2, NUM_POINTS, 3)


def test_what_is_no_signer_is_refused(joints: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected \(T, 70, 3\), found \(4, 55, 3\)"):
        normalised(np.zeros((4, 55, 3)))
    with pytest.raises(InputError, match="NaN"):
        normalised(np.full_like(joints, np.nan))
    with pytest.raises(InputError, match="shoulders"):
        normalised(np.zeros((2, len(POINT_NAMES), 3)))
