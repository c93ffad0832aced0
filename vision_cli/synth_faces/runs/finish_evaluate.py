"""Tables, pictures and report of a run of ``evaluate``."""

from __future__ import annotations

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.report import Level, Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.synth_faces.evaluation.set_measures import Judged, Measure, SetMeasures
from vision_cli.synth_faces.figures.sheets import draw_sheet
from vision_cli.synth_faces.pipeline.face_tables import FaceTable
from vision_cli.synth_faces.values import Picture as Pixels

CONFUSION, ACTION_UNITS, BALANCE, NEIGHBOURS = "confusion.csv", "action_units.csv", "balance.csv", "neighbours.csv"
CONTROL = "control.csv"
MISNAMED, NEAREST = "misnamed.png", "nearest.png"
_COLUMNS, _PAIRS = 8, 8
_CHANCE_FACTOR, _MOST_WANTED = 2.0, 0.75
"""Accuracy that is wanted, over the chance of guessing among the judge's classes, and at most."""

RULE = (
    "Good: the interval of the judge's accuracy lies above twice the chance of guessing among its classes, or above "
    "75 % if it has two. Bad: it lies below. Caution: it holds that. The judge errs too: on real faces measure it with "
    "the same command."
)
_SCORES = {"happiness": "happiness", "au12": "AU 12"}
_READ_MISNAMED = "A row a label: faces that the judge names otherwise with the greatest certainty."
_READ_NEAREST = "Above: generated faces closest to a real one. Below: that real face. The same person would be a copy."


def write_results(run: Run, judged: Judged, real: Judged | None, measures: SetMeasures, table: FaceTable) -> None:
    """Write the tables by class, action unit, attribute and neighbour, the pictures and the report."""
    tables = [
        Table(("measure", "value", "low", "high", "faces"), [_shown(one) for one in measures.measures], "Measures")
    ]
    pictures: list[Picture] = []
    found = measures.recognition
    if found is not None:
        counts = [[int(count) for count in row] for row in found.confusion]
        rows = [(name, *row) for name, row in zip(found.classes, counts, strict=True)]
        run.write_csv(CONFUSION, ("label", *found.classes), rows)
        tables.append(
            Table(
                ("label", *found.classes),
                [row for row, own in zip(rows, counts, strict=True) if sum(own)],
                "Label and judge's name",
            )
        )
        if sheet := _misnamed(judged):
            with run.output(MISNAMED) as path:
                write_photograph(path, draw_sheet(sheet))
            pictures.append(Picture(run.directory / MISNAMED, "Faces that the judge misnames", _READ_MISNAMED))
    if measures.agreement is not None:
        columns = ("name", "faces", "base_rate", "accuracy", "f1", "icc", "pearson", "mae")
        units = [tuple(_cell(getattr(unit, name)) for name in columns) for unit in measures.agreement.units]
        run.write_csv(ACTION_UNITS, ("au", *columns[1:]), units)
        tables.append(Table(("AU", *columns[1:]), units, "Action units"))
    if measures.control:
        columns = ("name", "linearity", "slope", "monotone", "change", "leakage", "worst", "worst_leakage")
        units = [tuple(_cell(getattr(unit, name)) for name in columns) for unit in measures.control]
        run.write_csv(CONTROL, ("au", *columns[1:]), units)
        tables.append(Table(("AU", *columns[1:]), units, "Control: action units varied alone"))
    run.write_csv(
        BALANCE,
        ("attribute", "value", "label", "faces"),
        [
            (one.attribute, value, label, count)
            for one in measures.balance
            for value, counts in zip(one.values, one.counts, strict=True)
            for label, count in zip(one.labels, counts, strict=True)
        ],
    )
    balance = [
        (one.attribute, _cell(one.evenness), _cell(one.ratio), _cell(one.dependence)) for one in measures.balance
    ]
    tables.append(Table(("attribute", "evenness", "most to least", "dependence on label"), balance, "Balance"))
    copies = measures.memorisation
    if real is not None and copies is not None:
        names = [real.table.faces[int(place)].name for place in copies.nearest]
        rows_of_pairs = [
            (face.name, name, _cell(distance))
            for face, name, distance in zip(judged.table.faces, names, copies.distances, strict=True)
        ]
        run.write_csv(NEIGHBOURS, ("face", "nearest_real", "distance"), rows_of_pairs)
        closest = np.argsort(copies.distances, kind="stable")[:_PAIRS]
        pairs = [
            ("generated", [_grey(judged.table, int(place)) for place in closest]),
            ("nearest real", [_grey(real.table, int(copies.nearest[place])) for place in closest]),
        ]
        with run.output(NEAREST) as path:
            write_photograph(path, draw_sheet(pairs))
        pictures.append(Picture(run.directory / NEAREST, "Nearest neighbours", _READ_NEAREST))
    level, words = verdict_of(measures, len(table.faces))
    run.report(
        Report(
            title="Faces, measured",
            verdict=words,
            level=level,
            rule=RULE if found is not None else "",
            pictures=pictures,
            tables=tables,
            notes=measures.notes,
        )
    )


def verdict_of(measures: SetMeasures, faces: int) -> tuple[Level, str]:
    """Return how the report calls a set of so many faces, and why in words."""
    found = measures.recognition
    words = f"{faces} faces."
    level: Level = "plain"
    if found is not None:
        low, high = found.accuracy.interval()
        words += (
            f" The judge names the label of {100 * found.accuracy.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}], "
            f"macro F1 {found.macro_f1.value:.3f}."
        )
        wanted = min(_CHANCE_FACTOR / len(found.classes), _MOST_WANTED)
        level = "good" if low > wanted else "bad" if high < wanted else "caution"
    if measures.agreement is not None:
        words += f" Action units: mean Pearson correlation {measures.agreement.mean('pearson'):.3f}."
    for one in measures.measures:
        if "paired_smiles" in one.name:
            score = _SCORES[one.name.rpartition("_")[2]]
            share = f"{100 * one.value:.1f} % of {one.faces} persons"
            words += f" By {score}, the smile scores above the neutral face of {share}."
    return level, words


def _misnamed(judged: Judged) -> list[tuple[str, list[Pixels]]]:
    """Return the faces of each label that the judge names otherwise, the most certain ones first."""
    if judged.probabilities is None:
        return []
    labels = judged.table.labels(judged.classes)
    certain, named = judged.probabilities.max(axis=1), judged.probabilities.argmax(axis=1)
    rows = []
    for place, label in enumerate(judged.classes):
        wrong = np.flatnonzero((labels == place) & (named != place))
        chosen = wrong[np.argsort(-certain[wrong], kind="stable")[:_COLUMNS]]
        if len(chosen):
            rows.append((label, [_grey(judged.table, int(one)) for one in chosen]))
    return rows


def _grey(table: FaceTable, place: int) -> Pixels:
    return np.repeat(table.cuts[place][..., None], 3, axis=2)


def _shown(one: Measure) -> tuple[object, ...]:
    return one.name, _cell(one.value), _cell(one.low), _cell(one.high), one.faces


def _cell(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value
