"""Weight files of annotators, and annotators ready to use with the model whose features they have learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.synth_faces.networks.annotation import Annotator, AnnotatorShape, build_annotator
from vision_cli.synth_faces.pipeline.annotation import Seer, annotate, make_seer
from vision_cli.synth_faces.values import EXPRESSIONS

_TASK, _WHAT = "synth-faces", "annotator"
_HINT = "Give an annotator that `vcli synth-faces train-anno` wrote for this model."
_MOST_CHANNELS, _MOST_SIDE, _MOST_BLOCKS = 4096, 64, 16


@dataclass(frozen=True)
class AnnotatorAbout:
    """What a file says of its annotator.

    Attributes
    ----------
    shape
        Its sizes.
    blocks
        Words of ``--feat-blocks``, see `vision_cli.synth_faces.pipeline.annotation.blocks_of`.
    model
        SHA-256 of the weights of the model whose features it has learned.
    """

    shape: AnnotatorShape
    blocks: str
    model: str


@dataclass(frozen=True)
class LoadedAnnotator:
    """An annotator and what it sees faces by.

    Attributes
    ----------
    network, seer
        The network in evaluation mode, and the model set up to look at faces.
    about
        What its file says.
    sha256
        Digest of the file.
    """

    network: Annotator = field(repr=False)
    seer: Seer = field(repr=False)
    about: AnnotatorAbout
    sha256: str

    def __call__(self, latents: Tensor) -> NDArray[np.float64]:
        """Return the probability of each class of faces, ``(N, K)``, from latents ``(N, 4, s, s)``."""
        return annotate(self.network, self.seer, latents)


def write_annotator(path: Path, about: AnnotatorAbout, tensors: Mapping[str, Tensor]) -> None:
    """Write the tensors of an annotator as float16; the file is written at once, so give a temporary one."""
    write_described(path, _TASK, {"what": _WHAT, **asdict(about)}, halved(tensors))


def read_annotator_about(path: Path) -> AnnotatorAbout:
    """Return what a file says of its annotator.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        document = read_description(path, _TASK)
        if document["what"] != _WHAT:
            raise ValueError(f"weights of {str(document['what'])[:60]}")
        sizes = document["shape"]
        shape = AnnotatorShape(
            tuple(str(name) for name in sizes["classes"]),
            tuple(int(count) for count in sizes["features"]),
            *(int(sizes[name]) for name in ("scales", "width", "side", "heads")),
        )
        if not shape.classes or not set(shape.classes) <= set(EXPRESSIONS):
            raise ValueError(f"classes {', '.join(shape.classes)[:60]}")
        counts = (*shape.features, shape.scales, shape.width, shape.heads)
        is_usual = (
            0 < len(shape.features) <= _MOST_BLOCKS
            and all(0 < count <= _MOST_CHANNELS for count in counts)
            and 0 < shape.side <= _MOST_SIDE
            and shape.width % shape.heads == 0
        )
        if not is_usual:
            raise ValueError("sizes out of range")
        return AnnotatorAbout(shape, str(document["blocks"]), str(document["model"]))
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no annotator of synth-faces ({error}).", hint=_HINT) from error


def read_annotator(path: Path, unet: Any, text_encoder: Any, tokenizer: Any, scheduler: Any) -> LoadedAnnotator:
    """Return the annotator of a file with the model that it sees faces by.

    Parameters
    ----------
    path
        The file.
    unet, text_encoder, tokenizer, scheduler
        The parts of the model.

    Raises
    ------
    InputError
        If the file is damaged, or the annotator is for a model of another shape.
    """
    from safetensors.torch import load_file

    about = read_annotator_about(path)
    shape = about.shape
    seer = make_seer(
        unet, text_encoder, tokenizer, scheduler, classes=shape.classes, blocks=about.blocks, side=shape.side
    )
    channels, scales = sizes_of(seer, int(unet.config.sample_size), int(unet.config.in_channels))
    if (channels, scales) != (shape.features, shape.scales):
        raise InputError(
            f"{path}: an annotator of feature maps with {_words(shape.features)} channels and {shape.scales} scales of "
            f"attention; {_words(channels)} and {scales} expected, as the model has.",
            hint=_HINT,
        )
    network = build_annotator(shape)
    load_tensors(network, load_file(path), path, hint=_HINT)
    network.requires_grad_(False).eval().to(seer.text.device)
    return LoadedAnnotator(network, seer, about, sha256(path))


def sizes_of(seer: Seer, latent_side: int, latent_channels: int = 4) -> tuple[tuple[int, ...], int]:
    """Return the channels of the feature maps that a model yields, and the scales of its attention maps."""
    seen = seer.see(seer.text.new_zeros(1, latent_channels, latent_side, latent_side))
    return tuple(one.shape[1] for one in seen.features), seen.attention.shape[1] // len(seer.words)


def _words(sizes: tuple[int, ...]) -> str:
    return "/".join(str(size) for size in sizes)
