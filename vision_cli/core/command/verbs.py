"""The `verb` decorator, which adds the shared options, opens and finishes the run, and shows the result.

The file of a verb holds only what is specific to it::

    @verb(app, "batch", RUN, SHARD, COMPUTE, OUTPUT, finish="vision_cli.register.runs.batch:finish")
    def batch(call: Call, pairs: Annotated[Path, typer.Argument()], options: RegistrationOptions) -> None:
        call.run(lambda run: register_all(run, read_pairs(pairs), options, call.compute), inputs={"pairs": pairs})

A parameter whose type is a dataclass declares an option for each ``Annotated`` field, whose default is that of the
command line. A field with a parser of `vision_cli.core.command.words` is text on the command line, and parsed here.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from vision_cli.core.command import options as shared_options
from vision_cli.core.command.commands import VerbApp, missing_input
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.option_classes import VerbParameter, check, is_option, keyword
from vision_cli.core.errors import UsageError

if TYPE_CHECKING:
    from vision_cli.core.compute.devices import Compute, Precision
    from vision_cli.core.runs.journal import Entry
    from vision_cli.core.runs.provenance import Inputs
    from vision_cli.core.runs.runs import Run
    from vision_cli.core.shards.shards import Shard

Function = TypeVar("Function", bound=Callable[..., None])

RUN = ("out", "resume", "overwrite", "config")
"""Options of a verb with a run directory."""
SHARD = ("shard",)
"""Options of a verb whose items can be divided over jobs."""
COMPUTE = ("device", "threads", "seed")
"""Options of a verb that computes with torch."""
PRECISION = ("precision",)
"""Options of a verb whose network supports several number formats."""
OUTPUT = ("as_json", "quiet", "verbose")
"""Options of every verb."""

_SHARED: Mapping[str, tuple[Any, object]] = {
    "out": (shared_options.OutOption, None),
    "resume": (shared_options.ResumeOption, False),
    "overwrite": (shared_options.OverwriteOption, False),
    "config": (shared_options.ConfigOption, None),
    "shard": (shared_options.ShardOption, None),
    "device": (shared_options.DeviceOption, "auto"),
    "precision": (shared_options.PrecisionOption, "float32"),
    "threads": (shared_options.ThreadsOption, "auto"),
    "seed": (shared_options.SeedOption, 0),
    "as_json": (shared_options.JsonOption, False),
    "quiet": (shared_options.QuietOption, False),
    "verbose": (shared_options.VerboseOption, 0),
}
_HEAVY = (
    "torch",
    "torchvision",
    "open3d",
    "scipy",
    "sklearn",
    "skimage",
    "matplotlib",
    "ot",
    "diffusers",
    "transformers",
)
_SLOW_IMPORT_S = 5.0

Shown = tuple[Table | Sequence[Table] | None, Mapping[str, object]]
"""Result of a verb: its tables, and its JSON document."""


@dataclass(frozen=True)
class VerbFacts:
    """Properties of a verb for the housekeeping commands.

    Attributes
    ----------
    finish
        ``module:function`` that writes tables and report of a run over items, called as ``finish(run, entries)`` with a
        `vision_cli.core.runs.run_files.RunFiles`; None if there are only the tables of the journal.
    processes
        Whether several processes, started by accelerate, can share the work.
    """

    finish: str | None = None
    processes: bool = False


@dataclass(frozen=True)
class Done:
    """A finished run, to be shown.

    Attributes
    ----------
    directory
        The run directory.
    entries
        Results of its items, in the order of the input; empty for a run without items.
    """

    directory: Path
    entries: Sequence[Entry] = ()

    @property
    def metrics(self) -> dict[str, Any]:
        """Contents of ``metrics.json``."""
        from vision_cli.core.runs.records import read_metrics

        return read_metrics(self.directory)


def measures(done: Done) -> Shown:
    """Return the metrics of a run as table and document, the result of most verbs."""
    return measures_table(done.metrics), done.metrics


def measures_table(facts: Mapping[str, object], columns: tuple[str, str] = ("measure", "value")) -> Table:
    """Return named values as a table of two columns."""
    return Table(columns, list(facts.items()))


@dataclass
class Call:
    """One call of a verb: its context, its output, and the shared options.

    Attributes
    ----------
    ctx
        The context of the verb.
    output
        Shows progress and result.
    shard
        The part of the items to process; None for all.
    seed
        Value of ``--seed``.
    """

    ctx: typer.Context
    output: Output
    shard: Shard | None = None
    seed: int = 0
    _shared: Mapping[str, Any] = field(default_factory=dict)
    _facts: VerbFacts = field(default_factory=VerbFacts)
    _run: Run | None = None

    @cached_property
    def compute(self) -> Compute:
        """Device, threads, precision and seed, set up on first access."""
        return self.configure()

    def configure(self, *, keeps_freed_memory: bool = True, precision: Precision | None = None) -> Compute:
        """Set up torch; see :func:`vision_cli.core.compute.devices.configure`.

        ``precision`` is the number format of a verb that supports no other.
        """
        from vision_cli.core.compute.devices import configure

        compute = configure(
            self._shared.get("device", "cpu"),
            self._shared.get("threads", "auto"),
            self.seed,
            precision=precision or self._shared.get("precision", "float32"),
            keeps_freed_memory=keeps_freed_memory,
        )
        self.__dict__["compute"] = compute
        if self._run is not None:
            self._run.record(**compute.facts)
        return compute

    @property
    def threads(self) -> int:
        """Number of CPU threads, without setting up torch."""
        from vision_cli.core.compute.devices import thread_count

        return thread_count(self._shared.get("threads", "auto"))

    @property
    def options(self) -> dict[str, object]:
        """The resolved options, as ``run.json`` records them."""
        return shared_options.resolved_options(self.ctx)

    @property
    def command_line(self) -> str:
        """The call as a command line, for the card of trained weights."""
        return shared_options.words_to_repeat(self.ctx)

    def missing(self, expected: str) -> UsageError:
        """Return the error of a call without inputs; ``expected`` names them as the help does."""
        return missing_input(self.ctx, expected)

    def run(
        self,
        work: Callable[[Run], None],
        *,
        inputs: Inputs | None = None,
        show: Callable[[Done], Shown] | None = measures,
        says: str = "results in",
    ) -> Done:
        """Do the work of a verb in its run directory, finish the run and show its result.

        A run that is already done is only shown.

        Parameters
        ----------
        work
            Called with the open run.
        inputs
            Input files by role; recorded with size and SHA-256.
        show
            Returns the result of the finished run; None for a verb that shows it itself.
        says
            Text before the run directory in the last message.

        Raises
        ------
        PartialFailure
            If items failed, after the result was shown.
        """
        with shared_options.open_run(self.ctx, inputs=inputs, shard=self.shard) as run:
            if not run.already_done:
                self._begin(run)
                work(run)
                self._close(run)
        return self._show(run, show, says)

    def train(
        self,
        work: Callable[[Run | None], None],
        *,
        inputs: Inputs | None = None,
        show: Callable[[Done], Shown] | None = measures,
        says: str = "results in",
    ) -> Done | None:
        """Do the work of a verb that several processes can share; see `run`.

        ``work`` is called on every process, with the run on the first and None on the others, which return None.
        """
        from vision_cli.core.compute.training import leave_processes, open_shared_run

        with open_shared_run(
            lambda: shared_options.open_run(self.ctx, inputs=inputs), cpu=self.compute.device.type == "cpu"
        ) as shared:
            if not shared.done:
                if shared.run is not None:
                    self._begin(shared.run)
                work(shared.run)
                if shared.run is not None:
                    self._close(shared.run)
        leave_processes()
        return None if shared.run is None else self._show(shared.run, show, says)

    def _begin(self, run: Run) -> None:
        self._run = run
        compute = self.__dict__.get("compute")
        if compute is not None:
            run.record(**compute.facts)

    def _close(self, run: Run) -> None:
        if self._facts.finish is not None and run.has_items:
            load(self._facts.finish)(run, run.entries)
        run.finish()

    def _show(self, run: Run, show: Callable[[Done], Shown] | None, says: str) -> Done:
        from vision_cli.core.shards.merge import read_entries

        # The items of a merged run are in its shards.
        done = Done(run.directory, run.entries or read_entries(run.directory))
        self.output.info(f"{says} {run.directory}")
        if show is not None:
            tables, data = show(done)
            self.output.result(tables, {"run": str(run.directory), **data})
            run.require_all_good()
        return done


def load(target: str) -> Callable[..., Any]:
    """Return the function at ``module:name``."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def facts_of(command: Any) -> VerbFacts:
    """Return the properties of a verb; the defaults for a command that was made without `verb`."""
    facts = getattr(getattr(command, "callback", None), "verb_facts", None)
    return facts if isinstance(facts, VerbFacts) else VerbFacts()


