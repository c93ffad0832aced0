"""``vcli submit``: a command as a job, or as an array of jobs that share its work."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vision_cli.core.command.commands import TASKS_PANEL, single_command
from vision_cli.core.command.console import PROGRAM, Output, Table
from vision_cli.core.command.options import JsonOption, QuietOption
from vision_cli.core.command.verbs import facts_of
from vision_cli.core.compute.devices import available_memory, available_threads
from vision_cli.core.errors import PartialFailure, UsageError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.records import RECORD, read_run
from vision_cli.core.shards.progress import ShardState, shard_states
from vision_cli.housekeeping.submit.resources import (
    Resources,
    Share,
    parse_memory,
    parse_minutes,
    parse_scheduler_arg,
    read_setup,
    share_machine,
)

if TYPE_CHECKING:
    from submitit.core.core import Job

    from vision_cli.housekeeping.submit.jobs import CommandJob

_POLL_SECONDS = 2.0
# A processor of this machine idles until the next part is begun.
_LOCAL_POLL_SECONDS = 0.25
# A file server shows what a job wrote last a little after the scheduler says that it ended.
_LAG_SECONDS = 5.0

EXAMPLES = (
    "vcli submit --array 8 --cpus 4 --mem 8G -- register batch pairs.csv -o out",
    "vcli submit --array 8 --dry-run -- register batch pairs.csv -o out      # the sbatch script",
    "vcli submit --gpus 4 --time 1-00:00:00 -- register train scans -o run   # one process a GPU",
    "vcli submit --executor local --array 4 -- register batch pairs.csv -o out",
)


@dataclass(frozen=True)
class _Call:
    """A command line that was parsed.

    Attributes
    ----------
    words
        What was typed behind ``vcli``.
    name
        The words that name its verb.
    out
        Its ``--out``.
    options
        The spellings of all options that it knows.
    takes_processes
        Whether several processes can share its work.
    """

    words: tuple[str, ...]
    name: str
    out: Path
    options: frozenset[str]
    takes_processes: bool


def submit(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="TASK VERB ARGS...", help="What to run, with its --out.")
    ] = None,
    array: Annotated[int | None, typer.Option(min=1, metavar="N", help="Share the work among N tasks.")] = None,
    gpus: Annotated[int | None, typer.Option(min=0, metavar="G", help="GPUs of a task; several for trainings.")] = None,
    cpus: Annotated[int | None, typer.Option(min=1, metavar="C", help="Processors of a task.")] = None,
    mem: Annotated[str | None, typer.Option(metavar="M", help="Memory of a task, as 16G.")] = None,
    limit: Annotated[
        str, typer.Option("--time", metavar="T", help="Time limit, D-HH:MM:SS; whoever meets it resumes in a new turn.")
    ] = "4:00:00",
    partition: Annotated[str | None, typer.Option(metavar="P", help="Partition of the cluster.")] = None,
    account: Annotated[str | None, typer.Option(metavar="A", help="Account that is charged.")] = None,
    qos: Annotated[str | None, typer.Option(metavar="Q", help="Quality of service.")] = None,
    constraint: Annotated[str | None, typer.Option(metavar="C", help="Features that nodes must have.")] = None,
    scheduler_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=VALUE]", help="Another option of sbatch, as nodelist=n1; may be repeated."),
    ] = None,
    setup: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines of shell to run first, as `module load cuda`.")
    ] = None,
    executor: Annotated[
        Literal["auto", "slurm", "local", "debug"],
        typer.Option(help="Where to run; 'local' is this machine, 'debug' this process."),
    ] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write a script for sbatch to stdout; submit nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the end, and say how far the tasks are.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a command as a job, or as an array of jobs that share its work.

    The command line is checked before anything is submitted. With --array each task does one part, --shard auto, into
    --out/shard-I-of-N; `vcli runs show` tells how far they are and `vcli runs merge` makes one run of them. A task that
    is preempted or meets its time limit goes back into the queue and resumes; to try failed ones again, submit the same
    line again: what is done is not done twice. Output of the jobs is in OUT-jobs.
    """
    from vision_cli.housekeeping.submit import jobs

    output = Output(as_json=as_json, quiet=quiet)
    if not command:
        raise UsageError("submit: no command given; TASK VERB ARGS... expected.", hint=f"As in `{EXAMPLES[0]}`.")
    call = _parse_command(ctx, command, array)
    resources = Resources(
        minutes=parse_minutes(limit),
        cpus=cpus,
        gpus=gpus,
        memory_gb=None if mem is None else parse_memory(mem),
        partition=partition,
        account=account,
        qos=qos,
        constraint=constraint,
        scheduler_args=tuple(map(parse_scheduler_arg, scheduler_arg or ())),
        setup=read_setup(setup),
    )
    folder = call.out.absolute().with_name(f"{call.out.name}-jobs")
    processes = _processes(call, gpus)
    if dry_run:
        _show_script(call, array, resources, processes, output)
        return
    cluster = jobs.choose_cluster(executor)
    parts = _command_lines(call, array, by_scheduler=cluster == "slurm")
    if cluster == "slurm":
        tasks = [jobs.CommandJob(words, processes) for words in parts]
        submitted = jobs.submit_to_slurm(folder, _job_name(call), resources, tasks)
        _print_submitted(call, folder, array, submitted[0].job_id.partition("_")[0], output)
        if not wait:
            return
        _follow(call, array, lambda: _still_queued([job.job_id for job in submitted]), output)
    elif cluster == "debug":
        _run_inside(parts, folder, resources, output)
    else:
        share = share_machine(len(parts), resources, available_threads(), available_memory() / 2**30)
        tasks = [jobs.CommandJob(words, processes, share.cpus) for words in parts]
        _run_here(tasks, folder, resources, call, array, output, share)
    _require_done(call, array, folder)


