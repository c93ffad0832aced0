"""S-ConvKAN: a convolution whose input channels select their activation space (arXiv:2408.08338).

A KAN convolution applies a function to each entry of each patch. As the basis does not depend on the position in the
patch, this equals one ordinary convolution of the expanded image, ``conv2d(B(pad(x)))``: the basis is evaluated once a
pixel instead of once a patch entry.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.utils import _pair

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.networks.expansion import Expansion, LayerPlan

Norm = Literal["batch", "none"]

_START_SHARE = 0.05
_REACH = 2.5
"""Standard deviations of a normalised channel that are scaled onto 1."""


class SKANConv2d(Expansion):
    """Drop-in for :class:`torch.nn.Conv2d` with learned functions in place of products.

    ``weight`` ``(F, out_channels / groups, kH, kW)`` holds the coefficients of the columns of
    :class:`vision_cli.kan_fit.networks.expansion.Expansion`.

    Parameters
    ----------
    plan
        Spaces of each input channel, output channels, grid, level of the gates.
    kernel_size, stride, padding, dilation, groups, bias
        As of :class:`torch.nn.Conv2d`; the normalised image is padded with zeros before the basis expansion.
    norm
        ``batch`` normalises channels over the batch, without parameters, 2.5 standard deviations to 1; ``none`` assumes
        inputs in [-1, 1].
    generator
        Of the initial weights; without one they are zero.

    Raises
    ------
    UsageError
        If the channels are not multiples of the groups.
    """

    order: Tensor
    group: Tensor

    def __init__(
        self,
        plan: LayerPlan,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        *,
        bias: bool = True,
        norm: Norm = "batch",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(plan)
        if plan.inputs % groups or plan.outputs % groups:
            raise UsageError(f"{plan.inputs} to {plan.outputs} channels in {groups} groups found; multiples expected.")
        self.kernel_size: tuple[int, int] = _pair(kernel_size)
        self.stride: tuple[int, int] = _pair(stride)
        self.padding: tuple[int, int] = _pair(padding)
        self.dilation: tuple[int, int] = _pair(dilation)
        self.groups = groups
        self.norm = nn.BatchNorm2d(plan.inputs, affine=False) if norm == "batch" else None
        weight = torch.zeros(len(self.node), plan.outputs // groups, *self.kernel_size)
        if generator is not None:
            taps = plan.inputs // groups * self.kernel_size[0] * self.kernel_size[1]
            weight = torch.randn(weight.shape, generator=generator) * (2 / taps) ** 0.5
            weight[plan.inputs :] *= _START_SHARE
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(plan.outputs)) if bias else None
        group = self.node // (plan.inputs // groups)
        self.register_buffer("group", group, persistent=False)
        self.register_buffer("order", _by_group(group, groups), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved image, ``(B, in_channels, H, W)`` to ``(B, out_channels, H', W')``."""
        expanded = self.functions(self._nodes(x))
        weight = self.effective_weight()
        if self.groups > 1:
            # Groups may differ in their numbers of columns: the shorter ones are padded with columns of zeros.
            expanded = functional.pad(expanded, (0, 1))[..., self.order.flatten()]
            weight = functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, 1))[self.order].transpose(1, 2).flatten(0, 1)
        else:
            weight = weight.transpose(0, 1)
        image = expanded.permute(0, 3, 1, 2)
        return functional.conv2d(image, weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def effective_weight(self) -> Tensor:
        """Return the weights multiplied by the gates, ``(F, out_channels / groups, kH, kW)``."""
        return self.weight if self.logits is None else self.weight * self._own_gates()[..., None, None]

    def contributions(self, x: Tensor) -> Tensor:
        """Return the variance that each mode of a channel contributes over all outputs, ``(in_channels, modes)``."""
        columns = self.functions(self._nodes(x)).flatten(0, 2)
        return self.mode_variances(columns, self.effective_weight().flatten(1))

    def _nodes(self, x: Tensor) -> Tensor:
        """Return the normalised and padded image, channels last."""
        u = x.contiguous(memory_format=torch.channels_last)
        if self.norm is not None:
            u = self.norm(u) / _REACH
        if any(self.padding):
            rows, columns = self.padding
            u = functional.pad(u, (columns, columns, rows, rows))
        return u.permute(0, 2, 3, 1)

    def _own_gates(self) -> Tensor:
        """Return the gates of each column towards the outputs of its group, ``(F, out_channels / groups)``."""
        gates = self.column_gates().unflatten(1, (self.groups, -1))
        own: Tensor = gates[torch.arange(len(self.group), device=self.group.device), self.group]
        return own


def _by_group(group: Tensor, groups: int) -> Tensor:
    """Return the columns of each group, ``(groups, most)``; shorter groups are padded with the number of columns."""
    members = [torch.nonzero(group == number).flatten() for number in range(groups)]
    most = max(len(found) for found in members)
    return torch.stack([functional.pad(found, (0, most - len(found)), value=len(group)) for found in members])
