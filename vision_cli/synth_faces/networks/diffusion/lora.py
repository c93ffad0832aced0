"""Low-rank updates of the attention of a frozen UNet: what a model learns of new faces without changing much.

E. Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022, section 4.1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
"""Linear layers of an attention of diffusers that are updated."""


class LoraLinear(nn.Module):
    """A frozen linear layer and its update ``up @ down``, which begins as 0.

    Parameters
    ----------
    base
        The layer.
    rank
        Of the update.
    generator
        Of the first weights of ``down``.
    """

    def __init__(self, base: nn.Linear, rank: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Not registered, so that its weights are in no checkpoint.
        self._base = (base.requires_grad_(False),)
        down = torch.randn(rank, base.in_features, generator=generator) / math.sqrt(base.in_features)
        self.down = nn.Parameter(down.to(base.weight.device))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))

    @property
    def base(self) -> nn.Linear:
        """The frozen layer."""
        return self._base[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the layer and its update make of inputs ``(..., in)``: ``(..., out)``."""
        changed: Tensor = self.base(inputs) + functional.linear(functional.linear(inputs, self.down), self.up)
        return changed

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Return the frozen layer with the update added to its weights."""
        self.base.weight += (self.up @ self.down).to(self.base.weight.dtype)
        return self.base


def add_lora(unet: nn.Module, rank: int, generator: torch.Generator | None = None) -> nn.ModuleDict:
    """Put updates into all attention layers of a UNet.

    Parameters
    ----------
    unet
        A ``UNet2DConditionModel`` of diffusers.
    rank
        Of the updates.
    generator
        Of their first weights.

    Returns
    -------
    torch.nn.ModuleDict
        The updates, by the names of their layers with ``/`` for the dots.
    """
    names = [name for name, module in unet.named_modules() if _is_projection(name, module)]
    added = nn.ModuleDict()
    for name in names:
        layer = unet.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        added[name.replace(".", "/")] = LoraLinear(layer, rank, generator)
        _put(unet, name, added[name.replace(".", "/")])
    return added


def merge_lora(unet: nn.Module, added: nn.ModuleDict) -> None:
    """Add the updates to the weights of the UNet, which then is what it was in shape."""
    for key, layer in added.items():
        assert isinstance(layer, LoraLinear)
        _put(unet, key.replace("/", "."), layer.merged())


def _is_projection(name: str, module: nn.Module) -> bool:
    is_named = any(name.endswith(f".{attention}.{one}") for attention in ("attn1", "attn2") for one in _PROJECTIONS)
    return is_named and isinstance(module, nn.Linear)


def _put(unet: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    # A number is the name of a part of a list, too.
    unet.get_submodule(parent).add_module(own, module)
