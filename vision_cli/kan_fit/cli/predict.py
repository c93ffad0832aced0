"""``vcli kan-fit predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.cli.app import app
from vision_cli.kan_fit.options import HeaderOption, LayoutOption, OutsideOption

EXAMPLES = (
    "vcli kan-fit predict run new.csv --interval 0.9 -o predicted",
    "vcli kan-fit predict classifier images/ -o predicted",
)


@verb(app, "predict", RUN, OUTPUT, examples=EXAMPLES)
def predict(
    call: Call,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Directory of a fit or a classifier.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Table with the columns of the fit, or images.")],
    interval: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.999, metavar="LEVEL", help="Add conformal intervals of this level, as 0.9."),
    ] = None,
    outside: OutsideOption = "auto",
    header: HeaderOption = True,
    layout: LayoutOption = "auto",
    resize: Annotated[bool, typer.Option("--resize", help="Resize images to the classifier's size.")] = False,
) -> None:
    """Predict rows of a table, or images, with a fitted model."""

    def work(run: Run) -> None:
        from vision_cli.kan_fit.images.files import is_image_model
        from vision_cli.kan_fit.runs.predict import predict_images, predict_table

        if is_image_model(model):
            predict_images(run, model, data, layout, resize=resize)
        else:
            predict_table(run, model, data, header=header, interval=interval, outside=outside)

    inputs = {"model": model} if data.is_dir() else {"model": model, "data": data}
    call.run(work, inputs=inputs, says="predictions in")
