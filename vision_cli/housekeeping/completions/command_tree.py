"""The commands of `vcli` as plain data: what a completion script has to know of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vision_cli.core.command.commands import DefaultVerbGroup, LazyGroup

ValueKind = Literal["none", "any", "file", "directory", "choice"]
"""What follows an option: nothing (a flag), a word that cannot be guessed, a path, or one of a few words."""


@dataclass(frozen=True)
class OptionNode:
    """An option: its spellings, its help, and what follows it."""

    names: tuple[str, ...]
    help: str
    kind: ValueKind
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArgumentNode:
    """A positional argument: what stands there, and whether it may stand there more than once."""

    kind: ValueKind
    choices: tuple[str, ...] = ()
    repeats: bool = False


@dataclass(frozen=True)
class CommandNode:
    """A command or a group of them.

    Attributes
    ----------
    words
        What is typed behind ``vcli``; empty for the root.
    help
        One line.
    options
        Its options, ``--help`` among them.
    verbs
        The words of its commands with one line each; empty for a command without verbs.
    default_verb
        The verb meant when none is named.
    arguments
        Its positional arguments, in their order.
    """

    words: tuple[str, ...]
    help: str
    options: tuple[OptionNode, ...]
    verbs: tuple[tuple[str, str], ...] = ()
    default_verb: str | None = None
    arguments: tuple[ArgumentNode, ...] = ()


def walk(ctx: Any) -> Iterator[CommandNode]:
    """Yield the command of a context and all commands below it, parents first.

    Parameters
    ----------
    ctx
        The root's context; commands that this version does not have are left out.
    """
    yield from _walk(ctx.find_root().command, ctx.find_root(), ())


def _walk(command: Any, ctx: Any, words: tuple[str, ...]) -> Iterator[CommandNode]:
    children = {name: command.get_command(ctx, name) for name in _built(command, ctx)}
    hints = get_type_hints(inspect.unwrap(command.callback)) if command.callback else {}
    parameters = command.get_params(ctx)
    yield CommandNode(
        words=words,
        help=command.get_short_help_str(limit=100),
        options=tuple(
            _option(parameter, hints.get(parameter.name, bool))
            for parameter in parameters
            if parameter.param_type_name == "option" and not parameter.hidden
        ),
        verbs=tuple((name, child.get_short_help_str(limit=100)) for name, child in children.items()),
        default_verb=command.default_verb if isinstance(command, DefaultVerbGroup) else None,
        arguments=tuple(
            _argument(parameter, ctx, hints.get(parameter.name))
            for parameter in parameters
            if parameter.param_type_name == "argument" and not parameter.hidden
        ),
    )
    for name, child in children.items():
        yield from _walk(child, ctx, (*words, name))


def _built(command: Any, ctx: Any) -> list[str]:
    if isinstance(command, LazyGroup):
        return [entry.name for entry in command.entries if entry.target]
    return command.list_commands(ctx) if hasattr(command, "list_commands") else []


def _option(parameter: Any, hint: Any) -> OptionNode:
    # Sorted, as Typer holds the names of --help in no order.
    names = tuple(sorted((*parameter.opts, *parameter.secondary_opts), key=len, reverse=True))
    kind, choices = _value(parameter, hint)
    return OptionNode(names=names, help=parameter.help or "", kind=kind, choices=choices)


def _argument(parameter: Any, ctx: Any, hint: Any) -> ArgumentNode:
    kind, choices = _value(parameter, hint)
    # Words that the command names by `autocompletion`, such as the tasks that there is a sample of.
    named = tuple(item.value for item in parameter.shell_complete(ctx, ""))
    if kind == "any" and named:
        kind, choices = "choice", named
    return ArgumentNode(kind, choices, repeats=parameter.nargs == -1)


def _value(parameter: Any, hint: Any) -> tuple[ValueKind, tuple[str, ...]]:
    if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
        return "none", ()
    types = _flat(hint)
    if (parameter.metavar or "").strip("[]") == "DIR":
        return "directory", ()
    if Path in types or "FILE" in (parameter.metavar or ""):
        return "file", ()
    choices = [str(value) for value in types if isinstance(value, str)]
    for type_ in types:
        if isinstance(type_, type) and issubclass(type_, Enum):
            choices += [str(member.value) for member in type_]
    return ("choice", tuple(choices)) if choices else ("any", ())


def _flat(hint: Any) -> list[Any]:
    """Return the plain types and literal values that a type hint is made of."""
    if get_origin(hint) is None:
        return [hint]
    return [part for argument in get_args(hint) for part in _flat(argument)]
