"""Controls that see the reference: what a perfect exposure, or a perfect enhancer, would reach."""

from __future__ import annotations

from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.luma import luma32
from vision_cli.io.pictures.srgb import decode_srgb, encode_srgb

_STEPS = 40
_MOST_STOPS = 24.0


def oracle_exposure(picture: Picture, reference: Picture | None) -> Picture:
    """Multiply the light by the one gain that gives the picture the reference's mean luma.

    Raises
    ------
    UsageError
        If there is no reference.
    """
    wanted = float(luma32(_required("oracle-exposure", reference)).mean())
    light = decode_srgb(picture)
    low, high = -_MOST_STOPS, _MOST_STOPS
    for _ in range(_STEPS):
        stops = (low + high) / 2
        if float(luma32(encode_srgb(light * 2.0**stops)).mean()) < wanted:
            low = stops
        else:
            high = stops
    return encode_srgb(light * 2.0 ** ((low + high) / 2))


def reference_itself(picture: Picture, reference: Picture | None) -> Picture:
    """Return the reference: the upper bound of every measure.

    Raises
    ------
    UsageError
        If there is none.
    """
    return _required("reference", reference).copy()


def _required(name: str, reference: Picture | None) -> Picture:
    if reference is None:
        raise UsageError(
            f"{name}: the picture has no reference; this control needs one.",
            hint="Use a data set of pairs, or leave the control out.",
        )
    return reference
