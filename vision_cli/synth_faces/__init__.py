"""``vcli synth-faces``: labelled faces with given expressions and action units (SynFER, arXiv:2410.09865)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vision_cli.synth_faces.data.opening import open_faces
    from vision_cli.synth_faces.pipeline.framing import FaceCutter
    from vision_cli.synth_faces.pipeline.recogniser_files import LoadedRecogniser, read_recogniser
    from vision_cli.synth_faces.pipeline.rendering import Drawn, draw
    from vision_cli.synth_faces.plans.plan import Wanted
    from vision_cli.synth_faces.values import FaceDataset, LabelledFace

__all__ = [
    "Drawn",
    "FaceCutter",
    "FaceDataset",
    "LabelledFace",
    "LoadedRecogniser",
    "Wanted",
    "draw",
    "open_faces",
    "read_recogniser",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Drawn": "pipeline.rendering",
        "FaceCutter": "pipeline.framing",
        "FaceDataset": "values",
        "LabelledFace": "values",
        "LoadedRecogniser": "pipeline.recogniser_files",
        "Wanted": "plans.plan",
        "draw": "pipeline.rendering",
        "open_faces": "data.opening",
        "read_recogniser": "pipeline.recogniser_files",
    },
)
