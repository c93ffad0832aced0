"""Episodes as batches of one fixed size.

All episodes of a batch have the same number of supports, drawn for the batch; every random number follows from the seed
and the number of the sample, so that an interrupted training goes on with the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vision_cli.fewshot_seg.networks.backbones import normalise
from vision_cli.fewshot_seg.training.style import Floats, in_style_of
from vision_cli.fewshot_seg.values import Mask, Picture


class AnnotatedPicture(Protocol):
    """A picture ``(side, side, 3)`` with its mask; an attribute ``ignored``, a mask, may say where nothing is known."""

    @property
    def picture(self) -> Picture:
        """The picture."""
        ...

    @property
    def mask(self) -> Mask:
        """Where the class is; empty in a query without it."""
        ...


class Episode(Protocol):
    """Supports of a class and a query."""

    @property
    def supports(self) -> Sequence[AnnotatedPicture]:
        """Annotated pictures of the class."""
        ...

    @property
    def query(self) -> AnnotatedPicture:
        """The picture to segment, and its true mask."""
        ...


class EpisodeSource(Protocol):
    """Where episodes come from."""

    def __call__(self, rng: np.random.Generator, *, side: int, shots: int) -> Episode:
        """Return a random episode of square pictures."""
        ...


@dataclass(frozen=True)
class Batch:
    """B episodes of K supports; pictures are normalised, masks and ``known`` float32 of 0 and 1.

    Attributes
    ----------
    images, masks, known
        Supports ``(B, K, 3, S, S)``, ``(B, K, S, S)`` twice.
    query, query_mask, query_known
        ``(B, 3, S, S)``, ``(B, S, S)`` twice.
    chosen
        ``(B,)`` int64, the support that is predicted from the others.
    view, view_mask, view_known
        That support once more, turned or mirrored, in the style of the next episode's.
    """

    images: Tensor
    masks: Tensor
    known: Tensor
    query: Tensor
    query_mask: Tensor
    query_known: Tensor
    chosen: Tensor
    view: Tensor
    view_mask: Tensor
    view_known: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass(frozen=True)
class _Pictures:
    """Some pictures ``(n, S, S, 3)`` of 0 to 255 with masks and known pixels ``(n, S, S)``, float32."""

    images: Floats
    masks: Floats
    known: Floats

    def normalised(self) -> tuple[Tensor, Tensor, Tensor]:
        images = torch.from_numpy(np.ascontiguousarray(np.moveaxis(self.images, -1, 1)))
        return normalise(images), torch.from_numpy(self.masks), torch.from_numpy(self.known)


def make_batch(episodes: Sequence[Episode], rngs: Sequence[np.random.Generator]) -> Batch:
    """Return episodes of one size as a batch.

    Parameters
    ----------
    episodes
        All of the same number of supports and of the same side.
    rngs
        One an episode: which support is predicted, and its view.
    """
    supports = [_pictures(episode.supports) for episode in episodes]
    queries = _pictures([episode.query for episode in episodes])
    chosen = [int(rng.integers(len(episode.supports))) for episode, rng in zip(episodes, rngs, strict=True)]
    # The neighbour's style: its class is another, so style and class are told apart within a batch.
    views = [
        _view(own, number, donor.images[other], rng)
        for own, number, donor, other, rng in zip(
            supports, chosen, supports[1:] + supports[:1], chosen[1:] + chosen[:1], rngs, strict=True
        )
    ]
    view = _Pictures(*(np.stack(parts) for parts in zip(*views, strict=True)))
    parts = [one.normalised() for one in supports]
    images, masks, known = (torch.stack([part[which] for part in parts]) for which in range(3))
    return Batch(images, masks, known, *queries.normalised(), torch.tensor(chosen), *view.normalised())


def _pictures(annotated: Sequence[AnnotatedPicture]) -> _Pictures:
    masks = np.stack([one.mask for one in annotated])
    # Generated episodes know every pixel and have no such attribute.
    ignored = [getattr(one, "ignored", None) for one in annotated]
    unknown = [np.zeros_like(masks[0]) if one is None else one for one in ignored]
    images = np.stack([one.picture for one in annotated])
    return _Pictures(images.astype(np.float32), masks.astype(np.float32), (~np.stack(unknown)).astype(np.float32))


def _view(pictures: _Pictures, number: int, donor: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return a picture turned by right angles, perhaps mirrored, in another style; mask and known pixels with it."""
    turns, is_mirrored = int(rng.integers(4)), rng.random() < 0.5
    styled = in_style_of(pictures.images[number], donor, rng)

    def turn(values: Floats) -> Floats:
        turned = np.rot90(values, turns)
        return np.ascontiguousarray(turned[:, ::-1] if is_mirrored else turned)

    return turn(styled), turn(pictures.masks[number]), turn(pictures.known[number])
