"""The bundled sample of the pulse task: ``python -m vision_cli.phantoms.faces.pulse_sample DIR`` makes it."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vision_cli.core.runs.files import write_text
from vision_cli.phantoms.faces.pulse_videos import LABELS, PulseVideo, write_pulse_video

_SEED = 2409
_SIZE = (168, 224)
_BPM = 72.0
_SECONDS = 12.0


def write_sample(directory: Path) -> None:
    """Write a video of a generated face whose heart beats 72 times a minute, and its true wave.

    Parameters
    ----------
    directory
        Where ``face.mp4`` and ``ground_truth.txt`` go. Files of these names are replaced.
    """
    video = PulseVideo(np.random.default_rng(_SEED), "easy", seconds=_SECONDS, size=_SIZE, mean_bpm=_BPM)
    made = directory / "made"
    path = write_pulse_video(made, video)
    path.replace(directory / "face.mp4")
    write_text(directory / LABELS, (made / LABELS).read_text(encoding="ascii"))
    for rest in made.iterdir():
        rest.unlink()
    made.rmdir()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled sample of the pulse task.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    write_sample(parser.parse_args().directory)
