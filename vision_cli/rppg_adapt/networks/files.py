"""Weight files: safetensors of this task, and ``.pth`` files of rPPG-Toolbox's PhysNet."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.io.packing import require_archive_room
from vision_cli.rppg_adapt.networks.build import Backbone, build, build_physnet
from vision_cli.rppg_adapt.networks.inputs import Normalisation
from vision_cli.rppg_adapt.networks.model import TOOLBOX_SIZE, ModelSettings, PulseModel

TASK = "rppg-adapt"


def load_model(choice: str, device: torch.device | str = "cpu") -> PulseModel:
    """Return a model of ``default``, a safetensors file of this task, a hub id, or rPPG-Toolbox's ``.pth`` of PhysNet.

    Raises
    ------
    InputError
        If the file is none of these, or has the weights of another network.
    MissingError
        If there is no such file.
    """
    path = Path(choice)
    if path.suffix in {".pth", ".pt"} and path.is_file():
        return _load_toolbox(path, device)
    resolved = resolve_weights(choice, TASK)
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(resolved.path, framework="pt") as stored:
        about = stored.metadata() or {}
    settings = _settings(resolved.path, about)
    network = build(settings.backbone)
    _load_state(network, load_file(resolved.path), resolved.path)
    return PulseModel(network.to(device).eval(), settings, resolved.path, resolved.sha256)


def _settings(path: Path, about: Mapping[str, str]) -> ModelSettings:
    try:
        backbone, normalisation = about["backbone"], about["normalisation"]
        settings = ModelSettings(
            cast("Backbone", backbone), int(about["size"]), float(about["fps"]), cast("Normalisation", normalisation)
        )
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: metadata of other weights found ({error} is missing or wrong); weights of rppg-adapt expected.",
            hint="Give weights that `vcli rppg-adapt train` or `adapt` wrote, or PhysNet's .pth of rPPG-Toolbox.",
        ) from error
    if backbone not in get_args(Backbone) or normalisation not in get_args(Normalisation):
        raise InputError(
            f"{path}: backbone {backbone} with input {normalisation} found; a network of this version expected."
        )
    return settings


def _load_toolbox(path: Path, device: torch.device | str) -> PulseModel:
    require_archive_room(path)
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: not a file of tensors only ({str(error).partition('.')[0]}).",
            hint="Pickles with other objects than tensors are never loaded.",
        ) from error
    if not isinstance(stored, dict) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise InputError(f"{path}: no dictionary of tensors found; PhysNet's weights of rPPG-Toolbox expected.")
    network = build_physnet()
    _load_state(network, {name.removeprefix("module."): value for name, value in stored.items()}, path)
    settings = ModelSettings("physnet", TOOLBOX_SIZE)
    return PulseModel(network.to(device).eval(), settings, path, sha256(path))


def _load_state(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    own = network.state_dict()
    missing = sorted(set(own) - set(tensors))
    unknown = sorted(set(tensors) - set(own))
    shaped = sorted(name for name in set(own) & set(tensors) if own[name].shape != tensors[name].shape)
    if missing or unknown or shaped:
        wrong = [
            f"{what}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
            for what, names in (("missing", missing), ("unknown", unknown), ("of other shapes", shaped))
            if names
        ]
        raise InputError(
            f"{path}: weights of another network than {type(network).__name__} found ({'; '.join(wrong)}).",
            hint="Give weights of this network.",
        )
    network.load_state_dict({name: tensors[name].to(value.dtype) for name, value in own.items()})
