"""Stage 2 of SynFER (section 3.2): the adapter of action units, on latents with captions, the model itself frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vision_cli.synth_faces.networks.conditioning.adapter import AuAdapter
from vision_cli.synth_faces.training.conditioning.frozen_task import MONITORED, FrozenModelTask, UnitLatents

ADAPTER = "adapter."
"""Beginning of the names of the adapter's tensors in the weight files of a training."""


class Conditioned(nn.Module):
    """A UNet with an adapter of which the adapter alone is trained, and alone is in the checkpoints.

    Parameters
    ----------
    adapter
        Installed in the UNet.
    unet
        Frozen, on the device.
    """

    def __init__(self, adapter: AuAdapter, unet: nn.Module) -> None:
        super().__init__()
        self.adapter = adapter
        # Not registered, so that the UNet's weights are not those of this module.
        self._unet = (unet.requires_grad_(False).eval(),)

    def forward(self, noisy: Tensor, times: Tensor, text: Tensor, intensities: Tensor | None) -> Tensor:
        """Return the prediction of the UNet, ``(B, 4, s, s)``, under text alone or with action units."""
        context: Any = text if intensities is None else self.adapter.context(text, intensities)
        predicted: Tensor = self._unet[0](noisy, times, context).sample
        return predicted


class AdapterTask(FrozenModelTask):
    """The adapter and the latents that it learns from.

    Parameters
    ----------
    adapter
        Installed in the UNet.
    unet
        On the device.
    scheduler, empty, training, validation, device, seed
        See `FrozenModelTask`.
    """

    def __init__(
        self,
        adapter: AuAdapter,
        unet: nn.Module,
        scheduler: Any,
        empty: Tensor,
        training: UnitLatents,
        validation: UnitLatents,
        device: torch.device,
        *,
        seed: int,
    ) -> None:
        network = Conditioned(adapter.to(device), unet)
        super().__init__(network, scheduler, empty, training, validation, device, seed=seed)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the loss of faces that are not trained on, and what action units save of it.

        ``saved`` is the share of the error under text alone that is gone under text and action units.
        """
        loss = float(self.validation_errors(network).mean())
        base = float(self.validation_errors(network, text_alone=True).mean())
        return {"loss": loss, MONITORED: -loss, "saved": 1 - loss / base}
