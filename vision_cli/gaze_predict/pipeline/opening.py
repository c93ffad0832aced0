"""A predictor with its weights, for use from Python."""

from __future__ import annotations

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.gaze_predict.pipeline.predictor import POINTS, GemPredictor
from vision_cli.gaze_predict.pipeline.weight_files import SHIPPED, read_network


def open_predictor(weights: str = "default", *, device: str = "cpu", points: int = POINTS) -> GemPredictor:
    """Return a method that is ready to predict: ``.predict(film, sentence)``.

    Parameters
    ----------
    weights
        ``default``, a file that ``train`` wrote, or an id of a model hub.
    device
        Where the network is computed.
    points
        Fixations of a path.

    Raises
    ------
    MissingError
        If there are no such weights, or an encoder that they were trained on is not found.
    InputError
        If the file is damaged.
    """
    path = resolve_weights(weights, "gaze-predict", SHIPPED).path
    return GemPredictor(read_network(path, device=device), points=points)
