"""The extension's zip: what is in it, and that it installs, works and leaves nothing behind in each Blender that is on this machine.

Beside the running Python's bpy, `python3 build.py blenders` brings other versions; a `blender` on the PATH stands for the ones with a window.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headless import extension
from headless.extension import HOMES, LEFT_OUT, NAME, imported, is_under, relative_imports
from signgen_core.body import cache_folder, default_body_file
from signgen_core.errors import OutputError

ROOT = Path(__file__).resolve().parents[2]
WALK = Path(__file__).with_name("extension_walk.py")
SERIES = ("4.2", "4.5", "5.2")  # the long-term ones and the newest; the running Python has 5.0


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extension.make_zip(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def sources(archive: Path) -> dict[str, str]:
    """Every module in the zip, by its path in the add-on."""
    with zipfile.ZipFile(archive) as file:
        return {name.partition("/")[2]: file.read(name).decode() for name in file.namelist() if name.endswith(".py")}


@pytest.fixture(scope="session")
def trees(sources: dict[str, str]) -> dict[str, list[ast.AST]]:
    """The nodes of each module's syntax tree."""
    return {name: list(ast.walk(ast.parse(source))) for name, source in sources.items()}


def at_load(node: ast.AST) -> Iterator[ast.AST]:
    """What is run when a module is imported."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        return
    for child in ast.iter_child_nodes(node):
        yield from at_load(child)


# ---- imports made relative


@pytest.mark.parametrize(
    ("package", "before", "after"),
    [
        ((), "from signgen_core.rig import INDEX", "from .signgen_core.rig import INDEX"),
        ((), "from signgen_core import rig", "from .signgen_core import rig"),
        (("signgen_core", "text"), "import simplemma", "from ...vendor import simplemma"),
        (("signgen_core", "text"), "import simplemma as s", "from ...vendor import simplemma as s"),
        (("signgen_core", "text"), "def f():\n    from HanTa import H as T  # why", "def f():\n    from ...vendor.HanTa import H as T  # why"),
        (("vendor", "simplemma"), "from simplemma.utils import x", "from ...vendor.simplemma.utils import x"),
        ((), 'x = "import simplemma"\nimport numpy\nfrom . import rig', 'x = "import simplemma"\nimport numpy\nfrom . import rig'),
        ((), "from signgen_core.rig import (\n    A,\n    B,\n)\n", "from .signgen_core.rig import (\n    A,\n    B,\n)\n"),
        ((), "from signgen_core_more import x", "from signgen_core_more import x"),
    ],
)
def test_absolute_imports_become_relative(package: tuple[str, ...], before: str, after: str) -> None:
    assert relative_imports(before, package, HOMES) == after


@pytest.mark.parametrize("source", ["import signgen_core.rig", "import json, simplemma", "from  signgen_core import rig"])
def test_an_import_without_relative_form_is_refused(source: str) -> None:
    with pytest.raises(OutputError, match=r"^here\.py:1: "):
        relative_imports(source, (), HOMES, "here.py")


def test_what_a_module_imports() -> None:
    source = "from . import a\nfrom ..b.c import d\nimport signgen_core.rig\nimport numpy\nfrom HanTa import H"
    found = set(imported(source, ("x", "y"), HOMES))
    assert found == {"x/y", "x/y/a", "x/b/c", "x/b/c/d", "signgen_core/rig", "vendor/HanTa", "vendor/HanTa/H"}


# ---- what is in the zip


def test_every_import_finds_its_module_in_the_zip(sources: dict[str, str], trees: dict[str, list[ast.AST]]) -> None:
    """At load at least; inside functions only what was left out on purpose may be missing."""
    wrong = []
    for name, nodes in trees.items():
        for node in nodes:
            if isinstance(node, ast.Import):
                wrong += [f"{name}: {alias.name}" for alias in node.names if alias.name.split(".")[0] in HOMES]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] in HOMES:
                wrong.append(f"{name}: {node.module}")
        package = tuple(name.split("/")[:-1])
        first = set(at_load(nodes[0]))
        for node in nodes:
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = "/".join((*package[: len(package) - node.level + 1], *(node.module or "").split("."))).strip("/")
            there = [f"{base}.py", f"{base}/__init__.py".lstrip("/")]
            names = [f"{base}/{alias.name}.py".lstrip("/") for alias in node.names]
            if not any(path in sources for path in (*there, *names)) and (node in first or not is_under(there[0], LEFT_OUT)):
                wrong.append(f"{name}:{node.lineno}: {base}")
    assert not wrong, wrong


def test_the_zip_holds_what_is_needed_and_nothing_heavy(archive: Path, sources: dict[str, str]) -> None:
    with zipfile.ZipFile(archive) as file:
        names = {name.removeprefix(f"{NAME}/") for name in file.namelist()}
        assert all(name.startswith(f"{NAME}/") for name in file.namelist())
    assert {
        "blender_manifest.toml", "__init__.py", "LICENSE", "LICENSES/HanTa.txt", "LICENSES/simplemma.txt", "baked/SMPLX_signgen.npz",
        "presets/handshapes/ase.json", "signgen_core/pipeline.py", "vendor/HanTa/morphmodel_en.pgz",
    } <= names  # fmt: skip
    assert sum(name.startswith("baked/fields-") for name in names) == 1
    left_out = (*LEFT_OUT, "presets/models", "presets/training")
    assert not [name for name in names if is_under(name, left_out) or name.endswith((".pyc", ".safetensors"))]
    assert archive.stat().st_size < 12e6
    heavy = {"torch", "transformers", "click", "safetensors"}
    for name, source in sources.items():
        for node in ast.parse(source).body:
            tops = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not heavy & {top.split(".")[0] for top in tops}, name


def test_the_zip_keeps_the_rules_of_extensions(trees: dict[str, list[ast.AST]]) -> None:
    """Nothing is installed or fetched at run time, and the search path is left alone."""
    for name, nodes in trees.items():
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("sys", "path"), ("site", "addsitedir")}, f"{name}:{node.lineno}"
            tops = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pip", "ensurepip", "urllib", "http", "socket", "requests"} & {top.split(".")[0] for top in tops}, f"{name}:{node.lineno}"


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    assert extension.make_zip(tmp_path).read_bytes() == archive.read_bytes()


def test_versions_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "blender_addon/blender_manifest.toml", "blender_addon/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(extension, "ROOT", tmp_path)
    number = extension.version()
    manifest = tmp_path / "blender_addon/blender_manifest.toml"
    manifest.write_text(manifest.read_text().replace(f'version = "{number}"', 'version = "9.9.9"'))
    with pytest.raises(OutputError, match="blender_manifest.toml: version is not"):
        extension.version()
    shutil.copy(ROOT / "blender_addon/blender_manifest.toml", manifest)
    init = tmp_path / "blender_addon/__init__.py"
    init.write_text(init.read_text().replace(str(tuple(map(int, number.split(".")))), "(9, 9, 9)"))
    with pytest.raises(OutputError, match="bl_info: version is not"):
        extension.version()


# ---- in Blender


def _python_of(series: str) -> Path:
    if series == "here":
        return Path(sys.executable)
    folder = ROOT / "build" / "blenders" / series
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        pytest.skip(f"no Blender {series} here; `python3 build.py blenders` brings it")
    return python


def _run(command: list[str], home: Path, variables: dict[str, str]) -> dict[str, Any]:
    environment = {**os.environ, **variables, "HOME": str(home), "SIGNGEN_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    environment.pop("SIGNGEN_CACHE", None)
    environment.pop("PYTHONPATH", None)
    # outside the source tree, where `signgen_core` would be found
    answer = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in answer.stdout.splitlines() if line.startswith("FOUND ")]
    assert answer.returncode == 0 and lines, (answer.stdout + answer.stderr)[-4000:]
    return json.loads(lines[-1].removeprefix("FOUND "))


def _check(found: dict[str, Any], home: Path) -> None:
    assert found["sign"] == found["sign_again"] == found["added"] == found["sign_after_update"] == found["sign_after"] == ["FINISHED"]
    assert found["bones"] == 55 and found["signers"] == 2
    assert found["markers"] == found["plan"] == ["HELLO", "POSS-1", "NAME", "fs-ANNA"]
    assert found["animated"]["travel"] > 0.3 and found["animated"]["face"] > 0.1, "the actions move nothing: is their slot set?"
    strips = found["strips"]
    assert strips["actions"] == 4 and max(strips["bones_apart"], strips["face_apart"], strips["read_apart"]) < 1e-4, "strips move something else"
    assert strips["left_over"] == 0
    if "worker" in found:
        worker = found["worker"]
        assert (worker["sign"], worker["state"], worker["by"]) == (["FINISHED"], "ready", "worker")
        assert (worker["sign_without"], worker["state_without"], worker["by_without"]) == (["FINISHED"], "missing_environment", "inside")
        assert worker["note"] == "Signed inside Blender: no worker was found, see the preferences"
    assert not found["poll_without_text"]
    assert "nothing to sign" in found["error"]
    assert not found["own_files_changed"], "the add-on wrote into its own folder"
    assert not found["heavy"], "modules that must not be loaded, or are loaded from outside the add-on"
    assert {"SIGNGEN_OT_sign", "SIGNGEN_PT_main"} <= set(found["enabled"]["classes"]) and found["enabled"]["properties"]
    assert found["enabled_again"] == found["enabled"]
    assert found["disabled"] == found["clean"] == found["uninstalled"]
    assert not found["home_left"]
    assert not (home / ".cache" / "signgen").exists(), "the add-on wrote outside its own folder"


@pytest.mark.parametrize("series", ["here", *(pytest.param(series, marks=pytest.mark.slow) for series in SERIES)])
def test_the_extension_lives_and_goes_in_blender(series: str, archive: Path, tmp_path: Path) -> None:
    if series == "here":
        pytest.importorskip("bpy")
    python = _python_of(series)
    arguments = [str(archive)] if series == "here" else [str(archive), str(cache_folder())]
    command = [str(python), "-c", f"import runpy, sys; sys.argv[1:] = {arguments}; runpy.run_path({str(WALK)!r}, run_name='__main__')"]
    found = _run(command, tmp_path, {"BLENDER_USER_RESOURCES": str(tmp_path / "blender"), "PYTHONSAFEPATH": "1"})
    if series != "here":
        assert ".".join(map(str, found["blender"][:2])) == series
    _check(found, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("series", SERIES)
def test_rig_keys_and_studio_hold_in_blender(series: str) -> None:
    """The other tests of this folder, in that Blender's own Python."""
    default_body_file()  # what the body is built from is not in that environment, the built one is in the cache
    arguments = ["-q", "-p", "no:cacheprovider", "--confcutdir", str(ROOT / "tests"), str(WALK.parent)]
    left_out = ("extension", "window", "plan_window", "session", "local_signing", "worker_client")
    arguments += [f"--ignore={WALK.parent / f'test_{name}.py'}" for name in left_out]
    # without taking Blender down: see the end of the walk
    code = f"import os, pytest, sys; status = pytest.main({arguments!r}); sys.stdout.flush(); os._exit(status)"
    command = [str(_python_of(series)), "-c", code]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert answer.returncode == 0, answer.stdout[-4000:]
    assert " passed" in answer.stdout


