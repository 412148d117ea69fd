"""Numbers of one clip, and what is suspicious about it: jumps, hands that were not seen, joints beyond their range, fits that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kinematics.rotations import axis_angle_to_matrix, geodesic_angle
from ..rig import INDEX, JOINT_NAMES, MAX_ROTATION, SIDES
from ..tokens.metrics import jitter
from .clips import Clip, PointClip
from .figure import Figure

# kind -> what it says; the order in which they are shown
FLAGS = {
    "broken": "Broken or failed",
    "failed_fit": "Failed fit",
    "jump": "Jump",
    "hand_unseen": "Hand not seen",
    "joint_range": "Joint out of range",
    "still": "Nothing moves",
    "length": "Unusual length",
}
JUMP_RATE, JUMP_LEAST = 1050.0, 15.0  # degrees a second that a joint may turn (35 a frame at 30 fps, as for signs), and degrees a frame that it always may
WRIST_SPEED = 8.0  # metres a second; fast signing stays below 4
HAND_UNSEEN, BODY_UNSEEN = 0.25, 0.10  # shares of frames
RANGE_DEGREES = 10.0  # beyond `rig.MAX_ROTATION`
MOST_SHAPE = 5.0  # standard deviations
MOST_LEAN = 60.0  # degrees of the trunk from upright
FROZEN_SECONDS = 1.5
STILL_SPEED = 0.05  # metres a second of the faster wrist
LEAST_RATE = 10.0  # frames a second below which speeds say nothing
_STILL_TURN = 1e-8
_LENGTHS, _MOST_LENGTH = 20, 4.0  # clips from which lengths can be compared; deviations (of logarithms, by their median) that are usual


@dataclass(frozen=True)
class Flag:
    """kind: of `FLAGS`. detail: a line with the number that is suspicious. frame: where, if at one."""

    kind: str
    detail: str
    frame: int | None = None


@dataclass(frozen=True)
class Quality:
    """numbers: name -> value, of `NUMBERS`; None where a clip cannot tell it. flags: what is suspicious."""

    numbers: dict[str, float | None]
    flags: tuple[Flag, ...]


# name -> (label, unit, digits)
NUMBERS: dict[str, tuple[str, str, int]] = {
    "frames": ("Frames", "", 0), "fps": ("Frame rate", "fps", 2), "seconds": ("Length", "s", 2),
    "wrist_speed": ("Mean wrist speed", "m/s", 2), "wrist_speed_max": ("Highest wrist speed", "m/s", 2),
    "right_share": ("Right hand's share of the way", "%", 0),
    "jump": ("Largest turn between frames", "°", 1), "range": ("Beyond a joint's range", "°", 1), "jitter": ("Jitter", "m/s³", 0),
    "left_unseen": ("Left hand not seen", "%", 0), "right_unseen": ("Right hand not seen", "%", 0), "body_unseen": ("Body not seen", "%", 0),
}  # fmt: skip


def quality(clip: Clip | PointClip, figure: Figure) -> Quality:
    """Measures a clip; figure: its own (`figure_of`)."""
    frames, fps = len(figure.points), clip.fps if isinstance(clip, PointClip) else clip.motion.fps
    numbers: dict[str, float | None] = dict.fromkeys(NUMBERS)
    numbers |= {"frames": float(frames), "fps": fps, "seconds": frames / fps}
    flags: list[Flag] = []
    flags += _unseen(clip, numbers)
    flags += _wrists(figure, fps, numbers)
    if isinstance(clip, Clip):
        flags += _rotations(clip, numbers)
        numbers["jitter"] = jitter(figure.points[:, :70], fps)
    order = list(FLAGS)
    return Quality(numbers, tuple(sorted(flags, key=lambda flag: order.index(flag.kind))))


def _unseen(clip: Clip | PointClip, numbers: dict[str, float | None]) -> list[Flag]:
    flags = []
    for part in ("body", "left_hand", "right_hand"):
        if isinstance(clip, PointClip):
            words = part.split("_")
            own = [k for k, name in enumerate(clip.names) if all(w in name.lower().rpartition("/")[0] for w in (words if len(words) > 1 else ("pose",)))]
            seen = (clip.confidence[:, own] > 0.0).any(axis=1) if own else None
        else:
            seen = clip.valid.get(part)
        if seen is None:
            continue
        share = 1.0 - float(np.mean(seen))
        side = part.partition("_")[0]
        numbers[f"{side}_unseen"] = 100.0 * share
        first = int(np.argmin(seen))
        if part == "body" and share > BODY_UNSEEN:
            flags.append(Flag("failed_fit", f"the body is not seen in {100 * share:.0f} % of the frames", first))
        elif part != "body" and share > HAND_UNSEEN:
            flags.append(Flag("hand_unseen", f"{side} hand in {100 * share:.0f} % of the frames", first))
    return flags


def _wrists(figure: Figure, fps: float, numbers: dict[str, float | None]) -> list[Flag]:
    """Speeds of the wrists, and where they are more than a person's."""
    steps: dict[str, np.ndarray] = {}
    for side, k in zip(SIDES, figure.wrists, strict=True):
        if k >= 0 and len(figure.points) > 1:
            both = figure.seen[1:, k] & figure.seen[:-1, k]
            steps[side] = np.where(both, np.linalg.norm(np.diff(figure.points[:, k], axis=0), axis=-1), 0.0)
    if not steps:
        return []
    speed = {side: step * fps for side, step in steps.items()}
    way = sum(float(step.sum()) for step in steps.values())
    fastest = max(speed, key=lambda side: float(speed[side].max()))
    top = float(speed[fastest].max())
    numbers["wrist_speed"] = max(float(v.mean()) for v in speed.values())
    numbers["wrist_speed_max"] = top
    if len(steps) == 2 and way > 0.0:
        numbers["right_share"] = 100.0 * float(steps["right"].sum()) / way
    if fps >= LEAST_RATE and top > WRIST_SPEED:
        return [Flag("jump", f"{fastest} wrist at {top:.1f} m/s", int(speed[fastest].argmax()) + 1)]
    if top < STILL_SPEED:
        return [Flag("still", f"no wrist is faster than {100 * top:.1f} cm/s")]
    return []


