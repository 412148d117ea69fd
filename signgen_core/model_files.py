"""Files of trained models: a folder of weights and config that appears whole, its config checked, and the checkpoints of a run."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileFormatError, InputError, OutputError
from .motion import write_bytes

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
MAX_CONFIG_BYTES = 2**20


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty place to write to, which takes the place of `folder` once the block has ended well. Raises OutputError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
            place = Path(made) / "new"
            place.mkdir()
            yield place
            if folder.exists():
                shutil.move(folder, Path(made) / "old")
            place.replace(folder)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be written: {problem.strerror or problem}") from problem


def read_config(path: Path, form: str, version: int, what: str) -> dict[str, Any]:
    """The JSON object of a config.json of that format and version. what: the model in words. Raises FileFormatError in one line."""
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise FileFormatError(f"{path}: too large to be the config of a {what}")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise FileFormatError(f"{path}: {problem.strerror or problem}; expected the config of a {what}") from None
    except ValueError as problem:
        raise FileFormatError(f"{path}: not valid JSON: {problem}") from None
    if not isinstance(data, dict) or data.get("format") != form:
        raise FileFormatError(f"{path}: not the config of a SignGen {what}")
    if data.get("version") != version:
        raise FileFormatError(f"{path}: version {data.get('version')}; this program reads version {version}")
    return data


def write_model(folder: Path, weights: Mapping[str, np.ndarray], said: Mapping[str, Any]) -> Path:
    """Writes config.json and model.safetensors whole or not at all; an earlier folder is replaced. Raises OutputError."""
    from safetensors.numpy import save

    with whole_folder(folder) as place:
        write_bytes(place / WEIGHTS, save(dict(weights)))
        write_bytes(place / CONFIG, (json.dumps(said, indent=1) + "\n").encode())
    return folder


def plain(config: Any) -> dict[str, Any]:
    """A config (a dataclass) as JSON holds it."""
    return {k: list(v) if isinstance(v, tuple) else dict(v) if isinstance(v, Mapping) else v for k, v in asdict(config).items()}


def identity(config: Mapping[str, Any], weights: Mapping[str, np.ndarray], between: bytes = b"") -> str:
    """16 hex digits that are others for any other config (as JSON holds it) or weights (in half precision, in order of their names)."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode() + between)
    for name, value in weights.items():
        digest.update(f"{name} {value.shape}".encode() + value.astype("<f2").tobytes())
    return digest.hexdigest()[:16]


def read_weights(path: Path, expected: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights in half precision, name -> array. expected: their shapes. Raises FileFormatError in one line for any that is missing, too many, or no number."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise FileFormatError(f"{path}: not a whole safetensors file: {problem}") from None
    for name in expected.keys() | found.keys():
        there = "missing" if name not in found else "not a weight of this network" if name not in expected else f"has shape {found[name].shape}"
        if name not in found or name not in expected or found[name].shape != expected[name]:
            raise FileFormatError(f"{path}: {name}: {there}, expected {'shape ' + str(expected[name]) if name in expected else 'nothing'}")
        if found[name].dtype != np.float16 or not np.isfinite(found[name]).all():
            raise FileFormatError(f"{path}: {name}: expected finite numbers in half precision")
    return found


def write_checkpoint(folder: Path, tensors: Mapping[str, Any], note: Mapping[str, str]) -> None:
    """Writes torch tensors and a note whole: a kill leaves the checkpoint before."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    place = folder / (CHECKPOINT + ".part")
    save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, place, metadata=dict(note))
    place.replace(folder / CHECKPOINT)


def read_checkpoint(folder: Path | None, run: str, other: str) -> tuple[dict[str, Any], dict[str, str]] | None:
    """(tensors, note) of the checkpoint of a run; None where there is none. run: its fingerprint; other: in words what another run differs in.

    Raises FileFormatError for a damaged one, InputError for that of another run.
    """
    if folder is None or not (folder / CHECKPOINT).is_file():
        return None
    from safetensors import SafetensorError, safe_open

    path = folder / CHECKPOINT
    try:
        with safe_open(path, "pt") as file:
            note = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - it is no dict
    except (OSError, SafetensorError) as problem:
        raise FileFormatError(f"{path}: not a whole checkpoint: {problem}; remove it to start anew") from None
    if note.get("run") != run:
        raise InputError(f"{path}: is of another run (other {other}); remove it to start anew")
    return tensors, note
