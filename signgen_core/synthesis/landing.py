"""Lands a motion that a model made on the plan it was made for: contacts touch, hands reach their places, arms obey their joints.

The model says trunk, head and face, how hands are turned, how fingers are bent, and how all of it moves. Only where the patch of a hand belongs is the
plan's word: the wrist is shifted until it is there, for a sign without contact only slowly, so that the model's own way of moving stays. What is shifted is
solved again by two-bone inverse kinematics, with the limits and the body's skin that the rule-based generator keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..kinematics.forward import global_transforms
from ..kinematics.rotations import axis_angle_to_matrix, matrix_to_rot6d, rot6d_to_matrix
from ..kinematics.spline import gaussian_kernel, minimum_jerk, smooth
from ..motion import Motion
from ..phonology.hand import ANGLE_LIMITS, HandModel, to_side
from ..rig import INDEX, SIDES, Side, hand_slice
from .targets import BodyPose, HandTarget, hand_patch

if TYPE_CHECKING:
    from .arms import HandTracks
    from .generate import Synthesiser, Unit

# Four frames of a token do not join quite smoothly: one frame of a 30th of a second on either side.
_SMOOTHING_SECONDS = 1.0 / 30.0
_DRIFT_SECONDS = 0.03  # standard deviation of what is smoothed away from the shift of a sign without contact
_WRIST = INDEX["right_wrist"]  # canonical worlds are those of a right hand
_ARMS = tuple(INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("collar", "shoulder", "elbow", "wrist"))


@dataclass(frozen=True)
class _Hand:
    """wrist (T, 3) and hand (T, 3, 3) in the canonical world of that hand, angles (T, 21) within their limits."""

    wrist: np.ndarray
    hand: np.ndarray
    angles: np.ndarray


@dataclass(frozen=True)
class Said:
    """What a model said of some frames: trunk (T, 55, 3, 3) with arms and hands at rest, face (T, 52), and both hands."""

    trunk: np.ndarray
    face: np.ndarray
    hands: dict[Side, _Hand]
    fps: float

    def target(self, side: Side, model: HandModel, unit: Unit, target: HandTarget, *, base: bool = False) -> HandTarget:
        """What that hand should do in a unit: as the model turned and bent it, with its patch where the plan's `target` has it.

        Unit and rows of this count from the same frame. base: the other hand of a sign that moves one hand only.
        """
        rows = slice(unit.first, unit.last + 1)
        hand = self.hands[side]
        turned = hand.hand[rows]
        angles = target.angles if unit.finger_config and not base else hand.angles[rows]  # fingers that somebody bent by hand stay bent
        led = not target.patch.any()  # an edited trajectory leads the wrist itself
        patch = target.patch if led else hand_patch(model, "palm" if base else unit.phonology.contact_point or "palm", angles)[0]
        own = hand.wrist[rows] + np.einsum("tab,tb->ta", turned, patch)
        shift = target.point - own
        if not (unit.phonology.contact or led or base):
            shift = smooth(shift, gaussian_kernel(_DRIFT_SECONDS * self.fps))
        return HandTarget(own + shift, turned, turned, np.zeros(len(own)), angles, patch)

    def part(self, rows: slice) -> Said:
        """The same of these rows only."""
        hands = {side: _Hand(hand.wrist[rows], hand.hand[rows], hand.angles[rows]) for side, hand in self.hands.items()}
        return Said(self.trunk[rows], self.face[rows], hands, self.fps)

    def between(self, side: Side, tracks: HandTracks) -> HandTracks:
        """Transitions as the model made them, shifted so that they leave and arrive where the signs do."""
        hand = self.hands[side]
        wrist, angles = tracks.wrist.copy(), tracks.angles.copy()
        for a, b in tracks.joins:
            if np.array_equal(wrist[a], wrist[b]):
                continue  # a hand that nobody needs hangs still
            inner = np.arange(a + 1, b)
            s = minimum_jerk((inner - a) / (b - a))[:, None]
            for out, said in ((wrist, hand.wrist), (angles, hand.angles)):
                first, last = out[a] - said[a], out[b] - said[b]
                out[inner] = said[inner] + first + (last - first) * s
        return replace(tracks, wrist=wrist, angles=np.clip(angles, ANGLE_LIMITS[:, 0], ANGLE_LIMITS[:, 1]))


class Guide:
    """A model's motion of a right-handed signer, to be read at the frames of a plan at `fps`; its frame 0 is frame `offset` of the plan.

    Before its first frame and after its last one it stands still.
    """

    def __init__(self, synthesiser: Synthesiser, motion: Motion, fps: float, offset: float = 0.0) -> None:
        self._synthesiser, self._motion, self._fps, self._offset = synthesiser, motion, fps, offset
        self._moving = np.flatnonzero(np.abs(motion.poses).max(axis=(0, 2)) > 1e-9)
        self._turns = matrix_to_rot6d(axis_angle_to_matrix(motion.poses[:, self._moving]))

    def rows(self, first: int, last: int) -> Said:
        """The frames [first, last] of the plan."""
        rest, fps = self._synthesiser.rest, self._fps
        kernel = gaussian_kernel(_SMOOTHING_SECONDS * fps)
        margin = len(kernel) // 2
        own = slice(margin, margin + last + 1 - first)
        place = (np.arange(first - margin, last + 1 + margin) - self._offset) * (self._motion.fps / fps)
        place = np.clip(place, 0.0, self._motion.num_frames - 1)
        left = np.minimum(place.astype(int), max(self._motion.num_frames - 2, 0))
        right, share = np.minimum(left + 1, self._motion.num_frames - 1), place - left

        def read(values: np.ndarray) -> np.ndarray:
            weight = share.reshape(-1, *([1] * (values.ndim - 1)))
            return values[left] * (1.0 - weight) + values[right] * weight

        local = np.broadcast_to(np.eye(3), (last + 1 - first, len(rest), 3, 3)).copy()
        local[:, self._moving] = rot6d_to_matrix(smooth(read(self._turns), kernel)[own])
        pose = BodyPose(*global_transforms(local, rest))
        hands: dict[Side, _Hand] = {}
        for side in SIDES:
            canonical = pose if side == "right" else pose.mirrored()
            model = self._synthesiser.right_hand if side == "right" else self._synthesiser.left_hand
            angles = model.angles_from_rotations(to_side(local[:, hand_slice(side)], side))
            hands[side] = _Hand(canonical.position[:, _WRIST], canonical.rotation[:, _WRIST], np.clip(angles, ANGLE_LIMITS[:, 0], ANGLE_LIMITS[:, 1]))
        trunk = local
        trunk[:, list(_ARMS)] = np.eye(3)
        for side in SIDES:
            trunk[:, hand_slice(side)] = np.eye(3)
        # the face is not smoothed: a blink is as short as the kernel
        return Said(trunk, np.clip(read(self._motion.face)[own], 0.0, 1.0), hands, fps)
