"""Runs inside a Blender with a window: edits the signs of a sentence in the panel and in the NLA editor, takes pictures, writes what was found as JSON.

    blender --factory-startup --window-geometry 0 0 1280 1000 --python plan_walk.py -- ZIP FOLDER

The mouse comes from xdotool, pictures from ImageMagick's `import`. The checks stand in `test_plan_window.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy

ARCHIVE, FOLDER = (Path(word) for word in sys.argv[sys.argv.index("--") + 1 :])
TAB = (1044, 207)
SENTENCE = "My sister learns sign language."
FOUND: dict = {}


def mouse(x: int, y: int, *then: str) -> Iterator[float]:
    """A button takes a click only once it has seen the mouse above it."""
    for dx in (-3, 0):
        subprocess.run(["xdotool", "mousemove", str(x + dx), str(y)], check=True, timeout=20)
        yield 0.4
    if then:
        subprocess.run(["xdotool", *then], check=True, timeout=20)
        yield 0.6


def picture(name: str) -> None:
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    subprocess.run(["import", "-window", "root", str(FOLDER / f"{name}.png")], check=True, timeout=20)


def viewport() -> dict:
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return {"window": window, "area": area, "region": next(region for region in area.regions if region.type == "WINDOW")}


def module(name: str) -> object:
    return sys.modules[next(found for found in sys.modules if found.split(".")[-2:] == ["signgen", name])]


def signer() -> object:
    return bpy.data.objects["Signer"]


def keys() -> dict:
    return {
        curve.data_path + str(curve.array_index): [round(v, 4) for point in curve.keyframe_points for v in point.co]
        for curve in signer().animation_data.action.fcurves
    }


def told() -> list:
    return [[row.name, round(row.start, 3), round(row.duration, 3)] for row in signer().signgen_signs.rows]


def look() -> None:
    with bpy.context.temp_override(**viewport()):
        bpy.ops.view3d.view_axis(type="FRONT")
        space = bpy.context.space_data
        space.region_3d.view_perspective = "PERSP"
        space.region_3d.view_location, space.region_3d.view_distance = (0.0, 0.0, 1.25), 1.6
        space.shading.color_type = "MATERIAL"


def steps() -> Iterator[float]:
    """Yields the seconds to wait until what was asked for is on the screen."""
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    viewport()["area"].spaces[0].show_region_ui = True
    scene = bpy.context.scene
    scene.signgen.text, scene.signgen.who = SENTENCE, "inside"
    yield 1.5
    yield from mouse(*TAB, "click", "1")
    yield 1.0
    bpy.ops.signgen.sign("EXEC_DEFAULT", True)
    look()
    yield 3.0
    FOUND["rows"] = told()
    view = signer().signgen_signs
    view.row = 2
    bpy.ops.signgen.go_to_sign()
    for _ in range(40):
        yield 0.5
        if not module("hand_icons")._store["waiting"]:
            break
    yield 1.0
    picture("1_list")
    before = keys()
    bpy.ops.ed.undo_push(message="Before")
    start = time.perf_counter()
    view.sign.handshape = "y"
    FOUND["edit_seconds"] = time.perf_counter() - start
    bpy.ops.ed.undo_push(message="Handshape")
    yield 2.0
    picture("2_handshape")
    FOUND["handshape"] = json.loads(signer()["signgen_plan"])["actions"][2]["handshape"]["type"]
    after = keys()
    pairs = {path: zip(values[::2], values[1::2], after[path][1::2], strict=True) for path, values in before.items()}
    FOUND["changed_frames"] = sorted({round(time) for path in pairs for time, was, now in pairs[path] if was != now})
    bpy.ops.ed.undo()
    yield 1.5
    FOUND["undone"] = keys() == before and signer().signgen_signs.sign.handshape
    area = viewport()["area"]
    area.ui_type = "NLA_EDITOR"
    bpy.ops.signgen.show_strips("EXEC_DEFAULT", True)
    yield 1.0
    window = bpy.context.window_manager.windows[0]
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.anim.channels_expand()
        bpy.ops.nla.view_all()
        bpy.ops.nla.select_all(action="DESELECT")
    yield 1.5
    strips = module("timeline")._strips(signer())
    FOUND["strips"] = [strip.name for strip in strips]
    strips[-1].select = True
    yield 1.0
    picture("3_strips")
    bpy.ops.ed.undo_push(message="Before the drag")
    # ten frames to the right, by hand: G, mouse, a moment of rest on the way, mouse, click
    ten = region.view2d.view_to_region(110, 0, clip=False)[0] - region.view2d.view_to_region(100, 0, clip=False)[0]
    x, y = region.x + region.width // 2, window.height - region.y - region.height // 2
    yield from mouse(x, y, "key", "g")
    yield from mouse(x + ten // 2, y)
    yield 2.0
    yield from mouse(x + ten, y, "click", "1")
    for _ in range(30):  # until the mouse is taken to rest
        yield 0.5
        if told()[-1][1] > FOUND["rows"][-1][1] + 0.3:
            break
    yield 1.5
    FOUND["after_drag"] = told()
    picture("4_dragged")
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    yield 2.5
    FOUND["after_undo"] = told()
    area.ui_type = "VIEW_3D"
    yield 1.0
    bpy.context.scene.frame_set(91)
    yield 2.0
    picture("5_back")
    plan = json.loads(signer()["signgen_plan"])
    (FOLDER / "plan.json").write_text(json.dumps({**plan, "actions": plan["actions"][:2]}), encoding="utf-8")
    ticks = [time.monotonic()]

    def tick() -> float:
        ticks.append(time.monotonic())
        return 1 / 60

    bpy.app.timers.register(tick)
    with bpy.context.temp_override(**viewport()):
        FOUND["import"] = sorted(bpy.ops.signgen.sign_plan("INVOKE_DEFAULT", filepath=str(FOLDER / "plan.json")))
    FOUND["before_import"] = told()
    for _ in range(60):
        yield 0.25
        if not module("session").session().busy:
            break
    bpy.app.timers.unregister(tick)
    FOUND["longest_step"] = max(b - a for a, b in zip(ticks, ticks[1:]))  # noqa: B905, RUF007 - Python 3.10 or older
    yield 1.0
    FOUND["imported"] = told()


def start() -> None:
    walk = steps()

    def step() -> float | None:
        try:
            return next(walk)
        except StopIteration:
            pass
        except BaseException:  # noqa: BLE001 - what a timer raises is lost otherwise
            FOUND["error"] = traceback.format_exc()
        (FOLDER / "found.json").write_text(json.dumps(FOUND, indent=1), encoding="utf-8")
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


bpy.context.preferences.view.show_splash = False  # it would take every click
bpy.ops.preferences.addon_install(filepath=str(ARCHIVE))
bpy.ops.preferences.addon_enable(module="signgen")
start()
