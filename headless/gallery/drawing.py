"""Figures as pictures: a strip of frames as PNG, drawn with Pillow, and the numbers from which a page draws every frame itself.

`gallery.js` draws the same parts in the same order with the same colours; both take them from `STYLES`.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from signgen_core.datasets.figure import Figure

# style -> (fill, line, metres that it counts as nearer to the viewer). The two hands differ in lightness too, not in hue alone.
STYLES: dict[str, tuple[str, str, float]] = {
    "torso": ("#7b8794", "#2b323a", 0.0),
    "trunk": ("#7b8794", "#2b323a", -0.06),  # what is left of the torso when it is seen from the side
    "neck": ("#e3cdb4", "#2b323a", -0.06),
    "leg": ("#a3acb6", "#2b323a", 0.0),
    "skin": ("#e3cdb4", "#2b323a", 0.0),
    "left_arm": ("#2a6fb3", "#12314f", 0.0),
    "left_hand": ("#8fc1ee", "#12314f", 0.0),
    "right_arm": ("#b5520b", "#4a1f00", 0.0),
    "right_hand": ("#f6a35c", "#4a1f00", 0.0),
    "mark": ("#20242a", "#20242a", 0.1),  # lies on the head
}
PAPER = "#f4f5f7"
OUTLINE = 0.005  # metres of line around each part, so that a hand stands out before the chest
STRIP_FRAMES, STRIP_SIDE = 6, 150
_FINE = 2  # drawn so many times larger, then made smaller: smooth edges


def strip(figure: Figure, frames: int = STRIP_FRAMES, side: int = STRIP_SIDE) -> bytes:
    """PNG of `frames` pictures side by side, evenly spread over the clip, each `side` pixels wide and high."""
    from PIL import Image

    count = len(figure.points)
    chosen = np.unique(np.round((np.arange(frames) + 0.5) * count / frames - 0.5).clip(0, count - 1).astype(int))
    page = Image.new("RGB", (frames * side, side), PAPER)
    for place, frame in enumerate(chosen):
        page.paste(draw(figure, int(frame), side), (place * side, 0))
    buffer = io.BytesIO()
    page.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(buffer, "PNG")
    return buffer.getvalue()


def draw(figure: Figure, frame: int, side: int) -> Any:
    """One frame from the front, a Pillow image of `side` by `side` pixels."""
    from PIL import Image, ImageDraw

    size = side * _FINE
    image = Image.new("RGB", (size, size), PAPER)
    pen = ImageDraw.Draw(image)
    x, y, _, half = figure.box
    scale = size / (2.0 * half)
    points = figure.points[frame]
    flat = np.stack([(points[:, 0] - x) * scale + size / 2.0, size / 2.0 - (points[:, 1] - y) * scale], axis=1)
    for part in sorted(figure.parts, key=lambda part: _depth(part, points)):
        if not figure.seen[frame, _members(part)].all():
            continue
        fill, line, _ = STYLES[part[-1]]
        rim = OUTLINE * scale
        if part[0] == "line":
            a, b, width = flat[part[1]], flat[part[2]], max(part[3] * scale, 1.5)
            if part[-1] != "mark":
                _capsule(pen, a, b, width + rim, line)
            _capsule(pen, a, b, width, fill)
        elif part[0] == "face":
            pen.polygon([tuple(flat[k]) for k in part[1]], fill=fill, outline=line, width=max(1, round(rim / 2)))
        else:
            centre, radius = flat[list(part[1])].mean(axis=0), max(part[2] * scale, 1.0)
            if part[-1] != "mark":
                _ball(pen, centre, radius + rim / 2, line)
            _ball(pen, centre, radius, fill)
    return image.resize((side, side), Image.Resampling.BOX)


def _members(part: tuple[Any, ...]) -> list[int]:
    return [part[1], part[2]] if part[0] == "line" else list(part[1])


def _depth(part: tuple[Any, ...], points: np.ndarray) -> float:
    """What is nearer is drawn later."""
    return float(points[_members(part), 2].mean()) + STYLES[part[-1]][2]


def _capsule(pen: Any, a: np.ndarray, b: np.ndarray, width: float, colour: str) -> None:
    pen.line([tuple(a), tuple(b)], fill=colour, width=max(1, round(width)))
    for end in (a, b):
        _ball(pen, end, width / 2.0, colour)


def _ball(pen: Any, centre: np.ndarray, radius: float, colour: str) -> None:
    pen.ellipse([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius], fill=colour)


def playback(figure: Figure, fps: float) -> dict[str, Any]:
    """What a page needs to draw the clip: points as base64 of int16 (T, P, 3), unit of `step` metres; the parts by the name of their skeleton.

    Points that were not seen are -32768.
    """
    x, y, z, half = figure.box
    step = max(half / 8000.0, 1e-5)  # reaches four times as far as what is worth seeing
    numbers = np.clip(np.round((figure.points - (x, y, z)) / step), -32767, 32767).astype("<i2")
    numbers[~figure.seen] = -32768
    frames, points = figure.seen.shape
    return {
        "fps": fps, "frames": frames, "points": points, "step": step, "half": half, "flat": figure.flat,
        "data": base64.b64encode(numbers.tobytes()).decode("ascii"),
    }  # fmt: skip
