"""Networks: the head that both losses train, and the Point-MAE encoder in the key layout of its published weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.core.errors import MissingError, VcliError
from vision_cli.io.packing import require_archive_room

ENCODER_WIDTH = 384
TOKEN_BLOCKS = (3, 7, 11)
_GROUPS_AT_ONCE = 512


class GroupHead(nn.Module):
    """Move the vector of a group to where IUN spreads and IAN gathers: both look at directions, on the unit sphere.

    The layers only add to the vector, and groups are compared without bringing it to length 1. What lies on the sphere
    says which part a group is of and no longer how far it is off: alignment has pulled that out.

    Parameters
    ----------
    inputs
        Width of a group's vector; 1152 for Point-MAE.
    hidden
        Width of the hidden layer.
    """

    def __init__(self, inputs: int, hidden: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, inputs))

    def moved(self, groups: Tensor) -> Tensor:
        """Map ``(N, inputs)`` to what groups are compared by, ``(N, inputs)``; over √inputs, so of length 1 or so."""
        vectors: Tensor = groups + self.layers(groups)
        return vectors / math.sqrt(groups.shape[-1])

    def forward(self, groups: Tensor) -> Tensor:
        """Map ``(N, inputs)`` to unit vectors ``(N, inputs)``, for the losses."""
        return F.normalize(self.moved(groups), dim=-1)


class PatchEncoder(nn.Module):
    """The mini-PointNet of Point-MAE: the points of a group to one token (Pang et al. 2022, section 3.1)."""

    def __init__(self, outputs: int = ENCODER_WIDTH) -> None:
        super().__init__()
        self.encoder_channel = outputs
        self.first_conv = nn.Sequential(
            nn.Conv1d(3, 128, 1), nn.BatchNorm1d(128), nn.ReLU(inplace=True), nn.Conv1d(128, 256, 1)
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Conv1d(512, outputs, 1)
        )

    def forward(self, groups: Tensor) -> Tensor:
        """Map groups ``(B, G, M, 3)``, centred, to tokens ``(B, G, outputs)``."""
        batch, count, size, _ = groups.shape
        points = groups.reshape(batch * count, size, 3).transpose(1, 2)
        features = self.first_conv(points)
        whole = features.max(dim=2, keepdim=True).values.expand(-1, -1, size)
        features = self.second_conv(torch.cat([whole, features], dim=1))
        tokens: Tensor = features.max(dim=2).values.reshape(batch, count, self.encoder_channel)
        return tokens


class Attention(nn.Module):
    """Self-attention over groups."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(B, G, C)`` to ``(B, G, C)``; memory stays linear in G where torch has a fused kernel."""
        batch, count, width = tokens.shape
        q, k, v = (
            self.qkv(tokens).reshape(batch, count, 3, self.num_heads, width // self.num_heads).permute(2, 0, 3, 1, 4)
        )
        mixed = F.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return projected


class Mlp(nn.Module):
    """The two layers of a block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(B, G, C)`` to ``(B, G, C)``."""
        changed: Tensor = self.fc2(self.act(self.fc1(tokens)))
        return changed


class Block(nn.Module):
    """A transformer block, normalised first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(B, G, C)`` to ``(B, G, C)``."""
        mixed: Tensor = tokens + self.attn(self.norm1(tokens))
        changed: Tensor = mixed + self.mlp(self.norm2(mixed))
        return changed


class TransformerEncoder(nn.Module):
    """The blocks, which take the positions anew before each."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])

    def forward(self, tokens: Tensor, positions: Tensor) -> list[Tensor]:
        """Return what each block gives, ``(B, G, C)`` each."""
        outputs = []
        for block in self.blocks:
            tokens = block(tokens + positions)
            outputs.append(tokens)
        return outputs


class PointMAE(nn.Module):
    """The encoder of Point-MAE (Pang et al. 2022), with tokens as Reg3D-AD takes them.

    Parameters
    ----------
    width, depth, heads
        Of the transformer; the published weights have the defaults.
    taps
        Blocks whose outputs are concatenated.
    """

    def __init__(
        self, width: int = ENCODER_WIDTH, depth: int = 12, heads: int = 6, taps: tuple[int, ...] = TOKEN_BLOCKS
    ) -> None:
        super().__init__()
        self.taps = taps
        self.encoder = PatchEncoder(width)
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, width))
        self.blocks = TransformerEncoder(width, depth, heads)
        self.norm = nn.LayerNorm(width)

    def forward(self, groups: Tensor, centres: Tensor) -> Tensor:
        """Map groups ``(B, G, M, 3)``, centred, and centres ``(B, G, 3)`` to tokens ``(B, G, taps · width)``."""
        # Not all at once: 16384 groups of 128 points would take gigabytes in between.
        patches = torch.cat([self.encoder(part) for part in groups.split(_GROUPS_AT_ONCE, dim=1)], dim=1)
        outputs = self.blocks(patches, self.pos_embed(centres))
        return torch.cat([self.norm(outputs[tap]) for tap in self.taps], dim=-1)


def load_point_mae(path: Path) -> PointMAE:
    """Read published weights of Point-MAE: ``base_model`` with ``module.`` and ``MAE_encoder.`` in front of the names.

    Raises
    ------
    MissingError
        If the file cannot be read, or tensors are missing or of another shape; the message names them.
    """
    try:
        # Never anything but tensors: a checkpoint is somebody else's file.
        require_archive_room(path)
        document = torch.load(path, map_location="cpu", weights_only=True)
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        raise MissingError(
            f"{path}: cannot be read as a checkpoint ({type(error).__name__}).",
            hint="Give Point-MAE's pretrain.pth, as its authors publish it.",
        ) from error
    found = document.get("base_model", document) if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping):
        raise MissingError(f"{path}: {type(document).__name__} found; a checkpoint with base_model expected.")
    tensors = {str(name).removeprefix("module."): value for name, value in found.items()}
    tensors = {name.removeprefix("MAE_encoder."): value for name, value in tensors.items()}
    network = PointMAE()
    wanted = network.state_dict()
    missing = sorted(name for name in wanted if name not in tensors and not name.endswith("num_batches_tracked"))
    other = sorted(
        name for name, value in wanted.items() if name in tensors and tuple(tensors[name].shape) != tuple(value.shape)
    )
    if missing or other:
        named = [*(f"{name} (missing)" for name in missing), *(f"{name} (another shape)" for name in other)]
        raise MissingError(
            f"{path}: {len(missing)} tensors missing and {len(other)} of another shape; those of Point-MAE expected: "
            f"{', '.join(named[:6])}{', ...' if len(named) > 6 else ''}.",
            hint="Give Point-MAE's pretrain.pth, as its authors publish it.",
        )
    network.load_state_dict({name: tensors.get(name, value) for name, value in wanted.items()})
    return network.eval()
