"""Training of every class of a data set, and what a run of models shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.verbs import Shown
from vision_cli.core.compute.devices import memory_within
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.io.points.clouds import PointCloud, read_points, write_ply
from vision_cli.pcd_anomaly.data.layouts import DataSet
from vision_cli.pcd_anomaly.data.prototypes import load_prototypes, points_of
from vision_cli.pcd_anomaly.model.descriptors import make_describer
from vision_cli.pcd_anomaly.model.files import (
    DESCRIPTION,
    MODELS,
    NUMBERS,
    description,
    find_models,
    numbers,
    read_description,
)
from vision_cli.pcd_anomaly.model.fit import train
from vision_cli.pcd_anomaly.model.weights import WeightsRecord
from vision_cli.pcd_anomaly.options import Options, Place
from vision_cli.pcd_anomaly.pipeline.chunking import require_points_room
from vision_cli.pcd_anomaly.runs.inputs import class_generator

REFERENCE = "reference.ply"
_COLUMNS = ("class", "features", "diameter", "warp", "views", "warnings")


def train_classes(
    run: Run,
    data: DataSet,
    options: Options,
    seed: int,
    output: Output,
    place: Place,
    scale: float = 1.0,
    good: Sequence[Path] = (),
) -> None:
    """Train the classes that have no model in the run yet, and write the models to ``models/CLASS``.

    Parameters
    ----------
    run
        The open run.
    data
        Data set with the prototypes.
    options, seed
        Options and seed of the training.
    output
        Where progress is shown.
    place
        Device and weights.
    scale
        Factor on the coordinates of prototypes and good scans.
    good
        Files of one-sided good scans.

    Raises
    ------
    InputError
        If the prototypes of a class cannot be used.
    MissingError
        If weights cannot be used.
    ResourceError
        If the prototypes of a class would exceed the memory.
    """

    def on_stage(stage: str) -> None:
        interrupts.check()
        output.detail(stage)

    describe = make_describer(options.features, place.weights, place.device)
    weights = None if place.weights is None else WeightsRecord.of(place.weights)
    with output.progress("classes", len(data.class_names)) as progress:
        for name in data.class_names:
            home = f"{MODELS}/{name}"
            if not (run.directory / home / DESCRIPTION).is_file():
                started = time.process_time()
                with memory_within(place.max_memory):
                    prototypes = load_prototypes(data.of(name, "train"), scale)
                    scans = [PointCloud(read_points(path).points * scale) for path in good]
                require_points_room(place.max_memory, name, sum(len(points_of(one)) for one in prototypes))
                model = train(prototypes, options, class_generator(seed, name), on_stage, describe, scans)
                for warning in model.warnings:
                    run.warn(f"{name}: {warning}")
                surface = model.reference.level.surface.moved(model.to_prototype)
                with run.output(f"{home}/{REFERENCE}") as path:
                    write_ply(path, surface.points, normals=surface.normals)
                with run.output(f"{home}/{NUMBERS}") as path:
                    path.write_bytes(numbers(model))
                # The description comes last: where it is, the model is complete.
                run.write_json(f"{home}/{DESCRIPTION}", description(model, weights))
                also = f" and {len(scans)} good scans" if scans else ""
                output.info(
                    f"{name}: trained on {len(prototypes)} prototypes{also}, {time.process_time() - started:.0f} CPU s"
                )
            progress.advance(note=name)


def shown(directory: Path) -> Shown:
    """Return a table of the models of a run, and their descriptions by class.

    Raises
    ------
    InputError
        If there is no model.
    MissingError
        If a model cannot be read.
    """
    documents = _descriptions(directory)
    rows = [
        (
            name,
            found["options"]["features"],
            found["diameter"],
            found["amplitude"],
            found["limit"]["count"],
            len(found["warnings"]),
        )
        for name, found in documents.items()
    ]
    return Table(_COLUMNS, rows), documents


def measures_of(directory: Path) -> dict[str, float | int | str | None]:
    """Return the content of ``metrics.json`` for a run of models: size and variation of each class."""
    documents = _descriptions(directory)
    metrics: dict[str, float | int | str | None] = {"classes": len(documents)}
    for name, found in documents.items():
        metrics |= {
            f"{name}/diameter": found["diameter"],
            f"{name}/amplitude": found["amplitude"],
            f"{name}/views": found["limit"]["count"],
            f"{name}/warnings": len(found["warnings"]),
        }
    return metrics


def _descriptions(directory: Path) -> dict[str, Any]:
    return {name: read_description(path) for name, path in find_models(directory).items()}
