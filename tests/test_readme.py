"""The README says what is true: its commands parse, its tree is complete, its links lead somewhere, its numbers are those of the code."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").rglob("*.md"))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(program: str) -> list[list[str]]:
    """The arguments of each command of the README's shell blocks that starts with `program`; comments are left out."""
    lines = [shlex.split(line, comments=True) for block in blocks(README, "sh") for line in block.splitlines()]
    wanted = program.split()
    return [words[len(wanted) :] for words in lines if words[: len(wanted)] == wanted]


def tree_paths() -> dict[str, str]:
    """Path (folders with a closing slash) to its description, of the README's tree; two spaces are one level."""
    (tree,) = (block for block in blocks(README, "text") if block.startswith("signgen_core/"))
    out: dict[str, str] = {}
    folders: list[str] = []
    for line in tree.splitlines():
        found = re.fullmatch(r"( *)(\S+)(?: +(.*))?", line)
        assert found, f"the tree has a line that is not `name  description`: {line!r}"
        level = len(found.group(1)) // 2
        assert level <= len(folders), f"{line!r} is indented too far"
        folders = folders[:level]
        out["".join(folders) + found.group(2)] = (found.group(3) or "").strip()
        if found.group(2).endswith("/"):
            folders.append(found.group(2))
    return out


@pytest.mark.parametrize("arguments", commands("signgen"), ids=" ".join)
def test_every_signgen_command_parses(arguments: list[str]) -> None:
    from headless.cli import signgen

    command: click.Command = signgen
    rest = arguments
    with click.Context(signgen) as parent:
        while isinstance(command, click.Group):
            name, *rest = rest
            found = command.get_command(parent, name)
            assert found is not None, name
            command = found
        with command.make_context(name, rest, parent=parent, obj={}) as context:
            assert not context.args


def test_the_reader_of_commands_would_notice_a_wrong_option() -> None:
    with pytest.raises(click.UsageError):
        test_every_signgen_command_parses(["render", "Hello.", "--no-such-option"])


def test_each_command_of_the_tool_is_shown() -> None:
    from headless.cli import COMMANDS

    missing = [name for name in COMMANDS if f"signgen {name}" not in README]
    assert not missing


def test_build_commands_exist_and_the_demo_is_the_readme_sentence() -> None:
    spec = importlib.util.spec_from_file_location("signgen_build", ROOT / "build.py")
    assert spec and spec.loader
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    shown = commands("python3 build.py")
    assert ["demo"] in shown and ["test"] in shown
    for arguments in shown:
        build.parser().parse_args(arguments)
    assert ["render", build.DEMO_TEXT, "-o", Path(build.DEMO_VIDEO).name] in commands("signgen")
    assert build.DEMO_VIDEO in README


def test_ci_runs_exactly_the_readme_test_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    ran = [line for line in lines if "build.py" in line and not line.startswith("#")]
    (section,) = re.findall(r"^## Test\n+```sh\n(.*?)\n```", README, re.M | re.S)
    assert ran == [section]


def test_tree_lists_every_module_with_a_description() -> None:
    listed = tree_paths()
    modules = {
        path.relative_to(ROOT).as_posix() for package in ("signgen_core", "blender_addon", "headless") for path in (ROOT / package).rglob("*.py")
    }
    # a folder's line speaks for its __init__.py
    needed = {path.removesuffix("__init__.py") for path in modules}
    assert not needed - set(listed), "add to the README's tree"
    assert not [path for path, description in listed.items() if not description], "has no description"


def test_tree_lists_nothing_that_is_not_there() -> None:
    gone = [path for path in tree_paths() if not (ROOT / path).exists() or (ROOT / path).is_dir() != path.endswith("/")]
    assert not gone


def test_tree_lists_every_preset_folder() -> None:
    folders = {f"presets/{path.name}/" for path in (ROOT / "presets").iterdir() if path.is_dir()}
    assert not folders - set(tree_paths())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    gone = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not gone
