"""A recogniser and its faces, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.synth_faces.evaluation.au_agreement import au_agreement
from vision_cli.synth_faces.options.training import Target
from vision_cli.synth_faces.pipeline.face_tables import FaceTable
from vision_cli.synth_faces.pipeline.recogniser_files import About, LoadedRecogniser, Recogniser, as_batch
from vision_cli.synth_faces.training.augmentation import vary

_SMOOTHING = 0.05
_AUGMENTATION = 3
MONITORED: Mapping[Target, str] = {"expression": "accuracy", "aus": "pearson"}
"""Validation measure that the weights are chosen by."""


class RecogniserTask:
    """A recogniser of expressions or of action units, and the faces that it learns from.

    Parameters
    ----------
    network, about
        What is trained.
    training, validation
        Cut faces.
    device
        Where it is computed.
    seed
        Of the order and of the augmentation.
    """

    network: nn.Module

    def __init__(
        self,
        network: Recogniser,
        about: About,
        training: FaceTable,
        validation: FaceTable,
        device: torch.device,
        *,
        seed: int,
    ) -> None:
        self.network = network
        self.about, self.device, self.seed = about, device, seed
        self.training, self.validation = training, validation
        self._targets = targets_of(training, about)
        self._order = -1, np.zeros(0, dtype=np.int64)

    def load(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return varied faces of these uses, ``(B, 1, S, S)``, and their targets, ``(B, K)``."""
        places = [self._place(number) for number in numbers]
        generators = [np.random.default_rng((self.seed, _AUGMENTATION, number)) for number in numbers]
        faces = vary(as_batch(self.training.cuts[places]), generators)
        return faces, torch.from_numpy(self._targets[places]).float()

    def training_step(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Return the loss: cross-entropy with a little smoothing, or the squared error of the known action units."""
        found, wanted = network(batch[0].to(self.device)), batch[1].to(self.device)
        if self.about.what == "expression":
            return {"loss": nn.functional.cross_entropy(found, wanted, label_smoothing=_SMOOTHING)}
        known = torch.isfinite(wanted)
        error = torch.where(known, found - wanted.nan_to_num(), torch.zeros_like(found))
        return {"loss": error.square().sum() / known.sum().clamp(min=1)}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return how well the validation faces are recognised; of others than recognisers nothing."""
        return validation_measures(network, self.about, self.validation, self.device)

    def _place(self, number: int) -> int:
        """Return the row of a use: pass after pass over all faces, each in an order of its own."""
        which, place = divmod(number, len(self.training.faces))
        if self._order[0] != which:
            rng = np.random.default_rng((self.seed, which))
            self._order = which, rng.permutation(len(self.training.faces))
        return int(self._order[1][place])


def targets_of(table: FaceTable, about: About) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return what a recogniser should say of each face, ``(N, K)``."""
    return table.chances(about.names) if about.what == "expression" else table.intensities(about.names)


def validation_measures(network: nn.Module, about: About, table: FaceTable, device: torch.device) -> dict[str, float]:
    """Return accuracy and balanced accuracy, or mean Pearson correlation, ICC and error over action units."""
    loaded = LoadedRecogniser(network, about, "", device)  # type: ignore[arg-type]
    found, _ = loaded.recognise(list(table.cuts))
    if about.what == "expression":
        labels = table.labels(about.names)
        known = labels >= 0
        right = found[known].argmax(axis=1) == labels[known]
        recalls = [right[labels[known] == place].mean() for place in np.unique(labels[known])]
        return {"accuracy": float(right.mean()), "balanced_accuracy": float(np.mean(recalls))}
    agreement = au_agreement(table.intensities(about.names), found, about.names)
    means = {name: agreement.mean(name) for name in ("pearson", "icc", "mae")}
    # A measure that no action unit has says nothing for or against the weights.
    return {name: value if np.isfinite(value) else 0.0 for name, value in means.items()}
