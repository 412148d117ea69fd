"""A worker process: `python -m headless.batch.worker ORDER`. Tasks come as JSON lines on standard input, answers and counts of frames go out likewise.

It ends, and takes its scratch folders with it, when its standard input ends: whoever started it is gone then, however that happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from headless.batch.work import Bench, Task, perform, worth_another_try
from headless.stage import import_bpy
from signgen_core.errors import SignGenError, internal


def _listen(tasks: queue.Queue[Task], folders: list[Path]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(Task(**json.loads(line)))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # the last one out
            folder.parent.rmdir()
    os._exit(0)  # the main thread may be deep inside of Blender


def main(order: dict[str, Any]) -> None:
    """order: `scratch` and `memory` folders, `threads`, whether it `draws`, for which it loads Blender at once, and the `cores` to stay on (none: all)."""
    if order.get("cores"):
        os.sched_setaffinity(0, order["cores"])  # before any library counts them
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Blender and its libraries print goes to the log

    def tell(**words: Any) -> None:
        answers.write(json.dumps(words).encode() + b"\n")
        answers.flush()

    bench = Bench(Path(order["scratch"]), Path(order["memory"]), order["threads"], lambda frames: tell(tick=frames))
    tasks: queue.Queue[Task] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks, [bench.scratch, Path(order["memory"])]), daemon=True).start()
    if order["draws"]:
        with contextlib.suppress(SignGenError):  # its first task will say so
            import_bpy()
    while True:
        task = tasks.get()
        try:
            tell(done=perform(task, bench))
        except SignGenError as problem:
            tell(failed=str(problem), again=worth_another_try(problem))
        except Exception as problem:  # noqa: BLE001 - the last line of defence: one row must not end the others
            tell(failed=internal(problem), again=worth_another_try(problem))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
