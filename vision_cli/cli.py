"""The root of `vcli`: the table of the nine tasks and of the housekeeping commands.

A command is named here by the module that holds its app; the module is imported when the command is
called. So ``vcli --help`` imports no task and no heavy library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from vision_cli import __version__
from vision_cli.core.command.commands import CONTEXT_SETTINGS, TASKS_PANEL, LazyCommand, LazyGroup


@dataclass(frozen=True)
class Task:
    """A task of vision_cli: one paper as a command.

    Attributes
    ----------
    name
        The command, as in ``vcli register``.
    paper
        Name of the method and the paper's arXiv id.
    help
        What the command does, in one line.
    app
        ``module:attribute`` of its Typer app; None while the task is planned.
    is_preview
        Whether its card says of parts that are missing.
    """

    name: str
    paper: str
    help: str
    app: str | None = None
    is_preview: bool = False

    @property
    def state(self) -> str:
        """Word for how far it is: ready, preview or planned."""
        if self.app is None:
            return "planned"
        return "preview" if self.is_preview else "ready"


TASKS = (
    Task(
        "register",
        "WiNet, arXiv:2407.13426",
        "Align one medical image with another.",
        "vision_cli.register.cli:app",
    ),
    Task(
        "pcd-anomaly",
        "Group3AD, arXiv:2408.04604",
        "Find defects in 3D scans of a part.",
        "vision_cli.pcd_anomaly.cli:app",
    ),
    Task(
        "rppg-adapt",
        "SFDA-rPPG, arXiv:2409.12040",
        "Measure the pulse from a video of a face.",
        "vision_cli.rppg_adapt.cli:app",
    ),
    Task(
        "forgery-detect",
        "MFCLIP, arXiv:2409.09724; GM-DF, arXiv:2406.20078",
        "Tell generated faces from real ones.",
        "vision_cli.forgery_detect.cli:app",
    ),
    Task(
        "synth-faces",
        "SynFER, arXiv:2410.09865",
        "Generate labelled faces with a given expression.",
        "vision_cli.synth_faces.cli:app",
    ),
    Task(
        "fewshot-seg",
        "TAVP, arXiv:2409.05393",
        "Segment a new class from a few examples.",
        "vision_cli.fewshot_seg.cli:app",
    ),
    Task("kan-fit", "S-KAN, arXiv:2408.08338", "Fit readable functions to data.", "vision_cli.kan_fit.cli:app"),
    Task(
        "gaze-predict",
        "GEM, arXiv:2408.05502",
        "Predict where a radiologist looks in a chest X-ray.",
        "vision_cli.gaze_predict.cli:app",
    ),
    Task(
        "enhance-eval",
        "arXiv:2409.14461",
        "Measure what low-light enhancement does to recognition.",
        "vision_cli.enhance_eval.cli:app",
    ),
)

_HOUSEKEEPING = (
    ("doctor", "Check what works on this machine, and how to mend the rest."),
    ("samples", "List and copy the bundled samples."),
    ("weights", "List and verify the shipped weights."),
    ("runs", "List, show, compare and merge runs."),
    ("cite", "Show the papers to cite for a task."),
    ("submit", "Run a command as a job, or as an array of jobs, on a cluster."),
    ("completions", "Write the completions of bash, zsh and fish."),
)


class _Root(LazyGroup):
    entries: ClassVar[Sequence[LazyCommand]] = (
        *(LazyCommand(task.name, task.help, TASKS_PANEL, task.app) for task in TASKS),
        *(
            LazyCommand(name, line, "Housekeeping", f"vision_cli.housekeeping.{name}:app")
            for name, line in _HOUSEKEEPING
        ),
    )


app = typer.Typer(
    cls=_Root,
    help="Nine computer-vision papers as dependable commands, run on your own files.",
    epilog="vcli register --sample                    # see one work, with nothing downloaded\n"
    "vcli register fixed.nii.gz moving.nii.gz -o out\n"
    "vcli doctor                               # what works on this machine",
    context_settings=CONTEXT_SETTINGS,
    add_completion=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vcli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Take the options of the root."""
