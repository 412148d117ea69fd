"""Motion: the numbers that every stage hands on, and their npz file (AMASS keys plus `face` and `joints`)."""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import rig
from .errors import FileFormatError, InputError, OutputError
from .face import ARKIT_NAMES, FACE_MIRROR, NUM_FACE

# What the columns of `Motion.uncertainty` speak of.
UNCERTAINTY_STREAMS = ("body", "left_hand", "right_hand", "face")


@dataclass(frozen=True)
class Segment:
    """One action's place on the time line: seconds, with the hold from which its handshape is read."""

    gloss_id: str
    start: float
    end: float
    hold: float


@dataclass(frozen=True)
class Motion:
    """A clip of a whole signer.

    poses: (T, 55, 3) axis-angle radians, SMPL-X order; transl: (T, 3) metres; betas: (B,); expression: (T, 10);
    face: (T, 52) ARKit coefficients in [0, 1]; fps: frames per second. Frame t stands at t / fps seconds.
    segments: one per action. meta: JSON-ready facts (seed, text, generator).
    uncertainty: (T, 4) float32 in [0, 1] by `UNCERTAINTY_STREAMS`: normalised entropy of the distribution from which a model drew the frame; None
    where nothing was drawn. 0 in frames that are made by rule.
    """

    poses: np.ndarray
    transl: np.ndarray
    betas: np.ndarray
    expression: np.ndarray
    face: np.ndarray
    fps: float
    segments: tuple[Segment, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)
    uncertainty: np.ndarray | None = None

    def __post_init__(self) -> None:
        t = len(self.poses)
        if not t:
            raise InputError("motion poses: no frames")
        for name, shape in (("poses", (t, 55, 3)), ("transl", (t, 3)), ("expression", (t, 10)), ("face", (t, NUM_FACE))):
            value = getattr(self, name)
            if value.shape != shape:
                raise InputError(f"motion {name}: expected shape {shape}, found {value.shape}")
            if not np.isfinite(value).all():
                raise InputError(f"motion {name}: holds NaN or infinite values")
        if self.uncertainty is not None:
            if self.uncertainty.shape != (t, len(UNCERTAINTY_STREAMS)):
                raise InputError(f"motion uncertainty: expected shape {(t, len(UNCERTAINTY_STREAMS))}, found {self.uncertainty.shape}")
            if not ((self.uncertainty >= 0.0) & (self.uncertainty <= 1.0)).all():
                raise InputError("motion uncertainty: holds values outside of 0 to 1")
        if not 1.0 <= self.fps <= 1000.0:
            raise InputError(f"motion fps: {self.fps} is not between 1 and 1000")

    @property
    def num_frames(self) -> int:
        return len(self.poses)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last: (T - 1) / fps."""
        return (self.num_frames - 1) / self.fps

    def part(self, first: int, stop: int) -> Motion:
        """The frames [first, stop), as far as there are any, without segments. Raises InputError where there are none."""
        rows = slice(max(0, first), stop)
        return replace(
            self, poses=self.poses[rows], transl=self.transl[rows], expression=self.expression[rows], face=self.face[rows], segments=(),
            uncertainty=None if self.uncertainty is None else self.uncertainty[rows],
        )  # fmt: skip

    def mirrored(self) -> Motion:
        """The same motion by the signer's mirror image (a left-handed signer)."""
        poses = self.poses[:, list(rig.MIRROR)] * np.array([1.0, -1.0, -1.0])
        uncertainty = None if self.uncertainty is None else self.uncertainty[:, [0, 2, 1, 3]]  # each hand's with the hand
        transl = self.transl * np.array([-1.0, 1.0, 1.0])
        return replace(self, poses=poses, transl=transl, face=self.face[:, list(FACE_MIRROR)], uncertainty=uncertainty)


