"""``vcli pcd-anomaly register``: pose of one scan, without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.pcd_anomaly.cli.app import app
from vision_cli.pcd_anomaly.options import MemoryOptions, ScanOptions

EXAMPLES = (
    "vcli pcd-anomaly register scan.ply part.stl -o pose.json",
    "vcli pcd-anomaly register scan_in_inches.ply part.stl --unit 25.4 -o pose.json",
)


@verb(app, "register", ("seed", "threads"), OUTPUT, examples=EXAMPLES)
def register(
    call: Call,
    scan: Annotated[Path, typer.Argument(metavar="SCAN", help="Scan to register.")],
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Cloud of all sides, or a mesh.")],
    target: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="JSON file of the pose.")],
    *,
    scans: ScanOptions,
    memory: MemoryOptions,
) -> None:
    """Find the pose of a scan on a reference, with its status."""
    from vision_cli.core.runs.files import write_json
    from vision_cli.pcd_anomaly.runs.register import register_files

    call.configure()
    document = register_files(scan, reference, call.seed, scans.scale, memory.max_memory)
    if document["remark"] is not None:
        call.output.warn(f"{reference}: {document['remark']}")
    write_json(target, document)
    facts = {name: value for name, value in document.items() if name != "scan_to_reference"}
    call.output.result(measures_table(facts), document)