def _rotations(clip: Clip, numbers: dict[str, float | None]) -> list[Flag]:
    motion, flags = clip.motion, []
    local = axis_angle_to_matrix(motion.poses)
    seen = np.ones(local.shape[:2], dtype=bool)
    for side in SIDES:
        own = [k for k, name in enumerate(JOINT_NAMES) if name.startswith(f"{side}_") and name[-1] in "123" and "hip" not in name]
        seen[:, own] = np.asarray(clip.valid.get(f"{side}_hand", np.ones(len(local), dtype=bool)))[:, None]
    if len(local) > 1:
        turns = np.degrees(geodesic_angle(local[1:], local[:-1]))
        shown = np.where(seen[1:] & seen[:-1], turns, 0.0)  # what a source has guessed is told by its own flag
        frame, joint = (int(n) for n in np.unravel_index(int(shown.argmax()), shown.shape))
        numbers["jump"] = float(shown[frame, joint])
        if motion.fps >= LEAST_RATE and shown[frame, joint] > max(JUMP_LEAST, JUMP_RATE / motion.fps):
            flags.append(Flag("jump", f"{_said(joint)} turns {shown[frame, joint]:.0f}° in a frame", frame + 1))
        flags += _frozen(np.abs(np.diff(motion.poses, axis=0)).max(axis=(1, 2)), motion.fps)
    over = np.where(seen, np.degrees(geodesic_angle(local, np.broadcast_to(np.eye(3), local.shape)) - MAX_ROTATION), -180.0)
    frame, joint = (int(n) for n in np.unravel_index(int(over.argmax()), over.shape))
    numbers["range"] = max(0.0, float(over[frame, joint]))
    if over[frame, joint] > RANGE_DEGREES:
        flags.append(Flag("joint_range", f"{_said(joint)} is {over[frame, joint]:.0f}° beyond its range", frame))
    shape = float(np.abs(motion.betas).max(initial=0.0))
    if shape > MOST_SHAPE:
        flags.append(Flag("failed_fit", f"a body shape of {shape:.1f} standard deviations"))
    return flags + _leaning(clip, local)


def _frozen(turns: np.ndarray, fps: float) -> list[Flag]:
    """turns: (T - 1,) radians, of the joint that turns most."""
    still = np.concatenate([[False], turns < _STILL_TURN, [False]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(still) == 1), np.flatnonzero(np.diff(still) == -1)
    if not len(starts) or len(starts) == 1 and ends[0] - starts[0] == len(turns):
        return []  # a clip without any motion has a flag of its own
    k = int((ends - starts).argmax())
    seconds = float(ends[k] - starts[k]) / fps
    return [Flag("failed_fit", f"not a joint moves for {seconds:.1f} s", int(starts[k]))] if seconds > FROZEN_SECONDS else []


def _leaning(clip: Clip, local: np.ndarray) -> list[Flag]:
    up = local[:, 0] @ local[:, INDEX["spine1"]] @ local[:, INDEX["spine2"]] @ local[:, INDEX["spine3"]]
    up = up[..., :, 1]
    axis = 1
    if "frame" not in clip.provenance and "missing" not in clip.provenance and np.median(up[:, 2]) > np.median(up[:, 1]):
        axis = 2  # worlds with Z up
    lean = np.degrees(np.arccos(np.clip(up[:, axis], -1.0, 1.0)))
    worst = int(lean.argmax())
    return [Flag("failed_fit", f"the trunk leans {lean[worst]:.0f}°", worst)] if lean[worst] > MOST_LEAN else []


def unusual_lengths(seconds: Sequence[float]) -> dict[int, Flag]:
    """Index -> flag of the clips that are much longer or shorter than the others of their dataset."""
    known = np.log(np.maximum(np.asarray(seconds, dtype=np.float64), 1e-3))
    if len(known) < _LENGTHS:
        return {}
    middle = float(np.median(known))
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), 0.1)
    out = {}
    for k in np.flatnonzero(np.abs(known - middle) > _MOST_LENGTH * spread):
        out[int(k)] = Flag("length", f"{seconds[int(k)]:.2f} s, where {np.exp(middle):.2f} s are usual")
    return out


def _said(joint: int) -> str:
    return JOINT_NAMES[joint].removesuffix("_smplhf").replace("_", " ")


def flag_json(flag: Flag) -> dict[str, Any]:
    """As it stands in a gallery."""
    return {"kind": flag.kind, "detail": flag.detail, "frame": flag.frame}
