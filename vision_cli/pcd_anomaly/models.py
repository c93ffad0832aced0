"""Models on disk: ``model.json`` says what they are, ``model.safetensors`` holds the numbers."""

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
from vision_cli.core.errors import MissingError
from vision_cli.pcd_anomaly.calibration import NullTable, ScanLimit
from vision_cli.pcd_anomaly.features import CHANNELS, RESIDUAL_WIDTH, SHAPE_WIDTH
from vision_cli.pcd_anomaly.geometry import Surface
from vision_cli.pcd_anomaly.learning import Memory, Model, Options
from vision_cli.pcd_anomaly.networks import GroupHead
from vision_cli.pcd_anomaly.reference import assemble
from vision_cli.pcd_anomaly.scoring import Fusion
from vision_cli.pcd_anomaly.training import HeadOptions, TrainedHead

DESCRIPTION, NUMBERS = "model.json", "model.safetensors"
FORMAT = 1
_HEAD = "head."


def describe(model: Model) -> dict[str, object]:
    """Write a model, but for its arrays, as JSON holds it."""
    return {
        "kind": "pcd-anomaly",
        "format": FORMAT,
        "written_by": __version__,
        "options": asdict(model.options),
        "diameter": model.reference.diameter,
        "amplitude": model.reference.amplitude,
        "channels": [*CHANNELS, "embedding"],
        "vector_width": SHAPE_WIDTH + RESIDUAL_WIDTH,
        "slopes": [table.slope for table in model.fusion.tables],
        "limit": asdict(model.limit),
        "warnings": list(model.warnings),
    }


def numbers(model: Model) -> bytes:
    """Write the arrays of a model."""
    reference = model.reference
    arrays = {
        "skeleton.points": reference.skeleton.points,
        "skeleton.normals": reference.skeleton.normals,
        "skeleton.variation": reference.skeleton.variation,
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


def read_model(directory: Path) -> Model:
    """Read what `describe` and `numbers` wrote.

    Raises
    ------
    MissingError
        If there is no model, it is damaged, or another version wrote it.
    """
    try:
        document = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
        tensors = load((directory / NUMBERS).read_bytes())
    except FileNotFoundError as error:
        raise MissingError(
            f"{directory}: no model ({Path(str(error.filename)).name} is missing).",
            hint="Give the directory that `vcli pcd-anomaly train` wrote for a class.",
        ) from None
    except (OSError, ValueError, SafetensorError) as error:
        raise MissingError(f"{directory}: the model cannot be read ({error}).", hint="Train it again.") from error
    if not isinstance(document, Mapping) or document.get("kind") != "pcd-anomaly":
        raise MissingError(f"{directory}: no model of pcd-anomaly.", hint="Train one with `vcli pcd-anomaly train`.")
    width = SHAPE_WIDTH + RESIDUAL_WIDTH
    if document.get("format") != FORMAT or document.get("vector_width") != width:
        raise MissingError(
            f"{directory}: a model of format {document.get('format')} with vectors of {document.get('vector_width')}, "
            f"by vision_cli {document.get('written_by')}; format {FORMAT} with {width}, of {__version__}, expected.",
            hint="Train it again with this version.",
        )
    try:
        return _assembled(document, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise MissingError(f"{directory}: the model is damaged ({error}).", hint="Train it again.") from error


def _assembled(document: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Model:
    arrays = {name: value.numpy() for name, value in tensors.items()}
    options = Options(**{**document["options"], "head": HeadOptions(**document["options"]["head"])})
    skeleton = Surface(arrays["skeleton.points"], arrays["skeleton.normals"], arrays["skeleton.variation"])
    reference = assemble(
        skeleton,
        arrays["stack"],
        arrays["spread"],
        float(document["amplitude"]),
        arrays["poses"],
        arrays["prototype_scores"],
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
        tuple(document["warnings"]),
    )
