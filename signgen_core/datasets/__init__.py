"""Readers of the field's dataset layouts: `datasets.open(path)` finds out which it is and gives its clips as Motions (docs/formats/datasets.md)."""

from .clips import Clip, Dataset, PointClip
from .detection import open_dataset
from .unpickle import load_pickle

open = open_dataset  # noqa: A001 - `datasets.open(path)` reads as what it does

__all__ = ["Clip", "Dataset", "PointClip", "load_pickle", "open", "open_dataset"]
