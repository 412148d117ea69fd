"""The pictures of the handshapes that menus show. One is drawn at a time while Blender is idle, so that no menu waits for sixty of them."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from signgen_core.body import load_body
from signgen_core.phonology.hand import HandModel
from signgen_core.phonology.handshapes import load_handshapes

from .hand_picture import HandPainter

SIZE = 64
_PAUSE = 0.02  # seconds between two pictures
_store: dict[str, Any] = {}  # "icons": Blender's collection; "waiting": names without a picture; "painter"


def icon_of(handshape: str) -> int:
    """The number of a handshape's icon, 0 where Blender has none to give. Empty until it is drawn."""
    icons = _store.get("icons")
    if icons is None:
        return 0
    return int(icons[handshape].icon_id) if handshape in icons else 0


def ask_for_pictures() -> None:
    """Begins to draw them, where that has not been asked before. Without a window nobody sees them and none is drawn."""
    if bpy.app.background or "waiting" not in _store or "asked" in _store:
        return
    _store["asked"] = True
    bpy.app.timers.register(draw_next, first_interval=0.1)


def draw_next() -> float | None:
    """Draws one picture; returns the seconds until the next one, None after the last: a timer of Blender's."""
    waiting = _store.get("waiting")
    if not waiting:
        return None
    if "painter" not in _store:
        body = load_body("default")
        _store["painter"] = HandPainter(body, HandModel.from_body(body, "right"))
        return _PAUSE
    name = waiting.pop(0)
    picture = _store["painter"].draw(load_handshapes()[name].angles, SIZE)
    icon = _store["icons"][name]
    icon.image_size = (SIZE, SIZE)
    icon.image_pixels_float.foreach_set((picture[::-1].astype(np.float32) / 255.0).ravel())
    if not waiting:
        del _store["painter"]
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()
        return None
    return _PAUSE


def register() -> None:
    import bpy.utils.previews

    icons = bpy.utils.previews.new()
    names = list(load_handshapes())
    for name in names:
        icons.new(name)
    _store.update(icons=icons, waiting=names)


def unregister() -> None:
    import bpy.utils.previews

    if bpy.app.timers.is_registered(draw_next):
        bpy.app.timers.unregister(draw_next)
    icons = _store.get("icons")
    _store.clear()
    if icons is not None:
        bpy.utils.previews.remove(icons)
