"""What ``evaluate`` measures: recordings of a data set or generated ones, priors, and paths of other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError, UsageError
from vision_cli.gaze_predict.data.films import is_film, read_film
from vision_cli.gaze_predict.data.generated import EVALUATION, PRIORS, generate_reading
from vision_cli.gaze_predict.data.opening import open_gaze
from vision_cli.gaze_predict.evaluation.controls import control_sentences
from vision_cli.gaze_predict.evaluation.matching import match_predictions
from vision_cli.gaze_predict.evaluation.references import GazePriors
from vision_cli.gaze_predict.measures.maps import SIGMA_PX
from vision_cli.gaze_predict.options import EvaluationOptions, RecordingOptions
from vision_cli.gaze_predict.pipeline.predictor import GemPredictor
from vision_cli.gaze_predict.pipeline.stand_in import StandInPredictor
from vision_cli.gaze_predict.runs.evaluate import EvaluationPlan
from vision_cli.gaze_predict.runs.training import PHANTOM
from vision_cli.gaze_predict.values import MAP_SIDE, Film, GazeDataset, Recording, ScanPath

_GENERATED, _PRIORS_EACH, _PRIOR_SIDE = 200, 8, 64
_FROM_CENTRE = frozenset({"gazesearch"})
"""Layouts whose scan paths began at the centre of the film, which is not stored."""


@dataclass(frozen=True)
class OpenedRecordings:
    """Recordings to score.

    Attributes
    ----------
    recordings
        Those that are scored.
    prior
        Those that priors are the mean of.
    layout
        Of the data set; ``phantom`` for generated ones.
    home
        Folder of the data set; None of generated ones.
    seconds
        Paths of a second reader, by the id of the recording.
    """

    recordings: tuple[Recording, ...]
    prior: tuple[Recording, ...]
    layout: str
    home: Path | None = None
    seconds: Mapping[str, ScanPath] = field(default_factory=dict)


def open_recordings(
    data: str, reading: RecordingOptions, options: EvaluationOptions, seed: int, output: Output
) -> OpenedRecordings:
    """Return the recordings of a data set that are scored, or generated ones for the word ``phantom``.

    Raises
    ------
    UsageError
        If there is no such data set.
    InputError
        If it is damaged, or its part is empty.
    """
    if data == PHANTOM:
        return _generated(_GENERATED if options.count is None else options.count, seed)
    dataset = _open(Path(data), reading, output)
    known = {one.split for one in dataset.recordings}
    split = options.split or ("test" if "test" in known else "all")
    chosen = [one for one in dataset.recordings if split in ("all", one.split) and len(one.path)]
    if not chosen:
        raise InputError(
            f"{data}: no recording in the part {split}.", hint=f"Its parts: {', '.join(sorted(map(str, known)))}."
        )
    if options.count is not None and options.count < len(chosen):
        drawn = np.random.default_rng(seed).choice(len(chosen), options.count, replace=False)
        chosen = [chosen[place] for place in sorted(drawn)]
    learned = [one for one in dataset.recordings if one.split == "train"]
    output.info(f"{len(chosen)} recordings, part {split}")
    path = Path(data)
    home = path if path.is_dir() else path.parent
    return OpenedRecordings(tuple(chosen), tuple(learned or dataset.recordings), dataset.layout, home)


def make_plan(
    opened: OpenedRecordings,
    options: EvaluationOptions,
    reading: RecordingOptions,
    predictor: GemPredictor | None,
    seed: int,
    output: Output,
) -> EvaluationPlan:
    """Return what is measured on recordings.

    Parameters
    ----------
    opened
        The recordings.
    options, reading
        As given.
    predictor
        The network; None with ``--predictions``.
    seed
        Of the evaluation.
    output
        For notes.

    Raises
    ------
    UsageError
        If controls are asked for without the network.
    InputError
        If no recording has a film and none stands in for it, or no prediction belongs to a recording.
    """
    if predictor is None and options.controls:
        raise UsageError(
            "--controls and --predictions: only the network can be asked again with other sentences.",
            hint="Leave one of them out.",
        )
    recordings = opened.recordings
    paths: Mapping[str, ScanPath] = {}
    stand_in = None
    if options.predictions is not None:
        own = replace(reading, layout="auto", images=reading.images or opened.home)
        paths = match_predictions(recordings, _open(options.predictions, own, output).recordings)
        if len(paths) < len(recordings):
            output.info(f"{len(recordings) - len(paths)} of {len(recordings)} recordings have no predicted path")
        recordings = tuple(one for one in recordings if one.id in paths)
    elif predictor is not None:
        stand_in = _stand_in(predictor, options.stand_in, seed)
        recordings = _with_films(recordings, stand_in, output)
    controls = {} if predictor is None else {name: control_sentences(name, recordings) for name in options.controls}
    return EvaluationPlan(
        recordings,
        GazePriors(opened.prior, SIGMA_PX if options.sigma is None else options.sigma),
        predictor,
        stand_in,
        paths,
        opened.seconds,
        controls,
        options.baselines,
        "1deg" if options.sigma is None else options.sigma,
        opened.layout in _FROM_CENTRE,
        seed,
        options.per_case,
        options.pictures,
    )


def _generated(count: int, seed: int) -> OpenedRecordings:
    made = [generate_reading(number, seed=seed, stream=EVALUATION, side=MAP_SIDE) for number in range(count)]
    # Where a reader looks does not depend on the size of the film.
    prior = [
        generate_reading(number, seed=seed, stream=PRIORS, side=_PRIOR_SIDE).recording
        for number in range(_PRIORS_EACH * count)
    ]
    others = [replace(one, id=f"prior-{one.id}", film=None) for one in prior]
    return OpenedRecordings(
        tuple(one.recording for one in made),
        tuple(others),
        PHANTOM,
        None,
        {one.recording.id: one.second for one in made},
    )


def _open(path: Path, reading: RecordingOptions, output: Output) -> GazeDataset:
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder; {PHANTOM} or a data set of recordings expected.")
    dataset = open_gaze(
        path,
        reading.layout,
        images=reading.images,
        coords=reading.coords,
        lead_in=reading.lead_in,
        strict=reading.strict,
    )
    for note in dataset.notes:
        output.info(note)
    return dataset


def _stand_in(predictor: GemPredictor, path: Path | None, seed: int) -> StandInPredictor | None:
    if path is None:
        return None
    files = sorted(one for one in path.rglob("*") if one.is_file() and is_film(one)) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: a folder without films.", hint="Give a folder with DICOM, PNG or JPEG files.")
    films: list[Film] = [read_film(file) for file in files]
    return StandInPredictor(predictor, films, seed=seed)


def _with_films(
    recordings: Sequence[Recording], stand_in: StandInPredictor | None, output: Output
) -> tuple[Recording, ...]:
    if stand_in is not None:
        return tuple(recordings)
    kept = tuple(one for one in recordings if one.film is not None)
    if not kept:
        raise InputError(
            f"the films of all {len(recordings)} recordings are missing.",
            hint="Give their folder, --images DIR; or --stand-in FILM to score sentences alone on another film.",
        )
    if len(kept) < len(recordings):
        output.info(f"{len(recordings) - len(kept)} recordings without a film are left out; --stand-in would keep them")
    return kept
