"""How a picture reaches its reader: the same random steps for both pictures of a pair, so that no codec parts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.simulation.pixels import blurred, log_uniform, resized, rounded
from vision_cli.forgery_detect.values import Picture
from vision_cli.io.pictures.encodings import through_jpeg


@dataclass(frozen=True)
class Delivery:
    """Steps of a delivery, in this order.

    Attributes
    ----------
    first_quality
        Of a JPEG at the size at which a picture was made; 0 for none.
    side
        Rows and columns that it is resized to.
    blur
        Standard deviation in pixels; 0 for none.
    noise
        Standard deviation in grey levels; 0 for none.
    seed
        Of the noise.
    quality
        Of the last JPEG.
    """

    first_quality: int
    side: int
    blur: float
    noise: float
    seed: int
    quality: int

    def __call__(self, picture: Picture) -> Picture:
        """Return a square picture as it arrives, ``(side, side, 3)``."""
        if self.first_quality:
            picture = through_jpeg(picture, self.first_quality)
        planes = resized(picture, self.side).astype(np.float32)
        if self.blur:
            planes = blurred(planes, self.blur)
        if self.noise:
            noise = np.random.default_rng(self.seed).standard_normal(planes.shape, dtype=np.float32)
            planes = planes + np.float32(self.noise) * noise
        return through_jpeg(rounded(planes), self.quality)

    def of_mask(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a mask ``(N, N)`` at the size of the picture that arrives."""
        return np.asarray(np.clip(resized(mask, self.side), 0, 1), np.float32)


def draw_delivery(rng: np.random.Generator) -> Delivery:
    """Draw a delivery: mostly a reduction by 0.6 to 0.8 and JPEG 75 to 95, now and then anything from 0.5 to 1.5.

    Web sites and data sets reduce and compress; blur and noise are rare, and JPEG below 70 too.
    """
    is_usual = rng.random() < 0.65
    side = 1024 * (rng.uniform(0.6, 0.8) if is_usual else log_uniform(rng, 0.5, 1.5))
    quality = rng.integers(75, 96) if is_usual else rng.integers(40, 101)
    return Delivery(
        first_quality=int(rng.choice([0, 75, 75, 90])),
        side=round(side),
        blur=0.0 if is_usual or rng.random() < 0.6 else float(rng.uniform(0.3, 1.0)),
        noise=0.0 if is_usual or rng.random() < 0.6 else log_uniform(rng, 0.5, 4),
        seed=int(rng.integers(2**62)),
        quality=int(quality),
    )
