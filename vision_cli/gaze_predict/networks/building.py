"""Builders of GEM's variants, each with its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from vision_cli.gaze_predict.networks.decoder import ContextDecoder
from vision_cli.gaze_predict.networks.encoders.clip_image import ClipResNet
from vision_cli.gaze_predict.networks.encoders.clip_text import ClipTextEncoder
from vision_cli.gaze_predict.networks.encoders.embedded_image import EmbeddedImageEncoder
from vision_cli.gaze_predict.networks.encoders.embedded_text import EmbeddedTextEncoder
from vision_cli.gaze_predict.networks.gem import ALL_PARTS, Ablation, GemNetwork
from vision_cli.gaze_predict.networks.heads import FlatHead, QueryHead
from vision_cli.gaze_predict.networks.matching import BehaviourBranch
from vision_cli.gaze_predict.networks.neck import Neck
from vision_cli.gaze_predict.networks.projector import Projector

Head = Literal["query", "fc"]
"""Point queries, or the paper's fully connected head."""

PRETRAINED_RATES: Mapping[str, float] = {"image_encoder.": 0.1, "text_encoder.": 0.1}
"""Factors on the learning rate of pretrained encoders, by the beginnings of their parameters' names."""

BEHAVIOUR = "behaviour."
"""What the names of the parameters begin with that only training uses."""


def build_embedded(rows: int, *, head: Head = "query", ablation: Ablation = ALL_PARTS) -> GemNetwork:
    """Return the small network for films of 224² px, with a vocabulary of so many rows."""
    return assemble(
        EmbeddedImageEncoder(),
        EmbeddedTextEncoder(rows, 128),
        width=128,
        heads=4,
        hidden=384,
        pooling=2,
        kernel_width=64,
        graph=((16, 16, 32, 64), 64),
        matching_width=128,
        head=head,
        ablation=ablation,
    )


def build_clip_rn50(
    image_encoder: ClipResNet | None = None,
    text_encoder: nn.Module | None = None,
    *,
    pooling: int = 1,
    head: Head = "query",
    ablation: Ablation = ALL_PARTS,
) -> GemNetwork:
    """Return the network of the paper on CLIP's RN50 and its text transformer, or on other encoders.

    Parameters
    ----------
    image_encoder, text_encoder
        With loaded weights; None for random ones of the published sizes.
    pooling
        Of the decoder; 1 in the paper, 2 for less than half of the time of a training step on CPUs.
    head, ablation
        See `assemble`.
    """
    return assemble(
        image_encoder or ClipResNet(),
        text_encoder or ClipTextEncoder(),
        pooling=pooling,
        head=head,
        ablation=ablation,
    )


def build_smallest(rows: int = 64, *, head: Head = "query", ablation: Ablation = ALL_PARTS) -> GemNetwork:
    """Return the network at the smallest shapes, for films of 64² px, for tests and dry runs."""
    return assemble(
        EmbeddedImageEncoder((4, 8, 8, 12, 16)),
        EmbeddedTextEncoder(rows, 16, length=12, depth=1, heads=2),
        width=16,
        depth=1,
        heads=2,
        hidden=32,
        kernel_width=8,
        graph=((8, 8), 8),
        matching_width=16,
        flat=(16, (16, 8)),
        head=head,
        ablation=ablation,
    )


def assemble(
    image_encoder: nn.Module,
    text_encoder: nn.Module,
    *,
    width: int = 512,
    depth: int = 3,
    heads: int = 8,
    hidden: int = 2048,
    pooling: int = 1,
    kernel_width: int = 256,
    graph: tuple[tuple[int, ...], int] = ((64, 64, 128, 256), 512),
    matching_width: int = 1024,
    flat: tuple[int, tuple[int, int]] = (224, (512, 256)),
    head: Head = "query",
    ablation: Ablation = ALL_PARTS,
) -> GemNetwork:
    """Return GEM on two encoders; the defaults are the paper's.

    Parameters
    ----------
    image_encoder
        An `ImageEncoder`.
    text_encoder
        A `TextEncoder`.
    width, depth, heads, hidden, pooling
        Of the decoder.
    kernel_width
        Channels that the kernel of the projector reads.
    graph
        Widths of the edge convolutions, and of the embedding.
    matching_width
        Channels of the matching.
    flat
        Side and hidden units of the fully connected head.
    head
        Which head finds the points.
    ablation
        What is left out.
    """
    channels: tuple[int, int, int] = image_encoder.channels  # type: ignore[assignment]
    word_width, sentence_width = int(text_encoder.word_width), int(text_encoder.sentence_width)  # type: ignore[arg-type]
    has_context = ablation.context
    points = FlatHead(*flat) if head == "fc" else QueryHead(width, word_width, heads=heads, hidden=hidden)
    decoder = ContextDecoder(width, word_width, depth=depth, heads=heads, hidden=hidden, pooling=pooling)
    behaviour = None
    if ablation.graph or ablation.matching:
        behaviour = BehaviourBranch(
            kernel_width, *graph, matching_width, graph=ablation.graph, matching=ablation.matching
        )
    return GemNetwork(
        image_encoder,
        text_encoder,
        Neck(channels, sentence_width, width, has_context=has_context),
        decoder if has_context else None,
        Projector(width, sentence_width, kernel_width, has_context=has_context),
        points,
        behaviour,
    )


def for_inference(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a network without those that only training uses."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(BEHAVIOUR)}
