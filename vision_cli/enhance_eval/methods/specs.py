"""The words that name a method: ``name[:key=val,...][+post]``, or an adapter such as ``onnx:FILE``.

A list of methods has commas between them; ``key=val`` after a comma belongs to the method before it, and what stands
in quotes is one word, so that a command may hold commas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.methods.learned.architectures import ARCHITECTURES
from vision_cli.enhance_eval.methods.post import POST
from vision_cli.enhance_eval.methods.registry import ALL_METHODS, CLASSICAL, DEFAULT_METHODS, Bounds

Kind = Literal["classical", "learned", "dir", "onnx", "ts", "py", "cmd"]
ADAPTERS: Mapping[str, Kind] = {"dir": "dir", "onnx": "onnx", "ts": "ts", "py": "py", "cmd": "cmd"}
GROUPS: Mapping[str, tuple[str, ...]] = {"default": DEFAULT_METHODS, "all": ALL_METHODS}

_PIECES = re.compile(r"""(?:[^,"']|"[^"]*"|'[^']*')+""")
_CONTINUATION = re.compile(r"[a-z_]+=")
_SUFFIX = re.compile(r"\+([a-z]+)$")


@dataclass(frozen=True)
class MethodSpec:
    """A method and its parameters, checked.

    Attributes
    ----------
    text
        As the user wrote it; the name of the method in tables.
    kind
        Classical, learned, or which adapter.
    target
        Name of the method, or the folder, file, function or command.
    options
        Parameters that were given; the others have their defaults.
    post
        Names of what follows, in order.
    """

    text: str
    kind: Kind
    target: str
    options: Mapping[str, float | int | str] = field(default_factory=dict)
    post: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The name for folders and files, see `file_name_of`."""
        return file_name_of(self.text)


def file_name_of(text: str) -> str:
    """Return a method's name with other than letters, digits and ``._+=-`` replaced, for folders and files."""
    return re.sub(r"[^\w.+=-]+", "-", text).strip("-.") or "method"


def parse_methods(text: str, option: str = "--methods") -> tuple[MethodSpec, ...]:
    """Return the methods of a list, each once, in its order; groups are replaced by their members.

    Raises
    ------
    UsageError
        If a word names no method, or a parameter is unknown or out of its range.
    """
    pieces: list[str] = []
    for match in _PIECES.finditer(text):
        piece = match.group().strip()
        if pieces and _CONTINUATION.match(piece) and ":" in pieces[-1]:
            pieces[-1] += f",{piece}"
        elif piece:
            pieces.append(piece)
    words = [member for piece in pieces for member in GROUPS.get(piece, (piece,))]
    if not words:
        raise UsageError(f"{option}: no method; {', '.join(GROUPS)} or names of methods expected.")
    return tuple(parse_method(word, option) for word in dict.fromkeys(words))


def parse_method(text: str, option: str = "--method") -> MethodSpec:
    """Return the method that a word names.

    Raises
    ------
    UsageError
        As `parse_methods`.
    """
    body, post = _without_suffixes(text)
    name, _, rest = body.partition(":")
    if name in ADAPTERS:
        target = rest.strip().strip("\"'").strip()
        if not target:
            raise UsageError(f"{option}: {text}: nothing after {name}:; {_FORMS[name]} expected.")
        return MethodSpec(text, ADAPTERS[name], target, post=post)
    unknown_post = _SUFFIX.search(name)
    if unknown_post is not None:
        raise UsageError(
            f"{option}: {text}: unknown suffix +{unknown_post.group(1)}; {', '.join(f'+{one}' for one in POST)} "
            "expected.",
            hint=did_you_mean(unknown_post.group(1), POST),
        )
    if name in CLASSICAL:
        entry = CLASSICAL[name]
        given = _options(text, rest, {**entry.defaults}, entry.bounds, option)
        return MethodSpec(text, "classical", name, given, post)
    if name in ARCHITECTURES:
        architecture = ARCHITECTURES[name]
        known: dict[str, float | int | str] = {"weights": "", **architecture.defaults}
        given = _options(text, rest, known, architecture.bounds, option)
        if "weights" not in given and not architecture.shipped:
            raise UsageError(
                f"{option}: {text}: no weights; {name}:weights=FILE expected.",
                hint="The authors' checkpoints are not shipped; download one and name it.",
            )
        return MethodSpec(text, "learned", name, given, post)
    names = (*CLASSICAL, *ARCHITECTURES, *GROUPS, *(f"{one}:" for one in ADAPTERS))
    raise UsageError(
        f"{option}: {name or text!r} is no method; one of {', '.join(names)} expected.",
        hint=did_you_mean(name, names),
    )


_FORMS = {
    "dir": "a folder of enhanced pictures",
    "onnx": "an ONNX file",
    "ts": "a TorchScript file",
    "py": "package.module:function",
    "cmd": 'a command with {in} and {out}, such as cmd:"prog {in} {out}",',
}


def _without_suffixes(text: str) -> tuple[str, tuple[str, ...]]:
    post: list[str] = []
    while (match := _SUFFIX.search(text)) and match.group(1) in POST:
        post.insert(0, match.group(1))
        text = text[: match.start()]
    return text, tuple(post)


def _options(
    text: str, listed: str, known: Mapping[str, float | int | str], bounds: Mapping[str, Bounds], option: str
) -> dict[str, float | int | str]:
    given: dict[str, float | int | str] = {}
    for pair in filter(None, (one.strip() for one in listed.split(","))):
        key, equals, word = pair.partition("=")
        if not equals or key not in known:
            keys = ", ".join(known) or "none: this method has no parameters"
            raise UsageError(
                f"{option}: {text}: {pair!r} found; key=value with a key of {keys} expected.",
                hint=did_you_mean(key, known),
            )
        given[key] = word if isinstance(known[key], str) else _number(f"{option}: {text}: {key}", word, known, bounds)
    return given


def _number(where: str, word: str, known: Mapping[str, float | int | str], bounds: Mapping[str, Bounds]) -> float | int:
    key = where.rpartition(": ")[2]
    low, high = bounds[key]
    is_whole = isinstance(known[key], int)
    try:
        number = int(word) if is_whole else float(word)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise UsageError(f"{where}: {word!r} found; a {'whole ' * is_whole}number from {low:g} to {high:g} expected.")
    return number
