"""The app of ``vcli enhance-eval``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Measure what low-light enhancement does to recognition (arXiv:2409.14461).",
    examples=("vcli enhance-eval train detector -o run      # the weights that are shipped, made again",),
)
