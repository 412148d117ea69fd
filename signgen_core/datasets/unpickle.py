"""Reads pickles, joblib dumps and torch files of numbers without running anything that stands in them, and without torch.

A pickle is a program. Here it may build dicts, lists, tuples, strings, numbers, numpy arrays and torch tensors (as numpy arrays), by functions
of our own that stand behind an allow-list of names; every other name ends the reading. Tensors that were saved on a GPU are read as what they are: bytes.
Formats: Python's pickle protocol 0 to 5; joblib (arrays follow the stream; zlib or gzip around it); `torch.save`, both the zip container and the older stream.
"""

from __future__ import annotations

import codecs
import gzip
import io
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import FileFormatError, InputError

MAX_BYTES = 2 << 30  # of a file, and of what a compressed one may grow to
# What the opcodes of a stream that is cut off or changed end in, and the containers around it; RuntimeError: an encrypted member, too deep a nesting.
_BROKEN = (
    pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, OverflowError, RuntimeError,
    NotImplementedError, OSError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGE_TYPES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2",
    "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "?", "UntypedStorage": "<u1", "BFloat16Storage": "bfloat16",
}  # fmt: skip


def load_pickle(path: str | Path) -> Any:
    """What a .pkl, .joblib or .pt file holds. Raises InputError when it is absent, FileFormatError in one line for anything else that is wrong."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FileFormatError(f"{path}: {path.stat().st_size / 2**30:.1f} GB; at most {MAX_BYTES / 2**30:.0f} GB are read")
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror or problem}") from None
    return loads(data, str(path))


def loads(data: bytes, name: str = "pickle") -> Any:
    """The same of bytes; `name` is put before errors."""
    try:
        if data[:4] == b"PK\x03\x04":
            return _torch_zip(data)
        if data[:2] == b"\x1f\x8b" or (len(data) > 1 and data[0] == 0x78 and data[1] in (0x01, 0x5E, 0x9C, 0xDA)):
            data = _inflate(data)
        stream = io.BytesIO(data)
        first = _Reader(stream).load()
        if isinstance(first, int) and first == _TORCH_MAGIC:
            return _torch_stream(stream)
        return first
    except FileFormatError as problem:
        raise FileFormatError(f"{name}: {problem}") from None
    except MemoryError:
        raise FileFormatError(f"{name}: asks for more memory than there is") from None
    except _BROKEN as problem:
        text = " ".join(str(problem).split())[:120]
        raise FileFormatError(f"{name}: not a whole pickle: {text or type(problem).__name__}") from None


def _inflate(data: bytes) -> bytes:
    """Decompressed bytes, refusing what grows beyond MAX_BYTES."""
    if data[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            out = file.read(MAX_BYTES + 1)
    else:
        out = zlib.decompressobj().decompress(data, MAX_BYTES + 1)
    if len(out) > MAX_BYTES:
        raise FileFormatError("grows beyond all measure when it is decompressed")
    return out


# -- what a pickle may build ----------------------------------------------------------------------------------------------------


class _Storage:
    """Bytes of a torch storage, perhaps still to come; `array` is filled in when they are read."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = dtype, count
        self.array: np.ndarray | None = None


class _Tensor:
    """A view into a storage that may come later in the stream; `resolve` makes it an array."""

    def __init__(self, storage: Any, offset: int, size: Any, stride: Any) -> None:
        if not isinstance(storage, _Storage):
            raise FileFormatError("a tensor without a storage")
        self.storage, self.offset, self.size, self.stride = storage, int(offset), tuple(map(int, size)), tuple(map(int, stride))

    def array(self) -> np.ndarray:
        flat = self.storage.array
        if flat is None:
            raise FileFormatError("a tensor's numbers are missing")
        if len(self.size) != len(self.stride) or min((self.offset, *self.size, *self.stride, 0)) < 0:
            raise FileFormatError(f"a tensor of shape {self.size} and strides {self.stride}")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.size, self.stride, strict=True)) if all(self.size) else self.offset - 1
        if last >= len(flat):
            raise FileFormatError(f"a tensor of shape {self.size} reaches beyond its {len(flat)} numbers")
        step = flat.itemsize
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.size, [s * step for s in self.stride]).copy()


def _resolve(value: Any, depth: int = 0) -> Any:
    """Tensors in containers become arrays."""
    if depth > 50:
        raise FileFormatError("nested too deeply")
    if isinstance(value, _Tensor):
        return value.array()
    if isinstance(value, dict):
        return {k: _resolve(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, depth + 1) for v in value]
    if isinstance(value, tuple):
        return tuple(_resolve(v, depth + 1) for v in value)
    return value


