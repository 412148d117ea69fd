"""A running Blender scene with one signer in it, out of which frames come as numpy arrays.

Shared by `render`, `batch` and `sheet`. Blender keeps one scene per process, so there is one stage at a time. Pixels of a finished render can only
be had through a file (Blender gives no access to them without a window), so frames pass through memory-backed storage where the machine has it.

Of a frame in Workbench only the box in which the signer is gets drawn: around it is the plain ground, which costs as much a pixel.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signgen_core.camera import Camera, CameraPreset, Framing, check_framing, dolly_to_fit, picture_box, place_camera
from signgen_core.character import choose_character
from signgen_core.errors import MachineError
from signgen_core.kinematics.forward import global_transforms, point_positions
from signgen_core.kinematics.rotations import axis_angle_to_matrix

if TYPE_CHECKING:
    from blender_addon.armature import Signer
    from signgen_core.motion import Motion

_MEMORY = Path("/dev/shm")
_MARGIN = 6  # pixels around the signer that are drawn, too: outlines and darkened creases look at their neighbours
_ROOM = 64 * 2**20  # a frame of 8192 x 8192 is far beyond what is rendered; less room than this is no room


@dataclass(frozen=True)
class View:
    """What `Stage.load` settled. moved: metres that the camera went back so that nothing is cut off; framing: the check after that."""

    moved: float
    before: Framing
    framing: Framing


@dataclass(frozen=True)
class _Shown:
    """What stands on the stage. grown: metres of room around each vertex of the skinned body, for its face."""

    motion: Motion
    camera: Camera
    grown: np.ndarray


class Stage:
    """A studio of a size and quality; `load` puts a motion on it, `shoot` renders a frame. Use as a context manager.

    size: (width, height) pixels. character: as in `signgen_core.character.choose_character`. alpha: frames have four channels.
    threads: of Cycles and the software rasteriser, 0 for all cores. scratch: folder for passing frames, which the caller cleans up (None: its own).
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (960, 720),
        quality: str = "standard",
        engine: str = "auto",
        character: str | None = None,
        background: tuple[float, float, float] | None = None,
        alpha: bool = False,
        threads: int = 0,
        scratch: Path | None = None,
    ) -> None:
        # must stand before the first OpenGL context is made: the software rasteriser reads it once
        if threads:
            os.environ.setdefault("LP_NUM_THREADS", str(threads))
        look, body_name = choose_character(character)
        from signgen_core.body import load_body

        body = load_body(body_name)
        with quiet():
            bpy = import_bpy()
            from blender_addon import scene as studio

            bpy.ops.wm.read_factory_settings(use_empty=True)
            self._bpy, self._studio = bpy, studio
            self.scene: Any = bpy.context.scene
            self.engine = studio.choose_engine(engine, quality)
            finer = studio.supersampling(quality, self.engine)
            self._drawn = round(finer * size[0]), round(finer * size[1])
            studio.build_studio(
                self.scene, quality=quality, engine=self.engine, size=self._drawn,
                background=background or studio.BACKGROUND, alpha=alpha, threads=threads,
            )  # fmt: skip
            if self.engine == "workbench":
                studio.light_workbench()
        self.size, self.quality, self.alpha = size, quality, alpha
        self._look, self._body = look, body
        self._signer: Signer | None = None
        self._shown: _Shown | None = None
        self._crops = self.engine == "workbench" and studio.subdivision_levels(quality) == 0
        self._first = 1
        self._folder = Path(tempfile.mkdtemp(prefix="signgen-", dir=scratch or frame_storage()))
        settings = self.scene.render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        # uncompressed, or PNG at its lowest effort where there is a fourth channel
        settings.file_format, settings.color_mode = ("PNG", "RGBA") if alpha else ("BMP", "RGB")
        settings.compression = 0
        self._file = self._folder / ("frame.png" if alpha else "frame.bmp")
        self.scene.render.filepath = str(self._file)
        self.scene.render.use_file_extension = True

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def load(self, motion: Motion, camera: CameraPreset, margin: float = 0.01) -> View:
        """Keys `motion` on the signer (a new one where its shape differs) and places the camera so that what `camera.keep` names stays in view."""
        from blender_addon import armature, keying

        with quiet():
            if self._signer is None or not np.array_equal(_trimmed(self._signer.betas), _trimmed(motion.betas)):
                if self._signer is not None:
                    self._remove(self._signer)
                self._signer = armature.build_signer(self._body, character=self._look, betas=motion.betas)
                self._signer.set_subdivision(self._studio.subdivision_levels(self.quality))
            keying.key_motion(self._signer, motion, start_frame=self._first, scene=self.scene)
        rig = self._signer.rig
        turns, places = global_transforms(axis_angle_to_matrix(motion.poses), rig.rest_joints, transl=motion.transl)
        points = point_positions(rig, turns, places)
        # a signer who wanders is met half way
        placed = place_camera(camera, rig, self.size, transl=np.median(motion.transl, axis=0), floor=-self._signer.ground)
        before = check_framing(points, placed, camera.keep, margin)
        fitted = dolly_to_fit(points, placed, camera.keep, margin)
        self._studio.aim_camera(self.scene, fitted, self._signer.ground)
        after = check_framing(points, fitted, camera.keep, margin)
        self._shown = _Shown(motion, fitted, self._body.reach(motion))
        return View(float(np.linalg.norm(fitted.position - placed.position)), before, after)

    def _remove(self, signer: Signer) -> None:
        """Takes a signer out of the scene with all that only it had: mesh, shape keys, bones, materials, keys. 25 MB stay behind otherwise."""
        keyed = (signer.armature, signer.mesh.data.shape_keys)
        actions = {k.animation_data.action for k in keyed if k is not None and k.animation_data is not None and k.animation_data.action is not None}
        for thing in (signer.mesh, signer.armature):
            self._bpy.data.objects.remove(thing, do_unlink=True)
        for action in actions:
            self._bpy.data.actions.remove(action)
        self._bpy.data.orphans_purge(do_recursive=True)

    def shoot(self, frame: int) -> np.ndarray:
        """(height, width, 3 or 4) uint8 sRGB of frame `frame` (0 is the motion's first). Raises MachineError when Blender cannot render."""
        from PIL import Image

        box = self._box(frame)
        self._studio.show_part(self.scene, self._drawn, box)
        with quiet() as said:
            self.scene.frame_set(self._first + frame)
            try:
                self._bpy.ops.render.render(write_still=True)
            except RuntimeError as problem:
                raise MachineError(f"Blender cannot render: {problem} {said()}") from problem
        try:
            with Image.open(self._file) as image:
                if box is None:
                    return self._averaged(image, self.size)
                return self._on_ground(image, box)
        except OSError as problem:
            raise MachineError(f"Blender rendered no readable frame to {self._folder}: {problem}") from problem

    def _steps(self) -> tuple[Fraction, Fraction]:
        """Rendered pixels per pixel of the picture, along each axis."""
        return Fraction(self._drawn[0], self.size[0]), Fraction(self._drawn[1], self.size[1])

    def _box(self, frame: int) -> tuple[int, int, int, int] | None:
        """(left, top, right, bottom) rendered pixels outside of which frame `frame` is ground, at whole pixels of the picture; None for all."""
        if not self._crops or self._shown is None:
            return None
        motion, one = self._shown.motion, slice(frame, frame + 1)
        skin = self._body.vertices(motion.poses[one], motion.transl[one], motion.betas)[0]
        seen = picture_box(skin, self._shown.camera, self._shown.grown)
        if seen is None:
            return None
        box = [0, 0, 0, 0]
        for axis, step in enumerate(self._steps()):
            count = self._drawn[axis]
            low, high = seen[axis] * count - _MARGIN, seen[axis + 2] * count + _MARGIN
            box[axis] = max(0, int(low // step.numerator) * step.numerator)
            box[axis + 2] = min(count, -int(-high // step.numerator) * step.numerator)
        left, top, right, bottom = box
        return None if (right - left, bottom - top) == self._drawn or right <= left or bottom <= top else (left, top, right, bottom)

    def _on_ground(self, image: Any, box: tuple[int, int, int, int]) -> np.ndarray:
        """The whole picture of which `image` is the part in `box`. What is missing has the colour of the box's edge, on a side where there is more."""
        across, down = self._steps()
        left, right = (int(x / across) for x in box[::2])
        top, bottom = (int(y / down) for y in box[1::2])
        part = self._averaged(image, (right - left, bottom - top))
        ground = part[-1, -1] if right < self.size[0] or bottom < self.size[1] else part[0, 0]
        picture = np.empty((self.size[1], self.size[0], part.shape[2]), dtype=np.uint8)
        picture[:] = ground
        picture[top:bottom, left:right] = part
        return picture

    def _averaged(self, image: Any, size: tuple[int, int]) -> np.ndarray:
        from PIL import Image

        # averaging needs premultiplied colours, or the hidden ones of transparent pixels would bleed into the outline
        plain = image.convert("RGBA").convert("RGBa") if self.alpha else image.convert("RGB")
        if plain.size != size:
            whole = plain.size[0] // size[0]
            even = plain.size == (whole * size[0], whole * size[1])
            plain = plain.reduce(whole) if even else plain.resize(size, Image.Resampling.BOX)
        return np.asarray(plain.convert("RGBA") if self.alpha else plain)


def import_bpy() -> Any:
    """Blender as a module. Raises MachineError with the cure where it is missing or a shared library is."""
    try:
        import bpy
    except ImportError as problem:
        raise MachineError(f"Blender's Python module cannot be loaded ({problem}); `signgen doctor` names what to install") from problem
    return bpy


def _trimmed(betas: np.ndarray) -> np.ndarray:
    return np.trim_zeros(np.asarray(betas, dtype=np.float64).reshape(-1), "b")


def frame_storage() -> Path | None:
    """Memory-backed storage with room for a frame, or None for the usual temporary folder."""
    try:
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
            return _MEMORY
    except OSError:
        return None
    return None


@contextmanager
def quiet() -> Iterator[Any]:
    """Keeps what Blender's C code prints off the terminal. Yields a function that returns the last line so far, for error messages."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved: Sequence[int] = []
    with tempfile.TemporaryFile() as drain:

        def last_line() -> str:
            drain.seek(0)
            lines = [line for line in drain.read().decode(errors="replace").splitlines() if line.strip()]
            return lines[-1] if lines else ""

        try:
            saved = [os.dup(1), os.dup(2)]
            os.dup2(drain.fileno(), 1)
            os.dup2(drain.fileno(), 2)
            yield last_line
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, copy in zip((1, 2), saved, strict=False):
                os.dup2(copy, target)
                os.close(copy)
