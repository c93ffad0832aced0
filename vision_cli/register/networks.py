"""WiNet: a convolutional network that predicts the wavelet coefficients of a displacement or velocity field.

Jia et al., "WiNet: Wavelet-based Incremental Learning for Efficient Medical Image Registration", MICCAI 2024
(arXiv:2407.13426), section 2. Names follow the paper: the encoder works on the images' wavelet bands, Conv-0 to Conv-2
predict coefficients at 1/8, 1/4 and 1/2 of the resolution, refinement blocks (RB) mend the detail bands from one scale
to the next, and parameter-free inverse transforms assemble the field.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pywt
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.core.errors import InputError
from vision_cli.register.wavelets import apply_per_axis

Variant = Literal["displacement", "diffeo"]

STRIDE = 16
"""The sides of the images must be multiples of this."""

_ARCHITECTURE = "WiNet"
_DESCRIPTION = "network"
_MODE = "periodization"
_SLOPE = 0.01
_FIRST_SPREAD = 1e-5
_FIRST_HEAD_SPREAD = 1e-3


@lru_cache(maxsize=128)
def periodic_analysis(length: int, wavelet: str) -> NDArray[np.float64]:
    """One-level DWT of ``length`` samples that go on periodically, as a matrix ``(2 ceil(length / 2), length)``.

    Approximation rows first, then detail rows. Periodic, because only then a band has half the samples for any filter,
    which the strides of the network need; for Haar and even lengths every border rule is the same.
    """
    bands = [pywt.dwt(row, wavelet, _MODE) for row in np.eye(length)]
    return np.asarray([np.concatenate(pair) for pair in bands], dtype=np.float64).T


@lru_cache(maxsize=128)
def periodic_synthesis(length: int, wavelet: str) -> NDArray[np.float64]:
    """Inverse of :func:`periodic_analysis`, ``(length, 2 ceil(length / 2))``."""
    n = -(-length // 2)
    unit, zero = np.eye(n), np.zeros(n)
    low = [pywt.idwt(row, zero, wavelet, _MODE)[:length] for row in unit]
    high = [pywt.idwt(zero, row, wavelet, _MODE)[:length] for row in unit]
    return np.asarray(low + high, dtype=np.float64).T


class DWT(nn.Module):
    """One-level discrete wavelet transform of every channel.

    Parameters
    ----------
    wavelet
        PyWavelets name.
    """

    def __init__(self, wavelet: str) -> None:
        super().__init__()
        self.wavelet = wavelet

    def forward(self, image: Tensor) -> Tensor:
        """Split ``(B, C, *S)`` into bands, ``(B, C 2^D, *ceil(S / 2))``.

        Channels run band by band within a channel; bands as LLL, LLH, LHL, ..., HHH, the first letter for the first
        axis.
        """
        dim = image.ndim - 2
        matrices = [_tensor(periodic_analysis(n, self.wavelet), image) for n in image.shape[2:]]
        both = _transform(image, matrices)
        halves = [n // 2 for n in both.shape[2:]]
        split = both.reshape(*image.shape[:2], *itertools.chain(*((2, n) for n in halves)))
        order = [0, 1, *(2 + 2 * axis for axis in range(dim)), *(3 + 2 * axis for axis in range(dim))]
        return split.permute(order).reshape(image.shape[0], -1, *halves)


class IDWT(nn.Module):
    """Inverse of :class:`DWT`.

    Parameters
    ----------
    wavelet
        PyWavelets name.
    """

    def __init__(self, wavelet: str) -> None:
        super().__init__()
        self.wavelet = wavelet

    def forward(self, bands: Tensor, shape: Sequence[int] | None = None) -> Tensor:
        """Join ``(B, C 2^D, *S)``, band by band within a channel, to ``(B, C, *shape)``; by default twice ``S``."""
        dim = bands.ndim - 2
        halves = bands.shape[2:]
        split = bands.reshape(bands.shape[0], -1, *[2] * dim, *halves)
        order = [0, 1, *itertools.chain(*((2 + axis, 2 + dim + axis) for axis in range(dim)))]
        both = split.permute(order).reshape(*split.shape[:2], *(2 * n for n in halves))
        target = [2 * n for n in halves] if shape is None else list(shape)
        return _transform(both, [_tensor(periodic_synthesis(n, self.wavelet), bands) for n in target])


class RefinementBlock(nn.Module):
    """Refinement block (RB): detail bands of a scale from its own prediction and the enlarged bands of the coarser one.

    Parameters
    ----------
    dim
        2 or 3.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.bands = 2**dim - 1
        conv = _conv(dim)
        self.mix = conv(2 * dim * self.bands, 2 * dim * self.bands, 3, padding=1, groups=self.bands)
        self.merge = conv(2 * dim * self.bands, dim * self.bands, 3, padding=1, groups=self.bands)

    def forward(self, coarse: Tensor, own: Tensor) -> Tensor:
        """Refine ``own`` ``(B, bands D, *2S)`` with ``coarse`` ``(B, bands D, *S)``; channels run band by band."""
        mode = "trilinear" if self.dim == 3 else "bilinear"
        enlarged = functional.interpolate(coarse, size=own.shape[2:], mode=mode, align_corners=True)
        size = own.shape[2:]
        pair = [part.reshape(len(own), self.bands, self.dim, *size) for part in (enlarged, own)]
        joined = torch.cat(pair, 2).reshape(len(own), -1, *size)
        result: Tensor = self.merge(functional.leaky_relu(self.mix(joined), _SLOPE))
        return result


