"""PairLIE: Retinex decomposition learned from pairs of low-light pictures (Fu et al., CVPR 2023).

A first network removes what is no use to the decomposition, two more give illumination ``L`` and reflectance ``R`` of
its result; the enhanced picture is ``L ** exponent * R`` (Sec. 3.3; 0.2, and 0.14 for LOL, in the authors' program).
"""

from __future__ import annotations

from torch import Tensor, nn


def _layers(outs: int, width: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for ins, channels in ((3, width), (width, width), (width, width), (width, width), (width, outs)):
        modules += [nn.ReflectionPad2d(1), nn.Conv2d(ins, channels, 3), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


class _Illumination(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.L_net = _layers(1, width)

    def forward(self, picture: Tensor) -> Tensor:
        illumination: Tensor = self.L_net(picture).sigmoid()
        return illumination


class _Reflectance(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.R_net = _layers(3, width)

    def forward(self, picture: Tensor) -> Tensor:
        reflectance: Tensor = self.R_net(picture).sigmoid()
        return reflectance


class _Projection(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.N_net = _layers(3, width)

    def forward(self, picture: Tensor) -> Tensor:
        projected: Tensor = self.N_net(picture).sigmoid()
        return projected


class PairLIE(nn.Module):
    """Projection, illumination and reflectance, under the names of the official checkpoint.

    Parameters
    ----------
    width
        Channels of the hidden layers.
    exponent
        Of the illumination; smaller is brighter.
    """

    def __init__(self, width: int = 64, exponent: float = 0.2) -> None:
        super().__init__()
        self.exponent = exponent
        self.L_net = _Illumination(width)
        self.R_net = _Reflectance(width)
        self.N_net = _Projection(width)

    def decompose(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return illumination ``(B, 1, H, W)`` and reflectance ``(B, 3, H, W)``, both within (0, 1)."""
        projected = self.N_net(picture)
        return self.L_net(projected), self.R_net(projected)

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture, ``(B, 3, H, W)``; height and width are at least 2 for the reflected border."""
        illumination, reflectance = self.decompose(picture)
        return illumination**self.exponent * reflectance


def pairlie(exponent: float = 0.2) -> PairLIE:
    """Return the published network, 341,767 parameters."""
    return PairLIE(exponent=exponent)
