"""``vcli kan-fit benchmark``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.kan_fit.cli.app import app
from vision_cli.kan_fit.options import BenchmarkOptions

EXAMPLES = (
    "vcli kan-fit benchmark --suite s7 --baselines pykan,mlp,lightgbm -o bench",
    "vcli kan-fit benchmark --suite tables --baselines ridge,mlp,lightgbm -o bench",
    "vcli kan-fit benchmark --suite digits --baselines efficient-kan,mlp,lightgbm -o bench",
    "vcli kan-fit benchmark --suite feynman20 --baselines none --shard 3/8 -o bench",
)


@verb(
    app,
    "benchmark",
    RUN,
    SHARD,
    ("seed",),
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.kan_fit.evaluation.benchmark:finish",
)
def benchmark(
    call: Call,
    comparison: BenchmarkOptions,
    baselines_env: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Environment that has all baselines; default: one is created for each."),
    ] = None,
) -> None:
    """Compare ours with baselines on functions, tables or digits."""
    from vision_cli.core.compute.benchmark import comparison_tables
    from vision_cli.kan_fit.evaluation.benchmark import require_known, run_benchmark

    plan = replace(comparison, seed=call.seed)
    require_known(plan)

    def show(done: Done) -> Shown:
        return comparison_tables(done.directory), done.metrics

    call.run(lambda run: run_benchmark(run, plan, environment=baselines_env, output=call.output), show=show)
