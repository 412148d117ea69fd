"""The add-on's side of the worker, with real processes: good ones, bad ones, and some that only look like one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_addon import environment
from blender_addon.environment import Command, NoEnvironmentError, find_command
from blender_addon.job_events import Done, Event, Failed, Progress
from blender_addon.worker import WORDS, Limits, State, Worker
from signgen_core import pipeline, worker_protocol
from signgen_core.action import plan_from_json, plan_to_json
from signgen_core.resampling import resample
from signgen_core.schema import PLAN_VERSION

ROOT = Path(__file__).parent.parent.parent
TEXT = "Nice to meet you."
RULES = {"rules_only": True}
LONG = "HOUSE BOOK WORK HELLO MOTHER " * 20
GREETING = f"""
import json, sys, time
def said(**fields): print(json.dumps(fields), flush=True)
hello = json.loads(sys.stdin.readline())
said(id=hello["id"], reply="result", protocol={worker_protocol.PROTOCOL}, plan_version={PLAN_VERSION}, process=0)
"""
LIMIT = 90.0  # seconds after which a test gives up; nothing is timed by it


def program(code: str, *options: str) -> Command:
    return Command((sys.executable, *options, "-c", code), str(ROOT), "the program")


def real(before: str = "") -> Command:
    return program(f"import os, sys\n{before}\nfrom headless.worker import main\nsys.exit(main())")


def job(body: str) -> Command:
    """A real worker whose `classify` does something else."""
    return real(f"import time\nfrom headless import worker\ndef job(self, request, tick):\n    {body}\nworker.Worker._classify = job")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the exchange folders are made; must be empty again at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def start(temporary: Path) -> Iterator[Callable[..., Worker]]:
    """`start(command)` makes a client of that program. At the end no process, thread or file of any of them may be left."""
    made: list[Worker] = []
    threads = set(threading.enumerate())

    def make(command: Command | None = None, limits: Limits | None = None) -> Worker:
        made.append(Worker("", limits, lambda _: command or real()))
        return made[-1]

    yield make
    for worker in made:
        assert worker.stop(20.0)
        assert worker.state in (State.ABSENT, State.CRASHED, State.VERSION_MISMATCH, State.MISSING_ENVIRONMENT)
    assert not list(temporary.iterdir())
    if os.name == "posix":
        with pytest.raises(ChildProcessError):  # neither running nor a zombie
            os.waitpid(-1, os.WNOHANG)
    deadline = time.monotonic() + LIMIT
    while left := {t for t in threading.enumerate() if not isinstance(t, threading.Timer)} - threads:
        assert time.monotonic() < deadline, left


def until(worker: Worker, done: Callable[[list[Event]], object]) -> list[Event]:
    events: list[Event] = []
    deadline = time.monotonic() + LIMIT
    while not done(events):
        assert time.monotonic() < deadline, (worker.state, worker.detail, events)
        events += worker.poll()
        time.sleep(0.002)
    return events


def ended(number: int) -> Callable[[list[Event]], object]:
    return lambda events: [e for e in events if e.job == number and not isinstance(e, Progress)]


def outcome(worker: Worker, number: int) -> Event:
    return next(e for e in until(worker, ended(number)) if e.job == number and not isinstance(e, Progress))


def reaches(number: int, step: str) -> Callable[[list[Event]], object]:
    return lambda events: any(isinstance(e, Progress) and (e.job, e.step) == (number, step) for e in events)


def failure(worker: Worker, number: int) -> Failed:
    found = outcome(worker, number)
    assert isinstance(found, Failed), found
    return found


def test_it_signs_plans_and_reads(start: Callable[..., Worker]) -> None:
    worker = start()
    assert worker.state is State.ABSENT
    number = worker.sign(TEXT, fps=20.0, **RULES)
    assert worker.state is State.STARTING
    events = until(worker, ended(number))
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions) and len(fractions) >= 4
    signed = events[-1]
    assert worker.state is State.READY and worker.about["protocol"] == worker_protocol.PROTOCOL
    plan = pipeline.plan_text(TEXT)
    motion = pipeline.animate(plan, fps=20.0)
    assert isinstance(signed, Done) and signed.plan is not None and signed.motion is not None
    assert plan_to_json(signed.plan) == plan_to_json(plan)
    assert np.array_equal(signed.motion.poses, motion.poses) and signed.motion.segments == motion.segments

    planned = outcome(worker, worker.plan("HELLO", gloss=True, seed=5, handedness=None))
    assert isinstance(planned, Done) and planned.plan is not None and planned.plan.seed == 5 and planned.motion is None
    animated = outcome(worker, worker.animate(plan, fps=20.0, generator="phonology"))
    assert isinstance(animated, Done) and animated.motion is not None and np.array_equal(animated.motion.face, motion.face)


def test_an_edited_plan_is_resampled(start: Callable[..., Worker]) -> None:
    plan = pipeline.plan_text("HELLO MOTHER BOOK HOUSE WORK HELLO", gloss=True)
    motion = pipeline.animate(plan, fps=25.0)
    edited = replace(plan, actions=(*plan.actions[:3], replace(plan.actions[3], emphasis="strong"), *plan.actions[4:]))
    expected, window = resample(plan, motion, edited)
    worker = start()
    found = outcome(worker, worker.resample(plan, motion, edited))
    assert isinstance(found, Done) and found.motion is not None and found.plan is not None
    assert found.window == (window.first, window.last, window.old_last) and window.first > 0
    assert np.array_equal(found.motion.poses, expected.poses) and found.motion.fps == 25.0
    assert plan_to_json(found.plan) == plan_to_json(window.plan)
    wrong = failure(worker, worker.resample(pipeline.plan_text("BOOK", gloss=True), motion, edited))
    assert wrong.kind == "input" and "not one of this plan" in wrong.message


def test_a_fault_of_the_plan_names_its_field(start: Callable[..., Worker]) -> None:
    plan = plan_to_json(pipeline.plan_text("HELLO", gloss=True))
    plan["actions"][0]["handshape"]["type"] = "nobody_s"
    worker = start()
    found = failure(worker, worker.animate(plan_from_json(plan)))
    assert (found.kind, found.path) == ("plan", "actions[0].handshape.type") and "nobody_s" in found.message


def test_a_job_is_cancelled_and_the_next_one_done(start: Callable[..., Worker]) -> None:
    worker = start()
    number = worker.sign(LONG, gloss=True)
    until(worker, reaches(number, "signing"))
    process = worker.about["process"]
    worker.cancel()
    assert worker.state is State.CANCELLING
    assert failure(worker, number).kind == "cancelled"
    assert worker.state is State.READY
    assert isinstance(outcome(worker, worker.plan("HELLO", gloss=True)), Done)
    assert worker.about["process"] == process


def test_a_worker_that_does_not_hear_a_cancel_is_replaced(start: Callable[..., Worker]) -> None:
    worker = start(job("tick(0.5, 'deaf')\n    time.sleep(1000)"), Limits(cancel=0.1))
    number, waiting = worker.classify(["a"]), worker.classify(["b"])
    until(worker, reaches(number, "deaf"))
    process = worker.about["process"]
    worker.cancel(number)
    events = until(worker, ended(waiting))
    assert {e.job: e.kind for e in events if isinstance(e, Failed)} == {number: "cancelled", waiting: "cancelled"}
    until(worker, lambda _: worker.state is State.READY)
    assert worker.about["process"] != process


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal 9")
def test_a_worker_killed_in_the_middle_of_a_job_is_told_and_restarted(start: Callable[..., Worker]) -> None:
    worker = start(job("while request['texts'] == ['long']: tick(0.5, 'signing'); time.sleep(0.02)\n    return {}"))
    number = worker.classify(["long"])
    until(worker, reaches(number, "signing"))
    os.kill(worker.about["process"], signal.SIGKILL)
    found = failure(worker, number)
    assert found.kind == "crashed" and "signal 9" in found.message
    assert worker.state is State.CRASHED and "signal 9" in worker.detail and worker.words == WORDS[State.CRASHED]
    assert worker.poll() == []
    assert isinstance(outcome(worker, worker.classify(["short"])), Done)


def test_a_crash_shows_the_last_words(start: Callable[..., Worker]) -> None:
    worker = start(program(f"{GREETING}\nsys.stdin.readline()\nsys.exit('the disk is on fire')"))
    assert failure(worker, worker.plan(TEXT)).kind == "crashed"
    assert worker.state is State.CRASHED and worker.detail == "it ended with status 1: the disk is on fire"
    early = start(program("raise SystemExit('no licence')"))
    assert failure(early, early.plan(TEXT)).kind == "crashed" and "no licence" in early.detail


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (f"reply='result', protocol=99, plan_version={PLAN_VERSION}", "speaks protocol 99, this add-on "),
        ("reply='error', kind='version', protocol=99, message='no'", "speaks protocol 99, this add-on "),
        (f"reply='result', protocol={worker_protocol.PROTOCOL}, plan_version=99", "speaks plans of version 99, this add-on "),
        ("reply='result'", "speaks protocol None, this add-on "),
    ],
)
def test_a_worker_of_another_version_is_refused(start: Callable[..., Worker], answer: str, words: str) -> None:
    code = f"import json, sys, time\nprint(json.dumps(dict(id=json.loads(sys.stdin.readline())['id'], {answer})), flush=True)\nsys.stdin.read()"
    worker = start(program(code))
    found = failure(worker, worker.plan(TEXT))
    assert found.kind == "version" and words in found.message
    assert worker.state is State.VERSION_MISMATCH and words in worker.detail


def test_a_signgen_without_a_worker_is_of_another_version(start: Callable[..., Worker], tmp_path: Path) -> None:
    (tmp_path / "headless").mkdir()
    (tmp_path / "headless/__init__.py").touch()
    worker = start(Command((sys.executable, "-S", "-m", "headless.worker"), str(tmp_path), "old"))
    assert failure(worker, worker.plan(TEXT)).kind == "version"
    assert worker.state is State.VERSION_MISMATCH and "too old" in worker.detail
    cli = start(program("import sys\nsys.exit(\"error: No such command 'worker'.\")"))
    assert failure(cli, cli.plan(TEXT)).kind == "version"


def test_a_missing_environment_is_told(start: Callable[..., Worker], tmp_path: Path) -> None:
    bare = start(Command((sys.executable, "-S", "-m", "headless.worker"), str(tmp_path), "bare python"))
    assert failure(bare, bare.plan(TEXT)).kind == "missing_environment"
    assert bare.state is State.MISSING_ENVIRONMENT and "bare python has no SignGen" in bare.detail
    gone = start(Command((str(tmp_path / "gone"), "worker"), str(tmp_path), "gone"))
    assert failure(gone, gone.plan(TEXT)).kind == "missing_environment"
    assert gone.state is State.MISSING_ENVIRONMENT and "gone cannot be run" in gone.detail
    unfound = Worker(str(tmp_path / "nowhere"))
    assert failure(unfound, unfound.plan(TEXT)).kind == "missing_environment"
    assert unfound.state is State.MISSING_ENVIRONMENT and "nowhere (from the preferences)" in unfound.detail


def test_noise_on_both_outputs_disturbs_nothing(start: Callable[..., Worker]) -> None:
    noise = (
        "print('Welcome to this shell!'); print('[1, 2]'); print('{}'); sys.stdout.flush(); os.write(1, b'\\xff\\xfe\\x00\\n')\n"
        "for _ in range(20000): os.write(2, b'a warning of some package, again and again, ' * 2 + b'\\n')"
    )
    worker = start(real(noise))
    assert isinstance(outcome(worker, worker.plan("HELLO", gloss=True)), Done)


def test_answers_that_cannot_be_read_fail_their_job_alone(start: Callable[..., Worker], tmp_path: Path) -> None:
    (tmp_path / "outside.npz").write_bytes(b"mine")
    answers = ['file="../../outside.npz"', 'file="absent.npz"', "plan=3", 'plan={"version": 1}']
    lines = [f'said(id=json.loads(sys.stdin.readline())["id"], reply="result", {a})' for a in answers]
    worker = start(program(GREETING + "\n".join([*lines, 'said(id=77, reply="result")', 'said(reply="?")', "sys.stdin.read()"])))
    for _ in answers:
        found = failure(worker, worker.plan(TEXT))
        assert found.kind == "internal" and "cannot be read" in found.message
    assert worker.state is State.READY and (tmp_path / "outside.npz").exists()


def test_a_huge_text_is_refused_in_a_line(start: Callable[..., Worker]) -> None:
    worker = start()
    found = failure(worker, worker.plan("word " * 1_000_000, **RULES))
    assert found.kind == "input" and len(found.message) < 200
    assert failure(worker, worker.plan("\ud800 half", **RULES)).kind == "input"
    assert failure(worker, worker.plan(TEXT, tempo=float("nan"))).kind == "input"
    assert worker.state is State.READY


def test_too_little_memory_is_a_state_until_the_next_job(start: Callable[..., Worker]) -> None:
    worker = start(job("import numpy\n    return {} if request['texts'] == ['small'] else {'a': numpy.ones(2**55)}"))
    assert failure(worker, worker.classify(["large"])).kind == "out_of_memory"
    assert worker.state is State.OUT_OF_MEMORY and "memory" in worker.words
    assert isinstance(outcome(worker, worker.classify(["small"])), Done)
    assert worker.state is State.READY


def test_a_worker_that_says_nothing_is_given_up(start: Callable[..., Worker]) -> None:
    never = start(program("import time; time.sleep(1000)"), Limits(start=0.3))
    assert failure(never, never.plan(TEXT)).kind == "crashed" and "did not answer within 0.3 s" in never.detail
    silent = start(program(f"{GREETING}\ntime.sleep(1000)"), Limits(quiet=0.1, silence=0.5))
    assert failure(silent, silent.plan(TEXT)).kind == "crashed" and "has not answered for 0.5 s" in silent.detail


def test_a_job_that_takes_long_is_asked_after_and_left_to_it(start: Callable[..., Worker]) -> None:
    worker = start(job("time.sleep(2.5)\n    return {}"), Limits(quiet=0.1, silence=2.0))
    assert isinstance(outcome(worker, worker.classify(["a"])), Done)


def test_restart_kill_and_stop(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.start()
    until(worker, lambda _: worker.state is State.READY)
    first = worker.about["process"]
    number = worker.plan(LONG, gloss=True)
    worker.restart()
    assert worker.state is State.STARTING and failure(worker, number).kind == "cancelled"
    until(worker, lambda _: worker.state is State.READY)
    assert worker.about["process"] != first
    worker.kill()
    assert worker.state is State.ABSENT and worker.stop(20.0)
    worker.start()
    worker.kill()  # before there is a process
    worker.start()
    until(worker, lambda _: worker.state is State.READY)


def test_a_program_that_does_not_want_to_end_is_killed(start: Callable[..., Worker]) -> None:
    worker = start(program(f"{GREETING}\nwhile True: time.sleep(1)"))
    worker.start()
    until(worker, lambda _: worker.state is State.READY)
    assert worker.stop(4.0)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process in /proc")
def test_the_worker_ends_when_blender_dies(tmp_path: Path) -> None:
    code = (
        "import sys, tempfile, time\nfrom blender_addon.worker import Worker, State\nfrom blender_addon.environment import Command\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        f"w = Worker('', None, lambda _: Command((sys.executable, '-m', 'headless.worker'), {str(ROOT)!r}, 'real'))\n"
        "w.start()\nwhile w.state is not State.READY: w.poll(); time.sleep(0.01)\n"
        "print(w.about['process'], flush=True)\ntime.sleep(1000)"
    )
    blender = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert blender.stdout is not None
    worker = int(blender.stdout.readline())
    blender.kill()
    blender.communicate()
    deadline = time.monotonic() + LIMIT
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not list(tmp_path.iterdir())


def test_every_state_has_words() -> None:
    assert set(WORDS) == set(State) and all(WORDS.values())


def test_the_environment_is_found_where_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touch(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o755)
        return path

    program_, python = ("Scripts/signgen.exe", "Scripts/python.exe") if os.name == "nt" else ("bin/signgen", "bin/python")
    env, tree, user = tmp_path / "env", tmp_path / "tree", tmp_path / "user"
    env_python = touch(env / python)
    tree_python = touch(tree / ".venv" / python)
    touch(tree / "headless/worker.py")
    touch(env / program_)
    (env / "pyvenv.cfg").touch()
    alone = touch(user / program_)
    module = ("-m", "headless.worker")
    for chosen, arguments, folder in (
        (env, (str(env_python), *module), str(env_python.parent)),
        (env_python, (str(env_python), *module), str(env_python.parent)),
        (env / program_, (str(env_python), *module), str(env_python.parent)),
        (alone, (str(alone), "worker"), str(alone.parent)),
        (tree, (str(tree_python), *module), str(tree)),
    ):
        found = find_command(f" {chosen} ")
        assert (found.arguments, found.folder) == (arguments, folder)
    monkeypatch.setenv(environment.VARIABLE, str(env))
    assert find_command().arguments[0] == str(env_python)
    assert find_command(str(tree)).arguments[0] == str(tree_python)
    for wrong in (tmp_path, tmp_path / "absent", touch(tmp_path / "file").with_name("file2")):
        with pytest.raises(NoEnvironmentError, match="from the preferences"):
            find_command(str(wrong))
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(NoEnvironmentError, match=environment.VARIABLE):
        find_command()
    monkeypatch.delenv(environment.VARIABLE)
    monkeypatch.setenv("PATH", str((env / program_).parent))
    assert find_command().arguments[0] == str(env_python)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(environment, "__file__", str(tree / "blender_addon/environment.py"))
    assert find_command().arguments[0] == str(tree_python)
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "elsewhere/environment.py"))
    with pytest.raises(NoEnvironmentError, match="no SignGen was found"):
        find_command()


def test_blender_s_python_settings_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/somewhere")
    monkeypatch.setenv("SIGNGEN_SMPLX", "body.npz")
    passed = environment.child_environment()
    assert "PYTHONHOME" not in passed and passed["SIGNGEN_SMPLX"] == "body.npz"
