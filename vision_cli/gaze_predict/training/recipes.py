"""Schedules of training: AdamW with a cosine, slower for pretrained encoders."""

from __future__ import annotations

from vision_cli.core.compute.devices import Precision
from vision_cli.core.compute.training import Schedule
from vision_cli.gaze_predict.networks.building import PRETRAINED_RATES

PRETRAINED_RATE = 1e-4
"""Learning rate beside pretrained encoders, which have a tenth of it."""

SCRATCH_RATE = 5e-4
"""Learning rate of the small network, which starts from random numbers."""

_VALIDATIONS = 20


def make_schedule(
    steps: int,
    batch_size: int,
    *,
    is_pretrained: bool,
    learning_rate: float | None = None,
    warm_up: int | None = None,
    precision: Precision = "float32",
    seed: int = 0,
) -> Schedule:
    """Return a schedule: AdamW, weight decay 0.01, warm-up and cosine, gradients of norm 1 at most, best NSS kept.

    Parameters
    ----------
    steps
        Of the optimiser.
    batch_size
        Films a step.
    is_pretrained
        Whether the encoders are pretrained: they learn at a tenth of the rate.
    learning_rate
        None for `PRETRAINED_RATE` or `SCRATCH_RATE`.
    warm_up
        Steps, such as those of an epoch; None for one in forty.
    precision, seed
        See `Schedule`.
    """
    rate = PRETRAINED_RATE if is_pretrained else SCRATCH_RATE
    return Schedule(
        steps=steps,
        batch_size=batch_size,
        learning_rate=rate if learning_rate is None else learning_rate,
        decay=True,
        warm_up=max(1, steps // 40) if warm_up is None else warm_up,
        clip_norm=1.0,
        weight_decay=0.01,
        validate_every=max(1, steps // _VALIDATIONS),
        save_every=max(1, min(100, steps // _VALIDATIONS)),
        monitor="nss",
        patience=2,
        precision=precision,
        seed=seed,
        rate_factors=PRETRAINED_RATES if is_pretrained else {},
    )
