"""The command line: what it imports, how it reads its arguments, and what it says."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from headless import cli, inputs
from headless.progress import progress_bar
from signgen_core.errors import InputError, OutputError

ROOT = Path(__file__).parent.parent.parent
HEAVY = ("numpy", "torch", "bpy", "imageio", "simplemma", "safetensors", "smplx")


def commands(group: click.Group = cli.signgen, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name; those of `lexicon` and `train` too."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from commands(command, f"{prefix}{name} ")
            else:
                yield prefix + name, command


def imported_by(*arguments: str, cwd: Path) -> list[str]:
    """Which heavy packages a command has imported by its end, in a process of its own."""
    code = f"import sys; from headless.cli import main; status = main(sys.argv[1:]); print('IMPORTED', status, *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    words = next(line for line in done.stdout.splitlines() if line.startswith("IMPORTED")).split()
    assert words[1] == "0", done.stderr
    return words[2:]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--help"], ["render", "--help"], ["doctor", "-h"]])
def test_help_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert imported_by(*arguments, cwd=tmp_path) == []


def test_planning_and_animating_need_neither_blender_nor_torch(tmp_path: Path) -> None:
    """By rules alone; the encoder that reads text otherwise brings torch, but never Blender."""
    assert not {"bpy", "torch"} & set(imported_by("plan", "Hello.", "--rules-only", cwd=tmp_path))
    assert not {"bpy", "torch"} & set(imported_by("animate", "HELLO", "--gloss", "-o", "m.npz", "--fps", "10", cwd=tmp_path))
    assert "bpy" not in imported_by("plan", "Hello.", cwd=tmp_path)


def test_help_names_all_commands_and_every_option_is_explained(run: Callable[..., Any]) -> None:
    shown = run("--help")
    assert shown.status == 0 and shown.err == "" and shown.out == run().out
    for name in cli.COMMANDS:
        assert re.search(rf"^  {name} ", shown.out, flags=re.M)
    for name, command in commands():
        assert command.help
        detail = run(*name.split(), "--help")
        assert detail.status == 0
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help and parameter.opts[0] in detail.out, (name, parameter.name)


def test_every_option_is_in_the_documentation() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for name, command in commands():
        section = re.search(rf"^## signgen {name}\n(.*?)(?=^## |\Z)", page, flags=re.M | re.S)
        assert section, f"docs/cli.md has no section for {name}"
        described = set(re.findall(r"^\| (?:`-\w`, )?`(--[\w-]+)", section.group(1), flags=re.M))
        options = {o for p in command.params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")}
        assert described == options - {"--help"}, name


def test_version_is_the_package_s(run: Callable[..., Any]) -> None:
    assert run("--version").out == f"signgen {importlib.metadata.version('signgen')}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan"], "Give either TEXT (or a file, or -) or --lines FILE."),
        (["plan", "Hello.", "--lines", "f.txt"], "Not both."),
        (["plna", "Hello."], "No such command 'plna'"),
        (["plan", "Hello.", "--sed", "3"], "No such option"),
        (["plan", "Hello.", "there."], "unexpected extra argument"),
        (["plan", "Hello.", "--seed", "-1"], "'--seed': -1 is not in the range"),
        (["plan", "Hello.", "--seed", "2147483648"], "'--seed': 2147483648 is not in the range"),
        (["plan", "Hello.", "--seed", "1.5"], "'--seed': '1.5' is not a valid integer"),
        (["plan", "Hello.", "--tempo", "nan"], "'--tempo': nan is not a number that can be used"),
        (["plan", "Hello.", "--tempo", "9"], "'--tempo': 9.0 is not in the range"),
        (["plan", "Hello.", "--handedness", "both"], "'--handedness': 'both' is not one of"),
        (["animate", "Hello."], "Missing option '-o'"),
        (["animate", "Hello.", "-o", "m.npz", "--fps", "0"], "'--fps': 0.0 is not in the range"),
        (["animate", "Hello.", "-o", "m.npz", "--fps", "nan"], "'--fps': nan is not a number"),
        (["animate", "Hello.", "-o", "m.npz", "--fps", "fast"], "'--fps': 'fast' is not a valid float"),
        (["render", "Hello.", "-o", "v.mp4", "--fps", "241"], "'--fps': 241.0 is not in the range"),
        (["render", "Hello.", "-o", "v.mp4", "--size", "big"], "'--size': 'big' is not a size such as 960x720"),
        (["render", "Hello.", "-o", "v.mp4", "--size", "961x720"], "'--size': 961x720: width and height must be even"),
        (["render", "Hello.", "-o", "v.mp4", "--size", "14x720"], "even numbers from 16 to 8192"),
        (["render", "Hello.", "-o", "v.mp4", "--size", "960x8194"], "even numbers from 16 to 8192"),
        (["render", "Hello.", "-o", "v.mp4", "--size", "960x-720"], "is not a size"),
        (["render", "Hello.", "-o", "v.mp4", "--engine", "povray"], "'--engine': 'povray' is not one of"),
        (["render", "Hello.", "-o", "v.mp4", "--quality", "best"], "'--quality': 'best' is not one of"),
        (["render", "Hello.", "-o", "v.mp4", "--camera", "nowhere"], "'--camera': 'nowhere' is not one of"),
        (["render", "--lines", "f.txt", "-o", "d", "--plan-out", "p.json"], "--plan-out and --motion-out are for a single text"),
        (["render", "m.npz", "-o", "v.mp4", "--seed", "3"], "--seed is for text and plans"),
        (["render", "m.npz", "-o", "v.mp4", "--gloss"], "--gloss is for text; m.npz is a motion already"),
        (["render", "m.npz", "-o", "v.mp4", "--plan-out", "p.json"], "--plan-out: a motion file has no plan"),
        (["animate", "p.json", "-o", "m2.npz", "--gloss"], "--gloss is for text; p.json is a plan already"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_status_2(run: Callable[..., Any], tmp_path: Path, arguments: list[str], words: str) -> None:
    for name in ("m.npz", "p.json", "f.txt"):
        (tmp_path / name).write_text("Hello.\n")
    shown = run(*arguments)
    assert shown.status == 2 and shown.out == ""
    assert words in shown.err and shown.err.startswith("error: ") and shown.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.txt", "m.npz", "p.json"]


def test_arguments_are_text_unless_their_name_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.json", "a.NPZ", "notes.txt", "hello"):
        (tmp_path / name).write_text("x")
    everything: Any = ("text", "plan", "motion")
    assert inputs.find_source("a.json", everything).kind == "plan"
    assert inputs.find_source("a.NPZ", everything).kind == "motion"
    for text in ("hello", "Hello, Anna.", "I am at 3.5", "absent.txt", "x" * 9000, "two\nlines.json", "..", ""):
        assert inputs.find_source(text, everything) == inputs.Source("text", "text", text)
    for argument, words in (("b.json", "no such file"), ("notes.txt", "is a text file"), ("a.NPZ", r"expected text or a plan \(.json\) here")):
        with pytest.raises(InputError, match=words):
            inputs.find_source(argument, ("text", "plan"))
    with pytest.raises(InputError, match="not UTF-8"):
        inputs.find_source("caf\udce9", everything)


def test_lines_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_bytes("\ufeffHello.\r\n\r\n  \tNice day.  \rOne\u2028line.\n".encode())
    assert inputs.read_lines(str(path)) == [(f"{path}:1", "Hello."), (f"{path}:3", "Nice day."), (f"{path}:4", "One\u2028line.")]
    for data, words in ((b"\n \n", "no line with text"), (b"caf\xe9", "not UTF-8 text")):
        path.write_bytes(data)
        with pytest.raises(InputError, match=words):
            inputs.read_lines(str(path))


def test_outputs_are_checked_without_leaving_a_trace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.npz").mkdir()
    for name, words in (
        ("m.txt", "unknown suffix '.txt'; use .npz"), ("m", "unknown suffix ''"), ("folder.npz", "is a folder"), ("absent/m.npz", "there is no folder"),
        ("file/m.npz", "there is no folder"),
    ):  # fmt: skip
        with pytest.raises(OutputError, match=words):
            inputs.check_output(tmp_path / name, (".npz",))
    with pytest.raises(OutputError, match="is a file"):
        inputs.check_folder_output(tmp_path / "file")
    inputs.check_output(tmp_path / "m.NPZ", (".npz",))
    inputs.check_folder_output(tmp_path / "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.npz"]


def test_plan_goes_to_standard_output_or_a_file(run: Callable[..., Any], tmp_path: Path) -> None:
    shown = run("plan", "Hello, my name is Anna.")
    assert shown.status == 0 and shown.err == ""
    assert run("plan", "-", stdin=b"Hello, my name is Anna.\n").out == shown.out == run("plan", "Hello, my name is Anna.", "-o", "-").out
    written = run("plan", "Hello, my name is Anna.", "-o", "p.json")
    assert (tmp_path / "p.json").read_text(encoding="utf-8") == shown.out
    assert written.out.startswith("p.json  ") and written.err == ""
    plan = json.loads(shown.out)
    assert plan["text"] == "Hello, my name is Anna." and "fs-ANNA" in [a["gloss_id"] for a in plan["actions"]]


def test_options_of_the_plan_are_written_into_it(run: Callable[..., Any]) -> None:
    plan = json.loads(run("plan", "Hello.", "--seed", "7", "--handedness", "left", "--tempo", "1.5").out)
    assert (plan["seed"], plan["handedness"], plan["tempo"]) == (7, "left", 1.5)
    again = json.loads(run("plan", "-", "--seed", "8", stdin=json.dumps(plan).encode()).out)
    assert (again["seed"], again["handedness"], again["tempo"]) == (8, "left", 1.5)


def test_a_hand_written_plan_is_completed(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text('{"version": 1, "actions": [{"gloss_id": "HELLO", "handshape": {"type": "closed_b"}, "duration": 0.6}]}')
    action = json.loads(run("plan", "small.json").out)["actions"][0]
    assert action["gloss_id"] == "HELLO" and action["phonology"] and action["start"] >= 0


def test_explain_is_a_table_of_word_gloss_and_reason(run: Callable[..., Any], tmp_path: Path) -> None:
    shown = run("plan", "The dog is not happy.", "--explain")
    assert shown.status == 0
    rows = {line.split()[0]: line.split()[1] for line in shown.out.splitlines()[1:]}
    assert shown.out.splitlines()[0].startswith("The dog is not happy.  [statement, negated")
    assert rows["dog"] == "DOG" and rows["happy"] == "HAPPY" and rows["The"] == rows["is"] == "(no"
    both = run("plan", "The dog is not happy.", "--explain", "-o", "-")
    assert both.err == shown.out and json.loads(both.out)["version"] == 1
    filed = run("plan", "The dog is not happy.", "--explain", "-o", "p.json")
    assert filed.out == shown.out and json.loads((tmp_path / "p.json").read_text())["version"] == 1
    by_rules = run("plan", "The dog is not happy.", "--explain", "--rules-only")
    assert by_rules.out.splitlines()[0] == "The dog is not happy.  [statement, negated]"


def test_gestures_and_moods_can_be_wished_for(run: Callable[..., Any], tmp_path: Path) -> None:
    only = json.loads(run("plan", "Goodbye everybody, see you soon!", "--gestures").out)
    assert {a["kind"] for a in only["actions"]} == {"gesture"} and only["actions"][0]["gloss_id"] in ("g-WAVE", "g-NEUTRAL", "g-YAY")
    both = json.loads(run("plan", "Goodbye everybody, see you soon!", "--with-gestures", "--emotion", "negative").out)
    assert both["actions"][0]["kind"] != "gesture" and both["sentences"][0]["emotion"] == "negative"
    assert set(both["sentences"][0]["probabilities"]) == {"subject", "gesture", "emotion", "type"}
    plain = json.loads(run("plan", "Goodbye everybody, see you soon!", "--rules-only").out)
    assert "probabilities" not in plain["sentences"][0] and plain["sentences"][0]["emotion"] == "neutral"
    for arguments in (["plan", "p.json", "--emotion", "positive"], ["plan", "p.json", "--gestures"], ["plan", "p.json", "--rules-only"]):
        (tmp_path / "p.json").write_text(json.dumps(plain))
        wrong = run(*arguments)
        assert wrong.status == 2 and "is for text; p.json is a plan already" in wrong.err


def test_models_that_are_none_are_named(run: Callable[..., Any], tmp_path: Path) -> None:
    for option, words in (("--encoder", "nowhere: no such model folder"), ("--classifier", "nowhere: no such classifier folder")):
        shown = run("plan", "Hello.", option, "nowhere", "-o", "p.json")
        assert shown.status == 1 and shown.err == f"error: {words}\n" and not (tmp_path / "p.json").exists()


def test_lines_make_one_plan_a_line(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("Hello.\n\nNice to meet you.\n")
    written = run("plan", "--lines", "many.txt", "-o", "many.jsonl")
    assert written.status == 0 and written.out == "many.jsonl  2 plans\n"
    text = (tmp_path / "many.jsonl").read_text(encoding="utf-8")
    plans = [json.loads(line) for line in text.splitlines()]
    assert [p["text"] for p in plans] == ["Hello.", "Nice to meet you."]
    assert run("plan", "--lines", "-", stdin=b"Hello.\nNice to meet you.").out == text == run("plan", "--lines", "many.jsonl").out


def test_a_bad_line_is_named_and_nothing_is_written(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("Hello.\n\n?!\n")
    shown = run("plan", "--lines", "many.txt", "-o", "many.jsonl")
    assert shown.status == 1 and shown.err.startswith("error: many.txt:3: ") and shown.err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["many.txt"]


def test_lines_go_on_after_a_bad_one_where_each_has_its_file(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("Hello.\n?!\nYes.\n")
    shown = run("animate", "--lines", "many.txt", "-o", "out", "--fps", "10")
    assert shown.status == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0001.npz", "0003.npz"]
    assert [line.split("  ")[0] for line in shown.out.splitlines()] == ["out/0001.npz", "out/0003.npz"]
    assert shown.err.splitlines()[0].startswith("error: many.txt:2: ") and shown.err.splitlines()[1] == "error: 1 of 3 lines failed"
    (tmp_path / "bad.txt").write_text("?!\n")
    assert run("animate", "--lines", "bad.txt", "-o", "none").status == 1 and not (tmp_path / "none").exists()


def test_an_unforeseen_error_is_one_line_and_debug_shows_more(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the sky\nfell")

    monkeypatch.setattr(inputs, "to_plan", fail)
    shown = run("plan", "Hello.")
    assert shown.status == 1
    assert re.fullmatch(r"internal error: RuntimeError: the sky fell \(test_cli.py:\d+\); run with --debug for the traceback\n", shown.err)
    shown = run("--debug", "plan", "Hello.")
    assert shown.status == 1 and "Traceback" in shown.err
    assert re.search(r"internal error: RuntimeError: the sky fell \(test_cli.py:\d+\)\n$", shown.err)


def test_interruption_is_status_130(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inputs, "to_plan", interrupt)
    shown = run("plan", "Hello.", "-o", "p.json")
    assert shown.status == 130 and shown.err == "interrupted\n"


def test_a_reader_that_goes_away_is_no_error_message(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "headless", "plan", "Hello."], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait() == 1 and errors == ""
    process.stderr.close()


def test_output_is_utf8_whatever_the_locale() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headless", "plan", "Zoë."], cwd=ROOT, capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    assert json.loads(done.stdout.decode())["text"] == "Zoë."


class FakeTerminal:
    """Standard error of which one can choose whether a person sees it."""

    def __init__(self, tty: bool) -> None:
        self.tty, self.text = tty, ""

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_progress_is_shown_on_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for tty in (True, False):
        terminal = FakeTerminal(tty)
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress_bar("frames") as tick:
            for fraction in (0.0, 0.5, 0.4, 2.0):
                tick(fraction)
        monkeypatch.undo()
        if tty:
            assert "frames" in terminal.text and "50%" in terminal.text and "100%" in terminal.text
        else:
            assert terminal.text == ""
