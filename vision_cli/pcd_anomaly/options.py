"""Options that several verbs of the task share, spelled once; as light as the task's ``cli`` itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.options import prefer_defaults

DATA = "Data options"
MODEL = "Model options"
SCORING = "Scoring options"
MEASURING = "Measuring options"

SAMPLE_SETTINGS = {"views": 6, "steps": 100}
"""Settings of `--sample`: its defects are plain enough for half of the views and a third of the training."""


def _lighten_sample(ctx: typer.Context, sample: bool) -> bool:
    if sample:
        prefer_defaults(ctx, SAMPLE_SETTINGS)
    return sample


SampleOption = Annotated[
    bool,
    typer.Option(
        "--sample",
        help="Make parts with defects and run on these, by default with --views {views} and --steps {steps}.".format(
            **SAMPLE_SETTINGS
        ),
        is_eager=True,
        callback=_lighten_sample,
    ),
]
LayoutOption = Annotated[
    Literal["auto", "real3d", "shapenet", "mulsen", "minishift", "mvtec", "folder"],
    typer.Option(help="How the scans lie in DATA.", rich_help_panel=DATA),
]
ClassOption = Annotated[
    list[str] | None,
    typer.Option("--class", metavar="NAME", help="Only this class; may repeat.", rich_help_panel=DATA),
]
TrainOption = Annotated[
    Path | None,
    typer.Option("--train", metavar="DIR", help="Good scans of one part, or a CAD mesh.", rich_help_panel=DATA),
]
TestOption = Annotated[
    Path | None, typer.Option("--test", metavar="DIR", help="Scans to test on.", rich_help_panel=DATA)
]
TruthOption = Annotated[
    Path | None,
    typer.Option("--gt", metavar="DIR", help="Truth of the points of --test.", rich_help_panel=DATA),
]
GroupsOption = Annotated[int, typer.Option(min=64, metavar="N", help="Groups of a scan.", rich_help_panel=MODEL)]
GroupSizeOption = Annotated[int, typer.Option(min=8, metavar="N", help="Points of a group.", rich_help_panel=MODEL)]
BankOption = Annotated[
    int, typer.Option(min=16, metavar="N", help="Groups that the memory bank keeps.", rich_help_panel=MODEL)
]
ViewsOption = Annotated[
    int, typer.Option(min=2, metavar="N", help="Virtual one-sided views of the prototypes.", rich_help_panel=MODEL)
]
ClustersOption = Annotated[int, typer.Option(min=2, metavar="N", help="Clusters of groups.", rich_help_panel=MODEL)]
StepsOption = Annotated[
    int, typer.Option(min=0, metavar="N", help="Training steps of the head; 0 for none.", rich_help_panel=MODEL)
]
IunOption = Annotated[
    bool, typer.Option("--iun/--no-iun", help="Spread clusters (inter-cluster uniformity).", rich_help_panel=MODEL)
]
IanOption = Annotated[
    bool, typer.Option("--ian/--no-ian", help="Gather clusters (intra-cluster alignment).", rich_help_panel=MODEL)
]
PushOption = Annotated[
    bool, typer.Option("--push/--no-push", help="Push pseudo-defects off; not in the paper.", rich_help_panel=MODEL)
]
FeaturesOption = Annotated[
    Literal["hybrid", "fpfh", "pointmae"],
    typer.Option(help="What describes a group; pointmae needs --weights.", rich_help_panel=MODEL),
]
PointMAEOption = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Point-MAE's pretrain.pth.", rich_help_panel=MODEL),
]
AlphaOption = Annotated[
    float,
    typer.Option(min=1e-6, max=0.5, metavar="X", help="Share of good scans called defective.", rich_help_panel=MODEL),
]
AgcsOption = Annotated[
    Literal["relative", "absolute", "off"],
    typer.Option(help="Where more groups go: differences to the reference, edges, nowhere.", rich_help_panel=SCORING),
]
RegistrationOption = Annotated[
    Literal["auto", "given", "none"],
    typer.Option(help="Search the pose, refine --init, or take it.", rich_help_panel=SCORING),
]
InitOption = Annotated[
    Path | None,
    typer.Option("--init", metavar="FILE", help="JSON with scan_to_reference, 4 x 4.", rich_help_panel=SCORING),
]
UnitOption = Annotated[
    str,
    typer.Option(metavar="auto|X", help="auto for one unit, or multiply by X: 1000 for m to mm.", rich_help_panel=DATA),
]
SaveOption = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="Of scores, ply, regions, png; png also makes the report, of scans that are not normal.",
        rich_help_panel=SCORING,
    ),
]
MemoryOption = Annotated[
    float | None,
    typer.Option(
        "--max-memory",
        min=0.1,
        metavar="GB",
        help="Work in smaller steps, or refuse a scan, rather than take more.",
        rich_help_panel=SCORING,
    ),
]
ProtocolOption = Annotated[
    Literal["ours", "reg3d"],
    typer.Option(
        help="reg3d measures as the code of Reg3D-AD: points of the truth, ranges of the test set, highest score.",
        rich_help_panel=MEASURING,
    ),
]
MethodsOption = Annotated[
    str,
    typer.Option(
        "--method", metavar="LIST", help="ours and baselines, or all; on the same poses.", rich_help_panel=MEASURING
    ),
]
BootstrapOption = Annotated[
    int, typer.Option(min=0, metavar="N", help="Resamples of the intervals; 0 for none.", rich_help_panel=MEASURING)
]
AblateOption = Annotated[
    bool,
    typer.Option("--ablate", help="Also base, +IUN, +IAN, +push, +AGCS, one by one.", rich_help_panel=MEASURING),
]
