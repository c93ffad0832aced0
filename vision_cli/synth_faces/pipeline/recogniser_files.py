"""Weight files of recognisers, and recognisers ready to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.synth_faces.networks.recognisers import (
    ActionUnitNet,
    ExpressionNet,
    build_au_guide,
    build_au_judge,
    build_guide,
    build_judge,
)
from vision_cli.synth_faces.options.training import Target
from vision_cli.synth_faces.values import BILATERAL_AUS, EXPRESSIONS

Floats = NDArray[np.float64]
Role = Literal["guide", "judge"]
Recogniser: TypeAlias = ExpressionNet | ActionUnitNet

SHIPPED: Mapping[tuple[Target, Role], str] = {
    ("expression", "judge"): "fer-judge",
    ("expression", "guide"): "fer-guide",
    ("aus", "judge"): "au-judge",
    ("aus", "guide"): "au-guide",
}
"""Names of shipped weights."""

_TASK = "synth-faces"
_HINT = "Give weights that `vcli synth-faces train-fer` wrote, or default."
_BATCH = 64


@dataclass(frozen=True)
class About:
    """What a file says of its recogniser.

    Attributes
    ----------
    what
        ``expression`` or ``aus``.
    role
        Its architecture: that of guides or that of judges.
    names
        Its outputs: expressions, or action units.
    side
        Of the faces that it takes, px.
    """

    what: Target
    role: Role
    names: tuple[str, ...]
    side: int


@dataclass(frozen=True)
class LoadedRecogniser:
    """A recogniser ready to use.

    Attributes
    ----------
    network, about
        The network in evaluation mode, and what its file says.
    sha256
        Digest of the file.
    device
        Where it is computed.
    """

    network: Recogniser = field(repr=False)
    about: About
    sha256: str
    device: torch.device = field(default=torch.device("cpu"), repr=False)

    def recognise(self, faces: Sequence[NDArray[np.uint8]]) -> tuple[Floats, Floats]:
        """Return what it says of cut faces, and the features before its last layer.

        Parameters
        ----------
        faces
            N squares of the side of `about`.

        Returns
        -------
        tuple
            Probabilities of the expressions, or intensities from 0 to 5, ``(N, K)``; features, ``(N, F)``.
        """
        outputs, features = [], []
        with torch.inference_mode():
            for start in range(0, len(faces), _BATCH):
                batch = as_batch(np.stack(faces[start : start + _BATCH])).to(self.device)
                found = self.network.features(batch)
                raw = self.network.head(found)
                done = raw.softmax(dim=1) if self.about.what == "expression" else raw.clamp(0, 5)
                outputs.append(done.double().cpu().numpy())
                features.append(found.double().cpu().numpy())
        return np.concatenate(outputs), np.concatenate(features)


def as_batch(faces: NDArray[np.uint8]) -> Tensor:
    """Return grey faces ``(N, S, S)`` as a batch ``(N, 1, S, S)`` in 0 to 1."""
    return torch.from_numpy(faces).float().div(255).unsqueeze(1)


def build_recogniser(about: About, generator: torch.Generator | None = None) -> Recogniser:
    """Return the network that a file is of, with weights of the generator."""
    match about.what, about.role:
        case "expression", "judge":
            return build_judge(about.names, generator=generator)
        case "expression", _:
            return build_guide(about.names, generator=generator)
        case _, "judge":
            return build_au_judge(about.names, generator=generator)
    return build_au_guide(about.names, generator=generator)


def write_recogniser(path: Path, about: About, tensors: Mapping[str, Tensor]) -> None:
    """Write the tensors of a recogniser as float16."""
    write_described(path, _TASK, asdict(about), halved(tensors))


def read_about(path: Path) -> About:
    """Return what a file says of its recogniser.

    Raises
    ------
    InputError
        If it is no weight file of synth-faces.
    """
    try:
        document = read_description(path, _TASK)
        what, role = document["what"], document["role"]
        names = tuple(str(name) for name in document["names"])
        side = int(document["side"])
        if (what, role) not in SHIPPED:
            raise ValueError(f"a {role} of {what}")
        known = EXPRESSIONS if what == "expression" else BILATERAL_AUS
        if not names or not set(names) <= set(known) or not 32 <= side <= 1024:
            raise ValueError(f"outputs {', '.join(names)[:60]}, {side} px")
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no weights of synth-faces ({error}).", hint=_HINT) from error
    return About(what, role, names, side)


def read_recogniser(path: Path, *, what: Target | None = None, device: str = "cpu") -> LoadedRecogniser:
    """Return the recogniser of a file.

    Parameters
    ----------
    path
        The file.
    what
        What it has to name; None for either.
    device
        Where it is computed.

    Raises
    ------
    InputError
        If the file is damaged, or of another network than it says, or names something else.
    """
    from safetensors.torch import load_file

    about = read_about(path)
    if what is not None and about.what != what:
        raise InputError(f"{path}: a recogniser of {about.what}; one of {what} expected.", hint=_HINT)
    network = build_recogniser(about)
    load_tensors(network, load_file(path), path, hint=_HINT)
    network.requires_grad_(False)
    place = torch.device(device)
    return LoadedRecogniser(network.eval().to(place), about, sha256(path), place)
