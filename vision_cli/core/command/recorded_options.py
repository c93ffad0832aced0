"""Settings of a run from its record: what a function that finishes a run, or merges its shards, has to know."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from typer.models import OptionInfo

from vision_cli.core.command.option_classes import Slot, spelling

Settings = TypeVar("Settings")


def recorded(kind: type[Settings], options: Mapping[str, Any]) -> Settings:
    """Return the settings of a class from the options that a run recorded; what is not recorded has its default.

    Parameters
    ----------
    kind
        A dataclass whose fields are options.
    options
        Those of `vision_cli.core.runs.run_files.RunFiles.options`.
    """
    slot = Slot.of_class(kind.__name__, kind)
    given = {one.name: _typed(one, options.get(_key(one), one.default)) for one in slot.parameters}
    settings: Settings = slot.value(given)
    return settings


def _key(parameter: inspect.Parameter) -> str:
    """Return the name of a parameter in ``run.json``: the longest word of its option."""
    option = next((extra for extra in get_args(parameter.annotation) if isinstance(extra, OptionInfo)), None)
    return parameter.name if option is None else spelling(option, parameter.name).lstrip("-").replace("-", "_")


def _typed(parameter: inspect.Parameter, value: Any) -> Any:
    """Return a value as the command line gives it: JSON holds paths as text."""
    hint = get_args(parameter.annotation)[0]
    return Path(value) if isinstance(value, str) and Path in (hint, *get_args(hint)) else value
