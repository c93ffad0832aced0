"""``plot``: figures of an existing run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.compute.training import HISTORY
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import atomic_path
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.rppg_adapt import figures
from vision_cli.rppg_adapt.data.cache import INDEX, read_cache
from vision_cli.rppg_adapt.faces.crops import st_map
from vision_cli.rppg_adapt.runs.predict import WAVE


def plot_run(run: Path, target: Path) -> list[Path]:
    """Draw the history of a training, spectrograms of pulse waves, and spatio-temporal maps of cached clips.

    Parameters
    ----------
    run
        The run directory.
    target
        Directory of the PNG files.

    Returns
    -------
    The files that were written.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    written: list[Path] = []
    if (run / HISTORY).is_file():
        with atomic_path(target / "history.png") as path:
            figures.history(path, read_csv_table(run / HISTORY, ("step", "loss")))
        written.append(target / "history.png")
    for file in sorted(run.glob(f"*/{WAVE}")):
        rows = read_csv_table(file, ("t", "bvp", "method"))
        first = [row for row in rows if row["method"] == rows[0]["method"]]
        times = np.array([float(row["t"]) for row in first])
        wave = np.array([float(row["bvp"]) for row in first])
        picture = target / f"{file.parent.name}-spectrogram.png"
        with atomic_path(picture) as path:
            figures.spectrogram(path, wave, (len(times) - 1) / (times[-1] - times[0]))
        written.append(picture)
    if (run / INDEX).is_file():
        for clip in read_cache(run):
            picture = target / f"{clip.id}-stmap.png"
            with atomic_path(picture) as path:
                figures.st_map(path, st_map(clip.frames()))
            written.append(picture)
    if not written:
        raise InputError(
            f"{run}: no history, waves or clips found; a run of rppg-adapt expected.",
            hint="Give the directory of predict, train, adapt or preprocess.",
        )
    return written
