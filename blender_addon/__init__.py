"""The Blender half of SignGen: rig, keyframes and scene, on top of `signgen_core`.

    armature    Body -> Signer: 55 SMPL-X bones, skinned mesh, ARKit shape keys, materials
    keying      Motion <-> fcurves; the only place that converts axes and rotations between core and Blender
    scene       studio: background, lights, camera, render settings per quality

Work functions take arguments and return what they made; none of them reads the user's selection. Nothing here imports torch or click.
"""
