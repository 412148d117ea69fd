"""The memory of a batch: `manifest.jsonl`, to which each state of a row is appended as one line; the last line of an id holds."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from signgen_core.errors import FileFormatError, OutputError

NAME = "manifest.jsonl"
FORM = {"format": "signgen-batch", "version": 1}
STATES = ("planned", "animated", "done", "failed")


class Ledger:
    """The open manifest of a folder; one process at a time may have it. Use as a context manager.

    entries: the last line of each id. Raises FileFormatError for a manifest that is none, OutputError where another batch is at work in the folder
    or it cannot be written. A last line without its end, left by a kill, is cut off.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.entries: dict[str, dict[str, Any]] = {}
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as problem:
            raise OutputError(f"{self.path}: cannot be written: {problem.strerror or problem}") from problem
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def _lock(self) -> None:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(self._handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if problem.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise OutputError(f"{self.path}: cannot be locked: {problem.strerror or problem}") from problem
            raise OutputError(f"{self.path.parent}: another batch is at work in this folder") from None

    def _read(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            os.ftruncate(self._handle, whole)
        self.entries = parse(data[:whole], self.path)
        if not whole:
            self._append(FORM)

    def record(self, entry: dict[str, Any]) -> None:
        """Appends the state of a row, safe on the disk when this returns. Raises OutputError; the manifest is then as it was."""
        if self.entries.get(entry["id"]) != entry:
            self._append(entry)
            self.entries[entry["id"]] = entry

    def clear(self) -> None:
        """Forgets all rows."""
        os.ftruncate(self._handle, 0)
        self._append(FORM)
        self.entries.clear()

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
        before = os.fstat(self._handle).st_size
        try:
            written = os.write(self._handle, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._handle)
        except OSError as problem:
            os.ftruncate(self._handle, before)
            raise OutputError(f"{self.path}: cannot be written: {problem.strerror or problem}") from problem


def parse(data: bytes, path: Path) -> dict[str, dict[str, Any]]:
    """The last line of each id of a manifest's whole lines. Raises FileFormatError naming `path` and the line."""
    entries: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            entry = json.loads(line)
        except ValueError as problem:
            raise FileFormatError(f"{path}:{number}: not valid JSON: {problem}") from None
        if number == 1:
            if not isinstance(entry, dict) or {key: entry.get(key) for key in FORM} != FORM:
                raise FileFormatError(f"{path}: not the manifest of a batch of this version")
        elif not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or entry.get("state") not in STATES:
            raise FileFormatError(f"{path}:{number}: no id or no state")
        else:
            entries[entry["id"]] = entry
    return entries


def digest(data: bytes | str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content. Raises OSError."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def key_of(*facts: Any) -> str:
    """A hash of everything that decides a result."""
    return digest(json.dumps(facts, ensure_ascii=True, sort_keys=True))


def file_fact(folder: Path, path: Path) -> dict[str, Any]:
    """How a manifest names a result: its path inside of `folder`, its hash and its size. Raises OSError.

    Of a folder of frames the hash is that of the lines `hash name` of its files, and `frames` says how many they are.
    """
    fact: dict[str, Any] = {"path": path.relative_to(folder).as_posix(), "sha256": _content(path), "bytes": _size(path)}
    return fact | ({"frames": len(os.listdir(path))} if path.is_dir() else {})


def _content(path: Path) -> str:
    if not path.is_dir():
        return file_digest(path)
    return digest("".join(f"{file_digest(file)} {file.name}\n" for file in sorted(path.iterdir())))


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def is_there(folder: Path, facts: Iterable[dict[str, Any]], thorough: bool = False) -> bool:
    """Whether the files of a manifest are still there with their sizes, and when `thorough` with their hashes."""
    for fact in facts:
        path = folder / fact["path"]
        try:
            if _size(path) != fact["bytes"] or (thorough and _content(path) != fact["sha256"]):
                return False
        except OSError:
            return False
    return True
