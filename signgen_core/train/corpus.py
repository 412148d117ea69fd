"""Training clips from the synthesiser: varied, seeded, in the project's own motion files with their plans.

Every clip is made from its number alone, so that a run can be cut off, gone on with, or spread over machines, and always gives the same files. Signers and
sentences of the test part never appear in the training part, and some signs are held out of training altogether (`held_out`).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np

from ..action import ActionSequence, SentenceInfo, SignAction, dump_plan
from ..errors import InputError, OutputError, SignGenError
from ..motion import Motion, write_bytes, write_npz
from ..phonology.features import Phonology
from ..phonology.lexicon import Lexicon, load_lexicon
from ..planner import Planner
from ..synthesis.generate import Synthesiser
from ..text.types import EMOTIONS, Gloss, Sentence, SentenceType
from .drill import NEW, Mixer, glosses_of

FORMAT = 1
MANIFEST, SETTINGS = "manifest.jsonl", "corpus.json"
# Letters as often as English has them, for words that nobody wrote.
_LETTERS = "EEEEEEEEEEEETTTTTTTTTAAAAAAAAOOOOOOOOIIIIIIINNNNNNNSSSSSSHHHHHHRRRRRRDDDDLLLLCCCUUUMMMWWFFGGYYPPBBVKJXQZ"
_KINDS = {"signs": 0.62, "single": 0.16, "spelled": 0.16, "number": 0.06}
_TYPES: dict[SentenceType, tuple[float, str, str]] = {
    "statement": (0.55, "neutral", "none"), "yes_no_question": (0.14, "brow_raise", "tilt_forward"), "wh_question": (0.12, "brow_furrow", "none"),
    "command": (0.07, "neutral", "none"), "conditional": (0.07, "brow_raise", "none"), "topic": (0.05, "topic", "none"),
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What decides a corpus; the same settings and number give the same clip.

    clips: how many, test ones included; test_share: of them; signers, test_signers: body shapes of each part; held_out_share: of the lexicon's signs that
    training never sees. jitter: standard deviation in metres of where a sign is made. drill: clips of `train.drill` in place of sentences; those of the
    test part have the signs that were held out.
    """

    clips: int
    seed: int = 0
    fps: float = 30.0
    signers: int = 16
    test_signers: int = 4
    test_share: float = 0.1
    held_out_share: float = 0.05
    jitter: float = 0.008
    drill: bool = False

    def __post_init__(self) -> None:
        if self.clips < 1 or self.signers < 1 or self.test_signers < 1 or not 0.0 <= self.test_share < 1.0 or not 0.0 <= self.held_out_share <= 0.5:
            raise InputError("corpus: clips, signers and test signers must be at least 1, shares from 0 to below 1")


def part_of(number: int, settings: Settings) -> str:
    """`test` or `train`, spread evenly over the numbers."""
    if settings.test_share == 0.0:
        return "train"
    return "test" if int((number + 1) * settings.test_share) > int(number * settings.test_share) else "train"


def held_out(lexicon: Lexicon, settings: Settings) -> frozenset[str]:
    """Signs that training never sees: those whose hash says so, whatever else is in the lexicon."""
    limit = int(settings.held_out_share * 2**32)

    def chosen(gloss: str) -> bool:
        return int.from_bytes(hashlib.sha256(f"{settings.seed}/{gloss}".encode()).digest()[:4], "big") < limit

    return frozenset(g for g, e in lexicon.entries.items() if e.kind == "lexical" and not e.inferred and chosen(g))


def signer_of(number: int, settings: Settings) -> tuple[str, np.ndarray]:
    """(name, betas (10,)) of a clip's signer."""
    part = part_of(number, settings)
    rng = np.random.default_rng([settings.seed, 5, number])
    index = int(rng.integers(settings.test_signers if part == "test" else settings.signers))
    shape = np.random.default_rng([settings.seed, 6, part == "test", index]).normal(size=10)
    return f"{part}-{index:02d}", np.clip(shape, -2.0, 2.0)


@lru_cache(maxsize=2)
def _synthesiser(key: bytes) -> Synthesiser:
    from ..body.load import load_body

    return Synthesiser(load_body(), np.frombuffer(key))


