"""The lines between add-on and worker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from signgen_core.errors import InputError, LexiconError, MachineError, OutputError, PlanError
from signgen_core.worker_protocol import ERROR_KINDS, decode, encode, error_kind, plain_name


@pytest.mark.parametrize(
    "message",
    [{}, {"id": 1, "empty": [], "none": {}, "deep": [[1, {"a": [True, None, "\u2028 \ud800 \n ü"]}], {"b": {"c": {"d": {"e": []}}}}], "x": 0.1}],
)
def test_a_message_survives_the_way_on_one_line(message: dict[str, Any]) -> None:
    line = encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1 and line.isascii()
    assert decode(line) == message == json.loads(line)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_never_written(number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        encode({"a": [{"b": {"c": number}}]})


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"1", b"\xff\n", b'{"a": NaN}', b"[" * 100_000, b'{"a": Infinity}'])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(InputError):
        decode(line)


def test_names_of_files_have_no_folder_in_them() -> None:
    assert plain_name("motion-3.npz")
    for name in ("", "../a.npz", "/a.npz", "a/b", "a\\b", "C:a", ".hidden", "-o", "ä.npz", "a" * 101, None, 3):
        assert not plain_name(name)


def test_each_error_has_its_kind() -> None:
    found = [error_kind(e) for e in (PlanError("actions[0]", "bad"), LexiconError("bad"), OutputError("full"), MachineError("none"))]
    assert found == ["plan", "input", "output", "machine"] and set(found) <= set(ERROR_KINDS)
