"""The app of ``vcli enhance-eval``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Measure what low-light enhancement does to human eyes and to machine vision (arXiv:2409.14461).",
    examples=(
        "vcli enhance-eval --sample                              # 24 generated scenes, with nothing to give",
        "vcli enhance-eval run -o out                            # 120 of them",
        "vcli enhance-eval photos/ --methods all -o out",
        "vcli enhance-eval LOL/ --methods default,dir:mine -o out",
        "vcli enhance-eval enhance dark.jpg --methods lime -o out",
        "vcli enhance-eval list methods",
    ),
    default_verb="run",
)
