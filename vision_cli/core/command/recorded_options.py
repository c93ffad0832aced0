"""Settings of a run from its record, for functions that finish a run or merge its shards."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from typer.models import OptionInfo

from vision_cli.core.command.option_classes import VerbParameter, spelling

Settings = TypeVar("Settings")


def recorded(kind: type[Settings], options: Mapping[str, Any]) -> Settings:
    """Return the settings of a dataclass from the recorded options of a run, with defaults for missing ones.

    Parameters
    ----------
    kind
        A dataclass whose fields are options.
    options
        See `vision_cli.core.runs.run_files.RunFiles.options`.
    """
    parameter = VerbParameter.of_class(kind.__name__, kind)
    given = {one.name: _typed(one, options.get(_key(one), one.default)) for one in parameter.parameters}
    settings: Settings = parameter.value(given)
    return settings


def _key(parameter: inspect.Parameter) -> str:
    """Return the name of a parameter in ``run.json``: the longest spelling of its option."""
    option = next((extra for extra in get_args(parameter.annotation) if isinstance(extra, OptionInfo)), None)
    return parameter.name if option is None else spelling(option, parameter.name).lstrip("-").replace("-", "_")


def _typed(parameter: inspect.Parameter, value: Any) -> Any:
    """Return a value with the type of the command line, as JSON holds paths as text."""
    hint = get_args(parameter.annotation)[0]
    return Path(value) if isinstance(value, str) and Path in (hint, *get_args(hint)) else value
