"""Contact sheets: chosen frames of many motions as labelled pictures in one PNG.

    python -m headless.sheet MOTION.npz ... -o sheet.png --frames 6 --camera front_close
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from headless.stage import Stage
from signgen_core.camera import DEFAULT_CAMERA, read_camera
from signgen_core.errors import InputError, OutputError, SignGenError
from signgen_core.motion import read_npz, write_bytes

if TYPE_CHECKING:
    from PIL import Image

    from signgen_core.motion import Motion

_LABEL = 18  # pixels of the line under each picture
_INK, _PAPER = (20, 20, 24), (255, 255, 255)


def even_times(motion: Motion, count: int) -> list[float]:
    """`count` times in seconds at the middles of equal parts of a motion."""
    return [(k + 0.5) * motion.duration / count for k in range(count)]


def hold_times(motion: Motion) -> list[float]:
    """The hold of each segment, from which its handshape is read; the middle of the motion where there are no segments."""
    return [s.hold for s in motion.segments] or [motion.duration / 2]


def sheet(
    motions: Sequence[tuple[str, Motion, Sequence[float]]],
    out_png: str | Path,
    columns: int | None = None,
    frame_size: tuple[int, int] = (360, 400),
    camera: str = DEFAULT_CAMERA,
    *,
    quality: str = "preview",
    character: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Renders the given times (seconds) of each (label, motion, times) and writes one PNG, row by row in that order.

    columns: pictures per row; None gives each motion a row of its own. Raises InputError for an empty list, OutputError, MachineError.
    """
    out = Path(out_png)
    if out.suffix.lower() != ".png":
        raise OutputError(f"{out}: unknown suffix '{out.suffix}'; a sheet is a .png")
    total = sum(len(times) for _, _, times in motions)
    if not total:
        raise InputError("contact sheet: no frames were asked for")
    preset = read_camera(camera)
    cells: list[list[tuple[str, np.ndarray]]] = []
    done = 0
    with Stage(size=frame_size, quality=quality, character=character) as stage:
        for label, motion, times in motions:
            stage.load(motion, preset)
            row = []
            for time in times:
                frame = min(max(round(time * motion.fps), 0), motion.num_frames - 1)
                row.append((f"{label}  {frame / motion.fps:.2f} s{_gloss_at(motion, frame / motion.fps, label)}", stage.shoot(frame)))
                done += 1
                if progress is not None:
                    progress(done / total)
            cells.append(row)
    if columns is not None:
        flat = [cell for row in cells for cell in row]
        cells = [flat[i : i + columns] for i in range(0, len(flat), columns)]
    page = lay_out(cells)
    import io

    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    write_bytes(out, buffer.getvalue())
    return out


def lay_out(rows: Sequence[Sequence[tuple[str, np.ndarray]]], *, title: str = "", font: Any = None) -> Image.Image:
    """A page of labelled pictures of one size, row by row. Each is (label, (height, width, 3) uint8). title: a line above them; font: Pillow's own if None."""
    from PIL import Image, ImageDraw

    height, width = rows[0][0][1].shape[:2]
    top = _LABEL + 6 if title else 0
    page = Image.new("RGB", (max(len(row) for row in rows) * width, top + len(rows) * (height + _LABEL)), _PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((4, 4), title, fill=_INK, font=font)
    for y, row in enumerate(rows):
        for x, (text, pixels) in enumerate(row):
            place = top + y * (height + _LABEL)
            page.paste(Image.fromarray(pixels), (x * width, place))
            draw.text((x * width + 4, place + height + 1 if font else place + height + 3), text, fill=_INK, font=font)
    return page


def _gloss_at(motion: Motion, time: float, label: str) -> str:
    for segment in motion.segments:
        if segment.start <= time <= segment.end and segment.gloss_id != label:
            return f"  {segment.gloss_id}"
    return ""


def _frame_size(_: click.Context, __: click.Parameter, value: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in value.lower().split("x"))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not WIDTHxHEIGHT") from None
    if not (16 <= width <= 4096 and 16 <= height <= 4096):
        raise click.BadParameter("each side lies between 16 and 4096 pixels")
    return width, height


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="MOTION.npz...")
@click.option("-o", "--output", required=True, metavar="SHEET.png")
@click.option("--frames", type=click.IntRange(0, 60), default=6, show_default=True, help="Pictures per motion, evenly spread; 0: the hold of each sign.")
@click.option("--times", help="Times in seconds in place of --frames, such as 0.2,0.5.")
@click.option("--columns", type=click.IntRange(1, 40), help="Pictures per row.  [default: a row per motion]")
@click.option("--camera", default=DEFAULT_CAMERA, show_default=True, help="A preset of presets/cameras.")
@click.option("--character", help="A preset of presets/characters.")
@click.option("--quality", type=click.Choice(["preview", "standard", "high"]), default="preview", show_default=True)
@click.option("--frame-size", default="360x400", show_default=True, callback=_frame_size, help="Pixels of one picture.")
def main(
    files: tuple[str, ...], output: str, frames: int, times: str | None, columns: int | None, camera: str, character: str | None, quality: str,
    frame_size: tuple[int, int],
) -> None:  # fmt: skip
    """Frames of motion files in one labelled PNG."""
    from headless.progress import progress_bar

    try:
        loaded = []
        for file in files:
            motion = read_npz(file)
            try:
                chosen = [float(t) for t in times.split(",")] if times else even_times(motion, frames) if frames else hold_times(motion)
            except ValueError:
                raise InputError(f"--times: {times!r} is not a list of seconds") from None
            loaded.append((Path(file).stem, motion, chosen))
        with progress_bar("sheet ") as tick:
            click.echo(sheet(loaded, output, columns, frame_size, camera, quality=quality, character=character, progress=tick))
    except SignGenError as problem:
        raise click.ClickException(str(problem)) from problem


if __name__ == "__main__":
    main()
