"""The bundled sample of fewshot-seg: generated pictures of a lesion on skin, one of them annotated.

python -m vision_cli.phantoms.episodes.lesion_sample sample_data/fewshot-seg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from vision_cli.io.pictures.indexed import write_labels
from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.phantoms.episodes.episodes import make_episode
from vision_cli.phantoms.episodes.textures import TextureBank

SEED, SIDE, QUERIES = 1, 256, 3


def write_sample(directory: Path) -> None:
    """Write ``support.jpg``, ``mask.png``, three queries with the lesion and one without it."""
    bank = TextureBank.random(np.random.default_rng(SEED), "validation")
    rng = np.random.default_rng(SEED)
    shown = make_episode(rng, bank, "lesion", side=SIDE, shots=QUERIES, absent=0)
    other = make_episode(rng, bank, "lesion", side=SIDE, shots=1, absent=1)
    support, *queries = shown.supports
    directory.mkdir(parents=True, exist_ok=True)
    write_photograph(directory / "support.jpg", support.picture)
    write_labels(directory / "mask.png", (255 * support.mask).astype(np.uint8))
    for number, one in enumerate([*queries, shown.query, other.query], 1):
        write_photograph(directory / f"query-{number}.jpg", one.picture)


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