class _Array:
    """An ndarray in the making, as numpy's own pickles describe one: an empty object, then its state."""

    def __init__(self, *_: Any) -> None:
        self.value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state if len(state) == 5 else (0, *state)
        dtype = _plain_dtype(dtype)
        shape = tuple(int(n) for n in shape)
        if isinstance(raw, str):
            raw = raw.encode("latin-1")
        if not isinstance(raw, bytes | bytearray) or any(n < 0 for n in shape):
            raise FileFormatError("an array of Python objects, or of no shape")
        count = int(np.prod(shape, dtype=object))
        if count * dtype.itemsize != len(raw):
            raise FileFormatError(f"an array of shape {shape} with {len(raw)} bytes")
        self.value = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C").copy()


class _Dtype:
    """A dtype in the making."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.value = _plain_dtype(name)

    def __setstate__(self, state: Any) -> None:
        if len(state) > 1 and state[1] in ("<", ">"):
            self.value = self.value.newbyteorder(state[1])


def _plain_dtype(name: Any) -> np.dtype:
    dtype = name.value if isinstance(name, _Dtype) else np.dtype(name.decode() if isinstance(name, bytes) else name)
    if dtype.kind not in "biufUS" or dtype.itemsize > 4096:
        raise FileFormatError(f"an array of type {dtype}; only numbers and short texts are read")
    return dtype


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    if isinstance(raw, str):
        raw = raw.encode("latin-1")
    return np.frombuffer(raw, _plain_dtype(dtype), 1)[0]


def _from_buffer(buffer: Any, dtype: Any, shape: Any, order: str = "C") -> np.ndarray:
    return np.frombuffer(bytes(buffer), _plain_dtype(dtype)).reshape(tuple(map(int, shape)), order="F" if order == "F" else "C").copy()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise FileFormatError(f"bytes in the encoding {encoding!r}")
    return codecs.encode(text, encoding)


def _empty(*given: Any) -> bytes:
    if given:
        raise FileFormatError("bytes of something else")
    return b""


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, size, stride)


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


class _Wrapper:
    """joblib's note that the numbers of an array follow in the stream."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = dict(state)


class _Named:
    """A type that is only ever named (a storage type, a device)."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *given: Any) -> Any:
        return ":".join(map(str, given))


@lru_cache(maxsize=1)
def _builders() -> dict[tuple[str, str], Any]:
    out: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict, ("_codecs", "encode"): _encode, ("builtins", "bytearray"): bytearray, ("builtins", "bytes"): _empty,
        ("builtins", "complex"): complex, ("builtins", "set"): set, ("builtins", "slice"): slice,
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): _Wrapper, ("numpy", "ndarray"): _Named("ndarray"), ("numpy", "dtype"): _Dtype,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor, ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): _rebuild_parameter, ("torch.storage", "_load_from_bytes"): _load_from_bytes,
        ("torch", "Size"): tuple, ("torch", "device"): _Named("device"), ("torch.serialization", "_get_layout"): _Named("layout"),
        ("torch.storage", "TypedStorage"): _Named("TypedStorage"),
    }  # fmt: skip
    for module in ("numpy.core", "numpy._core"):
        out |= {
            (f"{module}.multiarray", "_reconstruct"): _Array, (f"{module}.multiarray", "scalar"): _scalar,
            (f"{module}.numeric", "_frombuffer"): _from_buffer, (f"{module}._internal", "_convert_to_numpy_dtype"): _plain_dtype,
        }  # fmt: skip
    out |= {("torch", name): _Named(name) for name in _STORAGE_TYPES} | {("torch.storage", "UntypedStorage"): _Named("UntypedStorage")}
    return out


class _Reader(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """Python's own reader, written in Python, so that single steps of it can be watched; names come from the allow-list alone."""

    dispatch = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]
    stack: list[Any]
    memo: dict[int, Any]

    def __init__(self, stream: BinaryIO, persistent: Callable[[Any], Any] | None = None) -> None:
        super().__init__(stream, fix_imports=True, encoding="latin1")
        self._source = stream
        self._persistent = persistent

    def load(self) -> Any:
        return _unwrap(super().load())

    def find_class(self, module: str, name: str) -> Any:
        found = _builders().get(("builtins" if module == "__builtin__" else module, name))
        if found is None:
            raise FileFormatError(f"asks for {module}.{name}, which is no array of numbers; nothing of it was run")
        return found

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise FileFormatError("refers to things outside of itself")
        return self._persistent(pid)

    def load_build(self) -> None:
        """joblib writes an array's numbers right behind the note that they follow."""
        super().load_build()  # type: ignore[misc]
        top = self.stack[-1]
        if isinstance(top, _Wrapper):
            self.stack[-1] = self._following(top.state)
        elif isinstance(top, _Array | _Dtype) and top.value is not None:
            self.stack[-1] = top.value if isinstance(top, _Array) else top
            for key, value in list(self.memo.items()):
                if value is top and isinstance(top, _Array):
                    self.memo[key] = top.value

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]

    def _following(self, state: dict[str, Any]) -> np.ndarray:
        dtype = _plain_dtype(state["dtype"])
        shape = tuple(int(n) for n in state["shape"])
        if state.get("numpy_array_alignment_bytes") is not None:
            (padding,) = self._source.read(1)
            self._source.read(padding)
        count = int(np.prod(shape, dtype=object))
        raw = self._source.read(count * dtype.itemsize) if 0 <= count * dtype.itemsize <= MAX_BYTES else b""
        if len(raw) != count * dtype.itemsize:
            raise FileFormatError(f"an array of shape {shape} is cut off")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if state.get("order") == "F" else "C").copy()


