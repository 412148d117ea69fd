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


def _unit(v: Tensor) -> Tensor:
    return v * (v.square().sum(0, keepdim=True) + 1e-8).rsqrt()


def _rotations(d6: Tensor) -> Tensor:
    """6-D form (6, ...) to matrices (3, 3, ...) by Gram-Schmidt, first column, then second; safe to differentiate at zero."""
    x = _unit(d6[:3])
    y = _unit(d6[3:] - (x * d6[3:]).sum(0, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=0)], dim=1)


def _times(a: Tensor, b: Tensor) -> Tensor:
    """Products of 3x3 matrices that come first, (3, 3, ...): many small matrices are fast only when each of their numbers is one long vector."""
    return a[:, 0, None] * b[0] + a[:, 1, None] * b[1] + a[:, 2, None] * b[2]


def _apply(a: Tensor, v: Tensor) -> Tensor:
    return a[:, 0] * v[0] + a[:, 1] * v[1] + a[:, 2] * v[2]


def points(features: Mapping[str, Tensor], rest: Tensor) -> tuple[Tensor, Tensor]:
    """Positions, and those of the hands as seen from their wrists.

    features: stream -> (B, T, width), not normalised; rest: (B, 70, 3) metres, points of the signer at rest. Returns (B, T, 70, 3) metres with the pelvis at
    rest, and (B, T, 2, 21, 3): `metrics.GROUPS` of left and right hand in the frame of their wrist.
    """
    count = {"body": len(BODY_JOINTS), "face": len(FACE_JOINTS), "left_hand": 15, "right_hand": 15}
    batch, frames = features["body"].shape[:2]
    d6 = torch.cat([features[s][..., : 6 * count[s]].reshape(batch, frames, count[s], 6) for s in ("body", "face", "left_hand", "right_hand")], dim=2)
    # from here on (3, [3,] joint, B * T)
    local = _rotations(d6.permute(3, 2, 0, 1).reshape(6, len(MOVING), -1).contiguous())
    still = rest.permute(2, 1, 0)[..., None].expand(3, rest.shape[1], batch, frames).reshape(3, rest.shape[1], -1)
    place = {joint: k for k, joint in enumerate(MOVING)}
    rotation = torch.eye(3, dtype=local.dtype, device=local.device)[..., None, None].expand(3, 3, 1, batch * frames)
    position = still[:, :1]
    before, order, rotations, positions = [0], [0], [rotation], [position]
    for level in LEVELS:
        parents = [before.index(PARENTS[j]) for j in level]
        turned = rotation[:, :, parents]
        position = position[:, parents] + _apply(turned, still[:, level] - still[:, [PARENTS[j] for j in level]])
        rotation = _times(turned, local[:, :, [place[j] for j in level]])
        before = level
        order += level
        rotations.append(rotation)
        positions.append(position)
    rotation = torch.cat(rotations, dim=2)
    unmoved = [j for j in range(NUM_JOINTS) if j not in order]
    order += unmoved
    joints = torch.cat([*positions, still[:, unmoved]], dim=1)[:, [order.index(j) for j in range(NUM_JOINTS)]]
    extra = _apply(rotation[:, :, [order.index(j) for j in _EXTRA_PARENTS]], still[:, NUM_JOINTS:] - still[:, list(_EXTRA_PARENTS)])
    whole = torch.cat([joints, joints[:, list(_EXTRA_PARENTS)] + extra], dim=1)
    hands = []
    for side in ("left", "right"):
        wrist = INDEX[f"{side}_wrist"]
        seen = rotation[:, :, order.index(wrist)].transpose(0, 1)[:, :, None]
        hands.append(_apply(seen, whole[:, list(GROUPS[f"{side}_hand"])] - whole[:, wrist : wrist + 1]))
    return (
        whole.permute(2, 1, 0).reshape(batch, frames, -1, 3),
        torch.stack(hands).permute(3, 0, 2, 1).reshape(batch, frames, 2, -1, 3),
    )
