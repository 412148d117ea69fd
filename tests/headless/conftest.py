"""Runs the real command line in this process, in an empty folder, with everything that it prints."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headless.cli import main


@dataclass(frozen=True)
class Outcome:
    """Exit status and what stood on standard output and standard error."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Outcome]:
    """`run("plan", "Hello", stdin=b"")`; the working folder is tmp_path."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        status = main([os.fspath(a) for a in arguments])
        shown = capfd.readouterr()
        return Outcome(status, shown.out, shown.err)

    return call
