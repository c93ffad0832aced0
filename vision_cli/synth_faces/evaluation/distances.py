"""Distances between real and generated faces in a named space of features: Fréchet distance and KID.

A Fréchet distance is called FID only where the features are those of the Inception network that FID is defined on; in
any other space the number is of that space, and its name says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

Floats = NDArray[np.float64]

INCEPTION = "inception-v3-2015-12-05"
"""The network of Heusel et al. 2017, 2048 features after its last pooling."""

_SUBSETS, _SUBSET = 100, 1000
_LEAST = 2


@dataclass(frozen=True)
class FeatureSet:
    """Features of pictures.

    Attributes
    ----------
    space
        Name of the network and layer, as ``fer``; letters, digits, ``-`` and ``_``.
    values
        ``(N, F)``, finite.

    Raises
    ------
    InputError
        If they are not.
    """

    space: str
    values: Floats = field(repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.space, re.ASCII):
            raise InputError(f"space of features {self.space!r}; letters, digits, - and _ expected.")
        if self.values.ndim != 2 or len(self.values) < _LEAST or not np.isfinite(self.values).all():
            raise InputError(
                f"features of {self.space}: {self.values.shape}; two pictures or more, and finite numbers expected."
            )


@dataclass(frozen=True)
class FrechetDistance:
    """A Fréchet distance.

    Attributes
    ----------
    name
        ``fid``, or ``fd_`` and the space.
    value
        Squared, as FID is.
    notes
        A sentence where it is not to be trusted.
    """

    name: str
    value: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance.

    Attributes
    ----------
    name
        ``kid_`` and the space.
    mean, sd
        Over subsets, not multiplied by 1000.
    """

    name: str
    mean: float
    sd: float


def frechet_distance(real: FeatureSet, generated: FeatureSet) -> FrechetDistance:
    """Return the squared Fréchet distance between normal distributions of the features (Heusel et al. 2017, eq. 6).

    The trace of the root of the product of the covariances is the sum of the singular values of the product of their
    roots: exact however few pictures there are, without the root of a matrix that is not symmetric.

    Raises
    ------
    InputError
        If the spaces differ.
    """
    _require_one_space(real, generated)
    one, other = real.values, generated.values
    mean = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    first, second = _root(one), _root(other)
    common = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    value = float(mean + (first**2).sum() + (second**2).sum() - 2 * common)
    fewest, features = min(len(one), len(other)), one.shape[1]
    notes: tuple[str, ...] = ()
    if fewest <= features:
        bias = "the Fréchet distance is too large by an unknown amount; trust the kernel distance."
        notes = (f"{fewest} pictures for {features} features: {bias}",)
    return FrechetDistance("fid" if real.space == INCEPTION else f"fd_{real.space}", max(value, 0.0), notes)


def kernel_distance(
    real: FeatureSet, generated: FeatureSet, *, subsets: int = _SUBSETS, size: int = _SUBSET, seed: int = 0
) -> KernelDistance:
    """Return the unbiased squared MMD of the kernel ``(x.y / F + 1)^3`` over random subsets (Binkowski et al. 2018).

    Parameters
    ----------
    real, generated
        Features.
    subsets, size
        How many subsets are drawn without replacement, of how many pictures; at most as many as there are.
    seed
        Of the subsets.

    Raises
    ------
    InputError
        If the spaces differ.
    """
    _require_one_space(real, generated)
    size = min(size, len(real.values), len(generated.values))
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        of_generated = rng.choice(len(generated.values), size, replace=False)
        of_real = rng.choice(len(real.values), size, replace=False)
        values.append(_squared_mmd(generated.values[of_generated], real.values[of_real]))
    return KernelDistance(f"kid_{real.space}", float(np.mean(values)), float(np.std(values)))


def _root(values: Floats) -> Floats:
    """Return R of which ``R.T @ R`` is the covariance: ``(F, F)``, or ``(N, F)`` of fewer pictures than features."""
    centred = (values - values.mean(axis=0)) / np.sqrt(len(values) - 1)
    if len(values) <= values.shape[1]:
        return np.asarray(centred, dtype=np.float64)
    return np.asarray(np.linalg.qr(centred, mode="r"), dtype=np.float64)


def _squared_mmd(first: Floats, second: Floats) -> float:
    count = len(first)
    within = sum((kernel := _kernel(part, part)).sum() - np.trace(kernel) for part in (first, second))
    return float(within / (count * (count - 1)) - 2 * _kernel(first, second).mean())


def _kernel(first: Floats, second: Floats) -> Floats:
    return np.asarray((first @ second.T / first.shape[1] + 1) ** 3, dtype=np.float64)


def _require_one_space(real: FeatureSet, generated: FeatureSet) -> None:
    if real.space != generated.space or real.values.shape[1] != generated.values.shape[1]:
        sizes = real.values.shape[1], generated.values.shape[1]
        raise InputError(
            f"features of {real.space} ({sizes[0]}) and {generated.space} ({sizes[1]}); one space expected."
        )
