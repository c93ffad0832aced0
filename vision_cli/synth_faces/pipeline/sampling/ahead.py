"""Samples in batches for a run that asks for one after another."""

from __future__ import annotations

from collections.abc import Sequence

from vision_cli.core.errors import VcliError
from vision_cli.synth_faces.pipeline.backends import Painted
from vision_cli.synth_faces.pipeline.sampling.backend import DiffusionBackend
from vision_cli.synth_faces.plans.plan import Wanted


class BatchedBackend:
    """A backend that draws the next samples of a run together with the one that is asked for.

    Parameters
    ----------
    backend
        Draws.
    due
        The samples that will be asked for, in their order.
    batch_size
        Samples at once, one or more.
    """

    def __init__(self, backend: DiffusionBackend, due: Sequence[Wanted], batch_size: int) -> None:
        self._backend, self._due, self._batch_size = backend, due, batch_size
        self._places = {one.sample_id: place for place, one in enumerate(due)}
        self._drawn: dict[str, Painted | VcliError] = {}

    @property
    def name(self) -> str:
        """Word of ``--backend``."""
        return self._backend.name

    @property
    def model(self) -> str:
        """Digest of the model."""
        return self._backend.model

    def paint(self, wanted: Wanted) -> Painted:
        """Draw a sample, or return it if it was drawn with one before.

        Raises
        ------
        NumericalError, UsageError
            See `DiffusionBackend.paint`.
        """
        if wanted.sample_id not in self._drawn:
            start = self._places[wanted.sample_id]
            batch = self._due[start : start + self._batch_size]
            found = self._backend.paint_all(batch)
            self._drawn = {one.sample_id: painted for one, painted in zip(batch, found, strict=True)}
        painted = self._drawn.pop(wanted.sample_id)
        if isinstance(painted, VcliError):
            raise painted
        return painted
