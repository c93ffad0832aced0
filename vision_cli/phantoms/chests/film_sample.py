"""The bundled sample of gaze-predict: a generated chest film and a report about it.

python -m vision_cli.phantoms.chests.film_sample sample_data/gaze-predict
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.phantoms.chests.films import make_film

SEED, SIDE = 4, 384
FINDINGS = ("pleural effusion", "cardiomegaly", "support devices")


def write_sample(directory: Path) -> None:
    """Write ``film.jpg`` and ``report.txt``, which names the side on which the effusion is."""
    film = make_film(np.random.default_rng(SEED), side=SIDE, findings=FINDINGS)
    effusion = next(one for one in film.findings if one.name == "pleural effusion")
    sides = {place.side for place in effusion.places}
    side = "bilateral" if len(sides) > 1 else next(iter(sides))
    directory.mkdir(parents=True, exist_ok=True)
    grey = np.rint(255 * np.clip(film.pixels, 0, 1)).astype(np.uint8)
    write_photograph(directory / "film.jpg", np.repeat(grey[..., None], 3, axis=2))
    report = f"There is a small {side} pleural effusion. The heart is enlarged. No pneumothorax.\n"
    (directory / "report.txt").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
