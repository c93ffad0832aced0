"""Words that name a task model: ``builtin``, ``onnx:FILE:decoder=yolov8,labels=names.txt``, ``hf:DIR`` and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.reading import read_text

Kind = Literal["builtin", "onnx", "hf", "preds", "py"]

_FORMS: Mapping[Kind, str] = {
    "builtin": "builtin",
    "onnx": "onnx:FILE[:decoder=NAME,labels=FILE,...]",
    "hf": "hf:DIR",
    "preds": "preds:DIR[:annotations=FILE]",
    "py": "py:package.module:function[:labels=FILE]",
}


@dataclass(frozen=True)
class TaskSpec:
    """A task model by its words.

    Attributes
    ----------
    kind
        What it is.
    target
        The file, folder or function; empty for ``builtin``.
    options
        Further words by name.
    text
        As it was typed.
    """

    kind: Kind
    target: str
    options: Mapping[str, str]
    text: str

    def take(self, *known: str) -> dict[str, str]:
        """Return the options.

        Raises
        ------
        UsageError
            If one of them is not known.
        """
        for name in self.options:
            if name not in known:
                raise UsageError(
                    f"{self.text}: option {name!r}; {', '.join(known) or 'none'} expected.",
                    hint=did_you_mean(name, known),
                )
        return dict(self.options)


def parse_task_spec(text: str) -> TaskSpec:
    """Parse the words of a task model.

    Raises
    ------
    UsageError
        If they name none; the message says what is expected.
    """
    word, _, rest = text.partition(":")
    kind = next((known for known in get_args(Kind) if known == word.strip().lower()), None)
    if kind is None or (kind == "builtin") == bool(rest):
        raise UsageError(
            f"task model {text!r}; one of {', '.join(_FORMS.values())} expected.",
            hint=did_you_mean(word, get_args(Kind)),
        )
    target, separator, options = rest.rpartition(":")
    if not separator or "=" not in options:
        target, options = rest, ""
    pairs = [pair.partition("=") for pair in options.split(",") if pair.strip()]
    if not (kind == "builtin" or target) or not all(name.strip() and value.strip() for name, _, value in pairs):
        raise UsageError(f"task model {text!r}; {_FORMS[kind]} expected.")
    return TaskSpec(kind, target, {name.strip(): value.strip() for name, _, value in pairs}, text)


def read_labels(path: Path) -> tuple[str, ...]:
    """Read names of classes, one a line, in the order of their numbers.

    Raises
    ------
    InputError
        If there are none, or the file cannot be read.
    """
    names = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    if not names:
        raise InputError(f"{path}: empty; a name of a class on each line expected.")
    return names
