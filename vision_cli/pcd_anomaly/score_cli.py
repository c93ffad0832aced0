"""``vcli pcd-anomaly run``, ``predict``, ``evaluate``, ``merge`` and ``register``: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.commands import missing_input
from vision_cli.core.console import Output, Table
from vision_cli.core.errors import Found, UsageError
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ShardOption,
    ThreadsOption,
    VerboseOption,
    open_run,
)
from vision_cli.pcd_anomaly.options import (
    AblateOption,
    AgcsOption,
    AlphaOption,
    BankOption,
    BootstrapOption,
    ClassOption,
    ClustersOption,
    FeaturesOption,
    GroupSizeOption,
    GroupsOption,
    IanOption,
    InitOption,
    IunOption,
    LayoutOption,
    MemoryOption,
    MethodsOption,
    PointMAEOption,
    ProtocolOption,
    PushOption,
    RegistrationOption,
    SampleOption,
    SaveOption,
    StepsOption,
    TestOption,
    TrainOption,
    TruthOption,
    UnitOption,
    ViewsOption,
)

RUN_EXAMPLES = (
    "vcli pcd-anomaly --sample -o run                        # makes parts with defects, and finds these",
    "vcli pcd-anomaly run parts -o run                       # train, score and measure a data set",
    "vcli pcd-anomaly run --train good/ --test incoming/ -o run",
)
PREDICT_EXAMPLES = (
    "vcli pcd-anomaly predict model scans/*.ply -o out --save scores,ply,regions,png",
    "vcli pcd-anomaly predict model scans/*.pcd -o out --shard auto --resume --fail-on-anomaly",
)
EVALUATE_EXAMPLES = (
    "vcli pcd-anomaly evaluate model parts --method all -o measured",
    "vcli pcd-anomaly evaluate model parts --ablate -o ladder",
    "vcli pcd-anomaly evaluate model Real3D-AD-PCD --method reg3d --protocol reg3d -o measured",
)
MERGE_EXAMPLES = ("vcli pcd-anomaly merge out",)
REGISTER_EXAMPLES = ("vcli pcd-anomaly register scan.ply part.stl -o pose.json",)


def run_all(
    ctx: typer.Context,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set.")] = None,
    sample: SampleOption = False,
    layout: LayoutOption = "auto",
    classes: ClassOption = None,
    train: TrainOption = None,
    test: TestOption = None,
    truth: TruthOption = None,
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
    agcs: AgcsOption = "relative",
    save: SaveOption = "scores,regions,png",
    max_memory: MemoryOption = None,
    method: MethodsOption = "ours",
    protocol: ProtocolOption = "ours",
    bootstrap: BootstrapOption = 1000,
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
    """Train on a data set, score its test scans and measure the scores."""
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import read_metrics
    from vision_cli.pcd_anomaly import session, verbs
    from vision_cli.pcd_anomaly.learning import Options
    from vision_cli.pcd_anomaly.sample import make_sample
    from vision_cli.pcd_anomaly.training import HeadOptions

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    found = verbs.find_data(data, None if layout == "auto" else layout, classes or (), train, test, truth)
    if sample and found is not None:
        raise UsageError("--sample and scans found; one or the other expected.")
    if not sample and found is None:
        raise missing_input(ctx, "DATA, or --train and --test,")
    if found is not None:
        verbs.require_tests(found)
    head = HeadOptions(clusters, steps, iun=iun, ian=ian, push=push)
    options = Options(groups, group_size, bank, views, head, alpha, features)
    scale, saved, methods = verbs.parse_unit(unit), verbs.parse_saved(save), verbs.parse_methods(method)
    inputs = {} if found is None else {"scans": [one.path for one in found.samples]}
    with open_run(ctx, inputs=inputs) as run:
        if not run.already_done:
            place = session.Place(weights, str(configure(device, threads, seed).device), _bytes(max_memory))
            known = found or make_sample(run, output)
            session.train_classes(run, known, options, seed, output, place, scale)
            models = session.find_models(run.directory)
            scoring = session.Scoring(
                agcs=agcs,
                seed=seed,
                save=saved | {"scores"},
                scale=scale,
                points_from="truth" if protocol == "reg3d" else "scan",
                place=place,
                contenders=verbs.Contenders(methods, None, protocol),
            )
            verbs.measure_scans(run, known, models, scoring, bootstrap, output)
    output.info(f"results in {run.directory}")
    output.result(verbs.measured_tables(run.directory), read_metrics(run.directory))
    run.require_all_good()


def evaluate(
    ctx: typer.Context,
    model: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run of `train`.")] = None,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set with truth.")] = None,
    layout: LayoutOption = "auto",
    classes: ClassOption = None,
    train: TrainOption = None,
    test: TestOption = None,
    truth: TruthOption = None,
    unit: UnitOption = "auto",
    weights: PointMAEOption = None,
    agcs: AgcsOption = "relative",
    save: SaveOption = "scores,regions,png",
    max_memory: MemoryOption = None,
    method: MethodsOption = "ours",
    protocol: ProtocolOption = "ours",
    ablate: AblateOption = False,
    bootstrap: BootstrapOption = 1000,
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
    """Score the test scans of a data set and measure the scores, beside baselines if wished."""
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import read_metrics
    from vision_cli.pcd_anomaly import session, verbs

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    found = verbs.find_data(data, None if layout == "auto" else layout, classes or (), train, test, truth)
    if model is None or found is None:
        raise missing_input(ctx, "RUN and DATA, or RUN and --test,")
    verbs.require_tests(found)
    models = session.find_models(model)
    scale, saved, methods = verbs.parse_unit(unit), verbs.parse_saved(save), verbs.parse_methods(method)
    if ablate:
        verbs.require_prototypes(found)
    with open_run(ctx, inputs={"models": list(models.values()), "scans": [one.path for one in found.samples]}) as run:
        if not run.already_done:
            scoring = session.Scoring(
                agcs=agcs,
                seed=seed,
                save=saved | {"scores"},
                scale=scale,
                points_from="truth" if protocol == "reg3d" else "scan",
                place=session.Place(weights, str(configure(device, threads, seed).device), _bytes(max_memory)),
                contenders=verbs.Contenders(methods, run.directory / verbs.LADDER if ablate else None, protocol),
            )
            verbs.measure_scans(run, found, models, scoring, bootstrap, output)
    output.info(f"results in {run.directory}")
    output.result(verbs.measured_tables(run.directory), read_metrics(run.directory))
    run.require_all_good()


def predict(
    ctx: typer.Context,
    model: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run of `train`.")] = None,
    inputs: Annotated[list[Path] | None, typer.Argument(metavar="INPUT...", help="Scans, or folders of scans.")] = None,
    class_name: Annotated[str | None, typer.Option("--class", metavar="NAME", help="Whose model to use.")] = None,
    unit: UnitOption = "auto",
    weights: PointMAEOption = None,
    agcs: AgcsOption = "relative",
    registration: RegistrationOption = "auto",
    init: InitOption = None,
    save: SaveOption = "scores,regions,png",
    max_memory: MemoryOption = None,
    fail_on_anomaly: Annotated[bool, typer.Option("--fail-on-anomaly", help="Exit 10 if a scan is anomalous.")] = False,
    shard: ShardOption = None,
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
    """Score scans of a trained part: every point, regions, and a decision."""
    if model is None or not inputs:
        raise missing_input(ctx, "RUN and INPUT")
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.pcd_anomaly import session, verbs

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    part = parse_shard(shard)
    if part is not None:
        output.info(str(part))
    models = session.find_models(model)
    samples = verbs.list_scans(inputs, models, class_name)
    pose = None if init is None else verbs.read_pose(init)
    scale, saved = verbs.parse_unit(unit), verbs.parse_saved(save)
    with open_run(ctx, inputs={"models": list(models.values())}, shard=part) as run:
        if not run.already_done:
            place = session.Place(weights, str(configure(device, threads, seed).device), _bytes(max_memory))
            scoring = session.Scoring(agcs, registration, pose, seed, saved, scale, place=place)
            verbs.predict_scans(run, samples, models, scoring, output, part)
    counts = verbs.counts_of(run.items.entries)
    output.info(f"results in {run.directory}")
    output.result(verbs.result_table(run.items.entries), {**counts, **read_metrics(run.directory)})
    run.require_all_good()
    if fail_on_anomaly and counts["n_anomalous"]:
        raise Found(f"{counts['n_anomalous']} of {counts['n_scans']} scans are anomalous.")


def merge(
    directory: Annotated[Path, typer.Argument(metavar="OUT", help="Directory that holds shard-1-of-N, ...")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make one run out of the shards of `predict`, with its tables and its report."""
    from vision_cli.core.records import read_metrics
    from vision_cli.pcd_anomaly import verbs

    entries = verbs.merge_directory(directory).entries
    output = Output(as_json=as_json, quiet=quiet)
    output.result(verbs.result_table(entries), {**verbs.counts_of(entries), **read_metrics(directory)})
    verbs.require_all_scored(directory, entries)


def register_verb(
    scan: Annotated[Path, typer.Argument(metavar="SCAN", help="Scan to register.")],
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Cloud of all sides, or a mesh.")],
    target: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="JSON file of the pose.")],
    seed: SeedOption = 0,
    threads: ThreadsOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Find the pose of a scan on a reference, with a verdict on it."""
    from vision_cli.core.devices import configure
    from vision_cli.core.files import write_json
    from vision_cli.pcd_anomaly.posing import register_files

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    configure("cpu", threads, seed)
    document = register_files(scan, reference, seed)
    write_json(target, document)
    facts = {name: value for name, value in document.items() if name != "scan_to_reference"}
    output.result(Table(("measure", "value"), list(facts.items())), document)


def _bytes(gigabytes: float | None) -> float | None:
    return None if gigabytes is None else gigabytes * 1e9
