"""From labels to the image that a scanner would take of them.

Every tissue has a mean intensity and a faint texture; voxels at borders are mixtures; the coil shades the
picture slowly; the noise of a magnitude image is Rician.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.noise import Waves


@dataclass(frozen=True)
class Scanner:
    """What a scanner adds to the intensities of tissue, in units of the brightest tissue.

    Attributes
    ----------
    noise
        Standard deviation of the noise in each of the two channels of the complex signal.
    shading
        Standard deviation of the logarithm of the coil's sensitivity.
    shading_mm
        Correlation length of that sensitivity.
    texture
        Standard deviation of intensity inside a tissue, relative to its mean.
    blur_voxels
        Width of the point spread.
    """

    noise: float = 0.015
    shading: float = 0.12
    shading_mm: float = 80.0
    texture: float = 0.04
    blur_voxels: float = 0.4

    def take(
        self,
        means: Mapping[int, float],
        samples: Sequence[Labels],
        spacing: Sequence[float],
        rng: np.random.Generator,
    ) -> Floats:
        """Take an image.

        Parameters
        ----------
        means
            Mean intensity of each label; others are dark.
        samples
            Label maps ``(*grid)``: the labels at one or more places in each voxel, which shows their mixture.
        spacing
            Voxel size in mm along each axis.
        rng
            Where the random numbers come from.

        Returns
        -------
        ndarray
            ``(*grid)`` float32, not negative.
        """
        table = np.zeros(256, np.float32)
        for label, mean in means.items():
            table[label] = mean
        signal = np.mean([table[labels] for labels in samples], axis=0, dtype=np.float32)
        shape = signal.shape
        grain = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), 0.8)
        signal *= 1 + (self.texture / grain.std()) * grain
        signal = ndimage.gaussian_filter(signal, self.blur_voxels, truncate=3)
        axes = tuple((np.arange(n) * step).astype(np.float32) for n, step in zip(shape, spacing, strict=True))
        sensitivity = Waves.correlated(rng, self.shading_mm, count=16, ndim=len(shape)).on_grid(axes)
        signal *= np.exp(self.shading * sensitivity)
        real = signal + self.noise * rng.standard_normal(shape, np.float32)
        imaginary = self.noise * rng.standard_normal(shape, np.float32)
        image: Floats = np.hypot(real, imaginary)
        return image
