"""``synth``: generated readings in the layout of a public data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.data.films import film_source
from vision_cli.gaze_predict.data.generated import READER, SYNTHESIS, film_name, generate_reading
from vision_cli.gaze_predict.data.writing import FILMS, film_file_name, write_film, write_tables
from vision_cli.gaze_predict.options import SynthesisOptions
from vision_cli.gaze_predict.values import Floats, Recording, ScanPath, Split

_NUMBERS = ("x", "y", "duration_s", "onset_s")
_SPLITS: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}


def make_readings(run: Run, options: SynthesisOptions, seed: int, output: Output) -> None:
    """Generate each reading that is not done yet, with its film; the n-th depends on the seed and n only."""

    def work(number: int) -> Mapping[str, object]:
        made = generate_reading(number, seed=seed, stream=SYNTHESIS, side=options.side, needs_finding=True)
        one, path = made.recording, made.recording.path
        with run.output(f"{FILMS}/{film_file_name(one)}.png") as file:
            width, height = write_film(file, made.film.read())
        numbers = (path.points[:, 0], path.points[:, 1], path.durations, path.onsets)
        return {
            "sentence": one.sentence,
            "finding": one.finding,
            "subject": one.subject,
            "split": one.split,
            "width": width,
            "height": height,
        } | {key: _text(values) for key, values in zip(_NUMBERS, numbers, strict=True)}

    run.each(range(options.count), work, name=film_name, what="readings", output=output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables of the layout, and the metrics."""
    done = [entry for entry in entries if entry.error is None]
    recordings = [_recording(run, entry) for entry in done]
    films = {
        film_file_name(one): (int(entry.number("width")), int(entry.number("height")))
        for one, entry in zip(recordings, done, strict=True)
    }
    write_tables(run, str(run.options["layout"]), recordings, films)
    run.write_metrics({"readings": len(done), "fixations": sum(len(one.path) for one in recordings)})


def _recording(run: RunFiles, entry: Entry) -> Recording:
    x, y, durations, onsets = (_values(str(entry.row[name])) for name in _NUMBERS)
    film = film_source(run.home_of(entry) / FILMS / f"{entry.id}.png", name=entry.id)
    return Recording(
        entry.id,
        film,
        str(entry.row["sentence"]),
        ScanPath(np.stack([x, y], axis=1), durations, onsets),
        str(entry.row["finding"]),
        reader=READER,
        subject=str(entry.row["subject"]),
        split=_SPLITS[str(entry.row["split"])],
    )


def _text(values: Floats) -> str:
    """Return numbers as text that reads back as the same ones."""
    return " ".join(map(str, values))


def _values(text: str) -> Floats:
    return np.array(text.split(), dtype=np.float32)
