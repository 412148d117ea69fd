"""Decides what is still to be done for each row, hands it out, and writes down what came of it."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headless.batch.executor import Event, Executor
from headless.batch.ledger import Ledger, file_digest, is_there, key_of
from headless.batch.rows import Broken, Row, Table
from headless.batch.work import FINISH, PIECE, READ, Task, flavour_of, order_of, signer_view
from signgen_core.character import choose_character
from signgen_core.errors import InputError, OutputError

STAGES = ("plan", "motion", "video")
_SHORTEST_PIECE = 60  # frames; loading a clip takes as long as drawing a few of them
_TRIES = 2
_PAUSE = 2.0  # seconds in which somebody may make room on a full disk


@dataclass
class Tally:
    """How far a batch is. kept: rows that were done before; frames: drawn in this run, in `seconds`."""

    total: int
    kept: int = 0
    done: int = 0
    failed: list[tuple[str, str, str]] = field(default_factory=list)  # (place, id, why)
    frames: int = 0
    began: float = field(default_factory=time.monotonic)
    frames_left: float = 0.0

    @property
    def finished(self) -> int:
        return self.kept + self.done + len(self.failed)

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / max(time.monotonic() - self.began, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """None while there is nothing to tell it from."""
        return self.frames_left / self.rate if self.frames else None


@dataclass
class _Job:
    """A row on its way. entry: its line in the manifest; before: the files that it had; told: frames that were reported of each task."""

    row: Row
    entry: dict[str, Any]
    before: list[dict[str, Any]]
    body: str | None = None
    video_key: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    pieces: list[Path] = field(default_factory=list)
    open_pieces: int = 0
    drawing: bool = False
    seconds: float = 0.0

    def key(self, stage: str) -> str | None:
        return self.entry["keys"].get(stage)

    def fact(self, stage: str) -> dict[str, Any] | None:
        return self.entry["files"].get(stage)


class Runner:
    """One run of a batch. folder: of the results; until: the last of `STAGES`; verify: compare hashes of what is there, not sizes alone.

    tell(event, text): event is `done`, `failed` or `note` (tried once more, or a warning), text one line about it. progress: called often, with the tally.
    """

    def __init__(
        self, table: Table, folder: Path, ledger: Ledger, executor: Executor, versions: dict[str, str], *, scratch: Path, until: str = "video",
        verify: bool = False, tell: Callable[[str, str], None], progress: Callable[[Tally], None] = lambda tally: None,
    ) -> None:  # fmt: skip
        self._folder, self._ledger, self._executor, self._versions, self._scratch = folder, ledger, executor, versions, scratch
        self._until, self._verify, self._tell, self._progress = until, verify, tell, progress
        self._broken, self._rows = table.broken, deque(table.rows)
        self._open: dict[str, _Job] = {}
        self.tally = Tally(len(table.rows) + len(table.broken))
        self._known_frames: list[int] = []
        # key of a stage -> its files, of rows that are finished: the same again need not be made again
        self._made: dict[str, dict[str, Any]] = {}
        for entry in ledger.entries.values():
            self._remember(entry)

    def run(self) -> Tally:
        """Does all rows. Raises OutputError when the manifest cannot be written; whatever is raised, the manifest is right."""
        for broken in self._broken:
            self._fail_broken(broken)
        while self._rows or self._open:
            while self._rows and len(self._open) < 2 * self._executor.slots + 2:
                self._begin(self._rows.popleft())
            if self._open:
                event = self._executor.next(0.5)
                if event is not None:
                    self._hear(event)
            self._estimate()
            self._progress(self.tally)
        return self.tally

    # --- A row begins ---------------------------------------------------------------------------------------------------------

    def _begin(self, row: Row) -> None:
        old = self._ledger.entries.get(row.id, {})
        entry: dict[str, Any] = {
            "id": row.id, "row": row.number, "state": "failed", "source": row.source.kind, "text": row.source.content if row.source.kind == "text" else "",
            "seed": row.wishes.seed or 0, "keys": dict(old.get("keys", {})), "files": dict(old.get("files", {})), "frames": old.get("frames"),
            "fps": old.get("fps"), "seconds": 0.0, "tries": 1, "warnings": [], "versions": self._versions, "error": None,
        }  # fmt: skip
        job = _Job(row, entry, list(entry["files"].values()))
        try:
            job.body = choose_character(row.look.character)[1]
            standing = self._standing(job)
            if standing == self._last(job):
                self.tally.kept += 1
                if old.get("state") == "failed":
                    self._record(job, _STATE_OF[standing])
                return
            self._open[row.id] = job
            if standing == "motion":
                self._draw(job)
            else:
                self._read(job)
        except InputError as problem:
            self._fail(job, str(problem))

    def _last(self, job: _Job) -> str:
        """The stage at which a row is done; a motion has no plan to stop at."""
        return "motion" if job.row.source.kind == "motion" and self._until == "plan" else self._until

    def _standing(self, job: _Job) -> str | None:
        """The last stage whose files stand and were made from what the row says now; forgets the files of the others. Raises InputError."""
        standing = None
        for stage in STAGES[: STAGES.index(self._last(job)) + 1]:
            if stage == "plan" and job.row.source.kind == "motion":
                continue
            key = self._key(job, stage)
            self._adopt(job, stage, key)
            facts = _facts(job.entry, stage)
            if key != job.key(stage) or not facts or not is_there(self._folder, facts, self._verify):
                _forget(job.entry, STAGES[STAGES.index(stage) :])
                return standing
            standing = stage
        return standing

    def _adopt(self, job: _Job, stage: str, key: str) -> None:
        """Copies plan or motion of another row that was the same."""
        twin = self._made.get(f"{stage} {key}")
        if stage == "video" or twin is None or job.key(stage) == key or not is_there(self._folder, [twin["file"]]):
            return
        place, made = self._folder / self._file(job, stage), self._scratch / "copy"
        try:
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(self._folder / twin["file"]["path"], made)
            made.replace(place)
        except OSError:  # then it is made as any other, and whatever is wrong is told of there
            return
        job.entry["keys"][stage] = key
        job.entry["files"][stage] = twin["file"] | {"path": self._file(job, stage)}
        job.entry |= {name: twin[name] for name in ("frames", "fps") if twin[name] is not None}

    def _key(self, job: _Job, stage: str) -> str:
        """A hash of all that decides the files of a stage; the stages before it have to stand. Raises InputError."""
        row, wishes = job.row, asdict(job.row.wishes)
        if stage == "plan":
            content = row.source.content if row.source.path is None else _hash(row.source.path)
            return key_of("plan", row.source.kind, content, wishes, _body_fact(job.body))
        if stage == "motion":
            source = _hash(row.source.path) if row.source.kind == "motion" and row.source.path else job.entry["files"]["plan"]["sha256"]
            return key_of("motion", source, row.look.fps, _body_fact(job.body))
        look = order_of(row.look)
        files = {name: _hash(Path(look[name])) for name in ("camera", "character", "over") if look[name] and Path(look[name]).suffix}
        plan = job.fact("plan")
        return key_of("video", job.entry["files"]["motion"]["sha256"], plan and plan["sha256"], look, files, _body_fact(job.body))

    def _file(self, job: _Job, stage: str) -> str:
        return f"plans/{job.row.id}.json" if stage == "plan" else f"motions/{job.row.id}.npz"

    # --- Its tasks ------------------------------------------------------------------------------------------------------------

    def _read(self, job: _Job) -> None:
        order = {
            "folder": str(self._folder), "source": job.row.source_json(), "wishes": asdict(job.row.wishes), "body": job.body, "fps": job.row.look.fps,
            "plan_file": self._file(job, "plan"), "motion_file": self._file(job, "motion"), "has_plan": job.fact("plan") is not None,
            "until": self._last(job),
        }  # fmt: skip
        self._executor.submit(Task(job.row.id, READ, order))

    def _draw(self, job: _Job) -> None:
        """A short clip is drawn and encoded by one worker; of a long one each draws a piece when there are too few rows to occupy them."""
        frames = int(job.entry["frames"] or 0)
        self._known_frames.append(frames)
        job.drawing, job.video_key = True, self._key(job, "video")
        twin = self._twin(job)
        behind = len(self._rows) + sum(1 for other in self._open.values() if not other.drawing)
        share = min(self._executor.slots, frames // _SHORTEST_PIECE) if behind < self._executor.slots else 1
        if twin or share < 2:
            self._finish(job, twin)
            return
        size, alpha = signer_view(job.row.look)
        bounds = [frames * k // share for k in range(share + 1)]
        job.pieces = [self._scratch / f"{job.row.number}-{k}.mkv" for k in range(share)]
        job.open_pieces = share
        for k, file in enumerate(job.pieces):
            order = self._drawing(job) | {"first": bounds[k], "end": bounds[k + 1], "file": str(file)}
            self._executor.submit(Task(job.row.id, PIECE, order, flavour_of(job.row.look, size, alpha)))

    def _finish(self, job: _Job, twin: dict[str, Any] | None = None) -> None:
        size, alpha = signer_view(job.row.look)
        plan = job.fact("plan")
        order = self._drawing(job) | {
            "plan_file": plan["path"] if plan else None, "name": job.row.id, "pieces": [str(p) for p in job.pieces], "twin": twin and twin["files"],
            "frames": twin and twin["frames"], "warnings": job.entry["warnings"],
        }  # fmt: skip
        self._executor.submit(Task(job.row.id, FINISH, order, "" if twin or job.pieces else flavour_of(job.row.look, size, alpha)))

    def _drawing(self, job: _Job) -> dict[str, Any]:
        motion = job.fact("motion")
        assert motion is not None
        return {"folder": str(self._folder), "look": order_of(job.row.look), "motion_file": motion["path"], "motion_sha256": motion["sha256"]}

    def _twin(self, job: _Job) -> dict[str, Any] | None:
        """The pictures of a finished row that looks the same, where they still stand."""
        made = self._made.get(f"video {job.video_key}")
        pictures = {kind: fact for kind, fact in (made or {}).get("files", {}).items() if kind in ("video", "poster", "sheet")}
        if made is None or not is_there(self._folder, pictures.values()):
            return None
        return {"files": pictures, "frames": made["frames"]}

    # --- What came of them ----------------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        job = self._open.get(event.task.id)
        if event.kind == "tick":
            self.tally.frames += event.data
            if job is not None:
                job.told[event.task.name] = job.told.get(event.task.name, 0) + event.data
            return
        if job is None:
            return  # a piece of a row that has failed by another one
        if event.kind != "done":
            self._stumble(job, event)
            return
        job.seconds += event.data["seconds"]
        job.entry["warnings"] = event.data.get("warnings") or job.entry["warnings"]
        if event.task.kind == READ:
            self._has_read(job, event.data)
        elif event.task.kind == PIECE:
            self._count(job, event, event.data["frames"])
            job.open_pieces -= 1
            if not job.open_pieces:
                self._finish(job)
        else:
            self._has_video(job, event)

    def _has_read(self, job: _Job, answer: dict[str, Any]) -> None:
        for stage in ("plan", "motion"):
            if stage in answer:
                job.entry["files"][stage] = answer[stage]
                job.entry["keys"][stage] = self._key(job, stage)
        job.entry |= {name: answer[name] for name in ("frames", "fps") if name in answer}
        stage = "motion" if "motion" in answer else "plan"
        if self._last(job) == "video":
            self._record(job, _STATE_OF[stage])
            try:
                self._draw(job)
            except InputError as problem:
                self._fail(job, str(problem))
        else:
            self._succeed(job, _STATE_OF[stage])

    def _has_video(self, job: _Job, event: Event) -> None:
        if not job.pieces and not event.task.order["twin"]:
            self._count(job, event, int(job.entry["frames"] or 0))
        job.entry["files"] = {k: v for k, v in job.entry["files"].items() if k in ("plan", "motion")} | event.data["files"]
        job.entry["keys"]["video"] = job.video_key
        job.entry["frames"] = event.data["frames"]
        self._succeed(job, "done")

    def _stumble(self, job: _Job, event: Event) -> None:
        again = event.again or event.kind == "lost"
        tries = job.tries[event.task.name] = job.tries.get(event.task.name, 1) + 1
        self.tally.frames -= job.told.pop(event.task.name, 0)
        if again and tries <= _TRIES:
            job.entry["tries"] += 1
            self._tell("note", f"{job.row.place} ({job.row.id}): {event.data}; tried once more")
            self._executor.submit(event.task)
        else:
            self._fail(job, f"{event.data}" + (", twice" if again else ""))

    def _count(self, job: _Job, event: Event, frames: int) -> None:
        """Adds the frames of a task that were not reported in between."""
        self.tally.frames += frames - job.told.get(event.task.name, 0)
        job.told[event.task.name] = frames

    # --- The end of a row -----------------------------------------------------------------------------------------------------

    def _record(self, job: _Job, state: str) -> None:
        entry = job.entry | {"state": state, "seconds": round(job.seconds, 3), "keys": dict(job.entry["keys"]), "files": dict(job.entry["files"])}
        self._write(entry)
        if state != "failed":
            self._remember(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            self._ledger.record(entry)
        except OutputError as problem:
            self._tell("note", f"{problem}; tried once more")
            time.sleep(_PAUSE)
            self._ledger.record(entry)

    def _succeed(self, job: _Job, state: str) -> None:
        self._close(job)
        self._record(job, state)
        self.tally.done += 1
        facts = job.entry["files"]
        self._remove_old(job)
        made = facts.get("video") or facts.get("motion") or facts["plan"]
        length = "" if not job.entry["frames"] else f"  {job.entry['frames'] / job.entry['fps']:.1f} s, {job.entry['frames']} frames"
        self._tell("done", f"{self._folder / made['path']}{length}")
        for warning in job.entry["warnings"]:
            self._tell("note", f"{job.row.place} ({job.row.id}): {warning}")

    def _remove_old(self, job: _Job) -> None:
        """A row that was made in another format leaves nothing behind."""
        now = {fact["path"] for fact in job.entry["files"].values()}
        for path in (self._folder / fact["path"] for fact in job.before if fact["path"] not in now and self._last(job) == "video"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _fail(self, job: _Job, why: str) -> None:
        self._close(job)
        job.entry["error"] = why
        self._record(job, "failed")
        self.tally.failed.append((job.row.place, job.row.id, why))
        self._tell("failed", f"{job.row.place} ({job.row.id}): {why}")

    def _fail_broken(self, broken: Broken) -> None:
        entry = {"id": broken.id, "row": broken.number, "state": "failed", "error": broken.problem, "versions": self._versions}
        self._write(entry)
        self.tally.failed.append((broken.place, broken.id, broken.problem))
        self._tell("failed", f"{broken.place} ({broken.id}): {broken.problem}")

    def _close(self, job: _Job) -> None:
        self._open.pop(job.row.id, None)
        for file in job.pieces:
            file.unlink(missing_ok=True)

    def _remember(self, entry: dict[str, Any]) -> None:
        if entry.get("versions") != self._versions:
            return
        for stage, key in entry.get("keys", {}).items():
            if stage in entry["files"]:
                self._made[f"{stage} {key}"] = {
                    "file": entry["files"][stage], "files": entry["files"], "frames": entry["frames"], "fps": entry["fps"]
                }  # fmt: skip

    def _estimate(self) -> None:
        mean = sum(self._known_frames) / len(self._known_frames) if self._known_frames else 0.0
        opened = sum(max(0, (j.entry["frames"] or mean) - sum(j.told.values())) for j in self._open.values())
        self.tally.frames_left = opened + mean * len(self._rows)


_STATE_OF = {"plan": "planned", "motion": "animated", "video": "done"}


def _facts(entry: dict[str, Any], stage: str) -> list[dict[str, Any]]:
    if stage != "video":
        return [entry["files"][stage]] if stage in entry["files"] else []
    return [fact for kind, fact in entry["files"].items() if kind not in ("plan", "motion")]


def _forget(entry: dict[str, Any], stages: tuple[str, ...]) -> None:
    for stage in stages:
        entry["keys"].pop(stage, None)
    kept = [stage for stage in ("plan", "motion") if stage not in stages]
    entry["files"] = {kind: fact for kind, fact in entry["files"].items() if kind in kept}


_hashes: dict[tuple[str, int, int], str] = {}


def _hash(path: Path) -> str:
    """The hash of a file that a row names, reckoned once while it does not change. Raises InputError."""
    try:
        facts = path.stat()
        key = (str(path), facts.st_mtime_ns, facts.st_size)
        if key not in _hashes:
            _hashes[key] = file_digest(path)
        return _hashes[key]
    except OSError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror or problem}") from problem


def _body_fact(body: str | None) -> str:
    """What tells one body from another in a key."""
    import os

    from signgen_core.body.load import LICENSED_VARIABLE

    chosen = body or os.environ.get(LICENSED_VARIABLE) or "default"
    return chosen if chosen == "default" else _hash(Path(chosen).expanduser())
