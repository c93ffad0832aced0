"""The vision transformer of GM-DF: an encoder of pictures that may be frozen, and experts beside its perceptrons.

Names and layout of the parameters are those of CLIP's published vision transformers, so that their weights load as
they are (`VisionEncoder.load_clip`). Experts are parameters of their own (`expert_blocks` of a `VisionEncoder`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.networks.gmdf.experts import Experts
from vision_cli.forgery_detect.networks.transformers import Transformer

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Mean and deviation of the colours in CLIP's training data."""

_CLIP_PREFIX = "visual."


@dataclass(frozen=True)
class Encoded:
    """What the encoder makes of B pictures.

    Attributes
    ----------
    tokens
        ``(B, 1 + T, W)``: class token first, then the seen patches row by row; normalised.
    levels
        The same tokens after the blocks that were asked for, before the last normalisation.
    """

    tokens: Tensor
    levels: tuple[Tensor, ...]


class VisionEncoder(nn.Module):
    """A vision transformer with experts.

    Parameters
    ----------
    side, patch
        Side of the pictures and of a patch, in pixels.
    width, depth, heads
        Of the transformer.
    expert_dim
        Width of the hidden layer of an expert.
    experts
        Number of experts of a block; 0 for none.
    condition
        Length of the embedding of a domain.
    is_clip
        Whether the activations are those of CLIP's published weights.
    """

    def __init__(
        self,
        *,
        side: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        expert_dim: int,
        experts: int = 3,
        condition: int = 64,
        is_clip: bool = False,
    ) -> None:
        super().__init__()
        if side % patch or width % heads:
            raise ValueError(f"side {side}, patch {patch}, width {width}, heads {heads}: no whole parts.")
        self.side, self.patch, self.width, self.grid = side, patch, width, side // patch
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(self.grid**2 + 1, width) * width**-0.5)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, depth, heads, is_clip=is_clip)
        self.experts = nn.ModuleList(
            Experts(width, expert_dim, experts, condition) for _ in range(depth if experts else 0)
        )
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(
        self,
        image: Tensor,
        condition: Tensor | None = None,
        *,
        seen: Tensor | None = None,
        levels: tuple[int, ...] = (),
    ) -> Encoded:
        """Encode pictures.

        Parameters
        ----------
        image
            ``(B, 3, S, S)`` in 0 to 1.
        condition
            ``(B, C)`` embeddings of the domains; None for the encoder without its experts.
        seen
            ``(B, K)`` places of the patches that are seen; None for all.
        levels
            Blocks, counted from 1, whose tokens are returned too.
        """
        tokens = self.conv1((image - self.mean) / self.std).flatten(2).transpose(1, 2)
        tokens = tokens + self.positional_embedding[1:]
        if seen is not None:
            tokens = tokens.gather(1, seen[..., None].expand(-1, -1, self.width))
        first = self.class_embedding + self.positional_embedding[0]
        tokens = self.ln_pre(torch.cat([first.expand(len(tokens), 1, -1), tokens], dim=1))
        kept = []
        for number, block in enumerate(self.transformer.resblocks, 1):
            experts = self.experts[number - 1] if len(self.experts) else None
            tokens = block(tokens, experts=experts, condition=condition)
            if number in levels:
                kept.append(tokens)
        return Encoded(self.ln_post(tokens), tuple(kept))

    def patches(self, image: Tensor) -> Tensor:
        """Return the pixels of each patch, ``(B, T, P P 3)``, row by row."""
        size = self.patch
        cut = image.unfold(2, size, size).unfold(3, size, size)
        return cut.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)

    def common_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that all domains share: all but the experts'."""
        return [parameter for name, parameter in self.named_parameters() if not name.startswith("experts.")]

    def load_clip(self, state: Mapping[str, Tensor]) -> None:
        """Take over the vision tower of a CLIP state dict with OpenAI's names (``visual.conv1.weight``, ...).

        Raises
        ------
        InputError
            If a tensor is missing or has another shape: the weights are those of another architecture.
        """
        wanted = {name: value for name, value in self.state_dict().items() if not name.startswith("experts.")}
        load_named(self, {name: _CLIP_PREFIX + name for name in wanted}, state)


@torch.no_grad()
def load_named(module: nn.Module, names: Mapping[str, str], state: Mapping[str, Tensor]) -> None:
    """Copy tensors of a state dict into a module; nothing is copied unless all fit.

    Parameters
    ----------
    module
        Where the tensors go.
    names
        Names of the module's tensors, and their names in `state`.
    state
        The tensors.

    Raises
    ------
    InputError
        If a tensor is missing or has another shape.
    """
    own = module.state_dict(keep_vars=True)
    for name, key in names.items():
        if key not in state:
            raise InputError(f"CLIP weights: no tensor {key}.", hint="Give the weights of a CLIP ViT-B/16.")
        if state[key].shape != own[name].shape:
            raise InputError(
                f"CLIP weights: {key} is {tuple(state[key].shape)}; {tuple(own[name].shape)} expected.",
                hint="Give the weights of a CLIP ViT-B/16.",
            )
    for name, key in names.items():
        own[name].copy_(state[key])
