"""Names that options and networks share: spaces, pools, methods, layouts. Imports no heavy library."""

from __future__ import annotations

from typing import Literal

SPACE_NAMES = (
    "bspline",
    "rbf",
    "fastrbf",
    "rswaf",
    "cheby",
    "gram",
    "jacobi",
    "wavelet",
    "relu",
    "fourier",
    "morlet",
    "dog",
    "shannon",
)
"""Activation spaces; their functions are in `vision_cli.kan_fit.networks.spaces`."""

PAPER_POOL = ("bspline", "rbf", "fastrbf", "rswaf", "cheby", "gram", "jacobi", "wavelet", "relu")
DEFAULT_POOL = ("bspline", "cheby", "fourier", "wavelet")

SelectLevel = Literal["node", "edge", "layer"]
Select = Literal["validated", "gate", "none"]
Method = Literal["auto", "lm", "lbfgs", "adamw"]
Continuation = Literal["hold", "linear"]
"""How functions go on outside the observed range of their node: constant, or along the slope at its end."""

Outside = Literal["auto", "hold", "linear", "refuse"]
"""What a model does outside the training range; ``auto`` chooses a continuation by validation."""

Architecture = Literal["conv", "dense", "cnn"]
Augmentation = Literal["none", "shift", "basic"]
AugmentationChoice = Literal["auto", "none", "shift", "basic"]
"""An augmentation, or ``auto``, which chooses one by validation."""

ImageLayout = Literal["auto", "folders", "idx", "npz", "cifar", "cifar-binary", "csv"]
PictureFormat = Literal["svg", "png"]

EXPORTS = ("onnx", "pt2", "sympy", "latex", "python")
BASELINES = ("pykan", "efficient-kan", "mlp", "lightgbm", "gplearn", "ridge")
