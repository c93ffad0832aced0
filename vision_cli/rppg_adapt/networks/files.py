"""A network with what it needs to be used: size and rate of its clips; files of ours and of rPPG-Toolbox."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.io.packing import require_archive_room
from vision_cli.rppg_adapt.networks.networks import Backbone, LiteNet, Normalisation, PhysNet, build, normalise
from vision_cli.rppg_adapt.options import NetworkChoice

TASK = "rppg-adapt"
_TOOLBOX_SIZE = 72
_WINDOW = 300
_FEWEST_FRAMES = 8


@dataclass(frozen=True)
class ModelSettings:
    """What a network is fed.

    Attributes
    ----------
    backbone
        Which network.
    size
        Rows and columns of its clips.
    fps
        Frames a second of its clips.
    normalisation
        Of its input.
    """

    backbone: Backbone = "lite"
    size: int = 36
    fps: float = 30.0
    normalisation: Normalisation = "diff"

    @staticmethod
    def of(choice: NetworkChoice) -> ModelSettings:
        """Return the settings of a network from new."""
        usual = ModelSettings(size=_TOOLBOX_SIZE) if choice.backbone == "physnet" else ModelSettings()
        return replace(
            usual,
            backbone=choice.backbone or usual.backbone,
            size=choice.size or usual.size,
            normalisation=choice.normalisation or usual.normalisation,
        )

    @property
    def metadata(self) -> dict[str, str]:
        """What a weight file says about itself."""
        return {
            "backbone": self.backbone,
            "size": str(self.size),
            "fps": f"{self.fps:g}",
            "normalisation": self.normalisation,
        }


@dataclass(frozen=True)
class PulseModel:
    """A network that reads pulses.

    Attributes
    ----------
    network
        In evaluation mode.
    settings
        What it is fed.
    path, sha256
        The file it is from, and its digest.
    """

    network: PhysNet | LiteNet
    settings: ModelSettings
    path: Path | None = None
    sha256: str | None = None

    @torch.no_grad()
    def waves(self, clips: Tensor) -> Tensor:
        """Read derivatives of waves ``(B, T)`` from clips ``(B, T, S, S, 3)`` of the model's size and rate."""
        self.network.eval()
        device = next(self.network.parameters()).device
        found: Tensor = self.network(normalise(clips.to(device), self.settings.normalisation))
        return found.cpu()

    def read(self, frames: NDArray[np.uint8], *, window: int = _WINDOW) -> NDArray[np.float64]:
        """Read the derivative of the pulse wave from one clip of any length, ``(T,)``.

        Windows overlap by half, are brought to one scale and blended, so that memory does not grow with the clip.

        Parameters
        ----------
        frames
            ``(T, S, S, 3)`` at the model's rate; of any size.
        window
            Frames that the network sees at once.
        """
        clip = resize_frames(frames, self.settings.size)
        count = len(clip)
        if count < _FEWEST_FRAMES:
            raise InputError(f"a clip of {count} frames; {_FEWEST_FRAMES} or more expected.")
        window = min(window, count)
        starts = sorted({*range(0, count - window + 1, max(window // 2, 1)), count - window})
        total, weight = np.zeros(count), np.zeros(count)
        fade = np.hanning(window + 2)[1:-1] + 1e-3
        for start in starts:
            part = torch.from_numpy(clip[start : start + window])[None]
            wave = self.waves(part)[0].double().numpy()
            wave = (wave - wave.mean()) / (wave.std() + 1e-12)
            total[start : start + window] += fade * wave
            weight[start : start + window] += fade
        return total / weight


def resize_frames(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Bring frames ``(T, H, W, 3)`` to ``(T, size, size, 3)``; smaller ones are means of areas."""
    if frames.shape[1:3] == (size, size):
        return frames
    import cv2

    way = cv2.INTER_AREA if size < frames.shape[1] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(frame, (size, size), interpolation=way) for frame in frames])


def load_model(choice: str, device: torch.device | str = "cpu") -> PulseModel:
    """Load weights: ``default``, a safetensors file of ours, a hub's id, or a ``.pth`` file of rPPG-Toolbox's PhysNet.

    Raises
    ------
    InputError
        If the file is none of these, or of another network.
    MissingError
        If there is no such file.
    """
    path = Path(choice)
    if path.suffix in {".pth", ".pt"} and path.is_file():
        return _load_toolbox(path, device)
    resolved = resolve_weights(choice, TASK)
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(resolved.path, framework="pt") as stored:
        about = stored.metadata() or {}
    settings = _settings(resolved.path, about)
    network = build(settings.backbone)
    _fill(network, load_file(resolved.path), resolved.path)
    return PulseModel(network.to(device).eval(), settings, resolved.path, resolved.sha256)


def _settings(path: Path, about: Mapping[str, str]) -> ModelSettings:
    try:
        backbone, normalisation = about["backbone"], about["normalisation"]
        settings = ModelSettings(
            cast("Backbone", backbone), int(about["size"]), float(about["fps"]), cast("Normalisation", normalisation)
        )
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: no weights of rppg-adapt ({error} is missing or wrong).",
            hint="Give weights that `vcli rppg-adapt train` or `adapt` wrote, or PhysNet's .pth of rPPG-Toolbox.",
        ) from error
    if backbone not in get_args(Backbone) or normalisation not in get_args(Normalisation):
        raise InputError(f"{path}: {backbone} with {normalisation} input; a network of this version expected.")
    return settings


def _load_toolbox(path: Path, device: torch.device | str) -> PulseModel:
    require_archive_room(path)
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: cannot be read as weights alone ({str(error).partition('.')[0]}).",
            hint="Pickles that hold more than tensors are never opened.",
        ) from error
    if not isinstance(stored, dict) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise InputError(f"{path}: no table of tensors; PhysNet's weights of rPPG-Toolbox expected.")
    network = PhysNet()
    _fill(network, {name.removeprefix("module."): value for name, value in stored.items()}, path)
    settings = ModelSettings("physnet", _TOOLBOX_SIZE)
    return PulseModel(network.to(device).eval(), settings, path, sha256(path))


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    own = network.state_dict()
    missing = sorted(set(own) - set(tensors))
    unknown = sorted(set(tensors) - set(own))
    shaped = sorted(name for name in set(own) & set(tensors) if own[name].shape != tensors[name].shape)
    if missing or unknown or shaped:
        wrong = [
            f"{what}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
            for what, names in (("missing", missing), ("unknown", unknown), ("of other shapes", shaped))
            if names
        ]
        raise InputError(
            f"{path}: weights of another network than {type(network).__name__} ({'; '.join(wrong)}).",
            hint="Give weights of this network.",
        )
    network.load_state_dict({name: tensors[name].to(value.dtype) for name, value in own.items()})
