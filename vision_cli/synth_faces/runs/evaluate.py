"""The work of ``evaluate``: judges look at all faces of a set, and of a real one beside it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.files import sha256
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.data.layouts.generated import is_generated
from vision_cli.synth_faces.data.reading import SKIPPED_COLUMNS, skipped_rows
from vision_cli.synth_faces.evaluation.control import SeriesPlace
from vision_cli.synth_faces.evaluation.recognition import require_independent_judge
from vision_cli.synth_faces.evaluation.set_measures import Judged, Measure, SetMeasures, measure_set
from vision_cli.synth_faces.options.sets import NO_WEIGHTS, EvaluationOptions
from vision_cli.synth_faces.options.training import Target
from vision_cli.synth_faces.pipeline.face_tables import FaceTable, cut_faces, open_set
from vision_cli.synth_faces.pipeline.recogniser_files import SHIPPED, LoadedRecogniser, read_recogniser
from vision_cli.synth_faces.plans.manifests import read_manifest
from vision_cli.synth_faces.plans.rows import DIGEST_JOIN, SERIES_AU, SERIES_LEVEL, ManifestRow
from vision_cli.synth_faces.runs.finish_evaluate import write_results

MEASURES, PREDICTIONS, SKIPPED = "measures.csv", "predictions.csv", "skipped.csv"


@dataclass(frozen=True)
class Judges:
    """The recognisers of an evaluation.

    Attributes
    ----------
    expression, aus
        None where one is left out.
    files
        Their files, by role.
    """

    expression: LoadedRecogniser | None
    aus: LoadedRecogniser | None
    files: Mapping[str, Path]


def open_judges(options: EvaluationOptions, device: str) -> Judges:
    """Return the judges that the options name.

    Raises
    ------
    UsageError
        If both are left out, or one has the weights of ``--guide``.
    InputError, MissingError
        If a file is damaged or missing.
    """
    files: dict[str, Path] = {}

    def read(choice: str, what: Target, role: str) -> LoadedRecogniser | None:
        if choice == NO_WEIGHTS:
            return None
        found = resolve_weights(choice, "synth-faces", SHIPPED[what, "judge"])
        files[role] = found.path
        return read_recogniser(found.path, what=what, device=device)

    judges = Judges(read(options.judge, "expression", "judge"), read(options.au_judge, "aus", "au_judge"), files)
    if judges.expression is None and judges.aus is None:
        raise UsageError("--judge none with --au-judge none; one judge or both expected.")
    if options.guide is not None:
        if not options.guide.is_file():
            raise InputError(f"--guide: {options.guide}: no such file.", hint="Give the weights that guided the set.")
        _require_independent(judges, [sha256(options.guide)])
    return judges


def evaluate_set(
    run: Run, data: Path, options: EvaluationOptions, judges: Judges, output: Output, *, seed: int
) -> None:
    """Measure a set; write predictions, tables, ``metrics.json`` and the report.

    Raises
    ------
    UsageError
        If a judge guided or labelled the set.
    InputError
        If a set cannot be used.
    """
    rows = {row.sample_id: row for row in read_manifest(data)} if is_generated(data) else {}
    _require_independent(judges, sorted({digest for row in rows.values() for digest in _guides_of(row)}))
    table, judged = _judge(run, data, options, judges, output, rows)
    real: Judged | None = None
    if options.real is not None:
        _, real = _judge(run, options.real, options, judges, output, {})
    measures = measure_set(judged, real, resamples=options.bootstrap, seed=seed)
    for note in measures.notes:
        run.warn(note)
    _write_predictions(run, judged)
    run.write_csv(SKIPPED, SKIPPED_COLUMNS, skipped_rows(table.dataset))
    run.write_csv(MEASURES, ("measure", "value", "low", "high", "faces"), [_cells(one) for one in measures.measures])
    run.write_metrics(_flat(measures))
    write_results(run, judged, real, measures, table)


def measures_table(directory: Path) -> Table:
    """Return the measures of a finished run."""
    with (directory / MEASURES).open(encoding="utf-8", newline="") as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream)]
    return Table(("measure", "value", "low", "high", "faces"), rows, "Measures, with 95 % intervals")


def _judge(
    run: Run,
    path: Path,
    options: EvaluationOptions,
    judges: Judges,
    output: Output,
    rows: Mapping[str, ManifestRow],
) -> tuple[FaceTable, Judged]:
    """Return the faces of a set, and what the judges say of them."""
    dataset = open_set(path, options.faces)
    for note in dataset.notes:
        run.warn(f"{path.name}: {note}")
    sides = sorted({judge.about.side for judge in (judges.expression, judges.aus) if judge is not None})
    tables = cut_faces(
        dataset, sides, options.faces.crop, output, allow_skips=options.faces.allow_skips, what=path.name
    )
    by_side = dict(zip(sides, tables, strict=True))
    probabilities = intensities = None
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    spaces: dict[str, NDArray[np.float64]] = {}
    if judges.expression is not None:
        probabilities, spaces["fer"] = judges.expression.recognise(list(by_side[judges.expression.about.side].cuts))
        classes = judges.expression.about.names
    if judges.aus is not None:
        intensities, spaces["au"] = judges.aus.recognise(list(by_side[judges.aus.about.side].cuts))
        names = judges.aus.about.names
    space, features = next(iter(spaces.items()))
    table = tables[-1]
    facts = [_facts(rows[face.name]) if face.name in rows else {} for face in table.faces]
    judged = Judged(
        table=table,
        space=space,
        features=features,
        classes=classes,
        probabilities=probabilities,
        au_names=names,
        intensities=intensities,
        labels=[rows[face.name].label if face.name in rows else face.expression or "" for face in table.faces],
        facts=facts,
        places=[_place(rows[face.name]) if face.name in rows else None for face in table.faces],
    )
    return table, judged


def _require_independent(judges: Judges, guides: Sequence[str]) -> None:
    for judge in (judges.expression, judges.aus):
        if judge is not None:
            require_independent_judge(judge.sha256, *guides)


def _guides_of(row: ManifestRow) -> list[str]:
    return [*row.anno.split(DIGEST_JOIN), "" if row.sg is None else row.sg.guide]


def _facts(row: ManifestRow) -> dict[str, str | float]:
    """Return the facts of a face that a data set should be balanced in."""
    return {
        name: value
        for name, value in row.facts.items()
        if not name.endswith("_px") and name not in (SERIES_AU, SERIES_LEVEL)
    }


def _place(row: ManifestRow) -> SeriesPlace | None:
    """Return where a face stands in a series of one action unit."""
    level = row.facts.get(SERIES_LEVEL)
    if not isinstance(level, int | float):
        return None
    return SeriesPlace(str(row.facts.get(SERIES_AU, "")), f"{row.seed}/{row.person_seed}", float(level))


def _cells(one: Measure) -> tuple[str, float | None, float | None, float | None, int]:
    return one.name, _finite(one.value), _finite(one.low), _finite(one.high), one.faces


def _flat(measures: SetMeasures) -> dict[str, float | int | str | None]:
    found: dict[str, float | int | str | None] = {}
    for one in measures.measures:
        found[one.name] = _finite(one.value)
        if np.isfinite(one.low):
            found |= {f"{one.name}_low": _finite(one.low), f"{one.name}_high": _finite(one.high)}
    return found


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def _write_predictions(run: Run, judged: Judged) -> None:
    """Write a row a face: what it is said to show and what the judges see."""
    columns = ["name", "subject", "label", "face_found"]
    columns += ["predicted", *(f"p_{name}" for name in judged.classes)] if judged.probabilities is not None else []
    columns += [f"AU{name}" for name in judged.au_names]
    rows: list[list[object]] = []
    for place, face in enumerate(judged.table.faces):
        row: list[object] = [face.name, face.subject, judged.labels[place], bool(judged.table.is_found[place])]
        if judged.probabilities is not None:
            chances = judged.probabilities[place]
            row += [judged.classes[int(chances.argmax())], *(round(float(one), 5) for one in chances)]
        if judged.intensities is not None:
            row += [round(float(one), 4) for one in judged.intensities[place]]
        rows.append(row)
    run.write_csv(PREDICTIONS, columns, rows)
