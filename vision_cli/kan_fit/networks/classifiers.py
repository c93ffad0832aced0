"""Image classifiers: S-ConvKAN, dense S-KAN, and an ordinary CNN of the same shape as a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.names import Architecture, SelectLevel
from vision_cli.kan_fit.networks.conv import Norm, SKANConv2d
from vision_cli.kan_fit.networks.dense import SKANLayer
from vision_cli.kan_fit.networks.expansion import Expansion, LayerPlan

_KERNEL = 3
_REACH = 2.5
_LAST_SIDE = 2


@dataclass(frozen=True)
class ClassifierPlan:
    """Architecture of a classifier.

    Attributes
    ----------
    arch
        ``conv``: 3 x 3 S-ConvKAN convolutions with 2 x 2 max pooling between them, average pooling to 2 x 2, and an
        S-ConvKAN convolution to the classes. ``dense``: S-KAN of the pixels. ``cnn``: as ``conv``, with ordinary
        convolutions, batch normalisation and ReLU, and a linear map to the classes.
    image
        Channels, height and width of the images.
    classes
        Number of classes.
    hidden
        Output channels of each convolution, or widths of the hidden layers.
    modes
        Spaces of each node of each S-KAN layer; empty for ``cnn``.
    grid, level
        As of :class:`vision_cli.kan_fit.networks.expansion.LayerPlan`.
    """

    arch: Architecture
    image: tuple[int, int, int]
    classes: int
    hidden: tuple[int, ...]
    modes: tuple[tuple[tuple[str, ...], ...], ...]
    grid: int = 5
    level: SelectLevel = "node"

    @property
    def nodes(self) -> tuple[int, ...]:
        """Number of input nodes of each S-KAN layer."""
        if self.arch == "dense":
            channels, height, width = self.image
            return (channels * height * width, *self.hidden)
        return (self.image[0], *self.hidden)

    @property
    def pool(self) -> tuple[str, ...]:
        """Names of all spaces that occur; ``cnn`` for a network without any."""
        names = (name for layer in self.modes for modes in layer for name in modes)
        return tuple(dict.fromkeys(names)) or ("cnn",)

    def layer(self, number: int) -> LayerPlan:
        """Return the architecture of an S-KAN layer."""
        outputs = (*self.hidden, self.classes)[number]
        return LayerPlan(self.modes[number], outputs, self.grid, self.level)


def plan_classifier(
    arch: Architecture,
    image: tuple[int, int, int],
    classes: int,
    hidden: Sequence[int],
    pool: Sequence[str],
    *,
    grid: int = 5,
    level: SelectLevel = "node",
) -> ClassifierPlan:
    """Return the architecture of a classifier in which every node has every space of a pool.

    Parameters
    ----------
    arch, image, classes, hidden, grid, level
        See `ClassifierPlan`.
    pool
        Names of spaces.

    Raises
    ------
    UsageError
        If the image is too small to be pooled that often.
    """
    if arch != "dense" and min(image[1:]) < 2 ** len(hidden):
        raise UsageError(
            f"{len(hidden)} convolutions on images of {image[2]} x {image[1]} pixels found; at most as many as "
            "halvings of the image expected.",
            hint="Give fewer --channels.",
        )
    plan = ClassifierPlan(arch, image, classes, tuple(hidden), (), grid, level)
    return plan if arch == "cnn" else replace(plan, modes=tuple((tuple(pool),) * nodes for nodes in plan.nodes))


class Classifier(nn.Module):
    """Image classifier.

    Parameters
    ----------
    plan
        Architecture.
    generator
        Of the initial weights; without one those of S-KAN layers are zero.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, plan: ClassifierPlan, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.plan = plan
        self.register_buffer("mean", torch.zeros(plan.image[0], 1, 1))
        self.register_buffer("scale", torch.ones(plan.image[0], 1, 1))
        self.body = nn.Sequential(
            *(_dense(plan, generator) if plan.arch == "dense" else _convolutional(plan, generator))
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits ``(B, classes)`` of images ``(B, channels, H, W)`` with values in [0, 1]."""
        logits: Tensor = self.body((images - self.mean) * self.scale)
        return logits

    def normalise(self, images: Tensor) -> None:
        """Set the input normalisation from the mean and standard deviation of images ``(B, channels, H, W)``."""
        values = images.transpose(0, 1).flatten(1)
        self.mean.copy_(values.mean(1)[:, None, None])
        self.scale.copy_(1 / (_REACH * values.std(1).clamp(min=1e-3))[:, None, None])

    def expansions(self) -> list[Expansion]:
        """Return the S-KAN layers, from the input on."""
        return [module for module in self.body if isinstance(module, Expansion)]

    def set_gates(self, *, tau: float, is_hard: bool) -> None:
        """Set the temperature of all gates, and whether they are hard in the forward pass."""
        for layer in self.expansions():
            layer.tau, layer.is_hard = tau, is_hard

    def parameter_count(self) -> int:
        """Return the number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


@torch.no_grad()
def select_modes(network: Classifier, modes: Sequence[Sequence[str]]) -> Classifier:
    """Return the network in which every node keeps one of its spaces, with the weights of its functions.

    Parameters
    ----------
    network
        The network, which is not changed.
    modes
        Space of each node, layer by layer.
    """
    plan = replace(network.plan, modes=tuple(tuple((name,) for name in layer) for layer in modes))
    made = Classifier(plan)
    kept = {name: value for name, value in network.state_dict().items() if not name.endswith(("logits", "weight"))}
    made.load_state_dict(kept, strict=False)
    for old, new in zip(network.body, made.body, strict=True):
        if isinstance(old, nn.Linear) and isinstance(new, nn.Linear):
            new.weight.copy_(old.weight)
        elif isinstance(old, SKANConv2d | SKANLayer) and isinstance(new, SKANConv2d | SKANLayer):
            columns = old.columns_of([modes_of_node[0] for modes_of_node in new.plan.modes])
            new.weight.copy_(old.effective_weight()[columns])
    return made


def _convolutional(plan: ClassifierPlan, generator: torch.Generator | None) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for number, channels in enumerate(plan.hidden):
        if number:
            modules.append(nn.MaxPool2d(2))
        if plan.arch == "conv":
            norm: Norm = "batch" if number else "none"
            made = SKANConv2d(plan.layer(number), _KERNEL, padding=1, norm=norm, generator=generator)
            modules.append(made)
        else:
            inputs = plan.hidden[number - 1] if number else plan.image[0]
            convolution = nn.Conv2d(inputs, channels, _KERNEL, padding=1, bias=False)
            _draw(convolution.weight, generator)
            modules += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
    modules.append(nn.AdaptiveAvgPool2d(_LAST_SIDE))
    if plan.arch == "conv":
        return [*modules, SKANConv2d(plan.layer(len(plan.hidden)), _LAST_SIDE, generator=generator), nn.Flatten()]
    head = nn.Linear(plan.hidden[-1] * _LAST_SIDE**2, plan.classes)
    _draw(head.weight, generator)
    nn.init.zeros_(head.bias)
    return [*modules, nn.Flatten(), head]


def _dense(plan: ClassifierPlan, generator: torch.Generator | None) -> list[nn.Module]:
    modules: list[nn.Module] = [nn.Flatten()]
    for number in range(len(plan.modes)):
        layer = SKANLayer(plan.layer(number), generator)
        if number:
            modules.append(nn.BatchNorm1d(layer.plan.inputs, affine=False))
            layer.scale.fill_(1 / _REACH)
        modules.append(layer)
    return modules


def _draw(weight: Tensor, generator: torch.Generator | None) -> None:
    """Initialise a weight by He's rule."""
    if generator is not None:
        with torch.no_grad():
            spread = (2 / weight[0].numel()) ** 0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