@pytest.mark.slow
def test_the_add_on_lives_and_goes_in_a_blender_without_extensions(archive: Path, tmp_path: Path) -> None:
    blender = shutil.which("blender")
    if blender is None:
        pytest.skip("no blender on the PATH")
    version = subprocess.run([blender, "--version"], capture_output=True, text=True, check=False).stdout
    if not version.startswith(("Blender 3.", "Blender 4.0", "Blender 4.1")):
        pytest.skip("the blender on the PATH has extensions")
    numpy = subprocess.run([blender, "--background", "--python-expr", "import numpy; print('has', 'numpy')"], capture_output=True, text=True, check=False)
    if "has numpy" not in numpy.stdout:
        pytest.skip("the blender on the PATH has no numpy; on Debian: apt install python3-numpy")
    folders = {f"BLENDER_USER_{name}": str(tmp_path / name.lower()) for name in ("SCRIPTS", "CONFIG", "DATAFILES")}
    for folder in folders.values():
        Path(folder).mkdir()
    command = [blender, "--background", "--factory-startup", "--python-exit-code", "7", "--python", str(WALK), "--", str(archive), str(cache_folder())]
    found = _run(command, tmp_path, folders)
    _check(found, tmp_path)


def test_blenders_own_check_finds_nothing(archive: Path) -> None:
    bpy = pytest.importorskip("bpy")
    tool = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core/bl_pkg/cli/blender_ext.py"
    answer = subprocess.run([sys.executable, str(tool), "validate", str(archive)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "error" not in (answer.stdout + answer.stderr).lower()
