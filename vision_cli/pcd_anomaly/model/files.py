"""Models on disk: ``model.json`` says what they are, ``model.safetensors`` holds the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from vision_cli import __version__
from vision_cli.core.errors import MissingError
from vision_cli.core.runs.files import sha256
from vision_cli.pcd_anomaly.model.descriptors import describer
from vision_cli.pcd_anomaly.model.head import TrainedHead
from vision_cli.pcd_anomaly.model.learning import Describe, Memory, Model
from vision_cli.pcd_anomaly.model.networks import ENCODER_WIDTH, TOKEN_BLOCKS, GroupHead
from vision_cli.pcd_anomaly.options import HeadOptions, Options
from vision_cli.pcd_anomaly.scoring.calibration import NullTable, ScanLimit
from vision_cli.pcd_anomaly.scoring.features import CHANNELS, RESIDUAL_WIDTH, SHAPE_WIDTH
from vision_cli.pcd_anomaly.scoring.fusion import Fusion
from vision_cli.pcd_anomaly.scoring.reference import assemble
from vision_cli.pcd_anomaly.surfaces.geometry import Surface

DESCRIPTION, NUMBERS = "model.json", "model.safetensors"
FORMAT = 6
_HEAD = "head."
_WIDTHS = {
    "hybrid": SHAPE_WIDTH + RESIDUAL_WIDTH,
    "fpfh": SHAPE_WIDTH,
    "pointmae": ENCODER_WIDTH * len(TOKEN_BLOCKS),
}
"""Width of a group's vector, by features."""


