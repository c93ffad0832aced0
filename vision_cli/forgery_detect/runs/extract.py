"""The work of ``extract``: the faces of a data set as files of their own, with their manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.data.layouts.tables import COLUMNS, manifest_rows
from vision_cli.forgery_detect.pipeline.example_tables import faces_of
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.runs.reading import MANIFEST, counts_of
from vision_cli.forgery_detect.values import Manifest, Medium, Picture
from vision_cli.io.pictures.left_out import Skipped
from vision_cli.io.pictures.photographs import write_photograph

CROPS, MASKS = "crops", "masks"
_NO_FACE_HINT = "Take the middle of such pictures with --without-face centre."


@dataclass(frozen=True)
class ExtractPlan:
    """What is extracted.

    Attributes
    ----------
    media
        Pictures and videos.
    finder
        Finds and cuts faces.
    frames
        Frames of a video.
    size
        Side of the files, px; 0 keeps the resolution of the source.
    masks
        Whether masks are written where the data set has them.
    """

    media: Sequence[Medium]
    finder: FaceFinder
    frames: int
    size: int
    masks: bool


def extract_all(run: Run, plan: ExtractPlan, output: Output) -> None:
    """Write the faces of every medium that is not done yet."""

    def work(medium: Medium) -> Mapping[str, object]:
        (found,) = faces_of([medium], plan.finder, plan.frames)
        if isinstance(found, Skipped):
            raise InputError(f"{found.reason}.", hint=None if found.is_damage else _NO_FACE_HINT)
        names = []
        for face in found:
            name = f"{medium.name}.png" if len(found) == 1 else f"{medium.name}/{face.frame:06}.png"
            with run.output(f"{CROPS}/{name}") as path:
                write_photograph(path, _resized(face.crop.picture, plan.size))
            if plan.masks and face.crop.mask is not None:
                mask = np.rint(face.crop.mask * 255).astype(np.uint8)
                with run.output(f"{MASKS}/{name}") as path:
                    write_photograph(path, _resized(np.repeat(mask[..., None], 3, axis=2), plan.size))
            names.append(name)
        facts = {key: value for key, value in asdict(medium).items() if key not in {"path", "mask", "name"}}
        has_masks = plan.masks and any(face.crop.mask is not None for face in found)
        return {"faces": len(names), "files": json.dumps(names), "facts": json.dumps(facts), "has_masks": has_masks}

    run.each(plan.media, work, name=lambda medium: medium.name, what="files", output=output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the manifest of the faces, and counts."""
    media: list[Medium] = []
    for entry in entries:
        if entry.error is not None:
            continue
        home = run.home_of(entry)
        facts = json.loads(str(entry.row["facts"]))
        facts["identities"] = tuple(facts["identities"])
        # Frames of one medium are one video.
        facts["video"] = facts["video"] or entry.id
        for name in json.loads(str(entry.row["files"])):
            mask = home / MASKS / name if entry.row["has_masks"] else None
            media.append(Medium(path=home / CROPS / name, name=str(Path(name).with_suffix("")), mask=mask, **facts))
    manifest = Manifest("extracted", tuple(media))
    run.write_csv(MANIFEST, COLUMNS, manifest_rows(run.directory, manifest))
    run.write_metrics(counts_of(manifest))


def _resized(pixels: Picture, size: int) -> Picture:
    import cv2

    if not size or size == len(pixels):
        return pixels
    method = cv2.INTER_AREA if size < len(pixels) else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=method), np.uint8)
