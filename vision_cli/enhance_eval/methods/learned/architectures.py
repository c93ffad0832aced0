"""Learned methods: which architectures there are, and how one becomes a method.

Builders are named by module and function and imported when a method is made, so that listing methods needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from vision_cli.core.errors import MissingError
from vision_cli.enhance_eval.methods.learned.checkpoints import load_weights
from vision_cli.enhance_eval.methods.learned.tiling import run_network
from vision_cli.enhance_eval.values import Picture

if TYPE_CHECKING:
    from torch import nn

TILE = 512
"""Default side of a tile, pixels: Zero-DCE then takes about 300 MB beside the picture."""


@dataclass(frozen=True)
class Architecture:
    """A learned method.

    Attributes
    ----------
    module, builder
        The function ``networks.MODULE.BUILDER`` that makes the network; it takes the options of ``defaults`` other
        than ``tile``.
    summary
        One line for the list of methods.
    source
        Paper.
    terms
        Licence of the authors' checkpoints, for the report.
    halo
        Reach of the receptive field, pixels, for tiles; None if the network sees the whole picture.
    defaults, bounds
        Options beside ``weights``, and their ranges.
    least
        Least height and width that the network takes.
    shipped
        Name of the weights that are shipped; empty if the user has to bring them.
    """

    module: str
    builder: str
    summary: str
    source: str
    terms: str
    halo: int | None
    defaults: Mapping[str, float | int] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    least: int = 1
    shipped: str = ""


_TILED = {"tile": TILE}
_TILES = {"tile": (0, 1 << 20)}

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "curve": Architecture(
            "curve_net",
            "build_curve_net",
            "our zero-reference curve network, trained on generated scenes",
            "after Li et al. 2022",
            "Apache-2.0",
            halo=None,
            shipped="night-curve",
        ),
        "zero-dce": Architecture(
            "zero_dce",
            "zero_dce",
            "Zero-DCE",
            "Guo et al. 2020",
            "CC BY-NC 4.0",
            halo=7,
            defaults=_TILED,
            bounds=_TILES,
        ),
        "zero-dce++": Architecture(
            "zero_dce_pp",
            "zero_dce_pp",
            "Zero-DCE++",
            "Li et al. 2022",
            "CC BY-NC 4.0",
            halo=None,
            defaults={"scale": 12},
            bounds={"scale": (1, 64)},
        ),
        "sci": Architecture(
            "sci",
            "sci",
            "self-calibrated illumination",
            "Ma et al. 2022",
            "MIT",
            halo=3,
            defaults=_TILED,
            bounds=_TILES,
        ),
        "ruas": Architecture(
            "ruas",
            "ruas",
            "Retinex-inspired unrolling with architecture search",
            "Liu et al. 2021",
            "no licence stated",
            halo=18,
            defaults={"denoise": 0, **_TILED},
            bounds={"denoise": (0, 1), **_TILES},
        ),
        "pairlie": Architecture(
            "pairlie",
            "pairlie",
            "PairLIE",
            "Fu et al. 2023",
            "no licence stated",
            halo=10,
            defaults={"exponent": 0.2, **_TILED},
            bounds={"exponent": (0.0, 2.0), **_TILES},
            least=2,
        ),
        "iat": Architecture(
            "iat", "iat", "illumination-adaptive transformer", "Cui et al. 2022", "Apache-2.0", halo=None
        ),
    }
)


@dataclass(frozen=True)
class Learned:
    """A network with its weights, as a method.

    Attributes
    ----------
    name
        As the user named it.
    network
        On the device, in evaluation mode.
    architecture
        What it is.
    tile
        Side of a tile; 0 for none.
    device
        Where it runs.
    weights
        The file that was loaded.
    """

    name: str
    network: nn.Module
    architecture: Architecture
    tile: int
    device: str
    weights: Path

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Return the enhanced picture; the reference is not looked at."""
        return run_network(
            self.network,
            picture,
            halo=self.architecture.halo,
            tile=self.tile,
            device=self.device,
            least=self.architecture.least,
        )


def learned_method(
    name: str, architecture: str, options: Mapping[str, float | int | str], device: str = "cpu"
) -> Learned:
    """Return a learned method with its weights loaded.

    Parameters
    ----------
    name
        For tables.
    architecture
        One of `ARCHITECTURES`.
    options
        Those given by the user; ``weights`` is a path, or absent for shipped weights.
    device
        Where it shall run.

    Raises
    ------
    MissingError
        If the weights are not there, or not shipped with this version.
    InputError
        If the file is no checkpoint of this architecture.
    """
    entry = ARCHITECTURES[architecture]
    settings = {**entry.defaults, **{key: one for key, one in options.items() if key != "weights"}}
    tile = int(settings.pop("tile", 0))
    try:
        module = import_module(f"vision_cli.enhance_eval.networks.{entry.module}")
    except ModuleNotFoundError as error:
        raise MissingError(f"{architecture}: not part of this version.") from error
    # Switches are numbers on the command line.
    network: nn.Module = getattr(module, entry.builder)(
        **{key: bool(one) if entry.bounds[key] == (0, 1) else one for key, one in settings.items()}
    )
    path = _weights(entry, str(options.get("weights", "")))
    load_weights(network, path, architecture)
    return Learned(name, network.eval().requires_grad_(False).to(device), entry, tile, device, path)


def _weights(entry: Architecture, given: str) -> Path:
    if given:
        return Path(given).expanduser()
    from vision_cli.core.compute.weights import resolve_weights

    return resolve_weights("default", "enhance-eval", entry.shipped).path
