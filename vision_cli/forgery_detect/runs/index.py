"""The work of ``index``: data sets as one manifest, on request of copies whose classes have the same history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.data.history import HistorySettings, haar_faces, matched_copy, plan_history
from vision_cli.forgery_detect.data.layouts.tables import COLUMNS, manifest_rows
from vision_cli.forgery_detect.options.sets import HistoryOptions
from vision_cli.forgery_detect.runs.reading import MANIFEST, SKIPPED, SKIPPED_COLUMNS, counts_of
from vision_cli.forgery_detect.values import Manifest, Medium
from vision_cli.io.pictures.left_out import Skipped
from vision_cli.io.pictures.photographs import write_photograph

MATCHED = "matched"


def index_sets(run: Run, manifest: Manifest, history: HistorySettings | None, output: Output) -> None:
    """Write the manifest, what was left out, and counts.

    Parameters
    ----------
    run
        The open run.
    manifest
        Media of the data sets.
    history
        How copies are made; None for none.
    output
        Shows progress.
    """
    if history is not None:
        manifest = _matched(run, manifest, history, output)
    for note in manifest.notes:
        output.info(note)
        run.log(note)
    run.write_csv(MANIFEST, COLUMNS, manifest_rows(run.directory, manifest))
    run.write_csv(SKIPPED, SKIPPED_COLUMNS, [(one.name, one.reason, one.is_damage) for one in manifest.skipped])
    run.write_metrics(counts_of(manifest))


def history_settings(options: HistoryOptions) -> HistorySettings | None:
    """Return how copies are made; None if none are asked for.

    Raises
    ------
    UsageError
        If the ratio is none.
    """
    if not options.match_history:
        return None
    try:
        factor = Fraction(options.reduce)
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if not 0 < factor < 1 or factor.denominator > 1000:
        raise UsageError(f"--reduce {options.reduce}; a ratio below 1 such as 2/3 expected.")
    return HistorySettings(factor, options.quality, options.crop)


def _matched(run: Run, manifest: Manifest, settings: HistorySettings, output: Output) -> Manifest:
    """Return the manifest of copies, which are written one by one."""
    plan = plan_history(manifest, settings)
    find = haar_faces()
    suffix = ".png" if settings.crop_px else ".jpg"

    def work(medium: Medium) -> Mapping[str, object]:
        content, is_found = matched_copy(medium, plan, settings, find)
        with run.output(f"{MATCHED}/{medium.name}{suffix}") as path:
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                write_photograph(path, content)
        return {"face_found": is_found}

    run.each(plan.media, work, name=lambda medium: medium.name, what="pictures", output=output)
    done = {entry.id: entry for entry in run.entries}
    media = tuple(
        dataclasses.replace(medium, path=run.directory / MATCHED / f"{medium.name}{suffix}", mask=None)
        for medium in plan.media
        if medium.name in done and done[medium.name].error is None
    )
    failed = [Skipped(entry.id, entry.error) for entry in done.values() if entry.error is not None]
    if not media:
        raise InputError(
            f"no copy of {len(plan.media)} pictures could be made; the first: {failed[0].name}: {failed[0].reason}"
        )
    centred = sum(done[medium.name].row["face_found"] is False for medium in media)
    notes = [*plan.notes, *([f"No face was found, and the centre cut, in {centred} pictures."] if centred else [])]
    return Manifest("matched", media, (*plan.skipped, *failed), tuple(notes))
