"""``vcli gaze-predict``: where a radiologist looks in a chest film while saying a sentence (GEM, arXiv:2408.05502)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vision_cli.gaze_predict.data.films import read_film
    from vision_cli.gaze_predict.pipeline.opening import open_predictor
    from vision_cli.gaze_predict.values import Film, GazePrediction, GazePredictor, ScanPath

__all__ = ["Film", "GazePrediction", "GazePredictor", "ScanPath", "open_predictor", "read_film"]

__getattr__ = lazy_names(
    __name__,
    {
        "Film": "values",
        "GazePrediction": "values",
        "GazePredictor": "values",
        "ScanPath": "values",
        "open_predictor": "pipeline.opening",
        "read_film": "data.films",
    },
)
