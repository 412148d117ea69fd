"""Which layout a file or folder has, by its names and keys and never by guessing; what is none of them is told in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import FileFormatError, InputError
from ..motion import read_array, read_arrays
from .bvh_files import read_bvh
from .clips import Clip, Dataset, PointClip
from .point_files import read_asllvd, read_pose
from .rot6d_files import ROT6D_WIDTH, read_rot6d
from .smplx_files import FRAME_FILE, read_amass, read_signavatars, read_smplestx, read_soke, read_vectors

LAYOUTS = ("signavatars", "soke", "smplestx", "amass", "vectors", "rot6d", "bvh", "pose", "asllvd", "wlasl")
_SOKE_FRAME = re.compile(r"(_\d+_3D|^images\d+)\.pkl$")
Loader = Callable[[], Clip | PointClip]


def open_dataset(path: str | Path, *, layout: str | None = None, texts: dict[str, str] | None = None) -> Dataset:
    """The clips of a file, or of all files below a folder. Nothing is read yet but names, and a key or two to tell layouts apart.

    layout: one of LAYOUTS, or the name of a vector layout (`datasets.layouts`), where the files do not tell. texts: name -> gloss or sentence.
    Raises InputError where there is nothing, FileFormatError where nothing of it is known.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    known = texts or {}
    if path.is_file():
        if path.suffix.lower() == ".json" and (layout == "wlasl" or (layout is None and _is_wlasl(path))):
            return open_wlasl(path)
        name, loader = _file(path, layout, known)
        return Dataset(layout or name, {path.stem: loader})
    return _folder(path, layout, known)


def _file(path: Path, layout: str | None, texts: dict[str, str]) -> tuple[str, Loader]:
    """(layout, how to load) of one file."""
    text = texts.get(path.stem, "")
    suffix = path.suffix.lower()
    if suffix == ".pose":
        return "pose", partial(read_pose, path, text=text)
    if suffix == ".bvh":
        return "bvh", partial(read_bvh, path, text=text)
    if suffix in (".pkl", ".pickle", ".joblib", ".pt", ".pth"):
        return "signavatars", partial(read_signavatars, path, text=text)
    if suffix == ".npz":
        if layout == "smplestx" or FRAME_FILE.match(path.name):
            return "smplestx", partial(read_smplestx, [path], path.stem, text=text)
        return "amass", partial(read_amass, path, text=text)
    if suffix == ".npy":
        shape = read_array(path, mapped=True).shape
        if layout == "asllvd" or shape[1:] in ((72, 3), (216,)):
            return "asllvd", partial(read_asllvd, path, text=text)
        if layout == "rot6d" or shape[1:] in ((ROT6D_WIDTH,), (ROT6D_WIDTH // 6, 6)):
            return "rot6d", partial(read_rot6d, path, text=text)
        return "vectors", partial(read_vectors, path, layout=None if layout in (None, *LAYOUTS) else layout, text=text)
    if suffix == ".json":
        return "asllvd", partial(read_asllvd, path, text=text)
    raise FileFormatError(f"{path}: a file of no known layout; known: {', '.join(LAYOUTS)}")


def _folder(root: Path, layout: str | None, texts: dict[str, str]) -> Dataset:
    files = sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith("."))
    found: dict[str, dict[str, Loader]] = {}
    frames: dict[Path, list[Path]] = {}
    clips: dict[tuple[Path, str, str], list[Path]] = {}
    broken: dict[str, Loader] = {}
    for path in files:
        match = FRAME_FILE.match(path.name)
        try:
            if path.suffix == ".pkl" and _SOKE_FRAME.search(path.name):
                frames.setdefault(path.parent, []).append(path)
            elif match and path.suffix == ".npz" and _is_frame(path):
                clips.setdefault((path.parent, match["clip"], match["person"]), []).append(path)
            elif path.suffix.lower() in (".pkl", ".npz", ".npy", ".pose", ".bvh", ".joblib", ".pt") or (path.suffix == ".json" and layout == "asllvd"):
                kind, loader = _file(path, layout, texts)
                found.setdefault(kind, {})[_name(root, path)] = loader
        except FileFormatError as problem:  # one damaged file is a clip that cannot be read, and does not hide the others
            broken[_name(root, path)] = partial(_refuse, str(problem))
    for folder in frames:
        found.setdefault("soke", {})[_name(root, folder)] = partial(read_soke, folder, text=texts.get(folder.name, ""))
    for (folder, clip, person), paths in clips.items():
        name = clip if person == "0" else f"{clip}_p{person}"
        place = folder / name
        text = texts.get(name, folder.parent.name if folder.parent != root.parent else "")
        found.setdefault("smplestx", {})[_name(root, place)] = partial(read_smplestx, paths, name, text=text)
    if layout in found:
        found = {layout: found[layout]}
    if not found and broken:
        next(iter(broken.values()))()
    if not found:
        raise FileFormatError(f"{root}: no file of a known layout in it; known: {', '.join(LAYOUTS)}")
    if len(found) > 1:
        counts = ", ".join(f"{kind} ({len(loaders)})" for kind, loaders in sorted(found.items()))
        raise FileFormatError(f"{root}: files of several layouts: {counts}; say which one is meant")
    ((kind, loaders),) = found.items()
    return Dataset(kind, {**loaders, **broken})


def _refuse(problem: str) -> Clip:
    raise FileFormatError(problem)


def _is_frame(path: Path) -> bool:
    """Of a file that is named like one frame of a video: whether it holds one frame's parameters."""
    return bool({"smplx_root_pose", "global_orient"} & set(read_arrays(path)))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix() if path.suffix else path.relative_to(root).as_posix()


def _is_wlasl(path: Path) -> bool:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and "instances" in data[0]


def read_wlasl(path: Path) -> dict[str, dict[str, object]]:
    """video_id -> gloss, signer, split, fps, frame_start (from 1), frame_end (-1: the last) of a WLASL list. Raises FileFormatError naming the entry."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as problem:
        raise FileFormatError(f"{path}: not valid JSON: {problem}") from None
    if not isinstance(data, list):
        raise FileFormatError(f"{path}: expected a list of glosses")
    out: dict[str, dict[str, object]] = {}
    for k, entry in enumerate(data):
        if not isinstance(entry, dict) or not isinstance(entry.get("gloss"), str) or not isinstance(entry.get("instances"), list):
            raise FileFormatError(f"{path}: [{k}]: expected an object with gloss and instances")
        for i, instance in enumerate(entry["instances"]):
            if not isinstance(instance, dict) or "video_id" not in instance:
                raise FileFormatError(f"{path}: [{k}].instances[{i}]: has no video_id")
            out[str(instance["video_id"])] = {"gloss": entry["gloss"], **{
                key: instance[key] for key in ("signer_id", "split", "fps", "frame_start", "frame_end", "bbox") if key in instance
            }}  # fmt: skip
    return out


def open_wlasl(path: Path) -> Dataset:
    """The fitted clips of a WLASL list: files named by video_id below the list's folder, with their glosses as texts."""
    videos = read_wlasl(path)
    files = {p.stem: p for p in sorted(path.parent.rglob("*")) if p.is_file() and p.stem in videos and p != path}
    if not files:
        raise InputError(f"{path}: none of its {len(videos)} videos has a motion file below {path.parent}")
    texts = {name: str(facts["gloss"]) for name, facts in videos.items()}
    return Dataset("wlasl", {name: _file(p, None, texts)[1] for name, p in files.items()})
