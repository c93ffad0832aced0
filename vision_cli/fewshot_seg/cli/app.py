"""The app of ``vcli fewshot-seg``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Segment a new class from one to five annotated pictures, in any domain (arXiv:2409.05393).",
    examples=(
        "vcli fewshot-seg --sample                                          # generated pictures, with nothing to give",
        "vcli fewshot-seg predict --support a.jpg:a.png --query photos/ -o out",
        "vcli fewshot-seg adapt --support a.jpg:a.png --support b.jpg:b.png -o task",
        "vcli fewshot-seg predict --task task/class.task --query 'scans/*.tif' -o out",
        "vcli fewshot-seg evaluate FSS-1000/ --methods tap,rf -o out",
    ),
    default_verb="predict",
)