def _parse_command(ctx: typer.Context, words: Sequence[str], array: int | None) -> _Call:
    """Parse a command line as ``vcli`` would, and run nothing."""
    context: Any = ctx.find_root()
    group, rest = context.command, list(words)
    tasks = {entry.name for entry in group.entries if entry.panel == TASKS_PANEL}
    name: list[str] = []
    while hasattr(group, "resolve_command"):
        so_far = name[-1] if name else PROGRAM
        with group.make_context(so_far, list(rest), parent=context if name else None) as inner:
            # The group puts its default verb in front of words that name none.
            rest = [*inner._protected_args, *inner.args]
            if not rest:
                raise UsageError(f"submit: {shlex.join(words)}: no verb found; TASK VERB ARGS... expected.")
            word, group, rest = group.resolve_command(inner, rest)
            name.append(str(word))
            context = inner
    if name[0] not in tasks:
        raise UsageError(f"submit: `{PROGRAM} {name[0]}` found; a task expected.", hint="See `vcli --help`.")
    with group.make_context(name[-1], rest, parent=context) as verb:
        options = frozenset(spelling for parameter in verb.command.params for spelling in parameter.opts)
        out, sharded = verb.params.get("out"), verb.params.get("shard")
        many = facts_of(verb.command).processes
    if out is None:
        raise UsageError(
            f"submit: {' '.join(name)} without --out found; a directory for the run expected.",
            hint="Add --out DIR.",
        )
    if sharded is not None:
        raise UsageError("submit: --shard found; --array N alone expected.", hint="Leave --shard out: --array sets it.")
    if array is not None and "--shard" not in options:
        raise UsageError(
            f"submit: --array with `{' '.join(name)}` found; a verb with --shard expected.",
            hint="Leave --array out: the work of this verb is not divided.",
        )
    return _Call(tuple(words), " ".join(name), out, options, many)


def _processes(call: _Call, gpus: int | None) -> int:
    """Return how many processes the command is started as: one a GPU, for a verb whose work several can share."""
    if gpus is None or gpus < 2:
        return 1
    if not call.takes_processes:
        raise UsageError(
            f"submit: {gpus} GPUs for `{call.name}` found; it uses one.",
            hint="Give --gpus 1, and --array N for more of them.",
        )
    return gpus


def _command_lines(call: _Call, array: int | None, *, by_scheduler: bool) -> list[tuple[str, ...]]:
    """Write the command line of every task."""
    words = call.words
    if "--resume" in call.options and not {"--resume", "--overwrite"} & set(words):
        words = (*words, "--resume")
    if array is None:
        return [words]
    # An array of one is no array to the scheduler.
    parts = ["auto"] * array if by_scheduler and array > 1 else [f"{n}/{array}" for n in range(1, array + 1)]
    return [(*words, "--shard", part) for part in parts]


def _show_script(call: _Call, array: int | None, resources: Resources, processes: int, output: Output) -> None:
    from vision_cli.housekeeping.submit.scripts import batch_script

    (words,) = _command_lines(call, array, by_scheduler=True)[:1]
    script = batch_script(_job_name(call), resources, words, parts=array or 1, processes=processes)
    if output.as_json:
        output.result(None, {"script": script})
        return
    typer.echo(script, nl=False)
    output.info("submit it from this directory: `sbatch FILE`")
    if array is not None:
        output.info(f"at the end: {PROGRAM} runs merge {shlex.quote(str(call.out))}")


