"""Pictures to files: the same content gives the same bytes, on any day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HASH_SALT = "vision_cli"


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure on its own ground and at its own resolution, as SVG or PNG by the name's suffix.

    Parameters
    ----------
    figure
        Any figure.
    path
        Where to; `vision_cli.core.runs.run_files.RunFiles.output` gives one that appears whole or not at all.
    """
    import matplotlib as mpl

    is_drawing = path.suffix.lower() == ".svg"
    kept: dict[str, Any] = {"Date": None} if is_drawing else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": _HASH_SALT}):
        figure.savefig(
            path,
            format="svg" if is_drawing else "png",
            dpi=figure.dpi,
            metadata=kept,
            facecolor=figure.get_facecolor(),
        )
