"""What all tests share: no test reads the user's own signs, and tests that take minutes run only when they are asked for by `-m slow`."""

from __future__ import annotations

import os
import tempfile

import pytest

# set before any lexicon is loaded, also for the processes that tests start
_OWN_DATA = tempfile.TemporaryDirectory(prefix="signgen-test-data-")
os.environ["SIGNGEN_DATA"] = _OWN_DATA.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; run it with -m slow"))
