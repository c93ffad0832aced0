"""Conversion between parameters of a verb, which may be dataclasses of options, and parameters of Typer."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo

from vision_cli.core.command.words import Words


@dataclass(frozen=True)
class VerbParameter:
    """A parameter of a verb's function: one option, or a dataclass of options.

    Attributes
    ----------
    name
        Name of the parameter.
    parameters
        The options as Typer reads them.
    kind
        The dataclass; None for one option.
    words
        Spelling and parser of an option whose text is parsed here; None for an option that Typer parses.
    parts
        The fields of the dataclass.
    """

    name: str
    parameters: tuple[inspect.Parameter, ...]
    kind: type[Any] | None = None
    words: tuple[str, Words] | None = None
    parts: tuple[VerbParameter, ...] = ()

    @classmethod
    def of(cls, parameter: inspect.Parameter) -> VerbParameter:
        """Return the verb parameter of a signature's parameter."""
        if isinstance(parameter.annotation, type) and dataclasses.is_dataclass(parameter.annotation):
            return cls.of_class(parameter.name, parameter.annotation)
        return cls._of_option(parameter.name, parameter.annotation, parameter.default)

    @classmethod
    def of_class(cls, name: str, kind: type[Any]) -> VerbParameter:
        """Return the verb parameter of a dataclass of options."""
        hints = get_type_hints(kind, include_extras=True)
        parts = []
        for one in dataclasses.fields(kind):
            hint = hints[one.name]
            if isinstance(hint, type) and dataclasses.is_dataclass(hint):
                parts.append(cls.of_class(one.name, hint))
            elif get_origin(hint) is Annotated:
                parts.append(cls._of_option(one.name, hint, _default(one)))
        return cls(name, tuple(p for part in parts for p in part.parameters), kind, parts=tuple(parts))

    @classmethod
    def _of_option(cls, name: str, annotation: Any, default: Any) -> VerbParameter:
        extras = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
        words = next((extra for extra in extras if isinstance(extra, Words)), None)
        if words is None:
            return cls(name, (keyword(name, annotation, default),))
        option = next(extra for extra in extras if not isinstance(extra, Words))
        is_left_out = default is None and words.absent is None
        hint = Annotated[str | None, option] if is_left_out else Annotated[str, option]
        shown = default if is_left_out or default is inspect.Parameter.empty else words.text(default)
        return cls(name, (keyword(name, hint, shown),), words=(spelling(option, name), words))

    def value(self, given: Mapping[str, Any]) -> Any:
        """Return the argument of the function from the values of the options."""
        if self.kind is not None:
            return self.kind(**{part.name: part.value(given) for part in self.parts})
        given_value = given[self.name]
        if self.words is None or given_value is None:
            return given_value
        option, words = self.words
        return words.parse(option, given_value)


def check(parameter: VerbParameter, given: Mapping[str, Any]) -> None:
    """Parse the options of a parameter that differ from their defaults, to raise their errors.

    Raises
    ------
    UsageError
        If the text of an option is not valid.
    """
    for part in parameter.parts:
        check(part, given)
    if parameter.words is not None and given[parameter.name] not in (None, parameter.parameters[0].default):
        parameter.value(given)


def spelling(option: Any, name: str) -> str:
    """Return the longest spelling of an option of an ``Annotated`` type; ``name`` is that of its parameter."""
    # Typer stores the first spelling as the default until it reads the signature.
    first = (option.default,) if isinstance(option.default, str) else ()
    words = [word.partition("/")[0] for word in (*first, *(option.param_decls or ()))]
    return max(words, key=len) if words else f"--{name.replace('_', '-')}"


def is_option(parameter: inspect.Parameter) -> bool:
    """Return whether a parameter is an option; positional arguments come first in the help and in ``run.json``."""
    return not any(isinstance(extra, ArgumentInfo) for extra in get_args(parameter.annotation))


def _default(one: dataclasses.Field[Any]) -> Any:
    if one.default is not dataclasses.MISSING:
        return one.default
    if one.default_factory is not dataclasses.MISSING:
        return one.default_factory()
    return inspect.Parameter.empty


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """Return a parameter as Typer reads it."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
