"""The methods by name, and how a class is learned by one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vision_cli.core.errors import MissingError
from vision_cli.fewshot_seg.gate.segmenter import GatedSegmenter
from vision_cli.fewshot_seg.pipeline.tiles import TiledTask
from vision_cli.fewshot_seg.pipeline.weight_files import Method
from vision_cli.fewshot_seg.pixels.baselines import CopySegmenter, ForestSegmenter, LogisticSegmenter
from vision_cli.fewshot_seg.pixels.segmenter import PixelSegmenter
from vision_cli.fewshot_seg.values import Segmenter, Support, Task

if TYPE_CHECKING:
    from torch import Tensor

    from vision_cli.fewshot_seg.pipeline.network_methods import NetworkSegmenter
    from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork

METHODS = ("tap", "tavp", "pixel", "persam", "proto", "rf", "grabcut", "logistic", "copy")
"""``tap`` is the gate over pixels and network, ``tavp`` the network alone; the last four are the fixed baselines."""

BASELINES = ("rf", "grabcut", "logistic", "copy")
"""Methods on the 27 classic features, and the copied mask: what the method is compared with."""

_STORED_SIDE = 512


@dataclass(frozen=True)
class ClassRecipe:
    """All that a class is learned from.

    Attributes
    ----------
    name
        The class.
    supports
        As `vision_cli.fewshot_seg.pipeline.tiles.prepare_supports` returns them.
    method
        One of `METHODS`.
    seed
        Of whatever the method draws.
    tile
        Side of the squares that queries are searched in, px; None for whole pictures.
    adapted
        Tensors of the network that were adapted to the supports, by name.
    """

    name: str
    supports: tuple[Support, ...]
    method: str = "tap"
    seed: int = 0
    tile: int | None = None
    adapted: Mapping[str, Tensor] = field(default_factory=dict)


def stored_side(weights: Method) -> int:
    """Return the greatest height or width of supports that a method has a use for, px."""
    return max(_STORED_SIDE, 0 if weights.network is None else weights.network.frame.side)


def make_method(name: str, weights: Method) -> Segmenter:
    """Return a method.

    Parameters
    ----------
    name
        One of `METHODS`.
    weights
        Network and gate. ``tap`` takes part with what is there: without a gate the network alone, without both the
        pixels and a rule that needs no training.

    Raises
    ------
    MissingError
        If a method on the network has none.
    """
    if name == "tap":
        if weights.gate is None and weights.network is not None:
            return network_method("tavp", weights)
        extra = None if weights.network is None else network_method("tavp", weights)
        return GatedSegmenter(weights.gate, extra)
    if name == "pixel":
        return PixelSegmenter()
    if name in ("rf", "grabcut"):
        return ForestSegmenter(cuts=name == "grabcut")
    if name == "logistic":
        return LogisticSegmenter()
    if name == "copy":
        return CopySegmenter()
    return network_method(name, weights)


def network_method(name: str, weights: Method) -> NetworkSegmenter:
    """Return a method on the network; see `make_method`."""
    from vision_cli.fewshot_seg.pipeline.network_methods import NetworkSegmenter

    if weights.network is None:
        raise MissingError(
            f"--method {name}: these weights hold no network.",
            hint="Give weights with one, or another --method.",
        )
    if name not in ("tavp", "proto", "persam"):
        raise ValueError(f"method {name!r}; one of {', '.join(METHODS)} expected")
    return NetworkSegmenter(weights.network, name)  # type: ignore[arg-type]


def learn(recipe: ClassRecipe, weights: Method) -> Task:
    """Return a class as its method learns it from the supports; see `make_method` for errors."""
    own = weights
    if recipe.adapted and weights.network is not None:
        own = Method(with_tensors(weights.network, recipe.adapted), weights.gate)
    task = make_method(recipe.method, own).learn(recipe.supports, seed=recipe.seed)
    return task if recipe.tile is None else TiledTask(task, recipe.tile)


def with_tensors(loaded: LoadedNetwork, tensors: Mapping[str, Tensor]) -> LoadedNetwork:
    """Return a network with some of its tensors replaced; its encodings are not those of the cache."""
    import copy
    import hashlib

    from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork as Loaded

    network = copy.deepcopy(loaded.network)
    network.load_state_dict(dict(tensors), strict=False)
    digest = hashlib.sha256(loaded.digest.encode())
    for name in sorted(tensors):
        digest.update(tensors[name].cpu().numpy().tobytes())
    return Loaded(network.eval(), loaded.variant, loaded.frame, digest.hexdigest())
