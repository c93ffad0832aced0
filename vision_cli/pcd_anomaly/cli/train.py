"""``vcli pcd-anomaly train``: train models of parts on their prototypes."""

from __future__ import annotations

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
from vision_cli.pcd_anomaly.cli.app import app
from vision_cli.pcd_anomaly.options import GoodScans, Options, Place, TrainingScans

EXAMPLES = (
    "vcli pcd-anomaly train parts -o model",
    "vcli pcd-anomaly train Real3D-AD-PCD --class airplane -o model",
    "vcli pcd-anomaly train --train part.stl -o model        # a CAD mesh is enough",
    "vcli pcd-anomaly train --train part.stl --good scans/ -o model",
)


@verb(app, "train", RUN, COMPUTE, OUTPUT, examples=EXAMPLES)
def train(call: Call, scans: TrainingScans, beside: GoodScans, options: Options, place: Place) -> None:
    """Train a model of every part of a data set on its prototypes."""
    from vision_cli.core.runs.runs import Run
    from vision_cli.pcd_anomaly.runs.inputs import find_data, good_scan_files
    from vision_cli.pcd_anomaly.runs.train import measures_of, shown, train_classes

    found = find_data(scans)
    if found is None:
        raise call.missing("DATA, or --train,")
    good = good_scan_files(scans, beside.good)

    def work(run: Run) -> None:
        here = place.on(call.compute.device)
        train_classes(run, found, options, call.seed, call.output, here, scans.scale, good)
        run.write_metrics(measures_of(run.directory))

    prototypes = [sample.path for sample in found.samples if sample.split == "train"]
    call.run(
        work, inputs={"prototypes": prototypes, "good": good}, show=lambda done: shown(done.directory), says="models in"
    )
