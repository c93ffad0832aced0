"""The app of ``vcli synth-faces``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Generate labelled faces with given expressions and action units (arXiv:2410.09865).",
    examples=(
        "vcli synth-faces --sample                                       # eight expressions of six people",
        "vcli synth-faces generate -n 2000 --labels basic7 --size 64 -o faces",
        "vcli synth-faces train-fer faces -o recogniser                  # no real face takes part",
        "vcli synth-faces evaluate photos/ --judge recogniser/weights.safetensors -o out",
        "vcli synth-faces export faces --to rafdb -o as-rafdb",
    ),
    default_verb="generate",
)
