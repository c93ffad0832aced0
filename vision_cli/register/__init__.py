"""``vcli register``: image registration through wavelet coefficients of the deformation (WiNet, arXiv:2407.13426)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vision_cli.register.options.registration import RegistrationOptions
    from vision_cli.register.pipeline.python import register, warp
    from vision_cli.register.pipeline.result import Registration

__all__ = ["Registration", "RegistrationOptions", "register", "warp"]

__getattr__ = lazy_names(
    __name__,
    {
        "Registration": "pipeline.result",
        "RegistrationOptions": "options.registration",
        "register": "pipeline.python",
        "warp": "pipeline.python",
    },
)
