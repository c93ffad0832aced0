"""``vcli fewshot-seg``: a new class from one to five annotated pictures, in any domain (TAVP, arXiv:2409.05393)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vision_cli.fewshot_seg.data.pictures import read_picture
    from vision_cli.fewshot_seg.data.supports import read_support
    from vision_cli.fewshot_seg.pipeline.opening import open_segmenter
    from vision_cli.fewshot_seg.values import Segmentation, Segmenter, Support, Task

__all__ = ["Segmentation", "Segmenter", "Support", "Task", "open_segmenter", "read_picture", "read_support"]

__getattr__ = lazy_names(
    __name__,
    {
        "Segmentation": "values",
        "Segmenter": "values",
        "Support": "values",
        "Task": "values",
        "open_segmenter": "pipeline.opening",
        "read_picture": "data.pictures",
        "read_support": "data.supports",
    },
)
