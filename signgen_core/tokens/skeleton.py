"""Forward kinematics in torch, for losses on where the joints are: features of `tokens.features` to the points of `rig.POINT_NAMES`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..rig import EXTRA_PARENT_NAMES, INDEX, LEFT_HAND_POSE, NUM_JOINTS, PARENTS, RIGHT_HAND_POSE
from .features import BODY_JOINTS, FACE_JOINTS
from .metrics import GROUPS

MOVING = (*(INDEX[n] for n in BODY_JOINTS), *(INDEX[n] for n in FACE_JOINTS), *range(NUM_JOINTS)[LEFT_HAND_POSE], *range(NUM_JOINTS)[RIGHT_HAND_POSE])
_EXTRA_PARENTS = tuple(INDEX[n] for n in EXTRA_PARENT_NAMES)

def _levels() -> list[list[int]]:
    """Moving joints by their distance from the pelvis: the parents of each level are in the one before, so that a level is one product."""
    levels: list[list[int]] = [[j for j in MOVING if PARENTS[j] == 0]]
    while found := [j for j in sorted(MOVING) if PARENTS[j] in levels[-1]]:
        levels.append(found)
    return levels


LEVELS = _levels()


def rotations(d6: Tensor) -> Tensor:
    """6-D form (..., 6) to matrices (..., 3, 3) by Gram-Schmidt, first column, then second; safe to differentiate at zero."""
    x = d6[..., :3] / (d6[..., :3].square().sum(-1, keepdim=True) + 1e-8).sqrt()
    y = d6[..., 3:] - (x * d6[..., 3:]).sum(-1, keepdim=True) * x
    y = y / (y.square().sum(-1, keepdim=True) + 1e-8).sqrt()
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)


def _times(a: Tensor, b: Tensor) -> Tensor:
    """Products of 3x3 matrices, as sums: batched products of matrices this small cost several times as much."""
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


def _apply(a: Tensor, v: Tensor) -> Tensor:
    return (a * v[..., None, :]).sum(-1)


def points(features: Mapping[str, Tensor], rest: Tensor) -> tuple[Tensor, Tensor]:
    """Positions, and those of the hands as seen from their wrists.

    features: stream -> (B, T, width), not normalised; rest: (B, 70, 3) metres, points of the signer at rest. Returns (B, T, 70, 3) metres with the pelvis at
    rest, and (B, T, 2, 21, 3): `metrics.GROUPS` of left and right in the frame of their wrist.
    """
    count = {"body": len(BODY_JOINTS), "face": len(FACE_JOINTS), "left_hand": 15, "right_hand": 15}
    batch, frames = features["body"].shape[:2]
    d6 = torch.cat([features[s][..., : 6 * count[s]].reshape(batch, frames, count[s], 6) for s in ("body", "face", "left_hand", "right_hand")], dim=2)
    local = rotations(d6)
    place = {joint: k for k, joint in enumerate(MOVING)}
    rest = rest[:, None]
    rotation = torch.eye(3, dtype=local.dtype, device=local.device).expand(batch, frames, 1, 3, 3)
    position = rest[:, :, :1].expand(batch, frames, 1, 3)
    before, order, all_rotations, all_positions = [0], [0], [rotation], [position]
    for level in LEVELS:
        parents = [before.index(PARENTS[j]) for j in level]
        offset = rest[:, :, level] - rest[:, :, [PARENTS[j] for j in level]]
        position = position[:, :, parents] + _apply(rotation[:, :, parents], offset)
        rotation = _times(rotation[:, :, parents], local[:, :, [place[j] for j in level]])
        before = level
        order += level
        all_rotations.append(rotation)
        all_positions.append(position)
    rotation = torch.cat(all_rotations, dim=2)
    still = [j for j in range(NUM_JOINTS) if j not in order]
    position = torch.cat([*all_positions, rest[:, :, still].expand(batch, frames, len(still), 3)], dim=2)
    order += still
    joints = position[:, :, [order.index(j) for j in range(NUM_JOINTS)]]
    carriers = [order.index(j) for j in _EXTRA_PARENTS]
    offset = rest[:, :, NUM_JOINTS:] - rest[:, :, list(_EXTRA_PARENTS)]
    whole = torch.cat([joints, joints[:, :, list(_EXTRA_PARENTS)] + _apply(rotation[:, :, carriers], offset)], dim=2)
    hands = []
    for side in ("left", "right"):
        wrist = INDEX[f"{side}_wrist"]
        seen = rotation[:, :, order.index(wrist)].transpose(-1, -2)[:, :, None]
        hands.append(_apply(seen, whole[:, :, list(GROUPS[f"{side}_hand"])] - whole[:, :, wrist : wrist + 1]))
    return whole, torch.stack(hands, dim=2)

