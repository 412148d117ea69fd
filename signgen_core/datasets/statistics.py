"""Tables over the clips of a dataset: how long they are, which signs are in them, and how much of the phonology of the lexicon they cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..phonology.features import ALL_MINOR_LOCATIONS, INTERNAL_MOVEMENTS, MAJOR_LOCATIONS, MOVEMENTS, SIGN_TYPES, Phonology
from ..phonology.handshapes import load_handshapes
from ..phonology.lexicon import Lexicon

_SINGLE_ROWS, _MOST_ROWS = 40, 25  # spans of numbers of frames that get a row each; else rows at most
_GLOSS_WORDS = 3

# feature -> what a morpheme has of it (none, one or more values)
FEATURES: dict[str, Callable[[Phonology], Iterable[str | None]]] = {
    "handshape": lambda m: (m.handshape, m.final_handshape),
    "nondominant_handshape": lambda m: (m.nondominant_handshape,),
    "sign_type": lambda m: (m.sign_type,),
    "major_location": lambda m: (m.major_location,),
    "minor_location": lambda m: (m.minor_location, m.second_minor_location),
    "movement": lambda m: (m.movement,),
    "internal_movement": lambda m: (m.internal,),
    "contact": lambda m: ("yes" if m.contact else "no",),
    "repeated_movement": lambda m: ("yes" if m.repeated_movement else "no",),
}


def inventory(feature: str) -> tuple[str, ...]:
    """All values that a feature of `FEATURES` can have."""
    if feature in ("handshape", "nondominant_handshape"):
        return tuple(load_handshapes())
    return {
        "sign_type": SIGN_TYPES, "major_location": MAJOR_LOCATIONS, "minor_location": ALL_MINOR_LOCATIONS, "movement": MOVEMENTS,
        "internal_movement": INTERNAL_MOVEMENTS,
    }.get(feature, ("yes", "no"))  # fmt: skip


def frame_table(counts: Sequence[int], width: int = 0) -> list[dict[str, float]]:
    """How many clips have how many frames: rows of low, high (both included), count, share and cumulative share, without gaps.

    counts: frames of each clip. width: numbers of frames that share a row; 0: one where there are few different ones, else a round number.
    Raises InputError for no clips or a width below 0.
    """
    if not counts or width < 0:
        raise InputError(f"frame table: {len(counts)} clips, rows of {width} frames")
    low, high = min(counts), max(counts)
    if not width:
        width = 1 if high - low < _SINGLE_ROWS else _round_up((high - low + 1) / _MOST_ROWS)
    start = low if width == 1 else low // width * width
    rows, total = [], 0
    binned = np.bincount((np.asarray(counts) - start) // width)
    for k, count in enumerate(binned):
        total += int(count)
        first = start + k * width
        rows.append({"low": first, "high": first + width - 1, "count": int(count), "share": int(count) / len(counts), "cumulative": total / len(counts)})
    return rows


def _round_up(value: float) -> int:
    power = 10 ** int(np.floor(np.log10(value)))
    return int(next(n * power for n in (1, 2, 5, 10) if n * power >= value))


def length_summary(frames: Sequence[int], fps: Sequence[float]) -> dict[str, float]:
    """clips, frames, seconds, least, quarter, median, mean, three_quarters and most frames of a clip, and the lowest and highest frame rate.

    Raises InputError for no clips.
    """
    if not frames:
        raise InputError("lengths: no clips")
    lengths = np.asarray(frames, dtype=np.float64)
    low, first, middle, third, high = np.percentile(lengths, (0, 25, 50, 75, 100))
    return {
        "clips": len(frames), "frames": int(lengths.sum()), "seconds": float((lengths / np.asarray(fps)).sum()), "least": low, "quarter": first,
        "median": middle, "mean": float(lengths.mean()), "three_quarters": third, "most": high, "fps_low": min(fps), "fps_high": max(fps),
    }  # fmt: skip


def glosses_of(signs: Iterable[str], text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The signs of a clip: those that its motion names, else its text where that is a gloss and no sentence: at most three words, without an end mark.

    A word of the lexicon becomes its gloss, words in capitals that are glosses each are a sign each; what the lexicon does not know is put in capitals.
    """
    named = tuple(signs)
    if named:
        return named
    words = text.split()
    if not words or len(words) > _GLOSS_WORDS or text.rstrip()[-1] in ".?!,;:":
        return ()
    joined = "-".join(words).upper()
    if not lexicon.has(joined) and all(lexicon.has(_plain(word)) for word in words):
        return tuple(words)
    return (joined if lexicon.has(joined) else lexicon.find(" ".join(words).lower()) or joined,)


def gloss_table(clips: Iterable[Sequence[str]], lexicon: Lexicon) -> list[dict[str, Any]]:
    """Rows of gloss, kind (`sign`, `fingerspelled`, `number`, or `unknown` to the lexicon), occurrences and clips, the most frequent first."""
    occurrences: Counter[str] = Counter()
    in_clips: Counter[str] = Counter()
    for glosses in clips:
        occurrences.update(glosses)
        in_clips.update(set(glosses))
    ordered = sorted(occurrences, key=lambda gloss: (-occurrences[gloss], gloss))
    return [{"gloss": g, "kind": _kind(g, lexicon), "occurrences": occurrences[g], "clips": in_clips[g]} for g in ordered]


def _kind(gloss: str, lexicon: Lexicon) -> str:
    if lexicon.has(_plain(gloss)):
        return "sign"
    if gloss.startswith(("fs-", "#")):
        return "fingerspelled"
    return "number" if gloss.replace(".", "").replace(",", "").isdigit() else "unknown"


def _plain(gloss: str) -> str:
    return gloss.rstrip("+")


def coverage_table(glosses: Mapping[str, int], lexicon: Lexicon) -> list[dict[str, Any]]:
    """Rows of feature, value, signs (different glosses of the lexicon that have it) and occurrences; every value of the inventory has a row, also with 0.

    glosses: gloss -> occurrences; those that the lexicon does not have tell nothing of their form.
    """
    rows = []
    for feature, read in FEATURES.items():
        signs: Counter[str] = Counter()
        occurrences: Counter[str] = Counter()
        for gloss, n in glosses.items():
            if lexicon.has(_plain(gloss)):
                values = {v for morpheme in lexicon.get(_plain(gloss)).morphemes for v in read(morpheme) if v}
                signs.update(values)
                occurrences.update(dict.fromkeys(values, n))
        known = dict.fromkeys((*inventory(feature), *sorted(signs)))
        rows += [{"feature": feature, "value": v, "signs": signs[v], "occurrences": occurrences[v]} for v in known]
    return rows


def covered(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """feature -> (values that occur, values that there are) of a coverage table."""
    out: dict[str, tuple[int, int]] = {}
    for row in rows:
        seen, all_ = out.get(row["feature"], (0, 0))
        out[row["feature"]] = seen + (row["signs"] > 0), all_ + 1
    return out
