"""The work of ``generate``: a picture and a row of the manifest for each sample."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vision_cli import __version__
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.weights import ResolvedWeights, shipped_weights
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.files import write_bytes
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.io.pictures.luma import luma
from vision_cli.synth_faces.options.generating import (
    BackendName,
    DiffusionOptions,
    FileType,
    GenerateOptions,
    LabellingOptions,
)
from vision_cli.synth_faces.pipeline.backends import Backend, Painted, RenderBackend
from vision_cli.synth_faces.pipeline.sampling.choices import (
    SHIPPED_MODEL,
    find_adapter,
    find_annotator,
    find_guide,
    find_model,
)
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

if TYPE_CHECKING:
    from vision_cli.synth_faces.runs.labelling import Labeller

_RENDER_SIZE = 128
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Made:
    """A picture file and its row."""

    content: bytes = field(repr=False)
    row: ManifestRow


@dataclass(frozen=True)
class Maker:
    """What draws and labels the samples of a run.

    Attributes
    ----------
    backend
        Draws.
    file_type
        Of the pictures.
    labeller
        Says what they show; None if nobody does.
    """

    backend: Backend
    file_type: FileType = "png"
    labeller: Labeller | None = None

    def make(self, wanted: Wanted) -> Made:
        """Return the picture file of a sample and its row of the manifest."""
        painted = self.backend.paint(wanted)
        facts = {"model": self.backend.model, "seed": wanted.seed, "sample": wanted.sample_id}
        if self.file_type == "png":
            content = synthetic_png(painted.picture, facts)
        else:
            content = _synthetic_jpeg(painted.picture, facts)
        row = self._row(wanted, painted, content)
        if self.labeller is not None:
            row = replace(row, **self.labeller.facts_of(painted.picture, wanted.label or ""))
        return Made(content, row)

    def _row(self, wanted: Wanted, painted: Painted, content: bytes) -> ManifestRow:
        height, width = painted.picture.shape[:2]
        row = ManifestRow(
            sample_id=wanted.sample_id,
            file=picture_name(wanted.index, f".{self.file_type}"),
            sha256=hashlib.sha256(content).hexdigest(),
            width=width,
            height=height,
            seed=wanted.seed,
            person_seed=wanted.person_seed,
            label=wanted.label or "",
            label_requested=wanted.label or "",
            prompt=wanted.prompt,
            au=painted.au,
            facts={**painted.facts, **_series_facts(wanted)},
            quality=Quality(sharpness=_sharpness(painted.picture)),
            version=__version__,
        )
        return replace(row, **painted.origin)


@dataclass(frozen=True)
class Drawing:
    """How faces are drawn and labelled where diffusion draws them.

    Attributes
    ----------
    diffusion, labelling
        Their options.
    annotate
        Whether the annotator looks at them; it does too where labels are corrected.
    """

    diffusion: DiffusionOptions = field(default_factory=DiffusionOptions)
    labelling: LabellingOptions = field(default_factory=LabellingOptions)
    annotate: bool = False

    @property
    def is_labelled(self) -> bool:
        """Whether the annotator looks at the faces."""
        return self.annotate or self.labelling.rectify != "none"

    def changed(self) -> list[str]:
        """Return the options that are not as they are by default."""
        found = ["--annotate"] if self.annotate else []
        for own in (self.diffusion, self.labelling):
            usual = type(own)()
            names = [one.name for one in fields(own)]
            found += [f"--{name.replace('_', '-')}" for name in names if getattr(own, name) != getattr(usual, name)]
        return found


def generate_all(
    run: Run,
    wanted: Sequence[Wanted],
    options: GenerateOptions,
    drawing: Drawing,
    compute: Compute,
    output: Output,
) -> None:
    """Draw every sample that is not done yet; the bytes of one depend on it, its seed and the settings alone.

    Raises
    ------
    UsageError
        If options of diffusion are given to the renderer, or a size that the model does not have.
    MissingError, InputError
        If weights are missing, damaged, or do not belong together.
    """
    for sentence in warnings_of(wanted):
        run.warn(sentence)
    maker = open_maker(options, drawing, compute, output)
    run.record(backend=maker.backend.name, model=maker.backend.model)
    if (batch_size := drawing.diffusion.batch_size) > 1:
        from vision_cli.synth_faces.runs.diffusing import in_batches

        due = run.due(wanted, lambda one: one.sample_id)
        maker = replace(maker, backend=in_batches(maker.backend, due, batch_size))

    def work(one: Wanted) -> Mapping[str, object]:
        made = maker.make(one)
        write_bytes(run.claim(made.row.file), made.content)
        return {name: cell for name, cell in made.row.cells().items() if cell not in (None, "")}

    run.each(wanted, work, name=lambda one: one.sample_id, what="faces", output=output)


def backend_of(options: GenerateOptions, drawing: Drawing) -> BackendName:
    """Return what draws: of ``auto`` diffusion where a model is given or shipped, the renderer otherwise."""
    if options.backend != "auto":
        return options.backend
    is_given = drawing.diffusion.model != DiffusionOptions().model
    return "diffusion" if is_given or any(card.name == SHIPPED_MODEL for card in shipped_weights()) else "render"


def find_all(options: GenerateOptions, drawing: Drawing) -> dict[str, Path]:
    """Return the files of weights that a run reads, by the names of their options.

    Raises
    ------
    MissingError, InputError
        If one is missing, or no safetensors file.
    """
    if backend_of(options, drawing) == "render":
        return {}
    own, labelling = drawing.diffusion, drawing.labelling
    found = {"model": find_model(own.model), "adapter": find_adapter(own.adapter)}
    if own.sg or labelling.rectify == "vote":
        found["guide"] = find_guide(own.guide)
    if drawing.is_labelled:
        found["annotator"] = find_annotator(labelling.annotator)
    return {name: one.path for name, one in found.items() if isinstance(one, ResolvedWeights)}


def open_maker(options: GenerateOptions, drawing: Drawing, compute: Compute, output: Output) -> Maker:
    """Return what draws and labels, by the options; ``auto`` says what it has chosen.

    Raises
    ------
    UsageError, MissingError, InputError
        See `generate_all`.
    """
    backend = backend_of(options, drawing)
    if options.backend == "auto":
        output.info(f"backend: {backend}")
    if backend == "render":
        if changed := drawing.changed():
            raise UsageError(
                f"{', '.join(changed)} with --backend render; a backend of diffusion expected.",
                hint="Use --backend diffusion.",
            )
        size = _RENDER_SIZE if options.size is None else options.size
        return Maker(RenderBackend(size, str(compute.device), options.studio), options.file_type)
    if options.studio:
        raise UsageError("--studio with --backend diffusion; a render expected.", hint="Leave out --studio.")
    # Its libraries take seconds to import, which renders need not wait for.
    from vision_cli.synth_faces.runs.diffusing import open_backend
    from vision_cli.synth_faces.runs.labelling import open_labeller

    opened = open_backend(drawing.diffusion, compute, output)
    if options.size not in (None, opened.loaded.side):
        raise UsageError(
            f"--size {options.size}; {opened.loaded.side} expected, as the model has.", hint="Leave out --size."
        )
    labeller = None
    if drawing.is_labelled:
        labeller = open_labeller(opened.loaded, drawing.labelling, drawing.diffusion.guide, compute)
    return Maker(opened, options.file_type, labeller)


def manifest_rows(entries: Sequence[Entry]) -> list[ManifestRow]:
    """Return the rows of the samples that were made, from the journal of their run."""
    nothing: dict[str, Cell] = dict.fromkeys(COLUMNS)
    return [
        row_of_cells(nothing | {name: cast("Cell", entry.row[name]) for name in COLUMNS if name in entry.row}, entry.id)
        for entry in entries
        if entry.error is None
    ]


def _series_facts(wanted: Wanted) -> dict[str, str | float]:
    """Return what a sample varies in its series."""
    return {SERIES_AU: wanted.varied, SERIES_LEVEL: wanted.aus[wanted.varied]} if wanted.varied else {}


def _sharpness(picture: Picture) -> float:
    """Return the variance of the Laplacian of the grey picture, in squared grey levels."""
    grey = luma(picture)
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
