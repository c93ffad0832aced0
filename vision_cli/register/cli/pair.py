"""``vcli register pair``, the main verb."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, Done, Shown, verb
from vision_cli.register.cli.app import EXAMPLES, app
from vision_cli.register.options.pair_files import INPUT, PairExtras, PairFiles
from vision_cli.register.options.registration import PairReporting, RegistrationOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run


@verb(app, "pair", RUN, COMPUTE, OUTPUT, examples=EXAMPLES[:3])
def pair(
    call: Call,
    *,
    fixed: Annotated[Path | None, typer.Argument(metavar="FIXED", help="Image to align to.")] = None,
    moving: Annotated[Path | None, typer.Argument(metavar="MOVING", help="Image to align.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Register the bundled sample.")] = False,
    volume: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Which volume of a 4D image.", rich_help_panel=INPUT),
    ] = None,
    options: RegistrationOptions,
    extras: PairExtras,
    reporting: PairReporting,
) -> None:
    """Register MOVING onto FIXED."""
    if sample:
        from vision_cli.core.samples import find_sample

        bundled = find_sample("register").files
        fixed, moving = bundled["fixed"], bundled["moving"]
        extras = replace(extras, fixed_label=bundled["fixed_label"], moving_label=bundled["moving_label"])
        reporting = replace(reporting, label_names=bundled["label_names"])
    if fixed is None or moving is None:
        raise call.missing("FIXED and MOVING")
    from vision_cli.register.runs.metrics import PairMetrics
    from vision_cli.register.runs.report import result_table

    files = PairFiles(fixed=fixed, moving=moving, **vars(extras))

    def work(run: Run) -> None:
        from vision_cli.register.runs.pair import register_files

        register_files(run, files, options, call.compute, call.output, reporting=reporting, volume=volume)

    def show(done: Done) -> Shown:
        return result_table(PairMetrics.read(done.metrics)), done.metrics

    call.run(work, inputs=files.given(), show=show)
