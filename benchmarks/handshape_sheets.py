"""Pictures of every handshape, and of every letter and digit as a viewer sees it signed: docs/images/handshapes.png and letters.png.

    python benchmarks/handshape_sheets.py [OUT_FOLDER]

Handshapes are shown twice, from the palm's side and from the thumb's side; letters and digits from the viewer's place, with the stroke of J and Z.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np
from handshape_accuracy import orientation
from mathutils import Matrix
from PIL import Image, ImageDraw

from signgen_core.body import Body, load_body
from signgen_core.kinematics.rotations import matrix_to_axis_angle
from signgen_core.phonology.hand import HandModel
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.rig import INDEX, NUM_JOINTS, hand_slice

SKIN, NAIL, GROUND = (0.82, 0.60, 0.49, 1.0), (0.84, 0.44, 0.42, 1.0), (238, 239, 241)
TILE = 150
SPAN = 0.235  # metres across a picture
# Camera direction (from the hand to the camera) and up, in the canonical frame of the hand.
PALM_VIEW = (np.array([0.0, -1.0, 0.0]), np.array([-1.0, 0.0, 0.0]))
THUMB_VIEW = (np.array([0.0, -0.45, 1.0]), np.array([-1.0, 0.0, 0.0]))
VIEWER = (np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]))


class HandCamera:
    """Renders the right hand of a body, cut off below the wrist, with Workbench."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.model = HandModel.from_body(body, "right")
        self.wrist = body.joints[INDEX["right_wrist"]]
        keep = (body.v_template[:, 0] < self.wrist[0] + 0.05) & (body.weights[:, INDEX["right_elbow"]] < 0.999)
        self.rows = np.flatnonzero(keep)
        number = np.full(len(keep), -1)
        number[self.rows] = np.arange(len(self.rows))
        polygons, nails = [], []
        for polygon, region in zip(body.polygons, body.polygon_regions, strict=True):
            corners = [int(i) for i in polygon if i >= 0]
            if keep[corners].all():
                polygons.append([int(number[i]) for i in corners])
                nails.append(int(body.region_names[region] == "nails"))
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        scene.render.engine = "BLENDER_WORKBENCH"
        scene.display.render_aa = "8"
        scene.display.shading.light = "STUDIO"
        scene.display.shading.color_type = "MATERIAL"
        scene.display.shading.show_cavity = True
        scene.display.shading.cavity_type = "BOTH"
        scene.view_settings.view_transform = "Standard"
        scene.render.resolution_x = scene.render.resolution_y = TILE
        scene.render.film_transparent = True
        self.mesh = bpy.data.meshes.new("hand")
        self.mesh.from_pydata(np.zeros((len(self.rows), 3)).tolist(), [], polygons)
        for name, colour in (("skin", SKIN), ("nail", NAIL)):
            material = bpy.data.materials.new(name)
            material.diffuse_color = colour
            self.mesh.materials.append(material)
        self.mesh.polygons.foreach_set("material_index", np.array(nails, dtype=np.int32))
        self.mesh.polygons.foreach_set("use_smooth", np.ones(len(polygons), dtype=bool))
        scene.collection.objects.link(bpy.data.objects.new("hand", self.mesh))
        camera = bpy.data.cameras.new("camera")
        camera.type, camera.ortho_scale = "ORTHO", SPAN
        self.camera = bpy.data.objects.new("camera", camera)
        scene.collection.objects.link(self.camera)
        scene.camera = self.camera
        self.scene = scene

    def vertices(self, angles: np.ndarray) -> np.ndarray:
        """(V, 3) posed vertices of the hand in the wrist frame."""
        pose = np.zeros((1, NUM_JOINTS, 3))
        pose[0, hand_slice("right")] = matrix_to_axis_angle(self.model.rotations(angles))
        return np.asarray(self.body.vertices(pose)[0, self.rows] - self.wrist)

    def picture(self, vertices: np.ndarray, view: tuple[np.ndarray, np.ndarray], centre: np.ndarray, folder: str) -> Image.Image:
        """One picture of `vertices` (V, 3) around `centre` (3,)."""
        self.mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, dtype=np.float32).ravel())
        self.mesh.update()
        matrix = np.eye(4)
        matrix[:3, :3] = camera_axes(view)
        matrix[:3, 3] = centre + matrix[:3, 2]
        self.camera.matrix_world = Matrix(matrix.tolist())
        self.scene.render.filepath = os.path.join(folder, "tile.png")
        bpy.ops.render.render(write_still=True)
        with Image.open(self.scene.render.filepath) as image:
            picture = image.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*GROUND, 255))
        ground.alpha_composite(picture)
        return ground.convert("RGB")


def camera_axes(view: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(3, 3) columns: right, up, towards the camera."""
    z = view[0] / np.linalg.norm(view[0])
    x = np.cross(view[1], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def sheet(tiles: list[tuple[str, list[Image.Image]]], columns: int, path: Path) -> None:
    """Writes labelled tiles as one PNG of few colours."""
    wide, head = len(tiles[0][1]) * TILE + 4, 14
    rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (columns * wide, rows * (TILE + head)), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    for k, (label, pictures) in enumerate(tiles):
        x, y = (k % columns) * wide, (k // columns) * (TILE + head)
        for j, picture in enumerate(pictures):
            page.paste(picture, (x + j * TILE, y + head))
        draw.text((x + 3, y + 1), label, fill=(20, 20, 20))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.quantize(96, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)
    print(f"{path}: {page.size[0]}x{page.size[1]}, {path.stat().st_size // 1024} KB")


def main(out: Path) -> None:
    shapes = load_handshapes()
    camera = HandCamera(load_body())

    aliases = {f"fs_{c}" for c, v in shapes.letters.items() if v.handshape != f"fs_{c}"} | {f"n{c}" for c in shapes.digits}
    names = [name for name in shapes if name not in aliases]
    with tempfile.TemporaryDirectory() as folder:
        tiles = []
        for name in names:
            vertices = camera.vertices(shapes[name].angles)
            tiles.append((name, [camera.picture(vertices, view, np.array([-0.08, -0.01, 0.008]), folder) for view in (PALM_VIEW, THUMB_VIEW)]))
        sheet(tiles, 8, out / "handshapes.png")
        tiles = []
        for character in (*shapes.letters.values(), *shapes.digits.values()):
            angles = shapes[character.handshape].angles
            turn = orientation(character.palm, character.fingers)
            vertices = camera.vertices(angles) @ turn.T
            centre = camera.model.joints(angles).mean(axis=0) @ turn.T
            picture = camera.picture(vertices, VIEWER, centre, folder)
            if character.stroke is not None:
                start = camera.model.patch(character.stroke.point, angles)[0] @ turn.T
                path = start + character.stroke.path * np.array([-1.0, 1.0, 1.0]) - centre
                flat = [(TILE * (0.5 + x / SPAN), TILE * (0.5 - y / SPAN)) for x, y in (path @ camera_axes(VIEWER))[:, :2]]
                ImageDraw.Draw(picture).line(flat, fill=(40, 90, 200), width=2)
            tiles.append((character.name.upper(), [picture]))
        sheet(tiles, 9, out / "letters.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "docs" / "images")