@lru_cache(maxsize=4)
def _choices(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(signs for training, signs for test): test sentences hold signs of both."""
    lexicon = load_lexicon()
    kept_out = held_out(lexicon, settings)
    usable = [g for g, e in lexicon.entries.items() if e.kind in ("lexical", "index") and not e.inferred]
    return tuple(g for g in usable if g not in kept_out), tuple(usable)


@lru_cache(maxsize=2)
def _mixer(settings: Settings) -> Mixer:
    return Mixer(load_lexicon(), _choices(settings)[0])


@lru_cache(maxsize=2)
def _held_out_signs(settings: Settings) -> tuple[str, ...]:
    train, every = _choices(settings)
    seen = set(train)
    return tuple(g for g in every if g not in seen)


def _drilled(number: int, settings: Settings) -> Sentence:
    """Signs one after the other, without grammar."""
    # numbers of a part have gaps, where the other part's are; each part counts its own
    before = int(number * settings.test_share)
    test = part_of(number, settings) == "test"
    chosen = glosses_of(before if test else number - before, settings.seed, _held_out_signs(settings) if test else _choices(settings)[0])
    return Sentence(" ".join(chosen), "statement", False, tuple(Gloss(g, "lexical") for g in chosen))


def sentence_of(number: int, settings: Settings) -> Sentence:
    """The glosses of a clip with a random grammar of the face."""
    if settings.drill:
        return _drilled(number, settings)
    rng = np.random.default_rng([settings.seed, 7, number])
    train, every = _choices(settings)
    signs = every if part_of(number, settings) == "test" else train
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    names = list(_TYPES)
    type_ = names[int(rng.choice(len(names), p=[t[0] for t in _TYPES.values()]))]
    _, face, head = _TYPES[type_]
    negated = kind == "signs" and rng.random() < 0.12
    glosses: list[Gloss] = []

    def add(gloss_id: str, kind: Any) -> None:
        glosses.append(Gloss(
            gloss_id, kind, facial_expression="negative" if negated and face == "neutral" else face, head_movement="shake" if negated else head,
            emphasis=str(rng.choice(["none", "mild", "strong"], p=[0.86, 0.09, 0.05])), repeats=int(kind == "lexical" and rng.random() < 0.04),
            pause_after=float(rng.uniform(0.0, 0.25)) if rng.random() < 0.15 else 0.0,
        ))  # fmt: skip

    if kind in ("signs", "single"):
        for _ in range(1 if kind == "single" else int(rng.integers(2, 6))):
            add(str(rng.choice(signs)), "lexical")
        if kind == "signs" and rng.random() < 0.15:
            glosses.insert(int(rng.integers(len(glosses) + 1)), replace(glosses[0], gloss_id="fs-" + _word(rng, 5), kind="fingerspelled", repeats=0))
    elif kind == "spelled":
        add("fs-" + _word(rng, 8), "fingerspelled")
    else:
        add(str(int(10 ** rng.uniform(0.0, 4.0)) - 1), "number")
    return Sentence(" ".join(g.gloss_id for g in glosses), type_, negated, tuple(glosses))


def _word(rng: np.random.Generator, longest: int) -> str:
    return "".join(rng.choice(list(_LETTERS), size=int(rng.integers(2, longest + 1))))


def plan_of(number: int, settings: Settings) -> ActionSequence:
    """The plan of a clip: what is signed, by whom, how fast, how large, and how exactly."""
    rng = np.random.default_rng([settings.seed, 8, number])
    _, betas = signer_of(number, settings)
    planner = Planner(_synthesiser(betas.tobytes()), load_lexicon())
    sentence = sentence_of(number, settings)
    emotion = str(rng.choice(list(EMOTIONS), p=[0.25, 0.25, 0.5]))
    handedness = "left" if rng.random() < 0.1 else "right"
    tempo = float(np.clip(rng.lognormal(0.0, 0.18), 0.6, 1.6))
    made = planner.plan([sentence], text="", seed=number % 2**31, handedness=handedness, tempo=round(tempo, 3), emotion=emotion)
    amplitude = float(np.clip(rng.lognormal(0.0, 0.12), 0.7, 1.35))
    actions = made.actions
    if settings.drill and part_of(number, settings) == "train":
        actions = tuple(_mixer(settings).mixed(a, planner.synthesiser, rng) if rng.random() < NEW else a for a in actions)
    # starts are set anew, since the way to a sign that moved is another one
    actions = tuple(replace(a, phonology=tuple(_varied(m, rng, amplitude, settings.jitter) for m in a.phonology), start=-1.0) for a in actions)
    infos = tuple(SentenceInfo(i.text, i.type, i.negated, emotion=emotion, intensity=round(float(rng.uniform(0.3, 1.0)), 2)) for i in made.sentences)
    return planner.complete(replace(made, actions=_bare(actions), sentences=infos), trajectories=False)


def _bare(actions: tuple[SignAction, ...]) -> tuple[SignAction, ...]:
    """Without the trajectories that were written out for readers: they belong to the unvaried signs."""
    return tuple(replace(a, trajectory=(), provenance={k: v for k, v in a.provenance.items() if k != "trajectory"}) for a in actions)


def _varied(m: Phonology, rng: np.random.Generator, amplitude: float, jitter: float) -> Phonology:
    """The same morpheme as another person would make it today: a little elsewhere (touching signs slide, they do not lift off), larger or smaller."""
    shift = rng.normal(scale=jitter, size=3) * (np.array([1.0, 1.0, 0.0]) if m.contact else 1.0)
    if m.major_location in ("Hand", "Arm"):
        shift *= 0.4
    x, y, z = (round(float(v), 4) for v in np.clip(np.array(m.location_offset) + shift, -1.0, 1.0))
    size = None if m.size is None else round(float(np.clip(m.size * amplitude, 0.0, 0.8)), 4)
    return replace(m, location_offset=(x, y, z), size=size)


def make_clip(number: int, settings: Settings) -> tuple[ActionSequence, Motion, np.ndarray]:
    """(plan, motion, joints (T, 70, 3)) of one clip."""
    from ..kinematics.forward import global_transforms, point_positions
    from ..kinematics.rotations import axis_angle_to_matrix

    signer, betas = signer_of(number, settings)
    plan = plan_of(number, settings)
    synthesiser = _synthesiser(betas.tobytes())
    motion = synthesiser.synthesise(plan, settings.fps)
    motion = replace(motion, meta={**motion.meta, "signer": signer, "part": part_of(number, settings), "clip": number})
    rotation, position = global_transforms(axis_angle_to_matrix(motion.poses), synthesiser.rig.rest_joints, transl=motion.transl)
    return plan, motion, point_positions(synthesiser.rig, rotation, position)


def name_of(number: int) -> str:
    return f"{number:06d}"


def write_clip(number: int, settings: Settings, folder: Path) -> dict[str, Any]:
    """Writes `<part>/<number>.npz` and `.json` and gives the manifest's row; a clip that is there already is left alone."""
    part = part_of(number, settings)
    place = folder / part / f"{name_of(number)}.npz"
    row: dict[str, Any] = {"clip": number, "part": part, "signer": signer_of(number, settings)[0]}
    try:
        plan, motion, joints = make_clip(number, settings)
    except SignGenError as problem:
        return {**row, "error": str(problem)}
    write_bytes(place.with_suffix(".json"), dump_plan(plan, one_line=True).encode())
    write_npz(place, motion, joints)
    return {**row, "file": f"{part}/{place.name}", "frames": motion.num_frames, "glosses": [a.gloss_id for a in plan.actions]}


def write_corpus(
    folder: Path, settings: Settings, *, workers: int = 0, progress: Callable[[float, str], None] | None = None
) -> dict[str, int]:
    """Makes all clips that are missing, in parallel, and the manifest. Returns counts (made, kept, failed).

    Raises InputError where the folder holds a corpus of other settings, OutputError where it cannot be written.
    """
    folder = Path(folder)
    chosen = {k: v for k, v in asdict(settings).items() if k != "drill" or v}
    said = {"format": FORMAT, **chosen, "signs": len(_choices(settings)[1]), "held_out": sorted(held_out(load_lexicon(), settings))}
    try:
        for part in ("train", "test"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be made: {problem.strerror or problem}") from problem
    _check_settings(folder / SETTINGS, said)
    write_bytes(folder / SETTINGS, (json.dumps(said, indent=1) + "\n").encode())
    done = _done(folder)
    # by signer, so that a worker builds each body once
    missing = sorted((n for n in range(settings.clips) if n not in done), key=lambda n: signer_of(n, settings)[0])
    counts = {"made": 0, "kept": len(done), "failed": 0}
    began = time.monotonic()
    with (folder / MANIFEST).open("a", encoding="utf-8") as manifest:
        for k, row in enumerate(_rows(missing, settings, folder, workers), start=1):
            counts["failed" if "error" in row else "made"] += 1
            manifest.write(json.dumps(row) + "\n")
            manifest.flush()
            if progress:
                pace = k / max(time.monotonic() - began, 1e-6)
                progress(k / len(missing), f"{60.0 * pace:.0f} clips a minute, {(len(missing) - k) / pace:.0f} s left")
    return counts


def _rows(missing: list[int], settings: Settings, folder: Path, workers: int) -> Iterator[dict[str, Any]]:
    count = min(workers or os.cpu_count() or 1, max(1, len(missing) // 8))
    if count == 1:
        yield from (write_clip(n, settings, folder) for n in missing)
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_alone) as pool:
        # contiguous stretches keep a worker with its signers
        size = max(1, min(64, len(missing) // (2 * count)))
        yield from pool.map(write_clip, missing, [settings] * len(missing), [folder] * len(missing), chunksize=size)


def _alone() -> None:
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone answers Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _end_with_parent() -> None:
    """A worker whose parent is killed would wait for work for ever, and hold its memory."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _check_settings(path: Path, said: dict[str, Any]) -> None:
    if not path.exists():
        return
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path}: not readable; remove the folder to make the corpus anew") from None
    changed = [k for k in said if k != "clips" and old.get(k) != said[k]]
    if changed:
        raise InputError(f"{path}: this folder holds a corpus with other {', '.join(changed)}; choose another folder")


def _done(folder: Path) -> set[int]:
    """Numbers of the clips that stand in the manifest and on disk; a line that was cut off by a kill does not count."""
    done: set[int] = set()
    path = folder / MANIFEST
    if path.exists():
        lines = path.read_text(encoding="utf-8").split("\n")
        whole = []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if "file" in row and (folder / row["file"]).is_file():
                done.add(row["clip"])
                whole.append(line)
        write_bytes(path, ("\n".join(whole) + ("\n" if whole else "")).encode())
    return done
