"""The studio: background, light, camera and render settings, set up on a Blender scene for one of three qualities.

A signing video wants an even, light ground and soft light from the front, so that hands in front of the shirt, fingers and brows stand out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from signgen_core.camera import Camera
from signgen_core.errors import InputError

from .keying import CORE_TO_BLENDER, to_blender

ENGINES = ("auto", "workbench", "cycles", "eevee")
QUALITIES = ("preview", "standard", "high")
BACKGROUND = (0.86, 0.88, 0.90)  # sRGB


@dataclass(frozen=True)
class _Settings:
    """engine, gpu_engine: what `auto` means. supersample: Workbench pixels per output pixel along each axis. samples: of Cycles or EEVEE.
    subdivision: levels on the skin."""

    engine: str
    gpu_engine: str
    supersample: float
    samples: int
    gpu_samples: int
    subdivision: int


# Workbench's own anti-aliasing draws the scene again for each sample, and its FXAA costs more than drawing 1.5 times as many pixels each way:
# at 960x720 in software FXAA takes 0.21 s and 1.5x 0.19 s a frame; 8 samples 0.68 s and 2x 0.32 s, and 2x shows brows and fingers more sharply.
_SETTINGS = {
    "preview": _Settings("workbench", "workbench", 1.5, 1, 8, 0),
    "standard": _Settings("workbench", "eevee", 2.0, 8, 32, 0),
    "high": _Settings("cycles", "cycles", 2.0, 8, 64, 1),
}


def has_gpu() -> bool:
    """Whether Cycles finds a device other than the processor; EEVEE is only worth its time on such a machine."""
    return _gpu_type() is not None


def _gpu_type() -> str | None:
    addon = bpy.context.preferences.addons.get("cycles")
    if addon is None:
        return None
    preferences = addon.preferences
    for kind in ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI"):
        try:
            devices = preferences.get_devices_for_type(kind)
        except (ValueError, TypeError):  # a kind that this build does not know
            continue
        if any(device.type != "CPU" for device in devices):
            return kind
    return None


def choose_engine(engine: str, quality: str) -> str:
    """workbench, cycles or eevee for an engine that may be auto. Raises InputError for unknown words."""
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r}: unknown; known are {', '.join(ENGINES)}")
    if quality not in QUALITIES:
        raise InputError(f"quality {quality!r}: unknown; known are {', '.join(QUALITIES)}")
    if engine != "auto":
        return engine
    return _SETTINGS[quality].gpu_engine if has_gpu() else _SETTINGS[quality].engine


def subdivision_levels(quality: str) -> int:
    """Levels of subdivision that a quality gives the skin."""
    return _SETTINGS[quality].subdivision


def supersampling(quality: str, engine: str) -> float:
    """Rendered pixels per output pixel along each axis, for an engine that `choose_engine` returned: whoever takes the frames averages them."""
    return _SETTINGS[quality].supersample if engine == "workbench" else 1.0


def build_studio(
    scene: bpy.types.Scene,
    *,
    quality: str = "standard",
    engine: str = "auto",
    size: tuple[int, int] = (960, 720),
    background: tuple[float, float, float] = BACKGROUND,
    alpha: bool = False,
    threads: int = 0,
) -> str:
    """Sets a scene up for rendering and returns the engine chosen: workbench, cycles or eevee.

    size: (width, height) pixels that are rendered (see `supersampling`). background: sRGB in [0, 1]. alpha: transparent instead of
    background. threads: 0 means all cores.
    """
    chosen = choose_engine(engine, quality)
    settings = _SETTINGS[quality]
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.film_transparent = alpha
    render.use_persistent_data = chosen == "cycles"
    render.dither_intensity = 0.0
    render.use_compositing = render.use_sequencer = False
    render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        render.threads = threads
    # colours of the character files are meant as they are written: no film look
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    _set_background(scene, background)
    if chosen == "workbench":
        render.engine = "BLENDER_WORKBENCH"
        shading = scene.display.shading
        shading.light, shading.color_type = "STUDIO", "MATERIAL"
        shading.show_shadows = shading.show_object_outline = False
        # one skin colour before another: without the darkened creases crossed fingers run into each other. Costs an eighth of a frame.
        shading.show_cavity, shading.cavity_type = True, "SCREEN"
        shading.curvature_ridge_factor, shading.curvature_valley_factor = 0.3, 0.8
        shading.show_specular_highlight = True
        scene.display.render_aa = "OFF"
        return chosen
    _add_lights(scene)
    if chosen == "cycles":
        render.engine = "CYCLES"
        cycles = scene.cycles
        cycles.samples, cycles.use_adaptive_sampling = settings.samples, False
        cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
        cycles.denoising_prefilter, cycles.denoising_quality = "FAST", "FAST"
        cycles.max_bounces = 2
        cycles.device = "CPU"
        kind = _gpu_type()
        if kind is not None:
            preferences = bpy.context.preferences.addons["cycles"].preferences
            preferences.compute_device_type = kind
            for device in preferences.devices:
                device.use = device.type != "CPU"
            cycles.device, cycles.samples = "GPU", settings.gpu_samples
        scene.update_tag()  # with persistent data Cycles would overlook the new sample count
        return chosen
    engines = {item.identifier for item in render.bl_rna.properties["engine"].enum_items}
    render.engine = "BLENDER_EEVEE_NEXT" if "BLENDER_EEVEE_NEXT" in engines else "BLENDER_EEVEE"
    scene.eevee.taa_render_samples = settings.gpu_samples if has_gpu() else settings.samples
    return chosen


def _linear(color: Iterable[float]) -> tuple[float, ...]:
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)


def _set_background(scene: bpy.types.Scene, background: tuple[float, float, float]) -> None:
    world = scene.world
    if world is None:
        world = scene.world = bpy.data.worlds.new("Studio")
    color = _linear(background)
    world.color = color
    if world.node_tree is None:
        world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    output = tree.nodes.new("ShaderNodeOutputWorld")
    mix = tree.nodes.new("ShaderNodeMixShader")
    path = tree.nodes.new("ShaderNodeLightPath")
    light, seen = tree.nodes.new("ShaderNodeBackground"), tree.nodes.new("ShaderNodeBackground")
    # what the camera sees is the plain ground; what lights the signer is dimmer, or the key light would have nothing to say
    seen.inputs["Color"].default_value = (*color, 1.0)
    light.inputs["Color"].default_value, light.inputs["Strength"].default_value = (*color, 1.0), 0.45
    tree.links.new(path.outputs["Is Camera Ray"], mix.inputs[0])
    tree.links.new(light.outputs[0], mix.inputs[1])
    tree.links.new(seen.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])


# name: (position, size in metres, watts, colour); the signer stands at the origin and faces -Y.
_LIGHTS = {
    "Key": ((-1.3, -2.2, 2.4), 1.4, 62.0, (1.0, 0.97, 0.93)),
    "Fill": ((1.8, -1.8, 1.4), 2.0, 22.0, (0.94, 0.97, 1.0)),
    "Rim": ((0.6, 1.6, 2.4), 1.0, 14.0, (1.0, 1.0, 1.0)),
}


def _add_lights(scene: bpy.types.Scene) -> None:
    for name, (position, size, power, color) in _LIGHTS.items():
        light = bpy.data.objects.get(f"Studio{name}")
        if light is None:
            light = bpy.data.objects.new(f"Studio{name}", bpy.data.lights.new(f"Studio{name}", "AREA"))
        if light.name not in scene.collection.objects:
            scene.collection.objects.link(light)
        light.data.size, light.data.energy, light.data.color = size, power, color
        back = np.array(position) - np.array([0.0, 0.0, 1.35])
        light.matrix_world = _looking(np.array(position), back)


def _looking(position: np.ndarray, back: np.ndarray) -> Matrix:
    """An object at `position` whose -Z looks against `back`, with Y up."""
    z = back / np.linalg.norm(back)
    x = np.cross([0.0, 0.0, 1.0], z)
    x = x / np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.stack([x, np.cross(z, x), z], axis=-1), position
    return Matrix(matrix.tolist())


_SENSOR = 24.0  # height in millimetres of the camera that sees the whole picture


def show_part(scene: bpy.types.Scene, size: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> None:
    """Lets the scene render the part `box` (left, top, right, bottom; pixels from the top left) of a picture of `size` pixels, or all of it.

    It is done by the camera's shift: Workbench draws the whole picture for a render border and throws the rest away.
    """
    left, top, right, bottom = box or (0, 0, *size)
    width, height = right - left, bottom - top
    scene.render.resolution_x, scene.render.resolution_y = width, height
    lens = scene.camera.data
    lens.sensor_height = _SENSOR * height / size[1]
    lens.shift_x, lens.shift_y = (left + right - size[0]) / 2 / height, (size[1] - top - bottom) / 2 / height


def aim_camera(scene: bpy.types.Scene, camera: Camera, ground: float) -> bpy.types.Object:
    """Puts the scene's camera (made if there is none) where a core camera stands. ground: the signer's, metres."""
    thing = scene.camera
    if thing is None:
        thing = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(thing)
        scene.camera = thing
    thing.data.sensor_fit, thing.data.sensor_height = "VERTICAL", _SENSOR
    thing.data.shift_x = thing.data.shift_y = 0.0
    thing.data.angle_y = np.radians(camera.fov)
    thing.data.clip_start, thing.data.clip_end = 0.05, 100.0
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = CORE_TO_BLENDER @ camera.axes, to_blender(camera.position, ground)
    thing.matrix_world = Matrix(matrix.tolist())
    return thing


# Workbench has no lamps in the scene: it is lit by four directions of the preferences. (direction in view space: x right, y up, z to the
# viewer; diffuse; specular; smooth 0 hard to 1 wrapped)
_WORKBENCH_LIGHTS = (
    ((-0.50, 0.50, 0.71), (0.82, 0.80, 0.77), (0.08, 0.08, 0.08), 0.10),
    ((0.75, 0.20, 0.63), (0.16, 0.17, 0.19), (0.02, 0.02, 0.02), 0.50),
    ((0.30, 0.80, -0.52), (0.20, 0.20, 0.21), (0.0, 0.0, 0.0), 0.40),
)
_WORKBENCH_AMBIENT = (0.26, 0.26, 0.28)


def light_workbench() -> None:
    """Soft key, fill and rim for Workbench. Changes preferences, so only a process of our own may call it, never the add-on in a user's Blender."""
    system = bpy.context.preferences.system
    system.use_studio_light_edit = True
    system.light_ambient = _WORKBENCH_AMBIENT
    for light, setting in zip(system.solid_lights, (*_WORKBENCH_LIGHTS, None), strict=False):
        light.use = setting is not None
        if setting is not None:
            light.direction, light.diffuse_color, light.specular_color, light.smooth = setting
