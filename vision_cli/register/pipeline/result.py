"""The result of a registration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.volumes.raw import SlicePlane
from vision_cli.register.optimisation.optimise import DeformableKind, Step
from vision_cli.register.options.registration import Metric
from vision_cli.register.pipeline.prediction import NetworkContribution
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.orientation import Orientation, orientation_of
from vision_cli.register.transforms.regularity import Regularity
from vision_cli.register.transforms.slices import affine_in_space, displacement_in_space
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, Transform, invert


@dataclass(frozen=True)
class Similarity:
    """Mean squared local correlation (LNCC) of a pair, in [0, 1].

    Attributes
    ----------
    before
        With the positions in the headers.
    affine
        After the linear alignment.
    after
        After the whole registration.
    """

    before: float = math.nan
    affine: float = math.nan
    after: float = math.nan


@dataclass(frozen=True)
class InverseError:
    """Length of ``inverse(warp(x)) - x`` and ``warp(inverse(x)) - x`` together, over the fixed foreground, in voxels.

    Attributes
    ----------
    mean_voxels, p99_voxels
        Mean and 99 % quantile.
    """

    mean_voxels: float
    p99_voxels: float


@dataclass(frozen=True)
class ImageTerm:
    """The image term of a registration, as ``run.json`` records it.

    Attributes
    ----------
    metric
        Its name.
    mapped
        Whether the moving intensities were mapped to those expected in the fixed image, because the contrasts differ.
    explained, increasing
        Shares of the fixed intensities' variance that a function of the moving ones, and an increasing function,
        explain after the linear alignment; None where the metric was given.
    """

    metric: Metric = "lncc"
    mapped: bool = False
    explained: float | None = None
    increasing: float | None = None


@dataclass(frozen=True)
class LevelContribution:
    """Contribution of one wavelet level to the field.

    Attributes
    ----------
    name
        Band and resolution of the level, as ``detail 4 mm``.
    rms_mm
        Root mean square of the level's part of the field in mm.
    energy_share
        Share of the energy of all levels, in [0, 1].
    """

    name: str
    rms_mm: float
    energy_share: float


@dataclass(frozen=True)
class Registration:
    """The result of a registration.

    Attributes
    ----------
    affine
        Fixed RAS mm -> moving RAS mm.
    work_grid
        Grid on which the images were compared.
    foreground_voxels
        Voxels of the fixed foreground that the measures below are taken over.
    similarity
        Local correlation before, after the linear alignment and after the registration.
    warp, inverse_warp
        Displacements on the grid of the fixed image; None for a linear transform. The whole map is ``y = A(x + u(x))``,
        its inverse ``x = y' + u_inv(y')`` with ``y' = A^-1 y``.
    log_jacobian
        Log of the determinant of the warp on the fixed grid; None for a linear transform.
    folded_voxels
        Voxels of the fixed foreground whose determinant is not positive.
    sdlogj
        Standard deviation of the log-determinant over the fixed foreground.
    jacobian_range
        Least and greatest determinant over the fixed foreground.
    over_grid
        Regularity over the whole grid of the fixed image; None for a linear transform.
    inverse_error
        Error of the inverse warp.
    history
        The iterations.
    levels
        Contributions of the wavelet levels, coarsest first.
    coefficients
        Wavelet coefficients, coarsest first; empty for a linear transform.
    kind, wavelet
        What the coefficients represent (``diffeo``: a velocity field, ``displacement``), and their wavelet.
    field_grid
        Grid of the field that the coefficients synthesise.
    repairs
        Rounds of fold repair.
    seconds
        Wall time of each phase.
    notes
        Warnings for the user.
    affine_kept
        Whether no deformation fitted better than the affine, so that the warp is zero.
    network
        Contribution of the network; None without one.
    image_term
        The image term that was used.
    """

    affine: AffineTransform
    work_grid: Grid
    foreground_voxels: int
    similarity: Similarity = Similarity()
    warp: DisplacementTransform | None = None
    inverse_warp: DisplacementTransform | None = None
    log_jacobian: NDArray[np.float32] | None = None
    folded_voxels: int | None = None
    sdlogj: float | None = None
    jacobian_range: tuple[float, float] | None = None
    over_grid: Regularity | None = None
    inverse_error: InverseError | None = None
    history: tuple[Step, ...] = ()
    levels: tuple[LevelContribution, ...] = ()
    coefficients: tuple[NDArray[np.float32], ...] = ()
    kind: DeformableKind = "diffeo"
    wavelet: str = ""
    field_grid: Grid | None = None
    repairs: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    network: NetworkContribution | None = None
    affine_kept: bool = False
    image_term: ImageTerm = ImageTerm()

    def __repr__(self) -> str:
        grid = self.work_grid if self.warp is None else self.warp.grid
        words = [f"{'linear' if self.warp is None else self.kind} on {grid.shape}"]
        words.append(
            f"local correlation {self.similarity.before:.3f} before, {self.similarity.affine:.3f} affine, "
            f"{self.similarity.after:.3f} after"
        )
        words.append(f"affine {self.orientation.rotation_deg:.0f} degrees from the headers")
        if self.folded_voxels is not None:
            words.append(f"{self.folded_voxels} folded voxels")
        return f"Registration({'; '.join(words)})"

    def in_space(self, fixed: SlicePlane, moving: SlicePlane | None) -> Registration:
        """Return the registration of two slices with its transforms in space, on the grid of the fixed file."""
        return replace(
            self,
            affine=affine_in_space(self.affine, fixed, moving),
            warp=None if self.warp is None else displacement_in_space(self.warp, fixed),
            inverse_warp=None if self.inverse_warp is None else displacement_in_space(self.inverse_warp, fixed),
            log_jacobian=None if self.log_jacobian is None else np.expand_dims(self.log_jacobian, fixed.axis),
        )

    @property
    def orientation(self) -> Orientation:
        """How the linear part turns the moving image from the positions in the headers, and whether it mirrors."""
        return orientation_of(self.affine.matrix)

    @property
    def chain(self) -> tuple[Transform, ...]:
        """Transforms from fixed to moving points, in the order in which they are applied."""
        return (self.affine,) if self.warp is None else (self.warp, self.affine)

    @property
    def inverse_chain(self) -> tuple[Transform, ...]:
        """Transforms from moving to fixed points, in the order in which they are applied."""
        backward = invert(self.affine)
        return (backward,) if self.inverse_warp is None else (backward, self.inverse_warp)
