"""Detectors that are ready for faces, each with scores of its own, read alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.networks.gmdf.prompts import WILDCARD
from vision_cli.forgery_detect.networks.mfclip.detector import MfClipOutput
from vision_cli.forgery_detect.values import FaceInput, FaceScore, Floats

if TYPE_CHECKING:
    from vision_cli.forgery_detect.pipeline.about import About

AUTO = "auto"
_BATCH = 16


class FaceBatch(NamedTuple):
    """Faces as tensors: ``(B, 3, S, S)`` and ``(B, 3, P, P)`` in 0 to 1, and features ``(B, F)``."""

    images: Tensor
    patches: Tensor
    coherence: Tensor


class Scores(NamedTuple):
    """Raw scores of a batch.

    Attributes
    ----------
    values
        ``(B,)``, before calibration.
    heat
        ``(B, R, C)`` in 0 to 1; None if it was not asked for, or the detector has none.
    domains
        B names, empty of detectors that know no domains.
    """

    values: Floats
    heat: NDArray[np.float32] | None
    domains: Sequence[str]


class Scorer(Protocol):
    """A detector of one method."""

    def score(self, batch: FaceBatch, *, heat: bool, domain: str) -> Scores:
        """Return the raw scores of faces, which are on the CPU."""
        ...


@dataclass(frozen=True)
class LoadedModel:
    """A detector of a file.

    Attributes
    ----------
    about
        How it is built, and how its scores are read.
    scorer
        The detector.
    digest
        Of its file; empty if it is of none.
    """

    about: About
    scorer: Scorer
    digest: str = ""

    def score(
        self, inputs: Sequence[FaceInput], *, heat: bool = False, domain: str = AUTO, batch_size: int = _BATCH
    ) -> list[FaceScore]:
        """Return what it says of faces; of each the same, whichever others are given.

        Parameters
        ----------
        inputs
            Faces as `vision_cli.forgery_detect.pipeline.inputs.face_input` makes them, with the side and patch of
            `about`.
        heat
            Whether heat maps are made.
        domain
            ``auto``, ``wildcard`` or the name of a domain; of GM-DF only.
        batch_size
            Faces at once.

        Raises
        ------
        InputError
            If the inputs are of another size, or have other features.
        UsageError
            If there is no such domain.
        """
        self.require_domain(domain)
        for one in inputs:
            self._check(one)
        found: list[FaceScore] = []
        for start in range(0, len(inputs), batch_size):
            some = inputs[start : start + batch_size]
            scores = self.scorer.score(as_batch(some, self.about.features), heat=heat, domain=domain)
            logits = (np.asarray(scores.values) - self.about.threshold) / self.about.temperature
            for place, logit in enumerate(logits):
                map_ = None if scores.heat is None else scores.heat[place]
                found.append(FaceScore(float(logit), map_, scores.domains[place]))
        return found

    def require_domain(self, domain: str) -> None:
        """Refuse a domain that the detector does not know.

        Raises
        ------
        UsageError
            If there is no such domain.
        """
        known = (WILDCARD, *self.about.domains)
        if domain != AUTO and not self.about.domains:
            raise UsageError(f"--domain {domain}: {self.about.method} tells no domains apart.", hint="Leave it out.")
        if domain not in {AUTO, *known}:
            raise UsageError(
                f"--domain {domain}: the weights know no such domain.", hint=f"Use {AUTO} or {', '.join(known)}."
            )

    def _check(self, one: FaceInput) -> None:
        about = self.about
        wanted = (3, about.side, about.side), (3, about.patch, about.patch)
        if (one.image.shape, one.patch.shape) != wanted:
            raise InputError(
                f"a face of {one.image.shape} with a tile of {one.patch.shape}; {wanted[0]} and {wanted[1]} expected."
            )
        if about.features and one.coherence.shape != (about.features,):
            raise InputError(
                f"weights for {about.features} features of the colour coherence; this version has "
                f"{len(one.coherence)}.",
                hint="Train again, or use weights of this version.",
            )


def as_batch(inputs: Sequence[FaceInput], features: int) -> FaceBatch:
    """Return faces as a batch; without features of the colour coherence if none are taken."""
    coherence = np.stack([one.coherence for one in inputs]) if features else np.zeros((len(inputs), 0), np.float32)
    return FaceBatch(
        torch.from_numpy(np.stack([one.image for one in inputs])),
        torch.from_numpy(np.stack([one.patch for one in inputs])),
        torch.from_numpy(coherence),
    )


class DetectorScorer:
    """MFCLIP, ERM or a linear model.

    Parameters
    ----------
    network
        In evaluation mode, on its device.
    device
        Where it is computed.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.device = network, device

    def score(self, batch: FaceBatch, *, heat: bool, domain: str) -> Scores:
        """Return the raw scores of faces; there are no domains."""
        image, patch, coherence = (part.to(self.device) for part in batch)
        with torch.no_grad():
            output: MfClipOutput = self.network(image, patch, coherence)
        values = output.logit.double().cpu().numpy()
        # A map of one cell is the score again.
        has_map = heat and output.heat.shape[1:] != (1, 1)
        found = np.asarray(output.heat.cpu().numpy(), np.float32) if has_map else None
        return Scores(values, found, [""] * len(values))


class GmDfScorer:
    """GM-DF.

    Parameters
    ----------
    network
        In evaluation mode, on its device.
    device
        Where it is computed.
    """

    def __init__(self, network: Any, device: torch.device) -> None:
        self.network, self.device = network, device
        with torch.no_grad():
            # The same for all faces.
            self._prompts = network.prompts()

    def score(self, batch: FaceBatch, *, heat: bool, domain: str) -> Scores:
        """Return the raw scores of faces, and the domain that each was mostly taken for.

        Raises
        ------
        UsageError
            If there is no such domain.
        """
        images, coherence = batch.images.to(self.device), batch.coherence.to(self.device)
        with torch.no_grad():
            weights = self.network.domain_weights(images, domain)
            output = self.network(images, coherence, weights, self._prompts)
        names = ("wildcard", *self.network.domains)
        domains = [names[int(place)] for place in weights.argmax(dim=1)]
        values = output.logit.double().cpu().numpy()
        return Scores(values, np.asarray(output.heat.cpu().numpy(), np.float32) if heat else None, domains)


class CoherenceScorer:
    """The linear model of the colour coherence, which has no heat map.

    Parameters
    ----------
    model
        ``score`` returns calibrated logits ``(B,)`` of features ``(B, F)``.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def score(self, batch: FaceBatch, *, heat: bool, domain: str) -> Scores:
        """Return the logits of faces."""
        values = np.asarray(self.model.score(batch.coherence.numpy()), np.float64)
        return Scores(values, None, [""] * len(values))
