"""Options that the commands share, and the resolved options of a call.

A verb takes an option by annotating a parameter with one of these types, and sets its default::

    def pair(ctx: typer.Context, out: OutOption = None, seed: SeedOption = 0) -> None: ...

`--config` sets defaults before the other options are read, so that the command line precedes the file and the file the
built-in defaults. `resolved_options` returns what a run records of them, and `open_run` opens the run.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vision_cli.core.command.commands import command_name, did_you_mean, run_directory
from vision_cli.core.command.config_files import as_typed, read_config
from vision_cli.core.errors import UsageError

if TYPE_CHECKING:
    from vision_cli.core.runs.provenance import Inputs
    from vision_cli.core.runs.runs import Run
    from vision_cli.core.shards.shards import Shard

_RUN = "Run options"
_COMPUTE = "Compute options"
_OUTPUT = "Output options"

_NOT_RECORDED = frozenset({"config", "json", "out", "overwrite", "quiet", "resume", "shard", "verbose"})
"""Options of the run directory, the shard and the output, which do not change the results of a run."""


_NOT_REPEATED = _NOT_RECORDED | {"as_json", "device", "threads"}


def _apply_config(ctx: typer.Context, config: Path | None) -> Path | None:
    if config is not None and not ctx.resilient_parsing:
        ctx.default_map = {**(ctx.default_map or {}), **_defaults_from(config, ctx)}
    return config


def prefer_defaults(ctx: typer.Context, values: Mapping[str, object]) -> None:
    """Change the defaults of a verb's options, by parameter name; a config file and the command line precede them.

    To be called by the callback of an eager option (``is_eager=True``), before the other options are read.
    """
    if not ctx.resilient_parsing:
        ctx.default_map = {**values, **(ctx.default_map or {})}


OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Directory of the run.", rich_help_panel=_RUN),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Resume the run in --out.", rich_help_panel=_RUN),
]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace the run in --out.", rich_help_panel=_RUN),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Process part I of N; 'auto' reads both from a SLURM, SGE or LSF job array, 'auto/N' only I.",
        rich_help_panel=_RUN,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_apply_config,
        help="Take defaults from a YAML file, or repeat a run: --config RUN/run.json.",
        rich_help_panel=_RUN,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=_COMPUTE),
]
PrecisionOption = Annotated[
    Literal["float32", "bfloat16", "float16"],
    typer.Option("--precision", help="Number format of the network.", rich_help_panel=_COMPUTE),
]
ThreadsOption = Annotated[
    str,
    typer.Option(
        "--threads",
        metavar="N",
        help="CPU threads; 'auto' uses what the machine or the scheduler allows.",
        rich_help_panel=_COMPUTE,
    ),
]
SeedOption = Annotated[
    int,
    typer.Option("--seed", min=0, metavar="N", help="Seed of all random numbers.", rich_help_panel=_COMPUTE),
]
WeightsOption = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="FILE|HUB_ID",
        help="Weights of the network; 'default' for the shipped ones.",
        rich_help_panel=_COMPUTE,
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Write the result to stdout as one JSON document.", rich_help_panel=_OUTPUT),
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Write warnings and errors only.", rich_help_panel=_OUTPUT),
]
VerboseOption = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Write details, and tracebacks of unexpected errors.",
        rich_help_panel=_OUTPUT,
    ),
]


def resolved_options(ctx: typer.Context) -> dict[str, object]:
    """Return the options of a call from command line, config file and built-in defaults.

    Parameters
    ----------
    ctx
        The context of the verb that is running.

    Returns
    -------
    dict
        JSON values by option name as in a config file (no leading dashes, underscores inside; positional arguments by
        parameter name). Paths are absolute, so that the run can be repeated from any directory. Options that do not
        change the results are left out: ``--out``, ``--resume``, ``--overwrite``, ``--shard``, ``--config``,
        ``--json``, ``--quiet`` and ``--verbose``.
    """
    return {
        name: _plain(ctx.params[parameter])
        for name, parameter in _option_names(ctx)
        if name not in _NOT_RECORDED and parameter in ctx.params
    }


def open_run(
    ctx: typer.Context,
    *,
    inputs: Inputs | None = None,
    shard: Shard | None = None,
) -> Run:
    """Open the run of a verb that takes `OutOption`, `ResumeOption` and `OverwriteOption`.

    Parameters
    ----------
    ctx
        The context of the verb that is running.
    inputs, shard
        See :meth:`vision_cli.core.runs.runs.Run.open`, also for errors.
    """
    from vision_cli.core.runs.runs import Run

    resume = ctx.params["resume"]
    return Run.open(
        run_directory(ctx, ctx.params["out"], resume=resume),
        command=command_name(ctx),
        options=resolved_options(ctx),
        inputs=inputs,
        resume=resume,
        overwrite=ctx.params["overwrite"],
        shard=shard,
    )


def words_to_repeat(ctx: typer.Context) -> str:
    """Return the call as a command line of the options that differ from their defaults, with paths reduced to names.

    Options of the run directory, the output and the machine are left out.
    """
    words = ctx.command_path.split()
    for parameter in ctx.command.params:
        name = parameter.name or ""
        value = ctx.params.get(name)
        if name in _NOT_REPEATED or value is None or value == parameter.default:
            continue
        if isinstance(value, bool):
            words.append(parameter.opts[0] if value else parameter.secondary_opts[0])
            continue
        option = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
        for one in value if isinstance(value, (list, tuple)) else [value]:
            is_path = isinstance(one, Path) or Path(str(one)).exists()
            words += [*option, Path(one).name if is_path else str(one)]
    return shlex.join(words)


def _option_names(ctx: typer.Context) -> Iterator[tuple[str, str]]:
    """Yield the name of each option and argument in config files, and the name of its parameter."""
    for parameter in ctx.command.params:
        longest = max(parameter.opts, key=len)
        # Not the parameter's own name: --lambda stands for a parameter `lambda_`.
        yield longest.lstrip("-").replace("-", "_"), parameter.name


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, Path):
        return os.path.abspath(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _defaults_from(config: Path, ctx: typer.Context) -> dict[str, Any]:
    """Return the defaults in `config`, by parameter name.

    Raises
    ------
    UsageError
        If there is no such file, a key is not an option of this command, or the file is the record of a run of another
        command.
    InputError
        If the file cannot be read as YAML or JSON.
    """
    parameters = dict(_option_names(ctx))
    del parameters["config"]
    by_name = {parameter.name: parameter for parameter in ctx.command.params}
    defaults: dict[str, Any] = {}
    for key, value in read_config(config, ctx).items():
        name = str(key).lstrip("-").replace("-", "_")
        if name not in parameters:
            raise UsageError(
                f"{config}: unknown key {key!r}; option names of `{ctx.command_path}` expected.",
                hint=did_you_mean(name, parameters) or f"See `{ctx.command_path} --help`.",
            )
        if parameters[name] in defaults:
            raise UsageError(f"{config}: {name} found twice; once expected.")
        # null means that the option is not given.
        if value is not None:
            defaults[parameters[name]] = as_typed(config, str(key), value, by_name[parameters[name]])
    return defaults
