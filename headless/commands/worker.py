"""signgen worker"""

from __future__ import annotations

import click


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve a Blender add-on: requests on standard input, replies on standard output, one JSON object a line.

    The add-on starts this by itself; docs/worker_protocol.md describes what is said. Ends when standard input does.
    """
    from headless.worker import main

    ctx.exit(main())
