"""The depth of hands in head and torso measured on the mesh itself: every skin vertex of both hands, every frame of every lexicon sign.

The generator keeps spheres out of distance fields; this is the second opinion, over the vertices that a viewer sees. Prints the worst signs.
"""

from __future__ import annotations

import argparse

import numpy as np

from signgen_core import pipeline
from signgen_core.body.skinning import joint_transforms, skin
from signgen_core.kinematics.forward import global_transforms
from signgen_core.kinematics.rotations import axis_angle_to_matrix
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.planner import Planner
from signgen_core.rig import INDEX, JOINT_NAMES
from signgen_core.text.types import Gloss, Sentence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gloss", nargs="*")
    parser.add_argument("--worst", type=int, default=10)
    arguments = parser.parse_args()
    lexicon, synthesiser = load_lexicon(), pipeline.synthesiser_for()
    body, planner = synthesiser.body, Planner(pipeline.synthesiser_for(), load_lexicon())
    hand_joint = np.array([i >= INDEX["left_index1"] or name.endswith("wrist") for i, name in enumerate(JOINT_NAMES)])
    chosen = np.flatnonzero(np.asarray(body.weights)[:, hand_joint].sum(axis=1) > 0.9)
    rest, weights = np.asarray(body.v_template)[chosen], np.asarray(body.weights)[chosen]
    depths: dict[str, float] = {}
    for gloss in arguments.gloss or lexicon.glosses:
        plan = planner.plan([Sentence(gloss, "statement", False, (Gloss(gloss, "lexical"),))], text=gloss, seed=0, handedness="right", tempo=1.0)
        motion = pipeline.animate(plan)
        vertices = skin(rest, weights, joint_transforms(motion.poses, synthesiser.rest, None))
        rotation, position = global_transforms(axis_angle_to_matrix(motion.poses), synthesiser.rest)
        depth, _ = synthesiser.right_arm.fields.depth(vertices, np.zeros(len(chosen)), rotation, position)
        depths[gloss] = 1000.0 * float(depth.max())
    worst = sorted(depths.items(), key=lambda item: -item[1])
    over = sum(d > 5.0 for d in depths.values())
    named = "  ".join(f"{g} {d:.1f}" for g, d in worst[: arguments.worst])
    print(f"{len(depths)} signs, {len(chosen)} vertices of both hands: over 5 mm in {over}; worst (mm): {named}")


if __name__ == "__main__":
    main()
