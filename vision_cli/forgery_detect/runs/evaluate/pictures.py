"""Pictures of an evaluation: curves, matrices, calibration, robustness, and faces by how sure the detector is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.core.report import Picture
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.figures.saving import save_figure
from vision_cli.forgery_detect.evaluation.measures import roc_points
from vision_cli.forgery_detect.evaluation.results import DetectorScores, Matrix, Result, frames_of
from vision_cli.forgery_detect.evaluation.robustness import RobustnessPoint
from vision_cli.forgery_detect.figures.curves import (
    READ_CALIBRATION,
    READ_ROBUSTNESS,
    READ_ROC,
    RocCurve,
    ScorePanel,
    draw_calibration,
    draw_robustness,
    draw_roc,
)
from vision_cli.forgery_detect.figures.face_sheets import READ_SHEET, SheetFace, draw_sheet
from vision_cli.forgery_detect.figures.matrices import READ_MATRIX, MatrixPanel, draw_matrices
from vision_cli.forgery_detect.pipeline.verdicts import DecisionRule, aggregate
from vision_cli.forgery_detect.runs.evaluate.plan_file import EvaluationPlan
from vision_cli.forgery_detect.runs.evaluate.scoring import THUMBNAILS
from vision_cli.io.pictures.photographs import read_8_bit, write_photograph

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FACES = 8
_WORDS = ("real", "fake")


def draw_all(
    run: RunFiles,
    plan: EvaluationPlan,
    entries: Sequence[Entry],
    detectors: Sequence[DetectorScores],
    results: Sequence[Result],
    matrices: Sequence[Matrix],
    points: Mapping[str, Sequence[RobustnessPoint]],
) -> list[Picture]:
    """Write the pictures that the results have something for; return them for the report."""
    level = plan.main_level
    found = []

    def add(name: str, draw: Callable[[], Figure], caption: str, reading: str) -> None:
        with run.output(name) as path:
            save_figure(draw(), path)
        found.append(Picture(run.directory / name, caption, reading))

    own = {(one.detector, one.trained_on, one.test_set): one.measures for one in results if one.level == level}
    panels: dict[str, list[RocCurve]] = {}
    for scores in detectors:
        for test in scores.tests:
            measures = own.get((scores.detector, scores.trained_on, test))
            if measures is not None and np.isfinite(measures.auc):
                scored = scores.scored(test, level, plan.aggregation)
                curve = RocCurve(scores.label, measures.auc, *roc_points(scored.labels, scored.scores))
                panels.setdefault(test, []).append(curve)
    if panels:
        add("roc.png", lambda: draw_roc(list(panels.items())), f"ROC curves by test set, by {level}", READ_ROC)
    if matrices:
        tables = [
            MatrixPanel(
                m.detector or "all detectors", m.rows_are, m.columns_are, m.rows, m.columns, m.values, m.low, m.high
            )
            for m in matrices
        ]
        add("matrix.png", lambda: draw_matrices(tables), f"{_matrix_title(plan)}, by {level}", READ_MATRIX)
    if spread := [_score_panel(plan, scores) for scores in detectors if scores.media]:
        add(
            "calibration.png", lambda: draw_calibration(spread), "Calibration and scores of all media", READ_CALIBRATION
        )
    if lines := [line for name, of_one in points.items() for line in _lines(name, of_one)]:
        add("robustness.png", lambda: draw_robustness(lines), "AUC of degraded faces", READ_ROBUSTNESS)
    if detectors and detectors[0].media:
        homes = {entry.id: run.home_of(entry) for entry in entries}
        found += _sheet(run, plan, detectors[0], homes)
    return found


def _matrix_title(plan: EvaluationPlan) -> str:
    if plan.protocol in {None, "within"}:
        return "AUC by detector and test set, and of the reals of a data set against the fakes of another"
    if plan.protocol == "lodo":
        return "AUC by what was left out of the training; unseen are the tests on the diagonal"
    return "AUC by training and test; unseen are the tests beside the diagonal"


def _score_panel(plan: EvaluationPlan, scores: DetectorScores) -> ScorePanel:
    from vision_cli.forgery_detect.evaluation.measures import by_video, measure

    found = frames_of(scores.media)
    if plan.main_level == "video":
        found = by_video(found, plan.aggregation)
    ece = measure(found, resamples=0).ece
    return ScorePanel(scores.label, found.labels.astype(np.float64), found.scores, scores.band, ece)


def _lines(name: str, points: Sequence[RobustnessPoint]) -> list[tuple[str, str, list[float], list[float]]]:
    plain, *tried = points
    kinds = dict.fromkeys(point.degradation for point in tried)
    of_kind = {kind: [point for point in tried if point.degradation == kind] for kind in kinds}
    return [
        (
            name,
            kind,
            [point.level for point in own],
            [plain.auc, *(point.auc if 2 * point.pictures >= plain.pictures else np.nan for point in own)],
        )
        for kind, own in of_kind.items()
    ]


def _sheet(run: RunFiles, plan: EvaluationPlan, scores: DetectorScores, homes: Mapping[str, Path]) -> list[Picture]:
    """Write the faces that a detector is most and least sure of; nothing where there are no thumbnails."""
    rule = DecisionRule(0.5, scores.band)
    faces: list[tuple[float, SheetFace]] = []
    for one in scores.media:
        # The scores of a protocol's training are those of many media; each shard read all of them.
        home = homes.get(one.medium.name) or next(iter(homes.values()))
        path = home / THUMBNAILS / f"{one.medium.name}.jpg"
        if not path.is_file():
            continue
        chance = aggregate(one.chances, plan.aggregation).p_fake
        truth = _WORDS[one.medium.label or 0]
        verdict = rule(chance)
        is_wrong = verdict in _WORDS and verdict != truth
        try:
            faces.append((chance, SheetFace(read_8_bit(path), f"{chance:.3f}  {truth}", is_wrong)))
        except InputError:
            continue
    if not faces:
        return []
    faces.sort(key=lambda face: -face[0])
    unsure = sorted(faces, key=lambda face: abs(face[0] - 0.5))
    count = min(_FACES, -(-len(faces) // 2))
    rows = [
        ("looks most forged", [face for _, face in faces[:count]]),
        ("looks most real", [face for _, face in faces[: -count - 1 : -1]]),
        ("least sure", [face for _, face in unsure[:count]]),
    ]
    with run.output("faces.jpg") as path:
        write_photograph(path, draw_sheet(rows))
    return [Picture(run.directory / "faces.jpg", f"Faces that {scores.label} is most and least sure of", READ_SHEET)]
