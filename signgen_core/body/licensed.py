"""What a licensed SMPL-X file does not say itself: named vertices, and how ARKit coefficients can drive it."""

from __future__ import annotations

import numpy as np

from ..face import FACE_INDEX, NUM_FACE

# Vertex ids of the SMPL-X topology at finger tips, nose and ears. The default body is built with the same numbering of these vertices.
SMPLX_IDS: dict[str, int] = {
    "nose": 9120, "right_eye": 9929, "left_eye": 9448, "right_ear": 616, "left_ear": 6,
    "right_thumb_tip": 8079, "right_index_tip": 7669, "right_middle_tip": 7794, "right_ring_tip": 7905, "right_pinky_tip": 8022,
    "left_thumb_tip": 5361, "left_index_tip": 4933, "left_middle_tip": 5058, "left_ring_tip": 5169, "left_pinky_tip": 5286,
    "left_big_toe": 5770, "left_small_toe": 5780, "left_heel": 8846, "right_big_toe": 8463, "right_small_toe": 8474, "right_heel": 8635,
}  # fmt: skip

# Jaw rotation of the coefficient 1: the lower teeth of the default body's jawOpen shape turn by this angle about the jaw joint.
JAW_OPEN = 0.42
_JAW_SIDE = 0.12


def arkit_to_jaw() -> np.ndarray:
    """(52, 3) jaw axis-angle radians per coefficient.

    A licensed body's expression directions are principal components without names, so of the 52 coefficients only those that a joint can
    show are carried over: jawOpen, jawLeft and jawRight here, the eyeLook ones through `model.eye_rotations`.
    """
    table = np.zeros((NUM_FACE, 3))
    table[FACE_INDEX["jawOpen"]] = [JAW_OPEN, 0.0, 0.0]
    table[FACE_INDEX["jawLeft"]] = [0.0, _JAW_SIDE, 0.0]
    table[FACE_INDEX["jawRight"]] = [0.0, -_JAW_SIDE, 0.0]
    return table
