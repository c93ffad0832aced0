"""Files of trained weights: safetensors that describe the network that they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from vision_cli.core.errors import InputError
from vision_cli.register.networks.winet import WiNet

_ARCHITECTURE = "WiNet"
_KEY = "network"


def describe_network(network: WiNet) -> dict[str, str]:
    """Return the metadata that a weight file needs for `load_network`: the hyper-parameters as JSON under one key.

    One key, because safetensors writes several in an arbitrary order.
    """
    hyper_parameters = {
        "architecture": _ARCHITECTURE,
        "dim": network.dim,
        "width": network.width,
        "wavelet": network.wavelet,
        "variant": network.variant,
        "refine": network.refine,
        "smooth": network.smooth,
        "scales": network.scales,
        "longest_side": network.longest_side,
        "reference": network.reference,
    }
    return {_KEY: json.dumps(hyper_parameters)}


def load_network(path: Path) -> WiNet:
    """Return the network of a safetensors file with its weights as float32, in evaluation mode.

    Raises
    ------
    InputError
        If the file is damaged, belongs to another architecture, or its tensors do not fit its description.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            described = json.loads((stored.metadata() or {}).get(_KEY, "{}"))
            tensors = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as safetensors ({error}); a file of weights expected.", hint="Copy it again."
        ) from error
    hyper_parameters = dict(described) if isinstance(described, dict) else {}
    architecture = hyper_parameters.pop("architecture", "an unnamed network")
    if architecture != _ARCHITECTURE:
        raise InputError(
            f"{path}: weights of {architecture} found; of {_ARCHITECTURE} expected.",
            hint="Give a file that `vcli register train` wrote.",
        )
    try:
        # On the meta device, so that a wrong width takes no memory.
        with torch.device("meta"):
            network = WiNet(**hyper_parameters)
        network.load_state_dict(tensors, assign=True)
    except (TypeError, KeyError, ValueError, RuntimeError, InputError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(
            f"{path}: tensors that do not fit the network it describes found ({reason}); matching ones expected.",
            hint="Give a file that `vcli register train` wrote.",
        ) from error
    return network.eval()
