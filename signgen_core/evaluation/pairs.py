"""Finds which motions belong together: two folders or files of any layout that `datasets` reads, or the test clips of a corpus with their plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..action import ActionSequence, read_plan
from ..datasets import Clip, Dataset, open_dataset
from ..errors import FileFormatError, InputError
from ..motion import Motion
from ..train.corpus import MANIFEST, SETTINGS
from .generation import Pair


@dataclass(frozen=True)
class Matched:
    """Pairs that are read when their turn comes. names: of the clips; alone: how many clips of the first and of the second have no counterpart."""

    names: tuple[str, ...]
    alone: tuple[int, int]
    read: Callable[[str], Pair]

    def __iter__(self) -> Iterator[Pair]:
        return (self.read(name) for name in self.names)


def matched(made: str | Path, reference: str | Path, limit: int = 0) -> Matched:
    """Clips of the same name in two folders; two files belong together whatever they are called. limit: at most so many, evenly over them; 0: all.

    A plan `NAME.json` beside the made clip, else beside the reference, comes along. Raises InputError where nothing matches, and, when it is read, for a clip
    that has no rotations; what the readers of `datasets` raise.
    """
    made, reference = Path(made), Path(reference)
    sides = open_dataset(made), open_dataset(reference)
    if made.is_file() and reference.is_file():
        ((first,), (second,)) = sides[0].names, sides[1].names
        return Matched((first,), (0, 0), lambda name: _pair(name, (sides[0], name), (sides[1], second), (made.with_suffix(".json"),
        reference.with_suffix(".json"))))
    shared = sorted(set(sides[0].names) & set(sides[1].names))
    if not shared:
        raise InputError(f"{made} and {reference}: no clip of the same name in both ({sides[0].names[0]!r} and {sides[1].names[0]!r} are the first of each)")
    alone = len(sides[0]) - len(shared), len(sides[1]) - len(shared)
    roots = [p if p.is_dir() else p.parent for p in (made, reference)]

    def read(name: str) -> Pair:
        return _pair(name, (sides[0], name), (sides[1], name), tuple(root / f"{name}.json" for root in roots))

    return Matched(spread(shared, limit), alone, read)


@dataclass(frozen=True)
class TestClips:
    """Test clips of a corpus: names, held_out: signs that training never saw; `read` gives a clip's plan and the teacher's motion."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    folder: Path
    names: tuple[str, ...]
    held_out: frozenset[str]

    def read(self, name: str) -> tuple[ActionSequence, Motion]:
        """Raises InputError or FileFormatError naming the file."""
        from ..motion import read_npz

        place = self.folder / name
        return read_plan(place.with_suffix(".json")), read_npz(place.with_suffix(".npz"))


def corpus_clips(folder: str | Path, limit: int = 0) -> TestClips:
    """The test part of a corpus of `train.corpus`. Raises InputError where the folder is none or has no test clips, FileFormatError for a damaged one."""
    folder = Path(folder)
    if not (folder / MANIFEST).is_file() or not (folder / SETTINGS).is_file():
        raise InputError(f"{folder}: no corpus there (a folder that `signgen train corpus` made, with {SETTINGS} and {MANIFEST})")
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        held_out = frozenset(str(g) for g in settings.get("held_out", ()))
    except (ValueError, AttributeError, TypeError):
        raise FileFormatError(f"{folder / SETTINGS}: not the settings of a corpus") from None
    names = set()
    for line in (folder / MANIFEST).read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # a line that a kill cut off
            continue
        if isinstance(row, dict) and row.get("part") == "test" and isinstance(row.get("file"), str):
            names.add(row["file"].removesuffix(".npz"))
    if not names:
        raise InputError(f"{folder}: the corpus has no test clips")
    return TestClips(folder, spread(sorted(names), limit), held_out)


def spread(names: Sequence[str], limit: int) -> tuple[str, ...]:
    """At most `limit` of the names, evenly over them; all for 0."""
    if not limit or len(names) <= limit:
        return tuple(names)
    return tuple(names[int(k)] for k in np.linspace(0, len(names) - 1, limit).round())


def _pair(name: str, made: tuple[Dataset, str], reference: tuple[Dataset, str], plans: tuple[Path, ...]) -> Pair:
    plan = next((read_plan(p) for p in plans if p.is_file()), None)
    return Pair(name, _motion(*made), _motion(*reference), plan)


def _motion(dataset: Dataset, name: str) -> Motion:
    clip = dataset.load(name)
    if not isinstance(clip, Clip):
        raise InputError(f"{name}: tracked points without rotations; motions of SMPL-X parameters can be compared")
    return clip.motion
