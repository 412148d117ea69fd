"""What made a result: versions of the packages that decide it, and a hash of this project's own code, presets and the user's signs."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from signgen_core.presets import PRESETS_DIR, data_folder

_PACKAGES = ("signgen", "bpy", "numpy", "torch")


def versions() -> dict[str, str]:
    """Name -> version; `code` stands for the files, 16 hexadecimal digits."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"code": _code()}


def _code() -> str:
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    packages = [(root / name, "*.py") for name in ("signgen_core", "blender_addon", "headless")]
    for folder, pattern in [*packages, (PRESETS_DIR, "*"), (data_folder(), "*")]:
        for path in sorted(p for p in folder.rglob(pattern) if p.is_file()):
            digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
