"""What whoever signs (the worker process or the thread in Blender) reports of a job; the panel need not know which of the two it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signgen_core.action import ActionSequence
    from signgen_core.motion import Motion

# Kinds of failure beside those of `signgen_core.worker_protocol`: the process ended, or there was none to begin with.
CRASHED, MISSING = "crashed", "missing_environment"


@dataclass(frozen=True)
class Progress:
    """fraction: 0 to 1. step: starting, loading, planning, signing, writing or reading."""

    job: int
    fraction: float
    step: str


@dataclass(frozen=True)
class Done:
    """What a job made; None or empty where it makes none.

    window: of a resampling, the frames first to last that were made anew, in place of first to old_last of the old motion: (first, last, old_last); last is
    less than first where nothing had to be. found: one reading a text.
    """

    job: int
    request: str
    plan: ActionSequence | None = None
    motion: Motion | None = None
    window: tuple[int, int, int] | None = None
    found: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Failed:
    """kind: one of `worker_protocol.ERROR_KINDS`, CRASHED or MISSING. message: one line for people. path: the plan's field that is at fault, or empty."""

    job: int
    kind: str
    message: str
    path: str = ""


Event = Progress | Done | Failed
