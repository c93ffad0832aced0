"""Grey levels of a picture, as programs see it that read 8-bit files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.luma import luma


def grey_levels(picture: Picture) -> NDArray[np.float64]:
    """Return the luma in whole grey levels, 0 to 255: what the published programs see, as they read 8-bit files."""
    return np.rint(255 * luma(picture))
