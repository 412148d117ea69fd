"""SIGTERM and Ctrl-C as exceptions that reach the command, wherever in the interpreter they strike."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from headless.console import TERMINATED

_AGAIN = 0.02  # seconds until an exception that was swallowed is raised once more


def _terminate(number: int, frame: object) -> None:
    # as an exception, so that temporary files go away
    raise SystemExit(TERMINATED)


@contextmanager
def interruptions_raised() -> Iterator[None]:
    """Within the block SIGTERM raises SystemExit(TERMINATED), and neither that nor KeyboardInterrupt is ever lost.

    A signal may strike where Python can only print an exception and go on: in a finaliser, or in what runs around a fork. There the signal is sent again.
    """
    shown = sys.unraisablehook

    def resend(report: sys.UnraisableHookArgs) -> None:
        problem = report.exc_value
        if isinstance(problem, KeyboardInterrupt):
            number = signal.SIGINT
        elif isinstance(problem, SystemExit) and problem.code == TERMINATED:
            number = signal.SIGTERM
        else:
            shown(report)
            return
        again = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    before = signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = resend
    try:
        yield
    finally:
        sys.unraisablehook = shown
        signal.signal(signal.SIGTERM, before)
