"""The orders in which systems of the field write SMPL-X parameters into one vector; the only place where they stand.

All rotations are axis-angle in radians. Three orders of 182 numbers exist; which one a file has is told by the slice that does not change over time: the
shape. Sources: the public code of SignAvatars, SOKE, aslAvatar, SignMotionGPT, Motion-X and AMASS.
"""

from __future__ import annotations

import numpy as np

from ..errors import FileFormatError

Layout = tuple[tuple[str, int], ...]

LAYOUTS: dict[str, Layout] = {
    "signavatars_182": (
        ("global_orient", 3), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45), ("jaw_pose", 3), ("betas", 10), ("expression", 10),
        ("camera", 3),
    ),
    "signavatars_169": (("global_orient", 3), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45), ("betas", 10), ("camera", 3)),
    "aslavatar_182": (
        ("global_orient", 3), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45), ("jaw_pose", 3), ("expression", 10), ("betas", 10),
        ("camera", 3),
    ),
    "signmotiongpt_182": (
        ("betas", 10), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45), ("jaw_pose", 3), ("expression", 10), ("global_orient", 3),
        ("camera", 3),
    ),
    "soke_179": (
        ("global_orient", 3), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45), ("jaw_pose", 3), ("betas", 10), ("expression", 10),
    ),
    # neck to wrists: body joints 12 to 21
    "soke_133": (("upper_body_pose", 30), ("left_hand_pose", 45), ("right_hand_pose", 45), ("jaw_pose", 3), ("expression", 10)),
    "motionx_322": (
        ("global_orient", 3), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45), ("jaw_pose", 3), ("expression", 50),
        ("face_shape", 100), ("transl", 3), ("betas", 10),
    ),
    "amass_smplx_165": (
        ("global_orient", 3), ("body_pose", 63), ("jaw_pose", 3), ("leye_pose", 3), ("reye_pose", 3), ("left_hand_pose", 45), ("right_hand_pose", 45),
    ),
    "amass_smplh_156": (("global_orient", 3), ("body_pose", 63), ("left_hand_pose", 45), ("right_hand_pose", 45)),
}  # fmt: skip
_182 = ("signavatars_182", "aslavatar_182", "signmotiongpt_182")
_STILL = 1e-5  # standard deviation over time of what counts as not changing


def width(name: str) -> int:
    return sum(n for _, n in LAYOUTS[name])


def split(vectors: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """part -> (T, n) of vectors (T, width). Raises FileFormatError for another width."""
    if vectors.ndim != 2 or vectors.shape[1] != width(name):
        raise FileFormatError(f"expected (T, {width(name)}) for the layout {name}, found {vectors.shape}")
    out: dict[str, np.ndarray] = {}
    place = 0
    for part, n in LAYOUTS[name]:
        out[part] = vectors[:, place : place + n]
        place += n
    return out


def join(parts: dict[str, np.ndarray], name: str) -> np.ndarray:
    """The vectors (T, width) of parts (T, n); inverse of `split`."""
    return np.concatenate([parts[part] for part, _ in LAYOUTS[name]], axis=1)


def detect(vectors: np.ndarray) -> str:
    """The layout of vectors (T, D) by their width, and of 182 numbers by the slice that stands still while a slice of the others moves.

    Raises FileFormatError for an unknown width, or where the numbers do not tell.
    """
    if vectors.ndim != 2:
        raise FileFormatError(f"expected vectors (T, D), found an array of shape {vectors.shape}")
    if vectors.shape[1] != 182:
        found = [name for name in LAYOUTS if width(name) == vectors.shape[1]]
        if not found:
            raise FileFormatError(f"vectors of {vectors.shape[1]} numbers are in no known layout; known: {', '.join(f'{n} ({width(n)})' for n in LAYOUTS)}")
        return found[0]
    # the slices in which the three orders differ
    still = {name: float(np.std(split(vectors, name)["betas"], axis=0).max()) < _STILL for name in _182}
    moving = {name: float(np.std(np.delete(vectors, _shape_columns(name), axis=1), axis=0).max()) >= _STILL for name in _182}
    fits = [name for name in _182 if still[name] and moving[name]]
    if len(fits) > 1:
        # where two slices stand still, an expression of zeros stands still too: the shape is the one that is not zero
        shaped = [name for name in fits if np.abs(split(vectors, name)["betas"]).max() > _STILL]
        fits = shaped if len(shaped) == 1 else fits
    if len(fits) != 1:
        why = "no slice of them stands still" if not fits else "several slices of them stand still"
        raise FileFormatError(f"vectors of 182 numbers, and {why}: say which layout they have ({', '.join(_182)})")
    return fits[0]


def _shape_columns(name: str) -> list[int]:
    place = 0
    for part, n in LAYOUTS[name]:
        if part == "betas":
            return list(range(place, place + n))
        place += n
    return []
