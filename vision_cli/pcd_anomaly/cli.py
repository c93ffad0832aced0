"""``vcli pcd-anomaly``: the verbs."""

from __future__ import annotations

from vision_cli.core.commands import VerbApp
from vision_cli.pcd_anomaly.score_cli import (
    EVALUATE_EXAMPLES,
    MERGE_EXAMPLES,
    PREDICT_EXAMPLES,
    REGISTER_EXAMPLES,
    RUN_EXAMPLES,
    evaluate,
    merge,
    predict,
    register_verb,
    run_all,
)
from vision_cli.pcd_anomaly.train_cli import INFO_EXAMPLES, SYNTH_EXAMPLES, TRAIN_EXAMPLES, info, synth, train

app = VerbApp(
    help="Find defects in 3D scans of a part (Group3AD, arXiv:2408.04604).",
    examples=(RUN_EXAMPLES[0], SYNTH_EXAMPLES[0], RUN_EXAMPLES[1], TRAIN_EXAMPLES[0], PREDICT_EXAMPLES[0]),
    default_verb="run",
)
app.verb("run", examples=RUN_EXAMPLES)(run_all)
app.verb("synth", examples=SYNTH_EXAMPLES)(synth)
app.verb("train", examples=TRAIN_EXAMPLES)(train)
app.verb("predict", examples=PREDICT_EXAMPLES)(predict)
app.verb("evaluate", examples=EVALUATE_EXAMPLES)(evaluate)
app.verb("merge", examples=MERGE_EXAMPLES)(merge)
app.verb("register", examples=REGISTER_EXAMPLES)(register_verb)
app.verb("info", examples=INFO_EXAMPLES)(info)
