"""Diffusion for ``generate``: the backend, and layouts of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.synth_faces.options.generating import DiffusionOptions
from vision_cli.synth_faces.options.sets import SetOptions
from vision_cli.synth_faces.pipeline.backends import Backend
from vision_cli.synth_faces.pipeline.face_tables import open_set
from vision_cli.synth_faces.pipeline.framing import square_of
from vision_cli.synth_faces.pipeline.sampling.ahead import BatchedBackend
from vision_cli.synth_faces.pipeline.sampling.backend import NO_LAYOUT, RENDERED, DiffusionBackend, open_diffusion
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.plans.seeds import sample_seed
from vision_cli.synth_faces.values import LabelledFace, Picture


@dataclass(frozen=True)
class DatasetLayouts:
    """The layouts of the faces of a data set: that of one face for a sample, by its seed."""

    faces: tuple[LabelledFace, ...] = field(repr=False)

    def __call__(self, wanted: Wanted, side: int) -> tuple[str, Picture]:
        """Return the name and the picture ``(side, side, 3)`` of a face."""
        face = self.faces[sample_seed(wanted.seed, 0, "layout") % len(self.faces)]
        return face.name, square_of(face.source.read(), side)


def open_backend(options: DiffusionOptions, compute: Compute, output: Output) -> DiffusionBackend:
    """Return what draws.

    Raises
    ------
    MissingError, InputError
        If weights or layouts are missing or damaged, or weights do not belong together.
    """
    layouts = None
    if options.layout not in (NO_LAYOUT, RENDERED):
        dataset = open_set(Path(options.layout), SetOptions())
        for note in dataset.notes:
            output.info(f"{Path(options.layout).name}: {note}")
        layouts = DatasetLayouts(dataset.faces)
    return open_diffusion(options, compute, layouts=layouts)


def in_batches(backend: Backend, due: Sequence[Wanted], batch_size: int) -> Backend:
    """Return a backend of diffusion that draws the samples that are due in batches; any other stays as it is."""
    return BatchedBackend(backend, due, batch_size) if isinstance(backend, DiffusionBackend) else backend
