"""Makes the zip that Blender installs: `python3 build.py addon`, or `python -m headless.extension [FOLDER]`.

In the zip the add-on is the package `signgen`, and what it needs stands inside it, since an extension may neither change `sys.path` nor install
anything: the numpy half of the core, the presets without trained models, the default body with its distance fields, and the parts of two pure-Python packages
that read English. Their absolute imports are made relative on the way in. The same sources give the same bytes.
"""

from __future__ import annotations

import ast
import importlib
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from signgen_core.errors import MachineError, OutputError, SignGenError

ROOT = Path(__file__).resolve().parents[1]
NAME = "signgen"  # the folder in the zip; Blenders before 4.2 unpack the zip as it is
ADDON, CORE, VENDOR, BAKED = "blender_addon", "signgen_core", "vendor", "baked"
# What is reached from the add-on only behind a question whether torch, or the artist's mesh, is there.
LEFT_OUT = (
    "signgen_core/tokens", "signgen_core/generation.py", "signgen_core/train", "signgen_core/evaluation", "signgen_core/recognition",
    "signgen_core/phonology/fit_handshapes.py",
    *(f"signgen_core/text/{name}.py" for name in ("adapters", "bert", "classifier", "encoder", "reader")),
    *(f"signgen_core/body/{name}.py" for name in ("build", "dress", "footwear", "head", "knuckles", "landmarks", "mesh", "source", "tpose")),
)  # fmt: skip
PRESETS_LEFT_OUT = ("presets/models", "presets/training")
# Packages that go along: the distribution they come from and, of their files that are no modules, those that English needs.
VENDORED = {"HanTa": ("hanta", ("morphmodel_en.pgz",)), "simplemma": ("simplemma", ("strategies/dictionaries/data/en.plzma", "py.typed"))}
# Where packages that are imported absolutely stand in the zip.
HOMES = {CORE: (CORE,), **{name: (VENDOR, name) for name in VENDORED}}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_CONTENTS = """What is in this add-on

.                    SignGen: GPL-3.0-or-later, see LICENSE
baked/               the default body, made from MakeHuman's mesh and targets: CC0-1.0
vendor/HanTa/        HanTa {HanTa}, its English model alone; imports made relative: LGPL-3.0-or-later, see HanTa.txt
vendor/simplemma/    simplemma {simplemma}, its English dictionary alone; imports made relative: MIT, see simplemma.txt
"""


# ---- imports


