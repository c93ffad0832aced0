"""The work of ``generate``: a picture and a row of the manifest for each sample."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from vision_cli import __version__
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.runs.files import write_bytes
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.options import GenerateOptions
from vision_cli.synth_faces.pipeline.rendering import Drawn, draw
from vision_cli.synth_faces.plans.action_units import au_vector
from vision_cli.synth_faces.plans.plan import Wanted, picture_name
from vision_cli.synth_faces.plans.requests import warnings_of
from vision_cli.synth_faces.plans.rows import (
    COLUMNS,
    SERIES_AU,
    SERIES_LEVEL,
    Cell,
    ManifestRow,
    Quality,
    row_of_cells,
)
from vision_cli.synth_faces.plans.synthetic_png import SYNTHETIC, synthetic_png
from vision_cli.synth_faces.values import Picture

RENDERER = "vision_cli.phantoms.faces.rig"
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Made:
    """A picture file and its row."""

    content: bytes = field(repr=False)
    row: ManifestRow


def generate_all(
    run: Run, wanted: Sequence[Wanted], options: GenerateOptions, compute: Compute, output: Output
) -> None:
    """Draw every sample that is not done yet; the bytes of one depend on it, its seed and its size alone."""
    for sentence in warnings_of(wanted):
        run.warn(sentence)
    device = str(compute.device)

    def work(one: Wanted) -> Mapping[str, object]:
        made = make_sample(one, options, device=device)
        write_bytes(run.claim(made.row.file), made.content)
        return {name: cell for name, cell in made.row.cells().items() if cell not in (None, "")}

    run.each(wanted, work, name=lambda one: one.sample_id, what="faces", output=output)


def make_sample(wanted: Wanted, options: GenerateOptions, *, device: str = "cpu") -> Made:
    """Return the picture file of a sample and its row of the manifest."""
    drawn = draw(wanted, options.size, device=device)
    facts = {"model": RENDERER, "seed": wanted.seed, "sample": wanted.sample_id}
    if options.file_type == "png":
        content = synthetic_png(drawn.picture, facts)
    else:
        content = _synthetic_jpeg(drawn.picture, facts)
    return Made(content, _row(wanted, drawn, content, options))


def manifest_rows(entries: Sequence[Entry]) -> list[ManifestRow]:
    """Return the rows of the samples that were made, from the journal of their run."""
    nothing: dict[str, Cell] = dict.fromkeys(COLUMNS)
    return [
        row_of_cells(nothing | {name: cast("Cell", entry.row[name]) for name in COLUMNS if name in entry.row}, entry.id)
        for entry in entries
        if entry.error is None
    ]


def _row(wanted: Wanted, drawn: Drawn, content: bytes, options: GenerateOptions) -> ManifestRow:
    height, width = drawn.picture.shape[:2]
    return ManifestRow(
        sample_id=wanted.sample_id,
        file=picture_name(wanted.index, f".{options.file_type}"),
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        seed=wanted.seed,
        person_seed=wanted.person_seed,
        label=wanted.label or "",
        label_requested=wanted.label or "",
        prompt=wanted.prompt,
        au=au_vector(drawn.aus),
        facts={**drawn.facts, **_series_facts(wanted)},
        quality=Quality(sharpness=_sharpness(drawn.picture)),
        backend=options.backend,
        model=RENDERER,
        version=__version__,
    )


def _series_facts(wanted: Wanted) -> dict[str, str | float]:
    """Return what a sample varies in its series."""
    return {SERIES_AU: wanted.varied, SERIES_LEVEL: wanted.aus[wanted.varied]} if wanted.varied else {}


def _sharpness(picture: Picture) -> float:
    """Return the variance of the Laplacian of the grey picture, in squared grey levels."""
    grey = picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    inside = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inside
    return round(float(laplacian.var()), 3)


def _synthetic_jpeg(picture: Picture, facts: Mapping[str, object]) -> bytes:
    """Return a picture as JPEG with the marks of `synthetic_png` as its comment."""
    from PIL import Image

    comment = "\n".join(f"{name}={fact}" for name, fact in {SYNTHETIC: "true", **facts}.items())
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0, comment=comment.encode())
    return stream.getvalue()
