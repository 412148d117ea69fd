"""signgen train tokenizer, lm, recogniser and all: real runs of a few steps, what goes on after a kill, and what cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from headless import progress
from headless.cli import main
from headless.commands.train import everything, lm, recogniser, shared, tokenizer
from headless.commands.train.everything import Run, Stage
from headless.memory import PeakMemory
from signgen_core.errors import FileFormatError, InputError
from signgen_core.model_files import CHECKPOINT

pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")
ROOT = Path(__file__).parent.parent.parent
TINY = (
    "--clips", "10", "--drill-clips", "1", "--signers", "1", "--test-signers", "1", "--tokenizer-steps", "4", "--lm-steps", "1", "--recogniser-steps", "1",
    "--encoder-steps", "1", "--rare", "1", "--save-every", "1", "--threads", "1", "--workers", "1", "--device", "cpu",
)  # fmt: skip
SMALL = ("--steps", "3", "--batch", "2", "--window", "32", "--codebook", "16", "--codes", "2/1/1", "--width", "16", "--small-width", "16", "--threads", "1")
SMALL_LM = ("--steps", "3", "--batch", "2", "--stretch", "8", "--width", "32", "--layers", "1", "--heads", "2", "--look-back", "6", "--threads", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages, run through without a stop."""
    folder = tmp_path_factory.mktemp("training") / "run"
    assert main(["train", "all", "-o", str(folder), *TINY]) == 0
    return folder


@pytest.fixture
def data(made: Path) -> tuple[str, ...]:
    return "--data", str(made / "corpus"), "--cache", str(made / "features")


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def notes(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / everything.RUN_FILE).read_text())["stages"]
    return found


def test_all_stages_are_made_and_kept(run: Callable[..., Any], made: Path) -> None:
    assert sorted(p.name for p in made.iterdir()) == ["corpus", "drill", "features", "lm", "recogniser", "run.json", "tokenizer"]
    stages = ("corpus", "drill", "tokenizer", "lm", "recogniser")
    assert tuple(notes(made)) == stages and all(n["done"] and n["seconds"] > 0.0 for n in notes(made).values())
    assert json.loads((made / "tokenizer" / "config.json").read_text())["training"]["evaluation"]["clips"] == 1
    assert json.loads((made / "recogniser" / "config.json").read_text())["training"]["evaluation"]["seen"]["signs"] > 0
    tokenizer = json.loads((made / "tokenizer" / "config.json").read_text())["id"]
    assert json.loads((made / "lm" / "config.json").read_text())["network"]["tokenizer_id"] == tokenizer
    before = {p: p.stat().st_mtime_ns for p in made.rglob("*")}
    again = run("train", "all", "-o", made, *TINY)
    assert again.status == 0 and {p: p.stat().st_mtime_ns for p in made.rglob("*")} == before
    assert again.err.splitlines() == [f"{k}/5 {name}: kept" for k, name in enumerate(stages, start=1)]
    rows = again.out.splitlines()
    assert rows[0].split() == ["stage", "time", "memory", "result"] and [row.split()[0] for row in rows[1:]] == [*stages, "all"]
    assert "MPJPE" in rows[3] and "body" in rows[4] and "handshape" in rows[5]
    other = run("train", "all", "-o", made, *TINY, "--tokenizer-steps", "7")
    assert other.status == 1 and other.err == f"error: {made}: the tokenizer there is of other steps; choose another folder\n"


