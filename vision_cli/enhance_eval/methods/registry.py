"""The table of methods: functions, the ranges of their parameters, what they are, and where they come from.

Defaults are those of the functions' signatures. Learned methods are in `learned.ARCHITECTURES`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from vision_cli.enhance_eval.methods.classical.controls import oracle_exposure, reference_itself
from vision_cli.enhance_eval.methods.classical.dehazing import dong
from vision_cli.enhance_eval.methods.classical.fusion import bimef, mertens
from vision_cli.enhance_eval.methods.classical.histograms import bpdhe, clahe, equalise
from vision_cli.enhance_eval.methods.classical.illumination import dual, lime, lime_fast
from vision_cli.enhance_eval.methods.classical.naturalness import npe
from vision_cli.enhance_eval.methods.classical.point_operations import auto_gamma, gain, gamma, log, none
from vision_cli.enhance_eval.methods.classical.retinex import msr, msrcr
from vision_cli.enhance_eval.methods.classical.variational import jed, srie
from vision_cli.enhance_eval.values import Picture

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Entry:
    """A classical method or a control.

    Attributes
    ----------
    function
        Takes the picture and the parameters by name; a control that sees the reference takes it second.
    summary
        One line for the list of methods.
    source
        Paper, or library.
    bounds
        Least and greatest value of each parameter.
    sees_reference
        Whether the function is given the reference.
    """

    function: Callable[..., Picture]
    summary: str
    source: str
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    sees_reference: bool = False

    @property
    def defaults(self) -> dict[str, int | float]:
        """Parameters by name with their defaults, in the order of the signature."""
        found: Mapping[str, Any] = inspect.signature(self.function).parameters
        return {name: one.default for name, one in found.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}


_WEIGHT, _EXPONENT, _SIGMA = (0.0, 100.0), (0.05, 20.0), (0.1, 100.0)
_CLIP = {"clip": (0.0, 49.0)}

CLASSICAL: Mapping[str, Entry] = MappingProxyType(
    {
        "none": Entry(none, "the picture as it is (control)", "-"),
        "gain": Entry(
            gain, "light multiplied until a percentile is white (control)", "-", {"percentile": (50.0, 100.0)}
        ),
        "gamma": Entry(gamma, "power law", "-", {"gamma": _EXPONENT}),
        "auto-gamma": Entry(auto_gamma, "power law to a mean luma", "-", {"target": (0.01, 0.99)}),
        "log": Entry(log, "logarithmic curve", "-", {"strength": (0.001, 1e6)}),
        "he": Entry(equalise, "histogram equalisation of V", "OpenCV"),
        "clahe": Entry(
            clahe,
            "contrast-limited adaptive histogram equalisation of V",
            "Zuiderveld 1994; OpenCV",
            {"clip": (0.01, 1000.0), "tiles": (1, 64)},
        ),
        "bpdhe": Entry(
            bpdhe, "brightness-preserving dynamic histogram equalisation", "Ibrahim and Kong 2007", {"sigma": _SIGMA}
        ),
        "msr": Entry(msr, "multi-scale retinex", "Jobson et al. 1997; Petro et al. 2014", _CLIP),
        "msrcr": Entry(
            msrcr, "multi-scale retinex with colour restoration", "Jobson et al. 1997; Petro et al. 2014", _CLIP
        ),
        "npe": Entry(npe, "naturalness-preserved enhancement", "Wang et al. 2013", {"radius": (1, 50)}),
        "lime": Entry(
            lime,
            "illumination map estimation, full weighted solve",
            "Guo et al. 2017",
            {"alpha": _WEIGHT, "gamma": (0.0, 2.0), "sigma": _SIGMA},
        ),
        "lime-fast": Entry(
            lime_fast,
            "illumination map by a guided filter",
            "Guo et al. 2017; He et al. 2013",
            {"gamma": (0.0, 2.0), "radius": (1, 500), "epsilon": (1e-8, 10.0)},
        ),
        "dual": Entry(
            dual,
            "dual illumination estimation",
            "Zhang et al. 2019",
            {"alpha": _WEIGHT, "gamma": (0.0, 2.0), "sigma": _SIGMA},
        ),
        "srie": Entry(
            srie,
            "weighted variational reflectance and illumination",
            "Fu et al. 2016",
            {"reflectance": _WEIGHT, "illumination": _WEIGHT, "gamma": _EXPONENT, "steps": (1, 50)},
        ),
        "jed": Entry(
            jed,
            "joint enhancement and denoising",
            "Ren et al. 2018",
            {
                "alpha": _WEIGHT,
                "beta": _WEIGHT,
                "omega": _WEIGHT,
                "gamma": _EXPONENT,
                "amplify": _WEIGHT,
                "sigma": (0.1, 255.0),
            },
        ),
        "dong": Entry(dong, "dehazing of the negative", "Dong et al. 2011", {"omega": (0.0, 1.0)}),
        "bimef": Entry(
            bimef,
            "bio-inspired multi-exposure fusion",
            "Ying et al. 2017",
            {"mu": (0.0, 10.0), "alpha": _WEIGHT, "sigma": _SIGMA},
        ),
        "mertens": Entry(mertens, "fusion of virtual exposures", "Mertens et al. 2007; OpenCV", {"stops": (1, 8)}),
        "oracle-exposure": Entry(
            oracle_exposure, "the one gain that meets the reference's mean luma (control)", "-", sees_reference=True
        ),
        "reference": Entry(
            reference_itself, "the reference itself (control: the upper bound)", "-", sees_reference=True
        ),
    }
)

DEFAULT_METHODS = (
    "none",
    "gain",
    "gamma",
    "he",
    "clahe",
    "msrcr",
    "npe",
    "lime",
    "bimef",
    "dong",
    "curve",
    "curve+nlm",
)

ALL_METHODS = (*(name for name, entry in CLASSICAL.items() if not entry.sees_reference), "curve", "curve+nlm")
"""What runs on any picture and needs neither a reference nor weights of others."""
