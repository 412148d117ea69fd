"""signgen stats: how long the clips of datasets are, what is signed in them, and how much of the phonology they cover."""

from __future__ import annotations

import json
from pathlib import Path

import click

from headless.console import complain, count, say
from headless.gallery import options


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "--output", metavar="FOLDER", help="CSV files and plots go there.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object in place of the tables.")
@click.option("--bin", "width", type=click.IntRange(0, 100000), default=0, show_default="as fits", help="Numbers of frames that share a row.")
@options.layout
@options.texts
@options.limit
@options.workers
def command(
    paths: tuple[str, ...], output: str | None, as_json: bool, width: int, layout: str | None, texts: str | None, limit: int, workers: int
) -> None:
    """Frame counts (count, share, cumulative), glosses, coverage of the phonology, and flags, of datasets and batches.

    PATH is as for `signgen view`. See docs/gallery.md.
    """
    from headless.gallery import report
    from headless.gallery.examine import Order, examine, processes
    from headless.gallery.sources import limited, open_sources
    from headless.inputs import check_folder_output
    from headless.progress import report as progress
    from signgen_core.errors import InputError
    from signgen_core.phonology.lexicon import load_lexicon

    if output is not None:
        from signgen_core.evaluation.plots import check

        check_folder_output(Path(output))
        check()
    sources = limited(open_sources(paths, layout=layout, texts=Path(texts) if texts else None), limit)
    orders = [Order(number, item) for number, item in enumerate(item for source in sources for item in source.items)]
    with progress("reading clips") as tell:
        records = examine(orders, processes(workers), lambda done, total: tell(done / total, f"clip {done} of {total}"))
    found, start = [], 0
    for source in sources:
        found.append(report.statistics(source, records[start : start + len(source.items)], load_lexicon(), width))
        start += len(source.items)
    broken = [r for r in records if not r.numbers]
    if len(broken) == len(records):
        raise InputError(f"{count(len(records), 'clip')}, and none can be read; the first: {broken[0].problem}")
    files = report.write(Path(output), found) if output is not None else []
    if as_json:
        say(json.dumps({"sources": [report.json_of(s) for s in found], "files": [str(f) for f in files]}, indent=1))
    else:
        say("\n\n".join(map(report.text_of, found)))
        for file in files:
            say(str(file))
    for record in broken[:20]:
        complain(f"{record.name}: {record.problem}")
    if len(broken) > 20:
        say(f"  and {len(broken) - 20} more", err=True)