def write_npz(path: str | Path, motion: Motion, joints: np.ndarray) -> None:
    """Writes `motion` and its joint positions (T, 70, 3) with the keys of docs/formats/motion.md; the same motion gives the same bytes.

    Raises InputError for joints that do not belong to the motion, OutputError when the place is not writable; nothing half-written is left.
    """
    if joints.shape != (motion.num_frames, len(rig.POINT_NAMES), 3):
        raise InputError(f"joints: expected shape {(motion.num_frames, len(rig.POINT_NAMES), 3)}, found {joints.shape}")
    flat = motion.poses.reshape(motion.num_frames, 165)
    arrays: dict[str, np.ndarray] = {
        "surface_model_type": np.array("smplx"),
        "gender": np.array("neutral"),
        "mocap_frame_rate": np.array(motion.fps),
        "mocap_time_length": np.array(motion.num_frames / motion.fps),
        "trans": motion.transl,
        # AMASS orders jaw, left eye, right eye between body and hands, as SMPL-X does
        "poses": flat,
        "root_orient": flat[:, :3],
        "pose_body": flat[:, 3:66],
        "pose_jaw": flat[:, 66:69],
        "pose_eye": flat[:, 69:75],
        "pose_hand": flat[:, 75:],
        "betas": motion.betas,
        "num_betas": np.array(len(motion.betas)),
        "expressions": motion.expression,
        "face": motion.face,
        "face_names": np.array(ARKIT_NAMES),
        "joints": joints,
        "joint_names": np.array(rig.POINT_NAMES),
        "segment_gloss": np.array([s.gloss_id for s in motion.segments], dtype=np.str_),
        "segment_times": np.array([[s.start, s.end, s.hold] for s in motion.segments], dtype=np.float64).reshape(-1, 3),
        "signgen": np.array(json.dumps({"format": 1, **motion.meta}, sort_keys=True)),
    }
    if motion.uncertainty is not None:
        arrays["uncertainty"] = motion.uncertainty.astype(np.float32)
        arrays["uncertainty_streams"] = np.array(UNCERTAINTY_STREAMS)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, array in arrays.items():
            raw = io.BytesIO()
            np.lib.format.write_array(raw, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), raw.getvalue(), compress_type=zipfile.ZIP_DEFLATED)
    write_bytes(path, buffer.getvalue())


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes a file whole or not at all: a temporary file beside it, then a rename. Raises OutputError."""
    path = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".signgen-", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
        temporary = None
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written: {problem.strerror or problem}") from problem
    finally:  # an interruption between the two steps leaves nothing either
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def read_arrays(path: str | Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz file, or those of `names` that it has. Raises InputError when it is absent, FileFormatError in one line; nothing pickled is read."""
    path = Path(path)
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise FileFormatError(f"{path}: a single array, not an npz file")
        with archive:
            return {name: archive[name] for name in archive.files if names is None or name in names}
    except FileFormatError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise FileFormatError(f"{path}: not a readable npz file: {problem.strerror or problem}") from problem
    except _DAMAGE as problem:
        raise FileFormatError(f"{path}: not a readable npz file: {problem}") from problem


def read_array(path: str | Path, *, mapped: bool = False) -> np.ndarray:
    """The array of a .npy file. mapped: left on the disk until it is looked at. Raises as `read_arrays`; nothing pickled is read."""
    path = Path(path)
    try:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, *_DAMAGE) as problem:
        raise FileFormatError(f"{path}: not a readable npy file: {' '.join(str(problem).split())[:120]}") from problem
    if isinstance(found, np.lib.npyio.NpzFile):
        found.close()
        raise FileFormatError(f"{path}: an npz file, not a single array")
    return found


