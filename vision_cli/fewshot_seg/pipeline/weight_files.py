"""Weight files of the method: one safetensors file with the network, the gate, or both.

Tensors of the network have the names that they have in it, arrays of the gate begin with ``gate.``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.files import sha256
from vision_cli.fewshot_seg.gate.gate import Gate

if TYPE_CHECKING:
    import torch

    from vision_cli.fewshot_seg.networks.tavp import Ablation
    from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork

SHIPPED = "fewshot"
"""Name of the shipped weights."""

_TASK = "fewshot-seg"
_GATE = "gate."
_HINT = "Give weights that `vcli fewshot-seg train` wrote, or default."


@dataclass(frozen=True)
class About:
    """What a file says of itself.

    Attributes
    ----------
    variant
        Builder of the network; None for a file without one.
    side
        Of the network's pictures, px.
    pads
        Whether pictures keep their proportions in the square.
    has_encoder
        Whether the encoder is in the file; otherwise it is that of a checkpoint of SAM.
    ablation
        Parts of the network that were left out.
    candidates
        What the gate has learned to judge; empty for a file without a gate.
    """

    variant: str | None = None
    side: int = 0
    pads: bool = False
    has_encoder: bool = True
    ablation: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """What a weight file holds, ready to use.

    Attributes
    ----------
    network
        The network; None for a file without one.
    gate
        The gate; None for a file without one.
    """

    network: LoadedNetwork | None
    gate: Gate | None


def write_method(path: Path, about: About, tensors: Mapping[str, torch.Tensor], gate: Gate | None) -> None:
    """Write the tensors of a network as float16, and a gate as it is.

    Parameters
    ----------
    path
        The file.
    about
        What it says of itself; ``candidates`` are taken from the gate.
    tensors
        Of the network; may be empty.
    gate
        The gate; None for none.
    """
    import torch

    packed = halved(tensors)
    if gate is not None:
        packed |= {f"{_GATE}{name}": torch.from_numpy(values) for name, values in gate.arrays().items()}
    document = asdict(about) | {"candidates": [] if gate is None else gate.candidates}
    write_described(path, _TASK, document, packed)


def read_about(path: Path) -> About:
    """Return what a file says of itself.

    Raises
    ------
    InputError
        If it is no weight file of fewshot-seg.
    """
    try:
        document = read_description(path, _TASK)
        texts = {name: tuple(str(one) for one in document[name]) for name in ("ablation", "candidates")}
        variant = document["variant"]
        return About(
            None if variant is None else str(variant),
            int(document["side"]),
            bool(document["pads"]),
            bool(document["has_encoder"]),
            **texts,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no weights of fewshot-seg ({error}).", hint=_HINT) from error


def read_method(path: Path, *, device: str = "cpu", sam: Path | None = None, cache: Path | None = None) -> Method:
    """Return the network and the gate of a file.

    Parameters
    ----------
    path
        The file.
    device
        Where the network is computed.
    sam
        Checkpoint of SAM whose encoder the network was trained on, where it is not in the file.
    cache
        Folder in which what the network reads of pictures is kept; None for none.

    Raises
    ------
    InputError
        If the file is damaged, or holds numbers that are not finite, or is of another network than it says.
    UsageError
        If it needs a checkpoint of SAM, or has an encoder of its own and one is given.
    """
    about = read_about(path)
    gate = _read_gate(path, about)
    return Method(None if about.variant is None else _read_network(path, about, device, sam, cache), gate)


def ablation_of(names: tuple[str, ...]) -> Ablation:
    """Return which parts are left out; names are those of `vision_cli.fewshot_seg.options.ABLATIONS`."""
    from vision_cli.fewshot_seg.networks.tavp import Ablation

    parts = {name: name not in names for name in vars(Ablation()) if name != "prompts"}
    return Ablation(**parts, prompts="fixed" if "prompts" in names else "generated")


def _read_gate(path: Path, about: About) -> Gate | None:
    from safetensors import safe_open

    if not about.candidates:
        return None
    with safe_open(path, framework="numpy") as file:
        stored = [name for name in file.keys() if name.startswith(_GATE)]  # noqa: SIM118
        arrays = {name.removeprefix(_GATE): file.get_tensor(name) for name in stored}
    try:
        return Gate.from_arrays(arrays, about.candidates)
    except ValueError as error:
        raise InputError(f"{path}: no gate of fewshot-seg ({error}).", hint=_HINT) from error


def _read_network(path: Path, about: About, device: str, sam: Path | None, cache: Path | None) -> LoadedNetwork:
    from safetensors.torch import load_file

    from vision_cli.fewshot_seg.networks.building import VARIANTS
    from vision_cli.fewshot_seg.pipeline.frames import Frame
    from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork
    from vision_cli.fewshot_seg.pipeline.sam_checkpoints import load_sam_checkpoint

    ablation = ablation_of(about.ablation)
    if about.has_encoder and sam is not None:
        raise UsageError(
            f"--sam-checkpoint with {path.name}, whose network has an encoder of its own ({about.variant})."
        )
    digest = sha256(path)
    if about.has_encoder:
        if about.variant is None or about.variant not in VARIANTS:
            raise InputError(f"{path}: network {about.variant!r}; {', '.join(VARIANTS)} expected.", hint=_HINT)
        network = VARIANTS[about.variant](ablation=ablation)
    else:
        if sam is None:
            raise UsageError(
                f"{path}: trained on the encoder of SAM ({about.variant}), which is not in the file.",
                hint="Give --sam-checkpoint FILE.",
            )
        network, variant = load_sam_checkpoint(sam, ablation=ablation)
        if variant != about.variant:
            raise UsageError(f"{sam}: {variant}; {about.variant} expected, on which {path.name} was trained.")
        digest = hashlib.sha256((digest + sha256(sam)).encode()).hexdigest()
    tensors = {name: tensor for name, tensor in load_file(path).items() if not name.startswith(_GATE)}
    load_tensors(network, tensors, path, hint=_HINT, may_lack=() if about.has_encoder else ("backbone.",))
    network.requires_grad_(False)
    return LoadedNetwork(network.eval().to(device), about.variant or "", Frame(about.side, about.pads), digest, cache)


def count_parameters(path: Path) -> dict[str, int]:
    """Return how many real numbers the network and the gate of a file have."""
    from safetensors import safe_open

    counts = {"network_parameters": 0, "gate_parameters": 0}
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118
            key = "gate_parameters" if name.startswith(_GATE) else "network_parameters"
            part = file.get_slice(name)
            if part.get_dtype().startswith("F"):
                counts[key] += int(np.prod(part.get_shape()))
    return counts
