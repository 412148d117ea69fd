"""What is done to a row, in a process that keeps its models and its scene: `perform(task, bench)`.

A task and its answer are plain JSON, so that any executor can carry them. Everything is written to the bench's scratch folder and then renamed into place.
"""

from __future__ import annotations

import errno
import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headless.batch.ledger import file_fact
from headless.batch.rows import Look, signer_side
from headless.inputs import Source, Wishes, to_plan
from signgen_core.errors import MachineError, OutputError

if TYPE_CHECKING:
    import numpy as np

    from headless.stage import Stage
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion

READ, PIECE, FINISH = "read", "piece", "finish"
_TITLE = 130  # characters of the text that stand above a contact sheet
_TICK = 0.5  # seconds between two reports of frames
_ROOM = 8 * 2**20  # with less free space than this a result will not fit


@dataclass(frozen=True)
class Task:
    """One step of a row. kind: READ (text to plan and motion), PIECE (some frames of a long clip), FINISH (the video and what goes with it).

    flavour: what the worker needs loaded; a worker that has it already is the better one.
    """

    id: str
    kind: str
    order: dict[str, Any]
    flavour: str = ""

    @property
    def name(self) -> str:
        """Tells the tasks of a row apart."""
        return f"{self.kind} {self.order.get('first', '')}"


@dataclass
class Bench:
    """What a process keeps between tasks. scratch: on the disk of the results; memory: for passing frames, as in `Stage`; threads: to use at a time."""

    scratch: Path
    memory: Path | None = None
    threads: int = 1
    tick: Callable[[int], None] = lambda frames: None
    _stage: Stage | None = field(default=None, repr=False)
    _flavour: str = ""
    _loaded: tuple[str, Any] | None = field(default=None, repr=False)

    def stage(self, size: tuple[int, int], look: Look, alpha: bool) -> Stage:
        """The running scene for that look; another one than the last takes a second."""
        from headless.stage import Stage

        flavour = flavour_of(look, size, alpha)
        if self._stage is None or self._flavour != flavour:
            self.close()
            self._stage = Stage(
                size=size, quality=look.quality, engine=look.engine, character=look.character, alpha=alpha, threads=self.threads, scratch=self.memory
            )
            self._flavour = flavour
        return self._stage

    def load(self, motion: Motion, name: str, size: tuple[int, int], look: Look, alpha: bool) -> tuple[Stage, list[str]]:
        """The scene with a motion on it, and what there is to say about its framing. name: changes when the motion does."""
        from signgen_core.camera import read_camera

        stage = self.stage(size, look, alpha)
        if self._loaded is None or self._loaded[0] != f"{name} {look.camera}":
            view = stage.load(motion, read_camera(look.camera))
            said = [] if view.framing.ok else [f"camera {look.camera}: {view.framing}, even from further away"]
            self._loaded = (f"{name} {look.camera}", said)
        return stage, self._loaded[1]

    def close(self) -> None:
        """Ends the scene."""
        if self._stage is not None:
            self._stage.__exit__(None, None, None)
        self._stage, self._loaded = None, None


def flavour_of(look: Look, size: tuple[int, int], alpha: bool) -> str:
    """Names the scene that a look needs."""
    return f"{size[0]}x{size[1]} {look.engine} {look.quality} {look.character} {alpha}"


def signer_view(look: Look) -> tuple[tuple[int, int], bool]:
    """(size, alpha) in which the signer is drawn: that of the video, or of the corner of another one."""
    if look.over is None:
        return look.size, look.alpha
    side = signer_side(look.size, look.inset)
    return (side, side), True


def perform(task: Task, bench: Bench) -> dict[str, Any]:
    """Does a task and returns its answer, with `seconds`. Raises SignGenError."""
    began = time.perf_counter()
    try:
        _need_room(bench.scratch)
        with tempfile.TemporaryDirectory(dir=bench.scratch) as scratch:
            answer = {READ: _read, PIECE: _piece, FINISH: _finish}[task.kind](task.order, bench, Path(scratch))
    except OSError as problem:
        # our scratch folder is nobody's business; it is on the same disk as the results
        named = problem.filename if problem.filename and not str(problem.filename).startswith(str(bench.scratch)) else task.order["folder"]
        raise OutputError(f"{named}: cannot be written: {problem.strerror or problem}") from problem
    finally:
        gc.collect()
    return answer | {"seconds": round(time.perf_counter() - began, 3)}


