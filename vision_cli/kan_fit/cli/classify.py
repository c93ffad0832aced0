"""``vcli kan-fit classify``."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, Done, Shown, verb
from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.cli.app import app
from vision_cli.kan_fit.options import ImageSource, PicturesOption, TrainingOptions

EXAMPLES = (
    "vcli kan-fit classify --sample -o run                         # scikit-learn's digits",
    "vcli kan-fit classify images/ --resize 32 -o run              # a folder for each class",
    "vcli kan-fit classify cifar-10-batches-py --epochs 60 --augment basic -o run",
)


@verb(app, "classify", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def classify(
    call: Call,
    source: ImageSource,
    training: TrainingOptions,
    sample: Annotated[bool, typer.Option("--sample", help="Classify scikit-learn's digits.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Also train a CNN, an MLP and gradient-boosted trees.")
    ] = True,
    pictures: PicturesOption = True,
) -> None:
    """Train an image classifier and compare it with baselines."""
    if source.data is not None and sample:
        raise UsageError("classify: both DATA and --sample found; one expected.")
    if source.data is None and not sample:
        raise call.missing("DATA")
    from vision_cli.core.runs.records import read_run
    from vision_cli.kan_fit.runs.classify import classify_files, image_tables

    def show(done: Done) -> Shown:
        return image_tables(read_run(done.directory).document), done.metrics

    call.train(
        lambda run: classify_files(
            run, source, training, call.compute, call.output, compare=compare, pictures=pictures
        ),
        inputs={} if source.data is None or source.data.is_dir() else {"data": source.data},
        show=show,
    )
