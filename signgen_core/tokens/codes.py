"""`MotionTokens`: what a tokenizer makes of a motion and a language model of tokens predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class MotionTokens:
    """A motion in codes.

    codes: stream -> (N, Q) integers, Q codes for each of the N = ceil(num_frames / frames_per_token) tokens. tokenizer_id: of the tokenizer that made them, the
    only one that can read them. num_frames: of the motion, at the tokenizer's frame rate; -1: all that the tokens hold.
    """

    codes: Mapping[str, np.ndarray]
    tokenizer_id: str
    frames_per_token: int = 4
    num_frames: int = -1

    def __post_init__(self) -> None:
        if not self.codes:
            raise InputError("tokens: no streams")
        lengths = set()
        for stream, values in self.codes.items():
            if values.ndim != 2 or not len(values) or not np.issubdtype(values.dtype, np.integer):
                raise InputError(f"tokens: {stream}: expected whole numbers (N, Q) with N > 0, found {values.dtype} {values.shape}")
            lengths.add(len(values))
        if len(lengths) > 1:
            raise InputError(f"tokens: streams of different lengths: {', '.join(f'{s} {len(v)}' for s, v in self.codes.items())}")
        whole = self.num_tokens * self.frames_per_token
        if self.num_frames == -1:
            object.__setattr__(self, "num_frames", whole)
        if not whole - self.frames_per_token < self.num_frames <= whole:
            raise InputError(f"tokens: {self.num_frames} frames do not fill {self.num_tokens} tokens of {self.frames_per_token}")

    @property
    def num_tokens(self) -> int:
        return len(next(iter(self.codes.values())))

    def cut(self, start: int, end: int) -> MotionTokens:
        """Tokens start to end (exclusive). Raises InputError where there are none."""
        last = min(end, self.num_tokens)
        frames = min(self.num_frames, last * self.frames_per_token) - start * self.frames_per_token
        return MotionTokens({s: v[start:last] for s, v in self.codes.items()}, self.tokenizer_id, self.frames_per_token, frames)
