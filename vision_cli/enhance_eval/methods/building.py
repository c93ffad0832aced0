"""From the words that name a method to the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_cli.enhance_eval.methods.adapters.commands import TIMEOUT, command_method
from vision_cli.enhance_eval.methods.adapters.folders import folder_method
from vision_cli.enhance_eval.methods.adapters.functions import function_method
from vision_cli.enhance_eval.methods.adapters.graphs import onnx_method, torchscript_method
from vision_cli.enhance_eval.methods.checking import Named, check_output
from vision_cli.enhance_eval.methods.learned.architectures import ARCHITECTURES, learned_method
from vision_cli.enhance_eval.methods.post import POST
from vision_cli.enhance_eval.methods.registry import CLASSICAL, Entry
from vision_cli.enhance_eval.methods.specs import MethodSpec
from vision_cli.enhance_eval.values import Method, Picture


def build_method(spec: MethodSpec, *, device: str = "cpu", timeout: float = TIMEOUT) -> Method:
    """Return the method of a specification; files are read and weights loaded here.

    Parameters
    ----------
    spec
        As `specs.parse_method` gives it.
    device
        Where learned methods and TorchScript run.
    timeout
        Seconds that one start of a ``cmd:`` program may take.

    Raises
    ------
    MissingError
        If a file, module or program is not there.
    InputError
        If a file is not what it should be.
    UsageError
        If the words of an adapter are not of its form.
    """
    method = _build(spec, device, timeout)
    if not spec.post:
        return method
    return (
        _NamedFollowed(spec.text, method, spec.post)
        if isinstance(method, Named)
        else _Followed(spec.text, method, spec.post)
    )


def licence_notice(spec: MethodSpec) -> str | None:
    """Return a line on the terms of a learned method's checkpoint, None where they are free."""
    if spec.kind != "learned" or "weights" not in spec.options:
        return None
    terms = ARCHITECTURES[spec.target].terms
    if terms in {"MIT", "Apache-2.0"}:
        return None
    return f"{spec.target}: the authors' checkpoint is under these terms: {terms}."


def input_files(spec: MethodSpec) -> list[Path]:
    """Return the files that a method reads, for the record of the run; those of a folder are not listed."""
    if spec.kind in {"onnx", "ts"}:
        return [Path(spec.target).expanduser()]
    weights = str(spec.options.get("weights", ""))
    return [Path(weights).expanduser()] if weights else []


def _build(spec: MethodSpec, device: str, timeout: float) -> Method:
    path = Path(spec.target).expanduser()
    if spec.kind == "classical":
        return _Classical(spec.text, CLASSICAL[spec.target], spec.options)
    if spec.kind == "learned":
        return learned_method(spec.text, spec.target, spec.options, device)
    if spec.kind == "dir":
        return folder_method(spec.text, path)
    if spec.kind == "onnx":
        return onnx_method(spec.text, path)
    if spec.kind == "ts":
        return torchscript_method(spec.text, path, device)
    if spec.kind == "py":
        return function_method(spec.text, spec.target)
    return command_method(spec.text, spec.target, timeout)


@dataclass(frozen=True)
class _Classical:
    name: str
    entry: Entry
    options: Mapping[str, float | int | str]

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        if self.entry.sees_reference:
            return self.entry.function(picture, reference, **self.options)
        return self.entry.function(picture, **self.options)


@dataclass(frozen=True)
class _Followed:
    """A method and what removes the noise from its results."""

    name: str
    method: Method
    post: tuple[str, ...]

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        # What follows works on pictures, so the result has to be one before.
        result = check_output(self.method.enhance(picture, reference=reference), picture, where=self.method.name)
        for name in self.post:
            result = POST[name](result)
        return result


@dataclass(frozen=True)
class _NamedFollowed(_Followed):
    def of(self, name: str) -> Method:
        method = self.method
        return _Followed(self.name, method.of(name) if isinstance(method, Named) else method, self.post)
