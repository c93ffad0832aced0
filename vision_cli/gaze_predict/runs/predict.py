"""The work of ``predict``: a density, a scan path and an overlay for every sentence about every film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.data.cases import Case
from vision_cli.gaze_predict.figures.overlays import draw_sentences
from vision_cli.gaze_predict.options import PredictionOptions
from vision_cli.gaze_predict.pipeline.predictor import GemPredictor, log_density_at
from vision_cli.gaze_predict.pipeline.weight_files import LoadedGaze
from vision_cli.gaze_predict.values import Film, GazePrediction, ScanPath
from vision_cli.io.pictures.indexed import write_labels
from vision_cli.io.pictures.photographs import write_photograph

FIXATIONS, DENSITIES, OVERLAYS, DOCUMENTS = "fixations", "densities", "overlays", "predictions"
COLUMNS = ("sentence_id", "sample", "order", "x_px", "y_px", "x", "y", "duration_s", "onset_s", "log_density")
NOT_FOR_DIAGNOSIS = "Predicted gaze of a model of a simulated reader; not for diagnosis."
_OF_RECORDINGS = "Predicted gaze of a model of recorded readers; not for diagnosis."
_MANY_UNKNOWN = 0.5


@dataclass(frozen=True)
class GazePlan:
    """What is predicted, and what is written of it.

    Attributes
    ----------
    cases
        Films with their sentences.
    loaded
        The network.
    options
        Points, samples, and what is written.
    seed
        Of the sampled paths.
    """

    cases: Sequence[Case]
    loaded: LoadedGaze
    options: PredictionOptions
    seed: int


def disclaimer(loaded: LoadedGaze) -> str:
    """Return what a prediction is of."""
    return NOT_FOR_DIAGNOSIS if loaded.about.source == "phantom" else _OF_RECORDINGS


def predict_all(run: Run, plan: GazePlan, output: Output) -> None:
    """Write the predictions of every film that is not done yet."""
    predictor = GemPredictor(plan.loaded, points=plan.options.points)

    def work(case: Case) -> Mapping[str, object]:
        film = case.film.read()
        for note in film.notes:
            run.warn(f"{case.name}: {note}")
        sentences = case.sentences or ("",)
        found = predictor.predict_all(film, sentences, samples=plan.options.samples, seed=plan.seed)
        unknown = max(one.facts["unknown_share"] for one in found)
        if unknown > _MANY_UNKNOWN:
            run.warn(f"{case.name}: more than half of the words of a sentence are unknown; English is expected.")
        _write(run, plan, case, film, sentences, found)
        return {
            "sentences": len(case.sentences),
            "width": film.pixels.shape[1],
            "height": film.pixels.shape[0],
            "unknown_share": round(unknown, 4),
            "mean_log_density": round(float(np.mean([one.log_density.mean() for one in found])), 4),
            "path_s": round(float(np.nansum([one.path.durations.sum() for one in found])), 3),
            "context": "sentence" if case.sentences else "none",
        }

    run.each(plan.cases, work, name=lambda case: case.name, what="films", output=output)


def _write(
    run: Run, plan: GazePlan, case: Case, film: Film, sentences: Sequence[str], found: Sequence[GazePrediction]
) -> None:
    height, width = film.pixels.shape
    rows = [row for number, one in enumerate(found, 1) for row in _rows(number, one, (width, height))]
    run.write_csv(f"{FIXATIONS}/{case.name}.csv", COLUMNS, rows)
    for number, one in enumerate(found, 1):
        name = f"{DENSITIES}/{case.name}-{number:02d}"
        if "png" in plan.options.save:
            with run.output(f"{name}.png") as path:
                write_labels(path, np.rint(one.density / one.density.max() * 65535).astype(np.uint16))
        if "npy" in plan.options.save:
            with run.output(f"{name}.npy") as path, path.open("wb") as stream:
                np.save(stream, one.density)
    if plan.options.pictures:
        with run.output(f"{OVERLAYS}/{case.name}.jpg") as path:
            write_photograph(path, draw_sentences(film, sentences, found))
    run.write_json(
        f"{DOCUMENTS}/{case.name}.json",
        {
            "film": case.name,
            "width_px": width,
            "height_px": height,
            "model": plan.loaded.digest,
            "trained_on": plan.loaded.about.source,
            "note": disclaimer(plan.loaded),
            "film_notes": list(film.notes),
            "sentences": [
                {
                    "id": number,
                    "text": sentence,
                    "context": "sentence" if sentence else "none",
                    "unknown_share": round(one.facts["unknown_share"], 4),
                    "points_px": (one.path.points * (width, height)).round(1).tolist(),
                    "durations_s": one.path.durations.round(3).tolist(),
                }
                for number, (sentence, one) in enumerate(zip(sentences, found, strict=True), 1)
            ],
        },
    )


def _rows(number: int, prediction: GazePrediction, size: tuple[int, int]) -> list[tuple[object, ...]]:
    """Return the fixations of the most central path, sample 0, and of the sampled ones."""
    paths: list[ScanPath] = [prediction.path]
    paths += prediction.samples if len(prediction.samples) > 1 else ()
    rows: list[tuple[object, ...]] = []
    for sample, path in enumerate(paths):
        logs = log_density_at(prediction.density, path)
        for order, (x, y) in enumerate(path.points.tolist()):
            place = (round(x * size[0], 1), round(y * size[1], 1), round(x, 5), round(y, 5))
            times = (round(float(path.durations[order]), 4), round(float(path.onsets[order]), 4))
            rows.append((number, sample, order + 1, *place, *times, round(float(logs[order]), 4)))
    return rows