def test_a_killed_run_goes_on_and_gives_the_same(run: Callable[..., Any], made: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of the tokenizer; corpora are those of the run that was not stopped."""
    folder = tmp_path / "run"
    for part in ("corpus", "drill"):
        shutil.copytree(made / part, folder / part)
    kept = {k: v for k, v in notes(made).items() if k in ("corpus", "drill")}
    (folder / everything.RUN_FILE).write_text(json.dumps({"format": everything.FORMAT, "version": everything.VERSION, "stages": kept}))
    checkpoint = everything.checkpoint_of(folder / "tokenizer") / CHECKPOINT
    child = subprocess.Popen(
        [sys.executable, "-m", "headless", "train", "all", "-o", str(folder), *TINY], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    while not checkpoint.is_file():
        assert child.poll() is None, child.stderr.read().decode()
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stderr.close()
    assert not (folder / "tokenizer").exists() and not notes(folder)["tokenizer"]["done"]
    gone_on = run("train", "all", "-o", folder, *TINY)
    assert gone_on.status == 0 and "2/5 drill: kept" in gone_on.err and "3/5 tokenizer: goes on" in gone_on.err
    for stage in ("tokenizer", "lm", "recogniser"):
        assert weights(folder / stage) == weights(made / stage), stage
    assert not list(folder.glob(".*"))


def test_each_command_by_itself(run: Callable[..., Any], made: Path, data: tuple[str, ...], tmp_path: Path) -> None:
    shown = run("train", "tokenizer", "-o", "tok", *data, *SMALL, "--quantiser", "fsq", "--joint", "--optimiser", "adamw", "--no-mirror", "--judge", "1")
    assert shown.status == 0 and shown.err == "9 clips to train on, 1 for test\n"
    assert shown.out.startswith("tok  0.") and "1 test clip: MPJPE " in shown.out
    config = json.loads((tmp_path / "tok" / "config.json").read_text())
    assert config["network"]["joint"] and config["network"]["quantiser"] == "fsq" and config["network"]["codes"]["left_hand"] == 1
    assert config["training"]["options"]["mirror"] is False and config["training"]["options"]["steps"] == 3
    assert config["training"]["evaluation"]["mpjpe_mm"]["all"] > 0.0
    more = run("train", "tokenizer", "-o", "more", *data, "--start", "tok", "--steps", "1", "--batch", "2", "--window", "32")
    assert more.status == 0 and json.loads((tmp_path / "more" / "config.json").read_text())["network"] == config["network"]
    shown = run("train", "lm", "-o", "lm", *data, "--tokenizer", "tok", *SMALL_LM)
    assert shown.status == 0 and shown.err == "" and "9 clips, 9 with plans; bits a code at the end of training: all " in shown.out
    first = weights(tmp_path / "lm")
    assert run("train", "lm", "-o", "lm", *data, "--tokenizer", "tok", *SMALL_LM).status == 0 and weights(tmp_path / "lm") == first
    assert run("train", "lm", "-o", "lm", *data, "--tokenizer", "tok", *SMALL_LM, "--seed", "1").status == 0 and weights(tmp_path / "lm") != first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lm", "more", "tok"]


def test_features_go_to_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = shared.cache_for(("a/corpus",), None, 30.0)
    assert folder.parent == tmp_path / "cache" / "features" and folder.name.startswith("corpus-")
    assert folder == shared.cache_for((tmp_path / "a" / "corpus",), None)
    others = [shared.cache_for(("b/corpus",), None), shared.cache_for(("a/corpus", "b"), None), shared.cache_for(("a/corpus",), None, 25.0)]
    assert len({folder, *others}) == 4
    assert shared.cache_for(("a/corpus",), "mine") == Path("mine")


def test_an_interrupted_run_goes_on_with_resume(run: Callable[..., Any], data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.train import tokenizer as training

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    order = ("train", "tokenizer", "-o", "tok", *data, *SMALL, "--save-every", "2")
    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", interrupt)
        shown = run(*order)
    place = tmp_path / ".tok-checkpoint"
    assert shown.status == 130 and shown.err.splitlines()[-2:] == [".tok-checkpoint: the same command with --resume goes on from here", "interrupted"]
    assert (place / CHECKPOINT).is_file() and not (tmp_path / "tok").exists()
    other = run(*order, "--resume", "--lr", "0.001")
    assert other.status == 1 and "is of another run (other clips, networks or options); remove it to start anew" in other.err
    whole = (place / CHECKPOINT).read_bytes()
    (place / CHECKPOINT).write_bytes(whole[:-20])
    damaged = run(*order, "--resume")
    assert damaged.status == 1 and "checkpoint.safetensors: not a whole checkpoint" in damaged.err and damaged.err.count("error: ") == 1
    (place / CHECKPOINT).write_bytes(whole)
    assert run(*order, "--resume").status == 0 and not place.exists()
    gone_on = weights(tmp_path / "tok")
    assert run(*order).status == 0 and weights(tmp_path / "tok") == gone_on


def test_a_checkpoint_of_another_tokenizer_is_refused(run: Callable[..., Any], data: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.tokens.lm import TokenLM

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name, seed in (("tok", "1"), ("other", "2")):
        assert run("train", "tokenizer", "-o", name, *data, *SMALL, "--seed", seed).status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TokenLM, "save", interrupt)
        assert run("train", "lm", "-o", "lm", *data, "--tokenizer", "other", *SMALL_LM).status == 130
    shown = run("train", "lm", "-o", "lm", *data, "--tokenizer", "tok", *SMALL_LM, "--resume")
    assert shown.status == 1 and "is of another run (other clips, tokenizer, network or options)" in shown.err and not (tmp_path / "lm").exists()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: shutil.rmtree(f), "tok: no such tokenizer folder"),
        (lambda f: (shutil.rmtree(f), f.write_text("x")), "tok: is a file, not a tokenizer folder"),
        (lambda f: (f / "model.safetensors").write_bytes(weights(f)[:-100]), "tok/model.safetensors: not a whole safetensors file"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "tok/model.safetensors: not a whole safetensors file"),
        (lambda f: (f / "model.safetensors").unlink(), "tok/model.safetensors: "),
        (lambda f: (f / "config.json").unlink(), "tok/config.json: No such file or directory; expected the config of a motion tokenizer"),
        (lambda f: (f / "config.json").write_text("{"), "tok/config.json: not valid JSON"),
        (lambda f: shutil.copy(f.parent / "lm.json", f / "config.json"), "tok/config.json: not the config of a SignGen motion tokenizer"),
        (lambda f: shutil.copy(f.parent / "other.safetensors", f / "model.safetensors"), "tok/model.safetensors: is not the file that config.json beside it"),
        (lambda f: shutil.copy(f.parent / "lm.safetensors", f / "model.safetensors"), "tok/model.safetensors: "),
    ],
)  # fmt: skip
def test_tokenizers_that_are_none(
    run: Callable[..., Any], made: Path, data: tuple[str, ...], tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    shutil.copytree(made / "tokenizer", tmp_path / "tok")
    shutil.copy(made / "lm" / "config.json", tmp_path / "lm.json")
    shutil.copy(made / "lm" / "model.safetensors", tmp_path / "lm.safetensors")
    if "is not the file" in words:  # of another tokenizer with the same networks
        own = load_file(made / "tokenizer" / "model.safetensors")
        save_file({k: np.full_like(v, 0.5) for k, v in own.items()}, tmp_path / "other.safetensors")
    before = sorted(p.name for p in tmp_path.iterdir())
    spoil(tmp_path / "tok")
    shown = run("train", "lm", "-o", "lm", *data, "--tokenizer", "tok", *SMALL_LM)
    assert shown.status == 1 and shown.out == "" and shown.err.startswith(f"error: {words}") and shown.err.count("\n") == 1
    assert {p.name for p in tmp_path.iterdir()} <= set(before)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("tokenizer",), "nowhere: no such file or folder"),
        (("recogniser",), "nowhere: not a corpus of training clips"),
        (("tokenizer", "--data", "empty"), "empty: "),
        (("tokenizer", "--data", "text"), "text: "),
        (("tokenizer", "--data", "broken"), "broken/train/"),
        (("recogniser", "--data", "empty"), "empty: not a corpus of training clips"),
        (("recogniser", "--data", "broken"), "broken/train/"),
        (("tokenizer", "--window", "30"), "tokenizer: a window of 30 frames is not a whole number of tokens of 4"),
        (("tokenizer", "-o", "text/a.txt"), "text/a.txt: is a file"),
        (("tokenizer", "-o", "none/tok"), "none/tok: there is no folder none"),
    ],
)  # fmt: skip
def test_data_that_are_none(run: Callable[..., Any], made: Path, tmp_path: Path, command: tuple[str, ...], words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("Hello.\n")
    shutil.copytree(made / "corpus", tmp_path / "broken")
    for path in (tmp_path / "broken" / "train").glob("*.npz"):
        path.write_bytes(path.read_bytes()[:300])
    before = sorted(p.name for p in tmp_path.iterdir())
    given = command[1:] if "--data" in command else (*command[1:], "--data", made / "corpus" if len(command) > 1 else "nowhere")
    given = given if "-o" in command else ("-o", "model", *given)
    shown = run("train", command[0], *given, "--cache", tmp_path / "cache", "--steps", "2")
    assert shown.status == 1 and shown.out == ""
    assert shown.err.splitlines()[-1].startswith(f"error: {words}") and shown.err.count("error: ") == 1
    assert {p.name for p in tmp_path.iterdir()} - {"cache"} == set(before)


def test_wrong_usage(run: Callable[..., Any], tmp_path: Path) -> None:
    for arguments, words in (
        (("tokenizer", "--codes", "8/3"), "'8/3' is not three numbers such as 8/3/1"), (("tokenizer", "--codes", "8/x/1"), "is not three numbers"),
        (("tokenizer", "--optimiser", "sgd"), "'sgd' is not one of"), (("tokenizer", "--lr", "nan"), "nan is not a number"),
        (("tokenizer",), "Missing option '--data'"), (("lm",), "Missing option '--data'"), (("all", "--clips", "0"), "is not in the range"),
        (("tokenizer", "--data", "x", "--start", "y", "--fps", "30", "--small-width", "128"), "--small-width, --fps cannot be chosen beside it"),
    ):  # fmt: skip
        shown = run("train", *arguments, "-o", "out")
        assert shown.status == 2 and words in shown.err and shown.err.count("\n") == 1
    shown = run("train", "tokenizer", "-o", "out", "--data", "x", "--codes", "0/3/1")
    assert shown.status == 1 and "codes: expected a number from 1 to 32" in shown.err
    assert not list(tmp_path.iterdir())


def test_defaults_are_those_of_the_library() -> None:
    from signgen_core.tokens.lm_network import Config as LmConfig
    from signgen_core.tokens.network import Config
    from signgen_core.train.lm import Options as LmOptions
    from signgen_core.train.recogniser import Options as RecogniserOptions
    from signgen_core.train.tokenizer import Options

    def defaults(command: click.Command) -> dict[str, Any]:
        return {p.name: p.default for p in command.params if p.name is not None and not getattr(p, "is_flag", False)}

    names = {"lr": "rate", "look_back": "window"}
    for command, options, config, own in (
        (tokenizer.command, Options(), Config(), ("codes",)), (lm.command, LmOptions(), LmConfig, ()), (recogniser.command, RecogniserOptions(), None, ()),
    ):  # fmt: skip
        compared = 0
        for name, value in defaults(command).items():
            for holder in (options, config):
                known = {f.name for f in fields(holder)} if holder is not None else set()
                if names.get(name, name) in known and name not in own:
                    assert value == getattr(holder, names.get(name, name)), (command.name, name)
                    compared += 1
                    break
        assert compared >= 8
    codes = Config().codes
    assert defaults(tokenizer.command)["codes"] == f"{codes['body']}/{codes['right_hand']}/{codes['face']}"
    found = defaults(everything.command)
    assert (found["tokenizer_steps"], found["lm_steps"]) == (Options().steps, LmOptions().steps)
    reader = RecogniserOptions()
    assert (found["recogniser_steps"], found["encoder_steps"], found["rare"]) == (reader.steps, reader.encoder_steps, reader.rare)


def stages(log: list[str], **settings: int) -> tuple[Stage, ...]:
    def stage(name: str, *needs: str) -> Stage:
        def make(place: Path, tell: Callable[[float, str], None]) -> str:
            log.append(name)
            if settings.get(name, 0) < 0:
                raise InputError("no")
            place.mkdir(exist_ok=True)
            tell(1.0, "all of it")
            return f"{name} made"

        return Stage(name, {"n": abs(settings.get(name, 0))}, needs, make)

    return stage("a"), stage("b"), stage("c", "a"), stage("d", "a", "c")


def test_what_is_made_from_a_stage_is_made_anew_with_it(tmp_path: Path) -> None:
    log: list[str] = []
    with pytest.raises(InputError, match="^no$"):
        Run(tmp_path, stages(log, c=-1)).go()
    assert log == ["a", "b", "c"] and not notes(tmp_path)["c"]["done"]
    Run(tmp_path, stages(log, c=1)).go()
    assert log[3:] == ["c", "d"] and all(n["done"] for n in notes(tmp_path).values())
    (tmp_path / "b").rmdir()
    Run(tmp_path, stages(log, c=1)).go()
    assert log[5:] == ["b"]
    (tmp_path / "a").rmdir()
    Run(tmp_path, stages(log, c=1)).go()
    assert log[6:] == ["a", "c", "d"]
    with pytest.raises(InputError, match="the c there is of other n; choose another folder"):
        Run(tmp_path, stages(log, c=2))
    bare = json.dumps({"format": everything.FORMAT, "version": everything.VERSION, "stages": {"a": {}}})
    for text, words in (
        ("{", "not valid JSON"), ('{"format": "x"}', "not the config of a SignGen training run"), (bare, "run.json: stages: expected an object with")
    ):  # fmt: skip
        (tmp_path / everything.RUN_FILE).write_text(text)
        with pytest.raises(FileFormatError, match=words):
            Run(tmp_path, stages(log))
    assert len(log) == 9


def test_long_work_tells_of_itself_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.report("training") as tell:
        tell(0.5, "too soon")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.report("training") as tell:
        tell(0.25, "step 5/20  9 s left")
    assert capsys.readouterr().err == "training  25 %  step 5/20  9 s left\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.report("training") as tell:
        tell(0.25, "9 s left")
        tell(0.25, "8 s left")
    shown = capsys.readouterr().err
    assert "25%" in shown and "8 s left" in shown


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not say how much memory a process has")
def test_memory_of_the_process_and_its_children() -> None:
    with PeakMemory() as alone:
        pass
    child = subprocess.Popen([sys.executable, "-c", "x = b'1' * 200_000_000; print(1, flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    with PeakMemory() as both:
        child.stdout.readline()
    child.communicate(b"\n")
    assert alone.megabytes is not None and both.megabytes is not None and both.megabytes > alone.megabytes + 150.0


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_workers_of_a_corpus_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os\nimport time\nfrom concurrent.futures import ProcessPoolExecutor\nfrom multiprocessing import get_context\n"
        "from signgen_core.train.corpus import _alone\nif __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, mp_context=get_context('spawn'), initializer=_alone)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n    time.sleep(600)\n"
    )
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(1000):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker lives on")
