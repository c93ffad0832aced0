"""Manifests, contact sheet, metrics and report of a run of ``generate``, undivided or merged."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.figures.sheets import draw_sheet
from vision_cli.synth_faces.plans.labels import LABELS
from vision_cli.synth_faces.plans.manifests import MANIFESTS, write_manifest
from vision_cli.synth_faces.plans.rows import ManifestRow
from vision_cli.synth_faces.runs.generate import manifest_rows
from vision_cli.synth_faces.values import AUS
from vision_cli.synth_faces.values import Picture as Pixels

SHEET = "contact_sheet.png"
ACTION_UNITS = "action_units.csv"
_COLUMNS = 8
_NO_LABEL = "no label"
_READ_SHEET = "A row a label. Faces of a row should show it, and differ in person, pose and light."


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write manifests, a sheet of the first faces of each label, counts and the report.

    Pictures of shards get a second name in the merged run, so that its manifest is that of an undivided one.
    """
    made = [entry for entry in entries if entry.error is None]
    rows = manifest_rows(made)
    for entry, row in zip(made, rows, strict=True):
        home = run.home_of(entry)
        if home != run.directory:
            with run.output(row.file) as path:
                _link(home / row.file, path)
    for name in MANIFESTS:
        with run.output(name) as path:
            write_manifest(path, rows)
    run.write_csv(
        ACTION_UNITS,
        ("au", "faces", "mean_intensity_where_present"),
        [(name, count, mean) for name, count, mean in _au_counts(rows) if count],
    )
    sheet = sheet_of(run.directory, rows)
    with run.output(SHEET) as path:
        write_photograph(path, draw_sheet(sheet))
    metrics = _metrics(rows)
    run.write_metrics(metrics)
    labels = [(label, count) for label, count in _label_counts(rows).items()]
    units = [(f"AU {name}", count, round(mean, 2)) for name, count, mean in _au_counts(rows) if count]
    run.report(
        Report(
            title="Generated faces",
            verdict=f"{len(rows)} faces of {metrics['persons']} persons, {len(labels)} labels. All are synthetic.",
            summary=metrics,
            pictures=[Picture(run.directory / SHEET, "The first faces of each label", _READ_SHEET)],
            tables=[
                Table(("label", "faces"), labels, "Labels"),
                Table(("action unit", "faces", "mean intensity"), units, "Action units"),
            ],
            notes=["Every PNG carries the text synthetic=true. Say so where the pictures are shown."],
        )
    )


def sheet_of(directory: Path, rows: Sequence[ManifestRow]) -> list[tuple[str, list[Pixels]]]:
    """Return the labels of some rows with the first eight pictures of each, in the order of the labels."""
    found: dict[str, list[ManifestRow]] = {}
    for row in rows:
        of_label = found.setdefault(row.label or _NO_LABEL, [])
        if len(of_label) < _COLUMNS:
            of_label.append(row)
    order = {label: place for place, label in enumerate((*LABELS, _NO_LABEL))}
    return [
        (label, [PictureFile(directory / row.file).read() for row in found[label]])
        for label in sorted(found, key=lambda label: order[label])
    ]


def _metrics(rows: Sequence[ManifestRow]) -> dict[str, float | int | str | None]:
    # Where the face is, is known of renders alone.
    inside = [_is_inside(row) for row in rows if "face_left_px" in row.facts]
    asked = [row for row in rows if row.agree is not None]
    sharpness = [row.quality.sharpness for row in rows if row.quality.sharpness is not None]
    return {
        "faces": len(rows),
        "persons": len({row.person_seed for row in rows}),
        **({"faces_inside_the_picture": sum(inside)} if inside else {}),
        **({"annotator_agrees": round(sum(bool(row.agree) for row in asked) / len(asked), 4)} if asked else {}),
        **{
            f"labels_{source}": count
            for source in ("rectified", "dropped")
            if (count := sum(row.label_source == source for row in rows))
        },
        "median_sharpness": round(float(np.median(sharpness)), 3) if sharpness else None,
        **{f"label/{label}": count for label, count in _label_counts(rows).items()},
    }


def _is_inside(row: ManifestRow) -> bool:
    """Return whether all landmarks of a face lie in its picture."""
    box = [row.facts.get(f"face_{edge}_px") for edge in ("left", "top", "right", "bottom")]
    numbers = [value for value in box if isinstance(value, int | float)]
    if len(numbers) < len(box):
        return False
    left, top, right, bottom = numbers
    return left >= 0 and top >= 0 and right <= row.width - 1 and bottom <= row.height - 1


def _label_counts(rows: Sequence[ManifestRow]) -> Mapping[str, int]:
    counts = Counter(row.label or _NO_LABEL for row in rows)
    return {label: counts[label] for label in (*LABELS, _NO_LABEL) if counts[label]}


def _au_counts(rows: Sequence[ManifestRow]) -> list[tuple[str, int, float]]:
    """Return each action unit with how many faces show it and its mean intensity in them."""
    values = np.array([row.au for row in rows], np.float64).reshape(-1, len(AUS))
    counts = (values > 0).sum(axis=0)
    return [
        (name, int(counts[place]), float(values[:, place].sum() / max(counts[place], 1)))
        for place, name in enumerate(AUS)
    ]


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
