"""``vcli kan-fit bench``: its options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.console import Output
from vision_cli.core.options import (
    ConfigOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ShardOption,
    VerboseOption,
    open_run,
)

BENCH_EXAMPLES = (
    "vcli kan-fit bench --suite s7 --peers pykan,mlp,lightgbm -o bench",
    "vcli kan-fit bench --suite digits --peers efficient-kan,mlp,lightgbm -o bench",
    "vcli kan-fit bench --suite feynman20 --peers none --shard 3/8 -o bench",
)


def bench(
    ctx: typer.Context,
    suite: Annotated[
        str, typer.Option(metavar="NAME", help="s7, toy5, feynman20, digits, or names of functions.")
    ] = "s7",
    peers: Annotated[
        str,
        typer.Option(metavar="A,B", help="Some of pykan, efficient-kan[=PATH], mlp, lightgbm, gplearn; or none."),
    ] = "pykan,efficient-kan,mlp,lightgbm,gplearn",
    alone: Annotated[
        str | None, typer.Option(metavar="SPACES", help="Spaces that ours is also measured with, one by one.")
    ] = None,
    peers_env: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Environment with the peers; made once if left out.")
    ] = None,
    rows: Annotated[int, typer.Option(min=50, metavar="N", help="Rows of each function.")] = 2000,
    noise: Annotated[float, typer.Option(min=0, metavar="X", help="Noise on them, in standard deviations.")] = 0.0,
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads of every method.")] = 1,
    shard: ShardOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Measure ours beside the peers, in one run."""
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.kan_fit.benchmark import Plan, bench_tables, parse_peers, require_known, run_benchmark
    from vision_cli.kan_fit.spaces import parse_pool

    plan = Plan(suite, parse_peers(peers), () if alone is None else parse_pool(alone), rows, noise, seed, threads)
    require_known(plan)
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    part = parse_shard(shard)
    with open_run(ctx, shard=part) as run:
        if not run.already_done:
            run_benchmark(run, plan, environment=peers_env, output=output, shard=part)
            run.finish()
    output.info(f"results in {run.directory}")
    output.result(bench_tables(run.directory), read_metrics(run.directory))
    run.require_all_good()
