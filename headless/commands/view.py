"""signgen view: datasets and batches as a gallery of HTML."""

from __future__ import annotations

from pathlib import Path

import click

from headless.console import complain, count, say
from headless.gallery import options

_MOST_NAMED = 20  # broken clips that standard error names


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Gets index.html and what belongs to it; a gallery that is there is replaced.")
@options.layout
@options.texts
@click.option("--title", metavar="TEXT", help="Of the page.  [default: the names of the PATHs]")
@options.limit
@click.option("--copy-videos", is_flag=True, help="Copy videos into FOLDER, which can then be moved; else the page refers to where they are.")
@options.workers
def command(
    paths: tuple[str, ...], output: str, layout: str | None, texts: str | None, title: str | None, limit: int, copy_videos: bool, workers: int
) -> None:
    """A page to look through motions with: pictures, playback, search, plots, and flags at what is suspicious.

    PATH is the output of `signgen batch`, a dataset folder in any layout that is read, or a single file. Clips of the same name in several PATHs, such as
    real and generated ones, stand and play side by side. Blender is not needed. See docs/gallery.md.
    """
    from headless.gallery.examine import processes
    from headless.gallery.page import check_place, write_gallery
    from headless.gallery.sources import limited, open_sources
    from headless.inputs import check_folder_output
    from headless.progress import report

    folder = Path(output)
    check_folder_output(folder)
    check_place(folder)
    sources = limited(open_sources(paths, layout=layout, texts=Path(texts) if texts else None), limit)
    with report("looking") as tell:
        records = write_gallery(
            folder, sources, title=title or ", ".join(s.label for s in sources), workers=processes(workers), copy=copy_videos,
            tell=lambda done, total: tell(done / total, f"clip {done} of {total}"),
        )  # fmt: skip
    broken = [r for r in records if r.problem]
    flagged = sum(bool(r.flags) for r in records)
    say(f"{folder / 'index.html'}  {count(len(records), 'clip')}, {flagged} with flags")
    for record in broken[:_MOST_NAMED]:
        complain(f"{record.name}: {record.problem}")
    if len(broken) > _MOST_NAMED:
        say(f"  and {len(broken) - _MOST_NAMED} more", err=True)
