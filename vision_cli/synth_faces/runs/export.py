"""The work of ``export``: the faces of a manifest in the layout of another data set."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.files import TEMPORARY_PREFIX
from vision_cli.core.runs.runs import Run
from vision_cli.io.pictures.folders import inside
from vision_cli.synth_faces.data.reading import SKIPPED_COLUMNS
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.options.sets import ExportLayout
from vision_cli.synth_faces.plans.exports.common import Exported, ReadPicture
from vision_cli.synth_faces.plans.exports.trees import export_affectnet, export_imagefolder, export_rafdb
from vision_cli.synth_faces.plans.exports.webdataset import export_webdataset
from vision_cli.synth_faces.plans.manifests import MANIFESTS, read_manifest
from vision_cli.synth_faces.plans.rows import ManifestRow
from vision_cli.synth_faces.values import Picture

SKIPPED = "skipped.csv"


def manifest_of(source: Path) -> Path:
    """Return the manifest of a run, or of its file itself.

    Raises
    ------
    InputError
        If there is none.
    """
    if source.is_file():
        return source
    found = next((source / name for name in MANIFESTS if (source / name).is_file()), None)
    if found is None:
        raise InputError(
            f"{source}: no manifest; one of {', '.join(MANIFESTS)} expected.",
            hint="Give a finished run of `vcli synth-faces generate`.",
        )
    return found


def export_run(run: Run, manifest: Path, to: ExportLayout, output: Output, *, test_share: float) -> None:
    """Write the faces of a manifest; the rows that the layout cannot hold are listed in ``skipped.csv``.

    Raises
    ------
    InputError
        If the manifest or a picture is damaged, or the layout can hold none of the rows.
    """
    rows = read_manifest(manifest)
    root = manifest.parent
    with output.progress("faces", len(rows)) as progress:

        def read(row: ManifestRow) -> Picture:
            interrupts.check()
            place = inside(root, row.file)
            if place is None:
                raise InputError(f"{manifest}: file {row.file!r}; one below {root} expected.")
            progress.advance(note=row.sample_id)
            return PictureFile(place).read()

        try:
            done = _export(run.directory, rows, read, to, test_share)
        finally:
            # What is there belongs to the run, also if it was stopped: --overwrite then removes it.
            for path in sorted(run.directory.glob("*/**/*")) + sorted(run.directory.glob("*")):
                if path.is_file() and _is_exported(path, run.directory):
                    run.claim(path.relative_to(run.directory).as_posix())
    if not done.written:
        raise InputError(
            f"{manifest}: none of {len(rows)} labels can be written as {to}.", hint="Choose another layout with --to."
        )
    run.write_csv(SKIPPED, SKIPPED_COLUMNS, [(one.name, one.reason, False) for one in done.left_out])
    run.write_metrics({"faces": done.written, "left_out": len(done.left_out), "layout": to})


def _export(
    directory: Path, rows: tuple[ManifestRow, ...], read: ReadPicture, to: ExportLayout, share: float
) -> Exported:
    match to:
        case "rafdb":
            return export_rafdb(directory, rows, read, test_share=share)
        case "affectnet":
            return export_affectnet(directory, rows, read, val_share=share)
        case "webdataset":
            return export_webdataset(directory, rows, read)
    return export_imagefolder(directory, rows, read, test_share=share)


def _is_exported(path: Path, directory: Path) -> bool:
    if path.name.startswith(TEMPORARY_PREFIX):
        return False
    return path.parent != directory or path.suffix == ".tar" or path.name == "classes.json"
