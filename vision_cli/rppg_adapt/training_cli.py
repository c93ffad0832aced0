"""``vcli rppg-adapt train`` and ``adapt``: their options and help."""

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
    SeedOption,
    ThreadsOption,
    VerboseOption,
    open_run,
    words_to_repeat,
)

TRAIN_EXAMPLES = (
    "vcli rppg-adapt train cache --val-frac 0.2 -o run",
    "vcli rppg-adapt train cache --weights default --lr 5e-4 -o run                # the shipped weights, taught more",
    "vcli rppg-adapt train --synthetic --steps 4000 --frames 256 --batch 6 -o run                  # generated clips",
    "vcli rppg-adapt train --synthetic --weights run/weights.safetensors --keep last -o further    # more of them",
)
ADAPT_EXAMPLES = (
    "vcli rppg-adapt adapt cache --source default -o run       # labels are not needed, and not looked at",
    "vcli rppg-adapt adapt cache --source PhysNet.pth --loss paper -o run",
)

_LOSS = "Loss"


def train(
    ctx: typer.Context,
    cache: Annotated[Path | None, typer.Argument(metavar="CACHE", help="Cache of preprocess, with labels.")] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Train on generated clips instead.")] = False,
    preset: Annotated[
        Literal["all", "easy", "hard", "shift"],
        typer.Option(help="What the generated clips look like; those of synth, or all there is."),
    ] = "all",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|HUB_ID|default",
            help="Go on from these instead of new ones; network, size and input are theirs.",
        ),
    ] = None,
    val_frac: Annotated[float, typer.Option(min=0.05, max=0.9, metavar="X", help="Share of subjects held out.")] = 0.2,
    backbone: Annotated[Literal["lite", "physnet"] | None, typer.Option(help="Network; lite by default.")] = None,
    normalisation: Annotated[
        Literal["diff", "standard"] | None,
        typer.Option("--input", help="What the network sees: changes, which is the default, or pixels."),
    ] = None,
    size: Annotated[int | None, typer.Option(min=16, max=256, metavar="N", help="Rows and columns of clips.")] = None,
    frames: Annotated[int, typer.Option(min=64, max=1800, metavar="N", help="Frames of a training clip.")] = 160,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the cache.")] = 30,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Steps instead of epochs.")] = None,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Clips a step.")] = 8,
    lr: Annotated[float, typer.Option(min=0, metavar="X", help="Learning rate.")] = 2e-3,
    keep: Annotated[
        Literal["best", "last"], typer.Option(help="Weights to keep: best in validation, or the last ones.")
    ] = "best",
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
    """Train a network on labelled clips."""
    if (cache is None) == (not synthetic):
        raise UsageError("train: either CACHE or --synthetic expected.", hint="Give the one that you have.")
    from vision_cli.core.runs import read_metrics
    from vision_cli.phantoms.pulse_clips import TRAINING
    from vision_cli.phantoms.pulse_videos import STYLES
    from vision_cli.rppg_adapt.data import CachedClips, read_cache, split_subjects
    from vision_cli.rppg_adapt.models import ModelSettings, load_model
    from vision_cli.rppg_adapt.training import (
        ClipSource,
        GeneratedClips,
        SourceTraining,
        train_source,
        write_card,
    )

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    start = None if weights is None else load_model(weights)
    if start is None:
        network = backbone or "lite"
        settings = ModelSettings(network, size or (36 if network == "lite" else 72), 30.0, normalisation or "diff")
    elif backbone or size or normalisation:
        raise UsageError(
            "train: --weights with --backbone, --size or --input found; one or the other expected.",
            hint="Weights say what their network is and sees.",
        )
    else:
        settings = start.settings
    source: ClipSource
    if cache is None:
        style = TRAINING if preset == "all" else STYLES[preset]
        described = "generated clips" if preset == "all" else f"generated clips of the preset {preset}"
        source, count = GeneratedClips(settings, frames, seed, style), steps or SourceTraining.steps
    else:
        clips = read_cache(cache)
        held_out, used = split_subjects(clips, val_frac, seed)
        if not used:
            raise UsageError(
                f"{cache}: one subject found; two or more expected.", hint="One side of the split is empty."
            )
        source = CachedClips(used, held_out, settings.size, frames, seed)
        count = steps or max(1, epochs * len(used) // batch)
        described = f"{len(used)} clips of {cache.name}"
    training = SourceTraining(settings, frames, count, batch, lr, keep=keep)
    files = {} if start is None or start.path is None else {"weights": start.path}
    with open_run(ctx, inputs=files) as run:
        if not run.already_done:
            from vision_cli.core.devices import configure

            if start is not None:
                run.record(weights={"path": str(start.path), "sha256": start.sha256})
                described += f", from weights {start.sha256}"
            compute = configure(device, threads, seed)
            measures = train_source(run, training, source, compute, output, start)
            run.write_metrics(dict(measures))
            write_card(run, measures, data=described, command=words_to_repeat(ctx), seed=seed)
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"weights in {run.directory}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)


def adapt(
    ctx: typer.Context,
    cache: Annotated[Path, typer.Argument(metavar="CACHE", help="Cache of preprocess; labels are not needed.")],
    source: Annotated[
        str, typer.Option(metavar="FILE|default", help="Source weights; .pth of rPPG-Toolbox's PhysNet too.")
    ] = "default",
    loss: Annotated[
        Literal["robust", "paper"], typer.Option(help="paper: FWD alone.", rich_help_panel=_LOSS)
    ] = "robust",
    branches: Annotated[
        Literal["ost", "os", "ot"],
        typer.Option(help="Original, spatial and temporal branch.", rich_help_panel=_LOSS),
    ] = "ost",
    distance: Annotated[
        Literal["fwd", "mse", "kl", "js"] | None,
        typer.Option(help="Between spectra: fwd for paper, mse for robust.", rich_help_panel=_LOSS),
    ] = None,
    fwd_p: Annotated[int, typer.Option(min=1, max=4, metavar="P", help="Order of FWD.", rich_help_panel=_LOSS)] = 1,
    fwd_solver: Annotated[
        Literal["cdf", "pot"], typer.Option(help="Closed form, or POT.", rich_help_panel=_LOSS)
    ] = "cdf",
    anchor: Annotated[
        float | None, typer.Option(min=0, metavar="X", help="Weight of the source.", rich_help_panel=_LOSS)
    ] = None,
    update: Annotated[Literal["all", "bn", "encoder"], typer.Option(help="Which weights change.")] = "all",
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the clips.")] = 10,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Clips a step.")] = 4,
    lr: Annotated[float, typer.Option(min=0, metavar="X", help="Learning rate.")] = 1e-3,
    frames: Annotated[int, typer.Option(min=64, max=1800, metavar="N", help="Frames of a clip.")] = 160,
    split: Annotated[float, typer.Option(min=0.1, max=1, metavar="X", help="Share of subjects to adapt on.")] = 0.7,
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
    """Adapt a network to unlabelled clips of a target domain, without its source data."""
    from vision_cli.core.runs import read_metrics
    from vision_cli.rppg_adapt.adapting import adapt_cache
    from vision_cli.rppg_adapt.losses import AdaptLoss

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    changes: dict[str, object] = {
        "order": fwd_p,
        "solver": fwd_solver,
        "spatial": "s" in branches,
        "temporal": "t" in branches,
    }
    if anchor is not None:
        changes["anchor"] = anchor
    if distance is not None:
        changes["kind"] = distance
    with open_run(ctx) as run:
        if not run.already_done:
            from vision_cli.core.devices import configure

            adapt_cache(
                run,
                cache,
                source,
                AdaptLoss.of(loss, **changes),
                configure(device, threads, seed),
                output,
                update=update,
                epochs=epochs,
                batch_size=batch,
                learning_rate=lr,
                frames=frames,
                share=split,
            )
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"weights in {run.directory}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)
