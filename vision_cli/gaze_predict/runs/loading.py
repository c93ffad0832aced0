"""Weights of the network, by the word of ``--weights``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.gaze_predict.pipeline.weight_files import SHIPPED, LoadedGaze, read_network


@dataclass(frozen=True)
class LoadedWeights:
    """A network, and what a run records of it."""

    network: LoadedGaze
    facts: Mapping[str, str]


def load_weights(choice: str, *, device: str, trusts_code: bool = False) -> LoadedWeights:
    """Return the network of ``--weights``; see `vision_cli.core.compute.weights.resolve_weights` for errors."""
    resolved = resolve_weights(choice, "gaze-predict", SHIPPED)
    network = read_network(resolved.path, device=device, trusts_code=trusts_code)
    return LoadedWeights(network, {"path": str(resolved.path), "sha256": resolved.sha256})
