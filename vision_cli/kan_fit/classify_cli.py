"""``vcli kan-fit classify``: its options and help."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.console import Output
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    PrecisionOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ThreadsOption,
    VerboseOption,
    open_run,
)

CLASSIFY_EXAMPLES = (
    "vcli kan-fit classify                                         # scikit-learn's digits, with nothing to give",
    "vcli kan-fit classify images/ --resize 32 -o run              # a folder for each class",
    "vcli kan-fit classify cifar-10-batches-py --epochs 60 --augment basic -o run",
)

FormatOption = Annotated[
    Literal["auto", "folders", "idx", "npz", "cifar", "cifar-binary", "csv"],
    typer.Option("--format", help="Format of the images; recognised by names."),
]
_DATA, _NETWORK, _TRAINING = "Data", "Network", "Training"


def classify(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="Class folders, IDX, NPZ, CIFAR's files, or a CSV of paths and labels."),
    ] = None,
    format_: FormatOption = "auto",
    resize: Annotated[
        str | None, typer.Option(metavar="N|WxH", help="Bring images to a size in pixels.", rich_help_panel=_DATA)
    ] = None,
    val: Annotated[
        float, typer.Option(min=0.01, max=0.9, metavar="X", help="Share that chooses.", rich_help_panel=_DATA)
    ] = 0.15,
    test: Annotated[
        float,
        typer.Option(min=0.01, max=0.9, metavar="X", help="Share to test on, if undivided.", rich_help_panel=_DATA),
    ] = 0.2,
    arch: Annotated[
        Literal["conv", "dense", "cnn"],
        typer.Option(help="S-ConvKAN, S-KAN of the pixels, an ordinary CNN.", rich_help_panel=_NETWORK),
    ] = "conv",
    channels: Annotated[
        str,
        typer.Option(metavar="N,N", help="Channels of convolutions, widths of dense layers.", rich_help_panel=_NETWORK),
    ] = "auto",
    pool: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Activation spaces: default, paper, or names.", rich_help_panel=_NETWORK),
    ] = "default",
    select_level: Annotated[
        Literal["node", "edge", "layer"], typer.Option(help="What has a gate.", rich_help_panel=_NETWORK)
    ] = "node",
    select: Annotated[
        Literal["validated", "gate", "none"],
        typer.Option(help="Selection: tried on validation images, by gates alone, none.", rich_help_panel=_NETWORK),
    ] = "validated",
    grid: Annotated[
        int, typer.Option(min=1, metavar="N", help="Intervals of a node's range.", rich_help_panel=_NETWORK)
    ] = 5,
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Passes over the images.", rich_help_panel=_TRAINING)
    ] = 20,
    batch: Annotated[int, typer.Option(min=2, metavar="N", help="Images a step.", rich_help_panel=_TRAINING)] = 64,
    lr: Annotated[float, typer.Option(min=0, metavar="X", help="AdamW's rate.", rich_help_panel=_TRAINING)] = 1e-2,
    weight_decay: Annotated[
        float, typer.Option(min=0, metavar="X", help="AdamW's decay.", rich_help_panel=_TRAINING)
    ] = 1e-2,
    augment: Annotated[
        Literal["none", "shift", "basic"],
        typer.Option(help="Move images; basic: also mirror them.", rich_help_panel=_TRAINING),
    ] = "none",
    compare: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Also train a CNN, an MLP and boosted trees.")
    ] = True,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Write pictures and the report.")] = True,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Train a classifier of images, and compare it."""
    from vision_cli.core.devices import configure
    from vision_cli.core.records import read_run
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.training import open_shared_run
    from vision_cli.kan_fit.classifying import (
        ImageSource,
        auto_hidden,
        classify_files,
        image_table,
        parse_hidden,
        parse_size,
    )
    from vision_cli.kan_fit.image_selection import Recipe
    from vision_cli.kan_fit.spaces import parse_pool

    source = ImageSource(data, format_, parse_size(resize), val, test)
    hidden, spaces = parse_hidden(channels, "--channels"), parse_pool(pool)
    compute = configure(device, threads, seed)
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)

    def recipe(size: tuple[int, int]) -> Recipe:
        return Recipe(
            arch=arch,
            hidden=hidden or auto_hidden(arch, min(size)),
            pool=spaces,
            grid=grid,
            level=select_level,
            select=select,
            epochs=epochs,
            batch_size=batch,
            learning_rate=lr,
            weight_decay=weight_decay,
            augment=augment,
            precision="bf16" if precision == "bfloat16" else "no",
        )

    opened = partial(open_run, ctx, inputs={} if data is None or data.is_dir() else {"data": data})
    with open_shared_run(opened, cpu=compute.device.type == "cpu") as shared:
        if not shared.done:
            classify_files(shared.run, source, recipe, compute, output, compare=compare, pictures=pictures)
            if shared.run is not None:
                shared.run.finish()
    if shared.run is not None:
        output.info(f"results in {shared.run.directory}")
        output.result(image_table(read_run(shared.run.directory).document), read_metrics(shared.run.directory))
