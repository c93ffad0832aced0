"""``vcli pcd-anomaly run``, ``predict``, ``evaluate`` and ``register``: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.commands import command_name, missing_input, run_directory
from vision_cli.core.console import Output, Table
from vision_cli.core.errors import Found, InputError, UsageError
from vision_cli.core.options import (
    ConfigOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ShardOption,
    ThreadsOption,
    VerboseOption,
    resolved_options,
)
from vision_cli.pcd_anomaly.options import (
    AgcsOption,
    AlphaOption,
    ClassOption,
    ClustersOption,
    GroupsOption,
    InitOption,
    LayoutOption,
    RegistrationOption,
    SaveOption,
    StepsOption,
    UnitOption,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vision_cli.pcd_anomaly.layouts import Sample

RUN_EXAMPLES = (
    "vcli pcd-anomaly run parts -o run                       # train, score and measure a data set",
    "vcli pcd-anomaly run parts --method ours,c2c,simple3d -o run",
)
PREDICT_EXAMPLES = (
    "vcli pcd-anomaly predict model scans/*.ply -o out --save scores,ply,regions,png",
    "vcli pcd-anomaly predict model scans/*.pcd -o out --shard auto --resume --fail-on-anomaly",
)
EVALUATE_EXAMPLES = ("vcli pcd-anomaly evaluate model parts --method all -o measured",)
REGISTER_EXAMPLES = ("vcli pcd-anomaly register scan.ply part.stl -o pose.json",)

_SAVE = frozenset({"scores", "ply", "regions", "png"})
MethodsOption = Annotated[
    str, typer.Option("--method", metavar="LIST", help="ours and baselines, or all; on the same poses.")
]
BootstrapOption = Annotated[int, typer.Option(min=0, metavar="N", help="Resamples of the intervals; 0 for none.")]


def run_all(
    ctx: typer.Context,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set.")] = None,
    layout: LayoutOption = "auto",
    classes: ClassOption = None,
    method: MethodsOption = "ours",
    bootstrap: BootstrapOption = 1000,
    groups: GroupsOption = 2048,
    clusters: ClustersOption = 64,
    steps: StepsOption = 300,
    alpha: AlphaOption = 0.05,
    agcs: AgcsOption = "relative",
    save: SaveOption = "scores,regions",
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Train on a data set, score its test scans and measure the scores."""
    if data is None:
        raise missing_input(ctx, "DATA")
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import Run, read_metrics
    from vision_cli.pcd_anomaly import session
    from vision_cli.pcd_anomaly.layouts import read_dataset
    from vision_cli.pcd_anomaly.learning import Options
    from vision_cli.pcd_anomaly.training import HeadOptions

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    found = read_dataset(data, None if layout == "auto" else layout, classes or ())
    methods = _methods(method)
    scoring = session.Scoring(agcs=agcs, seed=seed, save=_saved(save) | {"scores"})
    options = Options(groups=groups, head=HeadOptions(clusters=clusters, steps=steps), alpha=alpha)
    tests = [sample for sample in found.samples if sample.split == "test"]
    with Run.open(
        run_directory(ctx, out, resume=resume),
        command=command_name(ctx),
        options=resolved_options(ctx),
        inputs={"scans": [sample.path for sample in found.samples]},
        resume=resume,
        overwrite=overwrite,
    ) as run:
        if not run.already_done:
            configure("cpu", threads, seed)
            session.train_classes(run, found, options, seed, output)
            models = session.find_models(run.directory)
            session.score_samples(run, tests, models, scoring, output)
            session.finish_results(run)
            session.measure_run(run, tests, models, methods, bootstrap, seed, output)
            run.finish()
    output.info(f"results in {run.directory}")
    output.result(session.measures_table(run.directory), read_metrics(run.directory))
    run.require_all_good()


