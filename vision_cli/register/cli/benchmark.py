"""``vcli register benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.register.cli.app import app
from vision_cli.register.options.evaluation import ComparedMethods


@verb(
    app,
    "benchmark",
    RUN,
    SHARD,
    ("threads",),
    OUTPUT,
    examples=(
        "vcli register benchmark pairs.csv --baselines greedy,ants-syn,ants-syncc,convexadam --threads 2 -o bench",
    ),
    finish="vision_cli.register.evaluation.benchmark:finish",
)
def benchmark(
    call: Call,
    *,
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="CSV with id, fixed, moving, fixed_label, moving_label."),
    ] = None,
    environment: Annotated[
        Path | None,
        typer.Option("--baselines-env", metavar="DIR", help="A Python environment with all baselines."),
    ] = None,
    methods: ComparedMethods,
) -> None:
    """Compare accuracy, time and memory with greedy, ANTs and ConvexAdam."""
    if pairs is None:
        raise call.missing("PAIRS")
    from vision_cli.core.compute.benchmark import comparison_tables
    from vision_cli.register.data.pairs import read_pairs
    from vision_cli.register.evaluation.benchmark import run_benchmark

    listed = read_pairs(pairs)

    def show(done: Done) -> Shown:
        return comparison_tables(done.directory), done.metrics

    call.run(
        lambda run: run_benchmark(
            run, listed, methods, threads=call.threads, environment=environment, output=call.output
        ),
        inputs={"pairs": pairs},
        show=show,
    )
