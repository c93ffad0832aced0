"""The app of ``vcli rppg-adapt``."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Measure the pulse from a video of a face, and adapt to a new camera without labels "
    "(SFDA-rPPG, arXiv:2409.12040).",
    examples=(
        "vcli rppg-adapt --sample                                     # a generated face; needs no file",
        "vcli rppg-adapt face.mp4 -o out",
        "vcli rppg-adapt videos/ --method auto --hrv --resp -o out    # every video of a folder",
        "vcli rppg-adapt preprocess UBFC --layout ubfc -o cache",
        "vcli rppg-adapt train cache --val-fraction 0.2 -o run",
        "vcli rppg-adapt adapt cache --weights default -o run         # uses no labels",
        "vcli rppg-adapt evaluate cache --methods net,pos,chrom --group-by skin_color -o scores",
    ),
    default_verb="predict",
)
