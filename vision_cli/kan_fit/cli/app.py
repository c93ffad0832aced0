"""The app of ``vcli kan-fit``; the other modules add their verbs to it."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Fit readable functions to data, and classify images (S-KAN, arXiv:2408.08338).",
    examples=(
        "vcli kan-fit --sample -o run                                  # the bundled table, the law of a thin lens",
        "vcli kan-fit fit table.csv --target strength -o run",
        "vcli kan-fit fit --expr 'exp(sin(pi*x)+y**2)' --range x=-1:1,y=-1:1 -o run",
        "vcli kan-fit classify images/ --resize 32 -o run              # a folder for each class",
        "vcli kan-fit predict run new.csv --interval 0.9 -o predicted",
        "vcli kan-fit predict classifier images/ -o predicted",
        "vcli kan-fit explain run --symbolic -o explained              # the formula, as text, LaTeX and Python",
    ),
    default_verb="fit",
)
