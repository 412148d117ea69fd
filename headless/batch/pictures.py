"""What is laid over or made of a clip's frames: burnt-in captions, the signer on top of another video, poster and contact sheet."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headless.batch.rows import signer_side
from headless.sheet import lay_out
from headless.video import read_video
from signgen_core.errors import InputError

if TYPE_CHECKING:
    from signgen_core.sidecars import Timing

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
SHEET_PICTURES, SHEET_COLUMNS, SHEET_WIDTH = 12, 4, 240
_INK, _SHADE = (255, 255, 255, 255), (16, 18, 22, 190)  # a contrast of more than 7 to 1 on any picture
_SMALLEST_TEXT, _MOST_LINES = 10, 3


@lru_cache(maxsize=8)
def _font(pixels: int) -> Any:
    """Blender's interface font, which has Latin, Greek and Cyrillic; Pillow's own where it cannot be read."""
    from PIL import ImageFont

    from headless.stage import import_bpy

    fonts = Path(import_bpy().utils.system_resource("DATAFILES", path="fonts"))
    try:
        font = ImageFont.truetype(str(fonts / "Inter.woff2"), pixels)
        font.set_variation_by_axes([20, 600])  # optical size, weight
        return font
    except OSError:
        return ImageFont.load_default(pixels)


class Captions:
    """Draws the gloss, the sentence or both at the lower edge. what: `gloss`, `text`, `both`; size: (width, height) of the frames in pixels.

    columns: the first and the one after the last that they may cover, all if None. A sentence of more than three lines is cut short.
    """

    def __init__(self, clip: Timing, size: tuple[int, int], what: str, columns: tuple[int, int] | None = None) -> None:
        self._clip, self._size, self._what = clip, size, what
        self._left, self._right = columns or (0, size[0])
        self._drawn: tuple[tuple[str, str], tuple[int, int, np.ndarray]] | None = None  # the last one; they come in the order of time

    def __call__(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The frame with what belongs to `time` seconds; the same array where that is nothing."""
        sign, sentence = self._clip.sign_at(time), self._clip.sentence_at(time)
        gloss = sign.gloss if sign is not None and self._what != "text" else ""
        text = sentence.text if sentence is not None and self._what != "gloss" else ""
        if not gloss and not text:
            return frame
        if self._drawn is None or self._drawn[0] != (gloss, text):
            self._drawn = (gloss, text), self._draw(gloss, " ".join(text.split()))
        y, x, label = self._drawn[1]
        return laid_over(frame, label, x, y)

    def _draw(self, gloss: str, text: str) -> tuple[int, int, np.ndarray]:
        from PIL import Image, ImageDraw

        width, height = self._right - self._left, self._size[1]
        large = max(_SMALLEST_TEXT, round(height / 15))
        fonts = {"gloss": _font(large), "text": _font(max(_SMALLEST_TEXT, round(height / 22)))}
        room = width * 0.92 - large
        lines = [(kind, line) for kind, words in (("gloss", gloss), ("text", text)) for line in _wrapped(words, fonts[kind], room)]
        heights = [round(sum(fonts[kind].getmetrics()) * 1.08) for kind, _ in lines]
        wide = round(max(fonts[kind].getlength(line) for kind, line in lines)) + large
        pad = max(2, large // 5)
        label = Image.new("RGBA", (min(width, wide), min(height, sum(heights) + 2 * pad)))
        draw = ImageDraw.Draw(label)
        draw.rounded_rectangle((0, 0, label.width - 1, label.height - 1), radius=large // 4, fill=_SHADE)
        y = pad
        for (kind, line), step in zip(lines, heights, strict=True):
            draw.text(((label.width - fonts[kind].getlength(line)) / 2, y), line, font=fonts[kind], fill=_INK)
            y += step
        return max(0, height - label.height - max(2, height // 30)), self._left + (width - label.width) // 2, np.asarray(label)


def _wrapped(text: str, font: Any, room: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > _MOST_LINES:
        return [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + " \u2026"]
    return lines


def laid_over(frame: np.ndarray, picture: np.ndarray, x: int, y: int) -> np.ndarray:
    """A copy of a (h, w, 3 or 4) uint8 frame with an RGBA picture on it, its upper left corner at column x and row y; straight, not premultiplied, alpha."""
    out = frame.copy()
    part = out[y : y + picture.shape[0], x : x + picture.shape[1]]
    top = picture[: part.shape[0], : part.shape[1]].astype(np.float32) / 255.0
    cover = top[..., 3:]
    under = part.astype(np.float32) / 255.0
    if frame.shape[2] == 3:
        mixed = cover * top[..., :3] + (1.0 - cover) * under
    else:
        below = under[..., 3:] * (1.0 - cover)
        whole = cover + below
        colour = (cover * top[..., :3] + below * under[..., :3]) / np.maximum(whole, 1e-6)
        mixed = np.concatenate([colour, whole], axis=-1)
    part[:] = np.round(mixed * 255.0).astype(np.uint8)
    return out


class Ground:
    """The video or picture under a signer who stands in a corner. size: (width, height) of the result, fps: of the result.

    corner: `bottom-right` and so on; inset: height of the signer's square as a share of the result's. Raises InputError for what cannot be read.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, corner: str, inset: float, threads: int = 0) -> None:
        self._path, self._size, self._fps, self._corner, self._threads = path, size, fps, corner, threads
        side = signer_side(size, inset)
        self.signer_size = (side, side)
        # captions at the lower edge leave room for a signer who stands there, if that is not all of it
        beside = {"bottom-left": (side, size[0]), "bottom-right": (0, size[0] - side)}.get(corner)
        self.columns = beside if beside is not None and side < size[0] * 0.6 else None

    def under(self, signer: Iterator[np.ndarray]) -> Generator[np.ndarray, None, None]:
        """The frames of the longer of both, RGB; what is shorter holds its last frame. signer: RGBA frames of `signer_size`."""
        (width, height), (wide, high) = self._size, self.signer_size
        x = width - wide if self._corner.endswith("right") else 0
        y = height - high if self._corner.startswith("bottom") else 0
        grounds = self._frames()
        ground = top = None
        try:
            while True:
                below, above = next(grounds, None), next(signer, None)
                if below is None and above is None:
                    return
                ground, top = ground if below is None else below, top if above is None else above
                if ground is None or top is None:
                    raise InputError(f"{self._path}: has no frames")
                yield laid_over(ground, top, x, y)
        finally:
            grounds.close()

    def _frames(self) -> Generator[np.ndarray, None, None]:
        if self._path.suffix.lower() not in PICTURE_SUFFIXES:
            yield from read_video(self._path, self._size, self._fps, threads=self._threads)
            return
        from PIL import Image, ImageOps, UnidentifiedImageError

        try:
            with Image.open(self._path) as image:
                yield np.asarray(ImageOps.pad(image.convert("RGB"), self._size))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as problem:
            raise InputError(f"{self._path}: cannot be read as a picture: {problem}") from problem


class Gatherer:
    """Watches the frames go by and keeps those of the poster and of the contact sheet."""

    def __init__(self, clip: Timing) -> None:
        holds = [min(max(round(s.hold * clip.fps), 0), clip.frames - 1) for s in clip.signs]
        signs = list(zip(holds, (s.gloss for s in clip.signs), strict=True)) or [
            (round((k + 0.5) * clip.frames / SHEET_PICTURES - 0.5), "") for k in range(min(SHEET_PICTURES, clip.frames))
        ]
        chosen = [signs[k] for k in np.unique(np.linspace(0, len(signs) - 1, min(SHEET_PICTURES, len(signs))).round().astype(int))]
        self._cells = [(frame, f"{frame / clip.fps:.2f} s  {gloss}".rstrip()) for frame, gloss in chosen]
        self._poster_frame = signs[len(signs) // 2][0]
        self._kept: dict[int, np.ndarray] = {}

    def watch(self, frames: Iterator[np.ndarray]) -> Generator[np.ndarray, None, None]:
        """Passes the frames on."""
        wanted = {frame for frame, _ in self._cells} | {self._poster_frame}
        for number, frame in enumerate(frames):
            if number in wanted:
                self._kept[number] = frame.copy()
            yield frame

    def write_poster(self, path: Path) -> None:
        """A PNG of the size of the video: the hold of the sign in the middle. Raises OSError."""
        from PIL import Image

        Image.fromarray(self._kept[self._poster_frame]).save(path, "PNG")

    def write_sheet(self, path: Path, title: str) -> None:
        """A PNG with up to 12 small pictures, each with time and gloss. Raises OSError."""
        from PIL import Image

        cells: list[tuple[str, np.ndarray]] = []
        for number, label in self._cells:
            image = Image.fromarray(self._kept[number])
            small = image.resize((SHEET_WIDTH, max(1, round(SHEET_WIDTH * image.height / image.width))), Image.Resampling.LANCZOS)
            if small.mode == "RGBA":
                small = Image.alpha_composite(Image.new("RGBA", small.size, (255, 255, 255, 255)), small)
            cells.append((label, np.asarray(small.convert("RGB"))))
        rows: Sequence[list[tuple[str, np.ndarray]]] = [cells[k : k + SHEET_COLUMNS] for k in range(0, len(cells), SHEET_COLUMNS)]
        lay_out(rows, title=title, font=_font(13)).save(path, "PNG")
