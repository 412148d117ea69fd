"""The worker as a real process: what it answers, what ends it, and that its results are the command line's."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headless.worker import is_out_of_memory
from signgen_core.schema import PLAN_VERSION
from signgen_core.worker_protocol import MAX_LINE, PROTOCOL

ROOT = Path(__file__).parent.parent.parent
RULES = {"rules_only": True}
TEXT = "Nice to meet you."
HELLO = {
    "gloss_id": "HELLO", "handshape": {"type": "b", "finger_config": {}}, "trajectory": [], "duration": 0.5, "non_manual_markers": {}, "emphasis": "none",
}  # fmt: skip
LONG = "My sister bought a new house yesterday. " * 12


class Conversation:
    """A worker and what it has said. `ask` sends, `answer` waits for the reply to a number; progress is kept in `progress`."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.process = subprocess.Popen(
            command or (sys.executable, "-m", "headless.worker"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # whoever runs the tests in the background hands down an ignored SIGINT, and Python leaves that as it is
            preexec_fn=None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        self.progress: list[dict[str, Any]] = []
        self.number = 0
        self.kept: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, request: str, **fields: Any) -> int:
        self.number += 1
        self.write(json.dumps({"id": self.number, "request": request, **fields}).encode() + b"\n")
        return self.number

    def hello(self, **fields: Any) -> dict[str, Any]:
        return self.answer(self.ask("hello", **{"protocol": PROTOCOL, "folder": str(self.folder), **fields}))

    def said(self) -> dict[str, Any]:
        """The next line, which must be a reply."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n") and line.isascii(), (line, self.process.stderr and self.process.stderr.read())
        found: dict[str, Any] = json.loads(line)
        assert found["reply"] in ("progress", "result", "error")
        return found

    def answer(self, number: int | None) -> dict[str, Any]:
        for k, reply in enumerate(self.kept):
            if reply["id"] == number:
                return self.kept.pop(k)
        while True:
            reply = self.said()
            if reply["reply"] == "progress":
                self.progress.append(reply)
            elif reply["id"] == number:
                return reply
            else:
                self.kept.append(reply)

    def until(self, number: int, step: str) -> None:
        while (reply := self.said())["reply"] != "progress" or (reply["id"], reply["step"]) != (number, step):
            assert reply["id"] != number or reply["reply"] == "progress", reply
            if reply["reply"] != "progress":
                self.kept.append(reply)

    def do(self, request: str, **fields: Any) -> dict[str, Any]:
        return self.answer(self.ask(request, **fields))

    def end(self) -> tuple[int, str]:
        """Closes its input; exit status and standard error."""
        out, err = self.process.communicate(timeout=60)
        assert all(json.loads(line) for line in out.splitlines())
        return self.process.returncode, err.decode()


def with_patch(code: str) -> tuple[str, str, str]:
    """A worker whose program has been changed by `code`."""
    return sys.executable, "-c", f"import os, sys, time\nfrom headless import worker\n{code}\nsys.exit(worker.main())"


def with_job(body: str, more: str = "") -> tuple[str, str, str]:
    """A worker whose `classify` does what `body` says; it sees `request` and `tick`."""
    return with_patch(f"{more}\ndef job(self, request, tick):\n{textwrap.indent(body, '    ')}\nworker.Worker._classify = job")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Conversation]]:
    started: list[Conversation] = []

    def make(*command: str) -> Conversation:
        started.append(Conversation(tmp_path / f"exchange{len(started)}", *command))
        return started[-1]

    yield make
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """One worker for all tests that leave it as it was; it must still be there after the last of them."""
    one = Conversation(tmp_path_factory.mktemp("worker") / "exchange")
    one.hello()
    yield one
    assert one.do("ping")["busy"] is None
    assert one.end()[0] == 0
    assert not one.folder.exists()


def test_it_says_who_it_is(start: Callable[..., Conversation]) -> None:
    one = start()
    before = one.do("plan", text=TEXT)
    assert (before["kind"], before["message"]) == ("request", "request: plan before hello")
    found = one.hello()
    assert (found["reply"], found["protocol"], found["plan_version"], found["process"]) == ("result", PROTOCOL, PLAN_VERSION, one.process.pid)
    assert "phonology" in found["generators"]
    again = one.hello()
    assert (again["kind"], again["message"]) == ("request", "request: hello was said already")
    assert one.do("quit")["reply"] == "result"
    assert one.process.wait(30) == 0 and not one.folder.exists()


def test_another_protocol_and_an_unfit_folder_are_refused(start: Callable[..., Conversation], tmp_path: Path) -> None:
    one = start()
    other = one.hello(protocol=PROTOCOL + 1)
    assert (other["kind"], other["protocol"]) == ("version", PROTOCOL)
    assert str(PROTOCOL + 1) in other["message"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.npz").write_bytes(b"precious")
    for folder in (str(tmp_path / "full"), "exchange", str(tmp_path / "absent")):
        assert one.hello(folder=folder)["kind"] == "request"
    assert one.end()[0] == 0
    assert (tmp_path / "full/mine.npz").read_bytes() == b"precious"


def test_two_jobs_after_each_other_give_the_command_line_s_bytes(talk: Conversation, run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("plan", TEXT, "--rules-only", "--seed", "4", "-o", "plan.json").status == 0
    assert run("animate", "plan.json", "--fps", "20", "-o", "motion.npz").status == 0
    plan, motion = json.loads(Path("plan.json").read_text(encoding="utf-8")), Path("motion.npz").read_bytes()
    first = talk.do("sign", text=TEXT, fps=20, options={**RULES, "seed": 4})
    second = talk.do("plan", text=TEXT, options={**RULES, "seed": 4})
    third = talk.do("animate", plan=second["plan"], fps=20.0, generator="phonology")
    completed = talk.do("plan", plan=second["plan"])
    assert first["plan"] == second["plan"] == completed["plan"] == plan
    assert first["file"] != third["file"]
    assert talk.do("plan", plan=plan, generator="lm", options={"seed": 5})["plan"] == {**plan, "generator": "lm", "seed": 5}
    for made in (first, third):
        assert (talk.folder / made["file"]).read_bytes() == motion
        assert made["fps"] == 20 and made["frames"] > 20


def test_progress_grows_to_the_end_of_a_job(talk: Conversation) -> None:
    talk.progress.clear()
    number = talk.ask("sign", text=TEXT, options=RULES)
    talk.answer(number)
    fractions = [p["fraction"] for p in talk.progress if p["id"] == number]
    steps = [p["step"] for p in talk.progress if p["id"] == number]
    assert fractions == sorted(fractions) and 0.0 <= fractions[0] and fractions[-1] <= 1.0
    assert list(dict.fromkeys(steps)) == ["starting", "loading", "planning", "signing", "writing"]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_the_models_read_a_text_as_everywhere(talk: Conversation) -> None:
    found = talk.do("classify", texts=["Where do you live?", "Thank you so much!"])["found"]
    assert [one["text"] for one in found] == ["Where do you live?", "Thank you so much!"]
    assert max(found[0]["type"], key=found[0]["type"].__getitem__) == "wh_question"
    assert max(found[1]["subject"], key=found[1]["subject"].__getitem__) == "gratitude"
    assert all(sum(labels.values()) == pytest.approx(1.0) for one in found for head, labels in one.items() if head != "text")
    assert talk.do("plan", text="where do you live")["plan"]["sentences"][0]["probabilities"]


def test_a_job_is_cancelled_while_it_runs_and_while_it_waits(talk: Conversation) -> None:
    running = talk.ask("sign", text=LONG, options=RULES)
    waiting = talk.ask("sign", text=LONG, options=RULES)
    talk.until(running, "signing")
    assert talk.do("ping")["busy"] == running
    assert talk.do("cancel", target=waiting)["cancelled"] is True
    assert talk.do("cancel", target=running)["cancelled"] is True
    assert talk.answer(running)["kind"] == talk.answer(waiting)["kind"] == "cancelled"
    assert talk.do("cancel", target=running)["cancelled"] is False
    assert not (talk.folder / f"motion-{running}.npz").exists()
    assert talk.do("sign", text=TEXT, options=RULES)["reply"] == "result"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"hello?\n", "not a line of JSON"),
        (b"[1]\n", "not a JSON object"),
        (b"\xff\xfe\x00\n", "not a line of JSON"),
        (b"{}\n", "id: expected int, found nothing"),
        (b'{"id": true, "request": "ping"}\n', "id: expected int, found bool"),
    ],
)
def test_garbage_is_answered_and_does_no_harm(talk: Conversation, line: bytes, words: str) -> None:
    talk.write(line)
    reply = talk.answer(None)
    assert (reply["reply"], reply["kind"], reply["message"]) == ("error", "request", words)


@pytest.mark.parametrize(
    ("request_", "fields", "kind", "words"),
    [
        ("dance", {}, "request", "request: 'dance' is none of hello, plan"),
        ("plan", {}, "request", "expected either text or plan"),
        ("plan", {"text": 3}, "request", "text: expected str, found int"),
        ("plan", {"text": TEXT, "options": {"speed": 2}}, "request", "options.speed: none of gloss"),
        ("plan", {"text": TEXT, "options": {"tempo": "2"}}, "request", "tempo: expected int or float, found str"),
        ("plan", {"text": TEXT, "options": {"seed": -1}}, "input", "seed -1 is not between"),
        ("plan", {"text": TEXT, "options": {**RULES, "tempo": 9}}, "input", "tempo 9 is not between"),
        ("plan", {"text": TEXT, "options": {"gestures": "many"}}, "input", "gestures 'many' is none of none, with, only"),
        ("plan", {"text": TEXT, "options": {"encoder": "nowhere"}}, "input", "nowhere: no such model folder"),
        ("plan", {"text": TEXT, "character": "nobody"}, "input", "nobody"),
        ("plan", {"text": "", "options": RULES}, "input", "text"),
        ("plan", {"text": "\ud800", "options": RULES}, "input", "surrogate"),
        ("plan", {"text": "a" * 3_000_000, "options": RULES}, "input", "characters"),
        ("animate", {"plan": {"version": 1, "actions": [{**HELLO, "duration": -1}]}}, "plan", "actions[0].duration"),
        ("animate", {"plan": {"version": 99, "actions": []}}, "plan", "version"),
        ("animate", {"plan": {"version": 1, "actions": [HELLO]}, "fps": 1000}, "input", "fps 1000 is not"),
        ("animate", {"plan": {"version": 1, "actions": [HELLO]}, "generator": "magic"}, "input", "'magic' is none of"),
        ("resample", {"old_motion": "../a.npz"}, "request", "old_motion: must be the name of a file in the agreed folder"),
        ("resample", {"old_motion": "absent.npz", "old_plan": {"version": 1, "actions": [HELLO]}}, "request", "new_plan: expected dict, found nothing"),
        ("classify", {"texts": ["a", " "]}, "request", "texts[1]: expected a text that is not empty"),
        ("cancel", {}, "request", "target: expected int, found nothing"),
    ],
)
def test_what_cannot_be_done_is_one_named_line(talk: Conversation, request_: str, fields: dict[str, Any], kind: str, words: str) -> None:
    reply = talk.do(request_, **fields)
    assert (reply["reply"], reply["kind"]) == ("error", kind), reply
    assert words in reply["message"] and "\n" not in reply["message"]
    if kind == "plan":
        assert reply["path"] and reply["path"] in reply["message"]


def test_faults_are_named_and_the_next_job_is_done(start: Callable[..., Conversation]) -> None:
    one = start(
        *with_job(
            "what = request['texts'][0]\n"
            "if what == 'array': import numpy; numpy.ones(2**55)\n"
            "if what == 'torch': raise RuntimeError('[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate')\n"
            "if what == 'package': import package_that_nobody_has\n"
            "if what == 'fault': raise ZeroDivisionError('division\\nby zero')\n"
            "print('noise'); os.write(1, b'noise from C\\n'); sys.stdout.flush()\n"
            "return {}"
        )
    )
    one.hello()
    for what, kind, words in (
        ("array", "out_of_memory", "memory"),
        ("torch", "out_of_memory", "memory"),
        ("package", "machine", "package_that_nobody_has is not installed"),
        ("fault", "internal", "ZeroDivisionError: division by zero"),
    ):
        reply = one.do("classify", texts=[what])
        assert reply["kind"] == kind and words in reply["message"]
    assert one.do("classify", texts=["nothing"])["reply"] == "result"
    status, err = one.end()
    assert status == 0 and "noise\n" in err and "noise from C" in err and "Traceback" in err


def test_torch_s_own_words_for_too_little_memory_are_known() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**55, dtype=torch.float64)
    assert is_out_of_memory(raised.value)
    assert not is_out_of_memory(RuntimeError("sizes do not match")) and not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize("deaf", [False, True])
def test_it_ends_when_its_input_does_even_in_the_middle_of_a_job(start: Callable[..., Conversation], deaf: bool) -> None:
    """A job that looks at its progress ends by itself; one that never does is cut off."""
    one = start(*with_job("time.sleep(1000)" if deaf else "while True: time.sleep(0.02); tick(0.5, 'signing')", "worker._GRACE = 0.5"))
    one.hello()
    (one.folder / "old-1.npz").write_bytes(b"left by the add-on")
    one.until(one.ask("classify", texts=["x"]), "starting")
    assert one.end()[0] == 0
    assert not one.folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_it_in_the_middle_of_a_job(start: Callable[..., Conversation], number: int, status: int) -> None:
    one = start(*with_job("tick(0.5, 'signing'); time.sleep(1000)"))
    one.hello()
    one.until(one.ask("classify", texts=["x"]), "signing")
    one.process.send_signal(number)
    assert one.process.wait(30) == status
    assert not one.folder.exists()


def test_a_request_without_end_ends_it(start: Callable[..., Conversation]) -> None:
    one = start(*with_patch("worker.protocol.MAX_LINE = 100_000"))
    one.hello()
    assert MAX_LINE > 100_000
    one.write(b"[" * 100_001)
    assert one.answer(None)["kind"] == "request"
    assert one.process.wait(30) == 0


def test_the_command_serves_too(start: Callable[..., Conversation]) -> None:
    one = start(sys.executable, "-c", "from headless.commands.worker import command; command()")
    assert one.hello()["protocol"] == PROTOCOL
    assert one.end()[0] == 0
