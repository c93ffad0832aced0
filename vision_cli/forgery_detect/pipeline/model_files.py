"""Weight files of all methods, and detectors ready to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.files import sha256
from vision_cli.forgery_detect.coherence import linear
from vision_cli.forgery_detect.coherence.calibration import UNCALIBRATED, Calibration
from vision_cli.forgery_detect.coherence.features import NAMES
from vision_cli.forgery_detect.options import Method
from vision_cli.forgery_detect.values import FaceInput, FaceScore

TASK = "forgery-detect"
COHERENCE_SIDE = 112
AUTO = "auto"
_HINT = "Give weights that `vcli forgery-detect train` wrote, the name of shipped ones, or default."
_AT_ONCE = 32


@dataclass(frozen=True)
class About:
    """What a file says of its detector.

    Attributes
    ----------
    method, variant
        Which network, and its size.
    side, patch
        Of the faces and tiles that it takes, px.
    domains
        Data sets of its training that it tells apart; empty if it does not.
    calibration
        From its scores to logits.
    """

    method: Method
    variant: str = ""
    side: int = COHERENCE_SIDE
    patch: int = COHERENCE_SIDE
    domains: tuple[str, ...] = ()
    calibration: Calibration = UNCALIBRATED

    @property
    def doubt(self) -> float:
        """Half the width of the band of doubt around 0.5, as a probability."""
        return float(1 / (1 + np.exp(-self.calibration.band)) - 0.5)


class Detector(Protocol):
    """Scores faces, before calibration."""

    def raw_scores(self, inputs: Sequence[FaceInput], *, heat: bool, domain: str) -> list[FaceScore]:
        """Return the score of each face."""
        ...


@dataclass(frozen=True)
class LoadedModel:
    """A detector ready to use.

    Attributes
    ----------
    about
        What its file says.
    detector
        Scores faces.
    sha256
        Digest of the file.
    """

    about: About
    detector: Detector = field(repr=False)
    sha256: str

    def score(self, inputs: Sequence[FaceInput], *, heat: bool = False, domain: str = AUTO) -> list[FaceScore]:
        """Return calibrated scores; those of a face do not depend on the others.

        Parameters
        ----------
        inputs
            Faces, of the sides of `about`.
        heat
            Whether to say where they look forged.
        domain
            Data set that GM-DF takes them for.

        Raises
        ------
        UsageError
            If the detector knows no such domain.
        """
        if domain != AUTO and not self.about.domains:
            raise UsageError(f"--domain {domain}: {self.about.method} tells no domains apart.", hint="Leave it out.")
        found: list[FaceScore] = []
        for start in range(0, len(inputs), _AT_ONCE):
            found += self.detector.raw_scores(inputs[start : start + _AT_ONCE], heat=heat, domain=domain)
        calibration = self.about.calibration
        return [FaceScore(calibration(one.logit), one.heat, one.domain) for one in found]


@dataclass(frozen=True)
class CoherenceDetector:
    """The linear model of colour coherence; it has no heat maps."""

    model: linear.CoherenceModel

    def raw_scores(self, inputs: Sequence[FaceInput], *, heat: bool, domain: str) -> list[FaceScore]:
        """Return the score of each face."""
        rows = np.stack([one.coherence for one in inputs])
        return [FaceScore(float(score)) for score in self.model.raw_scores(rows)]


@dataclass(frozen=True)
class NetworkDetector:
    """A network of MFCLIP, GM-DF or a baseline."""

    network: Any
    about: About
    device: str

    def raw_scores(self, inputs: Sequence[FaceInput], *, heat: bool, domain: str) -> list[FaceScore]:
        """Return the score of each face."""
        import torch

        image, patch, coherence = (
            torch.from_numpy(np.stack([getattr(one, name) for one in inputs])).to(self.device)
            for name in ("image", "patch", "coherence")
        )
        names = [""] * len(inputs)
        with torch.inference_mode():
            if self.about.method == "gmdf":
                weights = self.network.domain_weights(image, domain)
                out = self.network(image, coherence, weights)
                known = ("wildcard", *self.about.domains)
                names = [known[int(place)] for place in weights.argmax(dim=1)]
            else:
                out = self.network(image, patch, coherence)
        logits = out.logit.double().cpu().numpy()
        maps = out.heat.float().cpu().numpy() if heat and out.heat is not None else [None] * len(inputs)
        return [FaceScore(float(logit), one, name) for logit, one, name in zip(logits, maps, names, strict=True)]


def build_network(about: About) -> Any:
    """Return the network of a file with random weights, in evaluation mode."""
    if about.method == "gmdf":
        from vision_cli.forgery_detect.networks.gmdf.building import build_gmdf

        return build_gmdf(about.variant, domains=about.domains, features=len(NAMES)).eval()  # type: ignore[arg-type]
    from vision_cli.forgery_detect.networks.mfclip.building import build_baseline, build_mfclip

    if about.method == "mfclip":
        return build_mfclip(about.variant, features=len(NAMES)).eval()  # type: ignore[arg-type]
    return build_baseline(about.method, about.variant, features=len(NAMES)).eval()  # type: ignore[arg-type]


def write_network(path: Path, about: About, state: Mapping[str, Any]) -> None:
    """Write a network as float16.

    Parameters
    ----------
    path
        The file; written at once, so give a temporary one.
    about
        What it is.
    state
        Its tensors.
    """
    document = {**asdict(about), "features": list(NAMES)}
    write_described(path, TASK, document, halved(dict(state)))


def read_model(path: Path, device: str = "cpu") -> LoadedModel:
    """Read a detector of any method.

    Raises
    ------
    InputError
        If the file is none, is damaged, or of other features than those of this version.
    """
    try:
        document = read_description(path, TASK)
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: no weights of {TASK}: {error}.", hint=_HINT) from error
    if document.get("method") == linear.METHOD:
        model = linear.read_model(path)
        return LoadedModel(About("coherence", calibration=model.calibration), CoherenceDetector(model), sha256(path))
    about = _about(path, document)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: damaged: {error}.", hint=_HINT) from error
    network = build_network(about)
    load_tensors(network, tensors, path, hint=_HINT)
    return LoadedModel(about, NetworkDetector(network.to(device).eval(), about, device), sha256(path))


def _about(path: Path, document: Mapping[str, Any]) -> About:
    if document.get("method") not in get_args(Method):
        raise InputError(f"{path}: weights of the method {document.get('method')!r}.", hint=_HINT)
    if document.get("features") != list(NAMES):
        raise InputError(f"{path}: weights of other features than those of this version.", hint=_HINT)
    try:
        calibration = Calibration(**{name: float(value) for name, value in document["calibration"].items()})
        about = About(
            document["method"],
            str(document["variant"]),
            int(document["side"]),
            int(document["patch"]),
            tuple(map(str, document["domains"])),
            calibration,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: an incomplete description: {error}.", hint=_HINT) from error
    if not (32 <= about.side <= 1024 and 32 <= about.patch <= 1024 and len(about.domains) <= 1000):
        raise InputError(f"{path}: a side of {about.side} and a tile of {about.patch} px.", hint=_HINT)
    return about
