"""The bundled sample of forgery-detect: drawn faces as a camera took them, and forgeries of two of them.

python -m vision_cli.forgery_detect.simulation.sample sample_data/forgery-detect
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from vision_cli.core.runs.files import write_bytes
from vision_cli.forgery_detect.simulation.blending import replace_part
from vision_cli.forgery_detect.simulation.camera import capture
from vision_cli.forgery_detect.simulation.generators import generate
from vision_cli.forgery_detect.simulation.portraits import rendered_portraits
from vision_cli.forgery_detect.values import Picture
from vision_cli.io.pictures.encodings import jpeg_bytes

SEEDS = 28, 31
"""Of two drawn people whose mouths are at rest."""

QUALITY, SIDE = 90, 768


def write_sample(directory: Path) -> None:
    """Write two drawn faces, each as a camera took it and forged: as a whole, and at its mouth."""
    first, second = (capture(rendered_portraits(1, seed=seed)[0], np.random.default_rng(seed)) for seed in SEEDS)
    rng = np.random.default_rng(SEEDS)
    whole = generate(first.picture, rng, "codec", "deficit")
    painted = generate(second.picture, rng, "resample", "sharp")
    mouth, _ = replace_part(second, painted, "mouth", rng)
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / "camera-1.jpg", first.picture)
    _write(directory / "camera-2.jpg", second.picture)
    _write(directory / "forged-whole-1.jpg", whole)
    _write(directory / "forged-mouth-2.jpg", mouth)


def _write(path: Path, picture: Picture) -> None:
    import cv2

    small = np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    write_bytes(path, jpeg_bytes(small, QUALITY))


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
