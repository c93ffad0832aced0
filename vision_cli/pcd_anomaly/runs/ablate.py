"""Training of the ablation's models, for ``evaluate --ablate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.io.points.clouds import PointCloud, read_points
from vision_cli.pcd_anomaly.data.layouts import DataSet
from vision_cli.pcd_anomaly.data.prototypes import load_prototypes
from vision_cli.pcd_anomaly.evaluation.ablation import ABLATION_FOLDER, TRAINED_STEPS, head_options, step_folder
from vision_cli.pcd_anomaly.model.files import DESCRIPTION, NUMBERS, description, numbers, read_model
from vision_cli.pcd_anomaly.model.fit import complete, prepare
from vision_cli.pcd_anomaly.options import Place
from vision_cli.pcd_anomaly.runs.inputs import class_generator, model_directory


def train_ablation(
    run: Run,
    data: DataSet,
    models: Mapping[str, Path],
    place: Place,
    scale: float,
    seed: int,
    output: Output,
    good: Sequence[Path] = (),
) -> None:
    """Train the models of the ablation that are not there yet, to ``ladder/CLASS/STEP``.

    All steps of a class share its reference, its views and their groups; only the heads differ.

    Parameters
    ----------
    run
        The open run.
    data
        Data set with the prototypes.
    models
        Directory of the full model of each class; its options hold for all steps, but for those of the head.
    place
        Device and weights.
    scale
        Factor on the coordinates of prototypes and good scans.
    seed
        Seed of the training.
    output
        Where progress is shown.
    good
        Files of the good scans that the models were trained with beside their prototypes.

    Raises
    ------
    UsageError
        If a model was trained with good scans and none are given.
    """
    with output.progress("ladders", len(data.class_names)) as progress:
        for name in data.class_names:
            samples = data.of(name, "train")
            model = read_model(model_directory(models, samples[0]), place.weights, place.device)
            if len(samples) == 1 and not model.limit.is_guess and not good:
                raise UsageError(f"--ablate: {name} was trained with --good; the same good scans expected.")
            folders = {step: f"{ABLATION_FOLDER}/{name}/{step_folder(step)}" for step in TRAINED_STEPS}
            missing = [step for step, home in folders.items() if not (run.directory / home / DESCRIPTION).is_file()]
            if missing:
                prototypes = load_prototypes(samples, scale)
                scans = [PointCloud(read_points(path).points * scale) for path in good]
                generator = class_generator(seed, name)
                prepared = prepare(prototypes, model.options, generator, describe=model.describe, good=scans)
                for step in missing:
                    interrupts.check()
                    trained = complete(prepared, replace(model.options, head=head_options(model.options.head, step)))
                    with run.output(f"{folders[step]}/{NUMBERS}") as path:
                        path.write_bytes(numbers(trained))
                    # The description comes last: where it is, the model is complete.
                    run.write_json(f"{folders[step]}/{DESCRIPTION}", description(trained))
            progress.advance(note=name)
