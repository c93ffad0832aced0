"""What draws the samples of ``generate``: the rig here, diffusion in `vision_cli.synth_faces.pipeline.sampling`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from vision_cli.synth_faces.pipeline.rendering import draw
from vision_cli.synth_faces.plans.action_units import au_vector
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.values import Picture

RENDERER = "vision_cli.phantoms.faces.rig"


@dataclass(frozen=True)
class Painted:
    """A face that a backend has drawn.

    Attributes
    ----------
    picture
        ``(size, size, 3)``.
    au
        Intensities in the order of `AUS`: true ones of a render, requested ones of diffusion.
    facts
        What else is known of the face.
    origin
        How it was made, by the names of the fields of `vision_cli.synth_faces.plans.rows.ManifestRow`.
    """

    picture: Picture = field(repr=False)
    au: tuple[float, ...]
    facts: Mapping[str, str | float]
    origin: Mapping[str, Any]


class Backend(Protocol):
    """Draws wanted samples; what it draws depends on the sample and on the backend's own settings alone."""

    @property
    def name(self) -> str:
        """Word of ``--backend``."""
        ...

    @property
    def model(self) -> str:
        """Name or digest of what draws."""
        ...

    def paint(self, wanted: Wanted) -> Painted:
        """Draw a sample.

        Raises
        ------
        NumericalError
            If it cannot be computed.
        """
        ...


@dataclass(frozen=True)
class RenderBackend:
    """The rig.

    Attributes
    ----------
    size
        Rows and columns.
    device
        Where it draws, as torch names it.
    studio
        See `vision_cli.synth_faces.pipeline.rendering.draw`.
    """

    size: int
    device: str = "cpu"
    studio: bool = False

    @property
    def name(self) -> str:
        """Word of ``--backend``."""
        return "render"

    @property
    def model(self) -> str:
        """Name of the rig."""
        return RENDERER

    def paint(self, wanted: Wanted) -> Painted:
        """Draw a sample."""
        drawn = draw(wanted, self.size, device=self.device, studio=self.studio)
        return Painted(drawn.picture, au_vector(drawn.aus), drawn.facts, {"backend": self.name, "model": RENDERER})
