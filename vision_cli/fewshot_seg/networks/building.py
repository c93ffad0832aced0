"""Builders: one a published or shipped variant, with its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.backbones import Backbone, ConvBackbone, VitBackbone
from vision_cli.fewshot_seg.networks.layers import to_size
from vision_cli.fewshot_seg.networks.sam_modules import sam_modules
from vision_cli.fewshot_seg.networks.shallow import ConvStem
from vision_cli.fewshot_seg.networks.tavp import ALL_PARTS, Ablation, Encoded, Prediction, SupportSet, Tavp


class FewShotNetwork(nn.Module):
    """An encoder and what TAVP makes of its features.

    Parameters
    ----------
    backbone
        The encoder.
    tavp
        All else.
    """

    def __init__(self, backbone: Backbone, tavp: Tavp) -> None:
        super().__init__()
        self.backbone, self.tavp = backbone, tavp

    def encode(self, images: Tensor) -> Encoded:
        """Return what the network reads of normalised pictures ``(N, 3, H, W)``."""
        return self.tavp.describe(self.backbone(images), images)

    def supports(self, images: Tensor, masks: Tensor, known: Tensor | None = None) -> SupportSet:
        """Return the supports of B episodes.

        Parameters
        ----------
        images
            Normalised, ``(B, K, 3, H, W)``.
        masks
            ``(B, K, H, W)``, 1 where the class is.
        known
            ``(B, K, H, W)``, 0 where nothing is known, as on padding; None for all.
        """
        encoded = self.encode(images.flatten(0, 1)).as_supports(len(images))
        return SupportSet(encoded, *shares(masks, known, encoded.embedding.shape[-2:]))

    def forward(self, images: Tensor, masks: Tensor, query: Tensor, known: Tensor | None = None) -> Prediction:
        """Return the class in normalised queries ``(B, 3, H, W)``; for the others see `supports`."""
        prediction: Prediction = self.tavp(self.supports(images, masks, known), self.encode(query))
        return prediction


def shares(masks: Tensor, known: Tensor | None, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the shares of class and of known background ``(B, K, h, w)`` in the pixels of the features."""
    seen = masks.new_ones(masks.shape) if known is None else known
    height, width = size
    return to_size(masks * seen, (height, width)), to_size((1 - masks) * seen, (height, width))


def build_vit_b(*, priors: int = 0, ablation: Ablation = ALL_PARTS) -> FewShotNetwork:
    """Return the network on SAM's ViT-B at 1024², levels from blocks 2, 5, 8 and 11."""
    return _on_sam(768, 12, 12, (2, 5, 8, 11), priors, ablation)


def build_vit_l(*, priors: int = 0, ablation: Ablation = ALL_PARTS) -> FewShotNetwork:
    """Return the network on SAM's ViT-L at 1024², levels from its blocks of global attention."""
    return _on_sam(1024, 24, 16, (5, 11, 17, 23), priors, ablation)


def build_vit_h(*, priors: int = 0, ablation: Ablation = ALL_PARTS) -> FewShotNetwork:
    """Return the network on SAM's ViT-H at 1024², levels from its blocks of global attention."""
    return _on_sam(1280, 32, 16, (7, 15, 23, 31), priors, ablation)


def build_tiny(*, priors: int = 0, ablation: Ablation = ALL_PARTS) -> FewShotNetwork:
    """Return the small network: a vision transformer of 8 blocks at 256², patches of 8 px by convolutions."""
    return _small(
        256, dim=192, depth=8, heads=6, window=8, blocks=(2, 5, 7), taps=(1, 3, 5, 7), channels=128, mlp=512,
        priors=priors, ablation=ablation,
    )  # fmt: skip


def build_conv(*, priors: int = 0, ablation: Ablation = ALL_PARTS) -> FewShotNetwork:
    """Return the small network with convolutions in the place of the vision transformer, at 256²."""
    return _assemble(ConvBackbone(128), 512, 128, priors, ablation, dense_width=64, level_width=64)


