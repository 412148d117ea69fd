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
from .kinematics.resample import sampled
from .motion import UNCERTAINTY_STREAMS, Motion
from .phonology.encode import Condition, encode
from .presets import PRESETS_DIR
from .synthesis.generate import Synthesiser
from .synthesis.landing import Guide
from .synthesis.timing import LEAD_IN_HOLD
from .tokens.features import decode as motion_of

if TYPE_CHECKING:
    from .tokens.lm import Generated, Sampling, Step, TokenLM

TOKENIZER_FOLDER = PRESETS_DIR / "models" / "tokenizer"
MODEL_FOLDER = PRESETS_DIR / "models" / "token_model"
CONTEXT = 3  # tokens that a stretch made anew is told of what comes before it: 12 frames


def condition_of(plan: ActionSequence, synthesiser: Synthesiser, fps: float, frames: int, *, start: float = 0.0, count: int | None = None) -> Condition:
    """The condition of a complete plan for tokens of so many frames; start: seconds at which the first begins, count: how many, by default all."""
    schedules, total = synthesiser.schedules(plan), synthesiser.seconds(plan)
    return encode(plan, schedules, total=total, step_seconds=frames / fps, rest=LEAD_IN_HOLD, since=start, count=count)


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
        motion = self._landed(plan, synthesiser, fps, raw, made, 0, last)
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
            yield self._landed(plan, synthesiser, fps, raw, whole, first, end)
            features = {s: v[: sure * step] for s, v in features.items()}
            first = end + 1

    def window(self, plan: ActionSequence, synthesiser: Synthesiser, fps: float, first: int, last: int, old: Motion) -> Motion:
        """The frames [first, last] of a complete plan made anew, in place of frames of `old`, which the plan had before its edit.

        The frames of `old` before the window are those of the plan, and as many of its last ones are those after it. The model is told `CONTEXT` tokens of what
        comes before and goes on from there.
        """
        model, tokenizer = self.model, self.model.tokenizer
        step, rate = model.config.frames_per_token, model.config.fps
        known = old.mirrored() if plan.handedness == "left" else old
        told = min(CONTEXT, int(first / fps * rate) // step)
        begin = first / fps - told * step / rate
        count = int(np.ceil((last + 1 - first) / fps * rate / step - 1e-9))
        # one more, which the last one fades into
        condition = condition_of(plan, synthesiser, rate, step, start=begin, count=told + count + 1)
        prefix = None
        if told:
            prefix = tokenizer.encode(replace(sampled(known, (begin + np.arange(told * step) / rate) * known.fps), fps=rate))
        made = model.generate(model.embed(condition, synthesiser.betas), replace(self.sampling, seed=plan.seed), prefix=prefix, steps=count + 1)
        raw = tokenizer.decode(made.tokens if prefix is None else model.joined(prefix, made.tokens), synthesiser.betas)
        fresh = sampled(raw, (np.arange(first, last + 1) / fps - begin) * rate)
        after = synthesiser.frames(plan, fps) - 1 - last
        kept = np.r_[0:first, known.num_frames - after : known.num_frames]

        def joined(name: str) -> np.ndarray:
            old_values, values = getattr(known, name)[kept], getattr(fresh, name)
            return np.concatenate([old_values[:first], values, old_values[first:]])

        whole = Motion(joined("poses"), joined("transl"), synthesiser.betas, joined("expression"), joined("face"), fps)
        motion = synthesiser.stretch(plan, fps, first, last, guide=Guide(synthesiser, whole, fps))
        return self._told(motion, made.uncertainty, (np.arange(first, last + 1) - first) / fps)

    def _told(self, motion: Motion, uncertainty: np.ndarray, seconds: np.ndarray) -> Motion:
        """The motion with what the model knows of itself. uncertainty (N, S) by step and stream; seconds (T,): of each frame since the first step."""
        config = self.model.config
        row = np.clip((seconds * config.fps / config.frames_per_token + 1e-6).astype(int), 0, len(uncertainty) - 1)
        # one stream for all says the same of each
        column = [config.stream_names.index(s) if s in config.stream_names else 0 for s in UNCERTAINTY_STREAMS]
        shown = np.clip(uncertainty[row][:, column], 0.0, 1.0).astype(np.float32)
        shown = shown[:, [0, 2, 1, 3]] if motion.meta.get("handedness") == "left" else shown
        return replace(motion, uncertainty=shown, meta={**motion.meta, "generator": "lm", "model": self.model.id})

    def _landed(self, plan: ActionSequence, synthesiser: Synthesiser, fps: float, raw: Motion, made: Generated, first: int, last: int) -> Motion:
        motion = synthesiser.stretch(plan, fps, first, last, guide=Guide(synthesiser, raw, fps))
        return self._told(motion, made.uncertainty, np.arange(first, last + 1) / fps)
