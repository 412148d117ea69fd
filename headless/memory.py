"""How much memory this process and those that it starts take, at most."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

_PROC = Path("/proc")
INTERVAL = 0.5


class PeakMemory:
    """`with PeakMemory() as peak: ...; peak.megabytes`: resident memory of the process and its children added up, looked at twice a second.

    Pages that processes share count in each of them, and files mapped into memory count as far as they are loaded, so that the number is never too low by
    that. On systems without /proc it stays None.
    """

    def __init__(self) -> None:
        self.megabytes: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._look()

    def _look(self) -> None:
        found = _resident(os.getpid())
        if found is not None:
            self.megabytes = max(self.megabytes or 0.0, found / 1e6)


def _resident(process: int) -> int | None:
    """Bytes of a process and all below it; None where the system does not say."""
    try:
        total = int((_PROC / str(process) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        tasks = list((_PROC / str(process) / "task").iterdir())
    except (OSError, ValueError, IndexError):  # it has ended, or there is no such file system
        return None
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:  # the thread has ended
            continue
        total += sum(_resident(int(child)) or 0 for child in children)
    return total
