"""Pickles of numbers are read, and nothing else: the streams are made by the real libraries."""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core.datasets.unpickle import load_pickle, load_resolved, loads
from signgen_core.errors import FileFormatError, InputError

torch = pytest.importorskip("torch")
NUMBERS = {
    "smplx": np.random.default_rng(0).normal(size=(5, 182)).astype(np.float32), "n": 3, "name": "ä", "scalar": np.float64(2.5), "none": None,
    "list": [np.arange(4), (1, 2.5)], "mask": np.array([True, False]), "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "big": np.arange(6, dtype=">i2"), "empty": np.zeros((0, 3)),
}  # fmt: skip


def same(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert type(a) is type(b) and len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray) and a.shape == b.shape and a.dtype.kind == b.dtype.kind and np.array_equal(a, b)
    else:
        assert a == b


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_of_pickle(protocol: int) -> None:
    found = loads(pickle.dumps(NUMBERS, protocol))
    assert list(found) == list(NUMBERS)
    same(NUMBERS, found)


def test_compressed_streams() -> None:
    same(NUMBERS, loads(gzip.compress(pickle.dumps(NUMBERS))))
    same(NUMBERS, loads(zlib.compress(pickle.dumps(NUMBERS))))
    with pytest.raises(FileFormatError, match="not a whole pickle"):
        loads(gzip.compress(pickle.dumps(NUMBERS))[:-40])


TENSORS = {
    "x": torch.arange(12.0).reshape(4, 3), "t": torch.arange(12.0).reshape(4, 3).t(), "part": torch.arange(10)[2:7:2], "h": torch.tensor([0.5, 2.0]).half(),
    "bf": torch.tensor([0.5, -2.0, 3.0]).bfloat16(), "b": torch.tensor([True, False]), "i": torch.tensor([[7]], dtype=torch.int8),
}  # fmt: skip


@pytest.mark.parametrize("how", ["pickle", "zip", "stream"])
@pytest.mark.parametrize("gpu", [False, True])
def test_tensors_of_any_device_without_torch(how: str, gpu: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a GPU machine saved: the place stands in the stream, and a machine without a GPU has to read it."""
    if gpu:
        monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    if how == "pickle":
        data = pickle.dumps(TENSORS)
    else:
        stream = io.BytesIO()
        torch.save(TENSORS, stream, _use_new_zipfile_serialization=how == "zip")
        data = stream.getvalue()
    assert (b"cuda:0" in data) == gpu
    (tmp_path / "t.pkl").write_bytes(data)
    same({k: v.float().numpy() if v.dtype == torch.bfloat16 else v.numpy() for k, v in TENSORS.items()}, load_resolved(tmp_path / "t.pkl"))


def test_shared_storages_stay_apart() -> None:
    base = torch.arange(6.0)
    stream = io.BytesIO()
    torch.save({"a": base[:3], "b": base[3:]}, stream)
    found = loads(stream.getvalue())
    assert found["a"].tolist() == [0, 1, 2] and found["b"].tolist() == [3, 4, 5]
    found["a"][:] = 9
    assert found["b"].tolist() == [3, 4, 5]


class Evil:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.given = function, arguments

    def __reduce__(self) -> Any:
        return self.given


def test_nothing_of_a_pickle_is_run(tmp_path: Path) -> None:
    import os
    import subprocess

    mark = tmp_path / "ran"
    attacks = [
        Evil(os.system, f"touch {mark}"), Evil(exec, f"open({str(mark)!r}, 'w')"), Evil(eval, f"open({str(mark)!r}, 'w')"),
        Evil(subprocess.Popen, ["touch", str(mark)]), {"smplx": np.zeros(3), "x": [Evil(os.mkdir, str(mark))]},
        np.array([Evil(os.mkdir, str(mark))], dtype=object), Evil(np.load, str(mark)), Evil(torch.load, str(mark)),
    ]  # fmt: skip
    for attack in attacks:
        for protocol in (0, 2, 4):
            with pytest.raises(FileFormatError) as caught:
                loads(pickle.dumps(attack, protocol), "evil.pkl")
            assert str(caught.value).startswith("evil.pkl: ") and "\n" not in str(caught.value)
    assert not mark.exists()
    inner = io.BytesIO()
    torch.save(torch.zeros(3), inner, _use_new_zipfile_serialization=False)
    hidden = Evil(torch.storage._load_from_bytes, inner.getvalue().replace(b"FloatStorage", b"posix.system"))
    with pytest.raises(FileFormatError):
        loads(pickle.dumps(hidden))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80\x04.", b"PK\x03\x04rest", b"hello", pickle.dumps(NUMBERS)[:-30], pickle.dumps(np.arange(1000))[:300], b"\x80\x04P1\n.",
     b"cnumpy.core.multiarray\n_reconstruct\n."],
)  # fmt: skip
def test_broken_streams_are_one_line(data: bytes) -> None:
    with pytest.raises(FileFormatError) as caught:
        loads(data, "x.pkl")
    assert str(caught.value).startswith("x.pkl: ") and len(str(caught.value)) < 300


def test_lies_about_sizes() -> None:
    stream = io.BytesIO()
    torch.save(torch.zeros(4), stream, _use_new_zipfile_serialization=False)
    data = stream.getvalue()
    count = (4).to_bytes(8, "little")
    with pytest.raises(FileFormatError, match="cut off|storage"):
        loads(data.replace(count, (1 << 40).to_bytes(8, "little")))


def test_every_cut_of_a_file_is_told(tmp_path: Path) -> None:
    for whole in (pickle.dumps(NUMBERS), pickle.dumps(TENSORS)):
        for at in range(0, len(whole) - 1, max(1, len(whole) // 60)):
            with pytest.raises(FileFormatError):
                loads(whole[:at])


def test_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent.pkl: no such file"):
        load_pickle(tmp_path / "absent.pkl")
    with pytest.raises(InputError, match="cannot be read"):
        load_pickle(tmp_path)
