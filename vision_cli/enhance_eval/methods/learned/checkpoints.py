"""Open a checkpoint of others as data: tensors by name, or an error that says what the file is instead."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vision_cli.core.errors import InputError, MissingError
from vision_cli.io.limits import require_room
from vision_cli.io.packing import require_archive_room

if TYPE_CHECKING:
    from torch import Tensor, nn

_COPIES = 3
_WRAPPERS = ("state_dict", "model_state_dict", "model", "params", "params_ema", "net")
_PREFIX = "module."
_SHOWN = 3


def load_weights(network: nn.Module, path: Path, architecture: str) -> None:
    """Put the tensors of a checkpoint into a network; every name and shape has to fit.

    Parameters
    ----------
    network
        Changed.
    path
        A safetensors file, or one of ``torch.save`` that holds tensors alone.
    architecture
        Name of the network, for messages.

    Raises
    ------
    MissingError
        If the file is not there.
    InputError
        If it is no checkpoint, holds more than tensors, or is of another architecture.
    """
    found = read_state(path)
    wanted = network.state_dict()
    missing, unexpected = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or unexpected:
        parts = [f"missing {_listed(missing)}"] * bool(missing) + [f"unexpected {_listed(unexpected)}"] * bool(
            unexpected
        )
        raise InputError(
            f"{path}: keys differ: {'; '.join(parts)}; a checkpoint of {architecture} expected.",
            hint="Name the architecture that the checkpoint is of.",
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            raise InputError(
                f"{path}: {name} of shape {tuple(found[name].shape)}; {tuple(tensor.shape)} of {architecture} expected."
            )
        if not bool(found[name].isfinite().all()):
            raise InputError(f"{path}: {name} holds NaN or infinity; finite weights expected.")
    network.load_state_dict(dict(found), strict=True)


def read_state(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a checkpoint by name, on the CPU; a wrapping dictionary or prefix is taken off.

    Raises
    ------
    MissingError, InputError
        As `load_weights`.
    """
    import torch

    if not path.is_file():
        raise MissingError(f"{path}: no such file.", hint="Give the path of a downloaded checkpoint.")
    size = path.stat().st_size
    require_room(path, _COPIES * size, f"a checkpoint of {size} bytes")
    with path.open("rb") as stream:
        head = stream.read(256)
    _require_binary(path, head)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise InputError(f"{path}: not a checkpoint ({error}).", hint="Download the file again.") from error
    if zipfile.is_zipfile(path):
        require_archive_room(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise _refused(path, str(error)) from error
    content = _unwrapped(content)
    if not isinstance(content, dict) or not content or not _all_tensors(content):
        raise InputError(
            f"{path}: holds {type(content).__name__} of other than tensors; a dictionary of tensors expected.",
            hint="Save it with torch.save(model.state_dict(), FILE).",
        )
    if all(str(key).startswith(_PREFIX) for key in content):
        content = {key[len(_PREFIX) :]: one for key, one in content.items()}
    return content


def _unwrapped(content: object) -> object:
    """Return what lies in the dictionaries that training programs put around the tensors."""
    while isinstance(content, dict):
        inside = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), None)
        if inside is None:
            break
        content = inside
    return content


def _all_tensors(content: Mapping[str, object]) -> bool:
    import torch

    return all(isinstance(one, torch.Tensor) for one in content.values())


def _require_binary(path: Path, head: bytes) -> None:
    """Refuse what a failed download leaves under the name of a checkpoint."""
    start = head.lstrip().lower()
    kinds = {
        b"<": "a page of HTML",
        b"version https://git-lfs": "a pointer of Git LFS",
        b"{": "a text of JSON",
    }
    kind = next((what for mark, what in kinds.items() if start.startswith(mark)), "empty" if not head else None)
    # A safetensors file starts with a length of eight bytes, whose first may be any character.
    if kind is not None and not (path.suffix == ".safetensors" and head[8:9] == b"{"):
        raise InputError(f"{path}: not a checkpoint but {kind}.", hint="Download the file itself.")


def _refused(path: Path, reason: str) -> InputError:
    named = re.search(r"GLOBAL ([\w.]+)", reason) or re.search(r"Unsupported (?:global|class) ([\w.]+)", reason)
    if named is not None:
        return InputError(
            f"{path}: a pickled module ({named.group(1)}), which could run code; a dictionary of tensors expected.",
            hint="In a place where you trust it, save it with torch.save(model.state_dict(), FILE).",
        )
    lines = reason.strip().splitlines()
    return InputError(
        f"{path}: not a checkpoint ({lines[0][:160] if lines else 'unreadable'}).", hint="Download the file again."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