def worth_another_try(problem: BaseException) -> bool:
    """Whether the same might go well a second time: the machine failed, not the row. A full disk may have been emptied."""
    if isinstance(problem, MachineError | MemoryError):
        return True
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        cause = cause.__cause__
    return isinstance(problem, OutputError) and os.strerror(errno.ENOSPC) in str(problem)


def _need_room(folder: Path) -> None:
    if shutil.disk_usage(folder).free < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def put(made: Path, place: Path) -> None:
    """Renames a finished file or folder into place; what stood there goes to the scratch folder that `made` is in."""
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        os.replace(place, Path(tempfile.mkdtemp(dir=made.parent)))
    os.replace(made, place)


# --- Text to plan and motion -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _body(name: str | None) -> Body | None:
    from signgen_core.body.load import load_body

    return None if name is None else load_body(name)


def _read(order: dict[str, Any], bench: Bench, scratch: Path) -> dict[str, Any]:
    from signgen_core import pipeline
    from signgen_core.action import dump_plan, parse_plan
    from signgen_core.kinematics.resample import resample
    from signgen_core.motion import read_npz, write_bytes, write_npz

    folder = Path(order["folder"])
    body = _body(order["body"])
    raw = order["source"]
    source = Source(raw["kind"], raw["name"], raw["content"], None if raw["path"] is None else Path(raw["path"]))
    answer: dict[str, Any] = {}
    motion: Motion | None = None
    if source.kind == "motion" and source.path is not None:
        motion = read_npz(source.path)
        if order["fps"] is not None:
            motion = resample(motion, order["fps"])
    else:
        place = folder / order["plan_file"]
        if not order["has_plan"]:
            text = dump_plan(to_plan(source, Wishes(**order["wishes"]), body))
            write_bytes(scratch / "plan.json", text.encode())
            put(scratch / "plan.json", place)
            answer["plan"] = file_fact(folder, place)
        if order["until"] != "plan":
            # always from the file, so that a row that stopped here goes on with the same numbers
            plan = parse_plan(place.read_text(encoding="utf-8"), str(place))
            motion = pipeline.animate(plan, fps=order["fps"] or 30.0, body=body)
    if motion is not None:
        write_npz(scratch / "motion.npz", motion, pipeline.joints(motion, body))
        put(scratch / "motion.npz", folder / order["motion_file"])
        answer |= {"motion": file_fact(folder, folder / order["motion_file"]), "frames": motion.num_frames, "fps": motion.fps}
    return answer


# --- Motion to frames --------------------------------------------------------------------------------------------------------


def _look(order: dict[str, Any]) -> Look:
    raw = order["look"]
    return Look(**{**raw, "size": tuple(raw["size"]), "sidecars": tuple(raw["sidecars"])})


def _shot(stage: Stage, frames: Iterable[int], tick: Callable[[int], None]) -> Generator[np.ndarray, None, None]:
    told, last = 0, time.monotonic()
    for done, frame in enumerate(frames, 1):
        yield stage.shoot(frame)
        if time.monotonic() - last > _TICK:
            tick(done - told)
            told, last = done, time.monotonic()


def _piece(order: dict[str, Any], bench: Bench, scratch: Path) -> dict[str, Any]:
    from headless.video import write_lossless
    from signgen_core.motion import read_npz

    look = _look(order)
    size, alpha = signer_view(look)
    stage, warnings = bench.load(read_npz(Path(order["folder"]) / order["motion_file"]), order["motion_sha256"], size, look, alpha)
    frames = range(order["first"], order["end"])
    with closing(_shot(stage, frames, bench.tick)) as shot:
        write_lossless(shot, scratch / "piece.mkv", size, alpha=alpha, threads=bench.threads)
    put(scratch / "piece.mkv", Path(order["file"]))
    return {"frames": len(frames), "warnings": warnings}


def _joined(files: Iterable[str], size: tuple[int, int], alpha: bool, threads: int) -> Generator[np.ndarray, None, None]:
    from headless.video import read_lossless

    for file in files:
        with closing(read_lossless(Path(file), size, alpha=alpha, threads=threads)) as frames:
            yield from frames


