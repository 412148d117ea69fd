"""The add-on in a real window on a screen of its own, worked by mouse and keys. The pictures are kept in out/window to be looked at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest

from headless import extension

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "out" / "window"
SIZE = (1280, 800)
PANEL, VIEW = (slice(90, 260), slice(836, 1030)), (slice(160, 700), slice(330, 730))  # rows, columns

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """An X server that nobody sees."""
    missing = [tool for tool in ("blender", "Xvfb", "xdotool", "import") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)} (Debian: blender python3-numpy xvfb xdotool imagemagick)")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "+extension", "GLX", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.PIPE, text=True) as server:
        os.close(writing)
        number = os.read(reading, 16).decode().strip()
        os.close(reading)
        yield f":{number}"
        ended = server.poll()
        server.terminate()
        assert ended is None, f"the X server ended: {server.stderr.read() if server.stderr else ''}"


@pytest.fixture(scope="module")
def walk(display: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the walk found, and its pictures by name."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("pictures")
    archive = extension.make_zip(tmp_path_factory.mktemp("dist"))
    variables = {"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(home), "TMPDIR": str(home), "OMP_NUM_THREADS": "1"}
    variables["SIGNGEN_PYTHON"] = str(home / "none")  # no worker, whatever this machine has
    for name in ("SCRIPTS", "CONFIG", "DATAFILES"):
        (home / name.lower()).mkdir()
        variables[f"BLENDER_USER_{name}"] = str(home / name.lower())
    script = Path(__file__).with_name("window_walk.py")
    command = ["blender", "--factory-startup", "--window-geometry", "0", "0", *map(str, SIZE), "--python-exit-code", "7", "--python", str(script)]
    answer = subprocess.run(
        [*command, "--", str(archive), str(folder)], cwd=home, env={**os.environ, **variables}, capture_output=True, text=True, timeout=400, check=False
    )
    report = folder / "found.json"
    assert report.is_file(), (answer.stdout + answer.stderr)[-4000:]
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = json.loads(report.read_text())
    for path in folder.glob("*.png"):
        shutil.copy(path, PICTURES / path.name)
        found[path.stem] = imageio.imread(path)[..., :3].astype(int)
    assert "error" not in found, found["error"]
    return found


def differing(before: np.ndarray, after: np.ndarray, region: tuple[slice, slice]) -> float:
    """Share of a region's pixels that differ visibly."""
    return float((np.abs(before[region] - after[region]).max(axis=-1) > 24).mean())


def skin(picture: np.ndarray) -> float:
    """Share of the view's pixels in the colours of skin, which nothing else in Blender's dark grey window has."""
    red, green, blue = np.moveaxis(picture[VIEW], -1, 0)
    return float(((red > green + 25) & (green > blue + 8) & (red > 90)).mean())


def test_the_panel_is_in_its_tab_and_takes_text(walk: dict[str, Any]) -> None:
    assert walk["text"] == "Where do you live?"
    assert 0.005 < differing(walk["1_panel"], walk["2_typing"], PANEL) < 0.3
    assert float(walk["1_panel"][PANEL].std()) > 15, "the panel is empty"


def test_sign_it_makes_a_signer_who_signs(walk: dict[str, Any]) -> None:
    assert walk["signers"] == ["Signer"] and walk["active"] == "Signer"
    assert walk["markers"] == ["IX-2", "LIVE", "WHERE"]
    assert walk["frames"][0] == 1 and walk["frames"][1] > 60
    assert differing(walk["1_panel"], walk["3_signed"], VIEW) > 0.1
    assert skin(walk["1_panel"]) < 0.002 < 0.015 < skin(walk["3_signed"])


def test_a_running_sentence_is_called_off(walk: dict[str, Any]) -> None:
    assert walk["busy"] and not walk["poll_while_busy"]
    assert not walk["busy_after_cancel"] and walk["outcome"] == "cancelled"
    assert not walk["changed_by_cancel"]


def test_each_operator_is_undone_and_done_again(walk: dict[str, Any]) -> None:
    assert walk["signers_after_add"] == ["Signer", "Signer.001"]
    assert walk["signers_after_undo"] == ["Signer"]
    assert walk["signers_after_two"] == [] and walk["actions_after_two"] == walk["markers_after_two"] == 0
    assert walk["end_after_two"] == 250 and walk["text_after_two"] == "Where do you live?"
    assert walk["signers_after_redo"] == ["Signer"] and walk["actions_after_redo"] > 0
    assert skin(walk["6_redone"]) > 0.015


def test_a_saved_file_holds_the_plan(walk: dict[str, Any]) -> None:
    assert walk["plan_after_reopening"] == ["IX-2", "LIVE", "WHERE"]
