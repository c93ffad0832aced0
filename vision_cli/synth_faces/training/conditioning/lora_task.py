"""Stage 1 of SynFER (section 3.1) on a model of others: low-rank updates of its UNet, on latents with captions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vision_cli.synth_faces.training.conditioning.frozen_task import FrozenModelTask, UnitLatents


class Updated(nn.Module):
    """A UNet with updates, of which the updates alone are trained, and alone are in the checkpoints.

    Parameters
    ----------
    added
        In the UNet, see `vision_cli.synth_faces.networks.diffusion.lora.add_lora`.
    unet
        On the device.
    """

    def __init__(self, added: nn.ModuleDict, unet: nn.Module) -> None:
        super().__init__()
        self.added = added
        # Not registered, so that the UNet's weights are not those of this module.
        self._unet = (unet,)

    def forward(self, noisy: Tensor, times: Tensor, text: Tensor, intensities: Tensor | None = None) -> Tensor:
        """Return the prediction of the UNet, ``(B, 4, s, s)``; intensities have no say."""
        predicted: Tensor = self._unet[0](noisy, times, text).sample
        return predicted


class LoraTask(FrozenModelTask):
    """Updates and the latents that they learn from; parameters as those of `Updated` and `FrozenModelTask`."""

    def __init__(
        self,
        added: nn.ModuleDict,
        unet: nn.Module,
        scheduler: Any,
        empty: Tensor,
        training: UnitLatents,
        validation: UnitLatents,
        device: torch.device,
        *,
        seed: int,
    ) -> None:
        super().__init__(Updated(added, unet), scheduler, empty, training, validation, device, seed=seed)
