"""NIQE: the distance of a picture's patches to those of pristine photographs (Mittal et al., SPL 2013).

A picture is cut into patches of 96 x 96 pixels; each gives 18 statistics at two scales. A Gaussian fitted to them is
compared with one fitted to photographs. The score depends on these photographs: with the authors' parameters it is
NIQE, with the model that is shipped here it is called ``niqe_vcli``, because it is another number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.quality.luma import grey_levels
from vision_cli.enhance_eval.quality.natural_scenes import (
    SHIFTS,
    Field,
    asymmetric_fits,
    halved,
    mean_factor,
    normalised,
    scale_factor,
)
from vision_cli.enhance_eval.values import Picture

PATCH = 96
FEATURES = 36
_SHARP = 0.75


@dataclass(frozen=True)
class NiqeModel:
    """A Gaussian of the features of pristine pictures.

    Attributes
    ----------
    mean
        ``(36,)``.
    covariance
        ``(36, 36)``.
    stride
        Pixels from patch to patch in the pictures that are scored: 96 as published.
    """

    mean: Field
    covariance: Field
    stride: int = PATCH


def niqe_features(levels: Field, stride: int = PATCH) -> Field:
    """Return the features of all patches, ``(N, 36)``: 18 of the picture, then 18 of half its size.

    Parameters
    ----------
    levels
        ``(H, W)``, grey levels 0 to 255.
    stride
        Pixels from patch to patch. At 96 patches lie side by side from the upper left corner, and what is left at the
        right and below is cut off, as published. At less they are spread evenly over the whole picture, no further
        apart than this.
    """
    return _patch_features(levels, stride)[0]


def niqe_score(features: Field, mean: Field, covariance: Field) -> float:
    """Return the distance of two Gaussians (eq. 10); 0 is best, NaN without patches.

    Parameters
    ----------
    features
        ``(N, 36)`` of a picture.
    mean, covariance
        Of pristine pictures.
    """
    features = features[np.isfinite(features).all(axis=1)]
    if not len(features):
        return float("nan")
    # One patch has no spread of its own.
    own = np.cov(features, rowvar=False) if len(features) > 1 else np.zeros_like(covariance)
    difference = mean - features.mean(axis=0)
    squared = float(difference @ np.linalg.pinv((covariance + own) / 2) @ difference)
    return float(np.sqrt(max(squared, 0.0)))


def niqe(picture: Picture, model: NiqeModel) -> float:
    """Return the score of a picture; NaN if a side is below 96 px."""
    if min(picture.shape[:2]) < PATCH:
        return float("nan")
    return niqe_score(niqe_features(grey_levels(picture), model.stride), model.mean, model.covariance)


def fit_niqe(pictures: Iterable[Picture], stride: int = PATCH // 2) -> NiqeModel:
    """Fit the model of pristine pictures to their sharp patches (Sec. II-C).

    Parameters
    ----------
    pictures
        Photographs, ``(H, W, 3)``.
    stride
        Pixels from patch to patch; half a patch by default, so that a few photographs give enough.

    Raises
    ------
    InputError
        If they have fewer sharp patches than features.
    """
    sharp = []
    for picture in pictures:
        features, sharpness = _patch_features(grey_levels(picture), stride)
        if len(sharpness):
            sharp.append(features[sharpness > _SHARP * sharpness.max()])
    kept = np.concatenate(sharp) if sharp else np.empty((0, FEATURES))
    kept = kept[np.isfinite(kept).all(axis=1)]
    if len(kept) <= FEATURES:
        raise InputError(
            f"{len(kept)} sharp patches of {PATCH} x {PATCH} pixels; more than {FEATURES} expected.",
            hint="Give more or larger photographs.",
        )
    return NiqeModel(kept.mean(axis=0), np.cov(kept, rowvar=False), stride)


def _patch_features(levels: Field, stride: int) -> tuple[Field, Field]:
    """Features ``(N, 36)`` and mean local deviation ``(N,)`` of the patches."""
    rows, columns = _corners(levels.shape[0], stride), _corners(levels.shape[1], stride)
    if not rows or not columns:
        return np.empty((0, FEATURES)), np.empty(0)
    levels = levels[: rows[-1] + PATCH, : columns[-1] + PATCH]
    coefficients, deviation = normalised(levels)
    fine = _statistics(_patches(coefficients, rows, columns, 1))
    coarse = _statistics(_patches(normalised(halved(levels))[0], rows, columns, 2))
    return np.hstack([fine, coarse]), _patches(deviation, rows, columns, 1).mean(axis=(1, 2))


def _corners(length: int, stride: int) -> list[int]:
    """First pixels of the patches along a side; even, so that patches of half the size have them too."""
    if length < PATCH:
        return []
    if stride >= PATCH:
        return list(range(0, length - PATCH + 1, stride))
    count = -(-(length - PATCH) // stride) + 1
    return [int(corner) // 2 * 2 for corner in np.linspace(0, length - PATCH, count)]


def _patches(field: Field, rows: list[int], columns: list[int], scale: int) -> Field:
    side = PATCH // scale
    corners = [(row // scale, column // scale) for row in rows for column in columns]
    return np.stack([field[row : row + side, column : column + side] for row, column in corners])


def _statistics(patches: Field) -> Field:
    """Return ``(N, 18)`` of patches ``(N, S, S)``; neighbours wrap around in a patch, as published."""
    count = len(patches)
    shape, left, right = asymmetric_fits(patches.reshape(count, -1))
    scale = scale_factor(shape)
    features = [shape, (left + right) * scale / 2]
    for shift in SHIFTS:
        products = patches * np.roll(patches, shift, axis=(1, 2))
        shape, left, right = asymmetric_fits(products.reshape(count, -1))
        scale = scale_factor(shape)
        features += [shape, (right - left) * scale * mean_factor(shape), left * scale, right * scale]
    return np.stack(features, axis=1)
