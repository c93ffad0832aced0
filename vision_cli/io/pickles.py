"""Pickles of arrays, read as data: nothing that a pickle names is ever called.

A pickle may name any function and have it called. These readers know the few names that NumPy's arrays, or torch's
tensors, need, and refuse a file that names anything else.
"""

from __future__ import annotations

import codecs
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from vision_cli.core.errors import InputError

_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_KNOWN: Mapping[tuple[str, str], Callable[..., Any]] = {
    **{(module, "_reconstruct"): multiarray._reconstruct for module in _ARRAYS},
    **{(module, "scalar"): multiarray.scalar for module in _ARRAYS},
    ("numpy.core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy._core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}


def load_arrays(path: Path, *, encoding: str = "ASCII") -> Any:
    """Read a pickle of arrays, numbers, texts, and lists, tuples and dictionaries of them.

    Parameters
    ----------
    path
        The file.
    encoding
        Of the strings of pickles that Python 2 wrote; ``bytes`` leaves them as they are.

    Raises
    ------
    InputError
        If the file is missing, no pickle, or names what is not data.
    """
    return _load(path, _KNOWN, encoding)


def load_tensors(path: Path) -> Any:
    """Read a pickle of torch's tensors, numbers, texts, and lists, tuples and dictionaries of them; on the CPU.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If the file is missing, no pickle, or names what is not data.
    """
    import torch

    tensors: dict[tuple[str, str], Callable[..., Any]] = {
        ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
        ("torch.storage", "_load_from_bytes"): _storage,
        ("collections", "OrderedDict"): OrderedDict,
    }
    return _load(path, {**_KNOWN, **tensors}, "ASCII")


def _storage(content: bytes) -> Any:
    """Read a tensor's values, themselves a pickle inside, with torch's own reader of nothing but tensors."""
    import torch

    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _load(path: Path, known: Mapping[tuple[str, str], Callable[..., Any]], encoding: str) -> Any:
    try:
        with path.open("rb") as file:
            return _DataOnly(file, path, known, encoding).load()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except InputError:
        raise
    except Exception as error:
        # Damaged pickles raise whatever their bytes lead to.
        raise InputError(
            f"{path}: not a pickle that can be read ({type(error).__name__}: {error}).", hint="Copy the file again."
        ) from error


class _DataOnly(pickle.Unpickler):
    def __init__(
        self, file: Any, path: Path, known: Mapping[tuple[str, str], Callable[..., Any]], encoding: str
    ) -> None:
        super().__init__(file, encoding=encoding)
        self._path, self._known = path, known

    def find_class(self, module: str, name: str) -> Any:
        """Give the few functions that arrays are made with."""
        if (module, name) not in self._known:
            what = "NumPy arrays" if self._known is _KNOWN else "arrays and tensors"
            raise InputError(
                f"{self._path}: names {module}.{name}, which is no data; {what} alone expected.",
                hint="Do not trust this file; ask its author for arrays.",
            )
        return self._known[module, name]
