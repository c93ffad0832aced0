"""The work of ``adapt``: a task file of a class."""

from __future__ import annotations

from dataclasses import replace

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.figures.panels import Cell, draw_overlay, draw_row
from vision_cli.fewshot_seg.options import SupportOptions
from vision_cli.fewshot_seg.pipeline.methods import ClassRecipe, with_tensors
from vision_cli.fewshot_seg.pipeline.task_files import SUFFIX, write_task
from vision_cli.fewshot_seg.pipeline.weight_files import Method
from vision_cli.fewshot_seg.runs.learning import read_classes
from vision_cli.fewshot_seg.runs.names import file_name
from vision_cli.fewshot_seg.values import Support
from vision_cli.io.pictures.photographs import write_photograph

SUPPORTS = "supports.jpg"


def read_class(supports: SupportOptions, output: Output) -> tuple[str, list[Support]]:
    """Return the class of the supports.

    Raises
    ------
    UsageError
        If there are several classes.
    """
    classes = read_classes(supports, output)
    if len(classes) > 1:
        raise UsageError(
            f"{len(classes)} classes: {', '.join(classes)}; one expected.",
            hint="Call adapt for each of them; predict takes several --task files.",
        )
    return next(iter(classes.items()))


def adapt_class(
    run: Run,
    recipe: ClassRecipe,
    weights: Method,
    compute: Compute,
    output: Output,
    *,
    steps: int,
    learning_rate: float,
) -> None:
    """Write ``CLASS.task`` and a picture of the supports in it, the network tuned to them if there are steps."""
    if steps and weights.network is not None:
        from vision_cli.fewshot_seg.training.adaptation import adapt_network

        copied = with_tensors(weights.network, {})
        tensors = adapt_network(
            run, copied, recipe.supports, steps=steps, learning_rate=learning_rate, compute=compute, output=output
        )
        recipe = replace(recipe, adapted=tensors)
    with run.output(f"{file_name(recipe.name)}{SUFFIX}") as path:
        write_task(path, recipe, weights)
    with run.output(SUPPORTS) as path:
        cells = [Cell(draw_overlay(one.picture, [one.mask]), one.name) for one in recipe.supports[:6]]
        write_photograph(path, draw_row(cells))
    run.write_metrics(
        {
            "supports": len(recipe.supports),
            "negative_supports": sum(one.is_negative for one in recipe.supports),
            "tile_px": recipe.tile,
            "adapted_parameters": sum(value.numel() for value in recipe.adapted.values()),
        }
    )