def _job_name(call: _Call) -> str:
    return f"{PROGRAM}-{call.name.replace(' ', '-')}"


def _print_submitted(call: _Call, folder: Path, array: int | None, number: str, output: Output) -> None:
    show = f"{PROGRAM} runs show {shlex.quote(str(call.out))}"
    rows: list[tuple[object, ...]] = [
        ("job", number),
        ("tasks", array or 1),
        ("output of the jobs", folder),
        ("in the queue", f"squeue --job {number}"),
        ("how far", show),
    ]
    if array is not None:
        rows.append(("at the end", f"{PROGRAM} runs merge {shlex.quote(str(call.out))}"))
    data = {"job": number, "tasks": array or 1, "logs": str(folder), "out": str(call.out)}
    output.result(Table(("submitted", ""), rows), data)


def _still_queued(numbers: Sequence[str]) -> int:
    from vision_cli.housekeeping.submit.jobs import jobs_in_queue

    queue = jobs_in_queue(numbers)
    # A scheduler that does not answer for a moment has not lost its jobs.
    return len(numbers) if queue is None else len(queue & set(numbers))


def _states(call: _Call, array: int | None) -> list[ShardState]:
    return [] if array is None else shard_states(call.out, array)


def _follow(
    call: _Call, array: int | None, left: Callable[[], int], output: Output, every: float = _POLL_SECONDS
) -> None:
    """Print how far each part is until no job is left."""
    said: dict[object, str] = {}

    def look() -> None:
        for state in _states(call, array):
            how = "waiting" if state.state == "missing" else state.state
            failed = f", {state.items_failed} failed" if state.items_failed else ""
            line = f"part {state.shard.index} of {state.shard.count}: {how}, {state.items} items done{failed}"
            if said.get(state.shard) != line and (state.state != "missing" or state.shard in said):
                output.info(line)
            said[state.shard] = line

    with interrupts.interruptible():
        while left():
            look()
            interrupts.check()
            time.sleep(every)
    if not _all_done(call, array):
        time.sleep(_LAG_SECONDS)
    look()


def _run_inside(parts: Sequence[tuple[str, ...]], folder: Path, resources: Resources, output: Output) -> None:
    """Run jobs inside this process, one after another."""
    from vision_cli.housekeeping.submit.jobs import CommandJob, submit_here

    for words in parts:
        try:
            submit_here(folder, resources, CommandJob(words, cpus=resources.cpus), debug=True).wait()
        except SystemExit as ended:
            # The command said itself what was wrong; its record says how far it came.
            output.detail(f"exit code {ended.code}")


def _run_here(
    tasks: Sequence[CommandJob],
    folder: Path,
    resources: Resources,
    call: _Call,
    array: int | None,
    output: Output,
    share: Share,
) -> None:
    """Run jobs on this machine, as many at a time as it has processors and memory for."""
    from vision_cli.housekeeping.submit.jobs import submit_here

    output.info(
        f"{len(tasks)} tasks on this machine, {share.at_once} at a time on {share.cpus} processors each; "
        f"their output: {folder}"
    )
    waiting = list(tasks)
    at_work: list[Job[int]] = []

    def left() -> int:
        at_work[:] = [job for job in at_work if not job.done()]
        while waiting and len(at_work) < share.at_once:
            at_work.append(submit_here(folder, resources, waiting.pop(0), debug=False))
        return len(at_work)

    try:
        _follow(call, array, left, output, every=_LOCAL_POLL_SECONDS)
    except BaseException:
        for job in at_work:
            job.cancel()
        raise


def _unfinished(call: _Call, array: int | None) -> Iterator[str]:
    """Yield what is not done, a phrase a part."""
    if array is None:
        status = read_run(call.out).status if (call.out / RECORD).exists() else "missing"
        if status != "done":
            yield f"the run is {status}"
    for state in _states(call, array):
        if state.state != "done":
            why = f" ({state.error})" if state.error else ""
            yield f"part {state.shard.index} is {state.state}{why}"


def _all_done(call: _Call, array: int | None) -> bool:
    return not any(_unfinished(call, array))


def _require_done(call: _Call, array: int | None, folder: Path) -> None:
    """Raise if parts are not done, or items of theirs failed."""
    broken = list(_unfinished(call, array))
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise PartialFailure(
            f"{'; '.join(broken[:3])}{more}.", hint=f"See the output in {folder}; the same line again goes on."
        )
    failed = sum(state.items_failed for state in _states(call, array))
    if failed:
        raise PartialFailure(
            f"{failed} items failed.", hint=f"`{PROGRAM} runs merge {shlex.quote(str(call.out))}` names them."
        )


app = single_command(submit, examples=EXAMPLES, wraps_a_command=True)
