"""Frames to video files and back, through ffmpeg. A file appears whole or not at all, and what ffmpeg says when it fails is in the message."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from signgen_core.errors import InputError, MachineError, OutputError

# Colours are sRGB; H.264 and VP9 players assume the BT.709 matrix, ffmpeg's own default is BT.601.
_BT709 = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
_EXACT = ["-fflags", "+bitexact"]  # no random number in the file's head: the same frames, the same bytes
_CODECS: dict[str, tuple[str, str, list[str]]] = {
    ".mp4": ("libx264", "yuv420p", ["-preset", "veryfast", "-crf", "18", "-movflags", "+faststart", *_BT709]),
    ".webm": ("libvpx-vp9", "yuv420p", ["-crf", "28", "-b:v", "0", "-deadline", "good", "-cpu-used", "5", "-row-mt", "1", *_BT709, *_EXACT]),
    # one palette for the whole clip, or the plain ground would flicker
    ".gif": ("gif", "pal8", ["-filter_complex", "split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=none", "-loop", "0"]),
}
_PART = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")
_LOSSLESS = {False: ("ffv1", "bgr0"), True: ("ffv1", "bgra")}


def write_video(frames: Iterable[np.ndarray], output: Path, size: tuple[int, int], fps: float, *, alpha: bool = False, threads: int = 0) -> Path:
    """Encodes (height, width, 3, or with alpha 4) uint8 frames; the suffix of `output` decides how. threads: of the encoder, 0 to let it choose.

    Raises OutputError, with ffmpeg's words where it fails, or MachineError where there is no ffmpeg.
    """
    suffix = output.suffix.lower()
    codec, pixel_format, options = _CODECS[suffix]
    if alpha:
        # VP9 keeps the transparency in a second stream, which cannot refer to later frames
        pixel_format, options = "yuva420p", [*options, "-auto-alt-ref", "0"]
    try:
        handle, name = tempfile.mkstemp(prefix=f".{output.stem}.", suffix=suffix, dir=output.parent)
        os.close(handle)
    except OSError as problem:
        raise OutputError(f"{output}: cannot be written: {problem.strerror or problem}") from problem
    hidden = Path(name)
    try:
        _encode(frames, hidden, output, size, fps, ["-c:v", codec, "-pix_fmt", pixel_format, *options, *_threads(threads)], alpha)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(hidden, 0o666 & ~mask)
        os.replace(hidden, output)
    except OSError as problem:
        raise OutputError(f"{output}: cannot be written: {problem.strerror or problem}") from problem
    finally:
        hidden.unlink(missing_ok=True)
    return output


def write_lossless(frames: Iterable[np.ndarray], path: Path, size: tuple[int, int], *, alpha: bool = False, threads: int = 0) -> None:
    """Keeps frames in a file from which `read_lossless` gets the same numbers back (FFV1). It may be left half-written. Raises OutputError, MachineError."""
    codec, pixel_format = _LOSSLESS[alpha]
    _encode(frames, path, path, size, 30.0, ["-c:v", codec, "-pix_fmt", pixel_format, "-f", "matroska", *_threads(threads)], alpha)


def read_lossless(path: Path, size: tuple[int, int], *, alpha: bool = False, threads: int = 0) -> Generator[np.ndarray, None, None]:
    """The frames of `write_lossless`, uint8. Raises InputError for a file that cannot be read."""
    return _decode(path, size, [], alpha, threads)


def read_video(path: Path, size: tuple[int, int], fps: float, *, threads: int = 0) -> Generator[np.ndarray, None, None]:
    """(height, width, 3) uint8 frames of a video at another size and rate; what is of another shape gets black bars. Raises InputError."""
    width, height = size
    fitted = f"scale={width}:{height}:force_original_aspect_ratio=decrease,pad={width}:{height}:-1:-1:black,setsar=1"
    return _decode(path, size, ["-vf", f"fps={_rate(fps)},{fitted}"], False, threads)


def write_pngs(frames: Iterator[np.ndarray], output: Path) -> Path:
    """Writes x_0001.png, x_0002.png ... for an `output` of x.png, through a hidden folder beside them, so that they appear together.

    Returns the first. Raises OutputError.
    """
    from PIL import Image

    try:
        hidden = Path(tempfile.mkdtemp(prefix=f".{output.stem}.", dir=output.parent))
    except OSError as problem:
        raise OutputError(f"{output}: cannot be written: {problem.strerror or problem}") from problem
    try:
        names: list[str] = []
        for number, frame in enumerate(frames, 1):
            names.append(f"{output.stem}_{number:04d}.png")
            Image.fromarray(frame).save(hidden / names[-1], compress_level=3)
        for name in names:
            os.replace(hidden / name, output.parent / name)
    except OSError as problem:
        raise OutputError(f"{output}: cannot be written: {problem.strerror or problem}") from problem
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return output.parent / names[0]


def _threads(count: int) -> list[str]:
    return ["-threads", str(count)] if count else []


def _rate(fps: float) -> str:
    # as a fraction, or 30000/1001 would drift
    return str(Fraction(fps).limit_denominator(1_000_000))


def _start(options: Sequence[str], **pipes: Any) -> subprocess.Popen[bytes]:
    import imageio_ffmpeg

    try:
        # in a group of its own: Ctrl-C is for the command, which then ends ffmpeg
        apart: dict[str, Any] = {"process_group": 0} if os.name != "nt" else {"creationflags": 0x00000200}
        return subprocess.Popen([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-nostdin", "-v", "error", *options], **pipes, **apart)
    except (OSError, RuntimeError) as problem:
        raise MachineError(f"ffmpeg cannot be started ({problem}); `signgen doctor` names what to install") from problem


def _encode(frames: Iterable[np.ndarray], path: Path, shown: Path, size: tuple[int, int], fps: float, options: list[str], alpha: bool) -> None:
    source = ["-f", "rawvideo", "-pix_fmt", "rgba" if alpha else "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", _rate(fps), "-i", "-"]
    with tempfile.TemporaryFile() as said:
        process = _start([*source, "-an", *options, str(path)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        assert process.stdin is not None
        ended, count = False, 0
        try:
            # a pipe that breaks means that ffmpeg has given up, and its own words are better than ours
            with contextlib.suppress(BrokenPipeError):
                for frame in frames:
                    process.stdin.write(np.ascontiguousarray(frame).data)
                    count += 1
                process.stdin.close()
            ended = True
        finally:
            if not ended:
                process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        if process.returncode or not count:
            silent = f"ffmpeg ended with status {process.returncode}" if count else "there are no frames"
            raise OutputError(f"{shown}: cannot be encoded: {_words(said) or silent}")


def _decode(path: Path, size: tuple[int, int], options: list[str], alpha: bool, threads: int) -> Generator[np.ndarray, None, None]:
    width, height = size
    channels = 4 if alpha else 3
    count = width * height * channels
    target = ["-f", "rawvideo", "-pix_fmt", "rgba" if alpha else "rgb24", "-fps_mode", "passthrough", "-"]
    with tempfile.TemporaryFile() as said:
        process = _start(
            [*_threads(threads), "-i", str(path), *options, "-an", "-sn", *target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        assert process.stdout is not None
        try:
            while len(raw := process.stdout.read(count)) == count:
                yield np.frombuffer(raw, dtype=np.uint8).reshape(height, width, channels)
            process.stdout.close()
            if process.wait() or raw:
                raise InputError(f"{path}: cannot be read as a video: {_words(said) or 'it ends within a frame'}")
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _words(said: Any) -> str:
    """What ffmpeg wrote that says most, without the address of its part that wrote it."""
    said.seek(0)
    lines = [_PART.sub("", line).strip() for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    full = next((line for line in lines if os.strerror(errno.ENOSPC) in line), None)
    return full or (lines[0] if lines else "")
