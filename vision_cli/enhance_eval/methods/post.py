"""What may follow a method: ``+nlm`` and ``+bilateral`` remove noise from its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from vision_cli.enhance_eval.values import Picture

_NLM_STRENGTH, _NLM_PATCH, _NLM_WINDOW = 6.0, 7, 21
_BILATERAL_DIAMETER, _BILATERAL_RANGE, _BILATERAL_SPACE = 7, 0.1, 3.0


def non_local_means(picture: Picture) -> Picture:
    """Return the picture after non-local means in CIELAB, on 8 bits (Buades et al. 2011; OpenCV)."""
    import cv2

    pixels = np.ascontiguousarray(np.rint(255 * picture).astype(np.uint8)[..., ::-1])
    cleaned = cv2.fastNlMeansDenoisingColored(pixels, None, _NLM_STRENGTH, _NLM_STRENGTH, _NLM_PATCH, _NLM_WINDOW)
    return np.asarray(cleaned[..., ::-1] / np.float32(255), dtype=np.float32)


def bilateral(picture: Picture) -> Picture:
    """Return the picture after a bilateral filter of 7 px (Tomasi and Manduchi 1998; OpenCV)."""
    import cv2

    smoothed = cv2.bilateralFilter(
        np.ascontiguousarray(picture), _BILATERAL_DIAMETER, _BILATERAL_RANGE, _BILATERAL_SPACE
    )
    return np.clip(np.asarray(smoothed, dtype=np.float32), 0, 1).reshape(picture.shape)


POST: Mapping[str, Callable[[Picture], Picture]] = MappingProxyType({"nlm": non_local_means, "bilateral": bilateral})
