"""A method with its weights, for use from Python."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.fewshot_seg.pipeline.methods import make_method
from vision_cli.fewshot_seg.pipeline.weight_files import SHIPPED, read_method
from vision_cli.fewshot_seg.values import Segmenter


def open_segmenter(
    method: str = "tap", weights: str = "default", *, device: str = "cpu", sam_checkpoint: Path | None = None
) -> Segmenter:
    """Return a method that is ready to learn classes: ``.learn(supports).segment(picture)``.

    Parameters
    ----------
    method
        One of `vision_cli.fewshot_seg.pipeline.methods.METHODS`.
    weights
        ``default``, a file that ``train`` wrote, or an id of a model hub.
    device
        Where the network is computed.
    sam_checkpoint
        Weights of SAM whose encoder the weights were trained on.

    Raises
    ------
    MissingError
        If there are no such weights.
    InputError
        If a file is damaged.
    """
    path = resolve_weights(weights, "fewshot-seg", SHIPPED).path
    return make_method(method, read_method(path, device=device, sam=sam_checkpoint))
