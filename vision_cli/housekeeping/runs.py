"""``vcli runs``: which runs there are, what one was, where runs differ, and one run out of its shards."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.commands import RUNS_DIRECTORY, VerbApp
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.options import JsonOption, QuietOption
from vision_cli.core.command.verbs import facts_of, find_verb, load
from vision_cli.core.errors import PartialFailure, UsageError
from vision_cli.core.runs.journal import FAILURES
from vision_cli.core.runs.listing import RunSummary, list_runs
from vision_cli.core.runs.records import RECORD, RunRecord, read_metrics, read_run
from vision_cli.core.shards.merge import merge_shards
from vision_cli.core.shards.progress import STATES, repair_command, shard_states
from vision_cli.core.shards.shards import find_shards

app = VerbApp(
    help="List, show, compare and merge runs.",
    examples=[
        "vcli runs list                     # the runs under vcli-runs/, by time",
        "vcli runs out                      # the same as `vcli runs show out`; of shards, how far each is",
        "vcli runs compare out other        # where options, inputs, versions and measures differ",
        "vcli runs merge out                # one run out of out/shard-*-of-*",
    ],
    default_verb="show",
)

_FACTS = ("started", "ended", "wall_seconds", "cpu_seconds", "peak_memory_mb", "git_revision", "error")

_NAMED, _LISTED = 5, 20

Row = tuple[object, ...]


@app.verb(
    "list", examples=["vcli runs list", "vcli runs list scans --json | jq '.runs[] | select(.status != \"done\")'"]
)
def list_all(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help=f"Where to look; {RUNS_DIRECTORY}/ if not given.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the runs below a directory, the latest first."""
    output = Output(as_json=as_json, quiet=quiet)
    where = directory or RUNS_DIRECTORY
    # Nothing was run here yet: that is no mistake of the one who asks.
    found = [] if directory is None and not where.exists() else list_runs(where)
    rows = [
        (
            run.directory,
            run.command,
            _status(run),
            None if run.started is None else f"{run.started.astimezone():%Y-%m-%d %H:%M:%S}",
            None if run.seconds is None else str(timedelta(seconds=round(run.seconds))),
            run.items,
            run.items_failed,
        )
        for run in found
    ]
    shown = [
        {
            "run": str(run.directory),
            "command": run.command,
            "status": run.status,
            "started": None if run.started is None else run.started.isoformat(),
            "seconds": run.seconds,
            "items": run.items,
            "items_failed": run.items_failed,
            "error": run.error,
            "shards": dict(run.shards),
        }
        for run in found
    ]
    output.result(
        Table(("run", "command", "status", "started", "duration", "items done", "items failed"), rows)
        if rows
        else None,
        {"directory": str(where), "runs": shown},
    )
    if not rows:
        output.info(f"no runs below {where}")
    for run in found:
        if run.status == "damaged" and run.error:
            output.warn(run.error)


def _status(run: RunSummary) -> str:
    if not run.shards:
        return run.status
    return f"{run.status}, {run.shards.get('done', 0)} of {sum(run.shards.values())} shards done"


