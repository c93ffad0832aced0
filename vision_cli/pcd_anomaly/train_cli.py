"""``vcli pcd-anomaly synth``, ``train``, ``info``: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.commands import missing_input
from vision_cli.core.console import Output, Table
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ThreadsOption,
    VerboseOption,
    open_run,
)
from vision_cli.pcd_anomaly.options import (
    AlphaOption,
    BankOption,
    ClassOption,
    ClustersOption,
    FeaturesOption,
    GroupSizeOption,
    GroupsOption,
    IanOption,
    IunOption,
    LayoutOption,
    PointMAEOption,
    PushOption,
    StepsOption,
    TrainOption,
    UnitOption,
    ViewsOption,
)

SYNTH_EXAMPLES = ("vcli pcd-anomaly synth parts --parts 3 --suite rigid --points 30000",)
TRAIN_EXAMPLES = (
    "vcli pcd-anomaly train parts -o model",
    "vcli pcd-anomaly train Real3D-AD-PCD --class airplane -o model",
    "vcli pcd-anomaly train --train part.stl -o model        # a CAD mesh is enough",
)
INFO_EXAMPLES = ("vcli pcd-anomaly info model", "vcli pcd-anomaly info scan.ply")


def synth(
    directory: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the data set.")],
    parts: Annotated[int, typer.Option(min=1, max=8, metavar="N", help="How many parts.")] = 6,
    points: Annotated[int, typer.Option(min=1000, metavar="N", help="About how many points a scan.")] = 100_000,
    suite: Annotated[
        Literal["rigid", "tolerance", "subtle"], typer.Option(help="How instances and defects differ.")
    ] = "tolerance",
    prototypes: Annotated[int, typer.Option(min=1, metavar="N", help="Good scans of all sides, a part.")] = 4,
    prototype_points: Annotated[
        int, typer.Option(min=0, metavar="N", help="About how many points a prototype; 0 for as many as a scan.")
    ] = 0,
    good: Annotated[int, typer.Option(min=0, metavar="N", help="Good test scans, a part.")] = 20,
    defective: Annotated[int, typer.Option(min=0, metavar="N", help="Defective test scans, a part.")] = 40,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Make parts with known defects and poses, in the layout of Real3D-AD."""
    from vision_cli.pcd_anomaly.synthesis import Recipe, write_dataset

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    recipe = Recipe(parts, points, suite, seed, prototypes, good, defective, prototype_points)
    with output.progress("scans", None) as progress:
        truth = write_dataset(directory, recipe, lambda done, total: progress.advance(note=f"{done} of {total}"))
    facts = {"directory": str(directory), "truth": str(truth), "scans": parts * (prototypes + good + defective)}
    output.result(Table(("made", "value"), list(facts.items())), facts)


def train(
    ctx: typer.Context,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set, or folder of one class.")] = None,
    layout: LayoutOption = "auto",
    classes: ClassOption = None,
    good: TrainOption = None,
    unit: UnitOption = "auto",
    features: FeaturesOption = "hybrid",
    weights: PointMAEOption = None,
    groups: GroupsOption = 2048,
    group_size: GroupSizeOption = 64,
    bank: BankOption = 10_000,
    views: ViewsOption = 12,
    clusters: ClustersOption = 64,
    steps: StepsOption = 300,
    iun: IunOption = True,
    ian: IanOption = True,
    push: PushOption = True,
    alpha: AlphaOption = 0.05,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Learn every part of a data set from its prototypes."""
    from vision_cli.core.devices import configure
    from vision_cli.pcd_anomaly.learning import Options
    from vision_cli.pcd_anomaly.session import Place, train_classes
    from vision_cli.pcd_anomaly.training import HeadOptions
    from vision_cli.pcd_anomaly.verbs import find_data, parse_unit

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    found = find_data(data, None if layout == "auto" else layout, classes or (), good, None, None)
    if found is None:
        raise missing_input(ctx, "DATA, or --train,")
    head = HeadOptions(clusters, steps, iun=iun, ian=ian, push=push)
    options = Options(groups, group_size, bank, views, head, alpha, features)
    scale = parse_unit(unit)
    with open_run(
        ctx, inputs={"prototypes": [sample.path for sample in found.samples if sample.split == "train"]}
    ) as run:
        if not run.already_done:
            place = Place(weights, str(configure(device, threads, seed).device))
            train_classes(run, found, options, seed, output, place, scale)
            run.finish()
    output.info(f"models in {run.directory}")
    _show(run.directory, output)


def info(
    path: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="Run of `train` or `run`, a scan or a mesh.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Tell what the models of a run are, or what a file of points holds."""
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    if path.is_dir():
        _show(path, output)
        return
    from vision_cli.pcd_anomaly.verbs import describe_file

    facts = describe_file(path)
    output.result(Table(("fact", "value"), list(facts.items())), facts)


def _show(directory: Path, output: Output) -> None:
    from vision_cli.pcd_anomaly.models import read_description
    from vision_cli.pcd_anomaly.session import find_models

    documents = {name: read_description(path) for name, path in find_models(directory).items()}
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
    output.result(Table(("class", "features", "diameter", "warp", "views", "warnings"), rows), documents)
