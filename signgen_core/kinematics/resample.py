"""Changing the frame rate of a motion: shortest-arc interpolation of rotations, linear for everything else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..motion import Motion
from .rotations import axis_angle_to_quaternion, quaternion_to_axis_angle, slerp


def resample(motion: Motion, fps: float) -> Motion:
    """The same motion at `fps` frames per second, from the first frame to the last whole frame within its duration.

    Segments and meta stay as they are (they are in seconds). A motion that has this rate already is returned unchanged.
    Raises InputError for a rate outside 1 to 1000.
    """
    if not 1.0 <= fps <= 1000.0:
        raise InputError(f"fps: {fps:g} is not between 1 and 1000")
    if abs(fps - motion.fps) < 1e-9 or motion.num_frames == 1:
        return motion if motion.fps == fps else replace(motion, fps=fps)
    # a whisker of tolerance keeps the last frame when the duration is a whole number of new frames
    count = int(np.floor(motion.duration * fps + 1e-6)) + 1
    return replace(sampled(motion, np.arange(count) * (motion.fps / fps)), fps=float(fps))


def sampled(motion: Motion, place: np.ndarray) -> Motion:
    """The frames at the places (N,) between those of the motion, each from 0 to its last frame; what lies beyond is the first or the last frame."""
    place = np.clip(place, 0, motion.num_frames - 1)
    left = np.minimum(place.astype(np.int64), max(motion.num_frames - 2, 0))
    right, share = np.minimum(left + 1, motion.num_frames - 1), place - left
    quaternions = axis_angle_to_quaternion(motion.poses)
    turned = slerp(quaternions[left], quaternions[right], share[:, None])

    def blend(values: np.ndarray) -> np.ndarray:
        return values[left] * (1.0 - share[:, None]) + values[right] * share[:, None]

    return replace(
        motion,
        poses=quaternion_to_axis_angle(turned),
        transl=blend(motion.transl),
        expression=blend(motion.expression),
        face=blend(motion.face),
        uncertainty=None if motion.uncertainty is None else np.clip(blend(motion.uncertainty), 0.0, 1.0).astype(np.float32),
    )
