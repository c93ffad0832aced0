"""``vcli rppg-adapt``: the verbs."""

from __future__ import annotations

from vision_cli.core.commands import VerbApp
from vision_cli.rppg_adapt.data_cli import PREPROCESS_EXAMPLES, SYNTH_EXAMPLES, preprocess, synth
from vision_cli.rppg_adapt.evaluation_cli import (
    EVALUATE_EXAMPLES,
    INFO_EXAMPLES,
    PLOT_EXAMPLES,
    evaluate,
    info,
    plot,
)
from vision_cli.rppg_adapt.predict_cli import PREDICT_EXAMPLES, predict
from vision_cli.rppg_adapt.training_cli import ADAPT_EXAMPLES, TRAIN_EXAMPLES, adapt, train

app = VerbApp(
    help="Measure the pulse from a video of a face, and adapt to a new camera without labels "
    "(SFDA-rPPG, arXiv:2409.12040).",
    examples=(
        *PREDICT_EXAMPLES[:3],
        PREPROCESS_EXAMPLES[0],
        TRAIN_EXAMPLES[0],
        ADAPT_EXAMPLES[0],
        EVALUATE_EXAMPLES[0],
    ),
    default_verb="predict",
)
app.verb("predict", examples=PREDICT_EXAMPLES)(predict)
app.verb("preprocess", examples=PREPROCESS_EXAMPLES)(preprocess)
app.verb("train", examples=TRAIN_EXAMPLES)(train)
app.verb("adapt", examples=ADAPT_EXAMPLES)(adapt)
app.verb("evaluate", examples=EVALUATE_EXAMPLES)(evaluate)
app.verb("synth", examples=SYNTH_EXAMPLES)(synth)
app.verb("plot", examples=PLOT_EXAMPLES)(plot)
app.verb("info", examples=INFO_EXAMPLES)(info)
