"""How good a classifier is: accuracy and calibration per head on tables that were held out, and on GoEmotions' dev part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..text.classifier import HEADS, Classifier
from .corpora import EMOTION_OF, SUBJECT_OF, goemotions_rows
from .table import Example

_BINS = 10


def evaluate(classifier: Classifier, examples: Sequence[Example]) -> dict[str, dict[str, Any]]:
    """head -> count, accuracy, macro_f1, calibration error (ECE, 10 bins of confidence) and the most frequent class's share; heads without labels absent."""
    found = classifier.classify([e.text for e in examples])
    out: dict[str, dict[str, Any]] = {}
    for head, labels in HEADS.items():
        pairs = [(e.labels[head], c.probabilities[head]) for e, c in zip(examples, found, strict=True) if head in e.labels]
        if pairs:
            out[head] = scores([p[0] for p in pairs], [p[1] for p in pairs], labels)
    return out


def scores(truth: Sequence[str], probabilities: Sequence[dict[str, float]], labels: Sequence[str]) -> dict[str, Any]:
    """The numbers of one head. truth: N labels; probabilities: N times label -> probability."""
    guessed = [max(p.items(), key=lambda item: item[1]) for p in probabilities]
    right = np.array([g[0] == t for g, t in zip(guessed, truth, strict=True)])
    sure = np.array([g[1] for g in guessed])
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    error = sum(abs(right[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean() for b in range(_BINS) if (bins == b).any())
    f1 = []
    for label in labels:
        hits = sum(g[0] == label == t for g, t in zip(guessed, truth, strict=True))
        said, there = sum(g[0] == label for g in guessed), sum(t == label for t in truth)
        if there:
            f1.append(2.0 * hits / (said + there))
    most = max(sum(t == label for t in truth) for label in labels) / len(truth)
    return {"count": len(truth), "accuracy": float(right.mean()), "macro_f1": float(np.mean(f1)), "ece": float(error), "most_frequent": most}


def evaluate_goemotions(classifier: Classifier, folder: Path | str, part: str = "dev") -> dict[str, dict[str, Any]]:
    """The emotion head on the rows of one emotion, mapped by `EMOTION_OF`; and the subject head on the rows whose emotion is a subject (`SUBJECT_OF`),
    where the guess is the likeliest of those subjects."""
    rows = list(goemotions_rows(Path(folder), part))
    found = classifier.classify([text for text, _ in rows])
    emotions = [(EMOTION_OF[e], c.probabilities["emotion"]) for (_, e), c in zip(rows, found, strict=True) if e in EMOTION_OF]
    shared = sorted(set(SUBJECT_OF.values()))
    subjects = [
        (SUBJECT_OF[e], {s: c.probabilities["subject"][s] for s in shared}) for (_, e), c in zip(rows, found, strict=True) if e in SUBJECT_OF
    ]
    return {
        "emotion": scores([t for t, _ in emotions], [p for _, p in emotions], HEADS["emotion"]),
        "subject": scores([t for t, _ in subjects], [p for _, p in subjects], shared),
    }
