"""What a reader gives: motions with what is known about them, loaded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import FileFormatError, InputError
from ..face import NUM_FACE
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..motion import Motion
from ..rig import BODY_POSE, GLOBAL_ORIENT, INDEX, JAW_POSE, LEFT_HAND_POSE, LEYE_POSE, REYE_POSE, RIGHT_HAND_POSE, Side

PARTS = ("body", "left_hand", "right_hand", "face")
# A camera looks down its +Z with Y down; half a turn about X brings that to Y up with the signer facing +Z.
_UPRIGHT = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Clip:
    """One clip of a dataset.

    name: unique within it. motion: (T, 55, 3) and the rest, Y up, hands relative to the flat hand. valid: part -> (T,) bool, False where the source
    says that nothing was seen there (what stands in the motion is then a guess of the source). text: gloss or sentence, empty where unknown.
    provenance: layout, file, where the frame rate comes from, what was done to hands and frame.
    """

    name: str
    motion: Motion
    valid: Mapping[str, np.ndarray]
    text: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PointClip:
    """A clip of tracked points: points (T, K, D), confidence (T, K) from 0 to 1, names of the K points."""

    name: str
    points: np.ndarray
    confidence: np.ndarray
    names: tuple[str, ...]
    fps: float
    text: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


class Dataset:
    """Clips by name; `load(name)` reads one. layout: which reader it is."""

    def __init__(self, layout: str, loaders: Mapping[str, Callable[[], Clip | PointClip]]) -> None:
        self.layout = layout
        self._loaders = dict(loaders)
        if not self._loaders:
            raise InputError(f"{layout}: no clip in it")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    def load(self, name: str) -> Clip | PointClip:
        """Raises InputError for an unknown name, FileFormatError for a broken file."""
        return self.loader(name)()

    def loader(self, name: str) -> Callable[[], Clip | PointClip]:
        """What `load(name)` calls, for another process. Raises InputError for an unknown name."""
        if name not in self._loaders:
            raise InputError(f"{self.layout}: no clip {name!r}")
        return self._loaders[name]

    def __iter__(self) -> Iterator[Clip | PointClip]:
        for name in self._loaders:
            yield self.load(name)


def make_motion(parts: Mapping[str, np.ndarray], fps: float, *, camera_frame: bool, flat_hands: bool, where: str) -> tuple[Motion, dict[str, Any]]:
    """A Motion of SMPL-X parts (T, n), and what was done to them.

    camera_frame: the root is seen from a camera with Y down; it is stood up, and the camera's translation, which says where the camera was, is left out.
    flat_hands: hand poses count from the flat hand; otherwise the mean hand is added. Raises FileFormatError naming `where`.
    """
    frames = len(next(iter(parts.values())))
    poses = np.zeros((frames, 55, 3))
    done: dict[str, Any] = {}
    for part, place in (("global_orient", GLOBAL_ORIENT), ("body_pose", BODY_POSE), ("jaw_pose", JAW_POSE), ("leye_pose", LEYE_POSE), ("reye_pose", REYE_POSE),
                        ("left_hand_pose", LEFT_HAND_POSE), ("right_hand_pose", RIGHT_HAND_POSE)):  # fmt: skip
        if part in parts:
            poses[:, place] = parts[part].reshape(frames, -1, 3)
    if "upper_body_pose" in parts:
        poses[:, INDEX["neck"] : INDEX["right_wrist"] + 1] = parts["upper_body_pose"].reshape(frames, 10, 3)
        done["missing"] = "root and lower body"
    if not np.isfinite(poses).all():
        frame = int(np.flatnonzero(~np.isfinite(poses).all(axis=(1, 2)))[0])
        raise FileFormatError(f"{where}: frame {frame} holds NaN or infinite values")
    if not flat_hands:
        mean, source = hand_means()
        poses[:, LEFT_HAND_POSE] += mean["left"]
        poses[:, RIGHT_HAND_POSE] += mean["right"]
        done["hand_mean"] = f"added: {source}"
    if camera_frame and "global_orient" in parts:
        poses[:, 0] = matrix_to_axis_angle(_UPRIGHT @ axis_angle_to_matrix(poses[:, 0]))
        done["frame"] = "camera, turned upright"
    betas = parts["betas"].astype(float) if "betas" in parts else np.zeros((frames, 10))
    expression = np.zeros((frames, 10))
    if "expression" in parts:
        n = min(10, parts["expression"].shape[1])
        expression[:, :n] = parts["expression"][:, :n]
    transl = np.zeros((frames, 3)) if camera_frame or "transl" not in parts else parts["transl"].astype(float)
    try:
        return Motion(poses, transl, np.median(betas, axis=0), expression, np.zeros((frames, NUM_FACE)), fps), done
    except InputError as problem:
        raise FileFormatError(f"{where}: {problem}") from None


@lru_cache(maxsize=1)
def hand_means() -> tuple[dict[Side, np.ndarray], str]:
    """side -> (15, 3) axis-angle of the mean hand that poses with `flat_hand_mean=False` count from, and where it is from.

    It stands in licensed SMPL-X and MANO files. Where `SIGNGEN_SMPLX` names one, it is read from there; else our resting hand stands in for it.
    """
    import os

    path = os.environ.get("SIGNGEN_SMPLX")
    if path:
        with np.load(path, allow_pickle=False) as file:
            if "hands_meanl" in file and np.abs(file["hands_meanl"]).max() > 0:
                return {"left": file["hands_meanl"].reshape(15, 3), "right": file["hands_meanr"].reshape(15, 3)}, "the licensed body's mean hand"
    from ..body.load import load_body
    from ..phonology.hand import HandModel, to_side
    from ..phonology.handshapes import load_handshapes

    model = HandModel.from_body(load_body(), "right")
    rotations = model.rotations(load_handshapes()["relaxed"].angles)
    out: dict[Side, np.ndarray] = {side: matrix_to_axis_angle(to_side(rotations, side)) for side in ("left", "right")}  # type: ignore[misc]
    return out, "our resting hand, in place of the licensed mean"


def same_length(arrays: Mapping[str, np.ndarray], where: str) -> int:
    """The number of frames that all arrays have. Raises FileFormatError."""
    lengths = {name: len(a) for name, a in arrays.items()}
    if not lengths or min(lengths.values()) == 0:
        raise FileFormatError(f"{where}: no frames")
    if len(set(lengths.values())) > 1:
        raise FileFormatError(f"{where}: arrays of different lengths: {', '.join(f'{k} {v}' for k, v in lengths.items())}")
    return next(iter(lengths.values()))
