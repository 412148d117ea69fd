"""Finds the Python environment that has SignGen with its models, for the worker process. Standard library only."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SIGNGEN_PYTHON"
_MODULE = ("-m", "headless.worker")
# Blender's own settings of Python, which would lead another Python astray
_NOT_PASSED_ON = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONINSPECT", "__PYVENV_LAUNCHER__")


class NoEnvironmentError(Exception):
    """No Python environment with SignGen; the message says in one line where it was looked for."""


@dataclass(frozen=True)
class Command:
    """How the worker is started. folder: where. shown: the path that the user knows it by."""

    arguments: tuple[str, ...]
    folder: str
    shown: str


def find_command(chosen: str = "") -> Command:
    """The command of the worker.

    chosen: what stands in the preferences: a Python, a virtual environment, a `signgen` program or SignGen's source folder. Where it is empty, the same in
    the environment variable SIGNGEN_PYTHON; then `signgen` on the PATH; then a source folder with its `.venv` around this file. Raises NoEnvironmentError;
    what was named and is not there is never replaced by something else in silence.
    """
    for said, where in ((chosen.strip(), "the preferences"), (os.environ.get(VARIABLE, "").strip(), VARIABLE)):
        if said:
            found = _meant(Path(said).expanduser())
            if found is None:
                raise NoEnvironmentError(f"{said} (from {where}) is no Python, no virtual environment and no SignGen folder")
            return found
    program = shutil.which("signgen")
    if program is not None:
        found = _meant(Path(program))
        if found is not None:
            return found
    for folder in Path(__file__).resolve().parents:
        found = _source_folder(folder)
        if found is not None:
            return found
    raise NoEnvironmentError(f"no SignGen was found: set its Python in the preferences, or {VARIABLE}, or put `signgen` on the PATH")


def child_environment() -> dict[str, str]:
    """This process's environment without what belongs to Blender's own Python."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}


def _meant(path: Path) -> Command | None:
    path = Path(os.path.abspath(path))  # not resolved: a virtual environment's Python is a link, and is known by where the link stands
    if path.is_dir():
        return _source_folder(path) or _python_of(path)
    if not path.is_file() or not os.access(path, os.X_OK):
        return None
    if path.stem.lower() != "signgen":
        return _by_python(path)
    for name in ("python.exe",) if os.name == "nt" else ("python3", "python"):
        beside = path.with_name(name)
        # only in a virtual environment is the Python beside a program surely the program's own
        if beside.is_file() and (path.parent.parent / "pyvenv.cfg").is_file():
            return _by_python(beside)
    return Command((str(path), "worker"), str(path.parent), str(path))


def _by_python(python: Path, folder: Path | None = None) -> Command:
    # not where Blender stands: `-m` looks for modules there first, and there may be anything
    return Command((str(python), *_MODULE), str(folder or python.parent), str(python))


def _python_of(folder: Path, source: Path | None = None) -> Command | None:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return _by_python(python, source) if python.is_file() and os.access(python, os.X_OK) else None


def _source_folder(folder: Path) -> Command | None:
    return _python_of(folder / ".venv", folder) if (folder / "headless" / "worker.py").is_file() else None
