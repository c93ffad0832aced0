"""Sides and zones of predicted gaze on real films, and its checks against the table of the simulated reader.

    uv run python tests/bench/gaze_films.py ../shared/data/gaze-predict/films

For each film and ten sentence pairs, whether "left" moves the middle of the density to the film's right and "right" to
its left, and whether "upper" lies above "lower"; then the time of a sentence.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.gaze_predict.data.films import is_film, read_film
from vision_cli.gaze_predict.pipeline.predictor import GemPredictor
from vision_cli.gaze_predict.pipeline.weight_files import SHIPPED, read_network

SIDES = (
    "{} pleural effusion",
    "Small {} pleural effusion.",
    "There is a {} pneumothorax.",
    "Opacity in the {} lung.",
    "Consolidation in the {} lower lobe.",
    "{} basilar atelectasis.",
    "There is a nodule in the {} upper lobe.",
    "Fracture of a {} rib.",
    "Patchy opacity in the {} mid lung, may represent pneumonia.",
    "Increased {} perihilar opacity.",
)
ZONES = (
    "Opacity in the {} lobe of the left lung.",
    "Opacity in the right {} lobe.",
    "Consolidation in the left {} lobe.",
    "There is a nodule in the right {} lobe.",
    "Right {} zone opacity.",
    "Left {} zone consolidation.",
    "Mass in the {} lobe of the right lung.",
    "Patchy opacity in the left {} lung.",
    "Airspace disease in the right {} lung.",
    "{} lung opacity.",
)


def middle(density: np.ndarray) -> tuple[float, float]:
    """Return the mean x and y of a density, in the unit frame."""
    height, width = density.shape
    x = float((density.sum(axis=0) * (np.arange(width) + 0.5)).sum() / width)
    y = float((density.sum(axis=1) * (np.arange(height) + 0.5)).sum() / height)
    return x, y


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="default")
    given = parser.parse_args()
    predictor = GemPredictor(read_network(resolve_weights(given.weights, "gaze-predict", SHIPPED).path))
    paths = [path for path in sorted(given.folder.rglob("*")) if path.is_file() and is_film(path)]
    sides, shifts, zones, seconds = [], [], [], []
    for path in paths:
        film = read_film(path, auto_invert=True)
        for template in SIDES:
            left, right = (middle(predictor.predict(film, template.format(word)).density) for word in ("left", "right"))
            sides.append(left[0] > right[0])
            shifts.append(left[0] - right[0])
        for template in ZONES:
            began = time.perf_counter()
            up, low = (middle(predictor.predict(film, template.format(word)).density) for word in ("upper", "lower"))
            seconds.append((time.perf_counter() - began) / 2)
            zones.append(up[1] < low[1])
    print(f"{len(paths)} films; right side of {len(sides)} pairs: {np.mean(sides):.1%}")
    print(f"shift {np.mean(shifts):.3f} of the width; {np.median(seconds):.3f} s a sentence")
    print(f"right order of {len(zones)} pairs of zones: {np.mean(zones):.1%}")


if __name__ == "__main__":
    main()
