"""``vcli rppg-adapt synth``: generate videos with a known pulse."""

from __future__ import annotations

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, verb
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import Synthesis

EXAMPLES = (
    "vcli rppg-adapt synth -n 8 --preset hard -o generated",
    "vcli rppg-adapt preprocess generated/manifest.csv --layout manifest -o cache",
)


@verb(
    app,
    "synth",
    RUN,
    SHARD,
    ("seed",),
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.rppg_adapt.runs.synth:write_manifest",
)
def synth(call: Call, synthesis: Synthesis) -> None:
    """Generate videos of faces with a known pulse."""
    from vision_cli.rppg_adapt.runs.synth import make_videos

    call.run(lambda run: make_videos(run, synthesis, call.seed, call.output), says="videos in")
