"""Openly licensed corpora in the classifier's terms. None is part of SignGen; a user names the folder that holds one.

goemotions  Demszky et al. 2020, Apache-2.0: `train.tsv`, `dev.tsv` (text TAB label numbers TAB id) and `labels.txt`. Rows with one emotion only. Its dev
            part is for judging and is never read for training.
clinc150    Larson et al. 2019, CC BY 3.0: `data_full.json`; small talk and questions of a few intents.
snips       Coucke et al. 2018, CC0: `validate_*.json`; commands to an assistant.
msrabot     Microsoft LabanotationSuite, MIT: `sentence-concept_database.csv` (sentence,,gesture concept).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from .table import MAX_CHARACTERS, Example

# GoEmotions -> emotion, after the sentiment grouping that its authors give; what is neither is ambiguous and left out, but for `neutral`.
EMOTION_OF: dict[str, str] = (
    dict.fromkeys("admiration amusement approval caring desire excitement gratitude joy love optimism pride relief".split(), "positive")
    | dict.fromkeys("anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness".split(), "negative")
    | {"neutral": "neutral"}
)
# GoEmotions -> subject where the two mean the same.
SUBJECT_OF = {
    "gratitude": "gratitude", "admiration": "praise", "anger": "anger", "annoyance": "complaint", "surprise": "surprise", "remorse": "apology",
    "nervousness": "concern", "fear": "concern", "curiosity": "inquiry", "grief": "sympathy",
}  # fmt: skip
# clinc150 intent -> labels
_CLINC: dict[str, dict[str, str]] = {
    "greeting": {"subject": "greeting", "gesture": "wave"}, "goodbye": {"subject": "farewell", "gesture": "wave"},
    "thank_you": {"subject": "gratitude", "emotion": "positive"}, "yes": {"gesture": "nod"}, "no": {"gesture": "shakehead"}, "maybe": {"gesture": "shrug"},
    "what_can_i_ask_you": {"subject": "inquiry"}, "weather": {"subject": "inquiry"}, "meaning_of_life": {"subject": "inquiry"},
    "flight_status": {"subject": "inquiry"}, "make_call": {"subject": "request"}, "text": {"subject": "request"}, "book_hotel": {"subject": "request"},
    "restaurant_reservation": {"subject": "request"}, "play_music": {"subject": "request"}, "damaged_card": {"subject": "complaint"},
}  # fmt: skip
_MSRABOT: dict[str, dict[str, str]] = {
    "question": {"subject": "inquiry"}, "goodbye": {"gesture": "wave", "subject": "farewell"}, "hello": {"gesture": "wave", "subject": "greeting"},
    "shake_head": {"gesture": "shakehead"}, "nod": {"gesture": "nod"}, "deictic_that": {"gesture": "point"}, "deictic_this": {"gesture": "point"},
    "away": {"gesture": "point"}, "panic": {"gesture": "grabhead"}, "please": {"subject": "request"}, "sorry": {"subject": "apology"},
}  # fmt: skip


def read_corpus(name: str, folder: Path | str, part: str = "train") -> list[Example]:
    """The labelled sentences of a corpus. part: `train` or (goemotions only) `dev`. Raises InputError naming corpus, folder or file."""
    if name not in READERS:
        raise InputError(f"corpus {name!r} is not one of {', '.join(READERS)}")
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"corpus {name}: {folder}: no such folder")
    rows = [e for e in READERS[name](folder, part) if 0 < len(e.text) <= MAX_CHARACTERS and e.labels]
    if not rows:
        raise InputError(f"corpus {name}: {folder}: no labelled sentence for the part {part!r}")
    return rows


def spread(rows: Sequence[Example], count: int, seed: int) -> list[Example]:
    """At most `count` rows, drawn in turn from every class, so that the frequent ones do not crowd out the rare."""
    groups: dict[tuple[tuple[str, str], ...], list[Example]] = {}
    for k in np.random.default_rng([seed, 3]).permutation(len(rows)):
        groups.setdefault(tuple(sorted(rows[k].labels.items())), []).append(rows[k])
    turns = [[group[k] for group in groups.values() if k < len(group)] for k in range(max(map(len, groups.values()), default=0))]
    return [row for turn in turns for row in turn][:count]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise InputError(f"{path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise InputError(f"{path}: not UTF-8 text: {problem.reason}") from None


def _json(path: Path) -> object:
    try:
        return json.loads(_text(path))
    except ValueError as problem:
        raise InputError(f"{path}: not valid JSON: {problem}") from None


def goemotions_rows(folder: Path, part: str) -> Iterator[tuple[str, str]]:
    """(text, emotion) of the rows of a part that have one emotion only."""
    names = _text(folder / "labels.txt").split()
    path = folder / f"{part}.tsv"
    for number, line in enumerate(_text(path).splitlines(), start=1):
        cells = line.split("\t")
        if len(cells) < 2:
            raise InputError(f"{path}: line {number}: expected text, labels and id between tabs")
        if cells[1].isdigit():
            if int(cells[1]) >= len(names):
                raise InputError(f"{path}: line {number}: label {cells[1]} is not from 0 to {len(names) - 1}")
            yield cells[0].strip(), names[int(cells[1])]


def _goemotions(folder: Path, part: str) -> Iterator[Example]:
    for text, emotion in goemotions_rows(folder, part):
        labels = {"emotion": EMOTION_OF.get(emotion, ""), "subject": SUBJECT_OF.get(emotion, "")}
        yield Example(text, {k: v for k, v in labels.items() if v}, f"goemotions {part}")


def _clinc(folder: Path, part: str) -> Iterator[Example]:
    path = folder / "data_full.json"
    data = _json(path)
    if not isinstance(data, dict) or not isinstance(data.get(part), list):
        raise InputError(f"{path}: has no part {part!r}")
    for item in data[part]:
        if not (isinstance(item, list) and len(item) == 2 and all(isinstance(v, str) for v in item)):
            raise InputError(f"{path}: {part}: expected pairs of text and intent")
        yield Example(item[0], dict(_CLINC.get(item[1], {})), "clinc150")


def _snips(folder: Path, part: str) -> Iterator[Example]:
    if part != "train":
        return
    for path in sorted(folder.glob("validate_*.json")):
        data = _json(path)
        if not isinstance(data, dict):
            raise InputError(f"{path}: expected an object of intents")
        for intent, items in data.items():
            for item in items:
                text = "".join(str(piece.get("text", "")) for piece in item.get("data", ())).strip()
                asks = intent in ("GetWeather", "SearchScreeningEvent")
                yield Example(text, {"subject": "inquiry" if asks else "request", "emotion": "neutral"}, "snips")


def _msrabot(folder: Path, part: str) -> Iterator[Example]:
    if part != "train":
        return
    for cells in csv.reader(io.StringIO(_text(folder / "sentence-concept_database.csv"), newline="")):
        if len(cells) >= 3:
            yield Example(cells[0].strip(), dict(_MSRABOT.get(cells[2].strip(), {})), "msrabot")


READERS: dict[str, Callable[[Path, str], Iterator[Example]]] = {"goemotions": _goemotions, "clinc150": _clinc, "snips": _snips, "msrabot": _msrabot}
