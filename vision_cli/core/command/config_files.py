"""Config files, whose values are parsed like words of the command line.

YAML reads ``no`` as false, ``010`` as 8 and ``1:30`` as 90; on the command line they are a column name, 10 and a time.
So plain YAML scalars stay text here and are parsed by the option. JSON, such as the record of a run, has typed values.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from vision_cli.core.errors import InputError, UsageError

_NULL = "tag:yaml.org,2002:null"


def read_config(config: Path, ctx: typer.Context) -> Mapping[str, object]:
    """Return the options in a config file or in the record of a run of this command.

    Raises
    ------
    UsageError
        If there is no such file, or it is the record of a run of another command.
    InputError
        If the file is not valid YAML or JSON, or has a key twice.
    """
    try:
        text = config.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{config}: no such file; a config file expected.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{config}: cannot be read ({error}); a text file expected.") from error
    document = _parse(config, text)
    if not isinstance(document, dict):
        raise InputError(f"{config}: {type(document).__name__} found; a mapping of option names to values expected.")
    if "schema_version" not in document:
        return document
    command = ctx.command_path.partition(" ")[2]
    if document.get("command") != command:
        raise UsageError(
            f"{config}: record of a `{document.get('command')}` run found; one of `{command}` expected.",
            hint=f"Repeat it with `vcli {document.get('command')} --config {shlex.quote(str(config))}`.",
        )
    options = document.get("options")
    if not isinstance(options, dict):
        raise InputError(f"{config}: no options found; the options of a run expected.")
    return options


def as_typed(config: Path, key: str, value: object, parameter: Any) -> object:
    """Return a value of a config file as the command line gives it: text, a list of texts, or the value of a flag.

    Parameters
    ----------
    config, key
        File and key of the value.
    value
        The value as read, not None.
    parameter
        The option or argument.

    Raises
    ------
    UsageError
        If the option does not take the value: true or false for an option that is not a flag, a list for a single
        value, a mapping.
    """
    if not (getattr(parameter, "multiple", False) or parameter.nargs != 1):
        return _one_as_typed(config, key, value, parameter)
    return [_one_as_typed(config, key, one, parameter) for one in (value if isinstance(value, list) else [value])]


def _one_as_typed(config: Path, key: str, value: object, parameter: Any) -> object:
    is_flag = bool(getattr(parameter, "is_bool_flag", False))
    if isinstance(value, str) or (is_flag and isinstance(value, bool)):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    # bool is a subclass of int, and str() works on everything: they would pass as 0, "False", "[1, 2]".
    shown = json.dumps(value, default=str)
    wanted = "true or false" if is_flag else "one number or text"
    raise UsageError(
        f"{config}: {key}: {shown} found; {wanted} expected.", hint="Write it as it is typed on the command line."
    )


def _parse(config: Path, text: str) -> object:
    kind = "JSON" if config.suffix == ".json" else "YAML"
    try:
        return _from_json(text) if kind == "JSON" else _from_yaml(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{config}: not valid {kind} ({error}).") from error


def _from_json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_once)


def _from_yaml(text: str) -> object:
    import yaml

    class TextLoader(yaml.SafeLoader):
        """Loads plain scalars as text; null and empty values are None."""

        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, pattern) for tag, pattern in known if tag == _NULL]
            for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            """Return a mapping; raise `ValueError` for a repeated key."""
            return _once(
                [(self.construct_object(k, deep=True), self.construct_object(v, deep=True)) for k, v in node.value]
            )

    try:
        document = yaml.load(text, Loader=TextLoader)
    except yaml.YAMLError as error:
        raise ValueError(error) from error
    return {} if document is None else document


def _once(pairs: list[tuple[Any, object]]) -> dict[Any, object]:
    """Return a mapping of pairs; raise `ValueError` for a repeated key, whose first value the parsers would drop."""
    found: dict[Any, object] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise ValueError(f"{key!r} as a name; text expected")
        if key in found:
            raise ValueError(f"{key} twice")
        found[key] = value
    return found
