"""Options that `signgen view` and `signgen stats` share."""

from __future__ import annotations

import click

layout = click.option("--layout", metavar="NAME", help="Of the dataset's files, where they do not tell it themselves: docs/formats/datasets.md.")
texts = click.option("--texts", metavar="FILE", help="A table (csv, or apart by tabs or |) with names of clips and their texts or glosses.")
limit = click.option("--limit", type=click.IntRange(0), default=0, show_default=True, help="At most so many clips of each PATH, evenly over them; 0: all.")
workers = click.option("--workers", type=click.IntRange(0, 256), default=0, show_default="one per core", help="Processes.")
