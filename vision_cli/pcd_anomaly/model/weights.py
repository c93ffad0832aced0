"""Weights of Point-MAE: the published file, and the record of it in a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from vision_cli.core.errors import MissingError, VcliError
from vision_cli.core.runs.files import sha256
from vision_cli.io.packing import require_archive_room
from vision_cli.pcd_anomaly.networks import PointMAE, build_point_mae


def load_point_mae(path: Path) -> PointMAE:
    """Return the encoder with the published weights of Point-MAE.

    The file holds ``base_model``, whose names begin with ``module.`` and ``MAE_encoder.``.

    Raises
    ------
    MissingError
        If the file cannot be read, or tensors are missing or of another shape; the message names them.
    """
    try:
        # Tensors only: the file comes from somebody else.
        require_archive_room(path)
        document = torch.load(path, map_location="cpu", weights_only=True)
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        raise MissingError(
            f"{path}: cannot be read as a checkpoint ({type(error).__name__}).",
            hint="Give Point-MAE's pretrain.pth, as its authors publish it.",
        ) from error
    found = document.get("base_model", document) if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping):
        raise MissingError(f"{path}: {type(document).__name__} found; a checkpoint with base_model expected.")
    tensors = {str(name).removeprefix("module."): value for name, value in found.items()}
    tensors = {name.removeprefix("MAE_encoder."): value for name, value in tensors.items()}
    network = build_point_mae()
    wanted = network.state_dict()
    missing = sorted(name for name in wanted if name not in tensors and not name.endswith("num_batches_tracked"))
    other = sorted(
        name for name, value in wanted.items() if name in tensors and tuple(tensors[name].shape) != tuple(value.shape)
    )
    if missing or other:
        named = [*(f"{name} (missing)" for name in missing), *(f"{name} (another shape)" for name in other)]
        raise MissingError(
            f"{path}: {len(missing)} tensors missing and {len(other)} of another shape; those of Point-MAE expected: "
            f"{', '.join(named[:6])}{', ...' if len(named) > 6 else ''}.",
            hint="Give Point-MAE's pretrain.pth, as its authors publish it.",
        )
    network.load_state_dict({name: tensors.get(name, value) for name, value in wanted.items()})
    return network.eval()


@dataclass(frozen=True)
class WeightsRecord:
    """The weights file that a model was trained with.

    Attributes
    ----------
    path
        The file.
    sha256
        SHA-256 of its content.
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> WeightsRecord:
        """Return the record of a file."""
        return cls(str(path.absolute()), sha256(path))


def find_weights(directory: Path, recorded: Mapping[str, str] | None, given: Path | None) -> Path | None:
    """Return the weights file that a model was trained with; None if it needs none.

    Parameters
    ----------
    directory
        Directory of the model, for messages.
    recorded
        Fields of its `WeightsRecord`; None if it needs no weights.
    given
        File to use instead of the recorded path.

    Raises
    ------
    MissingError
        If there is no such file, or its content is not that of the training.
    """
    if recorded is None:
        return given
    path = Path(recorded["path"]) if given is None else given
    if not path.is_file():
        raise MissingError(
            f"{path}: no such file; the weights that {directory} was trained with expected.",
            hint="Say where they are with --weights.",
        )
    if (found := sha256(path)) != recorded["sha256"]:
        raise MissingError(
            f"{path}: SHA-256 {found[:12]} found; {recorded['sha256'][:12]}, of the weights that {directory} was "
            "trained with, expected.",
            hint="Give these weights, or train again.",
        )
    return path
