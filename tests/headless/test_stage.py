"""The stage: a frame of which only the signer's box is drawn is the frame of which everything is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from headless.stage import Stage
from signgen_core import pipeline
from signgen_core.camera import read_camera
from signgen_core.motion import Motion

pytest.importorskip("bpy")

SIZE = (320, 240)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return pipeline.animate(pipeline.plan_text("HELLO EAT", gloss=True), fps=5.0)


def whole(stage: Stage, frame: int) -> np.ndarray:
    stage._crops = False
    picture = stage.shoot(frame)
    stage._crops = True
    return picture


@pytest.fixture(scope="module", params=[("preview", False), ("standard", False), ("preview", True)], ids=["1.5x", "2x", "alpha"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    quality, alpha = request.param
    with Stage(size=SIZE, quality=quality, alpha=alpha) as made:
        yield made


@pytest.mark.parametrize("camera", ["signing", "full", "front_close"])
def test_what_is_left_out_is_ground(stage: Stage, motion: Motion, camera: str) -> None:
    stage.load(motion, read_camera(camera))
    boxes = set()
    for frame in range(0, motion.num_frames, 4):
        box = stage._box(frame)
        assert box is not None
        boxes.add(box)
        part, all_of_it = stage.shoot(frame).astype(int), whole(stage, frame).astype(int)
        assert part.shape == all_of_it.shape == (SIZE[1], SIZE[0], 4 if stage.alpha else 3)
        apart = np.abs(part - all_of_it).max(axis=-1)
        # the rasteriser rounds to another side at a handful of pixels of the outline; a shift by a tenth of a pixel would change hundreds of them
        assert apart.mean() < 0.02 and (apart > 16).mean() < 3e-4
        left, top, right, bottom = (round(x / (stage._drawn[0] / SIZE[0])) for x in box)
        outside = np.ones(SIZE[::-1], dtype=bool)
        outside[top:bottom, left:right] = False
        assert outside.any() and not apart[outside].any()
        # and it is no larger than it has to be: the signer comes close to every side that is not the picture's own
        seen = (all_of_it != all_of_it[0, 0]).any(axis=-1)
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        assert max(rows[0] - top, columns[0] - left, bottom - rows[-1], right - columns[-1]) < 0.06 * SIZE[0]
    assert len(boxes) > 1


def test_a_signer_of_another_shape_has_another_box(motion: Motion) -> None:
    from dataclasses import replace

    with Stage(size=SIZE, quality="preview") as stage:
        stage.load(motion, read_camera("full"))
        first = stage._box(0)
        stage.load(replace(motion, betas=np.array([3.0, *np.zeros(9)]), transl=motion.transl + [0.3, 0.0, 0.0]), read_camera("full"))
        assert stage._box(0) != first
        np.testing.assert_allclose(stage.shoot(2), whole(stage, 2), atol=90)
        assert np.abs(stage.shoot(2).astype(int) - whole(stage, 2)).mean() < 0.02


def test_a_signer_who_fills_the_picture_is_drawn_whole(motion: Motion) -> None:
    import json
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder, Stage(size=(160, 160), quality="preview") as stage:
        near = Path(folder) / "near.json"
        box = {"x": [-0.1, 0.1], "z": [0.0, 0.2], "bottom": ["spine1", 0.0], "top": ["spine3", 0.0]}
        near.write_text(json.dumps({"version": 1, "fov": 30, "box": box, "margin": 0.0, "keep": ["head"]}))
        preset = read_camera(near)
        stage.load(motion, preset, margin=-1.0)
        assert stage._box(0) is None
        assert stage.shoot(0).shape == (160, 160, 3)
