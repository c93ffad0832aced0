"""``vcli forgery-detect``: generated and forged faces (MFCLIP, arXiv:2409.09724, and GM-DF, arXiv:2406.20078)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vision_cli.forgery_detect.options.faces import FaceOptions
    from vision_cli.forgery_detect.pipeline.opening import FaceVerdict, ForgeryDetector, open_detector

__all__ = ["FaceOptions", "FaceVerdict", "ForgeryDetector", "open_detector"]

__getattr__ = lazy_names(
    __name__,
    {
        "FaceOptions": "options.faces",
        "FaceVerdict": "pipeline.opening",
        "ForgeryDetector": "pipeline.opening",
        "open_detector": "pipeline.opening",
    },
)
