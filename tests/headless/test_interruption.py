"""Signals that strike where Python swallows exceptions still end the command."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from headless.console import TERMINATED
from headless.interruption import interruptions_raised

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


class Struck:
    """Its finaliser is struck by a signal; what that raises there goes no further."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        for _ in range(1000):  # the handler runs within this loop
            pass


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_in_a_finaliser_is_not_lost(number: int, raised: type[BaseException]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(raised) as caught, interruptions_raised():
            struck = Struck(number)
            del struck
            time.sleep(30)
        if raised is SystemExit:
            assert caught.value.code == TERMINATED == 143
        assert signal.getsignal(signal.SIGTERM) == before[0]
    finally:
        signal.signal(signal.SIGINT, before[1])


def test_other_exceptions_in_finalisers_are_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError("broken finaliser")

    monkeypatch.setattr("sys.unraisablehook", sys.__unraisablehook__)
    with interruptions_raised():
        broken = Broken()
        del broken
    assert "ValueError: broken finaliser" in capsys.readouterr().err
