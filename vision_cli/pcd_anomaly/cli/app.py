"""The app of ``vcli pcd-anomaly``."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Find defects in 3D scans of a part (Group3AD, arXiv:2408.04604).",
    examples=(
        "vcli pcd-anomaly --sample -o run                        # generates parts and finds their defects",
        "vcli pcd-anomaly synth parts --count 3 --suite rigid --points 30000",
        "vcli pcd-anomaly run parts -o run                       # train, score and measure a data set",
        "vcli pcd-anomaly train parts -o model",
        "vcli pcd-anomaly predict model scans/*.ply -o out --save scores,ply,regions,png",
    ),
    default_verb="run",
)