def _unwrap(value: Any) -> Any:
    if isinstance(value, _Array) or callable(value):
        raise FileFormatError("an array without numbers")
    return value


# -- torch ----------------------------------------------------------------------------------------------------------------------


def _storage_of(pid: Any) -> tuple[str, str, int]:
    """(key, dtype, count) of `("storage", type, key, location, count[, view])`; the location, a GPU or not, does not matter to bytes."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or not isinstance(pid[1], _Named):
        raise FileFormatError("a reference that is no storage")
    if pid[1].name not in _STORAGE_TYPES or (len(pid) > 5 and pid[5] is not None):
        raise FileFormatError(f"a storage of type {pid[1].name}")
    return str(pid[2]), _STORAGE_TYPES[pid[1].name], int(pid[4])


def _numbers(raw: bytes, dtype: str, count: int) -> np.ndarray:
    if dtype == "bfloat16":  # the upper half of a single-precision number
        return (np.frombuffer(raw, "<u2", count).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, dtype, count).copy()


def _size(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _torch_zip(data: bytes) -> Any:
    """`torch.save` of today: a zip with `NAME/data.pkl` and one stored file a storage."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        pickles = [n for n in names if n.endswith("/data.pkl") and n.count("/") == 1]
        if len(pickles) != 1:
            raise FileFormatError("a zip file that is no torch file: it has no data.pkl")
        if sum(i.file_size for i in archive.infolist()) > MAX_BYTES:
            raise FileFormatError("grows beyond all measure when it is decompressed")
        root = pickles[0].split("/")[0]
        kept: dict[str, _Storage] = {}

        def storage(pid: Any) -> _Storage:
            key, dtype, count = _storage_of(pid)
            if key not in kept:
                raw = archive.read(f"{root}/data/{key}")
                if len(raw) < count * _size(dtype):
                    raise FileFormatError(f"storage {key}: {len(raw)} bytes for {count} numbers")
                kept[key] = _Storage(dtype, count)
                kept[key].array = _numbers(raw, dtype, count)
            return kept[key]

        return _resolve(_Reader(io.BytesIO(archive.read(pickles[0])), storage).load())


def _torch_stream(stream: BinaryIO) -> Any:
    """`torch.save` before 1.6, and what a pickled tensor carries: magic number (read already), version, system, object, keys, numbers."""
    kept: dict[str, _Storage] = {}

    def storage(pid: Any) -> _Storage:
        key, dtype, count = _storage_of(pid)
        return kept.setdefault(key, _Storage(dtype, count))

    _Reader(stream).load()
    _Reader(stream).load()
    value = _Reader(stream, storage).load()
    keys = _Reader(stream).load()
    for key in keys:
        found = kept.get(str(key))
        if found is None:
            raise FileFormatError(f"numbers of an unknown storage {key}")
        (count,) = struct.unpack("<q", stream.read(8))
        if not 0 <= count <= MAX_BYTES:
            raise FileFormatError(f"storage {key} of {count} numbers")
        raw = stream.read(count * _size(found.dtype))
        if len(raw) != count * _size(found.dtype):
            raise FileFormatError(f"storage {key} is cut off")
        found.array = _numbers(raw, found.dtype, count)
    return value if isinstance(value, _Storage) else _resolve(value)


def _load_from_bytes(data: bytes) -> Any:
    """What a pickled tensor carries: a whole torch file of its storage."""
    if data[:4] == b"PK\x03\x04":
        return _torch_zip(data)
    stream = io.BytesIO(data)
    if _Reader(stream).load() != _TORCH_MAGIC:
        raise FileFormatError("a storage that is no torch file")
    return _torch_stream(stream)


def load_resolved(path: str | Path) -> Any:
    """`load_pickle` with tensors inside of containers turned into arrays."""
    value = load_pickle(path)
    try:
        return _resolve(value)
    except FileFormatError as problem:
        raise FileFormatError(f"{path}: {problem}") from None
