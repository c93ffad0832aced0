"""Adapters as files of IP-Adapter, which stock diffusers loads by ``load_ip_adapter``.

Of that format there are two that an encoder of action units fits: "full", a multilayer perceptron to a token, and the
first one, a linear layer to four. The shape of the layers is fixed in diffusers, so `PerAuEncoder` fits none.
"""

from __future__ import annotations

from torch import Tensor

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.networks.conditioning.adapter import AuAdapter
from vision_cli.synth_faces.networks.conditioning.attention import AuProjection
from vision_cli.synth_faces.networks.conditioning.encoders import LinearEncoder, PaperEncoder
from vision_cli.synth_faces.values import MOST_INTENSE

IpAdapter = dict[str, dict[str, Tensor]]
"""Tensors of ``image_proj`` and of ``ip_adapter``."""


def export_ip_adapter(adapter: AuAdapter) -> IpAdapter:
    """Return the tensors of an adapter in the format of IP-Adapter.

    The embeddings that ``ip_adapter_image_embeds`` then takes are vectors of action units from 0 to 5, ``(2, 1, A)``,
    the first, of zeros, for classifier-free guidance.

    Parameters
    ----------
    adapter
        One of the ``paper`` or ``linear4`` encoder.

    Raises
    ------
    UsageError
        If its encoder has no counterpart in the format.
    """
    encoder = adapter.encoder
    if not isinstance(encoder, PaperEncoder | LinearEncoder):
        raise UsageError(
            "an adapter with a token per action unit; one of encoder paper or linear4 expected, as the format of "
            "IP-Adapter has one or four tokens and no weights of attention.",
            hint="Train with --au-encoder paper or linear4 to use the adapter outside vcli.",
        )
    projection = {name: tensor.detach().clone() for name, tensor in encoder.state_dict().items()}
    # Ours takes shares of the greatest intensity; the file takes intensities.
    first = "proj.0.weight" if isinstance(encoder, PaperEncoder) else "proj.weight"
    projection[first] /= MOST_INTENSE
    layers: dict[str, Tensor] = {}
    for place, layer in enumerate(adapter.layers):
        assert isinstance(layer, AuProjection)
        # Numbers of all attention layers, of which every second one is cross-attention.
        number = 2 * place + 1
        layers[f"{number}.to_k_ip.weight"] = layer.to_k.weight.detach().clone()
        layers[f"{number}.to_v_ip.weight"] = layer.to_v.weight.detach().clone()
    return {"image_proj": projection, "ip_adapter": layers}