def evaluate(
    ctx: typer.Context,
    model: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run of `train`.")] = None,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set with truth.")] = None,
    layout: LayoutOption = "auto",
    classes: ClassOption = None,
    method: MethodsOption = "ours",
    bootstrap: BootstrapOption = 1000,
    agcs: AgcsOption = "relative",
    save: SaveOption = "scores,regions",
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Score the test scans of a data set and measure the scores, beside baselines if wished."""
    if model is None or data is None:
        raise missing_input(ctx, "RUN and DATA")
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import Run, read_metrics
    from vision_cli.pcd_anomaly import session
    from vision_cli.pcd_anomaly.layouts import read_dataset

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    found = read_dataset(data, None if layout == "auto" else layout, classes or ())
    methods = _methods(method)
    models = session.find_models(model)
    tests = [sample for sample in found.samples if sample.split == "test"]
    scoring = session.Scoring(agcs=agcs, seed=seed, save=_saved(save) | {"scores"})
    with Run.open(
        run_directory(ctx, out, resume=resume),
        command=command_name(ctx),
        options=resolved_options(ctx),
        inputs={"models": list(models.values()), "scans": [sample.path for sample in tests]},
        resume=resume,
        overwrite=overwrite,
    ) as run:
        if not run.already_done:
            configure("cpu", threads, seed)
            session.score_samples(run, tests, models, scoring, output)
            session.finish_results(run)
            session.measure_run(run, tests, models, methods, bootstrap, seed, output)
            run.finish()
    output.info(f"results in {run.directory}")
    output.result(session.measures_table(run.directory), read_metrics(run.directory))
    run.require_all_good()


def predict(
    ctx: typer.Context,
    model: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run of `train`.")] = None,
    inputs: Annotated[list[Path] | None, typer.Argument(metavar="INPUT...", help="Scans, or folders of scans.")] = None,
    class_name: Annotated[str | None, typer.Option("--class", metavar="NAME", help="Whose model to use.")] = None,
    agcs: AgcsOption = "relative",
    registration: RegistrationOption = "auto",
    init: InitOption = None,
    unit: UnitOption = 1.0,
    save: SaveOption = "scores,regions",
    fail_on_anomaly: Annotated[bool, typer.Option("--fail-on-anomaly", help="Exit 10 if a scan is anomalous.")] = False,
    shard: ShardOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
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
    from vision_cli.core.runs import Run, read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.pcd_anomaly import session

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    part = parse_shard(shard)
    models = session.find_models(model)
    samples = _samples(inputs, models, class_name)
    pose = None if init is None else read_pose(init)
    scoring = session.Scoring(agcs, registration, pose, seed, _saved(save), unit)
    with Run.open(
        run_directory(ctx, out, resume=resume),
        command=command_name(ctx),
        options=resolved_options(ctx),
        inputs={"models": list(models.values())},
        resume=resume,
        overwrite=overwrite,
        shard=part,
    ) as run:
        if not run.already_done:
            configure("cpu", threads, seed)
            session.score_samples(run, samples, models, scoring, output, part)
            session.finish_results(run)
            run.finish()
    metrics = read_metrics(run.directory)
    columns = ("sample", "decision", "score", "p_value", "reg_status")
    rows = [[e.row.get(name) for name in columns] for e in run.items.entries if e.error is None]
    output.info(f"results in {run.directory}")
    output.result(Table(columns, rows), metrics)
    run.require_all_good()
    if fail_on_anomaly and metrics["n_anomalous"]:
        raise Found(f"{metrics['n_anomalous']} of {metrics['n_scans']} scans are anomalous.")


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


def read_pose(path: Path) -> NDArray[np.float64]:
    """Read the 4 x 4 pose of a JSON file that `register` wrote.

    Raises
    ------
    InputError
        If there is none.
    """
    import json

    import numpy as np

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        matrix = np.asarray(found["scan_to_reference"] if isinstance(found, dict) else found, dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no pose found ({error}); JSON with scan_to_reference expected.") from error
    if matrix.shape != (4, 4) or not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3):
        raise InputError(f"{path}: a matrix of shape {matrix.shape} found; a rigid 4 x 4 pose expected.")
    return matrix


def _methods(text: str) -> list[str]:
    from vision_cli.pcd_anomaly.baselines import BASELINES

    known = ("ours", *BASELINES)
    wanted = list(known) if text == "all" else [name for name in text.split(",") if name]
    for name in wanted:
        if name not in known:
            raise UsageError(f"--method {name}: no such method; of {', '.join(known)} expected.")
    return wanted


def _saved(text: str) -> frozenset[str]:
    wanted = frozenset(word for word in text.split(",") if word)
    if not wanted <= _SAVE:
        raise UsageError(f"--save {text}: {', '.join(sorted(wanted - _SAVE))} unknown; of {', '.join(sorted(_SAVE))}.")
    return wanted


def _samples(inputs: list[Path], models: dict[str, Path], class_name: str | None) -> list[Sample]:
    """List the scans of files and folders, each under the path it was given by."""
    from vision_cli.io.pointclouds import POINT_SUFFIXES
    from vision_cli.pcd_anomaly.layouts import Sample

    if class_name is not None and class_name not in models:
        raise UsageError(f"--class {class_name}: no such model; one of {', '.join(models)} expected.")
    if class_name is None and len(models) > 1:
        raise UsageError(f"{len(models)} models found; --class with one of {', '.join(models)} expected.")
    name = class_name or next(iter(models))
    found: list[tuple[str, Path]] = []
    for given in inputs:
        if given.is_dir():
            inside = sorted(path for path in given.rglob("*") if path.suffix.lower() in POINT_SUFFIXES)
            found += [(path.relative_to(given).with_suffix("").as_posix(), path) for path in inside]
        else:
            found.append((given.stem, given))
    names = [label for label, _ in found]
    # Scans of one name in several folders keep their suffix and a number apart.
    unique = [label if names.count(label) == 1 else f"{label}-{place + 1}" for place, label in enumerate(names)]
    if not found:
        raise InputError(f"{', '.join(map(str, inputs))}: no scans found.", hint="Give files or folders of scans.")
    return [
        Sample(name, label, path, "test", None, None, None, "folder")
        for label, (_, path) in zip(unique, found, strict=True)
    ]
