"""Exposure fusion of pictures of one scene (Mertens, Kautz and Van Reeth 2007), through OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.enhance_eval.methods.classical.values import finished
from vision_cli.enhance_eval.values import Picture


def exposure_fusion(pictures: Sequence[Picture]) -> Picture:
    """Return the fusion of exposures of one scene by contrast, saturation and well-exposedness (Mertens et al. 2007).

    Parameters
    ----------
    pictures
        ``(H, W, 3)`` each.
    """
    import cv2

    # OpenCV divides by 255 whatever the type; the sharpening of its pyramid overshoots a little.
    exposures = [np.ascontiguousarray(255 * one) for one in pictures]
    # Its threads add the weights up in the order in which they end, so the last bits would differ from run to run.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        fused = cv2.createMergeMertens().process(exposures)
    finally:
        cv2.setNumThreads(threads)
    # Where all weights are 0, as between black copies, it divides by 0.
    return finished(np.where(np.isfinite(fused), fused, pictures[0]).reshape(pictures[0].shape))
