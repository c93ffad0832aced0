"""The built-in detector, classifier and curve network, from the shipped weights or from trained ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.networks.centre_detector import build_centre_detector, read_peaks
from vision_cli.enhance_eval.networks.crop_classifier import SIDE, build_crop_classifier
from vision_cli.enhance_eval.networks.curve_net import build_curve_net
from vision_cli.enhance_eval.values import Detections, Picture
from vision_cli.phantoms.scenes import CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

Network = TypeVar("Network", bound="nn.Module")

DETECTOR, CLASSIFIER, CURVE = "night-detector", "night-classifier", "night-curve"
"""Names of the shipped weights."""

_TASK = "enhance-eval"
_FLOOR = 0.01


@dataclass(frozen=True)
class BuiltinDetector:
    """The centre-point detector; see `vision_cli.enhance_eval.values.Detector`."""

    network: nn.Module
    device: torch.device
    classes: tuple[str, ...] = CLASSES

    def detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """Return the objects of pictures of any size; those of one size are looked at together."""
        found: dict[int, Detections] = {}
        for shape in {one.shape for one in pictures}:
            alike = [number for number, one in enumerate(pictures) if one.shape == shape]
            objects = find_objects(self.network, [pictures[number] for number in alike], self.device)
            found.update(zip(alike, objects, strict=True))
        return [found[number] for number in range(len(pictures))]


@dataclass(frozen=True)
class BuiltinClassifier:
    """The crop classifier; see `vision_cli.enhance_eval.values.Classifier`."""

    network: nn.Module
    device: torch.device
    classes: tuple[str, ...] = CLASSES

    def classify(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return probabilities ``(B, C)``; pictures are scaled to the size that the network was trained on."""
        import cv2

        if not pictures:
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        scaled = [
            np.asarray(cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.float32)
            for one in pictures
        ]
        return class_chances(self.network, scaled, self.device)


@dataclass(frozen=True)
class BuiltinCurve:
    """The curve network as an enhancer; see `vision_cli.enhance_eval.values.Method`."""

    network: nn.Module
    device: torch.device
    name: str = "curve"

    @torch.inference_mode()
    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Return the enhanced picture."""
        enhanced, _ = self.network(as_batch([picture], self.device))
        pixels: Picture = enhanced[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
        return pixels


def load_detector(weights: str = "default", device: torch.device | str = "cpu") -> BuiltinDetector:
    """Return the built-in detector.

    Parameters
    ----------
    weights
        ``default`` for the shipped ones, or a file that ``train detector`` wrote.
    device
        Where it computes.

    Raises
    ------
    MissingError, InputError
        If the weights are not there, or are not of this network.
    """
    place = torch.device(device)
    return BuiltinDetector(_loaded(build_centre_detector(), weights, DETECTOR, place), place)


def load_classifier(weights: str = "default", device: torch.device | str = "cpu") -> BuiltinClassifier:
    """Return the built-in classifier; see `load_detector`."""
    place = torch.device(device)
    return BuiltinClassifier(_loaded(build_crop_classifier(), weights, CLASSIFIER, place), place)


def load_curve(weights: str = "default", device: torch.device | str = "cpu") -> BuiltinCurve:
    """Return the built-in curve network; see `load_detector`."""
    place = torch.device(device)
    return BuiltinCurve(_loaded(build_curve_net(), weights, CURVE, place), place)


@torch.inference_mode()
def find_objects(network: nn.Module, pictures: Sequence[Picture], device: torch.device) -> list[Detections]:
    """Return what a centre-point detector finds in pictures of one size, scores from 0.01."""
    if not pictures:
        return []
    heat, sides = network(as_batch(pictures, device))
    peaks = read_peaks(heat, sides, (pictures[0].shape[0], pictures[0].shape[1]))
    found = []
    for corners, scores, labels in zip(peaks.corners.cpu(), peaks.scores.cpu(), peaks.labels.cpu(), strict=True):
        kept = scores >= _FLOOR
        found.append(Detections(corners[kept].numpy(), scores[kept].numpy(), labels[kept].numpy()))
    return found


@torch.inference_mode()
def class_chances(network: nn.Module, pictures: Sequence[Picture], device: torch.device) -> NDArray[np.float32]:
    """Return the probabilities ``(B, C)`` that a classifier gives to pictures of one size."""
    chances: NDArray[np.float32] = network(as_batch(pictures, device)).softmax(1).cpu().numpy()
    return chances


def as_batch(pictures: Sequence[Picture], device: torch.device) -> torch.Tensor:
    """Return pictures ``(H, W, 3)`` of one size as ``(B, 3, H, W)`` on a device."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device)


def _loaded(network: Network, weights: str, name: str, device: torch.device) -> Network:
    path = resolve_weights(weights, _TASK, name).path
    load_into(network, path)
    return network.to(device).eval()


def load_into(network: nn.Module, path: Path) -> None:
    """Load a safetensors file into a network.

    Raises
    ------
    InputError
        If the file is of another network.
    """
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise InputError(
            f"{path}: weights of another network; those of {type(network).__name__} expected.",
            hint="Give a file that `vcli enhance-eval train` wrote for this network.",
        ) from error