def _finish(order: dict[str, Any], bench: Bench, scratch: Path) -> dict[str, Any]:
    from signgen_core.action import read_plan
    from signgen_core.motion import read_npz
    from signgen_core.sidecars import timing

    folder, name = Path(order["folder"]), order["name"]
    look = _look(order)
    motion = read_npz(folder / order["motion_file"])
    plan = read_plan(folder / order["plan_file"]) if order["plan_file"] else None
    made = scratch / "made"
    made.mkdir()
    warnings: list[str] = []
    clip = timing(motion, plan)
    title = " ".join(" ".join(s.text for s in clip.sentences).split())[:_TITLE]
    if order["twin"]:
        frames = order["frames"]
        for kind, fact in order["twin"].items():
            _copy(folder / fact["path"], made / _names(name, look)[kind])
    else:
        frames, warnings = _film(order, bench, motion, look, made, clip, title)
    video = "" if look.format == "png" else _names(name, look)["video"]
    clip = replace(clip, frames=frames)
    for kind, text in _texts(clip, look.sidecars, video):
        (made / _names(name, look)[kind]).write_text(text, encoding="utf-8", newline="\n")
    facts: dict[str, Any] = {}
    for kind, file in _names(name, look).items():
        if (made / file).exists():
            put(made / file, folder / "videos" / file)
            facts[kind] = file_fact(folder, folder / "videos" / file)
    return {"files": facts, "frames": frames, "warnings": warnings}


def _names(name: str, look: Look) -> dict[str, str]:
    """kind -> name of the file below `videos`. Numbered frames are a folder."""
    return {
        "video": name if look.format == "png" else f"{name}.{look.format}", "srt": f"{name}.srt", "vtt": f"{name}.vtt", "eaf": f"{name}.eaf",
        "json": f"{name}.timing.json", "poster": f"{name}.poster.png", "sheet": f"{name}.sheet.png",
    }  # fmt: skip


def _texts(clip: Any, wanted: tuple[str, ...], video: str) -> Iterator[tuple[str, str]]:
    from signgen_core import sidecars

    writers: dict[str, Callable[[], str]] = {
        "srt": lambda: sidecars.to_srt(clip), "vtt": lambda: sidecars.to_vtt(clip), "eaf": lambda: sidecars.to_eaf(clip, video),
        "json": lambda: sidecars.to_json(clip, video),
    }  # fmt: skip
    return ((kind, write()) for kind, write in writers.items() if kind in wanted)


def _film(order: dict[str, Any], bench: Bench, motion: Motion, look: Look, made: Path, clip: Any, title: str) -> tuple[int, list[str]]:
    """Writes video, poster and sheet below `made`; returns the number of frames and warnings."""
    from headless.batch.pictures import Captions, Gatherer, Ground
    from headless.video import write_pngs, write_video

    size, alpha = signer_view(look)
    warnings: list[str] = order["warnings"]
    frames: Generator[np.ndarray, None, None]
    if order["pieces"]:
        frames = _joined(order["pieces"], size, alpha, bench.threads)
    else:
        stage, warnings = bench.load(motion, order["motion_sha256"], size, look, alpha)
        frames = _shot(stage, range(motion.num_frames), bench.tick)
    ground = None if look.over is None else Ground(Path(look.over), look.size, motion.fps, look.corner, look.inset, bench.threads)
    captions = None if look.captions == "none" else Captions(clip, look.size, look.captions, None if ground is None else ground.columns)
    gatherer = Gatherer(clip)
    count = 0

    def finished(shot: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        nonlocal count
        for frame in gatherer.watch(shot if ground is None else ground.under(shot)):
            yield frame if captions is None else captions(frame, count / motion.fps)
            count += 1

    names = _names(order["name"], look)
    with closing(frames):
        if look.format == "png":
            (made / names["video"]).mkdir()
            write_pngs(finished(frames), made / names["video"] / f"{order['name']}.png")
        else:
            write_video(finished(frames), made / names["video"], look.size, motion.fps, alpha=look.alpha and look.over is None, threads=bench.threads)
    if "poster" in look.sidecars:
        gatherer.write_poster(made / names["poster"])
    if "sheet" in look.sidecars:
        gatherer.write_sheet(made / names["sheet"], title)
    return count, warnings


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir()
        for file in sorted(source.iterdir()):
            shutil.copyfile(file, target / f"{target.name}{file.name.removeprefix(source.name)}")
    else:
        shutil.copyfile(source, target)


def order_of(look: Look) -> dict[str, Any]:
    """A look as JSON."""
    return asdict(look) | {"size": list(look.size), "sidecars": list(look.sidecars)}

