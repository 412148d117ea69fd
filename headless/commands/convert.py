"""signgen convert"""

from __future__ import annotations

from pathlib import Path

import click

from headless import options
from headless.console import FAILED, complain, count, say

# what --to says: layout -> the suffix of its files; every other layout is one of vectors
_SUFFIX = {"amass": ".npz", "signavatars": ".pkl", "rot6d": ".npy", "bvh": ".bvh", "pose": ".pose"}


@click.command()
@click.argument("source", metavar="FILE|FOLDER")
@click.option("-o", "--output", required=True, metavar="FILE|FOLDER", help=".npz .pkl .npy .bvh .pose; of several clips a folder.")
@click.option("--from", "layout", metavar="LAYOUT", help="The layout of what is read, where its names and contents do not tell.")
@click.option("--to", "wanted", metavar="LAYOUT", help="The layout to write, where the suffix leaves a choice, and for a folder.")
@click.option("--fps", type=options.NumberType(1, 240), help="Frames per second of what is written.  [default: as read]")
@click.option("--unit", type=click.Choice(["m", "cm"]), help="Of .bvh.  [default: m]")
@options.character
def command(source: str, output: str, layout: str | None, wanted: str | None, fps: float | None, unit: str | None, character: str | None) -> None:
    """Motions from one layout to another: AMASS npz, SignAvatars pkl, vectors and 6-D rotations npy, BVH, .pose points.

    \b
    signgen convert walk.npz -o walk.bvh
    signgen convert clip.pkl -o clip.npz
    signgen convert corpus/ -o out/ --to motionx_322

    What a layout has no place for (face, signs, place ...) is named once.
    """
    from headless import inputs
    from headless.jobs import load_body
    from signgen_core.datasets import PointClip, open_dataset, writers
    from signgen_core.datasets.layouts import LAYOUTS
    from signgen_core.errors import InputError

    target = Path(output)
    if wanted is not None and wanted not in (*_SUFFIX, *LAYOUTS):
        raise click.UsageError(f"--to: {wanted!r} is not one of {', '.join((*_SUFFIX, *LAYOUTS))}.")
    data = open_dataset(source, layout=layout)
    several = len(data) > 1 or (Path(source).is_dir() and not target.suffix)
    if several:
        if wanted is None:
            raise click.UsageError(f"{source} holds {count(len(data), 'clip')}: say with --to which layout the files of the folder {output} get.")
        inputs.check_folder_output(target)
        names = {name: target / f"{name}{_SUFFIX.get(wanted, '.npy')}" for name in data.names}
    else:
        inputs.check_output(target, tuple(writers.SUFFIXES))
        names = {data.names[0]: target}
    kind = writers.find_layout(next(iter(names.values())), wanted)
    rate = writers.rate_of(kind)
    if fps is not None and rate is not None and fps != rate:
        raise click.UsageError(f"--fps: the layout {kind} stores no rate; its files have {rate:g} frames a second.")
    if unit is not None and kind != "bvh":
        raise click.UsageError("--unit is for .bvh files.")
    body = load_body(character)
    failed = 0
    for name, path in names.items():
        try:
            clip = data.load(name)
            if several:
                path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(clip, PointClip):
                if kind != "pose":
                    raise InputError(f"{name}: holds tracked points, which say no rotations; they can be written as .pose only")
                if fps is not None and fps != clip.fps:
                    raise InputError(f"{name}: tracked points keep their {clip.fps:g} frames a second")
                writers.write_points(path, clip)
                say(f"{path}  {count(len(clip.points), 'frame')} at {clip.fps:g} fps")
                continue
            motion = clip.motion
            if fps is not None:
                from signgen_core.kinematics.resample import resample

                motion = resample(motion, fps)
            motion = writers.write_motion(path, motion, layout=kind, body=body, scale=100.0 if unit == "cm" else 1.0)
            say(f"{path}  {count(motion.num_frames, 'frame')} at {motion.fps:g} fps")
        except InputError as problem:
            if not several:
                raise
            failed += 1
            complain(str(problem))
    lost = writers.missing_from(kind)
    if lost and failed < len(names):
        click.echo(f"note: {kind} has no place for {', '.join(lost)}", err=True)
    if failed:
        complain(f"{failed} of {count(len(names), 'clip')} failed")
        raise click.exceptions.Exit(FAILED)
