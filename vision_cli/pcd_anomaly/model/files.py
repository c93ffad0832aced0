"""Models on disk: ``model.json`` describes them, ``model.safetensors`` holds the arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from vision_cli import __version__
from vision_cli.core.errors import InputError, MissingError
from vision_cli.pcd_anomaly.model.descriptors import make_describer
from vision_cli.pcd_anomaly.model.embedding import MemoryBank, TrainedHead
from vision_cli.pcd_anomaly.model.model import Model
from vision_cli.pcd_anomaly.model.weights import WeightsRecord, find_weights
from vision_cli.pcd_anomaly.networks import ENCODER_WIDTH, TOKEN_BLOCKS, GroupHead
from vision_cli.pcd_anomaly.options import HeadOptions, Options
from vision_cli.pcd_anomaly.scoring.calibration import NullTable, ScanLimit
from vision_cli.pcd_anomaly.scoring.features import CHANNELS, RESIDUAL_WIDTH, SHAPE_WIDTH, DescribeGroups
from vision_cli.pcd_anomaly.scoring.fusion import Fusion
from vision_cli.pcd_anomaly.scoring.reference import assemble
from vision_cli.pcd_anomaly.surfaces.geometry import Surface

DESCRIPTION, NUMBERS = "model.json", "model.safetensors"
MODELS = "models"
"""Folder of a run that holds its models, one folder a class."""

FORMAT = 6
_HEAD = "head."
_WIDTHS = {
    "hybrid": SHAPE_WIDTH + RESIDUAL_WIDTH,
    "fpfh": SHAPE_WIDTH,
    "pointmae": ENCODER_WIDTH * len(TOKEN_BLOCKS),
}
"""Width of a group vector, by ``--features``."""


def description(model: Model, weights: WeightsRecord | None = None) -> dict[str, object]:
    """Return the content of ``model.json``: a model without its arrays, with the record of its weights file."""
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
        "home": model.to_prototype.tolist(),
        "warnings": list(model.warnings),
    }


def numbers(model: Model) -> bytes:
    """Return the content of ``model.safetensors``: the arrays of a model."""
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
        "surprise": np.stack([table.neg_log_p for table in model.fusion.tables]),
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
    describe: DescribeGroups | None = None,
) -> Model:
    """Return the model that `description` and `numbers` describe.

    Parameters
    ----------
    directory
        Directory of the model.
    weights
        File of Point-MAE's weights; the recorded path by default.
    device
        Device of Point-MAE.
    describe
        Computes the vectors of groups; if given, ``weights`` are not read.

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
            needed = find_weights(directory, document["weights"], weights)
            describe = make_describer(document["options"]["features"], needed, device)
        return _assembled(document, tensors, describe)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise MissingError(f"{directory}: the model is damaged ({error}).", hint="Train it again.") from error


def read_description(directory: Path) -> dict[str, Any]:
    """Return the content of ``model.json``.

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


def _assembled(document: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], describe: DescribeGroups) -> Model:
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
        NullTable(levels, neg_log_p, slope)
        for levels, neg_log_p, slope in zip(arrays["levels"], arrays["surprise"], document["slopes"], strict=True)
    )
    return Model(
        options,
        reference,
        head,
        MemoryBank(tensors["bank.vectors"], tensors["bank.places"]),
        Fusion(arrays["scales"], tables, arrays["weights"]),
        ScanLimit(**document["limit"]),
        np.asarray(document["home"], dtype=np.float64).reshape(4, 4),
        tuple(document["warnings"]),
        describe,
    )


def find_models(directory: Path) -> dict[str, Path]:
    """Return the directories of the models of a training run, by class.

    Raises
    ------
    InputError
        If the run has no model.
    """
    found = {path.parent.name: path.parent for path in sorted((directory / MODELS).glob(f"*/{DESCRIPTION}"))}
    if not found:
        raise InputError(
            f"{directory}: no trained model found; a run of `vcli pcd-anomaly train` expected.",
            hint="Train first.",
        )
    return found