def read_npz(path: str | Path) -> Motion:
    """Reads an AMASS-style SMPL-X npz: our own, or any with `poses` (T, 165), `trans` and a frame rate. Raises FileFormatError."""
    path = Path(path)
    data = read_arrays(path, _READ_KEYS)
    if "poses" not in data:
        raise FileFormatError(f"{path}: has no array 'poses'; this is not a motion file")
    poses = data["poses"]
    if poses.ndim == 3 and poses.shape[1:] == (55, 3):
        poses = poses.reshape(len(poses), 165)
    if poses.ndim != 2 or poses.shape[1] != 165 or not np.issubdtype(poses.dtype, np.floating) or not len(poses):
        raise FileFormatError(f"{path}: poses: expected float (T, 165) with T > 0, found {poses.dtype} {poses.shape}")
    rates = [data[key] for key in ("mocap_frame_rate", "mocap_framerate", "fps") if key in data and data[key].size == 1]
    if not rates or rates[0].dtype.kind not in "fiu":
        raise FileFormatError(f"{path}: no frame rate (a number in mocap_frame_rate, mocap_framerate or fps)")
    t = len(poses)
    names, times = data.get("segment_gloss", np.zeros(0, dtype=np.str_)), data.get("segment_times", np.zeros((0, 3)))
    if times.dtype.kind not in "fiu" or names.ndim != 1 or times.shape != (len(names), 3):
        raise FileFormatError(f"{path}: segment_times: expected numbers (S, 3) for segment_gloss (S,), found {times.shape} and {names.shape}")
    segments = tuple(Segment(str(name), *(float(v) for v in row)) for name, row in zip(names, times, strict=True))
    uncertainty = _uncertainty(data, t, path)
    try:
        meta = json.loads(str(data["signgen"])) if "signgen" in data else {}
        if not isinstance(meta, dict):
            raise FileFormatError(f"{path}: signgen: expected a JSON object")
        return Motion(
            poses=poses.reshape(t, 55, 3).astype(np.float64),
            transl=np.asarray(data.get("trans", np.zeros((t, 3))), dtype=np.float64),
            betas=np.asarray(data.get("betas", np.zeros(10)), dtype=np.float64).reshape(-1),
            expression=np.asarray(data.get("expressions", np.zeros((t, 10))), dtype=np.float64)[:, :10],
            face=np.asarray(data.get("face", np.zeros((t, NUM_FACE))), dtype=np.float64),
            fps=float(rates[0].reshape(())),
            segments=segments,
            meta={k: v for k, v in meta.items() if k != "format"},
            uncertainty=uncertainty,
        )
    except FileFormatError:
        raise
    except (InputError, ValueError, IndexError, TypeError) as problem:
        raise FileFormatError(f"{path}: {problem}") from problem


def _uncertainty(data: dict[str, np.ndarray], t: int, path: Path) -> np.ndarray | None:
    """(t, 4) float32 of a file's arrays, or None. Raises FileFormatError for other streams than ours, or another shape or type."""
    if "uncertainty" not in data:
        return None
    values = data["uncertainty"]
    streams = [str(name) for name in data["uncertainty_streams"].ravel()] if "uncertainty_streams" in data else []
    if streams != list(UNCERTAINTY_STREAMS):
        raise FileFormatError(f"{path}: uncertainty_streams: expected {', '.join(UNCERTAINTY_STREAMS)}, found {', '.join(streams)[:80] or 'nothing'}")
    if values.shape != (t, len(UNCERTAINTY_STREAMS)) or not np.issubdtype(values.dtype, np.floating):
        raise FileFormatError(f"{path}: uncertainty: expected float {(t, len(UNCERTAINTY_STREAMS))}, found {values.dtype} {values.shape}")
    return values.astype(np.float32)


# What zip, zlib and numpy's header reader raise for bytes that are not what they should be; RuntimeError: an encrypted member.
_DAMAGE = (
    ValueError, KeyError, EOFError, TypeError, SyntaxError, RuntimeError, NotImplementedError, OverflowError, MemoryError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
_READ_KEYS = {
    "poses", "trans", "betas", "expressions", "face", "mocap_frame_rate", "mocap_framerate", "fps", "segment_gloss", "segment_times", "signgen",
    "uncertainty", "uncertainty_streams",
}  # fmt: skip
