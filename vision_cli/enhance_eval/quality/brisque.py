"""BRISQUE: 36 statistics of a picture, and their score by the authors' support vectors (Mittal et al., TIP 2012).

The score exists only with the authors' files: ``allmodel``, a model of LIBSVM, and ``allrange``, by which features are
scaled. Without them there are features and no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError, MissingError
from vision_cli.enhance_eval.quality.luma import grey_levels
from vision_cli.enhance_eval.quality.natural_scenes import (
    SHIFTS,
    Field,
    asymmetric_fits,
    halved,
    mean_factor,
    normalised,
    scale_factor,
    symmetric_fits,
)
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.limits import require_room

FEATURES = 36
_COPIES = 20


@dataclass(frozen=True)
class BrisqueModel:
    """Support vector regression with a radial kernel.

    Attributes
    ----------
    gamma, rho
        Of the kernel, and the offset that is subtracted.
    weights, vectors
        Of the support vectors, ``(M,)`` and ``(M, 36)``.
    low, high
        Values of each feature that are scaled to -1 and 1, ``(36,)``.
    """

    gamma: float
    rho: float
    weights: Field
    vectors: Field
    low: Field
    high: Field


def brisque_features(levels: Field) -> Field:
    """Return the statistics, ``(36,)``: 18 of the picture, then 18 of half its size.

    Parameters
    ----------
    levels
        ``(H, W)``, grey levels 0 to 255.
    """
    return np.concatenate([_statistics(normalised(levels)[0]), _statistics(normalised(halved(levels))[0])])


def brisque(picture: Picture, model: BrisqueModel) -> float:
    """Return the score of a picture; about 0 to 100, smaller is better."""
    features = brisque_features(grey_levels(picture))
    scaled = 2 * (features - model.low) / (model.high - model.low) - 1
    distances = ((model.vectors - scaled) ** 2).sum(axis=1)
    return float(model.weights @ np.exp(-model.gamma * distances) - model.rho)


def read_brisque(model: Path, ranges: Path) -> BrisqueModel:
    """Read the authors' two files.

    Raises
    ------
    MissingError
        If one is not there.
    InputError
        If one is not of its format.
    """
    try:
        header, _, body = _text(model).partition("\nSV\n")
        settings = dict(line.split(None, 1) for line in header.splitlines() if " " in line)
        if settings["svm_type"].strip() != "epsilon_svr" or settings["kernel_type"].strip() != "rbf":
            raise ValueError("not an epsilon_svr with an rbf kernel")
        rows = [line.split() for line in body.splitlines() if line.strip()]
        weights = np.array([float(row[0]) for row in rows])
        vectors = np.zeros((len(rows), FEATURES))
        for vector, row in zip(vectors, rows, strict=True):
            for word in row[1:]:
                index, _, number = word.partition(":")
                vector[_feature(index)] = float(number)
        gamma, rho = float(settings["gamma"]), float(settings["rho"])
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{model}: no model of LIBSVM with {FEATURES} features ({error}).", hint="Give the authors' allmodel."
        ) from error
    low, high = _read_ranges(ranges)
    return BrisqueModel(gamma, rho, weights, vectors, low, high)


def _read_ranges(path: Path) -> tuple[Field, Field]:
    low, high = np.full(FEATURES, np.nan), np.full(FEATURES, np.nan)
    try:
        # The first two lines are an x and the range that features are scaled to.
        for line in _text(path).splitlines()[2:]:
            if line.strip():
                index, least, most = line.split()
                low[_feature(index)], high[_feature(index)] = float(least), float(most)
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: no range file of LIBSVM ({error}).", hint="Give the authors' allrange.") from error
    if not np.all(high > low):
        raise InputError(f"{path}: ranges of {int((high > low).sum())} features; {FEATURES} expected.")
    return low, high


def _feature(word: str) -> int:
    number = int(word)
    if not 1 <= number <= FEATURES:
        raise ValueError(f"feature {number}")
    return number - 1


def _text(path: Path) -> str:
    if not path.is_file():
        raise MissingError(f"{path}: no such file.", hint="Give the authors' parameter file.")
    size = path.stat().st_size
    require_room(path, _COPIES * size, f"a text of {size} bytes")
    return path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")


def _statistics(coefficients: Field) -> Field:
    shape, deviation = symmetric_fits(coefficients.reshape(1, -1))
    features = [shape, deviation**2]
    for shift in SHIFTS:
        products = coefficients * np.roll(coefficients, shift, axis=(0, 1))
        shape, left, right = asymmetric_fits(products.reshape(1, -1))
        mean = (right - left) * scale_factor(shape) * mean_factor(shape)
        features += [shape, mean, left**2, right**2]
    return np.concatenate(features)
