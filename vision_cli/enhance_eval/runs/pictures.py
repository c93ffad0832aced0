"""The work of ``enhance`` and ``degrade``: pictures in, pictures out, under the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.data.opening import open_dataset
from vision_cli.enhance_eval.data.sources import write_picture
from vision_cli.enhance_eval.methods.building import build_method
from vision_cli.enhance_eval.methods.checking import enhance_checked
from vision_cli.enhance_eval.methods.specs import MethodSpec
from vision_cli.enhance_eval.pipeline.cells import generator_of
from vision_cli.enhance_eval.pipeline.darkness.conditions import Condition, darken
from vision_cli.enhance_eval.values import Dataset, Picture, Sample


def open_pictures(path: Path) -> Dataset:
    """Return the pictures of a path: one, or those of a folder and its sub-folders, whatever its layout.

    Raises
    ------
    InputError
        If there are none.
    """
    return open_dataset(path, "flat")


def enhance_all(run: Run, dataset: Dataset, specs: Sequence[MethodSpec], *, device: str, output: Output) -> None:
    """Write every picture as every method makes it, ``METHOD/NAME.png``."""
    methods = [build_method(spec, device=device) for spec in specs]

    def work(sample: Sample) -> Mapping[str, object]:
        picture = sample.source.read()
        for spec, method in zip(specs, methods, strict=True):
            _write(run, f"{spec.file_name}/{sample.name}.png", enhance_checked(method, picture, name=sample.name))
        return {"written": len(methods)}

    run.each(dataset.samples, work, name=lambda one: one.name, what="pictures", output=output)


def degrade_all(run: Run, dataset: Dataset, condition: Condition, *, seed: int, output: Output) -> None:
    """Write every picture darkened, ``NAME.png``."""

    def work(sample: Sample) -> Mapping[str, object]:
        dark = darken(sample.source, condition, generator_of(seed, sample.name, condition.name))
        _write(run, f"{condition.name}/{sample.name}.png", dark)
        return {"mean_luma": float(np.round(255 * dark.mean(), 3))}

    run.each(dataset.samples, work, name=lambda one: one.name, what="pictures", output=output)


def _write(run: Run, name: str, picture: Picture) -> None:
    with run.output(name) as path:
        write_picture(path, picture)
