"""Episodes of few-shot segmentation that are drawn, not collected: supports, and a query whose true mask is known.

Support and query share the appearance of the class but not its geometry (anatomy: both), and in most episodes the
background; gamma, cast, blur, noise and JPEG are drawn for each picture. Every picture comes from the passed generator
and a bank of textures, so a seed gives the same episode again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.episodes.drawing import Mask, Studio
from vision_cli.phantoms.episodes.laws import Family, Law
from vision_cli.phantoms.episodes.objects import draw_composites, draw_instances, draw_objects, draw_shaded
from vision_cli.phantoms.episodes.regions import draw_anatomy, draw_mosaic
from vision_cli.phantoms.episodes.textures import TextureBank
from vision_cli.phantoms.episodes.tissue import draw_defect, draw_lesion, draw_membranes

FAMILIES: Mapping[str, tuple[Family, float]] = MappingProxyType(
    {
        "objects": (draw_objects, 25),
        "shaded": (draw_shaded, 15),
        "mosaic": (draw_mosaic, 15),
        "anatomy": (draw_anatomy, 15),
        "lesion": (draw_lesion, 10),
        "membranes": (draw_membranes, 10),
        "defect": (draw_defect, 10),
        "instances": (draw_instances, 10),
        "composites": (draw_composites, 5),
    }
)
"""The families and how often each is drawn, as relative weights."""

_SMALLEST, _LARGEST = 0.0008, 0.9
_ATTEMPTS = 50


@dataclass(frozen=True)
class Annotated:
    """A picture and where the class is in it.

    Attributes
    ----------
    picture
        ``(side, side, 3)`` uint8, RGB.
    mask
        ``(side, side)`` bool; empty where the class is absent.
    """

    picture: NDArray[np.uint8]
    mask: Mask


@dataclass(frozen=True)
class Episode:
    """A task with its answer.

    Attributes
    ----------
    supports
        Annotated pictures of the class.
    query
        The picture to segment, and its true mask.
    family
        What was drawn, a name of `FAMILIES`.
    is_absent
        Whether the class is not in the query.
    """

    supports: tuple[Annotated, ...]
    query: Annotated
    family: str
    is_absent: bool


def make_episode(
    rng: np.random.Generator,
    bank: TextureBank,
    family: str | None = None,
    side: int = 224,
    shots: int = 1,
    *,
    absent: float = 0.1,
) -> Episode:
    """Return a random episode.

    Parameters
    ----------
    rng
        Of everything that is drawn.
    bank
        Textures to draw with.
    family
        A name of `FAMILIES`; None draws one by its weight.
    side
        Of the pictures, px.
    shots
        How many supports.
    absent
        Probability that the class is not in the query. Half of these queries are pictures of the same law without the
        class, the other half show another family.

    Raises
    ------
    KeyError
        If there is no such family.
    """
    name = _draw_family(rng) if family is None else family
    studio = Studio(bank, side)
    law = FAMILIES[name][0](studio, rng)
    supports = tuple(_draw(law, rng, is_query=False) for _ in range(shots))
    is_absent = rng.random() < absent
    if not is_absent:
        return Episode(supports, _draw(law, rng, is_query=True), name, is_absent)
    if rng.random() < 0.5:
        picture, mask = law(rng, is_query=True, has_target=False)
    else:
        others = [other for other in FAMILIES if other != name]
        other = FAMILIES[others[rng.integers(len(others))]][0](studio, rng)
        picture, mask = other(rng, is_query=True, has_target=True)[0], studio.empty()
    return Episode(supports, Annotated(picture, mask), name, is_absent)


def _draw_family(rng: np.random.Generator) -> str:
    weights = np.array([weight for _, weight in FAMILIES.values()], np.float64)
    return str(rng.choice(list(FAMILIES), p=weights / weights.sum()))


def _draw(law: Law, rng: np.random.Generator, *, is_query: bool) -> Annotated:
    """Return a picture whose mask is neither almost empty nor almost full."""
    for _ in range(_ATTEMPTS):
        picture, mask = law(rng, is_query=is_query, has_target=True)
        if _SMALLEST < mask.mean() < _LARGEST:
            break
    return Annotated(picture, mask)
