"""Meta's checkpoints of Segment Anything, and others in their format: read, recognised by their shapes, loaded.

A file holds the keys of SAM's own classes: ``image_encoder.*``, ``prompt_encoder.*`` and ``mask_decoder.*``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vision_cli.core.errors import InputError, MissingError
from vision_cli.io.pickles.state_dicts import read_saved, without_prefixes

if TYPE_CHECKING:
    from torch import Tensor

    from vision_cli.fewshot_seg.networks.building import FewShotNetwork
    from vision_cli.fewshot_seg.networks.tavp import Ablation

SamVariant = Literal["vit_b", "vit_l", "vit_h"]

_VARIANTS: Mapping[tuple[int, int], SamVariant] = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}
"""Channels and blocks of the encoder -> its name."""
_PARTS = {
    "image_encoder.": "backbone.vit.",
    "prompt_encoder.": "tavp.decoder.prompt_encoder.",
    "mask_decoder.": "tavp.decoder.mask_decoder.",
}
_PREFIXES = ("module.", "sam.", "model.")
# Constants of the class `Sam`, which some programs save too.
_CONSTANTS = {"pixel_mean", "pixel_std"}
_OTHERS = {
    "image_encoder.patch_embed.seq.": "TinyViT, as in MobileSAM",
    "image_encoder.layers.": "TinyViT, as in MobileSAM",
    "image_encoder.trunk.": "Hiera, as in SAM 2",
    "vision_encoder.": "SAM as transformers names it",
}
_EXPECTED = "SAM's vit_b, vit_l or vit_h expected"
_MOST_NAMED = 5


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by SAM's own names, without the prefixes that programs put before them.

    Parameters
    ----------
    path
        ``.safetensors``, or what torch saved, such as ``.pth``. Nothing in it is run.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is no checkpoint, holds more than tensors, or a number that is not finite.
    """
    if not path.is_file():
        raise MissingError(f"--sam-checkpoint: {path}: no such file.", hint="Give a .pth or .safetensors file of SAM.")
    state = without_prefixes(_tensors(read_saved(path, hint=_HINT), path), _PREFIXES)
    state = {key: tensor for key, tensor in state.items() if key not in _CONSTANTS}
    broken = [key for key, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if broken:
        raise InputError(f"{path}: numbers that are not finite in {_list(broken)}.", hint="Fetch the file again.")
    return state


def find_variant(state: Mapping[str, Tensor], path: Path) -> SamVariant:
    """Return which encoder a checkpoint is of, by the shapes of its tensors.

    Raises
    ------
    InputError
        If it is of none that is known; TinyViT, Hiera and other names of the keys are said.
    """
    for prefix, name in _OTHERS.items():
        if any(key.startswith(prefix) for key in state):
            raise InputError(f"{path}: {name}, found, which is not supported; {_EXPECTED}.", hint=_HINT)
    positions = state.get("image_encoder.pos_embed")
    if positions is None or positions.dim() != 4:
        raise InputError(f"{path}: no image_encoder.pos_embed of four axes; {_EXPECTED}.", hint=_HINT)
    numbers = {key.split(".")[2] for key in state if key.startswith("image_encoder.blocks.")}
    found = positions.shape[-1], len(numbers)
    variant = _VARIANTS.get(found)
    if variant is None:
        raise InputError(
            f"{path}: an encoder of {found[1]} blocks, {found[0]} channels found; {_EXPECTED}.", hint=_HINT
        )
    return variant


def load_sam_state(network: FewShotNetwork, state: Mapping[str, Tensor], path: Path) -> None:
    """Load the tensors of a checkpoint into the encoder and decoder of a network; the rest of it stays as it is.

    Raises
    ------
    InputError
        If keys are missing or left over, or a shape differs; they are named.
    """
    own = sam_state(network)
    missing, unexpected = [key for key in own if key not in state], [key for key in state if key not in own]
    problems = [f"missing: {_list(missing)}"] if missing else []
    problems += [f"unexpected: {_list(unexpected)}"] if unexpected else []
    shapes = [
        f"{key} {tuple(state[key].shape)}, {tuple(tensor.shape)} expected"
        for key, tensor in own.items()
        if key in state and state[key].shape != tensor.shape
    ]
    problems += [f"other shapes: {_list(shapes)}"] if shapes else []
    if problems:
        raise InputError(f"{path}: not the keys of this network; {'; '.join(problems)}.", hint=_HINT)
    network.load_state_dict({_own_name(key): state[key] for key in own}, strict=False)


def sam_state(network: FewShotNetwork) -> dict[str, Tensor]:
    """Return the tensors of SAM within a network by SAM's names: what Meta's files hold."""
    return {
        name + key.removeprefix(own): tensor
        for key, tensor in network.state_dict().items()
        for name, own in _PARTS.items()
        if key.startswith(own)
    }


def load_sam_checkpoint(
    path: Path, *, priors: int = 0, ablation: Ablation | None = None
) -> tuple[FewShotNetwork, SamVariant]:
    """Return the network on a checkpoint of SAM, untrained but for SAM, and which variant the checkpoint is of.

    Raises
    ------
    MissingError
        If the file is not there, or segment-anything cannot be imported.
    InputError
        If it is not a checkpoint of SAM's vit_b, vit_l or vit_h.
    """
    from vision_cli.fewshot_seg.networks.building import VARIANTS
    from vision_cli.fewshot_seg.networks.tavp import ALL_PARTS

    state = read_checkpoint(path)
    variant = find_variant(state, path)
    network = VARIANTS[variant](priors=priors, ablation=ablation or ALL_PARTS)
    load_sam_state(network, state, path)
    return network.eval(), variant


_HINT = "Give a file such as sam_vit_b_01ec64.pth."


def _tensors(content: Mapping[str, object], path: Path) -> dict[str, Tensor]:
    import torch

    tensors = {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
    others = [str(key) for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if others or not tensors:
        raise InputError(f"{path}: {_list(others) or 'nothing'} found; tensors by name expected.", hint=_HINT)
    return tensors


def _own_name(key: str) -> str:
    return next(own + key.removeprefix(name) for name, own in _PARTS.items() if key.startswith(name))


def _list(names: Sequence[str]) -> str:
    named = ", ".join(names[:_MOST_NAMED])
    return named + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
