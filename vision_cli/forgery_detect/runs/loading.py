"""Detectors, by the word of ``--weights``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vision_cli.core.compute.weights import resolve_weights, shipped_weights
from vision_cli.forgery_detect.pipeline.model_files import read_model
from vision_cli.forgery_detect.pipeline.scoring import LoadedModel

TASK = "forgery-detect"
DEFAULT = "coherence"


@dataclass(frozen=True)
class LoadedDetector:
    """A detector, and what a run records of it."""

    model: LoadedModel
    facts: Mapping[str, str]


def load_detector(choice: str, device: str) -> LoadedDetector:
    """Return the detector of ``--weights``: ``default``, the name of a shipped one, a file or an id of a hub.

    Raises
    ------
    InputError, MissingError
        If it cannot be read; see `vision_cli.core.compute.weights.resolve_weights`.
    """
    names = {card.name for card in shipped_weights() if card.task == TASK}
    if choice == "default" or choice in names:
        resolved = resolve_weights("default", TASK, DEFAULT if choice == "default" else choice)
    else:
        resolved = resolve_weights(choice, TASK)
    model = read_model(resolved.path, device)
    return LoadedDetector(model, {"path": str(resolved.path), "sha256": resolved.sha256})
