"""Config files: what they hold is taken as if it had been typed.

YAML makes a truth value of ``no``, eight of ``010`` and ninety of ``1:30``; on the command line these are a column's
name, ten and a time. So plain words of YAML stay text here, and the option makes of them what it makes of a typed word.
JSON, as the record of a run is, says itself what is a number and what is not.
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
    """Return what a config file, or the record of a run of this command, says of options.

    Raises
    ------
    UsageError
        If there is no such file, or it is the record of a run of another command.
    InputError
        If the file cannot be read as YAML or JSON, or says something twice.
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
        raise InputError(f"{config}: no options found in this record of a run; it is damaged.")
    return options


def as_typed(config: Path, key: str, value: object, parameter: Any) -> object:
    """Return a value of a config file as if it had been typed: text, a list of texts, or a flag's truth value.

    Parameters
    ----------
    config, key
        Where it stands.
    value
        As it was read, not None.
    parameter
        The option or argument.

    Raises
    ------
    UsageError
        If the option cannot take it: a truth value that is no flag's, a list for one value, a mapping.
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
    # A truth value is a kind of int, and everything has a text: they would pass for 0, for "False", for "[1, 2]".
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
        """Plain words are text; only null, and nothing at all, stand for what was not given."""

        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, pattern) for tag, pattern in known if tag == _NULL]
            for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            """Make a mapping, unless it says something twice."""
            return _once(
                [(self.construct_object(k, deep=True), self.construct_object(v, deep=True)) for k, v in node.value]
            )

    try:
        document = yaml.load(text, Loader=TextLoader)
    except yaml.YAMLError as error:
        raise ValueError(error) from error
    return {} if document is None else document


def _once(pairs: list[tuple[Any, object]]) -> dict[Any, object]:
    """Make a mapping of pairs; of two values for one name the readers of both languages would drop the first."""
    found: dict[Any, object] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise ValueError(f"{key!r} as a name; text expected")
        if key in found:
            raise ValueError(f"{key} twice")
        found[key] = value
    return found
