"""The bundled sample of kan-fit: ``python -m vision_cli.phantoms.lens_sample DIR`` makes it."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vision_cli.core.runs.files import write_csv

TABLE = "thin_lens.csv"

_SEED = 2408
_ROWS = 400
_FOCAL_MM = (20.0, 60.0)
_OBJECT_MM = (150.0, 1000.0)
_NOISE_MM = 0.02


def write_sample(directory: Path) -> None:
    """Write a table of a thin lens: focal length and distance of the object, and the measured distance of the image.

    The image is at 1 / (1 / focal - 1 / object), and its distance is measured with an error of 0.02 mm.

    Parameters
    ----------
    directory
        Where ``thin_lens.csv`` goes. A file of this name is replaced.
    """
    generator = np.random.default_rng(_SEED)
    # Inputs are rounded before the image is computed: what the table holds is what the law was applied to.
    focal = generator.uniform(*_FOCAL_MM, _ROWS).round(2)
    distance = generator.uniform(*_OBJECT_MM, _ROWS).round(1)
    image = 1 / (1 / focal - 1 / distance) + _NOISE_MM * generator.standard_normal(_ROWS)
    rows = [(f"{f:.2f}", f"{d:.1f}", f"{i:.3f}") for f, d, i in zip(focal, distance, image, strict=True)]
    write_csv(directory / TABLE, ("focal_mm", "object_mm", "image_mm"), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled sample of kan-fit.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    write_sample(parser.parse_args().directory)
