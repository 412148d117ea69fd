"""signgen train all."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from headless import inputs
from headless.commands.train import lm, recogniser, shared, tokenizer
from headless.console import count, say
from headless.memory import PeakMemory
from headless.progress import Tell, report

RUN_FILE, FORMAT, VERSION = "run.json", "signgen-training", 1
CACHE = "features"
FPS = 30.0
DRILL_TEST_SHARE = 0.05
_NOTE_SECONDS = 10.0


@dataclass(frozen=True)
class Stage:
    """name: also its folder. settings: what decides its result. needs: stages that it is made from. make: (folder, tell) -> a line about what came out."""

    name: str
    settings: dict[str, Any]
    needs: tuple[str, ...]
    make: Callable[[Path, Tell], str]


@click.command("all")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where everything goes; a run that was cut off there is gone on with.")
@click.option("--clips", type=click.IntRange(10, 10_000_000), default=9000, show_default=True, help="Of the corpus, test clips included.")
@click.option("--drill-clips", type=click.IntRange(1, 10_000_000), default=2048, show_default=True, help="More clips, for the recogniser.")
@click.option("--signers", type=click.IntRange(1, 10_000), default=24, show_default=True, help="Body shapes of the training part.")
@click.option("--test-signers", type=click.IntRange(1, 10_000), default=6, show_default=True, help="Body shapes of the test part.")
@click.option("--tokenizer-steps", type=click.IntRange(1, 10_000_000), default=9000, show_default=True, help="Of training the tokenizer.")
@click.option("--lm-steps", type=click.IntRange(1, 10_000_000), default=3600, show_default=True, help="Of training the language model.")
@click.option("--recogniser-steps", type=click.IntRange(1, 10_000_000), default=1100, show_default=True, help="Of training the recogniser.")
@click.option("--encoder-steps", type=click.IntRange(1, 10_000_000), default=1000, show_default=True, help="Of training its motion auto-encoder.")
@click.option("--rare", type=click.IntRange(1), default=3, show_default=True, help="Signs that occur less often have no name in the recogniser.")
@click.option("--workers", type=click.IntRange(0, 1024), default=0, show_default=True, help="Processes that make clips; 0 is one a core.")
@shared.judge
@shared.seed
@shared.device
@shared.threads
@click.option("--save-every", type=click.IntRange(1), help="Steps between checkpoints.  [default: as in the commands for each]")
def command(
    output: str, clips: int, drill_clips: int, signers: int, test_signers: int, tokenizer_steps: int, lm_steps: int, recogniser_steps: int,
    encoder_steps: int, rare: int, workers: int, judge: int, seed: int, device: str, threads: int, save_every: int | None,
) -> None:  # fmt: skip
    """Make all that is learned of motions, from nothing but the lexicon: clips, tokenizer, language model, recogniser.

    The same call goes on where an earlier one was cut off: what is finished is kept, and a stage in the middle goes on from its checkpoint. A finished
    stage whose folder is removed is made anew, and what was made from it.
    """
    folder = Path(output)
    inputs.check_folder_output(folder)
    from signgen_core.train.corpus import Settings, write_corpus
    from signgen_core.train.lm import Options as LmOptions
    from signgen_core.train.recogniser import Options as RecogniserOptions
    from signgen_core.train.tokenizer import Options as TokenizerOptions

    settings = Settings(clips, seed, FPS, signers, test_signers)
    drill = replace(settings, clips=drill_clips, test_share=DRILL_TEST_SHARE, drill=True)
    how: dict[str, Any] = {"seed": seed, "device": device, "threads": threads} | ({"save_every": save_every} if save_every else {})
    of_tokenizer, of_lm = TokenizerOptions(steps=tokenizer_steps, **how), LmOptions(steps=lm_steps, **how)
    of_recogniser = RecogniserOptions(steps=recogniser_steps, encoder_steps=encoder_steps, rare=rare, **how)

    def written(chosen: Settings) -> Callable[[Path, Tell], str]:
        def make(place: Path, tell: Tell) -> str:
            counts = write_corpus(place, chosen, workers=workers, progress=tell)
            return f"{count(counts['made'] + counts['kept'], 'clip')}, {counts['failed']} that cannot be signed left out"

        return make

    def make_tokenizer(place: Path, tell: Tell) -> str:
        networks = tokenizer.config(fps=FPS)
        with shared.stage("clips", tell) as told:
            motions = shared.features(folder / "corpus", folder / CACHE, FPS, told)
        return tokenizer.make(motions, place, of_tokenizer, networks, checkpoint_of(place), judge, tell)

    def make_lm(place: Path, tell: Tell) -> str:
        from signgen_core.tokens.tokenizer import load_tokenizer

        return lm.make(folder / "corpus", load_tokenizer(folder / "tokenizer"), folder / CACHE, place, of_lm, {}, checkpoint_of(place), tell)

    def make_recogniser(place: Path, tell: Tell) -> str:
        return recogniser.make([folder / "corpus", folder / "drill"], folder / CACHE, place, of_recogniser, checkpoint_of(place), tell)

    Run(folder, (
        Stage("corpus", decisive(settings), (), written(settings)),
        Stage("drill", decisive(drill), (), written(drill)),
        Stage("tokenizer", {**decisive(of_tokenizer), "judge": judge}, ("corpus",), make_tokenizer),
        Stage("lm", decisive(of_lm), ("corpus", "tokenizer"), make_lm),
        Stage("recogniser", decisive(of_recogniser), ("corpus", "drill"), make_recogniser),
    )).go()  # fmt: skip


def decisive(options: Any) -> dict[str, Any]:
    """Options by name, but for those that do not make it another run."""
    return {k: v for k, v in asdict(options).items() if k not in ("device", "threads")}


def checkpoint_of(place: Path) -> Path:
    """Where the state of a stage is kept while it is made."""
    return place.parent / f".{place.name}-checkpoint"


class Run:
    """A folder of stages, of which run.json says what is done."""

    def __init__(self, folder: Path, stages: tuple[Stage, ...]) -> None:
        from signgen_core.errors import OutputError

        self.folder, self.stages, self.file = folder, stages, folder / RUN_FILE
        try:
            folder.mkdir(exist_ok=True)
        except OSError as problem:
            raise OutputError(f"{folder}: cannot be made: {problem.strerror or problem}") from problem
        self.notes = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        """What was noted of each stage that has begun; a stage whose folder or whose needs are gone has not."""
        from signgen_core.errors import FileFormatError, InputError
        from signgen_core.model_files import read_config

        if not self.file.exists():
            return {}
        found = read_config(self.file, FORMAT, VERSION, "training run").get("stages")
        if not isinstance(found, dict) or not all(isinstance(n, dict) and {"settings", "done", "seconds", "peak_mb", "said"} <= set(n) for n in found.values()):
            raise FileFormatError(f"{self.file}: stages: expected an object with settings, done, seconds, peak_mb and said for each stage")
        kept: dict[str, dict[str, Any]] = {}
        for stage in self.stages:
            note = found.get(stage.name)
            if note is None:
                continue
            changed = [k for k in stage.settings if note["settings"].get(k) != stage.settings[k]]
            if changed:
                raise InputError(f"{self.folder}: the {stage.name} there is of other {', '.join(changed)}; choose another folder")
            done = note["done"] and (self.folder / stage.name).is_dir() and all(kept.get(n, {}).get("done") for n in stage.needs)
            if done or not note["done"]:
                kept[stage.name] = note
        return kept

    def go(self) -> None:
        for number, stage in enumerate(self.stages, start=1):
            head = f"{number}/{len(self.stages)} {stage.name}"
            if self.notes.get(stage.name, {}).get("done"):
                say(f"{head}: kept", err=True)
                continue
            self._make(stage, head)
        self._summary()

    def _make(self, stage: Stage, head: str) -> None:
        begun = stage.name in self.notes
        note = self.notes.setdefault(stage.name, {"settings": stage.settings, "done": False, "seconds": 0.0, "peak_mb": None, "said": ""})
        before, began = note["seconds"], time.monotonic()
        noted = began

        def keep(**more: Any) -> None:
            highest = [m for m in (note["peak_mb"], peak.megabytes) if m is not None]
            note.update(seconds=round(before + time.monotonic() - began, 1), peak_mb=round(max(highest), 1) if highest else None, **more)
            self._write()

        with PeakMemory() as peak:
            keep()
            say(f"{head}{': goes on' if begun else ''}", err=True)
            with report(head) as shown:

                def tell(share: float, text: str) -> None:
                    nonlocal noted
                    shown(share, text)
                    if time.monotonic() - noted >= _NOTE_SECONDS:  # so that the time of a run that is killed counts too
                        noted = time.monotonic()
                        keep()

                said = stage.make(self.folder / stage.name, tell)
        keep(done=True, said=said)
        if checkpoint_of(self.folder / stage.name).is_dir():
            shutil.rmtree(checkpoint_of(self.folder / stage.name))
        say(f"{head}: {said}", err=True)

    def _write(self) -> None:
        from signgen_core.motion import write_bytes

        write_bytes(self.file, (json.dumps({"format": FORMAT, "version": VERSION, "stages": self.notes}, indent=1) + "\n").encode())

    def _summary(self) -> None:
        say(f"{'stage':<12}{'time':>10}{'memory':>10}  result")
        for stage in self.stages:
            note = self.notes[stage.name]
            say(f"{stage.name:<12}{_clock(note['seconds']):>10}{_gigabytes(note['peak_mb']):>10}  {note['said']}")
        peaks = [n["peak_mb"] for n in self.notes.values() if n["peak_mb"] is not None]
        say(f"{'all':<12}{_clock(sum(n['seconds'] for n in self.notes.values())):>10}{_gigabytes(max(peaks) if peaks else None):>10}  {self.folder}")


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _gigabytes(megabytes: float | None) -> str:
    return "-" if megabytes is None else f"{megabytes / 1000:.2f} GB"