def find_verb(ctx: typer.Context, name: str) -> Any:
    """Return the command of a verb such as ``register batch``; None if this version does not have it."""
    root = ctx.find_root()
    command: Any = root.command
    for word in name.split():
        command = command.get_command(root, word) if hasattr(command, "get_command") else None
    return command


def verb(
    app: VerbApp,
    name: str,
    *groups: Sequence[str],
    examples: Sequence[str] = (),
    finish: str | None = None,
    processes: bool = False,
    defaults: Mapping[str, object] | None = None,
) -> Callable[[Function], Function]:
    """Return a decorator that makes a function a verb of an app.

    Parameters
    ----------
    app
        The task's app.
    name
        Name of the verb.
    groups
        Shared options of the verb: `RUN`, `SHARD`, `COMPUTE`, `PRECISION`, `OUTPUT`, or names of options.
    examples
        Command lines for the verb's help.
    finish, processes
        See `VerbFacts`.
    defaults
        Defaults of shared options that differ for this verb, by parameter name.
    """
    facts = VerbFacts(finish, processes)
    shared_defaults = {name: default for name, (_, default) in _SHARED.items()} | dict(defaults or {})
    names = [one for group in groups for one in group]

    def decorate(function: Function) -> Function:
        _, *own = inspect.signature(function, eval_str=True).parameters.values()
        verb_parameters = [VerbParameter.of(parameter) for parameter in own]
        parameters = sorted((one for part in verb_parameters for one in part.parameters), key=is_option)
        parameters += [keyword(one, _SHARED[one][0], shared_defaults[one]) for one in names]

        def called(ctx: typer.Context, **words: Any) -> None:
            shared = {one: words.pop(one) for one in names}
            values = {part.name: part.value(words) for part in verb_parameters}
            with _reporting_slow_imports(bool(shared.get("quiet"))):
                function(_call(ctx, shared, facts), **values)

        def check_words(words: Mapping[str, Any]) -> None:
            for part in verb_parameters:
                check(part, words)

        first = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        called.__name__, called.__doc__, called.__module__ = function.__name__, function.__doc__, function.__module__
        called.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in [first, *parameters]}
        called.verb_facts = facts  # type: ignore[attr-defined]
        called.check_words = check_words  # type: ignore[attr-defined]
        app.verb(name, examples=examples)(called)
        return function

    return decorate


