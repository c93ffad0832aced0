"""``vcli gaze-predict synth``: generate readings in the layouts of public data sets."""

from __future__ import annotations

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, verb
from vision_cli.gaze_predict.cli.app import app
from vision_cli.gaze_predict.options import SynthesisOptions

EXAMPLES = (
    "vcli gaze-predict synth -n 200 -o generated",
    "vcli gaze-predict synth -n 500 --layout reflacx -o generated",
    "vcli gaze-predict train generated --steps 100 -o run",
)


@verb(
    app,
    "synth",
    RUN,
    SHARD,
    ("seed",),
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.gaze_predict.runs.synth:finish",
)
def synth(call: Call, *, options: SynthesisOptions) -> None:
    """Generate chest films with sentences and the gaze of a simulated reader."""
    from vision_cli.gaze_predict.runs.synth import make_readings

    call.run(lambda run: make_readings(run, options, call.seed, call.output), says="readings in")
