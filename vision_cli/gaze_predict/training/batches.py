"""Readings as batches of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.networks.heads import POINTS
from vision_cli.gaze_predict.text.tokenizer import TextTokenizer, pad
from vision_cli.gaze_predict.training.augmentation import Warp
from vision_cli.gaze_predict.training.readings import FilmReadings, PathPoints, Reading, to_eight
from vision_cli.gaze_predict.values import Floats

_STRIDE = 4
"""Pixels of a film's side in a cell of the density."""


@dataclass(frozen=True)
class Batch:
    """F films of S px with B sentences.

    Attributes
    ----------
    films
        ``(F, 1, S, S)``, 0 to 1.
    which
        ``(B,)`` int64, the film of each sentence.
    tokens, mask
        ``(B, L)`` int64 and bool.
    density
        ``(B, S/4, S/4)``, each sums to 1.
    points
        ``(B, 8, 2)``, see `to_eight`.
    log_durations
        ``(B, 8)``, of seconds; NaN where a duration is not known.
    ends
        ``(B, 8)``, 1 at the last fixation of a path and 0 before it, NaN after it.
    seed
        ``(1,)`` int64, of the dropout, so that a step does not depend on those before it.
    """

    films: Tensor
    which: Tensor
    tokens: Tensor
    mask: Tensor
    density: Tensor
    points: Tensor
    log_durations: Tensor
    ends: Tensor
    seed: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def make_batch(
    films: Sequence[FilmReadings],
    rngs: Sequence[np.random.Generator],
    tokenizer: TextTokenizer,
    *,
    augments: bool = False,
    without_text: float = 0.0,
) -> Batch:
    """Return films of one size and their readings as a batch.

    Parameters
    ----------
    films
        Each with one reading or more.
    rngs
        One a film, of the changes.
    tokenizer
        Of the text encoder.
    augments
        Whether films are turned, shifted and scaled.
    without_text
        Share of the readings whose sentence is left out, so that the network also answers without one.

    Raises
    ------
    InputError
        If a density is not finite, negative or zero everywhere.
    """
    pixels: list[Floats] = []
    rows: list[tuple[int, str, Floats, PathPoints]] = []
    for number, (film, rng) in enumerate(zip(films, rngs, strict=True)):
        warp = Warp.random(rng) if augments else None
        pixels.append(film.pixels if warp is None else warp.picture(film.pixels, edge=True))
        for reading in film.readings:
            sentence = "" if rng.random() < without_text else reading.sentence
            rows.append((number, sentence, *_target(reading, warp, pixels[-1].shape[0] // _STRIDE)))
    which, sentences, densities, paths = zip(*rows, strict=True)
    tokens, mask = pad([tokenizer.encode(sentence) for sentence in sentences])
    with np.errstate(divide="ignore"):
        logs = np.log(np.stack([path.durations for path in paths]).astype(np.float32))
    return Batch(
        torch.from_numpy(np.stack(pixels).astype(np.float32))[:, None],
        torch.tensor(which),
        torch.from_numpy(tokens),
        torch.from_numpy(mask),
        torch.from_numpy(np.stack(densities)),
        torch.from_numpy(np.stack([path.points for path in paths])),
        torch.from_numpy(np.where(np.isfinite(logs), logs, np.nan)),
        torch.from_numpy(np.stack([_ends(path) for path in paths])),
        torch.from_numpy(rngs[0].integers(2**62, size=1)),
    )


def _target(reading: Reading, warp: Warp | None, side: int) -> tuple[Floats, PathPoints]:
    """Return the density at the network's size and the path; of a changed film, what is still on it."""
    density, points, durations = reading.density, reading.points, reading.durations
    if warp is not None:
        moved, kept = warp.picture(density, edge=False), warp.points(points)
        inside = ((kept >= 0) & (kept <= 1)).all(1)
        # A path that leaves the film whole is clipped to its edge rather than lost,
        if inside.any():
            kept, durations = kept[inside], durations[inside]
        # and a density that leaves it stays as it was.
        density, points = moved if moved.any() else density, kept.clip(0, 1)
    return _resized(density, side), to_eight(points, durations)


def _resized(density: Floats, side: int) -> Floats:
    """Return a density ``(side, side)`` that sums to 1: sums of cells where it shrinks, bilinear where it grows."""
    values = torch.from_numpy(np.ascontiguousarray(density, dtype=np.float32))[None, None]
    if side <= min(density.shape):
        values = torch.nn.functional.adaptive_avg_pool2d(values, side)
    else:
        values = torch.nn.functional.interpolate(values, size=(side, side), mode="bilinear", align_corners=False)
    total = float(values.sum())
    if not (np.isfinite(total) and total > 0 and float(values.min()) >= 0):
        raise InputError(f"a density of gaze with sum {total:g} found; numbers of 0 or more, not all 0, expected.")
    return np.asarray(values[0, 0].numpy() / total, np.float32)


def _ends(path: PathPoints) -> Floats:
    ends = np.full(POINTS, np.nan, np.float32)
    ends[: path.length] = 0
    # Of a path with more than eight fixations only eight are taken, and none of them is its end.
    ends[path.length - 1] = float(path.is_whole)
    return ends