@dataclass(frozen=True)
class Prediction:
    """What WiNet predicts for a batch of pairs.

    Attributes
    ----------
    field
        ``(B, D, *S)``, the displacement or velocity in units of half the image, component ``c`` along axis ``c``: a
        value of 2 spans the image from the first to the last voxel centre.
    coefficients
        Predicted coefficients at 1/8, 1/4 and 1/2 of the resolution; channels run component by component within a band.
    """

    field: Tensor
    coefficients: tuple[Tensor, Tensor, Tensor]

    def in_voxels(self, reference: Sequence[int] | None = None) -> Tensor:
        """Return the field in voxels, ``(B, D, *S)``.

        Parameters
        ----------
        reference
            Shape whose halves are the units, for images of another size than the network was trained on: what it has
            learned of a shift in voxels holds at any size, what it has learned of units does not. None for ``S``.
        """
        half = [0.5 * (n - 1) for n in reference or self.field.shape[2:]]
        return self.field * self.field.new_tensor(half).view(1, -1, *[1] * len(half))


class WiNet(nn.Module):
    """WiNet in 2D or 3D (arXiv:2407.13426, figure 1); 1,418,573 parameters in 3D at start width 8.

    Parameters
    ----------
    dim
        2 or 3.
    width
        Start width: the encoder has 4, 4, 8 and 8 times as many channels.
    wavelet
        PyWavelets name; the paper has Haar for brains and db4 for hearts.
    variant
        What the field is; the network is the same.
    refine
        Have the refinement blocks (an ablation leaves them out).
    smooth
        Have the convolutions C1 to C3 after the inverse transforms (an ablation leaves them out).
    scales
        At how many of the three scales coefficients are predicted, the coarsest first; details of others are zero.
    longest_side
        Voxels along the longest side of the images that it is trained on, and best used with.
    reference
        Shape whose halves are the units of what it predicts, see :meth:`Prediction.in_voxels`.

    Raises
    ------
    InputError
        If there is no such wavelet, variant or number of axes.
    """

    def __init__(
        self,
        dim: int = 3,
        width: int = 8,
        wavelet: str = "haar",
        variant: Variant = "diffeo",
        *,
        refine: bool = True,
        smooth: bool = True,
        scales: int = 3,
        longest_side: int = 64,
        reference: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if scales not in (1, 2, 3):
            raise InputError(f"{scales} scales found; 1, 2 or 3 expected.")
        if dim not in (2, 3) or variant not in get_args(Variant) or wavelet not in pywt.wavelist(kind="discrete"):
            raise InputError(f"a {variant} network of {dim} axes with wavelet {wavelet} found; none such is known.")
        self.dim, self.width, self.wavelet, self.variant = dim, width, wavelet, variant
        self.refine, self.smooth, self.scales, self.longest_side = refine, smooth, scales, longest_side
        self.reference = None if reference is None else tuple(reference)
        bands = 2**dim
        narrow, wide = 4 * width, 8 * width
        conv = _conv(dim)
        self.dwt, self.idwt = DWT(wavelet), IDWT(wavelet)
        self.enc1 = _block(dim, 2 * bands, narrow, norm=True)
        self.enc2 = _block(dim, narrow, narrow, stride=2)
        self.enc3 = _block(dim, narrow, wide, stride=2)
        self.enc4 = _block(dim, wide, wide, stride=2)
        self.up1, self.dec1 = _enlarge(dim, wide), _block(dim, 2 * wide, wide)
        self.up2, self.dec2 = _enlarge(dim, wide), _block(dim, wide + narrow, wide)
        self.up3, self.dec3 = _enlarge(dim, wide), _block(dim, wide + narrow, narrow)
        self.conv0 = conv(wide, bands * dim, 3, padding=1, bias=False)
        self.conv1 = conv(wide, (bands - 1) * dim, 3, padding=1, bias=False)
        self.conv2 = conv(narrow, (bands - 1) * dim, 3, padding=1, bias=False)
        if refine:
            self.rb1, self.rb2 = RefinementBlock(dim), RefinementBlock(dim)
        if smooth:
            self.c1, self.c2, self.c3 = (conv(dim, dim, 3, padding=1, groups=dim, bias=False) for _ in range(3))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
                # torch's own start shrinks the signal to a third a layer: what the deepest ones see is their biases.
                nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for head in (self.conv0, self.conv1, self.conv2):
            # The first field is nearly zero, so that training starts at the affine.
            nn.init.normal_(head.weight, std=_FIRST_HEAD_SPREAD)
        if refine:
            for block in (self.rb1, self.rb2):
                nn.init.normal_(block.merge.weight, std=_FIRST_SPREAD)
        if smooth:
            for filtering in (self.c1, self.c2, self.c3):
                nn.init.constant_(filtering.weight, 3.0**-dim)

    @property
    def description(self) -> dict[str, str]:
        """What a weight file says about the network that it belongs to, for :func:`load_network`.

        One entry, since safetensors writes several in another order every time.
        """
        about = {
            "architecture": _ARCHITECTURE,
            "dim": self.dim,
            "width": self.width,
            "wavelet": self.wavelet,
            "variant": self.variant,
            "refine": self.refine,
            "smooth": self.smooth,
            "scales": self.scales,
            "longest_side": self.longest_side,
            "reference": self.reference,
        }
        return {_DESCRIPTION: json.dumps(about)}

    def forward(self, moving: Tensor, fixed: Tensor) -> Prediction:
        """Predict the field that takes fixed points to moving points.

        Parameters
        ----------
        moving, fixed
            ``(B, 1, *S)`` intensities in [0, 1] on one grid, with sides that are multiples of 16.

        Raises
        ------
        InputError
            If a side is not a multiple of 16, or the images have another number of axes.
        """
        shape = tuple(fixed.shape[2:])
        if len(shape) != self.dim or moving.shape != fixed.shape or any(n % STRIDE for n in shape):
            raise InputError(
                f"images of {tuple(moving.shape[2:])} and {shape} voxels found; the same, {self.dim}D and multiples of "
                f"{STRIDE} expected.",
                hint="Pad the images.",
            )
        half = self.enc1(torch.cat([self.dwt(moving), self.dwt(fixed)], 1))
        quarter = self.enc2(half)
        eighth = self.enc3(quarter)
        deep = self.dec1(torch.cat([self.up1(self.enc4(eighth)), eighth], 1))
        w8 = self.conv0(deep)
        deep = self.dec2(torch.cat([self.up2(deep), quarter], 1))
        w4 = self.conv1(deep)
        w2 = self.conv2(self.dec3(torch.cat([self.up3(deep), half], 1)))
        w4, w2 = w4 * float(self.scales > 1), w2 * float(self.scales > 2)

        low, details = w8[:, : self.dim], w8[:, self.dim :]
        x4 = self._assembled(low, details, 1)
        x2 = self._assembled(x4, self.rb1(details, w4) if self.refine else w4, 2)
        field = self._assembled(x2, self.rb2(w4, w2) if self.refine else w2, 3)
        return Prediction(field, (w8, w4, w2))

    def _assembled(self, low: Tensor, details: Tensor, number: int) -> Tensor:
        """Inverse transform of an approximation ``(B, D, *S)`` and details ``(B, bands D, *S)``, then C1, C2 or C3."""
        bands = torch.cat([low, details], 1).reshape(len(low), -1, self.dim, *low.shape[2:])
        joined: Tensor = self.idwt(bands.transpose(1, 2).flatten(1, 2))
        return self.get_submodule(f"c{number}")(joined) if self.smooth else joined


def load_network(path: Path) -> WiNet:
    """Build the network that a safetensors file describes and load its weights, as float32, ready to predict.

    Raises
    ------
    InputError
        If the file holds something else, or tensors of other shapes.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            about = json.loads((stored.metadata() or {}).get(_DESCRIPTION, "{}"))
            tensors = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error}).") from error
    architecture = about.pop("architecture", "an unnamed network") if isinstance(about, dict) else "an unnamed network"
    if architecture != _ARCHITECTURE:
        raise InputError(
            f"{path}: weights of {architecture} found; of {_ARCHITECTURE} expected.",
            hint="Give a file that `vcli register train` wrote.",
        )
    try:
        # Without memory of its own, so that a wrong width costs nothing.
        with torch.device("meta"):
            network = WiNet(**about)
        network.load_state_dict(tensors, assign=True)
    except (TypeError, KeyError, ValueError, RuntimeError, InputError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: not the weights that it says it holds ({reason}).") from error
    return network.eval()


def _conv(dim: int) -> type[nn.Conv2d | nn.Conv3d]:
    return nn.Conv3d if dim == 3 else nn.Conv2d


def _block(dim: int, channels: int, out: int, *, stride: int = 1, norm: bool = False) -> nn.Sequential:
    """Two convolutions with leaky ReLU, the first one strided."""
    layers: list[nn.Module] = []
    for inputs, step in ((channels, stride), (out, 1)):
        layers.append(_conv(dim)(inputs, out, 3, stride=step, padding=1))
        if norm:
            layers.append((nn.InstanceNorm3d if dim == 3 else nn.InstanceNorm2d)(out))
        layers.append(nn.LeakyReLU(_SLOPE))
    return nn.Sequential(*layers)


def _enlarge(dim: int, channels: int) -> nn.Sequential:
    deconv = nn.ConvTranspose3d if dim == 3 else nn.ConvTranspose2d
    return nn.Sequential(deconv(channels, channels, 2, stride=2), nn.LeakyReLU(_SLOPE))


def _transform(image: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    flat = apply_per_axis(tuple(matrices), image.reshape(-1, *image.shape[2:]))
    return flat.reshape(*image.shape[:2], *flat.shape[1:])


def _tensor(matrix: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.as_tensor(matrix, dtype=like.dtype, device=like.device)
