"""``vcli enhance-eval report``: statistics, figures and report of a run, made again with other settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.cli.app import app
from vision_cli.enhance_eval.options import StatisticsOptions

EXAMPLES = (
    "vcli enhance-eval report out --alpha 0.01 -o strict           # nothing is computed on pictures again",
    "vcli enhance-eval report out-a out-b -o both                  # the pictures of two runs as one",
)


@verb(app, "report", RUN, ("seed",), OUTPUT, examples=EXAMPLES)
def report(
    call: Call,
    *,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs with the same methods.")],
    statistics: StatisticsOptions,
) -> None:
    """Make the statistics, figures and report of runs again, from the scores of their pictures."""
    from vision_cli.enhance_eval.runs.again import require_runs, write_again
    from vision_cli.enhance_eval.runs.show import shown

    homes = require_runs(runs)

    def work(run: Run) -> None:
        write_again(run, homes, statistics, call.seed)

    call.run(work, inputs={"runs": [path / "run.json" for path in runs]}, show=shown)
