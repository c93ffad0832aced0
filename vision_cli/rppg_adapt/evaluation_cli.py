"""``vcli rppg-adapt evaluate``, ``plot`` and ``info``: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.console import Output, Table
from vision_cli.core.errors import UsageError
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    ThreadsOption,
    VerboseOption,
    WeightsOption,
    open_run,
)

EVALUATE_EXAMPLES = (
    "vcli rppg-adapt evaluate cache --methods net,pos,chrom --group-by skin_color -o scores",
    "vcli rppg-adapt evaluate outputs.pickle --protocol toolbox -o scores",
)
PLOT_EXAMPLES = ("vcli rppg-adapt plot run -o pictures",)
INFO_EXAMPLES = ("vcli rppg-adapt info default", "vcli rppg-adapt info PURE_PhysNet_DiffNormalized.pth --json")


def evaluate(
    ctx: typer.Context,
    what: Annotated[
        Path, typer.Argument(metavar="CACHE|RUN|PICKLE", help="Cache, run of predict, or outputs of rPPG-Toolbox.")
    ],
    methods: Annotated[str, typer.Option(metavar="NAMES", help="Methods to score on a cache.")] = "net,pos,chrom",
    protocol: Annotated[
        Literal["fine", "toolbox"] | None,
        typer.Option(help="Peaks between bins, or rPPG-Toolbox's; of a pickle the latter by default."),
    ] = None,
    window: Annotated[str, typer.Option(metavar="full|S", help="Whole videos, or windows in seconds.")] = "full",
    group_by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Also score groups of videos.")] = None,
    weights: WeightsOption = "default",
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Score heart rates against labels, with standard errors and bootstrap intervals."""
    seconds = _seconds(window)
    from vision_cli.core.runs import read_metrics
    from vision_cli.rppg_adapt import evaluation
    from vision_cli.rppg_adapt.data import INDEX, read_cache

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    with open_run(ctx, inputs={"what": what}) as run:
        if not run.already_done:
            if what.is_file() and what.suffix in {".pickle", ".pkl"}:
                scored = evaluation.evaluate_pickle(what, protocol=protocol or "toolbox")
            elif what.is_dir() and (what / "predictions.csv").is_file() and not (what / INDEX).is_file():
                scored = evaluation.evaluate_run(what)
            else:
                from vision_cli.core.devices import configure
                from vision_cli.rppg_adapt.models import load_model

                names = [name.strip() for name in methods.split(",") if name.strip()]
                clips = read_cache(what)
                compute = configure(device, threads)
                model = load_model(weights, compute.device) if "net" in names else None
                scored = evaluation.evaluate_cache(
                    clips, names, model, output, protocol=protocol or "fine", window_s=seconds
                )
            evaluation.write_evaluation(run, scored, group_by)
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"results in {run.directory}")
    output.result(evaluation.metrics_table(metrics), metrics)


def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run of predict, train, adapt or preprocess.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Where pictures go.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Draw a run: history, spectrograms, spatio-temporal maps."""
    from vision_cli.core.provenance import require_inputs

    require_inputs({"run": run})
    from vision_cli.rppg_adapt.plotting import plot_run

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    written = plot_run(run, out or run / "plots")
    output.result(Table(("picture",), [(str(path),) for path in written]), {"pictures": [str(p) for p in written]})


def info(
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS", help="default, a file, or a hub's id.")] = "default",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Say what a weight file is."""
    from vision_cli.rppg_adapt.models import load_model

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    model = load_model(weights)
    facts = {
        "file": str(model.path),
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        **model.settings.metadata,
        "sha256": model.sha256,
    }
    output.result(Table(("fact", "value"), list(facts.items())), facts)


def _seconds(text: str) -> float | None:
    if text == "full":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if seconds < 5:
        raise UsageError(f"--window: {text} found; full, or five seconds or more, expected.")
    return seconds