@dataclass(frozen=True)
class Weights:
    """Weights that a model's features need.

    Attributes
    ----------
    path
        The file.
    sha256
        Of its content.
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Weights:
        """Describe a file."""
        return cls(str(path.absolute()), sha256(path))


def description(model: Model, weights: Weights | None = None) -> dict[str, object]:
    """Write a model, but for its arrays, as JSON holds it; ``weights`` are those of its features."""
    return {
        "kind": "pcd-anomaly",
        "format": FORMAT,
        "written_by": __version__,
        "options": asdict(model.options),
        "diameter": model.reference.diameter,
        "group_spacing": model.reference.group_spacing,
        "amplitude": model.reference.tolerance.amplitude,
        "channels": [*CHANNELS, "embedding"],
        "vector_width": _WIDTHS[model.options.features],
        "weights": None if weights is None else asdict(weights),
        "slopes": [table.slope for table in model.fusion.tables],
        "limit": asdict(model.limit),
        "home": model.home.tolist(),
        "warnings": list(model.warnings),
    }


def numbers(model: Model) -> bytes:
    """Write the arrays of a model."""
    reference = model.reference
    arrays = {
        "skeleton.points": reference.skeleton.points,
        "skeleton.normals": reference.skeleton.normals,
        "skeleton.variation": reference.skeleton.variation,
        "fields": reference.fields,
        "stack": reference.stack,
        "spread": reference.spread,
        "poses": reference.poses,
        "prototype_scores": reference.prototype_scores,
        "scales": model.fusion.scales,
        "weights": model.fusion.weights,
        "levels": np.stack([table.levels for table in model.fusion.tables]),
        "surprise": np.stack([table.surprise for table in model.fusion.tables]),
        "head_mean": model.head.mean,
        "head_scale": model.head.scale,
        "history": np.asarray(model.head.history, dtype=np.float64),
    }
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}
    tensors |= {"bank.vectors": model.memory.vectors.contiguous(), "bank.places": model.memory.places.contiguous()}
    if model.head.network is not None:
        tensors |= {_HEAD + name: value.contiguous() for name, value in model.head.network.state_dict().items()}
    return bytes(save(tensors))


def read_model(
    directory: Path,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    describe: Describe | None = None,
) -> Model:
    """Read what `description` and `numbers` wrote.

    Parameters
    ----------
    directory
        Of the model.
    weights
        File of the weights that its features need; where it was in training, if None.
    device
        Where Point-MAE works.
    describe
        Makes the vectors of groups, if it is at hand; ``weights`` are not read then.

    Raises
    ------
    MissingError
        If there is no model, it is damaged, another version wrote it, or its weights are not there.
    """
    document = read_description(directory)
    try:
        tensors = load((directory / NUMBERS).read_bytes())
    except FileNotFoundError as error:
        raise _no_model(directory, error) from None
    except (OSError, SafetensorError) as error:
        raise MissingError(f"{directory}: the model cannot be read ({error}).", hint="Train it again.") from error
    try:
        if describe is None:
            needed = _weights_of(directory, document["weights"], weights)
            describe = describer(document["options"]["features"], needed, device)
        return _assembled(document, tensors, describe)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise MissingError(f"{directory}: the model is damaged ({error}).", hint="Train it again.") from error


def read_description(directory: Path) -> dict[str, Any]:
    """Read what a model is.

    Raises
    ------
    MissingError
        If there is no model, its description is damaged, or another version wrote it.
    """
    try:
        document = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _no_model(directory, error) from None
    except (OSError, ValueError) as error:
        raise MissingError(f"{directory}: the model cannot be read ({error}).", hint="Train it again.") from error
    if not isinstance(document, dict) or document.get("kind") != "pcd-anomaly":
        raise MissingError(f"{directory}: no model of pcd-anomaly.", hint="Train one with `vcli pcd-anomaly train`.")
    options = document.get("options")
    width = _WIDTHS.get(options.get("features", "hybrid") if isinstance(options, dict) else "hybrid")
    if document.get("format") != FORMAT or document.get("vector_width") != width:
        raise MissingError(
            f"{directory}: a model of format {document.get('format')} with vectors of {document.get('vector_width')}, "
            f"by vision_cli {document.get('written_by')}; format {FORMAT} with {width}, of {__version__}, expected.",
            hint="Train it again with this version.",
        )
    return document


def _no_model(directory: Path, error: FileNotFoundError) -> MissingError:
    return MissingError(
        f"{directory}: no model ({Path(str(error.filename)).name} is missing).",
        hint="Give the directory that `vcli pcd-anomaly train` wrote for a class.",
    )


def _weights_of(directory: Path, recorded: Mapping[str, str] | None, given: Path | None) -> Path | None:
    """Return the file of the weights that a model was trained with."""
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


def _assembled(document: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], describe: Describe) -> Model:
    arrays = {name: value.numpy() for name, value in tensors.items()}
    options = Options(**{**document["options"], "head": HeadOptions(**document["options"]["head"])})
    skeleton = Surface(arrays["skeleton.points"], arrays["skeleton.normals"], arrays["skeleton.variation"])
    reference = assemble(
        skeleton,
        arrays["fields"],
        arrays["stack"],
        arrays["spread"],
        float(document["amplitude"]),
        arrays["poses"],
        arrays["prototype_scores"],
        float(document["group_spacing"]),
    )
    state = {name.removeprefix(_HEAD): value for name, value in tensors.items() if name.startswith(_HEAD)}
    network = None
    if state:
        network = GroupHead(document["vector_width"])
        network.load_state_dict(state)
        network.eval()
    head = TrainedHead(network, arrays["head_mean"], arrays["head_scale"], tuple(arrays["history"].tolist()))
    tables = tuple(
        NullTable(levels, surprise, slope)
        for levels, surprise, slope in zip(arrays["levels"], arrays["surprise"], document["slopes"], strict=True)
    )
    return Model(
        options,
        reference,
        head,
        Memory(tensors["bank.vectors"], tensors["bank.places"]),
        Fusion(arrays["scales"], tables, arrays["weights"]),
        ScanLimit(**document["limit"]),
        np.asarray(document["home"], dtype=np.float64).reshape(4, 4),
        tuple(document["warnings"]),
        describe,
    )
