"""Pickles of arrays, read as data: nothing that a pickle names is ever called.

A pickle may name any function and have it called. This reader knows the few names that NumPy arrays need, and refuses
a file that names anything else.
"""

from __future__ import annotations

import codecs
import pickle
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
    try:
        with path.open("rb") as file:
            return _ArraysOnly(file, path, encoding).load()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except InputError:
        raise
    except Exception as error:
        # Damaged pickles raise whatever their bytes lead to.
        raise InputError(
            f"{path}: not a pickle that can be read ({type(error).__name__}: {error}).", hint="Copy the file again."
        ) from error


class _ArraysOnly(pickle.Unpickler):
    def __init__(self, file: Any, path: Path, encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Give the few functions that arrays are made with."""
        if (module, name) not in _KNOWN:
            raise InputError(
                f"{self._path}: names {module}.{name}, which is no data; NumPy arrays alone expected.",
                hint="Do not trust this file; ask its author for arrays.",
            )
        return _KNOWN[module, name]
