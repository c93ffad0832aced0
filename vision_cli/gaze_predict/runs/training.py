"""What ``train`` and ``adapt`` learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.gaze_predict.data.opening import open_gaze
from vision_cli.gaze_predict.options import Preset, RecordingOptions
from vision_cli.gaze_predict.training.readings import ReadingSource
from vision_cli.gaze_predict.training.sources import PhantomReadings, RecordedReadings, split_recordings

PHANTOM = "phantom"


@dataclass(frozen=True)
class OpenedSources:
    """Readings to learn from.

    Attributes
    ----------
    sources
        Of training and of validation.
    preset
        Recipe that fits them.
    words
        What they are, for the card.
    """

    sources: tuple[ReadingSource, ReadingSource]
    preset: Preset
    words: str


def open_sources(data: str, options: RecordingOptions, seed: int, output: Output) -> OpenedSources:
    """Return the readings of a data set, or generated ones for the word ``phantom``.

    Raises
    ------
    UsageError
        If there is no such data set.
    InputError
        If it is damaged, or has no recordings with films.
    """
    if data == PHANTOM:
        words = "generated films of vision_cli.phantoms.chests and their simulated reader, no film and no recording"
        return OpenedSources((PhantomReadings(), PhantomReadings()), "phantom", words)
    path = Path(data)
    if not path.exists():
        raise UsageError(f"{data}: no such file or folder; {PHANTOM} or a data set of recordings expected.")
    dataset = open_gaze(
        path,
        options.layout,
        images=options.images,
        coords=options.coords,
        lead_in=options.lead_in,
        strict=options.strict,
    )
    for note in dataset.notes:
        output.info(note)
    training, validation = split_recordings(dataset, seed)
    output.info(f"{len(training)} recordings to train on, {len(validation)} to validate with")
    return OpenedSources(
        (RecordedReadings(training), RecordedReadings(validation or training)), "recordings", f"{path.name}"
    )
