"""The token language model beside the teacher: the same plans for the same signers, made by the one and taken from a corpus of the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..kinematics.resample import resample
from .generation import Pair
from .pairs import TestClips
from .targets import Bodies, complete

if TYPE_CHECKING:
    from ..generation import LanguageGenerator

_SEEDS = 2**31


def language_pairs(clips: TestClips, generator: LanguageGenerator, bodies: Bodies, *, seed: int = 0, raw: bool = False) -> Iterator[Pair]:
    """One pair a test clip: its plan by the model, on the body of the clip's signer, and the clip itself.

    seed: added to that of each plan. raw: what the tokens say, before the kinematics land the hands. The length that is judged is the one that the model said
    itself, since landed motions are as long as the plan. Times are of the tokens, and of all together.
    """
    for name in clips.names:
        plan, teacher = clips.read(name)
        synthesiser = bodies.of(teacher)
        ready = replace(complete(plan, synthesiser), seed=(plan.seed + seed) % _SEEDS)
        began = time.perf_counter()
        tokens = generator.tokens(ready, synthesiser).tokens
        token_seconds = time.perf_counter() - began
        tokenizer = generator.model.tokenizer
        if raw:
            decoded = tokenizer.decode(tokens, synthesiser.betas)
            made = resample(decoded.mirrored() if ready.handedness == "left" else decoded, teacher.fps)
            seconds = time.perf_counter() - began
        else:
            began = time.perf_counter()
            made = generator.animate(ready, synthesiser, teacher.fps)
            seconds = time.perf_counter() - began
        yield Pair(name, made, teacher, ready, said=(tokens.num_frames - 1) / tokenizer.fps, seconds=seconds, token_seconds=token_seconds)
