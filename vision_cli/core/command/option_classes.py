"""Parameters of a verb that are options, or dataclasses whose fields are options: from Typer's view and back."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo

from vision_cli.core.command.words import Words


@dataclass(frozen=True)
class Slot:
    """A parameter of a verb's function: one option, or a dataclass of options."""

    name: str
    parameters: tuple[inspect.Parameter, ...]
    kind: type[Any] | None = None
    words: tuple[str, Words] | None = None
    parts: tuple[Slot, ...] = ()

    @classmethod
    def of(cls, parameter: inspect.Parameter) -> Slot:
        """Return the slot of a parameter."""
        if isinstance(parameter.annotation, type) and dataclasses.is_dataclass(parameter.annotation):
            return cls.of_class(parameter.name, parameter.annotation)
        return cls._of_option(parameter.name, parameter.annotation, parameter.default)

    @classmethod
    def of_class(cls, name: str, kind: type[Any]) -> Slot:
        """Return the slot of a dataclass of options."""
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
    def _of_option(cls, name: str, annotation: Any, default: Any) -> Slot:
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
        """Return what the function is handed, of the values of the parameters."""
        if self.kind is not None:
            return self.kind(**{part.name: part.value(given) for part in self.parts})
        given_value = given[self.name]
        if self.words is None or given_value is None:
            return given_value
        option, words = self.words
        return words.parse(option, given_value)


def check(slot: Slot, given: Mapping[str, Any]) -> None:
    """Parse the words of a slot that are no defaults, for their errors alone.

    Raises
    ------
    UsageError
        If a word is not what its option takes.
    """
    for part in slot.parts:
        check(part, given)
    if slot.words is not None and given[slot.name] not in (None, slot.parameters[0].default):
        slot.value(given)


def spelling(option: Any, name: str) -> str:
    """Return the longest word of an option of an ``Annotated`` type, as it is typed; ``name`` is its parameter's."""
    # Typer takes the first word for a default until it reads the signature.
    first = (option.default,) if isinstance(option.default, str) else ()
    words = [word.partition("/")[0] for word in (*first, *(option.param_decls or ()))]
    return max(words, key=len) if words else f"--{name.replace('_', '-')}"


def is_option(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is no positional argument: those come first, in the help and in ``run.json``."""
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
