"""The sample of the task: made anew by every run that asks for it, because scans are larger than their generator."""

from __future__ import annotations

from dataclasses import asdict

from vision_cli.core.command.console import Output
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.pcd_anomaly.data.layouts import DataSet, read_dataset
from vision_cli.pcd_anomaly.data.synthesis import dataset_files, write_dataset
from vision_cli.pcd_anomaly.options import Recipe

SAMPLE = Recipe(parts=2, points=12_000, suite="rigid", prototypes=3, good=2, defective=3, prototype_points=36_000)
"""Small enough to be made, learnt and scored within two minutes on two cores, beside other work."""

PARTS = "parts"


def make_sample(run: Run, output: Output) -> DataSet:
    """Make the parts of the sample in a run that has not got them yet, and read what is there.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    directory = run.directory / PARTS
    for name in dataset_files(SAMPLE):
        run.claim(f"{PARTS}/{name}")
    run.record(sample=asdict(SAMPLE))
    with output.progress("scans", None) as progress:

        def on_scan(done: int, total: int) -> None:
            interrupts.check()
            progress.advance(note=f"{done} of {total}")

        write_dataset(directory, SAMPLE, on_scan)
    return read_dataset(directory)
