"""Weight files that say how their network is built: tensors, and one JSON text in the metadata.

There is a single entry of metadata, as safetensors orders several differently from process to process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_cli.core.compute.tensor_bytes import tensor_bytes
from vision_cli.core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


def write_described(path: Path, task: str, description: Mapping[str, object], tensors: Mapping[str, Tensor]) -> None:
    """Write tensors, and how their network is built.

    Parameters
    ----------
    path
        The file; written at once, so give a temporary one.
    task
        The task that reads it.
    description
        JSON values.
    tensors
        By name; written as they are, see `halved`.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    path.write_bytes(tensor_bytes(plain, {task: json.dumps(description)}))


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with real numbers as float16."""
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def read_description(path: Path, task: str) -> Mapping[str, Any]:
    """Return what a file says of its network.

    Raises
    ------
    ValueError
        If it is not of the format, or says nothing for this task.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            document = json.loads((file.metadata() or {})[task])
    except (SafetensorError, OSError) as error:
        raise ValueError(str(error)) from error
    except KeyError as error:
        raise ValueError(f"no entry {task!r} in its metadata") from error
    if not isinstance(document, dict):
        raise ValueError(f"entry {task!r} is no object")
    return document


def load_tensors(
    network: nn.Module, tensors: Mapping[str, Tensor], path: Path, *, hint: str, may_lack: tuple[str, ...] = ()
) -> None:
    """Load the tensors of a file into its network, all of them.

    Parameters
    ----------
    network
        The network.
    tensors
        Of the file.
    path, hint
        For messages.
    may_lack
        Beginnings of names of the network that need not be in the file.

    Raises
    ------
    InputError
        If a number is not finite, or names or shapes differ.
    """
    broken = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if broken:
        raise InputError(f"{path}: numbers that are not finite in {broken[0]}.", hint=hint)
    try:
        missing, unexpected = network.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise InputError(f"{path}: weights of another shape than those of its network.", hint=hint) from error
    needed = [name for name in missing if not name.startswith(may_lack)] if may_lack else list(missing)
    if needed or unexpected:
        wrong = f"{needed[0]} missing" if needed else f"{unexpected[0]} unexpected"
        raise InputError(f"{path}: not the weights of its network: {wrong}.", hint=hint)
