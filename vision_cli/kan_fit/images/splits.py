"""Stratified random split of labelled images into training, validation and test images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.images.data import Images, ImageSet


@dataclass(frozen=True)
class ImageSplit:
    """Images to train, to validate and to test on."""

    train: Images
    val: Images
    test: Images


def split_images(images: ImageSet, val: float, test: float, seed: int) -> ImageSplit:
    """Return a random split with the same share of each class in every part.

    Parameters
    ----------
    images
        The data set; its own test images are kept where it has some.
    val, test
        Fractions to validate and to test on: the former of the images that are not tested on, the latter of a data set
        without a test part.
    seed
        Of the split.

    Raises
    ------
    InputError
        If a class has too few images for the fractions.
    """
    from sklearn.model_selection import train_test_split

    def divided(whole: Images, fraction: float) -> tuple[Images, Images]:
        try:
            first, second = train_test_split(
                np.arange(len(whole)), test_size=fraction, stratify=whole.labels, random_state=seed
            )
        except ValueError as error:
            raise InputError(
                f"{len(whole)} images in {len(images.classes)} classes cannot be divided ({error}).",
                hint="Give more images of each class, or other fractions.",
            ) from error
        return whole.subset(np.sort(first)), whole.subset(np.sort(second))

    rest, tested = (images.train, images.test) if images.test is not None else divided(images.train, test)
    return ImageSplit(*divided(rest, val), tested)


def concatenate_images(first: Images, second: Images) -> Images:
    """Return the images of both, which have the same shape."""
    return Images(
        np.concatenate([first.pixels, second.pixels]),
        np.concatenate([first.labels, second.labels]),
        (*first.names, *second.names),
    )
