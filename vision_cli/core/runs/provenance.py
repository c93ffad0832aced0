"""Provenance of a run: inputs, versions of libraries, revision of the code, machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from vision_cli.core.errors import InputError
from vision_cli.core.runs import files
from vision_cli.core.runs.input_files import data_files

_PACKAGE = "vision-cli"

Inputs = Mapping[str, Path | Sequence[Path] | None]
"""Input files, or directories of files such as DICOM series, by role; None for no input."""


def require_inputs(inputs: Inputs) -> None:
    """Require that inputs exist, before anything is created.

    Raises
    ------
    InputError
        If a file does not exist, or data files that its header names are missing or not allowed.
    """
    for role, paths in inputs.items():
        for path in _listed(paths):
            try:
                exists = path.exists()
                data_files(path)
            except OSError as error:
                raise InputError(
                    f"{path}: cannot be read ({error.strerror}; {role}).", hint="Check the path."
                ) from error
            if not exists:
                raise InputError(f"{path}: no such file ({role}).", hint="Check the path.")


def describe_inputs(inputs: Inputs) -> dict[str, Any]:
    """Return absolute path, size and SHA-256 of each input by role, and under ``data`` of the files its header names.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    return {
        role: _described(paths) if isinstance(paths, Path) else [_described(path) for path in paths]
        for role, paths in inputs.items()
        if paths is not None
    }


def versions() -> dict[str, str | None]:
    """Return the versions of Python, vision_cli and its dependencies; None if not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    with suppress(metadata.PackageNotFoundError):
        required = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in metadata.requires(_PACKAGE) or []]
        for name in [_PACKAGE, *required]:
            found[name] = _version(name)
    return found


def git_revision() -> str | None:
    """Return the git revision of the package's checkout, with ``-dirty`` if it is modified; None without a checkout."""
    checkout = Path(__file__).resolve().parents[3]
    if not (checkout / ".git").exists():
        return None
    # Not `git describe --dirty`, which locks the index; a killed run would leave the lock behind.
    git = ["git", "--no-optional-locks"]
    with suppress(OSError, subprocess.SubprocessError):
        revision, changed = (
            subprocess.run(
                [*git, *words], cwd=checkout, capture_output=True, encoding="utf-8", timeout=5, check=True
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
        return f"{revision}-dirty" if changed else revision
    return None


def host() -> dict[str, Any]:
    """Return platform, processor and number of CPUs."""
    return {"platform": platform.platform(), "processor": platform.machine(), "cpus": os.cpu_count()}


def _listed(paths: Path | Sequence[Path] | None) -> Sequence[Path]:
    if paths is None:
        return []
    return [paths] if isinstance(paths, Path) else paths


def _described(path: Path) -> dict[str, Any]:
    described = _measured(path)
    if data := data_files(path):
        described["data"] = [_measured(file) for file in data]
    return described


def _measured(path: Path) -> dict[str, Any]:
    try:
        return {"path": str(path.absolute()), "bytes": files.size(path), "sha256": files.sha256(path)}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


@cache
def _version(name: str) -> str | None:
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    # The library parses the whole file as a mail, which for forty packages takes longer than a small command.
    found = re.search(r"^Version: *(\S+)", distribution.read_text("METADATA") or "", re.MULTILINE)
    return found[1] if found else distribution.version
