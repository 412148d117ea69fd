"""Motion of a plan by the token language model: condition -> tokens -> motion, which the kinematics then land on the plan.

Everything that needs the plan's timing comes from the synthesiser of the same body, so that both generators have the same frames for the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .action import ActionSequence
from .errors import InputError
from .motion import UNCERTAINTY_STREAMS, Motion
from .phonology.encode import Condition, encode
from .presets import PRESETS_DIR
from .synthesis.generate import Synthesiser
from .synthesis.landing import Guide
from .synthesis.timing import LEAD_IN_HOLD
from .tokens.codes import MotionTokens
from .tokens.features import decode as motion_of

if TYPE_CHECKING:
    from .tokens.lm import Generated, Sampling, Step, TokenLM

TOKENIZER_FOLDER = PRESETS_DIR / "models" / "tokenizer"
MODEL_FOLDER = PRESETS_DIR / "models" / "token_model"
_CONTEXT = 3  # tokens that a stretch made anew is told of what comes before it: 12 frames


def condition_of(plan: ActionSequence, synthesiser: Synthesiser, fps: float, frames: int) -> Condition:
    """The condition of a complete plan for tokens of so many frames."""
    return encode(plan, synthesiser.schedules(plan), total=synthesiser.seconds(plan), step_seconds=frames / fps, rest=LEAD_IN_HOLD)


@lru_cache(maxsize=2)
def load_generator(tokenizer: Path = TOKENIZER_FOLDER, model: Path = MODEL_FOLDER) -> LanguageGenerator:
    """The shipped models, or those of two folders. Raises InputError or FileFormatError in one line."""
    from .tokens.lm import load_lm
    from .tokens.tokenizer import load_tokenizer

    return LanguageGenerator(load_lm(model, load_tokenizer(tokenizer)))


class LanguageGenerator:
    """Makes motions with one model. sampling: how codes are drawn; its seed is that of the plan."""

    def __init__(self, model: TokenLM, sampling: Sampling | None = None) -> None:
        from .tokens.lm import Sampling

        self.model, self.sampling = model, sampling or Sampling()

    def tokens(
        self, plan: ActionSequence, synthesiser: Synthesiser, progress: Callable[[float], None] | None = None
    ) -> Generated:
        """What the model says to a complete plan, as long as the model finds right."""
        condition = self.condition(plan, synthesiser)
        made = []
        for step in self.model.steps(self.model.embed(condition, synthesiser.betas), replace(self.sampling, seed=plan.seed)):
            made.append(step)
            if progress:
                progress(min(1.0, len(made) / len(condition)))
        return self.model.gathered(made)

    def condition(self, plan: ActionSequence, synthesiser: Synthesiser) -> Condition:
        config = self.model.config
        return condition_of(plan, synthesiser, config.fps, config.frames_per_token)

    def animate(self, plan: ActionSequence, synthesiser: Synthesiser, fps: float = 30.0, progress: Callable[[float], None] | None = None) -> Motion:
        """The whole motion of a complete plan at `fps`, on the frames of `Synthesiser.synthesise`. `progress` hears fractions of 1."""
        report = progress or (lambda _: None)
        made = self.tokens(plan, synthesiser, lambda share: report(0.7 * share))
        raw = self.model.tokenizer.decode(made.tokens, synthesiser.betas)
        report(0.75)
        last = synthesiser.frames(plan, fps) - 1
        motion = self._landed(plan, synthesiser, fps, raw, made.uncertainty, 0, last)
        report(1.0)
        return replace(motion, segments=synthesiser.segments(plan, fps))

    def stream(self, plan: ActionSequence, synthesiser: Synthesiser, fps: float = 30.0) -> Iterator[Motion]:
        """The same motion in stretches that follow one another, each up to the end of a sign and given out as soon as it is known, the last one to the end.

        A stretch is as it is in the whole to within the rounding of the decoder.
        """
        model, tokenizer = self.model, self.model.tokenizer
        step, margin = model.config.frames_per_token, sum(tokenizer.config.dilations)
        lines = synthesiser.lines(plan, fps)
        count = synthesiser.frames(plan, fps)
        ends = [min(count - 1, round((a.end + a.pause_after) * fps)) for a in plan.actions[:-1]] + [count - 1]
        condition = self.condition(plan, synthesiser)
        steps = model.steps(model.embed(condition, synthesiser.betas), replace(self.sampling, seed=plan.seed))
        made: list[Step] = []
        features: dict[str, np.ndarray] = {}
        over, first = False, 0
        for end in ends:
            _, high = lines.needed(first, end, synthesiser.reach(fps))
            # as many tokens as these frames hang on, those that the decoder looks at beyond them, and a frame of smoothing
            wanted = int(np.ceil((high + 3 * fps / 30.0 + 1) / fps * model.config.fps / step)) + margin
            while not over and (len(made) < wanted or end == count - 1):
                found = next(steps, None)
                over = found is None
                if found is not None:
                    made.append(found)
            whole = model.gathered(made)
            done = len(next(iter(features.values()))) // step if features else 0
            start = max(0, done - margin)
            fresh = tokenizer.decode_features(whole.tokens.cut(start, len(made)))
            sure = len(made) if over else max(done, len(made) - margin)
            features = {s: np.concatenate([features[s], v[(done - start) * step :]]) if features else v for s, v in fresh.items()}
            raw = motion_of(features, model.config.fps, synthesiser.betas)
            yield self._landed(plan, synthesiser, fps, raw, whole.uncertainty, first, end)
            features = {s: v[: sure * step] for s, v in features.items()}
            first = end + 1

    def window(
        self, plan: ActionSequence, synthesiser: Synthesiser, fps: float, first: int, last: int, before: Motion | None
    ) -> Motion:
        """The frames [first, last] of a complete plan made anew; before: the motion up to `first` (frame 0 is the plan's), as the model is to go on from.

        Where `before` ends with the frames that the model itself made, its codes are read back from them by the tokenizer.
        """
        model, tokenizer = self.model, self.model.tokenizer
        step = model.config.frames_per_token
        low, high = synthesiser.lines(plan, fps).needed(first, last, synthesiser.reach(fps))
        low, high = max(0, min(low, first)), max(high, last)
        begin = int(low / fps * model.config.fps) // step
        end = int(np.ceil((high + 1) / fps * model.config.fps / step)) + 1
        told = 0 if before is None else min(_CONTEXT, begin)
        vectors = model.embed(_cut(self.condition(plan, synthesiser), begin - told, end), synthesiser.betas)
        prefix: MotionTokens | None = None
        if told and before is not None:
            known = before.mirrored() if plan.handedness == "left" else before
            prefix = tokenizer.encode(_frames(known, (begin - told) * step, begin * step, model.config.fps))
        made = model.generate(vectors, replace(self.sampling, seed=plan.seed), prefix=prefix, steps=end - begin)
        tokens = made.tokens
        if prefix is not None:  # the decoder reads what comes before too
            tokens = model.joined(prefix, made.tokens)
        raw = tokenizer.decode(tokens, synthesiser.betas)
        return self._landed(plan, synthesiser, fps, raw, made.uncertainty, first, last, start=begin - told, known=told)

    def _landed(
        self, plan: ActionSequence, synthesiser: Synthesiser, fps: float, raw: Motion, uncertainty: np.ndarray, first: int, last: int, *,
        start: int = 0, known: int = 0,
    ) -> Motion:  # fmt: skip
        """Frames [first, last] of the plan. raw: what the model said from token `start` on, of which the first `known` were told to it; uncertainty (N, S): of
        the others."""
        seconds = self.model.config.frames_per_token / self.model.config.fps
        offset = start * seconds * fps
        motion = synthesiser.stretch(plan, fps, first, last, guide=Guide(synthesiser, raw, fps, offset))
        at = (np.arange(first, last + 1) / fps / seconds - start - known + 1e-6).astype(int)
        order = [self.model.config.stream_names.index(s) if s in self.model.config.stream_names else 0 for s in UNCERTAINTY_STREAMS]
        entropy = uncertainty[np.clip(at, 0, len(uncertainty) - 1)][:, order]
        return replace(motion, uncertainty=entropy.astype(np.float32), meta={**motion.meta, "generator": "lm", "model": self.model.id})


def _cut(condition: Condition, first: int, last: int) -> Condition:
    """Steps [first, last) of a condition, its last one repeated beyond its end."""
    rows = np.minimum(np.arange(first, last), len(condition) - 1)
    names = ("current", "current_values", "following", "following_values", "state", "progress", "action", "morpheme", "seconds_left")
    return replace(condition, **{name: getattr(condition, name)[rows] for name in names})


def _frames(motion: Motion, first: int, last: int, fps: float) -> Motion:
    """Frames [first, last) of the motion at another frame rate."""
    from .kinematics.resample import resample

    even = motion if motion.fps == fps else resample(motion, fps)
    if even.num_frames <= first:
        raise InputError(f"motion: {even.num_frames} frames, the stretch to be made anew begins after {last}")
    rows = np.minimum(np.arange(first, last), even.num_frames - 1)
    return Motion(even.poses[rows], even.transl[rows], even.betas, even.expression[rows], even.face[rows], fps)
