"""Steps and bars of the ablation."""

from __future__ import annotations

import math

from vision_cli.pcd_anomaly.evaluation.ablation import ABLATION_STEPS, ablation_bars, head_options
from vision_cli.pcd_anomaly.options import HeadOptions


def test_every_step_adds_one_loss_and_the_bars_hold_the_required_gains():
    heads = [head_options(HeadOptions(), name) for name in ABLATION_STEPS]
    assert heads[0].steps == 0
    assert [(head.iun, head.ian, head.push) for head in heads[1:]] == [
        (True, False, False),
        (True, True, False),
        (True, True, True),
        (True, True, True),
    ]
    numbers = dict(zip(ABLATION_STEPS, (0.70, 0.72, 0.70, 0.74, 0.75), strict=True))
    steps = {name: {"o_auroc": value, "aupro_small@0.3": math.nan} for name, value in numbers.items()}
    bars = ablation_bars(steps, {"o_auroc": 0.76, "aupro_small@0.3": 0.5})
    assert [bar.met for bar in bars] == [True, None, False]
