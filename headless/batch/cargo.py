"""The files of a task on their way to a machine that has none of them, and what it made on the way back. Knows nothing of how bytes travel.

`put` and `get` are those of an object store: what `put` returns for some bytes, `get` turns into them again on any machine.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headless.batch.work import PIECE, READ, Task

PART = 32 * 2**20  # bytes of a file that travel at a time, so that no machine has to hold a whole one


@dataclass(frozen=True)
class Parcel:
    """A file or folder as references. name: how the task speaks of it; inside: whether that is relative to the folder of the results.

    files: path below the parcel (empty for a file) and its parts; digest: of names and contents, SHA-256.
    """

    name: str
    inside: bool
    digest: str
    files: tuple[tuple[str, tuple[Any, ...]], ...]


def outside(order: dict[str, Any]) -> list[str]:
    """Names of the files and folders outside of the results that an order speaks of."""
    look, source = order.get("look", {}), order.get("source", {})
    wishes = order.get("wishes", {})
    # presets are named by a word, files by a name with a suffix
    named = [name for name in (order.get("body"), look.get("camera"), look.get("character"), look.get("over")) if name and Path(name).suffix]
    return [*named, *(name for name in (source.get("path"), wishes.get("classifier"), wishes.get("encoder")) if name), *order.get("pieces", [])]


def inside(task: Task) -> list[str]:
    """Names, relative to the folder of the results, of what has to be there before a task begins."""
    order = task.order
    if task.kind == READ:
        return [order["plan_file"]] if order["has_plan"] else []
    wanted = [order["motion_file"], order.get("plan_file"), *(fact["path"] for fact in (order.get("twin") or {}).values())]
    return [name for name in wanted if name]


def moved(task: Task, places: dict[str, str], folder: str, piece: str) -> Task:
    """The task as it is done elsewhere. places: name -> path there; folder: for the results; piece: where the frames of a PIECE go."""

    def at(name: Any) -> Any:
        return places.get(name, name) if isinstance(name, str) else name

    order = dict(task.order) | {"folder": folder}
    for key, names in (("look", ("camera", "character", "over")), ("source", ("path",)), ("wishes", ("classifier", "encoder"))):
        if key in order:
            order[key] = order[key] | {name: at(order[key][name]) for name in names}
    if "body" in order:
        order["body"] = at(order["body"])
    if "pieces" in order:
        order["pieces"] = [at(name) for name in order["pieces"]]
    if task.kind == PIECE:
        order["file"] = piece
    return Task(task.id, task.kind, order, task.flavour)


class Sender:
    """Puts files into the object store, each once while it does not change. kept: how many parcels stay there after their last use."""

    def __init__(self, put: Callable[[bytes], Any], kept: int) -> None:
        self._put, self._kept = put, kept
        self._parcels: OrderedDict[tuple[Any, ...], Parcel] = OrderedDict()
        self._lock = threading.Lock()

    def pack(self, task: Task) -> list[Parcel]:
        """All that a task needs and that is there; what is not, its worker will miss by name. Raises OSError."""
        folder = Path(task.order["folder"])
        wanted = [(Path(name), name, False) for name in outside(task.order)] + [(folder / name, name, True) for name in inside(task)]
        return [self.parcel(path, name, is_inside) for path, name, is_inside in wanted if path.exists()]

    def parcel(self, path: Path, name: str, is_inside: bool = False) -> Parcel:
        """One file or folder. Raises OSError."""
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        facts = tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in files)
        key = (name, is_inside, str(path.absolute()), facts)
        with self._lock:
            if key not in self._parcels:
                self._parcels[key] = self._load(path, files, name, is_inside)
            self._parcels.move_to_end(key)
            while len(self._parcels) > self._kept:
                self._parcels.popitem(last=False)
            return self._parcels[key]

    def _load(self, path: Path, files: list[Path], name: str, is_inside: bool) -> Parcel:
        digest = hashlib.sha256()
        loaded = []
        for file in files:
            below = file.relative_to(path).as_posix() if file != path else ""
            digest.update(f"{below}\n{file.stat().st_size}\n".encode())
            refs = []
            for part in parts(file):
                digest.update(part)
                refs.append(self._put(part))
            loaded.append((below, tuple(refs)))
        return Parcel(name, is_inside, digest.hexdigest(), tuple(loaded))


class Receiver:
    """Unpacks parcels below a folder. What came for one task and is asked for again is there already. kept: parcels that stay for later tasks."""

    def __init__(self, folder: Path, get: Callable[[Any], bytes], kept: int = 16) -> None:
        self._folder, self._get, self._kept = folder, get, kept
        self._there: OrderedDict[str, Path] = OrderedDict()

    def unpack(self, parcels: list[Parcel], results: Path) -> dict[str, str]:
        """Writes what is inside of the results to `results` and the rest beside it; name -> path of the latter. Raises OSError."""
        places = {}
        for parcel in parcels:
            if parcel.inside:
                self._write(parcel, results / parcel.name)
            else:
                places[parcel.name] = str(self.place(parcel))
        return places

    def place(self, parcel: Parcel) -> Path:
        """Where a parcel's content lies, under its own last name since some formats take a title from it."""
        path = self._there.get(parcel.digest, Path())
        if path.name != Path(parcel.name).name:
            path = self._folder / parcel.digest / Path(parcel.name).name
            self._write(parcel, path)
            self._there[parcel.digest] = path
        self._there.move_to_end(parcel.digest)
        return path

    def forget(self) -> None:
        """Removes what was not used lately; call when no task is at work."""
        while len(self._there) > self._kept:
            _, path = self._there.popitem(last=False)
            shutil.rmtree(path.parent, ignore_errors=True)

    def _write(self, parcel: Parcel, path: Path) -> None:
        for below, refs in parcel.files:
            file = path / below if below else path
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(file, "wb") as stream:
                for ref in refs:
                    stream.write(self._get(ref))


def parts(file: Path) -> Iterator[bytes]:
    """The content of a file, `PART` bytes at a time; at least one part. Raises OSError."""
    with open(file, "rb") as stream:
        part = stream.read(PART)
        yield part
        while part := stream.read(PART):
            yield part


def made(task: Task, answer: dict[str, Any]) -> list[tuple[str, Path]]:
    """What a finished task leaves for the batch: (name, path here). The name is relative to the results, or empty for the frames of a PIECE."""
    if task.kind == PIECE:
        return [("", Path(task.order["file"]))]
    facts = [answer[kind] for kind in ("plan", "motion") if kind in answer] if task.kind == READ else list(answer["files"].values())
    folder = Path(task.order["folder"])
    found = []
    for fact in facts:
        path = folder / fact["path"]
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [(file.relative_to(folder).as_posix(), file) for file in files]
    return found
