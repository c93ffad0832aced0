"""Batch normalisation with the statistics of the whole batch, whatever the number of processes.

`torch.nn.SyncBatchNorm` works on GPUs only; this layer works on all devices.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation over all processes of a training; torch's own in evaluation mode.

    Parameters
    ----------
    own
        The layer that it replaces; parameters and statistics stay the same tensors under the same names.
    """

    def __init__(self, own: _BatchNorm) -> None:
        super().__init__(own.num_features, own.eps, own.momentum, own.affine, own.track_running_stats)
        self._parameters, self._buffers = own._parameters, own._buffers
        self.train(own.training)

    def forward(self, values: Tensor) -> Tensor:
        """Return ``(B, C, ...)`` normalised by the means and variances of the channels over all processes."""
        if not self.training:
            plain: Tensor = super().forward(values)
            return plain
        axes = [0, *range(2, values.dim())]
        shape = [1, -1, *([1] * (values.dim() - 2))]
        whole = values.float()
        count = torch.tensor(values.numel() / values.shape[1], device=values.device)
        total: Tensor = _Sum.apply(torch.cat([whole.sum(axes), count[None]]))
        mean = total[:-1] / total[-1]
        variance: Tensor = _Sum.apply((whole - mean.view(shape)).square().sum(axes)) / total[-1]
        self._follow(mean.detach(), variance.detach(), total[-1].detach())
        normal = (whole - mean.view(shape)) * (variance.view(shape) + self.eps).rsqrt()
        if self.weight is not None:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(values.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Update the running statistics with those of the batch, the variance unbiased."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * count / (count - 1), share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any number of axes, as the replaced layer did."""


def share_batch_statistics(network: nn.Module) -> nn.Module:
    """Replace every batch normalisation of a network by a `SharedBatchNorm`; return the network."""
    if isinstance(network, _BatchNorm):
        return SharedBatchNorm(network)
    for name, part in network.named_children():
        setattr(network, name, share_batch_statistics(part))
    return network


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is summed too, as every process has its own loss."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        summed = values.clone()
        distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        summed = gradients[0].contiguous().clone()
        distributed.all_reduce(summed)
        return summed