def _call(ctx: typer.Context, shared: Mapping[str, Any], facts: VerbFacts) -> Call:
    processes = int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1
    if processes > 1 and not facts.processes:
        raise UsageError(
            f"{ctx.command_path}: started as {processes} processes; it works as one.",
            hint="Start it without accelerate or torchrun, or divide its items with --shard.",
        )
    is_first = os.environ.get("RANK", "0") == "0" or processes == 1
    output = Output(
        as_json=bool(shared.get("as_json")),
        quiet=bool(shared.get("quiet")) or not is_first,
        verbose=int(shared.get("verbose", 0)),
    )
    shard = None
    if shared.get("shard") is not None:
        from vision_cli.core.shards.shards import parse_shard

        shard = parse_shard(shared["shard"])
        output.info(str(shard))
    return Call(ctx, output, shard, int(shared.get("seed", 0)), shared, facts)


@contextmanager
def _reporting_slow_imports(quiet: bool) -> Iterator[None]:
    """Write which library is being imported if that takes long, as the first start compiles thousands of modules."""

    def look() -> None:
        modules = [sys.modules.get(name) for name in _HEAVY]
        busy = [m.__name__ for m in modules if m and getattr(m.__spec__, "_initializing", False)]
        if busy:
            Output().info(f"importing {busy[0]}; the first start after an installation takes a minute")

    timer = threading.Timer(_SLOW_IMPORT_S, look)
    timer.daemon = True
    with nullcontext() if quiet else _started(timer):
        yield


@contextmanager
def _started(timer: threading.Timer) -> Iterator[None]:
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
