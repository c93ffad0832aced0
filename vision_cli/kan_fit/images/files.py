"""Trained image classifiers on disk: architecture in ``model.json``, parameters in ``model.safetensors``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs.files import json_text
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.images.training import predict_logits
from vision_cli.kan_fit.networks.classifiers import Classifier, ClassifierPlan
from vision_cli.kan_fit.tables.files import DESCRIPTION, NUMBERS, known_space

KIND = "kan-fit classifier"
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class ImageModel:
    """A classifier with the names of its classes.

    Attributes
    ----------
    network
        In float32, on the CPU.
    classes
        Names of the classes.
    """

    network: Classifier
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images."""
        channels, height, width = self.network.plan.image
        return height, width, channels

    def probabilities(self, images: Images, device: torch.device = _CPU) -> NDArray[np.float64]:
        """Return the probability of each class, ``(N, classes)``.

        Raises
        ------
        NumericalError
            If a probability is not finite.
        """
        found = torch.softmax(predict_logits(self.network.to(device), images, device).double(), dim=1).numpy()
        if not np.isfinite(found).all():
            raise NumericalError("a probability is not finite; finite values expected.", hint="Train it again.")
        return np.asarray(found)


def write_image_model(run: Run, model: ImageModel) -> None:
    """Write ``model.json`` and ``model.safetensors`` into a run."""
    document = {"kind": KIND, "plan": asdict(model.network.plan), "classes": model.classes}
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.network.state_dict().items()}
    with run.output(NUMBERS) as path:
        path.write_bytes(save(tensors))
    run.write_text(DESCRIPTION, json_text(document))


def is_image_model(path: Path) -> bool:
    """Return whether a model is an image classifier, by its ``model.json``."""
    description = path / DESCRIPTION if path.is_dir() else path
    try:
        document = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and document.get("kind") == KIND


def read_image_model(path: Path) -> ImageModel:
    """Read a classifier from the directory of a run or from its ``model.json``.

    Raises
    ------
    InputError
        If there is no classifier, or it is damaged.
    """
    description = path / DESCRIPTION if path.is_dir() else path
    try:
        document: Any = json.loads(description.read_text(encoding="utf-8"))
        numbers = description.with_name(NUMBERS).read_bytes()
        plan = document["plan"]
        network = Classifier(
            ClassifierPlan(
                plan["arch"],
                tuple(int(n) for n in plan["image"]),  # type: ignore[arg-type]
                int(plan["classes"]),
                tuple(int(n) for n in plan["hidden"]),
                tuple(tuple(tuple(known_space(m) for m in modes) for modes in layer) for layer in plan["modes"]),
                int(plan["grid"]),
                plan["level"],
            )
        )
        network.load_state_dict(load(numbers))
        classes = tuple(str(name) for name in document["classes"])
        if len(classes) != network.plan.classes:
            raise ValueError(f"{len(classes)} names for {network.plan.classes} classes")
    except OSError as error:
        raise InputError(f"{path}: no readable model found ({error}).", hint="Give the directory of a run.") from error
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, SafetensorError) as error:
        raise InputError(f"{description}: damaged ({error!r}).", hint="Train it again.") from error
    network.eval()
    return ImageModel(network, classes)
