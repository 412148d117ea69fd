"""Runs inside a Blender with a window: clicks and types in the add-on's panel as a user does, takes pictures, writes what was found as JSON.

    blender --factory-startup --window-geometry 0 0 1280 800 --python window_walk.py -- ZIP FOLDER

Mouse and keys come from xdotool, pictures from ImageMagick's `import`: both act on the screen and not on Blender. The checks stand in `test_window.py`.
Points are pixels of a 1280x800 window in Blender's own look, from the top left.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

ARCHIVE, FOLDER = (Path(word) for word in sys.argv[sys.argv.index("--") + 1 :])
TAB, TEXT, SIGN, ADD = (1044, 207), (930, 127), (930, 157), (930, 213)
CANCEL = (1008, 151)
SENTENCE = "Where do you live?"
LONG = "My mother and my father live in a small house. " * 12
FOUND: dict = {}


def tool(*command: str) -> None:
    subprocess.run(command, check=True, timeout=20)


def click(point: tuple[int, int], times: int = 1) -> Iterator[float]:
    """A button takes a click only once it has seen the mouse above it."""
    tool("xdotool", "mousemove", str(point[0] - 3), str(point[1]))
    yield 0.4
    tool("xdotool", "mousemove", *map(str, point))
    yield 0.4
    tool("xdotool", "click", "--repeat", str(times), "--delay", "80", "1")


def picture(name: str) -> None:
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)  # a busy machine may not have come to it by itself
    tool("import", "-window", "root", str(FOLDER / f"{name}.png"))


def viewport() -> dict:
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return {"window": window, "area": area, "region": next(region for region in area.regions if region.type == "WINDOW")}


def armatures() -> list[str]:
    return sorted(thing.name for thing in bpy.data.objects if thing.type == "ARMATURE")


def described() -> list:
    """What an unfinished sentence must leave as it is."""
    scene = bpy.context.scene
    return [sorted(bpy.data.actions.keys()), sorted(scene.objects.keys()), [(m.name, m.frame) for m in scene.timeline_markers], scene.frame_end]


def session() -> object:
    module = next(name for name in sys.modules if name.split(".")[-2:] == ["signgen", "session"])
    return sys.modules[module].session()


def watch_the_clock() -> Callable[[], float]:
    """Starts a fast timer; what it returns tells the longest time, in seconds, that Blender did not come to it while it signed, and stops it."""
    ticks = [(time.monotonic(), False)]

    def tick() -> float:
        ticks.append((time.monotonic(), session().busy))
        return 0.01

    def longest() -> float:
        bpy.app.timers.unregister(tick)
        return max((b - a for (a, _), (b, busy) in zip(ticks, ticks[1:], strict=False) if busy), default=0.0)

    bpy.app.timers.register(tick, first_interval=0.01)
    return longest


def look(frame: int) -> None:
    """The signer from the front, at a frame."""
    thing = bpy.data.objects[armatures()[0]]
    with bpy.context.temp_override(**viewport()):
        bpy.ops.view3d.view_axis(type="FRONT")
        space = bpy.context.space_data
        space.region_3d.view_perspective = "PERSP"
        space.region_3d.view_location, space.region_3d.view_distance = (thing.location.x, 0.0, 1.3), 1.9
        space.shading.color_type = "MATERIAL"
    bpy.context.scene.frame_set(frame)


def steps() -> Iterator[float]:
    """Yields the seconds to wait until what was asked for is on the screen."""
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    viewport()["area"].spaces[0].show_region_ui = True
    bpy.ops.ed.undo_push(message="Start")
    yield 1.5
    yield from click(TAB)
    yield 1.5
    picture("1_panel")
    yield from click(TEXT, 2)
    yield 1.0
    tool("xdotool", "key", "ctrl+a", "key", "BackSpace")
    yield 0.5
    tool("xdotool", "type", "--delay", "40", SENTENCE)
    yield 1.0
    picture("2_typing")
    tool("xdotool", "key", "Return")
    yield 1.0
    FOUND["text"] = bpy.context.scene.signgen.text
    clock = watch_the_clock()
    yield from click(SIGN)
    for _ in range(60):
        yield 1.0
        if bpy.data.actions:
            break
    FOUND["longest_step"] = clock()
    yield 1.0
    scene = bpy.context.scene
    FOUND["signers"], FOUND["frames"] = armatures(), [scene.frame_start, scene.frame_end]
    FOUND["markers"] = [marker.name for marker in scene.timeline_markers]
    FOUND["active"] = bpy.context.view_layer.objects.active.name
    look(round(0.55 * scene.frame_end))
    yield 2.5
    picture("3_signed")
    before = described()
    scene.signgen.text = LONG
    yield from click(SIGN)
    yield 1.2
    FOUND["busy"], FOUND["poll_while_busy"] = session().busy, bpy.ops.signgen.sign.poll()
    picture("4_running")
    yield from click(CANCEL)
    yield 2.5
    FOUND["busy_after_cancel"], FOUND["changed_by_cancel"] = session().busy, described() != before
    FOUND["outcome"] = session().job.outcome.kind
    scene.signgen.text = SENTENCE
    yield from click(ADD)
    yield 3.0
    FOUND["signers_after_add"] = armatures()
    picture("5_second")
    tool("xdotool", "mousemove", "500", "600", "sleep", "0.3", "key", "ctrl+z")
    yield 2.0
    FOUND["signers_after_undo"] = armatures()
    tool("xdotool", "key", "ctrl+z")
    yield 2.0
    FOUND["signers_after_two"], FOUND["actions_after_two"] = armatures(), len(bpy.data.actions)
    FOUND["markers_after_two"], FOUND["end_after_two"] = len(bpy.context.scene.timeline_markers), bpy.context.scene.frame_end
    FOUND["text_after_two"] = bpy.context.scene.signgen.text
    tool("xdotool", "key", "ctrl+shift+z")
    yield 2.0
    FOUND["signers_after_redo"], FOUND["actions_after_redo"] = armatures(), len(bpy.data.actions)
    look(round(0.55 * bpy.context.scene.frame_end))
    yield 3.0
    picture("6_redone")
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "signed.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "signed.blend"))
    yield 1.5
    thing = bpy.data.objects[armatures()[0]]
    FOUND["plan_after_reopening"] = [action["gloss_id"] for action in json.loads(thing["signgen_plan"])["actions"]]


def start() -> None:
    walk = steps()
    began = time.monotonic()

    def step() -> float | None:
        try:
            return next(walk)
        except StopIteration:
            FOUND["seconds"] = time.monotonic() - began
        except BaseException:  # noqa: BLE001 - what a timer raises is lost otherwise
            FOUND["error"] = traceback.format_exc()
        (FOLDER / "found.json").write_text(json.dumps(FOUND, indent=1), encoding="utf-8")
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


bpy.context.preferences.view.show_splash = False  # it would take every click
if bpy.app.version >= (4, 2, 0):
    bpy.ops.extensions.package_install_files(filepath=str(ARCHIVE), repo="user_default", enable_on_install=True)
else:
    bpy.ops.preferences.addon_install(filepath=str(ARCHIVE))
    bpy.ops.preferences.addon_enable(module="signgen")
start()
