"""Export of a trained image classifier to ONNX."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.errors import MissingError, NumericalError
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.images.files import ImageModel
from vision_cli.kan_fit.networks.classifiers import Classifier

_WITHIN = 1e-5
_IMAGES = 8


class _Probabilities(nn.Module):
    """A classifier and the softmax of its logits."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return the probability of each class, ``(B, channels, H, W)`` to ``(B, classes)``."""
        return torch.softmax(self.network(images), dim=1)


def export_classifier(model: ImageModel, path: Path) -> float:
    """Write an ONNX program for any number of images; return its greatest difference from the model.

    Its input ``images`` is ``(B, channels, H, W)`` in [0, 1], in float32, colours in the order R, G, B; its output
    ``probabilities`` is ``(B, classes)`` in the order of the classes in ``model.json``.

    Raises
    ------
    MissingError
        If the packages of the extra ``export`` are not installed.
    NumericalError
        If probabilities of the program differ from those of the model.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingError(
            f"{error.name}: not installed; required to write ONNX.", hint="Install the extra: vision-cli[export]."
        ) from error
    pixels = np.random.default_rng(0).integers(0, 256, (_IMAGES, *model.shape), dtype=np.uint8)
    images = Images(pixels, np.full(_IMAGES, -1), tuple(map(str, range(_IMAGES))))
    rows = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                _Probabilities(model.network).eval(),
                (rows[:-1],),
                dynamo=True,
                input_names=["images"],
                output_names=["probabilities"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    finally:
        logging.disable(level)
    if program is None:
        raise NumericalError("torch.onnx.export returned no program; an ONNX program expected.")
    program.save(path)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": rows.numpy()})[0]
    difference = float(np.abs(found - model.probabilities(images)).max())
    if not difference <= _WITHIN:
        raise NumericalError(f"onnxruntime differs by {difference:.3g} from the model; at most {_WITHIN:g} expected.")
    return difference
