"""Stage 1 of SynFER (section 3.1) on a model of others: low-rank updates of its UNet, on latents with captions."""

from __future__ import annotations

from torch import Tensor, nn


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