@app.verb("show", examples=["vcli runs show out", "vcli runs show out --json | jq .metrics"])
def show(
    ctx: typer.Context,
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="Directory of a run.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show what a run was, how it ended, and what it measured."""
    if run is None:
        raise UsageError(
            f"{ctx.command_path}: no run given; the directory of a run expected.",
            hint="`vcli runs --help` shows what can be done with runs.",
        )
    if not (run / RECORD).exists() and find_shards(run):
        _show_shards(run, Output(as_json=as_json, quiet=quiet))
        return
    record = read_run(run)
    metrics = read_metrics(run)
    facts = [("command", record.command), ("status", record.status)]
    facts += [(name, record.document[name]) for name in _FACTS if record.document.get(name) is not None]
    facts += [("warning", warning) for warning in record.document.get("warnings", [])]
    tables = [Table(("run", str(run)), facts), Table(("option", "value"), list(record.options.items()))]
    if metrics:
        tables.append(Table(("measure", "value"), list(metrics.items())))
    data = {"run": record.document, "metrics": metrics}
    Output(as_json=as_json, quiet=quiet).result(tables, data)


@app.verb("compare", examples=["vcli runs compare out other", "vcli runs compare out other third --all"])
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Directories of two runs or more.")],
    everything: Annotated[bool, typer.Option("--all", help="List also what is the same.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show where the options, inputs, versions and measures of runs differ."""
    if len(runs) < 2:
        raise UsageError(f"compare: {len(runs)} run found; two or more expected.")
    described = [_described(read_run(run), read_metrics(run)) for run in runs]
    rows = [row for row in _rows(described) if everything or any(value != row[1] for value in row[2:])]
    names = [str(run) for run in runs]
    data = {str(name): dict(zip(names, values, strict=True)) for name, *values in rows}
    output = Output(as_json=as_json, quiet=quiet)
    if not rows:
        output.info("the runs do not differ.")
    output.result(Table(("what", *names), rows) if rows else None, data)


@app.verb("merge", examples=["vcli runs merge out"])
def merge(
    ctx: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory that holds shard-1-of-N, ...")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make one run out of its shards, once all of them are done.

    Ends with 6, as the undivided run would, if items failed: they are named, with the command that tries them again.
    """
    merged = merge_shards(run, _finish_of(ctx, run))
    metrics = read_metrics(run)
    Output(as_json=as_json, quiet=quiet).result(Table(("measure", "value"), list(metrics.items())), metrics)
    failed = [entry.id for entry in merged.entries if entry.error is not None]
    if failed:
        shards = [state.shard for state in shard_states(run) if state.items_failed]
        raise PartialFailure(
            f"{len(failed)} of {len(merged.entries)} items failed: {', '.join(failed[:_NAMED])}"
            f"{' ...' if len(failed) > _NAMED else ''}.",
            hint=f"See {run / FAILURES}; to run and merge them again: "
            f"{repair_command(merged.shards[0].document['argv'], shards)}",
        )


def _finish_of(ctx: typer.Context, run: Path) -> Callable[..., None] | None:
    """Return what the verb of a run's shards writes beside the tables of the journal."""
    shards = find_shards(run).values()
    names = {read_run(shard).command for shard in shards if (shard / RECORD).exists()}
    if len(names) != 1:
        return None
    finish = facts_of(find_verb(ctx, names.pop())).finish
    return None if finish is None else load(finish)


def _show_shards(run: Path, output: Output) -> None:
    """Show how many shards are in which state, and those that are not done."""
    states = shard_states(run)
    groups = {name: [state for state in states if state.state == name] for name in STATES}
    counts = [
        (name, len(group), sum(one.items for one in group), sum(one.items_failed for one in group))
        for name, group in groups.items()
        if group
    ]
    tables = [Table(("state", "shards", "items done", "items failed"), counts)]
    open_ones = [state for state in states if state.state != "done" or state.items_failed]
    if open_ones:
        rows = [(s.shard.directory, s.state, s.items, s.items_failed, s.error or "") for s in open_ones[:_LISTED]]
        tables.append(Table(("shard", "state", "items done", "items failed", "error"), rows))
    shown = [
        {
            "shard": state.shard.directory,
            "state": state.state,
            "items": state.items,
            "items_failed": state.items_failed,
            "error": state.error,
        }
        for state in states
    ]
    output.result(tables, {"run": str(run), "counts": {name: n for name, n, *_ in counts}, "shards": shown})
    if len(open_ones) > _LISTED:
        output.info(f"{len(open_ones) - _LISTED} more shards are not done; --json lists all.")
    if not open_ones:
        output.info(f"all shards are done: vcli runs merge {shlex.quote(str(run))}")


def _described(record: RunRecord, metrics: Mapping[str, object]) -> dict[str, object]:
    """Return what two runs are compared by, under the names that the table shows."""
    document = record.document
    described: dict[str, object] = {"command": record.command, "status": record.status}
    for prefix, values in (
        ("option", record.options),
        ("input", {role: _digest(found) for role, found in document.get("inputs", {}).items()}),
        ("version", document.get("versions", {})),
        ("measure", metrics),
    ):
        described |= {f"{prefix} {name}": value for name, value in values.items()}
    return described


def _digest(found: object) -> object:
    """Return what tells inputs apart: the start of the SHA-256, wherever the file was."""
    if isinstance(found, list):
        return [_digest(one) for one in found]
    return found.get("sha256", "")[:12] if isinstance(found, dict) else found


def _rows(described: Sequence[Mapping[str, object]]) -> Iterator[Row]:
    names = dict.fromkeys(name for one in described for name in one)
    # Measures last, wherever the runs that have them stand.
    for name in sorted(names, key=lambda name: name.startswith("measure ")):
        yield (name, *(one.get(name) for one in described))