def relative_imports(source: str, package: tuple[str, ...], homes: Mapping[str, tuple[str, ...]], place: str = "module") -> str:
    """The source of a module with its absolute imports of the packages in `homes` made relative.

    package: parts of the package that the module is in, from the add-on's root; homes: package name to its parts from there. Raises OutputError for
    an import that has no relative form (`import a.b`, several names in one `import`).
    """
    lines = source.splitlines(keepends=True)
    dots = "." * (len(package) + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and node.module.split(".")[0] in homes:
            top, _, rest = node.module.partition(".")
            old, new = f"from {node.module} ", f"from {dots}{'.'.join((*homes[top], *([rest] if rest else [])))} "
        elif isinstance(node, ast.Import) and any(alias.name.split(".")[0] in homes for alias in node.names):
            name = node.names[0].name
            if len(node.names) > 1 or "." in name:
                raise OutputError(f"{place}:{node.lineno}: this import has no relative form; write `from {name.split('.')[0]} import ...`")
            old, new = f"import {name}", f"from {dots}{'.'.join(homes[name][:-1])} import {homes[name][-1]}"
        else:
            continue
        line = lines[node.lineno - 1]
        if not line.startswith(old, node.col_offset):
            raise OutputError(f"{place}:{node.lineno}: this import is not written as one plain line")
        lines[node.lineno - 1] = line[: node.col_offset] + new + line[node.col_offset + len(old) :]
    return "".join(lines)


def imported(source: str, package: tuple[str, ...], homes: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Modules and packages, or names in them, that a module imports from beside it or from `homes`, as paths from the root without a suffix."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            parts = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                base = (*package[: len(package) - node.level + 1], *parts)
            elif parts[0] in homes:
                base = (*homes[parts[0]], *parts[1:])
            else:
                continue
            yield "/".join(base)
            yield from ("/".join((*base, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                if parts[0] in homes:
                    yield "/".join((*homes[parts[0]], *parts[1:]))


# ---- what goes in


def is_under(path: str, places: Iterable[str]) -> bool:
    """Whether a path with slashes is one of the places or lies in one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _package_of(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).parts[:-1]


def _vendored() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, (project, data) in VENDORED.items():
        module = importlib.import_module(name)
        folder = Path(str(module.__file__)).parent
        wanted = [*folder.rglob("*.py"), *(folder / path for path in data)]
        for path in wanted:
            found[f"{VENDOR}/{name}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
        texts = [file for file in distribution(project).files or () if file.name.upper().startswith("LICEN")]
        if not texts:
            raise MachineError(f"package {project}: has no licence text to go along")
        found[f"LICENSES/{name}.txt"] = "\n".join(file.read_text(encoding="utf-8") for file in texts).encode()
    found[f"{VENDOR}/__init__.py"] = b'"""Packages of other projects, see LICENSES."""\n'
    versions = {name: distribution(project).version for name, (project, _) in VENDORED.items()}
    found["LICENSES/README.txt"] = _CONTENTS.format(**versions).encode()
    return found


def _modules() -> dict[str, str]:
    """Sources of the add-on and of the core's modules that it reaches, by path in the add-on."""
    known = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / CORE).rglob("*.py")}
    sources = {path.relative_to(ROOT / ADDON).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / ADDON).rglob("*.py")}
    waiting = list(sources)
    while waiting:
        name = waiting.pop()
        for target in imported(sources[name], _package_of(name), HOMES):
            ladder = ["/".join(target.split("/")[:n]) + "/__init__" for n in range(1, target.count("/") + 2)]
            for file in (f"{path}.py" for path in (*ladder, target)):
                if file in known and file not in sources and not is_under(file, LEFT_OUT):
                    sources[file] = known[file].read_text(encoding="utf-8")
                    waiting.append(file)
    return sources


def _presets() -> dict[str, bytes]:
    files = ((path.relative_to(ROOT).as_posix(), path) for path in (ROOT / "presets").rglob("*") if path.is_file())
    return {name: path.read_bytes() for name, path in files if not is_under(name, PRESETS_LEFT_OUT)}


def _baked() -> dict[str, bytes]:
    """The default body and its distance fields, as `load_body` and `BodyFields.cached` look for them."""
    from signgen_core.body.load import BAKED_BODY, cache_folder, default_body_file, read_body
    from signgen_core.synthesis.collision import BodyFields, fields_name

    path = default_body_file()
    body = read_body(path, name="default")
    BodyFields.cached(body)
    fields = cache_folder() / fields_name(body)
    if not fields.is_file():
        raise OutputError(f"{fields.parent}: the cache cannot be written")
    return {f"{BAKED}/{BAKED_BODY}": path.read_bytes(), f"{BAKED}/{fields.name}": fields.read_bytes()}


def version() -> str:
    """The project's version. Raises OutputError where the add-on says another one."""
    number = str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    manifest = ROOT / ADDON / "blender_manifest.toml"
    if tomllib.loads(manifest.read_text(encoding="utf-8"))["version"] != number:
        raise OutputError(f"{manifest.relative_to(ROOT)}: version is not {number}, as in pyproject.toml")
    init = ROOT / ADDON / "__init__.py"
    tree = ast.parse(init.read_text(encoding="utf-8"))
    info = next(n.value for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name) and n.targets[0].id == "bl_info")
    if ".".join(map(str, ast.literal_eval(info)["version"])) != number:
        raise OutputError(f"{init.relative_to(ROOT)}: bl_info: version is not {number}, as in pyproject.toml")
    return number


def contents() -> dict[str, bytes]:
    """Every file of the add-on, by path. Raises OutputError for what cannot go in, MachineError for what is missing here."""
    files = _vendored() | _presets() | _baked()
    for name, source in _modules().items():
        files[name] = source.encode()
    for name in [name for name in files if name.endswith(".py")]:
        files[name] = relative_imports(files[name].decode("utf-8"), _package_of(name), HOMES, name).encode()
    files["blender_manifest.toml"] = (ROOT / ADDON / "blender_manifest.toml").read_bytes()
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return files


def make_zip(folder: Path) -> Path:
    """Writes `signgen-<version>.zip` into a folder and returns its path. Raises OutputError."""
    path = folder / f"{NAME}-{version()}.zip"
    files = contents()
    part = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(f"{NAME}/{name}", _EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, files[name])
        part.replace(path)
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written: {problem.strerror or problem}") from problem
    return path


def main(arguments: list[str]) -> int:
    """The command: makes the zip in the folder named (default: dist) and says what it is."""
    try:
        path = make_zip(Path(arguments[0]) if arguments else ROOT / "dist")
    except SignGenError as problem:
        print(f"extension: {problem}", file=sys.stderr)
        return 1
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
