"""Weights of other programs as tensors by name: safetensors, what ``torch.save`` wrote, and TorchScript archives.

Nothing in a file is run: torch's reader of weights alone opens what was saved, and of a TorchScript archive only the
tensors are read (`vision_cli.io.pickles.torchscript`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vision_cli.core.errors import InputError
from vision_cli.io.packing import require_archive_room

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = ("model", "state_dict")
"""Under which training programs put the tensors."""


def read_state_dict(path: Path, *, hint: str, prefixes: Sequence[str] = ()) -> dict[str, Tensor]:
    """Return the tensors of a file by name, on the CPU; real numbers as float32.

    Parameters
    ----------
    path
        A safetensors file, a state dict that torch saved, also in a dictionary, or a TorchScript archive.
    hint
        What to give instead, for messages.
    prefixes
        What programs put before all names; taken off, in any order and number.

    Raises
    ------
    InputError
        If it is damaged, holds more than tensors where it would have to be run, no tensors at all, or numbers that are
        not finite.
    InputTooLarge
        If it would not fit into memory.
    """
    import torch

    content = read_saved(path, hint=hint)
    found = {str(name): one for name, one in content.items() if isinstance(one, torch.Tensor)}
    if not found:
        raise InputError(f"{path}: no tensors by name found; a state dict expected.", hint=hint)
    found = without_prefixes(found, prefixes)
    broken = [name for name, one in found.items() if one.is_floating_point() and not one.isfinite().all()]
    if broken:
        raise InputError(f"{path}: numbers that are not finite in {broken[0]}.", hint="Fetch the file again.")
    # Published files are often of half precision.
    return {name: one.float() if one.is_floating_point() else one for name, one in found.items()}


def read_saved(path: Path, *, hint: str) -> Mapping[str, object]:
    """Return what a file holds by name, out of the dictionaries that training programs put around it.

    Raises
    ------
    InputError
        If it is damaged, or holds more than tensors, numbers and texts.
    InputTooLarge
        If it would not fit into memory.
    """
    content = _load(path)
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: {type(content).__name__} found; tensors by name expected.", hint=hint)
    return content


def without_prefixes(state: Mapping[str, Tensor], prefixes: Sequence[str]) -> dict[str, Tensor]:
    """Return tensors without the prefixes that stand before all of their names."""
    found = dict(state)
    while found and (prefix := next((one for one in prefixes if all(name.startswith(one) for name in found)), None)):
        found = {name.removeprefix(prefix): one for name, one in found.items()}
    return found


def _load(path: Path) -> object:
    from pickle import UnpicklingError

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from vision_cli.io.pickles.torchscript import is_torchscript, load_script_tensors

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if is_torchscript(path):
            return load_script_tensors(path)
        require_archive_room(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise InputError(f"{path}: not in safetensors format ({error}).", hint="Fetch the file again.") from error
    except UnpicklingError as error:
        raise InputError(
            f"{path}: no weights, or a file that holds more than tensors, which is not opened.",
            hint="Save its state_dict alone, or as safetensors.",
        ) from error
    # What is damaged inside of an archive has many names.
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, AttributeError, IndexError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: damaged weights ({reason}).", hint="Fetch the file again.") from error