def build_smallest(
    *, priors: int = 0, ablation: Ablation = ALL_PARTS, has_transformer: bool = True
) -> FewShotNetwork:  # fmt: skip
    """Return the network at the smallest shapes, 64², for tests and dry runs."""
    if not has_transformer:
        backbone = ConvBackbone(32, (8, 16, 16), 64)
        return _assemble(backbone, 32, 32, priors, ablation, dense_width=8, level_width=8, heads=4)
    return _small(
        64, dim=24, depth=2, heads=2, window=4, blocks=(1,), taps=(0, 1), channels=32, mlp=32,
        priors=priors, ablation=ablation, level_width=8, dense_width=8, stem=8, attention_heads=4,
    )  # fmt: skip


VARIANTS: Mapping[str, Callable[..., FewShotNetwork]] = MappingProxyType(
    {
        "tiny": build_tiny,
        "conv": build_conv,
        "vit_b": build_vit_b,
        "vit_l": build_vit_l,
        "vit_h": build_vit_h,
    }
)
"""The variants by name."""


def _on_sam(dim: int, depth: int, heads: int, blocks: Sequence[int], priors: int, ablation: Ablation) -> FewShotNetwork:
    """Return the network on an encoder of SAM as published; its levels are the blocks of global attention."""
    vit = _vit(1024, 16, dim, depth, heads, 4.0, 14, blocks, 256)
    return _assemble(VitBackbone(vit, blocks, 256), 2048, 256, priors, ablation)


def _small(
    side: int,
    *,
    dim: int,
    depth: int,
    heads: int,
    window: int,
    blocks: Sequence[int],
    taps: Sequence[int],
    channels: int,
    mlp: int,
    priors: int,
    ablation: Ablation,
    level_width: int = 64,
    dense_width: int = 64,
    stem: int = 32,
    attention_heads: int = 8,
) -> FewShotNetwork:
    vit = _vit(side, 8, dim, depth, heads, 3.0, window, blocks, channels)
    vit.patch_embed = ConvStem(dim, stem)
    # SAM starts from a table of zeros and trains for long; a small spread tells places apart from the first step.
    nn.init.trunc_normal_(vit.pos_embed, std=0.02)  # type: ignore[arg-type]
    backbone = VitBackbone(vit, taps, channels)
    return _assemble(
        backbone, mlp, channels, priors, ablation,
        level_width=level_width, dense_width=dense_width, heads=attention_heads,
    )  # fmt: skip


def _vit(
    side: int,
    patch: int,
    dim: int,
    depth: int,
    heads: int,
    mlp_ratio: float,
    window: int,
    blocks: Sequence[int],
    channels: int,
) -> nn.Module:
    vit: nn.Module = sam_modules().ImageEncoderViT(
        depth=depth,
        embed_dim=dim,
        img_size=side,
        mlp_ratio=mlp_ratio,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        num_heads=heads,
        patch_size=patch,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=tuple(blocks),
        window_size=window,
        out_chans=channels,
    )
    return vit


def _assemble(
    backbone: Backbone,
    mlp: int,
    iou_width: int,
    priors: int,
    ablation: Ablation,
    *,
    level_width: int = 64,
    dense_width: int = 64,
    heads: int = 8,
) -> FewShotNetwork:
    """Return a backbone with SAM's prompt encoder and decoder for it."""
    sam = sam_modules()
    channels, side = backbone.channels, backbone.image_size
    grid = side // backbone.stride
    prompts = sam.PromptEncoder(
        embed_dim=channels, image_embedding_size=(grid, grid), input_image_size=(side, side), mask_in_chans=16
    )
    transformer = sam.TwoWayTransformer(depth=2, embedding_dim=channels, mlp_dim=mlp, num_heads=heads)
    decoder = sam.MaskDecoder(
        num_multimask_outputs=3,
        transformer=transformer,
        transformer_dim=channels,
        iou_head_depth=3,
        iou_head_hidden_dim=iou_width,
    )
    tavp = Tavp(
        backbone,
        prompts,
        decoder,
        level_width=level_width,
        dense_width=dense_width,
        heads=heads,
        priors=priors,
        ablation=ablation,
    )
    return FewShotNetwork(backbone, tavp)
