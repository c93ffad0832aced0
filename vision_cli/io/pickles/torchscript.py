"""Tensors of a TorchScript archive, such as OpenAI's files of CLIP, read as data: its code is not read at all.

An archive is a ZIP file: ``data.pkl`` is a pickle of the module's attributes, whose tensors refer to the members of the
folder ``data``. The pickle is run on records without meaning (`vision_cli.io.pickles.opcodes`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import InputError, VcliError
from vision_cli.io.packing import require_archive_room
from vision_cli.io.pickles.opcodes import Call, Elsewhere, Name, OutOfRoom, PickleError, run_pickle
from vision_cli.io.pickles.storages import STORAGES, storage_values

if TYPE_CHECKING:
    import torch

_PICKLE, _VALUES = "/data.pkl", "/data/"
_MOST_DEEP, _MOST_TENSORS, _MOST_AXES = 32, 100_000, 16
_REBUILD = Name("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Name("torch._utils", "_rebuild_parameter")


def is_torchscript(path: Path) -> bool:
    """Return whether a file is a TorchScript archive: one that holds code and constants beside tensors."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return any(name.endswith("/constants.pkl") for name in names) and any(name.endswith(_PICKLE) for name in names)


def load_script_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the parameters and buffers of a TorchScript archive by name, as its state dict would have them.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If it is damaged, or no such archive.
    InputTooLarge
        If it takes more than the memory at hand.
    """
    try:
        require_archive_room(path)
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(_PICKLE)]
            if len(names) != 1:
                raise PickleError(f"{len(names)} members {_PICKLE[1:]}; one expected")
            root = names[0].removesuffix(_PICKLE)
            module = run_pickle(io.BytesIO(archive.read(names[0])), available_memory(), lambda _name: None)
            reader = _Values(archive, root)
            return {name: reader.tensor(call) for name, call in _tensors(module, "", 0)}
    except (VcliError, MemoryError):
        raise
    except OutOfRoom as error:
        raise InputError(
            f"{path}: a pickle of more objects than fit into memory.", hint="Fetch the file again."
        ) from error
    except Exception as error:
        # Damaged archives lead to whatever their bytes say.
        raise InputError(
            f"{path}: not a TorchScript archive that can be read ({type(error).__name__}: {error}).",
            hint="Fetch the file again.",
        ) from error


def _tensors(module: Any, start: str, depth: int) -> Iterator[tuple[str, Call]]:
    """Yield the tensors of a module and of the modules in it, by name."""
    if not isinstance(module, Call) or not isinstance(module.state, dict):
        return
    if depth > _MOST_DEEP:
        raise PickleError(f"modules nested more than {_MOST_DEEP} deep")
    for name, value in module.state.items():
        if not isinstance(value, Call):
            continue
        if value.what in {_REBUILD, _PARAMETER}:
            yield f"{start}{name}", value
        else:
            yield from _tensors(value, f"{start}{name}.", depth + 1)


class _Values:
    """Reads tensors of the members that hold their values, each member once."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self._archive, self._root = archive, root
        self._read: dict[str, torch.Tensor] = {}
        self._count = 0

    def tensor(self, call: Call) -> torch.Tensor:
        """Return the tensor of a record."""
        self._count += 1
        if self._count > _MOST_TENSORS:
            raise PickleError(f"more than {_MOST_TENSORS} tensors")
        if call.what == _PARAMETER:
            call = call.arguments[0]
        if not isinstance(call, Call) or call.what != _REBUILD:
            raise PickleError("a parameter that is no tensor")
        storage, start, size, stride = call.arguments[:4]
        if not isinstance(storage, Elsewhere):
            raise PickleError("a tensor without values")
        values = self._values(storage.key)
        numbers = (*size, *stride, start)
        if len(size) != len(stride) or len(size) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in numbers):
            raise PickleError(f"a tensor of shape {str(size)[:60]}")
        last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if 0 in size:
            return values.new_empty(size)
        if last >= len(values):
            raise PickleError(f"a tensor {size} of {len(values)} values")
        found: torch.Tensor = values.as_strided(size, stride, start)
        # Strides of 0 make much of little.
        if found.numel() > len(values):
            raise PickleError(f"a tensor {size} of {len(values)} values")
        return found

    def _values(self, key: Any) -> torch.Tensor:
        word, kind, name, _, count = key
        if word != "storage" or not isinstance(kind, Name) or kind.name not in STORAGES or not isinstance(name, str):
            raise PickleError("values of an unknown kind")
        if name not in self._read:
            content = bytearray(self._archive.read(f"{self._root}{_VALUES}{name}"))
            self._read[name] = storage_values(kind.name, count, content)
        return self._read[name]
