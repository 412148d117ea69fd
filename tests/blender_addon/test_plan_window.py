"""The list of signs and the NLA editor in a real window (Blender 3.4). The pictures are kept in out/window to be looked at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest

from headless import extension

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "out" / "window"
SIZE = (1280, 1000)
HANDS, PREVIEW = (slice(390, 540), slice(410, 650)), (slice(600, 710), slice(845, 1020))  # rows, columns

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the walk found, and its pictures by name."""
    missing = [tool for tool in ("blender", "Xvfb", "xdotool", "import") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)} (Debian: blender python3-numpy xvfb xdotool imagemagick)")
    version = subprocess.run(["blender", "--version"], capture_output=True, text=True, check=False).stdout
    if not version.startswith("Blender 3."):
        pytest.skip("the walk's points are those of Blender 3's window")
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("pictures")
    archive = extension.make_zip(tmp_path_factory.mktemp("dist"))
    variables = {"LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(home), "TMPDIR": str(home), "OMP_NUM_THREADS": "1", "SIGNGEN_PYTHON": str(home / "none")}
    for name in ("SCRIPTS", "CONFIG", "DATAFILES"):
        (home / name.lower()).mkdir()
        variables[f"BLENDER_USER_{name}"] = str(home / name.lower())
    reading, writing = os.pipe()
    screen = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "+extension", "GLX", "-nolisten", "tcp"]
    with subprocess.Popen(screen, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        variables["DISPLAY"] = f":{os.read(reading, 16).decode().strip()}"
        os.close(reading)
        command = ["blender", "--factory-startup", "--window-geometry", "0", "0", *map(str, SIZE), "--python-exit-code", "7"]
        command += ["--python", str(Path(__file__).with_name("plan_walk.py")), "--", str(archive), str(folder)]
        answer = subprocess.run(command, cwd=home, env={**os.environ, **variables}, capture_output=True, text=True, timeout=400, check=False)
        server.terminate()
    report = folder / "found.json"
    assert report.is_file(), (answer.stdout + answer.stderr)[-4000:]
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = json.loads(report.read_text())
    for path in folder.glob("*.png"):
        shutil.copy(path, PICTURES / f"plan_{path.name}")
        found[path.stem] = imageio.imread(path)[..., :3].astype(int)
    assert "error" not in found, found["error"]
    return found


def differing(before: np.ndarray, after: np.ndarray, region: tuple[slice, slice]) -> float:
    """Share of a region's pixels that differ visibly."""
    return float((np.abs(before[region] - after[region]).max(axis=-1) > 24).mean())


def test_the_list_fills_when_a_text_is_signed(walk: dict[str, Any]) -> None:
    assert [gloss for gloss, _, _ in walk["rows"]] == ["POSS-1", "SISTER", "LEARN", "SIGN"]


def test_a_handshape_is_seen_on_the_signer_and_in_its_picture(walk: dict[str, Any]) -> None:
    assert walk["handshape"] == "y"
    assert 20 <= len(walk["changed_frames"]) < 90 and 91 in walk["changed_frames"]
    assert differing(walk["1_list"], walk["2_handshape"], HANDS) > 0.02
    assert differing(walk["1_list"], walk["2_handshape"], PREVIEW) > 0.02
    assert float(walk["1_list"][PREVIEW].std()) > 20, "no picture of the handshape"


def test_undo_brings_keys_and_list_back(walk: dict[str, Any]) -> None:
    assert walk["undone"] == "flatspread_5"


def test_a_strip_dragged_by_hand_moves_its_sign(walk: dict[str, Any]) -> None:
    assert walk["strips"] == ["POSS-1", "SISTER", "LEARN", "SIGN"]
    assert walk["after_drag"][:3] == walk["rows"][:3], "the other signs stay"
    gloss, start, duration = walk["after_drag"][3]
    assert gloss == "SIGN" and start == pytest.approx(walk["rows"][3][1] + 1.0 / 3.0, abs=0.04) and duration == pytest.approx(walk["rows"][3][2], abs=0.04)
    assert walk["after_undo"] == walk["rows"]


def test_a_plan_is_signed_beside_other_work(walk: dict[str, Any]) -> None:
    assert walk["import"] == ["RUNNING_MODAL"] and len(walk["before_import"]) == 4
    assert [gloss for gloss, _, _ in walk["imported"]] == ["POSS-1", "SISTER"]
    print(f"longest step of the main thread: {1000 * walk['longest_step']:.0f} ms")
