"""Weight files of all detectors: their tensors, and one JSON text that says how the network is built.

Files hold the detectors; what only training uses has modules of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_cli.core.compute.described_weights import load_tensors, read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.forgery_detect.options.training import Method
from vision_cli.forgery_detect.pipeline.about import CLIP, About

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from vision_cli.forgery_detect.pipeline.scoring import LoadedModel, Scorer

_TASK = "forgery-detect"
_HINT = "Give weights that `vcli forgery-detect train` wrote, or default."
_VARIANTS: Mapping[Method, tuple[str, ...]] = {
    "mfclip": ("paper", "vcli", "nano"),
    "gmdf": ("nano", "base"),
    "erm": ("paper", "vcli", "nano"),
    "linear": ("", CLIP),
    "coherence": ("",),
}
_SIDES = range(16, 1025)
_MOST_FEATURES, _MOST_DOMAINS, _MOST_LETTERS = 4096, 256, 200
_TOWER = ("side", "patch", "width", "depth", "heads", "hidden", "outputs")
_SMALL, _MOST_EXPERTS, _WIDEST_EXPERT = frozenset({"", "nano"}), 4, 256
_MOST_TOWER, _MOST_BLOCKS = 65536, 128


def write_model(path: Path, about: About, tensors: Mapping[str, Tensor]) -> None:
    """Write a detector.

    Parameters
    ----------
    path
        The file; written at once, so give a temporary one.
    about
        How it is built.
    tensors
        Of its network. Matrices and kernels become float16; vectors, such as
        running statistics, stay as they are, because variances may be below the smallest number of float16.
    """
    packed = {name: one.half() if one.is_floating_point() and one.dim() > 1 else one for name, one in tensors.items()}
    write_described(path, _TASK, asdict(about), packed)


def read_about(path: Path) -> About:
    """Return how the detector of a file is built.

    Raises
    ------
    InputError
        If it is no weight file of forgery-detect.
    """
    try:
        document = read_description(path, _TASK)
        method = document["method"]
        if method == "coherence":
            return _about_coherence(path)
        about = About(
            method=method,
            variant=str(document["variant"]),
            side=_whole(document["side"], _SIDES),
            patch=_whole(document["patch"], _SIDES),
            features=_whole(document["features"], range(_MOST_FEATURES + 1)),
            domains=_names(document["domains"]),
            threshold=_number(document["threshold"]),
            temperature=_number(document["temperature"]),
            doubt=_number(document["doubt"]),
            has_noise=bool(document["has_noise"]),
            experts=_whole(document["experts"], range(65)),
            expert_dim=_whole(document["expert_dim"], range(65537)),
            tower=_tower(document["tower"]),
            activation=str(document["activation"]),
        )
        if about.variant not in _VARIANTS.get(about.method, ()):
            raise ValueError(f"a detector {about.method!s:.40} {about.variant:.40}")
        if about.temperature <= 0 or about.doubt < 0:
            raise ValueError(f"temperature {about.temperature}, doubt {about.doubt}")
        if (about.variant == CLIP) != (about.tower is not None) or about.activation not in {"quick_gelu", "gelu"}:
            raise ValueError("an encoder that is not described")
        if about.method == "gmdf" and not about.domains:
            raise ValueError("no domains")
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no weights of forgery-detect ({error}).", hint=_HINT) from error
    return about


def build_network(about: About) -> nn.Module:
    """Return the network that a description is of, with random weights; not of ``coherence``, which has none."""
    from vision_cli.forgery_detect.networks.baselines import build_linear
    from vision_cli.forgery_detect.networks.clip.probe import ClipProbe
    from vision_cli.forgery_detect.networks.clip.towers import ClipVision, VisionSizes
    from vision_cli.forgery_detect.networks.mfclip.building import build_mfclip

    variant: Any = about.variant
    match about.method:
        case "mfclip" | "erm":
            return build_mfclip(variant, features=about.features, has_noise=about.has_noise)
        case "linear" if about.tower is not None:
            activation: Any = about.activation
            return ClipProbe(ClipVision(VisionSizes(**about.tower, activation=activation)), features=about.features)
        case "linear":
            return build_linear(features=about.features)
        case "gmdf":
            return _build_gmdf(about)
    raise ValueError(f"{about.method} has no network")


def read_model(path: Path, device: str = "cpu") -> LoadedModel:
    """Return the detector of a file.

    Parameters
    ----------
    path
        The file.
    device
        Where it is computed.

    Raises
    ------
    InputError
        If the file is damaged, or of another network than it says.
    """
    import torch
    from safetensors.torch import load_file

    from vision_cli.forgery_detect.pipeline.scoring import LoadedModel

    about = read_about(path)
    if about.method == "coherence":
        return LoadedModel(about, _coherence_scorer(path), sha256(path))
    tensors = load_file(path)
    is_small = about.variant in _SMALL and about.experts <= _MOST_EXPERTS and about.expert_dim <= _WIDEST_EXPERT
    try:
        # A description of a few bytes must not take memory that the tensors of the file do not fill. Networks without
        # memory cost two seconds of imports, so that small ones are built at once.
        with nullcontext() if is_small else torch.device("meta"):
            network = build_network(about)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: a network that cannot be built ({error}).", hint=_HINT) from error
    wanted = {name: one.shape for name, one in network.state_dict().items()}
    wrong = [name for name, shape in wanted.items() if name not in tensors or tensors[name].shape != shape]
    if wrong:
        raise InputError(f"{path}: not the weights of its network: {wrong[0]}.", hint=_HINT)
    if not is_small:
        network = build_network(about)
    load_tensors(network, tensors, path, hint=_HINT)
    place = torch.device(device)
    network = network.eval().requires_grad_(False).to(place)
    return LoadedModel(about, scorer_of(about, network, place), sha256(path))


def scorer_of(about: About, network: nn.Module, device: torch.device) -> Scorer:
    """Return the scores of a network, which is in evaluation mode and on its device."""
    from vision_cli.forgery_detect.pipeline.scoring import DetectorScorer, GmDfScorer

    return (GmDfScorer if about.method == "gmdf" else DetectorScorer)(network, device)


def _build_gmdf(about: About) -> nn.Module:
    from vision_cli.forgery_detect.networks.gmdf.building import build_gmdf

    variant: Any = about.variant
    network: nn.Module = build_gmdf(
        variant,
        domains=about.domains,
        features=about.features,
        expert_dim=about.expert_dim or None,
        experts=about.experts,
    )
    return network


def _coherence_scorer(path: Path) -> Scorer:
    from vision_cli.forgery_detect.coherence import linear
    from vision_cli.forgery_detect.pipeline.scoring import CoherenceScorer

    return CoherenceScorer(linear.read_model(path))


def _about_coherence(path: Path) -> About:
    from vision_cli.forgery_detect.coherence import linear
    from vision_cli.forgery_detect.coherence.features import NAMES

    # Its logits are calibrated already.
    band = float(linear.read_model(path).calibration.band)
    return About("coherence", "", _COHERENCE_SIDE, _COHERENCE_SIDE, len(NAMES), doubt=band)


_COHERENCE_SIDE = 16
"""It sees neither the resized face nor the tile; they are made as small as can be."""


def _whole(value: object, bounds: range) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in bounds:
        raise ValueError(f"{value!s:.40} found; a whole number of {bounds.start} to {bounds.stop - 1} expected")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!s:.40} found; a finite number expected")
    return float(value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > _MOST_DOMAINS:
        raise ValueError("domains that are no list of names")
    if not all(isinstance(name, str) and len(name) <= _MOST_LETTERS for name in value):
        raise ValueError("domains that are no names")
    return tuple(value)


def _tower(value: object) -> dict[str, int] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != set(_TOWER):
        raise ValueError("an encoder that is not described")
    bounds = {"depth": range(1, _MOST_BLOCKS + 1)}
    return {name: _whole(value[name], bounds.get(name, range(1, _MOST_TOWER))) for name in _TOWER}
