"""``vcli doctor``: what works on this machine, and how to mend the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.commands import single_command
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.options import JsonOption, QuietOption
from vision_cli.core.errors import MissingError
from vision_cli.housekeeping.doctor.checks import Finding

_Deep = Annotated[bool, typer.Option("--deep", help="Import every library; takes up to a minute.")]


def doctor(deep: _Deep = False, as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Check what works on this machine, and how to mend the rest.

    Looks at Python, processors and memory, the libraries, torch and its devices, the file formats of images, videos
    and scans, the codecs of videos, the disk, and the shipped weights. Exits with 0 if every command of this version
    can work, else with 4.
    """
    findings = list(_examine(deep=deep))
    problems = [finding for finding in findings if finding.level == "problem"]
    Output(as_json=as_json, quiet=quiet).result(
        Table(
            columns=("topic", "check", "state", "found", "cure"),
            rows=[(f.topic, f.name, f.level, f.found, f.cure) for f in findings],
        ),
        {"ok": not problems, "findings": [asdict(finding) for finding in findings]},
    )
    if problems:
        names = ", ".join(f"{finding.topic}/{finding.name}" for finding in problems)
        raise MissingError(f"{len(problems)} of {len(findings)} checks failed: {names}.", hint=problems[0].cure)


def _examine(*, deep: bool) -> Iterator[Finding]:
    from vision_cli.housekeeping.doctor import checks

    yield from checks.check_system()
    yield from checks.check_libraries(deep=deep)
    yield from checks.check_torch()
    yield from checks.check_open3d()
    yield from checks.check_formats()
    yield from checks.check_codecs()
    yield from checks.check_disk(Path.cwd())
    yield from checks.check_weights()


app = single_command(
    doctor,
    examples=[
        "vcli doctor",
        "vcli doctor --deep     # import every library too",
        "vcli doctor --json | jq '.findings[] | select(.level != \"ok\")'",
    ],
)
