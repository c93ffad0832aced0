"""The one place where a method is called on a picture and its result is checked."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from vision_cli.core.errors import NumericalError, VcliError
from vision_cli.enhance_eval.values import Method, Picture

_ROUNDING = 1e-3
"""A quarter of a grey level outside [0, 1] is rounding; more is another scale."""


@runtime_checkable
class Named(Protocol):
    """A method that needs the name of the picture, as a folder of ready ones does."""

    def of(self, name: str) -> Method:
        """Return the method for one picture."""
        ...


def enhance_checked(method: Method, picture: Picture, *, name: str, reference: Picture | None = None) -> Picture:
    """Return what a method makes of a picture, if it is a picture.

    Parameters
    ----------
    method
        As `building.build_method` made it.
    picture
        ``(H, W, 3)`` float32 in [0, 1].
    name
        Of the sample, for methods that look pictures up and for messages.
    reference
        For the controls that see it.

    Raises
    ------
    NumericalError
        If the result holds NaN or infinity, has another shape or type, or is out of range.
    VcliError
        Of the method itself.
    """
    one = method.of(name) if isinstance(method, Named) else method
    try:
        result = one.enhance(picture, reference=reference)
    except VcliError:
        raise
    except MemoryError:
        raise
    # A method of the user's may raise anything; the picture fails for that method, and the run goes on.
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        raise NumericalError(f"{name}: {method.name}: failed ({reason[:300]}).") from error
    return check_output(result, picture, where=f"{name}: {method.name}")


def check_output(result: object, picture: Picture, *, where: str) -> Picture:
    """Return a result as a picture: contiguous float32 within [0, 1].

    Raises
    ------
    NumericalError
        If it is none; the message names what was found.
    """
    if not isinstance(result, np.ndarray):
        raise NumericalError(f"{where}: returned {type(result).__name__}; an array expected.")
    if result.shape != picture.shape:
        raise NumericalError(f"{where}: returned shape {result.shape}; {picture.shape} expected.")
    if result.dtype.kind != "f":
        raise NumericalError(
            f"{where}: returned {result.dtype}; floating-point values in [0, 1] expected.",
            hint="Divide 8-bit values by 255.",
        )
    # Adding all up is one pass without a mask, and any NaN or infinity stays in the sum.
    if not np.isfinite(result.sum(dtype=np.float64)):
        bad = int(result.size - np.isfinite(result).sum())
        raise NumericalError(f"{where}: returned {bad} values of NaN or infinity; finite values expected.")
    low, high = float(result.min()), float(result.max())
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise NumericalError(
            f"{where}: returned values from {low:.4g} to {high:.4g}; values in [0, 1] expected.",
            hint="Scale or clip the output of the method.",
        )
    inside = result if low >= 0 and high <= 1 else np.clip(result, 0, 1)
    return np.ascontiguousarray(inside, dtype=np.float32)
