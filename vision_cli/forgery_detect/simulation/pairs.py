"""Pairs of crops: a real face and a forgery made of it, delivered alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.simulation.blending import replace_part, self_blend
from vision_cli.forgery_detect.simulation.camera import SIDE, Photograph, capture
from vision_cli.forgery_detect.simulation.chroma import follow_luma
from vision_cli.forgery_detect.simulation.delivery import Delivery, draw_delivery
from vision_cli.forgery_detect.simulation.generators import DETAILS, GENERATORS, generate
from vision_cli.forgery_detect.simulation.portraits import Portrait, require_portraits
from vision_cli.forgery_detect.values import FaceCrop, Family, Floats, Forgery, Picture

Kind: TypeAlias = Literal["resample", "codec", "denoise", "chroma", "blend", "mouth", "background"]

BANK_1: tuple[Kind, ...] = ("resample", "codec", "denoise")
"""Whole faces painted again by a coarse decoder, see `generators`."""

BANK_2: tuple[Kind, ...] = ("chroma",)
"""Whole faces whose colour follows their luma, see `chroma`."""

KINDS: tuple[Kind, ...] = get_args(Kind)

_WORDS: dict[Kind, tuple[Forgery, Family]] = {
    "resample": ("synthesis", "gan"),
    "codec": ("synthesis", "diffusion"),
    "denoise": ("synthesis", "diffusion"),
    "chroma": ("synthesis", ""),
    "blend": ("swap", ""),
    "mouth": ("manipulation", ""),
    "background": ("manipulation", ""),
}
"""Level 2 and 3 of MFCLIP's prompts: what each kind stands for."""

_LEAST_CROP, _MOST_CROP = 320, 480


@dataclass(frozen=True)
class Pair:
    """A real face and a forgery of it, in the same square of pictures that were delivered alike.

    Attributes
    ----------
    real, fake
        Squares of 320 to 480 pixels; the mask of a real one is 0, of a face that is painted as a whole 1.
    generator
        Kind of the forgery and what became of its detail, such as ``codec-texture``.
    forgery, family
        What the kind stands for.
    source
        Name of the portrait.
    number
        Of the pair among those of the portrait.
    is_rendered
        Whether the portrait was drawn.
    """

    real: FaceCrop = field(repr=False)
    fake: FaceCrop = field(repr=False)
    generator: str
    forgery: Forgery
    family: Family
    source: str
    number: int
    is_rendered: bool = False


def simulate_pairs(
    portraits: Sequence[Portrait], *, seed: int, per_portrait: int, kinds: Sequence[str] = KINDS
) -> Iterator[Pair]:
    """Simulate pairs, all of a portrait one after the other; the kinds take turns.

    Parameters
    ----------
    portraits
        With names of their own.
    seed
        0 or more. A pair depends on the seed, the place of its portrait and its number alone.
    per_portrait
        Pairs of each.
    kinds
        Some of `KINDS`; one named twice is made twice as often.

    Raises
    ------
    UsageError
        If a kind is unknown or there is none.
    InputError
        If two portraits have the same name.
    """
    wanted = require_kinds(kinds)
    require_portraits(portraits)
    return (
        pair_at(portrait, place, number, seed=seed, kinds=wanted)
        for place, portrait in enumerate(portraits)
        for number in range(per_portrait)
    )


def pair_at(portrait: Portrait, place: int, number: int, *, seed: int, kinds: Sequence[Kind]) -> Pair:
    """Simulate one of the pairs of `simulate_pairs`: that of a portrait in its place, by its number."""
    rng = np.random.default_rng((seed, place, number))
    return simulate_pair(portrait, rng, kinds[(place + number) % len(kinds)], number)


def simulate_pair(portrait: Portrait, rng: np.random.Generator, kind: Kind, number: int = 0) -> Pair:
    """Simulate a pair.

    Parameters
    ----------
    portrait
        The source.
    rng
        Source of all that is drawn.
    kind
        Of the forgery.
    number
        For the pair.
    """
    photograph = capture(portrait, rng)
    forged, mask, generator = _forged(photograph, kind, rng)
    delivery = draw_delivery(rng)
    corner, side = _square(photograph, delivery, rng)
    real = _crop(delivery(photograph.picture), np.zeros(mask.shape, np.float32), delivery, corner, side)
    fake = _crop(delivery(forged), mask, delivery, corner, side)
    forgery, family = _WORDS[kind]
    return Pair(real, fake, generator, forgery, family, portrait.name, number, portrait.is_rendered)


def require_kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    """Return the kinds of these names.

    Raises
    ------
    UsageError
        If a kind is unknown or there is none.
    """
    known = {str(kind): kind for kind in KINDS}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UsageError(
            f"{unknown[0] if unknown else 'none'}: no kind of forgery; {', '.join(KINDS)} expected.",
            hint="Name one or more of them.",
        )
    return tuple(known[name] for name in names)


def _forged(photograph: Photograph, kind: Kind, rng: np.random.Generator) -> tuple[Picture, NDArray[np.float32], str]:
    """Return a forgery of a photograph, its mask at the size of the photograph, and its name."""
    everywhere = np.ones((SIDE, SIDE), np.float32)
    if kind == "chroma":
        picture, detail = follow_luma(photograph.picture, rng)
        return picture, everywhere, f"chroma-{detail}"
    if kind == "blend":
        return *self_blend(photograph, rng), "blend"
    detail_of = DETAILS[int(rng.integers(len(DETAILS)))]
    if kind == "mouth" or kind == "background":
        generator = GENERATORS[int(rng.integers(len(GENERATORS)))]
        painted = generate(photograph.picture, rng, generator, detail_of)
        return *replace_part(photograph, painted, kind, rng), f"{kind}-{generator}"
    return generate(photograph.picture, rng, kind, detail_of), everywhere, f"{kind}-{detail_of}"


def _square(photograph: Photograph, delivery: Delivery, rng: np.random.Generator) -> tuple[Floats, int]:
    """Return left and top of a square around the face in what is delivered, and its side."""
    box = photograph.box * (delivery.side / SIDE)
    side = int(min(np.clip(box[2] * rng.uniform(0.75, 1.3), _LEAST_CROP, _MOST_CROP), delivery.side))
    corner = np.rint(box[:2] + box[2:] / 2 + rng.normal(size=2) * 0.02 * side - side / 2)
    return np.clip(corner, 0, delivery.side - side), side


def _crop(picture: Picture, mask: NDArray[np.float32], delivery: Delivery, corner: Floats, side: int) -> FaceCrop:
    left, top = corner.astype(int)
    rows, columns = slice(top, top + side), slice(left, left + side)
    box = np.array([left, top, left + side, top + side], np.float64)
    return FaceCrop(
        np.ascontiguousarray(picture[rows, columns]),
        box,
        mask=np.ascontiguousarray(delivery.of_mask(mask)[rows, columns]),
    )
