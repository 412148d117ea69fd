"""The process that signs for the Blender add-on: requests on standard input, replies on standard output (docs/worker_protocol.md).

One thread reads and answers at once what must not wait (ping, cancel); the main thread does one job after the other. Models and bodies are loaded when
a job first needs them and stay. Whatever else prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from headless.console import INTERRUPTED
from headless.interruption import interruptions_raised
from signgen_core import worker_protocol as protocol
from signgen_core.errors import InputError, PlanError, SignGenError, internal
from signgen_core.generators import GENERATORS

if TYPE_CHECKING:
    from headless.inputs import Wishes
    from signgen_core.action import ActionSequence
    from signgen_core.body.model import Body
    from signgen_core.motion import Motion

_GRACE = 2.0  # seconds that a running job has to notice that nobody listens any more
_TICK = 0.05  # seconds between two reports of progress
_WHOLE_NUMBER, _NUMBER, _TEXT, _FLAG, _OBJECT, _LIST = (int,), (int, float), (str,), (bool,), (dict,), (list,)
# what a request may say about the plan: name -> type; `headless.inputs.Wishes`
_OPTIONS = {
    "gloss": _FLAG, "seed": _WHOLE_NUMBER, "handedness": _TEXT, "tempo": _NUMBER, "gestures": _TEXT, "emotion": _TEXT, "rules_only": _FLAG,
    "classifier": _TEXT, "encoder": _TEXT,
}  # fmt: skip
_CHOICES = {"handedness": ("right", "left"), "gestures": ("none", "with", "only"), "emotion": ("positive", "negative", "neutral")}
_LARGEST_SEED = 2**31 - 1


class CancelledError(Exception):
    """The running job was called off."""


class RequestError(InputError):
    """A request that this protocol does not have; the message names the field."""


class Worker:
    """One conversation. `run` returns when standard input has ended or the partner said quit."""

    def __init__(self, requests: IO[bytes], replies: IO[bytes]) -> None:
        self._requests, self._replies = requests, replies
        self._speaking = threading.Lock()
        self._lock = threading.Lock()  # over the three below
        self._running: int | None = None
        self._waiting: set[int] = set()
        self._called_off: set[int] = set()
        self._jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._folder: Path | None = None
        self._bodies: dict[str | None, Body | None] = {}
        self._ended = threading.Event()
        self._doing: dict[str, Callable[[dict[str, Any], Callable[[float, str], None]], dict[str, Any]]] = {
            "plan": self._plan, "animate": self._animate, "sign": self._sign, "resample": self._resample, "classify": self._classify,
        }  # fmt: skip

    def run(self) -> None:
        reader = threading.Thread(target=self._listen, name="requests", daemon=True)
        reader.start()
        try:
            while (request := self._jobs.get()) is not None:
                self._work(request)
        finally:
            self._ended.set()
            self._clear()

    # -- the reading thread ---------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while line := self._requests.readline(protocol.MAX_LINE + 1):
            if len(line) > protocol.MAX_LINE:
                self._fail(None, protocol.REQUEST, f"a request of more than {protocol.MAX_LINE // 2**20} MB")
                break
            if not line.strip():
                continue
            number: int | None = None
            try:
                request = protocol.decode(line)
                number = _number_of(request)
                if not self._receive(request, number):
                    break
            except InputError as problem:
                self._fail(number, protocol.REQUEST, str(problem))
        # whoever started us has gone or wants us gone
        with self._lock:
            self._called_off |= self._waiting | ({self._running} if self._running is not None else set())
        self._jobs.put(None)
        if not self._ended.wait(_GRACE):
            self._clear()
            os._exit(0)

    def _receive(self, request: dict[str, Any], number: int) -> bool:
        """Answers or queues one request; False after the last one."""
        kind = request.get("request")
        if kind == "hello":
            self._greet(request, number)
        elif kind == "quit":
            self._say(number, "result")
            return False
        elif kind == "ping":
            with self._lock:
                running = self._running
            self._say(number, "result", busy=running)
        elif kind == "cancel":
            target = _field(request, "target", _WHOLE_NUMBER)
            with self._lock:
                known = target == self._running or target in self._waiting
                if known:
                    self._called_off.add(target)
            self._say(number, "result", cancelled=known)
        elif kind not in self._doing:
            raise RequestError(f"request: {kind!r} is none of {', '.join(protocol.REQUESTS)}")
        elif self._folder is None:
            raise RequestError(f"request: {kind} before hello")
        else:
            with self._lock:
                if number == self._running or number in self._waiting:
                    raise RequestError(f"id: {number} is in use")
                self._waiting.add(number)
            self._jobs.put(request)
        return True

    def _greet(self, request: dict[str, Any], number: int) -> None:
        from importlib.metadata import PackageNotFoundError, version

        from signgen_core.schema import PLAN_VERSION

        theirs = _field(request, "protocol", _WHOLE_NUMBER)
        if theirs != protocol.PROTOCOL:
            self._fail(number, protocol.VERSION, f"protocol {theirs} was asked for, this worker speaks {protocol.PROTOCOL}", protocol=protocol.PROTOCOL)
            return
        folder = Path(_field(request, "folder", _TEXT))
        if self._folder is not None:
            raise RequestError("request: hello was said already")
        if not folder.is_absolute() or not folder.is_dir() or any(not _is_exchanged(path) for path in folder.iterdir()):
            raise RequestError("folder: must be an absolute path to a folder for this conversation alone")
        self._folder = folder
        try:
            ours = version("signgen")
        except PackageNotFoundError:
            ours = ""
        self._say(
            number, "result", protocol=protocol.PROTOCOL, plan_version=PLAN_VERSION, version=ours, python=platform.python_version(), process=os.getpid(),
            generators=list(GENERATORS),
        )  # fmt: skip

    # -- the main thread ------------------------------------------------------------------------------------------------------

    def _work(self, request: dict[str, Any]) -> None:
        number = request["id"]
        with self._lock:
            self._waiting.discard(number)
            self._running = number
        spoken, said = 0.0, ""

        def tick(fraction: float, step: str) -> None:
            nonlocal spoken, said
            with self._lock:
                if number in self._called_off:
                    raise CancelledError
            now = time.monotonic()
            if step != said or now - spoken >= _TICK:
                spoken, said = now, step
                self._say(number, "progress", fraction=round(min(max(fraction, 0.0), 1.0), 4), step=step)

        try:
            tick(0.0, "starting")
            answer = self._doing[request["request"]](request, tick)
            self._release(number)  # before the reply: who reads it may count on the next ping
            self._say(number, "result", **answer)
        except CancelledError:
            self._fail(number, protocol.CANCELLED, "cancelled")
        except RequestError as problem:
            self._fail(number, protocol.REQUEST, str(problem))
        except SignGenError as problem:
            where = {"path": problem.path} if isinstance(problem, PlanError) else {}
            self._fail(number, protocol.error_kind(problem), str(problem), **where)
        except ModuleNotFoundError as problem:
            self._fail(number, protocol.MACHINE, f"the package {problem.name} is not installed beside this worker; `python3 build.py setup` installs it")
        except Exception as problem:  # noqa: BLE001 - the last line of defence: a fault in one job must not end the conversation
            if is_out_of_memory(problem):
                self._fail(number, protocol.OUT_OF_MEMORY, "the machine has not enough free memory for this")
            else:
                self._fail(number, protocol.INTERNAL, internal(problem))
        finally:
            self._release(number)

    def _release(self, number: int) -> None:
        with self._lock:
            if self._running == number:
                self._running = None
            self._called_off.discard(number)

    def _plan(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> dict[str, Any]:
        from signgen_core.action import plan_to_json

        return {"plan": plan_to_json(self._make_plan(request, tick))}

    def _animate(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> dict[str, Any]:
        from signgen_core.action import plan_from_json

        plan = plan_from_json(_field(request, "plan", _OBJECT))
        return self._make_motion(request, plan, tick, 0.0)

    def _sign(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> dict[str, Any]:
        from signgen_core.action import plan_to_json

        plan = self._make_plan(request, lambda fraction, step: tick(0.3 * fraction, step))
        return {"plan": plan_to_json(plan), **self._make_motion(request, plan, tick, 0.3)}

    def _resample(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> dict[str, Any]:
        from signgen_core import resampling
        from signgen_core.action import plan_from_json, plan_to_json
        from signgen_core.motion import read_npz

        assert self._folder is not None
        name = _field(request, "old_motion", _TEXT)
        if not protocol.plain_name(name):
            raise RequestError("old_motion: must be the name of a file in the agreed folder")
        old, new = (plan_from_json(_field(request, key, _OBJECT)) for key in ("old_plan", "new_plan"))
        body = self._body(request, tick)
        tick(0.1, "signing")
        motion, window = resampling.resample(old, read_npz(self._folder / name), new, body=body)
        answer = self._written(request, motion, tick)
        return {**answer, "plan": plan_to_json(window.plan), "window": [window.first, window.last, window.old_last]}

    def _classify(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> dict[str, Any]:
        texts = _field(request, "texts", _LIST)
        for k, text in enumerate(texts):
            if not isinstance(text, str) or not text.strip():
                raise RequestError(f"texts[{k}]: expected a text that is not empty")
        wishes = _wishes(request)
        tick(0.0, "loading")
        from signgen_core.text.reader import load_reader

        classifier = load_reader(wishes.encoder, wishes.classifier).classifier
        found = []
        for k, text in enumerate(texts):
            tick(0.3 + 0.7 * k / len(texts), "reading")
            found += [{"text": c.text, **c.probabilities} for c in classifier.classify([text])]
        return {"found": found}

    # -- the steps of jobs ----------------------------------------------------------------------------------------------------

    def _make_plan(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> ActionSequence:
        from headless.inputs import Source, find_reader, to_plan

        wishes = replace(_wishes(request), generator=_generator(request))
        if ("text" in request) == ("plan" in request):
            raise RequestError("expected either text or plan")
        body = self._body(request, tick)
        if "plan" in request:
            source = Source("plan", "plan", json.dumps(_field(request, "plan", _OBJECT)))
        else:
            source = Source("text", "text", _proper(_field(request, "text", _TEXT)))
            tick(0.2, "loading")
            find_reader(wishes)
        tick(0.5, "planning")
        return to_plan(source, wishes, body)

    def _make_motion(self, request: dict[str, Any], plan: ActionSequence, tick: Callable[[float, str], None], done: float) -> dict[str, Any]:
        from signgen_core import pipeline

        fps = float(_field(request, "fps", _NUMBER, 30.0))
        plan = replace(plan, generator=_generator(request) or plan.generator)
        body = self._body(request, tick)
        tick(done, "signing")
        motion = pipeline.animate(plan, fps=fps, body=body, progress=lambda fraction: tick(done + (0.95 - done) * fraction, "signing"))
        return self._written(request, motion, tick)

    def _written(self, request: dict[str, Any], motion: Motion, tick: Callable[[float, str], None]) -> dict[str, Any]:
        from signgen_core import pipeline
        from signgen_core.motion import write_npz

        assert self._folder is not None
        tick(0.95, "writing")
        name = f"motion-{request['id']}.npz"
        write_npz(self._folder / name, motion, pipeline.joints(motion, self._body(request, tick)))
        return {"file": name, "frames": motion.num_frames, "fps": motion.fps}

    def _body(self, request: dict[str, Any], tick: Callable[[float, str], None]) -> Body | None:
        """The body that the request's `character` names; the same object each time, since a synthesiser is kept for it."""
        from headless.jobs import load_body

        character = _field(request, "character", _TEXT, None)
        if character not in self._bodies:
            tick(0.0, "loading")
            self._bodies[character] = load_body(character)
        return self._bodies[character]

    # -- speaking -------------------------------------------------------------------------------------------------------------

    def _fail(self, number: int | None, kind: str, message: str, **more: Any) -> None:
        if kind in (protocol.INTERNAL, protocol.OUT_OF_MEMORY):
            import traceback

            traceback.print_exc()  # on standard error, for whoever looks for the fault
            _free_memory()
        if number is not None:
            self._release(number)
        self._say(number, "error", kind=kind, message=" ".join(message.split()), **more)

    def _say(self, number: int | None, reply: str, **fields: Any) -> None:
        line = protocol.encode({"id": number, "reply": reply, **fields})
        # a partner that has gone is noticed where its requests are read
        with self._speaking, contextlib.suppress(BrokenPipeError, OSError):
            self._replies.write(line)
            self._replies.flush()

    def _clear(self) -> None:
        """The agreed folder is for this conversation alone: nothing stays in it when the partner died."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            for path in filter(_is_exchanged, self._folder.iterdir()):
                path.unlink(missing_ok=True)
            self._folder.rmdir()


def _is_exchanged(path: Path) -> bool:
    """True for what the two partners put into the folder: motions under their names, or not yet whole (`motion.write_bytes`)."""
    return path.match("old-*.npz") or path.match("motion-*.npz") or path.match(".signgen-*")


def is_out_of_memory(problem: BaseException) -> bool:
    """True for Python's, numpy's and torch's ways to say that memory is short; torch's processor says it by a RuntimeError alone."""
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError":
        return True
    words = str(problem).lower()
    return isinstance(problem, RuntimeError) and any(said in words for said in ("can't allocate memory", "not enough memory", "out of memory"))


def _free_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _generator(request: dict[str, Any]) -> str | None:
    name = _field(request, "generator", _TEXT, None)
    if name is not None and name not in GENERATORS:
        raise InputError(f"generator {name!r} is none of {', '.join(GENERATORS)}")
    return name  # type: ignore[no-any-return]


def _number_of(request: dict[str, Any]) -> int:
    return int(_field(request, "id", _WHOLE_NUMBER))


_REQUIRED = object()


def _field(request: dict[str, Any], name: str, kinds: tuple[type, ...], default: Any = _REQUIRED) -> Any:
    """A field of a request. Raises RequestError where it is missing (without a default) or of another type."""
    value = request.get(name)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise RequestError(f"{name}: expected {' or '.join(k.__name__ for k in kinds)}, found {'nothing' if value is None else type(value).__name__}")
    return value


def _wishes(request: dict[str, Any]) -> Wishes:
    from headless.inputs import Wishes

    given = _field(request, "options", _OBJECT, {})
    found = {}
    for name, value in given.items():
        if name not in _OPTIONS:
            raise RequestError(f"options.{name}: none of {', '.join(_OPTIONS)}")
        if value is None:
            continue
        found[name] = _field(given, name, _OPTIONS[name])
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InputError(f"{name} {value!r} is none of {', '.join(_CHOICES[name])}")
    if not 0 <= found.get("seed", 0) <= _LARGEST_SEED:
        raise InputError(f"seed {found['seed']} is not between 0 and {_LARGEST_SEED}")
    return Wishes(**found)


def _proper(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("text: not Unicode text (half of a surrogate pair)") from None
    return text


def main() -> int:
    """Serves standard input until it ends; returns the exit status."""
    # files of our own, which the interpreter does not touch at its end: a thread may still be waiting for a request then
    requests, replies = os.fdopen(os.dup(sys.stdin.fileno()), "rb"), os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # whatever prints from here on, Python or C, reaches standard error and can never break a reply; and nobody else reads requests
    os.dup2(sys.stderr.fileno(), 1)
    sys.stdout = sys.stderr
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        with interruptions_raised():
            Worker(requests, replies).run()
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
