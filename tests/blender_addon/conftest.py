"""A signer in a fresh Blender scene, and motions to put on it. Skipped as a whole where Blender's module is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from signgen_core.body import Body, load_body
from signgen_core.character import read_character
from signgen_core.motion import Motion, Segment

bpy = pytest.importorskip("bpy")


@pytest.fixture(scope="session")
def body() -> Body:
    return load_body("default")


@pytest.fixture(scope="module")
def signer(body: Body) -> Iterator[object]:
    from blender_addon.armature import build_signer

    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield build_signer(body, character=read_character("kofi"), betas=np.array([0.6, -0.4]), name="Sam")


@pytest.fixture(scope="session")
def random_motion() -> Callable[..., Motion]:
    """Every joint, the root and every face coefficient moves; large rotations, so that a wrong axis or order cannot pass."""

    def make(frames: int = 5, fps: float = 29.97, seed: int = 3, segments: tuple[Segment, ...] = ()) -> Motion:
        rng = np.random.default_rng(seed)
        return Motion(
            poses=rng.normal(0.0, 0.6, (frames, 55, 3)),
            transl=rng.normal(0.0, 0.4, (frames, 3)),
            betas=np.array([0.6, -0.4]),
            expression=rng.normal(0.0, 1.0, (frames, 10)),
            face=rng.uniform(0.0, 1.0, (frames, 52)),
            fps=fps,
            segments=segments,
            meta={"seed": seed},
        )

    return make
