"""The app of ``vcli register``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

EXAMPLES = (
    "vcli register --sample                                   # the bundled pair",
    "vcli register fixed.nii.gz moving.nii.gz -o out",
    "vcli register f.nii.gz m.nii.gz --fixed-label fl.nii.gz --moving-label ml.nii.gz -o out",
    "vcli register batch pairs.csv -o runs --shard auto --resume",
    "vcli register apply -i other.nii.gz -r fixed.nii.gz -t out/1Warp.nii.gz -t out/0GenericAffine.mat -o w.nii.gz",
)
app = VerbApp(
    help="Align one medical image with another, 2D or 3D (WiNet, arXiv:2407.13426).",
    examples=EXAMPLES,
    default_verb="pair",
)
