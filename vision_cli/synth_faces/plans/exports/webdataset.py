"""Export as WebDataset: tar files of samples, each a picture, its class and its row of the manifest."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.runs.files import atomic_path
from vision_cli.synth_faces.plans.exports.common import Exported, ReadPicture, exportable
from vision_cli.synth_faces.plans.labels import LABELS
from vision_cli.synth_faces.plans.manifests import manifest_line
from vision_cli.synth_faces.plans.rows import ManifestRow
from vision_cli.synth_faces.plans.synthetic_png import synthetic_png
from vision_cli.synth_faces.values import EXPRESSIONS

CLASSES = "classes.json"
_A_SHARD = 1000


def export_webdataset(
    directory: Path, rows: Sequence[ManifestRow], read_picture: ReadPicture, *, samples: int = _A_SHARD
) -> Exported:
    """Write faces as ``shard-000000.tar`` and so on, and ``classes.json`` with the names of the classes.

    A sample is ``<id>.png``, ``<id>.cls`` (number of its class) and ``<id>.json`` (its row). The same rows and pictures
    give the same bytes: members have no time, owner or name of a machine.

    Parameters
    ----------
    directory
        Where the files are made.
    rows
        What was generated; pictures without a label are left out.
    read_picture
        Returns the picture of a row.
    samples
        Samples of a file.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    kept, left_out = exportable(rows, LABELS, "WebDataset")
    has_compound = any(row.label not in EXPRESSIONS for row in kept)
    classes = LABELS if has_compound else EXPRESSIONS
    for number, start in enumerate(range(0, len(kept), samples)):
        with (
            atomic_path(directory / f"shard-{number:06}.tar") as hidden,
            tarfile.open(hidden, "w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for row in kept[start : start + samples]:
                facts = {"model": row.model or row.backend, "seed": row.seed}
                _add(archive, f"{row.sample_id}.png", synthetic_png(read_picture(row), facts))
                _add(archive, f"{row.sample_id}.cls", str(classes.index(row.label)).encode())
                _add(archive, f"{row.sample_id}.json", manifest_line(row).encode())
    with atomic_path(directory / CLASSES) as hidden:
        hidden.write_text(json.dumps(list(classes)) + "\n", encoding="utf-8")
    return Exported(len(kept), left_out)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
