"""signgen doctor"""

from __future__ import annotations

import click

from headless.console import FAILED, say


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list in place of lines.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check this machine: Python, Blender module, GL, CUDA, ffmpeg, body, weights, presets, disk; one line each, with the fix.

    The exit status is 0 when everything needed is there. Nothing is changed but the cache: a missing default body is built.
    """
    from headless.doctor import as_lines, run_checks

    checks = run_checks()
    if as_json:
        import json

        say(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        say(as_lines(checks))
    if not all(check.ok for check in checks if check.needed):
        ctx.exit(FAILED)
