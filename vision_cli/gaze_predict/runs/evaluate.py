"""The work of ``evaluate``: recordings scored one by one, by the network or another program, and by what is beside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.evaluation.references import GazePriors, baseline_predictions, film_name, prediction_of
from vision_cli.gaze_predict.evaluation.scores import fixation_sigma, score_prediction
from vision_cli.gaze_predict.figures.overlays import draw_pair
from vision_cli.gaze_predict.measures.coverage import cover
from vision_cli.gaze_predict.measures.maps import gaze_map, map_shape
from vision_cli.gaze_predict.pipeline.predictor import GemPredictor
from vision_cli.gaze_predict.pipeline.stand_in import StandInPredictor
from vision_cli.gaze_predict.runs.scored import COVERAGE, MODEL, PREDICTIONS, SECOND_READER, facts_row, score_row
from vision_cli.gaze_predict.values import MAP_SIDE, Film, GazePrediction, Recording, ScanPath
from vision_cli.io.pictures.photographs import write_photograph

PANELS = "panels"
_UNSAFE = re.compile(r"[^\w-]+")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class EvaluationPlan:
    """What is measured.

    Attributes
    ----------
    recordings
        Those that are scored, with a fixation or more each.
    priors
        Recorded gaze of the baselines and of the information gain.
    predictor
        The network; None where paths are given.
    stand_in
        For recordings without films; None to leave them out.
    paths
        Scan paths of another program, by the id of the recording.
    seconds
        Paths of a second reader, by the id of the recording.
    controls
        Sentences by control and by the id of the recording.
    baselines
        Names of `vision_cli.gaze_predict.options.BASELINES`.
    sigma, with_centre
        See `vision_cli.gaze_predict.evaluation.scores.evaluate_predictions`.
    seed
        Of sampled paths and random pixels.
    per_case
        Whether coverage is measured.
    pictures
        Whether every recording is drawn.
    """

    recordings: Sequence[Recording]
    priors: GazePriors
    predictor: GemPredictor | None
    stand_in: StandInPredictor | None
    paths: Mapping[str, ScanPath] = field(default_factory=dict)
    seconds: Mapping[str, ScanPath] = field(default_factory=dict)
    controls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    baselines: Sequence[str] = ()
    sigma: float | Literal["1deg"] = 12.0
    with_centre: bool = False
    seed: int = 0
    per_case: bool = False
    pictures: bool = True


def panel_name(recording_id: str, position: int) -> str:
    """Return the file of the picture of a recording, whose id may hold any character."""
    plain = _UNSAFE.sub("_", recording_id)[:_LONGEST_NAME].strip("_")
    return f"{PANELS}/{position + 1:05d}-{plain}.jpg"


def evaluate_all(run: Run, plan: EvaluationPlan, output: Output) -> None:
    """Score every recording that is not scored yet by every method."""
    positions = {one.id: place for place, one in enumerate(plan.recordings)}
    kept: dict[str, Film] = {}

    def film_of(recording: Recording) -> Film | None:
        if recording.film is None:
            return None
        name = film_name(recording)
        if name not in kept:
            # Recordings of one film follow each other.
            kept.clear()
            kept[name] = recording.film.read()
            for note in kept[name].notes:
                run.warn(f"{name}: {note}")
        return kept[name]

    def work(recording: Recording) -> Mapping[str, object]:
        position = positions[recording.id]
        film = film_of(recording)
        found = _predictions(plan, recording, film, position)
        row = facts_row(recording)
        for name, one in found.items():
            # Every method has the same random pixels.
            rng = np.random.default_rng((plan.seed, position))
            row |= score_row(
                name,
                score_prediction(
                    recording,
                    one,
                    plan.priors,
                    plan.recordings,
                    rng,
                    sigma=plan.sigma,
                    with_centre=plan.with_centre,
                ),
            )
        first = next(iter(found.values()))
        truth = _of_path(plan, recording, recording.path, first.density.shape)
        if plan.per_case:
            one_case = cover(first.density, truth.density, recording.path)
            values = round(one_case.coverage, 6), one_case.missed_zone, round(one_case.missed_share, 6)
            row |= dict(zip(COVERAGE, values, strict=True))
        if plan.pictures:
            shown = film or (plan.stand_in.film if plan.stand_in else _blank(recording))
            with run.output(panel_name(recording.id, position)) as path:
                write_photograph(path, draw_pair(shown, recording.sentence, first, truth))
        return row

    run.each(plan.recordings, work, name=lambda one: one.id, what="recordings", output=output)


def _predictions(
    plan: EvaluationPlan, recording: Recording, film: Film | None, position: int
) -> dict[str, GazePrediction]:
    """Return what each method predicts, the one that is evaluated first."""
    found = {}
    if plan.predictor is None:
        shape = (MAP_SIDE, MAP_SIDE) if film is None else map_shape(*film.pixels.shape)
        found[PREDICTIONS] = _of_path(plan, recording, plan.paths[recording.id], shape)
    else:
        said = {MODEL: recording.sentence}
        said |= {name: own[recording.id] for name, own in plan.controls.items() if recording.id in own}
        if film is not None:
            answers = plan.predictor.predict_all(film, list(said.values()), seed=plan.seed + position)
        elif plan.stand_in is not None:
            answers = [plan.stand_in.predict(sentence) for sentence in said.values()]
        else:
            raise AssertionError(f"{recording.id} has neither a film nor a stand-in")
        found = dict(zip(said, answers, strict=True))
        shape = found[MODEL].density.shape
    if recording.id in plan.seconds:
        found[SECOND_READER] = _of_path(plan, recording, plan.seconds[recording.id], shape)
    for number, name in enumerate(plan.baselines):
        rng = np.random.default_rng((plan.seed, position, number + 1))
        found |= {name: baseline_predictions(name, [recording], {recording.id: shape}, plan.priors, rng)[recording.id]}
    return found


def _of_path(plan: EvaluationPlan, recording: Recording, path: ScanPath, shape: tuple[int, int]) -> GazePrediction:
    """Return a scan path as a prediction: its density is that of its fixations."""
    return prediction_of(gaze_map(path, shape, fixation_sigma(recording, plan.sigma, shape[1])), path)


def _blank(recording: Recording) -> Film:
    return Film(film_name(recording), np.full((MAP_SIDE, MAP_SIDE), 0.3, np.float32))
