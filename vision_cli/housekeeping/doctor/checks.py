"""The checks of `vcli doctor`: each looks at one thing of this machine and says what it found.

Nothing heavy is imported here: versions come from the installed metadata, and what has to be tried out is
tried in a process of its own (`vision_cli.housekeeping.doctor.probes`).
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from vision_cli.core.compute.devices import available_memory, available_threads, cgroup_cpus
from vision_cli.core.compute.weights import shipped_weights, verify

Level = Literal["ok", "note", "problem"]

_PROBE_SECONDS = 180
"""Time that a probe gets: the first import of torch on a slow, shared disk takes minutes."""

_NEEDED_CODECS = frozenset({"H.264", "MPEG-4"})
_CODEC_CURE = "uv sync --reinstall-package av, or convert such videos to H.264"

_MODULES = {
    "jinja2": "jinja2",
    "opencv-python": "cv2",
    "pywavelets": "pywt",
    "pyyaml": "yaml",
    "simpleitk": "SimpleITK",
}
"""Modules whose name is not that of their distribution."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    topic
        ``system``, ``libraries``, ``torch``, ``formats``, ``codecs``, ``disk`` or ``weights``.
    name
        What was looked at.
    level
        ``ok``; ``note`` for what may surprise; ``problem`` for what keeps a command from working.
    found
        The value found.
    cure
        What to do; empty where nothing is to be done.
    """

    topic: str
    name: str
    level: Level
    found: str
    cure: str = ""


def check_system() -> Iterator[Finding]:
    """Report Python, platform, cores and memory, as the scheduler and the container grant them."""
    python = f"{platform.python_version()} in {sys.prefix}"
    yield Finding("system", "python", "ok", python)
    yield Finding("system", "platform", "ok", platform.platform())
    quota = cgroup_cpus()
    limit = "" if quota is None else f"; the container's quota is {quota}"
    cores = f"{available_threads()} of {os.cpu_count()} usable{limit}"
    yield Finding("system", "cores", "ok", cores)
    free = available_memory() / 2**30
    level: Level = "ok" if free >= 2 else "note"
    yield Finding("system", "memory", level, f"{free:.1f} GiB available")


def check_libraries(*, deep: bool) -> Iterator[Finding]:
    """Report the versions of the libraries that vision_cli asks for; with `deep`, whether each can be imported."""
    for line in metadata.requires("vision-cli") or []:
        requirement = Requirement(line)
        extra = requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            if not extra:
                yield Finding("libraries", requirement.name, "problem", "not installed", "uv sync")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found = f"{version}; {requirement.specifier} expected"
            yield Finding("libraries", requirement.name, "problem", found, "uv sync")
        elif deep:
            yield _imported(requirement.name, version)
        else:
            yield Finding("libraries", requirement.name, "ok", version)


def _imported(name: str, version: str) -> Finding:
    result = _probe("import", _MODULES.get(name.lower(), name.replace("-", "_")))
    if isinstance(result, str):
        cure = f"uv sync --reinstall-package {name}"
        return Finding("libraries", name, "problem", f"{version}, cannot be imported: {result}", cure)
    return Finding("libraries", name, "ok", f"{version}, imported in {result['seconds']:.1f} s")


def check_torch() -> Iterator[Finding]:
    """Check that torch computes, on which devices, and whether torchvision was built for it."""
    result = _probe("torch")
    if isinstance(result, str):
        cure = "uv sync --reinstall-package torch"
        yield Finding("torch", "torch", "problem", f"cannot be imported: {result}", cure)
        return
    yield Finding("torch", "torch", "ok", f"{result['version']} for {result['built_for']}")
    devices = result["devices"] or ["no GPU; commands run on the CPU"]
    for device in devices:
        yield Finding("torch", "device", "ok", device)
    yield from check_torchvision()


def check_torchvision() -> Iterator[Finding]:
    """Check that the installed torchvision belongs to the installed torch.

    The two are built together: a torchvision beside another torch, or one for the CPU beside one for CUDA,
    fails at import with ``operator torchvision::nms does not exist``.
    """
    try:
        torchvision = metadata.distribution("torchvision")
    except metadata.PackageNotFoundError:
        return
    torch = metadata.version("torch")
    wanted = next(
        (
            match.group(1)
            for line in torchvision.requires or []
            if (match := re.match(r"torch\s*\(?==\s*([\w.+]+)", line))
        ),
        torch,
    )
    pair = f"{torchvision.version} beside torch {torch}"
    if _split_build(wanted)[0] != _split_build(torch)[0]:
        found = f"{pair}; torch {wanted} expected"
    elif _split_build(torchvision.version)[1] != _split_build(torch)[1]:
        found = f"{pair}; both for the same device expected"
    else:
        yield Finding("torch", "torchvision", "ok", pair)
        return
    cure = "install both from one index: uv sync --reinstall-package torch --reinstall-package torchvision"
    yield Finding("torch", "torchvision", "problem", found, cure)


def _split_build(version: str) -> tuple[str, str]:
    """Return a version and its build: ``2.15.0+cpu`` is ``2.15.0`` for ``cpu``."""
    release, _, build = version.partition("+")
    return release, build


def check_weights() -> Iterator[Finding]:
    """Check that the shipped weights are what their cards say."""
    for card in shipped_weights():
        if verify(card):
            yield Finding("weights", card.name, "ok", f"{card.parameters:,} parameters for {card.task}")
        else:
            found = f"{card.path}: altered or missing"
            yield Finding("weights", card.name, "problem", found, "install vision_cli again")


def check_formats() -> Iterator[Finding]:
    """Check that small files of the kinds that commands read are written and read back the same."""
    result = _probe("formats")
    if isinstance(result, str):
        yield Finding("formats", "all", "problem", result, "vcli doctor --deep names the library at fault")
        return
    for name, error in result.items():
        if error is None:
            yield Finding("formats", name, "ok", "written and read back")
        else:
            yield Finding("formats", name, "problem", str(error), "uv sync")


def check_open3d() -> Iterator[Finding]:
    """Check that open3d, which needs libraries of the system, can be imported."""
    result = _probe("import", "open3d")
    if isinstance(result, str):
        cure = "install what it names; on Debian mostly libx11-6 libgl1 libegl1 libgomp1"
        yield Finding("libraries", "open3d import", "problem", result, cure)
    else:
        yield Finding("libraries", "open3d import", "ok", f"in {result['seconds']:.1f} s")


def check_codecs() -> Iterator[Finding]:
    """Check which video codecs are decoded: cameras write H.264, telephones HEVC too."""
    result = _probe("codecs")
    if isinstance(result, str):
        yield Finding("codecs", "all", "problem", result, _CODEC_CURE)
        return
    for name, fault in result.items():
        if fault is None:
            yield Finding("codecs", name, "ok", "encoded and decoded")
        elif fault.startswith("not tried"):
            yield Finding("codecs", name, "ok", f"a decoder is there; {fault}")
        else:
            level: Level = "problem" if name in _NEEDED_CODECS else "note"
            yield Finding("codecs", name, level, fault, _CODEC_CURE)


def check_disk(directory: Path) -> Iterator[Finding]:
    """Report free space, and whether the file system can do what safe output needs.

    Parameters
    ----------
    directory
        Where runs are to be written.
    """
    for name, path in {
        "working directory": directory,
        "temporary files": Path(tempfile.gettempdir()),
    }.items():
        free = shutil.disk_usage(path).free / 2**30
        level: Level = "ok" if free >= 1 else "note"
        yield Finding("disk", name, level, f"{free:.1f} GiB free in {path}", "" if free >= 1 else "free space")
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".vcli-doctor-") as scratch:
            yield from _file_system(Path(scratch))
    except OSError as error:
        found = f"{directory} cannot be written: {error.strerror}"
        yield Finding("disk", "locks", "problem", found, "run vcli where you may write, or give --out")


def _file_system(scratch: Path) -> Iterator[Finding]:
    target = scratch / "target"
    target.write_text("old", encoding="ascii")
    beside = scratch / "beside"
    beside.write_text("new", encoding="ascii")
    beside.replace(target)
    replaced = target.read_text(encoding="ascii") == "new"
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        exclusive = False
    except FileExistsError:
        exclusive = True
    elsewhere = "give --out on another file system"
    if replaced and exclusive:
        yield Finding("disk", "locks", "ok", "files are replaced whole and made exclusively")
    else:
        found = "files are not replaced whole or not made exclusively"
        yield Finding("disk", "locks", "problem", found, elsewhere)
    try:
        (scratch / "link").hardlink_to(target)
        yield Finding("disk", "hard links", "ok", "supported")
    except OSError as error:
        yield Finding("disk", "hard links", "note", f"not supported ({error.strerror})")


def _probe(*arguments: str) -> dict[str, Any] | str:
    """Return the result of a probe, or in a line why there is none."""
    try:
        process = subprocess.run(
            [sys.executable, "-m", "vision_cli.housekeeping.doctor.probes", *arguments],
            capture_output=True,
            encoding="utf-8",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PROBE_SECONDS} s"
    if process.returncode < 0:
        return f"killed by signal {-process.returncode}"
    if process.returncode > 0:
        return (process.stderr.strip().splitlines() or ["no message"])[-1]
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return result
