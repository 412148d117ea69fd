"""signgen_core <- blender_addon <- headless: who may import what, read from the syntax trees and checked in running processes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE, ADDON, HEADLESS = "signgen_core", "blender_addon", "headless"
# The licence of `smplx` is non-commercial: only tests compare ourselves with it.
TESTS_ONLY = {"smplx"}
BLENDER = {"bpy", "mathutils", "bmesh", "gpu", "bpy_extras", "imbuf"}
NEVER = {
    CORE: BLENDER | TESTS_ONLY | {"click", ADDON, HEADLESS},
    ADDON: TESTS_ONLY | {"torch", "click", HEADLESS},
    HEADLESS: TESTS_ONLY,
}
# torch takes a second and 200 MB to load: only where it is worth it, and only inside the function that needs it.
TORCH_FOLDERS = ("signgen_core/text/", "signgen_core/tokens/", "signgen_core/train/", "signgen_core/body/", "signgen_core/recognition/")
HEAVY = {"torch", "transformers"}
# Layers of networks are classes of torch's, so these need it when they are loaded; whoever uses them imports them inside a function, which
# `test_the_whole_core_loads_without_torch_or_blender` would notice otherwise.
NETWORKS = {
    "signgen_core/tokens/network.py", "signgen_core/tokens/skeleton.py", "signgen_core/tokens/lm_network.py", "signgen_core/tokens/lm_engine.py",
    "signgen_core/recognition/network.py",
}  # fmt: skip


class Import(NamedTuple):
    package: str
    line: int
    at_load: bool  # run when the module is imported: not inside a function, not under `if TYPE_CHECKING`


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(source: str) -> Iterator[Import]:
    def walk(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name.split(".")[0], node.lineno, at_load)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield Import(node.module.split(".")[0], node.lineno, at_load)
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(first.value.split(".")[0], node.lineno, at_load)
        if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            for child in node.body:
                yield from walk(child, False)
            for child in node.orelse:
                yield from walk(child, at_load)
            return
        inside = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(ast.parse(source), True)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_reader_of_imports_sees_every_form() -> None:
    source = (
        "import bpy.types\nfrom torch.nn import Linear\nfrom . import rig\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import click\nelse:\n    import smplx\n"
        "def f():\n    import torch\n    importlib.import_module('bpy')\nclass C:\n    import mathutils\n"
    )
    found = {(i.package, i.line, i.at_load) for i in imports(source)}
    assert found == {
        ("bpy", 1, True), ("torch", 2, True), ("typing", 4, True), ("click", 6, False), ("smplx", 8, True),
        ("torch", 10, False), ("bpy", 11, False), ("mathutils", 13, True),
    }  # fmt: skip


@pytest.mark.parametrize("package", [CORE, ADDON, HEADLESS])
def test_nothing_points_the_other_way(package: str) -> None:
    assert modules(package), f"{package} has no modules"
    wrong = [
        f"{relative(path)}:{found.line} imports {found.package}"
        for path in modules(package)
        for found in imports(path.read_text(encoding="utf-8"))
        if found.package in NEVER[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_relative_imports_stay_inside_their_package() -> None:
    """`from ..signgen_core` would make the three packages one."""
    wrong = []
    for package in (CORE, ADDON, HEADLESS):
        for path in modules(package):
            depth = len(path.relative_to(ROOT).parts) - 1
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level > depth:
                    wrong.append(f"{relative(path)}:{node.lineno}")
    assert not wrong, wrong


def test_heavy_packages_are_imported_lazily() -> None:
    wrong = [
        f"{relative(path)}:{found.line} imports {found.package} when it is loaded"
        for package in (CORE, ADDON, HEADLESS)
        for path in modules(package)
        if relative(path) not in NETWORKS
        for found in imports(path.read_text(encoding="utf-8"))
        if found.package in HEAVY and found.at_load
    ]
    assert not wrong, "\n".join(wrong)


def test_torch_stays_in_its_folders() -> None:
    wrong = [
        f"{relative(path)}:{found.line}"
        for path in modules(CORE)
        for found in imports(path.read_text(encoding="utf-8"))
        if found.package == "torch" and not relative(path).startswith(TORCH_FOLDERS)
    ]
    assert not wrong, f"torch is imported outside {', '.join(TORCH_FOLDERS)}: {', '.join(wrong)}"


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after `code`."""
    report = "import json, sys; print('\\n' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    answer = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stdout.splitlines()[-1]))


def test_the_whole_core_loads_without_torch_or_blender() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in modules(CORE)
        if path.name != "__main__.py" and relative(path) not in NETWORKS
    ]
    loaded = loaded_by("import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in names))
    assert CORE in loaded
    assert not loaded & (HEAVY | NEVER[CORE])


def test_the_command_line_starts_light() -> None:
    loaded = loaded_by(
        "import runpy, sys\nsys.argv = ['signgen', '--help']\n"
        "try:\n    runpy.run_module('headless.cli', run_name='__main__')\nexcept SystemExit as done:\n    assert not done.code, done.code"
    )
    assert "headless" in loaded
    assert not loaded & (HEAVY | BLENDER | {"imageio"})
