"""What of the MakeHuman mesh the character wears: polygons kept and their materials."""

from __future__ import annotations

import numpy as np

from .model import REGION_NAMES
from .source import GROUPS, SOURCE_VERTICES, Source

REGION = {name: i for i, name in enumerate(REGION_NAMES)}
_GROUP_REGION = {
    "body": "skin", "tongue": "tongue", "left_eye": "eyes_white", "right_eye": "eyes_white", "lashes": "lashes",
    "lower_teeth": "teeth", "upper_teeth": "teeth",
}  # fmt: skip


def select(source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """polygons (P, 4) in source vertex ids, regions (P,), uv (P, 4, 2)."""
    mesh = source.mesh
    owner = np.full(SOURCE_VERTICES, -1)
    for name, (first, last) in GROUPS.items():
        owner[first : last + 1] = REGION[_GROUP_REGION[name]]
    region = owner[mesh.polygons[:, 0]]
    used = region >= 0
    return mesh.polygons[used], region[used], mesh.polygon_uv[used]
