"""Pickles of arrays, read as data: nothing that a pickle names is called, and none of NumPy's own unpickling is used.

A pickle may name any function and have it called, and even NumPy's functions alone can be made to read memory that is
not theirs. Here a file is run on records without meaning (`vision_cli.io.pickles.opcodes`), and arrays are built of the
few that NumPy writes: plain numbers, whose bytes were counted.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import InputError, InputTooLarge, VcliError
from vision_cli.io.limits import require_room
from vision_cli.io.pickles.opcodes import Call, Elsewhere, Name, OldText, OutOfRoom, PickleError, run_pickle
from vision_cli.io.pickles.storages import STORAGES, storage_values

if TYPE_CHECKING:
    import torch

_COPIES = 4
"""The file, arguments of its opcodes, and what is made of them are in memory at once."""

_PLAIN = re.compile(r"[<>|=]?(b1|\?|[iu][1248]|f[248]|c(8|16))")
_MOST_AXES = 64
_STORAGE_MAGIC, _STORAGE_VERSION = 0x1950A86A20F9469CFC6C, 1001


@dataclass(frozen=True)
class Other:
    """Stands for what a pickle holds beside numbers, texts and arrays of numbers: an array of objects, a type."""

    what: str


def load_arrays(path: Path, *, encoding: str = "ASCII") -> Any:
    """Read a pickle of arrays, numbers, texts, and lists, tuples and dictionaries of them.

    Parameters
    ----------
    path
        The file.
    encoding
        Of the strings of pickles that Python 2 wrote; ``bytes`` leaves them as they are.

    Returns
    -------
    object
        The content; arrays that are not of numbers are `Other`.

    Raises
    ------
    InputError
        If the file is missing, no pickle, or names what is not data.
    InputTooLarge
        If it takes more than the memory at hand.
    """
    return _load(path, _Arrays, encoding)


def load_tensors(path: Path) -> Any:
    """Read a pickle of torch's tensors, numbers, texts, and lists, tuples and dictionaries of them; on the CPU.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError, InputTooLarge
        As `load_arrays`.
    """
    return _load(path, _Tensors, "ASCII")


def _load(path: Path, kind: type[_Arrays], encoding: str) -> Any:
    try:
        size = path.stat().st_size
        require_room(path, _COPIES * size, f"a pickle of {size} bytes")
        content = path.read_bytes()
        builder = kind(path, len(content), encoding)
        return builder.resolve(builder.run(io.BytesIO(content)))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except OutOfRoom:
        raise InputTooLarge(
            f"{path}: a pickle of more objects than fit into {available_memory() / 2**30:.1f} GiB of free memory.",
            hint="Do not trust this file; ask its author for arrays.",
        ) from None
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        # Damaged pickles lead to whatever their bytes say.
        raise InputError(
            f"{path}: not a pickle that can be read ({type(error).__name__}: {error}).", hint="Copy the file again."
        ) from error


class _Arrays:
    """Makes data of what a pickle says; each object once, however often it is referred to."""

    what = "NumPy arrays"

    def __init__(self, path: Path, size: int, encoding: str) -> None:
        self._path, self._size, self._encoding = path, size, encoding
        self._resolved: dict[int, Any] = {}
        self._built = 0
        arrays = ("numpy.core.", "numpy._core.")
        self._known: dict[tuple[str, str], Callable[[Call], Any] | None] = {
            **{(f"{module}multiarray", "_reconstruct"): self._reconstructed for module in arrays},
            **{(f"{module}multiarray", "scalar"): self._scalar for module in arrays},
            **{(f"{module}numeric", "_frombuffer"): self._from_buffer for module in arrays},
            ("numpy", "ndarray"): None,
            ("numpy", "dtype"): lambda call: self._dtype(call) or Other("dtype"),
            ("_codecs", "encode"): self._bytes,
            ("__builtin__", "bytes"): self._bytes,
            ("builtins", "bytes"): self._bytes,
        }

    def run(self, stream: io.BytesIO) -> Any:
        """Run one pickle of a stream to records."""
        return run_pickle(stream, available_memory(), self._accept)

    def resolve(self, value: Any) -> Any:
        """Return the data that a record stands for."""
        if isinstance(value, OldText):
            return bytes(value) if self._encoding == "bytes" else value.decode(self._encoding)
        if not isinstance(value, list | tuple | dict | Call | Name | Elsewhere):
            return value
        if id(value) in self._resolved:
            return self._resolved[id(value)]
        if isinstance(value, list):
            # Known before it is filled: a list may hold itself.
            made: Any = []
            self._resolved[id(value)] = made
            made += [self.resolve(one) for one in value]
        elif isinstance(value, dict):
            made = {}
            self._resolved[id(value)] = made
            made.update({self.resolve(key): self.resolve(one) for key, one in value.items()})
        elif isinstance(value, tuple):
            made = tuple([self.resolve(one) for one in value])
        elif isinstance(value, Call):
            build = self._known[value.what.module, value.what.name]
            if build is None:
                raise PickleError(f"{value.what} called")
            made = build(value)
        else:
            made = Other(str(value))
        self._resolved[id(value)] = made
        return made

    def _accept(self, name: Name) -> None:
        if (name.module, name.name) not in self._known:
            raise InputError(
                f"{self._path}: names {name}, which is no data; {self.what} alone expected.",
                hint="Do not trust this file; ask its author for arrays.",
            )

    def _count(self, size: int) -> None:
        """Refuse a file that makes much of little: each array has its own bytes in the file."""
        self._built += size
        if self._built > self._size:
            raise PickleError("arrays of more bytes than the file has")

    def _reconstructed(self, call: Call) -> NDArray[Any] | Other:
        if not call.arguments or call.arguments[0] != Name("numpy", "ndarray") or not isinstance(call.state, tuple):
            raise PickleError("an array without its content")
        # The first of five is a version.
        shape, dtype, is_fortran, content = call.state[-4:]
        kind = self._dtype(dtype)
        if kind is None:
            return Other("array of no numbers")
        return self._array(shape, kind, self._bytes(content), "F" if is_fortran else "C")

    def _from_buffer(self, call: Call) -> NDArray[Any] | Other:
        content, dtype, shape, order, *axes = call.arguments
        kind = self._dtype(dtype)
        if kind is None:
            return Other("array of no numbers")
        if order not in {"C", "F", "K"}:
            raise PickleError(f"an array of order {order!r}")
        found = self._array(shape, kind, self._bytes(content), "F" if order == "F" else "C")
        return found.transpose(*axes) if order == "K" and axes != [None] else found

    def _scalar(self, call: Call) -> Any:
        dtype, content = call.arguments
        kind = self._dtype(dtype)
        return (
            Other("scalar that is no number") if kind is None else self._array((), kind, self._bytes(content), "C")[()]
        )

    def _array(self, shape: Any, kind: np.dtype[Any], content: bytes, order: Any) -> NDArray[Any]:
        count = self._volume(shape)
        if count * kind.itemsize != len(content):
            raise PickleError(f"{len(content)} bytes of an array {shape} of {kind}")
        self._count(len(content))
        # A copy, because arrays of bytes cannot be written to.
        array: NDArray[Any] = np.ndarray(shape, kind, bytearray(content), order=order)
        if kind.kind == "b":
            # Bytes other than 0 and 1 are no truth values that NumPy could compute with.
            return np.asarray(array.view(np.uint8) != 0)
        return array if kind.isnative else array.byteswap(inplace=True).view(kind.newbyteorder("="))

    def _volume(self, shape: Any) -> int:
        if not isinstance(shape, tuple) or len(shape) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise PickleError(f"an array of shape {str(shape)[:60]}")
        return math.prod(shape)

    def _dtype(self, call: Any) -> np.dtype[Any] | None:
        """Return the type of plain numbers that a record names; None of any other type."""
        if not isinstance(call, Call) or call.what != Name("numpy", "dtype") or not call.arguments:
            raise PickleError("a data type that is not one")
        word = _as_text(call.arguments[0])
        # Version, byte order, subarray, names, fields, and what follows of sizes.
        state = (3, "=", None, None, None) if call.state is None else call.state
        if not isinstance(state, tuple) or len(state) < 5 or not _PLAIN.fullmatch(word):
            return None
        byte_order = _as_text(state[1])
        if state[2:5] != (None, None, None) or byte_order not in {"<", ">", "|", "="}:
            return None
        kind = np.dtype(word)
        return kind.newbyteorder("<" if byte_order == "<" else ">" if byte_order == ">" else "=")

    def _bytes(self, value: Any) -> bytes:
        """Return the bytes of a record: themselves, or as the first protocols wrote them, a text of Latin-1."""
        if isinstance(value, bytes | bytearray):
            return bytes(value)
        if isinstance(value, Call) and value.what.name == "bytes" and not value.arguments:
            return b""
        if isinstance(value, Call) and value.what == Name("_codecs", "encode") and len(value.arguments) == 2:
            text, encoding = value.arguments
            if isinstance(text, str) and encoding in {"latin1", "latin-1"}:
                return text.encode("latin-1")
        raise PickleError("bytes expected")


class _Tensors(_Arrays):
    what = "arrays and tensors"

    def __init__(self, path: Path, size: int, encoding: str) -> None:
        super().__init__(path, size, encoding)
        self._known |= {
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch.storage", "_load_from_bytes"): self._storage,
            ("collections", "OrderedDict"): self._ordered,
        }

    def _ordered(self, call: Call) -> dict[Any, Any]:
        if call.arguments or call.state is not None:
            raise PickleError("an ordered dictionary made of others")
        return {self.resolve(key): self.resolve(one) for key, one in call.items.items()}

    def _tensor(self, call: Call) -> torch.Tensor:
        storage, start, size, stride = call.arguments[:4]
        if not isinstance(storage, Call) or storage.what != Name("torch.storage", "_load_from_bytes"):
            raise PickleError("a tensor without values")
        values: torch.Tensor = self.resolve(storage)
        count = self._volume(size)
        self._volume(stride)
        if len(size) != len(stride) or type(start) is not int or start < 0:
            raise PickleError("a tensor with too few values for its shape and strides")
        last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if count and last >= len(values):
            raise PickleError(f"a tensor {size} of {len(values)} values")
        require_room(self._path, count * values.element_size(), f"a tensor {size}")
        return values.as_strided(size, stride, start) if count else values.new_empty(size)

    def _storage(self, call: Call) -> torch.Tensor:
        """Read a tensor's values: four pickles, the number of values, and their bytes, as torch writes them."""
        (content,) = call.arguments
        stream = io.BytesIO(self._bytes(content))
        inner = _StorageNames(self._path, self._size, self._encoding)
        try:
            magic, version, system, values, keys = (inner.run(stream) for _ in range(5))
        except InputError as error:
            raise PickleError(f"values of a tensor: {error.message}") from error
        if (magic, version) != (_STORAGE_MAGIC, _STORAGE_VERSION) or not isinstance(values, Elsewhere):
            raise PickleError("no values of a tensor")
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise PickleError("values of a tensor in an unknown order of bytes")
        word, kind, key, _, count, view = values.key
        if word != "storage" or view is not None or keys != [key] or not isinstance(kind, Name):
            raise PickleError("values of a tensor that lie elsewhere")
        held = int.from_bytes(stream.read(8), "little")
        data = bytearray(stream.read())
        if held != count:
            raise PickleError(f"{len(data)} bytes of {held} values of a tensor")
        held_values = storage_values(kind.name, held, data)
        self._count(len(data))
        return held_values


class _StorageNames(_Arrays):
    what = "types of values"

    def __init__(self, path: Path, size: int, encoding: str) -> None:
        super().__init__(path, size, encoding)
        self._known = {("torch", name): None for name in STORAGES}


def _as_text(value: Any) -> str:
    """Return a text that may be one of Python 2."""
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""
