"""signgen batch"""

from __future__ import annotations

import shutil
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headless import options
from headless.batch.ray_cluster import Cluster, Resources, ResourcesType
from headless.batch.rows import CAPTIONS, CORNERS, FORMATS, SidecarsType
from headless.console import FAILED, complain, count, say

if TYPE_CHECKING:
    from headless.batch.ledger import Ledger
    from headless.batch.rows import Look, Table
    from headless.batch.runner import Tally
    from headless.inputs import Wishes

_MOST_NAMED = 20  # failures that the last lines repeat
_REFRESH = 0.5


@click.command()
@click.argument("jobs", metavar="JOBS.csv|.tsv|.jsonl|.txt|-")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Gets plans, motions, videos and manifest.jsonl.")
@click.option("--until", type=click.Choice(["plan", "motion", "video"]), default="video", show_default=True, help="The last step to do; a later run goes on.")
@click.option("--resume", is_flag=True, help="Go on where the last run stopped, which is the default: rows that are done and unchanged are left.")
@click.option("--overwrite", is_flag=True, help="Delete what the last run made, after a question, and begin anew.")
@click.option("--yes", is_flag=True, help="Answer the question of --overwrite.")
@click.option("--verify", is_flag=True, help="When going on, compare the hashes of finished files, not their sizes alone.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, show_default="one per core", help="Processes that draw.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="mp4", show_default=True, help="Of the videos; png: a folder of frames each.")
@click.option("--size", type=options.SizeType(), default="960x720", show_default=True, help="Pixels, even numbers.")
@options.fps
@click.option("--engine", type=click.Choice(["auto", "workbench", "cycles", "eevee"]), default="auto", show_default=True, help="Render engine.")
@click.option("--quality", type=click.Choice(["preview", "standard", "high"]), default="standard", show_default=True, help="Speed against looks.")
@click.option("--camera", type=options.CameraType(), help="A preset of presets/cameras, or a camera file.  [default: signing]")
@options.character
@click.option("--alpha", is_flag=True, help="Transparent background (--format webm or png).")
@click.option("--captions", type=click.Choice(CAPTIONS), default="none", show_default=True, help="Burnt into the picture.")
@click.option("--over", metavar="FILE", help="A video or picture on which the signer stands in a corner.")
@click.option("--corner", type=click.Choice(CORNERS), default="bottom-right", show_default=True, help="Where the signer of --over stands.")
@click.option("--inset", type=options.NumberType(0.1, 1.0), default=0.45, show_default=True, help="Height of the signer of --over, of the picture's.")
@click.option("--sidecars", type=SidecarsType(), default="all", show_default=True, help="Of srt, vtt, eaf, json, poster, sheet; or all, none.")
@click.option("--executor", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Who works: this machine, or a Ray cluster.")
@click.option("--address", metavar="HOST:PORT", help="Head of the Ray cluster.  [default: the one that this machine is part of]")
@click.option("--resources", type=ResourcesType(), help="What a process that draws takes of a machine of the Ray cluster.  [default: cpu=1]")
@options.table_wishes
def command(
    jobs: str, output: str, until: str, resume: bool, overwrite: bool, yes: bool, verify: bool, workers: int, executor: str, address: str | None,
    resources: Resources | None, wishes: Wishes, format_: str, **look: Any,
) -> None:  # fmt: skip
    """A table of texts, plans and motions to videos with subtitles, ELAN files and pictures.

    Columns: one of text, plan, motion; id; and any option of a render. A row that fails is named and stops nothing. A run that was stopped, however
    that happened, goes on when the same command is given again.
    """
    from headless.batch import rows
    from headless.batch.ledger import Ledger
    from headless.inputs import check_folder_output, new_folder
    from signgen_core.errors import OutputError

    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    if executor == "local" and (address, resources) != (None, None):
        raise click.UsageError("--address and --resources go with --executor ray.")
    folder = Path(output)
    if folder.is_file():
        raise OutputError(f"{folder}: is a file; -o names a folder")
    check_folder_output(folder)
    look["camera"] = look["camera"] or rows.Look.camera
    probe = folder if folder.is_dir() else folder.parent
    table = rows.read_table(jobs, wishes, rows.Look(format=format_, **look), lambda row: _check(row.look, probe))
    if folder.is_dir() and not (folder / "manifest.jsonl").exists() and any(folder.iterdir()):
        raise OutputError(f"{folder}: is not empty and holds no batch; give the name of a new folder")
    # before there is a folder, so that a wrong address leaves none
    cluster = None if executor == "local" else Cluster(address, resources or Resources())
    with new_folder(folder), Ledger(folder) as ledger:
        if overwrite and ledger.entries:
            _empty(ledger, folder, yes)
        tally = _run(table, folder, ledger, until, verify, workers, cluster)
    _conclude(tally, folder)


@lru_cache(maxsize=256)
def _check(look: Look, folder: Path) -> None:
    """Raises the SignGenError of options that cannot work, alone or together."""
    from headless.render import RenderJob, check_job
    from signgen_core.errors import InputError

    if look.alpha and look.over is not None:
        raise InputError("alpha and over: the signer stands either on nothing or on a picture")
    if look.over is not None and not Path(look.over).is_file():
        raise InputError(f"over: {look.over}: no such file")
    check_job(
        RenderJob(
            motion=None,  # type: ignore[arg-type]
            output=folder / f"x.{look.format}", size=look.size, fps=look.fps, engine=look.engine, quality=look.quality, camera=look.camera,
            character=look.character, alpha=look.alpha,
        )  # fmt: skip
    )


def _empty(ledger: Ledger, folder: Path, yes: bool) -> None:
    """Deletes what a manifest names, after a question."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("--overwrite asks before it deletes; where nobody can answer, give --yes too.")
        click.confirm(f"{folder} holds {count(len(ledger.entries), 'row')}. Delete their plans, motions and videos?", abort=True, err=True)
    for entry in ledger.entries.values():
        for fact in entry.get("files", {}).values():
            path = folder / fact["path"]
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    ledger.clear()


def _run(table: Table, folder: Path, ledger: Ledger, until: str, verify: bool, workers: int, cluster: Cluster | None) -> Tally:
    import hashlib
    import tempfile

    from headless.batch.executor import Executor, LocalExecutor
    from headless.batch.ray_executor import RayExecutor
    from headless.batch.runner import Runner
    from headless.batch.versions import versions
    from headless.render import cores
    from headless.stage import frame_storage

    # a name that the next run knows, too, so that it can clear up after one that was killed
    name = f"signgen-batch-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
    scratch = folder / ".unfinished"
    draws = until == "video"
    here, bar = versions(), _Bar()
    executor: Executor
    if cluster is None:
        workers = workers or min(cores(), max(1, len(table.rows)) if not draws else cores())
        memory = (frame_storage() or Path(tempfile.gettempdir())) / name
        executor = LocalExecutor(workers if draws else 0, 1 if draws else workers, 1, scratch, memory)
    else:
        executor = RayExecutor(cluster, workers, len(table.rows), draws, name, here, scratch, lambda text: bar.tell("note", text))
    try:
        others = sum(entry.get("versions") != here for entry in ledger.entries.values() if entry["state"] == "done")
        if others:
            say(f"warning: {count(others, 'finished row')} of another version of SignGen; --overwrite makes them anew", err=True)
        runner = Runner(table, folder, ledger, executor, here, scratch=scratch, until=until, verify=verify, tell=bar.tell, progress=bar.show)
        bar.tally = runner.tally
        return runner.run()
    except (KeyboardInterrupt, SystemExit):
        if bar.tally is not None:
            bar.clear()
            say(f"stopped after {bar.tally.finished} of {count(bar.tally.total, 'row')}; the same command goes on", err=True)
        raise
    finally:
        bar.clear()
        executor.close()


class _Bar:
    """Rows, frames per second and time left: in a line that renews itself where a person looks, else before each row that is done."""

    def __init__(self) -> None:
        self.tally: Tally | None = None
        self._person = sys.stderr.isatty()
        self._shown, self._last = False, 0.0

    def tell(self, event: str, text: str) -> None:
        self.clear()
        if event == "failed":
            complain(text)
        elif event == "note":
            say(f"warning: {text}", err=True)
        else:
            say(text if self.tally is None else f"{self.tally.finished}/{self.tally.total}  {text}{'' if self._person else self._pace()}")

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if self._person and now - self._last > _REFRESH:
            self._last, self._shown = now, True
            failed = f", {len(tally.failed)} failed" if tally.failed else ""
            say(f"\r\x1b[K{tally.finished} of {tally.total} rows{failed}{self._pace()}", err=True, newline=False)

    def clear(self) -> None:
        if self._shown:
            self._shown = False
            say("\r\x1b[K", err=True, newline=False)

    def _pace(self) -> str:
        if self.tally is None or self.tally.seconds_left is None:
            return ""
        return f"  {self.tally.rate:.1f} frames/s, {_time(self.tally.seconds_left)} left"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _conclude(tally: Tally, folder: Path) -> None:
    """The last lines: how many are done, how many failed and why."""
    before = f", {tally.kept} of them before" if tally.kept else ""
    say(f"{folder}: {tally.kept + tally.done} of {count(tally.total, 'row')} done{before}")
    if tally.failed:
        complain(f"{len(tally.failed)} of {count(tally.total, 'row')} failed:")
        for place, name, why in tally.failed[:_MOST_NAMED]:
            say(f"  {place} ({name}): {why}", err=True)
        if len(tally.failed) > _MOST_NAMED:
            say(f"  and {len(tally.failed) - _MOST_NAMED} more, in {folder / 'manifest.jsonl'}", err=True)
        raise click.exceptions.Exit(FAILED)
