"""Cutting a motion into clips for game engines and editors, and the event markers that stand beside an exported file (docs/export.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .action import ActionSequence
from .errors import InputError
from .motion import Motion
from .sidecars import timing

CUTS = ("whole", "sign", "sentence")
EVENTS_VERSION = 1
_LONGEST = 60  # bytes of a name: Blender cuts names of actions after 63


@dataclass(frozen=True)
class Cut:
    """A clip of a motion: its frames `first` to `last`, both of them in it. Neighbours share the frame at which they meet."""

    name: str
    first: int
    last: int

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


def cut(motion: Motion, how: str = "whole", *, plan: ActionSequence | None = None, name: str = "Signing") -> tuple[Cut, ...]:
    """The clips of a motion, from its first frame to its last without a gap; names are unique and at most 60 bytes.

    how: "whole", one clip `name`; "sign", one a segment, named by its gloss, from its start to the start of the next; "sentence", one a sentence of
    the plan, named by number and words. A sign too short for a frame of its own has no clip. Raises InputError for an unknown word, where a motion
    has no signs, or for sentences without the plan behind the motion.
    """
    if how not in CUTS:
        raise InputError(f"clips {how!r}: unknown; known are {', '.join(CUTS)}")
    end = motion.num_frames - 1
    if how == "whole" or end == 0:
        return (Cut(_unique([name])[0], 0, end),)
    starts: list[tuple[str, float]]
    if how == "sign":
        if not motion.segments:
            raise InputError("clips: the motion has no signs to cut it by")
        starts = [(s.gloss_id, s.start) for s in motion.segments]
    else:
        if plan is None:
            raise InputError("clips: sentences are known of a plan only, and this motion comes without one")
        sentences = timing(motion, plan).sentences
        starts = [(f"{k}_{_slug(s.text)}", s.start) for k, s in enumerate(sentences, 1) if s.start is not None]
        if not starts:
            raise InputError("clips: the plan says of no sign which sentence it belongs to")
    places = [0, *(min(max(round(start * motion.fps), 0), end) for _, start in starts[1:]), end]
    names = _unique([label for label, _ in starts])
    return tuple(Cut(label, a, b) for label, a, b in zip(names, places[:-1], places[1:], strict=True) if b > a)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "sentence"


def _unique(names: Sequence[str]) -> list[str]:
    """The same names, cut to length; the second of a name gets _2 and so on."""
    out: list[str] = []
    for name in names:
        short = name.encode()[:_LONGEST].decode(errors="ignore") or "clip"
        made, number = short, 2
        while made in out:
            tail = f"_{number}"
            made, number = short.encode()[: _LONGEST - len(tail)].decode(errors="ignore") + tail, number + 1
        out.append(made)
    return out


def events(motion: Motion, cuts: Sequence[Cut], *, plan: ActionSequence | None = None, media: str = "") -> str:
    """The markers of an exported file as JSON: each clip with its signs, times in seconds and frames counted from the clip's own start.

    plan: adds words, face and head of each sign. media: name of the file beside it. The same motion gives the same text.
    """
    signs: dict[str, list[dict[str, object]]] = {c.name: [] for c in cuts}
    for sign in timing(motion, plan).signs:
        own = [c for c in cuts if c.first <= round(sign.start * motion.fps)] or [cuts[0]]
        clip = own[-1]
        begin, length = clip.first / motion.fps, (clip.last - clip.first) / motion.fps
        start, end, hold = (min(max(time - begin, 0.0), length) for time in (sign.start, sign.end, sign.hold))
        signs[clip.name].append({
            "gloss": sign.gloss, "start": round(start, 6), "end": round(end, 6), "hold": round(hold, 6), "first_frame": round(start * motion.fps),
            "last_frame": round(end * motion.fps), "sentence": sign.sentence,
            **{key.lower().replace(" ", "_"): value for key, value in sign.marks},
        })  # fmt: skip
    data = {
        "format": "signgen-events", "version": EVENTS_VERSION, "media": media, "fps": motion.fps, "frames": motion.num_frames,
        "duration": round(motion.duration, 6),
        "clips": [
            {
                "name": c.name, "first_frame": c.first, "last_frame": c.last, "start": round(c.first / motion.fps, 6),
                "end": round(c.last / motion.fps, 6), "duration": round((c.last - c.first) / motion.fps, 6), "events": signs[c.name],
            }
            for c in cuts
        ],
    }  # fmt: skip
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
