"""Typer classes of the command line: lazily imported commands, groups of verbs with a default verb, help with examples.

`LazyGroup` is the root: it knows its commands by name and one line of help, and imports the module of the command that
is called. `VerbApp` is the sub-app of a task: its verbs, its default verb, and examples in each help page. Help is
plain text, as rich takes more CPU time to draw it than all the rest of ``vcli --help``.
"""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from vision_cli.core.errors import MissingError, UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

HELP_NAMES = ("-h", "--help")

CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": list(HELP_NAMES), "max_content_width": 110}
"""Settings of all apps: names of the help option, and width of the help."""

TASKS_PANEL = "Tasks"
"""Heading of the tasks in the root's help."""

RUNS_DIRECTORY = Path("vcli-runs")
"""Parent of the run directories of calls without ``--out``."""


_NO_INPUTS = frozenset(
    {"out", "target", "directory", "baselines_env", "weights", "face_model", "config", "run", "runs"}
)
"""Parameters whose paths need not exist: outputs, and inputs that are resolved elsewhere."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint with the words of `known` that `word` resembles; None if there are none."""
    matches = get_close_matches(word, list(known), n=2, cutoff=0.7)
    return f"Did you mean {' or '.join(matches)}?" if matches else None


class VerbCommand(TyperCommand):
    """A command with options by panel and examples in its help, which checks words and paths before it runs."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command after checking options and paths, as the imports of a verb take seconds.

        Raises
        ------
        InputError
            If an input does not exist.
        UsageError
            If an option is not valid, or an output is a directory where a file is written, or not UTF-8.
        """
        check_words = getattr(self.callback, "check_words", None)
        if check_words is not None:
            check_words(ctx.params)
        _require_paths(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options by panel, in the order of their declaration."""
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self, formatter)


class VerbGroup(TyperGroup):
    """A group of verbs; without arguments it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments before the verb."""
        return super().parse_args(ctx, args or ["--help"])

    def get_help_option(self, ctx: Any) -> Any:
        """Return the ``--help`` option of the group."""
        option = super().get_help_option(ctx)
        if option is not None:
            # Typer validates an absent value with pydantic, whose import takes longer than the help page.
            option.default = False
        return option

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and remaining arguments of the called verb."""
        verb = args[0]
        if self.get_command(ctx, verb) is None and not ctx.resilient_parsing:
            verbs = self.list_commands(ctx)
            raise UsageError(
                f"{ctx.command_path}: no such command: {verb}.",
                hint=did_you_mean(verb, verbs) or f"Commands: {', '.join(verbs)}.",
            )
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs, then the options of the group."""
        self.format_commands(ctx, formatter)
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self, formatter)


class DefaultVerbGroup(VerbGroup):
    """A group with a default verb, which is called if the first word is not a verb.

    ``vcli register fixed.nii moving.nii`` is ``vcli register pair fixed.nii moving.nii``, and
    ``vcli register -o out fixed.nii moving.nii`` is ``vcli register pair -o out fixed.nii moving.nii``.
    """

    default_verb: ClassVar[str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default verb if no verb is given.

        Raises
        ------
        UsageError
            If the first word resembles a verb and no such file exists, or if options precede the verb.
        """
        verbs = self.list_commands(ctx)
        if not args or args[0] not in {*verbs, *HELP_NAMES}:
            self._refuse_mistakes(ctx, verbs, args)
            args = [self.default_verb, *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs and the default verb."""
        super().format_commands(ctx, formatter)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(
                f"`{ctx.command_path} ...` without a verb is `{ctx.command_path} {self.default_verb} ...`; "
                f"its options: `{ctx.command_path} {self.default_verb} --help`."
            )

    def _refuse_mistakes(self, ctx: Any, verbs: list[str], args: list[str]) -> None:
        if ctx.resilient_parsing or not args:
            return
        if args[0].startswith("-"):
            command = self.get_command(ctx, self.default_verb)
            parameters = [] if command is None else command.params
            valued = {name for p in parameters if not getattr(p, "is_flag", True) for name in p.opts}
            for before, word in pairwise(args):
                if word in verbs and before not in valued and not Path(word).exists():
                    raise UsageError(
                        f"{ctx.command_path}: options found before the verb `{word}`; the verb is expected first.",
                        hint=f"Write `{ctx.command_path} {word} ...`.",
                    )
            return
        word = args[0]
        # A word with a dot or a slash is a file name, though it may resemble a verb: pairs.csv, ./pair.
        looks_like_a_verb = "." not in word and "/" not in word and not Path(word).exists()
        hint = did_you_mean(word, verbs) if looks_like_a_verb else None
        if hint:
            raise UsageError(f"{ctx.command_path}: no such verb or file: {word}.", hint=hint)


class VerbApp(typer.Typer):
    """The Typer app of a task or of a group of housekeeping commands.

    Parameters
    ----------
    help
        Help of the app; its first line is shown in the list of commands.
    examples
        Command lines for the help of the app, each with an optional comment ``# why``.
    default_verb
        The verb of a call without one; None if a verb is required.
    """

    def __init__(self, *, help: str, examples: Sequence[str] = (), default_verb: str | None = None) -> None:
        group: type[VerbGroup] = VerbGroup
        if default_verb is not None:
            group = type("TaskGroup", (DefaultVerbGroup,), {"default_verb": default_verb})
        super().__init__(
            cls=group,
            help=help,
            epilog="\n".join(examples),
            subcommand_metavar="[VERB] ..." if default_verb else "COMMAND ...",
            context_settings=CONTEXT_SETTINGS,
            add_completion=False,
            rich_markup_mode=None,
        )
        # With a callback Typer makes a group also of an app with a single verb.
        self.callback()(_no_group_options)

    def verb(self, name: str, *, examples: Sequence[str] = ()) -> Callable[[Function], Function]:
        """Return a decorator that makes a function a verb of this app.

        Parameters
        ----------
        name
            Name of the verb.
        examples
            Command lines for the verb's help.
        """
        return self.command(name, cls=VerbCommand, epilog="\n".join(examples))


def _no_group_options() -> None:
    """Take no options; all options belong to the verbs."""


def single_command(
    function: Callable[..., None], *, examples: Sequence[str] = (), wraps_a_command: bool = False
) -> typer.Typer:
    """Return an app that is one command without verbs, such as ``vcli doctor``.

    With ``wraps_a_command`` its options end at the first positional word; the rest is another command line.
    """
    settings = {**CONTEXT_SETTINGS, "allow_interspersed_args": not wraps_a_command}
    app = typer.Typer(context_settings=settings, add_completion=False, rich_markup_mode=None)
    app.command(cls=VerbCommand, epilog="\n".join(examples))(function)
    return app


@dataclass(frozen=True)
class LazyCommand:
    """A command whose module is not imported yet.

    Attributes
    ----------
    name
        Name of the command.
    help
        Its help in one line.
    panel
        Heading in the root's help.
    target
        ``package.module:attribute`` of its Typer app; None for a command that is not in this version.
    """

    name: str
    help: str
    panel: str
    target: str | None


class LazyGroup(VerbGroup):
    """A group that imports the module of a command only when it is called."""

    entries: ClassVar[Sequence[LazyCommand]]

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, including those not in this version."""
        return [entry.name for entry in self.entries]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; None if there is no such command.

        Raises
        ------
        MissingError
            If the command is planned but not in this version.
        """
        entry = next((entry for entry in self.entries if entry.name == cmd_name), None)
        if entry is None:
            return None
        if entry.target is None:
            raise MissingError(
                f"{entry.name}: planned, not built in this version.",
                hint=f"`{ctx.command_path} --help` lists what this version has.",
            )
        module, _, attribute = entry.target.partition(":")
        return typer.main.get_command(getattr(importlib.import_module(module), attribute))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by panel, without importing any."""
        for panel in dict.fromkeys(entry.panel for entry in self.entries):
            with formatter.section(panel):
                formatter.write_dl(
                    [
                        (entry.name, entry.help if entry.target else f"{entry.help} (planned)")
                        for entry in self.entries
                        if entry.panel == panel
                    ]
                )


def command_name(ctx: typer.Context) -> str:
    """Return the name of the running verb as a run records it, such as ``register pair``."""
    return ctx.command_path.partition(" ")[2]


def missing_input(ctx: typer.Context, expected: str) -> UsageError:
    """Return the error of a verb that was called without an input.

    Parameters
    ----------
    ctx
        The context of the verb.
    expected
        The expected inputs as named in its help, such as ``FIXED and MOVING``.
    """
    with_sample = ctx.parent.command_path if ctx.parent else ctx.command_path
    main = getattr(ctx.parent.command, "default_verb", None) if ctx.parent else None
    if ctx.info_name != main and any(parameter.name == "sample" for parameter in ctx.command.params):
        # The verb has its own sample, in addition to that of the task.
        with_sample = ctx.command_path
    return UsageError(
        f"{ctx.command_path}: no input given; {expected} expected.",
        hint=f"Run the bundled sample with `{with_sample} --sample`; options: `{ctx.command_path} --help`.",
    )


def run_directory(ctx: typer.Context, out: Path | None, *, resume: bool = False) -> Path:
    """Return the directory of a run: `out`, or a new directory below ``vcli-runs/``.

    Raises
    ------
    UsageError
        If a run is to be resumed and `out` is not given.
    """
    if out is not None:
        return out
    if resume:
        raise UsageError("--resume: no directory given; --out DIR of the run to resume expected.")
    stem = f"{command_name(ctx).split()[0]}-{time.strftime('%Y%m%d-%H%M%S')}"
    taken = {path.name for path in RUNS_DIRECTORY.glob(f"{stem}*")}
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return RUNS_DIRECTORY / next(name for name in names if name not in taken)


def _require_paths(ctx: Any) -> None:
    from vision_cli.core.runs.provenance import require_inputs

    inputs: dict[str, list[Path]] = {}
    for name, value in ctx.params.items():
        paths = [one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, Path)]
        if name not in _NO_INPUTS:
            inputs[name] = paths
            continue
        for path in paths:
            if name == "target" and path.is_dir():
                raise UsageError(f"{path}: a directory found; the name of a file to write expected.")
            try:
                str(path).encode()
            except UnicodeEncodeError:
                raise UsageError(
                    f"{path}: the name is not UTF-8; a UTF-8 name expected, as some libraries write to no other.",
                    hint="Choose another name.",
                ) from None
    require_inputs(inputs)


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            own = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panels.setdefault(getattr(parameter, "rich_help_panel", None) or own, []).append(record)
    for panel, records in panels.items():
        with formatter.section(panel):
            formatter.write_dl(records)


def _write_examples(command: Any, formatter: Any) -> None:
    if command.epilog:
        with formatter.section("Examples"):
            for line in inspect.cleandoc(command.epilog).splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
