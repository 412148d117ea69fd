"""The walk, and the only module that knows its order: text -> glosses -> plan -> motion -> joints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .action import ActionSequence
from .errors import InputError
from .motion import Motion
from .phonology.lexicon import Lexicon, load_lexicon
from .planner import Planner
from .synthesis.generate import Synthesiser
from .synthesis.timing import LEAD_IN_HOLD

if TYPE_CHECKING:
    from .body.model import Body
    from .phonology.encode import Condition
    from .text.reader import Reader

MAX_FPS = 240.0


@lru_cache(maxsize=1)
def _default_body() -> Body:
    from .body.load import load_body

    return load_body()


_synthesisers: dict[tuple[int, bytes], tuple[Body, Synthesiser]] = {}
_KEPT_SHAPES = 4


def synthesiser_for(body: Body | None = None, betas: np.ndarray | None = None) -> Synthesiser:
    """The synthesiser of a body (default: the one `load_body()` gives) in a shape, built once a process: the plain one of each body and the last few others."""
    body = body or _default_body()
    shape = np.trim_zeros(np.zeros(0) if betas is None else np.asarray(betas, dtype=np.float64), "b")
    key = (id(body), shape.tobytes())
    kept = _synthesisers.get(key)
    if kept is None:
        shaped = [k for k in _synthesisers if k[1]]
        if len(shape) and len(shaped) >= _KEPT_SHAPES:
            del _synthesisers[shaped[0]]
        kept = (body, Synthesiser(body, np.asarray(betas, dtype=np.float64) if len(shape) else None))
        _synthesisers[key] = kept
    return kept[1]


def plan_text(
    text: str, *, gloss: bool = False, seed: int = 0, handedness: str = "right", tempo: float = 1.0, lexicon: Lexicon | None = None,
    body: Body | None = None, reader: Reader | None = None, gestures: str = "none", emotion: str | None = None,
) -> ActionSequence:  # fmt: skip
    """English text, or gloss notation with `gloss=True`, to a timed plan. Raises InputError when nothing can be signed.

    reader: the models that read the text (`text.reader.load_reader`); None: grammar by rule alone. gestures: `none`, `with` the signs, or `only`.
    emotion: positive, negative or neutral in place of the one that is read.
    """
    from .text import analyse, parse_gloss

    if not 0.25 <= tempo <= 4.0:
        raise InputError(f"tempo {tempo} is not between 0.25 and 4")
    if handedness not in ("right", "left"):
        raise InputError(f"handedness {handedness!r} is not right or left")
    words = lexicon or load_lexicon()
    readings: list[dict[str, dict[str, float]]] = []
    if gloss:
        sentences = parse_gloss(text, words)
    elif reader is None:
        sentences = analyse(text, words)
    else:
        sentences = analyse(reader.with_question_marks(text), words, reader.encoder)
        readings = reader.read([s.text for s in sentences])
    return Planner(synthesiser_for(body), words).plan(
        sentences, text=text, seed=seed, handedness=handedness, tempo=tempo, readings=readings, gestures=gestures, emotion=emotion
    )


def complete(plan: ActionSequence, *, lexicon: Lexicon | None = None, body: Body | None = None) -> ActionSequence:
    """A plan with every form, start and trajectory filled in and every name checked. Raises PlanError with the JSON path."""
    return Planner(synthesiser_for(body), lexicon or load_lexicon()).complete(plan)


def animate(
    plan: ActionSequence, *, fps: float = 30.0, body: Body | None = None, betas: np.ndarray | None = None, progress: Callable[[float], None] | None = None
) -> Motion:
    """The motion of a plan at `fps` by the generator that the plan names, on a body of shape betas. `progress` hears fractions of 1.

    Raises PlanError or InputError; for the token language model FileFormatError or MachineError too, where its files or torch are missing.
    """
    if not 1.0 <= fps <= MAX_FPS:
        raise InputError(f"fps {fps:g} is not between 1 and {MAX_FPS:g}")
    synthesiser = synthesiser_for(body, betas)
    ready = Planner(synthesiser, load_lexicon()).complete(plan, trajectories=False)
    if ready.generator == "lm":
        from .generation import load_generator

        return load_generator().animate(ready, synthesiser, fps, progress)
    return synthesiser.synthesise(ready, fps, progress)


def stream(plan: ActionSequence, *, fps: float = 30.0, body: Body | None = None, betas: np.ndarray | None = None) -> Iterator[Motion]:
    """The motion of a plan by the token language model in stretches, each up to the end of a sign and given out before the next one is made."""
    if not 1.0 <= fps <= MAX_FPS:
        raise InputError(f"fps {fps:g} is not between 1 and {MAX_FPS:g}")
    from .generation import load_generator

    synthesiser = synthesiser_for(body, betas)
    ready = Planner(synthesiser, load_lexicon()).complete(plan, trajectories=False)
    return load_generator().stream(ready, synthesiser, fps)


def condition(plan: ActionSequence, *, fps: float = 30.0, frames: int = 4, body: Body | None = None) -> Condition:
    """What a motion model reads at each step of `frames` frames: the plan's phonology, progress and face (`phonology.encode`). Raises PlanError."""
    from .phonology.encode import encode

    synthesiser = synthesiser_for(body)
    ready = Planner(synthesiser, load_lexicon()).complete(plan, trajectories=False)
    return encode(ready, synthesiser.schedules(ready), total=synthesiser.seconds(ready), step_seconds=frames / fps, rest=LEAD_IN_HOLD)


def joints(motion: Motion, body: Body | None = None) -> np.ndarray:
    """(T, 70, 3) metres: positions of `rig.POINT_NAMES` (55 joints, ten finger tips, nose, eyes, ears)."""
    from .kinematics.forward import global_transforms, point_positions
    from .kinematics.rotations import axis_angle_to_matrix

    rig = (body or _default_body()).rig(motion.betas)
    rotation, position = global_transforms(axis_angle_to_matrix(motion.poses), rig.rest_joints, transl=motion.transl)
    return point_positions(rig, rotation, position)
