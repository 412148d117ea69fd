"""From hand targets to the joints of one arm: clavicle share, elbow swivel, two-bone IK, wrist limits, and the push out of the body.

Works in the canonical world of the hand (a right arm); every filter over time has finite support.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kinematics import ik
from ..kinematics.rotations import axis_angle_to_matrix, normalise
from ..kinematics.spline import gaussian_kernel, minimum_jerk, smooth
from ..phonology.hand import HandModel
from ..rig import INDEX
from .collision import BodyFields, HandSkin
from .targets import BodyPose

_COLLAR, _SHOULDER, _ELBOW, _WRIST, _SPINE = (INDEX[n] for n in ("right_collar", "right_shoulder", "right_elbow", "right_wrist", "spine3"))
_SWIVEL_SIGMA_SECONDS = 0.07
_SKIN = 0.0 # metres that a hand may sink into the body before it is pushed out
_PUSH_ROUNDS = 2
_SETTLE_ROUNDS = 5  # pushing a hand out bends its wrist anew, which moves the hand again
_NEAR = 0.02  # metres of clearance of the spheres beyond which the skin is not looked at
_CLOSE = 0.008  # and of the skin beyond which a frame is not looked at again
_FORWARD_LEAN = np.array([-0.1, 0.0, 0.5])


@dataclass(frozen=True)
class HandTracks:
    """Wanted motion of one hand over all frames: wrist (T, 3), first and final rotation (T, 3, 3) with the turn between them (T,), angles (T, 21), and
    the contact patch in the hand's frame with the point (T, 3) where it belongs.

    `joins` lists (last frame before, first frame after) of each transition. Within one the wrist's place is wanted but not the hand's turn: there the
    arm goes from joint angles to joint angles, which no twist limit can be in the way of.
    """

    wrist: np.ndarray
    rotation: np.ndarray
    final_rotation: np.ndarray
    turn: np.ndarray
    angles: np.ndarray
    patch: np.ndarray
    point: np.ndarray
    joins: tuple[tuple[int, int], ...]

    @property
    def settled(self) -> np.ndarray:
        """Frames (N,) outside the transitions."""
        keep = np.ones(len(self.wrist), dtype=bool)
        for a, b in self.joins:
            keep[a + 1 : b] = False
        return np.flatnonzero(keep)

    def bridge(self, values: np.ndarray) -> np.ndarray:
        """Fills the transitions of `values` (T, ...) by a minimum-jerk blend of their ends, in place."""
        for a, b in self.joins:
            s = minimum_jerk((np.arange(a + 1, b) - a) / (b - a))
            values[a + 1 : b] = values[a] + (values[b] - values[a]) * s.reshape(-1, *([1] * (values.ndim - 1)))
        return values


@dataclass(frozen=True)
class ArmMotion:
    """Local rotations (T, 3, 3) of collar, shoulder, elbow and wrist, and where the hand came to be: wrist (T, 3), hand (T, 3, 3)."""

    collar: np.ndarray
    shoulder: np.ndarray
    elbow: np.ndarray
    wrist_local: np.ndarray
    wrist: np.ndarray
    hand: np.ndarray


class _Shape:
    """The bent hand over all frames in its own frame: spheres (T, K, 3), and the skin where somebody asks for it; neither moves while the arm settles."""

    def __init__(self, spheres: np.ndarray, skin: HandSkin, angles: np.ndarray) -> None:
        self.spheres = spheres
        self._skin, self._angles = skin, angles
        self._known = np.zeros(len(angles), dtype=bool)
        self._points: np.ndarray | None = None

    def skin(self, frames: np.ndarray) -> np.ndarray:
        """(N, K, 3) of these frames."""
        new = frames[~self._known[frames]]
        if len(new) or self._points is None:
            fresh = self._skin.points(self._angles[new])
            if self._points is None:
                self._points = np.zeros((len(self._angles), *fresh.shape[1:]))
            self._points[new] = fresh
            self._known[new] = True
        return self._points[frames]


class ArmSolver:
    """Solves one arm of one body. `rest` is (55, 3), in the canonical world of the hand (mirrored for a left one)."""

    def __init__(self, rest: np.ndarray, hand: HandModel, skin: HandSkin, fields: BodyFields) -> None:
        self.rest = rest
        self.hand = hand
        self.skin = skin
        self.fields = fields
        self.arm = ik.Arm(rest[_SHOULDER], rest[_ELBOW], rest[_WRIST])

    def solve(self, tracks: HandTracks, pose: BodyPose, fps: float, lift: np.ndarray | float = 0.0) -> ArmMotion:
        """tracks over T frames, pose of the trunk over the same frames (arms at rest in it). lift: radians by which the shoulder is shrugged (T,)."""
        collar, shoulder = self._collar(tracks.wrist, pose, lift)
        rows = tracks.settled
        swivel = np.zeros(len(tracks.wrist))
        swivel[rows] = ik.best_swivel(self.arm, shoulder[rows], tracks.wrist[rows], tracks.rotation[rows])
        turned = rows[tracks.turn[rows] > 0]
        if len(turned):
            last = ik.best_swivel(self.arm, shoulder[turned], tracks.wrist[turned], tracks.final_rotation[turned])
            swivel[turned] += tracks.turn[turned] * (last - swivel[turned])
        swivel = smooth(tracks.bridge(swivel), gaussian_kernel(_SWIVEL_SIGMA_SECONDS * fps))
        target, push, near = tracks.wrist, np.zeros_like(tracks.wrist), np.arange(len(tracks.wrist))
        kept = np.zeros_like(target)
        shape = _Shape(self.hand.collision_points(tracks.angles), self.skin, tracks.angles)
        for round_index in range(_SETTLE_ROUNDS):
            solution = ik.two_bone(self.arm, shoulder, target, swivel)
            angles = self._wrist_angles(tracks, rows, solution.fore_rotation)
            hand = ik.hand_rotation(self.arm, solution.fore_rotation, angles)
            # a hand that its wrist cannot turn as wanted still puts its patch where it belongs
            wanted = np.zeros_like(target)
            wanted[rows] = tracks.point[rows] - np.einsum("tab,tb->ta", hand[rows], tracks.patch[rows]) - tracks.wrist[rows]
            # half steps: a wrist that gave way may find the turn possible there, and would swing back and forth
            before, kept = kept, kept + (1.0 if round_index == 0 else 0.5) * (tracks.bridge(wanted) - kept)
            if not len(near) and np.array_equal(before, kept):
                break  # nothing is near enough to push, and every further round would find the same
            target = tracks.wrist + kept + push
            further, near = self._push_out(target, hand, shape, pose, near)
            push, target = push + further, target + further
        solution = ik.two_bone(self.arm, shoulder, target, swivel)
        angles = self._wrist_angles(tracks, rows, solution.fore_rotation)
        hand = ik.hand_rotation(self.arm, solution.fore_rotation, angles)
        elbow_local, wrist_local = ik.share_forearm(self.arm, solution, angles)
        parent = np.einsum("tab,tbc->tac", pose.rotation[:, _SPINE], collar)
        shoulder_local = np.einsum("tba,tbc->tac", parent, solution.upper_rotation)
        return ArmMotion(collar, shoulder_local, elbow_local, wrist_local, solution.wrist, hand)

    def _wrist_angles(self, tracks: HandTracks, rows: np.ndarray, fore: np.ndarray) -> ik.WristAngles:
        """Angles (T,) within limits: those that the targets ask for where the hand is settled, blends of them in between. fore: (T, 3, 3)."""
        first = ik.clamp_wrist(ik.wrist_angles(self.arm, fore[rows], tracks.rotation[rows]))
        turned = rows[tracks.turn[rows] > 0]
        last = ik.clamp_wrist(ik.wrist_angles(self.arm, fore[turned], tracks.final_rotation[turned])) if len(turned) else None
        filled = []
        for name in ("twist", "flexion", "deviation"):
            full = np.zeros(len(fore))
            full[rows] = getattr(first, name)
            if last is not None:
                full[turned] += tracks.turn[turned] * (getattr(last, name) - full[turned])
            filled.append(tracks.bridge(full))
        return ik.WristAngles(*filled)

    def _collar(self, wrist: np.ndarray, pose: BodyPose, shrug: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Collar local rotations (T, 3, 3) and shoulder positions (T, 3): the clavicle follows a raised, crossing or far hand.

        The shares are after the scapulohumeral rhythm (about one degree of shoulder girdle to two of the arm above 30 degrees; Inman et al. 1944),
        with the smaller part that the clavicle has in it.
        """
        spine = pose.rotation[:, _SPINE]
        origin = pose.position[:, _SPINE] + np.einsum("tab,b->ta", spine, self.rest[_COLLAR] - self.rest[_SPINE])
        arm = self.rest[_SHOULDER] - self.rest[_COLLAR]
        at_rest = origin + np.einsum("tab,b->ta", spine, arm)
        local = np.einsum("tba,tb->ta", spine, wrist - at_rest)
        raised = minimum_jerk((local[:, 1] + 0.12) / 0.50)
        forward = minimum_jerk((local[:, 2] - 0.10) / 0.45)
        across = minimum_jerk((local[:, 0] - 0.05) / 0.40)
        far = np.sqrt(np.sum(local * local, axis=1)) / self.arm.reach
        stretch = minimum_jerk((far - 0.85) / 0.40)
        lift = np.radians(16.0) * raised + np.radians(8.0) * stretch * np.clip(local[:, 1] / 0.3, -0.4, 1.0)
        lift = lift + shrug
        protract = np.radians(6.0) * forward + np.radians(10.0) * across + np.radians(14.0) * stretch * np.clip(local[:, 2] / 0.3, -0.3, 1.0)
        collar = axis_angle_to_matrix(np.stack([np.zeros_like(lift), protract, -lift], axis=1))
        shoulder = origin + np.einsum("tab,tbc,c->ta", spine, collar, arm)
        return collar, shoulder

    def _push_out(
        self, wrist: np.ndarray, hand: np.ndarray, shape: _Shape, pose: BodyPose, frames: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(T, 3) shift that brings the hand out of head and torso, looking at `frames` only, and the frames that are near enough to look at again.

        Spheres find the frames that are near; there the deepest point of the skin is pushed along the way out, a few rounds.
        """
        total = np.zeros_like(wrist)
        if not len(frames):
            return total, frames
        body = pose.at(frames)
        spheres = wrist[frames, None] + shape.spheres[frames] @ np.swapaxes(hand[frames], -1, -2)
        depth, _ = self.fields.depth(spheres, self.hand.collision_radii, body.rotation, body.position)
        near = frames[depth.max(axis=1) > -_NEAR]
        if not len(near):
            return total, near
        close = near
        world = wrist[near, None] + shape.skin(near) @ np.swapaxes(hand[near], -1, -2)
        none = np.zeros(world.shape[1])
        active = np.arange(len(near))
        for round_index in range(_PUSH_ROUNDS):
            body = pose.at(near[active])
            depth, direction = self.fields.depth(world[active] + total[near[active], None], none, body.rotation, body.position)
            worst = np.argmax(depth, axis=1)
            rows = np.arange(len(active))
            amount = depth[rows, worst] - _SKIN
            if round_index == 0:
                close = near[amount > -_CLOSE]
            hit = amount > 0
            if not hit.any():
                break
            # leaning forwards keeps neighbouring frames on one side: a hand leaves the head by the front, not one frame left and one right
            way = direction[rows, worst]
            lean = normalise(way + _FORWARD_LEAN)
            gain = np.maximum(np.sum(way * lean, axis=1), 0.4)
            total[near[active]] += lean * (np.maximum(amount, 0.0) / gain)[:, None]
            if round_index == 0:
                # a push must not make the hand jump: neighbours yield with it
                total = _spread(total)
            active = active[hit]
        return total, close


def _spread(push: np.ndarray) -> np.ndarray:
    """Each frame takes the largest push within two frames, faded, so that the shift begins before the contact and ends after it."""
    size = np.sqrt(np.sum(push * push, axis=1))
    best, out = size.copy(), push.copy()
    for shift, weight in ((1, 0.75), (2, 0.4), (3, 0.12)):
        for direction in (1, -1):
            moved = np.zeros_like(push)
            moved_size = np.zeros_like(size)
            if direction > 0:
                moved[shift:], moved_size[shift:] = push[:-shift], size[:-shift]
            else:
                moved[:-shift], moved_size[:-shift] = push[shift:], size[shift:]
            stronger = weight * moved_size > best
            out = np.where(stronger[:, None], weight * moved, out)
            best = np.maximum(best, weight * moved_size)
    return out
