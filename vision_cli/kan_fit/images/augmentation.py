"""Choice of the augmentation of the training images, by validation.

Shifted images stand for further ones only where the classes allow it and where there are not too few epochs to learn
them, which no rule on sizes tells. So a small network of one space is trained twice to the end, for all epochs and with
a falling learning rate, on a part of the training images at a lower resolution: without and with shifts. A trial of few
epochs would always reject them, since shifted images take longer to learn. Shifts are kept where the negative
log-likelihood of the validation images, which are not shifted, falls by more than the standard error of its mean over
these images. Mirrored images, which may belong to another class, are used only on request.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.names import Augmentation

_LEAST_SIDE = 14
_MOST_OF_IMAGES = 0.4
_FEWEST_OF_A_CLASS = 8


@dataclass(frozen=True)
class AugmentationTrial:
    """A short training with an augmentation, or without one.

    Attributes
    ----------
    augment
        The augmentation.
    val_accuracy, val_nll
        Accuracy, and mean negative log-likelihood in nats, on the validation images.
    gain, gain_error
        By how much the latter is lower than without augmentation, and the standard error of that; None of the training
        without augmentation.
    kept
        Whether it was chosen.
    """

    augment: Augmentation
    val_accuracy: float
    val_nll: float
    gain: float | None
    gain_error: float | None
    kept: bool


def likelihood_gain(before: Tensor, after: Tensor, labels: Tensor) -> tuple[float, float]:
    """Return by how much the mean negative log-likelihood falls, in nats, and the standard error of that.

    Parameters
    ----------
    before, after
        Logits of the same images, ``(N, classes)``.
    labels
        True classes, ``(N,)``.
    """
    losses = [functional.cross_entropy(one.double(), labels, reduction="none") for one in (before, after)]
    gains = losses[0] - losses[1]
    return float(gains.mean()), float(gains.std(correction=0)) / len(gains) ** 0.5


def probe_images(images: Images, share: float, seed: int) -> Images:
    """Return a part of the images, at most 40 %, at a lower resolution where they are large.

    Parameters
    ----------
    images
        Training images.
    share
        Share of the images at full resolution; of smaller images there are so many more as take the same time.
    seed
        Of the choice.
    """
    wanted = min(share * _factor(images) ** 2, _MOST_OF_IMAGES)
    order = np.random.default_rng((seed, 5)).permutation(len(images))
    kept: list[int] = []
    for label in np.unique(images.labels):
        of_class = order[images.labels[order] == label]
        kept += of_class[: max(round(wanted * len(of_class)), _FEWEST_OF_A_CLASS)].tolist()
    return reduced_images(images.subset(np.sort(np.array(kept, dtype=np.int64))))


def reduced_images(images: Images) -> Images:
    """Return images of which blocks of pixels are averaged such that the shorter side keeps 14 pixels or more."""
    factor = _factor(images)
    if factor == 1:
        return images
    count, height, width, channels = images.pixels.shape
    rows, columns = height // factor, width // factor
    blocks = images.pixels[:, : rows * factor, : columns * factor].reshape(
        count, rows, factor, columns, factor, channels
    )
    means = np.stack([np.rint(one.mean(axis=(1, 3))).astype(np.uint8) for one in blocks])
    return Images(means, images.labels, images.names)


def _factor(images: Images) -> int:
    return max(1, int(min(images.pixels.shape[1:3])) // _LEAST_SIDE)
